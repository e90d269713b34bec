//! Recurrence rules (RFC 5545, 3.3.10) as calendars in the field use them.
//!
//! A rule walks periods on the civil line: years, months, weeks, days or hours, every `INTERVAL`th. In each it looks at the
//! days that may fit, keeps those that all BY parts allow, puts the times of day on them, and picks by BYSETPOS. The event's
//! own start is always the first one, whether or not the rule would give it: that is what 3.8.5.3 says of DTSTART.
//!
//! BYWEEKNO, BYYEARDAY, rules by the minute or second, and other calendars' months (RSCALE) are refused.

use crate::exchange::ical::local::{DAY, Local, Written, number_of, weekday_named};
use jiff::civil::Date;

/// How much looking a calendar may cost; beyond it, it is refused rather than waited for.
pub struct Budget(u32);

impl Budget {
    pub fn new() -> Budget {
        Budget(8_000_000)
    }

    fn spend(&mut self, steps: usize) -> Result<(), String> {
        self.0 = self.0.checked_sub(steps as u32).ok_or("repeats too often to be worked out")?;
        Ok(())
    }
}

impl Default for Budget {
    fn default() -> Budget {
        Budget::new()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
    Hourly,
}

/// `-1FR`: the last Friday. Ordinal 0 is every one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct ByDay {
    ordinal: i64,
    /// Monday is 0.
    weekday: u8,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    frequency: Frequency,
    interval: i64,
    count: Option<usize>,
    pub until: Option<Written>,
    months: Vec<i64>,
    month_days: Vec<i64>,
    days: Vec<ByDay>,
    hours: Vec<i64>,
    minutes: Vec<i64>,
    seconds: Vec<i64>,
    positions: Vec<i64>,
    week_start: u8,
}

impl Rule {
    /// The error goes on "the event …": `repeats by BYWEEKNO, which …`.
    pub fn read(value: &str) -> Result<Rule, String> {
        let unknown = |part: &str| format!("has a rule of repetition that cannot be read: {part}");
        let mut frequency = None;
        let mut rule = Rule {
            frequency: Frequency::Daily,
            interval: 1,
            count: None,
            until: None,
            months: vec![],
            month_days: vec![],
            days: vec![],
            hours: vec![],
            minutes: vec![],
            seconds: vec![],
            positions: vec![],
            week_start: 0,
        };
        for part in value.trim().split(';').filter(|part| !part.trim().is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| unknown(part))?;
            let (name, value) = (name.trim().to_ascii_uppercase(), value.trim().to_ascii_uppercase());
            let wrong = || unknown(part);
            match name.as_str() {
                "FREQ" => frequency = Some(read_frequency(&value)?),
                "INTERVAL" => rule.interval = number(&value, 1, 100_000).ok_or_else(wrong)?,
                "COUNT" => rule.count = Some(number(&value, 1, 10_000_000).ok_or_else(wrong)? as usize),
                "UNTIL" => rule.until = Some(Written::read(&value).ok_or_else(wrong)?),
                "BYMONTH" => rule.months = numbers(&value, 1, 12).ok_or_else(wrong)?,
                "BYMONTHDAY" => rule.month_days = signed(&value, 31).ok_or_else(wrong)?,
                "BYSETPOS" => rule.positions = signed(&value, 366).ok_or_else(wrong)?,
                "BYHOUR" => rule.hours = numbers(&value, 0, 23).ok_or_else(wrong)?,
                "BYMINUTE" => rule.minutes = numbers(&value, 0, 59).ok_or_else(wrong)?,
                "BYSECOND" => rule.seconds = numbers(&value, 0, 59).ok_or_else(wrong)?,
                "BYDAY" => rule.days = value.split(',').map(read_day).collect::<Option<_>>().ok_or_else(wrong)?,
                "WKST" => rule.week_start = weekday_named(&value).ok_or_else(wrong)?,
                _ if name.starts_with("X-") => {}
                _ => return Err(format!("repeats by {name}, which PagerPal does not work out")),
            }
        }
        rule.frequency = frequency.ok_or_else(|| unknown("it has no FREQ"))?;
        rule.checked()
    }

    fn checked(self) -> Result<Rule, String> {
        let by_month_or_year = matches!(self.frequency, Frequency::Yearly | Frequency::Monthly);
        if self.count.is_some() && self.until.is_some() {
            return Err("repeats both COUNT times and UNTIL a date; a rule has one of them".to_owned());
        }
        if !by_month_or_year && self.days.iter().any(|day| day.ordinal != 0) {
            return Err("counts weekdays (BYDAY=1MO) although it does not repeat by month or year".to_owned());
        }
        if self.frequency == Frequency::Weekly && !self.month_days.is_empty() {
            return Err("repeats weekly on days of the month (BYMONTHDAY); a rule has one of them".to_owned());
        }
        Ok(self)
    }

    /// The starts in order: `first`, then what the rule gives after it, up to `last`. Without a COUNT, starts before
    /// `from` may be left out. UNTIL is asked only roughly: whoever knows the zone cuts there.
    pub fn starts(&self, first: Local, from: Local, last: Local, budget: &mut Budget) -> Result<Vec<Local>, String> {
        let rule = self.with_presets(first);
        let last = rule.until.map_or(last, |until| last.min(until.reading().plus(2 * DAY)));
        let mut starts = vec![first];
        let limit = rule.count.unwrap_or(usize::MAX);
        let mut period = if rule.count.is_none() { rule.period_of(first, from) } else { 0 };
        loop {
            let Some(begin) = rule.begin(first, period).filter(|begin| *begin <= last) else { return Ok(starts) };
            let candidates = rule.candidates(begin, first, budget)?;
            for start in rule.picked(candidates) {
                if start > last || starts.len() >= limit {
                    return Ok(starts);
                }
                if start > first {
                    starts.push(start);
                }
            }
            period += 1;
        }
    }

    /// What the start says where the rule is silent.
    fn with_presets(&self, first: Local) -> Rule {
        let mut rule = self.clone();
        let reading = first.to_datetime();
        if rule.days.is_empty() && rule.month_days.is_empty() {
            match rule.frequency {
                Frequency::Yearly => {
                    if rule.months.is_empty() {
                        rule.months = vec![reading.month().into()];
                    }
                    rule.month_days = vec![reading.day().into()];
                }
                Frequency::Monthly => rule.month_days = vec![reading.day().into()],
                Frequency::Weekly => rule.days = vec![ByDay { ordinal: 0, weekday: first.weekday() }],
                Frequency::Daily | Frequency::Hourly => {}
            }
        }
        let preset = |list: &mut Vec<i64>, value: i8| {
            if list.is_empty() {
                *list = vec![value.into()];
            }
        };
        if rule.frequency != Frequency::Hourly {
            preset(&mut rule.hours, reading.hour());
        }
        preset(&mut rule.minutes, reading.minute());
        preset(&mut rule.seconds, reading.second());
        rule
    }

    /// The beginning of the n-th period, counted from the one of the first start.
    fn begin(&self, first: Local, period: i64) -> Option<Local> {
        let steps = period.checked_mul(self.interval)?;
        let reading = first.to_datetime();
        match self.frequency {
            Frequency::Yearly => {
                let year = i16::try_from(i64::from(reading.year()).checked_add(steps)?).ok()?;
                Some(Local::midnight(Date::new(year, 1, 1).ok()?))
            }
            Frequency::Monthly => {
                let months = month_number(reading.date()).checked_add(steps)?;
                let year = i16::try_from(months.div_euclid(12)).ok()?;
                Some(Local::midnight(Date::new(year, months.rem_euclid(12) as i8 + 1, 1).ok()?))
            }
            Frequency::Weekly => {
                let into_week = i64::from((first.weekday() + 7 - self.week_start) % 7);
                Some(Local::of_day((first.day() - into_week).checked_add(steps.checked_mul(7)?)?))
            }
            Frequency::Daily => Some(Local::of_day(first.day().checked_add(steps)?)),
            Frequency::Hourly => {
                let hour = first.seconds().div_euclid(3600).checked_add(steps)?;
                Some(Local::from_seconds(hour.checked_mul(3600)?))
            }
        }
    }

    /// A period that is over before `from`, or the first.
    fn period_of(&self, first: Local, from: Local) -> i64 {
        let passed = match self.frequency {
            Frequency::Yearly => i64::from(from.date().year() - first.date().year()),
            Frequency::Monthly => month_number(from.date()) - month_number(first.date()),
            Frequency::Weekly => (from.day() - first.day()) / 7,
            Frequency::Daily => from.day() - first.day(),
            Frequency::Hourly => (from.seconds() - first.seconds()) / 3600,
        };
        (passed / self.interval - 2).max(0)
    }

    /// What fits in the period that begins then, in order.
    fn candidates(&self, begin: Local, first: Local, budget: &mut Budget) -> Result<Vec<Local>, String> {
        let mut found = Vec::new();
        if self.frequency == Frequency::Hourly {
            budget.spend(1)?;
            let hour = begin.seconds().rem_euclid(DAY) / 3600;
            if (self.hours.is_empty() || self.hours.contains(&hour)) && self.fits(begin.day()) {
                self.push_times(&mut found, begin.day(), &[hour]);
            }
            return Ok(found);
        }
        let (year, month) = (begin.date().year(), i64::from(begin.date().month()));
        let mut day = |day: i64| -> Result<(), String> {
            budget.spend(1)?;
            if self.fits(day) {
                self.push_times(&mut found, day, &self.hours);
            }
            Ok(())
        };
        let begin = begin.day();
        match self.frequency {
            Frequency::Daily | Frequency::Hourly => day(begin)?,
            Frequency::Weekly => (begin..begin + 7).try_for_each(day)?,
            Frequency::Monthly | Frequency::Yearly => {
                let months = if self.frequency == Frequency::Monthly { month..=month } else { 1..=12 };
                for month in months.filter(|month| self.months.is_empty() || self.months.contains(month)) {
                    let Ok(date) = Date::new(year, month as i8, 1) else { continue };
                    let begin = Local::midnight(date).day();
                    (begin..begin + i64::from(date.days_in_month())).try_for_each(&mut day)?;
                }
            }
        }
        debug_assert!(found.is_sorted(), "{first:?}");
        Ok(found)
    }

    fn push_times(&self, found: &mut Vec<Local>, day: i64, hours: &[i64]) {
        let midnight = Local::of_day(day);
        for hour in hours {
            for minute in &self.minutes {
                found.extend(self.seconds.iter().map(|second| midnight.plus(hour * 3600 + minute * 60 + second)));
            }
        }
    }

    fn fits(&self, day: i64) -> bool {
        let date = Local::of_day(day).date();
        let month_day = i64::from(date.day());
        let from_end = month_day - i64::from(date.days_in_month()) - 1;
        (self.months.is_empty() || self.months.contains(&date.month().into()))
            && (self.month_days.is_empty()
                || self.month_days.contains(&month_day)
                || self.month_days.contains(&from_end))
            && (self.days.is_empty() || self.days.iter().any(|by| self.is_nth(*by, date)))
    }

    /// Ordinals count within the month, or within the year if no month is named.
    fn is_nth(&self, by: ByDay, date: Date) -> bool {
        if number_of(date.weekday()) != by.weekday {
            return false;
        }
        let within_year = self.frequency == Frequency::Yearly && self.months.is_empty();
        let (place, length) = match within_year {
            true => (date.day_of_year(), date.days_in_year()),
            false => (date.day().into(), date.days_in_month().into()),
        };
        let (place, length) = (i64::from(place), i64::from(length));
        by.ordinal == 0 || by.ordinal == (place - 1) / 7 + 1 || by.ordinal == -((length - place) / 7 + 1)
    }

    fn picked(&self, candidates: Vec<Local>) -> Vec<Local> {
        if self.positions.is_empty() {
            return candidates;
        }
        let count = candidates.len() as i64;
        let place = |position: &i64| if *position > 0 { position - 1 } else { count + position };
        let mut places: Vec<i64> = self.positions.iter().map(place).filter(|at| (0..count).contains(at)).collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|at| candidates[at as usize]).collect()
    }
}

fn month_number(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

fn read_frequency(value: &str) -> Result<Frequency, String> {
    Ok(match value {
        "YEARLY" => Frequency::Yearly,
        "MONTHLY" => Frequency::Monthly,
        "WEEKLY" => Frequency::Weekly,
        "DAILY" => Frequency::Daily,
        "HOURLY" => Frequency::Hourly,
        _ => return Err(format!("repeats {value}, which PagerPal does not work out")),
    })
}

fn number(value: &str, least: i64, most: i64) -> Option<i64> {
    value.parse().ok().filter(|number| (least..=most).contains(number))
}

/// Ascending, each once.
fn numbers(value: &str, least: i64, most: i64) -> Option<Vec<i64>> {
    let mut list = value.split(',').map(|part| number(part.trim(), least, most)).collect::<Option<Vec<_>>>()?;
    list.sort_unstable();
    list.dedup();
    Some(list)
}

/// From 1 or from -1 at the end; 0 is neither.
fn signed(value: &str, most: i64) -> Option<Vec<i64>> {
    numbers(value, -most, most).filter(|list| !list.contains(&0))
}

fn read_day(part: &str) -> Option<ByDay> {
    let part = part.trim();
    let (ordinal, name) = part.split_at_checked(part.len().checked_sub(2)?)?;
    let ordinal = match ordinal {
        "" => 0,
        text => number(text, -53, 53).filter(|ordinal| *ordinal != 0)?,
    };
    Some(ByDay { ordinal, weekday: weekday_named(name)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> Local {
        Local::of(text.parse().expect("a reading"))
    }

    /// The dates a rule gives within ten years, as `08-05 08-10`; with times where they are not the start's.
    fn check(first: &str, rule: &str, expected: &str) {
        let start = local(first);
        let last = start.plus(10 * 366 * DAY);
        let starts = Rule::read(rule).and_then(|rule| rule.starts(start, start, last, &mut Budget::new()));
        let starts = starts.unwrap_or_else(|error| panic!("{rule}: {error}"));
        let shown: Vec<String> = starts.iter().take(12).map(|start| start.to_datetime().to_string()).collect();
        let expected: Vec<String> = expected
            .split_whitespace()
            .map(|text| if text.contains('T') { format!("{text}:00") } else { format!("{text}T{}:00", &first[11..]) })
            .collect();
        assert_eq!(shown, expected, "{first} {rule}");
    }

    #[test]
    fn the_examples_of_the_standard_come_out() {
        let from = "1997-08-05T09:00";
        check(
            from,
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
            "1997-08-05 1997-08-10 1997-08-19 1997-08-24",
        );
        check(
            from,
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
            "1997-08-05 1997-08-17 1997-08-19 1997-08-31",
        );
        let from = "1997-09-02T09:00";
        check(from, "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-02 1997-09-04 1997-10-07");
        check(
            "1997-09-29T09:00",
            "FREQ=MONTHLY;COUNT=3;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
            "1997-09-29 1997-10-30 1997-11-27",
        );
        check("1997-09-05T09:00", "FREQ=MONTHLY;COUNT=3;BYDAY=1FR", "1997-09-05 1997-10-03 1997-11-07");
        check("1997-09-22T09:00", "FREQ=MONTHLY;COUNT=3;BYDAY=-2MO", "1997-09-22 1997-10-20 1997-11-17");
        check("1997-09-28T09:00", "FREQ=MONTHLY;COUNT=3;BYMONTHDAY=-3", "1997-09-28 1997-10-29 1997-11-28");
        check("1997-05-19T09:00", "FREQ=YEARLY;COUNT=3;BYDAY=20MO", "1997-05-19 1998-05-18 1999-05-17");
        check(
            "1997-03-13T09:00",
            "FREQ=YEARLY;COUNT=4;BYMONTH=3;BYDAY=TH",
            "1997-03-13 1997-03-20 1997-03-27 1998-03-05",
        );
        check(
            "1998-02-13T09:00",
            "FREQ=MONTHLY;COUNT=4;BYDAY=FR;BYMONTHDAY=13",
            "1998-02-13 1998-03-13 1998-11-13 1999-08-13",
        );
        check(
            "1996-11-05T09:00",
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            "1996-11-05 2000-11-07 2004-11-02",
        );
        check(
            "1997-09-02T09:00",
            "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000",
            "1997-09-02 1997-09-02T12:00 1997-09-02T15:00 1997-09-02T18:00 1997-09-02T21:00 1997-09-03T00:00 1997-09-03T03:00 1997-09-03T06:00 1997-09-03T09:00 1997-09-03T12:00 1997-09-03T15:00 1997-09-03T18:00",
        );
    }

    #[test]
    fn a_day_that_a_period_does_not_have_is_left_out() {
        check("2024-02-29T00:00", "FREQ=YEARLY", "2024-02-29 2028-02-29 2032-02-29");
        check("2026-01-31T00:00", "FREQ=MONTHLY;COUNT=3", "2026-01-31 2026-03-31 2026-05-31");
    }

    #[test]
    fn times_of_day_are_put_on_every_day() {
        check(
            "2026-06-01T08:30",
            "FREQ=DAILY;COUNT=4;BYHOUR=8,20;BYMINUTE=30",
            "2026-06-01T08:30 2026-06-01T20:30 2026-06-02T08:30 2026-06-02T20:30",
        );
        check(
            "2026-06-01T22:00",
            "FREQ=HOURLY;COUNT=3;BYHOUR=22,23",
            "2026-06-01T22:00 2026-06-01T23:00 2026-06-02T22:00",
        );
    }

    #[test]
    fn the_start_is_the_first_even_if_the_rule_would_not_give_it() {
        check("2026-06-02T09:00", "FREQ=WEEKLY;COUNT=3;BYDAY=MO", "2026-06-02 2026-06-08 2026-06-15");
    }

    #[test]
    fn looking_from_later_on_finds_the_same() {
        let rules = [
            ("FREQ=YEARLY;INTERVAL=3;BYMONTH=1,7", "2001-07-04T01:00"),
            ("FREQ=MONTHLY;INTERVAL=5;BYDAY=-1SU", "1999-12-26T12:00"),
            ("FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,SA;WKST=SU", "2000-01-01T00:00"),
            ("FREQ=DAILY;INTERVAL=13", "2003-03-03T03:00"),
            ("FREQ=HOURLY;INTERVAL=7", "2010-01-01T00:00"),
        ];
        for (rule, first) in rules {
            let rule = Rule::read(rule).expect("a rule");
            let (first, from, last) = (local(first), local("2026-01-01T00:00"), local("2027-01-01T00:00"));
            let after = |from: Local| -> Vec<Local> {
                let starts = rule.starts(first, from, last, &mut Budget::new()).expect("not too many");
                starts.into_iter().filter(|start| *start >= local("2026-01-01T00:00")).collect()
            };
            assert_eq!(after(from), after(first), "{rule:?}");
            assert!(!after(from).is_empty() || rule.interval == 3, "{rule:?}");
        }
    }

    #[test]
    fn what_is_not_worked_out_is_refused_in_words() {
        let check = |rule: &str, expected: &str| {
            assert_eq!(Rule::read(rule).map(|_| ()).expect_err(rule), expected);
        };
        check("FREQ=YEARLY;BYWEEKNO=20", "repeats by BYWEEKNO, which PagerPal does not work out");
        check("FREQ=MINUTELY", "repeats MINUTELY, which PagerPal does not work out");
        check("COUNT=3", "has a rule of repetition that cannot be read: it has no FREQ");
        check("FREQ=DAILY;COUNT=0", "has a rule of repetition that cannot be read: COUNT=0");
        check("FREQ=WEEKLY;BYDAY=1MO", "counts weekdays (BYDAY=1MO) although it does not repeat by month or year");
        check("FREQ=MONTHLY;BYMONTHDAY=0", "has a rule of repetition that cannot be read: BYMONTHDAY=0");
        let rule = Rule::read("FREQ=HOURLY;COUNT=10000000").expect("a rule");
        let last = local("9000-01-01T00:00");
        let starts = rule.starts(local("1990-01-01T00:00"), last, last, &mut Budget(1000));
        assert_eq!(starts, Err("repeats too often to be worked out".to_owned()));
    }
}
