//! What lets people and their programs in, and how each of it ends.

use crate::web::{Answer, PASSWORD, Site};
use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

async fn bearer(site: &Site, token: &str, method: Method, path: &str, body: Value) -> Answer {
    site.clock.advance(1);
    site.call_with(&[("authorization", &format!("Bearer {token}"))], method, &format!("/api/v1{path}"), body).await
}

/// A token of the admin's; answers its id and itself.
async fn token(site: &Site, who: &str, body: Value) -> (String, String) {
    let answer = site.api(Method::POST, "/api/v1/me/tokens", who, Some(body)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let made = answer.json();
    (made["id"].as_str().expect("an id").to_owned(), made["token"].as_str().expect("a token").to_owned())
}

#[tokio::test]
async fn a_token_acts_for_its_owner_up_to_its_role_until_it_ends() {
    let site = Site::new();
    let (id, reads) = token(&site, "admin", json!({"name": "wallboard", "role": "viewer"})).await;
    let expires_at = site.clock_after(3600);
    let (_, acts) = token(&site, "admin", json!({"name": "deploy", "role": "admin", "expires_at": expires_at})).await;

    let me = bearer(&site, &reads, Method::GET, "/me", Value::Null).await.json();
    assert_eq!(
        (&me["credential"], &me["role"], &me["user"]["role"]),
        (&json!("token"), &json!("viewer"), &json!("admin"))
    );
    let team = json!({"name": "Night"});
    assert_eq!(bearer(&site, &reads, Method::POST, "/teams", team.clone()).await.status, 403);
    assert_eq!(bearer(&site, &acts, Method::POST, "/teams", team).await.status, 201);

    // It is never shown again, and makes nothing that could outlive it.
    let listed = site.api(Method::GET, "/api/v1/me/tokens", "admin", None).await;
    assert!(!listed.text().contains(&reads) && listed.text().contains("wallboard"), "{listed:?}");
    let another = json!({"name": "another", "role": "viewer"});
    assert_eq!(bearer(&site, &acts, Method::POST, "/me/tokens", another).await.status, 403);
    assert_eq!(bearer(&site, &acts, Method::DELETE, &format!("/me/tokens/{id}"), Value::Null).await.status, 403);
    // It opens the API and no page.
    let header = format!("Bearer {acts}");
    let page = site.call_with(&[("authorization", &header)], Method::GET, "/dashboard", Value::Null).await;
    assert_eq!(page.status, 303);

    for wrong in [reads.replace("ppt_", "ppt-"), format!("{reads}x"), "ppt_".to_owned(), String::new()] {
        assert_eq!(bearer(&site, &wrong, Method::GET, "/me", Value::Null).await.status, 401, "{wrong}");
    }
    let revoked = site.api(Method::DELETE, &format!("/api/v1/me/tokens/{id}"), "admin", None).await;
    assert_eq!(revoked.status, 204);
    assert_eq!(bearer(&site, &reads, Method::GET, "/me", Value::Null).await.status, 401);
    site.clock.advance(3600);
    assert_eq!(bearer(&site, &acts, Method::GET, "/me", Value::Null).await.status, 401, "expired");
}

#[tokio::test]
async fn a_token_is_refused_with_the_reason() {
    let site = Site::new();
    let check = async |who: &str, body: Value, code: &str| {
        site.clock.advance(1);
        let answer = site.api(Method::POST, "/api/v1/me/tokens", who, Some(body.clone())).await;
        assert_eq!(answer.json()["type"], format!("/problems/{code}"), "{body}: {answer:?}");
    };
    check("viewer", json!({"name": "x", "role": "admin"}), "role_too_high").await;
    check("viewer", json!({"name": "x", "role": "boss"}), "role_unknown").await;
    check("viewer", json!({"name": "", "role": "viewer"}), "name_range").await;
    let past = json!({"name": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"});
    check("viewer", past, "expiry_past").await;
    token(&site, "viewer", json!({"name": "x", "role": "viewer"})).await;
    check("viewer", json!({"name": "x", "role": "viewer"}), "name_taken").await;
    for number in 0..19 {
        site.clock.advance(1);
        token(&site, "viewer", json!({"name": format!("x{number}"), "role": "viewer"})).await;
    }
    check("viewer", json!({"name": "one more", "role": "viewer"}), "too_many").await;
}

/// Session, token and Basic: all three stop with the very next request.
#[tokio::test]
async fn whoever_is_deactivated_is_out_at_once() {
    let site = Site::new();
    let (_, token) = token(&site, "responder", json!({"name": "phone", "role": "responder"})).await;
    let cookie = site.signed_in("responder");
    let basic = format!("Basic {}", STANDARD.encode(format!("responder@example.test:{PASSWORD}")));
    let bearer = format!("Bearer {token}");
    let credentials: [(&str, &str); 3] = [("cookie", &cookie), ("authorization", &bearer), ("authorization", &basic)];
    let statuses = async || {
        let mut statuses = Vec::new();
        for credential in credentials {
            site.clock.advance(1);
            statuses.push(site.call_with(&[credential], Method::GET, "/api/v1/me", Value::Null).await.status.as_u16());
        }
        statuses
    };
    assert_eq!(statuses().await, [200, 200, 200]);
    let path = format!("/api/v1/users/{}/deactivate", site.people["responder"]);
    assert_eq!(site.api(Method::POST, &path, "admin", None).await.status, 200);
    assert_eq!(statuses().await, [401, 401, 401]);
    // Coming back brings the token back, and no session.
    let path = path.replace("deactivate", "reactivate");
    assert_eq!(site.api(Method::POST, &path, "admin", None).await.status, 200);
    assert_eq!(statuses().await, [401, 200, 200]);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_and_all_at_once() {
    let site = Site::new();
    let (here, there) = (site.signed_in("viewer"), site.signed_in("viewer"));
    let with = |cookie: &str, method: Method, path: &str| {
        let (cookie, path) = (cookie.to_owned(), format!("/api/v1{path}"));
        let csrf = site.csrf_of(&cookie);
        site.clock.advance(1);
        let site = &site;
        async move { site.call_with(&[("cookie", &cookie), ("x-csrf-token", &csrf)], method, &path, Value::Null).await }
    };
    let list = with(&here, Method::GET, "/me/sessions").await.json();
    let sessions = list["data"].as_array().expect("sessions").clone();
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|session| session["is_current"] == false).expect("the other one");
    let ended = with(&here, Method::DELETE, &format!("/me/sessions/{}", other["id"].as_str().expect("an id"))).await;
    assert_eq!(ended.status, 204, "{ended:?}");
    assert_eq!(with(&there, Method::GET, "/me").await.status, 401);
    assert_eq!(with(&here, Method::GET, "/me").await.status, 200);

    // Another person's is none of a viewer's business, and an admin ends all of them.
    let path = format!("/users/{}/sessions", site.people["admin"]);
    assert_eq!(with(&here, Method::GET, &path).await.status, 403);
    let everywhere = format!("/api/v1/users/{}/sign-out-everywhere", site.people["viewer"]);
    assert_eq!(site.api(Method::POST, &everywhere, "admin", None).await.status, 204);
    assert_eq!(with(&here, Method::GET, "/me").await.status, 401);
}

#[tokio::test]
async fn while_too_many_passwords_are_checked_people_are_asked_to_come_back_and_no_try_is_counted() {
    let site = Site::new();
    let basic = format!("Basic {}", STANDARD.encode(format!("viewer@example.test:{PASSWORD}")));
    let form = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let fields = format!("email=viewer@example.test&password={}", PASSWORD.replace(' ', "+"));
    let checks = site.password_checks().await;
    for _ in 0..10 {
        let call = site.call_with(&[("authorization", &basic)], Method::GET, "/api/v1/me", Value::Null).await;
        let page = site.alert(&form, "/login", fields.clone()).await;
        assert!(page.text().contains("value=\"viewer@example.test\""), "the form, as it was filled in: {page:?}");
        for answer in [call, page] {
            assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "5"), "{answer:?}");
            assert!(answer.text().contains("Busy: try again in a few seconds. Pages still go out."), "{answer:?}");
        }
    }
    checks.end().await;
    assert_eq!(site.alert(&form, "/login", fields).await.status, 303);
    let call = site.call_with(&[("authorization", &basic)], Method::GET, "/api/v1/me", Value::Null).await;
    assert_eq!(call.status, 200);
}
