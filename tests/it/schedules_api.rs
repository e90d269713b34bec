//! Schedules and who is on call, as programs see them: what is made is answered, what is refused names its member.

use crate::web::{Answer, Site};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

/// Slowly enough.
async fn call(site: &Site, method: Method, path: &str, who: &str, body: Option<Value>) -> Answer {
    site.clock.advance(1);
    site.api(method, path, who, body).await
}

async fn made(site: &Site, path: &str, body: Value) -> Value {
    let answer = call(site, Method::POST, path, "admin", Some(body)).await;
    assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.json());
    answer.json()
}

/// A team and a schedule in Berlin; answers the schedule's path.
async fn schedule(site: &Site) -> String {
    let team = made(site, "/api/v1/teams", json!({"name": "Network"})).await;
    let body = json!({"name": "Primary", "team": team["id"], "zone": "Europe/Berlin"});
    let schedule = made(site, "/api/v1/schedules", body).await;
    format!("/api/v1/schedules/{}", schedule["id"].as_str().expect("an id"))
}

fn weekly(site: &Site) -> Value {
    let [a, b] = ["admin", "responder"].map(|who| site.people[who].to_string());
    json!({
        "name": "Weekly", "zone": "Europe/Berlin", "anchor": "2026-06-01T09:00",
        "cadence": {"unit": "weeks", "count": 1}, "slots": [[a], [b]],
    })
}

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

fn refused(answer: &Answer, status: StatusCode, code: &str, pointer: &str) {
    let problem = answer.json();
    assert_eq!(answer.status, status, "{problem}");
    let (found, at) = match status {
        StatusCode::UNPROCESSABLE_ENTITY => (&problem["errors"][0]["code"], problem["errors"][0]["pointer"].as_str()),
        _ => (&problem["type"], None),
    };
    assert!(found.as_str().is_some_and(|found| found.ends_with(code)), "{problem}");
    assert_eq!(at.unwrap_or(""), pointer, "{problem}");
}

#[tokio::test]
async fn a_schedule_is_made_asked_and_deleted() {
    let site = Site::new();
    let path = schedule(&site).await;
    let made_layer = made(&site, &format!("{path}/layers"), weekly(&site)).await;
    assert_eq!(made_layer["layers"][0]["versions"][0]["effective_from"], "2026-06-01T07:00:00Z");
    assert_eq!(made_layer["layers"][0]["versions"][0]["cadence"], json!({"unit": "weeks", "count": 1}));
    let get = async |path: String| call(&site, Method::GET, &path, "viewer", None).await;
    let answer = get(format!("{path}/on-call?at=2026-06-09T12:00:00%2B02:00")).await.json();
    let person = &answer["on_call"][0];
    assert_eq!(person["user"]["id"], site.people["responder"].to_string());
    assert_eq!((&person["since"], &person["until"]), (&json!("2026-06-08T07:00:00Z"), &json!("2026-06-15T07:00:00Z")));
    assert_eq!(person["why"]["source"], "rotation");
    assert_eq!(person["next"][0]["id"], site.people["admin"].to_string());

    let cover = json!({
        "user": site.people["admin"].to_string(), "start": "2026-06-09T00:00:00Z", "end": "2026-06-10T00:00:00.000Z",
    });
    let cover = made(&site, &format!("{path}/overrides"), cover).await;
    assert_eq!(cover["mode"], "cover");
    let claims = get(format!("{path}/explain?at=2026-06-09T12:00:00Z")).await.json();
    let verdicts: Vec<&str> =
        claims["data"].as_array().expect("claims").iter().filter_map(|claim| claim["verdict"].as_str()).collect();
    assert_eq!(verdicts, ["on_call", "shadowed"]);
    let range = get(format!("{path}/final-schedule?from=2026-06-08T07:00:00Z&to=2026-06-15T07:00:00Z")).await.json();
    assert_eq!(range["data"].as_array().expect("segments").len(), 3);
    assert_eq!(get("/api/v1/on-call".to_owned()).await.json()["data"].as_array().expect("schedules").len(), 1);
    let gaps = get(format!("{path}/gaps")).await.json();
    assert_eq!(gaps["data"][0]["gap"], "no_claim", "the rotation has not begun");

    let swap = json!({
        "user": site.people["admin"].to_string(), "start": "2026-06-15T07:00:00Z", "end": "2026-06-22T07:00:00Z",
        "other_user": site.people["responder"].to_string(), "other_start": "2026-06-22T07:00:00Z",
        "other_end": "2026-06-29T07:00:00Z",
    });
    let swap = made(&site, &format!("{path}/swaps"), swap).await;
    let listed = get(format!("{path}/overrides?from=2026-06-01T00:00:00Z")).await.json();
    assert_eq!(listed["data"].as_array().expect("overrides").len(), 3);
    let half = format!("{path}/overrides/{}", swap["id"].as_str().expect("an id"));
    let removed = call(&site, Method::DELETE, &half, "admin", None).await;
    assert_eq!(removed.status, StatusCode::OK, "{}", removed.json());
    let listed = get(format!("{path}/overrides?from=2026-06-01T00:00:00Z")).await.json();
    assert_eq!(listed["data"].as_array().expect("overrides").len(), 1);

    let layer = made_layer["layers"][0]["id"].as_str().expect("an id");
    let moved = made(&site, &format!("{path}/layers/{layer}/move"), json!({"position": 3})).await;
    assert_eq!(moved["layers"][0]["id"], layer);
    let removed = call(&site, Method::DELETE, &format!("{path}/layers/{layer}"), "admin", None).await.json();
    assert_eq!(removed["layers"], json!([]));
    let deleted = call(&site, Method::DELETE, &path, "admin", None).await.json();
    assert_eq!(deleted["warnings"][0]["code"], "no_schedule");
    assert_eq!(get(path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn each_refusal_of_a_rotation_names_its_member() {
    let site = Site::new();
    let path = schedule(&site).await;
    let (layers, gone) = (format!("{path}/layers"), site.people["gone"].to_string());
    let window = json!({"days": ["fri"], "start": "18:00", "end": "08:00", "extra_days": 9});
    let table = [
        ("slots", json!([]), "rotation_range", "/slots"),
        ("slots", json!([[gone]]), "user_inactive", "/slots"),
        ("slots", json!([["somebody"]]), "unknown", "/slots/0/0"),
        ("cadence", json!({"unit": "days", "count": 366}), "rotation_range", "/cadence"),
        ("cadence", json!({"unit": "moons"}), "unknown", "/cadence"),
        ("cadence", json!({"unit": "windows"}), "cadence_windows", "/windows"),
        ("cadence", json!({"unit": "cron", "pattern": "* * * * *"}), "cron_pattern", "/cadence/pattern"),
        ("windows", json!([window]), "window_range", "/windows"),
        ("zone", json!("EST"), "zone_unknown", "/zone"),
        ("anchor", json!("2026-06-01T09:00:00Z"), "time_form", "/anchor"),
        ("name", json!(""), "name_range", "/name"),
    ];
    for (member, value, code, pointer) in table {
        let body = with(weekly(&site), member, value);
        let answer = call(&site, Method::POST, &layers, "admin", Some(body)).await;
        refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, code, pointer);
    }
    let unknown = call(&site, Method::POST, &layers, "admin", Some(with(weekly(&site), "colour", json!("red")))).await;
    refused(&unknown, StatusCode::UNPROCESSABLE_ENTITY, "member_unknown", "/colour");
    let made_layer = made(&site, &layers, with(weekly(&site), "anchor", json!("2026-05-01T09:00"))).await;
    let layer = format!("{layers}/{}", made_layer["layers"][0]["id"].as_str().expect("an id"));
    let past = with(weekly(&site), "effective_from", json!("2026-05-02T09:00:00Z"));
    let answer = call(&site, Method::PUT, &layer, "admin", Some(past)).await;
    refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, "version_past", "/effective_from");
    let answer = call(&site, Method::PUT, &layer, "admin", Some(weekly(&site))).await;
    assert_eq!(answer.json()["layers"][0]["versions"].as_array().expect("versions").len(), 2);
}

#[tokio::test]
async fn each_refusal_of_an_entry_names_its_member() {
    let site = Site::new();
    let path = schedule(&site).await;
    let entries = format!("{path}/entries");
    let body = |user: &str, start: &str, end: &str| json!({"user": user, "start": start, "end": end});
    let (who, gone) = (site.people["responder"].to_string(), site.people["gone"].to_string());
    let entry = made(&site, &entries, body(&who, "2026-06-08T07:00:00Z", "2026-06-09T07:00:00Z")).await;
    assert_eq!(entry["warnings"][0]["code"], "not_team_member");
    let table = [
        (gone.as_str(), "2026-06-10T07:00:00Z", "2026-06-11T07:00:00Z", "user_inactive", "/user"),
        ("Bo", "2026-06-10T07:00:00Z", "2026-06-11T07:00:00Z", "unknown", "/user"),
        (who.as_str(), "2026-06-10T07:00:00Z", "2026-06-10T07:00:00Z", "entry_range", "/end"),
        (who.as_str(), "2026-06-10T07:00:00", "2026-06-11T07:00:00Z", "time_form", "/start"),
        (who.as_str(), "2026-06-10T07:00:00.5Z", "2026-06-11T07:00:00Z", "time_form", "/start"),
        (who.as_str(), "2026-06-10T07:00:00Z", "2500-06-11T07:00:00Z", "time_form", "/end"),
    ];
    for (user, start, end, code, pointer) in table {
        let answer = call(&site, Method::POST, &entries, "admin", Some(body(user, start, end))).await;
        refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, code, pointer);
    }
    let clash = body(&who, "2026-06-09T06:00:00Z", "2026-06-10T07:00:00Z");
    let answer = call(&site, Method::POST, &entries, "admin", Some(clash.clone())).await;
    refused(&answer, StatusCode::CONFLICT, "entry_overlap", "");
    let own = format!("{entries}/{}", entry["id"].as_str().expect("an id"));
    let moved = call(&site, Method::PUT, &own, "admin", Some(clash)).await;
    assert_eq!(moved.json()["end"], "2026-06-10T07:00:00Z");
    let elsewhere = own.replace(&path, "/api/v1/schedules/sch_zz");
    assert_eq!(call(&site, Method::DELETE, &elsewhere, "admin", None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(call(&site, Method::DELETE, &own, "admin", None).await.status, StatusCode::OK);

    let get = async |path: String| call(&site, Method::GET, &path, "viewer", None).await;
    let long = get(format!("{path}/final-schedule?from=2026-06-08T07:00:00Z&to=2029-06-08T07:00:00Z")).await;
    refused(&long, StatusCode::UNPROCESSABLE_ENTITY, "range", "/to");
    refused(&get(format!("{path}/on-call?when=now")).await, StatusCode::BAD_REQUEST, "bad_request", "");
    refused(&get(format!("{path}/gaps?days=31")).await, StatusCode::BAD_REQUEST, "bad_request", "");

    let policy = json!({
        "name": "Network",
        "levels": [{"number": 1, "delay_seconds": 300, "recipients": [{"kind": "schedule", "id": path.rsplit('/').next()}]}],
    });
    made(&site, "/api/v1/escalation-policies", policy).await;
    refused(&call(&site, Method::DELETE, &path, "admin", None).await, StatusCode::CONFLICT, "in_use", "");
}
