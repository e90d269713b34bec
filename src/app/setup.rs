//! First run: a fresh database gets its first admin, once.

use crate::app::users::NewUser;
use crate::app::{AppError, Write, change, users};
use crate::domain::access::Role;
use crate::domain::actor::Actor;
use crate::domain::id::UserId;
use crate::domain::refusal::Refusal;
use crate::domain::user::{Login, User, checked_email};
use crate::store::{self, Read};

/// True until somebody exists.
pub fn needs_first_admin(read: &impl Read) -> Result<bool, AppError> {
    Ok(store::users::users_all(read, 1)?.is_empty())
}

/// Of two strangers who race here, one becomes admin and the other is refused.
pub fn create_first_admin(tx: &mut Write<'_>, new: &NewUser) -> Result<UserId, AppError> {
    if !needs_first_admin(tx)? {
        let sentence = "PagerPal has an admin already. Sign in instead.";
        return Err(Refusal::conflict("admin_exists", sentence).into());
    }
    let user = users::build(tx, &NewUser { role: Role::Admin, ..new.clone() })?;
    users::save(tx, &user)?;
    change::audit(tx, &Actor::SYSTEM, "user.first_admin", user.id, user.name)?;
    Ok(user.id)
}

/// From the shell: makes an admin of this address, whether it is known or not, with this password.
pub fn ensure_admin(tx: &mut Write<'_>, new: &NewUser) -> Result<(UserId, bool), AppError> {
    let email = checked_email(new.email.as_deref().unwrap_or_default())?;
    let known = store::users::user_by_email(tx, &email)?;
    let is_new = known.is_none();
    let now = tx.now();
    let user = match known {
        None => users::build(tx, &NewUser { role: Role::Admin, ..new.clone() })?,
        Some(mut user) => {
            user.reactivate(now);
            let login = new.password_hash.clone().map(|password_hash| Login { password_hash, changed_at: now });
            User { role: Role::Admin, login: login.or(user.login.clone()), ..user }
        }
    };
    users::save(tx, &user)?;
    super::auth::end_sessions(tx, user.id)?;
    super::invitations::forget(tx, user.id)?;
    change::audit(tx, &Actor::COMMAND_LINE, "user.made_admin", user.id, user.name)?;
    change::recheck(tx, &Actor::COMMAND_LINE)?;
    Ok((user.id, is_new))
}
