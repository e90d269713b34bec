//! Fixed cron patterns: when something happens on the wall clock, for rotations and recurring maintenance windows.
//!
//! *Fixed* means one minute and named hours. Such a pattern is evaluated on the civil line, as if that were UTC, and
//! whoever asks maps each match to an instant by the one rule of [`time`](crate::domain::time). Evaluated in a zone it
//! would skip the matches that fall into a gap, and whatever should have begun there would not.

use crate::domain::refusal::Refusal;
use crate::domain::time::{Timestamp, earliest_at_or_after};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::ToSpan;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// How far ahead a pattern must match: 29 February is within it, 30 February is not.
const MATCH_WITHIN_YEARS: i64 = 5;

/// Clocks never go back by more than a day, so no instant up to now reads later than this many hours past now's reading.
const FOLD_HOURS: i64 = 25;

#[derive(Clone, Debug)]
pub struct FixedPattern(Cron);

impl FixedPattern {
    /// A pattern that was checked when it was kept.
    pub fn parse(text: &str) -> Option<FixedPattern> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, _, _, _] = fields[..] else { return None };
        // A second minute would be less than an hour from the first.
        let is_fixed = !minute.is_empty()
            && minute.bytes().all(|byte| byte.is_ascii_digit())
            && hour.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'-'));
        if !is_fixed {
            return None;
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        parser.parse(text).ok().map(FixedPattern)
    }

    /// A pattern as a person typed it; it must match in the five years after `from`.
    pub fn checked(text: &str, field: &'static str, from: DateTime) -> Result<FixedPattern, Refusal> {
        let refusal = || {
            let sentence =
                "Use five fields with fixed minute and hour, matching within five years and at least one hour apart.";
            Refusal::invalid("cron_pattern", field, sentence)
        };
        let pattern = FixedPattern::parse(text).ok_or_else(refusal)?;
        let latest = from.saturating_add(MATCH_WITHIN_YEARS.years());
        let matches = pattern.next_after(from).is_some_and(|next| next <= latest);
        if matches { Ok(pattern) } else { Err(refusal()) }
    }

    /// The first match after a reading of the wall clock.
    pub fn next_after(&self, reading: DateTime) -> Option<DateTime> {
        let from = reading.to_zoned(TimeZone::UTC).ok()?;
        self.0.find_next_occurrence(&from, false).ok().map(|found| found.datetime())
    }

    /// The last match at or before a reading of the wall clock.
    pub fn last_until(&self, reading: DateTime) -> Option<DateTime> {
        let from = reading.to_zoned(TimeZone::UTC).ok()?;
        self.0.find_previous_occurrence(&from, true).ok().map(|found| found.datetime())
    }

    /// The latest instant of a match that is not after `now`.
    pub fn instant_until(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut found = self.last_until(now.in_zone(zone).saturating_add(FOLD_HOURS.hours()))?;
        loop {
            let instant = earliest_at_or_after(zone, found);
            if instant <= now {
                return Some(instant);
            }
            found = self.last_until(found.saturating_sub(1.minute()))?;
        }
    }

    /// The instants of the matches after `now`, in order, each once: two in one gap happen together.
    pub fn instants_after<'a>(&'a self, now: Timestamp, zone: &'a TimeZone) -> impl Iterator<Item = Timestamp> + 'a {
        let mut last = now;
        // In the second pass of a fold the clock reads what it has read before.
        let mut reading = now.in_zone(zone).saturating_sub(1.second());
        std::iter::from_fn(move || {
            loop {
                reading = self.next_after(reading)?;
                let instant = earliest_at_or_after(zone, reading);
                if instant > last && instant < Timestamp::MAX {
                    last = instant;
                    return Some(instant);
                }
                if instant == Timestamp::MAX {
                    return None;
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::zone_named;

    fn civil(text: &str) -> DateTime {
        text.parse().expect("a civil time")
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from_jiff(text.parse().expect("an instant"))
    }

    #[test]
    fn only_patterns_with_one_minute_and_named_hours_are_fixed() {
        let table = [
            ("0 2 * * *", true),
            ("30 2,14 * * 1-5", true),
            ("0 9-17 * * MON", true),
            ("0 0 1 1 *", true),
            ("0 0 29 2 *", true),
            ("0 0 L * *", true),
            ("0 0 * * 5#2", true),
            ("0 0 30 2 *", false), // never
            ("* 2 * * *", false),
            ("*/5 2 * * *", false),
            ("0,30 2 * * *", false), // half an hour apart
            ("0 * * * *", false),
            ("0 */2 * * *", false),
            ("0 0-23/2 * * *", false),
            ("0 0 2 * * *", false), // seconds
            ("0 2 * *", false),
            ("@daily", false),
            ("60 2 * * *", false),
            ("0 25 * * *", false),
            ("", false),
            ("0 2 * * someday", false),
        ];
        for (text, expected) in table {
            let checked = FixedPattern::checked(text, "pattern", civil("2026-06-02T00:00"));
            assert_eq!(checked.is_ok(), expected, "{text}");
        }
    }

    #[test]
    fn matches_are_mapped_by_the_one_rule_so_a_gap_skips_none() {
        let check = |pattern: &str, zone: &str, from: &str, expected: &[&str]| {
            let pattern = FixedPattern::parse(pattern).expect("a pattern");
            let zone = zone_named(zone).expect("a zone of the bundled database");
            let found: Vec<String> =
                pattern.instants_after(at(from), &zone).take(expected.len()).map(|t| t.to_string()).collect();
            assert_eq!(found, expected);
            for instant in found {
                let instant = at(&instant);
                assert_eq!(pattern.instant_until(instant, &zone), Some(instant));
                assert!(pattern.instant_until(instant.plus_secs(-1), &zone) < Some(instant));
            }
        };
        let new_york = "America/New_York";
        check(
            "0 2,14 * * *",
            new_york,
            "2026-03-08T05:00:00Z",
            &["2026-03-08T07:00:00Z", "2026-03-08T18:00:00Z", "2026-03-09T06:00:00Z"],
        );
        check("0 0 * * *", "Africa/Cairo", "2026-04-23T12:00:00Z", &["2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"]);
        check("15 1 * * *", "Pacific/Apia", "2011-12-30T09:59:59Z", &["2011-12-30T10:00:00Z"]);
        // The repeated hour: the first time, and not again.
        check("30 1 * * *", new_york, "2026-11-01T05:00:00Z", &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
        check("30 1 * * *", new_york, "2026-11-01T06:15:00Z", &["2026-11-02T06:30:00Z"]);
    }
}
