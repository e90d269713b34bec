//! Bodies as senders write them, whole and damaged.
//!
//! Every file of `tests/data/<kind>` is parsed and compared with the events written beside it; then it is cut at every
//! byte, and every field in it is removed, nulled and set to 7. `UPDATE_GOLDEN=1` rewrites what is expected.

use super::*;
use crate::domain::event::Order;
use proptest::prelude::*;
use serde_json::json;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// 2026-05-01T02:00:10Z, ten seconds after most of what happens in the bodies.
const RECEIVED: SenderTime = SenderTime(1_777_600_810_000_000_000);

fn parse_as(kind: Option<Kind>, body: &[u8], source: &SourceRules) -> Parsed {
    parse_with(kind, body, source, &[])
}

fn parse_with(kind: Option<Kind>, body: &[u8], source: &SourceRules, headers: &[(&str, &str)]) -> Parsed {
    let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let content_type = None;
    parse(&Request { kind, content_type, header: &header, body, received_at: RECEIVED, truncated: false, source })
}

fn bodies() -> Vec<(Kind, PathBuf)> {
    let mut bodies = Vec::new();
    for kind in Kind::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(kind.word());
        for entry in std::fs::read_dir(&folder).expect("each kind has a folder of bodies") {
            let path = entry.expect("a readable folder").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_file() && name != "README.md" && !name.ends_with(".expected.txt") {
                bodies.push((kind, path));
            }
        }
    }
    bodies.sort();
    assert!(bodies.len() >= 20, "the bodies are gone");
    bodies
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

#[test]
fn every_body_yields_the_events_written_beside_it() {
    let mut differing = Vec::new();
    for (kind, path) in bodies() {
        let found = shown(&parse_as(Some(kind), &read(&path), &SourceRules::new("Test source")));
        let golden = path.with_extension("expected.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &found).expect("a writable folder");
        } else if std::fs::read_to_string(&golden).unwrap_or_default() != found {
            differing.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(differing.is_empty(), "UPDATE_GOLDEN=1 accepts:\n{}", differing.join("\n"));
}

/// What a golden holds: every field that is not empty, details indented.
fn shown(parsed: &Parsed) -> String {
    let mut out = String::new();
    let mut put = |line: String| writeln!(out, "{}", line.trim_end()).expect("a string takes everything");
    let instant =
        |time: SenderTime| jiff::Timestamp::from_nanosecond(i128::from(time.0)).expect("a time that was read");
    put(format!("delivery id: {}", parsed.delivery_id.as_deref().unwrap_or("none")));
    for report in &parsed.reports {
        match report {
            Report::Note(note) => {
                put(format!("\nnote on {}\n  {}", note.external_id.as_deref().unwrap_or("nothing"), note.text));
            }
            Report::Subscription(subscription) => put(format!("\nsubscription to {}", subscription.topic_arn)),
            Report::Event(event) => {
                put(format!("\n{} {}", event.action.word(), event.external_id));
                put(format!("  title: {}", event.title));
                put(format!("  severity: {}", event.severity.map_or("the source's default", Severity::word)));
                put(format!("  at: {}", instant(event.occurred_at)));
                match &event.order {
                    Order::Arrival => put("  ordered: by arrival".to_owned()),
                    Order::Time => put("  ordered: by time".to_owned()),
                    Order::Alerts(pairs) => {
                        let pairs = pairs.iter().map(|p| format!("{} {}", p.fingerprint, instant(p.starts_at)));
                        put(format!("  ordered: by alerts {}", pairs.collect::<Vec<_>>().join(", ")));
                    }
                }
                event.labels.iter().for_each(|(name, value)| put(format!("  label {name} = {value}")));
                event.links.iter().for_each(|link| put(format!("  link {}: {}", link.text, link.href)));
                event.actor.iter().for_each(|actor| put(format!("  actor: {actor}")));
                event.warnings.iter().for_each(|warning| put(format!("  warning: {warning}")));
                event.details.lines().for_each(|line| put(format!("  | {line}")));
            }
        }
    }
    out
}

/// The external ids that page.
fn paging(parsed: &Parsed) -> Vec<&str> {
    let mut ids: Vec<&str> = parsed
        .reports
        .iter()
        .filter_map(|report| match report {
            Report::Event(event) if event.action == Action::Trigger => Some(event.external_id.as_str()),
            _ => None,
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// A body cut short is no longer a list of anything: one unparsed alert wakes somebody, and that is "never fewer".
#[test]
fn a_cut_body_still_pages() {
    let source = SourceRules::new("Test source");
    for (kind, path) in bodies() {
        let body = read(&path);
        let paged = !paging(&parse_as(Some(kind), &body, &source)).is_empty();
        let text_length = body.trim_ascii_end().len();
        for length in 0..text_length {
            let parsed = parse_as(Some(kind), &body[..length], &source);
            check_limits(&parsed);
            assert!(!paged || !paging(&parsed).is_empty(), "{} cut at {length} pages nobody", path.display());
            for report in &parsed.reports {
                let Report::Event(event) = report else { continue };
                assert!(!event.details.contains("Action=Unsubscribe"), "{} cut at {length}", path.display());
            }
        }
    }
}

/// Damage inside an item of a list leaves as many incidents as before; damage elsewhere may merge them, but somebody
/// is woken. A damaged recovery may become anything.
#[test]
fn a_damaged_field_never_pages_less() {
    let plain = SourceRules::new("Test source");
    let single = SourceRules { one_incident_per_alert: true, ..plain.clone() };
    let mut damaged_bodies = 0;
    for (kind, path) in bodies() {
        let body = read(&path);
        let Ok(tree) = body::json(&String::from_utf8_lossy(&body)) else { continue };
        for source in [&plain, &single] {
            let before = parse_as(Some(kind), &body, source);
            for damage in damages(&tree) {
                damaged_bodies += 1;
                for hint in [Some(kind), None] {
                    let before = if hint.is_some() { before.clone() } else { parse_as(None, &body, source) };
                    let after = parse_as(hint, damage.body.to_string().as_bytes(), source);
                    check_limits(&after);
                    let (before, after) = (paging(&before), paging(&after));
                    let enough = if damage.in_item { after.len() >= before.len() } else { !after.is_empty() };
                    assert!(before.is_empty() || enough, "{}: {} pages {after:?}", path.display(), damage.name);
                }
            }
        }
    }
    assert!(damaged_bodies > 1000, "{damaged_bodies}");
}

struct Damage {
    name: String,
    in_item: bool,
    body: Value,
}

/// Every field removed, nulled and set to 7, every list item nulled and set to 7, also inside JSON that is a string.
fn damages(tree: &Value) -> Vec<Damage> {
    let mut found = Vec::new();
    let mut add = |name: &str, in_item: bool, body: Value| found.push(Damage { name: name.to_owned(), in_item, body });
    match tree {
        Value::Object(fields) => {
            for (name, value) in fields {
                let with = |value: Value| {
                    let mut changed = fields.clone();
                    changed.insert(name.clone(), value);
                    Value::Object(changed)
                };
                let mut removed = fields.clone();
                removed.remove(name);
                add(&format!("without {name}"), false, Value::Object(removed));
                add(&format!("{name} null"), false, with(Value::Null));
                add(&format!("{name} 7"), false, with(7.into()));
                for inner in damages(value) {
                    add(&format!("{name} {}", inner.name), inner.in_item, with(inner.body));
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let with = |value: Value| {
                    let mut changed = items.clone();
                    changed[index] = value;
                    Value::Array(changed)
                };
                add(&format!("{index} null"), true, with(Value::Null));
                add(&format!("{index} 7"), true, with(7.into()));
                for inner in damages(item) {
                    add(&format!("{index} {}", inner.name), true, with(inner.body));
                }
            }
        }
        Value::String(text) => {
            for inner in body::json(text).iter().flat_map(damages) {
                add(&format!("inside {}", inner.name), inner.in_item, Value::String(inner.body.to_string()));
            }
        }
        _ => {}
    }
    found
}

/// What `domain::event` promises to everybody after us.
fn check_limits(parsed: &Parsed) {
    use crate::domain::event::*;
    assert!(!parsed.reports.is_empty());
    for report in &parsed.reports {
        let event = match report {
            Report::Event(event) => event,
            Report::Note(note) => {
                assert!(note.text.chars().count() <= 500 && !note.text.contains(char::is_control), "{note:?}");
                assert!(note.external_id.as_ref().is_none_or(|id| id.len() <= EXTERNAL_ID_BYTES), "{note:?}");
                continue;
            }
            Report::Subscription(subscription) => {
                assert!(subscription.topic_arn.len() <= 512 && subscription.token.len() <= 1024);
                continue;
            }
        };
        assert!((1..=EXTERNAL_ID_BYTES).contains(&event.external_id.len()), "{event:?}");
        assert!(event.title.chars().count() <= TITLE_CHARS && !event.title.contains(char::is_control), "{event:?}");
        assert!(event.action != Action::Trigger || !event.title.is_empty(), "{event:?}");
        assert!(event.details.len() <= DETAILS_BYTES && event.labels.len() <= LABELS && event.links.len() <= LINKS);
        assert!(!event.details.contains(|c: char| text::is_invisible(c) || (c.is_control() && c != '\n')), "{event:?}");
        for (name, value) in &event.labels {
            assert!((1..=LABEL_KEY_BYTES).contains(&name.len()) && value.len() <= LABEL_VALUE_BYTES, "{event:?}");
        }
        for link in &event.links {
            assert!(link.href.to_lowercase().starts_with("http"), "{event:?}");
        }
    }
}

#[test]
fn shape_decides_and_the_path_is_a_hint() {
    let source = SourceRules::new("Test source");
    let check = |kind: Option<Kind>, body: &str, prefix: &str| {
        let parsed = parse_as(kind, body.as_bytes(), &source);
        assert!(paging(&parsed)[0].starts_with(prefix), "{kind:?} {body}: {:?}", paging(&parsed));
    };
    let alertmanager = r#"{"version":"4","groupKey":"k","status":"firing","alerts":[{"status":"firing"}]}"#;
    let grafana = r#"{"version":"1","groupKey":"k","status":"firing","title":"t","orgId":1,"alerts":[{}]}"#;
    let legacy = r#"{"title":"[Alerting] t","state":"alerting","ruleId":3}"#;
    let alarm = r#"{"AlarmName":"a","NewStateValue":"ALARM"}"#;
    let generic = r#"{"external_id":"mine","title":"t","state":"alerting","ruleId":3}"#;
    for kind in Kind::ALL.into_iter().map(Some).chain([None]) {
        check(kind, alertmanager, "am:");
        check(kind, grafana, "am:");
        check(kind, legacy, "gfl:0:3");
        check(kind, alarm, "a");
        check(kind, r#"{"title":"t","dedup_key":"mine","state":"alerting"}"#, "mine");
        check(kind, "{\"nothing\":1}", "unparsed:");
        check(kind, "title: Disk full\nexternal_id: mine", "mine");
        check(kind, "title=Disk+full&external_id=mine", "mine");
        check(kind, &format!("[{alarm},{alertmanager}]"), "a");
    }
    check(Some(Kind::Generic), generic, "mine");
    check(Some(Kind::Grafana), generic, "gfl:0:3");
}

#[test]
fn what_cannot_be_read_pages_and_says_why() {
    let source = SourceRules::new("Backups\u{202e}\n");
    let check = |body: &[u8], reason: &str| {
        let parsed = parse_as(Some(Kind::Generic), body, &source);
        let [Report::Event(event)] = &parsed.reports[..] else { panic!("{parsed:?}") };
        assert_eq!((event.action, event.severity), (Action::Trigger, Some(Severity::Error)));
        assert_eq!(event.title, "Unparsed alert from Backups");
        assert!(event.external_id.starts_with("unparsed:") && event.external_id.len() == 9 + 16);
        assert!(event.details.starts_with(&format!("The body {reason}.")), "{}", event.details);
    };
    check(b"", "is empty");
    check(b"{", "is broken JSON");
    check(b"[]", "has no title that could be found");
    check(b"{\"a\":1}", "has no title that could be found");
    check(b"[7]", "lists an event that has no title that could be found");
    check(b"disk full", "is neither JSON nor a form nor lines of key: value");
    check(b"\x1f\x8b", "is compressed, and nothing is decompressed here");
    check("[".repeat(100_000).as_bytes(), "is nested deeper than 64 levels");

    let beginning = b"{\"title\":\"complete\"}";
    let header = |_: &str| None;
    let request = Request {
        kind: None,
        content_type: None,
        header: &header,
        body: beginning,
        received_at: RECEIVED,
        truncated: true,
        source: &source,
    };
    assert!(paging(&parse(&request))[0].starts_with("unparsed:"), "the beginning of a long body is not the body");
}

#[test]
fn a_list_without_end_is_read_so_far_and_then_pages() {
    let body = format!("[{}1]", "{},".repeat(300_000));
    let parsed = parse_as(None, body.as_bytes(), &SourceRules::new("Test source"));
    assert_eq!(parsed.reports.len(), EVENTS + 1);
    let body = format!("{{\"groupKey\":\"k\",\"alerts\":[{}1]}}", "{},".repeat(300_000));
    let source = SourceRules { one_incident_per_alert: true, ..SourceRules::new("Test source") };
    assert_eq!(parse_as(Some(Kind::Alertmanager), body.as_bytes(), &source).reports.len(), EVENTS + 1);
}

#[test]
fn whatever_is_long_is_cut_in_notes_and_subscriptions_too() {
    let long = "x\n\u{202e}".repeat(2000);
    for tree in [
        json!({"state": "pending", "ruleName": long}),
        json!({"AlarmName": long, "NewStateValue": "INSUFFICIENT_DATA"}),
        json!({"detail-type": long, "resources": [long]}),
        json!({"status": "resolved", "truncatedAlerts": 1, "version": 4, "groupKey": long, "alerts": []}),
        json!({"Type": "SubscriptionConfirmation", "TopicArn": long, "Token": "t", "Message": "m"}),
        json!({"Type": "SubscriptionConfirmation", "TopicArn": "arn", "Token": long, "Message": "m"}),
        json!({"Type": "UnsubscribeConfirmation", "TopicArn": long}),
    ] {
        for source in [SourceRules::new("Test source"), SourceRules::new(&long)] {
            check_limits(&parse_as(None, tree.to_string().as_bytes(), &source));
        }
    }
}

#[test]
fn headers_name_the_delivery_and_the_topic() {
    let source = SourceRules::new("Test source");
    let raw = |body: &str| {
        let headers =
            [("x-amz-sns-rawdelivery", "true"), ("x-amz-sns-topic-arn", "arn:t"), ("x-amz-sns-message-id", "m1")];
        parse_with(None, body.as_bytes(), &source, &headers)
    };
    let parsed = raw("Backup failed: see log\nline two");
    assert_eq!(parsed.delivery_id.as_deref(), Some("m1"));
    let [Report::Event(event)] = &parsed.reports[..] else { panic!("{parsed:?}") };
    assert_eq!((event.title.as_str(), event.labels["TopicArn"].as_str()), ("Backup failed: see log", "arn:t"));
    assert_eq!(paging(&raw(r#"{"AlarmName":"a","NewStateValue":"ALARM"}"#)), ["a"]);

    let id = |headers: &[(&str, &str)], body: &str| parse_with(None, body.as_bytes(), &source, headers).delivery_id;
    let bridge = r#"{"detail-type":"CloudWatch Alarm State Change","id":"e1","resources":["arn:a"],"detail":{}}"#;
    assert_eq!(id(&[], bridge).as_deref(), Some("e1"));
    assert_eq!(id(&[("idempotency-key", "k")], bridge).as_deref(), Some("k"));
    assert_eq!(id(&[("idempotency-key", " ")], r#"{"title":"t","id":"x"}"#), None);
    assert_eq!(id(&[("idempotency-key", &"k".repeat(600))], "").map(|id| id.len()), Some(71));
}

#[test]
fn kinds_are_found_by_their_path_words() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_path(kind.word()), Some(kind));
    }
    assert_eq!(Kind::from_path("sns"), Some(Kind::CloudWatch));
    assert_eq!(Kind::from_path("Generic"), None);
}

fn any_kind() -> impl Strategy<Value = Option<Kind>> {
    prop::sample::select(vec![
        None,
        Some(Kind::Generic),
        Some(Kind::Alertmanager),
        Some(Kind::Grafana),
        Some(Kind::CloudWatch),
    ])
}

/// JSON made of the names and words that parsers look for.
fn any_tree() -> impl Strategy<Value = Value> {
    let words = [
        "ok",
        "firing",
        "resolved",
        "4",
        "1",
        "ALARM",
        "",
        "2026-05-01T02:00:00Z",
        "arn:aws:sns:x",
        "{\"title\":\"t\"}",
        "\u{202e}\0",
    ];
    let names = [
        "title",
        "status",
        "state",
        "alerts",
        "version",
        "groupKey",
        "labels",
        "annotations",
        "commonLabels",
        "startsAt",
        "fingerprint",
        "Type",
        "TopicArn",
        "Message",
        "MessageId",
        "detail-type",
        "detail",
        "resources",
        "AlarmName",
        "AlarmArn",
        "NewStateValue",
        "Trigger",
        "Dimensions",
        "evalMatches",
        "ruleId",
        "tags",
        "links",
        "url",
        "id",
        "Token",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(words.to_vec()).prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let name = prop::sample::select(names.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..8).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_fail(kind in any_kind(), body in prop::collection::vec(any::<u8>(), 0..300)) {
        check_limits(&parse_as(kind, &body, &SourceRules::new("Test source")));
    }

    #[test]
    fn no_tree_makes_it_fail(kind in any_kind(), tree in any_tree(), single in any::<bool>()) {
        let source = SourceRules { one_incident_per_alert: single, ..SourceRules::new("Test source") };
        check_limits(&parse_as(kind, tree.to_string().as_bytes(), &source));
    }
}
