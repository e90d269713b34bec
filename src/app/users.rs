//! Users: made with or without a login, reached by contact methods, deactivated and never deleted.

mod contacts;
mod rules;

pub use contacts::{
    CONTACTS, add_contact, enable_contact, last_told, prove_contact, readdress_contact, remove_contact, send_code,
    send_test,
};
pub use rules::{set_rules, set_rules_of};

use crate::app::error::taken;
use crate::app::{AppError, Write, apply, auth, change, invitations};
use crate::domain::access::Role;
use crate::domain::actor::{Actor, By};
use crate::domain::id::{SessionId, UserId};
use crate::domain::incident::{Incident, Status, concerns};
use crate::domain::refusal::{Refusal, checked_name};
use crate::domain::time::zone_named;
use crate::domain::timeline::{DeliveryNews, Happened};
use crate::domain::user::{Activity, ContactMethod, Login, Rules, User, checked_email, keeps_an_admin};
use crate::store::{Read, Take, deliveries, incidents, users};

pub fn all(read: &impl Read) -> Result<Vec<User>, AppError> {
    let mut all = users::users_all(read, super::MANY)?;
    all.sort_by_key(|user| user.name.to_lowercase());
    Ok(all)
}

pub fn one(read: &impl Read, id: UserId) -> Result<User, AppError> {
    Ok(read.get::<User>(id)?.ok_or_else(|| Refusal::not_found("user"))?)
}

/// As [`one`], for that person and for whoever may configure.
pub fn own(read: &impl Read, actor: &Actor, id: UserId) -> Result<User, AppError> {
    begin_own(actor, id)?;
    one(read, id)
}

/// Somebody who may be put where paging leads: a deactivated person is refused.
pub fn active(read: &impl Read, id: UserId) -> Result<User, AppError> {
    let user = one(read, id)?;
    user.require_active()?;
    Ok(user)
}

#[derive(Clone, Debug)]
pub struct NewUser {
    pub name: String,
    pub email: Option<String>,
    pub role: Role,
    pub zone: String,
    /// An Argon2id hash, made outside; `None` for somebody who is only paged.
    pub password_hash: Option<String>,
}

/// The mail address becomes the first contact method.
pub fn create(tx: &mut Write<'_>, actor: &Actor, new: &NewUser) -> Result<UserId, AppError> {
    change::begin(actor)?;
    let user = build(tx, new)?;
    save(tx, &user)?;
    let login = if user.login.is_some() { "with" } else { "without" };
    let summary = format!("{}, {}, {login} a login", user.name, user.role.word());
    change::audit(tx, actor, "user.created", user.id, summary)?;
    change::recheck(tx, actor)?;
    Ok(user.id)
}

/// Also for the first admin, whom nobody could create yet.
pub fn build(tx: &mut Write<'_>, new: &NewUser) -> Result<User, AppError> {
    let email = new.email.as_deref().filter(|email| !email.trim().is_empty()).map(checked_email).transpose()?;
    if new.password_hash.is_some() && email.is_none() {
        let sentence = "A login needs a mail address: people sign in with it.";
        return Err(Refusal::invalid("email_missing", "email", sentence).into());
    }
    checked_zone(&new.zone)?;
    let now = tx.now();
    let contacts = email.iter().map(|address| ContactMethod::email(tx.new_id(), address)).collect();
    Ok(User {
        id: tx.new_id(),
        name: checked_name(&new.name)?,
        email,
        role: new.role,
        login: new.password_hash.clone().map(|password_hash| Login { password_hash, changed_at: now }),
        zone: new.zone.clone(),
        activity: vec![Activity { from: now, to: None }],
        contacts,
        rules: Rules::default(),
        created_at: now,
        version: 0,
    })
}

pub fn checked_zone(zone: &str) -> Result<(), Refusal> {
    let sentence = || format!("{zone} is not a place. Choose one, such as America/New_York.");
    zone_named(zone).map(|_| ()).ok_or_else(|| Refusal::invalid("zone_unknown", "zone", sentence()))
}

/// What people decide about a user besides password and contact methods.
#[derive(Clone, Debug)]
pub struct Basics {
    pub name: String,
    pub email: Option<String>,
    pub role: Role,
    pub zone: String,
}

pub fn edit(tx: &mut Write<'_>, actor: &Actor, id: UserId, basics: &Basics) -> Result<(), AppError> {
    change::begin(actor)?;
    let before = one(tx, id)?;
    let mut user = before.clone();
    user.name = checked_name(&basics.name)?;
    user.email = basics.email.as_deref().filter(|email| !email.trim().is_empty()).map(checked_email).transpose()?;
    user.role = basics.role;
    checked_zone(&basics.zone)?;
    user.zone.clone_from(&basics.zone);
    if user.login.is_some() && user.email.is_none() {
        let sentence = "This user signs in with the mail address, so it cannot be empty.";
        return Err(Refusal::invalid("email_missing", "email", sentence).into());
    }
    if user.email != before.email {
        contacts::follow_email(&mut user, before.email.as_deref(), tx.new_id());
        // It may have gone to the old address.
        invitations::forget(tx, id)?;
    }
    save(tx, &user)?;
    keep_an_admin(tx, &before)?;
    if user.role != before.role {
        auth::end_sessions(tx, id)?;
    }
    let summary = format!("{}, {}", user.name, user.role.word());
    change::audit_change(tx, actor, "user.edited", id, summary, said(&before), said(&user))?;
    change::recheck(tx, actor)
}

fn said(user: &User) -> String {
    format!("{}, {}, {}, {}", user.name, user.role.word(), user.email.as_deref().unwrap_or("no address"), user.zone)
}

/// One's own new password, in place of the one that was just shown to be right: `old_hash` is what it matched. All
/// sessions end but `here`, and so does a link to choose a password.
pub fn change_password(
    tx: &mut Write<'_>,
    actor: &Actor,
    old_hash: &str,
    new_hash: &str,
    here: Option<SessionId>,
) -> Result<(), AppError> {
    let id = actor.user_id().ok_or_else(|| Refusal::forbidden("Only a person has a password."))?;
    let mut user = one(tx, id)?;
    if user.login.as_ref().is_none_or(|login| login.password_hash != old_hash) {
        let sentence = "Your password was changed or taken away meanwhile. Sign in again.";
        return Err(Refusal::conflict("password_changed", sentence).into());
    }
    user.login = Some(Login { password_hash: new_hash.to_owned(), changed_at: tx.now() });
    save(tx, &user)?;
    auth::end_sessions_but(tx, id, here)?;
    invitations::forget(tx, id)?;
    change::audit(tx, actor, "user.password_changed", id, user.name)
}

/// From this commit on nobody signs in as this person, nor chooses a password by a link; pages go on.
pub fn remove_login(tx: &mut Write<'_>, actor: &Actor, id: UserId) -> Result<(), AppError> {
    change::begin(actor)?;
    let before = one(tx, id)?;
    if before.login.is_none() {
        if invitations::forget(tx, id)? {
            change::audit(tx, actor, "user.invitation_withdrawn", id, before.name)?;
        }
        return Ok(());
    }
    let user = User { login: None, ..before.clone() };
    save(tx, &user)?;
    keep_an_admin(tx, &before)?;
    auth::end_sessions(tx, id)?;
    invitations::forget(tx, id)?;
    change::audit(tx, actor, "user.login_removed", id, user.name)
}

/// One's own contact methods and rules are one's own business; those of others are an admin's.
fn begin_own(actor: &Actor, id: UserId) -> Result<(), AppError> {
    if actor.user_id() == Some(id) { Ok(()) } else { change::begin(actor) }
}

/// From this commit on: no session, no page, no claim on a schedule. History stays, and every open incident that waits
/// for this person says so.
pub fn deactivate(tx: &mut Write<'_>, actor: &Actor, id: UserId) -> Result<(), AppError> {
    change::begin(actor)?;
    let before = one(tx, id)?;
    if !before.is_active() {
        return Ok(());
    }
    let mut user = before.clone();
    user.deactivate(tx.now());
    save(tx, &user)?;
    keep_an_admin(tx, &before)?;
    auth::end_sessions(tx, id)?;
    invitations::forget(tx, id)?;
    let by = By::new(actor, None);
    for mut delivery in deliveries::deliveries_open_of_user(tx, id, super::MANY)? {
        let reason = "the person was deactivated";
        if delivery.withdraw(reason) {
            tx.put(&delivery)?;
            if let Some(id) = delivery.incident
                && let Some(mut incident) = tx.get::<Incident>(id)?
            {
                let news = DeliveryNews::Withdrawn { reason: reason.to_owned() };
                apply::append(tx, &mut incident, By::SYSTEM, apply::news(&delivery, news))?;
                tx.put(&incident)?;
            }
        }
    }
    for status in [Status::Triggered, Status::Acknowledged] {
        for mut incident in incidents::incidents_with_status(tx, status, Take::first(super::MANY))?.items {
            if concerns(&incident, id) {
                apply::append(tx, &mut incident, by, Happened::UserDeactivated { user: id })?;
                incident.version += 1;
                tx.put(&incident)?;
            }
        }
    }
    change::audit(tx, actor, "user.deactivated", id, user.name)?;
    change::recheck(tx, actor)
}

/// Claims on schedules count again from now.
pub fn reactivate(tx: &mut Write<'_>, actor: &Actor, id: UserId) -> Result<(), AppError> {
    change::begin(actor)?;
    let mut user = one(tx, id)?;
    if user.is_active() {
        return Ok(());
    }
    user.reactivate(tx.now());
    save(tx, &user)?;
    change::audit(tx, actor, "user.reactivated", id, user.name)?;
    change::recheck(tx, actor)
}

pub fn save(tx: &mut Write<'_>, user: &User) -> Result<(), AppError> {
    let user = User { version: user.version + 1, ..user.clone() };
    tx.put(&user).map_err(taken(|| {
        let sentence = "Somebody has this mail address already. Each user needs an address of their own.";
        Refusal::invalid("email_taken", "email", sentence)
    }))
}

fn keep_an_admin(tx: &mut Write<'_>, before: &User) -> Result<(), AppError> {
    Ok(keeps_an_admin(before, &users::users_active_admins(tx, super::MANY)?)?)
}

/// Whether nobody else could administer.
pub fn is_last_admin(read: &impl Read, user: &User) -> Result<bool, AppError> {
    let mut others = users::users_active_admins(read, super::MANY)?;
    others.retain(|admin| admin.id != user.id);
    Ok(keeps_an_admin(user, &others).is_err())
}
