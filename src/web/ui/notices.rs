//! What is said once, on the page that follows a change: its warnings travel in the address as codes, and nothing but
//! known codes is ever shown.

use crate::domain::warning::Warning;
use crate::web::extract::QueryFields;
use crate::web::ui::to;
use axum::response::Response;

/// Done; the page at `path` says what the change did besides.
pub fn to_with(path: impl AsRef<str>, warnings: &[Warning]) -> Response {
    let path = path.as_ref();
    if warnings.is_empty() {
        return to(path);
    }
    let codes: Vec<&str> = warnings.iter().map(|warning| warning.code()).collect();
    to(format!("{path}?notice={}", codes.join(",")))
}

pub fn notices(query: &QueryFields) -> Vec<&'static str> {
    let mut known: Vec<Warning> = query.text("notice").split(',').filter_map(Warning::from_code).collect();
    known.sort();
    known.dedup();
    known.into_iter().map(Warning::sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::extract::Fields;

    #[test]
    fn known_codes_are_said_and_nothing_else() {
        let said = |query: &str| notices(&QueryFields(Fields::parse(query.as_bytes())));
        let (gap, nothing) = (Warning::GapCreated.sentence(), Warning::NoEffect.sentence());
        assert_eq!(said("notice=no_effect,gap_created,no_effect,Call+0900"), [gap, nothing]);
        assert!(said("").is_empty());
    }
}
