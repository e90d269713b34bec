//! Heartbeats as they are heard, and as they are not.
//!
//! Each armed heartbeat has one timer. What it means is decided by `domain::heartbeat`; a miss and a recovery then go the
//! way of every alert, through [`intake`].
//!
//! One more timer, the *watch*, fires every minute while a heartbeat is armed. Its only use is to be late: then nobody
//! could be heard since it was armed, because the process was down, and every deadline moves before any is judged.

use crate::app::intake::{self, Received};
use crate::app::{AppError, Read as ReadTx, Write};
use crate::domain::alert_source::AlertSource;
use crate::domain::effect::{Subject, Timer, TimerKey, TimerKind};
use crate::domain::event::{Action, Event, Order, Report, SenderTime};
use crate::domain::heartbeat::{Beat, Heartbeat, Look, Signal, State};
use crate::domain::id::{AlertSourceId, HeartbeatId};
use crate::domain::refusal::Refusal;
use crate::domain::source_event::ReportResult;
use crate::domain::time::Timestamp;
use crate::planted;
use crate::store::{Read, Take, heartbeats};
use std::collections::BTreeMap;

/// What came of a ping.
#[derive(Clone, PartialEq, Debug)]
pub struct Pinged {
    pub name: String,
    pub look: Look,
    /// What it meant as an alert; empty if it was none.
    pub results: Vec<ReportResult>,
}

const WATCH: TimerKey = TimerKey { subject: Subject::Upkeep, kind: TimerKind::Beat };
const WATCH_SECS: i64 = 60;
/// A round of timers may take a moment; a watch that is later than this tells of downtime.
const WATCH_LATE_SECS: i64 = 30;

/// A job of this source reports. `key_hash` is that of the key it came with, compared once more.
pub fn ping(
    tx: &mut Write<'_>,
    source: AlertSourceId,
    key_hash: [u8; 32],
    name: &str,
    what: Beat,
    body: &str,
) -> Result<Pinged, AppError> {
    let source = tx.get::<AlertSource>(source)?.ok_or_else(|| Refusal::not_found("alert source"))?;
    if source.key_hash != key_hash {
        let sentence = "This key was replaced. Set the new one at the sender.";
        return Err(Refusal::conflict(intake::KEY_REPLACED, sentence).into());
    }
    make_up(tx)?;
    let heartbeat = heartbeats::heartbeat_by_name(tx, source.id, name)?;
    hear(tx, &source, heartbeat.ok_or_else(|| Refusal::not_found("heartbeat"))?, what, body)
}

/// A job reports at its own address.
pub fn ping_address(tx: &mut Write<'_>, token_hash: [u8; 32], what: Beat, body: &str) -> Result<Pinged, AppError> {
    make_up(tx)?;
    let missing = || Refusal::not_found("heartbeat");
    let heartbeat = heartbeats::heartbeat_by_token(tx, token_hash)?.ok_or_else(missing)?;
    let source = tx.get::<AlertSource>(heartbeat.source)?.ok_or_else(missing)?;
    hear(tx, &source, heartbeat, what, body)
}

/// Whose ping address this is.
pub fn by_address(read: &ReadTx<'_>, token_hash: [u8; 32]) -> Result<Option<Heartbeat>, AppError> {
    Ok(heartbeats::heartbeat_by_token(read, token_hash)?)
}

fn hear(
    tx: &mut Write<'_>,
    source: &AlertSource,
    mut heartbeat: Heartbeat,
    what: Beat,
    body: &str,
) -> Result<Pinged, AppError> {
    if !source.active {
        return Err(intake::inactive(source).into());
    }
    let now = tx.now();
    let signal = heartbeat.hear(what, body.to_owned(), now);
    tx.put(&heartbeat)?;
    arm(tx, &heartbeat)?;
    let results = match signal {
        Some(signal) => report(tx, &heartbeat, signal)?,
        None => vec![],
    };
    Ok(Pinged { look: heartbeat.look(now), name: heartbeat.name, results })
}

/// A heartbeat's timer fired.
pub fn on_due(tx: &mut Write<'_>, id: HeartbeatId) -> Result<(), AppError> {
    make_up(tx)?;
    let Some(mut heartbeat) = tx.get::<Heartbeat>(id)? else { return Ok(()) };
    let now = tx.now();
    if tx.get::<AlertSource>(heartbeat.source)?.is_none_or(|source| !source.active) {
        heartbeat.excuse(now);
    }
    let signal = heartbeat.fall_due(now);
    tx.put(&heartbeat)?;
    arm(tx, &heartbeat)?;
    if let Some(signal) = signal.filter(|_| !planted::is("heartbeat_unmissed")) {
        report(tx, &heartbeat, signal)?;
    }
    Ok(())
}

/// The watch fired: on time, or late, which is what it is there for.
pub fn on_watch(tx: &mut Write<'_>, timer: &Timer) -> Result<(), AppError> {
    make_up_after(tx, timer)?;
    if every(tx)?.iter().any(|heartbeat| heartbeat.due().is_some()) {
        watch(tx)?;
    }
    Ok(())
}

/// The clock was set by so many seconds.
pub fn clock_set(tx: &mut Write<'_>, secs: i64) -> Result<(), AppError> {
    give_back(tx, secs)
}

/// Arms the one timer it waits on, or none.
pub fn arm(tx: &mut Write<'_>, heartbeat: &Heartbeat) -> Result<(), AppError> {
    let Some(due) = heartbeat.due() else { return disarm(tx, heartbeat.id) };
    let (key, armed_at) = (timer_of(heartbeat.id), tx.now());
    tx.put(&Timer { key, due, armed_at, generation: 0, failures: 0 })?;
    if tx.get::<Timer>(WATCH)?.is_none() {
        watch(tx)?;
    }
    Ok(())
}

pub fn disarm(tx: &mut Write<'_>, id: HeartbeatId) -> Result<(), AppError> {
    tx.delete::<Timer>(timer_of(id))?;
    Ok(())
}

/// Sentences about heartbeats that do not wait on the timer they should.
pub fn problems(read: &impl Read) -> Result<Vec<String>, AppError> {
    let mut problems = Vec::new();
    for heartbeat in every(read)? {
        let armed = read.get::<Timer>(timer_of(heartbeat.id))?.map(|timer| timer.due);
        // A timer that could not be fired was moved forward.
        if armed.is_some() != heartbeat.due().is_some() || armed < heartbeat.due() {
            problems.push(format!(
                "the heartbeat {} is due at {:?} and waits on {armed:?}",
                heartbeat.id,
                heartbeat.due()
            ));
        }
    }
    Ok(problems)
}

fn timer_of(id: HeartbeatId) -> TimerKey {
    TimerKey { subject: Subject::Heartbeat(id), kind: TimerKind::Beat }
}

fn watch(tx: &mut Write<'_>) -> Result<(), AppError> {
    let now = tx.now();
    let due = now.plus_secs(WATCH_SECS);
    Ok(tx.put(&Timer { key: WATCH, due, armed_at: now, generation: 0, failures: 0 })?)
}

/// Before anything is judged: if the watch is late, gives the time back.
fn make_up(tx: &mut Write<'_>) -> Result<(), AppError> {
    match tx.get::<Timer>(WATCH)? {
        Some(timer) => make_up_after(tx, &timer),
        None => Ok(()),
    }
}

fn make_up_after(tx: &mut Write<'_>, timer: &Timer) -> Result<(), AppError> {
    let now = tx.now();
    if now.secs_since(timer.due) <= WATCH_LATE_SECS || planted::is("downtime_is_silence") {
        return Ok(());
    }
    // It ended at some time after the watch was armed; the difference is given away.
    give_back(tx, now.secs_since(timer.armed_at))?;
    watch(tx)
}

fn give_back(tx: &mut Write<'_>, secs: i64) -> Result<(), AppError> {
    for mut heartbeat in every(tx)? {
        if matches!(heartbeat.state, State::Beating { .. }) {
            heartbeat.make_up_for(secs);
            tx.put(&heartbeat)?;
            arm(tx, &heartbeat)?;
        }
    }
    Ok(())
}

fn every(read: &impl Read) -> Result<Vec<Heartbeat>, AppError> {
    Ok(heartbeats::heartbeats_all(read, Take::first(super::MANY))?.items)
}

/// A miss is a trigger, a ping after it the recovery, both under the heartbeat's own identity.
fn report(tx: &mut Write<'_>, heartbeat: &Heartbeat, signal: Signal) -> Result<Vec<ReportResult>, AppError> {
    let now = tx.now();
    let name = &heartbeat.name;
    let last = heartbeat.heard.as_ref();
    let (action, title, what) = match signal {
        Signal::Silent => (Action::Trigger, format!("Heartbeat {name} is missing"), silence(heartbeat)),
        Signal::Failed(None) => {
            (Action::Trigger, format!("Heartbeat {name} failed"), "The job says that it failed.".to_owned())
        }
        Signal::Failed(Some(code)) => {
            let title = format!("Heartbeat {name} failed with exit code {code}");
            (Action::Trigger, title, format!("The job ended with exit code {code}."))
        }
        Signal::Recovered => (Action::Resolve, format!("Heartbeat {name} is back"), "A ping came.".to_owned()),
    };
    let body = last.map_or("", |heard| heard.body.as_str());
    let details = if body.is_empty() { what } else { format!("{what}\n\n{body}") };
    let event = Event {
        action,
        external_id: heartbeat.external_id(),
        severity: None,
        title,
        details,
        labels: BTreeMap::from([("heartbeat".to_owned(), name.clone())]),
        links: vec![],
        occurred_at: SenderTime::from(now),
        order: Order::Arrival,
        actor: None,
        warnings: vec![],
    };
    let received = Received {
        source: heartbeat.source,
        reports: vec![Report::Event(event)],
        delivery_id: None,
        key_hash: None,
        body: body.to_owned(),
        is_test: false,
    };
    intake::receive(tx, &received)
}

fn silence(heartbeat: &Heartbeat) -> String {
    let (interval, grace) = (heartbeat.interval_minutes, heartbeat.grace_minutes);
    let last = heartbeat.heard.as_ref().map(|heard| heard.at);
    let last = last.map_or("none".to_owned(), |at: Timestamp| at.to_string());
    format!("No ping came within {interval} min and {grace} min of grace. The last one: {last}.")
}
