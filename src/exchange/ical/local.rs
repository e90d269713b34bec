//! What a calendar writes about time: readings of a wall clock, dates, durations.
//!
//! A reading is counted in seconds on the civil line, where every day has 86 400 of them, so that wall clock arithmetic is
//! addition. It becomes an instant through a zone (`zones.rs`).

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::Offset;

pub const DAY: i64 = 86_400;

/// A wall clock's reading without a zone: seconds since it read 1970-01-01 00:00:00.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Local(i64);

/// Years that anybody writes; what lies beyond is read as the end.
const EARLIEST: i64 = -30_600_000_000;
const LATEST: i64 = 250_000_000_000;

impl Local {
    pub fn of(reading: DateTime) -> Local {
        let end = if reading.year() < 1970 { EARLIEST } else { LATEST };
        let seconds = Offset::UTC.to_timestamp(reading).map_or(end, |instant| instant.as_second());
        Local(seconds.clamp(EARLIEST, LATEST))
    }

    pub fn midnight(date: Date) -> Local {
        Local::of(date.to_datetime(Time::midnight()))
    }

    pub fn from_seconds(seconds: i64) -> Local {
        Local(seconds.clamp(EARLIEST, LATEST))
    }

    pub fn seconds(self) -> i64 {
        self.0
    }

    pub fn plus(self, seconds: i64) -> Local {
        Local::from_seconds(self.0.saturating_add(seconds))
    }

    pub fn to_datetime(self) -> DateTime {
        let instant = jiff::Timestamp::from_second(self.0).expect("clamped to years that jiff can name");
        Offset::UTC.to_datetime(instant)
    }

    pub fn date(self) -> Date {
        self.to_datetime().date()
    }

    /// Days since 1970-01-01.
    pub fn day(self) -> i64 {
        self.0.div_euclid(DAY)
    }

    pub fn of_day(day: i64) -> Local {
        Local::from_seconds(day.saturating_mul(DAY))
    }

    /// Monday is 0.
    pub fn weekday(self) -> u8 {
        // 1970-01-01 was a Thursday.
        (self.day() + 3).rem_euclid(7) as u8
    }
}

pub fn weekday_named(name: &str) -> Option<u8> {
    ["MO", "TU", "WE", "TH", "FR", "SA", "SU"].iter().position(|known| *known == name).map(|at| at as u8)
}

/// Monday is 0, as above.
pub fn number_of(weekday: Weekday) -> u8 {
    weekday.to_monday_zero_offset() as u8
}

/// A DATE or DATE-TIME as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Written {
    Date(Local),
    Local(Local),
    /// With a Z at its end.
    Utc(Local),
}

impl Written {
    /// `20260308`, `20260308T023000` or `20260308T023000Z`.
    pub fn read(text: &str) -> Option<Written> {
        let text = text.trim();
        let Some((date, time)) = text.split_once(['T', 't']) else {
            return Some(Written::Date(Local::midnight(read_date(text)?)));
        };
        let (time, is_utc) = match time.strip_suffix(['Z', 'z']) {
            Some(time) => (time, true),
            None => (time, false),
        };
        let reading = Local::of(read_date(date)?.to_datetime(read_time(time)?));
        Some(if is_utc { Written::Utc(reading) } else { Written::Local(reading) })
    }

    pub fn reading(self) -> Local {
        match self {
            Written::Date(reading) | Written::Local(reading) | Written::Utc(reading) => reading,
        }
    }
}

fn digits<const N: usize>(text: &str) -> Option<[i16; N]> {
    let bytes = text.as_bytes();
    if !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // A year has four digits, everything after it two.
    let mut parts = [0; N];
    let mut rest = text;
    for (place, part) in parts.iter_mut().enumerate() {
        let length = if place == 0 && N == 3 && bytes.len() == 8 { 4 } else { 2 };
        let (head, tail) = rest.split_at_checked(length)?;
        *part = head.parse().ok()?;
        rest = tail;
    }
    rest.is_empty().then_some(parts)
}

fn read_date(text: &str) -> Option<Date> {
    let [year, month, day] = if text.len() == 8 { digits::<3>(text)? } else { return None };
    // The database and we begin with 1970, recurring rules of zones far earlier.
    Date::new(year, month as i8, day as i8).ok().filter(|date| date.year() >= 1600)
}

fn read_time(text: &str) -> Option<Time> {
    let [hour, minute, second] = if text.len() == 6 { digits::<3>(text)? } else { return None };
    // A leap second happens within the second before it.
    Time::new(hour as i8, minute as i8, second.min(59) as i8, 0).ok()
}

/// `P1DT12H`: days are nominal, which is the next day at the same reading; the rest is exact seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Length {
    pub days: i64,
    pub seconds: i64,
}

impl Length {
    /// `None` for what is no duration and for a negative one.
    pub fn read(text: &str) -> Option<Length> {
        let text = text.trim();
        let text = text.strip_prefix('+').unwrap_or(text).strip_prefix(['P', 'p'])?;
        let mut length = Length::default();
        let (mut number, mut in_time, mut any) = (None::<i64>, false, false);
        for letter in text.chars() {
            match letter.to_ascii_uppercase() {
                'T' if !in_time && number.is_none() => in_time = true,
                digit if digit.is_ascii_digit() => {
                    let digit = i64::from(digit as u8 - b'0');
                    number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit)?).filter(|n| *n < 1 << 40);
                    number?;
                }
                unit => {
                    let count = number.take()?;
                    any = true;
                    match (unit, in_time) {
                        ('W', false) => length.days += count * 7,
                        ('D', false) => length.days += count,
                        ('H', true) => length.seconds += count * 3600,
                        ('M', true) => length.seconds += count * 60,
                        ('S', true) => length.seconds += count,
                        _ => return None,
                    }
                }
            }
        }
        (any && number.is_none()).then_some(length)
    }
}

/// `+0530`, `-0800`, `+013045`: seconds east of UTC.
pub fn read_offset(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let [hour, minute, second] = match rest.len() {
        4 => {
            let [hour, minute] = digits::<2>(rest)?;
            [hour, minute, 0]
        }
        6 => digits::<3>(rest)?,
        _ => return None,
    };
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    (hour < 24 && minute < 60 && second < 60).then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_read_as_written() {
        let reading = |text: &str| Local::of(text.parse().expect("a reading"));
        let table = [
            ("20260308", Some(Written::Date(reading("2026-03-08T00:00")))),
            ("20260308T023000", Some(Written::Local(reading("2026-03-08T02:30")))),
            ("20260308T023000Z", Some(Written::Utc(reading("2026-03-08T02:30")))),
            ("20161231T235960Z", Some(Written::Utc(reading("2016-12-31T23:59:59")))),
            ("16010101T000000", Some(Written::Local(reading("1601-01-01T00:00")))),
            ("2026-03-08", None),
            ("20260231", None),
            ("20260308T2500", None),
            ("20260308T250000", None),
            ("20260308T02300\u{660}", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(Written::read(text), expected, "{text}");
        }
        assert_eq!(reading("2026-03-08T00:00").weekday(), 6, "a Sunday");
        assert_eq!(reading("1969-12-31T23:00").weekday(), 2, "a Wednesday");
    }

    #[test]
    fn durations_and_offsets_are_read_as_written() {
        let table = [
            ("P1D", Some((1, 0))),
            ("P2W", Some((14, 0))),
            ("PT12H", Some((0, 43_200))),
            ("+P1DT1H30M5S", Some((1, 5405))),
            ("-P1D", None),
            ("P", None),
            ("P1", None),
            ("PT1D", None),
            ("P1H", None),
            ("P99999999999999999999D", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|(days, seconds)| Length { days, seconds });
            assert_eq!(Length::read(text), expected, "{text}");
        }
        let table = [("+0530", Some(19_800)), ("-0800", Some(-28_800)), ("+013045", Some(5445)), ("0100", None)];
        for (text, expected) in table {
            assert_eq!(read_offset(text), expected, "{text}");
        }
    }
}
