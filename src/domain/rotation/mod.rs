//! Rotations: people who take turns, counted in civil time.
//!
//! A turn begins when the wall clock of the layer's zone reads a civil time or later, by the one rule of `time.rs`. So all
//! counting happens on the civil line, where no clock ever jumps: [`reading_at`] turns an instant into the latest minute
//! the wall clock has shown, once per question, and `Civil::instant` turns a boundary back. Turn and window at an instant
//! are then arithmetic, whatever lies between the anchor and now: `cadence.rs`, `window.rs` and `cron.rs`.

mod cadence;
mod check;
pub mod cron;
mod window;

use crate::domain::id::UserId;
use crate::domain::time::{Timestamp, earliest_at_or_after, latest_reading};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

pub(in crate::domain) use cadence::Steps;
pub use window::Words;
pub(in crate::domain) use window::{next_edge, on_duty};

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

const MINUTES_A_DAY: i64 = 1440;

impl Civil {
    /// What jiff can name, years -9999 to 9999; civil times outside of it are read as its ends.
    const MIN: Civil = Civil(-6_290_000_000);
    const MAX: Civil = Civil(4_222_000_000);

    /// Seconds are dropped: the minute the clock shows.
    pub fn of(local: DateTime) -> Civil {
        let read_as_utc = Offset::UTC.to_timestamp(local);
        let end = if local.year() < 1970 { Civil::MIN } else { Civil::MAX };
        read_as_utc.map_or(end, |instant| Civil(instant.as_second().div_euclid(60)))
    }

    pub fn to_datetime(self) -> DateTime {
        let second = self.0.clamp(Civil::MIN.0, Civil::MAX.0) * 60;
        let instant = jiff::Timestamp::from_second(second).expect("clamped to what jiff can name");
        Offset::UTC.to_datetime(instant)
    }

    /// When a clock in the zone reads this or later for the first time.
    pub fn instant(self, zone: &TimeZone) -> Timestamp {
        earliest_at_or_after(zone, self.to_datetime())
    }

    fn day(self) -> i64 {
        self.0.div_euclid(MINUTES_A_DAY)
    }

    fn minute_of_day(self) -> i64 {
        self.0.rem_euclid(MINUTES_A_DAY)
    }

    fn before(self) -> Civil {
        Civil(self.0.saturating_sub(1))
    }
}

/// The latest minute a clock in the zone has shown by `at`. Civil time `c` has come in the zone exactly if
/// `c <= reading_at(zone, at)`: the instant of `c` is not after `at`.
pub fn reading_at(zone: &TimeZone, at: Timestamp) -> Civil {
    Civil::of(latest_reading(zone, at))
}

impl Weekdays {
    pub const ALL: Weekdays = Weekdays(0b111_1111);
    pub const NONE: Weekdays = Weekdays(0);

    const SHORT: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

    /// Numbers from 0 for Monday to 6 for Sunday; others are left out.
    pub fn from_list(days: impl IntoIterator<Item = u8>) -> Weekdays {
        Weekdays(days.into_iter().filter(|day| *day < 7).fold(0, |bits, day| bits | 1 << day))
    }

    /// `day` from 0 for Monday to 6 for Sunday.
    pub fn contains(self, day: u8) -> bool {
        day < 7 && self.bits() >> day & 1 == 1
    }

    /// Ascending, Monday first.
    pub fn list(self) -> Vec<u8> {
        (0..7).filter(|day| self.contains(*day)).collect()
    }

    /// `Mon to Fri`, `Sat and Sun`, `every day`; runs of three and more are drawn together.
    pub fn words(self) -> String {
        if self.bits() == Weekdays::ALL.0 {
            return "every day".to_owned();
        }
        let mut parts: Vec<String> = Vec::new();
        let mut day = 0;
        while day < 7 {
            let run = (day..7).take_while(|d| self.contains(*d)).count() as u8;
            let name = |day: u8| Weekdays::SHORT[usize::from(day)].to_owned();
            match run {
                0 => {}
                1 | 2 => parts.extend((day..day + run).map(name)),
                _ => parts.push(format!("{} to {}", name(day), name(day + run - 1))),
            }
            day += run.max(1);
        }
        match parts.split_last() {
            None => "no day".to_owned(),
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        }
    }

    fn bits(self) -> u8 {
        self.0 & 0b111_1111
    }
}

/// One turn of a rotation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    /// From 0 at the anchor. Its people are slot `index` modulo the number of slots.
    pub index: u64,
    /// By this version alone: when it came into force later, the turn did too, and the next version may cut it short.
    pub start: Timestamp,
    pub end: Timestamp,
}

/// The turn at an instant; `None` before the first one. Of turns that begin in the same instant the last has it.
pub fn turn_at(version: &Version, zone: &TimeZone, at: Timestamp) -> Option<Turn> {
    Steps::of(version).turn_at(zone, reading_at(zone, at))
}

/// When turn `number` begins; [`Timestamp::MAX`] if it never does.
pub fn turn_number(version: &Version, zone: &TimeZone, number: u64) -> Timestamp {
    Steps::of(version).start_of(number).map_or(Timestamp::MAX, |civil| civil.instant(zone))
}

impl Version {
    /// When turn 0 begins: at the anchor, or with the first window or match from the anchor on.
    pub fn begins(&self, zone: &TimeZone) -> Timestamp {
        turn_number(self, zone, 0)
    }

    /// Whose turn `index` is.
    pub fn slot(&self, index: u64) -> &[UserId] {
        let slots = self.slots.len().max(1) as u64;
        self.slots.get((index % slots) as usize).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
