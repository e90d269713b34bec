//! `GET /api/v1/audit`: who changed what, for admins, the newest first.
//!
//! `?actor=usr_1k&action=policy&object=pol_1k&since=…&until=…&limit=50&cursor=…`.

use crate::app::Read;
use crate::app::audit_log::{self, Asked};
use crate::app::names::{self, Names};
use crate::domain::audit::AuditEntry;
use crate::domain::refusal::Refusal;
use crate::web::Web;
use crate::web::api::actor::ActorView;
use crate::web::api::fields::{cursor_at, place_of};
use crate::web::api::{Instant, List, Page, instant_of};
use crate::web::error::WebError;
use crate::web::extract::Caller;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
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
    /// For whom it was done, if somebody else recorded it.
    acting_as: Option<String>,
    /// Where the client was, for what came over a connection.
    address: Option<String>,
    /// What an edit found and what it left, in words and without secrets.
    change: Option<ChangeView>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ChangeView {
    before: String,
    after: String,
}

/// All that are given must hold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditFilter {
    /// The id of a user or an alert source, or `system`, or `command_line`.
    actor: Option<String>,
    /// A whole action, `policy.saved`, or what it is about, `policy`.
    action: Option<String>,
    /// The id of what was changed.
    object: Option<String>,
    since: Option<String>,
    /// Before then.
    until: Option<String>,
}

/// A page may be short and still have a cursor: a filter is asked of so many entries at a time.
pub async fn list(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    page: Page<AuditFilter>,
) -> Result<List<AuditEntryView>, WebError> {
    let (limit, cursor, asked) = (page.limit, cursor_at(page.cursor.as_ref())?, page.filter.read()?);
    let read = move |read: &Read<'_>| Ok((audit_log::page(read, &actor, &asked, limit, cursor)?, names::all(read)?));
    let (found, names) = web.read(read).await?;
    let data = found.entries.into_iter().map(|entry| AuditEntryView::of(entry, &names)).collect();
    Ok(List::page(data, found.next.as_ref().map(place_of), &page))
}

impl AuditFilter {
    fn read(&self) -> Result<Asked, Refusal> {
        let instant = |text: &Option<String>, field| text.as_ref().map(|text| instant_of(text, field)).transpose();
        let sentence = "An actor is the id of a user or an alert source, system, command_line or unknown.";
        let actor = self.actor.as_deref().map(str::parse).transpose();
        Ok(Asked {
            actor: actor.map_err(|_| Refusal::invalid("unknown", "actor", sentence))?,
            action: self.action.clone(),
            object: self.object.clone(),
            since: instant(&self.since, "since")?,
            until: instant(&self.until, "until")?,
        })
    }
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
            acting_as: entry.acting_as.map(|user| user.to_string()),
            address: entry.actor.address.map(|address| address.to_string()),
            change: entry.change.map(|change| ChangeView { before: change.before, after: change.after }),
        }
    }
}
