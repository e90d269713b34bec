//! The engine on disk: one redb file. The only file that knows redb and its settings.
//!
//! * Every commit is two-phase and synced. The one-phase kind rests on a checksum over data that strangers' webhooks
//!   influence.
//! * Opening checks the whole file: redb does not look at checksums when it reads, and a flipped bit would be served.
//! * A file is born under another name and renamed once it is whole, because one that is killed while redb creates it
//!   can never be opened.
//! * After an I/O error redb refuses every further commit while reads go on, which looks healthy. So the handle is
//!   dropped and the file opened again, once; if that fails too, [`Engine::reopen`] is what tries later.
//! * The file is locked: a second process hears [`OpenError::InUse`].

mod files;
mod scratch;

pub use files::{Files, Host, Place};

use super::{Changes, Direction, Engine, Error, KeyRange, OpenError, Result, Snapshot, TableName, Visit};
use crate::planted;
use redb::{
    BackendError, Builder, Database, DatabaseError, Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase,
    ReadableTableMetadata, StorageBackend, StorageError, TableDefinition, TableError, TableHandle,
};
use scratch::Scratch;
use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::ops::{Bound, ControlFlow};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// redb would take 1 GiB, more than the whole service may.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

type RawTable = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// Opens the storage below redb; called again to reopen.
pub type OpenBackend = Box<dyn Fn() -> io::Result<Box<dyn StorageBackend>> + Send + Sync>;

pub struct RedbEngine {
    path: PathBuf,
    backend: OpenBackend,
    handle: RwLock<Handle>,
    /// Counts commits and reopenings; a snapshot of an older state is stale.
    generation: AtomicU64,
}

struct Handle {
    /// `None` after an I/O error that reopening did not cure.
    database: Option<Database>,
    /// Set when something read or written through this database has failed. Its snapshots share it.
    suspect: Arc<AtomicBool>,
}

impl RedbEngine {
    /// Opens an existing file, checking all of it.
    pub fn open(place: impl Into<Place>) -> std::result::Result<RedbEngine, OpenError> {
        let place = place.into();
        let engine = RedbEngine::open_on(&place.path, {
            let place = place.clone();
            Box::new(move || not_empty(&place))
        })?;
        // Whoever gave it its name may have died before that was safe, and what is confirmed from now on is in it.
        sync_name(&place)?;
        Ok(engine)
    }

    /// On other storage than a plain file, for tests that let it fail; the path is only named in errors.
    pub fn open_on(path: &Path, backend: OpenBackend) -> std::result::Result<RedbEngine, OpenError> {
        let database = open_database(path, &backend, true)?;
        Ok(RedbEngine {
            path: path.to_owned(),
            backend,
            handle: RwLock::new(Handle { database: Some(database), suspect: Arc::default() }),
            generation: AtomicU64::new(0),
        })
    }

    /// For a file that does not open: unavailable until [`Engine::reopen`] finds one that does.
    pub fn unopened(path: &Path) -> RedbEngine {
        let place = Place::from(path);
        RedbEngine {
            path: path.to_owned(),
            backend: Box::new(move || not_empty(&place)),
            handle: RwLock::new(Handle { database: None, suspect: Arc::default() }),
            generation: AtomicU64::new(0),
        }
    }

    /// Makes a file: filled as `<path>.new`, closed, synced, renamed to `path`, the directory synced. A kill at any
    /// point leaves either no file, perhaps with a leftover that the next attempt removes, or the whole one.
    pub fn create(
        place: impl Into<Place>,
        fill: impl FnOnce(&RedbEngine) -> Result<()>,
    ) -> std::result::Result<(), OpenError> {
        RedbEngine::build(&place.into(), false, fill)
    }

    /// As [`RedbEngine::create`], in place of an existing file, which stays as it is until the new one is whole. The
    /// caller sees to it that nobody has the old one open.
    pub fn replace(
        place: impl Into<Place>,
        fill: impl FnOnce(&RedbEngine) -> Result<()>,
    ) -> std::result::Result<(), OpenError> {
        RedbEngine::build(&place.into(), true, fill)
    }

    fn build(
        place: &Place,
        replace: bool,
        fill: impl FnOnce(&RedbEngine) -> Result<()>,
    ) -> std::result::Result<(), OpenError> {
        let Place { files, path } = place;
        let failed = |error: io::Error| io_failure(path, &error);
        // Two first starts at once would otherwise write into each other's newborn, or replace each other's file.
        let held = files.hold_directory(path).map_err(failed)?;
        if held.is_none() || (!replace && place.exists().map_err(failed)?) {
            return Err(OpenError::InUse { path: path.clone() });
        }
        let newborn = if planted::is("born_in_place") { place.clone() } else { newborn(place) };
        newborn.clear().map_err(failed)?;
        files.make(&newborn.path).map_err(failed)?;
        let engine = RedbEngine::open_on(&newborn.path, {
            let newborn = newborn.clone();
            Box::new(move || newborn.open())
        })?;
        let unmade = |problem: String| OpenError::Failed { path: newborn.path.clone(), problem };
        fill(&engine).map_err(|error| unmade(error.to_string()))?;
        engine.close().map_err(|error| unmade(error.to_string()))?;
        files.sync(&newborn.path).map_err(failed)?;
        files.rename(&newborn.path, path).map_err(failed)?;
        let synced = sync_name(place);
        if synced.is_err() && !replace {
            // Whoever is told that nothing was made must not find a file there.
            let _ = place.clear();
        }
        synced
    }

    /// Opens a file for reading alone: not a byte of it changes, whatever state it is in, and nobody else opens it
    /// meanwhile. What is committed is lost.
    pub fn open_untouched(place: impl Into<Place>) -> std::result::Result<RedbEngine, OpenError> {
        let place = place.into();
        RedbEngine::open_on(&place.path.clone(), Box::new(move || Ok(Box::new(Scratch::over(not_empty(&place)?)?))))
    }

    /// Reads one row without writing a byte, whatever state the file is in: what redb writes in order to open it stays
    /// in memory. `None` if there is no such row.
    pub fn peek(
        place: impl Into<Place>,
        table: TableName,
        key: &[u8],
    ) -> std::result::Result<Option<Vec<u8>>, OpenError> {
        let place = place.into();
        let path = place.path.clone();
        let scratch: OpenBackend = Box::new(move || Ok(Box::new(Scratch::over(not_empty(&place)?)?)));
        let database = open_database(&path, &scratch, false)?;
        let read = || -> std::result::Result<Option<Vec<u8>>, redb::Error> {
            Ok(RedbSnapshot::begin(&database, Arc::default(), 0)?.read(table, key)?)
        };
        let damaged = |problem| OpenError::Corrupt { path, problem };
        let row = catch_unwind(AssertUnwindSafe(read));
        // Closing it writes, to memory. What redb thinks of its free pages then, it looks at anew when it opens the file.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
        match row {
            Ok(row) => row.map_err(|error| damaged(error.to_string())),
            Err(_) => Err(damaged("it makes no sense inside".to_owned())),
        }
    }

    fn close(self) -> std::result::Result<(), DatabaseError> {
        let handle = self.handle.into_inner().unwrap_or_else(PoisonError::into_inner);
        handle.database.map_or(Ok(()), Database::close)
    }

    fn handle(&self) -> RwLockReadGuard<'_, Handle> {
        self.handle.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn unavailable(&self, problem: &dyn std::fmt::Display) -> Error {
        Error::Unavailable(format!("{}: {problem}", self.path.display()))
    }

    /// Drops a suspect database, unless somebody else just has, and opens the file again if it is not open. What comes
    /// back is the last confirmed state, or that of the commit that failed, whole.
    fn open_again(&self) -> Result<()> {
        let mut handle = self.handle.write().unwrap_or_else(PoisonError::into_inner);
        if handle.database.is_some() && !handle.suspect.load(Ordering::Acquire) {
            return Ok(());
        }
        self.generation.fetch_add(1, Ordering::AcqRel);
        handle.suspect = Arc::default();
        // Before opening, for it holds the lock on the file. It may panic over what has failed before.
        let old = handle.database.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(old)));
        let opened = open_database(&self.path, &self.backend, true);
        handle.database = Some(opened.map_err(|error| Error::Unavailable(error.to_string()))?);
        Ok(())
    }

    fn write(&self, changes: &Changes) -> std::result::Result<(), redb::Error> {
        let handle = self.handle();
        let Some(database) = &handle.database else { return Err(redb::Error::DatabaseClosed) };
        let mut transaction = database.begin_write()?;
        let durability = if planted::is("unsynced_commit") { Durability::None } else { Durability::Immediate };
        transaction.set_durability(durability)?;
        transaction.set_two_phase_commit(true);
        for (name, rows) in changes.tables() {
            let mut table = transaction.open_table(definition(name))?;
            for (key, value) in rows {
                match value {
                    Some(value) => table.insert(key.as_slice(), value.as_slice())?,
                    None => table.remove(key.as_slice())?,
                };
            }
        }
        match transaction.commit() {
            Err(_) if planted::is("ignored_commit_error") => Ok(()),
            committed => Ok(committed?),
        }
    }
}

impl Engine for RedbEngine {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        if self.handle().suspect.load(Ordering::Acquire) {
            self.open_again()?;
        }
        let handle = self.handle();
        let Some(database) = &handle.database else { return Err(self.unavailable(&"closed after an I/O error")) };
        // Read before the transaction begins: a commit in between makes the snapshot look too old, which is safe.
        let generation = self.generation.load(Ordering::Acquire);
        match RedbSnapshot::begin(database, Arc::clone(&handle.suspect), generation) {
            Ok(snapshot) => Ok(Box::new(snapshot)),
            Err(error) => {
                handle.suspect.store(true, Ordering::Release);
                Err(self.unavailable(&error))
            }
        }
    }

    fn commit(&self, read_from: &dyn Snapshot, changes: &Changes) -> Result<()> {
        let read_from: &dyn Any = read_from;
        let read_from = read_from.downcast_ref::<RedbSnapshot>().expect("an engine is given back its own snapshots");
        if read_from.generation != self.generation.load(Ordering::Acquire) {
            return Err(Error::Stale);
        }
        let problem = match catch_unwind(AssertUnwindSafe(|| self.write(changes))) {
            Ok(Ok(())) => {
                self.generation.fetch_add(1, Ordering::AcqRel);
                return Ok(());
            }
            Ok(Err(error)) => self.unavailable(&error),
            Err(_) => self.unavailable(&"redb panicked while committing"),
        };
        if planted::is("kept_handle") {
            return Err(problem);
        }
        // Whether that works or not, this commit has failed; the next one finds out.
        self.handle().suspect.store(true, Ordering::Release);
        let _ = self.open_again();
        Err(problem)
    }

    fn reopen(&self) -> Result<()> {
        self.open_again()
    }
}

struct RedbSnapshot {
    transaction: ReadTransaction,
    /// Opening a table costs a look into redb's tree of tables, so it happens once; `None` if it does not exist yet.
    tables: RefCell<BTreeMap<TableName, Option<Arc<RawTable>>>>,
    suspect: Arc<AtomicBool>,
    generation: u64,
}

impl RedbSnapshot {
    fn begin(
        database: &Database,
        suspect: Arc<AtomicBool>,
        generation: u64,
    ) -> std::result::Result<RedbSnapshot, redb::TransactionError> {
        Ok(RedbSnapshot { transaction: database.begin_read()?, tables: RefCell::default(), suspect, generation })
    }

    fn table(&self, name: TableName) -> std::result::Result<Option<Arc<RawTable>>, TableError> {
        if let Some(known) = self.tables.borrow().get(&name) {
            return Ok(known.clone());
        }
        let table = match self.transaction.open_table(definition(name)) {
            Ok(table) => Some(Arc::new(table)),
            Err(TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(error),
        };
        self.tables.borrow_mut().insert(name, table.clone());
        Ok(table)
    }

    fn read(&self, table: TableName, key: &[u8]) -> std::result::Result<Option<Vec<u8>>, TableError> {
        guarded(|| {
            let Some(table) = self.table(table)? else { return Ok(None) };
            Ok(table.get(key)?.map(|guard| guard.value().to_vec()))
        })
    }

    fn row_count(&self, table: TableName) -> std::result::Result<u64, TableError> {
        guarded(|| self.table(table)?.map_or(Ok(0), |table| Ok(table.len()?)))
    }

    /// The list is walked, where a table is searched for.
    fn strange_tables(&self, known: &[TableName]) -> std::result::Result<Vec<String>, TableError> {
        let names =
            guarded(|| Ok(self.transaction.list_tables()?.map(|table| table.name().to_owned()).collect::<Vec<_>>()))?;
        let mut strange = Vec::new();
        for name in names {
            match known.iter().find(|table| table.0 == name) {
                None => {
                    strange.push(format!("There is a table {name:?}, which nobody knows, and which may be another."));
                }
                Some(table) if guarded(|| self.table(*table))?.is_none() => {
                    strange.push(format!("There is a table {name}, and it cannot be found."));
                }
                Some(_) => {}
            }
        }
        Ok(strange)
    }

    fn visit(
        &self,
        table: TableName,
        range: &KeyRange,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> std::result::Result<(), TableError> {
        let Some(table) = guarded(|| self.table(table))? else { return Ok(()) };
        let mut rows = guarded(|| Ok(table.range::<&[u8]>(range.bounds())?))?;
        let mut next = || {
            let row = match direction {
                Direction::Ascending => rows.next(),
                Direction::Descending => rows.next_back(),
            };
            let row = row.transpose()?;
            // Where they lie in their page is read only now.
            if let Some((key, value)) = &row {
                let _ = (key.value(), value.value());
            }
            Ok(row)
        };
        // The visitor is not ours to catch.
        while let Some((key, value)) = guarded(&mut next)? {
            if visit(key.value(), value.value()) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn failed(&self, error: TableError) -> Error {
        self.suspect.store(true, Ordering::Release);
        Error::Unavailable(error.to_string())
    }
}

impl Snapshot for RedbSnapshot {
    fn get(&self, table: TableName, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.read(table, key).map_err(|error| self.failed(error))
    }

    fn scan(&self, table: TableName, range: &KeyRange, direction: Direction, visit: &mut Visit<'_>) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        self.visit(table, range, direction, visit).map_err(|error| self.failed(error))
    }

    fn row_count(&self, table: TableName) -> Result<u64> {
        self.row_count(table).map_err(|error| self.failed(error))
    }

    fn strange_tables(&self, known: &[TableName]) -> Result<Vec<String>> {
        self.strange_tables(known).map_err(|error| self.failed(error))
    }
}

/// redb does not look at checksums when it reads, and panics over some of what rot makes of a page. That is the file's fault
/// and not its reader's.
fn guarded<T>(read: impl FnOnce() -> std::result::Result<T, TableError>) -> std::result::Result<T, TableError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(TableError::Storage(StorageError::Corrupted("a page of it makes no sense".to_owned()))))
}

fn definition(table: TableName) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table.0)
}

fn open_database(
    path: &Path,
    backend: &OpenBackend,
    check_integrity: bool,
) -> std::result::Result<Database, OpenError> {
    let open = || -> std::result::Result<Database, DatabaseError> {
        let backend = Shared(backend()?);
        let mut builder = Builder::new();
        builder
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(check_integrity && !planted::is("unchecked_file"));
        builder.create_with_backend(backend)
    };
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(opened) => opened.map_err(|error| open_error(path, error)),
        // redb panics over some of the nonsense it can find.
        Err(_) => Err(OpenError::Corrupt { path: path.to_owned(), problem: "it makes no sense inside".to_owned() }),
    }
}

fn open_error(path: &Path, error: DatabaseError) -> OpenError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => OpenError::InUse { path },
        DatabaseError::Storage(StorageError::Io(error)) => io_failure(&path, &error),
        DatabaseError::Storage(StorageError::Corrupted(problem)) => OpenError::Corrupt { path, problem },
        DatabaseError::RepairAborted | DatabaseError::UpgradeRequired(_) => {
            OpenError::Corrupt { path, problem: error.to_string() }
        }
        _ => OpenError::Failed { path, problem: error.to_string() },
    }
}

/// Tells a file that may not be written from one that cannot be right. A file system that has become read-only is trouble of
/// the disk, and no mistake of whoever set this up.
pub fn io_failure(path: &Path, error: &io::Error) -> OpenError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::PermissionDenied => OpenError::ReadOnly { path },
        // Not a redb file, or one that is shorter than it says.
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => OpenError::Corrupt { path, problem: error.to_string() },
        _ => OpenError::Failed { path, problem: error.to_string() },
    }
}

fn sync_name(of: &Place) -> std::result::Result<(), OpenError> {
    if planted::is("unsynced_name") {
        return Ok(());
    }
    of.files.sync_directory(&of.path).map_err(|error| io_failure(&of.path, &error))
}

fn newborn(of: &Place) -> Place {
    of.with_ending(".new")
}

/// Keeps everybody from opening a file, whatever state it is in, until this is dropped.
pub struct Held {
    _lock: Box<dyn StorageBackend>,
}

/// Holds a file that is to be moved; nothing is read and nothing written.
pub fn hold(place: &Place) -> std::result::Result<Held, OpenError> {
    let file = place.open().map_err(|error| io_failure(&place.path, &error))?;
    match file.try_lock_range(Bound::Unbounded, Bound::Unbounded) {
        Ok(true) => Ok(Held { _lock: file }),
        _ => Err(OpenError::InUse { path: place.path.clone() }),
    }
}

/// After a birth that failed: what is left of it helps nobody, and if it cannot be removed, the next birth does.
pub fn remove_newborn(of: &Place) {
    let _ = newborn(of).clear();
}

/// redb would make an empty store of an empty file. Ours are never empty, so somebody has emptied it.
fn not_empty(place: &Place) -> io::Result<Box<dyn StorageBackend>> {
    let backend = place.open()?;
    if backend.len()? == 0 {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is empty"));
    }
    Ok(backend)
}

/// Forwards everything, the lock methods above all: their defaults say "unsupported", and the guard against a second
/// process would be gone without a word.
#[derive(Debug)]
struct Shared(Box<dyn StorageBackend>);

macro_rules! forward_locks {
    ($($method:ident -> $answer:ty;)*) => {$(
        fn $method(&self, start: Bound<u64>, end: Bound<u64>) -> std::result::Result<$answer, BackendError> {
            self.0.$method(start, end)
        }
    )*};
}

impl StorageBackend for Shared {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }

    forward_locks! {
        try_lock_range -> bool;
        try_lock_shared_range -> bool;
        lock_range -> ();
        lock_shared_range -> ();
        unlock_range -> ();
        query_lock_range -> bool;
    }
}

#[cfg(test)]
mod tests;
