//! What a feed holds, and what it takes back.

use super::*;
use crate::domain::oncall::testing::{at, empty, letter, people, said, span};
use crate::domain::rotation::Cadence;

/// `who nominal #piece start end` of each event.
fn told(calendar: &Calendar, window: &str) -> Vec<String> {
    let line = |event: &Event| {
        let who: String = event.users.iter().map(|user| letter(*user)).collect();
        let EventKey { nominal, piece, .. } = event.key;
        format!("{who} {} #{piece} {} {}", said(nominal), said(event.span.start), said(event.span.end))
    };
    events(calendar, &people(&[]), span(window)).expect("drawn").iter().map(line).collect()
}

#[test]
fn an_event_is_a_piece_of_a_turn_that_is_known_by_its_own_beginning() {
    let daily = empty("UTC").with_turns("05-01T09:00", Cadence::Days(1), "A B", &[]);
    let covered =
        daily.clone().with_override("D", "06-02T09:00 06-02T10:00").with_override("C", "06-01T12:00 06-01T18:00");
    assert_eq!(
        told(&covered, "06-01T00:00 06-03T09:00"),
        [
            "A 05-31T09:00 #0 05-31T09:00 06-01T09:00",
            "B 06-01T09:00 #0 06-01T09:00 06-01T12:00",
            "C 06-01T12:00 #0 06-01T12:00 06-01T18:00",
            "B 06-01T09:00 #1 06-01T18:00 06-02T09:00",
            "D 06-02T09:00 #0 06-02T09:00 06-02T10:00",
            "A 06-02T09:00 #0 06-02T10:00 06-03T09:00",
        ]
    );
    // What lies before the window is no event of it, and its pieces are counted all the same, however many there are.
    let before = daily
        .with_override("C", "05-31T12:00 05-31T13:00")
        .with_override("C", "05-31T14:00 05-31T15:00")
        .with_override("C", "05-31T20:00 06-01T00:00");
    assert_eq!(told(&before, "06-01T00:00 06-01T09:00"), ["A 05-31T09:00 #3 06-01T00:00 06-01T09:00"]);
}

#[test]
fn entries_lower_layers_and_the_fallback_are_known_by_their_own_beginnings() {
    let calendar = empty("UTC")
        .with_turns("05-25T00:00", Cadence::Weeks(1), "A B", &["Mon-Fri 09:00 17:00"])
        .with_turns("05-30T00:00", Cadence::Days(3), "D E", &["daily 06:00 22:00"])
        .with_fallback('F')
        .with_entry('H', "06-02T23:00 06-02T23:30")
        .with_entry('G', "06-01T16:00 06-01T18:00");
    assert_eq!(
        told(&calendar, "06-01T05:00 06-02T09:00"),
        [
            "F 05-31T22:00 #0 05-31T22:00 06-01T06:00",
            "D 05-30T00:00 #2 06-01T06:00 06-01T09:00",
            "B 06-01T00:00 #0 06-01T09:00 06-01T16:00",
            "G 06-01T16:00 #0 06-01T16:00 06-01T18:00",
            "D 05-30T00:00 #3 06-01T18:00 06-01T22:00",
            "F 06-01T22:00 #0 06-01T22:00 06-02T06:00",
            "E 06-02T00:00 #0 06-02T06:00 06-02T09:00",
        ]
    );
}

#[test]
fn a_feed_covers_a_month_back_and_half_a_year_ahead_in_whole_days() {
    for now in ["06-15T00:00", "06-15T13:05", "06-15T23:59:59"] {
        let Interval { start, end } = window(at(now));
        assert_eq!(
            (said(day(at(now))), said(start), said(end)),
            ("06-15T00:00".into(), "05-16T00:00".into(), "12-13T00:00".into())
        );
    }
}

/// The pieces of a long turn were counted from where the turn began that had the feed's first instant, so that they were others on
/// another day, and calendars showed every shift twice.
#[test]
fn an_event_is_the_same_on_whatever_day_the_feed_is_fetched() {
    let nights_and_days = empty("UTC")
        .with_turns("05-04T22:00", Cadence::Weeks(1), "A B", &["daily 22:00 06:00"])
        .with_turns("05-10T06:00", Cadence::Days(45), "D E", &["daily 06:00 22:00"]);
    let key_on = |day: i64| {
        let within = window(at("06-01T12:00").plus_secs(day * DAY));
        let events = events(&nights_and_days, &people(&[]), within).expect("drawn");
        events.into_iter().find(|event| event.span.start == at("06-20T06:00")).expect("it lies ahead").key
    };
    let first = key_on(0);
    assert_eq!((said(first.nominal).as_str(), first.piece), ("05-10T06:00", 41));
    for day in 1..19 {
        assert_eq!(key_on(day), first, "on day {day}");
    }
}

fn event(claim: u64, who: &str, when: &str) -> Event {
    use crate::domain::id::EntryId;
    use crate::domain::oncall::testing::id;
    let span = span(when);
    let key = EventKey { claim: Source::Entry(EntryId::new(claim)), nominal: span.start, piece: 0 };
    Event { key, span, users: who.chars().map(id).collect() }
}

/// `claim who` of what was taken back.
fn withdrawn(of: &Publication) -> Vec<(String, String)> {
    let line = |gone: &Withdrawn| {
        let Source::Entry(id) = gone.event.key.claim else { panic!("an entry") };
        (id.number().to_string(), gone.event.users.iter().map(|user| letter(*user)).collect())
    };
    of.withdrawn.iter().map(line).collect()
}

fn expected(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    lines.iter().map(|(claim, who)| ((*claim).to_owned(), (*who).to_owned())).collect()
}

#[test]
fn what_is_gone_before_it_is_over_is_taken_back_for_a_while() {
    let now = at("06-15T12:00");
    let calendar = empty("UTC");
    let given = [
        event(1, "AB", "06-16T00:00 06-17T00:00"),
        event(2, "A", "06-15T00:00 06-15T12:00"),
        event(3, "A", "06-15T00:00 06-15T12:01"),
        event(4, "C", "05-16T00:00 06-20T00:00"),
        event(5, "C", "05-16T00:01 06-20T00:00"),
        event(6, "C", "06-18T00:00 06-19T00:00"),
    ];
    let first = Publication::after(None, &calendar, given.to_vec(), at("06-14T12:00"));
    assert_eq!((first.events.len(), first.withdrawn.len(), first.revision), (6, 0, 1));
    assert_eq!(first.day, at("06-14T00:00"));
    // B lost a turn, 2 is over, 4 fell out at the window's edge, 6 is there still.
    let left = vec![event(1, "A", "06-16T00:00 06-17T00:00"), given[5].clone()];
    let second = Publication::after(Some(&first), &calendar, left.clone(), now);
    assert_eq!(withdrawn(&second), expected(&[("1", "B"), ("3", "A"), ("5", "C")]));
    assert!(second.withdrawn.iter().all(|gone| (gone.at, gone.revision) == (now, 1)));
    // Given back, it is not taken back any more; the rest is shown for fifteen days.
    let mut back = left.clone();
    back.push(given[2].clone());
    let third = Publication::after(Some(&second), &calendar, back.clone(), now.plus_secs(WITHDRAWN_DAYS * DAY - 1));
    assert_eq!(withdrawn(&third), expected(&[("1", "B"), ("5", "C")]));
    let fourth = Publication::after(Some(&third), &calendar, back, now.plus_secs(WITHDRAWN_DAYS * DAY));
    assert_eq!(withdrawn(&fourth), expected(&[]));
}

#[test]
fn a_reader_is_told_once_of_what_is_gone_and_not_of_what_is_there() {
    let gone = |claim, who: &str, when: &str, revision| Withdrawn {
        event: event(claim, who, when),
        at: at("06-01T00:00"),
        revision,
    };
    let publication = Publication {
        schedule: ScheduleId::new(1),
        day: at("06-01T00:00"),
        revision: 9,
        events: vec![],
        withdrawn: vec![
            gone(3, "B", "06-09T00:00 06-10T00:00", 4),
            gone(1, "A", "06-05T00:00 06-06T00:00", 5),
            gone(1, "A", "06-05T00:00 06-07T00:00", 6),
            gone(2, "A", "06-03T00:00 06-04T00:00", 7),
        ],
    };
    let told = |live: &[EventKey], user: Option<char>| -> Vec<u64> {
        let live = live.iter().copied().collect();
        let gone = publication.gone(&live, user.map(crate::domain::oncall::testing::id));
        gone.iter().map(|gone| gone.revision).collect()
    };
    assert_eq!(told(&[], None), [7, 6, 4], "in the order of time, the latest of several");
    assert_eq!(told(&[], Some('A')), [7, 6]);
    assert!(told(&[], Some('C')).is_empty());
    assert_eq!(told(&[publication.withdrawn[3].event.key], None), [6, 4], "it is there again, as somebody else's");
}

#[test]
fn an_event_and_a_link_are_known_by_what_never_changes() {
    use crate::domain::id::{EntryId, ImportId, LayerId, OverrideId};
    let text = |claim| EventKey { claim, nominal: Timestamp::from_second(1_780_000_000), piece: 2 }.text();
    let claims = [
        (Source::Override(OverrideId::new(7)), OverrideId::new(7).to_string()),
        (Source::Entry(EntryId::new(7)), EntryId::new(7).to_string()),
        (Source::Layer(LayerId::new(7)), LayerId::new(7).to_string()),
        (Source::ImportedCover(ImportId::new(7)), ImportId::new(7).to_string()),
        (Source::Fallback, "fallback".to_owned()),
    ];
    for (claim, begins) in claims {
        assert_eq!(text(claim), format!("{begins}-1780000000-2"));
    }
    assert_eq!(FeedOf::Schedule(ScheduleId::new(41)).number(), 41);
    assert_eq!(FeedOf::User(UserId::new(42)).number(), 42);
}
