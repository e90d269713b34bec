//! `POST /api/v1/users/{id}/remove-login`: from then on nobody signs in as this person; pages go on.

use crate::app::users;
use crate::domain::id::UserId;
use crate::web::Web;
use crate::web::api::fields::Nothing;
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;

/// That there is no login is no error.
pub async fn remove(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<UserId>,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<StatusCode, WebError> {
    web.write(move |tx| users::remove_login(tx, &actor, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
