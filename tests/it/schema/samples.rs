//! Records to publish the bytes of: no field empty in all of them, and every variant of every stored enum in one.
//!
//! Stored enums are numbered by position, so a variant that moves would turn into its neighbour. That is why a new variant
//! goes to the end of its enum, and gets a sample here.

pub mod calendars;

use pagerpal::domain::access::Role;
use pagerpal::domain::actor::{Actor, By, Door};
use pagerpal::domain::alert_source::{AlertSource, Signing, Topic, TopicState, UrgencyRule};
use pagerpal::domain::audit::{AuditChain, AuditEntry, Change};
use pagerpal::domain::clock_mark::ClockMark;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::{Answer, Attempt, Delivery, Outcome, State};
use pagerpal::domain::effect::{Reason, Subject, Timer, TimerKey, TimerKind, UpdateKind};
use pagerpal::domain::entry::Interval;
use pagerpal::domain::event::{AlertPair, Link, SenderTime};
use pagerpal::domain::heartbeat::{Beat, Before, Heard, Heartbeat, State as Pulse};
use pagerpal::domain::id::{AlertSourceId, Id, IncidentId, PolicyId, ScheduleId, TeamId, UserId};
use pagerpal::domain::incident::{Hold, Incident, IncidentDetails, Ladder, Phase, Recovery, Snooze, Status};
use pagerpal::domain::invitation::Invitation;
use pagerpal::domain::maintenance::{Maintenance, Matcher, Occurs, Scope};
use pagerpal::domain::notification::Notification;
use pagerpal::domain::oncall::{Place, Source};
use pagerpal::domain::pass::Pass;
use pagerpal::domain::policy::{Level, Policy, Recipient};
use pagerpal::domain::preferences::{HourCycle, Preferences, Theme};
use pagerpal::domain::receipt::{Fate, Receipt};
use pagerpal::domain::repeat::{Attempt as Call, Kept, KeptAnswer, Repeat};
use pagerpal::domain::sealed::Sealed;
use pagerpal::domain::session::{Device, Session};
use pagerpal::domain::source_event::{Replay, ReportResult, ResultWord, SourceEvent};
use pagerpal::domain::storm::{StormLine, Surge};
use pagerpal::domain::team::Team;
use pagerpal::domain::throttle::{ChannelTrouble, Heard as Reply, Ledger, Share, Text};
use pagerpal::domain::time::Timestamp;
use pagerpal::domain::timeline::{
    Called, DeliveryNews, Handover, Happened, LastResort, SkipReason, TimelineEntry, Via,
};
use pagerpal::domain::token::PersonalToken;
use pagerpal::domain::user::{Activity, ContactMethod, Login, Rules, Step, User, Verification};
use pagerpal::domain::{Severity, Urgency};
use pagerpal::store::counters::Counter;
use std::collections::BTreeMap;

/// Seconds after 2026-11-24T03:14:00Z.
fn at(secs: i64) -> Timestamp {
    Timestamp::from_second(1_795_490_040 + secs)
}

fn sender_time(secs: i64) -> SenderTime {
    SenderTime(at(secs).as_second() * 1_000_000_000 + 123_456_789)
}

fn id<I: Id>(number: u64) -> I {
    I::new(number)
}

const ANA: u64 = 1;
const BO: u64 = 2;
const TEAM: u64 = 5;
const SCHEDULE: u64 = 6;
const POLICY: u64 = 9;
const SOURCE: u64 = 10;
/// Larger than one byte, so that the order of bytes shows.
const INCIDENT: u64 = 0x0102_0304;

pub fn incidents() -> Vec<Incident> {
    let taken = Incident {
        id: id(INCIDENT),
        number: 1842,
        source: id(SOURCE),
        team: id(TEAM),
        policy: id(POLICY),
        external_id: "disk-db1".into(),
        title: "Disk full on db1: 97 %, größer wird's nicht".into(),
        severity: Severity::Critical,
        severity_reported: Severity::Error,
        urgency: Urgency::High,
        status: Status::Acknowledged,
        snooze: Some(Snooze { until: at(3600), by: Some(id(ANA)) }),
        hold: None,
        assignee: Some(id(BO)),
        ackers: vec![id(BO), id(ANA)],
        event_count: 300,
        created_at: at(0),
        last_event_at: at(70),
        taken_at: Some(at(60)),
        resolved_at: None,
        resolved_by: None,
        previous: Some(id(INCIDENT - 2)),
        reopen_count: 1,
        ladder: Ladder {
            run: 1,
            cycle: 2,
            level: Some(20),
            visit: 7,
            bypassed: 6,
            entered_at: Some(at(30)),
            phase: Phase::Climbing,
            reassigned: true,
            paged: vec![id(ANA), id(BO)],
        },
        generation: 9,
        timeline_len: 12,
        appended_seq: Some(12),
        last_trigger_at: Some(sender_time(70)),
        recovery: None,
        is_test: false,
        version: 14,
    };
    let ladder = |phase| Ladder { phase, level: None, entered_at: None, paged: vec![], ..taken.ladder.clone() };
    let resolved = Incident {
        id: id(INCIDENT - 1),
        number: 1841,
        severity: Severity::Error,
        status: Status::Resolved,
        resolved_at: Some(at(90)),
        resolved_by: Some(id(ANA)),
        ladder: ladder(Phase::Exhausted),
        appended_seq: None,
        recovery: Some(Recovery {
            received_at: at(90),
            occurred_at: sender_time(89),
            closed: vec![AlertPair { fingerprint: "a1b2".into(), starts_at: sender_time(0) }],
        }),
        ..taken.clone()
    };
    let triggered = Incident {
        id: id(INCIDENT - 2),
        number: 1840,
        external_id: "a test\0of text".into(),
        severity: Severity::Warning,
        status: Status::Triggered,
        assignee: None,
        taken_at: None,
        previous: None,
        ladder: ladder(Phase::NoCoverage),
        last_trigger_at: None,
        is_test: true,
        ..taken.clone()
    };
    let held = |number, hold| Incident {
        id: id(INCIDENT - number),
        number: 1842 - number,
        external_id: format!("held {number}"),
        status: Status::Triggered,
        urgency: Urgency::Low,
        snooze: None,
        hold: Some(hold),
        ladder: ladder(Phase::Held),
        ..triggered.clone()
    };
    let held = [held(3, Hold::Maintenance(id(30))), held(4, Hold::Restore)];
    let mut all = vec![taken, resolved, triggered];
    all.extend(held);
    all
}

pub fn incident_details() -> Vec<IncidentDetails> {
    vec![IncidentDetails {
        incident: id(INCIDENT),
        details: "Disk full on db1\nuse: 97 %".into(),
        labels: BTreeMap::from([("host".into(), "db1".into()), ("job".into(), "node".into())]),
        links: vec![Link { href: "https://wiki.example.org/disk".into(), text: "Runbook".into() }],
    }]
}

pub fn timeline() -> Vec<TimelineEntry> {
    let place = |claim| Place { user: id(ANA), claim, replaced: None };
    let by_override = Place { replaced: Some((id(8), id(BO))), ..place(Source::Layer(id(21))) };
    let (team, schedule): (TeamId, ScheduleId) = (id(TEAM), id(SCHEDULE));
    let called = [
        Via::Named,
        Via::Schedule { schedule, place: by_override },
        Via::Schedule { schedule, place: place(Source::Override(id(8))) },
        Via::Schedule { schedule, place: place(Source::ImportedCover(id(22))) },
        Via::TeamSchedule { team, schedule, place: place(Source::Entry(id(7))) },
        Via::TeamSchedule { team, schedule, place: place(Source::Fallback) },
        Via::TeamMember { team },
        Via::LastResort,
        Via::Handed,
        Via::HadTaken,
    ];
    let text = || "words of the provider".to_owned();
    let news = [
        (Channel::Sms, DeliveryNews::Sent),
        (Channel::WhatsApp, DeliveryNews::Failed { text: text() }),
        (Channel::Email, DeliveryNews::Exhausted { text: text() }),
        (Channel::Sms, DeliveryNews::Suppressed),
        (Channel::Sms, DeliveryNews::Withdrawn { reason: "resolved".into() }),
        (Channel::Sms, DeliveryNews::Retried),
        (Channel::Sms, DeliveryNews::Crossed),
        (Channel::Sms, DeliveryNews::Delivered),
        (Channel::Sms, DeliveryNews::HeldBack { until: at(900) }),
        (Channel::Sms, DeliveryNews::NoReceipt),
    ];
    let mut what = vec![
        Happened::Created { title: "Disk full on db1".into(), severity: Severity::Info },
        Happened::EventAppended { count: 299, first_at: at(1) },
        Happened::SeverityChanged { from: Severity::Warning, to: Severity::Critical },
        Happened::LevelEntered {
            policy: id(POLICY),
            level: 20,
            cycle: 1,
            called: called.into_iter().map(|via| Called { user: id(ANA), via }).collect(),
        },
        Happened::LevelSkipped {
            level: 30,
            reasons: vec![
                SkipReason::Inactive { user: id(ANA) },
                SkipReason::NoContactMethod { user: id(BO) },
                SkipReason::NobodyOnCall { schedule },
                SkipReason::TeamEmpty { team },
                SkipReason::Missing,
            ],
        },
        Happened::NoCoverage,
        Happened::CoverageReturned,
        Happened::LastResortPaged { called: vec![id(ANA)], chosen: LastResort::Policy },
        Happened::LastResortPaged { called: vec![id(BO)], chosen: LastResort::Admins },
        Happened::LastResortPaged { called: vec![], chosen: LastResort::Nobody },
        Happened::Exhausted,
        Happened::Acknowledged { by_source: Some("grafana-oncall".into()) },
        Happened::AckAdded,
        Happened::Escalated { from_level: Some(20) },
        Happened::Resolved { by_source: true },
        Happened::Reopened,
        Happened::UserDeactivated { user: id(BO) },
        Happened::Note { text: "looking".into() },
        Happened::Warning { text: "The signature could not be checked.".into() },
    ];
    let of_delivery = |(channel, what)| Happened::Delivery { delivery: id(12), user: id(BO), channel, what };
    what.extend(news.map(of_delivery));
    what.extend([
        Happened::HandoffPaged {
            policy: id(POLICY),
            level: 20,
            called: vec![Called { user: id(BO), via: Via::Named }],
        },
        Happened::Unacknowledged,
        Happened::AckTimedOut,
        Happened::Snoozed { until: at(3600) },
        Happened::SnoozeEnded,
        Happened::Reassigned { to: Handover::Users(vec![id(ANA), id(BO)]) },
        Happened::Reassigned { to: Handover::Policy(id(POLICY)) },
        Happened::Held { why: Hold::Maintenance(id(30)), until: at(900) },
        Happened::Held { why: Hold::Restore, until: at(900) },
        Happened::HoldEnded,
        Happened::PolicyChanged { from: id(POLICY), to: id(POLICY + 1) },
        Happened::SeveritySet { from: Severity::Critical, to: Severity::Info },
        Happened::AutoResolved { after_minutes: 30 },
    ]);
    let by = [
        By::SYSTEM,
        By { actor: Actor::user(id(ANA), Role::Admin, Door::Web), acting_as: Some(id(BO)) },
        By { actor: Actor::source(id(SOURCE)), acting_as: None },
    ];
    let entry = |(index, what)| {
        let seq = u32::try_from(index).expect("a short list") + 1;
        TimelineEntry { incident: id(INCIDENT), seq, at: at(seq.into()), by: by[index % by.len()], what }
    };
    what.into_iter().enumerate().map(entry).collect()
}

pub fn timers() -> Vec<Timer> {
    let timer = |kind| {
        let subject = match kind {
            TimerKind::Nightly => Subject::Upkeep,
            TimerKind::Beat => Subject::Heartbeat(id(31)),
            _ => Subject::Incident(id(INCIDENT)),
        };
        Timer { key: TimerKey { subject, kind }, due: at(300), armed_at: at(0), generation: 9, failures: 1 }
    };
    TimerKind::ALL.map(timer).into()
}

pub fn notifications() -> Vec<Notification> {
    let page = Notification {
        id: id(11),
        incident: Some(id(INCIDENT)),
        user: id(BO),
        reason: Reason::Page { level: Some(20) },
        urgency: Urgency::High,
        visit: 7,
        via: Via::Schedule {
            schedule: id(SCHEDULE),
            place: Place { user: id(BO), claim: Source::Fallback, replaced: None },
        },
        words: String::new(),
        created_at: at(30),
    };
    let update = |number, kind| Notification {
        id: id(number),
        reason: Reason::Update(kind),
        urgency: Urgency::Low,
        ..page.clone()
    };
    let told = |number, reason, words: &str| Notification {
        id: id(number),
        incident: None,
        reason,
        visit: 0,
        via: Via::Named,
        words: words.into(),
        ..page.clone()
    };
    vec![
        update(12, UpdateKind::Acknowledged),
        update(13, UpdateKind::Resolved),
        told(14, Reason::Test, "Ana"),
        told(15, Reason::Code, ""),
        told(16, Reason::Answer, "#1842 is yours."),
        told(17, Reason::Notice, "SMS does not work for anybody."),
        told(18, Reason::Account, "Somebody tries to sign in as you."),
        told(19, Reason::Invitation, ""),
        page,
    ]
}

pub fn deliveries() -> Vec<Delivery> {
    let outcomes = [
        Outcome::Accepted,
        Outcome::Ambiguous,
        Outcome::Temporary { retry_after_secs: Some(30) },
        Outcome::Permanent { account_wide: true },
        Outcome::Muted,
        Outcome::Duplicate,
        Outcome::TemporaryOnce,
    ];
    let fates = [Fate::OnItsWay, Fate::AtOperator, Fate::Delivered, Fate::Refused(Outcome::Muted)];
    let receipt = |number: u32| {
        let fate = fates.get(number as usize - 1)?.clone();
        Some(Receipt { at: at(i64::from(number) * 60 + 9), fate, text: "status 5".into() })
    };
    let attempt = |(number, outcome)| Attempt {
        message_number: number,
        claimed_at: at(i64::from(number) * 60),
        finished_at: Some(at(i64::from(number) * 60 + 2)),
        answer: Some(Answer { outcome, text: "words of the provider".into() }),
        carrier: (number == 2).then(|| id(40)),
        carried: if number == 3 { vec![id(41), id(42)] } else { vec![] },
        receipt: receipt(number),
    };
    let mut attempts: Vec<Attempt> = (1..).zip(outcomes).map(attempt).collect();
    attempts.push(Attempt::new(8, at(500)));
    let states = [
        State::Queued { due: at(30) },
        State::Sending { lease_until: at(90) },
        State::Retrying { due: at(120) },
        State::Accepted { at_operator: true, receipt_due: Some(at(120)) },
        State::Delivered,
        State::Failed,
        State::Exhausted,
        State::Suppressed,
        State::Withdrawn { reason: "acknowledged".into() },
    ];
    let delivery = |(number, state): (u64, State)| Delivery {
        id: id(number),
        notification: id(11),
        incident: Some(id(INCIDENT)),
        user: id(BO),
        reason: Reason::Page { level: None },
        visit: 7,
        contact: id(4),
        channel: Channel::Sms,
        address: "+4915112345678".into(),
        attempts: if state.word() == "at operator" { attempts.clone() } else { vec![] },
        state,
        failures: 2,
        next_started: number == 14,
        held_back: number == 12,
        created_at: at(30),
    };
    let about_nobody = Delivery { incident: None, reason: Reason::Code, visit: 0, ..delivery((11, State::Delivered)) };
    [about_nobody].into_iter().chain((12..).zip(states).map(delivery)).collect()
}

pub fn passes() -> Vec<Pass> {
    let (incident, user) = (id(INCIDENT), id(BO));
    vec![Pass { incident, user, token_hash: [0x3c; 32], code: "7KQ4".into(), created_at: at(30) }]
}

pub fn ledgers() -> Vec<Ledger> {
    let text = |(nth, share)| Text { at: at(30), delivery: id(12), message_number: 1, share, nth };
    vec![Ledger {
        number: "+4915112345678".into(),
        texts: (7..).zip([Share::FirstCritical, Share::Test, Share::Other, Share::Answer]).map(text).collect(),
        count: 10,
        closed_until: Some(at(3600)),
        heard: vec![Reply { at: at(50), message_id: "837291".into() }],
        misses: vec![at(40)],
    }]
}

pub fn channel_trouble() -> Vec<ChannelTrouble> {
    vec![
        // What becomes of the first version's.
        ChannelTrouble { channel: Channel::Sms, told_at: at(60), why: String::new() },
        ChannelTrouble { channel: Channel::Email, told_at: at(120), why: "535 5.7.8 authentication failed".into() },
    ]
}

pub fn users() -> Vec<User> {
    let contact = |number, channel, address: &str, enabled| ContactMethod {
        id: id(number),
        channel,
        address: address.into(),
        enabled,
        verified_at: enabled.then(|| at(-800)),
        verification: (!enabled).then(|| Verification { sent_at: at(-10), misses: 1 }),
    };
    let ana = User {
        id: id(ANA),
        name: "Ana Żółć".into(),
        email: Some("ana@example.org".into()),
        role: Role::Admin,
        login: Some(Login { password_hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".into(), changed_at: at(0) }),
        zone: "Europe/Warsaw".into(),
        activity: vec![Activity { from: at(-900), to: Some(at(-600)) }, Activity { from: at(-300), to: None }],
        contacts: vec![
            contact(3, Channel::Email, "ana@example.org", true),
            contact(4, Channel::Sms, "+4915112345678", true),
            contact(5, Channel::WhatsApp, "+4915112345678", false),
        ],
        rules: Rules {
            high: vec![Step { contact: id(4), after_minutes: 0 }, Step { contact: id(3), after_minutes: 5 }],
            low: vec![Step { contact: id(3), after_minutes: 0 }],
        },
        created_at: at(-900),
        version: 3,
    };
    let without_login = |number, name: &str, role| User {
        id: id(number),
        name: name.into(),
        email: None,
        role,
        login: None,
        contacts: vec![],
        ..ana.clone()
    };
    vec![without_login(BO, "Bo", Role::Responder), without_login(3, "Caro", Role::Viewer), ana]
}

pub fn teams() -> Vec<Team> {
    let members = vec![id(ANA), id(BO)];
    vec![Team { id: id(TEAM), name: "Payments".into(), members, created_at: at(0), version: 3 }]
}

pub fn preferences() -> Vec<Preferences> {
    let ana = Preferences { user: id(ANA), theme: Theme::Light, hours: HourCycle::H12, keys: false, version: 3 };
    let bo = Preferences { user: id(BO), theme: Theme::Dark, hours: HourCycle::H24, keys: true, version: 1 };
    vec![ana, bo, Preferences { version: 2, ..Preferences::of(id(INCIDENT)) }]
}

pub fn policies() -> Vec<Policy> {
    let everybody = vec![
        Recipient::User(id::<UserId>(ANA)),
        Recipient::Schedule(id::<ScheduleId>(SCHEDULE)),
        Recipient::Team(id::<TeamId>(TEAM)),
    ];
    vec![Policy {
        id: id::<PolicyId>(POLICY),
        name: "Payments 24×7".into(),
        levels: vec![
            Level { number: 1, delay_minutes: 5, recipients: vec![Recipient::Schedule(id(SCHEDULE))] },
            Level { number: 20, delay_minutes: 1440, recipients: everybody },
        ],
        repeat: 2,
        last_resort: vec![id(BO)],
        repage_minutes: 30,
        ack_timeout_minutes: Some(60),
        created_at: at(0),
        version: 4,
    }]
}

pub fn alert_sources() -> Vec<AlertSource> {
    let pending = TopicState::Pending { token: "2336412f37fb".into(), asked_at: at(0) };
    let cloudwatch = AlertSource {
        id: id::<AlertSourceId>(SOURCE),
        name: "CloudWatch eu".into(),
        kind: "cloudwatch".into(),
        team: id(TEAM),
        policy: id(POLICY),
        active: true,
        key_hash: [0x5a; 32],
        key_tail: "9f3c".into(),
        default_severity: Severity::Error,
        severity_map: BTreeMap::from([("p1".into(), Severity::Critical), ("p4".into(), Severity::Info)]),
        one_incident_per_alert: true,
        insufficient_data_triggers: true,
        topics: vec![
            Topic {
                arn: "arn:aws:sns:eu-central-1:123456789012:alarms".into(),
                listed: true,
                state: TopicState::Confirmed,
            },
            Topic { arn: "arn:aws:sns:eu-central-1:123456789012:more".into(), listed: false, state: pending },
        ],
        urgency: UrgencyRule::BySeverity,
        auto_resolve_minutes: Some(240),
        signing: Some(Signing {
            secret: Sealed { key_version: [0x11; 8], nonce: [0x22; 24], text: vec![0x33; 24] },
            timestamp_header: Some("x-grafana-alerting-timestamp".into()),
        }),
        created_at: at(0),
        version: 2,
    };
    let other = |number, urgency| AlertSource {
        id: id(number),
        name: format!("other {number}"),
        key_hash: [number as u8; 32],
        urgency,
        topics: vec![],
        ..cloudwatch.clone()
    };
    vec![other(11, UrgencyRule::AlwaysHigh), other(12, UrgencyRule::AlwaysLow), cloudwatch]
}

pub fn heartbeats() -> Vec<Heartbeat> {
    let heartbeat = |number: u64, state, what| Heartbeat {
        id: id(number),
        source: id(SOURCE),
        name: format!("Backup-{number}"),
        interval_minutes: 1440,
        grace_minutes: 30,
        state,
        heard: Some(Heard { at: at(0), what, body: "42 files".into() }),
        token_hash: [number as u8; 32],
        address_version: 2,
        created_at: at(-60),
        version: 3,
    };
    let paused = |before| Pulse::Paused { until: at(3600), before };
    vec![
        Heartbeat { heard: None, ..heartbeat(63, Pulse::New, Beat::Ping) },
        heartbeat(64, Pulse::Beating { expected_by: at(86_400) }, Beat::Ping),
        heartbeat(65, Pulse::Missed { since: at(0) }, Beat::Exit(3)),
        heartbeat(66, paused(Before::New), Beat::Fail),
        heartbeat(67, paused(Before::Beating), Beat::Ping),
        heartbeat(68, paused(Before::Missed { since: at(-90) }), Beat::Ping),
    ]
}

pub fn maintenance() -> Vec<Maintenance> {
    let matcher = |equals| Matcher { label: "service".into(), equals, value: "checkout".into() };
    let silence = Maintenance {
        id: id(61),
        name: "Checkout is noisy".into(),
        scope: Scope::Sources(vec![id(SOURCE), id(SOURCE + 1)]),
        occurs: Occurs::Once(Interval { start: at(0), end: at(3600) }),
        zone: "Europe/Berlin".into(),
        matchers: vec![matcher(true), matcher(false)],
        author: Some(id(ANA)),
        created_at: at(-60),
        version: 2,
    };
    let nightly = Maintenance {
        id: id(62),
        name: "Nightly backup".into(),
        scope: Scope::Team(id(TEAM)),
        occurs: Occurs::Again { pattern: "30 1 * * *".into(), minutes: 90, ended_at: Some(at(-3600)) },
        matchers: vec![],
        author: None,
        ..silence.clone()
    };
    vec![silence, nightly]
}

pub fn source_events() -> Vec<SourceEvent> {
    vec![SourceEvent {
        source: id(SOURCE),
        seq: 300,
        at: at(0),
        repeats: 12,
        last_at: at(60),
        results: results(),
        body: "{\"state\": \"ok\"}".into(),
    }]
}

pub fn replays() -> Vec<Replay> {
    vec![Replay { source: id(SOURCE), delivery_id: "sns-4b1c".into(), at: at(0), results: results() }]
}

pub fn repeats() -> Vec<Repeat> {
    let headers = vec![("content-type".into(), "application/json".into()), ("etag".into(), "\"v1\"".into())];
    let whole = KeptAnswer { status: 201, headers, body: br#"{"id":"team_5"}"#.to_vec() };
    let kept = [Kept::NotYet, Kept::Whole(whole), Kept::NeverShown, Kept::TooLong];
    let sample = |(seq, answer)| {
        let call = Call {
            key_hash: [u8::try_from(seq).expect("few") + 1; 32],
            user: id(ANA),
            request_hash: [0x0a; 32],
            attempt: [0x0b; 16],
            shows_secret: false,
            look_at: String::new(),
        };
        Repeat { answer, ..call.begun(seq + 1, at(0)) }
    };
    (0_u64..).zip(kept).map(sample).collect()
}

fn results() -> Vec<ReportResult> {
    let words = [
        ResultWord::Created,
        ResultWord::Updated,
        ResultWord::Acknowledged,
        ResultWord::Resolved,
        ResultWord::Unchanged,
        ResultWord::Stale,
        ResultWord::Noted,
        ResultWord::Absorbed,
    ];
    let result = |result| ReportResult {
        external_id: Some("disk-db1".into()),
        action: "trigger".into(),
        result,
        incident: Some((id::<IncidentId>(INCIDENT), 1842)),
    };
    words.map(result).into()
}

pub fn surges() -> Vec<Surge> {
    let (source, storm) = (id(SOURCE), Some(id(INCIDENT)));
    vec![Surge { source, since: at(0), opened: 100, storm, lines: 300, firing: 299, unlisted: 7 }]
}

pub fn storm_lines() -> Vec<StormLine> {
    let line = |external_id: &str, struck_at| StormLine {
        storm: id(INCIDENT),
        external_id: external_id.into(),
        title: "Disk full on db1".into(),
        at: at(1),
        struck_at,
    };
    vec![line("disk-db1", None), line("disk-db2", Some(at(60)))]
}

pub fn sessions() -> Vec<Session> {
    let device = Device { address: "192.0.2.7".into(), agent: "Mozilla/5.0".into() };
    let (token_hash, id, user) = ([0xa5; 32], id(90), id(ANA));
    vec![Session { token_hash, id, user, device, created_at: at(0), used_at: at(700), proved_at: at(600) }]
}

pub fn tokens() -> Vec<PersonalToken> {
    let deploy = PersonalToken {
        id: id(91),
        user: id(ANA),
        name: "deploy".into(),
        token_hash: [0x91; 32],
        tail: "x7Qa".into(),
        most: Role::Responder,
        created_at: at(0),
        expires_at: Some(at(86_400)),
        used_at: Some(at(700)),
    };
    vec![
        PersonalToken { id: id(92), token_hash: [0x92; 32], expires_at: None, used_at: None, ..deploy.clone() },
        deploy,
    ]
}

pub fn invitations() -> Vec<Invitation> {
    let by_admin =
        Invitation { id: id(95), user: id(BO), token_hash: [0x95; 32], created_at: at(40), author: Some(id(ANA)) };
    vec![Invitation { id: id(96), user: id(3), token_hash: [0x96; 32], author: None, ..by_admin.clone() }, by_admin]
}

pub fn audit_entries() -> Vec<AuditEntry> {
    let actors = [
        Actor::user(id(ANA), Role::Admin, Door::Web),
        Actor::user(id(BO), Role::Responder, Door::Api),
        Actor::user(id(3), Role::Viewer, Door::Web).at([192, 0, 2, 7].into()),
        Actor::source(id(SOURCE)),
        Actor::SYSTEM,
        Actor::COMMAND_LINE,
        Actor::user(id(BO), Role::Responder, Door::Link),
        Actor::user(id(BO), Role::Responder, Door::Reply(Channel::Sms)),
        Actor::unknown(Door::Web).at([192, 0, 2, 7].into()),
    ];
    let entry = |(number, actor)| AuditEntry {
        id: id(number),
        at: at(0),
        actor,
        acting_as: (number % 2 == 0).then_some(id(BO)),
        action: "policy.saved".into(),
        object: id::<PolicyId>(POLICY).to_string(),
        summary: "Payments 24×7: 2 levels".into(),
        change: (number % 3 == 0).then(|| Change { before: "1. Ana".into(), after: "1. Ana; 2. Bo".into() }),
        hash: [0x5a; 32],
    };
    (300..).zip(actors).map(entry).collect()
}

pub fn audit_chains() -> Vec<AuditChain> {
    vec![AuditChain { first: 300, before_first: [0xa5; 32], next: 309, head: [0x5a; 32] }]
}

pub fn clock_marks() -> Vec<ClockMark> {
    vec![ClockMark { at: at(0), moved_secs: -3600 }]
}

pub fn counters() -> Vec<Counter> {
    vec![Counter { name: "incident_number".into(), last: 1842 }]
}
