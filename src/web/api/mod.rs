//! Documents for programs, under `/api/v1`: one file per resource, with its own JSON types, so that a change inside
//! never changes what programs rely on.
//!
//! Times are RFC 3339, durations end in `_seconds`, ids are opaque. Lists are `{"data": […], "next_cursor": …}`.

pub mod deeds;
pub mod escalation_policies;
pub mod incidents;
pub mod system;
pub mod teams;
pub mod users;

use crate::domain::id::Id;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};

/// Part of a list, and how to go on; `null` when it is complete.
#[derive(Debug, Serialize)]
pub struct List<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A list that is short enough to be given whole.
    fn whole(data: impl Iterator<Item = T>) -> List<T> {
        List { data: data.collect(), next_cursor: None }
    }
}

/// 201 with the address of what was made, and the thing itself.
pub struct Created<T>(String, T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, [(header::LOCATION, self.0)], Json(self.1)).into_response()
    }
}

fn id_of<T: Id>(text: &str, field: &'static str) -> Result<T, Refusal> {
    let sentence = || format!("Give an id, such as {}_1k.", T::PREFIX);
    text.parse().map_err(|_| Refusal::invalid("unknown", field, sentence()))
}

fn ids_of(ids: &[impl Id]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

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
