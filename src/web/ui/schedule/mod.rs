//! `/schedules/{id}`: who is on call, until when and why; the weeks as they come out; the rotations, entries and overrides
//! that make it so.
//!
//! All times of this page are the schedule's, shown and typed. The query says which weeks are drawn (`from`, `weeks`) and
//! which instant is explained (`at`).

pub mod band;
pub mod fairness;
pub mod forms;
pub mod repeat;
pub mod rotation;
mod shown;
pub mod words;

use crate::app::schedules::{self, Thought};
use crate::domain::id::{EntryId, ScheduleId};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, PathId, QueryFields, SignedIn};
use crate::web::ui::form::Form;
use crate::web::ui::notices::to_with;
use crate::web::ui::schedules::basics;
use crate::web::ui::{Desk, page as drawn, refused};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;

/// What the page shows besides the records.
#[derive(Default)]
pub(super) struct Asked {
    query: QueryFields,
    refused: Option<Form>,
    /// The entry whose own form it was.
    entry: Option<EntryId>,
    /// What the override in the form would do.
    thought: Option<Thought>,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    query: QueryFields,
) -> Result<Response, WebError> {
    show(&web, &signed_in, id, Asked { query, ..Asked::default() }).await
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let (actor, basics) = (signed_in.actor, basics(&form)?);
        Ok(web.edit(actor, &form, move |tx| schedules::edit(tx, &actor, id, &basics)).await?.warnings)
    };
    forms::answer(&web, &signed_in, id, done.await, "schedule", &form).await
}

pub async fn delete(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    match refused(web.write(move |tx| schedules::delete(tx, &actor, id)).await)? {
        Ok(saved) => Ok(to_with("/schedules", &saved.warnings)),
        Err(refusal) => forms::answer(&web, &signed_in, id, Err(refusal.into()), "delete", &form).await,
    }
}

async fn show(web: &Arc<Web>, signed_in: &SignedIn, id: ScheduleId, asked: Asked) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/schedules" };
    let status = asked.refused.as_ref().map_or(StatusCode::OK, Form::status);
    let page = desk.look(move |sight, shell| shown::shown(sight, shell, id, asked)).await?;
    drawn(status, &page)
}
