//! Incidents: lists ([`search`]), the whole story of one, and what people do to them ([`deeds`]).

pub mod deeds;
pub mod search;

pub use deeds::{Became, Deed, act, act_on_each, acting_choices, on_behalf, retry, retry_notification};

use crate::app::names::Names;
use crate::app::storms::{self, Swallowed};
use crate::app::{AppError, Write, apply, change, context, names};
use crate::domain::access::{self, Action};
use crate::domain::actor::{Actor, By};
use crate::domain::alert_source::AlertSource;
use crate::domain::delivery::Delivery;
use crate::domain::effect::{Reason, Subject, Timer, TimerKey, TimerKind};
use crate::domain::id::{IncidentId, NotificationId, PolicyId, TeamId, UserId};
use crate::domain::incident::{self, Hold, Incident, IncidentDetails, Phase, Status};
use crate::domain::notification::Notification;
use crate::domain::policy::Policy;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::timeline::{Happened, TimelineEntry};
use crate::domain::user::User;
use crate::planted;
use crate::store::keys::Span;
use crate::store::{Cursor, Page, Read, Take, deliveries, incidents, notifications, timeline, timers};
use std::collections::BTreeMap;

/// How much of one incident's story is loaded. The oldest lines of a longer one are reached through the cursor.
const TIMELINE_LINES: usize = 1000;
const DELIVERIES_SHOWN: usize = 500;

/// So many incidents are held by one transaction, whose changes stay in memory until it ends.
const HELD_AT_ONCE: usize = 1000;

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

/// How many are open of each team that has any, of the newest [`super::MANY`] of each status.
pub fn open_by_team(read: &impl Read) -> Result<BTreeMap<TeamId, usize>, AppError> {
    let mut open = BTreeMap::new();
    for status in [Status::Triggered, Status::Acknowledged] {
        for incident in with_status(read, status, super::MANY, None)?.items {
            *open.entry(incident.team).or_default() += 1;
        }
    }
    Ok(open)
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
    pub next_call: Option<NextCall>,
    /// What a storm incident has swallowed.
    pub storm: Option<Swallowed>,
    pub names: Names,
}

pub fn story(read: &impl Read, reference: &str) -> Result<Story, AppError> {
    let incident = find(read, reference)?;
    let policy = read.get_sound::<Policy>(incident.policy)?;
    let mut deliveries = deliveries::deliveries_of(read, incident.id, DELIVERIES_SHOWN)?;
    deliveries.reverse();
    let told = notifications::notifications_of(read, incident.id, DELIVERIES_SHOWN)?;
    let notifications = told.into_iter().map(|notification| {
        let own = deliveries.iter().filter(|d| d.notification == notification.id).cloned().collect();
        (notification, own)
    });
    let next_call = match &policy {
        Some(policy) => next_call_of(read, &incident, policy)?,
        None => None,
    };
    let next = next_call.as_ref().map(|next| named(read, next)).transpose()?;
    Ok(Story {
        details: read.get_sound::<IncidentDetails>(incident.id)?,
        timeline: timeline::timeline_of(read, incident.id, Take::first(TIMELINE_LINES))?.items,
        notifications: notifications.collect(),
        next,
        next_call,
        storm: storms::swallowed(read, &incident)?,
        names: names::all(read)?,
        policy,
        incident,
    })
}

/// One notification with what carried it.
#[derive(Clone, Debug)]
pub struct Told {
    pub notification: Notification,
    /// In the order they were queued.
    pub deliveries: Vec<Delivery>,
    /// `None` for what is about no incident.
    pub incident: Option<Incident>,
    /// In a sentence.
    pub why: String,
}

/// Everybody who was told of an incident, the newest first.
pub fn told(read: &impl Read, reference: &str) -> Result<(Vec<Told>, Names), AppError> {
    let story = story(read, reference)?;
    Ok((told_in(read, &story)?, story.names))
}

/// Everybody who is told of in a story.
pub fn told_in(read: &impl Read, story: &Story) -> Result<Vec<Told>, AppError> {
    let told = |(notification, deliveries): &(Notification, Vec<Delivery>)| {
        let why = names::why(read, notification, story.policy.as_ref())?;
        let incident = Some(story.incident.clone());
        Ok(Told { notification: notification.clone(), deliveries: deliveries.clone(), incident, why })
    };
    story.notifications.iter().map(told).collect()
}

/// One notification. What is about no incident is its person's own business, and that of whoever may configure.
pub fn told_once(read: &impl Read, actor: &Actor, id: NotificationId) -> Result<(Told, Names), AppError> {
    let missing = || Refusal::not_found("notification");
    let notification = read.get::<Notification>(id)?.ok_or_else(missing)?;
    let own = actor.user_id() == Some(notification.user) || access::require(actor, Action::Configure).is_ok();
    let incident = match notification.incident {
        Some(id) => read.get::<Incident>(id)?,
        None if own => None,
        None => return Err(missing().into()),
    };
    let mut deliveries = match &incident {
        Some(incident) => deliveries::deliveries_of(read, incident.id, DELIVERIES_SHOWN)?,
        None => deliveries::deliveries_told(read, notification.user, DELIVERIES_SHOWN)?,
    };
    deliveries.retain(|delivery| delivery.notification == id);
    deliveries.reverse();
    let policy = incident.as_ref().map(|incident| read.get_sound::<Policy>(incident.policy)).transpose()?.flatten();
    let why = names::why(read, &notification, policy.as_ref())?;
    Ok((Told { notification, deliveries, incident, why }, names::all(read)?))
}

/// A page of one incident's timeline.
#[derive(Clone, Debug)]
pub struct Lines {
    pub entries: Vec<TimelineEntry>,
    pub next: Option<Cursor>,
    pub names: Names,
}

/// What happened to an incident, from the first line on or from where a page ended.
pub fn timeline(read: &impl Read, reference: &str, limit: usize, cursor: Option<Cursor>) -> Result<Lines, AppError> {
    let id = find(read, reference)?.id;
    let page = timeline::timeline_of(read, id, Take::first(limit).after(cursor))?;
    Ok(Lines { entries: page.items, next: page.next, names: names::all(read)? })
}

/// A page of all there are, in the order in which they were opened.
pub fn page(read: &impl Read, limit: usize, cursor: Option<Cursor>) -> Result<Page<Incident>, AppError> {
    Ok(read.scan_table(&Span::all(), Take::first(limit).after(cursor))?)
}

/// What it waits for, and until when.
pub fn armed(read: &impl Read, id: IncidentId) -> Result<Vec<(TimerKind, Timestamp)>, AppError> {
    let armed = timers::timers_of(read, Subject::Incident(id))?;
    Ok(armed.into_iter().map(|timer| (timer.key.kind, timer.due)).collect())
}

/// The last resolved incident of the same alert, and what was written down last about it. `None` where there is none, and
/// where it is gone.
pub fn last_time(read: &impl Read, incident: &Incident) -> Result<Option<(Incident, Option<String>)>, AppError> {
    let Some(previous) = incident.previous.map(|id| read.get_sound::<Incident>(id)).transpose()?.flatten() else {
        return Ok(None);
    };
    let lines = timeline::timeline_of(read, previous.id, Take::first(TIMELINE_LINES))?.items;
    let note = lines.into_iter().rev().find_map(|entry| match entry.what {
        Happened::Note { text } => Some(text),
        _ => None,
    });
    Ok(Some((previous, note)))
}

/// When somebody was paged last, as far as the newest incidents that are over tell.
pub fn last_page(read: &impl Read) -> Result<Option<Timestamp>, AppError> {
    let over = incidents::incidents_with_status(read, Status::Resolved, Take::first(LOOKED_AT_FOR_PAGES))?.items;
    let mut last = None;
    for incident in over {
        let told = notifications::notifications_of(read, incident.id, DELIVERIES_SHOWN)?;
        let pages = told.iter().filter(|notification| matches!(notification.reason, Reason::Page { .. }));
        last = last.max(pages.map(|notification| notification.created_at).max());
    }
    Ok(last)
}

/// A page long after its incident was opened is found among so many.
const LOOKED_AT_FOR_PAGES: usize = 20;

/// How many incidents of the same alert came before this one, as far as that is counted: up to [`TIMES_COUNTED`].
pub fn times_before(read: &impl Read, incident: &Incident) -> Result<usize, AppError> {
    let (mut times, mut previous) = (0, incident.previous);
    while let Some(id) = previous.filter(|_| times < TIMES_COUNTED) {
        let Some(before) = read.get::<Incident>(id)? else { break };
        (times, previous) = (times + 1, before.previous);
    }
    Ok(times)
}

/// Past this it has come often enough for any reader.
pub const TIMES_COUNTED: usize = 99;

/// What an incident's timer will do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NextCall {
    /// `None`: the last resort.
    pub level: Option<u8>,
    /// Those of the level; empty for the last resort, whoever that is by then.
    pub people: Vec<UserId>,
    pub due: Timestamp,
}

/// Whom the incident's timer will call, and when: "Bo", "last resort". `None` when nobody will be.
pub fn next_call(
    read: &impl Read,
    incident: &Incident,
    policy: &Policy,
) -> Result<Option<(String, Timestamp)>, AppError> {
    next_call_of(read, incident, policy)?.map(|next| named(read, &next)).transpose()
}

fn named(read: &impl Read, next: &NextCall) -> Result<(String, Timestamp), AppError> {
    if next.level.is_none() {
        return Ok(("last resort".to_owned(), next.due));
    }
    let mut names = Vec::new();
    for user in &next.people {
        names.extend(read.get_sound::<User>(*user)?.map(|user| user.name));
    }
    Ok((names.join(", "), next.due))
}

/// As [`next_call`], with ids.
pub fn next_call_of(read: &impl Read, incident: &Incident, policy: &Policy) -> Result<Option<NextCall>, AppError> {
    if incident.status != Status::Triggered {
        return Ok(None);
    }
    let armed = timers::timers_of(read, Subject::Incident(incident.id))?;
    let waits = |timer: &&Timer| incident.waiting_kinds().contains(&timer.key.kind);
    let Some(timer) = armed.iter().find(waits) else { return Ok(None) };
    let (above, again) = match (timer.key.kind, incident.ladder.phase) {
        (TimerKind::Next, Phase::Climbing) => (incident.ladder.level, incident.ladder.cycle < policy.repeat),
        (TimerKind::Hold, Phase::Held) => (None, false),
        _ => return Ok(Some(NextCall { level: None, people: vec![], due: timer.due })),
    };
    // Loaded as of when the timer was armed, so that it holds everything up to when it is due.
    let context = context::for_incident(read, incident, timer.armed_at)?;
    let next = |above| {
        let mut levels = policy.levels_above(above);
        levels.find_map(|level| {
            let called = context.people_of(level, timer.due).0;
            (!called.is_empty()).then_some((level.number, called))
        })
    };
    let (level, called) = next(above).or_else(|| if again { next(None) } else { None }).unzip();
    let people = called.iter().flatten().map(|called| called.user).collect();
    Ok(Some(NextCall { level, people, due: timer.due }))
}

/// What every triggered incident of a policy waits for, by number.
pub fn next_calls(read: &impl Read, policy: &Policy) -> Result<BTreeMap<u64, NextCall>, AppError> {
    let mut calls = BTreeMap::new();
    for incident in incidents::incidents_with_status(read, Status::Triggered, Take::first(super::MANY))?.items {
        if incident.policy == policy.id
            && let Some(call) = next_call_of(read, &incident, policy)?
        {
            calls.insert(incident.number, call);
        }
    }
    Ok(calls)
}

/// How many are open and follow this policy.
pub fn following(read: &impl Read, policy: PolicyId) -> Result<usize, AppError> {
    let mut following = 0;
    for status in [Status::Triggered, Status::Acknowledged] {
        let open = incidents::incidents_with_status(read, status, Take::first(super::MANY))?.items;
        following += open.iter().filter(|incident| incident.policy == policy).count();
    }
    Ok(following)
}

/// A source was edited: its open incidents follow it from its former policy to the new one, and to its other rules. The
/// caller decides anew about them afterwards.
pub fn follow_source(
    tx: &mut Write<'_>,
    actor: &Actor,
    before: &AlertSource,
    source: &AlertSource,
) -> Result<(), AppError> {
    let rules_changed = before.auto_resolve_minutes != source.auto_resolve_minutes;
    if !rules_changed && before.policy == source.policy && before.urgency == source.urgency {
        return Ok(());
    }
    let (now, by) = (tx.now(), By::new(actor, None));
    for status in [Status::Triggered, Status::Acknowledged] {
        let open = incidents::incidents_with_status(tx, status, Take::first(super::MANY))?.items;
        for incident in open.into_iter().filter(|incident| incident.source == source.id) {
            // One that was given to another policy by hand stays there.
            let moved = incident.policy == before.policy;
            let policy = if moved { source.policy } else { incident.policy };
            let context = context::for_incident(tx, &Incident { policy, ..incident.clone() }, now)?;
            let transition = incident::follow_source(&incident, moved, rules_changed, &context, now, by);
            if let Some(transition) = transition {
                apply::apply(tx, transition)?;
            }
        }
    }
    Ok(())
}

/// After a restore: what is open and not taken waits for an admin's look, or for a while, before it pages again. Answers
/// which of the next so many are held.
pub fn hold_after_restore(tx: &mut Write<'_>, after: Option<Cursor>) -> Result<Page<IncidentId>, AppError> {
    let now = tx.now();
    let take = Take::first(HELD_AT_ONCE).after(after);
    let open = incidents::incidents_with_status(tx, Status::Triggered, take)?;
    let mut held = Vec::new();
    for incident in open.items.iter().filter(|_| !planted::is("storm_on_restore")) {
        let context = context::for_incident(tx, incident, now)?;
        if let Some(transition) = incident::hold_after_restore(incident, &context, now, By::SYSTEM) {
            held.push(incident.id);
            apply::apply(tx, transition)?;
        }
    }
    Ok(Page { items: held, next: open.next })
}

/// How many a restore holds, and until when the last of them. Looks on for as long as there are some among so many.
pub fn held_after_restore(read: &impl Read) -> Result<Option<(usize, Timestamp)>, AppError> {
    let (mut held, mut after) = (None, None);
    loop {
        let seen = held;
        let open = incidents::incidents_with_status(read, Status::Triggered, Take::first(super::MANY).after(after))?;
        for incident in open.items.into_iter().filter(|incident| incident.hold == Some(Hold::Restore)) {
            let key = TimerKey { subject: Subject::Incident(incident.id), kind: TimerKind::Hold };
            let due = read.get::<Timer>(key)?.map_or(Timestamp::MIN, |timer| timer.due);
            held = Some(held.map_or((1, due), |(count, until): (usize, Timestamp)| (count + 1, until.max(due))));
        }
        match open.next {
            Some(next) if held != seen => after = Some(next),
            _ => return Ok(held),
        }
    }
}

/// An admin has looked: all that is held after a restore climbs at once. Answers how many that were.
pub fn resume_after_restore(tx: &mut Write<'_>, actor: &Actor) -> Result<usize, AppError> {
    change::begin(actor)?;
    let (now, by) = (tx.now(), By::new(actor, None));
    let (mut resumed, mut after) = (0, None);
    loop {
        let open = incidents::incidents_with_status(tx, Status::Triggered, Take::first(super::MANY).after(after))?;
        for incident in &open.items {
            let context = context::for_incident(tx, incident, now)?;
            if let Some(transition) = incident::resume_after_restore(incident, &context, now, by) {
                apply::apply(tx, transition)?;
                resumed += 1;
            }
        }
        match open.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    if resumed == 0 {
        return Err(Refusal::conflict("nothing_held", "No incident is held after a restore.").into());
    }
    let summary = format!("resumed {resumed} incidents that were held after a restore");
    change::audit(tx, actor, "restore.resume", "incidents", summary)?;
    Ok(resumed)
}
