//! What people put on a schedule: normal entries, which may not overlap, and overrides, which may overlap anything.

use crate::domain::id::{EntryId, Id, OverrideId, ScheduleId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// `[start, end)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Interval {
    pub start: Timestamp,
    pub end: Timestamp,
}

pub const LONGEST_ENTRY_DAYS: i64 = 366;

impl Interval {
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    pub fn overlaps(&self, other: &Interval) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// What a person may enter.
    pub fn checked(start: Timestamp, end: Timestamp) -> Result<Interval, Refusal> {
        if start < end && end.secs_since(start) <= LONGEST_ENTRY_DAYS * 86_400 {
            return Ok(Interval { start, end });
        }
        Err(Refusal::invalid("entry_range", "end", "The end must come after the start, within 366 days."))
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub id: EntryId,
    pub schedule: ScheduleId,
    pub user: UserId,
    pub span: Interval,
    pub note: String,
    pub author: Option<UserId>,
    pub recorded_at: Timestamp,
}

/// The newest override wins where several apply; a larger id is newer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Override {
    pub id: OverrideId,
    pub schedule: ScheduleId,
    pub user: UserId,
    pub mode: OverrideMode,
    pub span: Interval,
    pub note: String,
    pub author: Option<UserId>,
    pub recorded_at: Timestamp,
}

impl Override {
    /// Whether the two are the halves of a swap: made in one go, hence numbered in a row, and each standing in for the
    /// other's person. Overrides that are made one by one have an audit entry's number between them.
    pub fn is_swapped_with(&self, other: &Override) -> bool {
        let stands_in = |o: &Override, from: UserId| o.mode == OverrideMode::Replace { from };
        self.id.number().abs_diff(other.id.number()) == 1
            && (self.schedule, self.author, self.recorded_at) == (other.schedule, other.author, other.recorded_at)
            && stands_in(self, other.user)
            && stands_in(other, self.user)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum OverrideMode {
    /// The user takes the place, whoever has it, gaps included.
    Cover,
    /// The user stands in wherever `from` would be, and fills no gap.
    Replace { from: UserId },
}

/// What happens to an entry or override that is taken away: the past stays as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Removal {
    /// It lies ahead: gone.
    Delete,
    /// It runs: it ends now.
    EndAt(Timestamp),
    /// It is over: it stays.
    Keep,
}

pub fn removal(span: &Interval, now: Timestamp) -> Removal {
    if now <= span.start {
        Removal::Delete
    } else if span.contains(now) {
        Removal::EndAt(now)
    } else {
        Removal::Keep
    }
}
