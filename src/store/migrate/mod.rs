//! Brings a database of an older format to the one this program serves.
//!
//! Each stored record has a version of its own. Where a version was raised, a file here keeps the old shape as it was
//! and a [`Step`] from it to the next; [`FORMAT`] is raised with any of them. The old file is only read, through a layer
//! that keeps what redb would write to it in memory. All records go into a new file, index rows are made anew, everything
//! is verified, and only then the new file takes the place of the old one, which stays aside as it was, to the byte.
//!
//! A record that is damaged stays so: it is carried over as it is, for `verify` to name.

mod channel_trouble_v1;

use crate::domain::time::Timestamp;
use crate::store::codec::{self, Problem, Version};
use crate::store::engine::redb::{Place, RedbEngine};
use crate::store::engine::{self, Changes, Direction, Engine, KeyRange, OpenError, Snapshot, TableName};
use crate::store::health::Health;
use crate::store::rebuild::Builder;
use crate::store::tx::ReadTx;
use crate::store::verify::{self, RecordKind};
use crate::store::{FORMAT, meta};
use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Takes the key and the old payload; answers the stored form of the next version.
type Up = fn(&[u8], &[u8]) -> Result<Vec<u8>, Problem>;

/// From one version of a record's stored shape to the next.
pub struct Step {
    pub table: TableName,
    pub from: Version,
    /// The format that it belongs to: files of an older one go through it.
    pub format: u32,
    /// For people: what it changes.
    pub says: &'static str,
    up: Up,
}

/// Every step there ever was. Those of one table come in the order of its versions.
pub const STEPS: &[Step] = &[channel_trouble_v1::STEP];

/// The steps that a file of an older format has before it, in words.
pub fn steps_from(format: u32) -> Vec<String> {
    let pending = STEPS.iter().filter(|step| step.format > format);
    pending.map(|step| format!("{} {} -> {}: {}", step.table.0, step.from.0, step.from.0 + 1, step.says)).collect()
}

/// A stored record in the version that this program serves. Borrowed: it was.
pub(super) fn current<'a>(kind: &RecordKind, key: &[u8], stored: &'a [u8]) -> Result<Cow<'a, [u8]>, Problem> {
    let mut stored = Cow::Borrowed(stored);
    loop {
        let (version, payload) = codec::open(kind.table, key, &stored)?;
        if version == kind.version {
            return Ok(stored);
        }
        let step = STEPS.iter().find(|step| step.table == kind.table && step.from == version);
        let Some(step) = step else {
            return Err(match version > kind.version {
                true => Problem::NewerVersion(version),
                false => Problem::OlderVersion(version),
            });
        };
        let next = (step.up)(key, payload)?;
        stored = Cow::Owned(next);
    }
}

/// What a migration did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Migrated {
    pub from: u32,
    pub records: u64,
    /// The old file, as it was.
    pub aside: PathBuf,
    /// Records that were damaged before and still are.
    pub damaged: usize,
}

/// The format of a file that is older than this program's. `None`: it is of this one.
pub fn pending(place: impl Into<Place>) -> Result<Option<u32>, OpenError> {
    match crate::store::Store::check_format(&place.into()) {
        Ok(()) => Ok(None),
        Err(OpenError::OlderFormat { found, .. }) => Ok(Some(found)),
        Err(other) => Err(other),
    }
}

/// Where the old file is kept: `pagerpal.redb.pre-2`.
fn aside(place: &Place) -> Place {
    place.with_ending(&format!(".pre-{FORMAT}"))
}

/// Migrates the file. On an error it is as it was.
pub fn migrate(place: impl Into<Place>, kinds: &[RecordKind], from: u32) -> Result<Migrated, OpenError> {
    let place = place.into();
    let failed = |problem: String| OpenError::NotMigrated { path: place.path.clone(), found: from, problem };
    // Read through a layer that writes nothing, and locked for as long as this lasts.
    let old = RedbEngine::open_untouched(place.clone())?;
    let snapshot = old.snapshot().map_err(|error| failed(error.to_string()))?;
    let aside = aside(&place);
    // One of an attempt that was killed; it is the file itself, or an older copy of it.
    aside.clear().map_err(|error| failed(error.to_string()))?;
    place.files.link(&place.path, &aside.path).map_err(|error| failed(error.to_string()))?;
    let mut counted = Counted::default();
    let made = RedbEngine::replace(place.clone(), |new| {
        counted = fill(&*snapshot, new, kinds)?;
        prove(new, kinds, &counted)
    });
    if let Err(error) = made {
        // Unless the new one is in its place and only its name could not be made safe: then the old one is nowhere else.
        if !matches!(pending(place.clone()), Ok(None)) {
            let _ = aside.clear();
        }
        engine::redb::remove_newborn(&place);
        return Err(failed(error.to_string()));
    }
    Ok(Migrated { from, records: counted.records, aside: aside.path, damaged: counted.damaged })
}

#[derive(Default)]
struct Counted {
    records: u64,
    damaged: usize,
}

fn fill(old: &dyn Snapshot, new: &RedbEngine, kinds: &[RecordKind]) -> engine::Result<Counted> {
    let mut rows = Changes::default();
    meta::carry_over(old, &mut rows).map_err(|error| engine::Error::Unavailable(error.to_string()))?;
    let mut builder = Builder::new(new, kinds, rows);
    let mut counted = Counted::default();
    for kind in kinds {
        let mut failure = None;
        old.scan(kind.table, &KeyRange::all(), Direction::Ascending, &mut |key, stored| {
            counted.records += 1;
            let added = match codec::open(kind.table, key, stored) {
                Ok(_) => builder.add(kind.table, key.to_vec(), stored),
                Err(_) => {
                    counted.damaged += 1;
                    builder.carry(kind.table, key.to_vec(), stored.to_vec())
                }
            };
            match added {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error.to_string());
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(problem) = failure {
            return Err(engine::Error::Unavailable(problem));
        }
    }
    builder.commit()?;
    Ok(counted)
}

/// Everything can be read and found, but for what was damaged before.
fn prove(new: &RedbEngine, kinds: &[RecordKind], counted: &Counted) -> engine::Result<()> {
    let health = Health::default();
    let read = ReadTx { snapshot: new.snapshot()?, now: Timestamp::MIN, health: &health };
    let found = verify::verify(&read, kinds).map_err(|error| engine::Error::Unavailable(error.to_string()))?;
    let problems = found.problems.len() as u64 + found.problems_unlisted;
    if found.records != counted.records || problems > counted.damaged as u64 {
        let first = found.problems.into_iter().next().unwrap_or_else(|| "records are missing".to_owned());
        return Err(engine::Error::Unavailable(format!("the new file does not verify: {first}")));
    }
    Ok(())
}
