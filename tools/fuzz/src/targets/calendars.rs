//! Calendars: from elsewhere, their rules of repetition, and ours, which must read back.

use super::{all_of, choice, chosen};
use crate::Target;
use jiff::tz::TimeZone;
use pagerpal::domain::entry::Interval;
use pagerpal::domain::time::{Timestamp, zone_named};
use pagerpal::exchange::ical::export::{Document, Event, write};
use pagerpal::exchange::ical::import::{LONGEST_BYTES, MOST_INSTANCES, Occurrence, read};
use pagerpal::exchange::ical::local::{DAY, Local};
use pagerpal::exchange::ical::recur::{Budget, Rule};
use pagerpal::exchange::ical::text::{escaped, unescaped};
use std::sync::LazyLock;

pub const CALENDAR: Target = Target { name: "calendar", ask: calendar, seeds: calendars, words: WORDS };
pub const RECURRENCE: Target = Target { name: "recurrence", ask: recurrence, seeds: rules, words: WORDS };
pub const FEED: Target = Target {
    name: "feed",
    ask: |data| feed(data, unescaped),
    seeds: || all_of(&["", "J\u{f6}rg, O'Neil; and \\ Ana\nnights", &"\u{1f600}".repeat(40), "a\\nb\u{b}c"]),
    words: &["\\", "\\n", "\n", ",", ";", ":", "\u{e9}", "END:VEVENT", " "],
};

const WORDS: &[&str] = &[
    "BEGIN:",
    "END:",
    "VEVENT",
    "VCALENDAR",
    "VTIMEZONE",
    "STANDARD",
    "DAYLIGHT",
    "DTSTART",
    "DTEND",
    "DURATION:",
    ";TZID=",
    ";VALUE=DATE",
    "Europe/Berlin",
    "Eastern Standard Time",
    "RRULE:",
    "FREQ=",
    "YEARLY",
    "MONTHLY",
    "WEEKLY",
    "DAILY",
    "HOURLY",
    ";INTERVAL=",
    ";COUNT=",
    ";UNTIL=",
    ";BYDAY=",
    ";BYMONTHDAY=",
    ";BYSETPOS=",
    ";BYHOUR=",
    ";BYMONTH=",
    ";WKST=SU",
    "-1SU",
    "29",
    "20261025T023000",
    "20260329",
    "T023000Z",
    "EXDATE:",
    "RDATE:",
    "RECURRENCE-ID:",
    "STATUS:CANCELLED",
    "SEQUENCE:",
    "UID:",
    "\r\n",
    "\r\n ",
    "P1W",
    "PT1H",
    "-PT1S",
    "TZOFFSETTO:+0100",
];

fn event(lines: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
}

fn calendars() -> Vec<Vec<u8>> {
    let events = [
        "UID:1\r\nSUMMARY:Ana\r\nDTSTART:20260601T070000Z\r\nDTEND:20260608T070000Z",
        "UID:2\r\nSUMMARY:Bo\\, nights\r\nDTSTART;TZID=Europe/Berlin:20260601T200000\r\nDTEND;TZID=Europe/Berlin:\
         20260602T080000\r\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;UNTIL=20261231\r\nEXDATE;TZID=Europe/Berlin:20260610T200000",
        "UID:3\r\nATTENDEE;CN=\"Bo\":mailto:bo@example.org\r\nDTSTART;VALUE=DATE:20260601\r\nDURATION:P1D\r\n\
         RRULE:FREQ=MONTHLY;BYDAY=-1SU;COUNT=5\r\nRDATE;VALUE=DATE:20260704",
        "UID:4\r\nDTSTART:20261025T013000\r\nDURATION:PT2H\r\nRRULE:FREQ=DAILY\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:4\r\n\
         RECURRENCE-ID:20261026T013000\r\nDTSTART:20261026T033000\r\nDURATION:PT1H\r\nSEQUENCE:2\r\nEND:VEVENT\r\n\
         BEGIN:VEVENT\r\nUID:4\r\nRECURRENCE-ID:20261027T013000\r\nDTSTART:20261027T013000\r\nSTATUS:CANCELLED",
    ];
    let mut calendars: Vec<String> = events.iter().map(|lines| event(lines)).collect();
    calendars.push(
        event("UID:5\r\nDTSTART;TZID=Here:20260601T090000\r\nDTEND;TZID=Here:20260601T170000").replacen(
            "BEGIN:VEVENT",
            "BEGIN:VTIMEZONE\r\nTZID:Here\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;\
             BYDAY=-1SU\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\n\
             DTSTART:19700329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n\
             END:DAYLIGHT\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT",
            1,
        ),
    );
    calendars.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// 400 days from 2026-05-01, as a schedule asks for.
const FROM: i64 = 1_777_593_600;
const WINDOW: i64 = 400 * DAY;

static BERLIN: LazyLock<TimeZone> = LazyLock::new(|| zone_named("Europe/Berlin").expect("a place"));

fn window() -> Interval {
    Interval { start: Timestamp::from_second(FROM), end: Timestamp::from_second(FROM + WINDOW) }
}

fn calendar(data: &[u8]) -> bool {
    let found = match read(data, &BERLIN, window()) {
        Ok(found) => found,
        Err(unreadable) => {
            assert!(unreadable.0.ends_with('.'), "one sentence: {unreadable}");
            return false;
        }
    };
    assert!(data.len() <= LONGEST_BYTES && found.len() <= MOST_INSTANCES);
    assert!(found.windows(2).all(|pair| pair[0].span.start <= pair[1].span.start), "in the order of time");
    for Occurrence { span, named } in &found {
        assert!(span.start < span.end && span.overlaps(&window()), "{span:?}");
        assert!(named.summary.chars().count() <= 200 && !named.summary.contains('\n'), "{named:?}");
        assert!(named.attendees.len() <= 50 && named.attendees.iter().all(|mail| mail.len() <= 254), "{named:?}");
    }
    let again = read(data, &BERLIN, window());
    assert_eq!(again.as_ref().map(Vec::len), Ok(found.len()), "the same twice");
    // A narrower question has no other answer.
    let half = Interval { end: Timestamp::from_second(FROM + WINDOW / 2), ..window() };
    if let Ok(fewer) = read(data, &BERLIN, half) {
        // Rules of a calendar's own zone are followed to the end of what is asked for, so an end beyond may be read otherwise.
        let seen = |occurrence: &Occurrence| {
            let end = occurrence.span.end.min(half.end);
            Occurrence { span: Interval { end, ..occurrence.span }, ..occurrence.clone() }
        };
        let within = found.iter().filter(|occurrence| occurrence.span.overlaps(&half)).map(seen);
        assert!(fewer.iter().map(seen).eq(within), "the same events, looked at for half the time");
    }
    !found.is_empty()
}

fn rules() -> Vec<Vec<u8>> {
    let rules = [
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=-1",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "FREQ=HOURLY;INTERVAL=3;UNTIL=20260902T170000",
        "FREQ=DAILY;BYHOUR=8,20;BYMINUTE=30;BYSECOND=0,30",
        "FREQ=MONTHLY;BYMONTHDAY=-1,31",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    ];
    rules.iter().flat_map(|rule| [0, 90, 200].map(|first| chosen(first, rule.as_bytes()))).collect()
}

/// The first byte says when the first event is: up to 25 years before the window.
fn recurrence(data: &[u8]) -> bool {
    let (years, text) = choice(data, 256);
    let Ok(rule) = Rule::read(&String::from_utf8_lossy(text)) else { return false };
    let from = Local::from_seconds(FROM);
    let first = Local::from_seconds(FROM - years as i64 * 36 * DAY - years as i64 * 977);
    let last = Local::from_seconds(FROM + 120 * DAY);
    let starts = |from| rule.starts(first, from, last, &mut Budget::new());
    let Ok(all) = starts(first) else { return false };
    assert_eq!(all[0], first, "the start is the first, whatever the rule says");
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]) && all[1..].iter().all(|start| *start <= last), "in order");
    let later = starts(from).expect("less to work out than from the beginning");
    let in_window = |all: Vec<Local>| all.into_iter().filter(|start| *start >= from).collect::<Vec<_>>();
    assert_eq!(in_window(later), in_window(all), "looking from later on finds the same");
    true
}

/// What is written reads back, whatever people are called. `unescape` is what reads a text.
pub(crate) fn feed(data: &[u8], unescape: impl Fn(&str) -> String) -> bool {
    let text = String::from_utf8_lossy(data);
    let writable: String = text.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    assert_eq!(unescape(&escaped(&text)), writable);
    let words = writable.split_whitespace().collect::<Vec<_>>().join(" ");
    let event = |number: u64| Event {
        uid: format!("{number}@pager.example.test"),
        span: Interval {
            start: Timestamp::from_second(FROM + number as i64 * 3600),
            end: Timestamp::from_second(FROM + number as i64 * 3600 + 60),
        },
        summary: text.clone().into_owned(),
        description: text.clone().into_owned(),
        sequence: number,
        changed_at: Timestamp::from_second(FROM),
        is_cancelled: number == 1,
    };
    let document = Document { name: text.clone().into_owned(), events: (0..3).map(event).collect() };
    let written = write(&document);
    let is_short = |line: &str| line.len() <= 75 && !line.contains(char::is_control);
    assert!(written.split("\r\n").all(is_short), "{written:?}");
    let read = read(written.as_bytes(), &TimeZone::UTC, window()).expect("our own calendar");
    let spans: Vec<Interval> = read.iter().map(|occurrence| occurrence.span).collect();
    assert_eq!(spans, [document.events[0].span, document.events[2].span], "and what was taken back is gone");
    let shown: String = words.chars().take(200).collect();
    assert!(read.iter().all(|occurrence| occurrence.named.summary == shown), "{:?} {shown:?}", read[0].named.summary);
    !words.is_empty()
}
