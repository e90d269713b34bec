//! Precedence and answers, one rule a test.

use super::testing::*;
use super::*;
use crate::domain::id::Id;
use crate::domain::rotation::Cadence::*;

/// A on 06-01, X on 06-02, as normal entries.
fn two_entries() -> Calendar {
    empty("UTC").with_entry('A', "06-01T00:00 06-02T00:00").with_entry('X', "06-02T00:00 06-03T00:00")
}

const RANGE: &str = "06-01T00:00 06-03T00:00";

fn check(calendar: &Calendar, people: &People, expected: &str) {
    assert_eq!(rendered(calendar, people, RANGE), expected);
}

#[test]
fn a_replacement_fills_no_gap_and_a_cover_does() {
    let calendar = empty("UTC")
        .with_entry('A', "06-01T00:00 06-02T00:00")
        .with_override("A>B", "06-01T12:00 06-03T00:00")
        .with_override("C", "06-02T06:00 06-02T07:00");
    let expected = "A 06-01T00:00, B 06-01T12:00, - 06-02T00:00, C 06-02T06:00, - 06-02T07:00";
    check(&calendar, &people(&[]), expected);
}

#[test]
fn somebody_inactive_can_be_replaced() {
    let calendar = two_entries().with_override("A>B", "06-01T12:00 06-02T12:00");
    let people = people(&[('A', &[])]);
    check(&calendar, &people, "- 06-01T00:00, B 06-01T12:00, X 06-02T00:00");
}

#[test]
fn a_cover_gives_way_to_a_newer_replacement_of_its_user() {
    let day = "06-01T00:00 06-02T00:00";
    let newer = two_entries().with_override("B", day).with_override("B>C", day);
    check(&newer, &people(&[]), "C 06-01T00:00, X 06-02T00:00");
    let older = two_entries().with_override("B>C", day).with_override("B", day);
    check(&older, &people(&[]), "B 06-01T00:00, X 06-02T00:00");
}

#[test]
fn the_fallback_has_what_nobody_else_claims() {
    let calendar = empty("UTC").with_entry('X', "06-02T00:00 06-03T00:00").with_fallback('F');
    check(&calendar, &people(&[]), "F 06-01T00:00, X 06-02T00:00");
    let segments = final_schedule(&calendar, &people(&[]), at("06-01T00:00"), at("06-03T00:00")).expect("drawn");
    assert_eq!(segments.iter().map(|s| s.fallback).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_slot_of_several_puts_each_active_one_on_call_once() {
    let calendar =
        empty("UTC").with_turns("06-01T00:00", Days(1), "ABC DB", &[]).with_override("C>A", "06-01T12:00 06-02T12:00");
    check(&calendar, &people(&[]), "ABC 06-01T00:00, AB 06-01T12:00, DB 06-02T00:00");
    check(&calendar, &people(&[('B', &[])]), "AC 06-01T00:00, A 06-01T12:00, D 06-02T00:00");
}

#[test]
fn an_interval_contains_its_start_and_not_its_end() {
    let (calendar, people) = (two_entries(), people(&[]));
    assert_eq!(who(&calendar, &people, "06-02T00:00"), "X", "the incoming person in the second of the handoff");
    assert_eq!(who(&calendar, &people, "06-01T23:59:59"), "A");
    assert_eq!(who(&calendar, &people, "06-03T00:00"), "-");
}

/// Slots A and B by the day, from 06-02 noon on C and D by 12 hours.
fn two_versions() -> Turns {
    let first = version("06-01T00:00", Days(1), "A B", &[]);
    let mut second = version("06-02T06:00", Hours(12), "C D", &[]);
    second.effective_from = at("06-02T12:00");
    Turns::Rotation(vec![first, second])
}

#[test]
fn a_new_version_cuts_the_turn_that_runs() {
    let calendar = empty("UTC").with_layer(two_versions(), None);
    check(&calendar, &people(&[]), "A 06-01T00:00, B 06-02T00:00, C 06-02T12:00, D 06-02T18:00");
    let claims = explain(&calendar, &people(&[]), at("06-02T01:00"));
    let turn = claims[0].turn.expect("it has begun");
    assert_eq!((turn.index, said(turn.start), said(turn.end)), (1, "06-02T00:00".into(), "06-02T12:00".into()));
}

#[test]
fn the_first_version_counts_from_its_anchor_whenever_it_was_made() {
    let mut late = version("05-31T00:00", Days(1), "A B", &[]);
    late.effective_from = at("06-02T10:00");
    let calendar = empty("UTC").with_layer(Turns::Rotation(vec![late]), None);
    check(&calendar, &people(&[]), "B 06-01T00:00, A 06-02T00:00");
}

#[test]
fn a_version_whose_anchor_lies_ahead_claims_nothing_until_then() {
    let first = version("06-01T00:00", Days(1), "A", &[]);
    let mut second = version("06-02T06:00", Days(1), "B", &[]);
    second.effective_from = at("06-01T12:00");
    let calendar = empty("UTC").with_layer(Turns::Rotation(vec![first, second]), None);
    check(&calendar, &people(&[]), "A 06-01T00:00, - 06-01T12:00, B 06-02T06:00");
    let claims = explain(&calendar, &people(&[]), at("06-01T13:00"));
    assert_eq!(claims[0].verdict, Verdict::BeforeAnchor);
}

#[test]
fn imported_events_act_as_a_layer_or_as_covers() {
    let events = [("A", "06-01T00:00 06-01T12:00"), ("", "06-01T12:00 06-01T18:00"), ("BC", "06-01T10:00 06-01T14:00")];
    let layer = empty("UTC").with_layer(Turns::Imported(ImportId::new(5)), None).with_import(5, &events);
    let expected = "A 06-01T00:00, ABC 06-01T10:00, BC 06-01T12:00, - 06-01T14:00, - 06-01T18:00";
    check(&layer, &people(&[]), expected);
    let segments = final_schedule(&layer, &people(&[]), at("06-01T14:00"), at("06-02T00:00")).expect("drawn");
    let reasons: Vec<_> = segments.iter().filter_map(|segment| segment.gap).collect();
    assert_eq!(reasons, [GapReason::Unmatched, GapReason::NoClaim]);

    let around = [("A", "06-01T00:00 06-02T12:00"), ("B", "06-01T06:00 06-01T07:00"), ("C", "06-01T08:00 06-01T09:00")];
    let layer = empty("UTC").with_layer(Turns::Imported(ImportId::new(5)), None).with_import(5, &around);
    let expected = "A 06-01T00:00, AB 06-01T06:00, A 06-01T07:00, AC 06-01T08:00, A 06-01T09:00, - 06-02T12:00";
    check(&layer, &people(&[]), expected);

    let mut covers = two_entries().with_import(5, &[("C", "06-01T06:00 06-01T18:00"), ("", "06-02T06:00 06-02T18:00")]);
    covers.schedule.imported_covers.push(ImportId::new(5));
    let covers = covers.with_override("D", "06-01T12:00 06-01T14:00").with_override("C>E", "06-01T16:00 06-02T00:00");
    let expected = "A 06-01T00:00, C 06-01T06:00, D 06-01T12:00, C 06-01T14:00, E 06-01T16:00, A 06-01T18:00, \
                    X 06-02T00:00";
    check(&covers, &people(&[]), expected);
}

#[test]
fn every_claim_is_explained() {
    let day = "06-01T00:00 06-02T00:00";
    let mut calendar = two_entries()
        .with_turns("06-01T00:00", Days(1), "G", &["daily 09:00 17:00"])
        .with_turns("07-01T00:00", Days(1), "H", &[])
        .with_fallback('F')
        .with_override("I", day)
        .with_override("A>B", day)
        .with_override("C", "06-02T00:00 06-02T12:00");
    calendar.entries[0].recorded_at = at("06-01T02:00");
    let people = people(&[('I', &[])]);
    let told = |when: &str| {
        let claims = explain(&calendar, &people, at(when));
        let who = |claim: &Claim| claim.places.iter().map(|place| letter(place.user)).collect::<String>();
        claims.iter().map(|claim| (who(claim), claim.verdict)).collect::<Vec<_>>()
    };
    let named = |who: &str, verdict| (who.to_owned(), verdict);
    assert_eq!(
        told("06-01T01:00"),
        [
            named("I", Verdict::Inactive),
            named("B", Verdict::OnCall),
            named("", Verdict::OutsideWindows),
            named("", Verdict::BeforeAnchor),
            named("F", Verdict::Shadowed),
        ]
    );
    let claims = explain(&calendar, &people, at("06-01T10:00"));
    assert_eq!(claims[1].places[0].replaced, Some((OverrideId::new(101), id('A'))));
    assert!(!claims[1].recorded_afterwards, "it was known by then");
    assert!(explain(&calendar, &people, at("06-01T01:00"))[1].recorded_afterwards);
    assert_eq!(claims[2].window, Some(span("06-01T09:00 06-01T17:00")));
    assert_eq!(told("06-02T10:00")[0], named("C", Verdict::OnCall));
}

#[test]
fn inactivity_is_told_from_its_last_beginning() {
    let people = people(&[('A', &[("05-01T00:00", Some("05-02T00:00")), ("05-03T00:00", Some("05-04T00:00"))])]);
    let since = |when: &str| inactive_since(&people, id('A'), at(when)).map(said);
    assert_eq!(since("05-05T00:00").as_deref(), Some("05-04T00:00"));
    assert_eq!(since("05-02T12:00").as_deref(), Some("05-02T00:00"));
    assert_eq!(since("05-01T12:00"), None);
}

#[test]
fn an_answer_is_the_longest_run_by_any_claim() {
    let calendar = empty("UTC")
        .with_turns("06-01T00:00", Days(1), "A B C", &[])
        .with_entry('A', "06-02T00:00 06-02T06:00")
        .with_override("A", "05-31T22:00 06-01T01:00");
    let (people, told) = (people(&[]), |on_call: &OnCall| {
        let next: String = on_call.next.iter().map(|user| letter(*user)).collect();
        (letter(on_call.place.user), said(on_call.since), said(on_call.until), on_call.open_ended, next)
    });
    let found = answer(&calendar, &people, at("06-01T12:00"));
    assert_eq!(
        found.iter().map(told).collect::<Vec<_>>(),
        [('A', "05-31T22:00".into(), "06-02T06:00".into(), false, "B".into())]
    );

    let always = empty("UTC").with_turns("05-01T09:00", Weeks(1), "AB AC", &[]);
    let found = answer(&always, &people, at("05-20T09:00"));
    assert_eq!(
        found.iter().map(told).collect::<Vec<_>>(),
        [
            ('A', "05-01T09:00".into(), said(at("05-20T09:00").plus_secs(400 * 86_400)), true, String::new()),
            ('B', "05-15T09:00".into(), "05-22T09:00".into(), false, "AC".into()),
        ]
    );
    assert!(answer(&always, &people, at("04-01T00:00")).is_empty());
}

#[test]
fn segments_say_whether_the_range_cut_them() {
    let calendar = empty("UTC").with_turns("06-01T00:00", Days(1), "A B", &[]);
    let cut = |range: &str| {
        let segments = final_schedule(&calendar, &people(&[]), span(range).start, span(range).end).expect("drawn");
        segments.iter().map(|s| (s.clipped_start, s.clipped_end)).collect::<Vec<_>>()
    };
    assert_eq!(cut("06-01T00:00 06-03T00:00"), [(false, false), (false, false)]);
    assert_eq!(cut("06-01T01:00 06-02T23:00"), [(true, false), (false, true)]);
    assert_eq!(cut("06-01T01:00 06-01T02:00"), [(true, true)]);
    assert_eq!(cut("06-01T01:00 06-01T01:00"), []);
}

#[test]
fn the_next_breakpoint_is_the_first_change_of_anything() {
    let calendar = empty("UTC")
        .with_turns("06-01T00:00", Days(1), "A B", &["daily 08:00 20:00"])
        .with_layer(two_versions(), None)
        .with_layer(Turns::Imported(ImportId::new(5)), None)
        .with_import(5, &[("A", "06-01T03:00 06-01T05:00")])
        .with_entry('C', "06-01T10:00 06-01T11:00")
        .with_override("D", "06-01T12:00 06-01T13:00");
    let people = people(&[('A', &[("05-01T00:00", Some("06-01T06:30"))]), ('Z', &[("06-01T00:30", None)])]);
    let mut at = at("05-31T12:00");
    let mut found = Vec::new();
    for _ in 0..11 {
        at = next_breakpoint(&calendar, &people, at).expect("turns have no end");
        found.push(said(at)[6..].to_owned());
    }
    let expected = ["00:00", "03:00", "05:00", "06:30", "08:00", "10:00", "11:00", "12:00", "13:00", "20:00", "00:00"];
    assert_eq!(found, expected, "and nothing of Z, whom nobody names");
    assert_eq!(next_breakpoint(&empty("UTC"), &people, at), None);
}

#[test]
fn a_rotation_that_cannot_be_read_claims_nothing() {
    let mut broken = version("06-01T00:00", Days(1), "A", &[]);
    for cadence in [Cron("every day".into()), Windows(1)] {
        broken.cadence = cadence;
        let calendar = empty("UTC").with_layer(Turns::Rotation(vec![broken.clone()]), None);
        check(&calendar, &people(&[]), "- 06-01T00:00");
    }
    check(&empty("UTC").with_layer(Turns::Rotation(vec![]), None), &people(&[]), "- 06-01T00:00");
}

#[test]
fn a_range_that_is_too_long_or_changes_too_often_is_refused() {
    let calendar = empty("UTC").with_turns("06-01T00:00", Hours(1), "A B", &[]);
    let days = |days: i64| {
        final_schedule(&calendar, &people(&[]), at("06-01T00:00"), at("06-01T00:00").plus_secs(days * 86_400))
    };
    assert_eq!(days(731).map(|segments| segments.len()), Ok(731 * 24));
    let sentence =
        |refused: Result<Vec<Segment>, Refusal>| refused.map_err(|refusal| (refusal.field, refusal.sentence));
    let too_long = "The end must come after the start, within 2 years.".to_owned();
    assert_eq!(sentence(days(732)), Err((Some("to"), too_long)));

    // Ten of them change 240 times a day.
    let mut busy = calendar.clone();
    for minute in 1..10 {
        busy = busy.with_turns(&format!("06-01T00:{:02}", minute * 5), Hours(1), "A B", &[]);
    }
    let year =
        |days: i64| final_schedule(&busy, &people(&[]), at("06-01T00:00"), at("06-01T00:00").plus_secs(days * 86_400));
    assert!(year(400).is_ok(), "96,000 changes");
    let too_often = "This schedule changes more than 100,000 times from there to there. Ask for a shorter time.";
    assert_eq!(sentence(year(430)), Err((Some("to"), too_often.to_owned())));
    assert_eq!(next_cover(&busy, &people(&[]), at("05-01T00:00")).map(|(at, _)| at), Some(at("06-01T00:00")));
}

#[test]
fn what_was_entered_later_did_not_count_then() {
    let mut calendar = two_entries().with_override("B", "06-01T06:00 06-01T18:00");
    let noon = at("06-01T12:00");
    let later = |calendar: &Calendar| -> Vec<bool> {
        explain(calendar, &people(&[]), noon).iter().map(|claim| claim.recorded_afterwards).collect()
    };
    for (recorded, expected) in [("06-01T11:59:59", false), ("06-01T12:00", false), ("06-01T12:00:01", true)] {
        calendar.entries[0].recorded_at = at(recorded);
        calendar.overrides[0].recorded_at = at(recorded);
        assert_eq!(later(&calendar), [expected, expected], "{recorded}");
    }
}

#[test]
fn somebody_is_inactive_since_the_last_time_they_left() {
    let spans: Spans<'_> = &[("05-01T00:00", Some("05-10T00:00")), ("05-20T00:00", Some("06-01T00:00"))];
    let people = people(&[('A', spans)]);
    let since = |when: &str| inactive_since(&people, id('A'), at(when)).map(said);
    assert_eq!(since("05-10T00:00").as_deref(), Some("05-10T00:00"));
    assert_eq!(since("05-15T00:00").as_deref(), Some("05-10T00:00"));
    assert_eq!(since("06-02T00:00").as_deref(), Some("06-01T00:00"));
    assert_eq!((since("05-25T00:00"), since("04-01T00:00")), (None, None), "active, and not there yet");
}

#[test]
fn nothing_lies_before_the_first_instant_or_after_the_last() {
    let calendar = empty("UTC").with_fallback('F');
    let ends = |start: Timestamp, end: Timestamp| {
        let segments = final_schedule(&calendar, &people(&[]), start, end).expect("drawn");
        (segments[0].clipped_start, segments[segments.len() - 1].clipped_end)
    };
    let (first, last) = (Timestamp::MIN, Timestamp::MAX);
    assert_eq!(ends(first, first.plus_secs(100)), (false, true));
    assert_eq!(ends(first.plus_secs(1), first.plus_secs(100)), (true, true));
    assert_eq!(ends(last.plus_secs(-100), last), (true, false));
}

#[test]
fn a_claim_has_its_word() {
    use crate::domain::id::{EntryId, ImportId, OverrideId};
    let claims = [
        Source::Override(OverrideId::new(1)),
        Source::Entry(EntryId::new(1)),
        Source::Layer(LayerId::new(1)),
        Source::ImportedCover(ImportId::new(1)),
        Source::Fallback,
    ];
    assert_eq!(claims.map(Source::word), ["override", "normal entry", "rotation", "imported calendar", "fallback"]);
}
