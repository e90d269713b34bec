//! `/users/{id}/calendars`: links to one person's shifts. Only that person makes and sees them; an admin can revoke.

use crate::app::{AppError, feeds, users};
use crate::domain::access::{self, Action};
use crate::domain::feed::FeedOf;
use crate::domain::id::{FeedId, UserId};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, PathId, SignedIn};
use crate::web::ui::calendars::{LinkLine, ids, links};
use crate::web::ui::form::Form;
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Sight, page as drawn, refused, to};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/user_calendars.html", askama = rinja)]
struct Page {
    shell: Shell,
    base: String,
    user: String,
    name: String,
    is_own: bool,
    links: Vec<LinkLine>,
    feed_form: Form,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<UserId>,
) -> Result<Response, WebError> {
    show(&web, &signed_in, id, None).await
}

pub async fn make_link(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<UserId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let (actor, key) = (signed_in.actor, web.app.settings.link_key.clone());
    let done = web.write(move |tx| feeds::create(tx, &actor, &key, FeedOf::User(id)).map(drop)).await;
    match refused(done)? {
        Ok(()) => Ok(to(path_of(id))),
        Err(refusal) => show(&web, &signed_in, id, Some(Form::refused("feed", &form.0.0, refusal))).await,
    }
}

pub async fn revoke_link(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): Path<(String, String)>,
) -> Result<Response, WebError> {
    let (id, feed): (UserId, FeedId) = ids(&path)?;
    let actor = signed_in.actor;
    web.write(move |tx| feeds::revoke(tx, &actor, FeedOf::User(id), feed)).await?;
    Ok(to(path_of(id)))
}

fn path_of(id: UserId) -> String {
    format!("/users/{id}/calendars")
}

async fn show(web: &Arc<Web>, signed_in: &SignedIn, id: UserId, refused: Option<Form>) -> Result<Response, WebError> {
    if signed_in.user.id != id {
        access::require(&signed_in.actor, Action::Configure)?;
    }
    let desk = Desk { web, signed_in, section: "/users" };
    let status = refused.as_ref().map_or(StatusCode::OK, Form::status);
    let base_url = web.settings.base_url.clone().unwrap_or_default();
    let page = desk.look(move |sight, shell| shown(sight, shell, id, &refused, &base_url)).await?;
    drawn(status, &page)
}

fn shown(
    sight: &Sight<'_>,
    shell: Shell,
    id: UserId,
    refused: &Option<Form>,
    base_url: &str,
) -> Result<Page, AppError> {
    let base = path_of(id);
    Ok(Page {
        name: users::one(sight.read, id)?.name,
        user: format!("/users/{id}"),
        is_own: sight.viewer.id == id,
        links: links(sight, FeedOf::User(id), &base, base_url)?,
        feed_form: Form::chosen(refused, Form::blank("feed"), &[]),
        base,
        shell,
    })
}
