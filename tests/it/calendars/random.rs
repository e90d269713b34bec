//! Schedules drawn at random: layers in many zones, entries, overrides, people who come and go.

use pagerpal::domain::access::Role;
use pagerpal::domain::entry::{Entry, Interval, Override, OverrideMode};
use pagerpal::domain::given::Jitter;
use pagerpal::domain::id::{Id, UserId};
use pagerpal::domain::oncall::{Calendar, People};
use pagerpal::domain::rotation::{Cadence, Civil, Version, Weekdays, Window};
use pagerpal::domain::schedule::{Layer, Schedule, Turns};
use pagerpal::domain::time::Timestamp;
use pagerpal::domain::user::{Activity, User};
use std::collections::BTreeMap;

pub struct Drawn {
    pub calendar: Calendar,
    pub people: People,
    pub window: Interval,
}

/// Names that are hard to tell apart, and hard to write.
const NAMES: [&str; 7] =
    ["Ana", "Ana Maria", "Bo", "J. Smith, Jr.", "\u{c9}mile O'Neil", "maria; bo", "\u{738b}\u{4f1f}"];
const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"];

pub fn draw(seed: u64) -> Drawn {
    let random = &mut Jitter::seeded(seed);
    // Around the changes of the clocks in spring and autumn.
    let start = ["2026-03-01T00:00:00Z", "2026-10-01T00:00:00Z"][random.below(2) as usize];
    let start = super::at(start).plus_secs(random.below(20) as i64 * 86_400);
    let window = Interval { start, end: start.plus_secs(40 * 86_400) };
    let people: People = (0..NAMES.len()).map(|n| user(random, n, window)).map(|user| (user.id, user)).collect();
    let layers: Vec<Layer> = (0..random.below(4)).map(|n| layer(random, n, window)).collect();
    let schedule = Schedule {
        id: Id::new(700),
        team: Id::new(701),
        name: "Random".to_owned(),
        zone: "UTC".to_owned(),
        layers,
        imported_covers: vec![],
        fallback: (random.below(3) == 0).then(|| person(random)),
        revision: 1 + random.below(50),
        revised_at: window.start.plus_secs(-3600),
        created_at: window.start.plus_secs(-400 * 86_400),
        version: 1,
    };
    let mut entries = Vec::new();
    let mut from = window.start.plus_secs(random.below(86_400) as i64);
    for n in 0..random.below(6) {
        let span = span(random, from, 4 * 86_400);
        from = span.end.plus_secs(random.below(3) as i64 * 43_200);
        entries.push(Entry {
            id: Id::new(800 + n),
            schedule: schedule.id,
            user: person(random),
            span,
            note: String::new(),
            author: None,
            recorded_at: window.start,
        });
    }
    let overrides = (0..random.below(8)).map(|n| {
        let from = window.start.plus_secs(random.below(40 * 86_400) as i64);
        let mode = match random.below(2) {
            0 => OverrideMode::Cover,
            _ => OverrideMode::Replace { from: person(random) },
        };
        let (user, span) = (person(random), span(random, from, 3 * 86_400));
        let (schedule, recorded_at) = (schedule.id, window.start);
        Override { id: Id::new(900 + n), schedule, user, mode, span, note: String::new(), author: None, recorded_at }
    });
    let overrides = overrides.collect();
    Drawn { calendar: Calendar { schedule, entries, overrides, imported: BTreeMap::new() }, people, window }
}

fn person(random: &mut Jitter) -> UserId {
    UserId::new(1 + random.below(NAMES.len() as u64))
}

fn span(random: &mut Jitter, start: Timestamp, longest: u64) -> Interval {
    Interval { start, end: start.plus_secs(60 + random.below(longest) as i64) }
}

fn user(random: &mut Jitter, n: usize, window: Interval) -> User {
    let leaves = window.start.plus_secs(random.below(40 * 86_400) as i64);
    let to = (random.below(4) == 0).then_some(leaves);
    let mut activity = vec![Activity { from: Timestamp::MIN, to }];
    if let Some(left) = to {
        activity.push(Activity { from: left.plus_secs(86_400 + random.below(10 * 86_400) as i64), to: None });
    }
    User {
        id: UserId::new(1 + n as u64),
        name: NAMES[n].to_owned(),
        email: None,
        role: Role::Responder,
        login: None,
        zone: "UTC".to_owned(),
        activity,
        contacts: vec![],
        rules: Default::default(),
        created_at: Timestamp::MIN,
        version: 1,
    }
}

fn layer(random: &mut Jitter, n: u64, window: Interval) -> Layer {
    let cadence = match random.below(4) {
        0 => Cadence::Hours(6 + random.below(30) as u16),
        1 => Cadence::Days(1 + random.below(5) as u16),
        2 => Cadence::Weeks(1 + random.below(2) as u16),
        _ => Cadence::Months(1),
    };
    let minutes = window.start.as_second() / 60 - random.below(60 * 1440) as i64;
    let windows = (0..random.below(3)).map(|_| Window {
        days: Weekdays(1 + random.below(127) as u8),
        start: random.below(1440) as u16,
        end: random.below(1440) as u16,
        extra_days: random.below(2) as u8,
    });
    let windows = windows.collect();
    let slots = (0..1 + random.below(4)).map(|_| (0..1 + random.below(3)).map(|_| person(random)).collect());
    let version = Version {
        effective_from: Timestamp::MIN,
        anchor: Civil(minutes - minutes.rem_euclid(15)),
        cadence,
        slots: slots.collect(),
        windows,
    };
    let zone = Some(ZONES[random.below(ZONES.len() as u64) as usize].to_owned());
    Layer { id: Id::new(600 + n), name: format!("layer {n}"), zone, turns: Turns::Rotation(vec![version]) }
}
