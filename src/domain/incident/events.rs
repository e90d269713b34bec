//! What its alert source says about an incident: triggers, repeats, recoveries.

use crate::domain::Severity;
use crate::domain::actor::By;
use crate::domain::alert_source::AlertSource;
use crate::domain::effect::{Due, Effect, TimerKind, Transition};
use crate::domain::escalation::Context;
use crate::domain::event::{Action, Event, Order, SenderTime};
use crate::domain::id::IncidentId;
use crate::domain::incident::deeds::{close, take_back};
use crate::domain::incident::{Hold, Incident, Ladder, Phase, Recovery, Status};
use crate::domain::time::Timestamp;
use crate::domain::timeline::Happened;
use crate::domain::turn::Turn;
use crate::planted;

/// How long after a recovery a late trigger may still be recognised as stale.
const STALE_WITHIN_SECS: i64 = 300;

/// What an event means, given the open incident of its alert and the last closed one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    Open,
    /// Counted; nobody is paged and no timer moves.
    Repeat,
    /// As a repeat, and worse than ever before: climb anew.
    Rise,
    /// As a repeat, and a hold after a restore ends: the alert is there for sure.
    Revive,
    Acknowledge,
    Resolve,
    /// A recovery or acknowledgement without anything to act on, or a repeated one.
    Nothing,
    /// A trigger that tells nothing newer than the recovery it comes after.
    StaleTrigger,
    /// A recovery from before the open incident's last trigger.
    StaleRecovery,
}

pub fn meaning(
    event: &Event,
    severity: Severity,
    open: Option<&Incident>,
    closed: Option<&Incident>,
    now: Timestamp,
) -> Meaning {
    match (event.action, open) {
        (Action::Trigger, None) if is_stale(event, closed, now) => Meaning::StaleTrigger,
        (Action::Trigger, None) => Meaning::Open,
        (Action::Trigger, Some(incident)) if severity > incident.severity.max(incident.severity_reported) => {
            Meaning::Rise
        }
        (Action::Trigger, Some(incident)) if incident.hold == Some(Hold::Restore) => Meaning::Revive,
        (Action::Trigger, Some(_)) => Meaning::Repeat,
        (Action::Acknowledge, Some(incident)) if incident.status == Status::Triggered => Meaning::Acknowledge,
        (Action::Resolve, Some(incident)) if is_before_last_trigger(event, incident) => Meaning::StaleRecovery,
        (Action::Resolve, Some(_)) => Meaning::Resolve,
        (Action::Acknowledge | Action::Resolve, _) => Meaning::Nothing,
    }
}

fn is_stale(event: &Event, closed: Option<&Incident>, now: Timestamp) -> bool {
    let Some(recovery) = closed.and_then(|incident| incident.recovery.as_ref()) else { return false };
    if now.secs_since(recovery.received_at) > STALE_WITHIN_SECS {
        return false;
    }
    match &event.order {
        Order::Arrival => false,
        Order::Time => event.occurred_at < recovery.occurred_at,
        Order::Alerts(firing) => !firing.is_empty() && firing.iter().all(|pair| recovery.closed.contains(pair)),
    }
}

fn is_before_last_trigger(event: &Event, incident: &Incident) -> bool {
    event.order != Order::Arrival && incident.last_trigger_at.is_some_and(|last| event.occurred_at < last)
}

/// What is fixed about a new incident besides its first event.
pub struct Opening<'a> {
    pub id: IncidentId,
    pub number: u64,
    pub source: &'a AlertSource,
    pub severity: Severity,
    pub previous: Option<IncidentId>,
    pub is_test: bool,
}

/// A window that holds it ([`Context::hold`]) keeps it silent; else it climbs at once.
pub fn open(event: &Event, opening: Opening<'_>, context: &Context, now: Timestamp, by: By) -> Transition {
    let Opening { id, number, source, severity, previous, is_test } = opening;
    let incident = Incident {
        id,
        number,
        source: source.id,
        team: source.team,
        policy: source.policy,
        external_id: event.external_id.clone(),
        title: event.title.clone(),
        severity,
        severity_reported: severity,
        urgency: source.urgency.of(severity),
        status: Status::Triggered,
        snooze: None,
        hold: None,
        assignee: None,
        ackers: vec![],
        event_count: 1,
        created_at: now,
        last_event_at: now,
        taken_at: None,
        resolved_at: None,
        resolved_by: None,
        previous,
        reopen_count: 0,
        ladder: Ladder::at_the_bottom(0, 0),
        generation: 0,
        timeline_len: 0,
        appended_seq: None,
        last_trigger_at: compared_time(event),
        recovery: None,
        is_test,
        version: 1,
    };
    let mut turn = Turn::new(incident, context, now, by);
    turn.happened(Happened::Created { title: event.title.clone(), severity });
    warn(&mut turn, event);
    turn.count_silence_from_now();
    match context.hold {
        Some((window, until)) => turn.hold(Hold::Maintenance(window), until),
        None => turn.climb(None),
    }
    turn.finish()
}

/// The alert again: counted, and nothing else. Where silence resolves it, silence counts from now.
pub fn repeat(
    incident: &Incident,
    event: &Event,
    severity: Severity,
    auto_resolve_minutes: Option<u16>,
    now: Timestamp,
    by: By,
) -> Transition {
    let mut incident = incident.clone();
    let first_at = if incident.appended_seq.is_some() { incident.last_event_at } else { now };
    count(&mut incident, event, severity, now);
    let mut log = vec![(by, Happened::EventAppended { count: 1, first_at })];
    log.extend(event.warnings.iter().map(|text| (by, Happened::Warning { text: text.clone() })));
    let mut effects = Vec::new();
    if let (Some(minutes), Status::Triggered) = (auto_resolve_minutes, incident.status) {
        incident.generation += 1;
        let kept = incident.waiting_kinds().iter().chain(&[TimerKind::Follow]).map(|kind| (*kind, Due::Kept));
        let mut timers: Vec<(TimerKind, Due)> = kept.collect();
        timers.push((TimerKind::AutoResolve, Due::At(now.plus_minutes(minutes.into()))));
        effects.push(Effect::SetTimers { incident: incident.id, generation: incident.generation, timers });
    }
    Transition { incident, log, effects }
}

/// The alert again, and more than a repeat: worse than before, or the first since a restore. An acknowledgement was of
/// something milder and does not cover it; a maintenance window does.
pub fn rise(
    incident: &Incident,
    event: &Event,
    severity: Severity,
    context: &Context,
    now: Timestamp,
    by: By,
) -> Transition {
    let mut turn = Turn::new(incident.clone(), context, now, by);
    count(&mut turn.incident, event, severity, now);
    if severity > incident.severity {
        turn.happened(Happened::SeverityChanged { from: incident.severity, to: severity });
        turn.incident.severity = severity;
        turn.incident.urgency = context.source.urgency.of(severity);
    }
    warn(&mut turn, event);
    turn.count_silence_from_now();
    match (incident.status, incident.ladder.phase, incident.hold) {
        _ if planted::is("rise_is_silent") => {}
        (Status::Acknowledged, ..) => take_back(&mut turn),
        (_, Phase::Held, Some(Hold::Restore)) => turn.end_hold(),
        (_, Phase::Held, _) => {}
        _ => turn.reenter(),
    }
    turn.finish()
}

/// The source says that it is over. `None`: it is resolved already.
pub fn recover(incident: &Incident, event: &Event, context: &Context, now: Timestamp, by: By) -> Option<Transition> {
    let mut turn = close(incident, context, now, by, Happened::Resolved { by_source: true })?;
    turn.incident.recovery = Some(Recovery {
        received_at: now,
        occurred_at: event.occurred_at,
        closed: match &event.order {
            Order::Alerts(closed) => closed.clone(),
            Order::Arrival | Order::Time => vec![],
        },
    });
    warn(&mut turn, event);
    Some(turn.finish())
}

fn count(incident: &mut Incident, event: &Event, severity: Severity, now: Timestamp) {
    incident.event_count += 1;
    incident.last_event_at = now;
    incident.last_trigger_at = incident.last_trigger_at.max(compared_time(event));
    incident.severity_reported = incident.severity_reported.max(severity);
    incident.version += 1;
}

fn compared_time(event: &Event) -> Option<SenderTime> {
    (event.order != Order::Arrival).then_some(event.occurred_at)
}

fn warn(turn: &mut Turn<'_>, event: &Event) {
    for text in &event.warnings {
        turn.happened(Happened::Warning { text: text.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::AlertPair;
    use crate::domain::incident::testing;
    use std::collections::BTreeMap;

    fn event(action: Action, order: Order, occurred_at: i64) -> Event {
        Event {
            action,
            external_id: "disk-db1".to_owned(),
            severity: None,
            title: "Disk full".to_owned(),
            details: String::new(),
            labels: BTreeMap::new(),
            links: vec![],
            occurred_at: SenderTime(occurred_at),
            order,
            actor: None,
            warnings: vec![],
        }
    }

    fn incident(status: Status) -> Incident {
        Incident { last_trigger_at: Some(SenderTime(50)), ..testing::incident(status) }
    }

    const NOW: Timestamp = Timestamp::MIN;

    fn pair(fingerprint: &str) -> AlertPair {
        AlertPair { fingerprint: fingerprint.to_owned(), starts_at: SenderTime(10) }
    }

    #[test]
    fn an_event_means_what_the_open_incident_makes_of_it() {
        use Status::*;
        let table = [
            (Action::Trigger, Severity::Error, None, Meaning::Open),
            (Action::Trigger, Severity::Warning, Some(Triggered), Meaning::Repeat),
            (Action::Trigger, Severity::Info, Some(Acknowledged), Meaning::Repeat),
            (Action::Trigger, Severity::Error, Some(Triggered), Meaning::Rise),
            (Action::Trigger, Severity::Critical, Some(Acknowledged), Meaning::Rise),
            (Action::Acknowledge, Severity::Error, None, Meaning::Nothing),
            (Action::Acknowledge, Severity::Error, Some(Triggered), Meaning::Acknowledge),
            (Action::Acknowledge, Severity::Error, Some(Acknowledged), Meaning::Nothing),
            (Action::Resolve, Severity::Error, None, Meaning::Nothing),
            (Action::Resolve, Severity::Error, Some(Triggered), Meaning::Resolve),
            (Action::Resolve, Severity::Error, Some(Acknowledged), Meaning::Resolve),
        ];
        for (action, severity, status, expected) in table {
            let open = status.map(incident);
            let found = meaning(&event(action, Order::Arrival, 0), severity, open.as_ref(), None, NOW);
            assert_eq!(found, expected, "{action:?} {severity:?} {status:?}");
        }
    }

    #[test]
    fn people_are_overruled_only_by_something_worse_than_ever() {
        let check = |now: Severity, worst: Severity, event_says: Severity, expected: Meaning| {
            let open = Incident { severity: now, severity_reported: worst, ..incident(Status::Triggered) };
            let event = event(Action::Trigger, Order::Arrival, 0);
            assert_eq!(
                meaning(&event, event_says, Some(&open), None, NOW),
                expected,
                "{now:?} {worst:?} {event_says:?}"
            );
        };
        check(Severity::Info, Severity::Error, Severity::Error, Meaning::Repeat);
        check(Severity::Info, Severity::Error, Severity::Critical, Meaning::Rise);
        check(Severity::Critical, Severity::Warning, Severity::Error, Meaning::Repeat);
        check(Severity::Error, Severity::Warning, Severity::Critical, Meaning::Rise);
    }

    #[test]
    fn a_trigger_after_a_restore_is_more_than_a_repeat() {
        let restored = Incident { hold: Some(Hold::Restore), ..incident(Status::Triggered) };
        let event = event(Action::Trigger, Order::Arrival, 0);
        assert_eq!(meaning(&event, Severity::Warning, Some(&restored), None, NOW), Meaning::Revive);
    }

    #[test]
    fn a_late_trigger_is_stale_only_if_it_tells_nothing_newer_than_the_recovery() {
        let closed = |closed: Vec<AlertPair>| Incident {
            recovery: Some(Recovery { received_at: NOW, occurred_at: SenderTime(100), closed }),
            ..incident(Status::Resolved)
        };
        let check = |order: Order, occurred_at: i64, after_secs: i64, expected: Meaning| {
            let closed = closed(vec![pair("a"), pair("b")]);
            let event = event(Action::Trigger, order.clone(), occurred_at);
            let found = meaning(&event, Severity::Error, None, Some(&closed), NOW.plus_secs(after_secs));
            assert_eq!(found, expected, "{order:?} at {occurred_at}, {after_secs} s later");
        };
        check(Order::Time, 99, 1, Meaning::StaleTrigger);
        check(Order::Time, 100, 1, Meaning::Open);
        check(Order::Time, 99, 300, Meaning::StaleTrigger);
        check(Order::Time, 99, 301, Meaning::Open);
        check(Order::Arrival, 1, 1, Meaning::Open);
        check(Order::Alerts(vec![pair("a")]), 1, 1, Meaning::StaleTrigger);
        check(Order::Alerts(vec![pair("a"), pair("c")]), 1, 1, Meaning::Open);
        check(Order::Alerts(vec![]), 1, 1, Meaning::Open);
        let by_person = incident(Status::Resolved);
        let event = event(Action::Trigger, Order::Time, 1);
        let found = meaning(&event, Severity::Error, None, Some(&by_person), NOW);
        assert_eq!(found, Meaning::Open, "a person's resolve never makes a trigger stale");
    }

    #[test]
    fn a_recovery_from_before_the_last_trigger_resolves_nothing() {
        let open = incident(Status::Triggered);
        let check = |order, occurred_at, expected| {
            let event = event(Action::Resolve, order, occurred_at);
            assert_eq!(meaning(&event, Severity::Error, Some(&open), None, NOW), expected, "{event:?}");
        };
        check(Order::Time, 49, Meaning::StaleRecovery);
        check(Order::Time, 50, Meaning::Resolve);
        check(Order::Alerts(vec![]), 49, Meaning::StaleRecovery);
        check(Order::Arrival, 49, Meaning::Resolve);
    }

    #[test]
    fn a_repeat_is_counted_and_starts_the_silence_anew() {
        let now = testing::minute(9);
        let mut said = event(Action::Trigger, Order::Time, 60);
        said.warnings = vec!["cut".to_owned()];
        let again = repeat(&incident(Status::Triggered), &said, Severity::Error, Some(30), now, By::SYSTEM);
        let counted = &again.incident;
        assert_eq!((counted.event_count, counted.version, counted.generation), (2, 8, 4));
        assert_eq!((counted.last_event_at, counted.last_trigger_at), (now, Some(SenderTime(60))));
        assert_eq!(counted.severity_reported, Severity::Error);
        let what: Vec<&Happened> = again.log.iter().map(|(_, what)| what).collect();
        let appended = Happened::EventAppended { count: 1, first_at: now };
        assert_eq!(what, [&appended, &Happened::Warning { text: "cut".to_owned() }]);
        let kept = [(TimerKind::Next, Due::Kept), (TimerKind::Follow, Due::Kept)];
        let expected = [&kept[..], &[(TimerKind::AutoResolve, Due::At(testing::minute(39)))]].concat();
        assert_eq!(testing::timers(&again), Some(&expected[..]));

        // Repeats in a row are one line of the timeline, which began with the one before.
        let row = Incident { appended_seq: Some(4), ..incident(Status::Triggered) };
        let again = repeat(&row, &said, Severity::Error, None, now, By::SYSTEM);
        assert_eq!(again.log[0].1, Happened::EventAppended { count: 1, first_at: testing::minute(0) });
        assert!(again.effects.is_empty(), "no silence ends it, so no timer moves");
        let taken = repeat(&incident(Status::Acknowledged), &said, Severity::Error, Some(30), now, By::SYSTEM);
        assert!(taken.effects.is_empty(), "silence ends nothing that is taken");
    }

    #[test]
    fn only_a_senders_clock_that_can_be_trusted_is_remembered() {
        let remembered = |order: Order, occurred_at| {
            let event = event(Action::Trigger, order, occurred_at);
            let open = incident(Status::Triggered);
            repeat(&open, &event, Severity::Warning, None, NOW, By::SYSTEM).incident.last_trigger_at
        };
        assert_eq!(remembered(Order::Time, 60), Some(SenderTime(60)));
        assert_eq!(remembered(Order::Alerts(vec![]), 60), Some(SenderTime(60)));
        assert_eq!(remembered(Order::Arrival, 60), Some(SenderTime(50)));
        assert_eq!(remembered(Order::Time, 40), Some(SenderTime(50)), "the latest counts");
    }

    #[test]
    fn what_was_odd_about_an_event_stands_on_the_timeline() {
        let mut said = event(Action::Trigger, Order::Arrival, 0);
        said.warnings = vec!["no severity".to_owned(), "cut".to_owned()];
        let context = testing::context();
        let rises = rise(&incident(Status::Triggered), &said, Severity::Critical, &context, NOW, By::SYSTEM);
        let ends = recover(&incident(Status::Triggered), &said, &context, NOW, By::SYSTEM).expect("it was open");
        for transition in [rises, ends] {
            let is_warning = |(_, what): &&(By, Happened)| matches!(what, Happened::Warning { .. });
            assert_eq!(transition.log.iter().filter(is_warning).count(), 2);
        }
    }
}
