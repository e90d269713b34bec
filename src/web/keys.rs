//! Alert source keys: the forms in which a webhook may carry one, and whose it is.
//!
//! | # | form |
//! |---|---|
//! | 1 | `X-API-Key: KEY` |
//! | 2 | `Authorization: Bearer KEY` |
//! | 3 | `Authorization: GenieKey KEY` |
//! | 4 | `Authorization: Basic base64(any:KEY)` |
//! | 5 | `?api_key=KEY` |
//!
//! The first form present decides; a wrong key in it is not rescued by a right one in another.

use crate::app::{intake, sha256};
use crate::bridge::Lane;
use crate::domain::actor::Actor;
use crate::domain::alert_source::AlertSource;
use crate::domain::time::Timestamp;
use crate::web::error::WebError;
use crate::web::extract::Fields;
use crate::web::guard::client_of;
use crate::web::{Web, denials};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// SNS sends the password in its URL only after it has been told this.
pub const REALM: &str = "PagerPal alert source";

/// The active alert source whose key the request carries.
pub async fn alert_source(web: &Web, parts: &Parts) -> Result<Arc<AlertSource>, WebError> {
    let turned = |because: (u16, &'static str), source| {
        let from = client_of(parts)?.address;
        web.refusals.note(web.app.now(), from, parts.uri.path(), because, source);
        Ok::<WebError, WebError>(WebError::Unauthorized { realm: REALM })
    };
    let Some(key) = key_of(&parts.headers, parts.uri.query().unwrap_or("")) else {
        return Err(turned((401, "no X-API-Key header"), None)?);
    };
    let hash = sha256(key.as_bytes());
    if let Some(source) = web.known_keys.get(&hash, web.app.now()) {
        return Ok(source);
    }
    let found = web.read_in(Lane::Ingest, move |read| intake::source_of_key(read, hash)).await;
    let source = match found {
        // What cannot be looked up is known from the roster; the alert cannot be saved, but people can be called.
        Err(WebError::Unavailable) => web.app.emergency.source_of_key(hash).ok_or(WebError::Unavailable)?,
        found => match found? {
            Some(source) => source,
            None => return Err(turned((401, "its key opens no alert source"), None)?),
        },
    };
    if !source.active {
        turned((403, "this source is inactive"), Some(source.id))?;
        denials::note(web, &Actor::source(source.id).at(client_of(parts)?.address), parts).await;
        return Err(intake::inactive(&source).into());
    }
    let source = Arc::new(source);
    web.known_keys.remember(&source, web.app.now());
    Ok(source)
}

/// Sources whose keys were looked up in this very second. What is decided by them alone is how a body is read; whether
/// the key still opens and the source is active is asked again in the transaction that takes the alert in.
#[derive(Default)]
pub struct KnownKeys(Mutex<Known>);

#[derive(Default)]
struct Known {
    second: Option<Timestamp>,
    by_key: BTreeMap<[u8; 32], Arc<AlertSource>>,
}

impl KnownKeys {
    fn get(&self, key_hash: &[u8; 32], now: Timestamp) -> Option<Arc<AlertSource>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.second == Some(now) { known.by_key.get(key_hash).cloned() } else { None }
    }

    fn remember(&self, source: &Arc<AlertSource>, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.second != Some(now) {
            *known = Known { second: Some(now), by_key: BTreeMap::new() };
        }
        known.by_key.insert(source.key_hash, Arc::clone(source));
    }
}

fn key_of(headers: &HeaderMap, query: &str) -> Option<String> {
    // What cannot be read as text is present all the same, and wrong.
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("").trim());
    if let Some(key) = text("x-api-key") {
        return Some(key.to_owned());
    }
    if let Some(authorization) = text(header::AUTHORIZATION.as_str()) {
        let (scheme, value) = authorization.split_once(' ').unwrap_or((authorization, ""));
        return Some(match scheme.to_ascii_lowercase().as_str() {
            "basic" => password_of(value.trim()).unwrap_or_default(),
            _ => value.trim().to_owned(),
        });
    }
    Fields::parse(query.as_bytes()).all("api_key").next().map(str::to_owned)
}

fn password_of(basic: &str) -> Option<String> {
    let pair = String::from_utf8(STANDARD.decode(basic).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_of_a_key_decides() {
        let check = |headers: &[(&'static str, &str)], query: &str, expected: Option<&str>| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, value.parse().expect("a header value"));
            }
            assert_eq!(key_of(&map, query).as_deref(), expected, "{headers:?} {query}");
        };
        let basic = format!("Basic {}", STANDARD.encode("sns:KEY"));
        check(&[("x-api-key", "KEY")], "", Some("KEY"));
        check(&[("authorization", "Bearer KEY")], "", Some("KEY"));
        check(&[("authorization", "bearer  KEY ")], "", Some("KEY"));
        check(&[("authorization", "GenieKey KEY")], "", Some("KEY"));
        check(&[("authorization", &basic)], "", Some("KEY"));
        check(&[], "x=1&api_key=KEY", Some("KEY"));
        check(&[], "", None);
        check(&[("x-api-key", "WRONG"), ("authorization", "Bearer KEY")], "api_key=KEY", Some("WRONG"));
        check(&[("x-api-key", "")], "api_key=KEY", Some(""));
        check(&[("authorization", "Basic !!!")], "api_key=KEY", Some(""));
        check(&[("authorization", "Bearer")], "api_key=KEY", Some(""));
    }
}
