//! Precedence, one rule a test.

use super::*;
use crate::domain::access::Role;
use crate::domain::entry::Interval;
use crate::domain::id::{Id, ScheduleId, TeamId};
use crate::domain::user::Activity;

/// `06-01T10` is 2026-06-01 10:00 UTC.
fn at(text: &str) -> Timestamp {
    let (date, hour) = text.split_once('T').expect("a date and an hour");
    Timestamp::from_jiff(format!("2026-{date}T{hour}:00Z").parse().expect("an instant"))
}

fn span(text: &str) -> Interval {
    let (start, end) = text.split_once(' ').expect("two instants");
    Interval { start: at(start), end: at(end) }
}

/// When somebody was active, as `(from, to)`.
type Spans<'a> = &'a [(&'a str, Option<&'a str>)];

/// People are letters, active always unless said otherwise.
fn people(gaps: &[(char, Spans<'_>)]) -> People {
    let user = |letter: char| {
        let always = vec![Activity { from: Timestamp::MIN, to: None }];
        let gaps = gaps.iter().find(|(l, _)| *l == letter);
        let activity = gaps.map_or(always, |(_, spans)| {
            spans.iter().map(|(from, to)| Activity { from: at(from), to: to.map(at) }).collect()
        });
        let id = id(letter);
        let name = letter.to_string();
        let zone = "UTC".to_owned();
        let created_at = Timestamp::MIN;
        let contacts = vec![];
        (
            id,
            User {
                id,
                name,
                email: None,
                role: Role::Responder,
                login: None,
                zone,
                activity,
                contacts,
                rules: Default::default(),
                created_at,
                version: 1,
            },
        )
    };
    ('A'..='Z').map(user).collect()
}

fn id(letter: char) -> UserId {
    UserId::new(letter as u64)
}

/// A on 06-01, X on 06-02, as normal entries; overrides as `(mode, user, span)`, the newest last.
fn calendar(overrides: &[(OverrideMode, char, &str)]) -> Calendar {
    let entry = |number, user, when| Entry {
        id: EntryId::new(number),
        schedule: ScheduleId::new(1),
        user: id(user),
        span: span(when),
        note: String::new(),
        author: None,
        recorded_at: Timestamp::MIN,
    };
    let schedule = Schedule {
        id: ScheduleId::new(1),
        team: TeamId::new(1),
        name: "s".into(),
        zone: "UTC".into(),
        layers: vec![],
        imported_covers: vec![],
        fallback: None,
        revision: 1,
        revised_at: Timestamp::MIN,
        created_at: Timestamp::MIN,
        version: 1,
    };
    let overrides = overrides.iter().enumerate().map(|(number, (mode, user, when))| Override {
        id: OverrideId::new(100 + number as u64),
        schedule: schedule.id,
        user: id(*user),
        mode: *mode,
        span: span(when),
        note: String::new(),
        author: None,
        recorded_at: Timestamp::MIN,
    });
    let overrides = overrides.collect();
    let entries = vec![entry(1, 'A', "06-01T00:00 06-02T00:00"), entry(2, 'X', "06-02T00:00 06-03T00:00")];
    Calendar { schedule, entries, overrides, imported: BTreeMap::new() }
}

/// The final schedule of the two days, as `A 08:00 B 16:00 -`, a time being where the person before it ends.
fn check(calendar: &Calendar, people: &People, expected: &str) {
    let segments = final_schedule(calendar, people, at("06-01T00:00"), at("06-03T00:00"));
    let name = |places: &[Place]| places.first().map_or("-".into(), |place| people[&place.user].name.clone());
    let text: Vec<String> =
        segments.iter().map(|s| format!("{} {}", name(&s.places), &s.end.to_string()[5..16])).collect();
    assert_eq!(text.join(", "), expected);
    for pair in segments.windows(2) {
        assert_eq!(pair[0].end, pair[1].start, "segments leave no hole");
    }
}

const COVER: OverrideMode = OverrideMode::Cover;

fn replace(letter: char) -> OverrideMode {
    OverrideMode::Replace { from: id(letter) }
}

#[test]
fn the_newest_override_wins_where_several_apply() {
    let calendar = calendar(&[(COVER, 'C', "06-01T10:00 06-01T12:00"), (COVER, 'B', "06-01T00:00 06-02T00:00")]);
    check(&calendar, &people(&[]), "B 06-02T00:00, X 06-03T00:00");
}

#[test]
fn a_replacement_of_a_replacement_stands_in_for_both() {
    let calendar =
        calendar(&[(replace('A'), 'B', "06-01T00:00 06-03T00:00"), (replace('B'), 'C', "06-01T08:00 06-01T16:00")]);
    check(&calendar, &people(&[]), "B 06-01T08:00, C 06-01T16:00, B 06-02T00:00, X 06-03T00:00");
}

#[test]
fn a_swap_is_two_replacements() {
    let calendar =
        calendar(&[(replace('A'), 'X', "06-01T00:00 06-02T00:00"), (replace('X'), 'A', "06-02T00:00 06-03T00:00")]);
    check(&calendar, &people(&[]), "X 06-02T00:00, A 06-03T00:00");
}

#[test]
fn an_inactive_override_blocks_nothing() {
    let calendar = calendar(&[(COVER, 'B', "06-01T10:00 06-01T12:00")]);
    let people = people(&[('B', &[("05-01T00:00", Some("05-02T00:00"))])]);
    check(&calendar, &people, "A 06-02T00:00, X 06-03T00:00");
}

#[test]
fn an_inactive_person_leaves_a_gap_and_moves_nobody() {
    let people = people(&[('A', &[("05-01T00:00", Some("06-01T06:00")), ("06-01T09:00", None)])]);
    check(&calendar(&[]), &people, "A 06-01T06:00, - 06-01T09:00, A 06-02T00:00, X 06-03T00:00");
}

#[test]
fn a_deactivated_replacement_falls_through_to_whom_it_replaced() {
    let calendar = calendar(&[(replace('A'), 'B', "06-01T06:00 06-01T18:00")]);
    let people = people(&[('B', &[("05-01T00:00", Some("06-01T13:15"))])]);
    check(&calendar, &people, "A 06-01T06:00, B 06-01T13:15, A 06-02T00:00, X 06-03T00:00");
}

#[test]
fn a_replacement_fills_no_gap_and_a_cover_does() {
    let mut calendar =
        calendar(&[(replace('A'), 'B', "06-01T12:00 06-03T00:00"), (COVER, 'C', "06-02T06:00 06-02T07:00")]);
    calendar.entries.pop();
    let expected = "A 06-01T12:00, B 06-02T00:00, - 06-02T06:00, C 06-02T07:00, - 06-03T00:00";
    check(&calendar, &people(&[]), expected);
}

#[test]
fn the_fallback_has_what_nobody_else_claims() {
    let mut calendar = calendar(&[]);
    calendar.entries.remove(0);
    calendar.schedule.fallback = Some(id('F'));
    check(&calendar, &people(&[]), "F 06-02T00:00, X 06-03T00:00");
}

#[test]
fn an_interval_contains_its_start_and_not_its_end() {
    let (calendar, people) = (calendar(&[]), people(&[]));
    let who = |t: Timestamp| on_call(&calendar, &people, t).first().map(|place| place.user);
    assert_eq!(who(at("06-02T00:00")), Some(id('X')), "the incoming person in the second of the handoff");
    assert_eq!(who(at("06-02T00:00").plus_secs(-1)), Some(id('A')));
    assert_eq!(who(at("06-03T00:00")), None);
}

#[test]
fn every_claim_is_explained() {
    let calendar = calendar(&[(COVER, 'I', "06-01T00:00 06-02T00:00"), (replace('A'), 'B', "06-01T00:00 06-02T00:00")]);
    let people = people(&[('I', &[])]);
    let claims = explain(&calendar, &people, at("06-01T01:00"));
    let replaced = |place: &Place| place.replaced.map(|(_, from)| from);
    let verdicts: Vec<_> = claims.iter().map(|c| (c.places[0].user, replaced(&c.places[0]), c.verdict)).collect();
    assert_eq!(verdicts, [(id('I'), None, Verdict::Inactive), (id('B'), Some(id('A')), Verdict::OnCall)]);
}
