//! Makes time pass: the background tasks of the process, and the supervisor that keeps them alive.
//!
//! Each task takes no input but the store. It arms its wake-up, looks what is due, does it, reports on the status board
//! and sleeps until the next slot, a commit that concerns it, or 15 s, whichever comes first ([`wheel`]). So a task that missed a signal
//! is late by seconds at most, and a task that is killed loses nothing: what it had not finished is still due.

pub mod backups;
pub mod ballast;
pub mod beat;
pub mod clock;
pub mod deliveries;
pub mod emergency;
pub mod feeds;
pub mod inspector;
pub mod receipts;
pub mod timers;
pub mod upkeep;
pub mod wheel;

use crate::app::facts::Work;
use crate::app::system::Worker;
use crate::app::{self, App, AppError, Read, Write};
use crate::bridge::{Bridge, Lane, panic_text};
use crate::egress::{Client, Egress, Purpose};
use crate::notify::registry::Providers;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;

/// What every worker has.
#[derive(Clone)]
pub struct Shop {
    pub app: Arc<App>,
    pub bridge: Bridge,
    pub providers: Providers,
    /// Fetches calendars from addresses that users entered.
    pub calendars: Client,
    /// Calls the outside watcher.
    watcher: Client,
    wakers: Arc<Wakers>,
    stop: watch::Receiver<bool>,
}

/// One signal per worker: `notify_one` keeps a permit, so a wake-up between a look and a sleep is not lost.
#[derive(Default)]
pub struct Wakers {
    timers: Notify,
    first: Notify,
    retry: Notify,
    feeds: Notify,
    receipts: Notify,
}

impl Wakers {
    fn wake(&self, work: Work) {
        let Wakers { timers, first, retry, feeds, receipts } = self;
        if work.timers {
            timers.notify_one();
        }
        if work.deliveries {
            [first, retry, receipts].into_iter().for_each(Notify::notify_one);
        }
        if work.calendars {
            feeds.notify_one();
        }
    }

    /// Something has changed that is no commit, or may have.
    pub fn wake_all(&self) {
        let Wakers { timers, first, retry, feeds, receipts } = self;
        [timers, first, retry, feeds, receipts].into_iter().for_each(Notify::notify_one);
    }
}

/// The running workers. Dropping this does not stop them; [`Workers::stop`] does.
pub struct Workers {
    stop: watch::Sender<bool>,
    tasks: Tasks,
    wakers: Arc<Wakers>,
}

/// Shared with the one that starts the others late.
type Tasks = Arc<Mutex<Vec<JoinHandle<()>>>>;

/// A worker that panicked starts again after this.
const RESTART: Duration = Duration::from_secs(1);

/// Starts everything; what is switched off looks now and then whether it still is. If the database does not open, or what has to
/// come first cannot be saved, people are called from the last roster, and the rest starts once it can.
pub async fn start(app: Arc<App>, bridge: Bridge, providers: Providers, egress: &Egress) -> Workers {
    let (stop, stopped) = watch::channel(false);
    let calendars = egress.client(Purpose::Untrusted);
    let watcher = egress.client(Purpose::Operator);
    let shop = Shop { app, bridge, providers, calendars, watcher, wakers: Arc::default(), stop: stopped };
    let wakers = Arc::clone(&shop.wakers);
    shop.app.on_work(Box::new(move |work| wakers.wake(work)));
    ballast::relieve(&shop.app);
    let begun = match shop.app.emergency.waits_for() {
        Some(problem) => Err(problem),
        None => begin(&shop).await.map_err(|error| error.to_string()),
    };
    let tasks = Tasks::default();
    match begun {
        Ok(()) => all(&shop, &tasks),
        Err(problem) => {
            tracing::error!(
                problem,
                "normal service cannot begin: people are called from the last roster until it can"
            );
            shop.app.emergency.wait_for(Some(problem));
            let later = Arc::clone(&tasks);
            let waiting = supervise(&shop, Worker::Inspector, move |shop| late(shop, Arc::clone(&later)));
            lock(&tasks).push(waiting);
        }
    }
    Workers { stop, tasks, wakers: Arc::clone(&shop.wakers) }
}

/// What comes before anything is sent. What an earlier process had claimed is released: it is dead, since only one can have the
/// file. Then what came due while nothing ran is decided.
async fn begin(shop: &Shop) -> Result<(), AppError> {
    let (moved_secs, mark) = shop.write(app::timers::adopt_clock).await?;
    shop.app.owed.set(Some(mark));
    if moved_secs != 0 {
        tracing::warn!(
            moved_secs,
            "the host's clock is not where a restart would have it; running delays are moved along"
        );
    }
    let released = shop.write(app::deliveries::release_claims).await?;
    if released > 0 {
        tracing::warn!(released, "messages were on their way when the last process ended; they are sent again");
    }
    if shop.app.switches().escalation {
        let started = shop.app.now();
        while shop.write(move |tx| app::timers::catch_up(tx, started)).await? {}
    }
    Ok(())
}

async fn late(shop: Shop, tasks: Tasks) {
    emergency::before_start(&shop).await;
    if !shop.is_stopping() {
        shop.app.board.began(shop.app.now());
        all(&shop, &tasks);
        shop.app.emergency.wait_for(None);
        tracing::info!("normal service begins");
    }
}

fn all(shop: &Shop, tasks: &Tasks) {
    lock(tasks).extend([
        supervise(shop, Worker::Escalation, timers::run),
        supervise(shop, Worker::Retry, deliveries::retries),
        supervise(shop, Worker::Deliveries, deliveries::first_tries),
        supervise(shop, Worker::Receipts, receipts::run),
        supervise(shop, Worker::Upkeep, upkeep::run),
        supervise(shop, Worker::Upkeep, backups::run),
        supervise(shop, Worker::Upkeep, ballast::run),
        supervise(shop, Worker::Feeds, feeds::run),
        supervise(shop, Worker::Inspector, inspector::run),
        supervise(shop, Worker::Inspector, clock::run),
        supervise(shop, Worker::Inspector, beat::run),
        supervise(shop, Worker::Inspector, emergency::run),
    ]);
}

fn lock(tasks: &Tasks) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
    tasks.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Workers {
    pub fn wakers(&self) -> Arc<Wakers> {
        Arc::clone(&self.wakers)
    }

    /// Lets each finish what it is doing, messages on the wire included.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        loop {
            let Some(task) = lock(&self.tasks).pop() else { return };
            let _ = task.await;
        }
    }
}

/// Runs a worker until it is told to stop, again and again if it panics.
fn supervise<F>(shop: &Shop, worker: Worker, run: impl Fn(Shop) -> F + Send + 'static) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let shop = shop.clone();
    tokio::spawn(async move {
        loop {
            match tokio::spawn(run(shop.clone())).await {
                Ok(()) => return,
                Err(failed) => {
                    let text = match failed.try_into_panic() {
                        Ok(panic) => panic_text(&*panic),
                        Err(_) => return,
                    };
                    shop.panicked(worker, text);
                }
            }
            tokio::time::sleep(RESTART).await;
        }
    })
}

impl Shop {
    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Read<'_>) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, AppError> {
        let app = Arc::clone(&self.app);
        match self.bridge.run(Lane::Paging, move || app.read(look)).await {
            Ok(answer) => answer,
            Err(crossing) => Err(AppError::Unavailable(crossing.to_string())),
        }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, AppError> {
        let (hand_over, answer) = oneshot::channel();
        self.app.write_then(app::Lane::Paging, work, move |result| {
            let _ = hand_over.send(result);
        });
        answer.await.unwrap_or_else(|_| Err(AppError::Unavailable("the store is closing".to_owned())))
    }

    /// A panic is counted, and admins hear of one that comes again and again.
    fn panicked(&self, worker: Worker, text: String) {
        tracing::error!(worker = worker.word(), text, "a worker panicked; it goes on");
        if self.app.board.panicked(worker, self.app.now(), text.clone()) {
            self.alarm(worker, &[format!("A part of it stumbles again and again: {text}")]);
        }
    }

    /// Admins hear of a worker's trouble, if there is any, at most once an hour and without keeping the worker. The log has all of
    /// it, and they the first of it.
    fn alarm(&self, worker: Worker, troubles: &[String]) {
        let Some(first) = troubles.first().filter(|_| self.app.board.may_tell(worker, self.app.now())) else { return };
        let more = match troubles.len() - 1 {
            0 => String::new(),
            more => format!(" And {more} more."),
        };
        let shop = self.clone();
        let words = format!("PagerPal itself is in trouble ({}). {first}{more}", worker.word());
        tokio::spawn(async move {
            if let Err(error) = shop.tell_admins(words).await {
                tracing::error!(%error, "admins could not be told of a worker's trouble");
            }
        });
    }

    async fn tell_admins(&self, words: impl Into<String>) -> Result<(), AppError> {
        let (words, can_send) = (words.into(), self.providers.current().channels_configured());
        self.write(move |tx| app::upkeep::tell_of_trouble(tx, &can_send, &words)).await
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Puts a round on the status board and an error into the log.
    fn ran(&self, worker: Worker, lag_secs: i64, error: Option<String>) {
        if let Some(text) = &error {
            tracing::error!(worker = worker.word(), text, "a round failed; it is tried again");
        }
        self.app.board.ran(worker, self.app.now(), lag_secs, error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::passes::LinkKey;
    use crate::app::{Settings, Switches, system};
    use crate::clock::ScriptedClock;
    use crate::domain::time::Timestamp;
    use crate::notify::registry::Registry;
    use crate::notify::settings::NotifySettings;
    use crate::random::ScriptedRandom;
    use crate::store::Store;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::time::Instant;

    /// A shop that sells nothing, and its clock.
    pub(super) fn shop() -> (Shop, ScriptedClock) {
        let clock = ScriptedClock::at(Timestamp::MIN);
        let random = Arc::new(ScriptedRandom::new(1));
        let store = Store::in_memory(Arc::new(clock.clone()), random.clone());
        let settings = Settings {
            sending_enabled: true,
            retry_enabled: true,
            escalation_enabled: true,
            base_url: None,
            link_key: LinkKey::new(b"secret"),
        };
        let egress = Arc::new(Egress::new(&[]).expect("no extra root to go wrong"));
        let shop = Shop {
            app: Arc::new(App::new(store, random, settings)),
            bridge: Bridge::new(1),
            providers: Providers::new(Registry::new(&NotifySettings { infobip: None, smtp: None }, &egress)),
            calendars: egress.client(Purpose::Untrusted),
            watcher: egress.client(Purpose::Operator),
            wakers: Arc::default(),
            stop: watch::channel(false).1,
        };
        (shop, clock)
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_panics_goes_on_and_is_counted() {
        let (shop, _) = shop();
        let begun = Instant::now();
        let rounds = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&rounds);
        let worker = supervise(&shop, Worker::Deliveries, move |_| {
            let round = counted.fetch_add(1, Ordering::SeqCst);
            async move { assert!(round == 2, "round {round} stumbles") }
        });
        worker.await.expect("whoever supervises does not panic");
        assert_eq!(rounds.load(Ordering::SeqCst), 3);
        assert_eq!(begun.elapsed(), 2 * RESTART, "each time a second later");
        let jobs = system::jobs(&shop.app).expect("a store in memory");
        let panics = |worker: Worker| jobs.iter().find(|job| job.worker == worker).map(|job| job.panics);
        assert_eq!((panics(Worker::Deliveries), panics(Worker::Escalation)), (Some(2), Some(0)));
        let said = jobs.iter().find_map(|job| job.last_error.as_ref());
        assert!(said.is_some_and(|(_, text)| text.contains("round 1 stumbles")), "{said:?}");
    }

    #[test]
    fn a_worker_that_says_nothing_starves_the_watchdog() {
        let (shop, clock) = shop();
        let stalled = || system::stalled(&shop.app);
        assert_eq!(stalled(), None, "before the start nothing is due");
        shop.app.board.started(shop.app.now(), vec![], vec![]);
        clock.advance(30);
        assert_eq!(stalled(), None);
        clock.advance(1);
        assert_eq!(stalled(), Some(Worker::Escalation));
        shop.ran(Worker::Escalation, 0, None);
        assert_eq!(stalled(), None);
        clock.advance(60);
        shop.app.switch(Switches { escalation: false, ..shop.app.switches() });
        assert_eq!(stalled(), Some(Worker::Deliveries), "who is switched off is not waited for");
        shop.ran(Worker::Deliveries, 0, None);
        assert_eq!(stalled(), Some(Worker::Retry));
        shop.ran(Worker::Retry, 0, None);
        assert_eq!(stalled(), None, "and nobody waits for chores");
    }
}
