//! Calendars in and out of schedules, for programs: an address shows once, and one schedule's are not another's.

use crate::api_calls::{call, data, deleted, done, get, made, missing, needs_version, post, refused, refused_to, text};
use crate::web::Site;
use axum::http::Method;
use serde_json::{Value, json};

/// Two schedules; answers their paths.
async fn schedules(site: &Site) -> [String; 2] {
    let team = made(site, "/teams", json!({"name": "Network"})).await;
    let mut paths = Vec::new();
    for name in ["Primary", "Secondary"] {
        let body = json!({"name": name, "team": team["id"], "zone": "Europe/Berlin"});
        let made = call(site, Method::POST, "/schedules", body).await;
        assert_eq!(made.status, 201, "{made:?}");
        paths.push(format!("/schedules/{}", text(&made.json()["id"])));
    }
    paths.try_into().expect("two")
}

#[tokio::test]
async fn a_schedules_link_shows_once_and_is_revoked() {
    let site = Site::new();
    let [primary, secondary] = schedules(&site).await;
    let feeds = format!("{primary}/feeds");
    let feed = made(&site, &feeds, json!({})).await;
    let address = text(&feed["address"]).strip_prefix("https://pager.example.test").expect("absolute").to_owned();
    assert_eq!(site.api(Method::GET, &address, "nobody", None).await.status, 200);
    let listed = get(&site, &feeds).await;
    assert_eq!((&data(&listed)[0]["is_open"], data(&listed)[0].get("address")), (&json!(true), None));
    assert_eq!(data(&listed)[0]["author"]["name"], "admin");
    let one = format!("{feeds}/{}", text(&feed["id"]));
    let calls = [(Method::GET, feeds.clone()), (Method::POST, feeds.clone()), (Method::DELETE, one.clone())];
    refused_to(&site, &["viewer", "responder"], &calls).await;
    missing(
        &site,
        &[
            (Method::DELETE, one.replace(&primary, &secondary), Value::Null),
            (Method::DELETE, format!("{feeds}/feed_zz"), Value::Null),
            (Method::GET, "/schedules/sch_zz/feeds".to_owned(), Value::Null),
            (Method::POST, "/schedules/sch_zz/feeds".to_owned(), json!({})),
        ],
    )
    .await;
    assert_eq!(site.api(Method::GET, &address, "nobody", None).await.status, 200, "not revoked by another's address");
    for _ in 0..2 {
        deleted(&site, &one).await;
    }
    assert_eq!(site.api(Method::GET, &address, "nobody", None).await.status, 404);
    for _ in 0..10 {
        made(&site, &feeds, json!({})).await;
    }
    let enough = (409, "too_many", "", "There are 10 links already.");
    refused(&site, Method::POST, &feeds, json!({}), enough).await;
}

#[tokio::test]
async fn a_calendar_from_elsewhere_is_added_used_and_taken_away() {
    let site = Site::new();
    let [primary, secondary] = schedules(&site).await;
    let imports = format!("{primary}/imports");
    let body = json!({
        "name": "Holidays", "url": "webcal://calendar.example.com/private/abc.ics?key=s3cret", "zone": "Europe/Berlin",
    });
    let holidays = made(&site, &imports, body.clone()).await;
    assert_eq!(holidays["masked_url"], "https://calendar.example.com/…");
    assert_eq!((&holidays["used_as"], &holidays["fetched_at"]), (&Value::Null, &Value::Null));
    let one = format!("{imports}/{}", text(&holidays["id"]));
    needs_version(&site, Method::PUT, &one, json!({"name": "Days", "zone": "UTC"})).await;
    let kept = done(&site, Method::PUT, &one, json!({"name": "Days off", "zone": "UTC"})).await;
    assert_eq!((&kept["name"], &kept["masked_url"]), (&json!("Days off"), &holidays["masked_url"]));
    let used = done(&site, Method::POST, &format!("{one}/use"), json!({"as": "layer"})).await;
    assert_eq!(used["used_as"], "layer");
    assert_eq!(get(&site, &primary).await["layers"][0]["name"], "Days off");
    let twice = (409, "in_use", "", "Days off is used as a layer already.");
    refused(&site, Method::POST, &format!("{one}/use"), json!({"as": "cover"}), twice).await;
    refused(&site, Method::DELETE, &one, Value::Null, (409, "in_use", "", "still used by layer Days off")).await;
    let later = post(&site, &format!("{one}/refresh")).await;
    assert!(text(&later["due_at"]) > text(&holidays["due_at"]));
    for _ in 0..2 {
        assert_eq!(post(&site, &format!("{one}/detach")).await["used_as"], Value::Null);
    }
    assert_eq!(done(&site, Method::POST, &format!("{one}/use"), json!({"as": "cover"})).await["used_as"], "cover");
    post(&site, &format!("{one}/detach")).await;
    for seen in [get(&site, &imports).await, get(&site, &one).await, get(&site, "/audit").await] {
        assert!(!seen.to_string().contains("s3cret"), "{seen}");
    }

    let plain = "Write the address of the calendar, beginning with https:// and without a password.";
    let table = [
        ("name", json!(""), "name_range", "name", "1 to 100 characters"),
        ("name", json!("days off"), "name_taken", "name", "days off is the name of another calendar of this schedule"),
        ("url", json!("http://calendar.example.com/"), "calendar_url", "url", plain),
        ("url", Value::Null, "calendar_url", "url", plain),
        ("zone", json!("EST"), "zone_unknown", "zone", "EST is not a place."),
    ];
    for (member, value, code, at, words) in table {
        let mut wrong = json!({"name": "Shifts", "url": "https://calendar.example.com/b", "zone": "UTC"});
        wrong[member] = value;
        refused(&site, Method::POST, &imports, wrong, (422, code, at, words)).await;
    }
    let unknown = (422, "unknown", "as", "A calendar is used as layer or as cover.");
    refused(&site, Method::POST, &format!("{one}/use"), json!({"as": "toast"}), unknown).await;

    let calls = |one: &str| {
        let deeds = ["detach", "refresh"].map(|deed| (Method::POST, format!("{one}/{deed}"), json!({})));
        let mut calls = deeds.to_vec();
        calls.push((Method::POST, format!("{one}/use"), json!({"as": "layer"})));
        calls.push((Method::PUT, one.to_owned(), json!({"name": "x", "zone": "UTC"})));
        calls.push((Method::DELETE, one.to_owned(), Value::Null));
        calls
    };
    let all: Vec<(Method, String)> = calls(&one).into_iter().map(|(method, path, _)| (method, path)).collect();
    refused_to(&site, &["viewer", "responder"], &all).await;
    refused_to(&site, &["viewer", "responder"], &[(Method::POST, imports.clone())]).await;
    // At another schedule's address there is nothing, though the calendar exists.
    let elsewhere = one.replace(&primary, &secondary);
    missing(&site, &calls(&elsewhere)).await;
    missing(
        &site,
        &[
            (Method::GET, elsewhere, Value::Null),
            (Method::GET, format!("{imports}/imp_zz"), Value::Null),
            (Method::GET, "/schedules/sch_zz/imports".to_owned(), Value::Null),
            (Method::POST, "/schedules/sch_zz/imports".to_owned(), body),
        ],
    )
    .await;
    needs_version(&site, Method::DELETE, &one, Value::Null).await;
    assert_eq!(data(&get(&site, &imports).await).len(), 0);
}

#[tokio::test]
async fn fairness_is_told_of_a_stretch_that_can_be_drawn() {
    let site = Site::new();
    let [primary, _] = schedules(&site).await;
    let entry = json!({
        "user": site.people["responder"].to_string(), "start": "2026-06-08T07:00:00Z", "end": "2026-06-09T07:00:00Z",
    });
    call(&site, Method::POST, &format!("{primary}/entries"), entry).await;
    let asked = |from: &str, to: &str| format!("{primary}/fairness?from={from}&to={to}");
    let told = get(&site, &asked("2026-06-01T00:00:00Z", "2026-06-15T00:00:00Z")).await;
    assert_eq!((&told["shares"][0]["on_call_seconds"], &told["shares"][0]["shifts"]), (&json!(86_400), &json!(1)));
    let range = (422, "range", "to", "The end must come after the start, within 2 years.");
    for (from, to) in
        [("2026-06-01T00:00:00Z", "2026-06-01T00:00:00Z"), ("2026-06-01T00:00:00Z", "2028-06-03T00:00:00Z")]
    {
        refused(&site, Method::GET, &asked(from, to), Value::Null, range).await;
    }
}

#[tokio::test]
async fn a_rotation_is_tried_before_it_is_kept() {
    let site = Site::new();
    let [primary, _] = schedules(&site).await;
    let [a, b] = ["admin", "responder"].map(|who| site.people[who].to_string());
    let mut weekly = json!({
        "name": "Weekly", "zone": "Europe/Berlin", "anchor": "2026-06-01T09:00",
        "cadence": {"unit": "weeks", "count": 1}, "slots": [[a], [b]],
    });
    let preview = format!("{primary}/layers/preview");
    let before = site.commits();
    let tried = done(&site, Method::POST, &preview, weekly.clone()).await;
    assert_eq!(site.commits(), before, "nothing is kept");
    assert_eq!(
        (&tried["first_turn"]["at"], &tried["first_turn"]["users"][0]["name"]),
        (&json!("2026-06-01T07:00:00Z"), &json!("admin"))
    );
    assert_eq!(
        (&tried["segments"][0]["gap"], &tried["segments"][1]["users"][0]["name"]),
        (&json!("no_claim"), &json!("admin"))
    );
    assert_eq!(get(&site, &primary).await["layers"], json!([]));

    let made = call(&site, Method::POST, &format!("{primary}/layers"), weekly.clone()).await.json();
    let layer = format!("{primary}/layers/{}", text(&made["layers"][0]["id"]));
    weekly["slots"] = json!([[b]]);
    let changed = done(&site, Method::POST, &format!("{layer}/preview"), weekly.clone()).await;
    assert_eq!(changed["segments"][1]["users"][0]["name"], "responder");
    let empty =
        json!({"name": "Weekly", "zone": "Europe/Berlin", "anchor": "2026-06-01T09:00", "cadence": {"unit": "weeks"}});
    refused(&site, Method::POST, &preview, empty, (422, "rotation_range", "slots", "")).await;
    refused_to(&site, &["viewer", "responder"], &[(Method::POST, preview), (Method::POST, format!("{layer}/preview"))])
        .await;
    missing(&site, &[(Method::POST, format!("{primary}/layers/lay_zz/preview"), weekly)]).await;
}
