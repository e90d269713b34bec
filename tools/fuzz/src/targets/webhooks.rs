//! Bodies of alerts. Whatever comes in, something comes out that is within the limits, can be kept, and is calmed by nobody
//! whose signature is wrong.

use super::{all_of, samples};
use crate::Target;
use pagerpal::domain::Severity;
use pagerpal::domain::event::*;
use pagerpal::ingest::{self, Kind, Parsed, Request, SourceRules, Trust};
use pagerpal::store::codec::{self, Version};
use pagerpal::store::engine::TableName;

const fn target(name: &'static str, ask: fn(&[u8]) -> bool, seeds: fn() -> Vec<Vec<u8>>) -> Target {
    Target { name, ask, seeds, words: WORDS }
}

pub const GENERIC: Target = target("webhook_generic", |data| ask(Some(Kind::Generic), data), || bodies("generic"));
pub const ALERTMANAGER: Target =
    target("webhook_alertmanager", |data| ask(Some(Kind::Alertmanager), data), || bodies("alertmanager"));
pub const GRAFANA: Target = target("webhook_grafana", |data| ask(Some(Kind::Grafana), data), || bodies("grafana"));
pub const CLOUDWATCH: Target =
    target("webhook_cloudwatch", |data| ask(Some(Kind::CloudWatch), data), || bodies("cloudwatch"));
pub const UNKNOWN: Target = target("webhook_unknown", |data| ask(None, data), all_bodies);

const WORDS: &[&str] = &[
    "\"status\"",
    "\"firing\"",
    "\"resolved\"",
    "\"alerts\"",
    "\"labels\"",
    "\"title\"",
    "\"state\"",
    "\"ok\"",
    "\"external_id\"",
    "\"groupKey\"",
    "\"fingerprint\"",
    "\"startsAt\"",
    "\"truncatedAlerts\"",
    "\"AlarmName\"",
    "\"NewStateValue\"",
    "\"Message\"",
    "\"Token\":\"t0p\"",
    "\"links\"",
    "null",
    "[]",
    "{}",
    ":",
    ",",
    "{\"a\":",
    "\\u0000",
    "\\ud83d\\ude00",
    "&status=close&",
    "severity",
    "critical",
    "http://",
    "javascript:",
    "2026-05-01T02:00:00Z",
    "0001-01-01T00:00:00Z",
];

fn bodies(kind: &str) -> Vec<Vec<u8>> {
    samples(&format!("tests/data/{kind}"), |name| name != "README.md" && !name.ends_with(".expected.txt"))
}

fn all_bodies() -> Vec<Vec<u8>> {
    let mut all = all_of(&["", "Disk full", "a: 1\nb: 2", "[{},[]]"]);
    all.extend(["generic", "alertmanager", "grafana", "cloudwatch"].iter().flat_map(|kind| bodies(kind)));
    all
}

/// 2026-05-01T02:00:10Z.
const RECEIVED: SenderTime = SenderTime(1_777_600_810_000_000_000);

fn ask(kind: Option<Kind>, body: &[u8]) -> bool {
    let plain = SourceRules::new("Shop");
    let severity_map = [("page".to_owned(), Severity::Critical)].into();
    let other =
        SourceRules { severity_map, one_incident_per_alert: true, insufficient_data_triggers: true, ..plain.clone() };
    let form = Some("application/x-www-form-urlencoded");
    let parse = |source: &SourceRules, content_type, is_raw_sns: bool, truncated| {
        let header = |name: &str| match name {
            "x-amz-sns-rawdelivery" if is_raw_sns => Some("true".to_owned()),
            _ => None,
        };
        ingest::parse(&Request { kind, content_type, header: &header, body, received_at: RECEIVED, truncated, source })
    };
    let parsed = parse(&plain, None, false, false);
    assert_eq!(parse(&plain, None, false, false), parsed, "the same twice");
    let cut = parse(&plain, None, false, true);
    assert!(matches!(&cut.reports[..], [Report::Event(event)] if event.action == Action::Trigger), "{cut:?}");
    let is_understood = check(&parsed);
    check(&parse(&other, form, kind == Some(Kind::CloudWatch), false));
    check(&parse(&other, None, false, false));
    let _ = ingest::is_quiet_group(body);
    is_understood
}

/// Everything that holds of an answer. Whether it is more than "nobody could read this".
fn check(parsed: &Parsed) -> bool {
    assert!(!parsed.reports.is_empty(), "a valid key always yields something");
    assert!(parsed.delivery_id.as_ref().is_none_or(|id| (1..=512).contains(&id.len())), "{:?}", parsed.delivery_id);
    for report in &parsed.reports {
        check_report(report);
    }
    let wrong = parsed.clone().apply_trust(&Trust::Wrong("no".to_owned()));
    assert_eq!(wrong.reports.len(), parsed.reports.len());
    assert_eq!(wrong.delivery_id, None);
    for (before, after) in parsed.reports.iter().zip(&wrong.reports) {
        let pages = |report: &Report| matches!(report, Report::Event(event) if event.action == Action::Trigger);
        assert_eq!(pages(before), pages(after), "forging a page is noise, forging silence is an outage");
        assert!(pages(after) || !matches!(after, Report::Event(_)), "{after:?}");
    }
    let unchecked = parsed.clone().apply_trust(&Trust::Unchecked("no network".to_owned()));
    let actions = |parsed: &Parsed| {
        let events = parsed.reports.iter().filter_map(|report| match report {
            Report::Event(event) => Some((event.action, event.external_id.clone())),
            _ => None,
        });
        events.collect::<Vec<_>>()
    };
    assert_eq!(actions(&unchecked), actions(parsed), "what could not be checked stays as it is");
    parsed.reports.iter().any(|report| !matches!(report, Report::Event(e) if e.external_id.starts_with("unparsed:")))
}

fn check_report(report: &Report) {
    let (table, version) = (TableName("reports"), Version(1));
    let kept = codec::encode(table, b"", version, report).expect("whatever was reported fits into a record");
    assert_eq!(codec::decode::<Report>(table, b"", version, &kept).as_ref(), Ok(report));
    match report {
        Report::Event(event) => check_event(event),
        Report::Note(note) => {
            assert!(note.text.chars().count() <= 500 && !note.text.contains(char::is_control), "{note:?}");
            assert!(note.external_id.as_ref().is_none_or(|id| id.len() <= EXTERNAL_ID_BYTES), "{note:?}");
        }
        Report::Subscription(subscription) => {
            assert!(!subscription.verified, "nobody has looked yet");
            assert!(subscription.topic_arn.len() <= 512 && subscription.token.len() <= 1024, "{subscription:?}");
        }
    }
}

fn check_event(event: &Event) {
    let is_clean = |text: &str| !text.contains(|c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}'));
    assert!((1..=EXTERNAL_ID_BYTES).contains(&event.external_id.len()), "{event:?}");
    assert!(event.title.chars().count() <= TITLE_CHARS && is_clean(&event.title), "{event:?}");
    assert!(event.action != Action::Trigger || !event.title.is_empty(), "{event:?}");
    assert!(event.details.len() <= DETAILS_BYTES && is_clean(&event.details.replace('\n', "")), "{event:?}");
    assert!(event.labels.len() <= LABELS && event.links.len() <= LINKS, "{event:?}");
    for (name, value) in &event.labels {
        assert!((1..=LABEL_KEY_BYTES).contains(&name.len()) && value.len() <= LABEL_VALUE_BYTES, "{event:?}");
        assert!(is_clean(name) && is_clean(value), "{event:?}");
    }
    for link in &event.links {
        assert!(link.is_web() && is_clean(&link.href) && is_clean(&link.text), "{event:?}");
        assert!(link.href.len() <= 2048 && link.text.chars().count() <= 100, "{event:?}");
    }
    assert!(event.actor.as_ref().is_none_or(|actor| actor.chars().count() <= 100 && is_clean(actor)), "{event:?}");
    assert!(event.warnings.iter().all(|warning| is_clean(warning) && warning.len() <= 4096), "{event:?}");
}
