//! How the tests of the management API call it: slowly enough, and looking at what a refusal says and leaves alone.

use crate::web::{Answer, Site};
use axum::http::Method;
use serde_json::{Value, json};

/// Calls under `/api/v1` as somebody of the site, who has seen whatever it is now.
pub async fn call_as(site: &Site, who: &str, method: Method, path: &str, body: Value) -> Answer {
    call_seen(site, who, method, path, body, Some("*")).await
}

pub async fn call_seen(site: &Site, who: &str, method: Method, path: &str, body: Value, seen: Option<&str>) -> Answer {
    site.clock.advance(1);
    let seen = seen.filter(|_| matches!(method, Method::PUT | Method::DELETE));
    site.api_seen(method, &format!("/api/v1{path}"), who, (!body.is_null()).then_some(body), seen).await
}

/// As the admin.
pub async fn call(site: &Site, method: Method, path: &str, body: Value) -> Answer {
    call_as(site, "admin", method, path, body).await
}

/// What is there, for the admin.
pub async fn get(site: &Site, path: &str) -> Value {
    let answer = call(site, Method::GET, path, Value::Null).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// Does it; the answer is what came of it.
pub async fn done(site: &Site, method: Method, path: &str, body: Value) -> Value {
    let answer = call(site, method.clone(), path, body).await;
    assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
    answer.json()
}

pub async fn post(site: &Site, path: &str) -> Value {
    done(site, Method::POST, path, json!({})).await
}

pub async fn deleted(site: &Site, path: &str) {
    let answer = call(site, Method::DELETE, path, Value::Null).await;
    assert_eq!(answer.status, 204, "{path}: {answer:?}");
}

/// Makes something, which is then found where its answer says.
pub async fn made(site: &Site, path: &str, body: Value) -> Value {
    let answer = call(site, Method::POST, path, body).await;
    assert_eq!(answer.status, 201, "{path}: {answer:?}");
    let made = answer.json();
    let location = answer.header("location");
    assert_eq!(location, format!("/api/v1{path}/{}", text(&made["id"])), "{made}");
    made
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// The `data` of a list.
pub fn data(list: &Value) -> &[Value] {
    list["data"].as_array().unwrap_or_else(|| panic!("{list} is no list"))
}

/// Refused with this status and code, at this member, with a sentence that holds these words; and nothing was written.
pub async fn refused(site: &Site, method: Method, path: &str, body: Value, expected: (u16, &str, &str, &str)) {
    refused_as(site, "admin", method, path, body, expected).await;
}

pub async fn refused_as(
    site: &Site,
    who: &str,
    method: Method,
    path: &str,
    body: Value,
    (status, code, member, words): (u16, &str, &str, &str),
) {
    let before = site.commits();
    let answer = call_as(site, who, method, path, body.clone()).await;
    let problem = answer.json();
    assert_eq!(answer.status, status, "{path} {body}: {problem}");
    assert_eq!(problem["type"], format!("/problems/{code}"), "{path} {body}: {problem}");
    if status == 422 {
        assert_eq!(problem["errors"][0]["pointer"], format!("/{member}"), "{body}: {problem}");
    }
    assert!(text(&problem["detail"]).contains(words), "{body}: {problem}");
    // What somebody known may not do is noted in the audit log.
    let noted = u64::from(status == 403);
    assert!(site.commits() - before <= noted, "{path} {body}: something was written");
}

/// A change needs the version that was seen, and is refused when that is an old one; with the one that is there it is made.
pub async fn needs_version(site: &Site, method: Method, path: &str, body: Value) {
    let shown = call(site, Method::GET, path, Value::Null).await;
    let tag = shown.header("etag").to_owned();
    assert!(tag.starts_with("\"v"), "{path} has the tag {tag:?}");
    let before = site.commits();
    for (seen, status, code) in [(None, 428, "if_match_missing"), (Some("\"v999\""), 412, "stale")] {
        let answer = call_seen(site, "admin", method.clone(), path, body.clone(), seen).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.json()["type"], format!("/problems/{code}"), "{method} {path}");
    }
    assert_eq!(site.commits(), before, "{method} {path}: something was written");
    let answer = call_seen(site, "admin", method.clone(), path, body, Some(&tag)).await;
    assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
}

/// Each of these is refused to those roles, though what it names is there.
pub async fn refused_to(site: &Site, roles: &[&str], calls: &[(Method, String)]) {
    let words = (403, "forbidden", "", "");
    for who in roles {
        for (method, path) in calls {
            let body = if *method == Method::GET { Value::Null } else { json!({}) };
            refused_as(site, who, method.clone(), path, body, words).await;
        }
    }
}

/// There is nothing at these addresses, for whoever may.
pub async fn missing(site: &Site, calls: &[(Method, String, Value)]) {
    for (method, path, body) in calls {
        refused(site, method.clone(), path, body.clone(), (404, "not_found", "", "There is")).await;
    }
}

/// The one source of the site that is active.
pub async fn source(site: &Site) -> Value {
    let all = get(site, "/alert-sources").await;
    data(&all).iter().find(|source| source["is_active"] == true).expect("prometheus").clone()
}
