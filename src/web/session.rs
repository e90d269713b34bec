//! The session cookie: 256 random bits, of which the store keeps only a digest under the installation's secret key. A
//! changed key ends every session.
//!
//! With `Secure` it is called `__Host-pagerpal`, a name browsers refuse to take from a subdomain or over plain http;
//! without, `pagerpal`. Always `HttpOnly; SameSite=Lax; Path=/`.

use crate::app::sign_ins;
use crate::domain::id::UserId;
use crate::domain::session::{Device, LONGEST_SECS};
use crate::web::Web;
use crate::web::address::Client;
use crate::web::error::WebError;
use crate::web::extract::SignedIn;
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::{Cookie, SameSite};
use ring::hmac;

const TOKEN_BYTES: usize = 32;
const FORM: &[u8] = b"form";

/// Signs a person in; the answer is the `Set-Cookie` header of the response. Always a new token, whatever cookie the
/// browser had before. `how` is for the audit log: "with the password".
pub async fn start(web: &Web, user: UserId, client: &Client, how: &str) -> Result<HeaderValue, WebError> {
    let token = Token::new(web.app.random_bytes());
    let kept = token.kept(&web.settings.session_key);
    let device = Device { address: client.address.to_string(), agent: client.agent.clone() };
    let (address, how) = (client.address, how.to_owned());
    web.write(move |tx| sign_ins::begin(tx, user, kept, (&device, address), &how)).await?;
    Ok(token.set_cookie(web.settings.cookie_secure))
}

/// Signs a person out here; the answer is the `Set-Cookie` header of the response.
pub async fn end(web: &Web, signed_in: &SignedIn) -> Result<HeaderValue, WebError> {
    let (actor, hash) = (signed_in.actor, signed_in.session.token_hash);
    web.write(move |tx| sign_ins::end(tx, &actor, hash)).await?;
    Ok(clear_cookie(web.settings.cookie_secure))
}

/// What the cookie carries.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; TOKEN_BYTES]);

impl Token {
    /// From random bytes that nobody else has seen.
    pub fn new(random: [u8; TOKEN_BYTES]) -> Token {
        Token(random)
    }

    /// From the request's cookies. Of two with the same name neither is believed: one of them was planted.
    pub fn of(headers: &HeaderMap, secure: bool) -> Option<Token> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut ours =
            lines.flat_map(Cookie::split_parse).filter_map(Result::ok).filter(|cookie| cookie.name() == name(secure));
        let only = ours.next().filter(|_| ours.next().is_none())?;
        let bytes = URL_SAFE_NO_PAD.decode(only.value()).ok()?;
        Some(Token(bytes.try_into().ok()?))
    }

    /// What the store keeps of it.
    pub fn kept(&self, key: &hmac::Key) -> [u8; 32] {
        hmac::sign(key, &self.0).as_ref().try_into().expect("HMAC-SHA-256 gives 32 bytes")
    }

    /// What every form of this session carries. It follows from the token, so it needs no place of its own, and tells
    /// nothing about it.
    pub fn csrf(&self) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.form_key(), FORM))
    }

    /// The same under a mask, which no two pages share: packed pages tell by their size whether a guess at what is the same
    /// in all of them comes near. `mask` is random.
    pub fn masked(&self, mask: [u8; TOKEN_BYTES]) -> String {
        let tag = hmac::sign(&self.form_key(), FORM);
        let hidden: Vec<u8> = tag.as_ref().iter().zip(mask).map(|(tag, mask)| tag ^ mask).collect();
        URL_SAFE_NO_PAD.encode([&mask[..], &hidden].concat())
    }

    /// With or without a mask, in constant time.
    pub fn is_csrf(&self, sent: &str) -> bool {
        let Ok(sent) = URL_SAFE_NO_PAD.decode(sent) else { return false };
        let tag = match sent.split_at_checked(TOKEN_BYTES) {
            Some((mask, hidden)) if hidden.len() == TOKEN_BYTES => {
                mask.iter().zip(hidden).map(|(mask, hidden)| mask ^ hidden).collect()
            }
            _ => sent,
        };
        hmac::verify(&self.form_key(), FORM, &tag).is_ok()
    }

    fn form_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }

    /// The header that gives it to the browser.
    pub fn set_cookie(&self, secure: bool) -> HeaderValue {
        cookie(secure, URL_SAFE_NO_PAD.encode(self.0), cookie::time::Duration::seconds(LONGEST_SECS))
    }
}

/// The header that makes the browser forget its session.
pub fn clear_cookie(secure: bool) -> HeaderValue {
    cookie(secure, String::new(), cookie::time::Duration::ZERO)
}

fn cookie(secure: bool, value: String, max_age: cookie::time::Duration) -> HeaderValue {
    let cookie = Cookie::build((name(secure), value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .max_age(max_age)
        .build();
    HeaderValue::from_str(&cookie.to_string())
        .expect("name, base64 and attributes are ASCII without control characters")
}

fn name(secure: bool) -> &'static str {
    if secure { "__Host-pagerpal" } else { "pagerpal" }
}

/// Where to go after signing in: a path of ours, or the dashboard. `//host`, `/\host` and control characters would lead
/// a browser elsewhere.
pub fn safe_next(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//") && !next.starts_with("/login");
    let is_plain = next.len() <= 1024 && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_path && is_plain { next } else { "/dashboard" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gives_back_the_token_it_was_given() {
        for secure in [true, false] {
            let token = Token::new([7; 32]);
            let set = token.set_cookie(secure).to_str().expect("ASCII").to_owned();
            let expected = if secure {
                "; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000"
            } else {
                "; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000"
            };
            let (pair, attributes) = set.split_at(set.find(';').expect("attributes"));
            assert_eq!(attributes, expected);

            let read = |cookies: &str| {
                let mut headers = HeaderMap::new();
                headers.insert(header::COOKIE, cookies.parse().expect("a header value"));
                Token::of(&headers, secure)
            };
            assert!(read(&format!("theme=dark; {pair}")) == Some(token.clone()));
            assert!(read(&format!("{pair}; {pair}")).is_none(), "two of a name");
            assert!(read(&format!("{pair}x")).is_none());
            assert!(read("pagerpal=; __Host-pagerpal=AAAA").is_none());
            assert!(token.is_csrf(&token.csrf()));
            let (one, other) = (token.masked([1; 32]), token.masked([2; 32]));
            assert!(one != other && token.is_csrf(&one) && token.is_csrf(&other));
            assert!(!Token::new([8; 32]).is_csrf(&one) && !token.is_csrf(&one[2..]));
            assert!(!token.is_csrf(&Token::new([8; 32]).csrf()) && !token.is_csrf(""));
        }
    }

    #[test]
    fn after_signing_in_people_stay_with_us() {
        let check = |next: &str, expected: &str| assert_eq!(safe_next(next), expected, "{next}");
        check("/incidents?status=open", "/incidents?status=open");
        for elsewhere in ["", "https://evil.example", "//evil.example", "/\\evil.example", "/a\nb", "/login?next=/x"] {
            check(elsewhere, "/dashboard");
        }
    }
}
