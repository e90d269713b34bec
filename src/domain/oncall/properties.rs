//! What holds of every calendar, and the rules once more as they are written down, without any of the shortcuts.

use super::testing::*;
use super::*;
use crate::domain::entry::Interval;
use crate::domain::id::Id;
use crate::domain::rotation::{Cadence, Civil, Version, Weekdays, Window, turn_at};
use crate::domain::time::zone_named;
use crate::domain::user::Activity;
use jiff::tz::TimeZone;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

const ZONES: [&str; 5] = ["America/New_York", "Australia/Lord_Howe", "Pacific/Chatham", "Africa/Cairo", "UTC"];
const LETTERS: [char; 5] = ['A', 'B', 'C', 'D', 'E'];
/// 2026-03-01 to 2026-05-10: clocks change in every zone above that changes them.
const START: i64 = 1_772_323_200;
const DAYS: i64 = 70;

fn instant() -> impl Strategy<Value = Timestamp> {
    // Quarters of an hour, so that boundaries meet.
    (0..DAYS * 96).prop_map(|quarter| Timestamp::from_second(START + quarter * 900))
}

fn interval() -> impl Strategy<Value = Interval> {
    (instant(), 1..400_i64).prop_map(|(start, quarters)| Interval { start, end: start.plus_secs(quarters * 900) })
}

fn user() -> impl Strategy<Value = UserId> {
    select(&LETTERS[..]).prop_map(id)
}

fn windows() -> impl Strategy<Value = Vec<Window>> {
    let window = (1_u8..128, 0_u16..48, 0_u16..48, 0_u8..=2).prop_map(|(days, start, end, extra_days)| Window {
        days: Weekdays(days),
        start: start * 30,
        end: end * 30,
        extra_days,
    });
    vec(window, 0..3)
}

fn rotation() -> impl Strategy<Value = Version> {
    let cadence = prop_oneof![
        (1_u16..30).prop_map(Cadence::Hours),
        (1_u16..4).prop_map(Cadence::Days),
        Just(Cadence::Weeks(1)),
        Just(Cadence::Months(1)),
        (1_u16..4).prop_map(Cadence::Windows),
        Just(Cadence::Cron("15 2 * * 1,4".to_owned())),
    ];
    let slots = vec(vec(user(), 1..3), 1..4);
    (instant(), instant(), cadence, slots, windows()).prop_map(|(effective_from, anchor, cadence, slots, windows)| {
        let anchor = Civil(anchor.as_second() / 60 - 20 * 1440);
        Version { effective_from, anchor, cadence, slots, windows }
    })
}

fn turns() -> impl Strategy<Value = Turns> {
    prop_oneof![
        5 => vec(rotation(), 1..4).prop_map(|mut versions| {
            versions.sort_by_key(|version| version.effective_from);
            Turns::Rotation(versions)
        }),
        1 => Just(Turns::Imported(ImportId::new(5))),
    ]
}

fn calendars() -> impl Strategy<Value = Calendar> {
    let layers = vec((turns(), option::of(select(&ZONES[..]))), 0..4);
    let entries = vec((interval(), user()), 0..8);
    let overrides = vec((interval(), user(), option::of(user())), 0..8);
    let events = || vec((interval(), vec(user(), 0..3)), 0..6);
    let rest = (option::of(user()), events(), events(), any::<bool>());
    (select(&ZONES[..]), layers, entries, overrides, rest).prop_map(|(zone, layers, mut entries, overrides, rest)| {
        let mut calendar = empty(zone);
        for (turns, zone) in layers {
            calendar = calendar.with_layer(turns, zone);
        }
        entries.sort_by_key(|(span, _)| span.start);
        let mut free_from = Timestamp::MIN;
        for (span, user) in entries {
            if span.start >= free_from {
                free_from = span.end;
                calendar = calendar.with_entry(letter(user), "01-01T00:00 01-01T00:01");
                calendar.entries.last_mut().expect("just added").span = span;
            }
        }
        for (span, user, from) in overrides {
            let from = from.map_or(String::new(), |from| format!("{}>", letter(from)));
            calendar = calendar.with_override(&format!("{from}{}", letter(user)), "01-01T00:00 01-01T00:01");
            calendar.overrides.last_mut().expect("just added").span = span;
        }
        let (fallback, layer_events, cover_events, covers) = rest;
        calendar.schedule.fallback = fallback;
        let shift = |(span, users)| ImportedShift { span, users, text: String::new() };
        for (import, events) in [(5, layer_events), (6, cover_events)] {
            calendar.imported.insert(ImportId::new(import), events.into_iter().map(shift).collect());
        }
        if covers {
            calendar.schedule.imported_covers.push(ImportId::new(6));
        }
        calendar
    })
}

/// Some are always active, some leave and come back.
fn somebody() -> impl Strategy<Value = People> {
    vec(option::weighted(0.4, (instant(), 1..2000_i64)), LETTERS.len()).prop_map(|absences| {
        let mut people = people(&[]);
        for (letter, absence) in LETTERS.into_iter().zip(absences) {
            if let (Some((from, quarters)), Some(user)) = (absence, people.get_mut(&id(letter))) {
                let back = Activity { from: from.plus_secs(quarters * 900), to: None };
                user.activity = vec![Activity { from: Timestamp::MIN, to: Some(from) }, back];
            }
        }
        people
    })
}

/// Claims as the rules are written down, highest first.
fn claims(calendar: &Calendar, people: &People, at: Timestamp) -> Vec<Vec<UserId>> {
    let schedule = &calendar.schedule;
    let running = |import: &ImportId| -> Vec<UserId> {
        let mut shifts: Vec<_> = calendar.imported[import].iter().filter(|shift| shift.span.contains(at)).collect();
        shifts.sort_by_key(|shift| shift.span.start);
        shifts.into_iter().flat_map(|shift| shift.users.clone()).collect()
    };
    let mut claims: Vec<Vec<UserId>> = schedule.imported_covers.iter().map(running).collect();
    claims.extend(calendar.entries.iter().filter(|e| e.span.contains(at)).map(|e| vec![e.user]));
    for layer in &schedule.layers {
        let zone = zone_named(layer.zone.as_ref().unwrap_or(&schedule.zone)).expect("a zone of the bundled database");
        claims.push(match &layer.turns {
            Turns::Imported(import) => running(import),
            Turns::Rotation(versions) => {
                let first = versions.first();
                let version = versions.iter().rfind(|v| v.effective_from <= at).or(first).expect("at least one");
                match turn_at(version, &zone, at) {
                    Some(turn) if in_any_window(version, &zone, at) => {
                        version.slots[turn.index as usize % version.slots.len()].clone()
                    }
                    _ => vec![],
                }
            }
        });
    }
    claims.extend(schedule.fallback.map(|user| vec![user]));
    let mut overrides: Vec<_> = calendar.overrides.iter().filter(|o| o.span.contains(at)).collect();
    overrides.sort_by_key(|o| o.id);
    for o in overrides.into_iter().filter(|o| people[&o.user].is_active_at(at)) {
        match o.mode {
            OverrideMode::Cover => claims.insert(0, vec![o.user]),
            OverrideMode::Replace { from } => {
                claims.iter_mut().flatten().filter(|user| **user == from).for_each(|user| *user = o.user);
            }
        }
    }
    claims
}

fn in_any_window(version: &Version, zone: &TimeZone, at: Timestamp) -> bool {
    let today = at.as_second() / 86_400;
    let opens_on = |window: &Window, day: i64| {
        let weekday = (day + 3).rem_euclid(7) as u8;
        let start = day * 1440 + i64::from(window.start);
        let (start, end) = (Civil(start).instant(zone), Civil(start + window.length()).instant(zone));
        window.days.contains(weekday) && start <= at && at < end
    };
    let windows = &version.windows;
    windows.is_empty() || windows.iter().any(|window| (today - 9..=today + 1).any(|day| opens_on(window, day)))
}

fn expected(calendar: &Calendar, people: &People, at: Timestamp) -> Vec<UserId> {
    let active = |users: Vec<UserId>| {
        let mut found = Vec::new();
        for user in users.into_iter().filter(|user| people[user].is_active_at(at)) {
            if !found.contains(&user) {
                found.push(user);
            }
        }
        found
    };
    claims(calendar, people, at).into_iter().map(active).find(|users| !users.is_empty()).unwrap_or_default()
}

fn users(places: &[Place]) -> Vec<UserId> {
    places.iter().map(|place| place.user).collect()
}

fn on(calendar: &Calendar, people: &People, at: Timestamp) -> Vec<UserId> {
    users(&on_call(calendar, people, at))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn segments_partition_their_range_and_agree_with_every_instant(
        calendar in calendars(), people in somebody(), range in interval(), times in vec(instant(), 20),
    ) {
        let segments = final_schedule(&calendar, &people, range.start, range.end).expect("drawn");
        prop_assert_eq!(segments.first().map(|s| s.start), Some(range.start));
        prop_assert_eq!(segments.last().map(|s| s.end), Some(range.end));
        for pair in segments.windows(2) {
            prop_assert_eq!(pair[0].end, pair[1].start);
            prop_assert!(pair[0].places != pair[1].places || pair[0].gap != pair[1].gap, "neighbours differ");
        }
        let mut instants: Vec<Timestamp> = times.into_iter().filter(|at| range.contains(*at)).collect();
        instants.extend(segments.iter().flat_map(|s| [s.start, s.start.plus_secs(1), s.end.plus_secs(-1)]));
        for at in instants {
            let segment = segments.iter().find(|s| s.start <= at && at < s.end).expect("they partition");
            prop_assert_eq!(&segment.places, &on_call(&calendar, &people, at));
            prop_assert_eq!(segment.gap.is_some(), segment.places.is_empty());
            prop_assert_eq!(users(&segment.places), expected(&calendar, &people, at), "at {}", at);
        }
    }

    #[test]
    fn clipping_a_range_does_not_change_its_inside(
        calendar in calendars(), people in somebody(), range in interval(), left in 0..200_i64, right in 0..200_i64,
    ) {
        let inner = final_schedule(&calendar, &people, range.start, range.end).expect("drawn");
        let (start, end) = (range.start.plus_secs(-left * 900), range.end.plus_secs(right * 900));
        let mut clipped = final_schedule(&calendar, &people, start, end).expect("drawn");
        clipped.retain(|s| s.start < range.end && range.start < s.end);
        for segment in &mut clipped {
            segment.clipped_start |= segment.start < range.start;
            segment.clipped_end |= segment.end > range.end;
            segment.start = segment.start.max(range.start);
            segment.end = segment.end.min(range.end);
        }
        prop_assert_eq!(clipped, inner);
    }

    #[test]
    fn nothing_changes_before_the_next_breakpoint(
        calendar in calendars(), people in somebody(), at in instant(), within in 0..1000_u32,
    ) {
        let next = next_breakpoint(&calendar, &people, at).unwrap_or(at.plus_secs(86_400));
        prop_assert!(next > at);
        let between = at.plus_secs(next.plus_secs(-1).secs_since(at) * i64::from(within) / 1000);
        for later in [between, next.plus_secs(-1)] {
            prop_assert_eq!(on_call(&calendar, &people, later), on_call(&calendar, &people, at), "until {}", next);
        }
    }

    #[test]
    fn an_answer_holds_from_since_until_its_end(calendar in calendars(), people in somebody(), at in instant()) {
        let found = answer(&calendar, &people, at);
        prop_assert_eq!(found.iter().map(|o| o.place.user).collect::<Vec<_>>(), on(&calendar, &people, at));
        for on_call in found {
            let stays = |segment: &Segment| users(&segment.places).contains(&on_call.place.user);
            prop_assert!(on_call.since <= at && at < on_call.until);
            for (from, until) in [(on_call.since, at), (at, on_call.until)] {
                prop_assert!(final_schedule(&calendar, &people, from, until).expect("drawn").iter().all(stays));
            }
            let searched_from = at.plus_secs(-SEARCHED_DAYS * 86_400);
            let before = on(&calendar, &people, on_call.since.plus_secs(-1));
            prop_assert!(on_call.since == searched_from || !before.contains(&on_call.place.user));
            if !on_call.open_ended {
                let after = on(&calendar, &people, on_call.until);
                prop_assert!(!after.contains(&on_call.place.user));
                prop_assert_eq!(on_call.next, after);
            }
        }
    }

    #[test]
    fn explanations_agree_with_the_answer(calendar in calendars(), people in somebody(), at in instant()) {
        let explained = explain(&calendar, &people, at);
        let winner = explained.iter().find(|claim| claim.verdict == Verdict::OnCall);
        let mut places = winner.map(|claim| claim.places.clone()).unwrap_or_default();
        places.retain(|place| people[&place.user].is_active_at(at));
        prop_assert_eq!(places, on_call(&calendar, &people, at));
        prop_assert!(explained.iter().filter(|claim| claim.verdict == Verdict::OnCall).count() <= 1);
    }
}
