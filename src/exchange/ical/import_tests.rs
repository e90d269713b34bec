use super::*;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    Timestamp::from_jiff(text.parse().unwrap_or_else(|_| panic!("{text} is an instant")))
}

fn zone(name: &str) -> TimeZone {
    crate::domain::time::zone_named(name).expect("a place")
}

/// Lines of one event, or of several with what else the calendar has.
fn calendar(lines: &str) -> String {
    let lines: Vec<&str> = lines.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect();
    let lines = lines.join("\r\n");
    let event = if lines.contains("BEGIN:VEVENT") { lines } else { format!("BEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT") };
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{event}\r\nEND:VCALENDAR\r\n")
}

fn window(from: &str, to: &str) -> Interval {
    Interval { start: at(&format!("{from}T00:00:00Z")), end: at(&format!("{to}T00:00:00Z")) }
}

/// From 2024 to 2035 nothing of the tests is cut off.
fn read_in(zone_name: &str, lines: &str) -> Result<Vec<Occurrence>, Unreadable> {
    read(calendar(lines).as_bytes(), &zone(zone_name), window("1990-01-01", "2035-01-01"))
}

fn check(zone_name: &str, lines: &str, expected: &[&str]) {
    let found = read_in(zone_name, lines).unwrap_or_else(|error| panic!("{error}: {lines}"));
    let shown: Vec<String> = found
        .iter()
        .map(|o| format!("{} {}", &o.span.start.to_string()[..16], &o.span.end.to_string()[..16]))
        .collect();
    assert_eq!(shown, expected, "{lines}");
}

fn refused(lines: &str, expected: &str) {
    let refused = read_in("UTC", lines).map(|_| ()).expect_err(lines);
    assert_eq!(refused.0, expected);
}

#[test]
fn a_time_that_clocks_jump_over_has_the_offset_before_the_jump() {
    let lines = "DTSTART;TZID=America/New_York:20260308T023000\nDTEND;TZID=America/New_York:20260308T090000";
    check("UTC", lines, &["2026-03-08T07:30 2026-03-08T13:00"]);
}

#[test]
fn a_week_on_the_wall_clock_is_a_week_whatever_the_clocks_do() {
    let lines = "DTSTART;TZID=America/Chicago:20241029T090000\nDTEND;TZID=America/Chicago:20241105T090000\n\
        RRULE:FREQ=WEEKLY;COUNT=3";
    let expected =
        ["2024-10-29T14:00 2024-11-05T15:00", "2024-11-05T15:00 2024-11-12T15:00", "2024-11-12T15:00 2024-11-19T15:00"];
    check("UTC", lines, &expected);
    // Windows' name of the same zone.
    check("UTC", &lines.replace("America/Chicago", "Central Standard Time"), &expected);
}

#[test]
fn a_day_is_the_day_of_the_feeds_zone() {
    let day = ["2026-10-24T22:00 2026-10-25T23:00"];
    check("Europe/Berlin", "DTSTART;VALUE=DATE:20261025", &day);
    check("Europe/Berlin", "DTSTART;VALUE=DATE:20261025\nDTEND;VALUE=DATE:20261026", &day);
    check("Europe/Berlin", "DTSTART;VALUE=DATE:20261025\nDURATION:P1D", &day);
    let own = "X-WR-TIMEZONE:Europe/Berlin\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261025\nEND:VEVENT";
    check("Asia/Tokyo", own, &day);
    // The day that Samoa skipped, and one whose midnight does not exist.
    check("Pacific/Apia", "DTSTART;VALUE=DATE:20111229", &["2011-12-29T10:00 2011-12-30T10:00"]);
    check("Africa/Cairo", "DTSTART;VALUE=DATE:20260424", &["2026-04-23T22:00 2026-04-24T21:00"]);
}

#[test]
fn until_is_an_instant_and_included() {
    let lines = "DTSTART;TZID=America/New_York:20260601T220000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260604T020000Z";
    let expected =
        ["2026-06-02T02:00 2026-06-02T03:00", "2026-06-03T02:00 2026-06-03T03:00", "2026-06-04T02:00 2026-06-04T03:00"];
    check("UTC", lines, &expected);
    check("UTC", &lines.replace("20260604T020000Z", "20260603"), &expected);
    check("UTC", &lines.replace("20260604T020000Z", "20260604T015959Z"), &expected[..2]);
}

#[test]
fn every_other_week_depends_on_where_weeks_begin() {
    let starts = |week_start: &str| -> Vec<String> {
        let lines = format!(
            "DTSTART;TZID=America/New_York:19970805T090000\nDURATION:PT1H\n\
             RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST={week_start}"
        );
        let found = read_in("UTC", &lines).expect("a calendar");
        found.iter().map(|o| o.span.start.to_string()[8..16].to_owned()).collect()
    };
    assert_eq!(starts("MO"), ["05T13:00", "10T13:00", "19T13:00", "24T13:00"]);
    assert_eq!(starts("SU"), ["05T13:00", "17T13:00", "19T13:00", "31T13:00"]);
}

#[test]
fn a_leap_day_comes_every_four_years() {
    let expected =
        ["2024-02-29T00:00 2024-03-01T00:00", "2028-02-29T00:00 2028-03-01T00:00", "2032-02-29T00:00 2032-03-01T00:00"];
    check("UTC", "DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY", &expected);
}

#[test]
fn ends_are_on_the_clock_or_exact() {
    // Over the change of 1 November: nine hours on the clock are ten in fact.
    let start = "DTSTART;TZID=America/New_York:20261031T230000";
    let table = [
        ("DTEND;TZID=America/New_York:20261101T080000", "2026-11-01T13:00"),
        ("DTEND:20261101T130000Z", "2026-11-01T13:00"),
        ("DURATION:PT9H", "2026-11-01T12:00"),
        ("DURATION:P1D", "2026-11-02T04:00"),
        ("DURATION:P1DT1H", "2026-11-02T05:00"),
    ];
    for (end, expected) in table {
        check("UTC", &format!("{start}\n{end}"), &[&format!("2026-11-01T03:00 {expected}")]);
    }
    // Of two zones: so much elapsed time, at every repetition.
    let lines = format!("{start}\nDTEND;TZID=Europe/Berlin:20261101T130000\nRRULE:FREQ=MONTHLY;COUNT=2");
    check("UTC", &lines, &["2026-11-01T03:00 2026-11-01T12:00", "2027-01-01T04:00 2027-01-01T13:00"]);
}

#[test]
fn floating_times_are_read_in_the_feeds_zone() {
    let lines = "DTSTART:20260601T090000\nDTEND:20260601T170000";
    check("Asia/Kolkata", lines, &["2026-06-01T03:30 2026-06-01T11:30"]);
    let own = format!("X-WR-TIMEZONE:Tokyo Standard Time\nBEGIN:VEVENT\n{lines}\nEND:VEVENT");
    check("Asia/Kolkata", &own, &["2026-06-01T00:00 2026-06-01T08:00"]);
}

#[test]
fn moved_cancelled_and_excepted_events_are_honoured() {
    let master = "BEGIN:VEVENT\nUID:a\nSUMMARY:Ana\nDTSTART;TZID=Europe/Berlin:20260601T090000\nDURATION:PT1H\n\
        RRULE:FREQ=DAILY;COUNT=5\nRDATE;TZID=Europe/Berlin:20260610T090000\nEXDATE:20260602T070000Z\nEND:VEVENT\n";
    let moved = "BEGIN:VEVENT\nUID:a\nRECURRENCE-ID;TZID=Europe/Berlin:20260603T090000\nSEQUENCE:2\n\
        DTSTART:20260603T120000Z\nDTEND:20260603T130000Z\nEND:VEVENT\n";
    let older = moved.replace("SEQUENCE:2", "SEQUENCE:1").replace("T12", "T14").replace("T13", "T15");
    let cancelled = "BEGIN:VEVENT\nUID:a\nRECURRENCE-ID;VALUE=DATE:20260604\nSTATUS:CANCELLED\n\
        DTSTART;TZID=Europe/Berlin:20260604T090000\nDURATION:PT1H\nEND:VEVENT\n";
    let expected = [
        "2026-06-01T07:00 2026-06-01T08:00",
        "2026-06-03T12:00 2026-06-03T13:00",
        "2026-06-05T07:00 2026-06-05T08:00",
        "2026-06-10T07:00 2026-06-10T08:00",
    ];
    for order in [[master, moved, &older, cancelled], [cancelled, &older, moved, master]] {
        check("UTC", &order.concat(), &expected);
    }
    // A day taken out takes the event of that day, and a series that is cancelled has nothing.
    check(
        "UTC",
        &master.replace("EXDATE:20260602T070000Z", "EXDATE;VALUE=DATE:20260602,20260603"),
        &[
            "2026-06-01T07:00 2026-06-01T08:00",
            "2026-06-04T07:00 2026-06-04T08:00",
            "2026-06-05T07:00 2026-06-05T08:00",
            "2026-06-10T07:00 2026-06-10T08:00",
        ],
    );
    check("UTC", &master.replace("SUMMARY:Ana", "STATUS:CANCELLED"), &[]);
}

#[test]
fn events_without_length_are_nothing() {
    check("UTC", "DTSTART:20260601T090000Z", &[]);
    check("UTC", "DTSTART:20260601T090000Z\nDTEND:20260601T090000Z", &[]);
    check("UTC", "DTSTART;VALUE=DATE:20260601\nDTEND;VALUE=DATE:20260601", &[]);
    // An hour on the clock that lies in the gap as a whole.
    let lines = "DTSTART;TZID=America/New_York:20260308T023000\nDTEND;TZID=America/New_York:20260308T030000";
    check("UTC", lines, &[]);
}

#[test]
fn only_what_overlaps_the_window_is_kept() {
    let lines = calendar("DTSTART:20200101T220000Z\nDTEND:20200102T060000Z\nRRULE:FREQ=DAILY");
    let found = read(lines.as_bytes(), &TimeZone::UTC, window("2026-06-01", "2026-06-03")).expect("a calendar");
    let starts: Vec<String> = found.iter().map(|o| o.span.start.to_string()[5..16].to_owned()).collect();
    assert_eq!(starts, ["05-31T22:00", "06-01T22:00", "06-02T22:00"]);
}

#[test]
fn people_are_named_by_attendees_and_summary() {
    let lines = "DTSTART:20260601T090000Z\nDURATION:PT1H\nSUMMARY:Ana\\, then\\n Bo\n\
        ATTENDEE;CN=\"Ana; A\":MAILTO:Ana@Example.test\nATTENDEE;EMAIL=bo@example.test:urn:uuid:1\nATTENDEE:invalid:nomail";
    let found = read_in("UTC", lines).expect("a calendar");
    assert_eq!(found[0].named.summary, "Ana, then Bo");
    assert_eq!(found[0].named.attendees, ["ana@example.test", "bo@example.test"]);
}

#[test]
fn what_would_have_to_be_guessed_is_refused_in_one_sentence() {
    let event = |lines: &str| format!("SUMMARY:Night\nDTSTART:20260601T090000Z\n{lines}");
    refused(
        &event("DURATION:PT1H\nRRULE:FREQ=YEARLY;BYWEEKNO=20"),
        "The calendar cannot be used: its event “Night” repeats by BYWEEKNO, which PagerPal does not work out.",
    );
    refused(
        "DTSTART;TZID=Mars/Olympus:20260601T090000",
        "The time zone “Mars/Olympus” is not known, and the calendar does not describe it.",
    );
    refused(
        "DTSTART;TZID=EST:20260601T090000",
        "The time zone “EST” is not known, and the calendar does not describe it.",
    );
    refused(
        "X-WR-TIMEZONE:Nowhere\nBEGIN:VEVENT\nDTSTART:20260601T090000\nEND:VEVENT",
        "The calendar says that its time zone is “Nowhere”, which is not a known place.",
    );
    refused("SUMMARY:Night", "The calendar cannot be used: its event “Night” has no start.");
    refused(&event("DTEND:20260601T080000Z"), "The calendar cannot be used: its event “Night” ends before it begins.");
    refused(
        &event("DURATION:-PT1H"),
        "The calendar cannot be used: its event “Night” has a duration that cannot be read: -PT1H.",
    );
    refused(
        &event("DTEND;VALUE=DATE:20260602"),
        "The calendar cannot be used: its event “Night” begins at a time and ends on a date, or the other way round.",
    );
    refused(
        &event("DURATION:PT1H\nRDATE;VALUE=PERIOD:20260602T090000Z/PT1H"),
        "The calendar cannot be used: its event “Night” has an RDATE of periods, which PagerPal does not work out.",
    );
    refused(
        &event("DURATION:PT1H\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260601T090000Z"),
        "The calendar cannot be used: its event “Night” changes a repetition and all after it (RANGE), which PagerPal \
         does not work out.",
    );
    refused(
        &event("DURATION:PT1H\nRRULE:FREQ=HOURLY"),
        "The calendar has more than 10 000 events within 400 days. Share a smaller one.",
    );
    let nothing = read(b"<html>Sign in</html>", &TimeZone::UTC, window("2026-01-01", "2027-01-01"));
    let sentence = "There is no calendar at this address: nothing begins with BEGIN:VCALENDAR.";
    assert_eq!(nothing, Err(Unreadable::new(sentence)));
    let long = vec![b' '; LONGEST_BYTES + 1];
    assert!(read(&long, &TimeZone::UTC, window("2026-01-01", "2027-01-01")).is_err());
}

const RICH: &str = "BEGIN:VCALENDAR\r\nX-WR-TIMEZONE:Europe/Berlin\r\nBEGIN:VTIMEZONE\r\nTZID:Own\r\nBEGIN:STANDARD\r\n\
    DTSTART:16010101T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n\
    END:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART;TZID=Own:20260601T090000\r\n\
    DTEND;TZID=Own:20260602T090000\r\nRRULE:FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1;INTERVAL=2\r\nEXDATE:20260701T070000Z\r\n\
    ATTENDEE:mailto:a@example.test\r\nSUMMARY:Ana\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:b\r\n\
    DTSTART;VALUE=DATE:20260601\r\nDURATION:P3DT4H\r\nRRULE:FREQ=WEEKLY;UNTIL=20270101;BYHOUR=3\r\nEND:VEVENT\r\n\
    END:VCALENDAR\r\n";

proptest! {
    /// Whatever a server sends, there is an answer, and it keeps its promises.
    #[test]
    fn nonsense_is_answered(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        place in 0..RICH.len(),
        length in 0..40usize,
        extreme in prop::sample::select(vec!["99999999999999999999", "-1", "99991231T235959Z", "00000101", "\u{e9}", ":;=,"]),
    ) {
        let window = window("2026-01-01", "2027-01-01");
        let mut cut = RICH.as_bytes().to_vec();
        let end = (place + length).min(cut.len());
        let mut swapped = cut.clone();
        swapped.splice(place..end, bytes.iter().copied());
        let mut extremes = cut.clone();
        extremes.splice(place..(place + length.min(8)).min(cut.len()), extreme.bytes());
        cut.truncate(place);
        for calendar in [&bytes, &cut, &swapped, &extremes] {
            for event in read(calendar, &zone("America/New_York"), window).unwrap_or_default() {
                prop_assert!(event.span.start < event.span.end && event.span.overlaps(&window));
            }
        }
        prop_assert!(read(&cut, &TimeZone::UTC, window).is_err() || cut.is_empty() || place >= RICH.len() - 2);
    }
}

#[test]
fn the_rich_calendar_is_one() {
    let found = read(RICH.as_bytes(), &TimeZone::UTC, window("2026-01-01", "2027-01-01")).expect("a calendar");
    assert!(found.len() > 30, "{}", found.len());
}
