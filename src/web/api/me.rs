//! `/api/v1/me`: who is calling, with what, and what that may do; and one's own password.

use crate::app::users;
use crate::web::Web;
use crate::web::api::users::{UserView, with_login};
use crate::web::error::WebError;
use crate::web::extract::{Caller, Credential, JsonBody};
use crate::web::passwords;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
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
    let (user, login) = web.read(move |read| with_login(read, users::one(read, id)?)).await?;
    let credential = match caller.credential {
        Credential::Session(_) => "session",
        Credential::Basic => "basic",
        Credential::Token(_) => "token",
    };
    // One's own addresses are no secret.
    Ok(Json(MeView {
        user: UserView::of(&user, crate::domain::access::Role::Admin, login),
        credential,
        role: role.word(),
    }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    current_password: String,
    /// 12 to 128 characters, and none of those that everybody tries first.
    new_password: String,
}

/// A wrong old one counts as a failed sign-in. All sessions end but the one it was asked with.
pub async fn change_password(
    State(web): State<Arc<Web>>,
    caller: Caller,
    JsonBody(body): JsonBody<PasswordBody>,
) -> Result<StatusCode, WebError> {
    caller.require_person()?;
    let here = match caller.credential {
        Credential::Session(id) => Some(id),
        Credential::Basic | Credential::Token(_) => None,
    };
    let address = caller.actor.address.ok_or_else(|| WebError::Internal("a caller without an address".into()))?;
    let who = (&caller.user, caller.actor, address);
    passwords::change(&web, who, (&body.current_password, &body.new_password), here).await?;
    Ok(StatusCode::NO_CONTENT)
}
