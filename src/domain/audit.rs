//! The audit log: every edit of the configuration, in the transaction that made it.

use crate::domain::actor::Actor;
use crate::domain::id::AuditId;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditEntry {
    pub id: AuditId,
    pub at: Timestamp,
    pub actor: Actor,
    /// Resource, then verb: `policy.saved`, `user.deactivated`.
    pub action: String,
    /// The id of what was changed.
    pub object: String,
    /// In words, without secrets: "Payments 24×7: 2 levels".
    pub summary: String,
}
