//! The matches of a cron pattern: where turns and recurring maintenance windows begin.
//!
//! The pattern has a fixed minute and hour, so it names times of day and says on which days they happen. It is evaluated
//! on the civil line, as if in UTC; evaluated in the zone it would skip matches inside a gap. Days are looked at a month at
//! a time, as bits, so counting the matches of ten years is 120 steps; croner reads the pattern, and a
//! test holds that the days are those it would name itself.

use super::{Civil, MINUTES_A_DAY, Weekdays};
use croner::{Cron, CronPattern};

/// Matches are looked for until then; past every date a schedule may name.
const LAST_YEAR: i64 = 2200;
/// A pattern must match within this time, and its matches are looked at so far ahead.
const CHECKED_YEARS: i64 = 5;

#[derive(Clone, Debug)]
pub struct Matches {
    /// Minutes of the day, ascending.
    times: Vec<i64>,
    months: u16,
    days: Days,
    /// The first match counts from here.
    anchor: Civil,
}

/// Which days of a month match, whatever its length and first weekday. Days are bits from the first in the lowest, weekdays
/// those of [`Weekdays`].
#[derive(Clone, Debug)]
struct Days {
    of_month: u32,
    /// `15W`: the nearest day from Monday to Friday, in the same month.
    nearest: u32,
    /// `L`, and `LW`: the last day, the last one from Monday to Friday.
    last: bool,
    last_weekday: bool,
    /// Of the days 1 to 7, 8 to 14 and so on: `5#2` is a Friday of the second of these weeks alone.
    of_week: [u8; 5],
    /// `5L`: of the month's last seven days.
    of_last_week: u8,
    rule: Rule,
}

/// What croner marks a value of a field with. It takes them as numbers and names them for itself alone.
mod marks {
    pub const PLAIN: u8 = 1;
    pub const NTH: [u8; 5] = [1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5];
    pub const LAST: u8 = 1 << 6;
    pub const NEAREST: u8 = 1 << 7;
}

/// How the two fields for days go together.
#[derive(Clone, Copy, Debug)]
enum Rule {
    Month,
    Week,
    Either,
    Both,
}

/// A month of the civil line.
#[derive(Clone, Copy, Debug)]
struct Month {
    year: i64,
    /// 1 to 12.
    month: u32,
    /// Days since 1970-01-01 of its first day.
    first: i64,
}

impl Matches {
    /// `None` if the pattern is not one of five fields with fixed minute and hour.
    pub fn parse(pattern: &str, anchor: Civil) -> Option<Matches> {
        let fields: Vec<&str> = pattern.split_whitespace().collect();
        let [minute, hour, ..] = fields[..] else { return None };
        let fixed = |field: &str| field.bytes().all(|b| b.is_ascii_digit() || matches!(b, b',' | b'-'));
        if fields.len() != 5 || !fixed(minute) || !fixed(hour) {
            return None;
        }
        // Seconds and year are fixed for croner, which would else write down each of five thousand years. They are never
        // asked for.
        let cron: Cron = format!("0 {} 1970", fields.join(" ")).parse().ok()?;
        let of = &cron.pattern;
        let minutes = of.minutes.values();
        let hours = of.hours.values().into_iter();
        let times = hours.flat_map(|hour| minutes.iter().map(move |minute| i64::from(hour) * 60 + i64::from(*minute)));
        let times = times.collect();
        let months = of.months.values().into_iter().fold(0, |bits, month| bits | 1 << month);
        let days = Days::of(of);
        Some(Matches { times, months, days, anchor })
    }

    /// How many matches from the anchor on have come by a reading.
    pub fn count(&self, reading: Civil) -> u64 {
        if reading < self.anchor {
            return 0;
        }
        let (first, last) = (Month::of(self.anchor), Month::of(reading));
        let mut total = 0;
        let mut month = first;
        while month.first < last.first {
            total += self.in_month(month);
            month = month.next();
        }
        total + self.in_month_by(last, reading) - self.in_month_by(first, self.anchor.before())
    }

    /// Match `number` from the anchor on, counted from 0.
    pub fn number(&self, number: u64) -> Option<Civil> {
        let mut month = Month::of(self.anchor);
        let mut left = number.checked_add(self.in_month_by(month, self.anchor.before()))?;
        while month.year <= LAST_YEAR {
            let here = self.in_month(month);
            if left < here {
                return Some(self.pick(month, left));
            }
            left -= here;
            month = month.next();
        }
        None
    }

    /// The first match after a reading, the anchor's at the earliest.
    pub fn after(&self, reading: Civil) -> Option<Civil> {
        let reading = reading.max(self.anchor.before());
        let mut month = Month::of(reading);
        let mut begun = self.in_month_by(month, reading);
        while month.year <= LAST_YEAR {
            if begun < self.in_month(month) {
                return Some(self.pick(month, begun));
            }
            begun = 0;
            month = month.next();
        }
        None
    }

    /// Whether it matches within five years of the anchor, and all matches of that time are an hour apart or more.
    pub fn are_sound(&self) -> bool {
        let end = Civil(self.anchor.0 + CHECKED_YEARS * 366 * MINUTES_A_DAY);
        let mut matches = std::iter::successors(self.after(self.anchor.before()), |last| self.after(*last))
            .take_while(|civil| *civil < end);
        let Some(first) = matches.next() else { return false };
        matches.try_fold(first, |last, next| (next.0 - last.0 >= 60).then_some(next)).is_some()
    }

    fn in_month(&self, month: Month) -> u64 {
        u64::from(self.days_of(month).count_ones()) * self.times.len() as u64
    }

    /// Of this month's matches, those that have come by a reading, which may also lie in the month before.
    fn in_month_by(&self, month: Month, reading: Civil) -> u64 {
        let day = reading.day() - month.first;
        if day < 0 {
            return 0;
        }
        let days = self.days_of(month);
        let earlier = u64::from((days & ((1 << day) - 1)).count_ones()) * self.times.len() as u64;
        let today = self.times.partition_point(|time| *time <= reading.minute_of_day()) as u64;
        earlier + if days >> day & 1 == 1 { today } else { 0 }
    }

    /// Match `number` of the month, counted from 0 and below [`Matches::in_month`].
    fn pick(&self, month: Month, number: u64) -> Civil {
        let a_day = self.times.len() as u64;
        let mut days = self.days_of(month);
        for _ in 0..number / a_day {
            days &= days - 1;
        }
        let day = month.first + i64::from(days.trailing_zeros());
        Civil(day * MINUTES_A_DAY + self.times[(number % a_day) as usize])
    }

    /// The month's days that match, the first in the lowest bit.
    fn days_of(&self, month: Month) -> u32 {
        if self.months >> month.month & 1 == 0 {
            return 0;
        }
        self.days.of_kind(month.length(), Weekdays::of_day(month.first))
    }
}

impl Days {
    fn of(pattern: &CronPattern) -> Days {
        let of_month = |mark| pattern.days.get_set_values(mark).into_iter().fold(0, |bits, day| bits | 1 << (day - 1));
        // croner counts weekdays from Sunday.
        let of_week = |mark| {
            let days = pattern.days_of_week.get_set_values(mark).into_iter();
            Weekdays::from_list(days.map(|day| ((day + 6) % 7) as u8)).0
        };
        let plain = of_week(marks::PLAIN);
        let has = |mark| pattern.days.is_feature_enabled(mark);
        Days {
            of_month: of_month(marks::PLAIN),
            nearest: of_month(marks::NEAREST),
            last: has(marks::LAST) && !has(marks::NEAREST),
            last_weekday: has(marks::LAST) && has(marks::NEAREST),
            of_week: marks::NTH.map(|mark| plain | of_week(mark)),
            of_last_week: of_week(marks::LAST),
            rule: match (pattern.is_dom_wildcard(), pattern.is_dow_wildcard()) {
                (true, true) | (false, true) => Rule::Month,
                (true, false) => Rule::Week,
                (false, false) if pattern.matches_dom_and_dow() => Rule::Both,
                (false, false) => Rule::Either,
            },
        }
    }

    /// The days of a month of this length whose first day is this weekday.
    fn of_kind(&self, length: u32, first: u32) -> u32 {
        let days = match self.rule {
            Rule::Month => self.by_month(length, first),
            Rule::Week => self.by_week(length, first),
            Rule::Either => self.by_month(length, first) | self.by_week(length, first),
            Rule::Both => self.by_month(length, first) & self.by_week(length, first),
        };
        days & ((1_u64 << length) - 1) as u32
    }

    fn by_month(&self, length: u32, first: u32) -> u32 {
        let mut days = self.of_month;
        if self.last {
            days |= 1 << (length - 1);
        }
        if self.last_weekday {
            days |= 1 << nearest_weekday(length - 1, length, first);
        }
        let mut nearest = self.nearest & ((1_u64 << length) - 1) as u32;
        while nearest != 0 {
            days |= 1 << nearest_weekday(nearest.trailing_zeros(), length, first);
            nearest &= nearest - 1;
        }
        days
    }

    fn by_week(&self, length: u32, first: u32) -> u32 {
        // Seven days from a weekday on.
        let seven = |bits: u8, first: u32| ((u32::from(bits) | u32::from(bits) << 7) >> (first % 7)) & 0b111_1111;
        let weeks = self.of_week.iter().zip([0, 7, 14, 21, 28]);
        let days = weeks.fold(0, |days, (bits, from)| days | u64::from(seven(*bits, first)) << from) as u32;
        days | seven(self.of_last_week, first + length - 7) << (length - 7)
    }
}

/// From Monday to Friday and in the same month: Saturday goes back and Sunday forward, unless that leaves it.
fn nearest_weekday(day: u32, length: u32, first: u32) -> u32 {
    match (first + day) % 7 {
        5 if day == 0 => day + 2,
        5 => day - 1,
        6 if day + 1 == length => day - 2,
        6 => day + 1,
        _ => day,
    }
}

impl Month {
    fn of(civil: Civil) -> Month {
        let date = civil.to_datetime().date();
        let first = civil.day() - i64::from(date.day() - 1);
        Month { year: i64::from(date.year()), month: date.month().unsigned_abs().into(), first }
    }

    fn length(self) -> u32 {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn next(self) -> Month {
        let first = self.first + i64::from(self.length());
        if self.month == 12 {
            return Month { year: self.year + 1, month: 1, first };
        }
        Month { month: self.month + 1, first, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use croner::Weekday;

    #[test]
    fn days_are_those_that_croner_names_in_every_kind_of_month() {
        let of_month = [
            "*",
            "1",
            "1,15,31",
            "*/5",
            "10-20",
            "L",
            "LW",
            "15W",
            "1W",
            "31W",
            "1W,15W,31W",
            "28W",
            "15,L",
            "28-31,L",
            "26-31,LW",
            "14-16,15W",
        ];
        let of_week = [
            "*", "1", "0", "7", "1-5", "5#1", "1#5", "0#2", "5L", "0L", "1,3#3", "6#4,0#4", "+5", "+1#1", "+5L",
            "1,1#2", "5,5L",
        ];
        for (month, week) in of_month.iter().flat_map(|month| of_week.iter().map(move |week| (month, week))) {
            let pattern = format!("0 0 9 {month} * {week} 1970");
            let cron: Cron = pattern.parse().unwrap_or_else(|error| panic!("{pattern}: {error}"));
            let days = Days::of(&cron.pattern);
            // A month of each length; croner gets the weekday from us, so their years matter no further.
            for (year, number, length) in [(2001, 2, 28), (2000, 2, 29), (2001, 4, 30), (2001, 1, 31)] {
                for first in 0..7 {
                    let matches = |day: &u32| {
                        let weekday = Weekday::from_days_from_sunday((first + day + 1) % 7);
                        cron.pattern.day_match(year, number, day + 1, weekday).expect("a day of this month")
                    };
                    let expected = (0..length).filter(matches).fold(0, |days, day| days | 1 << day);
                    let found = days.of_kind(length, first);
                    assert_eq!(found, expected, "{pattern}, {length} days from {first}: {found:b} not {expected:b}");
                }
            }
        }
    }

    fn matches(pattern: &str, anchor: &str) -> Matches {
        Matches::parse(pattern, civil(anchor)).unwrap_or_else(|| panic!("{pattern}"))
    }

    fn civil(text: &str) -> Civil {
        Civil::of(text.parse().expect("a civil time"))
    }

    fn after(pattern: &str, anchor: &str, reading: &str) -> Option<String> {
        let next = matches(pattern, anchor).after(civil(reading))?;
        Some(next.to_datetime().strftime("%F %R").to_string())
    }

    #[test]
    fn minute_and_hour_are_fixed() {
        for pattern in ["*/5 9 * * *", "0 */2 * * *", "0 9 * *", "0 9 * * * *", "* 9 * * *", ""] {
            assert!(Matches::parse(pattern, civil("2026-06-01T00:00")).is_none(), "{pattern}");
        }
    }

    #[test]
    fn a_match_at_the_anchor_is_the_first() {
        let daily = matches("0 9 * * *", "2026-06-01T09:00");
        let counts = ["2026-06-01T08:59", "2026-06-01T09:00", "2026-06-01T09:01", "2026-06-02T09:00"];
        assert_eq!(counts.map(|reading| daily.count(civil(reading))), [0, 1, 1, 2]);
        assert_eq!(daily.number(0), Some(civil("2026-06-01T09:00")));
    }

    #[test]
    fn leap_days_come_as_the_calendar_has_them() {
        let leap = "0 0 29 2 *";
        assert_eq!(after(leap, "1999-03-01T00:00", "1999-03-01T00:00").as_deref(), Some("2000-02-29 00:00"));
        assert_eq!(after(leap, "2024-01-01T00:00", "2024-02-29T00:00").as_deref(), Some("2028-02-29 00:00"));
        assert_eq!(after(leap, "2097-01-01T00:00", "2097-01-01T00:00").as_deref(), Some("2104-02-29 00:00"));
    }

    #[test]
    fn nothing_is_looked_for_after_the_last_year() {
        let yearly = "0 0 31 12 *";
        let last = format!("{LAST_YEAR}-12-31T00:00");
        assert_eq!(after(yearly, "2199-01-01T00:00", "2199-12-31T00:00"), Some(last.replace('T', " ")));
        assert_eq!(after(yearly, "2199-01-01T00:00", &last), None);
        let yearly = matches(yearly, "2199-01-01T00:00");
        assert_eq!([0, 1, 2].map(|number| yearly.number(number).is_some()), [true, true, false]);
    }

    #[test]
    fn a_pattern_that_matches_only_after_five_years_is_not_sound() {
        let leap = civil("2104-02-29T00:00");
        let five_years = CHECKED_YEARS * 366 * MINUTES_A_DAY;
        let sound = |before: i64| Matches::parse("0 0 29 2 *", Civil(leap.0 - before)).expect("a pattern").are_sound();
        assert_eq!([five_years - 1, five_years, five_years + 1].map(sound), [true, false, false]);
        assert!(!matches("0 0 29 2 *", "2097-01-01T00:00").are_sound());
        assert!(
            !matches("0,59 9 * * *", "2026-06-01T00:00").are_sound()
                && matches("0 9,10 * * *", "2026-06-01T00:00").are_sound()
        );
    }
}
