//! The store's own few rows: format, lineage, the id sequence, and a trial row.
//!
//! They are read before anything else is known about a file, so their form never changes: table `meta`, the name as the
//! key, values as in [`codec`] with version 1.

use crate::random::Random;
use crate::store::codec::{self, Version};
use crate::store::engine::{Changes, Snapshot, TableName};
use crate::store::{Damage, Result, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Raised whenever any record's version is: which files this program serves as they are.
pub const FORMAT: u32 = 2;

pub(super) const META: TableName = TableName("meta");
pub(super) const FORMAT_KEY: &[u8] = b"format";
const LINEAGE: &[u8] = b"lineage";
const NEXT_ID: &[u8] = b"next_id";
const TRIAL: &[u8] = b"trial";
const VERSION: Version = Version(1);

const LINEAGE_LETTERS: usize = 8;
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// What a new file holds.
pub fn birth(random: &dyn Random) -> Changes {
    let mut rows = Changes::default();
    set(&mut rows, FORMAT_KEY, &FORMAT);
    set(&mut rows, LINEAGE, &new_lineage(random));
    set_next_id(&mut rows, 1);
    rows
}

/// Names this history of the data: a restored copy goes on under another, so that the two can be told apart.
fn new_lineage(random: &dyn Random) -> String {
    let mut letters = [0; LINEAGE_LETTERS];
    random.fill(&mut letters);
    letters.iter().map(|byte| char::from(BASE32[usize::from(byte % 32)])).collect()
}

/// The format in a stored row, if it is sound.
pub(super) fn format_of(stored: &[u8]) -> Option<u32> {
    codec::decode(META, FORMAT_KEY, VERSION, stored).ok()
}

pub(super) fn format(snapshot: &dyn Snapshot) -> Result<Option<u32>> {
    get(snapshot, FORMAT_KEY)
}

pub(super) fn lineage(snapshot: &dyn Snapshot) -> Result<Option<String>> {
    get(snapshot, LINEAGE)
}

/// The first id not given out yet. A row that is missing or damaged is an error, for to begin again at 1 would give
/// ids out twice.
pub(super) fn next_id(snapshot: &dyn Snapshot) -> Result<u64> {
    get(snapshot, NEXT_ID)?.ok_or_else(|| damaged(NEXT_ID, codec::Problem::Missing))
}

/// What a migrated file takes over from the old one: it is the same history, in another format.
pub(super) fn carry_over(old: &dyn Snapshot, rows: &mut Changes) -> Result<()> {
    set(rows, FORMAT_KEY, &FORMAT);
    set(rows, LINEAGE, &lineage(old)?.ok_or_else(|| damaged(LINEAGE, codec::Problem::Missing))?);
    set_next_id(rows, next_id(old)?);
    Ok(())
}

pub fn set_next_id(changes: &mut Changes, next: u64) {
    set(changes, NEXT_ID, &next);
}

/// Something to commit that changes nothing: about as many bytes as are to be proven to fit.
pub(super) fn trial(bytes: usize) -> Changes {
    let mut changes = Changes::default();
    set(&mut changes, TRIAL, &vec![0u8; bytes.min(codec::PAYLOAD_BYTES / 2)]);
    changes
}

/// Takes the trial row away again.
pub(super) fn end_trial() -> Changes {
    let mut changes = Changes::default();
    changes.remove(META, TRIAL.to_vec());
    changes
}

fn get<T: DeserializeOwned>(snapshot: &dyn Snapshot, key: &[u8]) -> Result<Option<T>> {
    let Some(stored) = snapshot.get(META, key)? else { return Ok(None) };
    codec::decode(META, key, VERSION, &stored).map(Some).map_err(|problem| damaged(key, problem))
}

fn set<T: Serialize>(changes: &mut Changes, key: &[u8], value: &T) {
    let stored = codec::encode(META, key, VERSION, value).expect("what is kept here is far below the limit");
    changes.set(META, key.to_vec(), stored);
}

fn damaged(key: &[u8], problem: codec::Problem) -> StoreError {
    StoreError::Damaged(Damage { table: META, key: key.to_vec(), problem })
}
