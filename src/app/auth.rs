//! Passwords and sessions.
//!
//! Hashing costs 19 MiB and some 20 ms on purpose, so callers run it on a thread of their own and limit how many run at
//! once. A session's cookie is 256 random bits, of which the store has a keyed digest only: another SECRET_KEY, and every
//! session is over.

use crate::app::{AppError, Read, Write};
use crate::domain::access::{self, Action};
use crate::domain::actor::{Actor, Door};
use crate::domain::id::{ApiTokenId, SessionId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::session::{Device, Session, TOUCH_SECS};
use crate::domain::time::Timestamp;
use crate::domain::token::{self, PersonalToken};
use crate::domain::user::User;
use crate::store::{Read as _, sessions, users};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

/// OWASP's second recommendation for Argon2id: 19 MiB, 2 passes, 1 lane.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, Some(32)).expect("these parameters are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// A PHC string. Blocking and slow.
pub fn hash_password(password: &str, salt: [u8; 16]) -> Result<String, AppError> {
    let hash = argon2().hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hash.map_err(|error| AppError::Internal(format!("hashing a password failed: {error}")))?.to_string())
}

/// Blocking and slow. `None` for a user who does not exist or has no login: it takes as long and is always wrong, so that
/// nobody learns who has an account.
pub fn verify_password(password: &str, hash: Option<&str>) -> bool {
    let parsed = argon2::password_hash::phc::PasswordHash::new(hash.unwrap_or(DUMMY_HASH));
    let matches = parsed.is_ok_and(|parsed| argon2().verify_password(password.as_bytes(), &parsed).is_ok());
    matches && hash.is_some()
}

/// Whether a text is a hash that [`verify_password`] can take, and that costs no more than a few of ours.
pub fn is_password_hash(text: &str) -> bool {
    let Ok(hash) = argon2::password_hash::phc::PasswordHash::new(text) else { return false };
    let params = Params::try_from(&hash);
    hash.algorithm.as_str() == "argon2id" && params.is_ok_and(|p| p.m_cost() <= 65_536 && p.t_cost() <= 8)
}

/// Of a random password that nobody kept.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$MTYgYnl0ZXMgb2Ygc2FsdA$2/d5kuDHXBcM1p1yTHXDh6xKCK0Iwdz6Ab5ItgFIfvI";

/// A user who may sign in, with the hash to compare.
pub fn login_of(read: &Read<'_>, email: &str) -> Result<Option<(UserId, String)>, AppError> {
    let user = users::user_by_email(read, &email.trim().to_lowercase())?.filter(User::is_active);
    Ok(user.and_then(|user| user.login.map(|login| (user.id, login.password_hash))))
}

/// The user behind a checked password, as they are now: whoever was deactivated or lost the login since is nobody.
pub fn user_with_login(read: &Read<'_>, id: UserId) -> Result<Option<User>, AppError> {
    Ok(read.get::<User>(id)?.filter(|user| user.is_active() && user.login.is_some()))
}

/// `token_hash` is a digest of the cookie's value under a key that the store does not have.
pub fn open_session(tx: &mut Write<'_>, user: UserId, token_hash: [u8; 32], device: &Device) -> Result<(), AppError> {
    let (id, now, device) = (tx.new_id(), tx.now(), device.clone());
    Ok(tx.put(&Session { token_hash, id, user, device, created_at: now, used_at: now, proved_at: now })?)
}

/// A session that is good now, with its user as they are now.
pub fn session(read: &Read<'_>, token_hash: [u8; 32]) -> Result<Option<(Session, User)>, AppError> {
    let now = read.now();
    let Some(session) = read.get::<Session>(token_hash)?.filter(|session| now < session.ends_at()) else {
        return Ok(None);
    };
    Ok(user_with_login(read, session.user)?.map(|user| (session, user)))
}

/// Whether use of a session should be written down again; it keeps the session from idling out.
pub fn wants_touch(session: &Session, now: Timestamp) -> bool {
    now.secs_since(session.used_at) >= TOUCH_SECS
}

pub fn touch(tx: &mut Write<'_>, token_hash: [u8; 32]) -> Result<(), AppError> {
    if let Some(mut session) = tx.get::<Session>(token_hash)? {
        session.used_at = tx.now();
        tx.put(&session)?;
    }
    Ok(())
}

/// As [`wants_touch`].
pub fn wants_token_touch(token: &PersonalToken, now: Timestamp) -> bool {
    token.used_at.is_none_or(|used| now.secs_since(used) >= token::TOUCH_SECS)
}

/// As [`touch`].
pub fn touch_token(tx: &mut Write<'_>, id: ApiTokenId) -> Result<(), AppError> {
    if let Some(mut token) = tx.get::<PersonalToken>(id)? {
        token.used_at = Some(tx.now());
        tx.put(&token)?;
    }
    Ok(())
}

pub fn end_session(tx: &mut Write<'_>, token_hash: [u8; 32]) -> Result<(), AppError> {
    tx.delete::<Session>(token_hash)?;
    Ok(())
}

/// The password was given again.
pub fn prove(tx: &mut Write<'_>, token_hash: [u8; 32]) -> Result<(), AppError> {
    if let Some(mut session) = tx.get::<Session>(token_hash)? {
        session.proved_at = tx.now();
        tx.put(&session)?;
    }
    Ok(())
}

/// One's own affairs, or those of anybody to an admin.
pub fn require_own_or_admin(actor: &Actor, user: UserId) -> Result<(), Refusal> {
    if actor.user_id() == Some(user) { Ok(()) } else { access::require(actor, Action::Configure) }
}

/// All sessions of a person: after a new password, another role, deactivation.
pub fn end_sessions(tx: &mut Write<'_>, user: UserId) -> Result<(), AppError> {
    end_sessions_but(tx, user, None)
}

/// As [`end_sessions`], but for one.
pub fn end_sessions_but(tx: &mut Write<'_>, user: UserId, but: Option<SessionId>) -> Result<(), AppError> {
    for session in sessions::sessions_of(tx, user, super::MANY)? {
        if Some(session.id) != but {
            tx.delete::<Session>(session.token_hash)?;
        }
    }
    Ok(())
}

pub fn actor(user: &User, door: Door) -> Actor {
    Actor::user(user.id, user.role, door)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_verifies_against_its_own_hash_only() {
        let hash = hash_password("lamp otter bridge nine", [7; 16]).expect("hashing works");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify_password("lamp otter bridge nine", Some(&hash)));
        assert!(!verify_password("lamp otter bridge ten", Some(&hash)));
        assert!(!verify_password("lamp otter bridge nine", None), "nobody's password is never right");
        assert!(!verify_password("x", Some("not a hash")));
        assert!(is_password_hash(&hash) && !is_password_hash("not a hash") && !is_password_hash(""));
        assert!(!is_password_hash(&hash.replace("m=19456", "m=4000000")), "a hash that takes the machine down");
    }

    #[test]
    fn the_hash_for_nobody_is_well_formed_so_that_it_costs_as_much() {
        assert!(argon2::password_hash::phc::PasswordHash::new(DUMMY_HASH).is_ok());
    }
}
