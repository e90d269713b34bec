//! `/api/v1/me/tokens`, and for admins `/api/v1/users/{id}/tokens`: personal tokens.
//!
//! A token is shown once, in the answer that made it. It is made and revoked with a password, never with a token.

use crate::app::tokens;
use crate::domain::access::Role;
use crate::domain::id::{ApiTokenId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::token::{PersonalToken, Wanted};
use crate::web::Web;
use crate::web::api::{Created, Instant, List, Page, Revealed, ShownOnce, instant_of};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct TokenView {
    id: String,
    name: String,
    /// Its last four characters.
    tail: String,
    /// The role it acts in at most.
    role: &'static str,
    created_at: Instant,
    expires_at: Option<Instant>,
    /// Written down every ten minutes at most.
    used_at: Option<Instant>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct NewTokenView {
    /// The token itself. It is not shown again.
    token: Revealed,
    #[serde(flatten)]
    made: TokenView,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenBody {
    #[serde(default)]
    name: String,
    /// `admin`, `responder` or `viewer`: at most one's own.
    #[serde(default)]
    role: String,
    /// Never, if it is left out.
    expires_at: Option<String>,
}

pub async fn own(State(web): State<Arc<Web>>, caller: Caller, page: Page) -> Result<List<TokenView>, WebError> {
    let user = caller.user.id;
    listed(&web, caller, user, &page).await
}

pub async fn of(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(user): PathId<UserId>,
    page: Page,
) -> Result<List<TokenView>, WebError> {
    listed(&web, caller, user, &page).await
}

pub async fn create(
    State(web): State<Arc<Web>>,
    caller: Caller,
    JsonBody(body): JsonBody<TokenBody>,
) -> Result<ShownOnce<Created<NewTokenView>>, WebError> {
    caller.require_person()?;
    let unknown = || Refusal::invalid("role_unknown", "role", "A role is admin, responder or viewer.");
    let most = Role::from_word(&body.role).ok_or_else(unknown)?;
    let expires_at = body.expires_at.as_deref().map(|text| instant_of(text, "expires_at")).transpose()?;
    let wanted = Wanted { name: body.name, most, expires_at };
    let token = tokens::spell(&web.app.random_bytes());
    let (actor, user, text) = (caller.actor, caller.user.id, token.clone());
    let made = web
        .write(move |tx| {
            let id = tokens::create(tx, &actor, &wanted, &text)?;
            tokens::one(tx, user, id)
        })
        .await?;
    let made = TokenView::of(&made);
    let location = format!("/api/v1/me/tokens/{}", made.id);
    let made = NewTokenView { token: Revealed(token), made };
    Ok(ShownOnce(Created { location, version: None, made }))
}

pub async fn revoke_own(
    State(web): State<Arc<Web>>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<StatusCode, WebError> {
    let user = caller.user.id;
    revoked(&web, caller, user, &token).await
}

pub async fn revoke(
    State(web): State<Arc<Web>>,
    caller: Caller,
    Path((user, token)): Path<(String, String)>,
) -> Result<StatusCode, WebError> {
    let user = user.parse().map_err(|_| WebError::NotFound)?;
    revoked(&web, caller, user, &token).await
}

async fn listed(web: &Web, caller: Caller, user: UserId, page: &Page) -> Result<List<TokenView>, WebError> {
    let found = web.read(move |read| tokens::of(read, &caller.actor, user)).await?;
    List::in_order(found.iter().map(TokenView::of).collect(), page)
}

async fn revoked(web: &Web, caller: Caller, user: UserId, token: &str) -> Result<StatusCode, WebError> {
    caller.require_person()?;
    let id: ApiTokenId = token.parse().map_err(|_| WebError::NotFound)?;
    web.write(move |tx| tokens::revoke(tx, &caller.actor, user, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl TokenView {
    fn of(token: &PersonalToken) -> TokenView {
        TokenView {
            id: token.id.to_string(),
            name: token.name.clone(),
            tail: token.tail.clone(),
            role: token.most.word(),
            created_at: token.created_at.into(),
            expires_at: token.expires_at.map(Instant::from),
            used_at: token.used_at.map(Instant::from),
        }
    }
}
