//! When turns begin: turn `k` at the anchor and `k` steps, all on the civil line and never by going through the turns.

use super::cron::Matches;
use super::{Cadence, Civil, MINUTES_A_DAY, Turn, Version, Window, reading_at};
use crate::domain::time::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A cadence from its anchor on, read once for any number of questions.
#[derive(Clone, Debug)]
pub(in crate::domain) struct Steps {
    anchor: Civil,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Equal steps of so many minutes.
    Equal(i64),
    Months(i64),
    Windows {
        window: Window,
        each: i64,
    },
    Matches(Box<Matches>),
    /// A turn per window without one window, or a pattern that cannot be read: no turn ever begins.
    Never,
}

impl Steps {
    pub(in crate::domain) fn of(version: &Version) -> Steps {
        let anchor = version.anchor.clamp(Civil::MIN, Civil::MAX);
        let hours = |number: u16| Kind::Equal(i64::from(number.max(1)) * 60);
        let kind = match &version.cadence {
            Cadence::Hours(number) => hours(*number),
            Cadence::Days(number) => Kind::Equal(i64::from((*number).max(1)) * MINUTES_A_DAY),
            Cadence::Weeks(number) => Kind::Equal(i64::from((*number).max(1)) * 7 * MINUTES_A_DAY),
            Cadence::Months(number) => Kind::Months(i64::from((*number).max(1))),
            Cadence::Windows(number) => match version.windows[..] {
                [window] => Kind::Windows { window, each: i64::from((*number).max(1)) },
                _ => Kind::Never,
            },
            Cadence::Cron(pattern) => {
                Matches::parse(pattern, anchor).map_or(Kind::Never, |matches| Kind::Matches(Box::new(matches)))
            }
        };
        Steps { anchor, kind }
    }

    /// Where on the civil line a turn begins; `None` if it never does.
    pub(in crate::domain) fn start_of(&self, index: u64) -> Option<Civil> {
        let steps = i64::try_from(index).ok()?;
        let start = match &self.kind {
            Kind::Equal(minutes) => Civil(self.anchor.0.checked_add(steps.checked_mul(*minutes)?)?),
            Kind::Months(each) => self.month(steps.checked_mul(*each)?)?,
            Kind::Windows { window, each } => {
                let first = window.begun_by(self.anchor.before()) + 1;
                window.start_number(first.checked_add(steps.checked_mul(*each)?)?)?
            }
            Kind::Matches(matches) => matches.number(index)?,
            Kind::Never => return None,
        };
        (start <= Civil::MAX).then_some(start)
    }

    /// The last turn that has begun by a reading.
    pub(in crate::domain) fn index_at(&self, reading: Civil) -> Option<u64> {
        let index = match &self.kind {
            Kind::Equal(minutes) => (reading.0 - self.anchor.0).div_euclid(*minutes),
            Kind::Months(each) => {
                let (then, now) = (self.anchor.to_datetime(), reading.to_datetime());
                let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
                let index = (months(now.date()) - months(then.date())).div_euclid(*each);
                // The step of the month that is running may still lie ahead.
                let begun = self.month(index * each).is_some_and(|start| start <= reading);
                if begun { index } else { index - 1 }
            }
            Kind::Windows { window, each } => {
                (window.begun_by(reading) - window.begun_by(self.anchor.before()) - 1).div_euclid(*each)
            }
            Kind::Matches(matches) => return matches.count(reading).checked_sub(1),
            Kind::Never => return None,
        };
        u64::try_from(index).ok()
    }

    /// Where the turn after the one at a reading begins, turn 0 if none has begun.
    pub(in crate::domain) fn next_start(&self, index: Option<u64>, reading: Civil) -> Option<Civil> {
        match &self.kind {
            Kind::Matches(matches) => matches.after(reading),
            _ => self.start_of(index.map_or(0, |index| index + 1)),
        }
    }

    pub(super) fn turn_at(&self, zone: &TimeZone, reading: Civil) -> Option<Turn> {
        let index = self.index_at(reading)?;
        let start = self.start_of(index)?.instant(zone);
        let end = self.next_start(Some(index), reading).map_or(Timestamp::MAX, |civil| civil.instant(zone));
        Some(Turn { index, start, end })
    }

    /// The anchor moved by months, on its day or the month's last.
    fn month(&self, months: i64) -> Option<Civil> {
        let anchor = self.anchor.to_datetime();
        let month = i64::from(anchor.year()) * 12 + i64::from(anchor.month()) - 1 + months;
        let year = i16::try_from(month.div_euclid(12)).ok()?;
        let first = Date::new(year, month.rem_euclid(12) as i8 + 1, 1).ok()?;
        let day = anchor.day().min(first.days_in_month());
        let date = Date::new(year, first.month(), day).ok()?;
        Some(Civil::of(date.to_datetime(anchor.time())))
    }
}

impl Version {
    /// Whose turn comes at an instant, as a number: see [`super::turn_at`].
    pub fn turn_index_at(&self, zone: &TimeZone, at: Timestamp) -> Option<u64> {
        Steps::of(self).index_at(reading_at(zone, at))
    }
}
