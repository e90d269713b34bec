//! Incidents: lists, the whole story of one, and what people do to them.

use crate::app::names::Names;
use crate::app::{AppError, Write, apply, context, names};
use crate::domain::access::{self, Action, Role};
use crate::domain::actor::{Actor, By};
use crate::domain::alert_source::AlertSource;
use crate::domain::delivery::Delivery;
use crate::domain::effect::{Subject, TimerKind};
use crate::domain::id::{DeliveryId, IncidentId, UserId};
use crate::domain::incident::{self, Incident, IncidentDetails, Phase, Status, Taker};
use crate::domain::notification::Notification;
use crate::domain::policy::Policy;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::timeline::{Called, TimelineEntry};
use crate::domain::user::User;
use crate::store::{Cursor, Page, Read, Take, deliveries, incidents, notifications, timeline, timers, users};

/// How much of one incident's story is loaded. The oldest lines of a longer one are reached through the cursor.
const TIMELINE_LINES: usize = 1000;
const DELIVERIES_SHOWN: usize = 500;

/// What somebody wants to do to an incident.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    Acknowledge,
    Resolve,
    Reopen,
    /// `expected_level` is what the asker saw, 0 before the first: two clicks then climb one level.
    Escalate {
        expected_level: Option<u8>,
    },
}

/// By number (`1842`, `#1842`) or id (`inc_1k`).
pub fn find(read: &impl Read, reference: &str) -> Result<Incident, AppError> {
    let found = match reference.trim_start_matches('#').parse::<u64>() {
        Ok(number) => incidents::incident_by_number(read, number)?,
        Err(_) => match reference.parse::<IncidentId>() {
            Ok(id) => read.get::<Incident>(id)?,
            Err(_) => None,
        },
    };
    Ok(found.ok_or_else(|| Refusal::not_found("incident"))?)
}

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
    let incident = find(tx, reference)?;
    let now = tx.now();
    let context = context::for_incident(tx, &incident, now)?;
    let transition = match deed {
        Deed::Acknowledge => {
            let person = by.person().ok_or_else(|| {
                Refusal::invalid("acting_as_missing", "acting_as", "Say who takes it: choose a person under Acting as.")
            })?;
            incident::acknowledge(&incident, Taker::Person(person), &context, now, by)?
        }
        Deed::Resolve => incident::resolve(&incident, None, &context, now, by),
        Deed::Reopen => {
            let open = incidents::incident_open(tx, incident.source, &incident.external_id)?;
            incident::reopen(&incident, open.as_ref(), &context, now, by)?
        }
        Deed::Escalate { expected_level } => Some(incident::escalate(&incident, expected_level, &context, now, by)?),
    };
    match transition {
        Some(transition) => apply::apply(tx, transition),
        None => Ok(incident),
    }
}

/// Sends a failed or exhausted notification again.
pub fn retry(
    tx: &mut Write<'_>,
    actor: &Actor,
    delivery: DeliveryId,
    acting_as: Option<UserId>,
) -> Result<Incident, AppError> {
    let by = on_behalf(tx, actor, acting_as)?;
    super::deliveries::retry(tx, actor, by, delivery)
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
    Ok(By { actor: *actor, acting_as })
}

/// Who can be chosen under Acting as, by name.
pub fn acting_choices(read: &impl Read) -> Result<Vec<User>, AppError> {
    let mut people = users::users_all(read, super::MANY)?;
    people.retain(|user| user.is_active() && user.role >= Role::Responder);
    people.sort_by_key(|user| user.name.to_lowercase());
    Ok(people)
}

/// The newest of one status; `cursor` goes on where a page ended.
pub fn with_status(
    read: &impl Read,
    status: Status,
    limit: usize,
    cursor: Option<Cursor>,
) -> Result<Page<Incident>, AppError> {
    Ok(incidents::incidents_with_status(read, status, Take::first(limit).after(cursor))?)
}

/// How many there are of one status, up to [`super::MANY`].
pub fn count(read: &impl Read, status: Status) -> Result<usize, AppError> {
    Ok(incidents::incidents_count(read, status, super::MANY)?)
}

/// The whole story of one incident.
#[derive(Clone, Debug)]
pub struct Story {
    pub incident: Incident,
    pub details: Option<IncidentDetails>,
    pub policy: Option<Policy>,
    /// From the first line on.
    pub timeline: Vec<TimelineEntry>,
    /// The newest first, each with its deliveries, in the order they were queued.
    pub notifications: Vec<(Notification, Vec<Delivery>)>,
    pub next: Option<(String, Timestamp)>,
    pub names: Names,
}

pub fn story(read: &impl Read, reference: &str) -> Result<Story, AppError> {
    let incident = find(read, reference)?;
    let policy = read.get::<Policy>(incident.policy)?;
    let mut deliveries = deliveries::deliveries_of(read, incident.id, DELIVERIES_SHOWN)?;
    deliveries.reverse();
    let told = notifications::notifications_of(read, incident.id, DELIVERIES_SHOWN)?;
    let notifications = told.into_iter().map(|notification| {
        let own = deliveries.iter().filter(|d| d.notification == notification.id).cloned().collect();
        (notification, own)
    });
    let next = match &policy {
        Some(policy) => next_call(read, &incident, policy)?,
        None => None,
    };
    Ok(Story {
        details: read.get::<IncidentDetails>(incident.id)?,
        timeline: timeline::timeline_of(read, incident.id, Take::first(TIMELINE_LINES))?.items,
        notifications: notifications.collect(),
        next,
        names: names::all(read)?,
        policy,
        incident,
    })
}

/// Whom the incident's timer will call, and when: "Bo", "last resort". `None` when nothing is armed.
pub fn next_call(
    read: &impl Read,
    incident: &Incident,
    policy: &Policy,
) -> Result<Option<(String, Timestamp)>, AppError> {
    if incident.status != Status::Triggered {
        return Ok(None);
    }
    let armed = timers::timers_of(read, Subject::Incident(incident.id))?;
    let Some(timer) = armed.first() else { return Ok(None) };
    if timer.key.kind != TimerKind::Next || incident.ladder.phase != Phase::Climbing {
        return Ok(Some(("last resort".to_owned(), timer.due)));
    }
    // Loaded as of when the timer was armed, so that it holds everything up to when it is due.
    let context = context::for_incident(read, incident, timer.armed_at)?;
    let next = |above| {
        let mut levels = policy.levels_above(above).map(|level| context.people_of(level, timer.due).0);
        levels.find(|called| !called.is_empty())
    };
    let again = incident.ladder.cycle < policy.repeat;
    let called = next(incident.ladder.level).or_else(|| if again { next(None) } else { None });
    let who = match called {
        Some(called) => {
            let name = |person: &Called| context.people.get(&person.user).map(|u| u.name.clone());
            called.iter().filter_map(name).collect::<Vec<_>>().join(", ")
        }
        None => "last resort".to_owned(),
    };
    Ok(Some((who, timer.due)))
}

/// A source's open incidents follow it to another policy. Their timers stay; the next step is the new policy's.
pub fn move_open_to_policy(tx: &mut Write<'_>, source: &AlertSource) -> Result<(), AppError> {
    for status in [Status::Triggered, Status::Acknowledged] {
        for mut incident in incidents::incidents_with_status(tx, status, Take::first(super::MANY))?.items {
            if incident.source == source.id && incident.policy != source.policy {
                incident.policy = source.policy;
                incident.version += 1;
                tx.put(&incident)?;
            }
        }
    }
    Ok(())
}
