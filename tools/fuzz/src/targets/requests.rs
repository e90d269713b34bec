//! What a browser or a client puts around its request: headers, forms, queries, ids in paths.

use super::{all_of, choice, chosen};
use crate::Target;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use pagerpal::domain::id::UserId;
use pagerpal::web::address::{Client, Peer};
use pagerpal::web::extract::Fields;
use pagerpal::web::session::{Token, safe_next};
use pagerpal::web::{basic, bearer};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub const HEADERS: Target = Target {
    name: "headers",
    ask: headers,
    seeds: || {
        vec![
            chosen(0, b"Basic YW5hQGV4YW1wbGUub3JnOnBhc3M6d29yZA=="),
            chosen(0, b"bearer ppt_0123456789"),
            chosen(1, b"a=b; pagerpal=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; c=d"),
            chosen(1, b"__Host-pagerpal=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            chosen(2, b"1.2.3.4, 198.51.100.1:99, [2001:db8::1]:443, 10.0.0.2"),
            chosen(2, b"::ffff:203.0.113.7"),
            chosen(3, b"/incidents?status=open"),
            chosen(3, b"//evil.example.org"),
        ]
    },
    words: &[
        "Basic ",
        "Bearer ",
        "pagerpal=",
        "__Host-",
        "; ",
        ",",
        ":",
        "[::1]",
        "10.0.0.1",
        "127.0.0.1",
        "//",
        "/\\",
        "%2f",
        "/login",
    ],
};

pub const FORM: Target = Target {
    name: "form",
    ask: form,
    seeds: || {
        all_of(&[
            "",
            "name=Ana&user=usr_1m&delay=5",
            "start=2026-10-25T02%3A30&zone=Europe%2FBerlin",
            "a&b=&=c&a=%ff+x",
        ])
    },
    words: &["&", "=", "%", "+", "user=usr_", "delay=", "%00", "%e2%80%ae", "start=2026-03-29T02%3A30", "usr_1m"],
};

fn headers(data: &[u8]) -> bool {
    let (which, text) = choice(data, 4);
    let Ok(value) = HeaderValue::from_bytes(text) else { return false };
    match which {
        0 => {
            let (pair, token) = (basic::credentials(&value), bearer::token(&value));
            assert!(pair.is_none() || token.is_none(), "one scheme at a time");
            assert!(pair.as_ref().is_none_or(|(email, _)| !email.contains(':') && email.trim() == email), "{pair:?}");
            pair.is_some() || token.is_some()
        }
        1 => cookie(value),
        2 => forwarded(value),
        _ => {
            let next = value.to_str().unwrap_or("");
            let safe = safe_next(next);
            assert!(safe.starts_with('/') && !safe.starts_with("//") && !safe.contains('\\'), "{next:?}");
            assert!(safe.bytes().all(|byte| byte.is_ascii_graphic()) && safe_next(safe) == safe, "{next:?}");
            safe == next
        }
    }
}

fn cookie(value: HeaderValue) -> bool {
    let headers = HeaderMap::from_iter([(header::COOKIE, value)]);
    let mut found = false;
    for secure in [false, true] {
        let Some(token) = Token::of(&headers, secure) else { continue };
        found = true;
        let given = token.set_cookie(secure);
        let given =
            given.to_str().expect("a header of ours is ASCII").split(';').next().expect("it begins with the pair");
        let back = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(given).expect("it was one"))]);
        assert!(Token::of(&back, secure) == Some(token.clone()), "a browser gives back what it was given");
        let other = Token::of(&back, !secure);
        assert!(other.is_none(), "and only under this name");
        assert!(token.is_csrf(&token.csrf()) && token.is_csrf(&token.masked([7; 32])));
    }
    found
}

fn forwarded(value: HeaderValue) -> bool {
    let mut headers = HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), value.clone())]);
    headers.insert(header::HOST, value.clone());
    headers.insert(header::USER_AGENT, value.clone());
    headers.insert("x-forwarded-proto", value);
    let is_proxy = |address: IpAddr| address == IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)) || address.is_loopback();
    let of = |peer: [u8; 4]| {
        let address = SocketAddr::new(IpAddr::from(peer), 4711);
        Client::of(Peer { address, is_tls: false }, &headers, is_proxy)
    };
    let stranger = of([203, 0, 113, 9]);
    assert_eq!(stranger.address, IpAddr::from([203, 0, 113, 9]), "a stranger may write what he likes");
    assert!(!stranger.is_https && !stranger.is_local() && stranger.is_forwarded, "{stranger:?}");
    let behind = of([10, 0, 0, 1]);
    assert!(!behind.is_local(), "a proxy could carry anybody: {behind:?}");
    assert!(behind.agent.chars().count() <= 160 && !behind.agent.contains(char::is_control));
    assert_eq!(behind.address, behind.address.to_canonical());
    behind.address != IpAddr::from([10, 0, 0, 1])
}

fn form(data: &[u8]) -> bool {
    let fields = Fields::parse(data);
    let written: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields.0).finish();
    assert_eq!(Fields::parse(written.as_bytes()).0, fields.0, "it reads back");
    for (name, value) in &fields.0 {
        assert!(fields.all(name).any(|found| found == value));
        assert_eq!(fields.text(name), fields.verbatim(name).trim());
        assert_eq!(fields.optional(name).is_none(), fields.text(name).is_empty());
    }
    let user = fields.optional_id::<UserId>("user");
    if let Ok(Some(id)) = user {
        assert_eq!(fields.text("user"), id.to_string());
    }
    let number = fields.optional_number::<u16>("delay");
    assert_eq!(number.is_ok_and(|number| number.is_none()), fields.optional("delay").is_none());
    if let Ok(at) = pagerpal::web::ui::typed::instant(&fields, "start", "start_pass", "Europe/Berlin") {
        assert!(at <= pagerpal::domain::time::Timestamp::MAX);
    }
    !fields.0.is_empty()
}
