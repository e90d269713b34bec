//! Records and the rows of their indexes: the only place that writes either.
//!
//! A record names its table and its key and says which index rows follow from it. [`put`] writes the record and the
//! difference between the rows of the old and of the new one, so an index cannot drift from its records; `verify`
//! recomputes them all. Reading goes through [`Read`], which a read and a write transaction share.
//!
//! A row of an index has the index key as its key and the record's encoded key as its value.

use crate::planted;
use crate::store::codec::{self, Problem, Version};
use crate::store::engine::{Direction, KeyRange, TableName, Visit};
use crate::store::health::Health;
use crate::store::keys::{self, Key, Span, ToKey};
use crate::store::{Damage, Result, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::ControlFlow;

pub trait Record: Serialize + DeserializeOwned + 'static {
    type Key: Key;
    const TABLE: Table<Self::Key, Self>;
    /// The names of all its indexes: those that `index_rows` may add to.
    const INDEXES: &'static [TableName];

    fn key(&self) -> Self::Key;
    fn index_rows(&self, rows: &mut IndexRows);
}

/// Where records of one type are kept, and the version of their stored shape.
pub struct Table<K, R> {
    name: TableName,
    version: Version,
    holds: PhantomData<fn() -> (K, R)>,
}

impl<K, R> Table<K, R> {
    pub const fn new(name: &'static str, version: Version) -> Table<K, R> {
        Table { name: TableName(name), version, holds: PhantomData }
    }

    pub const fn name(&self) -> TableName {
        self.name
    }

    pub const fn version(&self) -> Version {
        self.version
    }
}

/// Finds records by a key that ends in something unique, usually the record's id.
pub struct Index<K, R> {
    name: TableName,
    holds: PhantomData<fn() -> (K, R)>,
}

/// Finds the one record that has a key; a second one is refused with [`StoreError::Conflict`].
pub struct Unique<K, R> {
    name: TableName,
    holds: PhantomData<fn() -> (K, R)>,
}

impl<K, R> Index<K, R> {
    /// By convention the table's name, a dot, and what it orders by: `incidents.by_team`.
    pub const fn new(name: &'static str) -> Index<K, R> {
        Index { name: TableName(name), holds: PhantomData }
    }

    pub const fn name(&self) -> TableName {
        self.name
    }
}

impl<K, R> Unique<K, R> {
    pub const fn new(name: &'static str) -> Unique<K, R> {
        Unique { name: TableName(name), holds: PhantomData }
    }

    pub const fn name(&self) -> TableName {
        self.name
    }
}

/// An [`Index`] or a [`Unique`].
pub trait AnyIndex {
    type Key: Key;
    type Record: Record;
    const UNIQUE: bool;
    fn table_name(&self) -> TableName;
}

impl<K: Key, R: Record> AnyIndex for Index<K, R> {
    type Key = K;
    type Record = R;
    const UNIQUE: bool = false;
    fn table_name(&self) -> TableName {
        self.name
    }
}

impl<K: Key, R: Record> AnyIndex for Unique<K, R> {
    type Key = K;
    type Record = R;
    const UNIQUE: bool = true;
    fn table_name(&self) -> TableName {
        self.name
    }
}

/// Collects the index rows that follow from one record.
#[derive(Default)]
pub struct IndexRows {
    rows: Vec<IndexRow>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct IndexRow {
    pub(super) index: TableName,
    pub(super) key: Vec<u8>,
    unique: bool,
}

impl IndexRows {
    pub fn add<I: AnyIndex>(&mut self, index: &I, key: impl ToKey<Key = I::Key>) {
        self.rows.push(IndexRow { index: index.table_name(), key: keys::encode(&key), unique: I::UNIQUE });
    }

    /// Sorted and without repetitions, ready to be compared.
    pub(super) fn of<R: Record>(record: &R) -> Vec<IndexRow> {
        let mut collected = IndexRows::default();
        record.index_rows(&mut collected);
        let mut rows = collected.rows;
        rows.sort_unstable();
        rows.dedup();
        for row in &rows {
            assert!(R::INDEXES.contains(&row.index), "{} is not among the INDEXES of {}", row.index.0, R::TABLE.name.0);
        }
        rows
    }
}

/// Rows as bytes, as one transaction sees them. What [`Read`] is made of; use that.
pub trait Rows {
    fn raw_get(&self, table: TableName, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>>;
    fn raw_scan(&self, table: TableName, range: &KeyRange, direction: Direction, visit: &mut Visit<'_>) -> Result<()>;
    fn health(&self) -> &Health;
}

/// Rows that can be changed. Only this module calls it.
pub(super) trait RowsMut: Rows {
    fn raw_set(&mut self, table: TableName, key: Vec<u8>, value: Vec<u8>);
    fn raw_remove(&mut self, table: TableName, key: Vec<u8>);
}

/// Which part of a scan is wanted.
#[derive(Clone, Debug)]
pub struct Take {
    direction: Direction,
    limit: usize,
    after: Option<Cursor>,
}

impl Take {
    /// The first `limit` rows, in key order.
    pub fn first(limit: usize) -> Take {
        Take { direction: Direction::Ascending, limit, after: None }
    }

    /// The last `limit` rows, from the last backwards.
    pub fn last(limit: usize) -> Take {
        Take { direction: Direction::Descending, limit, after: None }
    }

    /// Goes on where a page ended; from the beginning if `None`.
    pub fn after(self, cursor: Option<Cursor>) -> Take {
        Take { after: cursor, ..self }
    }
}

/// Where a page ended: the key of its last row. Valid for as long as the index exists, even if that row is gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor(pub Vec<u8>);

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// In the order of the scan. Shorter than the limit does not mean the end: damaged records are left out.
    pub items: Vec<T>,
    /// `None` at the end.
    pub next: Option<Cursor>,
}

/// Typed reading, on whatever has rows.
pub trait Read: Rows {
    /// The record under this key. A damaged one is an error, and goes on the list of the store's status.
    fn get<R: Record>(&self, key: impl ToKey<Key = R::Key>) -> Result<Option<R>> {
        load(self, &keys::encode(&key))
    }

    /// The record that has this key in a unique index.
    fn find<K: Key, R: Record>(&self, index: &Unique<K, R>, key: impl ToKey<Key = K>) -> Result<Option<R>> {
        match self.raw_get(index.name, &keys::encode(&key))? {
            Some(record_key) => load_indexed(self, &record_key).map(Some),
            None => Ok(None),
        }
    }

    /// As [`Read::get`], for what goes on without: a damaged record is read as missing, and goes on the list of the store's
    /// status.
    fn get_sound<R: Record>(&self, key: impl ToKey<Key = R::Key>) -> Result<Option<R>> {
        match self.get(key) {
            Err(StoreError::Damaged(_)) => Ok(None),
            found => found,
        }
    }

    /// Records in the order of an index. Damaged ones are left out and go on the list of the store's status.
    fn scan<I: AnyIndex>(&self, index: &I, span: &Span<I::Key>, take: Take) -> Result<Page<I::Record>> {
        page(self, index.table_name(), span, take, |_, record_key| match load_indexed(self, record_key) {
            Ok(record) => Ok(Some(record)),
            Err(StoreError::Damaged(_)) => Ok(None),
            Err(failure) => Err(failure),
        })
    }

    /// The keys of an index alone, which is all that counting and looking ahead need.
    fn scan_keys<I: AnyIndex>(&self, index: &I, span: &Span<I::Key>, take: Take) -> Result<Page<I::Key>> {
        page(self, index.table_name(), span, take, |key, _| {
            let decoded = keys::decode(key);
            if decoded.is_none() {
                note(self, index.table_name(), key, Problem::Key);
            }
            Ok(decoded)
        })
    }

    /// Records in the order of their own keys.
    fn scan_table<R: Record>(&self, span: &Span<R::Key>, take: Take) -> Result<Page<R>> {
        page(self, R::TABLE.name, span, take, |key, stored| Ok(read(self, key, stored).ok()))
    }
}

impl<T: Rows + ?Sized> Read for T {}

/// Collects the rows first and reads records after, so that no engine is asked for a row while it shows another.
fn page<K, T, S: Rows + ?Sized>(
    rows: &S,
    table: TableName,
    span: &Span<K>,
    take: Take,
    mut item: impl FnMut(&[u8], &[u8]) -> Result<Option<T>>,
) -> Result<Page<T>>
where
    K: Key,
{
    let mut range = Cow::Borrowed(span.range());
    if let Some(Cursor(last)) = take.after {
        match take.direction {
            Direction::Ascending => {
                let next = [&last[..], &[0]].concat();
                if next > range.start {
                    range.to_mut().start = next;
                }
            }
            Direction::Descending => {
                if range.end.as_ref().is_none_or(|end| last < *end) {
                    range.to_mut().end = Some(last);
                }
            }
        }
    }
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut more = false;
    rows.raw_scan(table, &range, take.direction, &mut |key, value| {
        if found.len() == take.limit {
            more = true;
            return ControlFlow::Break(());
        }
        found.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    })?;
    let mut items = Vec::with_capacity(found.len());
    for (key, value) in &found {
        items.extend(item(key, value)?);
    }
    let next = found.pop().filter(|_| more).map(|(key, _)| Cursor(key));
    Ok(Page { items, next })
}

fn load<R: Record, S: Rows + ?Sized>(rows: &S, key: &[u8]) -> Result<Option<R>> {
    match rows.raw_get(R::TABLE.name, key)? {
        Some(stored) => read(rows, key, &stored).map(Some),
        None => Ok(None),
    }
}

fn load_indexed<R: Record, S: Rows + ?Sized>(rows: &S, record_key: &[u8]) -> Result<R> {
    load(rows, record_key)?.ok_or_else(|| note(rows, R::TABLE.name, record_key, Problem::Missing))
}

fn read<R: Record, S: Rows + ?Sized>(rows: &S, key: &[u8], stored: &[u8]) -> Result<R> {
    codec::decode(R::TABLE.name, key, R::TABLE.version, stored)
        .map_err(|problem| note(rows, R::TABLE.name, key, problem))
}

fn note<S: Rows + ?Sized>(rows: &S, table: TableName, key: &[u8], problem: Problem) -> StoreError {
    let damage = Damage { table, key: key.to_vec(), problem };
    rows.health().note_damage(damage.clone());
    StoreError::Damaged(damage)
}

/// Writes a record and brings its index rows into line. Writes nothing at all if the record is as it was, or if a
/// unique index refuses it.
pub(super) fn put<R: Record>(rows: &mut impl RowsMut, record: &R) -> Result<()> {
    let table = R::TABLE.name;
    let key = keys::encode(&record.key());
    let stored = codec::encode(table, &key, R::TABLE.version, record)
        .map_err(|codec::TooLarge| StoreError::TooLarge { table })?;
    let old_rows = match rows.raw_get(table, &key)? {
        Some(old) if *old == *stored => return Ok(()),
        // Nothing points to it, so it may be written anew even where it is damaged.
        Some(_) if R::INDEXES.is_empty() => Vec::new(),
        Some(old) => IndexRows::of(&read::<R, _>(rows, &key, &old)?),
        None => Vec::new(),
    };
    let new_rows = IndexRows::of(record);
    let added = |row: &&IndexRow| old_rows.binary_search(row).is_err();
    for row in new_rows.iter().filter(added) {
        refuse_taken(rows, row)?;
    }
    for row in new_rows.iter().filter(added) {
        rows.raw_set(row.index, row.key.clone(), key.clone());
    }
    for row in old_rows {
        if new_rows.binary_search(&row).is_err() && !planted::is("skip_index_on_update") {
            rows.raw_remove(row.index, row.key);
        }
    }
    rows.raw_set(table, key, stored);
    Ok(())
}

/// A row that is new to its record must be new to the index.
fn refuse_taken(rows: &impl Rows, row: &IndexRow) -> Result<()> {
    // Keys of other indexes end in something unique; to look is a check of that, which tests pay for.
    if (row.unique || cfg!(debug_assertions)) && rows.raw_get(row.index, &row.key)?.is_some() {
        assert!(row.unique, "two records have the same key in {}, which needs their id in it", row.index.0);
        return Err(StoreError::Conflict { index: row.index });
    }
    Ok(())
}

/// Removes a record and its index rows; answers what was there.
pub(super) fn delete<R: Record>(rows: &mut impl RowsMut, key: impl ToKey<Key = R::Key>) -> Result<Option<R>> {
    let key = keys::encode(&key);
    let Some(old) = load::<R, _>(rows, &key)? else { return Ok(None) };
    for row in IndexRows::of(&old) {
        rows.raw_remove(row.index, row.key);
    }
    rows.raw_remove(R::TABLE.name, key);
    Ok(Some(old))
}

/// Removes a record that cannot be read, with every index row that points to it, so that a sound one can take its
/// place. Looks through all rows of its indexes: for the rare case only.
pub(super) fn discard<R: Record>(rows: &mut impl RowsMut, key: impl ToKey<Key = R::Key>) -> Result<()> {
    let key = keys::encode(&key);
    for index in R::INDEXES {
        let mut pointing = Vec::new();
        rows.raw_scan(*index, &KeyRange::all(), Direction::Ascending, &mut |row, record_key| {
            if record_key == key {
                pointing.push(row.to_vec());
            }
            ControlFlow::Continue(())
        })?;
        for row in pointing {
            rows.raw_remove(*index, row);
        }
    }
    rows.raw_remove(R::TABLE.name, key);
    Ok(())
}

#[cfg(test)]
mod tests;
