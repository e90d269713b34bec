//! Groups of alerts: Alertmanager's webhook, version 4, and what Grafana made of it.
//!
//! One group is one incident, because `group_by` is how its owner asked to be paged once. An alert source can ask for
//! one incident per alert instead; a group without a `groupKey` has no other choice. Nothing is ever keyed on text,
//! which would merge distinct alerts.
//!
//! Only `status` resolves a group. An alert missing from the list is not resolved (resolved ones leave the group after
//! one delivery), and a list shortened by `max_alerts` cannot say that all is well, because `status` was computed from
//! what was left of it.

use super::draft::{Draft, note};
use super::{Context, EVENTS, fields, unparsed};
use crate::domain::event::{Action, AlertPair, LINKS, Order, Report, SenderTime};
use serde_json::Value;

/// Version 4 is Alertmanager's; Grafana says 1.
pub(super) fn marker(tree: &Value) -> bool {
    tree.get("alerts").is_some_and(Value::is_array) && fields::text(tree, "version").as_deref() == Some("4")
}

/// Whether a body is a group of alerts of which none fires.
pub(super) fn is_quiet_group(body: &[u8]) -> bool {
    let tree: Option<Value> = serde_json::from_slice(body).ok();
    tree.is_some_and(|tree| marker(&tree) && fields::text(&tree, "status").as_deref() == Some("resolved"))
}

/// `sender` names the tool in links. `None` if there is neither a group key nor a list of alerts.
pub(super) fn parse(tree: &Value, sender: &str, context: &Context) -> Option<Vec<Report>> {
    let alerts = fields::list(tree, "alerts");
    match fields::text(tree, "groupKey") {
        Some(key) if !context.source.one_incident_per_alert || alerts.is_empty() => {
            Some(vec![group(tree, &key, alerts, sender, context)])
        }
        _ if alerts.is_empty() => None,
        _ => {
            let mut reports: Vec<Report> =
                alerts.iter().take(EVENTS).map(|alert| single(tree, alert, sender, context)).collect();
            reports.extend(super::rest(alerts, context));
            Some(reports)
        }
    }
}

fn group(tree: &Value, key: &str, alerts: &[Value], sender: &str, context: &Context) -> Report {
    let external_id = fields::derived_id("am", key);
    let (resolved, firing): (Vec<&Value>, Vec<&Value>) =
        alerts.iter().filter(|alert| alert.is_object()).partition(|alert| is_resolved(alert, Some(tree)));
    let left_out = truncated(tree);
    let recovered = group_recovered(tree, &resolved, alerts);
    if recovered && left_out != 0 && !says_all_resolved(tree) {
        let left_out = if left_out < 0 { "others".to_owned() } else { format!("{left_out} more") };
        let text = format!("The alerts listed are resolved, but {left_out} were left out: not taken as a recovery.");
        return note(Some(external_id), &text);
    }

    let action = if recovered { Action::Resolve } else { Action::Trigger };
    let mut draft = Draft::new(action, external_id, tree);
    let common = fields::at(tree, &["commonAnnotations"]);
    draft.title = group_title(tree, &firing, alerts, context);
    draft.details.extend(fields::text(common, "description"));
    draft.details.extend(fields::text(tree, "message"));
    draft.details.push(listing("Firing", &firing, tree));
    draft.details.push(listing("Resolved", &resolved, tree));
    for labels in ["commonLabels", "groupLabels"] {
        draft.labels.extend(fields::pairs(fields::at(tree, &[labels])));
    }
    sender_labels(&mut draft, tree, alerts.first().unwrap_or(&Value::Null));
    links(&mut draft, common, "");
    for alert in firing.iter().chain(&resolved).take_while(|_| alerts.len() <= LINKS) {
        links(&mut draft, alert, sender);
        links(&mut draft, fields::at(alert, &["annotations"]), "");
    }
    draft.link(tree, "externalURL", sender);

    if recovered {
        draft.occurred_at = latest(&resolved, "endsAt", context);
        draft.order = Order::Alerts(resolved.iter().filter_map(|alert| pair(alert, context)).collect());
    } else {
        let words = firing.iter().filter_map(|alert| fields::text(fields::at(alert, &["labels"]), "severity"));
        let worst = words.filter_map(|word| fields::severity(&word, context.source)).max();
        let shared = fields::text(fields::at(tree, &["commonLabels"]), "severity");
        draft.severity = worst.or_else(|| fields::severity(&shared?, context.source));
        draft.occurred_at = latest(&firing, "startsAt", context);
        // A trigger may be called old only if every alert in it is known to be: one that cannot be identified, or was
        // left out, could be new.
        let pairs: Option<Vec<AlertPair>> = firing.iter().map(|alert| pair(alert, context)).collect();
        let complete = left_out == 0 && firing.len() + resolved.len() == alerts.len();
        draft.order = match pairs {
            Some(pairs) if complete && !pairs.is_empty() => Order::Alerts(pairs),
            _ => Order::Arrival,
        };
        if left_out > 0 {
            draft.warnings.push(format!("{sender} left {left_out} alerts of this group out of its message."));
        }
        if firing.len() + resolved.len() < alerts.len() {
            draft.warnings.push("A part of the list of alerts could not be read.".to_owned());
        }
    }
    draft.report(context)
}

fn single(tree: &Value, alert: &Value, sender: &str, context: &Context) -> Report {
    if !alert.is_object() {
        let reason = "lists an alert that cannot be read";
        return Report::Event(unparsed::alert(reason, alert.to_string().as_bytes(), context));
    }
    let resolved = is_resolved(alert, Some(tree));
    let (labels, annotations) = (fields::at(alert, &["labels"]), fields::at(alert, &["annotations"]));
    let external_id = fields::text(alert, "fingerprint").unwrap_or_else(|| {
        // Older versions send no fingerprint. It hashes the labels, so that is what we do; an alert without labels is
        // told from others by its rule and its beginning.
        let started = fields::first(alert, &["generatorURL", "startsAt"]).unwrap_or_default();
        let from = if labels.as_object().is_some_and(|all| !all.is_empty()) { labels.to_string() } else { started };
        fields::derived_id("am", &from)
    });
    let mut draft = Draft::new(if resolved { Action::Resolve } else { Action::Trigger }, external_id, alert);
    draft.title = fields::text(annotations, "summary").unwrap_or_else(|| name(labels, labels, context));
    draft.details.extend(fields::text(annotations, "description"));
    draft.details.extend(values(alert));
    draft.labels = fields::pairs(labels);
    sender_labels(&mut draft, tree, alert);
    links(&mut draft, annotations, "");
    links(&mut draft, alert, sender);
    draft.link(tree, "externalURL", sender);
    draft.severity = fields::text(labels, "severity").and_then(|word| fields::severity(&word, context.source));
    draft.occurred_at = latest(&[alert], if resolved { "endsAt" } else { "startsAt" }, context);
    if let Some(pair) = pair(alert, context) {
        draft.order = Order::Alerts(vec![pair]);
    }
    draft.report(context)
}

/// By its own status, else by the group's.
fn is_resolved(alert: &Value, group: Option<&Value>) -> bool {
    match fields::first(alert, &["status", "state"]) {
        Some(word) => ["resolved", "ok"].contains(&word.trim().to_lowercase().as_str()),
        None => group.is_some_and(|group| is_resolved(group, None)),
    }
}

/// The group says so, or says nothing while every alert does; and no alert in it says otherwise.
fn group_recovered(tree: &Value, resolved: &[&Value], alerts: &[Value]) -> bool {
    let says_nothing = fields::first(tree, &["status", "state"]).is_none();
    let says_so = if says_nothing { !alerts.is_empty() } else { is_resolved(tree, None) };
    says_so && resolved.len() == alerts.len()
}

/// How many alerts `max_alerts` dropped; -1 for a number that cannot be read, which is taken for "some".
fn truncated(tree: &Value) -> i64 {
    fields::text(tree, "truncatedAlerts").map_or(0, |number| number.trim().parse().unwrap_or(-1))
}

/// Versions that compute this before dropping alerts know better than `status`.
fn says_all_resolved(tree: &Value) -> bool {
    let reason = fields::first(tree, &["notification_reason", "notificationReason"]).unwrap_or_default();
    reason.trim().to_lowercase().replace(['_', '-'], " ") == "all alerts resolved"
}

/// Common summary, else Grafana's title, else the only firing alert's summary, else the alert's name and the labels it
/// is grouped by.
fn group_title(tree: &Value, firing: &[&Value], alerts: &[Value], context: &Context) -> String {
    let summary = fields::text(fields::at(tree, &["commonAnnotations"]), "summary");
    if summary.is_none()
        && let Some(title) = fields::text(tree, "title")
    {
        return title;
    }
    let only = match firing {
        [only] => fields::text(fields::at(only, &["annotations"]), "summary"),
        _ => None,
    };
    let title = summary.or(only).unwrap_or_else(|| {
        let grouped_by = fields::at(tree, &["groupLabels"]);
        let places =
            [fields::at(tree, &["commonLabels"]), alerts.first().map_or(&Value::Null, |a| fields::at(a, &["labels"]))];
        let named = places.into_iter().find(|labels| fields::text(labels, "alertname").is_some());
        name(named.unwrap_or(grouped_by), grouped_by, context)
    });
    if firing.len() > 1 { format!("{title} ({} firing)", firing.len()) } else { title }
}

/// `DiskFull dc=eu host=db1`.
fn name(labels: &Value, shown: &Value, context: &Context) -> String {
    let name = fields::first(labels, &["alertname", "rulename"]);
    let name = name.unwrap_or_else(|| format!("Alert from {}", context.source.name));
    let shown = fields::pairs(shown).into_iter().filter(|(label, _)| label != "alertname");
    let shown = shown.map(|(label, value)| format!(" {label}={value}"));
    name + &shown.collect::<String>()
}

/// One line per alert, with the labels that tell it from the others. Stops where details would be cut anyway.
fn listing(heading: &str, alerts: &[&Value], tree: &Value) -> String {
    const LINES: usize = 100;
    let common = fields::at(tree, &["commonLabels"]);
    let mut lines: Vec<String> =
        alerts.iter().take(LINES).map(|alert| format!("- {}", describe(alert, common))).collect();
    if alerts.len() > LINES {
        lines.push(format!("- and {} more", alerts.len() - LINES));
    }
    if lines.is_empty() { String::new() } else { format!("{heading}:\n{}", lines.join("\n")) }
}

fn describe(alert: &Value, common: &Value) -> String {
    let labels = fields::at(alert, &["labels"]);
    let own = labels.as_object().into_iter().flatten().filter(|(label, value)| common.get(label) != Some(value));
    let own = own.filter_map(|(label, value)| Some(format!("{label}={}", fields::shown(value)?)));
    let own = own.collect::<Vec<_>>().join(" ");
    let own = if own.is_empty() { fields::text(labels, "alertname").unwrap_or_default() } else { own };
    let text = fields::first(fields::at(alert, &["annotations"]), &["summary", "description"]);
    let since = fields::text(alert, "startsAt").map(|since| format!("since {since}"));
    [Some(own).filter(|own| !own.is_empty()), text, values(alert), since]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

/// Grafana's measured values.
fn values(alert: &Value) -> Option<String> {
    let values = fields::pairs(fields::at(alert, &["values"]));
    let values = values.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
    if values.is_empty() { fields::text(alert, "valueString") } else { Some(values) }
}

/// The receiver's name without the quoting of regular expressions, and Grafana's rule and organisation.
fn sender_labels(draft: &mut Draft, tree: &Value, alert: &Value) {
    draft.label("receiver", fields::text(tree, "receiver").map(|name| name.replace('\\', "")));
    draft.label("ruleUID", fields::text(tree, "ruleUID").or_else(|| fields::text(alert, "ruleUID")));
    draft.label("orgId", fields::text(tree, "orgId").or_else(|| fields::text(alert, "orgId")));
}

fn links(draft: &mut Draft, tree: &Value, sender: &str) {
    draft.link(tree, "runbook_url", "Runbook");
    draft.link(tree, "dashboard_url", "Dashboard");
    draft.link(tree, "dashboardURL", "Dashboard");
    draft.link(tree, "panelURL", "Panel");
    draft.link(tree, "generatorURL", "Rule");
    draft.link(tree, "silenceURL", &format!("Silence in {sender}"));
}

fn latest(alerts: &[&Value], field: &str, context: &Context) -> Option<SenderTime> {
    alerts.iter().filter_map(|alert| fields::time(fields::at(alert, &[field]), context.received_at)).max()
}

fn pair(alert: &Value, context: &Context) -> Option<AlertPair> {
    let starts_at = fields::time(fields::at(alert, &["startsAt"]), context.received_at)?;
    Some(AlertPair { fingerprint: fields::text(alert, "fingerprint")?, starts_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Severity;
    use crate::domain::event::{Event, Note};
    use crate::ingest::SourceRules;
    use serde_json::json;

    const RECEIVED: SenderTime = SenderTime(1_777_600_800_000_000_000);

    fn reports(tree: &Value, per_alert: bool) -> Vec<Report> {
        let source = SourceRules { one_incident_per_alert: per_alert, ..SourceRules::new("db") };
        parse(tree, "Alertmanager", &Context::new(&source, RECEIVED)).unwrap_or_default()
    }

    fn event(tree: &Value) -> Event {
        match reports(tree, false).as_slice() {
            [Report::Event(event)] => event.clone(),
            other => panic!("no event but {other:?}"),
        }
    }

    fn alert(status: &str, fingerprint: &str, severity: &str) -> Value {
        json!({"status": status, "fingerprint": fingerprint, "labels": {"severity": severity, "alertname": "A"},
            "startsAt": "2026-05-01T01:00:00Z", "endsAt": "2026-05-01T01:30:00Z"})
    }

    fn body(status: &str, alerts: Vec<Value>) -> Value {
        json!({"version": "4", "groupKey": "{}:{a=\"b\"}", "status": status, "truncatedAlerts": 0, "alerts": alerts})
    }

    #[test]
    fn only_the_groups_status_resolves_it() {
        let check = |status: &str, alerts: Vec<Value>, expected| {
            let tree = body(status, alerts);
            assert_eq!(event(&tree).action, expected, "{tree}");
        };
        let (firing, resolved) = (alert("firing", "f", "page"), alert("resolved", "r", "page"));
        check("firing", vec![firing.clone(), resolved.clone()], Action::Trigger);
        check("resolved", vec![resolved.clone()], Action::Resolve);
        check("firing", vec![resolved.clone()], Action::Trigger);
        check("resolved", vec![resolved.clone(), firing], Action::Trigger);
        check("resolved", vec![resolved.clone(), json!(7)], Action::Trigger);
        check("odd", vec![resolved.clone()], Action::Trigger);
        check("", vec![resolved], Action::Resolve);
        check("", vec![], Action::Trigger);
    }

    #[test]
    fn a_shortened_list_is_no_recovery_unless_the_sender_says_so() {
        let mut tree = body("resolved", vec![alert("resolved", "r", "page")]);
        for number in [json!(3), json!("3"), json!("many")] {
            tree["truncatedAlerts"] = number;
            assert!(matches!(&reports(&tree, false)[..], [Report::Note(Note { external_id: Some(_), .. })]), "{tree}");
        }
        tree["notification_reason"] = json!("all alerts resolved");
        assert_eq!(event(&tree).action, Action::Resolve);
        // Each alert for itself needs no list.
        assert_eq!(reports(&tree, true).len(), 1);
    }

    #[test]
    fn the_worst_severity_of_the_firing_counts() {
        let tree = body(
            "firing",
            vec![alert("firing", "1", "warning"), alert("firing", "2", "error"), alert("resolved", "3", "critical")],
        );
        assert_eq!(event(&tree).severity, Some(Severity::Error));
    }

    #[test]
    fn a_trigger_is_comparable_only_if_every_alert_in_it_is() {
        let firing = || alert("firing", "f", "page");
        let order = |tree: Value| event(&tree).order;
        assert!(matches!(order(body("firing", vec![firing()])), Order::Alerts(pairs) if pairs.len() == 1));
        let mut nameless = firing();
        nameless["fingerprint"] = json!(null);
        assert_eq!(order(body("firing", vec![firing(), nameless])), Order::Arrival);
        let mut timeless = firing();
        timeless["startsAt"] = json!("0001-01-01T00:00:00Z");
        assert_eq!(order(body("firing", vec![timeless])), Order::Arrival);
        let mut shortened = body("firing", vec![firing()]);
        shortened["truncatedAlerts"] = json!(1);
        assert_eq!(order(shortened), Order::Arrival);
        assert_eq!(order(body("firing", vec![])), Order::Arrival, "an empty list is not an old list");
    }

    #[test]
    fn one_incident_per_alert_takes_each_alerts_own_word() {
        let mut tree = body("firing", vec![alert("firing", "f", "page"), alert("resolved", "r", "page"), json!(null)]);
        let check = |reports: &[Report]| {
            let found: Vec<(Action, &str)> = reports
                .iter()
                .map(|report| match report {
                    Report::Event(event) => (event.action, event.external_id.as_str()),
                    other => panic!("no event but {other:?}"),
                })
                .collect();
            assert_eq!(found[..2], [(Action::Trigger, "f"), (Action::Resolve, "r")]);
            assert!(found[2].0 == Action::Trigger && found[2].1.starts_with("unparsed:"));
        };
        check(&reports(&tree, true));
        tree["groupKey"] = json!(null);
        check(&reports(&tree, false));
    }

    #[test]
    fn without_a_fingerprint_the_labels_identify_an_alert_and_no_text_does() {
        let id = |alert: Value| match &reports(&json!({"alerts": [alert]}), false)[..] {
            [Report::Event(event)] => event.external_id.clone(),
            other => panic!("{other:?}"),
        };
        let one = json!({"labels": {"host": "db1"}, "annotations": {"summary": "a"}});
        let recovered = json!({"labels": {"host": "db1"}, "annotations": {"summary": "b"}, "status": "resolved"});
        let other = json!({"labels": {"host": "db2"}, "annotations": {"summary": "a"}});
        assert_eq!(id(one.clone()), id(recovered));
        assert_ne!(id(one), id(other));
    }
}
