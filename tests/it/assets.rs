//! What browsers keep and what travels: files under names that change with them, pages made small, and the budgets.

use crate::house::{Answer, House, cookie, session_of};
use axum::body::Body;
use axum::http::{Request, header};
use flate2::read::GzDecoder;
use http_body_util::BodyExt;
use pagerpal::web::address::Peer;
use std::io::Read;
use std::net::SocketAddr;
use tower::ServiceExt;

/// As a browser asks: whose answer is packed if it can be.
async fn packed(house: &House, path: &str) -> (axum::http::HeaderMap, Vec<u8>) {
    let request = Request::get(path)
        .header(header::COOKIE, cookie(&session_of("admin")))
        .header(header::ACCEPT_ENCODING, "gzip, deflate, br, zstd");
    let mut request = request.body(Body::empty()).expect("a request");
    request.extensions_mut().insert(Peer { address: SocketAddr::from(([127, 0, 0, 1], 50_000)), is_tls: true });
    let response = house.router.clone().oneshot(request).await.expect("the router always answers");
    let (parts, body) = response.into_parts();
    assert_eq!(parts.status, 200, "{path}");
    (parts.headers, body.collect().await.expect("it is whole").to_bytes().to_vec())
}

fn unpacked(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).expect("gzip of text");
    text
}

/// The addresses of files that a page names.
fn named(page: &str) -> Vec<String> {
    let after = page.split("\"/assets/").skip(1);
    let mut names: Vec<String> =
        after.map(|rest| rest.split(['"', '#']).next().expect("one part").to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

#[tokio::test]
async fn a_file_is_kept_for_ever_under_a_name_that_changes_with_it() {
    let house = House::new(str::to_owned);
    let page = house.get("admin", "/dashboard").await;
    let names = named(&page.body);
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        let path = format!("/assets/{name}");
        let plain = house.get("nobody", &path).await;
        assert_eq!(
            (plain.status.as_u16(), plain.header("cache-control")),
            (200, "public, max-age=31536000, immutable")
        );
        assert_eq!(plain.header("vary"), "Accept-Encoding", "{name}");
        let (headers, small) = packed(&house, &path).await;
        assert_eq!(
            (&headers["content-encoding"], &headers["content-type"]),
            (&"gzip".parse().expect("ASCII"), &plain.headers["content-type"])
        );
        assert_eq!(unpacked(&small), plain.body, "{name}");
        assert_ne!(headers["etag"], plain.headers["etag"], "two bodies, two tags");

        // The page of an older version, and a bookmark without any.
        let (stem, kind) = (name.split('.').next().expect("a stem"), name.rsplit('.').next().expect("a kind"));
        for other in [format!("/assets/{stem}.0123456789abcdef.{kind}"), format!("/assets/{stem}.{kind}")] {
            let answer = house.get("nobody", &other).await;
            assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-cache"), "{other}");
            assert_eq!(answer.body, plain.body);
        }
    }
    for nothing in ["/assets/none.0123456789abcdef.css", "/assets/app.0123456789abcdeg.css", "/assets/..%2fapp.css"] {
        assert_eq!(house.get("nobody", nothing).await.status, 404, "{nothing}");
    }
}

#[tokio::test]
async fn pages_travel_small_and_say_the_same() {
    let house = House::new(str::to_owned);
    let without_tokens = |text: &str| {
        let mut parts = text.split("name=\"csrf\" value=\"");
        let first = parts.next().expect("one part").to_owned();
        parts.fold(first, |text, part| text + part.split_once('"').expect("the value ends").1)
    };
    for path in ["/dashboard", "/incidents", "/on-call", "/schedules"] {
        let plain: Answer = house.get("admin", path).await;
        let (headers, small) = packed(&house, path).await;
        assert_eq!(headers["content-encoding"], "gzip", "{path}");
        assert!(headers.get_all(header::VARY).iter().any(|value| value == "Accept-Encoding"), "{path}");
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        assert_eq!(without_tokens(&unpacked(&small)), without_tokens(&plain.body), "{path}");
    }
}

/// 20 kB for the longest page there is at night, as it is in a house where everything exists.
#[tokio::test]
async fn the_page_of_an_incident_keeps_its_budget() {
    let house = House::new(str::to_owned);
    let (_, small) = packed(&house, &house.fill("/incidents/{incident}")).await;
    let page = unpacked(&small);
    assert!(page.contains("Who is being called") && page.contains("Timeline"), "{page}");
    assert!(small.len() <= 20 * 1024, "it travels as {} bytes", small.len());
}

/// What every page needs, once: 12 kB of style and 9 kB of scripts, as they travel.
#[tokio::test]
async fn style_and_scripts_keep_their_budgets() {
    let house = House::new(str::to_owned);
    let page = house.get("admin", "/dashboard").await.body;
    let (mut style, mut scripts) = (0, 0);
    for name in named(&page) {
        let (_, small) = packed(&house, &format!("/assets/{name}")).await;
        match name.rsplit('.').next() {
            Some("css") => style += small.len(),
            Some("js") => scripts += small.len(),
            _ => {}
        }
    }
    assert!((1..=12 * 1024).contains(&style), "the style travels as {style} bytes");
    assert!((1..=9 * 1024).contains(&scripts), "the scripts travel as {scripts} bytes");
}

/// The token of a page's forms is never the same text twice, so that nobody learns it from the sizes of packed pages.
#[tokio::test]
async fn every_page_masks_the_token_of_its_forms() {
    let house = House::new(str::to_owned);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let page = house.get("admin", "/dashboard").await.body;
        let token = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let token = token.expect("a form").to_owned();
        assert!(session_of("admin").is_csrf(&token) && !session_of("viewer").is_csrf(&token));
        assert!(seen.insert(token), "the same mask twice");
    }
    assert!(!seen.contains(&session_of("admin").csrf()));
}
