//! Restriction windows: when a layer is on duty at all.
//!
//! A window is the same stretch of the civil line in every week that has its days, so where it begins and ends is a matter
//! of counting bits. Occurrences of one window may overlap each other and those of others; together they are one duty.

use super::{Civil, MINUTES_A_DAY, Version, Weekdays, Window, reading_at};
use crate::domain::entry::Interval;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use jiff::tz::TimeZone;

impl Weekdays {
    /// Monday is 0; 1970-01-01 was a Thursday.
    pub(super) fn of_day(day: i64) -> u32 {
        (day + 3).rem_euclid(7) as u32
    }

    pub(super) fn has_day(self, day: i64) -> bool {
        self.bits() >> Weekdays::of_day(day) & 1 == 1
    }

    fn count(self) -> i64 {
        i64::from(self.bits().count_ones())
    }
}

/// Days and times as documents for programs write them: `mon`, `09:00`.
pub struct Words {
    pub days: Vec<String>,
    pub start: String,
    pub end: String,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Window {
    pub fn words(&self) -> Words {
        let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let days = self.days.list().into_iter().map(|day| DAYS[usize::from(day)].to_owned()).collect();
        Words { days, start: time(self.start), end: time(self.end) }
    }

    pub fn of_words(days: &[String], start: &str, end: &str, extra_days: u8) -> Result<Window, Refusal> {
        let bad = || {
            let sentence = "A window has days from mon to sun, and times such as 09:00.";
            Refusal::invalid("window_range", "windows", sentence)
        };
        let day = |word: &String| DAYS.iter().position(|day| day == word).map(|day| day as u8).ok_or_else(bad);
        let time = |text: &str| {
            let time: jiff::civil::Time = text.parse().map_err(|_| bad())?;
            Ok::<_, Refusal>(time.hour() as u16 * 60 + time.minute() as u16)
        };
        let days = Weekdays::from_list(days.iter().map(day).collect::<Result<Vec<u8>, _>>()?);
        Ok(Window { days, start: time(start)?, end: time(end)?, extra_days })
    }

    /// In minutes of the civil line.
    pub fn length(&self) -> i64 {
        let wraps = if self.end <= self.start { MINUTES_A_DAY } else { 0 };
        i64::from(self.end) - i64::from(self.start) + wraps + i64::from(self.extra_days) * MINUTES_A_DAY
    }

    /// Whether one occurrence begins before another has ended.
    pub fn overlaps_itself(&self) -> bool {
        let starts: Vec<i64> = self.days.list().into_iter().map(i64::from).collect();
        let next_week = starts.first().map(|first| first + 7);
        let following = starts.iter().copied().skip(1).chain(next_week);
        starts.iter().zip(following).any(|(day, next)| (next - day) * MINUTES_A_DAY < self.length())
    }

    /// How many occurrences have begun by a reading, from a fixed Monday long ago on; the difference of two of these is
    /// what counts.
    pub(super) fn begun_by(&self, reading: Civil) -> i64 {
        let day = reading.day() + 3;
        let (week, weekday) = (day.div_euclid(7), day.rem_euclid(7) as u32);
        let earlier = self.days.bits() & ((1 << weekday) - 1);
        let today = self.days.has_day(reading.day()) && i64::from(self.start) <= reading.minute_of_day();
        week * self.days.count() + i64::from(earlier.count_ones()) + i64::from(today)
    }

    /// Where the occurrence begins that brings [`Window::begun_by`] to `number`.
    pub(super) fn start_number(&self, number: i64) -> Option<Civil> {
        let count = self.days.count();
        if count == 0 {
            return None;
        }
        let before = number.checked_sub(1)?;
        let (week, place) = (before.div_euclid(count), before.rem_euclid(count));
        let mut bits = self.days.bits();
        for _ in 0..place {
            bits &= bits - 1;
        }
        let day = week.checked_mul(7)?.checked_add(i64::from(bits.trailing_zeros()))? - 3;
        Some(Civil(day.checked_mul(MINUTES_A_DAY)?.checked_add(i64::from(self.start))?))
    }

    /// The latest occurrence that has begun by a reading, over or not.
    fn latest(&self, reading: Civil) -> Option<(Civil, Civil)> {
        let start = self.start_number(self.begun_by(reading))?;
        Some((start, Civil(start.0 + self.length())))
    }

    fn next_start(&self, reading: Civil) -> Option<Civil> {
        self.start_number(self.begun_by(reading) + 1)
    }

    /// All occurrences are equally long, so the ends are the starts moved.
    fn next_end(&self, reading: Civil) -> Option<Civil> {
        let length = self.length();
        self.next_start(Civil(reading.0 - length)).map(|start| Civil(start.0 + length))
    }
}

/// Whether the layer is on duty; without any window it always is.
pub(in crate::domain) fn on_duty(windows: &[Window], reading: Civil) -> bool {
    windows.is_empty() || windows.iter().any(|w| w.latest(reading).is_some_and(|(_, end)| reading < end))
}

/// The first civil time after a reading at which a window begins or ends.
pub(in crate::domain) fn next_edge(windows: &[Window], reading: Civil) -> Option<Civil> {
    windows.iter().flat_map(|w| [w.next_start(reading), w.next_end(reading)]).flatten().min()
}

impl Version {
    /// The window that contains an instant, and of several the one that ends last. `None` outside of all windows, and for
    /// a layer without any.
    pub fn window_at(&self, zone: &TimeZone, at: Timestamp) -> Option<Interval> {
        let reading = reading_at(zone, at);
        let open = self.windows.iter().filter_map(|w| w.latest(reading)).filter(|(_, end)| reading < *end);
        let (start, end) = open.max_by_key(|(start, end)| (*end, std::cmp::Reverse(*start)))?;
        Some(Interval { start: start.instant(zone), end: end.instant(zone) })
    }

    /// When a window begins or ends next.
    pub fn next_window_edge(&self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
        next_edge(&self.windows, reading_at(zone, at)).map(|edge| edge.instant(zone))
    }

    /// Whether some occurrences overlap, so that they count as one duty: worth a warning, as it is seldom meant.
    pub fn windows_merge(&self) -> bool {
        let starts = |w: &Window| -> Vec<i64> {
            w.days.list().into_iter().map(|day| i64::from(day) * MINUTES_A_DAY + i64::from(w.start)).collect()
        };
        let week = 7 * MINUTES_A_DAY;
        let meet = |a: &Window, b: &Window| {
            starts(a).iter().any(|a_start| starts(b).iter().any(|s| (s - a_start).rem_euclid(week) < a.length()))
        };
        let pairs =
            self.windows.iter().enumerate().flat_map(|(i, a)| self.windows.iter().skip(i + 1).map(move |b| (a, b)));
        self.windows.iter().any(Window::overlaps_itself) || { pairs }.any(|(a, b)| meet(a, b) || meet(b, a))
    }
}
