//! CloudWatch alarms, by every road they take: SNS, SNS with raw delivery, EventBridge, EventBridge through SNS.
//!
//! All of them meet in one key, the alarm's ARN, so that an alarm raised on one road is resolved on another. Whether
//! an SNS message is genuine is asked in [`super::sns`]; here it is only read. An SNS message that is no alarm goes
//! through shape detection again, and if that finds nothing its subject is the title.

use super::body::{self, Body};
use super::draft::{Draft, note};
use super::{Context, Kind, detect_all, fields, text};
use crate::domain::Severity;
use crate::domain::event::{Action, Order, Report, SenderTime, Subscription};
use serde_json::Value;

const STATE_CHANGES: [&str; 2] = ["cloudwatch alarm state change", "cloudwatch alarm contributor state change"];

const UNSUBSCRIBED: &str = "The subscription of this alert source was ended. Alarms of this topic no longer arrive; \
    subscribe again unless this was meant.";

pub(super) fn marker(tree: &Value) -> bool {
    let has = |name| fields::text(tree, name).is_some();
    (has("Type") && has("TopicArn")) || has("detail-type") || (has("AlarmName") && has("NewStateValue"))
}

/// More lenient than the marker: for a body whose path or headers already say that it comes from AWS.
pub(super) fn parse(tree: &Value, context: &Context) -> Option<Vec<Report>> {
    if !context.nested && is_envelope(tree) {
        return envelope(tree, context);
    }
    let report = if tree.get("detail-type").is_some() { event_bridge(tree, context) } else { alarm(tree, context) };
    report.map(|report| vec![report])
}

/// `MessageId` of an SNS envelope, `id` of an EventBridge event: the same in every repeat of one delivery.
pub(super) fn delivery_id(tree: &Value) -> Option<String> {
    let has = |name| fields::text(tree, name).is_some();
    let name = match () {
        () if has("Type") && has("TopicArn") => "MessageId",
        () if has("detail-type") => "id",
        () => return None,
    };
    tree.get(name).and_then(Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned)
}

fn is_envelope(tree: &Value) -> bool {
    let has = |name| fields::text(tree, name).is_some();
    (has("TopicArn") && (has("Type") || has("Message")))
        || (has("Message") && (has("MessageId") || has("Type")))
        || has("SigningCertURL")
}

fn envelope(tree: &Value, context: &Context) -> Option<Vec<Report>> {
    let topic = fields::text(tree, "TopicArn").unwrap_or_default();
    let sent_at = fields::time(fields::at(tree, &["Timestamp"]), context.received_at);
    match (fields::text(tree, "Type").as_deref(), fields::text(tree, "Token")) {
        (Some("SubscriptionConfirmation"), Some(token)) if is_plain(&topic, 512) && is_plain(&token, 1024) => {
            return Some(vec![Report::Subscription(Subscription { topic_arn: topic, token, verified: false })]);
        }
        (Some("UnsubscribeConfirmation"), _) => {
            let mut draft = Draft::new(Action::Trigger, format!("sns:unsubscribed:{topic}"), &Value::Null);
            draft.tree = None;
            draft.severity = Some(Severity::Error);
            draft.title = format!("SNS stopped sending from {topic}");
            draft.details.push(UNSUBSCRIBED.to_owned());
            draft.occurred_at = sent_at;
            return Some(vec![draft.report(context)]);
        }
        _ => {}
    }
    let message = fields::text(tree, "Message").unwrap_or_default();
    let subject = fields::text(tree, "Subject");
    self::message(&message, subject.as_deref(), &topic, sent_at, context)
}

/// Topics and tokens are visible ASCII. Anything else is no request that could be confirmed: it is shown as a message.
fn is_plain(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What a topic delivered, in its envelope or raw. `None` if it is empty and has no subject.
pub(super) fn message(
    message: &str,
    subject: Option<&str>,
    topic: &str,
    sent_at: Option<SenderTime>,
    context: &Context,
) -> Option<Vec<Report>> {
    let nested = Context { nested: true, ..*context };
    if let Body::Fields(tree) = body::read(message.as_bytes(), None)
        && let Some(found) = detect_all(&tree, Some(Kind::CloudWatch), &nested)
    {
        return Some(found);
    }
    let title = subject.map(text::first_line).filter(|subject| !subject.is_empty());
    let title = title.unwrap_or_else(|| text::first_line(message));
    if title.is_empty() {
        return None;
    }
    let external_id = fields::derived_id("sns", &format!("{topic}\n{title}"));
    let mut draft = Draft::new(Action::Trigger, external_id, &Value::Null);
    draft.tree = None;
    draft.title = title.to_owned();
    draft.details.push(text::without_secrets(message));
    draft.label("TopicArn", Some(topic.to_owned()).filter(|topic| !topic.is_empty()));
    draft.occurred_at = sent_at;
    Some(vec![draft.report(context)])
}

/// The alarm document that CloudWatch publishes to SNS.
fn alarm(tree: &Value, context: &Context) -> Option<Report> {
    let arn = fields::text(tree, "AlarmArn");
    let name = fields::text(tree, "AlarmName").or_else(|| arn.as_deref().map(name_in_arn));
    let account = fields::text(tree, "AWSAccountId");
    let place = [account.clone(), fields::text(tree, "Region"), name.clone()].into_iter().collect::<Option<Vec<_>>>();
    let contributor = fields::first(tree, &["AlarmContributorId", "ContributorId"])
        .or_else(|| fields::first(fields::at(tree, &["AlarmContributor"]), &["Id", "id", "ContributorId"]));
    let alarm = Alarm {
        external_id: arn.clone().or_else(|| Some(place?.join(":"))).or_else(|| name.clone())?,
        contributor,
        state: fields::text(tree, "NewStateValue"),
        name: name?,
        changed_at: fields::time(fields::at(tree, &["StateChangeTime"]), context.received_at),
    };
    let mut details = vec![fields::text(tree, "AlarmDescription"), fields::text(tree, "NewStateReason")];
    let rule = fields::text(tree, "AlarmRule").map(|rule| format!("Rule: {rule}"));
    details.extend([rule, children(tree), metrics(fields::at(tree, &["Trigger"]))]);

    let trigger = fields::at(tree, &["Trigger"]);
    let region = arn.as_deref().and_then(region_in_arn).or_else(|| fields::text(tree, "Region"));
    let mut labels = vec![("AWSAccountId", account), ("Region", region)];
    labels.extend(["Namespace", "MetricName"].map(|name| (name, fields::text(trigger, name))));
    let mut labels = named(labels);
    labels.extend(dimensions(trigger));
    labels.extend(fields::pairs(fields::at(tree, &["AlarmContributorAttributes"])));
    Some(alarm.report(tree, details, labels, context))
}

/// The same alarm as EventBridge tells it. Other kinds of event are notes; a damaged kind is taken for an alarm.
fn event_bridge(tree: &Value, context: &Context) -> Option<Report> {
    let detail = fields::at(tree, &["detail"]);
    if let Some(kind) = tree.get("detail-type").and_then(Value::as_str)
        && !STATE_CHANGES.contains(&kind.trim().to_lowercase().as_str())
    {
        let subjects = fields::list(tree, "resources").iter().filter_map(fields::scalar).collect::<Vec<_>>().join(", ");
        let text = format!("EventBridge sent {kind}, which is no alarm: {subjects}");
        return Some(note(None, &text));
    }
    let arn = fields::list(tree, "resources").iter().find_map(fields::scalar);
    let name = fields::text(detail, "alarmName").or_else(|| arn.as_deref().map(name_in_arn));
    let (account, region) = (fields::text(tree, "account"), fields::text(tree, "region"));
    let place = [account.clone(), region.clone(), name.clone()].into_iter().collect::<Option<Vec<_>>>();
    let state = fields::at(detail, &["state"]);
    let alarm = Alarm {
        external_id: arn.clone().or_else(|| Some(place?.join(":"))).or_else(|| name.clone())?,
        contributor: fields::text(fields::at(detail, &["alarmContributor"]), "id"),
        state: fields::text(state, "value"),
        name: name?,
        changed_at: fields::time(fields::at(state, &["timestamp"]), context.received_at),
    };
    let configuration = fields::at(detail, &["configuration"]);
    let rule = fields::text(configuration, "alarmRule").map(|rule| format!("Rule: {rule}"));
    let details = vec![fields::text(configuration, "description"), fields::text(state, "reason"), rule];

    let metric = fields::list(configuration, "metrics").iter().map(|m| fields::at(m, &["metricStat", "metric"]));
    let metric = metric.into_iter().find(|metric| metric.is_object()).unwrap_or(&Value::Null);
    let region = arn.as_deref().and_then(region_in_arn).or(region);
    let mut labels = named(vec![
        ("AWSAccountId", account),
        ("Region", region),
        ("Namespace", fields::text(metric, "namespace")),
        ("MetricName", fields::text(metric, "name")),
    ]);
    labels.extend(fields::pairs(fields::at(metric, &["dimensions"])));
    labels.extend(fields::pairs(fields::at(detail, &["alarmContributor", "attributes"])));
    Some(alarm.report(tree, details, labels, context))
}

/// What both tellings have in common.
struct Alarm {
    external_id: String,
    /// One time series of an alarm that watches many: an incident of its own.
    contributor: Option<String>,
    state: Option<String>,
    name: String,
    changed_at: Option<SenderTime>,
}

impl Alarm {
    fn report(
        self,
        tree: &Value,
        details: Vec<Option<String>>,
        labels: Vec<(String, String)>,
        context: &Context,
    ) -> Report {
        let contributor = self.contributor.map(|id| format!("#{id}")).unwrap_or_default();
        let external_id = self.external_id + &contributor;
        let action = match self.state.as_deref().map(str::trim) {
            Some("OK") => Action::Resolve,
            Some("INSUFFICIENT_DATA") if !context.source.insufficient_data_triggers => {
                let text = format!("CloudWatch has too little data to judge {}.", self.name);
                return note(Some(external_id), &text);
            }
            _ => Action::Trigger,
        };
        let mut draft = Draft::new(action, external_id, tree);
        draft.title = self.name;
        draft.details = details.into_iter().flatten().collect();
        draft.labels = labels;
        draft.occurred_at = self.changed_at;
        // Without the sender's own time an event goes by arrival: ours says nothing about which came first.
        draft.order = if self.changed_at.is_some() { Order::Time } else { Order::Arrival };
        draft.report(context)
    }
}

fn named(labels: Vec<(&str, Option<String>)>) -> Vec<(String, String)> {
    labels.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// `arn:aws:cloudwatch:eu-west-1:123456789012:alarm:CPU high` is `CPU high`; an ARN cut short before its name is its own.
fn name_in_arn(arn: &str) -> String {
    arn.splitn(7, ':').last().filter(|name| text::says_something(name)).unwrap_or(arn).to_owned()
}

fn region_in_arn(arn: &str) -> Option<String> {
    arn.split(':').nth(3).filter(|region| arn.starts_with("arn:") && !region.is_empty()).map(str::to_owned)
}

/// SNS writes `name` and `value` small, the API large.
fn dimensions(trigger: &Value) -> Vec<(String, String)> {
    let pair = |dimension| {
        Some((fields::first(dimension, &["name", "Name"])?, fields::first(dimension, &["value", "Value"])?))
    };
    fields::list(trigger, "Dimensions").iter().filter_map(pair).collect()
}

/// The parts of a metric math alarm.
fn metrics(trigger: &Value) -> Option<String> {
    let describe = |metric: &Value| {
        let of = fields::text(metric, "Expression")
            .or_else(|| fields::text(fields::at(metric, &["MetricStat", "Metric"]), "MetricName"))?;
        let label = fields::text(metric, "Label").map(|label| format!(" ({label})")).unwrap_or_default();
        Some(format!("{} = {of}{label}", fields::first(metric, &["Id", "id"])?))
    };
    let lines: Vec<String> = fields::list(trigger, "Metrics").iter().filter_map(describe).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// What made a composite alarm go off.
fn children(tree: &Value) -> Option<String> {
    let describe = |child: &Value| {
        let state = fields::text(fields::at(child, &["State"]), "Value").unwrap_or_default();
        Some(format!("- {} {state}", name_in_arn(&fields::text(child, "Arn")?)))
    };
    let lines: Vec<String> = fields::list(tree, "TriggeringChildren").iter().filter_map(describe).collect();
    (!lines.is_empty()).then(|| format!("Set off by:\n{}", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Event, Note};
    use crate::ingest::SourceRules;
    use serde_json::json;

    const ARN: &str = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:CPU: high";

    fn report_with(tree: &Value, source: &SourceRules) -> Option<Report> {
        parse(tree, &Context::new(source, SenderTime(1_777_600_800_000_000_000)))?.pop()
    }

    fn report(tree: &Value) -> Option<Report> {
        report_with(tree, &SourceRules::new("aws"))
    }

    fn event(tree: &Value) -> Event {
        match report(tree) {
            Some(Report::Event(event)) => event,
            other => panic!("no event but {other:?}"),
        }
    }

    #[test]
    fn both_roads_of_an_alarm_meet_in_its_arn() {
        let sns = json!({"AlarmName": "CPU: high", "AlarmArn": ARN, "NewStateValue": "ALARM"});
        let bridge = json!({"detail-type": "CloudWatch Alarm State Change", "resources": [ARN],
            "detail": {"alarmName": "CPU: high", "state": {"value": "OK"}}});
        let (raised, cleared) = (event(&sns), event(&bridge));
        assert_eq!((raised.action, cleared.action), (Action::Trigger, Action::Resolve));
        assert_eq!(raised.external_id, ARN);
        assert_eq!(cleared.external_id, ARN);
        assert_eq!(raised.labels["Region"], "eu-west-1");
    }

    #[test]
    fn the_key_is_the_arn_else_the_place_and_name_else_the_name() {
        let check = |tree: Value, id: &str| assert_eq!(event(&tree).external_id, id, "{tree}");
        let state = "ALARM";
        check(
            json!({"AlarmName": "a", "AWSAccountId": 123, "Region": "EU (Ireland)", "NewStateValue": state}),
            "123:EU (Ireland):a",
        );
        check(json!({"AlarmName": "a", "AWSAccountId": "123", "NewStateValue": state}), "a");
        check(json!({"AlarmArn": ARN, "AlarmContributorId": "6d44", "NewStateValue": state}), &format!("{ARN}#6d44"));
        let contributor = json!({"detail-type": "CloudWatch Alarm Contributor State Change", "resources": [ARN],
            "detail": {"alarmContributor": {"id": "6d44", "attributes": {"Table": "t"}}, "state": {"value": state}}});
        check(contributor.clone(), &format!("{ARN}#6d44"));
        assert_eq!(event(&contributor).labels["Table"], "t");
        assert_eq!(event(&contributor).title, "CPU: high");
    }

    #[test]
    fn an_arn_without_a_name_is_the_title_itself() {
        let cut = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:";
        for arn in [cut, ":", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:\u{202e}"] {
            let alarm = event(&json!({"AlarmArn": arn, "NewStateValue": "ALARM"}));
            assert_eq!(alarm.title, arn.trim_end_matches('\u{202e}'));
            assert_eq!(alarm.external_id, arn);
        }
    }

    #[test]
    fn too_little_data_is_a_note_unless_the_source_says_otherwise() {
        let tree = json!({"AlarmName": "a", "NewStateValue": "INSUFFICIENT_DATA"});
        assert!(matches!(report(&tree), Some(Report::Note(Note { external_id: Some(id), .. })) if id == "a"));
        let strict = SourceRules { insufficient_data_triggers: true, ..SourceRules::new("aws") };
        assert!(matches!(report_with(&tree, &strict), Some(Report::Event(event)) if event.action == Action::Trigger));
    }

    #[test]
    fn an_event_is_comparable_only_by_the_senders_own_time() {
        let mut tree =
            json!({"AlarmName": "a", "NewStateValue": "OK", "StateChangeTime": "2026-05-01T02:00:00.123+0000"});
        assert_eq!(event(&tree).order, Order::Time);
        assert_eq!(event(&tree).occurred_at, SenderTime(1_777_600_800_123_000_000));
        tree["StateChangeTime"] = json!(7);
        assert_eq!(event(&tree).order, Order::Arrival);
    }

    #[test]
    fn a_message_that_is_no_alarm_is_looked_at_again_then_shown_by_its_subject() {
        let envelope = |message: &str, subject: Option<&str>| {
            json!({"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:123456789012:ops", "MessageId": "m",
                "Message": message, "Subject": subject, "UnsubscribeURL": "https://sns/?t0p"})
        };
        let check = |message: &str, subject, title: &str, prefix: &str| {
            let event = event(&envelope(message, subject));
            assert_eq!(event.title, title, "{message}");
            assert!(event.external_id.starts_with(prefix), "{}", event.external_id);
            assert!(!event.details.contains("t0p"));
        };
        check("Backup failed\nbadly", None, "Backup failed", "sns:");
        check("Backup: failed\nbadly", None, "Backup: failed", "sns:");
        check("Backup failed", Some("Nightly job"), "Nightly job", "sns:");
        check(r#"{"title":"Disk full","id":"d1"}"#, Some("x"), "Disk full", "d1");
        check(r#"{"state":"alerting","ruleId":3,"ruleName":"CPU"}"#, None, "CPU", "gfl:0:3");
        check(&envelope("inner", None).to_string(), Some("twice wrapped"), "twice wrapped", "sns:");
        assert_eq!(report(&envelope("", None)), None);
    }

    #[test]
    fn other_events_are_notes_and_damaged_ones_page() {
        let mut tree = json!({"detail-type": "EC2 Instance State-change Notification", "resources": ["arn:x"]});
        assert!(matches!(report(&tree), Some(Report::Note(_))));
        tree["detail-type"] = json!(7);
        assert!(matches!(report(&tree), Some(Report::Event(event)) if event.action == Action::Trigger));
    }
}
