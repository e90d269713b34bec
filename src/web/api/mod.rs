//! Documents for programs, under `/api/v1`: one file per resource, with its own JSON types, so that a change inside
//! never changes what programs rely on.
//!
//! Times are RFC 3339, durations end in `_seconds`, ids are opaque. Lists are `{"data": […], "next_cursor": …}`.

pub mod contract;
pub mod deeds;
pub mod escalation_policies;
pub mod incidents;
pub mod ladder;
pub mod me;
pub mod on_call;
pub mod rotations;
pub mod schedules;
pub mod sessions;
pub mod system;
pub mod teams;
pub mod tokens;
pub mod users;

pub use contract::{
    BAD_CURSOR, Composed, Created, IfMatch, Instant, List, NoFilter, Page, Params, Reference, Versioned, WithWarnings,
    Wrong, by_name, id_at, id_of, ids_of, instant_of,
};
