//! Writes a feed: who is on call, as a calendar that any program can subscribe to.
//!
//! Times are in UTC, so no reader needs our zones. Events are TRANSPARENT: being on call does not make a person busy. One
//! that was taken back is written as CANCELLED. The same values give the same bytes, which is what an ETag rests on.

use crate::domain::entry::Interval;
use crate::domain::time::Timestamp;
use crate::exchange::ical::text::{escaped, push_line};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// What the calendar is called where it is subscribed to.
    pub name: String,
    /// In the order of time.
    pub events: Vec<Event>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Names this event for ever, in the whole world.
    pub uid: String,
    pub span: Interval,
    pub summary: String,
    pub description: String,
    /// Grows with every change of the schedule.
    pub sequence: u64,
    /// When that was.
    pub changed_at: Timestamp,
    pub is_cancelled: bool,
}

pub fn write(document: &Document) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| push_line(&mut out, name, value);
    line("BEGIN", "VCALENDAR");
    line("VERSION", "2.0");
    line("PRODID", concat!("-//PagerPal//PagerPal ", env!("CARGO_PKG_VERSION"), "//EN"));
    line("CALSCALE", "GREGORIAN");
    line("METHOD", "PUBLISH");
    line("X-WR-CALNAME", &escaped(&document.name));
    line("REFRESH-INTERVAL;VALUE=DURATION", "PT1H");
    line("X-PUBLISHED-TTL", "PT1H");
    for event in &document.events {
        line("BEGIN", "VEVENT");
        line("UID", &escaped(&event.uid));
        line("DTSTAMP", &utc(event.changed_at));
        line("SEQUENCE", &event.sequence.to_string());
        line("DTSTART", &utc(event.span.start));
        line("DTEND", &utc(event.span.end));
        line("SUMMARY", &escaped(&event.summary));
        if !event.description.is_empty() {
            line("DESCRIPTION", &escaped(&event.description));
        }
        line("TRANSP", "TRANSPARENT");
        line("STATUS", if event.is_cancelled { "CANCELLED" } else { "CONFIRMED" });
        line("END", "VEVENT");
    }
    line("END", "VCALENDAR");
    out
}

fn utc(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::ical::import;
    use jiff::tz::TimeZone;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_jiff(text.parse().expect("an instant"))
    }

    #[test]
    fn a_feed_is_a_calendar_that_reads_back() {
        let event = |number: u64, is_cancelled| Event {
            uid: format!("sch_1-lay_2-1780000000-{number}@pager.example.test"),
            span: Interval { start: at("2026-06-01T07:00:00Z"), end: at("2026-06-08T07:00:00Z") },
            summary: "J\u{f6}rg, O'Neil; and \\ Ana".to_owned(),
            description: String::new(),
            sequence: 7,
            changed_at: at("2026-05-30T12:00:01Z"),
            is_cancelled,
        };
        let document = Document { name: "Payments, nights".to_owned(), events: vec![event(0, false), event(1, true)] };
        let text = write(&document);
        let expected = "BEGIN:VEVENT\r\nUID:sch_1-lay_2-1780000000-0@pager.example.test\r\nDTSTAMP:20260530T120001Z\r\n\
            SEQUENCE:7\r\nDTSTART:20260601T070000Z\r\nDTEND:20260608T070000Z\r\nSUMMARY:J\u{f6}rg\\, O'Neil\\; and \\\\ Ana\r\n\
            TRANSP:TRANSPARENT\r\nSTATUS:CONFIRMED\r\nEND:VEVENT\r\n";
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("X-WR-CALNAME:Payments\\, nights\r\n") && text.ends_with("END:VCALENDAR\r\n"));
        assert!(text.split("\r\n").all(|line| line.len() <= 75 && !line.contains(['\r', '\n'])));
        let window = Interval { start: at("2026-01-01T00:00:00Z"), end: at("2027-01-01T00:00:00Z") };
        let read = import::read(text.as_bytes(), &TimeZone::UTC, window).expect("a calendar");
        assert_eq!(read.len(), 1, "the cancelled one is gone");
        assert_eq!(
            (read[0].span, read[0].named.summary.as_str()),
            (document.events[0].span, "J\u{f6}rg, O'Neil; and \\ Ana")
        );
    }
}
