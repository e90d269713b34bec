//! Timers: firing one is deleting it together with its consequences, in one transaction.

use crate::app::{AppError, Write, apply, context};
use crate::domain::effect::{Ring, Subject, Timer, TimerKind};
use crate::domain::incident::{Incident, on_timer};
use crate::store::{Read, timers};

/// Timers fired in one transaction at most.
pub const BATCH: usize = 100;

/// A timer that cannot be fired is tried again after this; by then somebody has seen it on the status board.
const POISON_WAIT_SECS: i64 = 60;

/// What one round did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fired {
    pub fired: usize,
    /// Sentences about timers that failed. They were moved forward and hold up nobody else.
    pub failed: Vec<String>,
}

/// Fires what is due, the oldest first, each in a layer of its own. `now` is the real one: after downtime an incident
/// makes one step, not one for each that was missed.
pub fn fire_due(tx: &mut Write<'_>, ring: Ring) -> Result<Fired, AppError> {
    let mut done = Fired::default();
    for timer in timers::timers_due(tx, ring, tx.now(), BATCH)? {
        match tx.nested(|tx| fire(tx, &timer)) {
            Ok(()) => done.fired += 1,
            Err(AppError::Unavailable(text)) if !text.contains("damaged") => return Err(AppError::Unavailable(text)),
            Err(error) => {
                done.failed.push(format!("The timer {:?} could not be fired: {error}", timer.key));
                let due = tx.now().plus_secs(POISON_WAIT_SECS);
                tx.put(&Timer { due, failures: timer.failures + 1, ..timer })?;
            }
        }
    }
    Ok(done)
}

fn fire(tx: &mut Write<'_>, timer: &Timer) -> Result<(), AppError> {
    tx.delete::<Timer>(timer.key)?;
    match timer.key.subject {
        Subject::Incident(id) => {
            let Some(incident) = tx.get::<Incident>(id)? else { return Ok(()) };
            let now = tx.now();
            let context = context::for_incident(tx, &incident, now)?;
            if let Some(transition) = on_timer(&incident, timer.key.kind, timer.generation, &context, now) {
                apply::apply(tx, transition)?;
            }
            Ok(())
        }
        // The upkeep worker takes its own timers with `upkeep::take_due`; none of them comes through here.
        Subject::Upkeep => {
            debug_assert_eq!(timer.key.kind, TimerKind::Nightly);
            Ok(())
        }
    }
}
