//! Turns a webhook's bytes into events. Pure: no clock, no I/O, no randomness, and it never fails.
//!
//! The shape of a body decides who reads it; the path is a hint, because senders template their bodies and people
//! paste the wrong address. In order: the parser of the path's kind, the parsers whose marker fields the body carries,
//! the generic mapper, and last the *unparsed alert*, which wakes somebody to look. Three promises hold for all of it:
//!
//! - a valid key always yields something: a body that nobody can read pages;
//! - odd, missing or wrongly typed fields never make it page less;
//! - whatever a stranger wrote comes out cleaned and within the limits of `domain::event`.
//!
//! Left to others: who may send (the key), whether an SNS signature is good ([`sns`] says, and [`Parsed::apply_trust`]
//! draws the consequence), what an event does to an incident, and all memory of earlier requests.

mod alertmanager;
mod body;
mod cloudwatch;
mod draft;
mod fields;
mod generic;
mod grafana;
pub mod sns;
mod text;
mod unparsed;

pub use sns::Trust;
pub use text::{lossy, without_secrets};

use crate::domain::Severity;
use crate::domain::event::{Action, Event, Note, Report, SenderTime};
use body::Body;
use serde_json::Value;
use std::collections::BTreeMap;

/// The formats that have a parser and a path, `POST /api/v1/webhooks/<word>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Generic,
    Alertmanager,
    Grafana,
    CloudWatch,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Generic, Kind::Alertmanager, Kind::Grafana, Kind::CloudWatch];

    /// `None` for a path we do not know: shape detection then starts without a hint.
    pub fn from_path(word: &str) -> Option<Kind> {
        let word = if word == "sns" { "cloudwatch" } else { word };
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The word in paths, records and settings.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Generic => "generic",
            Kind::Alertmanager => "alertmanager",
            Kind::Grafana => "grafana",
            Kind::CloudWatch => "cloudwatch",
        }
    }

    /// How people write it.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Generic => "Generic JSON",
            Kind::Alertmanager => "Prometheus Alertmanager",
            Kind::Grafana => "Grafana",
            Kind::CloudWatch => "Amazon CloudWatch",
        }
    }

    /// Whether the body carries the fields that only this kind has.
    fn marker(self, tree: &Value) -> bool {
        match self {
            Kind::Generic => generic::has_own_key(tree),
            Kind::Alertmanager => alertmanager::marker(tree),
            Kind::Grafana => grafana::marker(tree),
            Kind::CloudWatch => cloudwatch::marker(tree),
        }
    }

    fn parse(self, tree: &Value, context: &Context) -> Option<Vec<Report>> {
        match self {
            Kind::Generic => generic::parse(tree, context).map(|report| vec![report]),
            Kind::Alertmanager => alertmanager::parse(tree, "Alertmanager", context),
            Kind::Grafana => grafana::parse(tree, context),
            Kind::CloudWatch => cloudwatch::parse(tree, context),
        }
    }
}

/// Whether a body is an Alertmanager group of which nothing fires: as a heartbeat it is no ping.
pub fn is_quiet_group(body: &[u8]) -> bool {
    alertmanager::is_quiet_group(body)
}

/// What an alert source says about its bodies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceRules {
    pub name: String,
    /// The source's own words, looked up before the common ones, case ignored.
    pub severity_map: BTreeMap<String, Severity>,
    /// Alertmanager and Grafana: each alert of a group is an incident of its own.
    pub one_incident_per_alert: bool,
    /// CloudWatch: `INSUFFICIENT_DATA` pages instead of being noted.
    pub insufficient_data_triggers: bool,
}

impl SourceRules {
    /// A source that changes nothing.
    pub fn new(name: &str) -> SourceRules {
        let severity_map = BTreeMap::new();
        SourceRules {
            name: name.to_owned(),
            severity_map,
            one_incident_per_alert: false,
            insufficient_data_triggers: false,
        }
    }
}

pub struct Request<'a> {
    /// From the path.
    pub kind: Option<Kind>,
    pub content_type: Option<&'a str>,
    /// A header's value by its lower-case name.
    pub header: &'a dyn Fn(&str) -> Option<String>,
    pub body: &'a [u8],
    pub received_at: SenderTime,
    /// The body was longer than 1 MiB and only its beginning is here.
    pub truncated: bool,
    pub source: &'a SourceRules,
}

/// What one request says, to be committed together.
#[derive(Clone, PartialEq, Debug)]
pub struct Parsed {
    /// Never empty.
    pub reports: Vec<Report>,
    /// The same in every repeat of one delivery: an `Idempotency-Key` header, else SNS `MessageId`, else EventBridge
    /// `id`. At most 512 bytes.
    pub delivery_id: Option<String>,
}

/// More than this many events in one list become one unparsed alert for the rest, so that a list of a million empty
/// objects costs no more than a long one.
const EVENTS: usize = 1000;

pub fn parse(request: &Request) -> Parsed {
    let context = Context::new(request.source, request.received_at);
    let header = |name: &str| (request.header)(name).filter(|value| !value.trim().is_empty());
    let body = if request.truncated {
        Body::Unreadable("is longer than 1 MiB")
    } else {
        body::read(request.body, request.content_type)
    };
    let is_raw_sns = header("x-amz-sns-rawdelivery").is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
    let is_sns = is_raw_sns || header("x-amz-sns-message-type").is_some();
    let kind = if is_sns { Some(Kind::CloudWatch) } else { request.kind };

    let found = match &body {
        Body::Fields(_) | Body::Text(_) if is_raw_sns => {
            let topic = header("x-amz-sns-topic-arn").unwrap_or_default();
            cloudwatch::message(&String::from_utf8_lossy(request.body), None, &topic, None, &context)
        }
        Body::Fields(tree) => detect_all(tree, kind, &context),
        _ => None,
    };
    let reports = found.unwrap_or_else(|| {
        let reason = match &body {
            Body::Unreadable(reason) => reason,
            Body::Text(_) => "is neither JSON nor a form nor lines of key: value",
            Body::Fields(_) => "has no title that could be found",
        };
        vec![Report::Event(unparsed::alert(reason, request.body, &context))]
    });

    let in_body = match &body {
        Body::Fields(tree) if !is_raw_sns => cloudwatch::delivery_id(tree),
        _ => None,
    };
    let delivery_id = header("idempotency-key").or(in_body).or_else(|| header("x-amz-sns-message-id"));
    Parsed { reports, delivery_id: delivery_id.map(draft::limited_id) }
}

/// What parsers need besides the body.
#[derive(Clone, Copy)]
struct Context<'a> {
    source: &'a SourceRules,
    received_at: SenderTime,
    /// Inside an SNS message: no envelope is opened a second time.
    nested: bool,
}

impl<'a> Context<'a> {
    fn new(source: &'a SourceRules, received_at: SenderTime) -> Context<'a> {
        Context { source, received_at, nested: false }
    }
}

/// A list at the top is a list of events, each of which is detected for itself; what cannot be read in it pages.
fn detect_all(tree: &Value, kind: Option<Kind>, context: &Context) -> Option<Vec<Report>> {
    let Value::Array(items) = tree else { return detect(tree, kind, context) };
    let mut reports = Vec::new();
    for item in items.iter().take(EVENTS) {
        reports.extend(detect(item, kind, context).unwrap_or_else(|| {
            let reason = "lists an event that has no title that could be found";
            vec![Report::Event(unparsed::alert(reason, item.to_string().as_bytes(), context))]
        }));
    }
    reports.extend(rest(items, context));
    (!reports.is_empty()).then_some(reports)
}

/// The unparsed alert for the items of a list that are too many.
fn rest(items: &[Value], context: &Context) -> Option<Report> {
    let next = items.get(EVENTS)?;
    let reason = format!("lists {} events, of which {EVENTS} were read; the next one follows", items.len());
    Some(Report::Event(unparsed::alert(&reason, next.to_string().as_bytes(), context)))
}

fn detect(tree: &Value, kind: Option<Kind>, context: &Context) -> Option<Vec<Report>> {
    if !tree.is_object() {
        return None;
    }
    let marked = |kind: &Kind| *kind != Kind::Generic && kind.marker(tree);
    // The path's own parser goes first, unless the body carries the marker of another kind and not its own.
    let hinted = kind.filter(|kind| kind.marker(tree) || !Kind::ALL.iter().any(|any| any.marker(tree)));
    let others = Kind::ALL.into_iter().filter(|other| Some(*other) != hinted && marked(other));
    hinted.into_iter().chain(others).chain([Kind::Generic]).find_map(|kind| kind.parse(tree, context))
}

impl Parsed {
    /// Draws the consequence of a signature. Forging a page is noise, forging silence is an outage: a wrong signature
    /// lets triggers through with a warning and turns everything that would calm an incident into a note. One that
    /// could not be checked leaves events valid, with a warning.
    pub fn apply_trust(self, trust: &Trust) -> Parsed {
        let Parsed { reports, delivery_id } = self;
        // A forged delivery must not make the genuine one look like a repeat.
        let delivery_id = delivery_id.filter(|_| !matches!(trust, Trust::Wrong(_)));
        Parsed { reports: reports.into_iter().map(|report| trusted(report, trust)).collect(), delivery_id }
    }
}

fn trusted(report: Report, trust: &Trust) -> Report {
    match (report, trust) {
        (Report::Subscription(mut subscription), _) => {
            subscription.verified = *trust == Trust::Verified;
            Report::Subscription(subscription)
        }
        (Report::Event(event), Trust::Unchecked(why)) => {
            Report::Event(warned(event, format!("The signature of this message could not be checked: {why}.")))
        }
        (Report::Event(event), Trust::Wrong(why)) if event.action == Action::Trigger => {
            Report::Event(warned(event, format!("The signature of this message is wrong: {why}.")))
        }
        (Report::Event(event), Trust::Wrong(why)) => {
            let text =
                format!("A report to {} was not followed, because its signature is wrong: {why}.", event.action.word());
            Report::Note(Note { external_id: Some(event.external_id), text })
        }
        (Report::Note(note), Trust::Wrong(why)) => {
            Report::Note(Note { text: format!("{} (The signature is wrong: {why}.)", note.text), ..note })
        }
        (report, _) => report,
    }
}

fn warned(mut event: Event, warning: String) -> Event {
    event.warnings.push(warning);
    event
}

#[cfg(test)]
mod tests;
