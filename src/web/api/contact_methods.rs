//! `/api/v1/users/{id}/contact-methods`: how a person is reached, tried and proved.
//!
//! Everybody signed in reads, viewers without numbers and addresses; one's own are one's own business, those of others an
//! admin's. A code and a test are sent by the worker like any other message, so their answer says that they are on their
//! way and no more.

use crate::app::{AppError, Write, users};
use crate::domain::access::Role;
use crate::domain::actor::Actor;
use crate::domain::id::{ContactId, UserId};
use crate::domain::time::Timestamp;
use crate::domain::user::{ContactMethod, User};
use crate::web::Web;
use crate::web::api::fields::Nothing;
use crate::web::api::{Instant, List};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use crate::web::ui::calendars::ids;
use crate::web::ui::deliveries::shown_address;
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize)]
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressBody {
    #[serde(default)]
    address: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    #[serde(default)]
    code: String,
}

pub async fn list(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<UserId>,
) -> Result<Json<List<ContactMethodView>>, WebError> {
    let (user, now) = web.read(move |read| Ok((users::one(read, id)?, read.now()))).await?;
    let views = user.contacts.iter().map(|contact| ContactMethodView::of(contact, caller.user.role, now));
    Ok(Json(List::whole(views)))
}

type ContactPath = Path<(String, String)>;
type Shown = Result<Json<ContactMethodView>, WebError>;

pub async fn one(State(web): State<Arc<Web>>, caller: Caller, Path(path): ContactPath) -> Shown {
    let (id, contact) = ids(&path)?;
    view(&web, &caller, id, contact).await
}

/// Another address for the same method: rules keep naming it, and it is to be verified again.
pub async fn edit(
    web: State<Arc<Web>>,
    caller: Caller,
    path: ContactPath,
    JsonBody(body): JsonBody<AddressBody>,
) -> Shown {
    let readdress = move |tx: &mut Write<'_>, actor: &Actor, id, contact| {
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
    Path(path): ContactPath,
    JsonBody(body): JsonBody<CodeBody>,
) -> Shown {
    let ((id, contact), actor): ((UserId, ContactId), _) = (ids(&path)?, caller.actor);
    let key = web.app.settings.link_key.clone();
    web.write(move |tx| users::prove_contact(tx, &actor, &key, id, contact, &body.code)).await??;
    view(&web, &caller, id, contact).await
}

async fn act(
    State(web): State<Arc<Web>>,
    caller: Caller,
    Path(path): ContactPath,
    deed: impl Fn(&mut Write<'_>, &Actor, UserId, ContactId) -> Result<(), AppError> + Send + 'static,
) -> Shown {
    let ((id, contact), actor): ((UserId, ContactId), _) = (ids(&path)?, caller.actor);
    web.write(move |tx| deed(tx, &actor, id, contact)).await?;
    view(&web, &caller, id, contact).await
}

async fn view(web: &Web, caller: &Caller, id: UserId, contact: ContactId) -> Shown {
    let reader = caller.user.role;
    web.read(move |read| {
        let (user, now): (User, Timestamp) = (users::one(read, id)?, read.now());
        let found = user.contact(contact).map(|contact| ContactMethodView::of(contact, reader, now));
        Ok(Json(found.ok_or_else(|| crate::domain::refusal::Refusal::not_found("contact method"))?))
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
