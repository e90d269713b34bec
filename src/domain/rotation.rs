//! Rotations: people who take turns, counted in civil time.

use crate::domain::id::UserId;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A rotation as it is from an instant on. A version in force is never changed: an edit makes the next one, so the past
/// stays as it was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Version {
    pub effective_from: Timestamp,
    /// When turn 0 begins.
    pub anchor: Civil,
    pub cadence: Cadence,
    /// 1 to 100 turns of 1 to 5 people; somebody may be in several.
    pub slots: Vec<Vec<UserId>>,
    /// When this layer is on duty at all; empty is always.
    pub windows: Vec<Window>,
}

/// A wall clock's reading without a zone, in whole minutes since 1970-01-01 00:00.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Civil(pub i64);

/// How often the turn changes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Cadence {
    /// 1 to 168, on the civil line: a 12 h rotation keeps 08:00 and 20:00 whatever the clocks do.
    Hours(u16),
    /// 1 to 365.
    Days(u16),
    /// 1 to 52.
    Weeks(u16),
    /// 1 to 12, counted from the anchor; the day is the anchor's, or the month's last.
    Months(u16),
    /// A turn is so many windows, 1 to 100. Needs exactly one window, which does not overlap itself.
    Windows(u16),
    /// A turn begins at each match: five fields with fixed minute and hour.
    Cron(String),
}

/// A stretch of each of these days, on the wall clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Window {
    pub days: Weekdays,
    /// Minutes since midnight.
    pub start: u16,
    /// An end at or before the start lies on the next day, so equal ones last 24 h.
    pub end: u16,
    /// 0 to 6 more days: Friday 18:00 to Monday 08:00 is Friday, 18:00, 08:00 and 2.
    pub extra_days: u8,
}

/// Days of the week, Monday in the lowest of seven bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Weekdays(pub u8);
