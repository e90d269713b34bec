//! JSON that follows no tool's format: our own fields, and the names that other people gave the same things.
//!
//! Also takes what was written for Grafana OnCall's formatted webhook (`alert_uid title state message`) and for
//! GoAlert's generic API (`summary details dedup action`), and serves every other parser as the last resort.

use super::draft::{Draft, note};
use super::{Context, fields, text};
use crate::domain::event::{Action, Report};
use serde_json::Value;

/// Fields that nobody writes but to name an incident. A body that has one is meant for this parser, whatever else its
/// shape resembles.
const OWN_KEYS: [&str; 6] = ["external_id", "dedup_key", "dedup", "alert_uid", "alias", "incident_key"];
const OTHER_KEYS: [&str; 3] = ["fingerprint", "event_id", "id"];
const ACTIONS: [&str; 5] = ["event_action", "action", "status", "state", "event_type"];
const TITLES: [&str; 7] = ["title", "summary", "subject", "alert_name", "name", "message", "text"];
const DETAILS: [&str; 4] = ["description", "details", "body", "message"];
const SEVERITIES: [&str; 4] = ["severity", "priority", "level", "urgency"];
const TIMES: [&str; 5] = ["occurred_at", "timestamp", "time", "date", "started_at"];
const LINKS: [(&str, &str); 5] = [
    ("url", "Link"),
    ("link", "Link"),
    ("runbook_url", "Runbook"),
    ("dashboard_url", "Dashboard"),
    ("link_to_upstream_details", "Details"),
];

pub(super) fn has_own_key(tree: &Value) -> bool {
    fields::first(tree, &OWN_KEYS).is_some()
}

/// `None` for a trigger without a title: there is nothing to tell anybody.
pub(super) fn parse(tree: &Value, context: &Context) -> Option<Report> {
    let state = fields::first(tree, &ACTIONS);
    let action = state.as_deref().map_or(Action::Trigger, action_of);
    let title = fields::first(tree, &TITLES);
    if action == Action::Trigger && title.is_none() {
        return None;
    }
    let title = title.unwrap_or_default();
    let key = fields::first(tree, &OWN_KEYS).or_else(|| fields::first(tree, &OTHER_KEYS));
    let Some(external_id) = key.or_else(|| title_key(&title)) else {
        let text =
            format!("A report to {} that names neither an id nor a title: it matches no incident.", action.word());
        return Some(note(None, &text));
    };

    let mut draft = Draft::new(action, external_id, tree);
    draft.severity = fields::first(tree, &SEVERITIES).and_then(|word| fields::severity(&word, context.source));
    draft.details.extend(fields::first(tree, &DETAILS).filter(|details| *details != title));
    draft.title = text::first_line(&title).to_owned();
    draft.labels = fields::pairs(fields::at(tree, &["labels"]));
    links(tree, &mut draft);
    draft.occurred_at = TIMES.iter().find_map(|name| fields::time(fields::at(tree, &[name]), context.received_at));
    draft.actor = fields::first(tree, &["actor", "user"]).filter(|_| action != Action::Trigger);
    Some(draft.report(context))
}

/// Unknown words trigger: never page less because a word is odd.
pub(super) fn action_of(word: &str) -> Action {
    match word.trim().to_lowercase().as_str() {
        "ok" | "resolve" | "resolved" | "recovered" | "recovery" | "up" | "closed" | "close" | "normal" | "clear"
        | "cleared" | "0" => Action::Resolve,
        "ack" | "acknowledge" | "acknowledged" => Action::Acknowledge,
        _ => Action::Trigger,
    }
}

/// A list of `{href, text}`, of addresses, or one of either; then the fields known to hold an address.
fn links(tree: &Value, draft: &mut Draft) {
    let links = fields::at(tree, &["links"]);
    for link in links.as_array().map_or(std::slice::from_ref(links), Vec::as_slice) {
        let href = fields::scalar(link).or_else(|| fields::first(link, &["href", "url"]));
        let text = fields::first(link, &["text", "title"]).unwrap_or_else(|| "Link".to_owned());
        draft.links.extend(href.map(|href| (href, text)));
    }
    for (name, text) in LINKS {
        draft.link(tree, name, text);
    }
}

/// The key of a sender that has none: what stays of the title when digits and words of state are taken away, so that
/// `[FIRING] CPU on db at 97%` and `[OK] CPU on db at 12%` meet. Never the whole body: a recovery would not match.
fn title_key(title: &str) -> Option<String> {
    let title = text::first_line(title).to_lowercase();
    if title.is_empty() {
        return None;
    }
    let without_digits: String = title.chars().filter(|c| !c.is_numeric()).collect();
    let words = without_digits.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let kept = words.filter(|word| !is_state_word(word)).collect::<Vec<_>>().join(" ");
    let key = if kept.is_empty() { title } else { kept };
    Some(format!("title:{}", fields::sha256(key.as_bytes())))
}

fn is_state_word(word: &str) -> bool {
    action_of(word) != Action::Trigger
        || matches!(
            word,
            "trigger"
                | "triggered"
                | "firing"
                | "fired"
                | "alert"
                | "alerting"
                | "alarm"
                | "problem"
                | "down"
                | "open"
                | "opened"
                | "pending"
                | "failing"
                | "failed"
                | "critical"
                | "error"
                | "warning"
                | "warn"
                | "info"
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Event, Note, SenderTime};
    use crate::ingest::SourceRules;
    use serde_json::json;

    fn report(tree: Value) -> Option<Report> {
        parse(&tree, &Context::new(&SourceRules::new("db"), SenderTime(1_777_600_000_000_000_000)))
    }

    fn event(tree: Value) -> Event {
        match report(tree) {
            Some(Report::Event(event)) => event,
            other => panic!("no event but {other:?}"),
        }
    }

    #[test]
    fn the_first_name_that_is_present_counts() {
        let check = |tree: Value, id: &str| assert_eq!(event(tree.clone()).external_id, id, "{tree}");
        check(json!({"title": "t", "id": "3", "external_id": "1", "dedup_key": "2"}), "1");
        check(json!({"title": "t", "id": 3, "external_id": "", "dedup_key": null}), "3");
        check(json!({"title": "t", "fingerprint": "f", "alias": "a"}), "a");
    }

    #[test]
    fn words_of_state_choose_the_action_and_odd_ones_trigger() {
        let check = |tree: Value, action| assert_eq!(event(tree.clone()).action, action, "{tree}");
        for word in ["ok", "Resolved", "RECOVERY", "up", "closed", "normal", "cleared", "0"] {
            check(json!({"id": 1, "status": word}), Action::Resolve);
        }
        check(json!({"id": 1, "status": 0}), Action::Resolve);
        check(json!({"id": 1, "state": "ack"}), Action::Acknowledge);
        for word in ["firing", "no_data", "7", "resolving", "not ok"] {
            check(json!({"id": 1, "title": "t", "status": word}), Action::Trigger);
        }
        check(json!({"id": 1, "title": "t"}), Action::Trigger);
        check(json!({"id": 1, "title": "t", "event_action": "trigger", "status": "ok"}), Action::Trigger);
    }

    #[test]
    fn without_a_key_the_title_is_one_that_its_recovery_shares() {
        let key = |title: &str| event(json!({"title": title})).external_id;
        assert_eq!(key("[FIRING:2] CPU on db1 at 97%"), key("[OK] CPU on db2 at 12%"));
        assert_eq!(key("Site is down"), key("Site is up"));
        assert_ne!(key("Disk full on db"), key("Disk full on web"));
        assert_ne!(key("Error"), key("Warning"), "nothing left: the title itself");
        assert_eq!(key("a\nb").len(), "title:".len() + 64);
    }

    #[test]
    fn a_trigger_needs_a_title_and_a_recovery_something_to_match() {
        assert_eq!(report(json!({"id": 1, "details": "x"})), None);
        assert!(matches!(report(json!({"status": "ok"})), Some(Report::Note(Note { external_id: None, .. }))));
    }

    #[test]
    fn links_come_in_many_shapes() {
        let tree = json!({"title": "t", "links": ["https://a/1", {"url": "https://a/2", "title": "two"}, 7],
            "runbook_url": "https://a/3", "url": "ftp://a"});
        let event = event(tree);
        let hrefs: Vec<&str> = event.links.iter().map(|link| link.href.as_str()).collect();
        assert_eq!(hrefs, ["https://a/1", "https://a/2", "https://a/3"]);
        assert!(event.details.contains("Link: ftp://a"));
    }
}
