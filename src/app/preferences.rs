//! One's own preferences and time zone. Nobody sets those of another, an admin no more than a viewer.

use crate::app::{AppError, Write, change, users};
use crate::domain::actor::Actor;
use crate::domain::id::UserId;
use crate::domain::preferences::{HourCycle, Preferences, Theme};
use crate::domain::refusal::Refusal;
use crate::domain::user::User;
use crate::store::{Read, StoreError};

/// What somebody chose. The zone is kept with the user, for messages speak of it, too.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub theme: Theme,
    pub hours: HourCycle,
    pub keys: bool,
    pub zone: String,
}

/// What was chosen, or what holds for whoever never chose. A record that cannot be read costs its owner the colours and not
/// the sign-in.
pub fn of(read: &impl Read, user: UserId) -> Result<Preferences, AppError> {
    match read.get::<Preferences>(user) {
        Ok(kept) => Ok(kept.unwrap_or(Preferences::of(user))),
        Err(StoreError::Damaged(_)) => Ok(Preferences::of(user)),
        Err(failure) => Err(failure.into()),
    }
}

/// Moves with every change of either record, since both are set as one.
pub fn version(preferences: &Preferences, user: &User) -> u64 {
    preferences.version + user.version
}

/// Of whoever acts.
pub fn set(tx: &mut Write<'_>, actor: &Actor, wanted: &Wanted) -> Result<(), AppError> {
    let id = actor.user_id().ok_or_else(|| Refusal::forbidden("Only a person has preferences."))?;
    users::checked_zone(&wanted.zone)?;
    let (user, before) = (users::one(tx, id)?, of(tx, id)?);
    let (was, will_be) = (said(&before, &user.zone), said(&chosen(before, wanted), &wanted.zone));
    if was == will_be {
        return Ok(());
    }
    if matches!(tx.get::<Preferences>(id), Err(StoreError::Damaged(_))) {
        tx.discard::<Preferences>(id)?;
    }
    tx.put(&Preferences { version: before.version + 1, ..chosen(before, wanted) })?;
    if user.zone != wanted.zone {
        users::save(tx, &User { zone: wanted.zone.clone(), ..user.clone() })?;
    }
    change::audit_change(tx, actor, "user.preferences_set", id, format!("{}: {will_be}", user.name), was, will_be)
}

fn chosen(before: Preferences, wanted: &Wanted) -> Preferences {
    Preferences { theme: wanted.theme, hours: wanted.hours, keys: wanted.keys, ..before }
}

fn said(preferences: &Preferences, zone: &str) -> String {
    let keys = if preferences.keys { "keys" } else { "no keys" };
    format!("{} theme, {}, {keys}, {zone}", preferences.theme.word(), preferences.hours.word())
}
