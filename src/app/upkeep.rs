//! The nightly chores: forget what is past keeping, and prove that the indexes are sound.

use crate::app::deliveries::tell_admins;
use crate::app::{App, AppError, Lane, Write, audit};
use crate::domain::contact::Channel;
use crate::domain::effect::{Ring, Subject, Timer, TimerKey, TimerKind};
use crate::domain::repeat::{REPEAT_KEPT_SECS, Repeat};
use crate::domain::session::Session;
use crate::domain::source_event::{REPLAY_KEPT_SECS, Replay};
use crate::domain::time::Timestamp;
use crate::store::{Read, events, repeats, sessions, timers};

const NIGHTLY: TimerKey = TimerKey { subject: Subject::Upkeep, kind: TimerKind::Nightly };

/// Records removed in one transaction, so that the chores hold up nobody.
const BATCH: usize = 500;

/// Arms the nightly timer unless it is armed; `next` is when the pattern fires next.
pub fn ensure_armed(tx: &mut Write<'_>, next: Timestamp) -> Result<(), AppError> {
    if tx.get::<Timer>(NIGHTLY)?.is_none() {
        arm(tx, next)?;
    }
    Ok(())
}

fn arm(tx: &mut Write<'_>, due: Timestamp) -> Result<(), AppError> {
    let armed_at = tx.now();
    Ok(tx.put(&Timer { key: NIGHTLY, due, armed_at, generation: 0, failures: 0 })?)
}

/// When the chores are due, if that has come: takes the timer and arms it for `next`. Nights missed while the process
/// was down are made up for by one run.
pub fn take_due(tx: &mut Write<'_>, next: Timestamp) -> Result<bool, AppError> {
    let due = !timers::timers_due(tx, Ring::Upkeep, tx.now(), 1)?.is_empty();
    if due {
        arm(tx, next)?;
    }
    Ok(due)
}

/// Runs the chores and answers sentences about what is wrong; empty is well.
pub fn run(app: &App) -> Result<Vec<String>, AppError> {
    while app.write(Lane::People, forget)? == BATCH {}
    Ok(app.verify()?.problems)
}

/// Sessions that ended, answers that no sender and no program will ask for again, the audit log's oldest entries.
fn forget(tx: &mut Write<'_>) -> Result<usize, AppError> {
    let now = tx.now();
    let ended = sessions::sessions_ended(tx, now, BATCH)?;
    for session in &ended {
        tx.delete::<Session>(session.token_hash)?;
    }
    let replays = events::replays_before(tx, now.plus_secs(-REPLAY_KEPT_SECS), BATCH)?;
    for replay in &replays {
        tx.delete::<Replay>((replay.source, &replay.delivery_id))?;
    }
    let repeats = repeats::repeats_before(tx, now.plus_secs(-REPEAT_KEPT_SECS), BATCH)?;
    for repeat in &repeats {
        tx.delete::<Repeat>(repeat.key_hash)?;
    }
    let audited = audit::prune(tx, now, BATCH)?;
    Ok(ended.len().max(replays.len()).max(repeats.len()).max(audited))
}

/// Admins hear of trouble of the process itself, over a channel that can send, if one can.
pub fn tell_of_trouble(tx: &mut Write<'_>, can_send: &[Channel], words: &str) -> Result<(), AppError> {
    tell_admins(tx, |_, contact| can_send.is_empty() || can_send.contains(&contact.channel), words)
}
