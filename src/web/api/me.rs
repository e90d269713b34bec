//! `/api/v1/me`: who is calling, with what, and what that may do.

use crate::app::users;
use crate::web::Web;
use crate::web::api::users::UserView;
use crate::web::error::WebError;
use crate::web::extract::{Caller, Credential};
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct MeView {
    user: UserView,
    /// `session`, `basic` or `token`.
    credential: &'static str,
    /// The role in which this credential acts: a token's may be lower than its owner's.
    role: &'static str,
}

pub async fn get(State(web): State<Arc<Web>>, caller: Caller) -> Result<Json<MeView>, WebError> {
    let (id, role) = (caller.user.id, caller.user.role);
    let user = web.read(move |read| users::one(read, id)).await?;
    let credential = match caller.credential {
        Credential::Session(_) => "session",
        Credential::Basic => "basic",
        Credential::Token(_) => "token",
    };
    // One's own addresses are no secret.
    Ok(Json(MeView { user: UserView::of(&user, crate::domain::access::Role::Admin), credential, role: role.word() }))
}
