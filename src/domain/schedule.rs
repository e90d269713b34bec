//! A schedule: a team's calendar of who is on call, in a named zone.
//!
//! Its entries and overrides are records of their own (`entry.rs`); who is on call at an instant is answered in
//! `oncall.rs` and nowhere else.

use crate::domain::id::{ScheduleId, TeamId, UserId};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Schedule {
    pub id: ScheduleId,
    pub team: TeamId,
    /// Unique, case ignored.
    pub name: String,
    /// A place of the zone database: local times typed on this schedule are read in it.
    pub zone: String,
    /// Who is on call when nothing else claims the time.
    pub fallback: Option<UserId>,
    pub created_at: Timestamp,
    pub version: u64,
}
