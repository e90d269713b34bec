//! Worked examples with exact answers: zones where clocks do what no one expects, and claims in all their orders.
//!
//! The numbers are those of the list they were first worked out in, by hand; they hold for edition 2026f of the zone
//! database.

use super::testing::*;
use super::*;
use crate::domain::rotation::Cadence::*;
use crate::domain::rotation::Civil;
use crate::domain::time::zone_named;

/// Who has a range, and from when on each: see [`rendered`].
fn check(number: u8, calendar: &Calendar, range: &str, expected: &str) {
    check_with(number, calendar, &people(&[]), range, expected);
}

fn check_with(number: u8, calendar: &Calendar, people: &People, range: &str, expected: &str) {
    assert_eq!(rendered(calendar, people, range), expected, "example {number}");
}

/// Who is on call at some instants.
fn check_at(number: u8, calendar: &Calendar, expected: &[(&str, &str)]) {
    for (when, expected) in expected {
        assert_eq!(who(calendar, &people(&[]), when), *expected, "example {number} at {when}");
    }
}

#[test]
fn a_local_time_begins_when_the_clock_reads_it_or_later() {
    let table = [
        (1, "America/New_York", "11-01T01:30", "11-01T05:30"), // twice: the first pass
        (1, "America/New_York", "11-01T02:00", "11-01T07:00"),
        (2, "Australia/Lord_Howe", "10-04T02:15", "10-03T15:30"), // a gap of 30 minutes
        (3, "Asia/Kolkata", "03-08T02:30", "03-07T21:00"),
        (4, "Pacific/Apia", "2011-12-30T09:00", "2011-12-30T10:00"), // a day skipped
        (5, "America/Nuuk", "03-28T23:30", "03-29T01:00"),           // a gap up to midnight
        (6, "Antarctica/Troll", "03-29T02:30", "03-29T01:00"),
        (6, "Pacific/Chatham", "09-27T03:00", "09-26T14:00"), // reads 03:45
    ];
    for (number, zone, local, expected) in table {
        let zone = zone_named(zone).expect("a zone of the bundled database");
        assert_eq!(said(civil(local).instant(&zone)), expected, "example {number}");
    }
}

#[test]
fn a_handoff_inside_a_gap_happens_as_the_clocks_jump() {
    let calendar = empty("America/New_York").with_turns("03-06T02:30", Days(1), "A B C", &[]);
    let expected = "A 03-06T07:30, B 03-07T07:30, C 03-08T07:00, A 03-09T06:30, B 03-10T06:30";
    check(7, &calendar, "03-06T07:30 03-10T07:00", expected);

    let calendar = empty("Australia/Lord_Howe").with_turns("10-02T02:15", Days(1), "A B", &[]);
    check(10, &calendar, "10-02T15:45 10-04T15:15", "B 10-02T15:45, A 10-03T15:30");
    check(10, &calendar, "10-02T15:45 10-04T15:16", "B 10-02T15:45, A 10-03T15:30, B 10-04T15:15");
}

#[test]
fn a_week_is_a_week_of_the_wall_clock() {
    let calendar = empty("America/New_York").with_turns("03-02T09:00", Weeks(1), "A B", &[]);
    check(8, &calendar, "03-02T14:00 03-10T00:00", "A 03-02T14:00, B 03-09T13:00");
    check(8, &calendar, "10-26T13:00 11-03T00:00", "A 10-26T13:00, B 11-02T14:00");

    let calendar = empty("Asia/Kolkata").with_turns("03-02T09:30", Weeks(1), "A B", &[]);
    check(11, &calendar, "03-02T04:00 03-17T00:00", "A 03-02T04:00, B 03-09T04:00, A 03-16T04:00");

    let calendar = empty("Africa/Casablanca").with_turns("09-14T09:00", Weeks(1), "A B", &[]);
    check(12, &calendar, "09-14T08:00 09-29T00:00", "A 09-14T08:00, B 09-21T09:00, A 09-28T09:00");
}

#[test]
fn a_turn_that_begins_and_ends_in_one_gap_vanishes_and_moves_nobody() {
    let calendar = empty("America/New_York").with_turns("03-08T00:00", Hours(1), "A B C", &[]);
    let expected = "A 03-08T05:00, B 03-08T06:00, A 03-08T07:00, B 03-08T08:00, C 03-08T09:00";
    check(9, &calendar, "03-08T05:00 03-08T10:00", expected);

    let calendar = empty("Pacific/Apia").with_turns("2011-12-28T09:00", Days(1), "A B C D", &[]);
    let expected = "A 2011-12-28T19:00, B 2011-12-29T19:00, C 2011-12-30T10:00, D 2011-12-30T19:00";
    check(16, &calendar, "2011-12-28T19:00 2011-12-31T19:00", expected);
}

#[test]
fn months_are_counted_from_the_anchor() {
    let calendar = empty("Europe/Berlin").with_turns("01-31T09:00", Months(1), "A B", &[]);
    let expected = "A 01-31T08:00, B 02-28T08:00, A 03-31T07:00, B 04-30T07:00, A 05-31T07:00, B 06-30T07:00";
    check(13, &calendar, "01-31T08:00 07-01T00:00", expected);
}

#[test]
fn a_turn_lasts_until_the_second_before_the_next() {
    let calendar = empty("Europe/Berlin").with_turns("01-05T09:00", Weeks(2), "A B", &[]);
    check_at(14, &calendar, &[("01-12T08:00", "A"), ("01-19T07:59", "A"), ("01-19T08:00", "B")]);

    let calendar = empty("Europe/Berlin").with_turns("06-01T09:00", Days(1), "A B", &[]);
    let expected = [("06-01T06:59:59", "-"), ("06-02T06:59:59", "A"), ("06-02T07:00:00", "B")];
    check_at(15, &calendar, &expected);
}

#[test]
fn a_window_belongs_to_the_day_it_begins_on() {
    let calendar = empty("Europe/Berlin").with_turns("05-01T00:00", Days(1), "A", &["Mon-Fri 22:00 06:00"]);
    let expected = [
        ("06-06T00:00", "A"),
        ("06-08T00:00", "-"),
        ("06-13T03:59", "A"),
        ("06-13T03:59:59", "A"),
        ("06-13T04:00", "-"),
    ];
    check_at(17, &calendar, &expected);
}

/// New York, a quarter past two to a quarter to three each night.
fn inside_the_gap() -> Calendar {
    empty("America/New_York").with_turns("01-01T00:00", Days(1), "A", &["daily 02:15 02:45"])
}

#[test]
fn a_window_that_begins_and_ends_in_one_gap_vanishes() {
    let expected = "A 03-07T07:15, - 03-07T07:45, A 03-09T06:15, - 03-09T06:45";
    check(18, &inside_the_gap(), "03-07T07:15 03-09T07:00", expected);

    let calendar = inside_the_gap().with_fallback('F');
    let expected = "A 03-07T07:15, F 03-07T07:45, A 03-09T06:15, F 03-09T06:45";
    check(31, &calendar, "03-07T07:15 03-09T07:00", expected);
    let only = gaps(&calendar, &people(&[]), at("03-08T05:00"), at("03-09T04:00")).expect("drawn");
    let only: Vec<_> = only.iter().map(|segment| (segment.gap, segment.fallback)).collect();
    assert_eq!(only, [(None, true)], "example 31: fallback only, all day");
}

#[test]
fn windows_that_complement_each_other_still_do_when_clocks_change() {
    let calendar = empty("America/New_York")
        .with_turns("10-01T00:00", Days(1), "D", &["daily 01:30 09:00"])
        .with_turns("10-01T00:00", Days(1), "N", &["daily 09:00 01:30"]);
    check(19, &calendar, "11-01T00:00 11-01T20:00", "N 11-01T00:00, D 11-01T05:30, N 11-01T14:00");
}

#[test]
fn a_window_from_midnight_to_midnight_is_a_day_however_long() {
    let day = |window| empty("Europe/Berlin").with_turns("01-01T00:00", Days(1), "A", &[window]);
    let expected = "- 10-23T00:00, A 10-23T22:00, - 10-24T22:00";
    check(20, &day("Sat 00:00 00:00"), "10-23T00:00 10-26T12:00", expected);
    let expected = "- 10-23T00:00, A 10-24T22:00, - 10-25T23:00";
    check(20, &day("Sun 00:00 00:00"), "10-23T00:00 10-26T12:00", expected);
    let expected = "- 03-27T00:00, A 03-28T23:00, - 03-29T22:00";
    check(20, &day("Sun 00:00 00:00"), "03-27T00:00 03-30T12:00", expected);
}

#[test]
fn turns_of_one_window_share_out_evenly() {
    let calendar = empty("UTC").with_turns("06-01T00:00", Windows(1), "A B C D E F G", &["Mon-Fri 09:00 17:00"]);
    let mut hours = BTreeMap::new();
    for segment in final_schedule(&calendar, &people(&[]), at("06-01T00:00"), at("07-20T00:00")).expect("drawn") {
        for place in &segment.places {
            *hours.entry(letter(place.user)).or_insert(0) += segment.end.secs_since(segment.start) / 3600;
        }
    }
    assert_eq!(hours, ('A'..='G').map(|letter| (letter, 40)).collect(), "example 21");
}

#[test]
fn layers_follow_the_sun() {
    let turns =
        |window_text: &str, who| Turns::Rotation(vec![version("01-01T00:00", Days(1), who, &[window(window_text)])]);
    let calendar = empty("UTC")
        .with_layer(turns("daily 08:00 16:00", "L"), Some("Europe/London"))
        .with_layer(turns("daily 11:00 19:00", "N"), Some("America/New_York"))
        .with_layer(turns("daily 04:30 13:30", "K"), Some("Asia/Kolkata"));
    let expected = "K 03-11T00:00, L 03-11T08:00, N 03-11T16:00, K 03-11T23:00";
    check(22, &calendar, "03-11T00:00 03-12T00:00", expected);
}

/// UTC, handoff at midnight: A has 06-01 and X has 06-02.
fn two_days() -> Calendar {
    empty("UTC").with_turns("06-01T00:00", Days(1), "A X", &[])
}

const TWO_DAYS: &str = "06-01T00:00 06-03T00:00";

#[test]
fn overrides_act_from_the_oldest_to_the_newest() {
    let calendar =
        two_days().with_override("C", "06-01T10:00 06-01T12:00").with_override("B", "06-01T00:00 06-02T00:00");
    check(23, &calendar, TWO_DAYS, "B 06-01T00:00, X 06-02T00:00");

    let calendar = two_days().with_override("A>B", TWO_DAYS).with_override("B>C", "06-01T08:00 06-01T16:00");
    check(24, &calendar, TWO_DAYS, "B 06-01T00:00, C 06-01T08:00, B 06-01T16:00, X 06-02T00:00");

    let calendar =
        two_days().with_override("A>X", "06-01T00:00 06-02T00:00").with_override("X>A", "06-02T00:00 06-03T00:00");
    check(25, &calendar, TWO_DAYS, "X 06-01T00:00, A 06-02T00:00");
}

#[test]
fn an_inactive_person_is_passed_over_and_nobody_else_moves() {
    let calendar = two_days().with_override("B", "06-01T10:00 06-01T12:00");
    let left = people(&[('B', &[("05-01T00:00", Some("05-02T00:00"))])]);
    check_with(26, &calendar, &left, TWO_DAYS, "A 06-01T00:00, X 06-02T00:00");

    let away = people(&[('A', &[("05-01T00:00", Some("06-01T06:00")), ("06-01T09:00", None)])]);
    let expected = "A 06-01T00:00, - 06-01T06:00, A 06-01T09:00, X 06-02T00:00";
    check_with(27, &two_days(), &away, TWO_DAYS, expected);
    let segments = final_schedule(&two_days(), &away, at("06-01T06:00"), at("06-01T09:00")).expect("drawn");
    assert_eq!(segments[0].gap, Some(GapReason::AllInactive), "example 27");

    let calendar = two_days().with_override("A>B", "06-01T06:00 06-01T18:00");
    let leaves = people(&[('B', &[("05-01T00:00", Some("06-01T13:15"))])]);
    let expected = "A 06-01T00:00, B 06-01T06:00, A 06-01T13:15, X 06-02T00:00";
    check_with(28, &calendar, &leaves, TWO_DAYS, expected);
}

#[test]
fn a_normal_entry_stands_above_the_layers() {
    let calendar = two_days().with_entry('N', "06-01T18:00 06-02T06:00");
    check(29, &calendar, TWO_DAYS, "A 06-01T00:00, N 06-01T18:00, X 06-02T06:00");
}

#[test]
fn a_replacement_fills_no_gap() {
    let calendar =
        empty("UTC").with_turns("06-01T00:00", Days(1), "A", &["Mon-Fri 09:00 17:00"]).with_override("A>B", TWO_DAYS);
    let expected = "- 06-01T00:00, B 06-01T09:00, - 06-01T17:00, B 06-02T09:00, - 06-02T17:00, A 06-03T09:00";
    check(30, &calendar, "06-01T00:00 06-03T17:00", expected);
}

#[test]
fn a_cover_is_as_long_as_its_instants_say() {
    let calendar = empty("America/New_York")
        .with_turns("10-01T00:00", Weeks(52), "A", &[])
        .with_override("B", "11-01T05:30 11-01T06:30");
    check(32, &calendar, "11-01T05:00 11-01T07:00", "A 11-01T05:00, B 11-01T05:30, A 11-01T06:30");
}

#[test]
fn matches_of_a_pattern_are_found_on_the_civil_line() {
    let cron = |pattern: &str| Cron(pattern.to_owned());
    let calendar = empty("America/New_York").with_turns("03-08T00:00", cron("0 2,14 * * *"), "A B", &[]);
    check(39, &calendar, "03-08T05:00 03-09T00:00", "- 03-08T05:00, A 03-08T07:00, B 03-08T18:00");
    let calendar = empty("Africa/Cairo").with_turns("04-24T00:00", cron("0 0 * * *"), "A B", &[]);
    check(39, &calendar, "04-23T21:00 04-24T22:00", "- 04-23T21:00, A 04-23T22:00, B 04-24T21:00");
    let calendar = empty("Pacific/Apia").with_turns("2011-12-30T00:00", cron("15 1 * * *"), "A B", &[]);
    let expected = "- 2011-12-30T09:00, A 2011-12-30T10:00, B 2011-12-30T11:15";
    check(39, &calendar, "2011-12-30T09:00 2011-12-30T12:00", expected);
}

#[test]
fn the_zone_database_is_the_one_these_answers_hold_for() {
    // Morocco and Egypt change their rules often: were these to move, so would pages.
    let casablanca = zone_named("Africa/Casablanca").expect("a zone of the bundled database");
    assert_eq!(said(civil("09-21T09:00").instant(&casablanca)), "09-21T09:00");
    assert_eq!(Civil::of(at("04-23T21:59").in_zone(&casablanca)), civil("04-23T22:59"));
}
