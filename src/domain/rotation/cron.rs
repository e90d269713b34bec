//! The matches of a cron pattern: where turns and recurring maintenance windows begin.
//!
//! The pattern has a fixed minute and hour, so it names times of day and says on which days they happen. It is evaluated
//! on the civil line, as if in UTC; evaluated in the zone it would skip matches inside a gap. Days are looked at a month at
//! a time, as bits, so counting the matches of ten years is 120 steps; croner reads the pattern, and says once for
//! each kind of month which days `L`, `W` or `#` are.

use super::{Civil, MINUTES_A_DAY, Weekdays};
use croner::{Cron, CronPattern, Weekday};

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

#[derive(Clone, Debug)]
enum Days {
    Plain {
        of_month: u32,
        of_week: u8,
        rule: Rule,
    },
    /// `L`, `W` or `#`: which days these are depends on the month's length, from 28, and its first weekday.
    Special(Box<[[u32; 7]; 4]>),
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
        let days = if of.days.has_modifiers() || of.days_of_week.has_modifiers() {
            Days::Special(Box::new(special_days(of)))
        } else {
            Days::Plain {
                of_month: of.days.values().into_iter().fold(0, |bits, day| bits | 1 << (day - 1)),
                of_week: Weekdays::from_list(of.days_of_week.values().into_iter().map(|day| ((day + 6) % 7) as u8)).0,
                rule: match (of.is_dom_wildcard(), of.is_dow_wildcard()) {
                    (true, true) | (false, true) => Rule::Month,
                    (true, false) => Rule::Week,
                    (false, false) if of.matches_dom_and_dow() => Rule::Both,
                    (false, false) => Rule::Either,
                },
            }
        };
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
        let length = month.length();
        match &self.days {
            Days::Plain { of_month, of_week, rule } => {
                let week = u64::from(*of_week);
                let weeks = week | week << 7 | week << 14 | week << 21 | week << 28 | week << 35;
                let of_week = (weeks >> Weekdays::of_day(month.first)) as u32;
                let days = match rule {
                    Rule::Month => *of_month,
                    Rule::Week => of_week,
                    Rule::Either => of_month | of_week,
                    Rule::Both => of_month & of_week,
                };
                days & ((1_u64 << length) - 1) as u32
            }
            Days::Special(months) => months[length as usize - 28][Weekdays::of_day(month.first) as usize],
        }
    }
}

/// The days that match in a month of each length, by its first weekday.
fn special_days(pattern: &CronPattern) -> [[u32; 7]; 4] {
    // A month of each length; croner gets the weekday from us, so their years matter no further.
    let lengths = [(2001, 2, 28), (2000, 2, 29), (2001, 4, 30), (2001, 1, 31)];
    lengths.map(|(year, month, length)| {
        std::array::from_fn(|first| {
            (0..length).fold(0, |days, day| {
                // croner counts weekdays from Sunday.
                let weekday = Weekday::from_days_from_sunday((first as u32 + day + 1) % 7);
                let matches = pattern.day_match(year, month, day + 1, weekday).unwrap_or(false);
                if matches { days | 1 << day } else { days }
            })
        })
    })
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
