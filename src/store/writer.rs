//! One write thread, whose batches share a commit.
//!
//! Jobs wait in two lanes, both bounded: a full lane answers [`StoreError::Unavailable`] at once. The thread takes up to
//! [`BATCH`] of them, paging first, and hands them to [`Core::run_batch`], which runs each in its own layer over what
//! the batch has written so far, commits once, and only then lets any of them hear its answer: even a refusal may rest on a
//! neighbour's write. A job that fails or panics loses its layer and nothing else. If the commit fails all hear
//! `Unavailable`.

use crate::domain::given::{Given, Jitter};
use crate::domain::id::NewIds;
use crate::planted;
use crate::store::engine::{Changes, Error as EngineError};
use crate::store::tx::Tx;
use crate::store::{Changed, Core, Result, StoreError, meta, panic_text};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Jobs that share a commit at most.
pub const BATCH: usize = 64;

/// Places in a batch that waiting people are sure of: a flood of alerts must not keep out the acknowledgement that
/// would end it.
const PEOPLES_PLACES: usize = 8;

/// Jobs that may wait in each lane.
pub const LANE_JOBS: usize = 1024;

/// How often a batch is computed again because somebody else has committed in between.
const STALE_TRIES: usize = 10;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// Alerts, timers, deliveries: goes first.
    Paging,
    /// What somebody did in the browser or through the API.
    People,
}

/// A write closure and whoever waits for its answer.
pub struct Job(Box<dyn AnyJob>);

trait AnyJob: Send {
    /// Runs the closure and keeps its answer; true if it was `Ok`. May be called again.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Hands the answer over, or the reason why there is none.
    fn finish(self: Box<Self>, verdict: Result<()>);
}

struct TypedJob<T, E, F, D> {
    work: F,
    answer: Option<std::result::Result<T, E>>,
    done: D,
}

impl Job {
    /// `done` runs on the write thread, after the commit: it should hand the answer on and return.
    pub fn new<T, E>(
        work: impl Fn(&mut Tx<'_>) -> std::result::Result<T, E> + Send + 'static,
        done: impl FnOnce(std::result::Result<T, E>) + Send + 'static,
    ) -> Job
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        Job(Box::new(TypedJob { work, answer: None, done }))
    }

    pub(super) fn refuse(self, reason: StoreError) {
        self.finish(Err(reason));
    }

    fn finish(self, verdict: Result<()>) {
        // Somebody else's callback must not end the write thread. The panic has printed itself.
        let _ = catch_unwind(AssertUnwindSafe(|| self.0.finish(verdict)));
    }
}

impl<T, E, F, D> AnyJob for TypedJob<T, E, F, D>
where
    T: Send,
    E: From<StoreError> + Send,
    F: Fn(&mut Tx<'_>) -> std::result::Result<T, E> + Send,
    D: FnOnce(std::result::Result<T, E>) + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let answer = tx.nested(&self.work);
        let kept = answer.is_ok();
        self.answer = Some(answer);
        kept
    }

    fn finish(self: Box<Self>, verdict: Result<()>) {
        let TypedJob { answer, done, .. } = *self;
        done(match verdict {
            Ok(()) => answer.expect("a batch that ends well has run every job"),
            Err(reason) => Err(reason.into()),
        });
    }
}

impl Core {
    /// Runs jobs in order, commits what they wrote, then lets each hear its answer.
    pub(super) fn run_batch(&self, mut jobs: Vec<Job>) {
        let outcome = {
            let _turn = lock(&self.turn);
            self.attempt(&mut jobs)
        };
        let verdict = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        for job in jobs {
            job.finish(verdict.clone());
        }
        if let Ok(Committed::Yes(changes)) = outcome {
            self.tell_watchers(&changes);
        }
    }

    fn attempt(&self, jobs: &mut Vec<Job>) -> Result<Committed> {
        let mut size = 0;
        for _ in 0..STALE_TRIES {
            // An engine that panics is one that failed; the thread has to outlive it.
            let tried = catch_unwind(AssertUnwindSafe(|| self.try_once(jobs, &mut size)))
                .unwrap_or_else(|panic| Err(Failed::Engine(EngineError::Unavailable(panic_text(&*panic)))));
            match tried {
                Ok(committed) => return Ok(committed),
                Err(Failed::Engine(EngineError::Stale)) => {}
                Err(Failed::Engine(EngineError::Unavailable(problem))) => return Err(self.failed(problem, size)),
                Err(Failed::Store(error)) => return Err(self.failed(error.to_string(), size)),
            }
        }
        Err(StoreError::Unavailable("others kept changing what was read".to_owned()))
    }

    fn failed(&self, problem: String, size: usize) -> StoreError {
        self.health.note_failure(&problem, size);
        for relief in self.relief.read().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = catch_unwind(AssertUnwindSafe(relief));
            // If it did not open again after the failure, it may now.
            let _ = self.engine.reopen();
        }
        StoreError::Unavailable(problem)
    }

    fn try_once(&self, jobs: &mut Vec<Job>, size: &mut usize) -> std::result::Result<Committed, Failed> {
        let snapshot = self.engine.snapshot()?;
        let first_id = meta::next_id(&*snapshot)?;
        let now = self.clock.now();
        let mut seeds = Jitter::seeded(self.random.number());
        let mut ids = NewIds::starting_at(first_id);
        let given = |ids: &NewIds, seed| Given { now, ids: ids.clone(), jitter: Jitter::seeded(seed) };

        let mut tx = Tx::new(&*snapshot, given(&ids, 0), &self.health);
        for job in jobs.iter_mut() {
            tx.set_given(given(&ids, seeds.number()));
            if job.0.run(&mut tx) {
                ids = tx.given().ids.clone();
            }
        }
        if tx.batch().is_empty() {
            return Ok(Committed::NothingWritten);
        }
        if ids.peek() != first_id {
            meta::set_next_id(tx.batch(), ids.peek());
        }
        let changes = std::mem::take(tx.batch());
        *size = changes.size();
        if planted::is("answer_before_commit") {
            jobs.drain(..).for_each(|job| job.finish(Ok(())));
        }
        self.engine.commit(&*snapshot, &changes)?;
        self.health.note_commit(now);
        Ok(Committed::Yes(changes))
    }

    fn tell_watchers(&self, changes: &Changes) {
        let changed = Changed::new(changes);
        for watcher in self.watchers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = catch_unwind(AssertUnwindSafe(|| watcher(&changed)));
        }
    }
}

enum Committed {
    Yes(Changes),
    NothingWritten,
}

enum Failed {
    Engine(EngineError),
    Store(StoreError),
}

impl From<EngineError> for Failed {
    fn from(error: EngineError) -> Failed {
        Failed::Engine(error)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Failed {
        Failed::Store(error)
    }
}

/// The thread and the lanes before it. Dropping it lets what is waiting be done, then ends the thread.
pub(super) struct Writer {
    lanes: Arc<Lanes>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Lanes {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    paging: VecDeque<Job>,
    people: VecDeque<Job>,
    /// The thread sleeps until something arrives. Otherwise it will look by itself, and need not be woken, which is a call of
    /// the system.
    asleep: bool,
    closed: bool,
}

impl Writer {
    pub(super) fn start(core: Arc<Core>) -> std::io::Result<Writer> {
        let lanes = Arc::<Lanes>::default();
        let taking = Arc::clone(&lanes);
        let work = move || {
            while let Some(jobs) = taking.take() {
                core.run_batch(jobs);
            }
        };
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(work)?;
        Ok(Writer { lanes, thread: Some(thread) })
    }

    pub(super) fn submit(&self, lane: Lane, job: Job) {
        let mut waiting = lock(&self.lanes.waiting);
        let queue = waiting.lane(lane);
        if queue.len() >= LANE_JOBS {
            // The callback is not ours, so it does not run under the lock.
            drop(waiting);
            return job.refuse(StoreError::Unavailable(format!("{LANE_JOBS} writes are waiting already")));
        }
        queue.push_back(job);
        let asleep = std::mem::take(&mut waiting.asleep);
        drop(waiting);
        if asleep {
            self.lanes.arrived.notify_one();
        }
    }

    /// How many jobs wait: paging, people.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let waiting = lock(&self.lanes.waiting);
        (waiting.paging.len(), waiting.people.len())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        lock(&self.lanes.waiting).closed = true;
        self.lanes.arrived.notify_one();
        // The last handle may be dropped by a callback on the write thread, which cannot wait for itself.
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}

impl Lanes {
    /// Waits for work. `None` once closed and empty.
    fn take(&self) -> Option<Vec<Job>> {
        let mut waiting = lock(&self.waiting);
        while waiting.paging.is_empty() && waiting.people.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting.asleep = true;
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        Some(waiting.batch())
    }
}

impl Waiting {
    fn lane(&mut self, lane: Lane) -> &mut VecDeque<Job> {
        match lane {
            Lane::Paging => &mut self.paging,
            Lane::People => &mut self.people,
        }
    }

    fn batch(&mut self) -> Vec<Job> {
        let paging = self.paging.len().min(BATCH - self.people.len().min(PEOPLES_PLACES));
        let people = self.people.len().min(BATCH - paging);
        self.paging.drain(..paging).chain(self.people.drain(..people)).collect()
    }
}

/// What these locks guard is whole between two statements, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
