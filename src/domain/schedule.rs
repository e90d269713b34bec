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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;
    use crate::domain::oncall::testing::{empty, id};
    use crate::domain::rotation::Cadence;

    #[test]
    fn a_rotation_names_whom_its_newest_version_names() {
        let mut calendar = empty("UTC").with_turns("06-01T00:00", Cadence::Days(1), "A BC", &[]);
        let layer = &mut calendar.schedule.layers[0];
        assert_eq!(['A', 'B', 'C', 'D'].map(|letter| layer.names(id(letter))), [true, true, true, false]);
        let Turns::Rotation(versions) = &mut layer.turns else { panic!("a rotation") };
        let mut newer = versions[0].clone();
        newer.slots = vec![vec![id('D')]];
        versions.push(newer);
        assert_eq!(['A', 'D'].map(|letter| layer.names(id(letter))), [false, true]);
        layer.turns = Turns::Imported(ImportId::new(1));
        assert!(!layer.names(id('A')));
    }

    #[test]
    fn a_schedule_follows_the_calendars_of_its_layers_and_its_covers() {
        let mut schedule = empty("UTC").with_turns("06-01T00:00", Cadence::Days(1), "A", &[]).schedule;
        assert!(schedule.imports().is_empty());
        let imported = Layer { turns: Turns::Imported(ImportId::new(2)), ..schedule.layers[0].clone() };
        schedule.layers.push(imported);
        schedule.imported_covers.push(ImportId::new(1));
        assert_eq!(schedule.imports().into_iter().collect::<Vec<_>>(), [ImportId::new(1), ImportId::new(2)]);
    }
}
