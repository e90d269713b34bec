//! `/api/v1/alert-sources`: who sends alerts, and what they sent lately. Everybody signed in reads, admins edit.
//!
//! A key is in two answers: that to making a source and that to giving it another one. Nothing else ever shows it, for it
//! is kept nowhere.

use crate::app::alert_sources::{self, Basics, NewSigning, new_key};
use crate::app::names::{self, Names};
use crate::app::{AppError, Read};
use crate::domain::Severity;
use crate::domain::alert_source::{AlertSource, Topic, TopicState, UrgencyRule};
use crate::domain::id::AlertSourceId;
use crate::domain::refusal::Refusal;
use crate::domain::source_event::{ReportResult, SourceEvent};
use crate::ingest::Kind;
use crate::secret::Secret;
use crate::web::api::fields::{IncidentReference, Nothing, called, short_minutes_of};
use crate::web::api::{
    Composed, Created, IfMatch, Instant, List, Page, Reference, Revealed, ShownOnce, by_name, id_of,
};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use crate::web::{Web, sns};
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct SourceView {
    id: String,
    name: String,
    /// Whose bodies it sends: `generic`, `alertmanager`, `grafana`, `cloudwatch`.
    kind: String,
    team: Reference,
    policy: Reference,
    is_active: bool,
    /// The end of its key, to tell keys apart.
    key_tail: String,
    /// Of an alert that names none.
    default_severity: &'static str,
    /// The sender's words, in lower case, and what they mean here.
    severity_map: BTreeMap<String, &'static str>,
    one_incident_per_alert: bool,
    insufficient_data_triggers: bool,
    urgency: &'static str,
    /// How long silence lasts until it counts as recovery; null is for ever.
    auto_resolve_seconds: Option<u32>,
    topics: Vec<TopicView>,
    /// Whether its alerts must carry Grafana's signature, beside the key.
    must_sign: bool,
    last_event_at: Option<Instant>,
    created_at: Instant,
    version: u64,
}

/// An SNS topic that has asked to send here.
#[derive(Debug, Serialize, JsonSchema)]
struct TopicView {
    topic: String,
    /// `pending` until an admin confirms it, then `confirmed`.
    state: &'static str,
    asked_at: Option<Instant>,
}

/// A source with its key, in the one answer that shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SourceWithKeyView {
    #[serde(flatten)]
    source: SourceView,
    key: Revealed,
}

/// One request of a sender.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SourceEventView {
    received_at: Instant,
    /// Further requests right after it that said the same, and when the last of them came.
    repeats: u64,
    last_received_at: Instant,
    results: Vec<ReportResultView>,
    /// Its beginning, without what would be a secret.
    body: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ReportResultView {
    external_id: Option<String>,
    action: String,
    result: &'static str,
    incident: Option<IncidentReference>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct TestAlertView {
    /// What the test opened or repeated.
    results: Vec<ReportResultView>,
}

/// A whole source: what is left out is empty.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceBody {
    #[serde(default)]
    name: String,
    #[serde(default)]
    kind: String,
    /// The id of the team that gets its alerts.
    #[serde(default)]
    team: String,
    /// The id of the escalation policy that pages for them.
    #[serde(default)]
    policy: String,
    /// `error` if it is left out.
    default_severity: Option<String>,
    #[serde(default)]
    severity_map: BTreeMap<String, String>,
    #[serde(default)]
    one_incident_per_alert: bool,
    #[serde(default)]
    insufficient_data_triggers: bool,
    /// `by_severity` if it is left out, or `high`, `low`.
    urgency: Option<String>,
    auto_resolve_seconds: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TopicBody {
    /// The ARN of a topic that is `pending`.
    #[serde(default)]
    topic: String,
}

/// What Grafana's contact point has under *HMAC signature*.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SigningBody {
    /// 8 to 200 characters; shown nowhere from then on.
    #[serde(default)]
    signing_secret: String,
    /// The header with the time that is signed too, if there is one.
    timestamp_header: Option<String>,
}

pub async fn list(State(web): State<Arc<Web>>, page: Page) -> Result<List<SourceView>, WebError> {
    let read = |read: &Read<'_>| {
        let names = names::all(read)?;
        let view = |source: AlertSource| Ok((source.id, SourceView::of(read, source, &names)?.1));
        alert_sources::all(read)?.into_iter().map(view).collect()
    };
    let all: Vec<(AlertSourceId, SourceView)> = web.read(read).await?;
    Ok(List::cut(all, |(id, view)| by_name(&view.name, *id), &page, |(_, view)| view))
}

pub async fn one(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<AlertSourceId>,
) -> Result<Composed<SourceView>, WebError> {
    view(&web, id).await
}

/// What it sent lately, the newest first.
pub async fn events(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<AlertSourceId>,
    page: Page,
) -> Result<List<SourceEventView>, WebError> {
    let read = move |read: &Read<'_>| {
        alert_sources::one(read, id)?;
        alert_sources::recent_events(read, id)
    };
    let events = web.read(read).await?;
    List::in_order(events.into_iter().map(SourceEventView::of).collect(), &page)
}

pub async fn create(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    JsonBody(body): JsonBody<SourceBody>,
) -> Result<ShownOnce<Created<SourceWithKeyView>>, WebError> {
    let basics = body.read()?;
    let key = new_key(web.app.random_bytes());
    let kept = key.clone();
    let create =
        move |tx: &mut crate::app::Write<'_>| alert_sources::create(tx, &actor, &basics, &kept).map_err(in_body);
    let id = web.write(create).await?;
    let Composed(version, source) = view(&web, id).await?;
    let location = format!("/api/v1/alert-sources/{id}");
    let made = SourceWithKeyView { source, key: Revealed(key) };
    Ok(ShownOnce(Created { location, version: Some(version), made }))
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<AlertSourceId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<SourceBody>,
) -> Result<Composed<SourceView>, WebError> {
    let basics = body.read()?;
    web.write(move |tx| {
        expected.check(alert_sources::one(tx, id)?.version)?;
        alert_sources::edit(tx, &actor, id, &basics).map_err(in_body)
    })
    .await?;
    view(&web, id).await
}

/// The old key opens nothing from then on.
pub async fn regenerate_key(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<AlertSourceId>,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<ShownOnce<Composed<SourceWithKeyView>>, WebError> {
    let key = new_key(web.app.random_bytes());
    let kept = key.clone();
    web.write(move |tx| alert_sources::regenerate_key(tx, &actor, id, &kept)).await?;
    let Composed(version, source) = view(&web, id).await?;
    Ok(ShownOnce(Composed(version, SourceWithKeyView { source, key: Revealed(key) })))
}

pub async fn activate(
    web: State<Arc<Web>>,
    caller: Caller,
    id: PathId<AlertSourceId>,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<Composed<SourceView>, WebError> {
    set_active(web, caller, id, true).await
}

pub async fn deactivate(
    web: State<Arc<Web>>,
    caller: Caller,
    id: PathId<AlertSourceId>,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<Composed<SourceView>, WebError> {
    set_active(web, caller, id, false).await
}

async fn set_active(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<AlertSourceId>,
    active: bool,
) -> Result<Composed<SourceView>, WebError> {
    web.write(move |tx| alert_sources::set_active(tx, &actor, id, active)).await?;
    view(&web, id).await
}

/// A real alert by the real way, marked as a test: it pages until somebody takes it.
pub async fn test_alert(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<AlertSourceId>,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<Json<TestAlertView>, WebError> {
    let results = web.write(move |tx| alert_sources::send_test_alert(tx, &actor, id)).await?;
    Ok(Json(TestAlertView { results: results.into_iter().map(ReportResultView::of).collect() }))
}

/// An admin's word that this topic may send here.
pub async fn confirm_topic(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<AlertSourceId>,
    JsonBody(body): JsonBody<TopicBody>,
) -> Result<Composed<SourceView>, WebError> {
    sns::confirm(&web, actor, id, &body.topic).await?;
    view(&web, id).await
}

/// From then on alerts must be signed with this secret.
pub async fn sign(
    web: State<Arc<Web>>,
    caller: Caller,
    id: PathId<AlertSourceId>,
    expected: IfMatch,
    JsonBody(body): JsonBody<SigningBody>,
) -> Result<Composed<SourceView>, WebError> {
    let new = NewSigning { secret: Secret::new(body.signing_secret), timestamp_header: body.timestamp_header };
    set_signing(web, caller, id, expected, Some(new)).await
}

/// From then on the key is enough again.
pub async fn sign_no_more(
    web: State<Arc<Web>>,
    caller: Caller,
    id: PathId<AlertSourceId>,
    expected: IfMatch,
) -> Result<Composed<SourceView>, WebError> {
    set_signing(web, caller, id, expected, None).await
}

async fn set_signing(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<AlertSourceId>,
    IfMatch(expected): IfMatch,
    new: Option<NewSigning>,
) -> Result<Composed<SourceView>, WebError> {
    let (vault, nonce) = (web.app.vault.clone(), web.app.random_bytes());
    web.write(move |tx| {
        expected.check(alert_sources::one(tx, id)?.version)?;
        alert_sources::set_signing(tx, &actor, &vault, nonce, id, new.as_ref())
    })
    .await?;
    view(&web, id).await
}

impl SourceBody {
    fn read(self) -> Result<Basics, Refusal> {
        let kinds = || Kind::ALL.map(Kind::word).join(", ");
        let unknown = || Refusal::invalid("kind_unknown", "kind", format!("A kind is one of {}.", kinds()));
        let kind = Kind::from_path(&self.kind).ok_or_else(unknown)?;
        let default_severity = severity(self.default_severity.as_deref().unwrap_or("error"), "default_severity")?;
        let meaning = |(word, meant): (String, String)| Ok((word, severity(&meant, "severity_map")?));
        let severity_map = self.severity_map.into_iter().map(meaning).collect::<Result<_, Refusal>>()?;
        let auto_resolve_minutes =
            self.auto_resolve_seconds.map(|secs| short_minutes_of(secs, "auto_resolve_seconds")).transpose()?;
        Ok(Basics {
            name: self.name,
            kind: kind.word().to_owned(),
            team: id_of(&self.team, "team")?,
            policy: id_of(&self.policy, "policy")?,
            default_severity,
            severity_map,
            one_incident_per_alert: self.one_incident_per_alert,
            insufficient_data_triggers: self.insufficient_data_triggers,
            urgency: self.urgency.map_or(Ok(UrgencyRule::BySeverity), |word| urgency(&word))?,
            auto_resolve_minutes,
        })
    }
}

fn severity(word: &str, field: &'static str) -> Result<Severity, Refusal> {
    let sentence = "A severity is critical, error, warning or info.";
    Severity::from_word(word).ok_or_else(|| Refusal::invalid("severity_unknown", field, sentence))
}

fn urgency(word: &str) -> Result<UrgencyRule, Refusal> {
    let words = UrgencyRule::ALL.map(UrgencyRule::word).join(", ");
    let sentence = format!("An urgency is one of {words}.");
    UrgencyRule::from_word(word).ok_or_else(|| Refusal::invalid("urgency_unknown", "urgency", sentence))
}

/// The form counts in minutes.
fn in_body(error: AppError) -> AppError {
    match error {
        AppError::Refused(refusal) => called(refusal, "auto_resolve_minutes", "auto_resolve_seconds").into(),
        other => other,
    }
}

async fn view(web: &Web, id: AlertSourceId) -> Result<Composed<SourceView>, WebError> {
    web.read(move |read| SourceView::of(read, alert_sources::one(read, id)?, &names::all(read)?)).await
}

impl SourceView {
    fn of(read: &Read<'_>, source: AlertSource, names: &Names) -> Result<Composed<SourceView>, AppError> {
        let last = alert_sources::recent_events(read, source.id)?.into_iter().next();
        let severities = source.severity_map.into_iter().map(|(word, severity)| (word, severity.word()));
        let version = source.version;
        let view = SourceView {
            id: source.id.to_string(),
            name: source.name,
            kind: source.kind,
            team: Reference::new(source.team, names.teams.get(&source.team)),
            policy: Reference::new(source.policy, names.policies.get(&source.policy)),
            is_active: source.active,
            key_tail: source.key_tail,
            default_severity: source.default_severity.word(),
            severity_map: severities.collect(),
            one_incident_per_alert: source.one_incident_per_alert,
            insufficient_data_triggers: source.insufficient_data_triggers,
            urgency: source.urgency.word(),
            auto_resolve_seconds: source.auto_resolve_minutes.map(|minutes| u32::from(minutes) * 60),
            must_sign: source.signing.is_some(),
            topics: source.topics.into_iter().map(TopicView::of).collect(),
            last_event_at: last.map(|event| event.last_at.into()),
            created_at: source.created_at.into(),
            version,
        };
        Ok(Composed(version, view))
    }
}

impl TopicView {
    fn of(topic: Topic) -> TopicView {
        let (state, asked_at) = match topic.state {
            TopicState::Pending { asked_at, .. } => ("pending", Some(asked_at.into())),
            TopicState::Confirmed => ("confirmed", None),
        };
        TopicView { topic: topic.arn, state, asked_at }
    }
}

impl SourceEventView {
    fn of(event: SourceEvent) -> SourceEventView {
        SourceEventView {
            received_at: event.at.into(),
            repeats: event.repeats,
            last_received_at: event.last_at.into(),
            results: event.results.into_iter().map(ReportResultView::of).collect(),
            body: event.body,
        }
    }
}

impl ReportResultView {
    fn of(result: ReportResult) -> ReportResultView {
        let incident = result.incident.map(|(id, number)| IncidentReference::new(id, number));
        ReportResultView {
            external_id: result.external_id,
            action: result.action,
            result: result.result.word(),
            incident,
        }
    }
}
