//! Schedules, what stands on them, and calendars that come in and go out.

use super::{ANA, BO, SCHEDULE, TEAM, at, id};
use pagerpal::domain::entry::{Entry, Interval, Override, OverrideMode};
use pagerpal::domain::feed::{Event, EventKey, Feed, FeedOf, Publication, Withdrawn};
use pagerpal::domain::id::{EntryId, OverrideId};
use pagerpal::domain::import::{CalendarUrl, Fetched, Import, ImportCopy, Named, Problem as ImportProblem};
use pagerpal::domain::oncall::Source;
use pagerpal::domain::rotation::{Cadence, Civil, Version, Weekdays, Window};
use pagerpal::domain::schedule::{Layer, Schedule, Turns};
use pagerpal::vault::{Place, Vault};

pub fn schedules() -> Vec<Schedule> {
    let window = Window { days: Weekdays(0b001_1111), start: 540, end: 1020, extra_days: 1 };
    let cadences = [
        Cadence::Hours(12),
        Cadence::Days(1),
        Cadence::Weeks(2),
        Cadence::Months(1),
        Cadence::Windows(1),
        Cadence::Cron("0 8 * * 1".into()),
    ];
    let version = |(days, cadence)| Version {
        effective_from: at(days * 86_400),
        anchor: Civil(29_900_000),
        cadence,
        slots: vec![vec![id(ANA)], vec![id(BO), id(ANA)]],
        windows: vec![window],
    };
    let rotation = Layer {
        id: id(21),
        name: "Nights".into(),
        zone: Some("Asia/Kolkata".into()),
        turns: Turns::Rotation((0_i64..).zip(cadences).map(version).collect()),
    };
    let imported = Layer { id: id(23), name: "From HR".into(), zone: None, turns: Turns::Imported(id(22)) };
    vec![Schedule {
        id: id(SCHEDULE),
        team: id(TEAM),
        name: "Payments nights".into(),
        zone: "Europe/Berlin".into(),
        layers: vec![rotation, imported],
        imported_covers: vec![id(24)],
        fallback: Some(id(BO)),
        revision: 5,
        revised_at: at(30),
        created_at: at(0),
        version: 2,
    }]
}

pub fn entries() -> Vec<Entry> {
    vec![Entry {
        id: id::<EntryId>(7),
        schedule: id(SCHEDULE),
        user: id(ANA),
        span: Interval { start: at(0), end: at(86_400) },
        note: "swapped with Bo".into(),
        author: Some(id(BO)),
        recorded_at: at(-60),
    }]
}

pub fn overrides() -> Vec<Override> {
    let cover = Override {
        id: id::<OverrideId>(8),
        schedule: id(SCHEDULE),
        user: id(BO),
        mode: OverrideMode::Cover,
        span: Interval { start: at(0), end: at(3600) },
        note: "dentist".into(),
        author: Some(id(ANA)),
        recorded_at: at(-60),
    };
    let replace = Override { id: id(9), mode: OverrideMode::Replace { from: id(ANA) }, author: None, ..cover.clone() };
    vec![cover, replace]
}

pub fn imports() -> Vec<Import> {
    let address = CalendarUrl::checked("webcal://calendar.example.net/private-5e1f/basic.ics").expect("an address");
    let place = Place { table: "imports", id: 22, field: "url" };
    let url = Vault::new(b"a secret").seal(&place, [0x24; 24], address.expose().as_bytes());
    let fetched = Fetched {
        at: at(900),
        copied_at: at(0),
        etag: Some("\"5e1f\"".into()),
        last_modified: Some("Tue, 24 Nov 2026 03:14:00 GMT".into()),
        events: 300,
    };
    let read = Import {
        id: id(22),
        schedule: id(SCHEDULE),
        name: "From HR".into(),
        url,
        shown_url: address.masked(),
        zone: "Europe/Berlin".into(),
        due: at(1800),
        tried_at: Some(at(900)),
        fetched: Some(fetched),
        problem: None,
        created_at: at(0),
        version: 2,
    };
    let problem = ImportProblem { since: at(60), sentence: "There is nothing at this address (404).".into() };
    let failing = Import { id: id(24), name: "Holidays".into(), problem: Some(problem), fetched: None, ..read.clone() };
    vec![read, failing]
}

pub fn import_copies() -> Vec<ImportCopy> {
    let named = |summary: &str, attendees: &[&str]| Named {
        summary: summary.into(),
        attendees: attendees.iter().map(ToString::to_string).collect(),
    };
    let span = |from, to| Interval { start: at(from), end: at(to) };
    let (ana, bo) = (named("Ana", &[]), named("On call", &["bo@example.com"]));
    let events = [(span(0, 3600), ana.clone()), (span(3600, 7200), bo), (span(7200, 90_000), ana)];
    vec![ImportCopy::of(id(22), events).expect("not much")]
}

pub fn feeds() -> Vec<Feed> {
    let schedule = Feed {
        id: id(40),
        of: FeedOf::Schedule(id(SCHEDULE)),
        token_hash: [0x40; 32],
        created_at: at(0),
        author: Some(id(ANA)),
        revoked_at: None,
    };
    let user = Feed { id: id(41), of: FeedOf::User(id(BO)), token_hash: [0x41; 32], ..schedule.clone() };
    let revoked = Feed { id: id(42), token_hash: [0x42; 32], revoked_at: Some(at(60)), author: None, ..user.clone() };
    vec![schedule, user, revoked]
}

pub fn publications() -> Vec<Publication> {
    let event = |claim, piece| Event {
        key: EventKey { claim, nominal: at(0), piece },
        span: Interval { start: at(i64::from(piece) * 3600), end: at(i64::from(piece) * 3600 + 3600) },
        users: vec![id(ANA), id(BO)],
    };
    let gone = Withdrawn { event: event(Source::Override(id(8)), 0), at: at(30), revision: 5 };
    vec![Publication {
        schedule: id(SCHEDULE),
        day: at(-11_640),
        revision: 5,
        events: vec![event(Source::Layer(id(21)), 0), event(Source::Layer(id(21)), 1), event(Source::Fallback, 2)],
        withdrawn: vec![gone],
    }]
}
