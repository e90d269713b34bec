//! The seam below the store: named tables of bytes, read as they were at one commit, changed all or nothing.
//!
//! Keys and values are bytes and keys are in byte order. [`redb`] keeps them in a file, [`map`] in memory; both pass
//! [`conformance`]. An engine knows nothing of records, versions or checksums, and decides nothing.

#[cfg(test)]
pub mod conformance;
pub mod map;
pub mod redb;

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ops::{Bound, ControlFlow};
use std::path::PathBuf;

pub trait Engine: Send + Sync {
    /// The newest committed state. Cheap, and never waits for a commit.
    fn snapshot(&self) -> Result<Box<dyn Snapshot>>;

    /// Applies all of `changes` or nothing; `Ok` means that they survive a power cut.
    ///
    /// `read_from` is what the changes were computed from. If another commit has come in between, the answer is
    /// [`Error::Stale`] and nothing has changed: take a new snapshot and compute again. After
    /// [`Error::Unavailable`] the changes may or may not be there, wholly; the next snapshot shows which.
    fn commit(&self, read_from: &dyn Snapshot, changes: &Changes) -> Result<()>;

    /// Tries again to get at the data after `Unavailable`; does nothing if all is well. May read all of it.
    fn reopen(&self) -> Result<()> {
        Ok(())
    }
}

/// One committed state, untouched by later commits.
pub trait Snapshot: Send + Any {
    fn get(&self, table: TableName, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Shows the rows of a range in order until the visitor breaks. The visitor may read from the same snapshot.
    fn scan(&self, table: TableName, range: &KeyRange, direction: Direction, visit: &mut Visit<'_>) -> Result<()>;

    /// How many rows a table has; by a count of its own, if the engine keeps one apart from the rows. What a scan then
    /// finds less is lost.
    fn row_count(&self, table: TableName) -> Result<u64> {
        let mut count = 0;
        self.scan(table, &KeyRange::all(), Direction::Ascending, &mut |_, _| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    /// What is wrong with the list of tables itself, if the engine keeps one: a name that is none of the `known`, or one that is
    /// listed and not found. Whatever such a table held reads as if it had never been there.
    fn strange_tables(&self, _known: &[TableName]) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// Called with key and value of each row.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// Reading or committing failed; the text is for the operator.
    #[error("{0}")]
    Unavailable(String),
    /// What was read has changed since. Nothing was written.
    #[error("what was read has changed since")]
    Stale,
}

/// Why a file was not opened. Each is one sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("another process is using {}; only one may, so stop it or talk to it instead", path.display())]
    InUse { path: PathBuf },
    #[error("{} cannot be written; give this user write access to the file and to its directory", path.display())]
    ReadOnly { path: PathBuf },
    #[error("{} is damaged and was not opened ({problem}); restore a backup", path.display())]
    Corrupt { path: PathBuf, problem: String },
    #[error("{} was written by a newer PagerPal (format {found}, this one knows {known}); it was left untouched", path.display())]
    NewerFormat { path: PathBuf, found: u32, known: u32 },
    #[error("{} was written by an older PagerPal (format {found}, this one needs {known}); `pagerpal migrate` or the next start of the server brings it up to date", path.display())]
    OlderFormat { path: PathBuf, found: u32, known: u32 },
    #[error("{} (format {found}) could not be brought up to date: {problem}. It is as it was: start the version that wrote it, or restore a backup", path.display())]
    NotMigrated { path: PathBuf, found: u32, problem: String },
    #[error("{} could not be opened: {problem}", path.display())]
    Failed { path: PathBuf, problem: String },
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TableName(pub &'static str);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    Ascending,
    Descending,
}

/// Keys from `start` up to but not including `end`; no `end` is the end of the table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeyRange {
    pub start: Vec<u8>,
    pub end: Option<Vec<u8>>,
}

impl KeyRange {
    pub fn all() -> KeyRange {
        KeyRange::default()
    }

    /// Every key that begins with these bytes.
    pub fn prefix(prefix: Vec<u8>) -> KeyRange {
        let end = after_prefix(&prefix);
        KeyRange { start: prefix, end }
    }

    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    /// For the `range` methods of maps. Not to be used on an empty range, on which they panic.
    fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (Bound::Included(&self.start), self.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded))
    }
}

/// The first key above all keys that begin with `prefix`; `None` if there is no such key.
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// Rows to set and rows to remove, the later word on a key being the valid one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    tables: BTreeMap<TableName, BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl Changes {
    pub fn set(&mut self, table: TableName, key: Vec<u8>, value: Vec<u8>) {
        self.tables.entry(table).or_default().insert(key, Some(value));
    }

    pub fn remove(&mut self, table: TableName, key: Vec<u8>) {
        self.tables.entry(table).or_default().insert(key, None);
    }

    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Keys and values together, in bytes.
    pub fn size(&self) -> usize {
        let row = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| key.len() + value.as_ref().map_or(0, Vec::len);
        self.tables.values().flatten().map(row).sum()
    }

    /// Tables by name, rows by key; `None` removes the row.
    pub fn tables(&self) -> impl Iterator<Item = (TableName, &BTreeMap<Vec<u8>, Option<Vec<u8>>>)> {
        self.tables.iter().map(|(table, rows)| (*table, rows))
    }

    /// `Some(None)`: removed here. `None`: nothing is said here.
    pub fn get(&self, table: TableName, key: &[u8]) -> Option<Option<&[u8]>> {
        self.tables.get(&table)?.get(key).map(Option::as_deref)
    }

    /// What is said about a range, in key order. The range must not be empty.
    pub fn range(&self, table: TableName, range: &KeyRange) -> btree_map::Range<'_, Vec<u8>, Option<Vec<u8>>> {
        static NOTHING: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        self.tables.get(&table).unwrap_or(&NOTHING).range::<[u8], _>(range.bounds())
    }

    /// Adds what `newer` says, over what is said here.
    pub fn absorb(&mut self, newer: Changes) {
        for (table, rows) in newer.tables {
            let ours = self.tables.entry(table).or_default();
            // `append` would rebuild the whole map, once for each job of a batch.
            if ours.is_empty() {
                *ours = rows;
            } else {
                ours.extend(rows);
            }
        }
    }
}

/// Looks a key up in layers of changes, newest last, and in the snapshot below them.
pub fn layered_get<'a>(
    snapshot: &dyn Snapshot,
    layers: &'a [Changes],
    table: TableName,
    key: &[u8],
) -> Result<Option<Cow<'a, [u8]>>> {
    match layers.iter().rev().find_map(|layer| layer.get(table, key)) {
        Some(said) => Ok(said.map(Cow::Borrowed)),
        None => Ok(snapshot.get(table, key)?.map(Cow::Owned)),
    }
}

/// Scans a snapshot as if the layers, newest last, had been committed to it.
pub fn layered_scan(
    snapshot: &dyn Snapshot,
    layers: &[Changes],
    table: TableName,
    range: &KeyRange,
    direction: Direction,
    visit: &mut Visit<'_>,
) -> Result<()> {
    if range.is_empty() {
        return Ok(());
    }
    let mut overlay = Merged::new(layers, table, range, direction);
    if overlay.peek().is_none() {
        return snapshot.scan(table, range, direction, visit);
    }
    let mut stopped = false;
    snapshot.scan(table, range, direction, &mut |key, value| {
        // What the layers say about earlier keys comes first; about this key it replaces the row.
        while let Some(head) = overlay.peek() {
            if head != key && (head < key) != (direction == Direction::Ascending) {
                break;
            }
            let same = head == key;
            if let Some((key, Some(value))) = overlay.next()
                && visit(key, value).is_break()
            {
                stopped = true;
                return ControlFlow::Break(());
            }
            if same {
                return ControlFlow::Continue(());
            }
        }
        let flow = visit(key, value);
        stopped = flow.is_break();
        flow
    })?;
    while !stopped && let Some((key, value)) = overlay.next() {
        if let Some(value) = value {
            stopped = visit(key, value).is_break();
        }
    }
    Ok(())
}

/// The layers' words on one range as one sorted stream, the newest layer winning where several speak of a key.
struct Merged<'a> {
    heads: Vec<Head<'a>>,
    direction: Direction,
}

struct Head<'a> {
    rest: btree_map::Range<'a, Vec<u8>, Option<Vec<u8>>>,
    next: Option<(&'a [u8], Option<&'a [u8]>)>,
}

impl Head<'_> {
    fn advance(&mut self, direction: Direction) {
        let next = match direction {
            Direction::Ascending => self.rest.next(),
            Direction::Descending => self.rest.next_back(),
        };
        self.next = next.map(|(key, value)| (key.as_slice(), value.as_deref()));
    }
}

impl<'a> Merged<'a> {
    fn new(layers: &'a [Changes], table: TableName, range: &KeyRange, direction: Direction) -> Merged<'a> {
        let heads = layers.iter().rev().map(|layer| {
            let mut head = Head { rest: layer.range(table, range), next: None };
            head.advance(direction);
            head
        });
        Merged { heads: heads.collect(), direction }
    }

    fn peek(&self) -> Option<&'a [u8]> {
        let keys = self.heads.iter().filter_map(|head| head.next.map(|(key, _)| key));
        match self.direction {
            Direction::Ascending => keys.min(),
            Direction::Descending => keys.max(),
        }
    }

    fn next(&mut self) -> Option<(&'a [u8], Option<&'a [u8]>)> {
        let key = self.peek()?;
        let mut newest = None;
        for head in &mut self.heads {
            if head.next.is_some_and(|(candidate, _)| candidate == key) {
                newest = newest.or(head.next);
                head.advance(self.direction);
            }
        }
        newest
    }
}
