//! What people do to an incident. A source's own acknowledgement counts as a deed, too.
//!
//! Asking for the state that is there already changes nothing (`None`). A resolved incident takes no deed but a reopening:
//! the refusal says who resolved it and when.

use crate::domain::Severity;
use crate::domain::actor::By;
use crate::domain::effect::{TimerKind, Transition, UpdateKind};
use crate::domain::escalation::Context;
use crate::domain::id::{PolicyId, UserId};
use crate::domain::incident::{Incident, Ladder, Snooze, Status};
use crate::domain::refusal::Refusal;
use crate::domain::time::{Timestamp, zone_named};
use crate::domain::timeline::{Handover, Happened};
use crate::domain::turn::Turn;
use crate::planted;
use jiff::tz::TimeZone;

/// The longest nap.
pub const SNOOZE_AT_MOST_MINUTES: i64 = 7 * 24 * 60;

/// People an incident may be given to at once.
const HANDED_TO_AT_MOST: usize = 10;

/// Whose acknowledgement it is: a person's, or the source's in its own words.
pub enum Taker {
    Person(UserId),
    Source(Option<String>),
}

/// `None`: this person has it already, or anybody does and the source says so again.
pub fn acknowledge(
    incident: &Incident,
    taker: Taker,
    context: &Context,
    now: Timestamp,
    by: By,
) -> Result<Option<Transition>, Refusal> {
    match (incident.status, &taker) {
        (Status::Resolved, _) => return Err(resolved(incident, context, now, by)),
        (Status::Acknowledged, Taker::Source(_)) => return Ok(None),
        (Status::Acknowledged, Taker::Person(user)) if incident.ackers.contains(user) => return Ok(None),
        _ => {}
    }
    let mut turn = begin(incident, context, now, by);
    match taker {
        Taker::Person(user) if incident.status == Status::Acknowledged => {
            turn.incident.ackers.push(user);
            turn.happened(Happened::AckAdded);
            if incident.snooze.is_none() {
                wait_for_the_timeout(&mut turn);
            }
            return Ok(Some(turn.finish()));
        }
        Taker::Person(user) => {
            take(&mut turn, Some(user));
            turn.happened(Happened::Acknowledged { by_source: None });
        }
        Taker::Source(name) => {
            take(&mut turn, None);
            turn.happened(Happened::Acknowledged { by_source: Some(name.unwrap_or_default()) });
        }
    }
    wait_for_the_timeout(&mut turn);
    Ok(Some(turn.finish()))
}

fn take(turn: &mut Turn<'_>, by: Option<UserId>) {
    turn.incident.status = Status::Acknowledged;
    turn.incident.assignee = by;
    turn.incident.ackers = by.into_iter().collect();
    turn.incident.taken_at = Some(turn.now);
    if !planted::is("acknowledge_keeps_timers") {
        turn.stop_paging("taken before it left");
    }
    turn.tell_the_paged(UpdateKind::Acknowledged);
}

/// Anew; one of a rule that is gone ends.
fn wait_for_the_timeout(turn: &mut Turn<'_>) {
    let timeout = turn.context.policy.ack_timeout_minutes;
    match timeout.filter(|_| !planted::is("forget_ack_timeout")) {
        Some(minutes) => turn.wait_for(TimerKind::AckTimeout, turn.now.plus_minutes(minutes.into())),
        None => turn.wait_for_nothing(),
    }
}

/// Set aside until then; whoever snoozes a triggered one takes it.
pub fn snooze(
    incident: &Incident,
    until: Timestamp,
    person: UserId,
    context: &Context,
    now: Timestamp,
    by: By,
) -> Result<Transition, Refusal> {
    if incident.status == Status::Resolved {
        return Err(resolved(incident, context, now, by));
    }
    if until <= now || until > now.plus_minutes(SNOOZE_AT_MOST_MINUTES) {
        let sentence = "Snooze it until a time that lies ahead, within the next 7 days.";
        return Err(Refusal::invalid("snooze_range", "until", sentence));
    }
    let mut turn = begin(incident, context, now, by);
    turn.happened(Happened::Snoozed { until });
    if incident.status == Status::Triggered {
        take(&mut turn, Some(person));
    }
    turn.incident.snooze = Some(Snooze { until, by: Some(person) });
    turn.wait_for(TimerKind::Snooze, until);
    Ok(turn.finish())
}

/// Whoever had it gives it back. `None`: nobody has it.
pub fn unacknowledge(
    incident: &Incident,
    context: &Context,
    now: Timestamp,
    by: By,
) -> Result<Option<Transition>, Refusal> {
    match incident.status {
        Status::Resolved => Err(resolved(incident, context, now, by)),
        Status::Triggered => Ok(None),
        Status::Acknowledged => {
            let mut turn = begin(incident, context, now, by);
            turn.happened(Happened::Unacknowledged);
            untake(&mut turn);
            turn.reenter();
            Ok(Some(turn.finish()))
        }
    }
}

/// It is triggered again, and nobody has it.
pub(super) fn untake(turn: &mut Turn<'_>) {
    if turn.incident.status != Status::Triggered {
        turn.count_silence_from_now();
    }
    turn.incident.status = Status::Triggered;
    turn.incident.taken_at = None;
    turn.incident.snooze = None;
    turn.incident.ackers.clear();
}

/// An acknowledgement that no longer stands: the remembered level is entered anew, and whoever had taken it is paged with
/// it; after a nap, the assignee and whoever snoozed it.
pub(super) fn take_back(turn: &mut Turn<'_>) {
    let had_it: Vec<UserId> = match turn.incident.snooze {
        Some(snooze) => turn.incident.assignee.into_iter().chain(snooze.by).collect(),
        None => turn.incident.ackers.clone(),
    };
    untake(turn);
    turn.reenter();
    turn.page_also(had_it);
}

/// `None`: it is resolved already.
pub fn resolve(incident: &Incident, context: &Context, now: Timestamp, by: By) -> Option<Transition> {
    close(incident, context, now, by, Happened::Resolved { by_source: false }).map(Turn::finish)
}

pub(super) fn close<'a>(
    incident: &Incident,
    context: &'a Context,
    now: Timestamp,
    by: By,
    what: Happened,
) -> Option<Turn<'a>> {
    if incident.status == Status::Resolved {
        return None;
    }
    let mut turn = begin(incident, context, now, by);
    turn.incident.status = Status::Resolved;
    turn.incident.resolved_at = Some(now);
    turn.incident.resolved_by = by.person();
    turn.incident.recovery = None;
    turn.happened(what);
    turn.stop_paging("resolved before it left");
    turn.tell_the_paged(UpdateKind::Resolved);
    Some(turn)
}

/// Manual escalation: the next level now, or `target` if one is chosen, whoever has it. `expected_level` is what the asker
/// saw (0 before the first entry), so that two clicks climb one level.
pub fn escalate(
    incident: &Incident,
    expected_level: Option<u8>,
    target: Option<u8>,
    context: &Context,
    now: Timestamp,
    by: By,
) -> Result<Transition, Refusal> {
    if incident.status == Status::Resolved {
        return Err(resolved(incident, context, now, by));
    }
    let level = incident.ladder.level.unwrap_or(0);
    if expected_level.is_some_and(|expected| expected != level) {
        let sentence = format!("Already escalated: this incident is at level {level} now.");
        return Err(Refusal::conflict("already_escalated", sentence));
    }
    if let Some(target) = target.filter(|target| context.policy.level(*target).is_none()) {
        let sentence = format!("{} has no level {target}. Choose one that it has.", context.policy.name);
        return Err(Refusal::invalid("level_missing", "level", sentence));
    }
    let mut turn = begin(incident, context, now, by);
    turn.happened(Happened::Escalated { from_level: incident.ladder.level });
    pass_over(&mut turn, "escalated past this person");
    turn.climb_by_hand(target.map_or(incident.ladder.level, |target| Some(target.saturating_sub(1))));
    Ok(turn.finish())
}

/// Whoever has it or was paged for it no longer counts.
fn pass_over(turn: &mut Turn<'_>, reason: &'static str) {
    untake(turn);
    let paged = turn.incident.ladder.paged.clone();
    turn.bypass(Some(paged), reason);
}

/// Given to people: they are paged now, and the ladder goes on above the remembered level if none of them takes it.
pub fn hand_over(
    incident: &Incident,
    users: &[UserId],
    context: &Context,
    now: Timestamp,
    by: By,
) -> Result<Transition, Refusal> {
    if incident.status == Status::Resolved {
        return Err(resolved(incident, context, now, by));
    }
    let mut chosen: Vec<UserId> = Vec::new();
    for user in users {
        if !chosen.contains(user) {
            chosen.push(*user);
        }
    }
    if chosen.is_empty() || chosen.len() > HANDED_TO_AT_MOST {
        let sentence = "Choose who gets it: 1 to 10 people, or a policy.";
        return Err(Refusal::invalid("reassign_range", "to", sentence));
    }
    for user in &chosen {
        let person = context.people.get(user).ok_or_else(|| Refusal::not_found("user"))?;
        person.require_active().map_err(|refusal| Refusal { field: Some("to"), ..refusal })?;
        if !person.is_pageable_at(now) {
            let sentence = format!(
                "{0} has no contact method and cannot be paged. Choose somebody else, or add one first.",
                person.name
            );
            return Err(Refusal::invalid("unreachable", "to", sentence));
        }
    }
    let mut turn = begin(incident, context, now, by);
    turn.happened(Happened::Reassigned { to: Handover::Users(chosen.clone()) });
    pass_over(&mut turn, "given to somebody else");
    turn.enter_by_hand(&chosen);
    Ok(turn.finish())
}

/// Given to another policy, which is the context's: it climbs there from the bottom.
pub fn hand_to_policy(
    incident: &Incident,
    policy: PolicyId,
    context: &Context,
    now: Timestamp,
    by: By,
) -> Result<Transition, Refusal> {
    if incident.status == Status::Resolved {
        return Err(resolved(incident, context, now, by));
    }
    let mut turn = begin(incident, context, now, by);
    turn.happened(Happened::Reassigned { to: Handover::Policy(policy) });
    pass_over(&mut turn, "given to another policy");
    turn.incident.policy = policy;
    turn.incident.ladder.cycle = 0;
    turn.incident.ladder.level = None;
    turn.climb(None);
    Ok(turn.finish())
}

/// A person's judgement, either way. It decides by which rules people are paged from now on and calls nobody. `None`: it
/// is of this severity.
pub fn set_severity(
    incident: &Incident,
    severity: Severity,
    context: &Context,
    now: Timestamp,
    by: By,
) -> Result<Option<Transition>, Refusal> {
    if incident.status == Status::Resolved {
        return Err(resolved(incident, context, now, by));
    }
    if incident.severity == severity {
        return Ok(None);
    }
    let mut turn = begin(incident, context, now, by);
    turn.happened(Happened::SeveritySet { from: incident.severity, to: severity });
    turn.incident.severity = severity;
    turn.incident.urgency = context.source.urgency.of(severity);
    Ok(Some(turn.finish()))
}

/// A resolved incident becomes active again, from the bottom of the ladder, also in a maintenance window. `None`: it is
/// open already.
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
    let ladder = &incident.ladder;
    let mut turn = begin(incident, context, now, by);
    turn.incident.resolved_at = None;
    turn.incident.resolved_by = None;
    turn.incident.recovery = None;
    turn.incident.assignee = None;
    turn.incident.reopen_count += 1;
    turn.incident.ladder = Ladder::at_the_bottom(ladder.run + 1, ladder.visit);
    untake(&mut turn);
    turn.happened(Happened::Reopened);
    turn.climb(None);
    Ok(Some(turn.finish()))
}

fn begin<'a>(incident: &Incident, context: &'a Context, now: Timestamp, by: By) -> Turn<'a> {
    let mut turn = Turn::new(incident.clone(), context, now, by);
    turn.incident.version += 1;
    turn
}

/// Told on the clock of whoever asked.
fn resolved(incident: &Incident, context: &Context, now: Timestamp, asker: By) -> Refusal {
    let by = incident.resolved_by.and_then(|user| context.people.get(&user));
    let by = match by {
        Some(user) => format!("by {}", user.name),
        None if incident.recovery.is_some() => "by its alert source".to_owned(),
        None => "by PagerPal".to_owned(),
    };
    let at = incident.resolved_at.unwrap_or(incident.last_event_at);
    let asker = asker.actor.user_id().and_then(|user| context.people.get(&user));
    let (zone, suffix) = match asker.and_then(|user| zone_named(&user.zone)) {
        Some(zone) => (zone, ""),
        None => (TimeZone::UTC, " UTC"),
    };
    let local = at.in_zone(&zone);
    let day = if local.date() == now.in_zone(&zone).date() { "" } else { " on %-d %b" };
    let at = local.strftime(&format!("%H:%M{suffix}{day}")).to_string();
    let sentence = format!("Incident #{} was resolved {by} at {at}. Reopen it first.", incident.number);
    Refusal::conflict("incident_resolved", sentence)
}
