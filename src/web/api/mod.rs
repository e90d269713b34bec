//! Documents for programs, under `/api/v1`: one file per resource, with its own JSON types, so that a change inside
//! never changes what programs rely on.
//!
//! Times are RFC 3339, durations end in `_seconds`, ids are opaque. Lists are `{"data": […], "next_cursor": …}`.

pub mod actor;
pub mod alert_sources;
pub mod audit;
pub mod contact_methods;
pub mod deeds;
pub mod escalation_policies;
pub mod fairness;
pub mod feeds;
pub mod fields;
pub mod heartbeats;
pub mod imports;
pub mod incidents;
pub mod ladder;
pub mod logins;
pub mod maintenance;
pub mod me;
pub mod notification_rules;
pub mod notifications;
pub mod on_call;
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

use crate::domain::id::Id;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::warning::Warning;
use crate::web::error::WebError;
use crate::web::extract::QueryFields;
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

/// RFC 3339 with an offset, in whole seconds: a fraction other than zero would have to be cut.
fn instant_of(text: &str, field: &'static str) -> Result<Timestamp, Refusal> {
    let sentence = "Write the time as 2026-11-24T09:00:00+01:00, in whole seconds, between 1970 and 2199.";
    let found: Option<jiff::Timestamp> = text.parse().ok();
    let whole = found.filter(|at| at.subsec_nanosecond() == 0).map(Timestamp::from_jiff);
    // What lies outside is clamped on the way in, and so no longer what was written.
    let inside = whole.filter(|at| found == Some(at.to_jiff()));
    inside.ok_or_else(|| Refusal::invalid("time_form", field, sentence))
}

/// Refuses a question that we would not understand in full.
fn only_known(query: &QueryFields, known: &[&str]) -> Result<(), WebError> {
    match query.0.0.iter().all(|(name, _)| known.contains(&name.as_str())) {
        true => Ok(()),
        false => Err(WebError::BadRequest("The query has a parameter that is not known here.")),
    }
}

/// What a change did besides, after what it made.
#[derive(Debug, Serialize)]
pub struct WithWarnings<T> {
    #[serde(flatten)]
    made: T,
    warnings: Vec<WarningView>,
}

#[derive(Debug, Serialize)]
struct WarningView {
    code: &'static str,
    detail: &'static str,
}

impl<T> WithWarnings<T> {
    fn new(made: T, warnings: &[Warning]) -> WithWarnings<T> {
        let view = |warning: &Warning| WarningView { code: warning.code(), detail: warning.sentence() };
        WithWarnings { made, warnings: warnings.iter().map(view).collect() }
    }
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
