//! Lists of incidents that are narrowed, by programs and in the browser; and a message that is sent again.

use crate::house::{Answer, House, basic};
use axum::body::Body;
use axum::http::{Request, header};
use pagerpal::app::incidents::search::LOOKED_AT;
use pagerpal::domain::Severity;
use pagerpal::domain::id::{Id, IncidentId};
use pagerpal::domain::incident::Incident;
use pagerpal::store::incidents::incident_by_number;
use serde_json::Value;

/// An incident of each status, `first`, `second` and `third`, and what is made of `first` besides: older ones, each an
/// hour older than the one before.
fn house(many: u64, change: fn(u64, &mut Incident)) -> House {
    let house = House::new(|word| format!("{word} zebra"));
    house.write(move |tx| {
        let first = incident_by_number(tx, 1)?.expect("it is open");
        for place in 1..=many {
            let mut other = first.clone();
            other.id = IncidentId::new(1_000_000 + place);
            other.number = 1000 + place;
            other.external_id = format!("older {place}");
            other.created_at = first.created_at.plus_secs(-3600 * i64::try_from(place).expect("few"));
            change(place, &mut other);
            tx.put(&other)?;
        }
        Ok(())
    });
    house
}

async fn asked(house: &House, query: &str) -> Answer {
    house.clock.advance(1);
    let request = Request::get(format!("/api/v1/incidents?{query}")).header(header::AUTHORIZATION, basic("admin"));
    house.send(request.body(Body::empty()).expect("a request")).await
}

/// The numbers of one page, and its cursor.
async fn page(house: &House, query: &str) -> (Vec<u64>, Option<String>) {
    let answer = asked(house, query).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    let page: Value = serde_json::from_str(&answer.body).expect("JSON");
    let number = |row: &Value| row["number"].as_u64().expect("a number");
    let numbers = page["data"].as_array().expect("rows").iter().map(number).collect();
    (numbers, page["next_cursor"].as_str().map(str::to_owned))
}

/// The numbers of all pages of so many rows.
async fn all(house: &House, query: &str, limit: usize) -> Vec<u64> {
    let (mut found, mut next) = page(house, &format!("{query}&limit={limit}")).await;
    while let Some(cursor) = next {
        let (more, after) = page(house, &format!("{query}&limit={limit}&cursor={cursor}")).await;
        found.extend(more);
        next = after;
    }
    found
}

#[tokio::test]
async fn every_filter_narrows_and_all_of_them_hold() {
    let house = house(2, |place, incident| {
        incident.severity = if place == 1 { Severity::Info } else { Severity::Warning };
        incident.assignee = None;
    });
    let check = async |query: &str, expected: &[u64]| {
        assert_eq!(page(&house, query).await, (expected.to_vec(), None), "{query}");
    };
    check("", &[1, 1001, 1002, 2, 3]).await;
    check("status=triggered", &[1, 1001, 1002]).await;
    check("status=resolved,acknowledged", &[2, 3]).await;
    check("severity=info,warning", &[1001, 1002]).await;
    check("severity=critical&status=triggered", &[1]).await;
    check(&house.fill("team={team}&status=resolved"), &[3]).await;
    check(&house.fill("team={spare_team}"), &[]).await;
    check(&house.fill("source={source},{grafana}&severity=info"), &[1001]).await;
    check(&house.fill("source={grafana}"), &[]).await;
    check("assignee=none", &[1001, 1002]).await;
    check(&house.fill("assignee={responder}&status=acknowledged"), &[2]).await;
    check("assignee=me", &[]).await;
    check("sort=-created_at&status=triggered,resolved&severity=critical", &[1, 3]).await;
    check("sort=created_at", &[1002, 1001, 3, 2, 1]).await;
    // The house was made at 08:00 of that day.
    check("since=2026-11-24T08:00:00Z", &[1, 2, 3]).await;
    check("until=2026-11-24T08:00:00Z&sort=-created_at", &[1001, 1002]).await;
    check("since=2026-11-24T06:30:00Z&until=2026-11-24T09:00:00%2B01:00", &[1001]).await;
    check("q=FIRST-title", &[1, 1001, 1002]).await;
    check("q=older%202", &[1002]).await;
    check("q=%231001", &[1001]).await;
    // In details and labels of the three that have them.
    check("q=second-details", &[2]).await;
    check("q=label%20zebra%3Dvalue", &[1, 2, 3]).await;
    check("q=giraffe", &[]).await;
}

#[tokio::test]
async fn pages_stay_right_with_filters_and_in_every_order() {
    let house = house(10, |place, incident| {
        if place % 3 == 0 {
            incident.severity = Severity::Info;
        }
        // Two that were opened in the same second.
        if place == 6 {
            incident.created_at = incident.created_at.plus_secs(3600);
        }
    });
    for query in ["", "sort=created_at", "sort=-created_at", "severity=info", "severity=critical&sort=created_at"] {
        let whole = all(&house, query, 200).await;
        assert!(whole.len() >= 3, "{query}");
        for limit in [1, 2, 3, 7] {
            assert_eq!(all(&house, query, limit).await, whole, "{query} by {limit}");
        }
    }
    let (rows, cursor) = page(&house, "sort=-created_at&limit=4").await;
    // What comes in meanwhile is newer, and so on no later page.
    let (rest, _) = page(&house, &format!("sort=-created_at&cursor={}", cursor.expect("it goes on"))).await;
    assert_eq!((rows.len(), rest.len()), (4, 9));
    assert!(rest.iter().all(|number| !rows.contains(number)));
}

#[tokio::test]
async fn one_page_looks_at_a_bounded_number_and_goes_on() {
    let many = LOOKED_AT as u64 + 50;
    let house = house(many, |place, incident| {
        if place == LOOKED_AT as u64 + 50 {
            incident.severity = Severity::Info;
        }
    });
    let (rows, next) = page(&house, "severity=info").await;
    assert_eq!(rows, [0; 0]);
    let cursor = next.expect("there is more to look at");
    assert_eq!(page(&house, &format!("severity=info&cursor={cursor}")).await, (vec![1000 + many], None));
    // A span of time is looked up, so what lies outside is not looked at.
    assert_eq!(page(&house, "severity=info&until=2026-11-01T00:00:00Z&sort=created_at").await.0, [1000 + many]);
}

#[tokio::test]
async fn what_is_unknown_is_refused_with_what_is_known() {
    let house = house(0, |_, _| {});
    for (query, words) in [
        ("colour=red", "`status`"),
        ("status=open", "triggered, acknowledged, resolved"),
        ("status=", "triggered, acknowledged, resolved"),
        ("severity=bad", "critical, error, warning, info"),
        ("team=payments", "team_1k"),
        ("source=x", "src_1k"),
        ("assignee=bob", "usr_1k, me or none"),
        ("since=yesterday", "2026-11-24T09:00:00+01:00"),
        ("sort=severity", "-created_at"),
        (&format!("q={}", "x".repeat(201)), "200"),
        ("cursor=dHJpZ2dlcmVk", "next_cursor"),
    ] {
        let answer = asked(&house, query).await;
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        let problem: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(words)), "{query}: {problem}");
    }
    for (query, words) in [("colour=red", "severity"), ("status=open", "triggered"), ("since=x", "2026-11-24")] {
        let answer = house.get("admin", &format!("/incidents?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.body.contains(words), "{query}: {}", answer.body);
    }
}

#[tokio::test]
async fn the_page_keeps_its_filters_in_the_address() {
    let house = house(60, |place, incident| {
        incident.severity = if place == 60 { Severity::Info } else { Severity::Error };
    });
    let look = async |who: &str, query: &str| house.get(who, &format!("/incidents{query}")).await.body;
    let shows = |page: &str, number: u64| page.contains(&format!("href=\"/incidents/{number}\""));

    let plain = look("admin", "").await;
    assert!(shows(&plain, 1) && shows(&plain, 2) && !shows(&plain, 3), "the open ones");
    assert!(plain.contains("href=\"/incidents?view=mine\"") && !plain.contains("Clear filters"));
    let narrowed = look("admin", "?severity=info&q=first").await;
    assert!(shows(&narrowed, 1060) && !shows(&narrowed, 1) && narrowed.contains("Clear filters"));
    // Tabs and chips keep what the form says, and the form what they say.
    assert!(narrowed.contains("href=\"/incidents?view=teams&#38;severity=info&#38;q=first\""), "{narrowed}");
    assert!(narrowed.contains("href=\"/incidents?status=resolved&#38;severity=info&#38;q=first\""), "{narrowed}");
    let both = look("admin", "?view=teams&status=triggered&severity=info").await;
    assert!(both.contains("name=\"view\" value=\"teams\"") && both.contains("name=\"status\" value=\"triggered\""));
    assert!(shows(&both, 1060) && both.contains("value=\"info\" selected"));

    assert!(look("admin", "?q=giraffe").await.contains("No match."));
    // The responder is the first who was paged; nobody else has anything, and the viewer no team.
    assert!(shows(&look("responder", "?view=mine").await, 1) && !shows(&look("admin", "?view=mine").await, 1));
    assert!(shows(&look("responder", "?view=teams").await, 1) && !shows(&look("viewer", "?view=teams").await, 1));

    let first = look("admin", "?status=triggered&severity=error").await;
    let older = first.split("class=\"button\" href=\"").last().and_then(|rest| rest.split('"').next()).expect("a link");
    let older = older.trim_start_matches("/incidents").replace("&#38;", "&");
    assert!(first.contains("Older incidents") && older.contains("severity=error"), "{older}");
    let rest = look("admin", &older).await;
    assert!(shows(&first, 1001) && shows(&rest, 1059) && !shows(&rest, 1001) && !rest.contains("Older incidents"));
}

#[tokio::test]
async fn a_notification_is_sent_again_by_its_own_id() {
    let house = house(0, |_, _| {});
    let path = house.fill("/api/v1/notifications/{notification}");
    let ask = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, basic("responder"));
        let answer = house.send(request.body(Body::empty()).expect("a request")).await;
        let document: Value = serde_json::from_str(&answer.body).expect("JSON");
        (answer.status.as_u16(), document)
    };
    let states = |told: &Value| -> Vec<String> {
        let all = told["deliveries"].as_array().expect("deliveries").iter();
        all.map(|delivery| delivery["state"].as_str().expect("a state").to_owned()).collect()
    };
    let before = states(&ask("GET", &path).await.1);
    assert!(before.contains(&"failed".to_owned()), "{before:?}");
    let (status, incident) = ask("POST", &format!("{path}/retry")).await;
    assert_eq!((status, &incident["number"]), (200, &Value::from(1)));
    let expected: Vec<String> =
        before.iter().map(|state| if state == "failed" { "queued".to_owned() } else { state.clone() }).collect();
    assert_eq!(states(&ask("GET", &path).await.1), expected);
    let (status, problem) = ask("POST", &format!("{path}/retry")).await;
    assert_eq!((status, &problem["type"]), (409, &Value::from("/problems/not_retryable")));
    let delivery = house.fill("/api/v1/notifications/{delivery}/retry");
    assert_eq!(ask("POST", &delivery).await.0, 404, "a delivery's id is none of a notification");
}
