//! Every table and every index, on one page.
//!
//! A table holds records of one type under their own key; an index finds them by something else. Which rows a record has
//! in its indexes is said by its `impl Record`, in the file of its name, and nowhere else. Names and key shapes are part
//! of the file format.

use crate::domain::alert_source::AlertSource;
use crate::domain::audit::{AuditChain, AuditEntry};
use crate::domain::clock_mark::ClockMark;
use crate::domain::delivery::{Delivery, DeliveryRing};
use crate::domain::effect::{Ring, Subject, Timer, TimerKey, TimerKind};
use crate::domain::entry::{Entry, Override};
use crate::domain::feed::{Feed, FeedOf, Publication};
use crate::domain::heartbeat::Heartbeat;
use crate::domain::id::*;
use crate::domain::import::{Import, ImportCopy};
use crate::domain::incident::{Incident, IncidentDetails, Status};
use crate::domain::invitation::Invitation;
use crate::domain::maintenance::Maintenance;
use crate::domain::notification::Notification;
use crate::domain::pass::Pass;
use crate::domain::policy::Policy;
use crate::domain::preferences::Preferences;
use crate::domain::repeat::Repeat;
use crate::domain::schedule::Schedule;
use crate::domain::session::Session;
use crate::domain::source_event::{Replay, SourceEvent};
use crate::domain::storm::{StormLine, Surge};
use crate::domain::team::Team;
use crate::domain::throttle::{ChannelTrouble, Ledger};
use crate::domain::time::Timestamp;
use crate::domain::timeline::TimelineEntry;
use crate::domain::token::PersonalToken;
use crate::domain::user::User;
use crate::store::codec::Version;
use crate::store::counters::Counter;
use crate::store::keys::{Newest, enum_key};
use crate::store::record::{Index, Table, Unique};
use crate::store::verify::RecordKind;

pub const INCIDENTS: Table<IncidentId, Incident> = Table::new("incidents", Version(1));
pub const INCIDENTS_OPEN_BY_EXTERNAL_ID: Unique<(AlertSourceId, String), Incident> =
    Unique::new("incidents.open_by_external_id");
pub const INCIDENTS_CLOSED_BY_EXTERNAL_ID: Index<(AlertSourceId, String, Newest, IncidentId), Incident> =
    Index::new("incidents.closed_by_external_id");
pub const INCIDENTS_BY_NUMBER: Unique<u64, Incident> = Unique::new("incidents.by_number");
/// The newest first, within each status.
pub const INCIDENTS_BY_STATUS: Index<(Status, Newest, IncidentId), Incident> = Index::new("incidents.by_status");

pub const INCIDENT_DETAILS: Table<IncidentId, IncidentDetails> = Table::new("incident_details", Version(1));

pub const TIMELINE: Table<(IncidentId, u32), TimelineEntry> = Table::new("timeline", Version(1));

pub const TIMERS: Table<TimerKey, Timer> = Table::new("timers", Version(1));
/// The wheel: one slot is one second.
pub const TIMERS_WHEEL: Index<(Ring, Timestamp, TimerKey), Timer> = Index::new("timers.wheel");

pub const NOTIFICATIONS: Table<NotificationId, Notification> = Table::new("notifications", Version(1));
pub const NOTIFICATIONS_BY_INCIDENT: Index<(IncidentId, NotificationId), Notification> =
    Index::new("notifications.by_incident");

pub const DELIVERIES: Table<DeliveryId, Delivery> = Table::new("deliveries", Version(1));
/// Only deliveries to which something must still happen.
pub const DELIVERIES_WHEEL: Index<(DeliveryRing, Timestamp, DeliveryId), Delivery> = Index::new("deliveries.wheel");
pub const DELIVERIES_BY_INCIDENT: Index<(IncidentId, DeliveryId), Delivery> = Index::new("deliveries.by_incident");
pub const DELIVERIES_OPEN_BY_USER: Index<(UserId, DeliveryId), Delivery> = Index::new("deliveries.open_by_user");
/// Those about no incident: codes, tests, answers.
pub const DELIVERIES_TOLD_BY_USER: Index<(UserId, DeliveryId), Delivery> = Index::new("deliveries.told_by_user");

pub const PASSES: Table<(IncidentId, UserId), Pass> = Table::new("passes", Version(1));
pub const PASSES_BY_TOKEN: Unique<[u8; 32], Pass> = Unique::new("passes.by_token");
pub const PASSES_BY_CODE: Unique<(UserId, String), Pass> = Unique::new("passes.by_code");

pub const LEDGERS: Table<String, Ledger> = Table::new("ledgers", Version(1));
pub const CHANNEL_TROUBLE: Table<String, ChannelTrouble> = Table::new("channel_trouble", Version(2));

pub const USERS: Table<UserId, User> = Table::new("users", Version(1));
pub const USERS_BY_EMAIL: Unique<String, User> = Unique::new("users.by_email");
pub const USERS_ACTIVE_ADMINS: Index<UserId, User> = Index::new("users.active_admins");

pub const PREFERENCES: Table<UserId, Preferences> = Table::new("preferences", Version(1));

pub const TEAMS: Table<TeamId, Team> = Table::new("teams", Version(1));
pub const TEAMS_BY_NAME: Unique<String, Team> = Unique::new("teams.by_name");

pub const SCHEDULES: Table<ScheduleId, Schedule> = Table::new("schedules", Version(1));
pub const SCHEDULES_BY_NAME: Unique<String, Schedule> = Unique::new("schedules.by_name");
pub const SCHEDULES_BY_TEAM: Index<(TeamId, ScheduleId), Schedule> = Index::new("schedules.by_team");

pub const ENTRIES: Table<EntryId, Entry> = Table::new("entries", Version(1));
/// By end, so that what is still to come is the tail.
pub const ENTRIES_BY_END: Index<(ScheduleId, Timestamp, EntryId), Entry> = Index::new("entries.by_end");

pub const OVERRIDES: Table<OverrideId, Override> = Table::new("overrides", Version(1));
pub const OVERRIDES_BY_END: Index<(ScheduleId, Timestamp, OverrideId), Override> = Index::new("overrides.by_end");

pub const IMPORTS: Table<ImportId, Import> = Table::new("imports", Version(1));
pub const IMPORTS_BY_SCHEDULE: Index<(ScheduleId, ImportId), Import> = Index::new("imports.by_schedule");
/// What is fetched next comes first.
pub const IMPORTS_BY_DUE: Index<(Timestamp, ImportId), Import> = Index::new("imports.by_due");
pub const IMPORT_COPIES: Table<ImportId, ImportCopy> = Table::new("import_copies", Version(1));

pub const FEEDS: Table<FeedId, Feed> = Table::new("feeds", Version(1));
/// Only those that are not revoked.
pub const FEEDS_OPEN: Index<(FeedOf, FeedId), Feed> = Index::new("feeds.open");
pub const FEEDS_BY_TOKEN: Unique<[u8; 32], Feed> = Unique::new("feeds.by_token");
pub const PUBLICATIONS: Table<ScheduleId, Publication> = Table::new("publications", Version(1));

pub const POLICIES: Table<PolicyId, Policy> = Table::new("policies", Version(1));
pub const POLICIES_BY_NAME: Unique<String, Policy> = Unique::new("policies.by_name");

pub const ALERT_SOURCES: Table<AlertSourceId, AlertSource> = Table::new("alert_sources", Version(1));
pub const ALERT_SOURCES_BY_KEY: Unique<[u8; 32], AlertSource> = Unique::new("alert_sources.by_key");
pub const ALERT_SOURCES_BY_NAME: Unique<String, AlertSource> = Unique::new("alert_sources.by_name");

pub const HEARTBEATS: Table<HeartbeatId, Heartbeat> = Table::new("heartbeats", Version(1));
pub const HEARTBEATS_BY_NAME: Unique<(AlertSourceId, String), Heartbeat> = Unique::new("heartbeats.by_name");
pub const HEARTBEATS_BY_TOKEN: Unique<[u8; 32], Heartbeat> = Unique::new("heartbeats.by_token");

pub const MAINTENANCE: Table<MaintenanceId, Maintenance> = Table::new("maintenance", Version(1));
/// By the end of the last, so that what still matters is the tail.
pub const MAINTENANCE_BY_END: Index<(Timestamp, MaintenanceId), Maintenance> = Index::new("maintenance.by_end");

pub const SOURCE_EVENTS: Table<(AlertSourceId, u64), SourceEvent> = Table::new("source_events", Version(1));

pub const REPLAYS: Table<(AlertSourceId, String), Replay> = Table::new("replays", Version(1));
pub const REPLAYS_BY_AGE: Index<(Timestamp, AlertSourceId, String), Replay> = Index::new("replays.by_age");

pub const SURGES: Table<AlertSourceId, Surge> = Table::new("surges", Version(1));
pub const STORM_LINES: Table<(IncidentId, String), StormLine> = Table::new("storm_lines", Version(1));

pub const SESSIONS: Table<[u8; 32], Session> = Table::new("sessions", Version(1));
pub const SESSIONS_BY_USER: Index<(UserId, [u8; 32]), Session> = Index::new("sessions.by_user");
pub const SESSIONS_BY_END: Index<(Timestamp, [u8; 32]), Session> = Index::new("sessions.by_end");

pub const INVITATIONS: Table<UserId, Invitation> = Table::new("invitations", Version(1));
pub const INVITATIONS_BY_TOKEN: Unique<[u8; 32], Invitation> = Unique::new("invitations.by_token");

pub const TOKENS: Table<ApiTokenId, PersonalToken> = Table::new("tokens", Version(1));
pub const TOKENS_BY_HASH: Unique<[u8; 32], PersonalToken> = Unique::new("tokens.by_hash");
pub const TOKENS_BY_USER: Index<(UserId, ApiTokenId), PersonalToken> = Index::new("tokens.by_user");

pub const REPEATS: Table<[u8; 32], Repeat> = Table::new("repeats", Version(1));
pub const REPEATS_BY_USER: Unique<(UserId, u64), Repeat> = Unique::new("repeats.by_user");
pub const REPEATS_BY_AGE: Index<(Timestamp, [u8; 32]), Repeat> = Index::new("repeats.by_age");

pub const AUDIT: Table<AuditId, AuditEntry> = Table::new("audit", Version(1));
/// One record.
pub const AUDIT_CHAIN: Table<(), AuditChain> = Table::new("audit_chain", Version(1));

pub const COUNTERS: Table<String, Counter> = Table::new("counters", Version(1));

/// One record.
pub const CLOCK_MARK: Table<(), ClockMark> = Table::new("clock_mark", Version(1));

/// What `verify` walks. A record type that is missing here is not checked, so a test counts them.
pub const RECORDS: &[RecordKind] = &[
    RecordKind::of::<Incident>(),
    RecordKind::of::<IncidentDetails>(),
    RecordKind::of::<TimelineEntry>(),
    RecordKind::of::<Timer>(),
    RecordKind::of::<Notification>(),
    RecordKind::of::<Delivery>(),
    RecordKind::of::<Pass>(),
    RecordKind::of::<Ledger>(),
    RecordKind::of::<ChannelTrouble>(),
    RecordKind::of::<User>(),
    RecordKind::of::<Preferences>(),
    RecordKind::of::<Team>(),
    RecordKind::of::<Schedule>(),
    RecordKind::of::<Entry>(),
    RecordKind::of::<Override>(),
    RecordKind::of::<Import>(),
    RecordKind::of::<ImportCopy>(),
    RecordKind::of::<Feed>(),
    RecordKind::of::<Publication>(),
    RecordKind::of::<Policy>(),
    RecordKind::of::<AlertSource>(),
    RecordKind::of::<Heartbeat>(),
    RecordKind::of::<Maintenance>(),
    RecordKind::of::<SourceEvent>(),
    RecordKind::of::<Replay>(),
    RecordKind::of::<Surge>(),
    RecordKind::of::<StormLine>(),
    RecordKind::of::<Session>(),
    RecordKind::of::<Invitation>(),
    RecordKind::of::<PersonalToken>(),
    RecordKind::of::<Repeat>(),
    RecordKind::of::<AuditEntry>(),
    RecordKind::of::<AuditChain>(),
    RecordKind::of::<Counter>(),
    RecordKind::of::<ClockMark>(),
];

enum_key!(Status { 0 => Triggered, 1 => Acknowledged, 2 => Resolved });
enum_key!(Ring { 0 => Escalation, 1 => Upkeep });
enum_key!(DeliveryRing { 0 => First, 1 => Retry, 2 => Receipt });
enum_key!(TimerKind {
    0 => Next,
    1 => Repage,
    2 => Cover,
    3 => Nightly,
    4 => Follow,
    5 => AckTimeout,
    6 => AutoResolve,
    7 => Hold,
    8 => Snooze,
    9 => Beat,
});
enum_key!(FeedOf { 0 => Schedule(ScheduleId), 1 => User(UserId) });
enum_key!(Subject { 0 => Incident(IncidentId), 1 => Upkeep, 2 => Heartbeat(HeartbeatId) });

impl crate::store::keys::ToKey for TimerKey {
    type Key = TimerKey;

    fn write(&self, out: &mut Vec<u8>) {
        self.subject.write(out);
        self.kind.write(out);
    }
}

impl crate::store::keys::Key for TimerKey {
    fn read(from: &mut &[u8]) -> Option<TimerKey> {
        Some(TimerKey { subject: Subject::read(from)?, kind: TimerKind::read(from)? })
    }
}
