//! The inspector's pass: what must always be true, looked at once a minute. Problems fail `/health`.

use crate::app::{AppError, Read, audit, pings};
use crate::domain::delivery::{Delivery, State};
use crate::domain::effect::{Subject, Timer, TimerKind};
use crate::domain::incident::{Incident, Phase, Status};
use crate::store::{Cursor, Page, Read as _, Take, deliveries, incidents, timers};

const PAGE: usize = 500;

/// Sentences about broken promises; empty is well. Reads open incidents, timers, waiting deliveries and the end of the
/// audit log, nothing else.
pub fn inspect(read: &Read<'_>) -> Result<Vec<String>, AppError> {
    let mut problems = Vec::new();
    for status in [Status::Triggered, Status::Acknowledged] {
        each(
            |take| incidents::incidents_with_status(read, status, take),
            |incident: Incident| {
                let armed = timers::timers_of(read, Subject::Incident(incident.id))?;
                problems.extend(timers_problem(&incident, &armed));
                Ok(())
            },
        )?;
    }
    each(
        |take| timers::timers_all(read, take),
        |timer: Timer| {
            if let Subject::Incident(id) = timer.key.subject
                && read.get::<Incident>(id)?.is_none_or(|incident| incident.status == Status::Resolved)
            {
                problems.push(format!("the timer {:?} belongs to no open incident", timer.key));
            }
            Ok(())
        },
    )?;
    each(
        |take| deliveries::deliveries_waiting(read, take),
        |delivery: Delivery| {
            problems.extend(delivery_problem(&delivery));
            if let Some(incident) = delivery.incident
                && read.get::<Incident>(incident)?.is_none()
            {
                problems.push(format!("the delivery {} has no incident", delivery.id));
            }
            Ok(())
        },
    )?;
    problems.extend(pings::problems(read)?);
    problems.extend(audit::problem_at_end(read)?);
    Ok(problems)
}

/// A triggered incident waits on exactly one timer that pages, and it is that of its phase; beside it may stand those that
/// look for newcomers and count silence. A taken one waits on its timeout or its nap at most, a resolved one on nothing.
pub fn timers_problem(incident: &Incident, armed: &[Timer]) -> Option<String> {
    let kinds: Vec<TimerKind> = armed.iter().map(|timer| timer.key.kind).collect();
    let beside: &[TimerKind] = match (incident.status, incident.ladder.phase) {
        (Status::Triggered, Phase::Climbing) => &[TimerKind::Follow, TimerKind::AutoResolve],
        (Status::Triggered, _) => &[TimerKind::AutoResolve],
        _ => &[],
    };
    let expected: &[TimerKind] = match (incident.status, incident.snooze) {
        (Status::Acknowledged, Some(_)) => &[TimerKind::Snooze],
        (Status::Acknowledged, None) if !kinds.contains(&TimerKind::AckTimeout) => &[],
        (Status::Acknowledged, None) => &[TimerKind::AckTimeout],
        _ => incident.waiting_kinds(),
    };
    let waits: Vec<TimerKind> = kinds.iter().copied().filter(|kind| !beside.contains(kind)).collect();
    let number = incident.number;
    if waits != expected {
        let word = incident.status.word();
        return Some(format!("incident #{number} is {word} and waits on {waits:?} instead of {expected:?}"));
    }
    if armed.iter().any(|timer| timer.generation != incident.generation) {
        return Some(format!("incident #{number} has timers of another generation: {kinds:?}"));
    }
    let held = (incident.status, incident.ladder.phase) == (Status::Triggered, Phase::Held);
    (held != incident.hold.is_some()).then(|| format!("incident #{number} is held without a reason, or has one idle"))
}

/// Attempts are recorded in order, and only a claim has an unanswered last one.
pub fn delivery_problem(delivery: &Delivery) -> Option<String> {
    let numbers = delivery.attempts.iter().map(|attempt| attempt.message_number);
    let mut last = 0;
    for number in numbers {
        if number != last && number != last + 1 {
            return Some(format!("the delivery {} skips from message {last} to {number}", delivery.id));
        }
        last = number;
    }
    let claimed = matches!(delivery.state, State::Sending { .. });
    let unanswered = delivery.attempts.last().is_some_and(|attempt| attempt.answer.is_none());
    (claimed && !unanswered).then(|| format!("the delivery {} is claimed without an attempt", delivery.id))
}

fn each<T>(
    page: impl Fn(Take) -> crate::store::Result<Page<T>>,
    mut visit: impl FnMut(T) -> Result<(), AppError>,
) -> Result<(), AppError> {
    let mut cursor: Option<Cursor> = None;
    loop {
        let found = page(Take::first(PAGE).after(cursor))?;
        for item in found.items {
            visit(item)?;
        }
        match found.next {
            Some(next) => cursor = Some(next),
            None => return Ok(()),
        }
    }
}
