//! `/escalation-policies/{id}`: the ladder from any instant on, and its levels, each in a form of its own.

use crate::app::policies::{self, Basics};
use crate::app::{AppError, Write, incidents};
use crate::domain::actor::Actor;
use crate::domain::entry::Interval;
use crate::domain::id::PolicyId;
use crate::domain::policy::{Level, Policy};
use crate::domain::refusal::Refusal;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, PathId, QueryFields, SignedIn};
use crate::web::ui::clock::count;
use crate::web::ui::escalation_policies::{Slots, last_resort, level, people, recipients, spelled, with_blanks};
use crate::web::ui::form::Form;
use crate::web::ui::ladder::{Asked, Ladder, played};
use crate::web::ui::moved::Moved;
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
    /// "Used by 4 sources · 1 open incident follows it now".
    used: String,
    /// What saving did to open incidents.
    moved: Vec<String>,
    /// What could leave an alert without anybody.
    hints: Vec<String>,
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

/// What is looked at, and what was done just now.
#[derive(Default)]
struct Look {
    ladder: Asked,
    moved: Moved,
    refused: Option<Refused>,
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
    show(&web, &signed_in, id, Look { ladder: Asked::read(&query), moved: Moved::read(&query), refused: None }).await
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<PolicyId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let (actor, basics) = (signed_in.actor, basics(&form)?);
        saved(&web, actor, &form, id, move |tx| policies::edit(tx, &actor, id, &basics)).await
    };
    answer(&web, &signed_in, id, done.await, "policy", None, &form).await
}

fn basics(form: &Fields) -> Result<Basics, Refusal> {
    let last_resort = last_resort(form)?;
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
        saved(&web, actor, &form, id, move |tx| policies::add_level(tx, &actor, id, &level)).await
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
        saved(&web, actor, &form, id, move |tx| policies::edit_level(tx, &actor, id, number, &level)).await
    };
    answer(&web, &signed_in, id, done.await, "level", Some(number), &form).await
}

pub async fn remove_level(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): Path<(String, String)>,
) -> Result<Response, WebError> {
    let ((id, number), actor) = (level_of(&path)?, signed_in.actor);
    let query =
        saved(&web, actor, &Fields::parse(b""), id, move |tx| policies::remove_level(tx, &actor, id, number)).await?;
    Ok(to(format!("/escalation-policies/{id}?{query}")))
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

/// Saves, and answers the query of the page that says what it did to incidents that are open.
async fn saved(
    web: &Web,
    actor: Actor,
    form: &Fields,
    id: PolicyId,
    change: impl Fn(&mut Write<'_>) -> Result<(), AppError> + Send + 'static,
) -> Result<String, WebError> {
    let write = web.edit(actor, form, move |tx| {
        let before = incidents::next_calls(tx, &policies::one(tx, id)?)?;
        change(tx)?;
        let after = incidents::next_calls(tx, &policies::one(tx, id)?)?;
        Ok(Moved::between(before, &after))
    });
    Ok(write.await?.query())
}

async fn answer(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: PolicyId,
    done: Result<String, WebError>,
    form_name: &'static str,
    level: Option<u8>,
    form: &FormBody,
) -> Result<Response, WebError> {
    match refused(done)? {
        Ok(query) => Ok(to(format!("/escalation-policies/{id}?{query}"))),
        Err(refusal) => {
            let refused = Some(Refused { form: Form::refused(form_name, &form.0.0, refusal), level });
            show(web, signed_in, id, Look { refused, ..Look::default() }).await
        }
    }
}

async fn show(web: &Arc<Web>, signed_in: &SignedIn, id: PolicyId, look: Look) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/escalation-policies" };
    let status = look.refused.as_ref().map_or(StatusCode::OK, |refused| refused.form.status());
    let page = desk.look(move |sight, shell| shown(sight, shell, id, look)).await?;
    drawn(status, &page)
}

fn shown(
    sight: &Sight<'_>,
    shell: Shell,
    id: PolicyId,
    Look { ladder, moved, refused }: Look,
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
    let ladder = played(sight, id, &ladder)?;
    let (used, moved) = (used(sight, id)?, moved.in_words(sight, &policy)?);
    let hints = hints(sight, &policy)?;
    Ok(Page { shell, base, name: policy.name, ladder, used, moved, hints, levels, form, last_resort })
}

fn used(sight: &Sight<'_>, id: PolicyId) -> Result<String, AppError> {
    let sources = match policies::used_by(sight.read, id)? {
        0 => "Used by no alert source yet".to_owned(),
        sources => format!("Used by {}", count(sources, "source")),
    };
    Ok(match incidents::following(sight.read, id)? {
        0 => format!("{sources}."),
        1 => format!("{sources} · 1 open incident follows it now."),
        open => format!("{sources} · {open} open incidents follow it now."),
    })
}

fn hints(sight: &Sight<'_>, policy: &Policy) -> Result<Vec<String>, AppError> {
    let reader = sight.reader;
    let stretch = |(level, span): (u8, Interval)| {
        let from = if span.start <= reader.now { "now".to_owned() } else { reader.exactly(span.start).text };
        format!("Level {level} reaches nobody from {from} to {}; it is skipped then.", reader.exactly(span.end).text)
    };
    let empty = policies::empty_stretches(sight.read, policy.id, reader.now)?;
    let mut hints: Vec<String> = empty.into_iter().map(stretch).collect();
    if policy.levels.is_empty() {
        hints.push("It has no level: every alert goes to the last resort at once.".to_owned());
    }
    Ok(hints)
}

fn form_of(level: &Level) -> Form {
    let form = Form::blank("level").with("number", level.number).with("delay", level.delay_minutes);
    level.recipients.iter().fold(form, |form, recipient| form.and("recipients", spelled(recipient)))
}
