//! Incidents in few words, for the tests of this folder and of the ladder. The policy calls Ana for five minutes, then Bo for ten, then the
//! admin Root; all have a number.

use crate::domain::access::Role;
use crate::domain::actor::{Actor, By, Door};
use crate::domain::contact::Channel;
use crate::domain::effect::{Due, Effect, TimerKind, Transition};
use crate::domain::escalation::{Context, SourceRules};
use crate::domain::id::{AlertSourceId, ContactId, Id, IncidentId, PolicyId, TeamId, UserId};
use crate::domain::incident::{Incident, Ladder, Status};
use crate::domain::policy::{Level, Policy, Recipient};
use crate::domain::time::Timestamp;
use crate::domain::user::{Activity, ContactMethod, Rules, User};
use crate::domain::{Severity, Urgency};
use std::collections::BTreeMap;

pub const ANA: u64 = 1;
pub const BO: u64 = 2;
pub const ROOT: u64 = 9;

/// Minutes after the beginning.
pub fn minute(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_780_308_000).plus_minutes(minutes)
}

pub fn id(number: u64) -> UserId {
    UserId::new(number)
}

/// A person who is signed in.
pub fn by(number: u64) -> By {
    By::new(&Actor::user(id(number), Role::Responder, Door::Web), None)
}

pub fn person(number: u64, role: Role) -> User {
    let verified_at = Some(Timestamp::MIN);
    let contact = ContactMethod {
        id: ContactId::new(number * 10),
        channel: Channel::Sms,
        address: String::new(),
        enabled: true,
        verified_at,
        verification: None,
    };
    User {
        id: id(number),
        name: format!("person {number}"),
        email: None,
        role,
        login: None,
        zone: "UTC".to_owned(),
        activity: vec![Activity { from: Timestamp::MIN, to: None }],
        contacts: vec![contact],
        rules: Rules::default(),
        created_at: Timestamp::MIN,
        version: 1,
    }
}

pub fn policy(repeat: u8, levels: Vec<Level>) -> Policy {
    Policy {
        id: PolicyId::new(1),
        name: "Payments".to_owned(),
        levels,
        repeat,
        last_resort: vec![],
        repage_minutes: 30,
        ack_timeout_minutes: None,
        created_at: Timestamp::MIN,
        version: 1,
    }
}

pub fn context() -> Context {
    let level =
        |number, delay_minutes, user| Level { number, delay_minutes, recipients: vec![Recipient::User(id(user))] };
    let policy = policy(0, vec![level(1, 5, ANA), level(2, 10, BO)]);
    let people = [(ANA, Role::Responder), (BO, Role::Responder), (ROOT, Role::Admin)];
    Context {
        policy,
        people: people.map(|(number, role)| (id(number), person(number, role))).into(),
        calendars: BTreeMap::new(),
        teams: BTreeMap::new(),
        source: SourceRules::NONE,
        hold: None,
    }
}

/// Before its first level.
pub fn incident(status: Status) -> Incident {
    Incident {
        id: IncidentId::new(1),
        number: 1,
        source: AlertSourceId::new(1),
        team: TeamId::new(1),
        policy: PolicyId::new(1),
        external_id: "disk-db1".to_owned(),
        title: "Disk full".to_owned(),
        severity: Severity::Warning,
        severity_reported: Severity::Warning,
        urgency: Urgency::High,
        status,
        snooze: None,
        hold: None,
        assignee: None,
        ackers: vec![],
        event_count: 1,
        created_at: minute(0),
        last_event_at: minute(0),
        taken_at: None,
        resolved_at: None,
        resolved_by: None,
        previous: None,
        reopen_count: 0,
        ladder: Ladder::at_the_bottom(0, 0),
        generation: 3,
        timeline_len: 0,
        appended_seq: None,
        last_trigger_at: None,
        recovery: None,
        is_test: false,
        version: 7,
    }
}

/// Level 1 was entered at the beginning, and Ana paged.
pub fn climbing() -> Incident {
    let mut incident = incident(Status::Triggered);
    let ladder = &mut incident.ladder;
    (ladder.level, ladder.visit, ladder.entered_at, ladder.paged) = (Some(1), 1, Some(minute(0)), vec![id(ANA)]);
    incident.assignee = Some(id(ANA));
    incident
}

pub fn paged(transition: &Transition) -> Vec<UserId> {
    let user = |effect: &Effect| match effect {
        Effect::Notify(notification) => Some(notification.user),
        _ => None,
    };
    transition.effects.iter().filter_map(user).collect()
}

/// The set of timers it is left with, if this touched it.
pub fn timers(transition: &Transition) -> Option<&[(TimerKind, Due)]> {
    transition.effects.iter().find_map(|effect| match effect {
        Effect::SetTimers { timers, .. } => Some(timers.as_slice()),
        _ => None,
    })
}
