//! What people do to incidents.

use super::find;
use crate::app::audit::{self, Said};
use crate::app::{AppError, MANY, Write, apply, context, users};
use crate::domain::Severity;
use crate::domain::access::{self, Action, Role};
use crate::domain::actor::{Actor, By};
use crate::domain::id::{DeliveryId, NotificationId, UserId};
use crate::domain::incident::{self, Incident, Taker};
use crate::domain::policy::Policy;
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::time::Timestamp;
use crate::domain::timeline::{Handover, Happened};
use crate::domain::user::User;
use crate::store::{Read, incidents};

/// What somebody wants to do to an incident.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Deed {
    Acknowledge,
    Unacknowledge,
    Snooze {
        until: Timestamp,
    },
    Resolve,
    Reopen,
    /// `expected_level` is what the asker saw, 0 before the first: two clicks then climb one level.
    Escalate {
        expected_level: Option<u8>,
    },
    EscalateTo {
        expected_level: Option<u8>,
        level: u8,
    },
    Reassign(Handover),
    SetSeverity(Severity),
    Note(String),
}

/// Characters of a note.
const NOTE_AT_MOST: usize = 2000;

/// Carries out a deed. A state already reached is a success that changes nothing. The answer is the incident as it is
/// then.
pub fn act(
    tx: &mut Write<'_>,
    actor: &Actor,
    reference: &str,
    acting_as: Option<UserId>,
    deed: Deed,
) -> Result<Incident, AppError> {
    access::require(actor, Action::WorkOnIncidents)?;
    let by = on_behalf(tx, actor, acting_as)?;
    let mut incident = find(tx, reference)?;
    let now = tx.now();
    let mut involved: Vec<UserId> = actor.user_id().into_iter().collect();
    let mut under = incident.policy;
    match &deed {
        Deed::Reassign(Handover::Users(users)) => involved.extend(users),
        Deed::Reassign(Handover::Policy(policy)) => {
            tx.get::<Policy>(*policy)?.ok_or_else(|| Refusal::not_found("escalation policy"))?;
            under = *policy;
        }
        _ => {}
    }
    let as_if = Incident { policy: under, ..incident.clone() };
    let context = context::for_incident_and(tx, &as_if, &involved, now)?;
    let (action, is_note, summary) = (action(&deed), matches!(deed, Deed::Note(_)), format!("#{}", incident.number));
    let transition = match deed {
        Deed::Acknowledge => incident::acknowledge(&incident, Taker::Person(person(&by)?), &context, now, by)?,
        Deed::Unacknowledge => incident::unacknowledge(&incident, &context, now, by)?,
        Deed::Snooze { until } => Some(incident::snooze(&incident, until, person(&by)?, &context, now, by)?),
        Deed::Resolve => incident::resolve(&incident, &context, now, by),
        Deed::Reopen => {
            let open = incidents::incident_open(tx, incident.source, &incident.external_id)?;
            incident::reopen(&incident, open.as_ref(), &context, now, by)?
        }
        Deed::Escalate { expected_level } => {
            Some(incident::escalate(&incident, expected_level, None, &context, now, by)?)
        }
        Deed::EscalateTo { expected_level, level } => {
            Some(incident::escalate(&incident, expected_level, Some(level), &context, now, by)?)
        }
        Deed::Reassign(Handover::Users(users)) => Some(incident::hand_over(&incident, &users, &context, now, by)?),
        Deed::Reassign(Handover::Policy(policy)) => {
            Some(incident::hand_to_policy(&incident, policy, &context, now, by)?)
        }
        Deed::SetSeverity(severity) => incident::set_severity(&incident, severity, &context, now, by)?,
        Deed::Note(text) => {
            let text = checked_note(&text)?;
            apply::append(tx, &mut incident, by, Happened::Note { text })?;
            tx.put(&incident)?;
            None
        }
    };
    if transition.is_some() || is_note {
        let said =
            Said { actor, acting_as: by.acting_as, action, object: incident.id.to_string(), summary, change: None };
        audit::append(tx, said)?;
    }
    match transition {
        Some(transition) => apply::apply(tx, transition),
        None => Ok(incident),
    }
}

/// What became of a deed for one of several incidents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Became {
    Done,
    /// It was so already, or is beyond this deed.
    Left,
}

/// As [`act`], for each of several incidents by number, all in one commit. One that refuses does not stop the others. What
/// holds for all of them, such as an *Acting as* who may not, refuses the whole.
pub fn act_on_each(
    tx: &mut Write<'_>,
    actor: &Actor,
    numbers: &[u64],
    acting_as: Option<UserId>,
    deed: &Deed,
) -> Result<Vec<(u64, Became)>, AppError> {
    on_behalf(tx, actor, acting_as)?;
    let mut outcomes = Vec::new();
    for number in numbers {
        let reference = number.to_string();
        let before = find(tx, &reference)?.version;
        let became = match tx.nested(|tx| act(tx, actor, &reference, acting_as, deed.clone())) {
            Ok(incident) if incident.version != before => Became::Done,
            Ok(_) | Err(AppError::Refused(Refusal { kind: RefusalKind::Conflict, .. })) => Became::Left,
            Err(error) => return Err(error),
        };
        outcomes.push((*number, became));
    }
    Ok(outcomes)
}

/// How the audit log calls it.
fn action(deed: &Deed) -> &'static str {
    match deed {
        Deed::Acknowledge => "incident.acknowledged",
        Deed::Unacknowledge => "incident.unacknowledged",
        Deed::Snooze { .. } => "incident.snoozed",
        Deed::Resolve => "incident.resolved",
        Deed::Reopen => "incident.reopened",
        Deed::Escalate { .. } | Deed::EscalateTo { .. } => "incident.escalated",
        Deed::Reassign(_) => "incident.reassigned",
        Deed::SetSeverity(_) => "incident.severity_set",
        Deed::Note(_) => "incident.noted",
    }
}

/// Somebody has to be the one who takes it.
fn person(by: &By) -> Result<UserId, Refusal> {
    by.person().ok_or_else(|| {
        Refusal::invalid("acting_as_missing", "acting_as", "Say who takes it: choose a person under Acting as.")
    })
}

fn checked_note(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > NOTE_AT_MOST {
        let sentence = format!("Write a note of 1 to {NOTE_AT_MOST} characters.");
        return Err(Refusal::invalid("note_range", "note", sentence));
    }
    Ok(text.to_owned())
}

/// Sends a failed or exhausted notification again.
pub fn retry(
    tx: &mut Write<'_>,
    actor: &Actor,
    delivery: DeliveryId,
    acting_as: Option<UserId>,
) -> Result<Incident, AppError> {
    let by = on_behalf(tx, actor, acting_as)?;
    crate::app::deliveries::retry(tx, actor, by, delivery)
}

/// As [`retry`], of all that failed of one notification.
pub fn retry_notification(
    tx: &mut Write<'_>,
    actor: &Actor,
    notification: NotificationId,
    acting_as: Option<UserId>,
) -> Result<Incident, AppError> {
    let by = on_behalf(tx, actor, acting_as)?;
    crate::app::deliveries::retry_notification(tx, actor, by, notification)
}

/// Acting as takes any active admin or responder, with or without a login; both names are kept.
pub fn on_behalf(read: &impl Read, actor: &Actor, acting_as: Option<UserId>) -> Result<By, AppError> {
    let acting_as = acting_as.filter(|user| Some(*user) != actor.user_id());
    if let Some(id) = acting_as {
        let user = read.get::<User>(id)?.ok_or_else(|| Refusal::not_found("user"))?;
        user.require_active()?;
        if user.role == Role::Viewer {
            let sentence =
                format!("{} is a viewer and does not act on incidents. Choose a responder or an admin.", user.name);
            return Err(Refusal::invalid("viewer_acting_as", "acting_as", sentence).into());
        }
    }
    Ok(By::new(actor, acting_as))
}

/// Who can be chosen under Acting as, by name.
pub fn acting_choices(read: &impl Read) -> Result<Vec<User>, AppError> {
    let mut people = users::all(read)?;
    people.retain(|user| user.is_active() && user.role >= Role::Responder);
    people.truncate(MANY);
    Ok(people)
}
