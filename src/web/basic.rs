//! Email and password: for the API as Basic credentials, for people on `/login`.
//!
//! A password is checked with Argon2 in its own lane, after a try was taken from the throttle; who has no account costs
//! the same time as who has one. The API repeats its credentials with each call, so a success is remembered for ten
//! minutes under a keyed hash that dies with the process. What is remembered is only that this password was right for
//! this login as it is: whether the user is still active, and in which role, is read again each time.

use crate::app::{AppError, auth, sha256};
use crate::bridge::{Crossing, Lane};
use crate::domain::actor::Door;
use crate::domain::id::UserId;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::web::Web;
use crate::web::address::Client;
use crate::web::error::WebError;
use crate::web::sign_ins::{self, Try};
use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

const REALM: &str = "PagerPal";

/// The user behind an `Authorization` header of the API.
pub async fn user(web: &Web, authorization: &HeaderValue, client: &Client) -> Result<User, WebError> {
    let unknown = || WebError::Unauthorized { realm: REALM };
    let (email, typed) = credentials(authorization).ok_or_else(unknown)?;
    let now = web.app.now();
    let key = web.remembered.key(&email, &typed);
    if let Some((id, hash)) = web.remembered.get(&key, now) {
        let user = web.read(move |read| auth::user_with_login(read, id)).await?;
        let is_same =
            |user: &User| user.login.as_ref().is_some_and(|login| sha256(login.password_hash.as_bytes()) == hash);
        return user.filter(is_same).ok_or_else(unknown);
    }
    let user = check_password(web, &email, &typed, client.address, Door::Api).await?.ok_or_else(unknown)?;
    sign_ins::note_program(web, &auth::actor(&user, Door::Api).at(client.address));
    if let Some(login) = &user.login {
        web.remembered.put(key, (user.id, sha256(login.password_hash.as_bytes())), now);
    }
    Ok(user)
}

/// The active user with this email and password. `None` for every cause alike; the audit log gets to know which.
pub async fn check_password(
    web: &Web,
    email: &str,
    typed: &str,
    address: IpAddr,
    door: Door,
) -> Result<Option<User>, WebError> {
    let email = email.trim().to_lowercase();
    let soon = web.throttle.take(&email, address, web.app.now());
    soon.map_err(|soon| WebError::TooMany { retry_after_secs: soon.wait_secs })?;
    // From the first look at the account on in the lane of passwords: a flood of wrong ones must not crowd out those who
    // are signed in.
    let (app, wanted, typed) = (Arc::clone(&web.app), email.clone(), typed.to_owned());
    let look = move || -> Result<(Option<UserId>, Option<User>), AppError> {
        let (id, hash) = app.read(|read| auth::login_of(read, &wanted))?.unzip();
        let is_right = auth::verify_password(&typed, hash.as_deref());
        match id.filter(|_| is_right) {
            Some(right) => Ok((id, app.read(|read| auth::user_with_login(read, right))?)),
            None => Ok((id, None)),
        }
    };
    let checked = web.bridge.run(Lane::Passwords, look).await;
    // If nobody looked at the password, it was no try: who is asked to come back must not then be told off for it.
    if matches!(checked, Err(Crossing::Full) | Ok(Ok((_, Some(_))))) {
        web.throttle.give_back(&email, address);
    }
    if matches!(checked, Err(Crossing::Full)) {
        return Err(WebError::Busy);
    }
    let (account, user) = checked??;
    if user.is_none() {
        sign_ins::note_failed(web, Try { account, address, door, what: "a wrong password" });
    }
    Ok(user)
}

/// Email in lower case, and password.
pub fn credentials(authorization: &HeaderValue) -> Option<(String, String)> {
    let (scheme, value) = authorization.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (email, password) = pair.split_once(':')?;
    Some((email.trim().to_lowercase(), password.to_owned()))
}

/// Whose a password is, and the digest of the hash it matched: another password has another.
type Login = (UserId, [u8; 32]);

/// Passwords that were right lately.
pub struct Remembered {
    key: hmac::Key,
    entries: Mutex<BTreeMap<[u8; 32], Entry>>,
}

struct Entry {
    login: Login,
    until: Timestamp,
}

const REMEMBERED: usize = 1024;
const REMEMBERED_SECS: i64 = 600;

impl Remembered {
    /// From random bytes that nobody else has seen.
    pub fn new(bytes: [u8; 32]) -> Remembered {
        Remembered { key: hmac::Key::new(hmac::HMAC_SHA256, &bytes), entries: Mutex::default() }
    }

    /// The separator is a character that no email address has.
    fn key(&self, email: &str, password: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(email.as_bytes());
        context.update(&[0]);
        context.update(password.as_bytes());
        let mut key = [0; 32];
        key.copy_from_slice(context.sign().as_ref());
        key
    }

    fn get(&self, key: &[u8; 32], now: Timestamp) -> Option<Login> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|entry| now < entry.until).map(|entry| entry.login)
    }

    fn put(&self, key: [u8; 32], login: Login, now: Timestamp) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| now < entry.until);
        if entries.len() >= REMEMBERED {
            // Whoever it hits pays one more hash.
            entries.pop_first();
        }
        entries.insert(key, Entry { login, until: now.plus_secs(REMEMBERED_SECS) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    #[test]
    fn a_right_password_is_remembered_for_ten_minutes_and_no_other() {
        let remembered = Remembered::new([1; 32]);
        let now = Timestamp::from_second(1_800_000_000);
        let login = (UserId::new(1), [9; 32]);
        let key = remembered.key("ana@example.org", "lamp otter bridge nine");
        remembered.put(key, login, now);
        assert_eq!(remembered.get(&key, now.plus_secs(599)), Some(login));
        assert_eq!(remembered.get(&key, now.plus_secs(600)), None);
        assert_eq!(remembered.get(&remembered.key("ana@example.org", "lamp otter bridge ten"), now), None);
        assert_eq!(remembered.get(&Remembered::new([2; 32]).key("ana@example.org", "x"), now), None);
    }

    #[test]
    fn only_so_many_are_remembered() {
        let remembered = Remembered::new([1; 32]);
        let now = Timestamp::from_second(1_800_000_000);
        for n in 0..2 * REMEMBERED {
            remembered.put(remembered.key("ana", &n.to_string()), (UserId::new(1), [9; 32]), now);
        }
        assert_eq!(remembered.entries.lock().expect("no panic").len(), REMEMBERED);
    }

    #[test]
    fn basic_credentials_are_an_email_and_whatever_follows_the_first_colon() {
        let check = |header: &str, expected: Option<(&str, &str)>| {
            let value = HeaderValue::from_str(header).expect("a header value");
            let expected = expected.map(|(email, password)| (email.to_owned(), password.to_owned()));
            assert_eq!(credentials(&value), expected, "{header}");
        };
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        check(&basic("Ana@Example.org:a:b c"), Some(("ana@example.org", "a:b c")));
        check(&basic("ana"), None);
        check("Basic %%%", None);
        check("Bearer abc", None);
    }
}
