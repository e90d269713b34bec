//! `/login/oidc`: signing in with an OpenID Connect provider, by authorization code with PKCE.
//!
//! The browser carries one random seed in a cookie for ten minutes; state, nonce and code verifier follow from it, so the
//! server keeps nothing until somebody is signed in, and an answer of the provider is good only in the browser that asked
//! for it. The callback is a GET that signs in, because that is how providers answer: its code works once and only
//! together with that cookie.
//!
//! `crate::oidc` speaks with the provider, and the use case decides who comes in.

use crate::app::{auth, sha256, sign_on};
use crate::bridge::Lane;
use crate::domain::actor::Door;
use crate::domain::id::UserId;
use crate::domain::refusal::Refusal;
use crate::domain::sign_on::{Identity, Roles};
use crate::hex::hex;
use crate::oidc::{Ask, Exchange, Provider, Trouble};
use crate::web::Web;
use crate::web::address::Client;
use crate::web::error::WebError;
use crate::web::extract::QueryFields;
use crate::web::session::{self, safe_next};
use crate::web::sign_ins::{self, Try};
use crate::web::ui::{login, to};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::{Cookie, SameSite};
use ring::hmac;
use std::sync::Arc;

/// The provider, and what its word counts for here.
pub struct SignOn {
    pub provider: Provider,
    pub roles: Roles,
    /// Whether somebody unknown who has a role becomes a user.
    pub creates_users: bool,
}

/// How long somebody may take at the provider.
const SECONDS: i64 = 600;
const CALLBACK: &str = "/login/oidc/callback";

/// Off to the provider. Nothing is kept here.
pub async fn begin(
    State(web): State<Arc<Web>>,
    Extension(client): Extension<Client>,
    query: QueryFields,
) -> Result<Response, WebError> {
    let SignOn { provider, .. } = web.settings.sign_on.as_ref().ok_or(WebError::NotFound)?;
    let journey = Journey { seed: web.app.random_bytes(), next: safe_next(query.text("next")).to_owned() };
    let ask = Ask {
        redirect_uri: &redirect_uri(&web, &client),
        state: &journey.secret("state"),
        nonce: &journey.secret("nonce"),
        challenge: &URL_SAFE_NO_PAD.encode(sha256(journey.secret("verifier").as_bytes())),
    };
    match provider.authorization_url(&ask, web.app.now()).await {
        Ok(url) => Ok(with_cookie(to(url), journey.cookie(web.settings.cookie_secure))),
        Err(trouble) => turned_away(&web, trouble.refusal(provider.name())),
    }
}

/// Back from the provider.
pub async fn callback(
    State(web): State<Arc<Web>>,
    Extension(client): Extension<Client>,
    query: QueryFields,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let SignOn { provider, roles, creates_users } = web.settings.sign_on.as_ref().ok_or(WebError::NotFound)?;
    let secure = web.settings.cookie_secure;
    let journey = Journey::of(&headers, secure).filter(|journey| journey.is_own(query.text("state")));
    let Some(journey) = journey else {
        let sentence = "This sign-in was begun elsewhere or took longer than ten minutes. Begin again.";
        return turned_away(&web, Refusal::invalid("sign_on_stale", "provider", sentence));
    };
    let identity = match query.optional("code") {
        None => Err(Trouble::Denied(query.text("error").to_owned())),
        Some(code) => {
            let exchange = Exchange {
                code,
                redirect_uri: &redirect_uri(&web, &client),
                verifier: &journey.secret("verifier"),
                nonce: &journey.secret("nonce"),
            };
            provider.identity(&exchange, web.app.now()).await
        }
    };
    let identity = match identity {
        Ok(identity) => identity,
        Err(trouble) => return turned_away(&web, trouble.refusal(provider.name())),
    };
    let user = match admitted(&web, identity, roles, *creates_users).await {
        Ok(user) => user,
        Err(WebError::Refused(refusal)) => {
            let what = "the provider's word was not enough";
            sign_ins::note_failed(&web, Try { account: None, address: client.address, door: Door::Web, what });
            return turned_away(&web, refusal);
        }
        Err(error) => return Err(error),
    };
    let cookie = session::start(&web, user, &client, &format!("with {}", provider.name())).await?;
    let response = with_cookie(to(&journey.next), cookie);
    Ok(with_cookie(response, clear_cookie(secure)))
}

/// Who comes in. Nearly everybody has a login already, and nothing is hashed for them.
async fn admitted(web: &Web, identity: Identity, roles: &Roles, creates: bool) -> Result<UserId, WebError> {
    let (asked, of) = (identity.clone(), roles.clone());
    let is_first = web.read(move |read| sign_on::needs_login(read, &asked, &of, creates)).await?;
    let hash = if is_first { Some(unusable_hash(web).await?) } else { None };
    let roles = roles.clone();
    web.write(move |tx| sign_on::admit(tx, &identity, &roles, creates, hash.as_deref())).await
}

/// The login page with what went wrong, and the cookie gone.
fn turned_away(web: &Web, refusal: Refusal) -> Result<Response, WebError> {
    Ok(with_cookie(login::refused_page(web, refusal)?, clear_cookie(web.settings.cookie_secure)))
}

/// Of a password that nobody has: an admin can send its owner a link to choose one.
async fn unusable_hash(web: &Web) -> Result<String, WebError> {
    let (password, salt) = (hex(&web.app.random_bytes::<32>()), web.app.random_bytes());
    Ok(web.bridge.run(Lane::Passwords, move || auth::hash_password(&password, salt)).await??)
}

/// As it is registered with the provider: by our own name, or where we were asked.
fn redirect_uri(web: &Web, client: &Client) -> String {
    let scheme = if client.is_https { "https" } else { "http" };
    let asked = || format!("{scheme}://{}", client.host);
    format!("{}{CALLBACK}", web.settings.base_url.clone().unwrap_or_else(asked).trim_end_matches('/'))
}

/// One sign-in on its way: what the browser carries.
struct Journey {
    seed: [u8; 32],
    next: String,
}

impl Journey {
    fn of(headers: &HeaderMap, secure: bool) -> Option<Journey> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookies = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
        let mut ours = cookies.filter(|cookie| cookie.name() == cookie_name(secure));
        // Of two with the same name neither is believed: one of them was planted.
        let only = ours.next().filter(|_| ours.next().is_none())?;
        let (seed, next) = only.value().split_once('.')?;
        let next = String::from_utf8(URL_SAFE_NO_PAD.decode(next).ok()?).ok()?;
        Some(Journey { seed: URL_SAFE_NO_PAD.decode(seed).ok()?.try_into().ok()?, next: safe_next(&next).to_owned() })
    }

    /// What only this browser knows of: 256 bits for each use.
    fn secret(&self, purpose: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key(), purpose.as_bytes()))
    }

    /// In constant time.
    fn is_own(&self, state: &str) -> bool {
        URL_SAFE_NO_PAD.decode(state).is_ok_and(|tag| hmac::verify(&self.key(), b"state", &tag).is_ok())
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.seed)
    }

    fn cookie(&self, secure: bool) -> HeaderValue {
        let value = format!("{}.{}", URL_SAFE_NO_PAD.encode(self.seed), URL_SAFE_NO_PAD.encode(&self.next));
        cookie_of(secure, value, SECONDS)
    }
}

fn clear_cookie(secure: bool) -> HeaderValue {
    cookie_of(secure, String::new(), 0)
}

fn cookie_of(secure: bool, value: String, seconds: i64) -> HeaderValue {
    let cookie = Cookie::build((cookie_name(secure), value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .max_age(cookie::time::Duration::seconds(seconds))
        .build();
    HeaderValue::from_str(&cookie.to_string())
        .expect("name, base64 and attributes are ASCII without control characters")
}

fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-pagerpal-oidc" } else { "pagerpal-oidc" }
}

fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_good_in_the_browser_that_asked_and_nowhere_else() {
        let journey = Journey { seed: [7; 32], next: "/incidents/12".to_owned() };
        let set = journey.cookie(true).to_str().expect("ASCII").to_owned();
        assert!(set.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600"), "{set}");
        let pair = set.split(';').next().expect("a pair");
        let read = |cookies: String| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookies.parse().expect("a header value"));
            Journey::of(&headers, true)
        };
        let back = read(format!("theme=dark; {pair}")).expect("a journey");
        assert_eq!((back.seed, back.next.as_str()), ([7; 32], "/incidents/12"));
        assert!(back.is_own(&journey.secret("state")));
        assert!(!back.is_own(&journey.secret("nonce")) && !back.is_own(""));
        assert!(!Journey { seed: [8; 32], next: String::new() }.is_own(&journey.secret("state")));
        assert!(read(format!("{pair}; {pair}")).is_none(), "two of a name");
        assert!(read("__Host-pagerpal-oidc=x.y".to_owned()).is_none());
    }
}
