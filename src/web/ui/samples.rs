//! Values that the tests of the pages share: three people, one gone, and an incident in the night.

use crate::app::names::Names as Known;
use crate::domain::access::Role;
use crate::domain::contact::Channel;
use crate::domain::delivery::{Answer, Attempt, Delivery, Outcome, State};
use crate::domain::effect::Reason;
use crate::domain::id::*;
use crate::domain::incident::{Incident, Ladder, Phase, Status};
use crate::domain::notification::Notification;
use crate::domain::preferences::Preferences;
use crate::domain::time::Timestamp;
use crate::domain::timeline::Via;
use crate::domain::{Severity, Urgency};
use crate::web::ui::clock::Reader;
use crate::web::ui::names::Names;
use crate::web::ui::shell::{Account, Shell, Strip};

pub fn ana() -> UserId {
    UserId::new(1)
}

pub fn bo() -> UserId {
    UserId::new(2)
}

pub fn caro() -> UserId {
    UserId::new(3)
}

/// Deactivated.
pub fn dana() -> UserId {
    UserId::new(4)
}

pub fn team() -> TeamId {
    TeamId::new(10)
}

pub fn schedule() -> ScheduleId {
    ScheduleId::new(11)
}

pub fn policy() -> PolicyId {
    PolicyId::new(12)
}

pub fn source() -> AlertSourceId {
    AlertSourceId::new(13)
}

/// Tuesday 24 November 2026, 03:14:22 in Berlin.
pub fn reader() -> Reader {
    Reader::new(Timestamp::from_second(1_795_486_462), "Europe/Berlin")
}

pub fn names() -> Names {
    Names(Known {
        users: [(ana(), "Ana"), (bo(), "Bo"), (caro(), "Caro"), (dana(), "Dana")].map(|(id, n)| (id, n.into())).into(),
        inactive: vec![dana()],
        teams: [(team(), "Payments".into())].into(),
        schedules: [(schedule(), "Payments primary".into())].into(),
        policies: [(policy(), "Payments 24×7".into())].into(),
        sources: [(source(), "alertmanager-prod".into())].into(),
    })
}

/// Ana called at level 1 two minutes ago.
pub fn incident() -> Incident {
    let now = reader().now;
    Incident {
        id: IncidentId::new(100),
        number: 1842,
        source: source(),
        team: team(),
        policy: policy(),
        external_id: "disk-db1".into(),
        title: "db-1 disk 97 %".into(),
        severity: Severity::Critical,
        severity_reported: Severity::Critical,
        urgency: Urgency::High,
        snooze: None,
        hold: None,
        status: Status::Triggered,
        assignee: Some(ana()),
        ackers: vec![],
        event_count: 14,
        created_at: now.plus_minutes(-2),
        last_event_at: now.plus_secs(-20),
        taken_at: None,
        resolved_at: None,
        resolved_by: None,
        previous: None,
        reopen_count: 0,
        ladder: Ladder {
            run: 0,
            cycle: 0,
            level: Some(1),
            visit: 1,
            entered_at: Some(now.plus_minutes(-2)),
            phase: Phase::Climbing,
            reassigned: false,
            paged: vec![ana()],
            bypassed: 0,
        },
        generation: 1,
        timeline_len: 2,
        appended_seq: None,
        last_trigger_at: None,
        recovery: None,
        is_test: false,
        version: 2,
    }
}

pub fn notification() -> Notification {
    Notification {
        id: NotificationId::new(200),
        incident: Some(incident().id),
        user: ana(),
        reason: Reason::Page { level: Some(1) },
        urgency: Urgency::High,
        visit: 1,
        via: Via::Named,
        words: String::new(),
        created_at: incident().created_at,
    }
}

/// Refused by the provider at its first attempt.
pub fn delivery() -> Delivery {
    let at = incident().created_at;
    let text = "401 Invalid login details".to_owned();
    let answer = Answer { outcome: Outcome::Permanent { account_wide: true }, text };
    Delivery {
        id: DeliveryId::new(201),
        notification: notification().id,
        reason: notification().reason,
        visit: notification().visit,
        incident: Some(incident().id),
        user: ana(),
        contact: ContactId::new(5),
        channel: Channel::Sms,
        address: "+491701234567".into(),
        state: State::Failed,
        next_started: false,
        held_back: false,
        attempts: vec![Attempt { finished_at: Some(at), answer: Some(answer), ..Attempt::new(1, at) }],
        failures: 1,
        created_at: at,
    }
}

pub fn shell(section: &'static str, role: Role) -> Shell {
    let text = "Safe mode: nobody is contacted, pages are only recorded (NOTIFICATION_SENDING_ENABLED=false).";
    let preferences = Preferences::of(UserId::new(1));
    let account =
        Account { name: "Ana".into(), role, zone: "Europe/Berlin".into(), preferences, csrf: "csrf-of-ana".into() };
    let strips = vec![Strip { class: "amber", text: text.into() }];
    Shell {
        section,
        account,
        duty: None,
        strips,
        at: "01020304-5".into(),
        now: reader().now.as_second(),
        is_demo: false,
    }
}
