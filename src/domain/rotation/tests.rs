//! Counting turns and windows, as tables.

use super::*;
use crate::domain::id::Id;
use crate::domain::time::zone_named;

fn civil(text: &str) -> Civil {
    Civil::of(text.parse().expect("a civil time"))
}

fn version(anchor: &str, cadence: Cadence, windows: &[Window]) -> Version {
    let anchor = civil(anchor);
    let slots = vec![vec![UserId::new(1)], vec![UserId::new(2)]];
    Version { effective_from: Timestamp::MIN, anchor, cadence, slots, windows: windows.to_vec() }
}

#[test]
fn civil_time_counts_minutes_and_drops_seconds() {
    assert_eq!(civil("1970-01-01T00:00"), Civil(0));
    assert_eq!(civil("1970-01-02T00:01:59"), Civil(1441));
    assert_eq!(Civil(-1).to_datetime().to_string(), "1969-12-31T23:59:00");
    for far in [i64::MIN, Civil::MIN.0, Civil::MAX.0, i64::MAX] {
        let clamped = Civil(far).to_datetime();
        assert_eq!(Civil::of(clamped).0, far.clamp(Civil::MIN.0, Civil::MAX.0));
    }
}

#[test]
fn weekdays_are_said_in_runs() {
    let words = |days: &[u8]| Weekdays::from_list(days.iter().copied()).words();
    assert_eq!(words(&[0, 1, 2, 3, 4]), "Mon to Fri");
    assert_eq!(words(&[5, 6]), "Sat and Sun");
    assert_eq!(words(&[0, 2, 4]), "Mon, Wed and Fri");
    assert_eq!(words(&[0, 1, 2, 6]), "Mon to Wed and Sun");
    assert_eq!(words(&[0, 1, 2, 3, 4, 5, 6, 9]), "every day");
    assert_eq!(words(&[]), "no day");
}

/// Where the first turns begin.
fn turns(anchor: &str, cadence: Cadence, windows: &[Window]) -> Vec<String> {
    let steps = Steps::of(&version(anchor, cadence, windows));
    (0..4)
        .map_while(|index| steps.start_of(index))
        .map(|civil| civil.to_datetime().strftime("%F %R").to_string())
        .collect()
}

const NIGHTS: Window = Window { days: Weekdays(0b000_0101), start: 22 * 60, end: 6 * 60, extra_days: 0 };

#[test]
fn turns_begin_at_steps_from_the_anchor() {
    let cron = |pattern: &str| Cadence::Cron(pattern.to_owned());
    let table = [
        (Cadence::Hours(12), "2026-01-31T08:00", ["2026-01-31 08:00", "2026-01-31 20:00", "2026-02-01 08:00"]),
        (Cadence::Days(3), "2026-01-31T08:00", ["2026-01-31 08:00", "2026-02-03 08:00", "2026-02-06 08:00"]),
        (Cadence::Weeks(2), "2026-01-31T08:00", ["2026-01-31 08:00", "2026-02-14 08:00", "2026-02-28 08:00"]),
        (Cadence::Months(1), "2024-01-31T08:00", ["2024-01-31 08:00", "2024-02-29 08:00", "2024-03-31 08:00"]),
        (Cadence::Months(12), "2024-02-29T08:00", ["2024-02-29 08:00", "2025-02-28 08:00", "2026-02-28 08:00"]),
        // Nights of Monday and Wednesday; the anchor's own day has begun already.
        (Cadence::Windows(1), "2026-06-01T22:01", ["2026-06-03 22:00", "2026-06-08 22:00", "2026-06-10 22:00"]),
        (Cadence::Windows(3), "2026-06-01T22:00", ["2026-06-01 22:00", "2026-06-10 22:00", "2026-06-22 22:00"]),
        (cron("0 8 * * 1"), "2026-06-01T08:01", ["2026-06-08 08:00", "2026-06-15 08:00", "2026-06-22 08:00"]),
        (cron("30 6,18 * * MON-FRI"), "2026-06-05T07:00", ["2026-06-05 18:30", "2026-06-08 06:30", "2026-06-08 18:30"]),
        // Day of the month or weekday, as cron reads two restricted fields.
        (cron("0 9 13 * 5"), "2026-03-01T00:00", ["2026-03-06 09:00", "2026-03-13 09:00", "2026-03-20 09:00"]),
        (cron("0 9 29 2 *"), "2023-03-01T00:00", ["2024-02-29 09:00", "2028-02-29 09:00", "2032-02-29 09:00"]),
        (cron("0 9 L * *"), "2026-01-01T00:00", ["2026-01-31 09:00", "2026-02-28 09:00", "2026-03-31 09:00"]),
        (cron("0 9 * * 5#1"), "2026-01-01T00:00", ["2026-01-02 09:00", "2026-02-06 09:00", "2026-03-06 09:00"]),
        (cron("0 9 15W * *"), "2026-02-01T00:00", ["2026-02-16 09:00", "2026-03-16 09:00", "2026-04-15 09:00"]),
    ];
    for (cadence, anchor, expected) in table {
        assert_eq!(turns(anchor, cadence.clone(), &[NIGHTS])[..3], expected, "{cadence:?} from {anchor}");
    }
}

#[test]
fn a_rotation_out_of_range_is_refused() {
    let good = || version("2026-06-01T09:00", Cadence::Days(1), &[NIGHTS]);
    let with = |cadence| Version { cadence, ..good() };
    let cron = |pattern: &str| with(Cadence::Cron(pattern.to_owned()));
    let people = |number: u64| (1..=number).map(UserId::new).collect::<Vec<_>>();
    let window = |window| Version { cadence: Cadence::Windows(1), windows: vec![window], ..good() };
    let table = [
        (good(), None),
        (with(Cadence::Hours(168)), None),
        (with(Cadence::Hours(169)), Some("rotation_range")),
        (with(Cadence::Hours(0)), Some("rotation_range")),
        (with(Cadence::Days(366)), Some("rotation_range")),
        (with(Cadence::Weeks(53)), Some("rotation_range")),
        (with(Cadence::Months(13)), Some("rotation_range")),
        (with(Cadence::Windows(100)), None),
        (with(Cadence::Windows(101)), Some("rotation_range")),
        (Version { slots: vec![], ..good() }, Some("rotation_range")),
        (Version { slots: vec![people(1); 101], ..good() }, Some("rotation_range")),
        (Version { slots: vec![people(5); 100], ..good() }, None),
        (Version { slots: vec![people(6)], ..good() }, Some("rotation_range")),
        (Version { slots: vec![people(1), vec![]], ..good() }, Some("rotation_range")),
        (Version { anchor: Civil(-1), ..good() }, Some("rotation_range")),
        (Version { windows: vec![Window { days: Weekdays::NONE, ..NIGHTS }], ..good() }, Some("window_range")),
        (Version { windows: vec![Window { start: 1440, ..NIGHTS }], ..good() }, Some("window_range")),
        (Version { windows: vec![Window { extra_days: 7, ..NIGHTS }], ..good() }, Some("window_range")),
        (Version { windows: vec![NIGHTS, NIGHTS], cadence: Cadence::Windows(1), ..good() }, Some("cadence_windows")),
        (Version { windows: vec![], cadence: Cadence::Windows(1), ..good() }, Some("cadence_windows")),
        // Monday 22:00 to Thursday 06:00 runs into Wednesday 22:00; two days later it just would not.
        (window(Window { extra_days: 2, ..NIGHTS }), Some("cadence_windows")),
        (window(Window { extra_days: 1, end: 22 * 60, start: 22 * 60, ..NIGHTS }), None),
        (cron("0 8 * * 1"), None),
        (cron("0 8-20 * * *"), None),
        (cron("0 8 29 2 *"), None),
        (cron("0 8 31 2 *"), Some("cron_pattern")),
        (cron("0,30 8 * * *"), Some("cron_pattern")),
        (cron("30 0,23 * * *"), None),
        (cron("*/5 8 * * *"), Some("cron_pattern")),
        (cron("0 * * * *"), Some("cron_pattern")),
        (cron("0 8 * *"), Some("cron_pattern")),
        (cron("0 0 8 * * 1"), Some("cron_pattern")),
        (cron("@daily"), Some("cron_pattern")),
        (cron("0 25 * * *"), Some("cron_pattern")),
    ];
    for (version, expected) in table {
        let words = format!("{:?} {:?}", version.cadence, version.windows);
        assert_eq!(version.checked().err().map(|refusal| refusal.code), expected, "{words}");
    }
}

#[test]
fn a_refusal_says_what_may_be() {
    let sentence = |version: Version| version.checked().expect_err("out of range").sentence;
    let none = Version { slots: vec![], ..version("2026-06-01T09:00", Cadence::Days(1), &[]) };
    assert_eq!(sentence(none), "A rotation has 1 to 100 turns of 1 to 5 people.");
    let long = version("2026-06-01T09:00", Cadence::Weeks(90), &[]);
    assert_eq!(sentence(long), "A rotation has turns of 1 to 52 weeks.");
}

#[test]
fn somebody_twice_in_one_slot_is_kept_once() {
    let [one, two] = [1, 2].map(UserId::new);
    let double =
        Version { slots: vec![vec![one, two, one], vec![one]], ..version("2026-06-01T09:00", Cadence::Days(1), &[]) };
    assert_eq!(double.checked().map(|version| version.slots), Ok(vec![vec![one, two], vec![one]]));
}

#[test]
fn windows_that_overlap_are_noticed() {
    let friday = Window { days: Weekdays(0b001_0000), start: 18 * 60, end: 8 * 60, extra_days: 2 };
    let merge = |windows: &[Window]| version("2026-06-01T09:00", Cadence::Days(1), windows).windows_merge();
    let monday = |start| Window { days: Weekdays(1), start, end: 17 * 60, extra_days: 0 };
    assert!(!merge(&[friday, NIGHTS]));
    assert!(!merge(&[friday, monday(8 * 60)]), "touching is fine");
    assert!(merge(&[friday, monday(7 * 60 + 59)]));
    assert!(merge(&[Window { days: Weekdays::ALL, ..friday }]));
}

#[test]
fn the_window_of_an_instant_and_its_next_edge_are_found() {
    let berlin = zone_named("Europe/Berlin").expect("a zone of the bundled database");
    let rotation = version("2026-01-01T00:00", Cadence::Days(1), &[NIGHTS]);
    let at = |text: &str| Timestamp::from_jiff(text.parse().expect("an instant"));
    let window = |text: &str| rotation.window_at(&berlin, at(text)).map(|w| format!("{} {}", w.start, w.end));
    assert_eq!(window("2026-06-02T03:59:59Z").as_deref(), Some("2026-06-01T20:00:00Z 2026-06-02T04:00:00Z"));
    assert_eq!(window("2026-06-02T04:00:00Z"), None);
    let edge = |text: &str| rotation.next_window_edge(&berlin, at(text)).map(|edge| edge.to_string());
    assert_eq!(edge("2026-06-02T04:00:00Z").as_deref(), Some("2026-06-03T20:00:00Z"));
    assert_eq!(edge("2026-06-03T20:00:00Z").as_deref(), Some("2026-06-04T04:00:00Z"));
    assert_eq!(
        version("2026-01-01T00:00", Cadence::Days(1), &[]).next_window_edge(&berlin, at("2026-06-03T20:00:00Z")),
        None
    );
}

mod by_counting {
    //! The arithmetic against going through everything from the anchor on.

    use super::*;
    use proptest::prelude::*;

    /// Clocks that jump far, late, seldom, by odd amounts, or not at all.
    const ZONES: [&str; 12] = [
        "America/New_York",
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Chatham",
        "America/Nuuk",
        "Antarctica/Troll",
        "Africa/Casablanca",
        "Africa/Cairo",
        "Asia/Kolkata",
        "Antarctica/Casey",
        "UTC",
    ];

    const PATTERNS: [&str; 6] =
        ["0 2,14 * * *", "30 1 * * 0,6", "0 9 13 * 5", "0 3 L * *", "15 2 1,15 * *", "0 0 * 3,10 *"];

    fn cadences() -> impl Strategy<Value = Cadence> {
        prop_oneof![
            (1_u16..=12).prop_map(Cadence::Hours),
            (1_u16..=9).prop_map(Cadence::Days),
            (1_u16..=3).prop_map(Cadence::Weeks),
            (1_u16..=12).prop_map(Cadence::Months),
            (1_u16..=5).prop_map(Cadence::Windows),
            proptest::sample::select(&PATTERNS[..]).prop_map(|pattern| Cadence::Cron(pattern.to_owned())),
        ]
    }

    /// Where clocks change next, if they ever do, and a few hours beside it: a night in which everything is at stake.
    fn near_a_change(zone: &TimeZone, from: Timestamp, beside_minutes: i64) -> Timestamp {
        let change =
            zone.following(from.to_jiff()).next().map(|transition| Timestamp::from_jiff(transition.timestamp()));
        change.filter(|change| *change < Timestamp::MAX).unwrap_or(from).plus_minutes(beside_minutes)
    }

    fn window() -> impl Strategy<Value = Window> {
        (1_u8..128, 0_u16..96, 0_u16..96, 0_u8..=6).prop_map(|(days, start, end, extra_days)| Window {
            days: Weekdays(days),
            start: start * 15,
            end: end * 15,
            extra_days,
        })
    }

    /// Every match of a pattern, minute by minute, as croner sees it.
    fn matches(pattern: &str, from: Civil, to: Civil) -> Vec<Civil> {
        let cron: croner::Cron = pattern.parse().expect("a pattern");
        let quarters = (from.0..to.0).step_by(15).map(Civil);
        quarters.filter(|civil| cron.is_time_matching(&civil.to_datetime()).unwrap_or(false)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_turn_is_the_last_one_that_has_begun(
            zone in proptest::sample::select(&ZONES[..]),
            cadence in cadences(),
            window in window(),
            // Whole quarters of an hour of 2011 to 2030.
            anchor in 1_438_000_i64..2_103_000,
            ahead_secs in -100_000_i64..30_000_000,
            beside in -200_i64..200,
        ) {
            let zone = zone_named(zone).expect("a zone of the bundled database");
            let anchor = Civil(anchor * 15);
            let rotation = Version {
                effective_from: Timestamp::MIN, anchor, cadence, slots: vec![vec![UserId::new(1)]], windows: vec![window],
            };
            let at = near_a_change(&zone, anchor.instant(&zone).plus_secs(ahead_secs), beside);
            let starts: Vec<Civil> = match &rotation.cadence {
                Cadence::Cron(pattern) => matches(pattern, anchor, Civil(at.as_second() / 60 + 3000)),
                _ => {
                    let steps = Steps::of(&rotation);
                    (0..).map_while(|index| steps.start_of(index)).take_while(|c| c.0 < at.as_second() / 60 + 3000).collect()
                }
            };
            let begun = starts.iter().take_while(|civil| civil.instant(&zone) <= at).count();
            let turn = turn_at(&rotation, &zone, at);
            prop_assert_eq!(turn.map(|turn| turn.index + 1).unwrap_or(0), begun as u64);
            if let Some(turn) = turn {
                prop_assert!(turn.start <= at && at < turn.end);
                prop_assert_eq!(turn.start, turn_number(&rotation, &zone, turn.index));
                prop_assert_eq!(turn.end, turn_number(&rotation, &zone, turn.index + 1));
            }
        }

        #[test]
        fn a_layer_is_on_duty_in_any_occurrence_of_any_window(
            zone in proptest::sample::select(&ZONES[..]),
            windows in proptest::collection::vec(window(), 1..4),
            from in 1_300_000_000_i64..1_900_000_000,
            beside in -200_i64..200,
        ) {
            let zone = zone_named(zone).expect("a zone of the bundled database");
            let at = near_a_change(&zone, Timestamp::from_second(from), beside);
            let today = at.as_second() / 86_400;
            let mut edges = Vec::new();
            let mut duty = false;
            for window in &windows {
                for day in (today - 12..=today + 12).filter(|day| window.days.has_day(*day)) {
                    let start = Civil(day * MINUTES_A_DAY + i64::from(window.start));
                    let (start, end) = (start.instant(&zone), Civil(start.0 + window.length()).instant(&zone));
                    duty |= start <= at && at < end;
                    edges.extend([start, end].into_iter().filter(|edge| *edge > at));
                }
            }
            let rotation = Version {
                effective_from: Timestamp::MIN, anchor: Civil(0), cadence: Cadence::Days(1), slots: vec![], windows,
            };
            prop_assert_eq!(on_duty(&rotation.windows, reading_at(&zone, at)), duty);
            prop_assert_eq!(rotation.window_at(&zone, at).is_some(), duty);
            prop_assert_eq!(rotation.next_window_edge(&zone, at), edges.into_iter().min());
        }

        #[test]
        fn a_civil_time_has_come_exactly_if_the_clock_has_shown_it(
            zone in proptest::sample::select(&ZONES[..]),
            from in 0_i64..4_000_000_000,
            beside in -12_000_i64..12_000,
            local in -200_i64..200,
        ) {
            let zone = zone_named(zone).expect("a zone of the bundled database");
            let at = near_a_change(&zone, Timestamp::from_second(from), 0).plus_secs(beside);
            let reading = reading_at(&zone, at);
            let civil = Civil(Civil::of(at.in_zone(&zone)).0 + local);
            prop_assert_eq!(civil.instant(&zone) <= at, civil <= reading);

            // The earliest instant that reads it or later, and monotone.
            let instant = civil.instant(&zone);
            prop_assert!(Civil::of(instant.in_zone(&zone)) >= civil);
            prop_assert!(Civil::of(instant.plus_secs(-1).in_zone(&zone)) < civil);
            prop_assert!(instant <= Civil(civil.0 + 1).instant(&zone));
        }
    }
}

#[test]
fn days_of_the_week_are_a_set() {
    let list = |days: &[u8]| Weekdays::from_list(days.iter().copied());
    assert_eq!(list(&[1, 1, 6]), list(&[6, 1]));
    assert_eq!(list(&[7, 1, 8]), list(&[1]), "there is no eighth day");
    assert_eq!((list(&[0, 6]).list(), list(&[0, 6]).contains(7)), (vec![0, 6], false));
}

#[test]
fn times_that_no_instant_has_are_the_ends_of_time() {
    use jiff::civil::DateTime;
    assert_eq!((Civil::of(DateTime::MIN), Civil::of(DateTime::MAX)), (Civil::MIN, Civil::MAX));
}

#[test]
fn a_window_is_written_in_words() {
    let words = |window: Window| {
        let Words { days, start, end } = window.words();
        (days, start, end)
    };
    let window = Window::of_words(&["sun".to_owned(), "mon".to_owned()], "09:30", "17:05", 2).expect("sound");
    assert_eq!(
        window,
        Window { days: Weekdays::from_list([0, 6]), start: 9 * 60 + 30, end: 17 * 60 + 5, extra_days: 2 }
    );
    assert_eq!(words(window), (vec!["mon".to_owned(), "sun".to_owned()], "09:30".to_owned(), "17:05".to_owned()));
    for (day, start, end) in [("monday", "09:00", "17:00"), ("mon", "9", "17:00"), ("mon", "09:00", "24:30")] {
        assert!(Window::of_words(&[day.to_owned()], start, end, 0).is_err(), "{day} {start} {end}");
    }
}

#[test]
fn a_window_overlaps_itself_if_it_is_longer_than_its_days_lie_apart() {
    let overlaps = |days: &[u8], hours: u16, extra_days| {
        let days = Weekdays::from_list(days.iter().copied());
        Window { days, start: 9 * 60, end: (9 + hours) % 24 * 60, extra_days }.overlaps_itself()
    };
    assert!(!overlaps(&[5, 6], 24, 0) && overlaps(&[5, 6], 1, 1));
    assert!(!overlaps(&[4], 24, 6), "a whole week");
    assert!(!overlaps(&[0, 6], 24, 0) && overlaps(&[0, 6], 1, 1), "Sunday and the Monday after it");
}

#[test]
fn windows_have_their_limits() {
    let window = |end, extra_days| Window { days: Weekdays::ALL, start: 0, end, extra_days };
    let sound = |windows: Vec<Window>| version("2026-06-01T00:00", Cadence::Days(1), &windows).checked().is_ok();
    assert_eq!([1439, 1440].map(|end| sound(vec![window(end, 0)])), [true, false]);
    assert_eq!([6, 7].map(|extra_days| sound(vec![window(60, extra_days)])), [true, false]);
    assert_eq!([50, 51].map(|count| sound(vec![window(60, 0); count])), [true, false]);
    let late = Window { days: Weekdays::ALL, start: 1440, end: 60, extra_days: 0 };
    assert!(!sound(vec![late]) && !sound(vec![Window { days: Weekdays::NONE, ..window(60, 0) }]));
}
