//! Time as a reader sees it: relative while it is near, absolute after a day, always with the full instant behind it.

use crate::domain::preferences::HourCycle;
use crate::domain::refusal::Refusal;
use crate::domain::time::{Timestamp, earliest_at_or_after, typed, zone_named};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Whose eyes: the instant the page is made, the zone times are written in, and how its hours are counted. A schedule's
/// page uses the schedule's zone.
#[derive(Clone, Debug)]
pub struct Reader {
    pub now: Timestamp,
    pub zone: TimeZone,
    pub hours: HourCycle,
}

/// One instant on a page: `<time datetime="{iso}" title="{title}">{text}</time>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct When {
    pub iso: String,
    pub title: String,
    pub text: String,
}

impl Reader {
    /// A zone that is not known reads as UTC: a page with the wrong offset beats no page.
    pub fn new(now: Timestamp, zone: &str) -> Reader {
        Reader { now, zone: zone_named(zone).unwrap_or(TimeZone::UTC), hours: HourCycle::H24 }
    }

    pub fn counting(self, hours: HourCycle) -> Reader {
        Reader { hours, ..self }
    }

    /// The same eyes on the clock of another place.
    pub fn there(&self, zone: &str) -> Reader {
        Reader::new(self.now, zone).counting(self.hours)
    }

    /// A pattern of 24 hours, written out as the reader counts them.
    pub fn written(&self, local: DateTime, pattern: &str) -> String {
        local.strftime(&self.pattern(pattern)).to_string()
    }

    /// A time of day, in minutes after midnight; the end of the day is 24:00.
    pub fn minutes(&self, minutes: u16) -> String {
        let (hour, minute) = (minutes / 60, minutes % 60);
        match self.hours {
            HourCycle::H24 => format!("{hour:02}:{minute:02}"),
            HourCycle::H12 => {
                let half = if hour % 24 < 12 { "am" } else { "pm" };
                format!("{}:{minute:02} {half}", (hour + 11) % 12 + 1)
            }
        }
    }

    fn pattern(&self, of_24_hours: &str) -> String {
        match self.hours {
            HourCycle::H24 => of_24_hours.to_owned(),
            HourCycle::H12 => of_24_hours.replace("%H:%M:%S", "%-I:%M:%S %P").replace("%H:%M", "%-I:%M %P"),
        }
    }

    /// "2 min ago", "in 5 min"; after a day "Mon 23 Nov 03:14".
    pub fn when(&self, at: Timestamp) -> When {
        let secs = at.secs_since(self.now);
        let text = match secs {
            _ if secs.abs() >= DAY => self.absolute(at),
            -1..=1 => "now".to_owned(),
            _ if secs < 0 => format!("{} ago", duration(-secs)),
            _ => format!("in {}", duration(secs)),
        };
        When { text, ..self.exactly(at) }
    }

    /// "03:19" near now, "Mon 03:19" within a week, else with its date: for sentences about what comes next.
    pub fn clock(&self, at: Timestamp) -> String {
        let (local, today) = (self.zone.to_datetime(at.to_jiff()), self.zone.to_datetime(self.now.to_jiff()));
        let pattern = match at.secs_since(self.now).abs() {
            _ if local.date() == today.date() => "%H:%M",
            0..DAY => "%a %H:%M",
            secs if secs < 6 * DAY => "%a %H:%M",
            _ => return self.absolute(at),
        };
        self.written(local, pattern)
    }

    /// An instant written out: the text is "Mon 23 Nov 03:14".
    pub fn exactly(&self, at: Timestamp) -> When {
        let instant = at.to_jiff();
        let local = instant.to_zoned(self.zone.clone());
        let mut title = local.strftime(&self.pattern("%a %d %b %Y, %H:%M:%S %Z")).to_string();
        if self.zone != TimeZone::UTC {
            let utc = instant.to_zoned(TimeZone::UTC);
            title = format!("{title} · {}", utc.strftime(&self.pattern("%H:%M:%S UTC")));
        }
        When { iso: instant.to_string(), title, text: self.absolute(at) }
    }

    /// What a `datetime-local` input takes.
    pub fn input(&self, at: Timestamp) -> String {
        self.zone.to_datetime(at.to_jiff()).strftime("%Y-%m-%dT%H:%M").to_string()
    }

    /// What such an input gave back, read on the reader's clock; `field` names it in the refusal. A time that comes twice is
    /// its first pass; one that the clocks jump over is refused with its neighbours.
    pub fn typed(&self, text: &str, field: &'static str) -> Result<Timestamp, Refusal> {
        let local: DateTime = text
            .parse()
            .map_err(|_| Refusal::invalid("time_form", field, "Choose a date and a time, such as 2026-11-24 09:00."))?;
        let name = self.zone.iana_name().unwrap_or("UTC");
        typed(&self.zone, local).instant(local, name, field, false)
    }

    /// When this day begins for the reader.
    pub fn midnight(&self, date: Date) -> Timestamp {
        earliest_at_or_after(&self.zone, date.at(0, 0, 0, 0))
    }

    /// The next time the reader's clock shows this hour on another day.
    pub fn tomorrow_at(&self, hour: i8) -> Timestamp {
        let tomorrow = self.now.in_zone(&self.zone).date().tomorrow().unwrap_or(Date::MAX);
        earliest_at_or_after(&self.zone, tomorrow.at(hour, 0, 0, 0))
    }

    fn absolute(&self, at: Timestamp) -> String {
        let (local, today) = (self.zone.to_datetime(at.to_jiff()), self.zone.to_datetime(self.now.to_jiff()));
        let pattern = if local.year() == today.year() { "%a %-d %b %H:%M" } else { "%a %-d %b %Y %H:%M" };
        self.written(local, pattern)
    }

    /// A stretch of time: "10:00 to 18:00 on 2 Jun", "18:00 on 2 Jun to 09:00 on 3 Jun".
    pub fn span(&self, start: Timestamp, end: Timestamp) -> String {
        let (from, to) = (start.in_zone(&self.zone), end.in_zone(&self.zone));
        let pattern = if from.date() == to.date() { "%H:%M" } else { "%H:%M on %-d %b" };
        format!("{} to {}", self.written(from, pattern), self.written(to, "%H:%M on %-d %b"))
    }
}

/// "40 s", "12 min", "1 h 12 min", "3 d 4 h": the two largest units, rounded down, never "72 min".
pub fn duration(secs: i64) -> String {
    let two = |large: i64, name: &str, small: i64, small_name: &str| match small {
        0 => format!("{large} {name}"),
        _ => format!("{large} {name} {small} {small_name}"),
    };
    match secs.max(0) {
        secs if secs < MINUTE => format!("{secs} s"),
        secs if secs < HOUR => format!("{} min", secs / MINUTE),
        secs if secs < DAY => two(secs / HOUR, "h", secs % HOUR / MINUTE, "min"),
        secs => two(secs / DAY, "d", secs % DAY / HOUR, "h"),
    }
}

/// "Ana", "Ana and Bo", "Ana, Bo and Caro".
pub fn list<S: AsRef<str>>(items: &[S]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [rest @ .., last] => {
            let rest: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", rest.join(", "), last.as_ref())
        }
    }
}

/// "1 incident", "2 incidents".
pub fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tuesday 24 November 2026, 03:14:22 in Berlin.
    pub const NOW: i64 = 1_795_486_462;

    fn reader() -> Reader {
        Reader::new(Timestamp::from_second(NOW), "Europe/Berlin")
    }

    #[test]
    fn near_times_are_relative_and_far_ones_absolute() {
        let table = [
            (0, "now", "03:14"),
            (-40, "40 s ago", "03:13"),
            (-130, "2 min ago", "03:12"),
            (300, "in 5 min", "03:19"),
            (-4 * HOUR, "4 h ago", "Mon 23:14"),
            (-DAY - 60, "Mon 23 Nov 03:13", "Mon 03:13"),
            (40 * DAY, "Sun 3 Jan 2027 03:14", "Sun 3 Jan 2027 03:14"),
        ];
        for (offset, text, clock) in table {
            let at = Timestamp::from_second(NOW + offset);
            assert_eq!((reader().when(at).text.as_str(), reader().clock(at).as_str()), (text, clock), "{offset}");
        }
    }

    #[test]
    fn hours_are_counted_as_the_reader_counts_them() {
        let (by_day, at) = (reader(), Timestamp::from_second(NOW));
        let reader = reader().counting(HourCycle::H12);
        assert_eq!(reader.clock(at), "3:14 am");
        assert_eq!(reader.when(at.plus_secs(-2 * DAY)).text, "Sun 22 Nov 3:14 am");
        assert_eq!(reader.exactly(at).title, "Tue 24 Nov 2026, 3:14:22 am CET · 2:14:22 am UTC");
        assert_eq!(reader.there("UTC").span(at, at.plus_secs(12 * HOUR)), "2:14 am to 2:14 pm on 24 Nov");
        let times = [
            (0, "12:00 am"),
            (9 * 60 + 5, "9:05 am"),
            (12 * 60, "12:00 pm"),
            (23 * 60, "11:00 pm"),
            (1440, "12:00 am"),
        ];
        for (minutes, expected) in times {
            assert_eq!(reader.minutes(minutes), expected);
        }
        assert_eq!(by_day.minutes(1440), "24:00");
        assert_eq!(by_day.span(at, at.plus_secs(DAY)), "03:14 on 24 Nov to 03:14 on 25 Nov");
        assert_eq!(reader.input(at), "2026-11-24T03:14", "a form is for the browser, which has its own clock");
    }

    #[test]
    fn the_whole_instant_is_behind_every_time() {
        let when = reader().when(Timestamp::from_second(NOW));
        assert_eq!(when.title, "Tue 24 Nov 2026, 03:14:22 CET · 02:14:22 UTC");
        assert_eq!(when.iso, "2026-11-24T02:14:22Z");
        let utc = Reader::new(Timestamp::from_second(NOW), "UTC").when(Timestamp::from_second(NOW));
        assert_eq!(utc.title, "Tue 24 Nov 2026, 02:14:22 UTC");
    }

    #[test]
    fn typed_times_are_read_on_the_readers_clock() {
        let check = |typed: &str, expected: Result<&str, &str>| {
            let read = reader().typed(typed, "until").map(|instant| instant.to_string());
            let read = read.map_err(|refusal| refusal.sentence);
            assert_eq!(read.as_deref().map_err(String::as_str), expected, "{typed}");
        };
        check("2026-11-24T09:00", Ok("2026-11-24T08:00:00Z"));
        check("2026-10-25T02:30", Ok("2026-10-25T00:30:00Z"));
        let gap =
            "02:30 does not exist on 29 Mar in Europe/Berlin: clocks jump from 01:59 to 03:00. Choose one of these.";
        check("2026-03-29T02:30", Err(gap));
        check("soon", Err("Choose a date and a time, such as 2026-11-24 09:00."));
        assert_eq!(reader().tomorrow_at(9).to_string(), "2026-11-25T08:00:00Z");
    }

    #[test]
    fn durations_have_at_most_two_units() {
        let table =
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (72 * 60, "1 h 12 min"), (7200, "2 h"), (90000, "1 d 1 h")];
        for (secs, expected) in table {
            assert_eq!(duration(secs), expected);
        }
    }

    #[test]
    fn lists_read_as_people_say_them() {
        for (items, expected) in [(vec![], ""), (vec!["Ana"], "Ana"), (vec!["Ana", "Bo", "Caro"], "Ana, Bo and Caro")] {
            assert_eq!(list(&items), expected);
        }
    }
}
