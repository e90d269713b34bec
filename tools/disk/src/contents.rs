//! Every row of a store, record types and indexes and the store's own, to be compared with another's.

use crate::disk::Disk;
use pagerpal::app::{App, AppError};
use pagerpal::store::Rows;
use pagerpal::store::engine::{self, Changes, Direction, KeyRange, Snapshot, TableName};
use pagerpal::store::tables::RECORDS;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableHandle};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use std::path::Path;

pub type Table = BTreeMap<Vec<u8>, Vec<u8>>;

/// Rows by table; a table without a row is none.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Contents(pub BTreeMap<&'static str, Table>);

/// The store's own.
pub const META: TableName = TableName("meta");
/// Comes and goes while a store tries whether it can write; means nothing.
const TRIAL: &[u8] = b"trial";

/// Every table and index there is.
pub fn tables() -> impl Iterator<Item = TableName> {
    let of_kinds = RECORDS.iter().flat_map(|kind| std::iter::once(kind.table).chain(kind.indexes.iter().copied()));
    std::iter::once(META).chain(of_kinds)
}

impl Contents {
    pub fn of(app: &App) -> Result<Contents, AppError> {
        app.read(|read| {
            let mut contents = Contents::default();
            for table in tables() {
                read.raw_scan(table, &KeyRange::all(), Direction::Ascending, &mut |key, value| {
                    contents.add(table, key, value);
                    ControlFlow::Continue(())
                })?;
            }
            Ok(contents)
        })
    }

    pub fn of_snapshot(snapshot: &dyn Snapshot) -> engine::Result<Contents> {
        let mut contents = Contents::default();
        for table in tables() {
            snapshot.scan(table, &KeyRange::all(), Direction::Ascending, &mut |key, value| {
                contents.add(table, key, value);
                ControlFlow::Continue(())
            })?;
        }
        Ok(contents)
    }

    /// Read from a file by redb alone, every table that is in it.
    pub fn of_file(disk: &Disk, path: &str) -> Result<Contents, String> {
        let read = || -> Result<Contents, redb::Error> {
            let file = disk.handle(Path::new(path))?;
            Contents::of_database(&Database::builder().create_with_backend(file)?)
        };
        read().map_err(|error| error.to_string())
    }

    /// Which part of a file's bytes is in use, as redb counts: rows and the tree above them. The rest is free pages.
    pub fn share_in_use(disk: &Disk, path: &str, bytes: usize) -> Result<f64, String> {
        let count = || -> Result<u64, redb::Error> {
            let database = Database::builder().create_with_backend(disk.handle(Path::new(path))?)?;
            let stats = database.begin_write()?.stats()?;
            Ok(stats.stored_bytes() + stats.metadata_bytes())
        };
        count().map(|used| used as f64 / bytes as f64).map_err(|error| error.to_string())
    }

    fn of_database(database: &Database) -> Result<Contents, redb::Error> {
        let read = database.begin_read()?;
        let mut contents = Contents::default();
        for handle in read.list_tables()? {
            let name = handle.name().to_owned();
            let table = tables().find(|table| table.0 == name);
            let table = table.ok_or_else(|| redb::Error::Corrupted(format!("{name} is no table of the store")))?;
            for row in read.open_table(TableDefinition::<&[u8], &[u8]>::new(table.0))?.iter()? {
                let (key, value) = row?;
                contents.add(table, key.value(), value.value());
            }
        }
        Ok(contents)
    }

    pub fn add(&mut self, table: TableName, key: &[u8], value: &[u8]) {
        if table != META || key != TRIAL {
            self.0.entry(table.0).or_default().insert(key.to_vec(), value.to_vec());
        }
    }

    /// As what an empty engine has to be told.
    pub fn changes(&self) -> Changes {
        let mut changes = Changes::default();
        for (table, rows) in &self.0 {
            for (key, value) in rows {
                changes.set(TableName(table), key.clone(), value.clone());
            }
        }
        changes
    }

    pub fn rows(&self) -> usize {
        self.0.values().map(Table::len).sum()
    }

    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// What differs, by table: rows missing here, rows too many, rows changed.
    pub fn difference(&self, expected: &Contents) -> String {
        let nothing = Table::new();
        let mut said = Vec::new();
        for table in tables() {
            let (ours, theirs) = (self.0.get(table.0).unwrap_or(&nothing), expected.0.get(table.0).unwrap_or(&nothing));
            let missing = theirs.keys().filter(|key| !ours.contains_key(*key)).count();
            let more = ours.keys().filter(|key| !theirs.contains_key(*key)).count();
            let changed = theirs.iter().filter(|(key, value)| ours.get(*key).is_some_and(|our| our != *value)).count();
            if missing + more + changed > 0 {
                said.push(format!("{}: {missing} missing, {more} more, {changed} changed", table.0));
            }
        }
        said.join("; ")
    }
}
