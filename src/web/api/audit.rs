//! `GET /api/v1/audit`: who changed what, for admins, the newest first.
//!
//! `?actor=usr_1k&action=policy&object=pol_1k&since=…&until=…&limit=50&cursor=…`. An actor is the id of a user or an alert
//! source, `system` or `command_line`; an action is a whole one, `policy.saved`, or what it is about, `policy`.

use crate::app::Read;
use crate::app::audit_log::{self, Asked};
use crate::app::names::{self, Names};
use crate::domain::audit::AuditEntry;
use crate::domain::refusal::Refusal;
use crate::web::Web;
use crate::web::api::actor::ActorView;
use crate::web::api::fields::Paging;
use crate::web::api::{Instant, List, instant_of};
use crate::web::error::WebError;
use crate::web::extract::{Caller, QueryFields};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;

#[derive(Debug, Serialize)]
pub struct AuditEntryView {
    id: String,
    at: Instant,
    actor: ActorView,
    /// Resource, then verb: `policy.saved`, `user.deactivated`.
    action: String,
    /// The id of what was changed.
    object: String,
    /// In words, without secrets.
    summary: String,
}

/// A page may be short and still have a cursor: a filter is asked of so many entries at a time.
pub async fn list(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    query: QueryFields,
) -> Result<Json<List<AuditEntryView>>, WebError> {
    let Paging { limit, cursor } = Paging::read(&query, &["actor", "action", "object", "since", "until"])?;
    let asked = read(&query)?;
    let read = move |read: &Read<'_>| Ok((audit_log::page(read, &actor, &asked, limit, cursor)?, names::all(read)?));
    let (found, names) = web.read(read).await?;
    let data = found.entries.into_iter().map(|entry| AuditEntryView::of(entry, &names)).collect();
    Ok(Json(List { data, next_cursor: found.next.as_ref().map(Paging::write) }))
}

fn read(query: &QueryFields) -> Result<Asked, Refusal> {
    let instant = |field| query.optional(field).map(|text| instant_of(text, field)).transpose();
    let actor = query.optional("actor").map(str::parse).transpose();
    let sentence = "An actor is the id of a user or an alert source, or system, or command_line.";
    Ok(Asked {
        actor: actor.map_err(|_| Refusal::invalid("unknown", "actor", sentence))?,
        action: query.optional("action").map(str::to_owned),
        object: query.optional("object").map(str::to_owned),
        since: instant("since")?,
        until: instant("until")?,
    })
}

impl AuditEntryView {
    fn of(entry: AuditEntry, names: &Names) -> AuditEntryView {
        AuditEntryView {
            id: entry.id.to_string(),
            at: entry.at.into(),
            actor: ActorView::of(&entry.actor, names),
            action: entry.action,
            object: entry.object,
            summary: entry.summary,
        }
    }
}
