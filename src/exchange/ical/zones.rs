//! Time zones as calendars name them, and local times in them as RFC 5545 (3.3.5) reads them.
//!
//! A TZID is a place of the zone database, Windows' name of one, or has its rules in the calendar. Anything else is
//! refused: an hour of doubt in an on-call shift is an hour in which the wrong person is paged.
//!
//! Imported local times follow the standard, not the rule of `domain::time`: a time that clocks jump over is read with the
//! offset before the jump, and one that comes twice is the first, which has the offset before the change as well.

use crate::domain::time::{Timestamp, zone_named};
use crate::exchange::ical::Unreadable;
use crate::exchange::ical::local::{DAY, Local, Written, read_offset};
use crate::exchange::ical::recur::{Budget, Rule};
use crate::exchange::ical::text::Component;
use crate::exchange::ical::windows;
use jiff::tz::{AmbiguousOffset, TimeZone};
use std::collections::BTreeMap;
use std::rc::Rc;

/// How local times become instants.
#[derive(Clone, Debug)]
pub enum Zone {
    Place(TimeZone),
    Rules(Vec<Change>),
}

/// When a zone's offset changes, all in seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Change {
    /// Since 1970, in UTC.
    at: i64,
    before: i64,
    after: i64,
}

impl Zone {
    pub fn utc() -> Zone {
        Zone::Place(TimeZone::UTC)
    }

    pub fn instant(&self, local: Local) -> Timestamp {
        Timestamp::from_second(local.seconds() - self.offset(local))
    }

    /// Seconds east of UTC; where clocks jump or go back, the offset before that.
    fn offset(&self, local: Local) -> i64 {
        match self {
            Zone::Place(zone) => {
                let offset = match zone.to_ambiguous_timestamp(local.to_datetime()).offset() {
                    AmbiguousOffset::Unambiguous { offset } => offset,
                    AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
                };
                offset.seconds().into()
            }
            Zone::Rules(changes) => {
                // A change counts from the later of its two readings on: what lies between them is a gap or comes twice.
                let after =
                    changes.partition_point(|change| change.at + change.before.max(change.after) <= local.seconds());
                match after.checked_sub(1) {
                    Some(last) => changes[last].after,
                    None => changes.first().map_or(0, |change| change.before),
                }
            }
        }
    }
}

/// The zones of one calendar.
pub struct Zones {
    inside: BTreeMap<String, Result<Rc<Zone>, String>>,
    known: BTreeMap<String, Rc<Zone>>,
}

impl Zones {
    /// Reads the zones that the calendar brings along. One that cannot be read is an error only when it is asked for.
    pub fn of(calendar: &Component, until: Timestamp, budget: &mut Budget) -> Zones {
        let mut inside = BTreeMap::new();
        for component in calendar.children.iter().filter(|child| child.name == "VTIMEZONE") {
            let rules = rules(component, until, budget).map(|changes| Rc::new(Zone::Rules(changes)));
            inside.insert(component.text("TZID"), rules);
        }
        Zones { inside, known: BTreeMap::new() }
    }

    pub fn named(&mut self, tzid: &str) -> Result<Rc<Zone>, Unreadable> {
        if let Some(zone) = self.known.get(tzid) {
            return Ok(Rc::clone(zone));
        }
        let zone = match (place(tzid), self.inside.get(tzid)) {
            (Some(zone), _) => Rc::new(Zone::Place(zone)),
            (None, Some(Ok(zone))) => Rc::clone(zone),
            (None, Some(Err(problem))) => {
                return Err(Unreadable(format!(
                    "The time zone “{tzid}” of this calendar cannot be used: it {problem}."
                )));
            }
            (None, None) => {
                let sentence = format!("The time zone “{tzid}” is not known, and the calendar does not describe it.");
                return Err(Unreadable(sentence));
            }
        };
        self.known.insert(tzid.to_owned(), Rc::clone(&zone));
        Ok(zone)
    }
}

/// A place by its name, by Windows' name, or behind a prefix such as `/freeassociation.sourceforge.net/`, which makes the
/// name unique in the world (3.2.19).
pub fn place(name: &str) -> Option<TimeZone> {
    let name = name.trim();
    if matches!(name, "GMT" | "Z") {
        return Some(TimeZone::UTC);
    }
    let known = |name: &str| zone_named(name).or_else(|| zone_named(windows::place(name)?));
    known(name).or_else(|| {
        let rest = name.strip_prefix('/')?;
        rest.match_indices('/').find_map(|(at, _)| known(&rest[at + 1..]))
    })
}

/// The changes that the STANDARD and DAYLIGHT parts describe, in order. The error goes on "the zone …".
fn rules(component: &Component, until: Timestamp, budget: &mut Budget) -> Result<Vec<Change>, String> {
    let mut changes = Vec::new();
    let parts = component.children.iter().filter(|part| matches!(part.name.as_str(), "STANDARD" | "DAYLIGHT"));
    for part in parts {
        let written = |name: &str| part.line(name).map(|line| line.value.as_str());
        let offset = |name: &str| {
            let text = written(name).ok_or_else(|| format!("has a part without {name}"))?;
            read_offset(text).ok_or_else(|| format!("has an offset that cannot be read: {text}"))
        };
        let (before, after) = (offset("TZOFFSETFROM")?, offset("TZOFFSETTO")?);
        let start = written("DTSTART").and_then(Written::read);
        let start = start.ok_or("has a part without a readable DTSTART")?.reading();
        let last = Local::from_seconds(until.as_second()).plus(2 * DAY);
        let mut onsets = vec![start];
        for line in part.lines_named("RRULE") {
            let rule = Rule::read(&line.value)?;
            let begun = rule.starts(start, start, last, budget)?;
            // UNTIL is in UTC here; a rule that means local time differs by hours where changes are months apart.
            let ends = rule.until.map_or(i64::MAX, |until| until.reading().seconds());
            onsets.extend(begun.into_iter().filter(|onset| onset.seconds() - before <= ends));
        }
        for date in part.lines_named("RDATE").flat_map(|line| line.value.split(',')) {
            onsets
                .push(Written::read(date).ok_or_else(|| format!("has a date that cannot be read: {date}"))?.reading());
        }
        changes.extend(onsets.into_iter().map(|onset| Change { at: onset.seconds() - before, before, after }));
    }
    if changes.is_empty() {
        return Err("has no rules".to_owned());
    }
    changes.sort_unstable();
    changes.dedup();
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::ical::text::components;

    fn local(text: &str) -> Local {
        Local::of(text.parse().expect("a reading"))
    }

    fn check(zone: &Zone, reading: &str, expected: &str) {
        assert_eq!(zone.instant(local(reading)).to_string(), expected, "{reading}");
    }

    fn named(tzid: &str) -> Zone {
        Zone::Place(place(tzid).unwrap_or_else(|| panic!("{tzid} is a place")))
    }

    #[test]
    fn local_times_are_read_as_the_standard_says() {
        check(&named("America/New_York"), "2026-03-08T02:30", "2026-03-08T07:30:00Z"); // a gap: the offset before it
        check(&named("America/New_York"), "2026-11-01T01:30", "2026-11-01T05:30:00Z"); // twice: the first
        check(&named("Australia/Lord_Howe"), "2026-10-04T02:15", "2026-10-03T15:45:00Z");
        check(&named("Pacific/Apia"), "2011-12-30T09:00", "2011-12-30T19:00:00Z");
    }

    #[test]
    fn zones_go_by_places_windows_names_and_prefixes() {
        for (tzid, winter) in [
            ("Europe/Berlin", "2026-01-01T11:00:00Z"),
            ("W. Europe Standard Time", "2026-01-01T11:00:00Z"),
            ("Eastern Standard Time", "2026-01-01T17:00:00Z"),
            ("/freeassociation.sourceforge.net/Europe/Berlin", "2026-01-01T11:00:00Z"),
            ("/softwarestudio.org/Olson_20011030_5/America/Argentina/Buenos_Aires", "2026-01-01T15:00:00Z"),
            ("UTC", "2026-01-01T12:00:00Z"),
            ("GMT", "2026-01-01T12:00:00Z"),
        ] {
            check(&named(tzid), "2026-01-01T12:00", winter);
        }
        for tzid in ["EST", "Customized Time Zone", "", "/", "Europe"] {
            assert!(place(tzid).is_none(), "{tzid}");
        }
    }

    const OUTLOOK: &str = "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Customized Time Zone\n\
        BEGIN:STANDARD\nDTSTART:16010101T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\n\
        RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10\nEND:STANDARD\n\
        BEGIN:DAYLIGHT\nDTSTART:16010101T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\n\
        RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3\nEND:DAYLIGHT\nEND:VTIMEZONE\n\
        BEGIN:VTIMEZONE\nTZID:Broken\nBEGIN:STANDARD\nDTSTART:20000101T000000\nEND:STANDARD\nEND:VTIMEZONE\n\
        END:VCALENDAR\n";

    #[test]
    fn a_zone_described_in_the_calendar_follows_its_rules() {
        let calendar = components(OUTLOOK.as_bytes()).expect("a calendar").remove(0);
        let until = Timestamp::from_jiff("2027-01-01T00:00:00Z".parse().expect("an instant"));
        let mut zones = Zones::of(&calendar, until, &mut Budget::new());
        let zone = zones.named("Customized Time Zone").expect("it is described");
        // The same as Europe/Berlin, whose rules these are, day and night, jumps included.
        let berlin = named("Europe/Berlin");
        for quarter in 0..4 * 24 * 365 {
            let reading = local("2026-01-01T00:00").plus(quarter * 900);
            assert_eq!(zone.instant(reading), berlin.instant(reading), "{}", reading.to_datetime());
        }
        let refused = |tzid: &str, zones: &mut Zones| zones.named(tzid).map(|_| ()).expect_err(tzid).0;
        assert_eq!(
            refused("Broken", &mut zones),
            "The time zone “Broken” of this calendar cannot be used: it has a part without TZOFFSETFROM."
        );
        assert_eq!(
            refused("Lost", &mut zones),
            "The time zone “Lost” is not known, and the calendar does not describe it."
        );
    }
}
