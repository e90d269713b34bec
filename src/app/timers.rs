//! Timers: firing one is deleting it together with its consequences, in one transaction.

use crate::app::{AppError, Read, Write, apply, change, context, pings};
use crate::domain::actor::Actor;
use crate::domain::clock_mark::ClockMark;
use crate::domain::effect::{Ring, Subject, Timer, TimerKind};
use crate::domain::incident::{Hold, Incident, on_timer};
use crate::domain::storm::Surge;
use crate::domain::throttle::{ChannelTrouble, Ledger};
use crate::domain::time::Timestamp;
use crate::planted;
use crate::store::keys::Span;
use crate::store::{Read as _, Record, Take, deliveries, timers};
use std::sync::{Arc, Mutex, PoisonError};

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
            // The store is in trouble, not this timer.
            Err(error @ AppError::Unavailable(_)) => return Err(error),
            Err(error) => {
                done.failed.push(format!("The timer {:?} could not be fired: {error}", timer.key));
                let due = tx.now().plus_secs(POISON_WAIT_SECS);
                tx.put(&Timer { due, failures: timer.failures + 1, ..timer })?;
            }
        }
    }
    Ok(done)
}

/// After downtime: everything overdue has stepped once before the first message leaves, so that each person gets what is
/// true now. One batch; `true` while there is more. What comes due later than `started` is for the worker.
pub fn catch_up(tx: &mut Write<'_>, started: Timestamp) -> Result<bool, AppError> {
    if timers::timer_next_due(tx, Ring::Escalation)?.is_none_or(|due| due > started) {
        return Ok(false);
    }
    fire_due(tx, Ring::Escalation)?;
    Ok(true)
}

/// When the first timer of a ring is due.
pub fn next_due(read: &Read<'_>, ring: Ring) -> Result<Option<Timestamp>, AppError> {
    Ok(timers::timer_next_due(read, ring)?)
}

/// Before anything is looked at after a start: how much time has passed is measured from the clock that was saved last.
/// Answers by how many seconds what counts elapsed time had to be moved, and what is [`Owed`].
pub fn adopt_clock(tx: &mut Write<'_>) -> Result<(i64, ClockMark), AppError> {
    let at = tx.now();
    let Some(mark) = tx.get::<ClockMark>(())? else {
        let first = ClockMark { at, moved_secs: 0 };
        keep_time(tx, first)?;
        return Ok((0, first));
    };
    let moved_secs = if planted::is("forget_mark") { mark.moved_secs } else { mark.moved_secs_at_start(at) };
    // Mostly nothing is written, so that a start needs no disk that saves.
    let now = ClockMark { at, moved_secs };
    if moved_secs != mark.moved_secs {
        keep_time(tx, now)?;
    }
    Ok((moved_secs - mark.moved_secs, now))
}

/// The same for the copy that a restore makes, and it is saved at once: what is armed there counts from this clock, not from
/// that of the backup. Whoever is on call is looked for when what is held goes on.
pub fn adopt_clock_of_copy(tx: &mut Write<'_>) -> Result<(), AppError> {
    let at = tx.now();
    let mark = tx.get::<ClockMark>(())?.unwrap_or(ClockMark { at, moved_secs: 0 });
    let moved_secs = mark.moved_secs_at_start(at);
    shift_elapsed(tx, moved_secs - mark.moved_secs)?;
    Ok(tx.put(&ClockMark { at, moved_secs })?)
}

/// Each minute, and when the clock was set: saves what it reads, and moves what counts elapsed time until it is moved by the
/// mark's sum in all.
///
/// Who was on call then is on call once more after a step back, which no timer would notice.
pub fn keep_time(tx: &mut Write<'_>, mark: ClockMark) -> Result<(), AppError> {
    let secs = mark.moved_secs - moved_secs(tx)?;
    if secs != 0 {
        shift_elapsed(tx, secs)?;
    }
    if secs < 0 {
        change::recheck(tx, &Actor::SYSTEM)?;
    }
    Ok(tx.put(&mark)?)
}

/// A clock that the process goes by and the store may not know yet: that of a start, or after a step. The mark that is to be
/// saved is at least so new and has this sum.
///
/// While it cannot be saved, others may come to save first. What they arm counts from the new time and must not be moved
/// along with the rest, and nothing is due before it is moved, so everybody who writes settles it before anything else. So no
/// timer was ever armed by a clock of which a later start finds no mark. Whether an attempt whose outcome nobody knows was
/// saved stands in the store itself.
#[derive(Clone, Default)]
pub struct Owed(Arc<Mutex<Option<ClockMark>>>);

impl Owed {
    /// `None`: it is saved.
    pub fn set(&self, mark: Option<ClockMark>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = mark;
    }

    #[inline(never)] // into each of some two hundred kinds of writes
    pub fn settle(&self, tx: &mut Write<'_>) -> Result<(), AppError> {
        let owed = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(owed) = owed else { return Ok(()) };
        match tx.get::<ClockMark>(())? {
            Some(saved) if saved.moved_secs == owed.moved_secs && saved.at >= owed.at => Ok(()),
            _ => keep_time(tx, ClockMark { at: tx.now(), ..owed }),
        }
    }
}

/// By how many seconds in all elapsed time was ever moved.
pub fn moved_secs(read: &impl crate::store::Read) -> Result<i64, AppError> {
    Ok(read.get::<ClockMark>(())?.map_or(0, |mark| mark.moved_secs))
}

/// The clock was set by so many seconds. What counts elapsed time moves along: delays of levels and when they began, pages
/// of the last resort, what a restore holds, messages that wait, what a number has got lately, what admins were told, the
/// minute in which a source's incidents are counted. What is due by the calendar stays.
pub fn shift_elapsed(tx: &mut Write<'_>, secs: i64) -> Result<(), AppError> {
    let secs = if planted::is("no_shift_at_clock_step") { 0 } else { secs };
    let mut cursor = None;
    let (mut last, mut is_restored) = (None, false);
    loop {
        let page = timers::timers_all(tx, Take::first(1000).after(cursor))?;
        for timer in page.items {
            // An incident's timers come one after the other, and it moves once.
            if last.replace(timer.key.subject) != Some(timer.key.subject) {
                is_restored = shift_ladder(tx, timer.key.subject, secs)?;
            }
            // A window ends by the calendar, the wait after a restore does not. Heartbeats have a rule of their own, below.
            let is_elapsed = timer.key.kind.is_elapsed() || (timer.key.kind == TimerKind::Hold && is_restored);
            if is_elapsed && !matches!(timer.key.subject, Subject::Heartbeat(_)) {
                let (due, armed_at) = (timer.due.plus_secs(secs), timer.armed_at.plus_secs(secs));
                tx.put(&Timer { due, armed_at, ..timer })?;
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    // Gathered first: moving one within the wheel while walking it could meet it again.
    let mut waiting = Vec::new();
    let mut cursor = None;
    loop {
        let page = deliveries::deliveries_waiting(tx, Take::first(1000).after(cursor))?;
        waiting.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    for mut delivery in waiting {
        delivery.shift(secs);
        tx.put(&delivery)?;
    }
    each(tx, |ledger: &mut Ledger| ledger.shift(secs))?;
    each(tx, |trouble: &mut ChannelTrouble| trouble.told_at = trouble.told_at.plus_secs(secs))?;
    each(tx, |surge: &mut Surge| surge.since = surge.since.plus_secs(secs))?;
    pings::clock_set(tx, secs)
}

/// Changes every record of a kind, whose key stays.
fn each<R: Record>(tx: &mut Write<'_>, change: impl Fn(&mut R)) -> Result<(), AppError> {
    let mut cursor = None;
    loop {
        let page = tx.scan_table::<R>(&Span::all(), Take::first(1000).after(cursor))?;
        for mut record in page.items {
            change(&mut record);
            tx.put(&record)?;
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(()),
        }
    }
}

fn fire(tx: &mut Write<'_>, timer: &Timer) -> Result<(), AppError> {
    // An incident may have several, and one that fired just now may have moved or ended this one.
    if tx.get::<Timer>(timer.key)?.as_ref() != Some(timer) {
        return Ok(());
    }
    tx.delete::<Timer>(timer.key)?;
    match timer.key.subject {
        Subject::Incident(id) => {
            let Some(incident) = tx.get::<Incident>(id)? else { return Ok(()) };
            let now = if planted::is("one_step_per_missed_level") { timer.due } else { tx.now() };
            let context = context::for_incident(tx, &incident, now)?;
            if let Some(transition) = on_timer(&incident, timer.key.kind, timer.generation, &context, now) {
                apply::apply(tx, transition)?;
            }
            Ok(())
        }
        Subject::Heartbeat(id) => pings::on_due(tx, id),
        Subject::Upkeep if timer.key.kind == TimerKind::Beat => pings::on_watch(tx, timer),
        // The upkeep worker takes its own timers with `upkeep::take_due`; none of them comes through here.
        Subject::Upkeep => {
            debug_assert_eq!(timer.key.kind, TimerKind::Nightly);
            Ok(())
        }
    }
}

/// What an edit of the policy counts a level's delay from. Answers whether a restore holds the incident.
fn shift_ladder(tx: &mut Write<'_>, subject: Subject, secs: i64) -> Result<bool, AppError> {
    let Subject::Incident(id) = subject else { return Ok(false) };
    let Some(mut incident) = tx.get::<Incident>(id)? else { return Ok(false) };
    let ladder = &mut incident.ladder;
    ladder.entered_at = ladder.entered_at.map(|at| at.plus_secs(secs));
    tx.put(&incident)?;
    Ok(incident.hold == Some(Hold::Restore))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::passes::LinkKey;
    use crate::app::{App, Lane, Settings};
    use crate::clock::{Clock as _, ScriptedClock};
    use crate::domain::effect::TimerKey;
    use crate::domain::id::{Id as _, IncidentId, MaintenanceId};
    use crate::random::ScriptedRandom;
    use crate::store::Store;

    fn app(clock: &ScriptedClock) -> App {
        let random = Arc::new(ScriptedRandom::new(1));
        let store = Store::in_memory(Arc::new(clock.clone()), random.clone());
        let (sending_enabled, retry_enabled, escalation_enabled) = (true, true, true);
        let (base_url, link_key) = (None, LinkKey::new(b"a secret"));
        App::new(store, random, Settings { sending_enabled, retry_enabled, escalation_enabled, base_url, link_key })
    }

    fn key(kind: TimerKind) -> TimerKey {
        TimerKey { subject: Subject::Upkeep, kind }
    }

    /// For in five minutes.
    fn arm(app: &App, kind: TimerKind) -> Timestamp {
        let armed = app.write(Lane::Paging, move |tx| {
            let (armed_at, due) = (tx.now(), tx.now().plus_minutes(5));
            tx.put(&Timer { key: key(kind), due, armed_at, generation: 0, failures: 0 })?;
            Ok(due)
        });
        armed.expect("it is saved")
    }

    fn left(app: &App, kind: TimerKind) -> i64 {
        let timer = app.read(|read| Ok(read.get::<Timer>(key(kind))?)).expect("it reads").expect("it is armed");
        timer.due.secs_since(app.now())
    }

    /// Found by the simulation: the store failed while the clock was set back, worked again, and an alert came before the
    /// step was saved. Its first delay was moved along with the older ones, and ended at once.
    #[test]
    fn what_is_armed_before_a_step_back_is_saved_is_not_moved_by_it() {
        let clock = ScriptedClock::at(Timestamp::from_second(1_800_000_000));
        let app = app(&clock);
        app.write(Lane::Paging, adopt_clock).expect("a first mark");
        arm(&app, TimerKind::Next);
        clock.advance(60);
        clock.set_wall_ahead(-7200);
        let step = clock.step().expect("two hours");
        clock.adopt(step);
        app.owed.set(Some(ClockMark { at: app.now(), moved_secs: step.secs() }));
        // After the step, and before it is saved.
        arm(&app, TimerKind::Repage);
        assert_eq!((left(&app, TimerKind::Next), left(&app, TimerKind::Repage)), (240, 300));
        let mark = ClockMark { at: app.now(), moved_secs: step.secs() };
        app.write(Lane::Paging, move |tx| keep_time(tx, mark)).expect("it is saved in the end");
        app.owed.set(None);
        assert_eq!((left(&app, TimerKind::Next), left(&app, TimerKind::Repage)), (240, 300), "and moves nothing twice");
    }

    /// Found by the simulation: a process that came up with a clock hours ahead armed a delay and died before its first mark,
    /// and the next one, with the clock set right, had the delay wait for those hours.
    #[test]
    fn what_is_armed_right_after_a_start_is_measured_from_the_clock_of_that_start() {
        let clock = ScriptedClock::at(Timestamp::from_second(1_800_000_000));
        let app = app(&clock);
        let start = || {
            let (_, mark) = app.write(Lane::Paging, adopt_clock).expect("it starts");
            app.owed.set(Some(mark));
        };
        start();
        clock.set(clock.now().plus_secs(7200));
        start();
        let due = arm(&app, TimerKind::Next);
        assert_eq!(due.secs_since(clock.now()), 300);
        clock.set(clock.now().plus_secs(-7200));
        start();
        assert_eq!(left(&app, TimerKind::Next), 300);
    }

    /// Found by the simulation: a host whose clock was years ahead was restored, its clock was set right, and what the restore
    /// held would have been held for years.
    #[test]
    fn what_a_restore_holds_waits_its_quarter_of_an_hour_whatever_the_clock_does() {
        use crate::domain::incident::testing::climbing;
        let clock = ScriptedClock::at(Timestamp::from_second(1_800_000_000));
        let app = app(&clock);
        let held = Incident { hold: Some(Hold::Restore), ..climbing() };
        let (hold, external_id) = (Some(Hold::Maintenance(MaintenanceId::new(1))), "other".to_owned());
        let window = Incident { id: IncidentId::new(77), number: 77, external_id, hold, ..climbing() };
        let keys = [held.id, window.id].map(|id| TimerKey { subject: Subject::Incident(id), kind: TimerKind::Hold });
        let left = || {
            keys.map(|key| {
                let timer = app.read(|read| Ok(read.get::<Timer>(key)?)).expect("it reads").expect("it is armed");
                timer.due.secs_since(clock.now())
            })
        };
        let armed = app.write(Lane::Paging, move |tx| {
            keep_time(tx, ClockMark { at: tx.now(), moved_secs: 0 })?;
            for (incident, key) in [&held, &window].into_iter().zip(keys) {
                tx.put(incident)?;
                let (armed_at, due) = (tx.now(), tx.now().plus_minutes(15));
                tx.put(&Timer { key, due, armed_at, generation: 0, failures: 0 })?;
            }
            Ok(())
        });
        armed.expect("it is saved");
        clock.set(clock.now().plus_secs(-7200));
        app.write(Lane::Paging, |tx| shift_elapsed(tx, -7200)).expect("it is saved");
        assert_eq!(left(), [900, 900 + 7200]);
    }
}
