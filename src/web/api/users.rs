//! `/api/v1/users`: people, how they are reached, and whether they are active.
//!
//! Everybody signed in reads, viewers without numbers and addresses; admins edit; one's own contact methods are one's
//! own business. Passwords do not pass through here.

use crate::app::users::{self, Basics, NewUser};
use crate::app::{AppError, Read, invitations};
use crate::domain::access::Role;
use crate::domain::contact::Channel;
use crate::domain::id::UserId;
use crate::domain::invitation::Login;
use crate::domain::refusal::{Refusal, checked_name};
use crate::domain::user::{ContactMethod, User, checked_email};
use crate::web::Web;
use crate::web::api::{Composed, Created, IfMatch, Instant, List, Page, Wrong, by_name};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use crate::web::ui::deliveries::shown_address;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct UserView {
    id: String,
    name: String,
    /// Masked for viewers, as every address is.
    email: Option<String>,
    role: &'static str,
    has_login: bool,
    /// `yes`, `invited` while a link to choose a password is good, or `none`.
    login: &'static str,
    zone: String,
    is_active: bool,
    contact_methods: Vec<ContactView>,
    created_at: Instant,
    version: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ContactView {
    id: String,
    channel: &'static str,
    address: String,
    enabled: bool,
    verified_at: Option<Instant>,
}

/// A whole user, contact methods and password apart.
#[derive(Debug, Deserialize, JsonSchema)]
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

pub async fn list(State(web): State<Arc<Web>>, caller: Caller, page: Page) -> Result<List<UserView>, WebError> {
    let with_logins = |read: &Read<'_>| users::all(read)?.into_iter().map(|user| with_login(read, user)).collect();
    let all: Vec<(User, Login)> = web.read(with_logins).await?;
    let reader = caller.user.role;
    Ok(List::cut(
        all,
        |(user, _)| by_name(&user.name, user.id),
        &page,
        |(user, login)| UserView::of(&user, reader, login),
    ))
}

pub async fn one(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<UserId>,
) -> Result<Composed<UserView>, WebError> {
    view(&web, &caller, id).await
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
    made(&web, &caller, id).await
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<UserId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<UserBody>,
) -> Result<Composed<UserView>, WebError> {
    let (actor, basics) = (caller.actor, body.read()?);
    web.write(move |tx| {
        expected.check(users::one(tx, id)?.version)?;
        users::edit(tx, &actor, id, &basics)
    })
    .await?;
    view(&web, &caller, id).await
}

pub async fn deactivate(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<UserId>,
) -> Result<Composed<UserView>, WebError> {
    let actor = caller.actor;
    web.write(move |tx| users::deactivate(tx, &actor, id)).await?;
    view(&web, &caller, id).await
}

pub async fn reactivate(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<UserId>,
) -> Result<Composed<UserView>, WebError> {
    let actor = caller.actor;
    web.write(move |tx| users::reactivate(tx, &actor, id)).await?;
    view(&web, &caller, id).await
}

impl UserBody {
    fn read(self) -> Result<Basics, WebError> {
        let mut wrong = Wrong::default();
        let role_unknown = || Refusal::invalid("role_unknown", "role", "A role is admin, responder or viewer.");
        let zone = self.zone.unwrap_or_else(|| "UTC".to_owned());
        let name = wrong.take(checked_name(&self.name));
        let email = self.email.filter(|email| !email.trim().is_empty());
        let email = wrong.take(email.as_deref().map(checked_email).transpose());
        let role = wrong.take(Role::from_word(&self.role).ok_or_else(role_unknown));
        let zone = wrong.take(users::checked_zone(&zone).map(|()| zone.clone()));
        match (name, email, role, zone) {
            (Some(name), Some(email), Some(role), Some(zone)) => Ok(Basics { name, email, role, zone }),
            _ => Err(wrong.into()),
        }
    }
}

impl UserView {
    pub(super) fn of(user: &User, reader: Role, login: Login) -> UserView {
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
            login: login.word(),
            zone: user.zone.clone(),
            is_active: user.is_active(),
            contact_methods: user.contacts.iter().map(contact).collect(),
            created_at: user.created_at.into(),
            version: user.version,
        }
    }
}

async fn made(web: &Web, caller: &Caller, id: UserId) -> Result<Created<UserView>, WebError> {
    let Composed(version, made) = view(web, caller, id).await?;
    Ok(Created { location: format!("/api/v1/users/{id}"), version: Some(version), made })
}

async fn view(web: &Web, caller: &Caller, id: UserId) -> Result<Composed<UserView>, WebError> {
    let reader = caller.user.role;
    let (user, login) = web.read(move |read| with_login(read, users::one(read, id)?)).await?;
    Ok(Composed(user.version, UserView::of(&user, reader, login)))
}

/// A user, and whether they can sign in.
pub(super) fn with_login(read: &Read<'_>, user: User) -> Result<(User, Login), AppError> {
    let (login, _) = invitations::state(read, &user, read.now())?;
    Ok((user, login))
}
