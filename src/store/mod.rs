//! Keeps records and their indexes, and decides nothing.
//!
//! | file | holds |
//! |---|---|
//! | [`engine`] | bytes in named tables: one redb file, or memory |
//! | [`keys`], [`codec`] | keys that sort as values; values with version and checksum |
//! | [`record`] | typed tables and indexes; the only writer of rows |
//! | [`tx`], [`writer`] | transactions in layers; the write thread and its shared commits |
//! | [`changed`] | what a commit was about, for watchers |
//! | [`backup`], [`rebuild`] | records out of a snapshot; records into a new file |
//! | [`migrate`] | files of older formats |
//! | [`tables`], [`verify`] | every table on one page; proof that indexes equal what the records say |
//! | the others | one record type each: its index rows and its named queries |
//!
//! A read sees one committed state and waits for nothing. A write is a closure, run on the write thread together with
//! others, and answered after the commit that all of them share: `Ok` is on disk. Closures may run twice.

pub mod alert_sources;
pub mod audit;
pub mod backup;
pub mod changed;
pub mod clock_mark;
pub mod codec;
pub mod counters;
pub mod deliveries;
pub mod engine;
pub mod entries;
pub mod events;
pub mod feeds;
pub mod health;
pub mod heartbeats;
pub mod imports;
pub mod incidents;
pub mod invitations;
pub mod keys;
pub mod ledgers;
pub mod maintenance;
pub mod meta;
pub mod migrate;
pub mod notifications;
pub mod passes;
pub mod policies;
pub mod preferences;
pub mod rebuild;
pub mod record;
pub mod repeats;
pub mod schedules;
pub mod sessions;
pub mod storms;
pub mod tables;
pub mod teams;
#[cfg(test)]
mod testing;
pub mod timeline;
pub mod timers;
pub mod tokens;
pub mod tx;
pub mod users;
pub mod verify;
pub mod writer;

pub use changed::Changed;
pub use meta::FORMAT;
pub use record::{Cursor, Index, IndexRows, Page, Read, Record, Rows, Table, Take, Unique};
pub use tx::{ReadTx, Tx};
pub use verify::Verified;
pub use writer::{Job, Lane};

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::hex::hex;
use crate::random::Random;
use codec::Problem;
use engine::redb::{Place, RedbEngine};
use engine::{Engine, OpenError, TableName};
use health::Health;
use std::fmt;
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use writer::Writer;

pub type Result<T> = std::result::Result<T, StoreError>;

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing could be read or written; the reason is for the operator. Try again later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// One record cannot be read. All others can.
    #[error("{0}")]
    Damaged(Damage),
    /// Another record has this place in a unique index.
    #[error("another record has the same place in {}", index.0)]
    Conflict { index: TableName },
    /// The record is larger than a record may be.
    #[error("a record of {} is larger than 1 MiB", table.0)]
    TooLarge { table: TableName },
    /// The closure panicked, which is a bug; what it wrote is undone.
    #[error("a write failed inside: {0}")]
    Panicked(String),
}

impl From<engine::Error> for StoreError {
    fn from(error: engine::Error) -> StoreError {
        StoreError::Unavailable(error.to_string())
    }
}

/// A record that cannot be read, by table and encoded key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Damage {
    pub table: TableName,
    pub key: Vec<u8>,
    pub problem: Problem,
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a record of {} is damaged: {} (key {})", self.table.0, self.problem, hex(&self.key))
    }
}

pub struct Store {
    core: Arc<Core>,
    /// `None`: writes run on the caller's thread.
    writer: Option<Writer>,
    /// Known from when the file was opened on.
    lineage: OnceLock<String>,
}

/// What the write thread shares with the callers.
struct Core {
    engine: Box<dyn Engine>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    health: Health,
    /// Called after every commit, with what it changed.
    watchers: RwLock<Vec<Watcher>>,
    /// Called after a failed commit.
    relief: RwLock<Vec<Relief>>,
    /// Held while a batch runs: one writer at a time.
    turn: Mutex<()>,
}

type Watcher = Box<dyn Fn(&Changed<'_>) + Send + Sync>;
type Relief = Box<dyn Fn() + Send + Sync>;

/// The store's condition, for people and for `/health`.
#[derive(Clone, Debug)]
pub struct Status {
    pub waiting_paging: usize,
    pub waiting_people: usize,
    /// Since the process started.
    pub commits: u64,
    pub last_commit: Option<Timestamp>,
    /// Failed commits since the last good one. One is a mishap, after which the file was reopened; two mean that the
    /// store cannot save.
    pub failures: u32,
    /// Stays after recovery, for whoever asks what it was.
    pub last_error: Option<String>,
    /// At most a hundred, found by reading them since the process started.
    pub damaged: Vec<Damage>,
    /// How often further damaged records were met.
    pub damaged_unlisted: u64,
}

impl Status {
    /// A commit failed again after the file was reopened.
    pub fn is_failing(&self) -> bool {
        self.failures >= 2
    }
}

impl Store {
    /// Opens the file, or makes it if there is none, and starts the write thread. A file of another format, newer or
    /// older, is refused untouched.
    pub fn open(
        place: impl Into<Place>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> std::result::Result<Store, OpenError> {
        let place = place.into();
        let exists = place.exists().map_err(|error| engine::redb::io_failure(&place.path, &error))?;
        if exists {
            Store::check_format(&place)?;
        } else {
            let birth = meta::birth(&*random);
            RedbEngine::create(place.clone(), |new| new.commit(&*new.snapshot()?, &birth))?;
        }
        let engine = Box::new(RedbEngine::open(place.clone())?);
        let failed = |problem: String| OpenError::Failed { path: place.path.clone(), problem };
        let core = Core::new(engine, clock, random);
        let lineage = core.lineage().map_err(|error| failed(error.to_string()))?;
        let core = Arc::new(core);
        let writer = Writer::start(Arc::clone(&core)).map_err(|error| failed(error.to_string()))?;
        Ok(Store { core, writer: Some(writer), lineage: lineage.into() })
    }

    /// In place of a file that cannot be opened: reads and writes are answered [`StoreError::Unavailable`], until
    /// [`Store::open_late`] succeeds.
    pub fn unopened(
        path: &Path,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        problem: &OpenError,
    ) -> std::io::Result<Store> {
        let core = Arc::new(Core::new(Box::new(RedbEngine::unopened(path)), clock, random));
        core.health.note_unopened(&problem.to_string());
        let writer = Writer::start(Arc::clone(&core))?;
        Ok(Store { core, writer: Some(writer), lineage: OnceLock::new() })
    }

    /// Tries again what failed when [`Store::unopened`] took its place. It makes no file: whoever moves a damaged one away has not
    /// said that an empty one will do.
    pub fn open_late(&self, path: &Path) -> std::result::Result<(), OpenError> {
        let failed = |error: StoreError| OpenError::Failed { path: path.to_owned(), problem: error.to_string() };
        let opened = Store::check_format(&path.into()).and_then(|()| self.core.try_again().map_err(failed));
        let lineage = opened.and_then(|()| self.core.lineage().map_err(failed));
        match lineage {
            Ok(lineage) => {
                let _ = self.lineage.set(lineage);
                Ok(())
            }
            Err(error) => {
                self.core.health.note_unopened(&error.to_string());
                Err(error)
            }
        }
    }

    pub fn is_open(&self) -> bool {
        self.lineage.get().is_some()
    }

    /// For looking alone: not a byte of the file changes. What is written is in memory, and lost.
    pub fn open_untouched(
        path: &Path,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> std::result::Result<Store, OpenError> {
        Store::check_format(&path.into())?;
        let engine = Box::new(RedbEngine::open_untouched(path)?);
        let failed = |error: StoreError| OpenError::Failed { path: path.to_owned(), problem: error.to_string() };
        Store::on_engine(engine, clock, random).map_err(failed)
    }

    /// Reads the format before anything is written, for opening a redb file writes to it.
    fn check_format(place: &Place) -> std::result::Result<(), OpenError> {
        let stored = RedbEngine::peek(place.clone(), meta::META, meta::FORMAT_KEY)?;
        let path = place.path.clone();
        match stored.as_deref().and_then(meta::format_of) {
            Some(FORMAT) => Ok(()),
            Some(found) if found > FORMAT => Err(OpenError::NewerFormat { path, found, known: FORMAT }),
            Some(found) => Err(OpenError::OlderFormat { path, found, known: FORMAT }),
            None => Err(OpenError::Corrupt { path, problem: "it does not say that it is PagerPal's".to_owned() }),
        }
    }

    /// A store that lives in memory and runs every write on its caller's thread: the same calls give the same bytes.
    pub fn in_memory(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Store {
        let engine = Box::new(engine::map::MapEngine::default());
        Store::on_engine(engine, clock, random).expect("memory does not fail")
    }

    /// On any engine, new or not, without a write thread.
    pub fn on_engine(engine: Box<dyn Engine>, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Store> {
        let snapshot = engine.snapshot()?;
        if meta::format(&*snapshot)?.is_none() {
            engine.commit(&*snapshot, &meta::birth(&*random))?;
        }
        let core = Arc::new(Core::new(engine, clock, random));
        let lineage = core.lineage()?;
        Ok(Store { core, writer: None, lineage: lineage.into() })
    }

    /// Gives a store without one a write thread.
    pub fn with_write_thread(self) -> std::io::Result<Store> {
        let writer = Writer::start(Arc::clone(&self.core))?;
        Ok(Store { writer: Some(writer), ..self })
    }

    /// Runs a closure on the newest committed state.
    pub fn read<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&ReadTx<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        read(&self.read_tx()?)
    }

    /// The newest committed state, to keep for a while: a backup, a long report.
    pub fn read_tx(&self) -> Result<ReadTx<'_>> {
        let snapshot = self.core.engine.snapshot()?;
        Ok(ReadTx { snapshot, now: self.core.clock.now(), health: &self.core.health })
    }

    /// Runs a closure between two batches: what is written before or after it reads one clock throughout.
    pub fn between_batches<T>(&self, act: impl FnOnce() -> T) -> T {
        let _turn = self.core.turn.lock().unwrap_or_else(PoisonError::into_inner);
        act()
    }

    /// Runs a closure on the write thread and waits for the commit. Not to be called from inside one.
    pub fn write<T, E>(
        &self,
        lane: Lane,
        work: impl Fn(&mut Tx<'_>) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, wait) = mpsc::sync_channel(1);
        self.write_then(lane, work, move |outcome| {
            // Nobody listens if the waiting thread was unwound.
            let _ = answer.send(outcome);
        });
        wait.recv().unwrap_or_else(|_| Err(StoreError::Unavailable("the write thread has ended".to_owned()).into()))
    }

    /// As [`Store::write`], without waiting: `done` hears the answer on the write thread, or at once if the lane is full.
    pub fn write_then<T, E>(
        &self,
        lane: Lane,
        work: impl Fn(&mut Tx<'_>) -> std::result::Result<T, E> + Send + 'static,
        done: impl FnOnce(std::result::Result<T, E>) + Send + 'static,
    ) where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let job = Job::new(work, done);
        match &self.writer {
            Some(writer) => writer.submit(lane, job),
            None => self.core.run_batch(vec![job]),
        }
    }

    /// Runs jobs in order on the caller's thread, commits once what they wrote, then answers them. The write thread
    /// does just this in a loop.
    pub fn run_batch(&self, jobs: Vec<Job>) {
        self.core.run_batch(jobs);
    }

    /// Registers something to call after every commit, on the write thread, with what it changed: a wake-up, nothing that
    /// takes time.
    pub fn on_change(&self, watcher: Box<dyn Fn(&Changed<'_>) + Send + Sync>) {
        self.core.watchers.write().unwrap_or_else(PoisonError::into_inner).push(watcher);
    }

    /// Registers something that may help after a failed commit, such as making room, on the write thread. That commit has failed all
    /// the same; the file is opened again for the next.
    pub fn on_failure(&self, relief: Box<dyn Fn() + Send + Sync>) {
        self.core.relief.write().unwrap_or_else(PoisonError::into_inner).push(relief);
    }

    /// After failures: opens the file again if it was closed, and tries whether a commit as large as the one that
    /// failed (up to half a MiB) goes through. `Ok` clears the failures. May read the whole file.
    pub fn try_again(&self) -> Result<()> {
        self.core.try_again()
    }

    /// Recomputes every index from its records and compares, checks every checksum. Reads everything.
    pub fn verify(&self) -> Result<Verified> {
        self.read(|tx| verify::verify(tx, tables::RECORDS))
    }

    /// Copies the newest committed state as a backup.
    pub fn backup(
        &self,
        out: impl std::io::Write,
        watch: &mut backup::Watch<'_>,
    ) -> std::result::Result<backup::Taken, backup::BackupError> {
        backup::write(&self.read_tx()?, tables::RECORDS, out, watch)
    }

    pub fn status(&self) -> Status {
        let (waiting_paging, waiting_people) = self.writer.as_ref().map_or((0, 0), Writer::waiting);
        let state = self.core.health.state().clone();
        Status {
            waiting_paging,
            waiting_people,
            commits: state.commits,
            last_commit: state.last_commit,
            failures: state.failures,
            last_error: state.last_error,
            damaged: state.damaged.into_iter().collect(),
            damaged_unlisted: state.damaged_unlisted,
        }
    }

    /// Eight letters that name this history of the data; a restored copy has others. Empty before the file is open.
    pub fn lineage(&self) -> &str {
        self.lineage.get().map_or("", String::as_str)
    }

    pub fn clock(&self) -> &dyn Clock {
        &*self.core.clock
    }

    /// For another store under the same clock.
    pub fn shared_clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.core.clock)
    }
}

impl Core {
    fn new(engine: Box<dyn Engine>, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Core {
        let (health, turn) = (Health::default(), Mutex::default());
        let (watchers, relief) = (RwLock::default(), RwLock::default());
        Core { engine, clock, random, health, watchers, relief, turn }
    }

    fn lineage(&self) -> Result<String> {
        let missing = || StoreError::Unavailable("the store has no lineage, so it was not made by PagerPal".to_owned());
        meta::lineage(&*self.engine.snapshot()?)?.ok_or_else(missing)
    }

    fn try_again(&self) -> Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = self.health.state().failed_bytes;
        let attempt = || -> engine::Result<()> {
            self.engine.reopen()?;
            self.engine.commit(&*self.engine.snapshot()?, &meta::trial(bytes))?;
            self.engine.commit(&*self.engine.snapshot()?, &meta::end_trial())
        };
        match attempt() {
            Ok(()) => {
                self.health.note_commit(self.clock.now());
                Ok(())
            }
            Err(error) => {
                self.health.note_failure(&error.to_string(), 0);
                Err(error.into())
            }
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a text").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{Id, UserId};
    use crate::domain::throttle::Ledger;
    use crate::store::codec::Version;
    use crate::store::engine::Changes;
    use crate::store::testing::{Pet, clock, in_memory, pet, random};
    use std::path::PathBuf;
    use tempfile::TempDir;

    fn directory() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("pagerpal.redb");
        (directory, path)
    }

    fn open(path: &Path) -> std::result::Result<Store, OpenError> {
        Store::open(path, clock(), random())
    }

    /// A file whose format row says this.
    fn file_of_format(path: &Path, format: u32) {
        let stored = codec::encode(meta::META, meta::FORMAT_KEY, Version(1), &format).expect("small");
        let mut rows = Changes::default();
        rows.set(meta::META, meta::FORMAT_KEY.to_vec(), stored);
        RedbEngine::create(path, |new| new.commit(&*new.snapshot()?, &rows)).expect("a new file");
    }

    #[test]
    fn a_damaged_file_is_waited_for_and_no_empty_one_is_made_in_its_place() {
        let (_directory, path) = directory();
        let lineage = open(&path).expect("a new store").lineage().to_owned();
        let sound = std::fs::read(&path).expect("its bytes");
        std::fs::write(&path, &sound[..sound.len() / 2]).expect("cut");
        let refused = open(&path).err().expect("half a file");
        let store = Store::unopened(&path, clock(), random(), &refused).expect("a thread");
        let put = || store.write(Lane::People, |tx| tx.put(&pet(1, "rex")));
        assert!(!store.is_open() && store.status().is_failing());
        assert!(matches!(put(), Err(StoreError::Unavailable(_))));
        assert!(store.read(|read| read.get::<Pet>(UserId::new(1))).is_err());

        assert!(store.open_late(&path).is_err(), "nothing has changed");
        std::fs::remove_file(&path).expect("moved away");
        assert!(store.open_late(&path).is_err() && !path.exists(), "an empty store is not what was asked for");
        file_of_format(&path, FORMAT + 1);
        assert!(matches!(store.open_late(&path), Err(OpenError::NewerFormat { .. })));
        assert!(store.status().last_error.is_some_and(|error| error.contains("newer")) && !store.is_open());

        std::fs::write(&path, &sound).expect("put back");
        store.open_late(&path).expect("it opens");
        assert_eq!((put(), store.lineage(), store.status().is_failing()), (Ok(()), &*lineage, false));
    }

    #[test]
    fn what_was_answered_is_there_when_the_store_is_opened_again() {
        let (_directory, path) = directory();
        let store = open(&path).expect("a new store");
        let id: UserId = store
            .write(Lane::People, |tx| {
                let id = tx.new_id();
                tx.put(&Pet { id, ..pet(0, "rex") })?;
                Ok::<_, StoreError>(id)
            })
            .expect("written");
        let lineage = store.lineage().to_owned();
        drop(store);

        let store = open(&path).expect("the same store");
        assert_eq!(store.read(|tx| tx.get::<Pet>(id)).expect("read").expect("there").name, "rex");
        assert_eq!(store.lineage(), lineage);
        assert_eq!((lineage.len(), lineage.chars().all(|c| matches!(c, 'a'..='z' | '2'..='7'))), (8, true));
        let next = store.write(Lane::People, |tx| Ok::<_, StoreError>(tx.new_id::<UserId>()));
        assert_eq!(next, Ok(UserId::new(id.number() + 1)));
        // Pets are none of the product's records: to it, theirs may be tables whose names have rotted.
        let problems = store.verify().expect("a verdict").problems;
        let is_about_pets = |problem: &String| problem.starts_with("There is a table \"pets");
        assert!(!problems.is_empty() && problems.iter().all(is_about_pets), "{problems:?}");
    }

    #[test]
    fn a_second_store_on_the_file_is_refused_in_one_sentence() {
        let (_directory, path) = directory();
        let first = open(&path).expect("a store");
        let refused = open(&path).map(drop).expect_err("in use");
        assert!(matches!(refused, OpenError::InUse { .. }));
        assert!(refused.to_string().starts_with("another process is using "));
        first.write(Lane::Paging, |tx| tx.put(&pet(1, "rex"))).expect("the first is unharmed");
    }

    #[test]
    fn a_file_of_another_format_is_refused_untouched_to_the_byte() {
        for format in [0, FORMAT + 1, u32::MAX] {
            let (_directory, path) = directory();
            file_of_format(&path, format);
            let before = std::fs::read(&path).expect("the bytes");
            match open(&path).map(drop).expect_err("another format") {
                OpenError::NewerFormat { found, known, .. } => assert!(found == format && known < format),
                OpenError::OlderFormat { found, .. } => assert!(found == 0 && format == 0),
                other => panic!("{other}"),
            }
            assert!(std::fs::read(&path).expect("the bytes") == before);
        }
    }

    #[test]
    fn a_redb_file_that_is_not_ours_is_refused() {
        let (_directory, path) = directory();
        RedbEngine::create(&path, |_| Ok(())).expect("a new file");
        assert!(matches!(open(&path).map(drop), Err(OpenError::Corrupt { .. })));
    }

    #[test]
    fn a_start_that_was_killed_before_the_rename_is_followed_by_a_clean_one() {
        let (directory, path) = directory();
        // Whole but not yet renamed, and half made.
        file_of_format(&directory.path().join("pagerpal.redb.new"), FORMAT);
        drop(open(&path).expect("a clean start"));
        let (directory, path) = self::directory();
        std::fs::write(directory.path().join("pagerpal.redb.new"), [0; 5000]).expect("a leftover");
        drop(open(&path).expect("a clean start"));
        let left: Vec<_> =
            std::fs::read_dir(directory.path()).expect("a list").flatten().map(|e| e.file_name()).collect();
        assert_eq!(left, ["pagerpal.redb"]);
    }

    #[test]
    fn a_read_keeps_to_the_state_it_began_with() {
        let store = in_memory();
        let before = store.read_tx().expect("a state");
        store.write(Lane::People, |tx| tx.put(&pet(1, "rex"))).expect("written");
        assert_eq!(before.get::<Pet>(UserId::new(1)), Ok(None));
        assert_eq!(store.read(|tx| tx.get::<Pet>(UserId::new(1))), Ok(Some(pet(1, "rex"))));
    }

    #[test]
    fn a_store_whose_id_sequence_is_damaged_gives_out_no_id() {
        let engine = engine::map::MapEngine::default();
        let mut rows = meta::birth(&*random());
        rows.set(meta::META, b"next_id".to_vec(), b"rotten".to_vec());
        engine.commit(&*engine.snapshot().expect("a state"), &rows).expect("a commit");
        let store = testing::on(engine);
        let refused = store.write(Lane::People, |tx| tx.put(&pet(1, "rex")));
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }

    #[test]
    fn what_no_index_leads_to_is_written_over_damage_and_what_one_does_is_not() {
        let engine = engine::map::MapEngine::default();
        let mut rows = meta::birth(&*random());
        rows.set(tables::LEDGERS.name(), keys::encode("+1"), b"rotten".to_vec());
        rows.set(Pet::TABLE.name(), keys::encode(&pet(1, "").key()), b"rotten".to_vec());
        engine.commit(&*engine.snapshot().expect("a state"), &rows).expect("a commit");
        let store = testing::on(engine);
        let refused = store.write(Lane::People, |tx| tx.put(&pet(1, "rex")));
        assert!(matches!(refused, Err(StoreError::Damaged(_))), "its rows are not known: {refused:?}");
        store.write(Lane::People, |tx| tx.put(&Ledger::new("+1"))).expect("it is written anew");
        let found = store.read(|read| read.get::<Ledger>("+1"));
        assert_eq!(found.expect("whole again"), Some(Ledger::new("+1")));
    }
}
