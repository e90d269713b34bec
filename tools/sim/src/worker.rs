//! What the process does by itself, step by step, as the product's `worker/` does it: it looks when something is due, after a
//! commit, a second after an error, and every 15 s. A message is claimed in one event, leaves in the next, is answered
//! later and recorded then, so that a crash, a clock that is set or somebody's click comes between any two.

use super::judge::Cause;
use super::plan::Moment;
use super::post::{Reply, Request, has_receipts};
use super::run::{Event, Process, Run, Written};
use pagerpal::app::deliveries::{About, BATCH, Outgoing, Room, Sender, claim_due, next_due};
use pagerpal::app::deliveries::{receipts_overdue, receive_receipts, record};
use pagerpal::app::timers::{self, fire_due, keep_time};
use pagerpal::clock::Clock;
use pagerpal::domain::clock_mark::ClockMark;
use pagerpal::domain::delivery::{Answer, DeliveryRing, Outcome};
use pagerpal::domain::effect::Ring;
use pagerpal::domain::receipt::Reported;
use pagerpal::domain::time::Timestamp;

pub const LOOK_AT_LEAST_MS: u64 = 15_000;
const AFTER_ERROR_MS: u64 = 1000;
/// Messages on the wire at once, per ring.
pub const UNDER_WAY: usize = 48;
/// So many looks at the clock lie between two tries of a store that fails.
const TRY_AGAIN_ROUNDS: u64 = 10;
/// And between two tries to save it.
const KEEP_ROUNDS: u64 = 60;
/// What waited for room is claimed so soon after an answer.
const MAKES_ROOM_MS: u64 = 100;
const KEEP_TIME_MS: u64 = 60_000;
/// A provider calls again when it was not heard, and gives up in the end.
const PROVIDER_WAITS_MS: u64 = 30_000;
const PROVIDER_TRIES: u32 = 20;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Worker {
    Timers,
    First,
    Retry,
    Receipts,
}

const WORKERS: [Worker; 4] = [Worker::Timers, Worker::First, Worker::Retry, Worker::Receipts];

impl Run<'_> {
    fn wake_at(&mut self, worker: Worker, at: u64) {
        let epoch = self.epoch;
        let Some(process) = &mut self.process else { return };
        let place = &mut process.wakes[worker as usize];
        if at < *place {
            *place = at;
            self.push(at, Event::Wake(epoch, worker));
        }
    }

    /// After a commit everybody looks.
    pub(super) fn wake_all(&mut self) {
        self.wake_all_in(1);
    }

    pub(super) fn wake_all_in(&mut self, millis: u64) {
        for worker in WORKERS {
            let at = self.at + millis + self.pauses.below(20);
            self.wake_at(worker, at);
        }
    }

    pub(super) fn wake(&mut self, worker: Worker) -> Result<(), String> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let place = &mut process.wakes[worker as usize];
        if *place != self.at {
            return Ok(());
        }
        *place = u64::MAX;
        let ring = match worker {
            Worker::Timers => None,
            Worker::First => Some(DeliveryRing::First),
            Worker::Retry => Some(DeliveryRing::Retry),
            Worker::Receipts => Some(DeliveryRing::Receipt),
        };
        let free = match worker {
            // A claim has so much room for each channel.
            Worker::First | Worker::Retry => UNDER_WAY.saturating_sub(process.under_way[worker as usize - 1]),
            _ => UNDER_WAY,
        };
        if free == 0 {
            // An answer makes room and wakes it.
            return Ok(());
        }
        let next = self.read(|read| match ring {
            None => timers::next_due(read, Ring::Escalation),
            Some(ring) => next_due(read, ring),
        });
        let Some(next) = next else {
            self.wake_at(worker, self.at + AFTER_ERROR_MS);
            return Ok(());
        };
        let now = self.now();
        let Some(due) = next.filter(|due| *due <= now) else {
            // Every commit wakes it. What it may have missed, it missed while the store was in trouble.
            let latest = if self.is_troubled() { self.at + LOOK_AT_LEAST_MS } else { u64::MAX };
            let base = self.base();
            let at = next.map_or(latest, |due| ((due.as_second() - base) as u64 * 1000).min(latest));
            if at < u64::MAX {
                self.wake_at(worker, at);
            }
            return Ok(());
        };
        let before = self.commits;
        let worked = match worker {
            Worker::Timers => self.fire()?,
            Worker::First => self.claim(DeliveryRing::First, free)?,
            Worker::Retry => self.claim(DeliveryRing::Retry, free)?,
            Worker::Receipts => self.hear_silence()?,
        };
        if worked && self.commits == before {
            return Err(format!("S7: {worker:?} was due at {due} and nothing came of it"));
        }
        self.wake_at(worker, self.at + if worked { 1 } else { AFTER_ERROR_MS });
        Ok(())
    }

    fn fire(&mut self) -> Result<bool, String> {
        let Written::Done(fired) = self.write(Cause::Fire, |tx| fire_due(tx, Ring::Escalation))? else {
            return Ok(false);
        };
        match fired.failed.first() {
            Some(sentence) => Err(format!("S17: {sentence}")),
            None => Ok(true),
        }
    }

    fn claim(&mut self, ring: DeliveryRing, free: usize) -> Result<bool, String> {
        let Some(process) = &self.process else { return Ok(false) };
        let sender = Sender::of(&process.app);
        let claimed = self.write(Cause::Claim, move |tx| claim_due(tx, ring, &sender, &Room::each(free.min(BATCH))))?;
        let Written::Done(claimed) = claimed else { return Ok(false) };
        if let Some(sentence) = claimed.set_aside.first() {
            return Err(format!("S17: {sentence}"));
        }
        let epoch = self.epoch;
        for outgoing in claimed.outgoing {
            if let About::Bundle(_) = outgoing.about {
                self.trace.rare.count("a message in a bundle");
            }
            if let Some(process) = &mut self.process {
                process.under_way[ring as usize] += 1;
                if process.under_way[ring as usize] >= UNDER_WAY {
                    process.full_until[ring as usize] = u64::MAX;
                }
            }
            let at = self.at + 1 + self.pauses.below(8);
            self.push(at, Event::Send(epoch, ring, Box::new(outgoing)));
        }
        Ok(true)
    }

    fn hear_silence(&mut self) -> Result<bool, String> {
        let Some(process) = &self.process else { return Ok(false) };
        let lineage = process.app.lineage().to_owned();
        Ok(matches!(self.write(Cause::Silence, move |tx| receipts_overdue(tx, &lineage))?, Written::Done(_)))
    }

    pub(super) fn send(&mut self, ring: DeliveryRing, outgoing: Box<Outgoing>) -> Result<(), String> {
        if self.springs(Moment::BeforeSend, "a crash between claim and send") {
            return Ok(());
        }
        self.sent += 1;
        let text = text_of(&outgoing);
        let Outgoing { message_id, channel, address, .. } = &*outgoing;
        self.judge.sending(self.at, &outgoing, &text, &mut self.trace.rare)?;
        let is_first = self.judge.is_first(&outgoing);
        let request = Request { message_id, channel: *channel, address, text: &text, is_first };
        let reply = self.post.send(self.at, &request);
        let (channel, message_id) = (*channel, message_id.clone());
        self.say(format_args!("{message_id} leaves by {}: {text}, to be {:?}", channel.word(), reply.outcome));
        self.judge_post(&message_id)?;
        let Reply { outcome, after_ms, reports } = reply;
        if outcome == Outcome::Duplicate {
            self.trace.rare.count("a duplicate id answered");
        }
        for (later, report) in reports {
            if later < after_ms {
                self.trace.rare.count("a report before the answer");
            }
            self.push(self.at + later, Event::Report(report, 0));
        }
        if let Some(process) = &mut self.process {
            process.wire.push(message_id);
        }
        if self.springs(Moment::BeforeAnswer, "a crash between send and answer") {
            return Ok(());
        }
        let answer = Answer { text: format!("the provider says {outcome:?}"), outcome };
        self.push(self.at + after_ms, Event::Answer(self.epoch, ring, outgoing, answer));
        Ok(())
    }

    fn judge_post(&self, message_id: &str) -> Result<(), String> {
        let (copies, allowed) = self.post.copies(message_id);
        if copies > allowed {
            return Err(format!("S6: {copies} copies of {message_id} arrived, where {allowed} may"));
        }
        match self.post.filtered {
            0 => Ok(()),
            _ => Err("S14: the flooding filter refused a text".to_owned()),
        }
    }

    pub(super) fn answered(&mut self, ring: DeliveryRing, outgoing: Outgoing, answer: Answer) -> Result<(), String> {
        if self.springs(Moment::BeforeRecord, "a crash between answer and record") {
            return Ok(());
        }
        let Some(process) = &mut self.process else { return Ok(()) };
        process.under_way[ring as usize] -= 1;
        let has_room = process.under_way[ring as usize] < UNDER_WAY;
        if has_room && process.full_until[ring as usize] == u64::MAX {
            process.full_until[ring as usize] = self.at + MAKES_ROOM_MS;
        }
        // One sending of it: another claim may have sent it again meanwhile.
        if let Some(place) = process.wire.iter().position(|id| *id == outgoing.message_id) {
            process.wire.remove(place);
        }
        self.judge.answered(&outgoing, &answer.outcome);
        let (id, attempt, has_receipts) = (outgoing.delivery, outgoing.attempt, has_receipts(outgoing.channel));
        let recorded = self.write(Cause::Record, move |tx| record(tx, id, attempt, &answer, has_receipts))?;
        if !matches!(recorded, Written::Done(_)) {
            // It may be sent again under its id.
            self.post.doubt(&outgoing.message_id);
        }
        let worker = if ring == DeliveryRing::Retry { Worker::Retry } else { Worker::First };
        self.wake_at(worker, self.at + 1);
        Ok(())
    }

    /// A provider calls until it is heard.
    pub(super) fn reported(&mut self, report: Reported, tries: u32) -> Result<(), String> {
        let lineage = self.process.as_ref().map(|process| process.app.lineage().to_owned());
        let heard = match lineage {
            Some(lineage) => {
                let report = report.clone();
                let reports = [report];
                self.write(Cause::Report, move |tx| receive_receipts(tx, &lineage, &reports))?
            }
            None => Written::Unavailable,
        };
        if !matches!(heard, Written::Done(_)) && tries < PROVIDER_TRIES {
            self.push(self.at + PROVIDER_WAITS_MS, Event::Report(report, tries + 1));
        }
        Ok(())
    }

    pub(super) fn set_clock(&mut self, by_secs: i64) {
        self.wall_ahead += by_secs;
        if self.process.is_none() {
            self.trace.rare.count("a clock set while the process was down");
            return;
        }
        self.trace.rare.count(if by_secs > 0 { "a clock set forward" } else { "a clock set back" });
        self.clock.set_wall_ahead(by_secs);
        self.tick();
    }

    /// The clock is looked at every second, which matters while it was just set or the store fails.
    pub(super) fn tick(&mut self) {
        let at = self.at + 1 + self.pauses.below(1000);
        let epoch = self.epoch;
        if let Some(process) = &mut self.process
            && !process.is_looking_at_clock
        {
            process.is_looking_at_clock = true;
            self.push(at, Event::LookAtClock(epoch));
        }
    }

    pub(super) fn look_at_clock(&mut self) -> Result<(), String> {
        let step = self.clock.step();
        let Some(process) = &mut self.process else { return Ok(()) };
        process.rounds += 1;
        let rounds = process.rounds;
        if let Some(step) = step {
            process.moved_secs += step.secs();
            process.is_moved = false;
            process.app.adopt(step, process.moved_secs);
            let surroundings = self.surroundings();
            self.judge.clock_stepped(&surroundings);
            self.say(format_args!("the wall clock was set by {} s", step.secs()));
        }
        // Which also finds out that a store works again in which nothing else is to be saved.
        if self.process.as_ref().is_some_and(|process| !process.is_moved || rounds.is_multiple_of(KEEP_ROUNDS)) {
            self.save_mark(self.now())?;
        }
        let Some(process) = &self.process else { return Ok(()) };
        let (is_moved, is_failing) = (process.is_moved, process.app.store_status().failures > 0);
        if rounds.is_multiple_of(TRY_AGAIN_ROUNDS) && process.app.store_status().is_failing() {
            // Its rows are the store's own and mean nothing.
            let tried = process.app.try_again().is_ok();
            self.disk.take_fresh();
            self.say(format_args!("the store is tried again: {tried}"));
        }
        self.look_for_emergency()?;
        let is_looking = !is_moved || is_failing || self.is_emergency();
        if let Some(process) = &mut self.process {
            process.is_looking_at_clock = is_looking;
        }
        if is_looking {
            self.push(self.at + 1000, Event::LookAtClock(self.epoch));
        }
        Ok(())
    }
}

impl Run<'_> {
    /// What the clock reads is saved each minute, for the next start to measure from. A year of that would be half a million
    /// commits which nobody reads, so here it is made up for just before a process may die or its store fail.
    pub(super) fn make_up_for_marks(&mut self) -> Result<(), String> {
        let at = self.at;
        let is_working = |process: &Process| {
            at >= process.started_at + KEEP_TIME_MS && process.is_moved && process.app.store_status().failures == 0
        };
        let is_due = self.judge.is_up && at >= self.marked_at + KEEP_TIME_MS;
        if !is_due || !self.process.as_ref().is_some_and(is_working) {
            return Ok(());
        }
        // Trouble that waits for the next commit was not there when the last mark was saved.
        let Some(trouble) = self.disk.put_off() else { return Ok(()) };
        self.marked_at = at;
        let age = self.pauses.below(KEEP_TIME_MS / 1000);
        let saved = self.save_mark(self.now().plus_secs(-(age as i64)));
        self.marked_at = at - age * 1000;
        self.disk.resume(trouble);
        saved
    }

    fn save_mark(&mut self, at: Timestamp) -> Result<(), String> {
        let Some(process) = &self.process else { return Ok(()) };
        let mark = ClockMark { at, moved_secs: process.moved_secs };
        if let Written::Done(()) = self.write(Cause::Shift, move |tx| keep_time(tx, mark))?
            && let Some(process) = &mut self.process
        {
            (process.is_moved, process.saved_secs) = (true, mark.moved_secs);
            process.app.owed.set(None);
            self.marked_at = self.at;
        }
        Ok(())
    }
}

/// The text of a message, as far as it tells two messages apart.
fn text_of(outgoing: &Outgoing) -> String {
    match &outgoing.about {
        About::Incident(facts) => format!("#{} {} call {}", facts.number, facts.title, facts.counter),
        About::Bundle(bundle) => {
            let named: Vec<u64> = bundle.incidents.iter().map(|(incident, _)| incident.number).take(3).collect();
            format!("{} incidents {named:?} ({:?})", bundle.incidents.len(), outgoing.nth)
        }
        About::Test(words) | About::Code(words) | About::Words(words) | About::Linked { sentence: words, .. } => {
            format!("{words} ({:?})", outgoing.nth)
        }
    }
}
