//! Instants, and how a local time becomes one.
//!
//! An instant is a whole second of UTC. Whole, because nothing a pager promises is finer, and a slot of the timer wheel
//! is one second. Local times become instants by one rule, [`earliest_at_or_after`], which is total and monotone:
//! whatever the clocks do that night, an interval never turns inside out. [`latest_reading`] is its inverse. What a person
//! types goes through [`typed`] first, which notices a time that does not exist or comes twice.

use crate::domain::refusal::Refusal;
use jiff::ToSpan;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Seconds since 1970 in UTC. Written as RFC 3339, `2026-11-24T01:43:00Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01.
    pub const MIN: Timestamp = Timestamp(0);
    /// 2200-01-01, past every date a schedule may name.
    pub const MAX: Timestamp = Timestamp(7_258_118_400);

    /// Clamped to the range above, which also keeps all arithmetic here free of overflow.
    pub fn from_second(second: i64) -> Timestamp {
        Timestamp(second.clamp(Self::MIN.0, Self::MAX.0))
    }

    pub fn as_second(self) -> i64 {
        self.0
    }

    pub fn plus_secs(self, secs: i64) -> Timestamp {
        Timestamp::from_second(self.0.saturating_add(secs))
    }

    pub fn plus_minutes(self, minutes: i64) -> Timestamp {
        self.plus_secs(minutes.saturating_mul(60))
    }

    /// Negative if `earlier` is in fact later.
    pub fn secs_since(self, earlier: Timestamp) -> i64 {
        self.0 - earlier.0
    }

    /// Whether so many seconds have passed since then. So they have where the clock was set back behind it and nobody knows.
    pub fn is_past(self, since: Timestamp, secs: i64) -> bool {
        !(0..secs).contains(&self.secs_since(since))
    }

    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.0).expect("a Timestamp is between 1970 and 2200, which jiff can name")
    }

    /// The fraction of a second is dropped, towards the past.
    pub fn from_jiff(instant: jiff::Timestamp) -> Timestamp {
        let floor = if instant.subsec_nanosecond() < 0 { instant.as_second() - 1 } else { instant.as_second() };
        Timestamp::from_second(floor)
    }

    /// The wall clock's reading in a zone.
    pub fn in_zone(self, zone: &TimeZone) -> DateTime {
        zone.to_datetime(self.to_jiff())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.to_jiff())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

/// The one rule from local time to instant: the earliest instant whose wall clock in `zone` reads `local` or later.
///
/// Read once: that instant. Read twice, as clocks go back: the first pass. Never read, as clocks jump forward: the
/// jump itself. RFC 5545's rule for the last case is not monotone, which is why it serves imported calendars only.
pub fn earliest_at_or_after(zone: &TimeZone, local: DateTime) -> Timestamp {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let instant = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local),
        AmbiguousOffset::Fold { before, after } => {
            read_with(zone, local, before).map_or_else(|| after.to_timestamp(local), Ok)
        }
        AmbiguousOffset::Gap { after, .. } => match read_with(zone, local, after) {
            Some(instant) => Ok(instant),
            // Read with the later offset the local time lies just before the jump, so the next transition is the jump.
            None => offset_transition_after(zone, after.to_timestamp(local)),
        },
    };
    instant.map_or(Timestamp::MAX, Timestamp::from_jiff)
}

/// The instant at which a clock with this offset reads `local`, if the zone has that offset then. A database can say that
/// summer time ends in the very second in which a zone moves by as much, so that no clock is touched (Nuuk in October
/// 2023), and the offsets on the two sides of what is then called a fold need not both have been in use.
fn read_with(zone: &TimeZone, local: DateTime, offset: Offset) -> Option<jiff::Timestamp> {
    let instant = offset.to_timestamp(local).ok()?;
    (zone.to_offset(instant) == offset).then_some(instant)
}

fn offset_transition_after(
    zone: &TimeZone,
    instant: Result<jiff::Timestamp, jiff::Error>,
) -> Result<jiff::Timestamp, jiff::Error> {
    let instant = instant?;
    Ok(zone.following(instant).next().map_or(instant, |transition| transition.timestamp()))
}

/// The latest wall clock reading the zone has shown by `at`: a local time has come, as [`earliest_at_or_after`] means it,
/// exactly if it is not after this. While clocks repeat an hour this stays at the end of the first pass.
pub fn latest_reading(zone: &TimeZone, at: Timestamp) -> DateTime {
    let now = at.in_zone(zone);
    let AmbiguousOffset::Fold { before, .. } = zone.to_ambiguous_timestamp(now).offset() else { return now };
    if before.to_timestamp(now).is_ok_and(|first_pass| first_pass == at.to_jiff()) {
        return now;
    }
    let jump = zone.preceding(at.plus_secs(1).to_jiff()).next();
    jump.map_or(now, |jump| Timestamp::from_jiff(jump.timestamp()).plus_secs(-1).in_zone(zone).max(now))
}

/// What a local time that a person typed can mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Typed {
    Once(Timestamp),
    /// Clocks jump over it: the last whole minute before the jump and the first after it.
    Gap {
        before: DateTime,
        after: DateTime,
    },
    /// Clocks show it twice: ask, with the first pass preset.
    Fold {
        first: Timestamp,
        second: Timestamp,
    },
}

pub fn typed(zone: &TimeZone, local: DateTime) -> Typed {
    let once = Typed::Once(earliest_at_or_after(zone, local));
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { .. } => once,
        AmbiguousOffset::Fold { before, after } => {
            match (read_with(zone, local, before), read_with(zone, local, after)) {
                (Some(first), Some(second)) => {
                    Typed::Fold { first: Timestamp::from_jiff(first), second: Timestamp::from_jiff(second) }
                }
                _ => once,
            }
        }
        AmbiguousOffset::Gap { after, .. } if read_with(zone, local, after).is_some() => once,
        AmbiguousOffset::Gap { before, after } => {
            let jump = earliest_at_or_after(zone, local).to_jiff();
            let last = before.to_datetime(jump).saturating_sub(1.minute());
            Typed::Gap { before: last, after: after.to_datetime(jump) }
        }
    }
}

impl Typed {
    /// One instant, the first pass unless the reader chose the second; refused if there is none. `zone` is its name.
    pub fn instant(
        self,
        local: DateTime,
        zone: &str,
        field: &'static str,
        second_pass: bool,
    ) -> Result<Timestamp, Refusal> {
        match self {
            Typed::Once(instant) => Ok(instant),
            Typed::Fold { second, .. } if second_pass => Ok(second),
            Typed::Fold { first, .. } => Ok(first),
            Typed::Gap { before, after } => Err(time_in_gap(local, zone, field, before, after)),
        }
    }
}

fn time_in_gap(local: DateTime, zone: &str, field: &'static str, before: DateTime, after: DateTime) -> Refusal {
    // A day is said where it is another than the one just named.
    let neighbour = |at: DateTime| {
        let form = if at.date() == local.date() { "%H:%M" } else { "%H:%M on %-d %b" };
        at.strftime(form).to_string()
    };
    let sentence = format!(
        "{} does not exist on {} in {zone}: clocks jump from {} to {}. Choose one of these.",
        local.strftime("%H:%M"),
        local.strftime("%-d %b"),
        neighbour(before),
        neighbour(after)
    );
    Refusal::invalid("time_in_gap", field, sentence)
}

/// A zone by its name in the bundled database. Abbreviations such as `EST` are refused: they are not places, and some
/// of them mean different offsets to different readers.
pub fn zone_named(name: &str) -> Option<TimeZone> {
    let is_place = name == "UTC" || (name.contains('/') && !name.starts_with("Etc/"));
    if !is_place && !name.starts_with("Etc/") {
        return None;
    }
    TimeZone::get(name).ok()
}

/// A stretch of time in words, on the clock of a zone: `10:00 to 18:00 on 2 Jun`, `18:00 on 2 Jun to 09:00 on 3 Jun`.
pub fn span_words(start: Timestamp, end: Timestamp, zone: &TimeZone) -> String {
    let (from, to) = (start.in_zone(zone), end.in_zone(zone));
    if from.date() == to.date() {
        return format!("{} to {}", from.strftime("%H:%M"), to.strftime("%H:%M on %-d %b"));
    }
    format!("{} to {}", from.strftime("%H:%M on %-d %b"), to.strftime("%H:%M on %-d %b"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, local: &str, expected: &str) {
        let zone = zone_named(zone).expect("a zone of the bundled database");
        let local: DateTime = local.parse().expect("a civil time");
        assert_eq!(earliest_at_or_after(&zone, local).to_string(), expected, "{local} in {zone:?}");
    }

    #[test]
    fn a_local_time_becomes_the_earliest_instant_that_reads_it_or_later() {
        check("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30:00Z"); // twice: the first pass
        check("America/New_York", "2026-11-01T02:00", "2026-11-01T07:00:00Z");
        check("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30:00Z"); // a gap of 30 minutes
        check("Asia/Kolkata", "2026-03-08T02:30", "2026-03-07T21:00:00Z");
        check("Pacific/Apia", "2011-12-30T09:00", "2011-12-30T10:00:00Z"); // a whole day skipped
        check("America/Nuuk", "2026-03-28T23:30", "2026-03-29T01:00:00Z"); // a gap up to midnight
        check("Antarctica/Troll", "2026-03-29T02:30", "2026-03-29T01:00:00Z");
        check("Pacific/Chatham", "2026-09-27T03:00", "2026-09-26T14:00:00Z");
    }

    #[test]
    fn the_rule_and_its_inverse_hold_in_every_zone_whenever_clocks_change() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().expect("an instant");
        for name in jiff::tz::db().available() {
            let Some(zone) = zone_named(name.as_str()) else { continue };
            let changes = zone.following(at("2021-01-01T00:00:00Z"));
            for change in changes.take_while(|change| change.timestamp() < at("2032-01-01T00:00:00Z")) {
                let change = Timestamp::from_jiff(change.timestamp());
                for minutes in (-130..=130).step_by(20) {
                    let local = change.in_zone(&zone).saturating_add(minutes.minutes());
                    let instant = earliest_at_or_after(&zone, local);
                    assert!(instant.in_zone(&zone) >= local, "{name}: {instant} reads {local} or later");
                    assert!(instant.plus_secs(-1).in_zone(&zone) < local, "{name}: {instant} is the first for {local}");
                    assert!(latest_reading(&zone, instant) >= local, "{name}: {local} has come by {instant}");
                    assert!(latest_reading(&zone, instant.plus_secs(-1)) < local, "{name}: {local} and not before");
                    match typed(&zone, local) {
                        Typed::Once(once) => assert_eq!((once, once.in_zone(&zone)), (instant, local), "{name}"),
                        Typed::Fold { first, second } => {
                            assert_eq!((first, second.in_zone(&zone)), (instant, local), "{name}");
                        }
                        Typed::Gap { before, after } => assert!(before < local && local < after, "{name} {local}"),
                    }
                }
            }
        }
    }

    #[test]
    fn the_latest_reading_stands_still_while_an_hour_is_repeated() {
        let table = [
            ("America/New_York", "2026-11-01T05:59:59Z", "2026-11-01T01:59:59"), // the end of the first pass
            ("America/New_York", "2026-11-01T06:00:00Z", "2026-11-01T01:59:59"), // reads 01:00 again
            ("America/New_York", "2026-11-01T06:59:59Z", "2026-11-01T01:59:59"),
            ("America/New_York", "2026-11-01T07:00:00Z", "2026-11-01T02:00:00"),
            ("America/New_York", "2026-03-08T07:00:00Z", "2026-03-08T03:00:00"), // the jump
            ("Australia/Lord_Howe", "2026-04-04T15:10:00Z", "2026-04-05T01:59:59"),
            ("UTC", "2026-04-04T15:10:00Z", "2026-04-04T15:10:00"),
        ];
        for (zone, at, expected) in table {
            let zone = zone_named(zone).expect("a zone of the bundled database");
            let at = Timestamp::from_jiff(at.parse().expect("an instant"));
            assert_eq!(latest_reading(&zone, at).to_string(), expected, "{at} in {zone:?}");
        }
    }

    #[test]
    fn a_typed_time_may_come_never_or_twice() {
        let read = |zone: &str, local: &str, second| {
            let local: DateTime = local.parse().expect("a civil time");
            let found = typed(&zone_named(zone).expect("a zone of the bundled database"), local);
            match found.instant(local, zone, "start", second) {
                Ok(instant) => instant.to_string(),
                Err(refusal) => refusal.sentence,
            }
        };
        assert_eq!(read("America/New_York", "2026-06-01T01:30", true), "2026-06-01T05:30:00Z");
        assert_eq!(read("America/New_York", "2026-11-01T01:30", false), "2026-11-01T05:30:00Z");
        assert_eq!(read("America/New_York", "2026-11-01T01:30", true), "2026-11-01T06:30:00Z");
        assert_eq!(
            read("America/New_York", "2026-03-08T02:30", false),
            "02:30 does not exist on 8 Mar in America/New_York: clocks jump from 01:59 to 03:00. Choose one of these."
        );
        assert_eq!(
            read("Pacific/Apia", "2011-12-30T09:00", false),
            "09:00 does not exist on 30 Dec in Pacific/Apia: clocks jump from 23:59 on 29 Dec to 00:00 on 31 Dec. \
             Choose one of these."
        );
    }

    #[test]
    fn spans_are_said_on_the_clock_of_their_zone() {
        let at = |text: &str| Timestamp::from_jiff(text.parse().expect("an instant"));
        let berlin = zone_named("Europe/Berlin").expect("a zone of the bundled database");
        let words = |start, end| span_words(at(start), at(end), &berlin);
        assert_eq!(words("2026-06-02T08:00:00Z", "2026-06-02T16:00:00Z"), "10:00 to 18:00 on 2 Jun");
        assert_eq!(words("2026-06-02T16:00:00Z", "2026-06-03T07:00:00Z"), "18:00 on 2 Jun to 09:00 on 3 Jun");
    }

    #[test]
    fn abbreviations_are_not_places() {
        assert!(zone_named("EST").is_none());
        assert!(zone_named("Mars/Olympus").is_none());
        assert!(zone_named("Europe/Kiev").is_some());
        assert!(zone_named("UTC").is_some());
    }

    #[test]
    fn fractions_are_dropped_towards_the_past() {
        let text = |t: &str| Timestamp::from_jiff(t.parse().expect("an instant")).to_string();
        assert_eq!(text("2026-01-01T00:00:00.999Z"), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn an_instant_is_a_second_of_these_centuries() {
        let of = |nanos: i128| Timestamp::from_jiff(jiff::Timestamp::from_nanosecond(nanos).expect("jiff can name it"));
        assert_eq!([0, 999_999_999, 1_000_000_000].map(|nanos| of(nanos).as_second()), [0, 0, 1]);
        assert_eq!([-1, -1_500_000_000].map(of), [Timestamp::MIN; 2], "nothing lies before 1970");
        assert_eq!(format!("{:?} {}", of(0), of(0)), "1970-01-01T00:00:00Z 1970-01-01T00:00:00Z");
    }
}
