//! Proof that the indexes are what the records say, and that every record can be read.
//!
//! Each record is decoded and its index rows are looked up; then each index must have no row beyond those. A row that rot has
//! hidden says nothing itself, so the rows found are compared with the engine's own count, and its list of tables is walked: one
//! whose name has rotted would be empty. Nothing is repaired here.

use crate::hex::hex;
use crate::store::codec::{self, Problem, Version};
use crate::store::engine::{Direction, KeyRange, TableName};
use crate::store::keys;
use crate::store::meta::META;
use crate::store::record::{IndexRows, Record, Rows};
use crate::store::tx::ReadTx;
use crate::store::{Damage, Result, StoreError};
use std::collections::BTreeMap;
use std::iter;
use std::ops::ControlFlow;

/// Sentences kept; further ones are only counted.
const PROBLEMS: usize = 1000;

/// One type of record, as the catalogue in [`tables`](crate::store::tables) lists it.
#[derive(Clone, Copy)]
pub struct RecordKind {
    pub table: TableName,
    pub version: Version,
    pub indexes: &'static [TableName],
    /// Decodes a record under its key and answers the index rows that follow from it.
    rows_of: fn(&[u8], &[u8]) -> RowsOf,
}

/// Index and key of each row, or why there is no telling.
pub(super) type RowsOf = std::result::Result<Vec<(TableName, Vec<u8>)>, Problem>;

impl RecordKind {
    pub const fn of<R: Record>() -> RecordKind {
        RecordKind { table: R::TABLE.name(), version: R::TABLE.version(), indexes: R::INDEXES, rows_of: rows_of::<R> }
    }

    /// The index rows that follow from a stored record.
    pub(super) fn index_rows(&self, key: &[u8], stored: &[u8]) -> RowsOf {
        (self.rows_of)(key, stored)
    }
}

fn rows_of<R: Record>(key: &[u8], stored: &[u8]) -> RowsOf {
    let record: R = codec::decode(R::TABLE.name(), key, R::TABLE.version(), stored)?;
    if keys::decode::<R::Key>(key).is_none() || keys::encode(&record.key()) != key {
        return Err(Problem::Key);
    }
    Ok(IndexRows::of(&record).into_iter().map(|row| (row.index, row.key)).collect())
}

/// What was looked at, and what is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verified {
    pub records: u64,
    pub index_rows: u64,
    /// One sentence each; empty is well. At most a thousand.
    pub problems: Vec<String>,
    pub problems_unlisted: u64,
}

impl Verified {
    pub fn is_well(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, sentence: impl FnOnce() -> String) {
        if self.problems.len() < PROBLEMS {
            self.problems.push(sentence());
        } else {
            self.problems_unlisted += 1;
        }
    }
}

pub fn verify(rows: &ReadTx<'_>, kinds: &[RecordKind]) -> Result<Verified> {
    let mut found = Verified::default();
    let tables = kinds.iter().flat_map(|kind| iter::once(kind.table).chain(kind.indexes.iter().copied()));
    for sentence in rows.snapshot.strange_tables(&tables.chain([META]).collect::<Vec<_>>())? {
        found.problem(|| sentence);
    }
    for kind in kinds {
        let expected = check_records(rows, kind, &mut found)?;
        for index in kind.indexes {
            check_index(rows, kind, *index, expected.get(index).copied().unwrap_or(0), &mut found)?;
        }
    }
    Ok(found)
}

/// Answers how many rows each index must have.
fn check_records(rows: &ReadTx<'_>, kind: &RecordKind, found: &mut Verified) -> Result<BTreeMap<TableName, u64>> {
    let mut expected = BTreeMap::new();
    let mut count = 0;
    each_row(rows, kind.table, |key, stored| {
        count += 1;
        let index_rows = match (kind.rows_of)(key, stored) {
            Ok(index_rows) => index_rows,
            Err(problem) => {
                let damage = Damage { table: kind.table, key: key.to_vec(), problem };
                found.problem(|| damage.to_string());
                rows.health().note_damage(damage);
                return Ok(());
            }
        };
        for (index, row) in index_rows {
            let at = || format!("row {} of {}, record {}", hex(&row), index.0, hex(key));
            match rows.raw_get(index, &row)? {
                Some(record_key) if *record_key == *key => *expected.entry(index).or_default() += 1,
                Some(other) => found.problem(|| format!("An index row points to {} instead: {}.", hex(&other), at())),
                None => found.problem(|| format!("An index row is missing: {}.", at())),
            }
        }
        Ok(())
    })?;
    found.records += count;
    check_count(rows, kind.table, count, found)?;
    Ok(expected)
}

fn check_count(rows: &ReadTx<'_>, table: TableName, count: u64, found: &mut Verified) -> Result<()> {
    let expected = rows.snapshot.row_count(table)?;
    if count != expected {
        found.problem(|| format!("{count} rows of {} were found where {expected} should be.", table.0));
    }
    Ok(())
}

/// All `expected` rows are known to be there and to differ, so an equal count means that there are no others. Only
/// otherwise is each row traced back to its record.
fn check_index(
    rows: &ReadTx<'_>,
    kind: &RecordKind,
    index: TableName,
    expected: u64,
    found: &mut Verified,
) -> Result<()> {
    let mut count = 0;
    each_row(rows, index, |_, _| {
        count += 1;
        Ok(())
    })?;
    found.index_rows += count;
    check_count(rows, index, count, found)?;
    if count == expected {
        return Ok(());
    }
    each_row(rows, index, |row, record_key| {
        let follows = match rows.raw_get(kind.table, record_key)? {
            Some(stored) => match (kind.rows_of)(record_key, &stored) {
                Ok(index_rows) => index_rows.iter().any(|(name, key)| *name == index && key == row),
                // The record is reported as damaged; its rows cannot be judged.
                Err(_) => true,
            },
            None => false,
        };
        if !follows {
            let (row, record_key) = (hex(row), hex(record_key));
            found.problem(|| format!("An index row has no record: row {row} of {}, record {record_key}.", index.0));
        }
        Ok(())
    })
}

/// How many records each table holds.
pub fn counts(rows: &impl Rows, kinds: &[RecordKind]) -> Result<Vec<(&'static str, u64)>> {
    let count = |kind: &RecordKind| {
        let mut count = 0;
        each_row(rows, kind.table, |_, _| {
            count += 1;
            Ok(())
        })?;
        Ok((kind.table.0, count))
    };
    kinds.iter().map(count).collect()
}

pub(super) fn each_row(
    rows: &impl Rows,
    table: TableName,
    mut row: impl FnMut(&[u8], &[u8]) -> Result<()>,
) -> Result<()> {
    let mut failure: Option<StoreError> = None;
    rows.raw_scan(table, &KeyRange::all(), Direction::Ascending, &mut |key, value| match row(key, value) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failure = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failure.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{Id, TeamId, UserId};
    use crate::store::engine::map::MapEngine;
    use crate::store::engine::{self, Changes, Engine, Snapshot};
    use crate::store::keys::Newest;
    use crate::store::testing::{BY_NAME, BY_TEAM, PETS, Pet, in_memory, on, pet};
    use crate::store::{Lane, Tx};
    use std::sync::Arc;

    /// Lets the test keep a hand on the rows.
    impl Engine for Arc<MapEngine> {
        fn snapshot(&self) -> engine::Result<Box<dyn Snapshot>> {
            (**self).snapshot()
        }

        fn commit(&self, read_from: &dyn Snapshot, changes: &Changes) -> engine::Result<()> {
            (**self).commit(read_from, changes)
        }
    }

    /// Verifies three pets after `breaking` has changed rows behind the store's back.
    fn check(breaking: impl FnOnce(&mut Changes), expected: &[&str]) {
        let engine = Arc::new(MapEngine::default());
        let store = on(Arc::clone(&engine));
        let pets = |tx: &mut Tx<'_>| (1..=3).try_for_each(|n| tx.put(&pet(n, &format!("pet {n}"))));
        store.write(Lane::People, pets).expect("written");
        let mut changes = Changes::default();
        breaking(&mut changes);
        engine.commit(&*engine.snapshot().expect("a state"), &changes).expect("a commit");

        let found = verify(&store.read_tx().expect("a state"), PETS).expect("a verdict");
        assert_eq!(found.problems, expected);
        assert_eq!(found.records, 3);
    }

    fn key(number: u64) -> Vec<u8> {
        keys::encode(&UserId::new(number))
    }

    fn by_team(number: u64) -> Vec<u8> {
        let pet = pet(number, "");
        keys::encode(&(pet.team, Newest(pet.fed_at), pet.id))
    }

    #[test]
    fn a_sound_store_verifies_and_says_how_much_it_looked_at() {
        check(|_| {}, &[]);
        assert!(in_memory().verify().is_ok_and(|found| found.is_well()));
    }

    #[test]
    fn a_broken_index_row_is_found_whichever_way_it_is_broken() {
        check(
            |changes| changes.remove(BY_TEAM.name(), by_team(2)),
            &[
                "An index row is missing: row 00000000000000017ffffffffffffffd0000000000000002 of pets.by_team, record 0000000000000002.",
            ],
        );
        check(
            |changes| changes.set(BY_NAME.name(), keys::encode("ghost"), key(9)),
            &["An index row has no record: row 67686f73740000 of pets.by_name, record 0000000000000009."],
        );
        check(
            |changes| changes.set(BY_NAME.name(), keys::encode("alias"), key(2)),
            &["An index row has no record: row 616c6961730000 of pets.by_name, record 0000000000000002."],
        );
        check(
            |changes| changes.set(BY_NAME.name(), keys::encode("pet 2"), key(3)),
            &[
                "An index row points to 0000000000000003 instead: row 70657420320000 of pets.by_name, record 0000000000000002.",
                "An index row has no record: row 70657420320000 of pets.by_name, record 0000000000000003.",
            ],
        );
    }

    #[test]
    fn a_damaged_record_is_found_and_its_index_rows_are_not_blamed() {
        check(
            |changes| changes.set(Pet::TABLE.name(), key(2), b"rotten".to_vec()),
            &["a record of pets is damaged: its checksum does not match (key 0000000000000002)"],
        );
    }

    #[test]
    fn a_record_under_a_key_that_is_not_its_own_is_found() {
        check(
            |changes| {
                // With a checksum for where it lies: as a bug would write it, not as a disk would break it.
                let stray = codec::encode(Pet::TABLE.name(), &key(3), Version(1), &pet(4, "stray")).expect("small");
                changes.set(Pet::TABLE.name(), key(3), stray);
            },
            &[
                "a record of pets is damaged: its key does not read as a key, or is not the record's own (key 0000000000000003)",
            ],
        );
    }

    #[test]
    fn a_row_is_not_lost_in_the_right_number_of_rows() {
        let other = keys::encode(&(TeamId::new(7), Newest(pet(2, "").fed_at), UserId::new(2)));
        check(
            |changes| {
                changes.remove(BY_TEAM.name(), by_team(2));
                changes.set(BY_TEAM.name(), other, key(2));
            },
            &[
                "An index row is missing: row 00000000000000017ffffffffffffffd0000000000000002 of pets.by_team, record 0000000000000002.",
                "An index row has no record: row 00000000000000077ffffffffffffffd0000000000000002 of pets.by_team, record 0000000000000002.",
            ],
        );
    }
}
