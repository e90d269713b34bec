//! Signing in with a provider: who comes in, as whom, and with which role.

use crate::app::{AppError, Read, Write, change, users};
use crate::domain::access::Role;
use crate::domain::actor::Actor;
use crate::domain::id::UserId;
use crate::domain::refusal::Refusal;
use crate::domain::sign_on::{Identity, Roles, require_welcome, unknown};
use crate::domain::time::zone_named;
use crate::domain::user::{Login, User};
use crate::store;

/// Whether somebody whom the provider vouches for comes in for the first time, and so needs a password that nobody knows.
/// Asked before one is hashed, because that costs as much as any.
pub fn needs_login(read: &Read<'_>, identity: &Identity, roles: &Roles, creates_users: bool) -> Result<bool, AppError> {
    let email = identity.known_by()?;
    roles.role_of(&identity.groups)?;
    match store::users::user_by_email(read, &email)? {
        None if creates_users => Ok(true),
        None => Err(unknown(&email).into()),
        Some(user) => {
            require_welcome(&user)?;
            Ok(user.login.is_none())
        }
    }
}

/// Lets somebody in whom the provider vouches for. A known person gets the role of their groups, an unknown one becomes
/// a user where `creates_users`, as a viewer unless the groups say more. `unusable_hash` is of a password that nobody
/// knows, if [`needs_login`] said so.
pub fn admit(
    tx: &mut Write<'_>,
    identity: &Identity,
    roles: &Roles,
    creates_users: bool,
    unusable_hash: Option<&str>,
) -> Result<UserId, AppError> {
    let email = identity.known_by()?;
    let role = roles.role_of(&identity.groups)?;
    let hash = || unusable_hash.map(str::to_owned).ok_or_else(changed_meanwhile);
    let Some(mut user) = store::users::user_by_email(tx, &email)? else {
        if !creates_users {
            return Err(unknown(&email).into());
        }
        let zone = identity.zone.clone().filter(|zone| zone_named(zone).is_some());
        let new = users::NewUser {
            name: identity.name.clone().unwrap_or_else(|| email.clone()),
            email: Some(email),
            role: role.unwrap_or(Role::Viewer),
            zone: zone.unwrap_or_else(|| "UTC".to_owned()),
            password_hash: Some(hash()?),
        };
        return users::create(tx, &Actor::SYSTEM, &new);
    };
    let id = user.id;
    require_welcome(&user)?;
    if user.login.is_none() {
        user.login = Some(Login { password_hash: hash()?, changed_at: tx.now() });
        users::save(tx, &user)?;
        change::audit(tx, &Actor::SYSTEM, "user.login_by_provider", id, user.name.clone())?;
    }
    match role {
        Some(role) if role != user.role => change_role(tx, user, role)?,
        _ => {}
    }
    Ok(id)
}

/// The account was there when it was looked at, and is not any more.
fn changed_meanwhile() -> Refusal {
    let sentence = "Somebody changed your account while you signed in. Sign in again.";
    Refusal::invalid("sign_on_changed", "provider", sentence)
}

/// The last admin stays one: a group that was renamed at the provider must not leave PagerPal without.
fn change_role(tx: &mut Write<'_>, user: User, role: Role) -> Result<(), AppError> {
    if users::is_last_admin(tx, &user)? {
        return Ok(());
    }
    let User { id, name, email, zone, .. } = user;
    users::edit(tx, &Actor::SYSTEM, id, &users::Basics { name, email, role, zone })
}
