//! Makes a store of records: the other end of a backup.
//!
//! Records go into a new file with the index rows that follow from them, and the file goes on under a lineage of its own,
//! so that message ids of the restored history are never taken for those of the one it was copied from. Until the last
//! row is read and proven nothing is at the file's name.

use crate::random::Random;
use crate::store::backup::{Progress, Reader, Row, Unusable, Watch};
use crate::store::engine::redb::{Place, RedbEngine};
use crate::store::engine::{self, Changes, Engine, OpenError, TableName};
use crate::store::verify::RecordKind;
use crate::store::{codec, meta, migrate};
use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

/// Records are committed in pieces of this many bytes.
const PIECE: usize = 4 * 1024 * 1024;

/// Longer than a look at a file that does not open.
const A_LOOK: Duration = Duration::from_secs(5);
const LOOKS: u32 = 50;

/// Why no store came of it.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error(transparent)]
    Unusable(#[from] Unusable),
    #[error(transparent)]
    File(#[from] OpenError),
    #[error("it was stopped")]
    Stopped,
}

/// Makes the file of a backup. There must be none of that name.
pub fn restore<R: Read>(
    reader: &mut Reader<R>,
    kinds: &[RecordKind],
    place: impl Into<Place>,
    random: &dyn Random,
    watch: &mut Watch<'_>,
) -> Result<(), RebuildError> {
    let place = place.into();
    let mut why = None;
    let made = RedbEngine::create(place.clone(), |new| {
        restore_onto(new, reader, kinds, random, watch).map_err(|failed| match failed {
            Failed::Engine(error) => error,
            Failed::Other(error) => {
                let said = engine::Error::Unavailable(error.to_string());
                why = Some(error);
                said
            }
        })
    });
    if made.is_err() {
        engine::redb::remove_newborn(&place);
    }
    match why {
        Some(why) => Err(why),
        None => Ok(made?),
    }
}

/// Into an engine in which there is nothing.
pub fn restore_onto<R: Read>(
    engine: &dyn Engine,
    reader: &mut Reader<R>,
    kinds: &[RecordKind],
    random: &dyn Random,
    watch: &mut Watch<'_>,
) -> Result<(), Failed> {
    let mut builder = Builder::new(engine, kinds, meta::birth(random));
    meta::set_next_id(&mut builder.changes, reader.head().next_id);
    fill(reader, &mut builder, watch)?;
    Ok(builder.commit()?)
}

/// Moves a finished file to its place. There either is nothing there, or, if `aside` says where to, what is there stays
/// under that name; at every instant the place holds the old or the new file, whole.
pub fn take_place(new: &Path, place: &Place, aside: Option<&Path>) -> Result<(), OpenError> {
    let Place { files, path } = place;
    let failed = |error: io::Error| engine::redb::io_failure(path, &error);
    let is_taken = place.exists().map_err(failed)?;
    match aside.filter(|_| is_taken) {
        Some(aside) => {
            // Whoever serves the old file would go on writing into what nobody opens again.
            let _held = hold(place)?;
            files.link(path, aside).map_err(failed)?;
            files.rename(new, path).map_err(failed)?;
        }
        None => {
            // A link, unlike a renaming, refuses to replace what somebody has put there meanwhile.
            files.link(new, path).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => OpenError::InUse { path: path.clone() },
                _ => failed(error),
            })?;
            files.remove(new).map_err(failed)?;
        }
    }
    files.sync_directory(path).map_err(failed)
}

/// A server whose database does not open looks at the file every ten seconds, for as long as that takes.
fn hold(place: &Place) -> Result<engine::redb::Held, OpenError> {
    for _ in 0..LOOKS {
        match engine::redb::hold(place) {
            Err(OpenError::InUse { .. }) => std::thread::sleep(A_LOOK / LOOKS),
            held => return held,
        }
    }
    engine::redb::hold(place)
}

/// What keeps rows from being written: the engine, or what they are read from.
#[derive(Debug)]
pub enum Failed {
    Engine(engine::Error),
    Other(RebuildError),
}

impl fmt::Display for Failed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::Engine(error) => error.fmt(out),
            Failed::Other(error) => error.fmt(out),
        }
    }
}

impl From<engine::Error> for Failed {
    fn from(error: engine::Error) -> Failed {
        Failed::Engine(error)
    }
}

fn fill<R: Read>(reader: &mut Reader<R>, builder: &mut Builder<'_>, watch: &mut Watch<'_>) -> Result<(), Failed> {
    let (mut done, of) = (0, reader.head().bytes());
    while let Some(row) = reader.next_row().map_err(|unusable| Failed::Other(unusable.into()))? {
        done += (row.key.len() + row.stored.len()) as u64;
        let Row { table, key, stored } = row;
        builder.add(table, key, &stored)?;
        if !watch(Progress { done, of }) {
            return Err(Failed::Other(RebuildError::Stopped));
        }
    }
    Ok(())
}

/// Puts records and their index rows into an empty engine.
pub(super) struct Builder<'e> {
    engine: &'e dyn Engine,
    kinds: &'e [RecordKind],
    changes: Changes,
    /// About so many bytes are in `changes`.
    bytes: usize,
}

impl<'e> Builder<'e> {
    /// `changes` are committed with the first piece.
    pub(super) fn new(engine: &'e dyn Engine, kinds: &'e [RecordKind], changes: Changes) -> Builder<'e> {
        Builder { engine, kinds, changes, bytes: 0 }
    }

    /// A record, brought to the version that this program serves, and its index rows.
    pub(super) fn add(&mut self, table: TableName, key: Vec<u8>, stored: &[u8]) -> Result<(), Failed> {
        let damaged = |problem: codec::Problem| {
            let said = format!("a record of {}: {problem}", table.0);
            Failed::Other(Unusable::Damaged(said).into())
        };
        let kind = self.kinds.iter().find(|kind| kind.table == table).ok_or_else(|| damaged(codec::Problem::Shape))?;
        let stored = migrate::current(kind, &key, stored).map_err(damaged)?;
        for (index, row) in kind.index_rows(&key, &stored).map_err(damaged)? {
            self.changes.set(index, row, key.clone());
        }
        self.carry(table, key, stored.into_owned())
    }

    /// A row as it is.
    pub(super) fn carry(&mut self, table: TableName, key: Vec<u8>, stored: Vec<u8>) -> Result<(), Failed> {
        self.bytes += key.len() + stored.len();
        self.changes.set(table, key, stored);
        if self.bytes > PIECE {
            self.commit()?;
        }
        Ok(())
    }

    pub(super) fn commit(&mut self) -> engine::Result<()> {
        self.bytes = 0;
        let changes = std::mem::take(&mut self.changes);
        self.engine.commit(&*self.engine.snapshot()?, &changes)
    }
}
