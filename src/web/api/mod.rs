//! Documents for programs, under `/api/v1`: one file per resource, with its own JSON types, so that a change inside
//! never changes what programs rely on.
//!
//! Times are RFC 3339, durations end in `_seconds`, ids are opaque. Lists are `{"data": […], "next_cursor": …}`.

pub mod deeds;
pub mod incidents;
pub mod system;

use crate::domain::id::Id;
use crate::domain::time::Timestamp;
use serde::{Serialize, Serializer};

/// What a document refers to: its id and what people call it.
#[derive(Debug, Serialize)]
pub struct Reference {
    id: String,
    name: Option<String>,
}

impl Reference {
    fn new(id: impl Id, name: Option<&String>) -> Reference {
        Reference { id: id.to_string(), name: name.cloned() }
    }
}

/// An instant as RFC 3339.
#[derive(Clone, Copy, Debug)]
pub struct Instant(Timestamp);

impl From<Timestamp> for Instant {
    fn from(instant: Timestamp) -> Instant {
        Instant(instant)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
