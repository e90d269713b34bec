//! Incidents: the state machine.
//!
//! An alert opens one, repeats update it, people or the alert itself end it. While it is *triggered* it is always waiting
//! on exactly one timer; *acknowledged* and *resolved* ones never escalate. Every function here takes the incident as it
//! is and answers the incident as it will be, what happened, and what is to be done.
//!
//! | from | what | to |
//! |---|---|---|
//! | none, resolved | trigger | a new incident, triggered |
//! | triggered, acknowledged | trigger | the same: counted; a severity rise climbs anew, also through an acknowledgement |
//! | triggered, acknowledged | resolve by source or person | resolved |
//! | triggered | acknowledge by person or source | acknowledged |
//! | triggered | its timer | triggered, one step up the ladder |
//! | triggered, acknowledged | escalate | triggered, the next level |
//! | resolved | reopen | triggered, from the bottom |

use crate::domain::actor::By;
use crate::domain::alert_source::AlertSource;
use crate::domain::effect::{Effect, NewNotification, Reason, TimerKind, Transition, UpdateKind};
use crate::domain::escalation::{Context, Turn};
use crate::domain::event::{Action, AlertPair, Event, Link, Order, SenderTime};
use crate::domain::id::{AlertSourceId, IncidentId, MaintenanceId, PolicyId, TeamId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::timeline::{Happened, Via};
use crate::domain::{Severity, Urgency};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Incident {
    pub id: IncidentId,
    /// What people say: "#1842". From a sequence of its own, without gaps.
    pub number: u64,
    pub source: AlertSourceId,
    pub team: TeamId,
    pub policy: PolicyId,
    /// With the source, unique among unresolved incidents.
    pub external_id: String,
    /// Of the first event; repeats do not change it.
    pub title: String,
    pub severity: Severity,
    /// By which of people's rules it is paged.
    pub urgency: Urgency,
    pub status: Status,
    /// While acknowledged and set aside until then.
    pub snooze: Option<Snooze>,
    /// Why it is held, while its phase is `Held`.
    pub hold: Option<Hold>,
    /// First the first person paged, then whoever took it.
    pub assignee: Option<UserId>,
    pub ackers: Vec<UserId>,
    pub event_count: u64,
    pub created_at: Timestamp,
    pub last_event_at: Timestamp,
    pub taken_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    pub resolved_by: Option<UserId>,
    /// The last resolved incident of the same alert.
    pub previous: Option<IncidentId>,
    pub reopen_count: u32,
    pub ladder: Ladder,
    /// Grows with every change of timers; a timer armed under an older one does nothing.
    pub generation: u64,
    /// The last timeline entry's number, and the number of a trailing `EventAppended`, which repeats rewrite in place.
    pub timeline_len: u32,
    pub appended_seq: Option<u32>,
    /// The sender's time of the last trigger, where its events may be compared by time.
    pub last_trigger_at: Option<SenderTime>,
    /// The source's own resolve of this incident, for judging late triggers.
    pub recovery: Option<Recovery>,
    /// Sent by the source page's test button.
    pub is_test: bool,
    pub version: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Status {
    Triggered,
    Acknowledged,
    Resolved,
}

impl Status {
    pub const ALL: [Status; 3] = [Status::Triggered, Status::Acknowledged, Status::Resolved];

    pub fn word(self) -> &'static str {
        match self {
            Status::Triggered => "triggered",
            Status::Acknowledged => "acknowledged",
            Status::Resolved => "resolved",
        }
    }

    pub fn from_word(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.word() == word)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Snooze {
    pub until: Timestamp,
    /// Is paged as well when it ends.
    pub by: Option<UserId>,
}

/// What keeps a triggered incident from paging for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Hold {
    Maintenance(MaintenanceId),
    /// The database was restored: an admin looks first, or time runs out.
    Restore,
}

/// Where the incident stands on its policy's ladder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ladder {
    /// Counts reopenings: each climbs from the bottom.
    pub run: u32,
    pub cycle: u8,
    /// The remembered number; the level itself is looked up in the policy as it is then.
    pub level: Option<u8>,
    /// Counts pages of the ladder, so that one person is told once per visit.
    pub visit: u32,
    /// Pages of this visit and of those before it are no longer wanted: somebody took it, ended it, or escalated past
    /// them. A message that was on the wire then is not tried again.
    pub bypassed: u32,
    /// When the level was entered or the last resort last paged.
    pub entered_at: Option<Timestamp>,
    pub phase: Phase,
    /// It was handed to people by hand: whoever is on call does not join them.
    pub reassigned: bool,
    /// Who was paged in this visit.
    pub paged: Vec<UserId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Phase {
    Climbing,
    /// Every level was called, as often as the policy repeats.
    Exhausted,
    /// No level has anybody who can be paged.
    NoCoverage,
    /// In a maintenance window, or after a restore: waits, and nobody is paged.
    Held,
}

impl Ladder {
    fn at_the_bottom(run: u32, visit: u32) -> Ladder {
        let (phase, paged) = (Phase::Climbing, vec![]);
        Ladder { run, cycle: 0, level: None, visit, bypassed: visit, entered_at: None, phase, reassigned: false, paged }
    }
}

/// What the source closed, and when that arrived.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Recovery {
    pub received_at: Timestamp,
    pub occurred_at: SenderTime,
    pub closed: Vec<AlertPair>,
}

/// The bulky part of an incident, kept apart so that a repeat of the same alert does not write it again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IncidentDetails {
    pub incident: IncidentId,
    pub details: String,
    pub labels: BTreeMap<String, String>,
    pub links: Vec<Link>,
}

impl IncidentDetails {
    pub fn of(incident: IncidentId, event: &Event) -> IncidentDetails {
        let Event { details, labels, links, .. } = event.clone();
        IncidentDetails { incident, details, labels, links }
    }
}

/// How long after a recovery a late trigger may still be recognised as stale.
const STALE_WITHIN_SECS: i64 = 300;

/// What an event means, given the open incident of its alert and the last closed one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    Open,
    /// Counted; nobody is paged and no timer moves.
    Repeat,
    /// As a repeat, and worse than ever before: climb anew.
    Rise,
    Acknowledge,
    Resolve,
    /// A recovery or acknowledgement without anything to act on, or a repeated one.
    Nothing,
    /// A trigger that tells nothing newer than the recovery it comes after.
    StaleTrigger,
    /// A recovery from before the open incident's last trigger.
    StaleRecovery,
}

pub fn meaning(
    event: &Event,
    severity: Severity,
    open: Option<&Incident>,
    closed: Option<&Incident>,
    now: Timestamp,
) -> Meaning {
    match (event.action, open) {
        (Action::Trigger, None) if is_stale(event, closed, now) => Meaning::StaleTrigger,
        (Action::Trigger, None) => Meaning::Open,
        (Action::Trigger, Some(incident)) if severity > incident.severity => Meaning::Rise,
        (Action::Trigger, Some(_)) => Meaning::Repeat,
        (Action::Acknowledge, Some(incident)) if incident.status == Status::Triggered => Meaning::Acknowledge,
        (Action::Resolve, Some(incident)) if is_before_last_trigger(event, incident) => Meaning::StaleRecovery,
        (Action::Resolve, Some(_)) => Meaning::Resolve,
        (Action::Acknowledge | Action::Resolve, _) => Meaning::Nothing,
    }
}

fn is_stale(event: &Event, closed: Option<&Incident>, now: Timestamp) -> bool {
    let Some(recovery) = closed.and_then(|incident| incident.recovery.as_ref()) else { return false };
    if now.secs_since(recovery.received_at) > STALE_WITHIN_SECS {
        return false;
    }
    match &event.order {
        Order::Arrival => false,
        Order::Time => event.occurred_at < recovery.occurred_at,
        Order::Alerts(firing) => !firing.is_empty() && firing.iter().all(|pair| recovery.closed.contains(pair)),
    }
}

fn is_before_last_trigger(event: &Event, incident: &Incident) -> bool {
    event.order != Order::Arrival && incident.last_trigger_at.is_some_and(|last| event.occurred_at < last)
}

/// What is fixed about a new incident besides its first event.
pub struct Opening<'a> {
    pub id: IncidentId,
    pub number: u64,
    pub source: &'a AlertSource,
    pub severity: Severity,
    pub previous: Option<IncidentId>,
    pub is_test: bool,
}

pub fn open(event: &Event, opening: Opening<'_>, context: &Context, now: Timestamp, by: By) -> Transition {
    let Opening { id, number, source, severity, previous, is_test } = opening;
    let incident = Incident {
        id,
        number,
        source: source.id,
        team: source.team,
        policy: source.policy,
        external_id: event.external_id.clone(),
        title: event.title.clone(),
        severity,
        urgency: source.urgency.of(severity),
        status: Status::Triggered,
        snooze: None,
        hold: None,
        assignee: None,
        ackers: vec![],
        event_count: 1,
        created_at: now,
        last_event_at: now,
        taken_at: None,
        resolved_at: None,
        resolved_by: None,
        previous,
        reopen_count: 0,
        ladder: Ladder::at_the_bottom(0, 0),
        generation: 0,
        timeline_len: 0,
        appended_seq: None,
        last_trigger_at: compared_time(event),
        recovery: None,
        is_test,
        version: 1,
    };
    let mut turn = Turn::new(incident, context, now, by);
    turn.happened(Happened::Created { title: event.title.clone(), severity });
    warn(&mut turn, event);
    turn.climb(None);
    turn.finish()
}

/// The alert again: counted, and nothing else.
pub fn repeat(incident: &Incident, event: &Event, now: Timestamp, by: By) -> Transition {
    let mut incident = incident.clone();
    let first_at = if incident.appended_seq.is_some() { incident.last_event_at } else { now };
    count(&mut incident, event, now);
    let mut log = vec![(by, Happened::EventAppended { count: 1, first_at })];
    log.extend(event.warnings.iter().map(|text| (by, Happened::Warning { text: text.clone() })));
    Transition { incident, log, effects: vec![] }
}

/// The alert again, worse than before. An acknowledgement was of something milder and does not cover it.
pub fn rise(
    incident: &Incident,
    event: &Event,
    severity: Severity,
    context: &Context,
    now: Timestamp,
    by: By,
) -> Transition {
    let mut turn = Turn::new(incident.clone(), context, now, by);
    count(&mut turn.incident, event, now);
    turn.happened(Happened::SeverityChanged { from: incident.severity, to: severity });
    turn.incident.severity = severity;
    warn(&mut turn, event);
    if incident.status == Status::Acknowledged {
        turn.incident.status = Status::Triggered;
        turn.incident.taken_at = None;
        let ackers = std::mem::take(&mut turn.incident.ackers);
        turn.reenter();
        for acker in ackers {
            if !turn.incident.ladder.paged.contains(&acker) && context.is_pageable(acker, now) {
                turn.incident.ladder.paged.push(acker);
                turn.page(acker, Via::Named, severity.urgency());
            }
        }
    } else {
        turn.reenter();
    }
    turn.finish()
}

fn count(incident: &mut Incident, event: &Event, now: Timestamp) {
    incident.event_count += 1;
    incident.last_event_at = now;
    incident.last_trigger_at = incident.last_trigger_at.max(compared_time(event));
    incident.version += 1;
}

fn compared_time(event: &Event) -> Option<SenderTime> {
    (event.order != Order::Arrival).then_some(event.occurred_at)
}

fn warn(turn: &mut Turn<'_>, event: &Event) {
    for text in &event.warnings {
        turn.happened(Happened::Warning { text: text.clone() });
    }
}

/// Whose acknowledgement it is: a person's, or the source's in its own words.
pub enum Taker {
    Person(UserId),
    Source(Option<String>),
}

/// `None`: this person has it already, nothing changes.
pub fn acknowledge(
    incident: &Incident,
    taker: Taker,
    context: &Context,
    now: Timestamp,
    by: By,
) -> Result<Option<Transition>, Refusal> {
    match (incident.status, &taker) {
        (Status::Resolved, _) => return Err(resolved(incident, context)),
        (Status::Acknowledged, Taker::Source(_)) => return Ok(None),
        (Status::Acknowledged, Taker::Person(user)) if incident.ackers.contains(user) => return Ok(None),
        _ => {}
    }
    let mut turn = Turn::new(incident.clone(), context, now, by);
    turn.incident.version += 1;
    match taker {
        Taker::Person(user) if incident.status == Status::Acknowledged => {
            turn.incident.ackers.push(user);
            turn.happened(Happened::AckAdded);
            return Ok(Some(turn.finish()));
        }
        Taker::Person(user) => {
            turn.incident.assignee = Some(user);
            turn.incident.ackers = vec![user];
            turn.happened(Happened::Acknowledged { by_source: None });
        }
        Taker::Source(name) => {
            turn.incident.assignee = None;
            turn.happened(Happened::Acknowledged { by_source: Some(name.unwrap_or_default()) });
        }
    }
    turn.incident.status = Status::Acknowledged;
    turn.incident.taken_at = Some(now);
    stop_paging(&mut turn, "taken before it left");
    tell_the_paged(&mut turn, UpdateKind::Acknowledged);
    Ok(Some(turn.finish()))
}

/// `recovery` when the source says so itself. `None`: it is resolved already.
pub fn resolve(
    incident: &Incident,
    recovery: Option<&Event>,
    context: &Context,
    now: Timestamp,
    by: By,
) -> Option<Transition> {
    if incident.status == Status::Resolved {
        return None;
    }
    let mut turn = Turn::new(incident.clone(), context, now, by);
    turn.incident.version += 1;
    turn.incident.status = Status::Resolved;
    turn.incident.resolved_at = Some(now);
    turn.incident.resolved_by = by.person();
    turn.incident.recovery = recovery.map(|event| Recovery {
        received_at: now,
        occurred_at: event.occurred_at,
        closed: match &event.order {
            Order::Alerts(closed) => closed.clone(),
            Order::Arrival | Order::Time => vec![],
        },
    });
    turn.happened(Happened::Resolved { by_source: recovery.is_some() });
    if let Some(event) = recovery {
        warn(&mut turn, event);
    }
    stop_paging(&mut turn, "resolved before it left");
    tell_the_paged(&mut turn, UpdateKind::Resolved);
    Some(turn.finish())
}

fn stop_paging(turn: &mut Turn<'_>, reason: &'static str) {
    turn.cancel_timers();
    turn.incident.ladder.bypassed = turn.incident.ladder.visit;
    let incident = turn.incident.id;
    turn.effect(Effect::Withdraw { incident, only: None, reason });
}

fn tell_the_paged(turn: &mut Turn<'_>, kind: UpdateKind) {
    let actor = turn.by.person();
    let urgency = turn.incident.severity.urgency();
    let (incident, visit) = (turn.incident.id, turn.incident.ladder.visit);
    for user in turn.incident.ladder.paged.clone() {
        if Some(user) != actor && turn.context.is_pageable(user, turn.now) {
            let reason = Reason::Update(kind);
            turn.effect(Effect::Notify(NewNotification { incident, user, reason, urgency, visit, via: Via::Named }));
        }
    }
}

/// Manual escalation: the next level now, whoever has it. `expected_level` is what the asker saw (0 before the first
/// entry), so that two clicks climb one level.
pub fn escalate(
    incident: &Incident,
    expected_level: Option<u8>,
    context: &Context,
    now: Timestamp,
    by: By,
) -> Result<Transition, Refusal> {
    if incident.status == Status::Resolved {
        return Err(resolved(incident, context));
    }
    let level = incident.ladder.level.unwrap_or(0);
    if expected_level.is_some_and(|expected| expected != level) {
        let sentence = format!("Already escalated: this incident is at level {level} now.");
        return Err(Refusal::conflict("already_escalated", sentence));
    }
    let mut turn = Turn::new(incident.clone(), context, now, by);
    turn.incident.version += 1;
    turn.incident.status = Status::Triggered;
    turn.incident.taken_at = None;
    turn.incident.ackers.clear();
    turn.happened(Happened::Escalated { from_level: incident.ladder.level });
    turn.incident.ladder.bypassed = incident.ladder.visit;
    let bypassed = Some(incident.ladder.paged.clone());
    turn.effect(Effect::Withdraw { incident: incident.id, only: bypassed, reason: "escalated past this person" });
    turn.climb_by_hand();
    Ok(turn.finish())
}

/// A resolved incident becomes active again, from the bottom of the ladder. `None`: it is open already.
pub fn reopen(
    incident: &Incident,
    open_now: Option<&Incident>,
    context: &Context,
    now: Timestamp,
    by: By,
) -> Result<Option<Transition>, Refusal> {
    if incident.status != Status::Resolved {
        return Ok(None);
    }
    if let Some(other) = open_now {
        let sentence = format!("Incident #{} is already open for this alert. Work on that one.", other.number);
        return Err(Refusal::conflict("identity_open", sentence));
    }
    let mut turn = Turn::new(incident.clone(), context, now, by);
    let ladder = &incident.ladder;
    turn.incident.version += 1;
    turn.incident.status = Status::Triggered;
    turn.incident.resolved_at = None;
    turn.incident.resolved_by = None;
    turn.incident.taken_at = None;
    turn.incident.recovery = None;
    turn.incident.assignee = None;
    turn.incident.ackers.clear();
    turn.incident.reopen_count += 1;
    turn.incident.ladder = Ladder::at_the_bottom(ladder.run + 1, ladder.visit);
    turn.happened(Happened::Reopened);
    turn.climb(None);
    Ok(Some(turn.finish()))
}

/// The incident's timer came due. `None`: it was armed before the last change, or the incident was taken meanwhile.
pub fn on_timer(
    incident: &Incident,
    kind: TimerKind,
    generation: u64,
    context: &Context,
    now: Timestamp,
) -> Option<Transition> {
    if incident.status != Status::Triggered || generation != incident.generation {
        return None;
    }
    let mut turn = Turn::new(incident.clone(), context, now, By::SYSTEM);
    turn.incident.version += 1;
    match kind {
        TimerKind::Next => turn.climb(incident.ladder.level),
        TimerKind::Repage => turn.repage(),
        TimerKind::Cover => turn.look_for_coverage(),
        _ => return None,
    }
    Some(turn.finish())
}

/// Something the ladder rests on was edited: a policy, schedule, team or person. `None`: nothing to decide anew.
pub fn recheck(incident: &Incident, context: &Context, now: Timestamp, by: By) -> Option<Transition> {
    if incident.status != Status::Triggered {
        return None;
    }
    let mut turn = Turn::new(incident.clone(), context, now, by);
    turn.recheck();
    let mut transition = turn.finish();
    let changed = transition.incident != *incident || !transition.log.is_empty();
    if changed {
        transition.incident.version += 1;
    }
    (changed || !transition.effects.is_empty()).then_some(transition)
}

/// A person was deactivated who holds this incident or was paged for it.
pub fn concerns(incident: &Incident, user: UserId) -> bool {
    incident.status != Status::Resolved && (incident.assignee == Some(user) || incident.ladder.paged.contains(&user))
}

fn resolved(incident: &Incident, context: &Context) -> Refusal {
    let by = incident.resolved_by.and_then(|user| context.people.get(&user));
    let by = by.map_or("by its alert source".to_owned(), |user| format!("by {}", user.name));
    let at = incident.resolved_at.unwrap_or(incident.last_event_at);
    let at = at.to_jiff().strftime("%H:%M UTC on %-d %b");
    let sentence = format!("Incident #{} was resolved {by} at {at}. Reopen it first.", incident.number);
    Refusal::conflict("incident_resolved", sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    fn event(action: Action, order: Order, occurred_at: i64) -> Event {
        Event {
            action,
            external_id: "disk-db1".to_owned(),
            severity: None,
            title: "Disk full".to_owned(),
            details: String::new(),
            labels: BTreeMap::new(),
            links: vec![],
            occurred_at: SenderTime(occurred_at),
            order,
            actor: None,
            warnings: vec![],
        }
    }

    fn incident(status: Status) -> Incident {
        Incident {
            id: IncidentId::new(1),
            number: 1,
            source: AlertSourceId::new(1),
            team: TeamId::new(1),
            policy: PolicyId::new(1),
            external_id: "disk-db1".to_owned(),
            title: "Disk full".to_owned(),
            severity: Severity::Warning,
            urgency: Urgency::High,
            status,
            snooze: None,
            hold: None,
            assignee: None,
            ackers: vec![],
            event_count: 1,
            created_at: NOW,
            last_event_at: NOW,
            taken_at: None,
            resolved_at: None,
            resolved_by: None,
            previous: None,
            reopen_count: 0,
            ladder: Ladder::at_the_bottom(0, 0),
            generation: 0,
            timeline_len: 0,
            appended_seq: None,
            last_trigger_at: Some(SenderTime(50)),
            recovery: None,
            is_test: false,
            version: 1,
        }
    }

    const NOW: Timestamp = Timestamp::MIN;

    fn pair(fingerprint: &str) -> AlertPair {
        AlertPair { fingerprint: fingerprint.to_owned(), starts_at: SenderTime(10) }
    }

    #[test]
    fn an_event_means_what_the_open_incident_makes_of_it() {
        use Status::*;
        let table = [
            (Action::Trigger, Severity::Error, None, Meaning::Open),
            (Action::Trigger, Severity::Warning, Some(Triggered), Meaning::Repeat),
            (Action::Trigger, Severity::Info, Some(Acknowledged), Meaning::Repeat),
            (Action::Trigger, Severity::Error, Some(Triggered), Meaning::Rise),
            (Action::Trigger, Severity::Critical, Some(Acknowledged), Meaning::Rise),
            (Action::Acknowledge, Severity::Error, None, Meaning::Nothing),
            (Action::Acknowledge, Severity::Error, Some(Triggered), Meaning::Acknowledge),
            (Action::Acknowledge, Severity::Error, Some(Acknowledged), Meaning::Nothing),
            (Action::Resolve, Severity::Error, None, Meaning::Nothing),
            (Action::Resolve, Severity::Error, Some(Triggered), Meaning::Resolve),
            (Action::Resolve, Severity::Error, Some(Acknowledged), Meaning::Resolve),
        ];
        for (action, severity, status, expected) in table {
            let open = status.map(incident);
            let found = meaning(&event(action, Order::Arrival, 0), severity, open.as_ref(), None, NOW);
            assert_eq!(found, expected, "{action:?} {severity:?} {status:?}");
        }
    }

    #[test]
    fn a_late_trigger_is_stale_only_if_it_tells_nothing_newer_than_the_recovery() {
        let closed = |closed: Vec<AlertPair>| Incident {
            recovery: Some(Recovery { received_at: NOW, occurred_at: SenderTime(100), closed }),
            ..incident(Status::Resolved)
        };
        let check = |order: Order, occurred_at: i64, after_secs: i64, expected: Meaning| {
            let closed = closed(vec![pair("a"), pair("b")]);
            let event = event(Action::Trigger, order.clone(), occurred_at);
            let found = meaning(&event, Severity::Error, None, Some(&closed), NOW.plus_secs(after_secs));
            assert_eq!(found, expected, "{order:?} at {occurred_at}, {after_secs} s later");
        };
        check(Order::Time, 99, 1, Meaning::StaleTrigger);
        check(Order::Time, 100, 1, Meaning::Open);
        check(Order::Time, 99, 300, Meaning::StaleTrigger);
        check(Order::Time, 99, 301, Meaning::Open);
        check(Order::Arrival, 1, 1, Meaning::Open);
        check(Order::Alerts(vec![pair("a")]), 1, 1, Meaning::StaleTrigger);
        check(Order::Alerts(vec![pair("a"), pair("c")]), 1, 1, Meaning::Open);
        check(Order::Alerts(vec![]), 1, 1, Meaning::Open);
        let by_person = incident(Status::Resolved);
        let event = event(Action::Trigger, Order::Time, 1);
        let found = meaning(&event, Severity::Error, None, Some(&by_person), NOW);
        assert_eq!(found, Meaning::Open, "a person's resolve never makes a trigger stale");
    }

    #[test]
    fn a_recovery_from_before_the_last_trigger_resolves_nothing() {
        let open = incident(Status::Triggered);
        let check = |order, occurred_at, expected| {
            let event = event(Action::Resolve, order, occurred_at);
            assert_eq!(meaning(&event, Severity::Error, Some(&open), None, NOW), expected, "{event:?}");
        };
        check(Order::Time, 49, Meaning::StaleRecovery);
        check(Order::Time, 50, Meaning::Resolve);
        check(Order::Alerts(vec![]), 49, Meaning::StaleRecovery);
        check(Order::Arrival, 49, Meaning::Resolve);
    }
}
