//! The last reading of the clock that was saved: how much time has passed is measured from it when the process starts again.
//!
//! A host without a clock of its own wakes up in 1970, one whose clock is broken in 2099. What counts elapsed time must go on
//! all the same: what lies between the mark and the start counts as at most a day, and as nothing if the clock went back.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClockMark {
    pub at: Timestamp,
    /// By how many seconds in all what counts elapsed time was ever moved along. Whoever moves it names the sum they want,
    /// so that a move whose commit was on disk although it seemed to fail is not made twice.
    pub moved_secs: i64,
}

/// No delay is longer, so nothing waits longer after a start.
const PASSED_AT_MOST_SECS: i64 = 24 * 3600;

impl ClockMark {
    /// The sum by which elapsed time is to be moved when the process starts at this instant.
    pub fn moved_secs_at_start(&self, now: Timestamp) -> i64 {
        let passed = now.secs_since(self.at);
        self.moved_secs + passed - passed.clamp(0, PASSED_AT_MOST_SECS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_a_mark_and_a_start_pass_nothing_to_a_day() {
        let at = Timestamp::from_second(1_800_000_000);
        let mark = ClockMark { at, moved_secs: 7 };
        let table = [(0, 0), (30, 0), (86_400, 0), (86_401, 1), (-1, -1), (-1_800_000_000, -1_800_000_000)];
        for (later, moved) in table {
            assert_eq!(mark.moved_secs_at_start(at.plus_secs(later)), 7 + moved, "{later}");
        }
    }
}
