//! A schedule: a team's calendar of who is on call, in a named zone.
//!
//! Its layers are part of it; its entries, overrides and imported calendars are records of their own. Who is on call at an
//! instant is answered in `oncall/` and nowhere else; `rotation/` says when a layer's turns begin.

use crate::domain::id::{ImportId, LayerId, ScheduleId, TeamId, UserId};
use crate::domain::rotation::Version;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Schedule {
    pub id: ScheduleId,
    pub team: TeamId,
    /// Unique, case ignored.
    pub name: String,
    /// A place of the zone database: local times typed on this schedule are read in it.
    pub zone: String,
    /// The top one first: where it has somebody, the ones below do not matter.
    pub layers: Vec<Layer>,
    /// Calendars from elsewhere whose events act as covers. Overrides made here win over them.
    pub imported_covers: Vec<ImportId>,
    /// Who is on call when nothing else claims the time.
    pub fallback: Option<UserId>,
    /// Counts every change of who is on call: of this record, its entries, overrides and imports. Calendars that others
    /// fetch carry it as their SEQUENCE.
    pub revision: u64,
    /// When `revision` last changed.
    pub revised_at: Timestamp,
    pub created_at: Timestamp,
    pub version: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Layer {
    pub id: LayerId,
    pub name: String,
    /// The schedule's if `None`.
    pub zone: Option<String>,
    pub turns: Turns,
}

/// Where a layer's turns come from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Turns {
    /// Ascending by `effective_from`, at least one. The first counts from its anchor.
    Rotation(Vec<Version>),
    Imported(ImportId),
}

impl Layer {
    /// Whether somebody takes turns here from now on: the newest version decides.
    pub fn names(&self, user: UserId) -> bool {
        match &self.turns {
            Turns::Rotation(versions) => {
                versions.last().is_some_and(|version| version.slots.iter().flatten().any(|one| *one == user))
            }
            Turns::Imported(_) => false,
        }
    }
}

impl Schedule {
    /// The calendars from elsewhere that it follows, as layers or as covers.
    pub fn imports(&self) -> BTreeSet<ImportId> {
        let layers = self.layers.iter().filter_map(|layer| match layer.turns {
            Turns::Imported(import) => Some(import),
            Turns::Rotation(_) => None,
        });
        layers.chain(self.imported_covers.iter().copied()).collect()
    }
}
