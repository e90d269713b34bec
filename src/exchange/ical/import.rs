//! Reads a calendar from elsewhere: when its events are, and whom they name.
//!
//! Events that repeat are worked out for a window of time; moved, cancelled and excepted ones are honoured. Whatever would
//! have to be guessed refuses the whole calendar in one sentence, because the copy before it is still there and is sure.
//!
//! Choices where the standard or the field leaves room: an UNTIL that is a date includes that day; the start counts as the
//! first of its repetitions; of versions of one event the highest SEQUENCE counts; an attendee's answer (PARTSTAT) is not
//! looked at, since it says who comes to a meeting, not who is on call.

use crate::domain::entry::Interval;
use crate::domain::import::Named;
use crate::domain::time::{Timestamp, earliest_at_or_after};
use crate::exchange::ical::Unreadable;
use crate::exchange::ical::local::{DAY, Length, Local, Written};
use crate::exchange::ical::recur::{Budget, Rule};
use crate::exchange::ical::text::{Component, Line, components, unescaped};
use crate::exchange::ical::zones::{Zone, Zones, place};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The longest calendar that is read.
pub const LONGEST_BYTES: usize = 5 * 1024 * 1024;
/// The most events within the window.
pub const MOST_INSTANCES: usize = 10_000;
/// Characters of a summary that are kept.
const SUMMARY_LETTERS: usize = 200;
/// Attendees of an event that are looked at.
const MOST_ATTENDEES: usize = 50;

/// One event, in the order of time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Occurrence {
    pub span: Interval,
    pub named: Named,
}

/// The events that overlap the window. `zone` serves dates and floating times unless the calendar names a zone of its own
/// (X-WR-TIMEZONE).
pub fn read(bytes: &[u8], zone: &TimeZone, window: Interval) -> Result<Vec<Occurrence>, Unreadable> {
    if bytes.len() > LONGEST_BYTES {
        return Err(Unreadable::new("The calendar is longer than 5 MiB. Share one with fewer events."));
    }
    let files = components(bytes)?;
    let mut found = Vec::new();
    let mut budget = Budget::new();
    let mut calendars = files.iter().filter(|component| component.name == "VCALENDAR").peekable();
    if calendars.peek().is_none() {
        return Err(Unreadable::new("There is no calendar at this address: nothing begins with BEGIN:VCALENDAR."));
    }
    for calendar in calendars {
        let mut reader = Reader {
            zones: Zones::of(calendar, window.end, &mut budget),
            own_zone: own_zone(calendar, zone),
            window,
            budget: &mut budget,
        };
        reader.calendar(calendar, &mut found)?;
    }
    found.sort_by(|a, b| (a.span.start, a.span.end, &a.named).cmp(&(b.span.start, b.span.end, &b.named)));
    Ok(found)
}

fn own_zone(calendar: &Component, otherwise: &TimeZone) -> Result<TimeZone, Unreadable> {
    match calendar.text("X-WR-TIMEZONE") {
        name if name.is_empty() => Ok(otherwise.clone()),
        name => place(&name).ok_or_else(|| {
            Unreadable(format!("The calendar says that its time zone is “{name}”, which is not a known place."))
        }),
    }
}

struct Reader<'a> {
    zones: Zones,
    /// An error only if something needs it.
    own_zone: Result<TimeZone, Unreadable>,
    window: Interval,
    budget: &'a mut Budget,
}

/// An instant as it was written: a reading, and the zone it is in.
#[derive(Clone, Debug)]
struct When {
    reading: Local,
    /// The day as a whole.
    is_date: bool,
    /// Times of one key share their zone.
    key: String,
    zone: Rc<Zone>,
}

#[derive(Clone, Copy, Debug)]
enum Lasts {
    /// Ends when the wall clock reads so much more.
    OnTheClock(i64),
    /// So much elapsed time.
    Exactly(i64),
    /// Days on the wall clock, then elapsed time.
    Length(Length),
}

struct Event {
    start: When,
    lasts: Lasts,
    sequence: i64,
    replaces: Option<When>,
    is_cancelled: bool,
    named: Named,
    /// For sentences: the summary, quoted.
    title: String,
    rules: Vec<Rule>,
    more: Vec<When>,
    except: Vec<When>,
}

/// What a moved or excepted event is found by: its instant, or its day if only that is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Mark {
    At(Timestamp),
    Day(Local),
}

impl Reader<'_> {
    fn calendar(&mut self, calendar: &Component, found: &mut Vec<Occurrence>) -> Result<(), Unreadable> {
        let mut series: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        let events = calendar.children.iter().filter(|child| child.name == "VEVENT");
        for (number, component) in events.enumerate() {
            let event = self.event(component)?;
            // Without a UID an event stands alone.
            let uid = Some(component.text("UID")).filter(|uid| !uid.is_empty());
            series.entry(uid.unwrap_or_else(|| format!("\0{number}"))).or_default().push(event);
        }
        for events in series.into_values() {
            self.series(events, found)?;
        }
        Ok(())
    }

    /// Everything of one UID: the event with its repetitions, and those that were moved or cancelled.
    fn series(&mut self, events: Vec<Event>, found: &mut Vec<Occurrence>) -> Result<(), Unreadable> {
        let (moved, masters): (Vec<Event>, Vec<Event>) = events.into_iter().partition(|event| event.replaces.is_some());
        let mut latest: BTreeMap<Mark, Event> = BTreeMap::new();
        for event in moved {
            let replaces = event.replaces.clone().expect("those without were set apart");
            let mark = self.mark(&replaces)?;
            if latest.get(&mark).is_none_or(|known| known.sequence <= event.sequence) {
                latest.insert(mark, event);
            }
        }
        let newest = masters.iter().map(|event| event.sequence).max();
        for event in masters.iter().filter(|event| Some(event.sequence) == newest && !event.is_cancelled) {
            for start in self.starts(event)? {
                let at = self.mark(&start)?;
                let day = Mark::Day(Local::of_day(start.reading.day()));
                if !latest.contains_key(&at) && !latest.contains_key(&day) {
                    self.push(event, &start, found)?;
                }
            }
        }
        for event in latest.values().filter(|event| !event.is_cancelled) {
            self.push(event, &event.start, found)?;
        }
        Ok(())
    }

    fn push(&self, event: &Event, start: &When, found: &mut Vec<Occurrence>) -> Result<(), Unreadable> {
        let begin = self.instant(start)?;
        let on_the_clock = |seconds: i64| self.instant(&When { reading: start.reading.plus(seconds), ..start.clone() });
        let end = match event.lasts {
            Lasts::OnTheClock(seconds) => on_the_clock(seconds)?,
            Lasts::Exactly(seconds) => begin.plus_secs(seconds),
            Lasts::Length(Length { days, seconds }) => on_the_clock(days.saturating_mul(DAY))?.plus_secs(seconds),
        };
        // Empty also where clocks jump over the whole of it.
        if begin >= end || end <= self.window.start || begin >= self.window.end {
            return Ok(());
        }
        if found.len() == MOST_INSTANCES {
            return Err(Unreadable::new(
                "The calendar has more than 10 000 events within 400 days. Share a smaller one.",
            ));
        }
        found.push(Occurrence { span: Interval { start: begin, end }, named: event.named.clone() });
        Ok(())
    }

    /// The starts of an event that may matter in the window.
    fn starts(&mut self, event: &Event) -> Result<Vec<When>, Unreadable> {
        let first = &event.start;
        let length = match event.lasts {
            Lasts::OnTheClock(seconds) | Lasts::Exactly(seconds) => seconds,
            Lasts::Length(Length { days, seconds }) => days.saturating_mul(DAY).saturating_add(seconds),
        };
        // Two days more than any two wall clocks differ.
        let from = Local::from_seconds(self.window.start.as_second()).plus(length.saturating_neg()).plus(-2 * DAY);
        let last = Local::from_seconds(self.window.end.as_second()).plus(2 * DAY);
        let mut readings: BTreeSet<Local> = BTreeSet::from([first.reading]);
        for rule in &event.rules {
            let starts = rule.starts(first.reading, from, last, self.budget);
            let starts = starts.map_err(|problem| unusable(&event.title, &problem))?;
            for start in starts {
                if start == first.reading || self.is_within(rule, first, start)? {
                    readings.insert(start);
                }
            }
        }
        let mut starts: BTreeMap<Mark, When> = BTreeMap::new();
        let repeated = readings.into_iter().map(|reading| When { reading, ..first.clone() });
        for start in repeated.chain(event.more.iter().cloned()) {
            starts.entry(self.mark(&start)?).or_insert(start);
        }
        for except in &event.except {
            match self.mark(except)? {
                // A date takes all of the day.
                Mark::Day(day) => starts.retain(|_, start| start.reading.day() != day.day()),
                mark => drop(starts.remove(&mark)),
            }
        }
        Ok(starts.into_values().collect())
    }

    fn is_within(&self, rule: &Rule, first: &When, start: Local) -> Result<bool, Unreadable> {
        Ok(match rule.until {
            None => true,
            Some(Written::Date(day)) => start.day() <= day.day(),
            Some(until) if first.is_date => start.day() <= until.reading().day(),
            Some(Written::Local(reading)) => start <= reading,
            Some(Written::Utc(reading)) => {
                self.instant(&When { reading: start, ..first.clone() })? <= Zone::utc().instant(reading)
            }
        })
    }

    fn event(&mut self, component: &Component) -> Result<Event, Unreadable> {
        let named = named(component);
        let title = format!("“{}”", if named.summary.is_empty() { "without a title" } else { &named.summary });
        let event = self.parts(component, named, &title);
        event.map_err(|problem| match problem {
            Problem::OfEvent(words) => unusable(&title, &words),
            Problem::Whole(unreadable) => unreadable,
        })
    }

    fn parts(&mut self, component: &Component, named: Named, title: &str) -> Result<Event, Problem> {
        let start = component.line("DTSTART").ok_or_else(|| words("has no start"))?;
        let start = self.when(start, &start.value)?;
        for unknown in ["EXRULE"] {
            if component.line(unknown).is_some() {
                return Err(words(format!("has an {unknown}, which PagerPal does not work out")));
            }
        }
        let replaces = match component.line("RECURRENCE-ID") {
            Some(line) if line.parameter("RANGE").is_some() => {
                return Err(words("changes a repetition and all after it (RANGE), which PagerPal does not work out"));
            }
            Some(line) => Some(self.when(line, &line.value)?),
            None => None,
        };
        let rules = component.lines_named("RRULE").map(|line| Rule::read(&line.value)).collect::<Result<_, _>>();
        Ok(Event {
            lasts: self.lasts(component, &start)?,
            sequence: component.text("SEQUENCE").parse().unwrap_or(0),
            is_cancelled: component.text("STATUS").eq_ignore_ascii_case("CANCELLED"),
            rules: rules.map_err(Problem::OfEvent)?,
            more: self.list(component, "RDATE")?,
            except: self.list(component, "EXDATE")?,
            title: title.to_owned(),
            start,
            replaces,
            named,
        })
    }

    fn lasts(&mut self, component: &Component, start: &When) -> Result<Lasts, Problem> {
        if let Some(line) = component.line("DTEND") {
            let end = self.when(line, &line.value)?;
            if end.is_date != start.is_date {
                return Err(words("begins at a time and ends on a date, or the other way round"));
            }
            let on_the_clock = end.reading.seconds() - start.reading.seconds();
            let lasts = match end.key == start.key {
                true => Lasts::OnTheClock(on_the_clock),
                false => Lasts::Exactly(self.instant(&end)?.secs_since(self.instant(start)?)),
            };
            return match lasts {
                Lasts::OnTheClock(..0) | Lasts::Exactly(..0) => Err(words("ends before it begins")),
                lasts => Ok(lasts),
            };
        }
        if let Some(line) = component.line("DURATION") {
            let length = Length::read(&line.value);
            return length
                .map(Lasts::Length)
                .ok_or_else(|| words(format!("has a duration that cannot be read: {}", line.value.trim())));
        }
        Ok(if start.is_date { Lasts::OnTheClock(DAY) } else { Lasts::Exactly(0) })
    }

    fn list(&mut self, component: &Component, name: &str) -> Result<Vec<When>, Problem> {
        let mut list = Vec::new();
        for line in component.lines_named(name) {
            if line.parameter("VALUE").is_some_and(|value| value.eq_ignore_ascii_case("PERIOD")) {
                return Err(words(format!("has an {name} of periods, which PagerPal does not work out")));
            }
            for value in line.value.split(',').filter(|value| !value.trim().is_empty()) {
                list.push(self.when(line, value)?);
            }
        }
        Ok(list)
    }

    fn when(&mut self, line: &Line, value: &str) -> Result<When, Problem> {
        let unreadable = || words(format!("has a {} that cannot be read: {}", line.name, value.trim()));
        let written = Written::read(value).ok_or_else(unreadable)?;
        let reading = written.reading();
        let is_date = matches!(written, Written::Date(_));
        Ok(match (written, line.parameter("TZID")) {
            (Written::Utc(_), _) => When { reading, is_date, key: "UTC".to_owned(), zone: Rc::new(Zone::utc()) },
            // A date has no zone; one that is written all the same says nothing.
            (Written::Local(_), Some(tzid)) => {
                let zone = self.zones.named(tzid).map_err(Problem::Whole)?;
                When { reading, is_date, key: tzid.to_owned(), zone }
            }
            (Written::Local(_) | Written::Date(_), _) => {
                let zone = self.own_zone.clone().map_err(Problem::Whole)?;
                When { reading, is_date, key: String::new(), zone: Rc::new(Zone::Place(zone)) }
            }
        })
    }

    /// A date begins as every native day does; times go by the standard.
    fn instant(&self, when: &When) -> Result<Timestamp, Unreadable> {
        if when.is_date {
            let zone = self.own_zone.clone()?;
            return Ok(earliest_at_or_after(&zone, when.reading.to_datetime()));
        }
        Ok(when.zone.instant(when.reading))
    }

    fn mark(&self, when: &When) -> Result<Mark, Unreadable> {
        Ok(if when.is_date { Mark::Day(when.reading) } else { Mark::At(self.instant(when)?) })
    }
}

/// Why an event cannot be read: words that go on its title, or a sentence about the calendar.
enum Problem {
    OfEvent(String),
    Whole(Unreadable),
}

impl From<Unreadable> for Problem {
    fn from(unreadable: Unreadable) -> Problem {
        Problem::Whole(unreadable)
    }
}

fn words(words: impl Into<String>) -> Problem {
    Problem::OfEvent(words.into())
}

fn unusable(title: &str, problem: &str) -> Unreadable {
    Unreadable(format!("The calendar cannot be used: its event {title} {problem}."))
}

/// Whom an event names, in their own words: addresses of its attendees in lower case, and its summary.
fn named(component: &Component) -> Named {
    let address = |line: &Line| {
        let value = unescaped(line.value.trim());
        let mail = value.split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("mailto:"));
        let address =
            mail.map(|(_, address)| address.to_owned()).or_else(|| line.parameter("EMAIL").map(str::to_owned));
        address.map(|address| address.trim().to_lowercase()).filter(|address| address.len() <= 254)
    };
    let attendees = component.lines_named("ATTENDEE").filter_map(address).take(MOST_ATTENDEES).collect();
    let summary = component.text("SUMMARY");
    let one_line = summary.split_whitespace().collect::<Vec<_>>().join(" ");
    Named { summary: one_line.chars().take(SUMMARY_LETTERS).collect(), attendees }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
