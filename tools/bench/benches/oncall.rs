//! How long it takes to say who is on call: `cargo xtask bench oncall`.
//!
//! Promised on one core: an instant of one schedule within 10 µs, ten thousand schedules within 100 ms, a year within
//! 10 ms, and a heavy one (10 layers with restrictions, 200 overrides, 2,000 entries) within 50 ms. Everything starts
//! cold, from records as the store gives them. `months` and `layers` double and count up to show that a longer range and
//! another layer cost what they add and no more.

use divan::{Bencher, black_box};
use pagerpal::domain::access::Role;
use pagerpal::domain::entry::{Entry, Interval, Override, OverrideMode};
use pagerpal::domain::id::{EntryId, Id, LayerId, OverrideId, ScheduleId, TeamId, UserId};
use pagerpal::domain::oncall::{Calendar, People, answer, explain, final_schedule, next_breakpoint, on_call};
use pagerpal::domain::rotation::{Cadence, Civil, Version, Weekdays, Window};
use pagerpal::domain::schedule::{Layer, Schedule, Turns};
use pagerpal::domain::time::Timestamp;
use pagerpal::domain::user::{Activity, User};
use std::collections::BTreeMap;

fn main() {
    divan::main();
}

const DAY: i64 = 86_400;
const PEOPLE: u64 = 20;
const ZONES: [&str; 3] = ["Europe/Berlin", "America/New_York", "Asia/Kolkata"];

/// 2026-01-01.
fn start() -> Timestamp {
    Timestamp::from_second(1_767_225_600)
}

fn noon() -> Timestamp {
    start().plus_secs(200 * DAY + 12 * 3600)
}

fn user(number: u64) -> UserId {
    UserId::new(1 + number % PEOPLE)
}

fn people() -> People {
    let person = |number| {
        let user = User {
            id: user(number),
            name: format!("Person {number}"),
            email: None,
            role: Role::Responder,
            login: None,
            zone: "UTC".into(),
            activity: vec![Activity { from: Timestamp::MIN, to: None }],
            contacts: vec![],
            rules: Default::default(),
            created_at: Timestamp::MIN,
            version: 1,
        };
        (user.id, user)
    };
    (0..PEOPLE).map(person).collect()
}

/// A layer whose anchor lies five years back, in one of three zones.
fn layer(number: u64, cadence: Cadence, windows: Vec<Window>) -> Layer {
    let version = Version {
        effective_from: Timestamp::MIN,
        anchor: Civil(start().as_second() / 60 - 5 * 365 * 1440 + 9 * 60),
        cadence,
        slots: (0..7).map(|slot| vec![user(number + slot)]).collect(),
        windows,
    };
    let zone = Some(ZONES[number as usize % 3].to_owned());
    Layer { id: LayerId::new(number), name: "Layer".into(), zone, turns: Turns::Rotation(vec![version]) }
}

fn calendar(layers: Vec<Layer>, entries: i64, overrides: i64) -> Calendar {
    let schedule = Schedule {
        id: ScheduleId::new(1),
        team: TeamId::new(1),
        name: "Payments".into(),
        zone: "Europe/Berlin".into(),
        layers,
        imported_covers: vec![],
        fallback: Some(user(0)),
        revision: 1,
        revised_at: Timestamp::MIN,
        created_at: Timestamp::MIN,
        version: 1,
    };
    // Spread over the year: entries with a break between them, overrides that overlap.
    let spread = |number: i64, of: i64, share: i64| {
        let each = 365 * DAY / of.max(1);
        Interval { start: start().plus_secs(number * each), end: start().plus_secs(number * each + each * share / 4) }
    };
    let entry = |number: i64| Entry {
        id: EntryId::new(number as u64),
        schedule: schedule.id,
        user: user(number as u64),
        span: spread(number, entries, 1),
        note: String::new(),
        author: None,
        recorded_at: Timestamp::MIN,
    };
    let over = |number: i64| Override {
        id: OverrideId::new(number as u64),
        schedule: schedule.id,
        user: user(number as u64 + 3),
        mode: if number % 2 == 0 {
            OverrideMode::Cover
        } else {
            OverrideMode::Replace { from: user(number as u64 + 7) }
        },
        span: spread(number, overrides, 6),
        note: String::new(),
        author: None,
        recorded_at: Timestamp::MIN,
    };
    Calendar {
        entries: (0..entries).map(entry).collect(),
        overrides: (0..overrides).map(over).collect(),
        imported: BTreeMap::new(),
        schedule,
    }
}

/// Nights and weekends over days over a weekly rotation, with some overrides.
fn typical() -> Calendar {
    let nights = Window { days: Weekdays(0b001_1111), start: 18 * 60, end: 8 * 60, extra_days: 0 };
    let weekend = Window { days: Weekdays(0b001_0000), start: 18 * 60, end: 8 * 60, extra_days: 2 };
    let layers = vec![
        layer(1, Cadence::Weeks(1), vec![nights, weekend]),
        layer(2, Cadence::Days(1), vec![Window { days: Weekdays(0b001_1111), start: 480, end: 1080, extra_days: 0 }]),
        layer(3, Cadence::Weeks(1), vec![]),
    ];
    calendar(layers, 20, 20)
}

/// Layers with two windows a day each.
fn layered(layers: u64, entries: i64, overrides: i64) -> Calendar {
    let windows = |number: u64| {
        let window = |start: u64, end: u64| Window {
            days: Weekdays::ALL,
            start: ((start + number) % 24 * 60) as u16,
            end: ((end + number) % 24 * 60) as u16,
            extra_days: 0,
        };
        vec![window(6, 12), window(14, 20)]
    };
    let cadence = |number: u64| match number % 4 {
        0 => Cadence::Hours(12),
        1 => Cadence::Days(1),
        2 => Cadence::Weeks(1),
        _ => Cadence::Months(1),
    };
    calendar((0..layers).map(|number| layer(number, cadence(number), windows(number))).collect(), entries, overrides)
}

#[divan::bench]
fn instant_typical(bencher: Bencher) {
    let (calendar, people) = (typical(), people());
    bencher.bench_local(|| on_call(black_box(&calendar), &people, noon()));
}

#[divan::bench]
fn instant_heavy(bencher: Bencher) {
    let (calendar, people) = (layered(10, 64, 200), people());
    bencher.bench_local(|| on_call(black_box(&calendar), &people, noon()));
}

#[divan::bench(args = ["0 9 * * 1", "0 9 L * *", "0 9 15W * *", "0 9 * * 5#2"])]
fn instant_cron(bencher: Bencher, pattern: &str) {
    let calendar = calendar(vec![layer(1, Cadence::Cron(pattern.to_owned()), vec![])], 0, 0);
    let people = people();
    bencher.bench_local(|| on_call(black_box(&calendar), &people, noon()));
}

#[divan::bench(sample_count = 10)]
fn ten_thousand_schedules(bencher: Bencher) {
    let (calendars, people) = (vec![typical(); 10_000], people());
    bencher.bench_local(|| {
        calendars.iter().map(|calendar| on_call(black_box(calendar), &people, noon()).len()).sum::<usize>()
    });
}

#[divan::bench]
fn explained_typical(bencher: Bencher) {
    let (calendar, people) = (typical(), people());
    bencher.bench_local(|| explain(black_box(&calendar), &people, noon()));
}

#[divan::bench]
fn answered_typical(bencher: Bencher) {
    let (calendar, people) = (typical(), people());
    bencher.bench_local(|| answer(black_box(&calendar), &people, noon()));
}

#[divan::bench]
fn next_breakpoint_typical(bencher: Bencher) {
    let (calendar, people) = (typical(), people());
    bencher.bench_local(|| next_breakpoint(black_box(&calendar), &people, noon()));
}

fn render(bencher: Bencher, calendar: &Calendar, days: i64) {
    let people = people();
    bencher.bench_local(|| {
        final_schedule(black_box(calendar), &people, start(), start().plus_secs(days * DAY)).expect("drawn").len()
    });
}

#[divan::bench(sample_count = 20)]
fn year_typical(bencher: Bencher) {
    render(bencher, &typical(), 365);
}

#[divan::bench(sample_count = 20)]
fn year_heavy(bencher: Bencher) {
    render(bencher, &layered(10, 2000, 200), 365);
}

#[divan::bench(sample_count = 20, args = [1, 2, 4, 8, 16])]
fn months(bencher: Bencher, months: i64) {
    render(bencher, &typical(), months * 30);
}

#[divan::bench(sample_count = 20, args = [1, 2, 4, 6, 8, 10])]
fn layers(bencher: Bencher, layers: u64) {
    render(bencher, &layered(layers, 0, 0), 90);
}
