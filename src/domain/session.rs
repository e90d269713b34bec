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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    fn session(used: i64, proved: i64) -> Session {
        let at = |secs| Timestamp::from_second(1_780_000_000 + secs);
        let (id, user) = (SessionId::new(1), UserId::new(1));
        Session {
            token_hash: [0; 32],
            id,
            user,
            device: Device::default(),
            created_at: at(0),
            used_at: at(used),
            proved_at: at(proved),
        }
    }

    #[test]
    fn a_password_counts_for_ten_minutes() {
        let session = session(0, 100);
        let proved = |secs| session.is_proved_at(session.proved_at.plus_secs(secs));
        assert_eq!([0, PROVED_SECS - 1, PROVED_SECS, PROVED_SECS + 1].map(proved), [true, true, false, false]);
    }

    #[test]
    fn a_session_ends_unused_and_at_last_in_any_case() {
        let ends = |used| session(used, 0).ends_at().secs_since(session(0, 0).created_at);
        assert_eq!(ends(100), 100 + IDLE_SECS);
        assert_eq!(ends(LONGEST_SECS - 1), LONGEST_SECS);
    }
}
