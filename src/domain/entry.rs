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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + secs)
    }

    fn span(start: i64, end: i64) -> Interval {
        Interval { start: at(start), end: at(end) }
    }

    #[test]
    fn spans_that_only_touch_do_not_overlap() {
        let middle = span(10, 20);
        let cases = [(0, 10, false), (0, 11, true), (12, 13, true), (19, 30, true), (20, 30, false), (0, 30, true)];
        for (start, end, expected) in cases {
            let other = span(start, end);
            assert_eq!((middle.overlaps(&other), other.overlaps(&middle)), (expected, expected), "{start} to {end}");
        }
    }

    #[test]
    fn an_entry_ends_after_its_start_within_a_year() {
        let year = LONGEST_ENTRY_DAYS * 86_400;
        for (end, is_possible) in [(-1, false), (0, false), (1, true), (year, true), (year + 1, false)] {
            assert_eq!(Interval::checked(at(0), at(end)).is_ok(), is_possible, "{end}");
        }
    }

    #[test]
    fn what_is_taken_away_leaves_its_past() {
        let entry = span(10, 20);
        assert_eq!(removal(&entry, at(9)), Removal::Delete);
        assert_eq!(removal(&entry, at(10)), Removal::Delete, "nothing of it is past");
        assert_eq!(removal(&entry, at(11)), Removal::EndAt(at(11)));
        assert_eq!(removal(&entry, at(19)), Removal::EndAt(at(19)));
        assert_eq!(removal(&entry, at(20)), Removal::Keep);
    }

    #[test]
    fn two_overrides_are_a_swap_if_they_were_made_as_one() {
        let half = |id, user, from| Override {
            id: OverrideId::new(id),
            schedule: ScheduleId::new(1),
            user: UserId::new(user),
            mode: OverrideMode::Replace { from: UserId::new(from) },
            span: span(0, 10),
            note: String::new(),
            author: Some(UserId::new(7)),
            recorded_at: at(0),
        };
        let one = half(5, 1, 2);
        let check = |other: &Override, expected: bool| {
            assert_eq!((one.is_swapped_with(other), other.is_swapped_with(&one)), (expected, expected), "{other:?}");
        };
        check(&half(6, 2, 1), true);
        check(&half(4, 2, 1), true);
        check(&half(7, 2, 1), false);
        check(&half(5, 2, 1), false);
        check(&half(6, 2, 3), false);
        check(&half(6, 3, 1), false);
        check(&Override { mode: OverrideMode::Cover, ..half(6, 2, 1) }, false);
        check(&Override { schedule: ScheduleId::new(2), ..half(6, 2, 1) }, false);
        check(&Override { author: None, ..half(6, 2, 1) }, false);
        check(&Override { recorded_at: at(1), ..half(6, 2, 1) }, false);
    }
}
