//! The forms of the schedule's page: entries, overrides and swaps, with times typed on the schedule's clock.

use super::{Asked, show};
use crate::app::schedules::{self, Turn};
use crate::domain::entry::{Interval, OverrideMode};
use crate::domain::id::{EntryId, OverrideId, ScheduleId, UserId};
use crate::domain::warning::Warning;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, PathId, SignedIn};
use crate::web::ui::form::Form;
use crate::web::ui::notices::to_with;
use crate::web::ui::{refused, typed};
use axum::extract::{Path, State};
use axum::response::Response;
use std::str::FromStr;
use std::sync::Arc;

pub async fn add_entry(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let (actor, user, note) = (signed_in.actor, form.id("user")?, form.text("note").to_owned());
        let span = span(&web, id, &form, PLAIN).await?;
        Ok(web.write(move |tx| schedules::add_entry(tx, &actor, id, user, span, &note)).await?.warnings)
    };
    answer(&web, &signed_in, id, done.await, "entry", &form).await
}

pub async fn edit_entry(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): Path<(String, String)>,
    form: FormBody,
) -> Result<Response, WebError> {
    let (id, entry): (ScheduleId, EntryId) = ids(&path)?;
    let done = async {
        let (actor, user, note) = (signed_in.actor, form.id("user")?, form.text("note").to_owned());
        let span = span(&web, id, &form, PLAIN).await?;
        let write = web.edit(actor, &form, move |tx| {
            schedules::entry(tx, id, entry)?;
            schedules::edit_entry(tx, &actor, entry, user, span, &note)
        });
        Ok(write.await?.warnings)
    };
    match refused(done.await)? {
        Ok(warnings) => Ok(to_with(format!("/schedules/{id}"), &warnings)),
        Err(refusal) => {
            let refused = Some(Form::refused("change", &form.0.0, refusal));
            show(&web, &signed_in, id, Asked { refused, entry: Some(entry), ..Asked::default() }).await
        }
    }
}

pub async fn remove_entry(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): Path<(String, String)>,
) -> Result<Response, WebError> {
    let (id, entry): (ScheduleId, EntryId) = ids(&path)?;
    let actor = signed_in.actor;
    let write = web.write(move |tx| {
        schedules::entry(tx, id, entry)?;
        schedules::remove_entry(tx, &actor, entry)
    });
    Ok(to_with(format!("/schedules/{id}"), &write.await?.warnings))
}

pub async fn add_override(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let (actor, user, note) = (signed_in.actor, form.id("user")?, form.text("note").to_owned());
        let from: Option<UserId> = form.optional_id("from")?;
        let mode = from.map_or(OverrideMode::Cover, |from| OverrideMode::Replace { from });
        let span = span(&web, id, &form, PLAIN).await?;
        if form.text("do") == "preview" {
            let now = web.app.now();
            let think = web.read(move |read| schedules::think_override(read, &actor, id, user, mode, span, now));
            return Ok(Err(think.await?));
        }
        let write = web.write(move |tx| schedules::add_override(tx, &actor, id, user, mode, span, &note));
        Ok(Ok(write.await?.warnings))
    };
    let done = match done.await {
        Ok(Err(thought)) => {
            let values = form.0.0.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            let (refused, thought) = (Some(Form::filled("override", values)), Some(thought));
            return show(&web, &signed_in, id, Asked { refused, thought, ..Asked::default() }).await;
        }
        Ok(Ok(warnings)) => Ok(warnings),
        Err(error) => Err(error),
    };
    answer(&web, &signed_in, id, done, "override", &form).await
}

pub async fn remove_override(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): Path<(String, String)>,
) -> Result<Response, WebError> {
    let (id, removed): (ScheduleId, OverrideId) = ids(&path)?;
    let actor = signed_in.actor;
    let write = web.write(move |tx| {
        schedules::override_of(tx, id, removed)?;
        schedules::remove_override(tx, &actor, removed)
    });
    Ok(to_with(format!("/schedules/{id}"), &write.await?.warnings))
}

pub async fn add_swap(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let (actor, note) = (signed_in.actor, form.text("note").to_owned());
        let one = Turn { user: form.id("user")?, span: span(&web, id, &form, PLAIN).await? };
        let other = Turn { user: form.id("other_user")?, span: span(&web, id, &form, OTHER).await? };
        Ok(web.write(move |tx| schedules::add_swap(tx, &actor, id, one, other, &note)).await?.warnings)
    };
    answer(&web, &signed_in, id, done.await, "swap", &form).await
}

/// The fields of a start and an end, each with that of its pass.
type Ends = [(&'static str, &'static str); 2];
pub const PLAIN: Ends = [("start", "start_pass"), ("end", "end_pass")];
pub const OTHER: Ends = [("other_start", "other_start_pass"), ("other_end", "other_end_pass")];

/// The typed times, read on the schedule's clock.
async fn span(web: &Arc<Web>, id: ScheduleId, form: &Fields, ends: Ends) -> Result<Interval, WebError> {
    let zone = web.read(move |read| schedules::one(read, id)).await?.zone;
    let [start, end] = ends.map(|(field, pass)| typed::instant(form, field, pass, &zone));
    Ok(Interval { start: start?, end: end? })
}

pub async fn answer(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: ScheduleId,
    done: Result<Vec<Warning>, WebError>,
    form_name: &'static str,
    form: &FormBody,
) -> Result<Response, WebError> {
    match refused(done)? {
        Ok(warnings) => Ok(to_with(format!("/schedules/{id}"), &warnings)),
        Err(refusal) => {
            let refused = Some(Form::refused(form_name, &form.0.0, refusal));
            show(web, signed_in, id, Asked { refused, ..Asked::default() }).await
        }
    }
}

/// The ids of a path; one that is no such id is simply not found.
pub fn ids<A: FromStr, B: FromStr>(path: &(String, String)) -> Result<(A, B), WebError> {
    match (path.0.parse(), path.1.parse()) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        _ => Err(WebError::NotFound),
    }
}
