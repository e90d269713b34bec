//! `POST /api/v1/users/{id}/invitation`: the link by which somebody chooses a password, for a first sign-in or a new one.

use crate::app::invitations;
use crate::domain::id::UserId;
use crate::web::Web;
use crate::web::api::Instant;
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationBody {
    /// Whether it is mailed to the person, too.
    #[serde(default)]
    mail: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct InvitationView {
    /// It is in this answer alone. Without a base URL it lacks the host.
    link: String,
    /// It works once, and until then.
    expires_at: Instant,
    /// Whether a mail with it is on its way.
    is_mailed: bool,
}

/// An older link opens nothing from then on.
pub async fn create(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(user): PathId<UserId>,
    JsonBody(InvitationBody { mail }): JsonBody<InvitationBody>,
) -> Result<Json<InvitationView>, WebError> {
    caller.require_person()?;
    if mail {
        invitations::require_mail(&web.app)?;
    }
    let key = web.app.settings.link_key.clone();
    let made = web.write(move |tx| invitations::invite(tx, &caller.actor, &key, user, mail)).await?;
    let base_url = web.app.settings.base_url.as_deref().unwrap_or_default().trim_end_matches('/');
    Ok(Json(InvitationView {
        link: format!("{base_url}{}", invitations::path(&made.token)),
        expires_at: made.ends_at.into(),
        is_mailed: made.mailed_to.is_some(),
    }))
}
