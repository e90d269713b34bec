//! What several documents have alike: durations in seconds, refusals that name the member of the body, addresses, bodies
//! without members, incidents by number.

use crate::app::Cursor;
use crate::domain::id::IncidentId;
use crate::domain::refusal::Refusal;
use crate::web::Web;
use crate::web::api::{BAD_CURSOR, Revealed};
use crate::web::error::WebError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The product counts in minutes; a duration in between is refused, never cut.
pub fn minutes_of(secs: u32, field: &'static str) -> Result<u32, Refusal> {
    let sentence = "Give whole minutes, in seconds: 300 is five minutes.";
    secs.is_multiple_of(60).then_some(secs / 60).ok_or_else(|| Refusal::invalid("whole_minutes", field, sentence))
}

/// As [`minutes_of`], where fewer are kept. What is too long for that is too long for the rule as well, which says so.
pub fn short_minutes_of(secs: u32, field: &'static str) -> Result<u16, Refusal> {
    Ok(u16::try_from(minutes_of(secs, field)?).unwrap_or(u16::MAX))
}

/// The form's field under the name that the body has for it.
pub fn called(refusal: Refusal, field: &str, member: &'static str) -> Refusal {
    match refusal.field {
        Some(named) if named == field => Refusal { field: Some(member), ..refusal },
        _ => refusal,
    }
}

/// A path as others reach it; the bare path while nobody has said where this server is.
pub fn address_of(web: &Web, path: &str) -> Revealed {
    Revealed(format!("{}{path}", web.settings.base_url.as_deref().unwrap_or_default().trim_end_matches('/')))
}

/// For an action that takes no members.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What a document refers to when it is about an incident.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IncidentReference {
    id: String,
    number: u64,
}

impl IncidentReference {
    pub fn new(id: IncidentId, number: u64) -> IncidentReference {
        IncidentReference { id: id.to_string(), number }
    }
}

/// The place that the store gave, as a page's cursor has it.
pub fn place_of(cursor: &Cursor) -> String {
    URL_SAFE_NO_PAD.encode(&cursor.0)
}

/// And back.
pub fn cursor_at(place: Option<&String>) -> Result<Option<Cursor>, WebError> {
    place.map(|place| URL_SAFE_NO_PAD.decode(place).map(Cursor).map_err(|_| BAD_CURSOR)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_between_two_minutes_is_refused() {
        assert_eq!(minutes_of(300, "grace_seconds"), Ok(5));
        assert_eq!(minutes_of(90, "grace_seconds").map_err(|refusal| refusal.code), Err("whole_minutes"));
        assert_eq!(short_minutes_of(60 * 70_000, "duration_seconds"), Ok(u16::MAX));
    }

    #[test]
    fn a_refusal_names_the_member_that_stands_for_the_forms_field() {
        let refusal = || Refusal::invalid("duration_range", "minutes", "Shorter.");
        assert_eq!(called(refusal(), "minutes", "duration_seconds").field, Some("duration_seconds"));
        assert_eq!(called(refusal(), "pattern", "duration_seconds").field, Some("minutes"));
    }
}
