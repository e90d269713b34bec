//! Alerts in: everything one request says, committed together and answered once.

use crate::app::{AppError, Read, Write, apply, context, storms};
use crate::domain::Severity;
use crate::domain::actor::{Actor, By};
use crate::domain::alert_source::AlertSource;
use crate::domain::event::{Action, Event, Note, Report, Subscription};
use crate::domain::id::{AlertSourceId, IncidentId};
use crate::domain::incident::{self, Incident, IncidentDetails, Meaning, Opening, Status, Taker};
use crate::domain::refusal::Refusal;
use crate::domain::source_event::{Replay, ReportResult, ResultWord, SourceEvent};
use crate::domain::timeline::Happened;
use crate::planted;
use crate::store::{Read as _, alert_sources, events, incidents};

/// One request, read and understood.
#[derive(Clone, Debug)]
pub struct Received {
    pub source: AlertSourceId,
    pub reports: Vec<Report>,
    /// The sender's name for this request; its repetition gets the first answer.
    pub delivery_id: Option<String>,
    /// The digest of the key it came with, to be compared once more in the transaction; `None` for what we send ourselves.
    pub key_hash: Option<[u8; 32]>,
    /// The beginning of the body as text without secrets, for the source's page.
    pub body: String,
    pub is_test: bool,
}

/// The code of the refusal of a key that was replaced while its request was read.
pub const KEY_REPLACED: &str = "key_replaced";

/// The source a key belongs to, active or not.
pub fn source_of_key(read: &Read<'_>, key_hash: [u8; 32]) -> Result<Option<AlertSource>, AppError> {
    Ok(alert_sources::alert_source_by_key(read, key_hash)?)
}

/// A success means that the reports and all they cause are written.
pub fn receive(tx: &mut Write<'_>, received: &Received) -> Result<Vec<ReportResult>, AppError> {
    let source = tx.get::<AlertSource>(received.source)?.ok_or_else(|| Refusal::not_found("alert source"))?;
    if received.key_hash.is_some_and(|hash| hash != source.key_hash) {
        return Err(Refusal::conflict(KEY_REPLACED, "This key was replaced. Set the new one at the sender.").into());
    }
    if !source.active {
        return Err(inactive(&source).into());
    }
    if let Some(delivery_id) = &received.delivery_id
        && let Some(replay) = tx.get::<Replay>((source.id, delivery_id))?
    {
        return Ok(replay.results);
    }
    let mut results = Vec::with_capacity(received.reports.len());
    for report in &received.reports {
        results.push(match report {
            Report::Event(event) => on_event(tx, &source, event, received.is_test)?,
            Report::Note(note) => on_note(tx, &source, note)?,
            Report::Subscription(subscription) => on_subscription(tx, &source, subscription)?,
        });
    }
    if let Some(delivery_id) = received.delivery_id.clone() {
        tx.put(&Replay { source: source.id, delivery_id, at: tx.now(), results: results.clone() })?;
    }
    let event = SourceEvent::new(source.id, tx.now(), results.clone(), received.body.clone());
    events::source_event_add(tx, event)?;
    Ok(results)
}

/// The refusal of a source that was switched off.
pub fn inactive(source: &AlertSource) -> Refusal {
    let sentence = format!(
        "The alert source {} is inactive, so its alerts are refused. Activate it in PagerPal, or stop sending.",
        source.name
    );
    Refusal::forbidden(sentence)
}

fn on_event(tx: &mut Write<'_>, source: &AlertSource, event: &Event, is_test: bool) -> Result<ReportResult, AppError> {
    let now = tx.now();
    let by = By { actor: Actor::source(source.id), acting_as: None };
    let severity = event.severity.unwrap_or(source.default_severity);
    let open = incidents::incident_open(tx, source.id, &event.external_id)?;
    let open = open.filter(|_| !planted::is("two_open_incidents"));
    let closed = match open {
        Some(_) => None,
        None => incidents::incident_last_closed(tx, source.id, &event.external_id)?,
    };
    let meaning = incident::meaning(event, severity, open.as_ref(), closed.as_ref(), now);
    let (result, incident) = match (meaning, open) {
        (Meaning::Open, _) => match storms::absorb(tx, source, event, severity, by)? {
            Some(storm) => (ResultWord::Absorbed, Some(storm)),
            None => {
                let previous = closed.map(|incident| incident.id);
                (ResultWord::Created, Some(opened(tx, source, event, severity, previous, is_test, by)?))
            }
        },
        (Meaning::Repeat | Meaning::Rise | Meaning::Revive, Some(open)) => {
            (ResultWord::Updated, Some(heard_again(tx, source, &open, event, severity, by)?))
        }
        (Meaning::Acknowledge, Some(open)) => {
            let context = context::for_incident(tx, &open, now)?;
            match incident::acknowledge(&open, Taker::Source(event.actor.clone()), &context, now, by)? {
                Some(transition) => (ResultWord::Acknowledged, Some(apply::apply(tx, transition)?)),
                None => (ResultWord::Unchanged, Some(open)),
            }
        }
        (Meaning::Resolve, Some(open)) => {
            let context = context::for_incident(tx, &open, now)?;
            match incident::recover(&open, event, &context, now, by) {
                Some(transition) => (ResultWord::Resolved, Some(apply::apply(tx, transition)?)),
                None => (ResultWord::Unchanged, Some(open)),
            }
        }
        (Meaning::StaleRecovery, Some(open)) => {
            let text = "A recovery arrived that is older than the last alert; it resolves nothing.";
            (ResultWord::Stale, Some(note_on(tx, open, by, text.to_owned())?))
        }
        (Meaning::StaleTrigger, _) => (ResultWord::Stale, closed),
        (Meaning::Nothing, None) if event.action == Action::Resolve => match storms::strike(tx, source, event, by)? {
            Some(storm) if storm.status == Status::Resolved => (ResultWord::Resolved, Some(storm)),
            Some(storm) => (ResultWord::Absorbed, Some(storm)),
            None => (ResultWord::Unchanged, None),
        },
        (_, open) => (ResultWord::Unchanged, open),
    };
    Ok(ReportResult {
        external_id: Some(event.external_id.clone()),
        action: event.action.word().to_owned(),
        result,
        incident: incident.map(|incident| (incident.id, incident.number)),
    })
}

/// A new incident, held back if a maintenance window says so.
pub fn opened(
    tx: &mut Write<'_>,
    source: &AlertSource,
    event: &Event,
    severity: Severity,
    previous: Option<IncidentId>,
    is_test: bool,
    by: By,
) -> Result<Incident, AppError> {
    let now = tx.now();
    let context = context::for_opening(tx, source, &event.labels, is_test, now)?;
    let number = incidents::incident_number_next(tx)?;
    let opening = Opening { id: tx.new_id(), number, source, severity, previous, is_test };
    let incident = apply::apply(tx, incident::open(event, opening, &context, now, by))?;
    tx.put(&IncidentDetails::of(incident.id, event))?;
    Ok(incident)
}

/// A trigger of an incident that is open.
pub fn heard_again(
    tx: &mut Write<'_>,
    source: &AlertSource,
    open: &Incident,
    event: &Event,
    severity: Severity,
    by: By,
) -> Result<Incident, AppError> {
    let now = tx.now();
    let transition = match incident::meaning(event, severity, Some(open), None, now) {
        Meaning::Rise | Meaning::Revive => {
            let context = context::for_incident(tx, open, now)?;
            incident::rise(open, event, severity, &context, now, by)
        }
        _ => incident::repeat(open, event, severity, source.auto_resolve_minutes, now, by),
    };
    let incident = apply::apply(tx, transition)?;
    tx.put(&IncidentDetails::of(incident.id, event))?;
    Ok(incident)
}

fn on_note(tx: &mut Write<'_>, source: &AlertSource, note: &Note) -> Result<ReportResult, AppError> {
    let by = By { actor: Actor::source(source.id), acting_as: None };
    let open = match &note.external_id {
        Some(external_id) => incidents::incident_open(tx, source.id, external_id)?,
        None => None,
    };
    let incident = match open {
        Some(open) => Some(note_on(tx, open, by, note.text.clone())?),
        None => None,
    };
    Ok(ReportResult {
        external_id: note.external_id.clone(),
        action: "note".to_owned(),
        result: ResultWord::Noted,
        incident: incident.map(|incident| (incident.id, incident.number)),
    })
}

fn note_on(tx: &mut Write<'_>, mut incident: Incident, by: By, text: String) -> Result<Incident, AppError> {
    apply::append(tx, &mut incident, by, Happened::Note { text })?;
    tx.put(&incident)?;
    Ok(incident)
}

/// The topic waits on the source's page until an admin presses Confirm.
fn on_subscription(
    tx: &mut Write<'_>,
    source: &AlertSource,
    subscription: &Subscription,
) -> Result<ReportResult, AppError> {
    // Read again: an earlier report of this request may have changed it.
    let mut source = tx.get::<AlertSource>(source.id)?.ok_or_else(|| Refusal::not_found("alert source"))?;
    source.note_subscription(subscription, tx.now());
    tx.put(&source)?;
    Ok(ReportResult {
        external_id: Some(subscription.topic_arn.clone()),
        action: "subscription".to_owned(),
        result: ResultWord::Noted,
        incident: None,
    })
}
