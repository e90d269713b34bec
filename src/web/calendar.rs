//! `GET /calendar/{token}`: a feed, for calendar programs that subscribe to it.
//!
//! Whoever has the link may read, so there is no session and nothing else at this address: a wrong token, a revoked one and
//! a deactivated person's are the same 404. Programs ask again and again; an ETag makes most answers 304.

use crate::app::{feeds, sha256};
use crate::exchange::ical::export;
use crate::hex::hex;
use crate::web::Web;
use crate::web::error::WebError;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

pub async fn get(
    State(web): State<Arc<Web>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let token = token.strip_suffix(".ics").unwrap_or(&token).to_owned();
    let (key, host) = (web.app.settings.link_key.clone(), host(web.settings.base_url.as_deref()));
    let found = web.read(move |read| {
        let Some(feed) = feeds::by_token(read, &key, &token)? else { return Ok(None) };
        Ok(Some(export::write(&feeds::document(read, &feed, &host)?)))
    });
    let text = found.await?.ok_or(WebError::NotFound)?;
    let etag = format!("\"{}\"", hex(&sha256(text.as_bytes())[..16]));
    let kept = [(header::ETAG, etag.as_str()), (header::CACHE_CONTROL, "private, no-cache")];
    if is_known(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    Ok((kept, [(header::CONTENT_TYPE, "text/calendar; charset=utf-8")], text).into_response())
}

/// The path of a feed. Programs want the ending.
pub fn path(token: &str) -> String {
    format!("/calendar/{token}.ics")
}

/// Whether the reader has this very answer already (RFC 9110, 13.1.2: the weak comparison).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let listed = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = listed.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// What ends the UIDs of this installation's events.
fn host(base_url: Option<&str>) -> String {
    let rest = base_url.and_then(|base| base.split_once("://")).map_or("", |(_, rest)| rest);
    let host = rest.split(['/', ':']).next().unwrap_or("");
    if host.is_empty() { "pagerpal".to_owned() } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_known_is_recognised() {
        let check = |sent: &str, expected: bool| {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, sent.parse().expect("a value"))]);
            assert_eq!(is_known(&headers, "\"abc\""), expected, "{sent}");
        };
        check("\"abc\"", true);
        check("\"x\", W/\"abc\"", true);
        check("*", true);
        check("\"abcd\"", false);
        check("abc", false);
        assert!(!is_known(&HeaderMap::new(), "\"abc\""));
    }

    #[test]
    fn events_are_named_after_the_installations_host() {
        assert_eq!(host(Some("https://pager.example.test:8443/x")), "pager.example.test");
        assert_eq!(host(None), "pagerpal");
    }
}
