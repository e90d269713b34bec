//! Teams: who belongs together. A team's coverage is that of its schedules, or all its active members without any.

use crate::domain::id::{TeamId, UserId};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Team {
    pub id: TeamId,
    /// Unique, case ignored.
    pub name: String,
    pub members: Vec<UserId>,
    pub created_at: Timestamp,
    pub version: u64,
}
