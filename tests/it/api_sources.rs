//! What programs set up about alerts: where they come from, which jobs report, when nobody is paged for them.

use crate::api_calls::{
    data, deleted, done, get, made, missing, needs_version, post, refused, refused_to, source, text,
};
use crate::web::{KEY, Site};
use axum::http::Method;
use serde_json::{Value, json};

/// As it is, with one member changed.
fn with(body: &Value, member: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[member] = value;
    body
}

async fn loki(site: &Site) -> Value {
    let known = source(site).await;
    json!({
        "name": "loki", "kind": "grafana", "team": known["team"]["id"], "policy": known["policy"]["id"],
        "default_severity": "warning", "severity_map": {"P1": "critical"}, "urgency": "high",
        "auto_resolve_seconds": 3600,
    })
}

#[tokio::test]
async fn a_source_is_made_keyed_edited_and_switched_off_and_its_key_is_seen_once() {
    let site = Site::new();
    let body = loki(&site).await;
    let loki = made(&site, "/alert-sources", body.clone()).await;
    let path = format!("/alert-sources/{}", text(&loki["id"]));
    let key = text(&loki["key"]).to_owned();
    assert!(key.len() == 32 && key.ends_with(text(&loki["key_tail"])), "{loki}");
    let shown = get(&site, &path).await;
    assert_eq!(shown["severity_map"], json!({"p1": "critical"}));
    assert_eq!((&shown["auto_resolve_seconds"], &shown["urgency"]), (&json!(3600), &json!("high")));
    let heard = async |key: &str| site.alert(&[("x-api-key", key)], "/api/v1/webhooks/generic", ALERT).await.status;
    assert_eq!(heard(&key).await, 200);
    let events = get(&site, &format!("{path}/events")).await;
    assert_eq!(data(&events)[0]["results"][0]["result"], "created");
    assert_eq!(get(&site, &path).await["last_event_at"], data(&events)[0]["received_at"]);

    needs_version(&site, Method::PUT, &path, with(&body, "name", json!("journal"))).await;
    let renamed = done(&site, Method::PUT, &path, with(&body, "name", json!("logs"))).await;
    assert_eq!((&renamed["name"], &renamed["key_tail"]), (&json!("logs"), &loki["key_tail"]));
    let keyed = post(&site, &format!("{path}/regenerate-key")).await;
    let new_key = text(&keyed["key"]).to_owned();
    assert_ne!(new_key, key);
    site.clock.advance(2);
    assert_eq!((heard(&key).await.as_u16(), heard(&new_key).await.as_u16()), (401, 200));
    assert_eq!(post(&site, &format!("{path}/deactivate")).await["is_active"], false);
    site.clock.advance(2);
    assert_eq!(heard(&new_key).await, 403);
    let before = site.commits();
    assert_eq!(post(&site, &format!("{path}/deactivate")).await["is_active"], false, "a state already reached");
    assert_eq!(site.commits(), before);
    assert_eq!(post(&site, &format!("{path}/activate")).await["is_active"], true);

    let tested = post(&site, &format!("{path}/test-alert")).await;
    let number = &tested["results"][0]["incident"]["number"];
    assert_eq!(get(&site, &format!("/incidents/{number}")).await["is_test"], true);
    for path in ["/alert-sources".to_owned(), path.clone(), format!("{path}/events"), "/audit".to_owned()] {
        let seen = get(&site, &path).await.to_string();
        assert!(!seen.contains(&key) && !seen.contains(&new_key) && !seen.contains(KEY), "{path} shows a key");
    }
}

const ALERT: &str = r#"{"external_id": "disk", "title": "Disk full", "severity": "error"}"#;

#[tokio::test]
async fn a_source_is_refused_with_the_sentence_that_says_why() {
    let site = Site::new();
    let sound = loki(&site).await;
    let id = text(&source(&site).await["id"]).to_owned();
    let out_of_range = "Resolve after 5 to 10080 minutes (7 days) of silence, or leave it empty for never.";
    let table = [
        ("name", json!(" "), "name_range", "a name of 1 to 100 characters"),
        ("name", json!("prometheus"), "name_taken", "prometheus is the name of another alert source"),
        ("kind", json!("pigeon"), "kind_unknown", "A kind is one of generic, alertmanager, grafana, cloudwatch."),
        ("team", json!("team_zz"), "team_missing", "Choose the team that gets these alerts."),
        ("team", json!("Payments"), "unknown", "Give an id, such as team_1k."),
        ("policy", json!("pol_zz"), "policy_missing", "Choose the escalation policy that pages for them."),
        ("default_severity", json!("loud"), "severity_unknown", "A severity is critical, error, warning or info."),
        ("severity_map", json!({"P1": "loud"}), "severity_unknown", "A severity is critical"),
        ("urgency", json!("never"), "urgency_unknown", "An urgency is one of"),
        ("auto_resolve_seconds", json!(240), "auto_resolve_range", out_of_range),
        ("auto_resolve_seconds", json!(700_000 * 60), "auto_resolve_range", out_of_range),
        ("auto_resolve_seconds", json!(301), "whole_minutes", "Give whole minutes, in seconds"),
    ];
    for (member, value, code, words) in table {
        let body = with(&sound, member, value);
        refused(&site, Method::POST, "/alert-sources", body.clone(), (422, code, member, words)).await;
        if code != "name_taken" {
            refused(&site, Method::PUT, &format!("/alert-sources/{id}"), body, (422, code, member, words)).await;
        }
    }
    let unknown = (422, "member_unknown", "key", "unknown field");
    refused(&site, Method::POST, "/alert-sources", with(&sound, "key", json!("mine")), unknown).await;
    let no_topic = (404, "not_found", "", "There is no such topic waiting for confirmation");
    let topic = json!({"topic": "arn:aws:sns:eu-west-1:1:alarms"});
    refused(&site, Method::POST, &format!("/alert-sources/{id}/confirm-topic"), topic, no_topic).await;

    let deeds = ["regenerate-key", "activate", "deactivate", "test-alert", "confirm-topic"];
    let mut calls: Vec<(Method, String)> =
        deeds.iter().map(|deed| (Method::POST, format!("/alert-sources/{id}/{deed}"))).collect();
    calls.extend([(Method::POST, "/alert-sources".to_owned()), (Method::PUT, format!("/alert-sources/{id}"))]);
    refused_to(&site, &["viewer", "responder"], &calls).await;
    let mut gone: Vec<(Method, String, Value)> =
        deeds.iter().map(|deed| (Method::POST, format!("/alert-sources/src_zz/{deed}"), json!({}))).collect();
    for path in ["/alert-sources/src_zz", "/alert-sources/usr_1", "/alert-sources/src_zz/events"] {
        gone.push((Method::GET, path.to_owned(), Value::Null));
    }
    gone.push((Method::PUT, "/alert-sources/src_zz".to_owned(), sound));
    missing(&site, &gone).await;
}

#[tokio::test]
async fn a_heartbeat_is_made_heard_paused_and_removed_and_its_address_is_seen_once() {
    let site = Site::new();
    let from = source(&site).await;
    let body = json!({"name": "backup", "alert_source": from["id"], "interval_seconds": 86_400, "grace_seconds": 3600});
    let backup = made(&site, "/heartbeats", body.clone()).await;
    assert_eq!((&backup["state"], &backup["due_at"]), (&json!("new"), &Value::Null));
    let path = format!("/heartbeats/{}", text(&backup["id"]));
    let address = text(&backup["address"]).to_owned();
    let ping = async |address: &str| {
        site.clock.advance(1);
        let local = address.strip_prefix("https://pager.example.test").expect("an absolute address");
        site.alert(&[], local, "").await.status.as_u16()
    };
    assert_eq!(ping(&address).await, 200);
    let shown = get(&site, &path).await;
    assert_eq!((&shown["state"], &shown["last_heard"]["what"]), (&json!("healthy"), &json!("ping")));
    let rhythm = json!({"interval_seconds": 3600, "grace_seconds": 60});
    needs_version(&site, Method::PUT, &path, rhythm.clone()).await;
    assert_eq!(get(&site, &path).await["interval_seconds"], 3600);
    let until = json!({"until": "2026-05-29T20:00:00Z"});
    let paused = done(&site, Method::POST, &format!("{path}/pause"), until).await;
    assert_eq!((&paused["state"], &paused["paused_until"]), (&json!("paused"), &json!("2026-05-29T20:00:00Z")));
    assert_eq!(post(&site, &format!("{path}/resume")).await["state"], "healthy");
    let renewed = post(&site, &format!("{path}/renew-address")).await;
    let new_address = text(&renewed["address"]).to_owned();
    assert_eq!((ping(&address).await, ping(&new_address).await), (404, 200));
    for seen in [get(&site, "/heartbeats").await, get(&site, &path).await, get(&site, "/audit").await] {
        assert!(!seen.to_string().contains("/ping/"), "{seen}");
    }

    let table = [
        ("name", json!("a b"), "heartbeat_name", ""),
        ("name", json!("Backup"), "name_taken", "Backup is the name of another heartbeat of this alert source"),
        ("alert_source", json!("src_zz"), "source_missing", "Choose the alert source that it is part of."),
        ("alert_source", json!("prometheus"), "unknown", "Give an id, such as src_1k."),
        ("interval_seconds", json!(90), "whole_minutes", "Give whole minutes"),
        ("interval_seconds", json!(0), "heartbeat_range", ""),
        ("grace_seconds", json!(8 * 86_400), "heartbeat_range", ""),
    ];
    for (member, value, code, words) in table {
        refused(&site, Method::POST, "/heartbeats", with(&body, member, value), (422, code, member, words)).await;
    }
    let none = json!({"interval_seconds": 3600});
    refused(&site, Method::PUT, &path, none, (422, "heartbeat_range", "grace_seconds", "")).await;
    let pause = format!("{path}/pause");
    let past = json!({"until": "2020-01-01T00:00:00Z"});
    refused(&site, Method::POST, &pause, past, (422, "pause_range", "until", "")).await;
    refused(&site, Method::POST, &pause, json!({}), (422, "time_form", "until", "Write the time as")).await;
    let deeds = ["pause", "resume", "renew-address"].map(|deed| (Method::POST, format!("{path}/{deed}")));
    let mut calls = deeds.to_vec();
    calls.extend([
        (Method::POST, "/heartbeats".to_owned()),
        (Method::PUT, path.clone()),
        (Method::DELETE, path.clone()),
    ]);
    refused_to(&site, &["viewer", "responder"], &calls).await;
    needs_version(&site, Method::DELETE, &path, Value::Null).await;
    let mut gone: Vec<(Method, String, Value)> =
        ["resume", "renew-address"].map(|deed| (Method::POST, format!("{path}/{deed}"), json!({}))).to_vec();
    gone.push((Method::POST, pause, json!({"until": "2026-05-29T20:00:00Z"})));
    gone.push((Method::GET, path.clone(), Value::Null));
    gone.push((Method::PUT, path.clone(), rhythm));
    gone.push((Method::DELETE, path, Value::Null));
    missing(&site, &gone).await;
    assert_eq!(ping(&new_address).await, 404);
}

#[tokio::test]
async fn a_window_comes_once_or_again_and_ends_when_somebody_says_so() {
    let site = Site::new();
    let from = source(&site).await;
    let deploy = json!({
        "name": "deploy", "scope": {"alert_sources": [from["id"]]}, "matchers": ["service=checkout"],
        "start": "2026-05-28T22:00:00Z", "end": "2026-05-28T23:00:00Z",
    });
    let silence = made(&site, "/maintenance", deploy.clone()).await;
    assert_eq!((&silence["kind"], &silence["zone"]), (&json!("silence"), &json!("UTC")));
    assert_eq!((&silence["running"], data(&get(&site, "/maintenance").await).len()), (&Value::Null, 1));
    let nightly = json!({
        "name": "nightly", "scope": {"team": from["team"]["id"]}, "zone": "Europe/Berlin",
        "pattern": "0 2 * * *", "duration_seconds": 3600,
    });
    let window = made(&site, "/maintenance", nightly.clone()).await;
    assert_eq!(window["upcoming"][0], json!({"start": "2026-05-29T00:00:00Z", "end": "2026-05-29T01:00:00Z"}));
    let path = format!("/maintenance/{}", text(&window["id"]));
    let longer = done(&site, Method::PUT, &path, with(&nightly, "duration_seconds", json!(7200))).await;
    assert_eq!((&longer["duration_seconds"], &longer["scope"]["team"]), (&json!(7200), &from["team"]));

    let once = format!("/maintenance/{}", text(&silence["id"]));
    let sooner = with(&deploy, "start", json!("2026-05-28T00:00:00Z"));
    let running = done(&site, Method::PUT, &once, sooner).await;
    assert_eq!(running["running"]["end"], "2026-05-28T23:00:00Z");
    let ended = post(&site, &format!("{once}/end")).await;
    assert_eq!((&ended["running"], &ended["is_over"]), (&Value::Null, &json!(true)));
    let over = (409, "window_over", "", "This window is over and stays as it was.");
    refused(&site, Method::PUT, &once, deploy.clone(), over).await;
    deleted(&site, &once).await;
    assert_eq!(get(&site, &once).await["is_over"], true, "the past can be explained");
    needs_version(&site, Method::PUT, &path, nightly.clone()).await;
    needs_version(&site, Method::DELETE, &path, Value::Null).await;
    missing(
        &site,
        &[
            (Method::GET, path.clone(), Value::Null),
            (Method::PUT, path.clone(), nightly.clone()),
            (Method::POST, format!("{path}/end"), json!({})),
            (Method::DELETE, path, Value::Null),
        ],
    )
    .await;
    let calls = [
        (Method::POST, "/maintenance".to_owned()),
        (Method::PUT, once.clone()),
        (Method::POST, format!("{once}/end")),
        (Method::DELETE, once),
    ];
    refused_to(&site, &["viewer", "responder"], &calls).await;

    let not_both = "Choose a team or single alert sources, not both";
    let both = json!({"team": from["team"]["id"], "alert_sources": [from["id"]]});
    let table = [
        (&deploy, "name", json!(""), "name_range", "name", "1 to 100"),
        (&deploy, "scope", json!({}), "scope_empty", "scope", "a window over nothing holds nothing back"),
        (&deploy, "scope", both, "scope_both", "scope", not_both),
        (&deploy, "scope", json!({"team": "team_zz"}), "scope_missing", "scope", "that are on the list"),
        (&deploy, "scope", json!({"team": "us"}), "unknown", "scope", "Give an id"),
        (&deploy, "zone", json!("EST"), "zone_unknown", "zone", "EST is not a place."),
        (&deploy, "start", json!("tomorrow"), "time_form", "start", "Write the time as"),
        (&deploy, "end", json!("2026-05-28T19:00:00Z"), "entry_range", "end", "The end must come after the start"),
        (&deploy, "end", json!("2026-06-28T19:00:00Z"), "silence_range", "end", "A silence lasts at most 7 days."),
        (&deploy, "end", Value::Null, "required", "start", "Give start and end, or pattern and duration_seconds."),
        (&deploy, "pattern", json!("0 2 * * *"), "required", "start", "Give start and end, or pattern"),
        (&deploy, "matchers", json!(["service=~x"]), "matcher_form", "matchers", "Write one label on each line"),
        (&nightly, "matchers", json!(["a=b"]), "silence_once", "matchers", "Only a window that comes once"),
        (&nightly, "duration_seconds", json!(0), "duration_range", "duration_seconds", "from 1 minute to 7 days"),
        (&nightly, "duration_seconds", json!(61), "whole_minutes", "duration_seconds", "Give whole minutes"),
        (&nightly, "pattern", json!("* * * * *"), "cron_pattern", "pattern", "fixed minute and hour"),
    ];
    for (sound, member, value, code, at, words) in table {
        refused(&site, Method::POST, "/maintenance", with(sound, member, value), (422, code, at, words)).await;
    }
    let unknown = (422, "member_unknown", "colour", "unknown field");
    refused(&site, Method::POST, "/maintenance", json!({"colour": "red"}), unknown).await;
}
