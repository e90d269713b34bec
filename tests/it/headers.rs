//! The security headers: on every response of every row of the route table, whoever asks and whatever comes of it.

use crate::house::{Answer, House, basic, cookie, existing, session_of};
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use pagerpal::web::routes;

/// What is missing or different, in words.
pub fn wrong_header(headers: &HeaderMap) -> Option<String> {
    let expected = [
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
             connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'; require-trusted-types-for 'script'",
        ),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", ""),
        ("strict-transport-security", "max-age=63072000"),
    ];
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    for (name, expected) in expected {
        if value(name) != Some(expected) || headers.get_all(name).iter().count() != 1 {
            return Some(format!("{name} is {:?}", value(name)));
        }
    }
    if value("x-request-id").is_none_or(|id| id.len() != 20) {
        return Some("no request id".into());
    }
    if value("cache-control").is_none_or(str::is_empty) {
        return Some("no cache-control".into());
    }
    None
}

/// What somebody is shown who is signed in must not stay in a cache.
fn is_kept_nowhere(answer: &Answer) -> bool {
    answer.header("cache-control").contains("no-store")
}

#[tokio::test]
async fn every_response_of_every_row_carries_them() {
    let mut house = House::new(str::to_owned);
    let full = house.shelf.state();
    let mut asked = 0;
    let mut wrong = Vec::new();
    for row in routes::table() {
        house.restart();
        let right = house.fill_as("admin", &existing(&row));
        let by_name = existing(&row);
        let missing = by_name.split('/').map(|part| if part.starts_with('{') { "missing" } else { part });
        let missing = missing.collect::<Vec<_>>().join("/");
        let paths = [right, missing];
        for path in &paths {
            for method in [row.method.clone(), Method::HEAD, Method::PATCH, Method::OPTIONS] {
                for who in ["nobody", "admin", "cross-site", "basic"] {
                    let mut request = Request::builder().method(method.clone()).uri(path);
                    let token = session_of("admin");
                    match who {
                        "admin" => request = request.header(header::COOKIE, cookie(&token)),
                        "cross-site" => {
                            request =
                                request.header(header::COOKIE, cookie(&token)).header("sec-fetch-site", "cross-site");
                        }
                        "basic" => request = request.header(header::AUTHORIZATION, basic("admin")),
                        _ => {}
                    }
                    let answer = house.send(request.body(Body::empty()).expect("a request")).await;
                    house.shelf.put_back(&full);
                    asked += 1;
                    let at = format!("{method} {path} by {who}: {}", answer.status);
                    wrong.extend(wrong_header(&answer.headers).map(|what| format!("{at}: {what}")));
                    let is_private = who == "admin"
                        && answer.status == 200
                        && !["/assets/", "/calendar/"].iter().any(|free| path.starts_with(free));
                    if is_private && !is_kept_nowhere(&answer) {
                        wrong.push(format!("{at}: cache-control is {:?}", answer.header("cache-control")));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked > 3000, "{asked}");
}

#[tokio::test]
async fn errors_that_no_row_makes_carry_them_too() {
    let house = House::new(str::to_owned);
    let long = Request::post("/api/v1/teams").header(header::AUTHORIZATION, basic("admin"));
    let long = long.header(header::CONTENT_TYPE, "application/json").body(Body::from(vec![b' '; 70_000]));
    let form = Request::post("/login").body(Body::from(vec![b'x'; 20_000]));
    let nowhere = Request::get("/nowhere/at/all").body(Body::empty());
    let plain = Request::post("/api/v1/teams").header(header::AUTHORIZATION, basic("admin"));
    let plain = plain.header(header::CONTENT_TYPE, "text/plain").body(Body::from("{}"));
    for (request, expected) in [(long, 413), (form, 413), (nowhere, 404), (plain, 415)] {
        let answer = house.send(request.expect("a request")).await;
        assert_eq!(answer.status, expected);
        assert_eq!(wrong_header(&answer.headers), None, "{expected}");
    }
}
