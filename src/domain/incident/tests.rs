//! Decisions about one incident, by people and by time; what they look like over a night is in `tests/scenarios`.

use super::testing::*;
use super::*;
use crate::domain::actor::By;
use crate::domain::alert_source::UrgencyRule;
use crate::domain::effect::{Due, Effect, Reason, TimerKind, Transition};
use crate::domain::escalation::Context;
use crate::domain::id::Id;
use crate::domain::policy::Recipient;
use crate::domain::timeline::Happened;

const SYSTEM: By = By::SYSTEM;

#[test]
fn a_source_that_acknowledges_again_changes_nothing() {
    let source = || Taker::Source(Some("Zoe".to_owned()));
    let taken = acknowledge(&climbing(), source(), &context(), minute(1), SYSTEM).expect("not refused");
    let taken = taken.expect("it was triggered").incident;
    assert_eq!((taken.status, taken.version), (Status::Acknowledged, 8));
    assert_eq!(acknowledge(&taken, source(), &context(), minute(2), SYSTEM), Ok(None));
    let by_bo = acknowledge(&taken, Taker::Person(id(BO)), &context(), minute(2), by(BO)).expect("not refused");
    assert_eq!(by_bo.expect("he had not taken it").incident.ackers, [id(BO)]);
}

#[test]
fn whoever_acknowledges_as_well_waits_as_the_policy_says_by_now() {
    let taken = Incident { status: Status::Acknowledged, ackers: vec![id(ANA)], ..climbing() };
    let until = [(TimerKind::AckTimeout, Due::At(minute(32)))];
    for (ack_timeout_minutes, expected) in [(Some(30), &until[..]), (None, &[])] {
        let mut context = context();
        context.policy.ack_timeout_minutes = ack_timeout_minutes;
        let by_bo = acknowledge(&taken, Taker::Person(id(BO)), &context, minute(2), by(BO)).expect("not refused");
        assert_eq!(timers(&by_bo.expect("he had not taken it")), Some(expected), "{ack_timeout_minutes:?}");
    }
}

#[test]
fn a_nap_lies_ahead_and_lasts_seven_days_at_most() {
    let week = SNOOZE_MINUTES;
    for (until, is_possible) in [(0, false), (1, true), (week, true), (week + 1, false)] {
        let done = snooze(&climbing(), minute(until), id(ANA), &context(), minute(0), by(ANA));
        assert_eq!(done.is_ok(), is_possible, "{until} minutes");
    }
}

const SNOOZE_MINUTES: i64 = deeds::SNOOZE_AT_MOST_MINUTES;

#[test]
fn an_incident_is_handed_to_one_to_ten_people() {
    let mut context = context();
    for number in 20..31 {
        context.people.insert(id(number), person(number, crate::domain::access::Role::Responder));
    }
    for (count, is_possible) in [(0, false), (1, true), (10, true), (11, false)] {
        let users: Vec<UserId> = (20..20 + count).map(id).collect();
        let done = hand_over(&climbing(), &users, &context, minute(1), by(BO));
        assert_eq!(done.is_ok(), is_possible, "{count} people");
        if let Ok(handed) = done {
            assert_eq!(paged(&handed), users);
        }
    }
    let twice = hand_over(&climbing(), &[id(20), id(20)], &context, minute(1), by(BO)).expect("one person");
    assert_eq!(paged(&twice), [id(20)]);
}

#[test]
fn reopening_is_counted_and_each_one_climbs_from_the_bottom() {
    let mut open = climbing();
    for times in 1..=3 {
        let closed = resolve(&open, &context(), minute(2), by(ANA)).expect("it was open").incident;
        let reopened = reopen(&closed, None, &context(), minute(3), by(ANA)).expect("not refused");
        open = reopened.expect("it was resolved").incident;
        assert_eq!((open.reopen_count, open.ladder.run, open.ladder.level), (times, times, Some(1)));
        assert_eq!(open.version, 7 + 2 * u64::from(times));
    }
}

fn fired(incident: &Incident, kind: TimerKind, now: i64) -> Option<Transition> {
    on_timer(incident, kind, incident.generation, &context(), minute(now))
}

#[test]
fn a_timer_is_one_step_and_one_version() {
    let next = fired(&climbing(), TimerKind::Next, 5).expect("its time is over");
    assert_eq!((next.incident.ladder.level, next.incident.version, paged(&next)), (Some(2), 8, vec![id(BO)]));
    assert_eq!(timers(&next), Some(&[(TimerKind::Next, Due::At(minute(15)))][..]));
    assert_eq!(on_timer(&climbing(), TimerKind::Next, 2, &context(), minute(5)), None, "armed before the last change");
    assert_eq!(fired(&climbing(), TimerKind::AckTimeout, 5), None, "of no state it is in");
}

#[test]
fn a_newcomer_after_the_levels_time_is_left_to_the_next_level() {
    let step = |now| fired(&climbing(), TimerKind::Follow, now).expect("it climbs").incident.ladder.level;
    assert_eq!([step(4), step(5), step(6)], [Some(1), Some(2), Some(2)]);
}

#[test]
fn looking_again_is_a_version_only_if_something_came_of_it() {
    let version = |context: &Context, incident: &Incident| {
        recheck(incident, context, minute(1), SYSTEM).map(|transition| transition.incident.version)
    };
    assert_eq!(version(&context(), &climbing()), Some(7), "the timers are counted again, and nothing else");
    assert_eq!(version(&context(), &incident(Status::Acknowledged)), None);
    let mut with_bo = context();
    with_bo.policy.levels[0].recipients.push(Recipient::User(id(BO)));
    assert_eq!(version(&with_bo, &climbing()), Some(8), "Bo was paged");
    // The incident is what it was, and its timeline says more: still held, by a window that was lengthened.
    let window = MaintenanceId::new(4);
    let mut in_window = context();
    in_window.hold = Some((window, minute(60)));
    let held = Incident { hold: Some(Hold::Maintenance(window)), ..climbing() };
    let mut held_before = held.clone();
    held_before.ladder.phase = Phase::Held;
    assert_eq!(version(&in_window, &held_before), Some(7));
    let mut other_window = in_window.clone();
    other_window.hold = Some((MaintenanceId::new(5), minute(60)));
    assert_eq!(version(&other_window, &held_before), Some(8));
    let said = |held: &Incident, context: &Context| {
        let looked = recheck(held, context, minute(1), SYSTEM).expect("it waits");
        looked.log.iter().filter(|(_, what)| matches!(what, Happened::Held { .. })).count()
    };
    assert_eq!((said(&held_before, &in_window), said(&held_before, &other_window)), (0, 1), "told once of each window");
    // Nobody can be paged any more, as before: said once more, since the reasons are others.
    let mut nobody = context();
    for user in [ANA, BO] {
        nobody.people.remove(&id(user));
    }
    let mut uncovered = climbing();
    uncovered.ladder.phase = Phase::NoCoverage;
    uncovered.ladder.paged = vec![id(ROOT)];
    assert_eq!(version(&nobody, &uncovered), Some(7), "it waits as before");
}

#[test]
fn an_edited_source_takes_its_incidents_along() {
    let check = |incident: &Incident, moved, rules_changed, context: &Context| {
        follow_source(incident, moved, rules_changed, context, minute(1), SYSTEM)
    };
    let mut elsewhere = context();
    elsewhere.policy.id = PolicyId::new(2);
    let moved = check(&climbing(), true, false, &elsewhere).expect("it moves");
    assert_eq!((moved.incident.policy, moved.incident.version), (PolicyId::new(2), 8));
    assert!(matches!(moved.log[..], [(_, Happened::PolicyChanged { .. })]));
    assert_eq!(check(&climbing(), true, false, &context()), None, "it is there already");
    assert_eq!(check(&climbing(), false, false, &elsewhere), None, "given away by hand, it does not follow");

    let mut quiet = context();
    quiet.source.urgency = UrgencyRule::AlwaysLow;
    let milder = check(&climbing(), false, false, &quiet).expect("it is paged by other rules");
    assert_eq!((milder.incident.urgency, milder.incident.version, timers(&milder)), (Urgency::Low, 8, None));

    let mut silence = context();
    silence.source.auto_resolve_minutes = Some(30);
    let measured = check(&climbing(), false, true, &silence).expect("silence counts from now");
    let expected = [(TimerKind::Next, Due::Kept), (TimerKind::AutoResolve, Due::At(minute(31)))];
    assert_eq!(timers(&measured), Some(&expected[..]));
    assert_eq!(check(&climbing(), false, false, &silence), None);
    assert_eq!(check(&incident(Status::Acknowledged), false, true, &silence), None, "silence ends nothing taken");
}

#[test]
fn after_a_restore_an_open_incident_waits_until_somebody_has_looked() {
    let held = hold_after_restore(&climbing(), &context(), minute(1), SYSTEM).expect("it is open");
    assert_eq!((held.incident.version, held.incident.hold), (8, Some(Hold::Restore)));
    assert_eq!(timers(&held), Some(&[(TimerKind::Hold, Due::At(minute(16)))][..]));
    for status in [Status::Acknowledged, Status::Resolved] {
        assert_eq!(hold_after_restore(&incident(status), &context(), minute(1), SYSTEM), None);
    }
    let resumed = resume_after_restore(&held.incident, &context(), minute(2), by(ROOT)).expect("a restore holds it");
    assert_eq!((resumed.incident.version, resumed.incident.hold), (9, None));
    assert_eq!((resumed.incident.ladder.level, paged(&resumed)), (Some(1), vec![id(ANA)]));

    let resume = |incident: &Incident| resume_after_restore(incident, &context(), minute(2), by(ROOT));
    assert_eq!(resume(&climbing()), None, "nothing holds it");
    let in_window = Incident { hold: Some(Hold::Maintenance(MaintenanceId::new(1))), ..climbing() };
    assert_eq!(resume(&in_window), None, "a window holds it");
    let taken = Incident { hold: Some(Hold::Restore), ..incident(Status::Acknowledged) };
    assert_eq!(resume(&taken), None, "somebody has it");
}

#[test]
fn an_incident_concerns_whoever_has_it_or_was_paged_while_it_is_open() {
    let handed = Incident { assignee: Some(id(BO)), ..climbing() };
    assert_eq!([ANA, BO, ROOT].map(|number| concerns(&handed, id(number))), [true, true, false]);
    let over = Incident { status: Status::Resolved, ..handed };
    assert_eq!([ANA, BO, ROOT].map(|number| concerns(&over, id(number))), [false; 3]);
}

#[test]
fn a_rise_is_paged_by_the_rules_of_what_it_is_now() {
    use crate::domain::event::{Action, Order};
    let event = Event {
        action: Action::Trigger,
        external_id: "disk-db1".to_owned(),
        severity: Some(Severity::Critical),
        title: "Disk full".to_owned(),
        details: String::new(),
        labels: BTreeMap::new(),
        links: vec![],
        occurred_at: SenderTime(0),
        order: Order::Arrival,
        actor: None,
        warnings: vec![],
    };
    let mild = Incident { severity: Severity::Info, urgency: Urgency::Low, ..climbing() };
    let rises = |severity| rise(&mild, &event, severity, &context(), minute(1), SYSTEM);
    let worse = rises(Severity::Critical);
    assert_eq!((worse.incident.severity, worse.incident.urgency), (Severity::Critical, Urgency::High));
    assert_eq!(paged(&worse), [id(ANA)]);
    let changed = |transition: &Transition| {
        transition.log.iter().any(|(_, what)| matches!(what, Happened::SeverityChanged { .. }))
    };
    assert!(changed(&worse) && !changed(&rises(Severity::Info)), "the same severity is no change of it");
}

#[test]
fn what_a_restore_holds_is_not_looked_at_again() {
    let mut held = Incident { hold: Some(Hold::Restore), ..climbing() };
    held.ladder.phase = Phase::Held;
    assert_eq!(recheck(&held, &context(), minute(1), SYSTEM), None, "only time, an alert or a person ends it");
}

#[test]
fn a_level_that_was_deleted_is_waited_out_and_nobody_joins_it() {
    let mut edited = context();
    edited.policy.levels.remove(0);
    let looked = recheck(&climbing(), &edited, minute(1), SYSTEM).expect("its timers are counted anew");
    assert_eq!((paged(&looked), timers(&looked)), (vec![], Some(&[(TimerKind::Next, Due::Kept)][..])));
    // Given to Bo by hand: whoever is on call does not join.
    let mut handed = climbing();
    (handed.ladder.reassigned, handed.ladder.paged) = (true, vec![id(BO)]);
    let followed = fired(&handed, TimerKind::Follow, 1).expect("it climbs");
    assert_eq!((paged(&followed), timers(&followed)), (vec![], Some(&[(TimerKind::Next, Due::At(minute(5)))][..])));
}

#[test]
fn whoever_had_it_is_paged_once_and_only_if_they_can_be() {
    let mut context = context();
    context.policy.ack_timeout_minutes = Some(30);
    let taken = Incident { ackers: vec![id(ANA), id(BO), id(ROOT)], status: Status::Acknowledged, ..climbing() };
    context.people.get_mut(&id(ROOT)).expect("Root").deactivate(minute(10));
    let over = on_timer(&taken, TimerKind::AckTimeout, 3, &context, minute(30)).expect("its time is over");
    let pages: Vec<(UserId, Reason)> = over.effects.iter().filter_map(page_of).collect();
    let level = Some(1);
    assert_eq!(pages, [(id(ANA), Reason::Page { level }), (id(BO), Reason::Page { level: None })]);
}

fn page_of(effect: &Effect) -> Option<(UserId, Reason)> {
    match effect {
        Effect::Notify(notification) => Some((notification.user, notification.reason)),
        _ => None,
    }
}
