//! `/api/v1/users`: people, how they are reached, and whether they are active.
//!
//! Everybody signed in reads, viewers without numbers and addresses; admins edit; one's own contact methods are one's
//! own business. Passwords do not pass through here.

use crate::app::users::{self, Basics, NewUser};
use crate::domain::access::Role;
use crate::domain::contact::Channel;
use crate::domain::id::{ContactId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::user::{ContactMethod, User};
use crate::web::Web;
use crate::web::api::{Created, Instant, List};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use crate::web::ui::deliveries::shown_address;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize)]
pub struct UserView {
    id: String,
    name: String,
    /// Masked for viewers, as every address is.
    email: Option<String>,
    role: &'static str,
    has_login: bool,
    zone: String,
    is_active: bool,
    contact_methods: Vec<ContactView>,
    created_at: Instant,
    version: u64,
}

#[derive(Debug, Serialize)]
struct ContactView {
    id: String,
    channel: &'static str,
    address: String,
    enabled: bool,
    verified_at: Option<Instant>,
}

/// A whole user, contact methods and password apart.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserBody {
    #[serde(default)]
    name: String,
    email: Option<String>,
    #[serde(default)]
    role: String,
    /// UTC if it is left out.
    zone: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactBody {
    #[serde(default)]
    channel: String,
    #[serde(default)]
    address: String,
}

pub async fn list(State(web): State<Arc<Web>>, caller: Caller) -> Result<Json<List<UserView>>, WebError> {
    let all = web.read(|read| users::all(read)).await?;
    Ok(Json(List::whole(all.iter().map(|user| UserView::of(user, caller.user.role)))))
}

pub async fn one(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<UserId>,
) -> Result<Json<UserView>, WebError> {
    view(&web, &caller, id).await.map(Json)
}

/// Without a login: somebody who is only paged, until an admin gives them one.
pub async fn create(
    State(web): State<Arc<Web>>,
    caller: Caller,
    JsonBody(body): JsonBody<UserBody>,
) -> Result<Created<UserView>, WebError> {
    let Basics { name, email, role, zone } = body.read()?;
    let new = NewUser { name, email, role, zone, password_hash: None };
    let actor = caller.actor;
    let id = web.write(move |tx| users::create(tx, &actor, &new)).await?;
    Ok(Created(format!("/api/v1/users/{id}"), view(&web, &caller, id).await?))
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<UserId>,
    JsonBody(body): JsonBody<UserBody>,
) -> Result<Json<UserView>, WebError> {
    let (actor, basics) = (caller.actor, body.read()?);
    web.write(move |tx| users::edit(tx, &actor, id, &basics)).await?;
    view(&web, &caller, id).await.map(Json)
}

pub async fn deactivate(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<UserId>,
) -> Result<Json<UserView>, WebError> {
    let actor = caller.actor;
    web.write(move |tx| users::deactivate(tx, &actor, id)).await?;
    view(&web, &caller, id).await.map(Json)
}

pub async fn reactivate(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<UserId>,
) -> Result<Json<UserView>, WebError> {
    let actor = caller.actor;
    web.write(move |tx| users::reactivate(tx, &actor, id)).await?;
    view(&web, &caller, id).await.map(Json)
}

pub async fn add_contact(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<UserId>,
    JsonBody(body): JsonBody<ContactBody>,
) -> Result<Created<UserView>, WebError> {
    let unknown = || Refusal::invalid("channel_unknown", "channel", "A channel is sms, whatsapp or email.");
    let channel = Channel::from_word(&body.channel).ok_or_else(unknown)?;
    let actor = caller.actor;
    web.write(move |tx| users::add_contact(tx, &actor, id, channel, &body.address)).await?;
    Ok(Created(format!("/api/v1/users/{id}"), view(&web, &caller, id).await?))
}

pub async fn remove_contact(
    State(web): State<Arc<Web>>,
    caller: Caller,
    Path((id, contact)): Path<(String, String)>,
) -> Result<StatusCode, WebError> {
    let (Ok(id), Ok(contact)) = (id.parse::<UserId>(), contact.parse::<ContactId>()) else {
        return Err(WebError::NotFound);
    };
    let actor = caller.actor;
    web.write(move |tx| users::remove_contact(tx, &actor, id, contact)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl UserBody {
    fn read(self) -> Result<Basics, Refusal> {
        let unknown = || Refusal::invalid("role_unknown", "role", "A role is admin, responder or viewer.");
        let role = Role::from_word(&self.role).ok_or_else(unknown)?;
        let zone = self.zone.unwrap_or_else(|| "UTC".to_owned());
        Ok(Basics { name: self.name, email: self.email, role, zone })
    }
}

impl UserView {
    pub(super) fn of(user: &User, reader: Role) -> UserView {
        let address = |channel, address: &str| shown_address(channel, address, reader);
        let contact = |contact: &ContactMethod| ContactView {
            id: contact.id.to_string(),
            channel: contact.channel.word(),
            address: address(contact.channel, &contact.address),
            enabled: contact.enabled,
            verified_at: contact.verified_at.map(Instant::from),
        };
        UserView {
            id: user.id.to_string(),
            name: user.name.clone(),
            email: user.email.as_ref().map(|email| address(Channel::Email, email)),
            role: user.role.word(),
            has_login: user.login.is_some(),
            zone: user.zone.clone(),
            is_active: user.is_active(),
            contact_methods: user.contacts.iter().map(contact).collect(),
            created_at: user.created_at.into(),
            version: user.version,
        }
    }
}

async fn view(web: &Web, caller: &Caller, id: UserId) -> Result<UserView, WebError> {
    let reader = caller.user.role;
    web.read(move |read| Ok(UserView::of(&users::one(read, id)?, reader))).await
}
