//! Alert sources: made, keyed, switched off, tested.

use crate::app::error::taken;
use crate::app::intake::{self, Received};
use crate::app::{AppError, Write, change, names, sha256};
use crate::domain::Severity;
use crate::domain::actor::Actor;
use crate::domain::alert_source::{AlertSource, Signing, Topic, TopicState, UrgencyRule};
use crate::domain::event::{Action, Event, Order, Report, SenderTime};
use crate::domain::id::{AlertSourceId, Id, PolicyId, TeamId};
use crate::domain::policy::Policy;
use crate::domain::refusal::{Refusal, checked_name};
use crate::domain::source_event::{KEPT_EVENTS, ReportResult, SourceEvent};
use crate::domain::team::Team;
use crate::domain::time::Timestamp;
use crate::hex::hex;
use crate::secret::Secret;
use crate::store::{Read, alert_sources, events};
use crate::vault::{Nonce, Place, Unreadable, Vault};
use std::collections::BTreeMap;

pub fn all(read: &impl Read) -> Result<Vec<AlertSource>, AppError> {
    let mut all = alert_sources::alert_sources_all(read, super::MANY)?;
    all.sort_by_key(|source| source.name.to_lowercase());
    Ok(all)
}

pub fn one(read: &impl Read, id: AlertSourceId) -> Result<AlertSource, AppError> {
    Ok(read.get::<AlertSource>(id)?.ok_or_else(|| Refusal::not_found("alert source"))?)
}

/// What it sent lately, the newest first.
pub fn recent_events(read: &impl Read, id: AlertSourceId) -> Result<Vec<SourceEvent>, AppError> {
    Ok(events::source_events(read, id, KEPT_EVENTS as usize)?)
}

/// What people decide about a source.
#[derive(Clone, Debug)]
pub struct Basics {
    pub name: String,
    pub kind: String,
    pub team: TeamId,
    pub policy: PolicyId,
    pub default_severity: Severity,
    pub severity_map: BTreeMap<String, Severity>,
    pub one_incident_per_alert: bool,
    pub insufficient_data_triggers: bool,
    pub urgency: UrgencyRule,
    pub auto_resolve_minutes: Option<u16>,
}

impl Basics {
    /// Errors when the sender gives no severity, and nothing special besides.
    pub fn named(name: &str, kind: &str, team: TeamId, policy: PolicyId) -> Basics {
        Basics {
            name: name.to_owned(),
            kind: kind.to_owned(),
            team,
            policy,
            default_severity: Severity::Error,
            severity_map: BTreeMap::new(),
            one_incident_per_alert: false,
            insufficient_data_triggers: false,
            urgency: UrgencyRule::BySeverity,
            auto_resolve_minutes: None,
        }
    }
}

/// A key as senders want it: 32 lower-case hexadecimal characters from 128 random bits, which the caller draws.
pub fn new_key(random: [u8; 16]) -> String {
    hex(&random)
}

/// The key is shown once, by the caller; only its digest is kept.
pub fn create(tx: &mut Write<'_>, actor: &Actor, basics: &Basics, key: &str) -> Result<AlertSourceId, AppError> {
    change::begin(actor)?;
    let id = tx.new_id();
    let source = bare(id, basics, sha256(key.as_bytes()), tail(key), tx.now());
    let source = with_basics(tx, source, basics)?;
    save(tx, &source)?;
    change::audit(tx, actor, "alert_source.created", id, source.name)?;
    Ok(id)
}

fn said(read: &impl Read, source: &AlertSource) -> Result<String, AppError> {
    let names = names::all(read)?;
    let named = |name: Option<&String>| name.cloned().unwrap_or_else(|| "removed".to_owned());
    let (team, policy) = (named(names.teams.get(&source.team)), named(names.policies.get(&source.policy)));
    let quiet = source.auto_resolve_minutes.map_or("never".to_owned(), |minutes| format!("after {minutes} min"));
    Ok(format!(
        "{}, {}, team {team}, policy {policy}, severity {}, urgency {}, resolved by itself {quiet}",
        source.name,
        source.kind,
        source.default_severity.word(),
        source.urgency.word()
    ))
}

/// Its open incidents move along to another policy and keep climbing there.
pub fn edit(tx: &mut Write<'_>, actor: &Actor, id: AlertSourceId, basics: &Basics) -> Result<(), AppError> {
    change::begin(actor)?;
    let before = one(tx, id)?;
    let source = with_basics(tx, before.clone(), basics)?;
    save(tx, &source)?;
    super::incidents::follow_source(tx, actor, &before, &source)?;
    if source.policy != before.policy {
        change::recheck(tx, actor)?;
    }
    let (was, is) = (said(tx, &before)?, said(tx, &source)?);
    change::audit_change(tx, actor, "alert_source.edited", id, source.name, was, is)
}

/// A new source before its [`Basics`] are checked.
pub(super) fn bare(
    id: AlertSourceId,
    basics: &Basics,
    key_hash: [u8; 32],
    key_tail: String,
    created_at: Timestamp,
) -> AlertSource {
    AlertSource {
        id,
        name: String::new(),
        kind: String::new(),
        team: basics.team,
        policy: basics.policy,
        active: true,
        key_hash,
        key_tail,
        default_severity: basics.default_severity,
        severity_map: BTreeMap::new(),
        one_incident_per_alert: false,
        insufficient_data_triggers: false,
        topics: vec![],
        urgency: basics.urgency,
        auto_resolve_minutes: basics.auto_resolve_minutes,
        signing: None,
        created_at,
        version: 0,
    }
}

pub(super) fn with_basics(read: &impl Read, mut source: AlertSource, basics: &Basics) -> Result<AlertSource, AppError> {
    let team = read.get::<Team>(basics.team)?;
    team.ok_or_else(|| Refusal::invalid("team_missing", "team", "Choose the team that gets these alerts."))?;
    let policy = read.get::<Policy>(basics.policy)?;
    policy.ok_or_else(|| {
        Refusal::invalid("policy_missing", "policy", "Choose the escalation policy that pages for them.")
    })?;
    if basics.auto_resolve_minutes.is_some_and(|minutes| !(5..=10_080).contains(&minutes)) {
        let sentence = "Resolve after 5 to 10080 minutes (7 days) of silence, or leave it empty for never.";
        return Err(Refusal::invalid("auto_resolve_range", "auto_resolve_minutes", sentence).into());
    }
    source.name = checked_name(&basics.name)?;
    source.kind.clone_from(&basics.kind);
    source.team = basics.team;
    source.policy = basics.policy;
    source.default_severity = basics.default_severity;
    source.severity_map = basics.severity_map.iter().map(|(word, s)| (word.trim().to_lowercase(), *s)).collect();
    source.one_incident_per_alert = basics.one_incident_per_alert;
    source.insufficient_data_triggers = basics.insufficient_data_triggers;
    source.urgency = basics.urgency;
    source.auto_resolve_minutes = basics.auto_resolve_minutes;
    Ok(source)
}

/// The old key is dead at once.
pub fn regenerate_key(tx: &mut Write<'_>, actor: &Actor, id: AlertSourceId, key: &str) -> Result<(), AppError> {
    change::begin(actor)?;
    let mut source = one(tx, id)?;
    source.key_hash = sha256(key.as_bytes());
    source.key_tail = tail(key);
    save(tx, &source)?;
    change::audit(tx, actor, "alert_source.key_regenerated", id, source.name)
}

pub fn set_active(tx: &mut Write<'_>, actor: &Actor, id: AlertSourceId, active: bool) -> Result<(), AppError> {
    change::begin(actor)?;
    let mut source = one(tx, id)?;
    if source.active != active {
        source.active = active;
        save(tx, &source)?;
        let action = if active { "alert_source.activated" } else { "alert_source.deactivated" };
        change::audit(tx, actor, action, id, source.name)?;
    }
    Ok(())
}

/// What Grafana's contact point was given besides the key.
#[derive(Clone, Debug)]
pub struct NewSigning {
    pub secret: Secret,
    /// The name of the header with the time, if there is one.
    pub timestamp_header: Option<String>,
}

/// From this commit on alerts must be signed with this secret; with `None` the key is enough again. `nonce` is new and
/// random, for sealing the secret.
pub fn set_signing(
    tx: &mut Write<'_>,
    actor: &Actor,
    vault: &Vault,
    nonce: Nonce,
    id: AlertSourceId,
    new: Option<&NewSigning>,
) -> Result<(), AppError> {
    change::begin(actor)?;
    let mut source = one(tx, id)?;
    let Some(new) = new else {
        source.signing = None;
        save(tx, &source)?;
        return change::audit(tx, actor, "alert_source.signing_removed", id, source.name);
    };
    source.signing = Some(sealed_signing(vault, nonce, &source, new)?);
    save(tx, &source)?;
    change::audit(tx, actor, "alert_source.signing_set", id, source.name)
}

/// What a source keeps of how its alerts are signed.
pub(super) fn sealed_signing(
    vault: &Vault,
    nonce: Nonce,
    source: &AlertSource,
    new: &NewSigning,
) -> Result<Signing, Refusal> {
    if source.kind != "grafana" {
        let sentence = "Only Grafana signs its alerts this way. Choose Grafana as the kind of this source first.";
        return Err(Refusal::invalid("signing_kind", "signing_secret", sentence));
    }
    let secret = new.secret.expose();
    if !(8..=200).contains(&secret.len()) || secret.chars().any(char::is_control) {
        let sentence = "Write a secret of 8 to 200 characters, the same as in Grafana's contact point.";
        return Err(Refusal::invalid("signing_secret_range", "signing_secret", sentence));
    }
    let is_name =
        |name: &str| name.len() <= 100 && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c));
    if new.timestamp_header.as_ref().is_some_and(|name| name.is_empty() || !is_name(name)) {
        let sentence = "Write the name of a header, such as X-Grafana-Alerting-Timestamp, or leave it empty.";
        return Err(Refusal::invalid("header_name", "timestamp_header", sentence));
    }
    Ok(Signing {
        secret: vault.seal(&signing_place(source.id), nonce, secret.as_bytes()),
        timestamp_header: new.timestamp_header.as_ref().map(|name| name.to_ascii_lowercase()),
    })
}

/// The secret in plain, if the source has one.
pub fn signing_secret(vault: &Vault, source: &AlertSource) -> Option<Result<String, Unreadable>> {
    let signing = source.signing.as_ref()?;
    Some(vault.open_text(&signing_place(source.id), &signing.secret))
}

fn signing_place(id: AlertSourceId) -> Place {
    Place { table: "alert_sources", id: id.number(), field: "signing" }
}

/// The token an admin's click confirms with. The caller asks SNS, outside of any transaction.
pub fn pending_token(read: &impl Read, actor: &Actor, id: AlertSourceId, topic_arn: &str) -> Result<String, AppError> {
    change::begin(actor)?;
    let source = one(read, id)?;
    let token = source.topics.iter().find(|topic| topic.arn == topic_arn).and_then(|topic| match &topic.state {
        TopicState::Pending { token, .. } => Some(token.clone()),
        TopicState::Confirmed => None,
    });
    Ok(token.ok_or_else(|| Refusal::not_found("topic waiting for confirmation"))?)
}

/// SNS has said yes: the topic joins the list.
pub fn topic_confirmed(tx: &mut Write<'_>, actor: &Actor, id: AlertSourceId, topic_arn: &str) -> Result<(), AppError> {
    change::begin(actor)?;
    let mut source = one(tx, id)?;
    source.topics.retain(|topic| topic.arn != topic_arn);
    source.topics.push(Topic { arn: topic_arn.to_owned(), listed: true, state: TopicState::Confirmed });
    save(tx, &source)?;
    change::audit(tx, actor, "alert_source.topic_confirmed", id, format!("{}: {topic_arn}", source.name))
}

/// A real alert through the real path, marked as a test.
pub fn send_test_alert(tx: &mut Write<'_>, actor: &Actor, id: AlertSourceId) -> Result<Vec<ReportResult>, AppError> {
    change::begin(actor)?;
    let source = one(tx, id)?;
    let now = tx.now();
    let event = Event {
        action: Action::Trigger,
        external_id: format!("test:{}", now.as_second()),
        severity: None,
        title: format!("TEST: alert source {} works", source.name),
        details: "Sent from the alert source's page. Acknowledge or resolve it to stop the pages.".to_owned(),
        labels: BTreeMap::new(),
        links: vec![],
        occurred_at: SenderTime::from(now),
        order: Order::Arrival,
        actor: None,
        warnings: vec![],
    };
    change::audit(tx, actor, "alert_source.tested", id, source.name)?;
    let (reports, body) = (vec![Report::Event(event)], "(test alert)".to_owned());
    intake::receive(tx, &Received { source: id, reports, delivery_id: None, key_hash: None, body, is_test: true })
}

/// Whoever calls audits.
pub(super) fn save(tx: &mut Write<'_>, source: &AlertSource) -> Result<(), AppError> {
    let source = AlertSource { version: source.version + 1, ..source.clone() };
    tx.put(&source).map_err(taken(|| change::name_taken("alert source", &source.name)))
}

pub(super) fn tail(key: &str) -> String {
    key.chars().skip(key.chars().count().saturating_sub(4)).collect()
}
