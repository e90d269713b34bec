//! Whether a page of somebody else made this browser send the request.
//!
//! Browsers remember Basic credentials and attach cookies by themselves, so an unsafe request is only accepted if it
//! comes from our own pages, from an origin on the operator's list, or from no browser at all. `Sec-Fetch-Site` tells;
//! plain http leaves it out, then `Origin` does. No browser leaves out both on an unsafe request.

use crate::web::WebSettings;
use crate::web::address::Client;
use crate::web::error::WebError;
use axum::http::HeaderMap;
use std::sync::PoisonError;

pub fn require_own(headers: &HeaderMap, client: &Client, settings: &WebSettings) -> Result<(), WebError> {
    if is_own(headers, client, settings) {
        return Ok(());
    }
    let sentence = "This came from a page of another site. Open PagerPal itself and try again there; \
        the operator can name trusted sites in ALLOWED_ORIGINS.";
    Err(WebError::Forbidden(sentence))
}

fn is_own(headers: &HeaderMap, client: &Client, settings: &WebSettings) -> bool {
    let origin = headers.get("origin").map(|value| value.to_str().unwrap_or("null"));
    if origin.is_some_and(|origin| is_allowed(origin, settings)) {
        return true;
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = origin else { return true };
    let scheme = if client.is_https { "https" } else { "http" };
    let is_ours = !client.host.is_empty() && origin == format!("{scheme}://{}", client.host);
    is_ours || settings.base_url.as_deref() == Some(origin)
}

/// Whether the operator has listed this origin.
pub fn is_allowed(origin: &str, settings: &WebSettings) -> bool {
    let allowed = settings.allowed_origins.read().unwrap_or_else(PoisonError::into_inner);
    allowed.iter().any(|allowed| allowed == origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsafe_request_comes_from_our_pages_a_listed_origin_or_no_browser() {
        let settings = WebSettings {
            base_url: Some("https://pager.example.org".into()),
            cookie_secure: true,
            allowed_origins: vec!["https://wall.example.org".into()].into(),
            is_trusted_proxy: Box::new(|_| false),
            listens_on_loopback: false,
            read_call: |_, _| (vec![], vec![]),
            session_key: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b""),
            sign_on: None,
        };
        let check = |site: Option<&'static str>, origin: Option<&'static str>, expected| {
            let client = Client {
                address: [192, 0, 2, 1].into(),
                is_https: false,
                is_forwarded: false,
                host: "10.0.0.5:8000".into(),
                agent: String::new(),
            };
            let mut headers = HeaderMap::new();
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if let Some(value) = value {
                    headers.insert(name, value.parse().expect("a header value"));
                }
            }
            assert_eq!(is_own(&headers, &client, &settings), expected, "{site:?} {origin:?}");
        };
        check(None, None, true);
        check(Some("same-origin"), None, true);
        check(Some("same-origin"), Some("https://pager.example.org"), true);
        check(Some("same-site"), Some("https://pager.example.org"), false);
        check(Some("cross-site"), None, false);
        check(Some("none"), None, false);
        check(Some("cross-site"), Some("https://wall.example.org"), true);
        check(None, Some("https://pager.example.org"), true);
        check(None, Some("http://10.0.0.5:8000"), true);
        check(None, Some("https://10.0.0.5:8000"), false);
        check(None, Some("https://evil.example.net"), false);
        check(None, Some("null"), false);
    }
}
