//! Where somebody is signed in, and how to end that.

use crate::app::{AppError, Read, Write, auth, change, users};
use crate::domain::actor::Actor;
use crate::domain::id::{SessionId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::session::Session;
use crate::store::sessions;

/// Those that are good now, the one used last first.
pub fn of(read: &Read<'_>, actor: &Actor, user: UserId) -> Result<Vec<Session>, AppError> {
    auth::require_own_or_admin(actor, user)?;
    users::one(read, user)?;
    let now = read.now();
    let mut found = sessions::sessions_of(read, user, super::MANY)?;
    found.retain(|session| now < session.ends_at());
    found.sort_by_key(|session| std::cmp::Reverse((session.used_at, session.id)));
    Ok(found)
}

pub fn end(tx: &mut Write<'_>, actor: &Actor, user: UserId, id: SessionId) -> Result<(), AppError> {
    auth::require_own_or_admin(actor, user)?;
    let found = sessions::sessions_of(tx, user, super::MANY)?.into_iter().find(|session| session.id == id);
    let session = found.ok_or_else(|| Refusal::not_found("session"))?;
    tx.delete::<Session>(session.token_hash)?;
    let name = users::one(tx, user)?.name;
    change::audit(tx, actor, "session.ended", user, format!("{name}, from {}", session.device.address))
}

/// Out everywhere, but for `but`: the browser in which somebody asks for it.
pub fn end_all(tx: &mut Write<'_>, actor: &Actor, user: UserId, but: Option<SessionId>) -> Result<(), AppError> {
    auth::require_own_or_admin(actor, user)?;
    let name = users::one(tx, user)?.name;
    auth::end_sessions_but(tx, user, but)?;
    change::audit(tx, actor, "session.all_ended", user, name)
}
