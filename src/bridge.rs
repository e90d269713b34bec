//! The one crossing from async code to blocking code.
//!
//! Everything from `app` down blocks: reads wait for the disk, writes wait for their commit, password hashes burn a
//! core. Each kind of work has a lane of its own with its own limits, so that a flood in one never makes another
//! wait: alerts come in while a thousand people reload a page, and a login flood cannot keep a timer from firing.
//!
//! A lane lets a number of jobs run and a number wait; whoever finds the queue full is told at once. A job that has
//! begun runs to its end, even if nobody waits for it any more, and keeps its place until then.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

/// Threads that async code runs on, at most. They pass bytes on, which a few do on any machine, and each thread keeps memory to
/// itself, which with one for each of many cores comes to more than the service may have.
const ASYNC_THREADS: usize = 4;

/// Of this machine.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

pub fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(cores().min(ASYNC_THREADS)).enable_all().build()
}

/// In order of what the product owes: paging first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// Timers, claims, outcomes.
    Paging,
    /// Alerts coming in.
    Ingest,
    /// What people look at and do.
    People,
    /// Argon2 and nothing else.
    Passwords,
}

/// Why a job did not give an answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Crossing {
    /// As many wait as may wait. Nothing was begun.
    #[error("too many are waiting already")]
    Full,
    #[error("a job panicked: {0}")]
    Panicked(String),
}

/// Cheap to clone; clones share the lanes.
#[derive(Clone)]
pub struct Bridge {
    lanes: Arc<[LaneState; 4]>,
}

struct LaneState {
    running: Arc<Semaphore>,
    /// One permit for each job that runs or waits.
    admitted: Arc<Semaphore>,
}

impl LaneState {
    fn new(running: usize, waiting: usize) -> LaneState {
        LaneState { running: Arc::new(Semaphore::new(running)), admitted: Arc::new(Semaphore::new(running + waiting)) }
    }
}

/// How many run at once, each on a thread that keeps memory to itself, and how many wait. Alerts that wait for their commit are
/// not among them.
const INGEST: (usize, usize) = (8, 568);
const PAGING: (usize, usize) = (8, 264);
const PEOPLE: (usize, usize) = (16, 272);
/// A hash takes many megabytes while it runs.
const PASSWORDS_AT_MOST: usize = 4;
const PASSWORDS_WAITING: usize = 16;

impl Bridge {
    /// Password hashes leave one of `cores` to everything else.
    pub fn new(cores: usize) -> Bridge {
        let lane = |(running, waiting)| LaneState::new(running, waiting);
        let passwords = LaneState::new(cores.saturating_sub(1).clamp(1, PASSWORDS_AT_MOST), PASSWORDS_WAITING);
        Bridge { lanes: Arc::new([lane(PAGING), lane(INGEST), lane(PEOPLE), passwords]) }
    }

    /// Runs `job` on a blocking thread. Needs a tokio runtime whose blocking pool is at least as large as all lanes
    /// together (its default is).
    pub async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Crossing> {
        // There are hundreds of kinds of jobs: what is the same for all of them is compiled once.
        let answer = self.run_any(lane, Box::new(move || Box::new(job()))).await?;
        Ok(*answer.downcast().expect("the answer is the job's"))
    }

    async fn run_any(&self, lane: Lane, job: AnyJob) -> Result<Box<dyn Any + Send>, Crossing> {
        let lane = &self.lanes[lane as usize];
        let admitted = Arc::clone(&lane.admitted).try_acquire_owned().map_err(|_| Crossing::Full)?;
        let running = Arc::clone(&lane.running).acquire_owned().await.expect("nobody closes a lane");
        // The permits travel with the job: if the caller goes away the work still occupies its place.
        let work = move || {
            let answer = catch_unwind(AssertUnwindSafe(job));
            drop((running, admitted));
            answer
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(panic)) => Err(Crossing::Panicked(panic_text(&*panic))),
            // The runtime is shutting down and has not begun it.
            Err(_) => Err(Crossing::Full),
        }
    }
}

type AnyJob = Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>;

/// What a panic said.
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a word").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn a_full_lane_refuses_at_once_and_the_others_go_on() {
        let bridge = Bridge::new(1);
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let mut waiting = Vec::new();
        for _ in 0..=PASSWORDS_WAITING {
            let (bridge, gate) = (bridge.clone(), Arc::clone(&gate));
            waiting.push(tokio::spawn(async move {
                bridge.run(Lane::Passwords, move || gate.lock().expect("no panic here").recv()).await
            }));
        }
        while bridge.lanes[Lane::Passwords as usize].admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(bridge.run(Lane::Passwords, || 1).await, Err(Crossing::Full));
        assert_eq!(bridge.run(Lane::Ingest, || 2).await, Ok(2));
        for _ in 0..=PASSWORDS_WAITING {
            release.send(()).expect("somebody waits");
        }
        for job in waiting {
            assert!(job.await.expect("no panic").is_ok());
        }
        assert_eq!(bridge.run(Lane::Passwords, || 3).await, Ok(3));
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_and_frees_its_place() {
        let bridge = Bridge::new(2);
        for _ in 0..PEOPLE.0 + PEOPLE.1 + 1 {
            let answer = bridge.run(Lane::People, || -> u8 { std::panic::panic_any("on purpose") }).await;
            assert_eq!(answer, Err(Crossing::Panicked("on purpose".into())));
        }
    }
}
