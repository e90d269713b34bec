//! Grafana: unified alerting, and the legacy alerts before it.
//!
//! Unified alerting speaks Alertmanager's format with fields of its own, all of which [`alertmanager`] reads. A legacy
//! alert is one rule: `state` is its whole story, and a rule without data is blind, so it pages.

use super::draft::{Draft, note};
use super::{Context, alertmanager, fields};
use crate::domain::event::{Action, Report};
use serde_json::Value;

pub(super) fn marker(tree: &Value) -> bool {
    unified_marker(tree) || legacy_marker(tree)
}

fn unified_marker(tree: &Value) -> bool {
    let has = |name| fields::text(tree, name).is_some();
    let version = fields::text(tree, "version");
    let is_grafana = version.as_deref() == Some("1") || has("orgId") || has("state");
    tree.get("alerts").is_some_and(Value::is_array) && is_grafana && version.as_deref() != Some("4")
}

fn legacy_marker(tree: &Value) -> bool {
    tree.get("alerts").is_none() && fields::text(tree, "state").is_some() && has_rule(tree)
}

fn has_rule(tree: &Value) -> bool {
    fields::first(tree, &["ruleId", "ruleName"]).is_some() || tree.get("evalMatches").is_some_and(Value::is_array)
}

pub(super) fn parse(tree: &Value, context: &Context) -> Option<Vec<Report>> {
    if tree.get("alerts").is_some() || fields::text(tree, "groupKey").is_some() {
        return alertmanager::parse(tree, "Grafana", context);
    }
    legacy(tree, context).map(|report| vec![report])
}

fn legacy(tree: &Value, context: &Context) -> Option<Report> {
    let state = fields::text(tree, "state").map(|state| state.trim().to_lowercase());
    if state.is_none() && !has_rule(tree) {
        return None;
    }
    let title = fields::text(tree, "title");
    let rule = fields::first(tree, &["ruleId", "ruleName"]).or_else(|| title.as_deref().map(stateless))?;
    let organisation = fields::text(tree, "orgId").unwrap_or_else(|| "0".to_owned());
    let external_id = format!("gfl:{organisation}:{rule}");
    let title = fields::text(tree, "ruleName").or(title).unwrap_or_else(|| format!("Grafana rule {rule}"));
    let action = match state.as_deref() {
        Some("ok") => Action::Resolve,
        Some(state @ ("pending" | "paused" | "unknown")) => {
            let text = format!("Grafana says that {title} is {state}.");
            return Some(note(Some(external_id), &text));
        }
        _ => Action::Trigger,
    };

    let mut draft = Draft::new(action, external_id, tree);
    draft.title = title;
    draft.details.extend(fields::text(tree, "message"));
    draft.details.push(fields::list(tree, "evalMatches").iter().filter_map(measured).collect::<Vec<_>>().join("\n"));
    let tags = fields::at(tree, &["tags"]);
    draft.labels = fields::pairs(tags);
    draft.label("orgId", fields::text(tree, "orgId"));
    draft.severity = fields::text(tags, "severity").and_then(|word| fields::severity(&word, context.source));
    draft.link(tree, "ruleUrl", "Grafana");
    draft.link(tree, "rule_url", "Grafana");
    Some(draft.report(context))
}

/// The title as it reads in every state: without a leading `[...]` and a trailing ` is up` or ` is down`.
fn stateless(title: &str) -> String {
    let title = title.trim();
    let rest = title.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(title, |(_, rest)| rest.trim());
    let rest = rest.strip_suffix(" is up").or_else(|| rest.strip_suffix(" is down")).unwrap_or(rest);
    if rest.is_empty() { title.to_owned() } else { rest.to_owned() }
}

fn measured(sample: &Value) -> Option<String> {
    let tags = fields::pairs(fields::at(sample, &["tags"]));
    let tags: String = tags.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    let value = fields::text(sample, "value").unwrap_or_else(|| "no value".to_owned());
    Some(format!("{}: {value}{tags}", fields::text(sample, "metric")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::SenderTime;
    use crate::ingest::SourceRules;
    use serde_json::json;

    fn report(tree: &Value) -> Option<Report> {
        parse(tree, &Context::new(&SourceRules::new("db"), SenderTime(1_777_600_800_000_000_000)))?.pop()
    }

    #[test]
    fn a_legacy_rule_pages_unless_it_is_well_or_waiting() {
        let check = |state: Value, expected: Option<Action>| {
            let found = report(&json!({"title": "t", "ruleId": 12, "state": state}));
            let action = match found {
                Some(Report::Event(event)) => Some(event.action),
                _ => None,
            };
            assert_eq!(action, expected, "{state}");
        };
        check(json!("ok"), Some(Action::Resolve));
        for state in [json!("alerting"), json!("no_data"), json!("odd"), json!(7), json!(null)] {
            check(state, Some(Action::Trigger));
        }
        for state in ["pending", "paused", "Unknown"] {
            check(json!(state), None);
        }
    }

    #[test]
    fn the_key_is_the_rule_else_the_title_without_its_state() {
        let check = |tree: Value, id: &str| match report(&tree) {
            Some(Report::Event(event)) => assert_eq!(event.external_id, id, "{tree}"),
            other => panic!("{other:?}"),
        };
        check(json!({"state": "ok", "ruleId": 12, "ruleName": "CPU", "orgId": 1}), "gfl:1:12");
        check(json!({"state": "ok", "ruleName": "CPU"}), "gfl:0:CPU");
        check(json!({"state": "alerting", "title": "[Alerting] CPU high"}), "gfl:0:CPU high");
        check(json!({"state": "ok", "title": "[OK] CPU high"}), "gfl:0:CPU high");
        check(json!({"state": "alerting", "title": "db1 is down"}), "gfl:0:db1");
        check(json!({"state": "ok", "title": "db1 is up"}), "gfl:0:db1");
        check(json!({"state": "ok", "title": "[OK]"}), "gfl:0:[OK]");
    }

    #[test]
    fn markers_tell_grafana_from_alertmanager() {
        let check = |tree: Value, expected: bool| assert_eq!(marker(&tree), expected, "{tree}");
        check(json!({"alerts": [], "version": "1"}), true);
        check(json!({"alerts": [], "orgId": 1}), true);
        check(json!({"alerts": [], "state": "ok"}), true);
        check(json!({"alerts": [], "version": "4", "state": "ok"}), false);
        check(json!({"alerts": []}), false);
        check(json!({"state": "ok", "evalMatches": []}), true);
        check(json!({"state": "ok", "title": "t"}), false);
    }
}
