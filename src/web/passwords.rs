//! Choosing a password: what a new one must be, and the old one asked first.
//!
//! A hash costs as much as a check, so it is made in the same lane, and only for whoever has shown that they may choose.

use crate::app::{auth, users};
use crate::bridge::{Crossing, Lane};
use crate::domain::actor::{Actor, Door};
use crate::domain::id::SessionId;
use crate::domain::password::checked_password;
use crate::domain::refusal::Refusal;
use crate::domain::user::User;
use crate::web::Web;
use crate::web::basic::check_password;
use crate::web::error::WebError;
use std::net::IpAddr;

/// What the form and the API call it.
pub const OLD: &str = "current_password";
pub const NEW: &str = "new_password";

/// Checks what a new password must be, and hashes it. `own` are words that everybody knows of its owner.
pub async fn hashed(web: &Web, password: &str, own: &[&str]) -> Result<String, WebError> {
    checked_password(password, own)?;
    let (password, salt) = (password.to_owned(), web.app.random_bytes());
    match web.bridge.run(Lane::Passwords, move || auth::hash_password(&password, salt)).await {
        Err(Crossing::Full) => Err(WebError::Busy),
        hashed => Ok(hashed??),
    }
}

/// Gives somebody who showed the old password a new one. Every other session of theirs ends; `here` is the one they ask
/// in. A wrong old one is a try like any other.
pub async fn change(
    web: &Web,
    (person, actor, address): (&User, Actor, IpAddr),
    (old, new): (&str, &str),
    here: Option<SessionId>,
) -> Result<(), WebError> {
    let own = words_of(person);
    let about_new = |refusal| Refusal { field: Some(NEW), ..refusal };
    checked_password(new, &own).map_err(about_new)?;
    let email = person.email.clone().unwrap_or_default();
    let door = if here.is_some() { Door::Web } else { actor.door };
    let known = check_password(web, &email, old, address, door).await?.filter(|user| user.id == person.id);
    let Some(login) = known.and_then(|user| user.login) else {
        let sentence = "This is not your password. If you do not know it, ask an admin for a link to choose another.";
        return Err(Refusal::invalid("password_wrong", OLD, sentence).into());
    };
    let hash = hashed(web, new, &own).await?;
    web.write(move |tx| users::change_password(tx, &actor, &login.password_hash, &hash, here)).await
}

/// What everybody knows of somebody.
pub fn words_of(user: &User) -> Vec<&str> {
    [Some(user.name.as_str()), user.email.as_deref()].into_iter().flatten().collect()
}
