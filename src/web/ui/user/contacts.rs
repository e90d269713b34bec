//! The part of `/users/{id}` about contact methods: each with its state, the proof that messages arrive, and what was sent
//! to try it.

use super::answer;
use crate::app::{AppError, Write, users};
use crate::domain::access::Role;
use crate::domain::actor::Actor;
use crate::domain::contact::Channel;
use crate::domain::delivery::Delivery;
use crate::domain::id::{ContactId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::timeline::Via;
use crate::domain::user::{ContactMethod, User};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, PathId, SignedIn};
use crate::web::ui::calendars::ids;
use crate::web::ui::clock::When;
use crate::web::ui::deliveries::{about, shown_address, state};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::{Sight, to};
use axum::extract::{Path, State};
use axum::response::Response;
use std::sync::Arc;

/// What the template takes.
pub struct Contacts {
    pub methods: Vec<Method>,
    pub channels: Vec<Choice>,
    /// For a new one; also has the sentence about a button that was refused.
    pub form: Form,
    /// The last codes and tests, for whoever may send them.
    pub told: Vec<Told>,
}

pub struct Method {
    pub base: String,
    pub channel: &'static str,
    pub address: String,
    pub is_enabled: bool,
    pub is_verified: bool,
    /// A code was sent and can be typed in.
    pub awaits_code: bool,
    pub code_form: Form,
    pub address_form: Form,
}

pub struct Told {
    pub what: String,
    pub to: String,
    pub when: When,
    pub class: &'static str,
    pub shape: &'static str,
    pub state: String,
}

/// How many of the last messages are shown.
const TOLD: usize = 5;

pub fn shown(
    sight: &Sight<'_>,
    user: &User,
    seen_as: Role,
    may_edit: bool,
    refused: &Option<Form>,
) -> Result<Contacts, AppError> {
    let now = sight.reader.now;
    // Forms of one name are told apart by their place; 0 is that of a form that stands alone.
    let form_of = |name, place: usize| {
        let of_this = refused.clone().filter(|form| form.place == place);
        Form::chosen(&of_this, Form::blank(name).at_place(place), &[])
    };
    let method = |(index, contact): (usize, &ContactMethod)| Method {
        base: format!("/users/{}/contacts/{}", user.id, contact.id),
        channel: contact.channel.title(),
        address: shown_address(contact.channel, &contact.address, seen_as),
        is_enabled: contact.enabled,
        is_verified: contact.verified_at.is_some(),
        awaits_code: contact.proof_begun_at(now).is_some(),
        code_form: form_of("code", index + 1),
        address_form: form_of("address", index + 1),
    };
    let told = |delivery: &Delivery| {
        let (class, shape, state) = state(delivery, sight.reader);
        let address = shown_address(delivery.channel, &delivery.address, seen_as);
        let to = format!("{} {address}", delivery.channel.title());
        Told {
            what: about(delivery.reason, Via::Named),
            to,
            when: sight.reader.when(delivery.created_at),
            class,
            shape,
            state,
        }
    };
    let last = if may_edit { users::last_told(sight.read, user.id, TOLD)? } else { vec![] };
    Ok(Contacts {
        methods: user.contacts.iter().enumerate().map(method).collect(),
        channels: Channel::ALL.into_iter().map(|channel| Choice::new(channel.word(), channel.title())).collect(),
        form: Form::chosen(refused, Form::blank("contact"), &[BUTTON]),
        told: last.iter().map(told).collect(),
    })
}

pub async fn add(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<UserId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let unknown = || Refusal::invalid("channel_unknown", "channel", "Choose one of the list.");
        let channel = Channel::from_word(form.text("channel")).ok_or_else(unknown)?;
        let (actor, address) = (signed_in.actor, form.text("address").to_owned());
        web.write(move |tx| users::add_contact(tx, &actor, id, channel, &address).map(drop)).await
    };
    answer(&web, &signed_in, id, done.await, "contact", &form).await
}

type ContactPath = Path<(String, String)>;

pub async fn enable(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    path: ContactPath,
    form: FormBody,
) -> Result<Response, WebError> {
    let enable = |tx: &mut Write<'_>, actor: &Actor, id, contact| users::enable_contact(tx, actor, id, contact, true);
    act(web, signed_in, path, form, BUTTON, enable).await
}

pub async fn disable(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    path: ContactPath,
    form: FormBody,
) -> Result<Response, WebError> {
    let disable = |tx: &mut Write<'_>, actor: &Actor, id, contact| users::enable_contact(tx, actor, id, contact, false);
    act(web, signed_in, path, form, BUTTON, disable).await
}

pub async fn remove(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    path: ContactPath,
    form: FormBody,
) -> Result<Response, WebError> {
    act(web, signed_in, path, form, BUTTON, users::remove_contact).await
}

pub async fn send_test(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    path: ContactPath,
    form: FormBody,
) -> Result<Response, WebError> {
    act(web, signed_in, path, form, BUTTON, users::send_test).await
}

pub async fn send_code(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    path: ContactPath,
    form: FormBody,
) -> Result<Response, WebError> {
    act(web, signed_in, path, form, BUTTON, users::send_code).await
}

pub async fn readdress(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    path: ContactPath,
    form: FormBody,
) -> Result<Response, WebError> {
    let address = form.text("address").to_owned();
    let readdress = move |tx: &mut Write<'_>, actor: &Actor, id, contact| {
        users::readdress_contact(tx, actor, id, contact, &address)
    };
    act(web, signed_in, path, form, "address", readdress).await
}

pub async fn verify(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): ContactPath,
    form: FormBody,
) -> Result<Response, WebError> {
    let ((id, contact), actor): ((UserId, ContactId), _) = (ids(&path)?, signed_in.actor);
    let (key, code) = (web.app.settings.link_key.clone(), form.text("code").to_owned());
    let proved = web.write(move |tx| users::prove_contact(tx, &actor, &key, id, contact, &code)).await;
    let done = proved.and_then(|answer| answer.map_err(WebError::from));
    answer_at(&web, &signed_in, (id, contact), done, "code", &form).await
}

/// The name of forms that are a button and no more.
const BUTTON: &str = "contact-button";

/// Does something with the contact method in the path, and shows the page again. A refusal stands in the form of this name.
async fn act(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): ContactPath,
    form: FormBody,
    form_name: &'static str,
    deed: impl Fn(&mut Write<'_>, &Actor, UserId, ContactId) -> Result<(), AppError> + Send + 'static,
) -> Result<Response, WebError> {
    let ((id, contact), actor): ((UserId, ContactId), _) = (ids(&path)?, signed_in.actor);
    let done = web.write(move |tx| deed(tx, &actor, id, contact)).await;
    answer_at(&web, &signed_in, (id, contact), done, form_name, &form).await
}

/// As [`answer`], for one of several forms of a name: the one at this contact method.
async fn answer_at(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    (id, contact): (UserId, ContactId),
    done: Result<(), WebError>,
    name: &'static str,
    form: &FormBody,
) -> Result<Response, WebError> {
    match crate::web::ui::refused(done)? {
        Ok(()) => Ok(to(format!("/users/{id}"))),
        Err(refusal) => {
            let user = web.read(move |read| users::one(read, id)).await?;
            let place = user.contacts.iter().position(|other| other.id == contact).map_or(0, |index| index + 1);
            let form = Form::refused(name, &form.0.0, refusal).at_place(place);
            super::show(web, signed_in, id, Some(form)).await
        }
    }
}
