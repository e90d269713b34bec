//! The inspector's pass: what must always be true, looked at once a minute. Problems fail `/health`.

use crate::app::{AppError, Read, pings};
use crate::domain::delivery::{Delivery, State};
use crate::domain::effect::{Subject, Timer, TimerKind};
use crate::domain::incident::{Incident, Phase, Status};
use crate::store::{Cursor, Page, Read as _, Take, deliveries, incidents, timers};

const PAGE: usize = 500;

/// Sentences about broken promises; empty is well. Reads open incidents, timers and waiting deliveries, nothing else.
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
                && read.get::<Incident>(id)?.is_none_or(|incident| incident.status != Status::Triggered)
            {
                problems.push(format!("the timer {:?} belongs to no triggered incident", timer.key));
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
    Ok(problems)
}

/// A triggered incident waits on exactly one timer, and it is that of its phase; others wait on none.
pub fn timers_problem(incident: &Incident, armed: &[Timer]) -> Option<String> {
    let kinds: Vec<TimerKind> = armed.iter().map(|timer| timer.key.kind).collect();
    let expected: &[TimerKind] = match (incident.status, incident.ladder.phase) {
        (Status::Triggered, Phase::Climbing) => &[TimerKind::Next],
        (Status::Triggered, Phase::Exhausted) => &[TimerKind::Repage],
        (Status::Triggered, Phase::NoCoverage) => &[TimerKind::Cover],
        (Status::Triggered, Phase::Held) => &[TimerKind::Hold],
        (Status::Acknowledged | Status::Resolved, _) => &[],
    };
    let current = armed.iter().all(|timer| timer.generation == incident.generation);
    let number = incident.number;
    (kinds != expected || !current).then(|| {
        format!("incident #{number} is {} and waits on {kinds:?} instead of {expected:?}", incident.status.word())
    })
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
