//! Who is on call: one pure function for the pager, the pages and the API alike.
//!
//! A schedule at an instant is a list of *claims*, highest first: overrides, the newest in front; the normal entry; the
//! layers, top to bottom; the fallback. The first claim that names somebody active wins; an inactive person's claim falls
//! through to the next, and nobody else moves. The answer can explain itself: [`explain`] gives every claim with its
//! verdict.

use crate::domain::entry::{Entry, Interval, Override, OverrideMode};
use crate::domain::id::{EntryId, ImportId, LayerId, OverrideId, UserId};
use crate::domain::schedule::Schedule;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everybody a decision may have to name, by id.
pub type People = BTreeMap<UserId, User>;

/// A schedule with the entries and overrides that matter for the question; more of them never change the answer.
#[derive(Clone, Debug)]
pub struct Calendar {
    pub schedule: Schedule,
    pub entries: Vec<Entry>,
    pub overrides: Vec<Override>,
    /// What each calendar from elsewhere says, in the order of time.
    pub imported: BTreeMap<ImportId, Vec<ImportedShift>>,
}

/// One event of a calendar from elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImportedShift {
    pub span: Interval,
    /// Whom it names among our users; nobody if none matches.
    pub users: Vec<UserId>,
    /// Its summary, or the address that matched nobody: what a gap says.
    pub text: String,
}

/// What can claim a stretch of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Source {
    Override(OverrideId),
    Entry(EntryId),
    Fallback,
    Layer(LayerId),
    /// An event of an imported calendar that acts as a cover.
    ImportedCover(ImportId),
}

impl Source {
    pub fn word(self) -> &'static str {
        match self {
            Source::Override(_) => "override",
            Source::Entry(_) => "normal entry",
            Source::Layer(_) => "rotation",
            Source::ImportedCover(_) => "imported calendar",
            Source::Fallback => "fallback",
        }
    }
}

/// One person on call, and why: what a page keeps of the decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Place {
    pub user: UserId,
    /// The claim that won.
    pub claim: Source,
    /// A replacing override put `user` where this person would be.
    pub replaced: Option<(OverrideId, UserId)>,
}

/// One claim on an instant, with what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    pub source: Source,
    /// In the order of the slot; inactive people included.
    pub places: Vec<Place>,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    OnCall,
    /// A higher claim has the place.
    Shadowed,
    /// All its people are deactivated; the claim falls through.
    Inactive,
    /// The layer is not on duty at this time.
    OutsideWindows,
    /// The rotation has not begun.
    BeforeAnchor,
    /// The imported calendar names somebody who is none of our users.
    Unmatched,
}

/// The people of the winning claim, in the order of its slot, each once; empty when nobody is on call.
pub fn on_call(calendar: &Calendar, people: &People, at: Timestamp) -> Vec<Place> {
    let claims = explain(calendar, people, at);
    let winner = claims.into_iter().find(|claim| claim.verdict == Verdict::OnCall);
    let mut places = winner.map(|claim| claim.places).unwrap_or_default();
    places.retain(|place| is_active(people, place.user, at));
    places
}

fn is_active(people: &People, user: UserId, at: Timestamp) -> bool {
    people.get(&user).is_some_and(|user| user.is_active_at(at))
}

/// Every claim on the instant, highest first. An override whose own user is inactive is listed first as inactive; it
/// blocks nothing.
pub fn explain(calendar: &Calendar, people: &People, at: Timestamp) -> Vec<Claim> {
    let entry = calendar.entries.iter().find(|entry| entry.span.contains(at));
    let mut claims: Vec<Claim> = Vec::new();
    let claim = |user, source| Claim {
        source,
        places: vec![Place { user, claim: source, replaced: None }],
        verdict: Verdict::Shadowed,
    };
    claims.extend(entry.map(|entry| claim(entry.user, Source::Entry(entry.id))));
    claims.extend(calendar.schedule.fallback.map(|user| claim(user, Source::Fallback)));

    let mut overrides: Vec<&Override> = calendar.overrides.iter().filter(|o| o.span.contains(at)).collect();
    overrides.sort_by_key(|o| o.id);
    let mut ignored = Vec::new();
    for o in overrides {
        if !is_active(people, o.user, at) {
            ignored.push(claim(o.user, Source::Override(o.id)));
            continue;
        }
        match o.mode {
            OverrideMode::Cover => claims.insert(0, claim(o.user, Source::Override(o.id))),
            OverrideMode::Replace { from } => {
                for place in claims.iter_mut().flat_map(|claim| &mut claim.places).filter(|place| place.user == from) {
                    *place = Place { user: o.user, replaced: Some((o.id, from)), ..*place };
                }
            }
        }
    }
    claims.splice(0..0, ignored);

    let mut taken = false;
    for claim in &mut claims {
        if !claim.places.iter().any(|place| is_active(people, place.user, at)) {
            claim.verdict = Verdict::Inactive;
        } else if !taken {
            taken = true;
            claim.verdict = Verdict::OnCall;
        }
    }
    claims
}

/// The first instant after `at` at which the answer may differ: an entry or override begins or ends, somebody's
/// activity does. `None` when nothing known lies ahead.
pub fn next_breakpoint(calendar: &Calendar, people: &People, at: Timestamp) -> Option<Timestamp> {
    let entries = calendar.entries.iter().flat_map(|entry| [entry.span.start, entry.span.end]);
    let overrides = calendar.overrides.iter().flat_map(|o| [o.span.start, o.span.end]);
    let activity =
        people.values().flat_map(|user| &user.activity).flat_map(|span| [Some(span.from), span.to]).flatten();
    entries.chain(overrides).chain(activity).filter(|point| *point > at).min()
}

/// A stretch of time with one answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    pub start: Timestamp,
    pub end: Timestamp,
    /// Empty is a gap: nobody is on call.
    pub places: Vec<Place>,
}

/// The schedule as it comes out between two instants, without holes: segments partition `[start, end)`, and
/// neighbours differ in person or source.
pub fn final_schedule(calendar: &Calendar, people: &People, start: Timestamp, end: Timestamp) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut at = start;
    while at < end {
        let until = next_breakpoint(calendar, people, at).map_or(end, |point| point.min(end));
        let places = on_call(calendar, people, at);
        match segments.last_mut() {
            Some(last) if last.places == places => last.end = until,
            _ => segments.push(Segment { start: at, end: until, places }),
        }
        at = until;
    }
    segments
}

#[cfg(test)]
mod tests {
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
        let calendar =
            calendar(&[(COVER, 'I', "06-01T00:00 06-02T00:00"), (replace('A'), 'B', "06-01T00:00 06-02T00:00")]);
        let people = people(&[('I', &[])]);
        let claims = explain(&calendar, &people, at("06-01T01:00"));
        let replaced = |place: &Place| place.replaced.map(|(_, from)| from);
        let verdicts: Vec<_> = claims.iter().map(|c| (c.places[0].user, replaced(&c.places[0]), c.verdict)).collect();
        assert_eq!(verdicts, [(id('I'), None, Verdict::Inactive), (id('B'), Some(id('A')), Verdict::OnCall)]);
    }
}
