//! Documents for programs, under `/api/v1`: one file per resource, with its own JSON types, so that a change inside
//! never changes what programs rely on.
//!
//! Times are RFC 3339, durations end in `_seconds`, ids are opaque. Lists are `{"data": […], "next_cursor": …}`.

pub mod actor;
pub mod alert_sources;
pub mod audit;
pub mod contact_methods;
pub mod contract;
pub mod deeds;
pub mod escalation_policies;
pub mod fairness;
pub mod feeds;
pub mod fields;
pub mod heartbeats;
pub mod history;
pub mod imports;
pub mod incidents;
pub mod invitations;
pub mod ladder;
pub mod logins;
pub mod maintenance;
pub mod me;
pub mod notification_rules;
pub mod notifications;
pub mod on_call;
pub mod preferences;
pub mod rotation_preview;
pub mod rotations;
pub mod schedules;
pub mod sessions;
pub mod settings;
pub mod system;
pub mod teams;
pub mod timeline;
pub mod tokens;
pub mod users;

pub use contract::{
    BAD_CURSOR, Composed, Created, IfMatch, Instant, List, NoFilter, Page, Params, Reference, Revealed, ShownOnce,
    Versioned, WithWarnings, Wrong, by_name, id_at, id_of, ids_of, instant_of,
};
