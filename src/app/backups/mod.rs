//! Backups: taken while PagerPal serves, and what a restored one goes through before anybody relies on it.
//!
//! A copy of the past must not act as if no time had gone by. So in the new file, before it has its name, messages that
//! were on their way are marked as of unknown fate, open incidents are held until somebody looks or a while has passed,
//! and the audit log says so. Then every record and index is verified.
//!
//! [`automatic`] takes them by itself; [`encryption`] keeps them from whoever finds one.

pub mod automatic;
pub mod encryption;

use crate::age::{Identity, NotOpened, Recipient};
use crate::app::{App, AppError, Lane, Read, audit, deliveries, incidents, inspect, timers};
use crate::clock::Clock;
use crate::domain::actor::Actor;
use crate::random::Random;
use crate::store::backup::{Reader, files};
use crate::store::engine::redb::Place;
use crate::store::engine::{Engine, OpenError};
use crate::store::rebuild::{self, Failed, RebuildError};
use crate::store::{Store, tables};
use std::io::{self, Write as Output};
use std::path::Path;
use std::sync::Arc;

pub use crate::store::backup::{BackupError, Head, Progress, Taken, Unusable, Watch};

impl App {
    /// Copies one committed state while everything goes on.
    pub fn back_up(&self, out: impl Output, watch: &mut Watch<'_>) -> Result<Taken, BackupError> {
        self.store.backup(out, watch)
    }

    /// Restores a backup into a scratch directory, which is gone when this returns, and answers what was found.
    pub fn prove(
        &self,
        backup: impl io::Read,
        identities: &[Identity],
        scratch: &Path,
    ) -> Result<Restored, RestoreError> {
        let scratch = Scratch::new(scratch)?;
        let (clock, random) = (self.store.shared_clock(), Arc::clone(&self.random));
        restore(backup, identities, &scratch.file(), clock, random, &mut |_| true)
    }
}

/// What became of a backup.
#[derive(Clone, Debug)]
pub struct Restored {
    pub head: Head,
    pub records: u64,
    pub index_rows: u64,
    /// Incidents that wait for somebody's look.
    pub held: usize,
    /// Messages of which nobody can say whether they arrived.
    pub lost_track: usize,
    /// What does not keep it from being used: a gap in the audit log, a promise that the original had broken.
    pub problems: Vec<String>,
}

/// Why no database came of a backup, in a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Unusable(Unusable),
    #[error("it is encrypted; name the file that holds its key with --identity")]
    Encrypted,
    #[error("it is encrypted, and {0}")]
    NotOpened(#[from] NotOpened),
    #[error(transparent)]
    File(#[from] OpenError),
    #[error("{0}")]
    Disk(#[from] io::Error),
    /// Records do not fit together, although each is sound.
    #[error("it does not verify: {}", .0.join(" "))]
    Unsound(Vec<String>),
    #[error("{0}")]
    App(#[from] AppError),
    #[error("it was stopped")]
    Stopped,
}

impl From<RebuildError> for RestoreError {
    fn from(error: RebuildError) -> RestoreError {
        match error {
            RebuildError::Unusable(unusable) => RestoreError::Unusable(unusable),
            RebuildError::File(error) => RestoreError::File(error),
            RebuildError::Stopped => RestoreError::Stopped,
        }
    }
}

impl From<Failed> for RestoreError {
    fn from(failed: Failed) -> RestoreError {
        match failed {
            Failed::Engine(error) => AppError::Unavailable(error.to_string()).into(),
            Failed::Other(error) => error.into(),
        }
    }
}

/// What a backup says of itself, which only reading all of it proves.
pub fn head(backup: impl io::Read) -> Result<Head, Unusable> {
    Ok(Reader::open(backup, tables::RECORDS)?.head().clone())
}

/// Makes the database of a backup at a place where there is none, settles and verifies it. On an error nothing is
/// there. `identities` open it if it is encrypted.
pub fn restore(
    backup: impl io::Read,
    identities: &[Identity],
    place: impl Into<Place>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    watch: &mut Watch<'_>,
) -> Result<Restored, RestoreError> {
    let place = place.into();
    let backup = encryption::decrypting(backup, identities)?;
    let mut reader = Reader::open(backup, tables::RECORDS).map_err(RestoreError::Unusable)?;
    rebuild::restore(&mut reader, tables::RECORDS, place.clone(), &*random, watch)?;
    let opened = Store::open(place.clone(), clock, random).map_err(RestoreError::from);
    let settled = opened.and_then(|store| settle(&store, reader.head()));
    if settled.is_err() {
        let _ = place.clear();
    }
    settled
}

/// The records of a backup and what follows from them, into an engine in which there is nothing. To be settled.
pub fn refill(engine: &dyn Engine, backup: impl io::Read, random: &dyn Random) -> Result<Head, RestoreError> {
    let mut reader = Reader::open(backup, tables::RECORDS).map_err(RestoreError::Unusable)?;
    rebuild::restore_onto(engine, &mut reader, tables::RECORDS, random, &mut |_| true)?;
    Ok(reader.head().clone())
}

/// Makes the past fit to go on from, and verifies it.
pub fn settle(store: &Store, head: &Head) -> Result<Restored, RestoreError> {
    store.write(Lane::People, timers::adopt_clock_of_copy)?;
    let lost_track = store.write(Lane::People, deliveries::lose_track_of_claims)?;
    let (mut held, mut after) = (0, None);
    loop {
        let page = store.write(Lane::People, move |tx| incidents::hold_after_restore(tx, after.clone()))?;
        held += page.items.len();
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let said = format!("restored the backup of {}, lineage {}", head.taken_at, head.lineage);
    store
        .write(Lane::People, move |tx| audit::note(tx, &Actor::SYSTEM, "database.restore", "database", said.clone()))?;
    let verified = store.verify().map_err(AppError::from)?;
    if !verified.is_well() {
        return Err(RestoreError::Unsound(verified.problems));
    }
    let problems = store.read(broken_promises)?;
    let (records, index_rows) = (verified.records, verified.index_rows);
    Ok(Restored { head: head.clone(), records, index_rows, held, lost_track, problems })
}

fn broken_promises(read: &Read<'_>) -> Result<Vec<String>, AppError> {
    let mut problems = inspect::inspect(read)?;
    problems.extend(audit::verify(read)?.problem());
    Ok(problems)
}

/// A directory for a database that nobody will serve; removed with all that is in it.
pub struct Scratch<'a>(&'a Path);

impl Scratch<'_> {
    /// Removes what an earlier process may have left there.
    pub fn new(path: &Path) -> io::Result<Scratch<'_>> {
        use std::os::unix::fs::DirBuilderExt;
        match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::DirBuilder::new().mode(0o700).create(path)?;
        Ok(Scratch(path))
    }

    pub fn file(&self) -> std::path::PathBuf {
        self.0.join("pagerpal.redb")
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        // Left over if it fails, and removed by the next one.
        let _ = std::fs::remove_dir_all(self.0);
    }
}

/// Takes a backup into a directory under the name of its time, encrypted if there are recipients. Answers what was taken
/// and the file.
pub fn take_into(
    app: &App,
    directory: &Path,
    recipients: &[Recipient],
    watch: &mut Watch<'_>,
) -> Result<(Taken, std::path::PathBuf), BackupError> {
    make_private(directory)?;
    let path = directory.join(files::name(app.now(), !recipients.is_empty()));
    let taken =
        files::save(&path, |out| encryption::encrypting(out, recipients, &*app.random, |out| app.back_up(out, watch)))?;
    Ok((taken, path))
}

pub fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}
