//! `/escalation-policies/{id}`: the ladder from any instant on, and its levels, each in a form of its own.

use crate::app::AppError;
use crate::app::policies::{self, Basics};
use crate::domain::id::{PolicyId, UserId};
use crate::domain::policy::Level;
use crate::domain::refusal::Refusal;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, PathId, QueryFields, SignedIn};
use crate::web::ui::escalation_policies::{Slots, level, people, recipients, spelled, with_blanks};
use crate::web::ui::form::Form;
use crate::web::ui::ladder::{Asked, Ladder, ladder};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Sight, page as drawn, refused, to};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/escalation_policy.html", askama = rinja)]
struct Page {
    shell: Shell,
    base: String,
    name: String,
    ladder: Ladder,
    levels: Vec<LevelForm>,
    form: Form,
    last_resort: Slots,
}

/// The form of one level, or of the one that could be added.
struct LevelForm {
    form: Form,
    title: String,
    action: String,
    /// Where to remove it, if it is there.
    remove: Option<String>,
    slots: Slots,
}

/// A form that was refused, and the level it was for; `None` was the new one.
struct Refused {
    form: Form,
    level: Option<u8>,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<PolicyId>,
    query: QueryFields,
) -> Result<Response, WebError> {
    show(&web, &signed_in, id, Asked::read(&query), None).await
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<PolicyId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let (actor, basics) = (signed_in.actor, basics(&form)?);
        web.edit(actor, &form, move |tx| policies::edit(tx, &actor, id, &basics)).await
    };
    answer(&web, &signed_in, id, done.await, "policy", None, &form).await
}

fn basics(form: &Fields) -> Result<Basics, Refusal> {
    let mut last_resort: Vec<UserId> = Vec::new();
    for text in form.all("last_resort").filter(|text| !text.is_empty()) {
        let unknown = || Refusal::invalid("unknown", "last_resort", "Choose one that is on the list.");
        let user = text.parse().map_err(|_| unknown())?;
        if !last_resort.contains(&user) {
            last_resort.push(user);
        }
    }
    let (repeat, repage_minutes) = (form.number("repeat")?, form.number("repage_minutes")?);
    let ack_timeout_minutes = form.optional_number("ack_timeout_minutes")?;
    Ok(Basics { name: form.text("name").to_owned(), repeat, repage_minutes, ack_timeout_minutes, last_resort })
}

pub async fn add_level(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<PolicyId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let (actor, level) = (signed_in.actor, level(&form)?);
        web.write(move |tx| policies::add_level(tx, &actor, id, &level)).await
    };
    answer(&web, &signed_in, id, done.await, "level", None, &form).await
}

pub async fn edit_level(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): Path<(String, String)>,
    form: FormBody,
) -> Result<Response, WebError> {
    let (id, number) = level_of(&path)?;
    let done = async {
        let (actor, level) = (signed_in.actor, level(&form)?);
        web.edit(actor, &form, move |tx| policies::edit_level(tx, &actor, id, number, &level)).await
    };
    answer(&web, &signed_in, id, done.await, "level", Some(number), &form).await
}

pub async fn remove_level(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): Path<(String, String)>,
) -> Result<Response, WebError> {
    let ((id, number), actor) = (level_of(&path)?, signed_in.actor);
    web.write(move |tx| policies::remove_level(tx, &actor, id, number)).await?;
    Ok(to(format!("/escalation-policies/{id}")))
}

pub async fn delete(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<PolicyId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    match refused(web.write(move |tx| policies::delete(tx, &actor, id)).await)? {
        Ok(()) => Ok(to("/escalation-policies")),
        Err(refusal) => answer(&web, &signed_in, id, Err(refusal.into()), "delete", None, &form).await,
    }
}

fn level_of((policy, number): &(String, String)) -> Result<(PolicyId, u8), WebError> {
    let policy = policy.parse().map_err(|_| WebError::NotFound)?;
    Ok((policy, number.parse().map_err(|_| WebError::NotFound)?))
}

async fn answer(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: PolicyId,
    done: Result<(), WebError>,
    form_name: &'static str,
    level: Option<u8>,
    form: &FormBody,
) -> Result<Response, WebError> {
    match refused(done)? {
        Ok(()) => Ok(to(format!("/escalation-policies/{id}"))),
        Err(refusal) => {
            let form = Form::refused(form_name, &form.0.0, refusal);
            show(web, signed_in, id, Asked::default(), Some(Refused { form, level })).await
        }
    }
}

async fn show(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: PolicyId,
    asked: Asked,
    refused: Option<Refused>,
) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/escalation-policies" };
    let status = refused.as_ref().map_or(StatusCode::OK, |refused| refused.form.status());
    let page = desk.look(move |sight, shell| shown(sight, shell, id, &asked, refused)).await?;
    drawn(status, &page)
}

fn shown(
    sight: &Sight<'_>,
    shell: Shell,
    id: PolicyId,
    asked: &Asked,
    refused: Option<Refused>,
) -> Result<Page, AppError> {
    let policy = policies::one(sight.read, id)?;
    let base = format!("/escalation-policies/{id}");
    let choices = recipients(sight)?;
    let mut levels: Vec<LevelForm> = Vec::new();
    let number_of_new = policy.levels.last().map_or(1, |last| last.number.saturating_add(1));
    for level in policy.levels.iter().map(Some).chain([None]) {
        let mine = refused.as_ref().filter(|refused| refused.form.name == "level");
        let mine = mine.filter(|refused| refused.level == level.map(|level| level.number));
        let as_it_is = match level {
            Some(level) => form_of(level).of_version(id, policy.version, &base),
            None => Form::blank("level").with("number", number_of_new).with("delay", 5),
        };
        let form = match (mine, level) {
            (Some(refused), Some(_)) => refused.form.clone().beside(as_it_is),
            (Some(refused), None) => refused.form.clone(),
            (None, _) => as_it_is,
        };
        let chosen = with_blanks(form.values("recipients"));
        levels.push(LevelForm {
            // Its own place, so that no two fields of the page share an id.
            form: form.at_place(level.map_or(0, |level| usize::from(level.number))),
            title: level.map_or("Add a level".to_owned(), |level| format!("Level {}", level.number)),
            action: level.map_or(format!("{base}/levels"), |level| format!("{base}/levels/{}", level.number)),
            remove: level.map(|level| format!("{base}/levels/{}/remove", level.number)),
            slots: Slots { chosen, choices: choices.clone() },
        });
    }
    let refused = refused.map(|refused| refused.form);
    let form = Form::blank("policy")
        .with("name", &policy.name)
        .with("repeat", policy.repeat)
        .with("repage_minutes", policy.repage_minutes)
        .with("ack_timeout_minutes", policy.ack_timeout_minutes.map_or(String::new(), |minutes| minutes.to_string()));
    let form = policy.last_resort.iter().fold(form, |form, user| form.and("last_resort", user));
    let form = Form::chosen(&refused, form.of_version(id, policy.version, &base), &["delete"]);
    let last_resort = Slots { chosen: with_blanks(form.values("last_resort")), choices: people(sight)? };
    let ladder = ladder(sight, id, asked)?;
    Ok(Page { shell, base, name: policy.name, ladder, levels, form, last_resort })
}

fn form_of(level: &Level) -> Form {
    let form = Form::blank("level").with("number", level.number).with("delay", level.delay_minutes);
    level.recipients.iter().fold(form, |form, recipient| form.and("recipients", spelled(recipient)))
}
