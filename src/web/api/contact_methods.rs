//! `/api/v1/users/{id}/contact-methods`: how a person is reached, tried and proved.
//!
//! Everybody signed in reads, viewers without numbers and addresses; one's own are one's own business, those of others an
//! admin's. A code and a test are sent by the worker like any other message, so their answer says that they are on their
//! way and no more.

use crate::app::{AppError, Write, users};
use crate::domain::access::Role;
use crate::domain::actor::Actor;
use crate::domain::contact::Channel;
use crate::domain::id::{ContactId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::user::{ContactMethod, User};
use crate::web::Web;
use crate::web::api::fields::Nothing;
use crate::web::api::{Created, IfMatch, Instant, List, Page, Versioned};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId, PathIds};
use crate::web::ui::deliveries::shown_address;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct ContactMethodView {
    id: String,
    /// `sms`, `whatsapp` or `email`.
    channel: &'static str,
    /// Masked for viewers.
    address: String,
    enabled: bool,
    /// When its owner proved that messages arrive.
    verified_at: Option<Instant>,
    /// A code was sent and can be given.
    awaits_code: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewContactMethodBody {
    #[serde(default)]
    channel: String,
    /// A number in international form, or a mail address.
    #[serde(default)]
    address: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressBody {
    #[serde(default)]
    address: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    #[serde(default)]
    code: String,
}

/// In the order they were added.
pub async fn list(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<UserId>,
    page: Page,
) -> Result<List<ContactMethodView>, WebError> {
    let (user, now) = web.read(move |read| Ok((users::one(read, id)?, read.now()))).await?;
    let reader = caller.user.role;
    let views = user.contacts.iter().map(|contact| ContactMethodView::of(contact, reader, now));
    List::in_order(views.collect(), &page)
}

type ContactPath = PathIds<UserId, ContactId>;
/// With the version of the user it is part of.
type Shown = Result<Versioned<ContactMethodView>, WebError>;

pub async fn one(State(web): State<Arc<Web>>, caller: Caller, PathIds(id, contact): ContactPath) -> Shown {
    view(&web, &caller, id, contact).await
}

/// Paged from then on, whether or not it is verified.
pub async fn add(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<UserId>,
    JsonBody(body): JsonBody<NewContactMethodBody>,
) -> Result<Created<ContactMethodView>, WebError> {
    let unknown = || Refusal::invalid("channel_unknown", "channel", "A channel is sms, whatsapp or email.");
    let channel = Channel::from_word(&body.channel).ok_or_else(unknown)?;
    let actor = caller.actor;
    let contact = web.write(move |tx| users::add_contact(tx, &actor, id, channel, &body.address)).await?;
    let Versioned(version, made) = view(&web, &caller, id, contact).await?;
    let location = format!("/api/v1/users/{id}/contact-methods/{contact}");
    Ok(Created { location, version: Some(version), made })
}

/// The rules' steps of this method go with it.
pub async fn remove(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathIds(id, contact): ContactPath,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, WebError> {
    web.write(move |tx| {
        expected.check(users::own(tx, &actor, id)?.version)?;
        users::remove_contact(tx, &actor, id, contact)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Another address for the same method: rules keep naming it, and it is to be verified again.
pub async fn edit(
    web: State<Arc<Web>>,
    caller: Caller,
    path: ContactPath,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<AddressBody>,
) -> Shown {
    let readdress = move |tx: &mut Write<'_>, actor: &Actor, id, contact| {
        expected.check(users::own(tx, actor, id)?.version)?;
        users::readdress_contact(tx, actor, id, contact, &body.address)
    };
    act(web, caller, path, readdress).await
}

pub async fn enable(web: State<Arc<Web>>, caller: Caller, path: ContactPath, _: JsonBody<Nothing>) -> Shown {
    let enable = |tx: &mut Write<'_>, actor: &Actor, id, contact| users::enable_contact(tx, actor, id, contact, true);
    act(web, caller, path, enable).await
}

pub async fn disable(web: State<Arc<Web>>, caller: Caller, path: ContactPath, _: JsonBody<Nothing>) -> Shown {
    let disable = |tx: &mut Write<'_>, actor: &Actor, id, contact| users::enable_contact(tx, actor, id, contact, false);
    act(web, caller, path, disable).await
}

/// The six digits that prove whose contact method this is are on their way to it.
pub async fn send_code(web: State<Arc<Web>>, caller: Caller, path: ContactPath, _: JsonBody<Nothing>) -> Shown {
    act(web, caller, path, users::send_code).await
}

/// A message that says who asked for it is on its way.
pub async fn send_test(web: State<Arc<Web>>, caller: Caller, path: ContactPath, _: JsonBody<Nothing>) -> Shown {
    act(web, caller, path, users::send_test).await
}

/// A wrong code is refused, and counted all the same.
pub async fn verify(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathIds(id, contact): ContactPath,
    JsonBody(body): JsonBody<CodeBody>,
) -> Shown {
    let (actor, key) = (caller.actor, web.app.settings.link_key.clone());
    web.write(move |tx| users::prove_contact(tx, &actor, &key, id, contact, &body.code)).await??;
    view(&web, &caller, id, contact).await
}

async fn act(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathIds(id, contact): ContactPath,
    deed: impl Fn(&mut Write<'_>, &Actor, UserId, ContactId) -> Result<(), AppError> + Send + 'static,
) -> Shown {
    let actor = caller.actor;
    web.write(move |tx| deed(tx, &actor, id, contact)).await?;
    view(&web, &caller, id, contact).await
}

async fn view(web: &Web, caller: &Caller, id: UserId, contact: ContactId) -> Shown {
    let reader = caller.user.role;
    web.read(move |read| {
        let (user, now): (User, Timestamp) = (users::one(read, id)?, read.now());
        let found = user.contact(contact).map(|contact| ContactMethodView::of(contact, reader, now));
        Ok(Versioned(user.version, found.ok_or_else(|| Refusal::not_found("contact method"))?))
    })
    .await
}

impl ContactMethodView {
    fn of(contact: &ContactMethod, reader: Role, now: Timestamp) -> ContactMethodView {
        ContactMethodView {
            id: contact.id.to_string(),
            channel: contact.channel.word(),
            address: shown_address(contact.channel, &contact.address, reader),
            enabled: contact.enabled,
            verified_at: contact.verified_at.map(Instant::from),
            awaits_code: contact.proof_begun_at(now).is_some(),
        }
    }
}
