//! Plays a plan: a queue of events on a clock of its own, over the real application.
//!
//! Here are time, the process, and how it dies; what it does by itself is in [`worker`], what others want of it in
//! [`clients`](super::clients). Events of a process die with it.

use super::backups::Backup;
use super::clients::Places;
use super::disk::{Disk, Trouble};
use super::emergency::Watch;
use super::judge::{Cause, Judge, Surroundings};
use super::plan::{Action, Moment, Plan};
use super::post::Post;
use super::trace::{Failure, Rare, Trace};
use super::worker::{self, Worker};
use pagerpal::app::deliveries::{Outgoing, release_claims};
use pagerpal::app::passes::LinkKey;
use pagerpal::app::timers::{self, adopt_clock, catch_up};
use pagerpal::app::{App, AppError, Lane, Read, Settings, Write};
use pagerpal::clock::{Clock, ScriptedClock};
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::{Answer, DeliveryRing};
use pagerpal::domain::given::Jitter;
use pagerpal::domain::id::UserId;
use pagerpal::domain::receipt::Reported;
use pagerpal::domain::refusal::Refusal;
use pagerpal::domain::time::Timestamp;
use pagerpal::random::ScriptedRandom;
use pagerpal::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// 2 June 2026, a Tuesday, 00:00 UTC: what the wall clock shows when a run begins.
pub const START: i64 = 1_780_358_400;

/// The host's, from which links and ping addresses follow.
pub(super) const SECRET: &[u8] = b"a secret";

pub const YEAR_MS: f64 = 365.25 * 86_400_000.0;

/// As in packaging/systemd.
const RESTART_MS: u64 = 1000;

/// Trouble of the store is over after this.
const TROUBLE_MS: u64 = 60_000;

/// How long a run goes on without faults, beyond the time of the longest ladder.
const CALM_MS: u64 = 2 * 3_600_000;

/// What a run came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Of everything that happened.
    pub hash: u64,
    pub rare: Rare,
    pub commits: u64,
    pub sent: u64,
    pub incidents: usize,
    /// How long it was, in thousandths of a second of its own.
    pub millis: u64,
}

/// Plays a plan to its end, or to the first promise that is broken.
pub fn play(plan: &Plan) -> Result<Report, Failure> {
    let mut run = Run::new(plan);
    let outcome = catch_unwind(AssertUnwindSafe(|| run.play()));
    let what = match outcome {
        Ok(Ok(())) => return Ok(run.outcome()),
        Ok(Err(what)) => what,
        Err(panic) => format!("panic: {}", panic_text(&*panic)),
    };
    Err(Failure { what, lines: run.trace.take_lines() })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a text").to_owned()
}

/// The numbers of one component: a new draw in one shifts none in another.
pub fn stream(seed: u64, component: &str) -> Jitter {
    let mut name = Jitter::seeded(component.bytes().fold(seed, |hash, byte| hash.rotate_left(8) ^ u64::from(byte)));
    Jitter::seeded(seed ^ name.number())
}

pub(super) struct Run<'p> {
    pub(super) plan: &'p Plan,
    /// Thousandths of a second since the start.
    pub(super) at: u64,
    pub(super) clock: ScriptedClock,
    /// By how much the wall clock was set, in seconds.
    pub(super) wall_ahead: i64,
    pub(super) disk: Disk,
    pub(super) process: Option<Process>,
    /// Counts processes.
    pub(super) epoch: u64,
    queue: BTreeMap<(u64, u64), Event>,
    queued: u64,
    pub(super) pauses: Jitter,
    pub(super) post: Post,
    pub(super) backup: Option<Backup>,
    /// Of all processes: each restore begins another.
    pub(super) lineages: Vec<String>,
    pub(super) places: Places,
    pub(super) judge: Judge,
    pub(super) trace: Trace,
    /// The process dies when this comes about.
    trap: Option<(Moment, u64)>,
    store_troubled_at: Option<u64>,
    /// By how many seconds the clock was set of which the next process finds nothing in the store: while none was there, or
    /// could save it.
    unknown_secs: i64,
    pub(super) calm: bool,
    /// When the product's inspector looked last, and when the clock was saved.
    inspected_at: u64,
    pub(super) marked_at: u64,
    ends_at: u64,
    pub(super) commits: u64,
    pub(super) sent: u64,
}

pub(super) struct Process {
    pub(super) app: App,
    pub(super) started_at: u64,
    /// When each worker looks next.
    pub(super) wakes: [u64; 4],
    /// By ring: first tries, retries.
    pub(super) under_way: [usize; 2],
    /// When its ring has room for more of them, and has had a moment to use it.
    pub(super) full_until: [u64; 2],
    /// Messages on the wire.
    pub(super) wire: Vec<String>,
    /// By how many seconds the clock was set in all, how many of them are surely saved, and whether that is all.
    pub(super) moved_secs: i64,
    pub(super) saved_secs: i64,
    pub(super) is_moved: bool,
    /// How often the clock was looked at.
    pub(super) rounds: u64,
    pub(super) is_looking_at_clock: bool,
    pub(super) emergency: Watch,
    /// People whose change is there although its answer was no, so that no roster was renewed for it.
    pub(super) unheard: BTreeSet<UserId>,
}

pub(super) enum Event {
    /// Which action, and the how-manieth try.
    Act(usize, u32),
    Wake(u64, Worker),
    Send(u64, DeliveryRing, Box<Outgoing>),
    Answer(u64, DeliveryRing, Box<Outgoing>, Answer),
    /// The provider tells, for the how-manieth time.
    Report(Reported, u32),
    LookAtClock(u64),
    Start,
    Heal,
    MoodEnds(Channel),
    Calm,
}

/// What came of a write.
pub(super) enum Written<T> {
    Done(T),
    Refused(Refusal),
    /// Nobody knows whether it is there.
    Unavailable,
}

impl<'p> Run<'p> {
    fn new(plan: &'p Plan) -> Run<'p> {
        let seed = plan.seed;
        let post = Post::new(plan.weather, stream(seed, "latency"), stream(seed, "provider"));
        Run {
            plan,
            at: 0,
            clock: ScriptedClock::at(Timestamp::from_second(START)),
            wall_ahead: 0,
            disk: Disk::default(),
            process: None,
            epoch: 0,
            queue: BTreeMap::new(),
            queued: 0,
            pauses: stream(seed, "pauses"),
            post,
            backup: None,
            lineages: vec![],
            places: Places::default(),
            judge: Judge::default(),
            trace: Trace::default(),
            trap: None,
            store_troubled_at: None,
            unknown_secs: 0,
            calm: false,
            inspected_at: 0,
            marked_at: 0,
            ends_at: u64::MAX,
            commits: 0,
            sent: 0,
        }
    }

    fn outcome(&self) -> Report {
        let (rare, incidents) = (self.trace.rare.clone(), self.judge.view.incidents.len());
        Report { hash: self.trace.hash(), rare, commits: self.commits, sent: self.sent, incidents, millis: self.at }
    }

    fn play(&mut self) -> Result<(), String> {
        self.start()?;
        self.found()?;
        for (index, planned) in self.plan.actions.iter().enumerate() {
            self.push(planned.at, Event::Act(index, 0));
        }
        self.push(self.plan.minutes * 60_000, Event::Calm);
        while let Some(((at, _), event)) = self.queue.pop_first() {
            if at > self.ends_at {
                break;
            }
            self.advance(at);
            self.handle(event)?;
            let surroundings = self.surroundings();
            self.judge.look(&surroundings)?;
        }
        self.finish()
    }

    fn advance(&mut self, at: u64) {
        let at = at.max(self.at);
        self.clock.advance((at / 1000 - self.at / 1000) as i64);
        self.at = at;
    }

    pub(super) fn push(&mut self, at: u64, event: Event) {
        self.queued += 1;
        self.queue.insert((at, self.queued), event);
    }

    pub(super) fn push_act(&mut self, at: u64, index: usize, tries: u32) {
        self.push(at, Event::Act(index, tries));
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn say(&mut self, what: std::fmt::Arguments<'_>) {
        let now = self.now();
        self.trace.line(self.at, now, what);
    }

    /// What the wall clock shows.
    pub(super) fn wall(&self) -> Timestamp {
        Timestamp::from_second(START + (self.at / 1000) as i64 + self.wall_ahead)
    }

    /// How the product's clock stands to the one that nobody can set, in seconds.
    pub(super) fn base(&self) -> i64 {
        self.now().as_second() - (self.at / 1000) as i64
    }

    /// The store fails, or did a moment ago.
    pub(super) fn is_troubled(&self) -> bool {
        self.disk.is_troubled() || self.store_troubled_at.is_some_and(|at| self.at < at + TROUBLE_MS)
    }

    pub(super) fn surroundings(&self) -> Surroundings {
        let process = self.process.as_ref();
        Surroundings {
            at: self.at,
            now: self.now(),
            base: self.base(),
            started_at: process.map(|process| process.started_at),
            store_troubled_at: if self.disk.is_troubled() { Some(self.at) } else { self.store_troubled_at },
            clock_unsaved: process.is_some_and(|process| !process.is_moved),
            taken: vec![],
            is_full: process.map_or([false; 2], |process| process.full_until.map(|until| self.at < until)),
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), String> {
        let epoch = self.process.as_ref().map(|_| self.epoch);
        match event {
            Event::Act(index, tries) => self.act(index, tries),
            Event::Wake(of, worker) if Some(of) == epoch => self.wake(worker),
            Event::Send(of, ring, outgoing) if Some(of) == epoch => self.send(ring, outgoing),
            Event::Answer(of, ring, outgoing, answer) if Some(of) == epoch => self.answered(ring, *outgoing, answer),
            Event::LookAtClock(of) if Some(of) == epoch => self.look_at_clock(),
            Event::Wake(..) | Event::Send(..) | Event::Answer(..) | Event::LookAtClock(_) => Ok(()),
            Event::Report(report, tries) => self.reported(report, tries),
            Event::Start => self.start(),
            Event::Heal => {
                self.say(format_args!("the store works again"));
                self.store_troubled_at = Some(self.at);
                self.disk.heal();
                Ok(())
            }
            Event::MoodEnds(channel) => {
                self.post.set_mood(channel, None);
                Ok(())
            }
            Event::Calm => self.calm(),
        }
    }

    /// From here on nothing goes wrong.
    fn calm(&mut self) -> Result<(), String> {
        self.say(format_args!("from here on nothing goes wrong"));
        self.calm = true;
        self.trap = None;
        self.post.calm();
        self.disk.heal();
        self.store_troubled_at = Some(self.at);
        self.ends_at = self.at + self.plan.longest_ladder_ms() + CALM_MS;
        self.judge.calm_since = Some(self.at);
        if self.process.is_none() { self.start() } else { Ok(()) }
    }

    // -- The process --

    fn start(&mut self) -> Result<(), String> {
        if self.process.is_some() {
            return Ok(());
        }
        self.epoch += 1;
        self.believe_wall();
        let random = Arc::new(ScriptedRandom::new(stream(self.plan.seed, &format!("process {}", self.epoch)).number()));
        let store = match Store::on_engine(Box::new(self.disk.clone()), Arc::new(self.clock.clone()), random.clone()) {
            Ok(store) => store,
            Err(_) => return self.failed_to_start(),
        };
        for changes in self.disk.take_fresh() {
            let surroundings = self.surroundings();
            self.judge.commit(&surroundings, Cause::Start, &changes, &mut self.trace)?;
        }
        let settings = Settings {
            sending_enabled: true,
            retry_enabled: true,
            escalation_enabled: true,
            base_url: None,
            link_key: LinkKey::new(SECRET),
        };
        let app = App::new(store, random, settings);
        if !self.lineages.iter().any(|lineage| lineage == app.lineage()) {
            self.lineages.push(app.lineage().to_owned());
        }
        let (wakes, under_way, wire) = ([u64::MAX; 4], [0; 2], vec![]);
        let started_at = self.at;
        let (moved_secs, saved_secs, is_moved, rounds, is_looking_at_clock) = (0, 0, true, 0, false);
        self.process = Some(Process {
            app,
            started_at,
            wakes,
            under_way,
            full_until: [0; 2],
            wire,
            moved_secs,
            saved_secs,
            is_moved,
            rounds,
            is_looking_at_clock,
            emergency: Watch::default(),
            unheard: BTreeSet::new(),
        });
        let epoch = self.epoch;
        self.say(format_args!("process {epoch} starts"));
        let surroundings = self.surroundings();
        let set_by_secs = std::mem::take(&mut self.unknown_secs);
        self.judge.started(&surroundings, set_by_secs);
        if set_by_secs > 0 {
            self.post.forget_texts();
        }
        let Written::Done((moved_secs, mark)) = self.write(Cause::Adopt, adopt_clock)? else {
            return self.failed_to_start();
        };
        if moved_secs != 0 {
            self.trace.rare.count("a clock that a restart did not believe");
        }
        if let Some(process) = &self.process {
            process.app.owed.set(Some(mark));
        }
        self.judge.adopted()?;
        let Some(moved_secs) = self.read(|read| timers::moved_secs(read)) else { return self.failed_to_start() };
        if let Some(process) = &mut self.process {
            (process.moved_secs, process.saved_secs) = (moved_secs, moved_secs);
        }
        let Written::Done(released) = self.write(Cause::Start, release_claims)? else { return self.failed_to_start() };
        if released > 0 {
            self.trace.rare.count("claims released at start");
        }
        let started = self.now();
        loop {
            match self.write(Cause::Fire, move |tx| catch_up(tx, started))? {
                Written::Done(true) => self.trace.rare.count("timers caught up at start"),
                Written::Done(false) => break,
                _ => return self.failed_to_start(),
            }
        }
        self.judge.is_up = true;
        self.wake_all();
        if self.epoch > 1 {
            self.verify()?;
        }
        Ok(())
    }

    /// A process that starts knows no other time.
    pub(super) fn believe_wall(&mut self) {
        let base = self.base();
        self.clock.set(self.wall());
        self.unknown_secs += self.base() - base;
    }

    fn failed_to_start(&mut self) -> Result<(), String> {
        self.trace.rare.count("a start that failed");
        self.die(RESTART_MS, "the start failed");
        Ok(())
    }

    /// The process is gone, and back after a while.
    pub(super) fn die(&mut self, down_ms: u64, why: &str) {
        self.say(format_args!("the process dies: {why}"));
        self.trap = None;
        if let Some(process) = self.process.take() {
            self.judge.died(self.at, self.marked_at);
            self.unknown_secs += process.moved_secs - process.saved_secs;
            for message_id in process.wire {
                self.post.doubt(&message_id);
            }
        }
        self.push(self.at + down_ms.max(RESTART_MS), Event::Start);
    }

    pub(super) fn crash(&mut self, moment: Moment, down_ms: u64) {
        match moment {
            _ if self.process.is_none() => {}
            Moment::Now => self.die(down_ms, "now"),
            Moment::InCommit { applied } => {
                // One that failed works again for this.
                if self.disk.is_failing() {
                    self.store_troubled_at = Some(self.at);
                }
                self.trap = Some((moment, down_ms));
                self.disk.trouble(Trouble::Death { applied }, false);
            }
            _ => self.trap = Some((moment, down_ms)),
        }
    }

    /// Whether the process dies here, as planned.
    pub(super) fn springs(&mut self, here: Moment, state: &'static str) -> bool {
        let Some((_, down_ms)) = self.trap.filter(|(moment, _)| *moment == here) else { return false };
        self.trace.rare.count(state);
        self.die(down_ms, state);
        true
    }

    pub(super) fn store_fails(&mut self, applied: bool, for_ms: u64, reads: bool) {
        match for_ms {
            // One that fails already does so until it is healed.
            _ if self.disk.is_failing() => {}
            0 => self.disk.trouble(Trouble::Once { applied }, false),
            _ => {
                self.make_up_for_roster();
                self.disk.trouble(Trouble::Lasting { applied }, reads);
                self.push(self.at + for_ms, Event::Heal);
            }
        }
    }

    pub(super) fn provider_has(&mut self, channel: Channel, mood: super::plan::Mood, for_ms: u64) {
        self.post.set_mood(channel, Some(mood));
        self.push(self.at + for_ms, Event::MoodEnds(channel));
    }

    /// One transaction, with everything that it means for the process: it may die of it.
    pub(super) fn write<T: Send + 'static>(
        &mut self,
        cause: Cause<'_>,
        work: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
    ) -> Result<Written<T>, String> {
        if self.trap.is_some() || self.disk.is_waiting() {
            self.make_up_for_marks()?;
        }
        let taken = self.unwritten();
        let Some(process) = &self.process else { return Ok(Written::Unavailable) };
        let answer = process.app.write(Lane::Paging, work);
        let died = self.disk.take_death();
        let fresh = self.disk.take_fresh();
        let is_unheard = answer.is_err() && !fresh.is_empty() && !died;
        let known = if is_unheard { self.judge.view.users.clone() } else { BTreeMap::new() };
        if is_unheard {
            self.trace.rare.count("a commit that is there although its answer was no");
        }
        let surroundings = Surroundings { taken, ..self.surroundings() };
        for changes in &fresh {
            self.commits += 1;
            if self.judge.commit(&surroundings, cause, changes, &mut self.trace)? {
                self.marked_at = self.at;
                if let Some(process) = &mut self.process {
                    process.saved_secs = process.moved_secs;
                }
            }
        }
        if let Some(process) = self.process.as_mut().filter(|_| is_unheard) {
            let changed = self.judge.view.users.iter().filter(|(id, user)| known.get(id) != Some(user));
            process.unheard.extend(changed.map(|(id, _)| *id));
        }
        if died {
            let applied = !fresh.is_empty();
            let down_ms = self.trap.map_or(RESTART_MS, |(_, down_ms)| down_ms);
            let state = match applied {
                true => "a crash in a commit that is there",
                false => "a crash in a commit that is not there",
            };
            self.trace.rare.count(state);
            self.die(down_ms, state);
            return Ok(Written::Unavailable);
        }
        match answer {
            Ok(value) => {
                if !fresh.is_empty() {
                    self.inspect()?;
                    self.wake_all();
                }
                Ok(Written::Done(value))
            }
            Err(AppError::Refused(refusal)) => Ok(Written::Refused(refusal)),
            Err(AppError::Unavailable(_)) => {
                self.store_troubled_at = Some(self.at);
                self.tick();
                // What is there although its answer was no has woken nobody.
                self.wake_all_in(worker::LOOK_AT_LEAST_MS);
                Ok(Written::Unavailable)
            }
            Err(AppError::Internal(text)) => Err(format!("bug: {text}")),
        }
    }

    /// `None` while nothing can be read, or nobody is there to read.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Read<'_>) -> Result<T, AppError>) -> Option<T> {
        self.process.as_ref()?.app.read(look).ok()
    }

    // -- What is looked at beyond a commit --

    /// What the product itself thinks of its data. It looks at all of them, so once a minute, as it does.
    fn inspect(&mut self) -> Result<(), String> {
        if self.at < self.inspected_at + 60_000 {
            return Ok(());
        }
        self.inspected_at = self.at;
        match self.read(pagerpal::app::inspect::inspect) {
            Some(problems) if !problems.is_empty() => Err(format!("S1: {}", problems.join("; "))),
            _ => Ok(()),
        }
    }

    /// S8 and S9: the store holds what was committed, and every index what its records say.
    pub(super) fn verify(&self) -> Result<(), String> {
        let Some(process) = &self.process else { return Ok(()) };
        if let Ok(verified) = process.app.verify()
            && !verified.is_well()
        {
            return Err(format!("S9: {}", verified.problems.join("; ")));
        }
        match self.read(|read| Ok(self.judge.view.difference(read))) {
            Some(Some(difference)) => Err(format!("S8: {difference}")),
            _ => Ok(()),
        }
    }

    pub(super) fn action(&self, index: usize) -> &'p Action {
        &self.plan.actions[index].what
    }
}
