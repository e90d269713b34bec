//! The management API: what a program can set up, and the sentence it reads when it is refused.

use crate::web::{Answer, Site};
use axum::http::Method;
use serde_json::{Value, json};

/// Calls as the admin, slowly enough.
async fn call(site: &Site, method: Method, path: &str, body: Value) -> Answer {
    site.clock.advance(1);
    site.api(method, &format!("/api/v1{path}"), "admin", Some(body)).await
}

async fn made(site: &Site, path: &str, body: Value) -> String {
    let answer = call(site, Method::POST, path, body).await;
    assert_eq!(answer.status, 201, "{path}: {answer:?}");
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    assert!(answer.header("location").ends_with(&id), "{answer:?}");
    id
}

/// Refused with this code, at this field, with a sentence that holds these words; and nothing was written.
async fn refused(site: &Site, method: Method, path: &str, body: Value, expected: (u16, &str, &str, &str)) {
    let (status, code, pointer, words) = expected;
    let before = site.commits();
    let answer = call(site, method, path, body.clone()).await;
    let problem = answer.json();
    assert_eq!(answer.status, status, "{path} {body}: {problem}");
    assert_eq!(problem["type"], format!("/problems/{code}"), "{body}");
    if status == 422 {
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}: {problem}");
    }
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(words), "{body}: {detail}");
    assert_eq!(site.commits(), before, "{path} {body}: something was written");
}

#[tokio::test]
async fn a_policy_is_set_up_changed_and_removed() {
    let site = Site::new();
    let responder = site.people["responder"].to_string();
    let level =
        |number: u8| json!({"number": number, "delay_seconds": 300, "recipients": [{"kind": "user", "id": responder}]});
    let id = made(&site, "/escalation-policies", json!({"name": "Nights", "levels": [level(2), level(1)]})).await;
    let path = format!("/escalation-policies/{id}");
    let policy = call(&site, Method::GET, &path, Value::Null).await.json();
    let numbers: Vec<&Value> = policy["levels"].as_array().expect("levels").iter().map(|l| &l["number"]).collect();
    assert_eq!(numbers, [&json!(1), &json!(2)]);
    assert_eq!((&policy["repeat"], &policy["repage_seconds"]), (&json!(2), &json!(1800)));

    let timed = json!({"name": "Nights", "levels": [level(1)], "repeat": 0, "ack_timeout_seconds": 1800});
    let policy = call(&site, Method::PUT, &path, timed).await.json();
    assert_eq!((&policy["repeat"], &policy["ack_timeout_seconds"]), (&json!(0), &json!(1800)));
    let ladder = site.api(Method::GET, &format!("/api/v1{path}/ladder?at=2027-03-02T03:16:00Z"), "viewer", None).await;
    let rungs = ladder.json()["data"].clone();
    let steps: Vec<(&Value, &Value)> =
        rungs.as_array().expect("rungs").iter().map(|rung| (&rung["at"], &rung["kind"])).collect();
    let (now, then) = (json!("2027-03-02T03:16:00Z"), json!("2027-03-02T03:21:00Z"));
    assert_eq!(steps, [(&now, &json!("level")), (&then, &json!("last_resort"))]);
    assert_eq!(rungs[0]["people"][0]["user"]["id"], json!(responder));
    let fraction = (422, "time_form", "/at", "whole seconds");
    refused(&site, Method::GET, &format!("{path}/ladder?at=2027-03-02T03:16:00.5Z"), Value::Null, fraction).await;
    assert_eq!(call(&site, Method::DELETE, &path, json!({})).await.status, 204);
    assert_eq!(call(&site, Method::GET, &path, Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_policy_is_refused_with_the_sentence_that_says_why() {
    let site = Site::new();
    let (responder, gone) = (site.people["responder"].to_string(), site.people["gone"].to_string());
    let level = |number: u8, delay: u32, user: &str| json!({"number": number, "delay_seconds": delay, "recipients": [{"kind": "user", "id": user}]});
    let policy = |levels: Value| json!({"name": "Nights", "levels": levels});
    let table = [
        (
            policy(json!([level(2, 300, &responder), level(2, 60, &responder)])),
            (422, "level_number_taken", "/number", "Level 2 already exists in this policy. Numbers must differ"),
        ),
        (
            policy(json!([level(0, 300, &responder)])),
            (422, "level_range", "/number", "a number from 1 to 99 and a delay of 1 to 1440 minutes"),
        ),
        (
            policy(json!([{"number": 1, "delay_seconds": 300}])),
            (422, "level_empty", "/recipients", "Choose a person, team or schedule: a level without any pages nobody."),
        ),
        (
            policy(json!([level(1, 300, &gone)])),
            (422, "user_inactive", "/user", "gone is deactivated and cannot be added. Choose somebody active"),
        ),
        (
            policy(json!([level(1, 90, &responder)])),
            (422, "whole_minutes", "/levels/0/delay_seconds", "Give whole minutes"),
        ),
        (
            policy(json!([level(1, 300, "bob")])),
            (422, "unknown", "/levels/0/recipients/0/id", "Give an id, such as usr_1k."),
        ),
        (json!({"name": " "}), (422, "name_range", "/name", "a name of 1 to 100 characters")),
        (json!({"name": "Payments"}), (422, "name_taken", "/name", "Payments is the name of another")),
        (json!({"name": "x", "last_resort": [gone]}), (422, "user_inactive", "/user", "gone is deactivated")),
        (json!({"name": "x", "levles": []}), (422, "member_unknown", "/levles", "unknown field `levles`")),
    ];
    for (body, expected) in table {
        refused(&site, Method::POST, "/escalation-policies", body, expected).await;
    }
    let list = call(&site, Method::GET, "/escalation-policies", Value::Null).await.json();
    let used = list["data"][0]["id"].as_str().expect("Payments").to_owned();
    let in_use = (409, "in_use", "", "Payments is still used by alert source");
    refused(&site, Method::DELETE, &format!("/escalation-policies/{used}"), json!({}), in_use).await;
}

#[tokio::test]
async fn a_team_is_set_up_changed_and_removed() {
    let site = Site::new();
    let (admin, responder) = (site.people["admin"].to_string(), site.people["responder"].to_string());
    let gone = site.people["gone"].to_string();
    let id = made(&site, "/teams", json!({"name": "Databases", "members": [responder]})).await;
    let path = format!("/teams/{id}");
    let team = call(&site, Method::PUT, &path, json!({"name": "Storage", "members": [admin]})).await.json();
    assert_eq!((&team["name"], &team["members"]), (&json!("Storage"), &json!([admin])));
    let inactive = (422, "user_inactive", "/user", "gone is deactivated and cannot be added");
    refused(&site, Method::PUT, &path, json!({"name": "Storage", "members": [admin, gone]}), inactive).await;
    let taken = (422, "name_taken", "/name", "payments is the name of another team");
    refused(&site, Method::PUT, &path, json!({"name": "payments"}), taken).await;
    assert_eq!(call(&site, Method::DELETE, &path, json!({})).await.status, 204);
    let list = call(&site, Method::GET, "/teams", Value::Null).await.json();
    let used = list["data"][0]["id"].as_str().expect("Payments").to_owned();
    let in_use = (409, "in_use", "", "Payments is still used by");
    refused(&site, Method::DELETE, &format!("/teams/{used}"), json!({}), in_use).await;
}

#[tokio::test]
async fn a_person_is_set_up_reached_deactivated_and_brought_back() {
    let site = Site::new();
    let id = made(&site, "/users", json!({"name": "Bo", "role": "responder"})).await;
    let path = format!("/users/{id}");
    let number = json!({"channel": "sms", "address": "+1 202 555 0123"});
    let contact = made(&site, &format!("{path}/contact-methods"), number.clone()).await;
    assert_eq!(
        call(&site, Method::GET, &path, Value::Null).await.json()["contact_methods"][0]["address"],
        "+12025550123"
    );
    let masked = site.api(Method::GET, &format!("/api/v1{path}"), "viewer", None).await.json();
    assert_eq!(masked["contact_methods"][0]["address"], "+12 … 23", "a viewer sees no numbers");

    let taken = (422, "contact_taken", "/address", "Bo has this SMS already.");
    refused(&site, Method::POST, &format!("{path}/contact-methods"), number, taken).await;
    let local = json!({"channel": "sms", "address": "0170 1234567"});
    let form = (422, "phone_form", "/address", "Write the number in international form");
    refused(&site, Method::POST, &format!("{path}/contact-methods"), local, form).await;
    let removed = call(&site, Method::DELETE, &format!("{path}/contact-methods/{contact}"), json!({})).await;
    assert_eq!(removed.status, 204);

    let renamed = json!({"name": "Bo", "role": "responder", "zone": "EST"});
    let zone = (422, "zone_unknown", "/zone", "EST is not a place. Choose one, such as America/New_York.");
    refused(&site, Method::PUT, &path, renamed, zone).await;
    let off = call(&site, Method::POST, &format!("{path}/deactivate"), json!({})).await.json();
    assert_eq!(off["is_active"], false);
    let on = call(&site, Method::POST, &format!("{path}/reactivate"), json!({})).await.json();
    assert_eq!(on["is_active"], true);

    let admin = site.people["admin"];
    let last = (409, "last_admin", "", "admin is the only active admin. Make somebody else an admin first.");
    refused(&site, Method::POST, &format!("/users/{admin}/deactivate"), json!({}), last).await;
}
