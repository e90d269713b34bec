//! `/api/v1/schedules/{id}/feeds` and `/api/v1/users/{id}/feeds`: links to calendars, of a schedule for admins to make, of a
//! person's own shifts for that person alone.
//!
//! A link opens its calendar without an account, so its address is in one answer: that to making it.

use crate::app::feeds::{self, Link};
use crate::app::names::{self, Names};
use crate::app::{AppError, Read};
use crate::domain::access::{self, Action};
use crate::domain::feed::FeedOf;
use crate::domain::id::{FeedId, ScheduleId, UserId};
use crate::web::api::fields::{Nothing, address_of};
use crate::web::api::{Created, Instant, List, Page, Reference, Revealed, ShownOnce};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId, PathIds};
use crate::web::{Web, calendar};
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct FeedView {
    id: String,
    author: Option<Reference>,
    created_at: Instant,
    /// False once the server's secret key has changed: nobody can fetch it any more.
    is_open: bool,
}

/// A feed with its address, in the one answer that shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FeedWithAddressView {
    #[serde(flatten)]
    feed: FeedView,
    /// A bare path while `PAGERPAL_BASE_URL` is not set.
    address: Revealed,
}

/// Those that are not revoked, the oldest first.
pub async fn of_schedule(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<ScheduleId>,
    page: Page,
) -> Result<List<FeedView>, WebError> {
    list(&web, FeedOf::Schedule(id), page).await
}

/// As [`of_schedule`]; an admin sees those of others, to revoke them.
pub async fn of_user(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<UserId>,
    page: Page,
) -> Result<List<FeedView>, WebError> {
    if caller.user.id != id {
        access::require(&caller.actor, Action::Configure)?;
    }
    list(&web, FeedOf::User(id), page).await
}

pub async fn create_of_schedule(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<ScheduleId>,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<ShownOnce<Created<FeedWithAddressView>>, WebError> {
    create(&web, caller, FeedOf::Schedule(id), format!("/api/v1/schedules/{id}/feeds")).await
}

pub async fn create_of_user(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<UserId>,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<ShownOnce<Created<FeedWithAddressView>>, WebError> {
    create(&web, caller, FeedOf::User(id), format!("/api/v1/users/{id}/feeds")).await
}

/// Revokes it: from then on there is nothing at its address.
pub async fn delete_of_schedule(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathIds(id, feed): PathIds<ScheduleId, FeedId>,
) -> Result<StatusCode, WebError> {
    web.write(move |tx| feeds::revoke(tx, &actor, FeedOf::Schedule(id), feed)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// As [`delete_of_schedule`]; an admin may revoke those of others.
pub async fn delete_of_user(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathIds(id, feed): PathIds<UserId, FeedId>,
) -> Result<StatusCode, WebError> {
    web.write(move |tx| feeds::revoke(tx, &actor, FeedOf::User(id), feed)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(web: &Web, of: FeedOf, page: Page) -> Result<List<FeedView>, WebError> {
    let (links, names) = links(web, of).await?;
    List::in_order(links.iter().map(|link| FeedView::of(link, &names)).collect(), &page)
}

async fn create(
    web: &Web,
    caller: Caller,
    of: FeedOf,
    base: String,
) -> Result<ShownOnce<Created<FeedWithAddressView>>, WebError> {
    let (actor, key) = (caller.actor, web.app.settings.link_key.clone());
    let id = web.write(move |tx| feeds::create(tx, &actor, &key, of)).await?;
    let (links, names) = links(web, of).await?;
    let made = links.into_iter().find(|link| link.feed.id == id);
    let (link, token) = made.and_then(|link| Some((link.clone(), link.token?))).ok_or(WebError::NotFound)?;
    let address = address_of(web, &calendar::path(&token));
    let made = FeedWithAddressView { feed: FeedView::of(&link, &names), address };
    Ok(ShownOnce(Created { location: format!("{base}/{id}"), version: None, made }))
}

async fn links(web: &Web, of: FeedOf) -> Result<(Vec<Link>, Names), WebError> {
    let key = web.app.settings.link_key.clone();
    let read = move |read: &Read<'_>| -> Result<_, AppError> {
        match of {
            FeedOf::Schedule(id) => drop(crate::app::schedules::one(read, id)?),
            FeedOf::User(id) => drop(crate::app::users::one(read, id)?),
        }
        Ok((feeds::links(read, &key, of)?, names::all(read)?))
    };
    web.read(read).await
}

impl FeedView {
    fn of(link: &Link, names: &Names) -> FeedView {
        FeedView {
            id: link.feed.id.to_string(),
            author: link.feed.author.map(|user| Reference::new(user, names.users.get(&user))),
            created_at: link.feed.created_at.into(),
            is_open: link.token.is_some(),
        }
    }
}
