//! Pages for people.

use crate::web::routes::RouteSpec;
use axum::http::StatusCode;

/// The rows of all pages.
pub fn routes() -> Vec<RouteSpec> {
    Vec::new()
}

/// What a person reads when there is no page to show.
pub fn error_page(_status: StatusCode, title: &str, sentence: &str) -> String {
    format!("{title}\n{sentence}\n")
}
