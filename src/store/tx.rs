//! Transactions: reading one committed state, and writing into layers over it.
//!
//! A write transaction sees the snapshot its batch began with, what its neighbours in the batch have written, and its
//! own layer over that. Dropping the layer undoes it; nothing reaches the engine from here.

use crate::domain::given::Given;
use crate::domain::id::Id;
use crate::domain::time::Timestamp;
use crate::store::engine::{Changes, Direction, KeyRange, Snapshot, TableName, Visit, layered_get, layered_scan};
use crate::store::health::Health;
use crate::store::keys::ToKey;
use crate::store::record::{self, Record, Rows, RowsMut};
use crate::store::{Result, StoreError, panic_text};
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One committed state, and the time at which it was asked for.
pub struct ReadTx<'s> {
    pub(super) snapshot: Box<dyn Snapshot>,
    pub(super) now: Timestamp,
    pub(super) health: &'s Health,
}

impl ReadTx<'_> {
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

impl Rows for ReadTx<'_> {
    fn raw_get(&self, table: TableName, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>> {
        Ok(self.snapshot.get(table, key)?.map(Cow::Owned))
    }

    fn raw_scan(&self, table: TableName, range: &KeyRange, direction: Direction, visit: &mut Visit<'_>) -> Result<()> {
        Ok(self.snapshot.scan(table, range, direction, visit)?)
    }

    fn health(&self) -> &Health {
        self.health
    }
}

/// What a write closure works on. The closure may run twice, so it does nothing but read, decide and write here: no
/// I/O, no sleep, no lock, and nothing random but [`Tx::given`].
pub struct Tx<'s> {
    snapshot: &'s dyn Snapshot,
    /// The batch's, then the job's own, then one for each `nested`.
    layers: Vec<Changes>,
    given: Given,
    health: &'s Health,
}

impl<'s> Tx<'s> {
    pub(super) fn new(snapshot: &'s dyn Snapshot, given: Given, health: &'s Health) -> Tx<'s> {
        Tx { snapshot, layers: vec![Changes::default()], given, health }
    }

    /// Time, new ids and jitter for this closure's decisions. Ids of a refused closure are given out again.
    pub fn given(&mut self) -> &mut Given {
        &mut self.given
    }

    /// When the batch began; the same for all its closures.
    pub fn now(&self) -> Timestamp {
        self.given.now
    }

    pub fn new_id<I: Id>(&mut self) -> I {
        self.given.ids.take()
    }

    /// Writes a record and brings its index rows into line. A refusal ([`StoreError::Conflict`]) has changed nothing,
    /// so the closure may go on.
    pub fn put<R: Record>(&mut self, record: &R) -> Result<()> {
        record::put(self, record)
    }

    /// Removes a record and its index rows; answers what was there, if anything.
    pub fn delete<R: Record>(&mut self, key: impl ToKey<Key = R::Key>) -> Result<Option<R>> {
        record::delete(self, key)
    }

    /// Removes a record that is [`StoreError::Damaged`], with all that points to it. Slow, and there is no way back but
    /// the backup.
    pub fn discard<R: Record>(&mut self, key: impl ToKey<Key = R::Key>) -> Result<()> {
        record::discard::<R>(self, key)
    }

    /// Runs a part that may fail without taking the rest along: its writes are kept if it answers `Ok`, and dropped if
    /// it answers `Err` or panics ([`StoreError::Panicked`]).
    pub fn nested<T, E: From<StoreError>>(
        &mut self,
        part: impl FnOnce(&mut Tx<'s>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let depth = self.layers.len();
        self.layers.push(Changes::default());
        let answer = catch_unwind(AssertUnwindSafe(|| part(self)))
            .unwrap_or_else(|panic| Err(StoreError::Panicked(panic_text(&*panic)).into()));
        self.close_layers(depth, answer.is_ok());
        answer
    }

    /// Merges the layers above `depth` into the one below, or drops them.
    fn close_layers(&mut self, depth: usize, keep: bool) {
        let own = self.layers.drain(depth..).next();
        if keep && let Some(own) = own {
            self.top().absorb(own);
        }
    }

    pub(super) fn set_given(&mut self, given: Given) {
        self.given = given;
    }

    /// What the batch has written so far. Called between jobs, when no other layer is left.
    pub(super) fn batch(&mut self) -> &mut Changes {
        &mut self.layers[0]
    }
}

impl Rows for Tx<'_> {
    fn raw_get(&self, table: TableName, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>> {
        Ok(layered_get(self.snapshot, &self.layers, table, key)?)
    }

    fn raw_scan(&self, table: TableName, range: &KeyRange, direction: Direction, visit: &mut Visit<'_>) -> Result<()> {
        Ok(layered_scan(self.snapshot, &self.layers, table, range, direction, visit)?)
    }

    fn health(&self) -> &Health {
        self.health
    }
}

impl RowsMut for Tx<'_> {
    fn raw_set(&mut self, table: TableName, key: Vec<u8>, value: Vec<u8>) {
        self.top().set(table, key, value);
    }

    fn raw_remove(&mut self, table: TableName, key: Vec<u8>) {
        self.top().remove(table, key);
    }
}

impl Tx<'_> {
    fn top(&mut self) -> &mut Changes {
        self.layers.last_mut().expect("the batch's layer is never closed")
    }
}
