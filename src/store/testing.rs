//! A record to test the store with, and small stores to keep it in.

use crate::clock::ScriptedClock;
use crate::domain::id::{Id, TeamId, UserId};
use crate::domain::time::Timestamp;
use crate::random::ScriptedRandom;
use crate::store::Store;
use crate::store::codec::Version;
use crate::store::engine::{Changes, Engine, Error, Result as EngineResult, Snapshot, TableName};
use crate::store::keys::Newest;
use crate::store::record::{Index, IndexRows, Record, Table, Unique};
use crate::store::verify::RecordKind;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pet {
    pub id: UserId,
    pub team: TeamId,
    pub name: String,
    pub fed_at: Timestamp,
    /// Only an awake pet's name is taken.
    pub awake: bool,
}

pub const BY_NAME: Unique<String, Pet> = Unique::new("pets.by_name");
pub const BY_TEAM: Index<(TeamId, Newest, UserId), Pet> = Index::new("pets.by_team");
pub const PETS: &[RecordKind] = &[RecordKind::of::<Pet>()];

impl Record for Pet {
    type Key = UserId;
    const TABLE: Table<UserId, Pet> = Table::new("pets", Version(1));
    const INDEXES: &'static [TableName] = &[BY_NAME.name(), BY_TEAM.name()];

    fn key(&self) -> UserId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        if self.awake {
            rows.add(&BY_NAME, &self.name);
        }
        rows.add(&BY_TEAM, (self.team, Newest(self.fed_at), self.id));
    }
}

/// Awake, in team 1, fed when its number says.
pub fn pet(number: u64, name: &str) -> Pet {
    Pet {
        id: Id::new(number),
        team: Id::new(1),
        name: name.to_owned(),
        fed_at: Timestamp::from_second(number as i64),
        awake: true,
    }
}

pub fn clock() -> Arc<ScriptedClock> {
    Arc::new(ScriptedClock::at(Timestamp::from_second(1_800_000_000)))
}

pub fn random() -> Arc<ScriptedRandom> {
    Arc::new(ScriptedRandom::new(1))
}

pub fn in_memory() -> Store {
    Store::in_memory(clock(), random())
}

pub fn on(engine: impl Engine + 'static) -> Store {
    Store::on_engine(Box::new(engine), clock(), random()).expect("a store")
}

/// An engine that counts its commits and lets the next few fail.
pub struct Scripted<E> {
    pub inner: E,
    pub script: Arc<Script>,
}

#[derive(Default)]
pub struct Script {
    pub commits: AtomicU64,
    pub unavailable: AtomicU64,
    pub stale: AtomicU64,
}

impl<E: Engine> Engine for Scripted<E> {
    fn snapshot(&self) -> EngineResult<Box<dyn Snapshot>> {
        self.inner.snapshot()
    }

    fn commit(&self, read_from: &dyn Snapshot, changes: &Changes) -> EngineResult<()> {
        if take_one(&self.script.unavailable) {
            return Err(Error::Unavailable("the disk is full".to_owned()));
        }
        if take_one(&self.script.stale) {
            return Err(Error::Stale);
        }
        self.script.commits.fetch_add(1, Ordering::SeqCst);
        self.inner.commit(read_from, changes)
    }
}

fn take_one(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}
