//! `/api/v1/schedules`: schedules with their layers, entries and overrides. Everybody signed in reads, admins edit; what
//! comes out of them is `on_call.rs`, rotations are `rotations.rs`.
//!
//! Every answer to a change has `warnings`: it was done, and that came of it.

use crate::app::names::{self, Names};
use crate::app::schedules::{self, Basics, Saved, Turn};
use crate::app::{AppError, Read, oncall};
use crate::domain::entry::{Entry, Interval, Override, OverrideMode};
use crate::domain::id::{EntryId, OverrideId, ScheduleId};
use crate::domain::refusal::Refusal;
use crate::domain::schedule::Schedule;
use crate::web::Web;
use crate::web::api::rotations::LayerView;
use crate::web::api::{Created, Instant, List, Reference, WithWarnings, id_of, instant_of, only_known};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId, QueryFields};
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::sync::Arc;

#[derive(Debug, Serialize)]
pub struct ScheduleView {
    id: String,
    name: String,
    team: Reference,
    zone: String,
    fallback: Option<Reference>,
    /// The top one first.
    layers: Vec<LayerView>,
    /// Counts every change of who is on call, also of entries and overrides.
    revision: u64,
    revised_at: Instant,
    created_at: Instant,
    version: u64,
}

impl ScheduleView {
    fn of(schedule: &Schedule, names: &Names) -> ScheduleView {
        ScheduleView {
            id: schedule.id.to_string(),
            name: schedule.name.clone(),
            team: Reference::new(schedule.team, names.teams.get(&schedule.team)),
            zone: schedule.zone.clone(),
            fallback: schedule.fallback.map(|user| Reference::new(user, names.users.get(&user))),
            layers: schedule.layers.iter().map(|layer| LayerView::of(layer, &schedule.zone)).collect(),
            revision: schedule.revision,
            revised_at: schedule.revised_at.into(),
            created_at: schedule.created_at.into(),
            version: schedule.version,
        }
    }
}

/// A whole schedule but for its layers; what is left out is empty.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleBody {
    #[serde(default)]
    name: String,
    #[serde(default)]
    team: String,
    #[serde(default)]
    zone: String,
    fallback: Option<String>,
}

impl ScheduleBody {
    fn basics(self) -> Result<Basics, Refusal> {
        let team = id_of(&self.team, "team")?;
        let fallback = self.fallback.as_deref().map(|text| id_of(text, "fallback")).transpose()?;
        Ok(Basics { name: self.name, team, zone: self.zone, fallback })
    }
}

pub async fn list(State(web): State<Arc<Web>>, query: QueryFields) -> Result<Json<List<ScheduleView>>, WebError> {
    only_known(&query, &[])?;
    let read = |read: &Read<'_>| {
        let names = names::all(read)?;
        Ok(schedules::all(read)?.iter().map(|schedule| ScheduleView::of(schedule, &names)).collect::<Vec<_>>())
    };
    Ok(Json(List::whole(web.read(read).await?.into_iter())))
}

pub async fn one(State(web): State<Arc<Web>>, PathId(id): PathId<ScheduleId>) -> Result<Json<ScheduleView>, WebError> {
    view(&web, id).await.map(Json)
}

pub async fn create(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    JsonBody(body): JsonBody<ScheduleBody>,
) -> Result<Created<ScheduleView>, WebError> {
    let basics = body.basics()?;
    let id = web.write(move |tx| schedules::create(tx, &actor, &basics)).await?;
    Ok(Created(format!("/api/v1/schedules/{id}"), view(&web, id).await?))
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<ScheduleId>,
    JsonBody(body): JsonBody<ScheduleBody>,
) -> Result<Json<WithWarnings<ScheduleView>>, WebError> {
    let basics = body.basics()?;
    let saved = web.write(move |tx| schedules::edit(tx, &actor, id, &basics)).await?;
    after(&web, id, saved).await
}

pub async fn delete(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<ScheduleId>,
) -> Result<Json<WithWarnings<Gone>>, WebError> {
    let saved = web.write(move |tx| schedules::delete(tx, &actor, id)).await?;
    Ok(Json(WithWarnings::new(Gone { id: id.to_string() }, &saved.warnings)))
}

/// What was deleted.
#[derive(Debug, Serialize)]
pub struct Gone {
    id: String,
}

#[derive(Debug, Serialize)]
pub struct EntryView {
    id: String,
    user: Reference,
    start: Instant,
    end: Instant,
    note: String,
    author: Option<Reference>,
    recorded_at: Instant,
}

impl EntryView {
    fn of(entry: &Entry, names: &Names) -> EntryView {
        EntryView {
            id: entry.id.to_string(),
            user: Reference::new(entry.user, names.users.get(&entry.user)),
            start: entry.span.start.into(),
            end: entry.span.end.into(),
            note: entry.note.clone(),
            author: entry.author.map(|user| Reference::new(user, names.users.get(&user))),
            recorded_at: entry.recorded_at.into(),
        }
    }
}

#[derive(Debug, Serialize)]
pub struct OverrideView {
    id: String,
    user: Reference,
    /// `cover` or `replace`.
    mode: &'static str,
    /// Whom a `replace` stands in for.
    from: Option<Reference>,
    start: Instant,
    end: Instant,
    note: String,
    author: Option<Reference>,
    recorded_at: Instant,
}

impl OverrideView {
    fn of(o: &Override, names: &Names) -> OverrideView {
        let (mode, from) = match o.mode {
            OverrideMode::Cover => ("cover", None),
            OverrideMode::Replace { from } => ("replace", Some(Reference::new(from, names.users.get(&from)))),
        };
        OverrideView {
            id: o.id.to_string(),
            user: Reference::new(o.user, names.users.get(&o.user)),
            mode,
            from,
            start: o.span.start.into(),
            end: o.span.end.into(),
            note: o.note.clone(),
            author: o.author.map(|user| Reference::new(user, names.users.get(&user))),
            recorded_at: o.recorded_at.into(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryBody {
    #[serde(default)]
    user: String,
    #[serde(default)]
    start: String,
    #[serde(default)]
    end: String,
    #[serde(default)]
    note: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverrideBody {
    #[serde(default)]
    user: String,
    /// Stands in wherever this user would be; without it, covers whoever it is.
    replaces: Option<String>,
    #[serde(default)]
    start: String,
    #[serde(default)]
    end: String,
    #[serde(default)]
    note: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwapBody {
    #[serde(default)]
    user: String,
    #[serde(default)]
    start: String,
    #[serde(default)]
    end: String,
    #[serde(default)]
    other_user: String,
    #[serde(default)]
    other_start: String,
    #[serde(default)]
    other_end: String,
    #[serde(default)]
    note: String,
}

fn span_of(start: &str, end: &str) -> Result<Interval, Refusal> {
    Ok(Interval { start: instant_of(start, "start")?, end: instant_of(end, "end")? })
}

/// Those that end at `from` or later, which is now unless the query says otherwise.
pub async fn entries(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<ScheduleId>,
    query: QueryFields,
) -> Result<Json<List<EntryView>>, WebError> {
    let read = ahead(&web, id, query, |calendar, names| {
        calendar.entries.iter().map(|entry| EntryView::of(entry, names)).collect::<Vec<_>>()
    });
    Ok(Json(List::whole(read.await?.into_iter())))
}

/// As [`entries`].
pub async fn overrides(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<ScheduleId>,
    query: QueryFields,
) -> Result<Json<List<OverrideView>>, WebError> {
    let read = ahead(&web, id, query, |calendar, names| {
        calendar.overrides.iter().map(|o| OverrideView::of(o, names)).collect::<Vec<_>>()
    });
    Ok(Json(List::whole(read.await?.into_iter())))
}

async fn ahead<T: Send + 'static>(
    web: &Web,
    id: ScheduleId,
    query: QueryFields,
    pick: impl FnOnce(&crate::domain::oncall::Calendar, &Names) -> T + Send + 'static,
) -> Result<T, WebError> {
    only_known(&query, &["from"])?;
    let from = query.optional("from").map(|text| instant_of(text, "from")).transpose()?.unwrap_or(web.app.now());
    web.read(move |read| Ok(pick(&oncall::calendar(read, id, from)?.0, &names::all(read)?))).await
}

pub async fn add_entry(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<ScheduleId>,
    JsonBody(body): JsonBody<EntryBody>,
) -> Result<Created<WithWarnings<EntryView>>, WebError> {
    let (user, span) = (id_of(&body.user, "user")?, span_of(&body.start, &body.end)?);
    let saved = web.write(move |tx| schedules::add_entry(tx, &actor, id, user, span, &body.note)).await?;
    let view = entry_view(&web, id, saved.id).await?;
    let address = format!("/api/v1/schedules/{id}/entries/{}", saved.id);
    Ok(Created(address, WithWarnings::new(view, &saved.warnings)))
}

pub async fn edit_entry(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    Path(path): Path<(String, String)>,
    JsonBody(body): JsonBody<EntryBody>,
) -> Result<Json<WithWarnings<EntryView>>, WebError> {
    let (id, entry): (ScheduleId, EntryId) = ids(&path)?;
    let (user, span) = (id_of(&body.user, "user")?, span_of(&body.start, &body.end)?);
    let write = web.write(move |tx| {
        schedules::entry(tx, id, entry)?;
        schedules::edit_entry(tx, &actor, entry, user, span, &body.note)
    });
    let saved = write.await?;
    Ok(Json(WithWarnings::new(entry_view(&web, id, entry).await?, &saved.warnings)))
}

/// Ahead it is gone, running it ends now, past it stays: the answer is the schedule as it is then.
pub async fn remove_entry(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    Path(path): Path<(String, String)>,
) -> Result<Json<WithWarnings<ScheduleView>>, WebError> {
    let (id, entry): (ScheduleId, EntryId) = ids(&path)?;
    let write = web.write(move |tx| {
        schedules::entry(tx, id, entry)?;
        schedules::remove_entry(tx, &actor, entry)
    });
    let saved = write.await?;
    after(&web, id, saved).await
}

pub async fn add_override(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<ScheduleId>,
    JsonBody(body): JsonBody<OverrideBody>,
) -> Result<Created<WithWarnings<OverrideView>>, WebError> {
    let (user, span) = (id_of(&body.user, "user")?, span_of(&body.start, &body.end)?);
    let from = body.replaces.as_deref().map(|text| id_of(text, "replaces")).transpose()?;
    let mode = from.map_or(OverrideMode::Cover, |from| OverrideMode::Replace { from });
    let saved = web.write(move |tx| schedules::add_override(tx, &actor, id, user, mode, span, &body.note)).await?;
    made_override(&web, id, saved).await
}

/// Two overrides, each of which stands in for the other's user; the answer is the first. Deleting either deletes both.
pub async fn add_swap(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<ScheduleId>,
    JsonBody(body): JsonBody<SwapBody>,
) -> Result<Created<WithWarnings<OverrideView>>, WebError> {
    let one = Turn { user: id_of(&body.user, "user")?, span: span_of(&body.start, &body.end)? };
    let (start, end) = (instant_of(&body.other_start, "other_start")?, instant_of(&body.other_end, "other_end")?);
    let other = Turn { user: id_of(&body.other_user, "other_user")?, span: Interval { start, end } };
    let saved = web.write(move |tx| schedules::add_swap(tx, &actor, id, one, other, &body.note)).await?;
    made_override(&web, id, saved).await
}

/// As [`remove_entry`]; of a swap, both halves.
pub async fn remove_override(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    Path(path): Path<(String, String)>,
) -> Result<Json<WithWarnings<ScheduleView>>, WebError> {
    let (id, removed): (ScheduleId, OverrideId) = ids(&path)?;
    let write = web.write(move |tx| {
        schedules::override_of(tx, id, removed)?;
        schedules::remove_override(tx, &actor, removed)
    });
    let saved = write.await?;
    after(&web, id, saved).await
}

async fn made_override(
    web: &Web,
    id: ScheduleId,
    saved: Saved<OverrideId>,
) -> Result<Created<WithWarnings<OverrideView>>, WebError> {
    let made = saved.id;
    let read =
        move |read: &Read<'_>| Ok(OverrideView::of(&schedules::override_of(read, id, made)?, &names::all(read)?));
    let view = web.read(read).await?;
    Ok(Created(format!("/api/v1/schedules/{id}/overrides/{made}"), WithWarnings::new(view, &saved.warnings)))
}

async fn entry_view(web: &Web, id: ScheduleId, entry: EntryId) -> Result<EntryView, WebError> {
    web.read(move |read| Ok(EntryView::of(&schedules::entry(read, id, entry)?, &names::all(read)?))).await
}

async fn view(web: &Web, id: ScheduleId) -> Result<ScheduleView, WebError> {
    let read = move |read: &Read<'_>| -> Result<ScheduleView, AppError> {
        Ok(ScheduleView::of(&schedules::one(read, id)?, &names::all(read)?))
    };
    web.read(read).await
}

/// The schedule after a change, with what came of it.
pub(super) async fn after<T>(
    web: &Web,
    id: ScheduleId,
    saved: Saved<T>,
) -> Result<Json<WithWarnings<ScheduleView>>, WebError> {
    Ok(Json(WithWarnings::new(view(web, id).await?, &saved.warnings)))
}

/// The ids of a path; one that is no such id is simply not found.
pub(super) fn ids<A: FromStr, B: FromStr>(path: &(String, String)) -> Result<(A, B), WebError> {
    match (path.0.parse(), path.1.parse()) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        _ => Err(WebError::NotFound),
    }
}
