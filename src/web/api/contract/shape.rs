//! Shapes that many documents share: instants, references, warnings; and how ids and instants are read.

use crate::domain::id::Id;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::warning::Warning;
use crate::web::error::Complaint;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use std::borrow::Cow;

pub fn id_of<T: Id>(text: &str, field: &'static str) -> Result<T, Refusal> {
    let sentence = || format!("Give an id, such as {}_1k.", T::PREFIX);
    text.parse().map_err(|_| Refusal::invalid("unknown", field, sentence()))
}

/// As [`id_of`], of an item of a list; the caller names the list with `Wrong::take_at`.
pub fn id_at<T: Id>(text: &str, place: usize) -> Result<T, Complaint> {
    id_of(text, "").map_err(|refusal| Complaint { pointer: format!("/{place}"), ..Complaint::of(&refusal) })
}

pub fn ids_of(ids: &[impl Id]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// RFC 3339 with an offset, in whole seconds: a fraction other than zero would have to be cut.
pub fn instant_of(text: &str, field: &'static str) -> Result<Timestamp, Refusal> {
    let sentence = "Write the time as 2026-11-24T09:00:00+01:00, in whole seconds, between 1970 and 2199.";
    let found: Option<jiff::Timestamp> = text.parse().ok();
    let whole = found.filter(|at| at.subsec_nanosecond() == 0).map(Timestamp::from_jiff);
    // What lies outside is clamped on the way in, and so no longer what was written.
    let inside = whole.filter(|at| found == Some(at.to_jiff()));
    inside.ok_or_else(|| Refusal::invalid("time_form", field, sentence))
}

/// What a change did besides, after what it made.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}WithWarnings")]
pub struct WithWarnings<T> {
    #[serde(flatten)]
    made: T,
    /// It was done, and that came of it.
    warnings: Vec<WarningView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct WarningView {
    code: &'static str,
    detail: &'static str,
}

impl<T> WithWarnings<T> {
    pub fn new(made: T, warnings: &[Warning]) -> WithWarnings<T> {
        let view = |warning: &Warning| WarningView { code: warning.code(), detail: warning.sentence() };
        WithWarnings { made, warnings: warnings.iter().map(view).collect() }
    }
}

/// What a document refers to: its id and what people call it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reference {
    id: String,
    name: Option<String>,
}

impl Reference {
    pub fn new(id: impl Id, name: Option<&String>) -> Reference {
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

impl JsonSchema for Instant {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}
