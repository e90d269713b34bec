//! Web sessions.

use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A session that nobody used for this long is over.
pub const IDLE_SECS: i64 = 72 * 3600;
/// And this is the longest one can last.
pub const LONGEST_SECS: i64 = 30 * 24 * 3600;
/// Use is written down at most this often, by a worker's job and not by the request: a GET changes nothing.
pub const TOUCH_SECS: i64 = 600;
/// For what could lock others out or open new doors, the password counts for this long.
pub const PROVED_SECS: i64 = 600;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Session {
    /// A keyed digest of the cookie's value, which is kept nowhere.
    pub token_hash: [u8; 32],
    /// What it is called outside.
    pub id: SessionId,
    pub user: UserId,
    pub device: Device,
    pub created_at: Timestamp,
    pub used_at: Timestamp,
    /// When its owner last showed who they are.
    pub proved_at: Timestamp,
}

/// Where somebody signed in, as far as can be told.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Device {
    pub address: String,
    /// What the browser calls itself, cut to a readable length.
    pub agent: String,
}

impl Session {
    pub fn is_proved_at(&self, now: Timestamp) -> bool {
        now.secs_since(self.proved_at) < PROVED_SECS
    }

    /// When it ends if it is not used again.
    pub fn ends_at(&self) -> Timestamp {
        self.used_at.plus_secs(IDLE_SECS).min(self.created_at.plus_secs(LONGEST_SECS))
    }
}
