//! `/api/v1/me/sessions`, and for admins `/api/v1/users/{id}/sessions`: where somebody is signed in with a browser.

use crate::app::sessions;
use crate::domain::id::{SessionId, UserId};
use crate::domain::session::Session;
use crate::web::Web;
use crate::web::api::{Instant, List, Page};
use crate::web::error::WebError;
use crate::web::extract::{Caller, Credential, PathId};
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionView {
    id: String,
    address: String,
    /// What the browser calls itself.
    user_agent: String,
    created_at: Instant,
    /// Written down every ten minutes at most.
    used_at: Instant,
    ends_at: Instant,
    /// Whether this call came with it.
    is_current: bool,
}

pub async fn own(State(web): State<Arc<Web>>, caller: Caller, page: Page) -> Result<List<SessionView>, WebError> {
    let user = caller.user.id;
    listed(&web, caller, user, &page).await
}

pub async fn of(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(user): PathId<UserId>,
    page: Page,
) -> Result<List<SessionView>, WebError> {
    listed(&web, caller, user, &page).await
}

pub async fn end_own(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<SessionId>,
) -> Result<StatusCode, WebError> {
    caller.require_person()?;
    let user = caller.user.id;
    web.write(move |tx| sessions::end(tx, &caller.actor, user, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All but the one it was asked with.
pub async fn end_all_own(State(web): State<Arc<Web>>, caller: Caller) -> Result<StatusCode, WebError> {
    caller.require_person()?;
    let (user, but) = (caller.user.id, current(&caller));
    web.write(move |tx| sessions::end_all(tx, &caller.actor, user, but)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn end_all(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(user): PathId<UserId>,
) -> Result<StatusCode, WebError> {
    caller.require_person()?;
    let but = current(&caller);
    web.write(move |tx| sessions::end_all(tx, &caller.actor, user, but)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn listed(web: &Web, caller: Caller, user: UserId, page: &Page) -> Result<List<SessionView>, WebError> {
    let now_with = current(&caller);
    let found = web.read(move |read| sessions::of(read, &caller.actor, user)).await?;
    List::in_order(found.iter().map(|session| SessionView::of(session, now_with)).collect(), page)
}

fn current(caller: &Caller) -> Option<SessionId> {
    match caller.credential {
        Credential::Session(id) => Some(id),
        Credential::Basic | Credential::Token(_) => None,
    }
}

impl SessionView {
    fn of(session: &Session, current: Option<SessionId>) -> SessionView {
        SessionView {
            id: session.id.to_string(),
            address: session.device.address.clone(),
            user_agent: session.device.agent.clone(),
            created_at: session.created_at.into(),
            used_at: session.used_at.into(),
            ends_at: session.ends_at().into(),
            is_current: current == Some(session.id),
        }
    }
}
