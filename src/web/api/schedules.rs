//! `/api/v1/schedules`: schedules with their layers, entries and overrides. Everybody signed in reads, admins edit; what
//! comes out of them is `on_call.rs`, rotations are `rotations.rs`.
//!
//! Every answer to a change has `warnings`: it was done, and that came of it.

use crate::app::names::{self, Names};
use crate::app::schedules::{self, Basics, Saved, Turn};
use crate::app::{AppError, Read, oncall};
use crate::domain::entry::{Entry, Interval, Override, OverrideMode};
use crate::domain::id::{EntryId, Id, OverrideId, ScheduleId};
use crate::domain::layer::place;
use crate::domain::oncall::Calendar;
use crate::domain::refusal::checked_name;
use crate::domain::schedule::Schedule;
use crate::web::Web;
use crate::web::api::rotations::LayerView;
use crate::web::api::{
    Composed, Created, IfMatch, Instant, List, Page, Reference, WithWarnings, Wrong, by_name, id_of, instant_of,
};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId, PathIds};
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
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
#[derive(Debug, Deserialize, JsonSchema)]
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
    fn basics(self) -> Result<Basics, WebError> {
        let mut wrong = Wrong::default();
        let name = wrong.take(checked_name(&self.name));
        let team = wrong.take(id_of(&self.team, "team"));
        let zone = wrong.take(place(&self.zone).map(|_| self.zone.clone()));
        let fallback = wrong.take(self.fallback.as_deref().map(|text| id_of(text, "fallback")).transpose());
        match (name, team, zone, fallback) {
            (Some(name), Some(team), Some(zone), Some(fallback)) => Ok(Basics { name, team, zone, fallback }),
            _ => Err(wrong.into()),
        }
    }
}

pub async fn list(State(web): State<Arc<Web>>, page: Page) -> Result<List<ScheduleView>, WebError> {
    let (all, names) = web.read(|read| Ok((schedules::all(read)?, names::all(read)?))).await?;
    let place = |schedule: &Schedule| by_name(&schedule.name, schedule.id);
    Ok(List::cut(all, place, &page, |schedule| ScheduleView::of(&schedule, &names)))
}

pub async fn one(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<ScheduleId>,
) -> Result<Composed<ScheduleView>, WebError> {
    view(&web, id).await
}

pub async fn create(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    JsonBody(body): JsonBody<ScheduleBody>,
) -> Result<Created<ScheduleView>, WebError> {
    let basics = body.basics()?;
    let id = web.write(move |tx| schedules::create(tx, &actor, &basics)).await?;
    let Composed(version, made) = view(&web, id).await?;
    Ok(Created { location: format!("/api/v1/schedules/{id}"), version: Some(version), made })
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<ScheduleId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<ScheduleBody>,
) -> Result<Changed, WebError> {
    let basics = body.basics()?;
    let edit = web.write(move |tx| {
        expected.check(schedules::one(tx, id)?.version)?;
        schedules::edit(tx, &actor, id, &basics)
    });
    let saved = edit.await?;
    after(&web, id, saved).await
}

pub async fn delete(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<ScheduleId>,
    IfMatch(expected): IfMatch,
) -> Result<Json<WithWarnings<Gone>>, WebError> {
    let delete = web.write(move |tx| {
        expected.check(schedules::one(tx, id)?.version)?;
        schedules::delete(tx, &actor, id)
    });
    let saved = delete.await?;
    Ok(Json(WithWarnings::new(Gone { id: id.to_string() }, &saved.warnings)))
}

/// What was deleted.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Gone {
    id: String,
}

#[derive(Debug, Serialize, JsonSchema)]
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

#[derive(Debug, Serialize, JsonSchema)]
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

#[derive(Debug, Deserialize, JsonSchema)]
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

#[derive(Debug, Deserialize, JsonSchema)]
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

#[derive(Debug, Deserialize, JsonSchema)]
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

/// Whose time it is, and when: members of these names.
fn turn_of(
    wrong: &mut Wrong,
    user: (&str, &'static str),
    start: (&str, &'static str),
    end: (&str, &'static str),
) -> Option<Turn> {
    let user = wrong.take(id_of(user.0, user.1));
    let (start, end) = (wrong.take(instant_of(start.0, start.1)), wrong.take(instant_of(end.0, end.1)));
    Some(Turn { user: user?, span: Interval { start: start?, end: end? } })
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FromParams {
    /// An instant; now if it is left out.
    from: Option<String>,
}

/// Those that end at `from` or later.
pub async fn entries(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<ScheduleId>,
    page: Page<FromParams>,
) -> Result<List<EntryView>, WebError> {
    let (calendar, names) = ahead(&web, id, &page).await?;
    let place = |entry: &Entry| place_of(entry.span, entry.id);
    Ok(List::cut(calendar.entries, place, &page, |entry| EntryView::of(&entry, &names)))
}

/// As [`entries`].
pub async fn overrides(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<ScheduleId>,
    page: Page<FromParams>,
) -> Result<List<OverrideView>, WebError> {
    let (calendar, names) = ahead(&web, id, &page).await?;
    let place = |o: &Override| place_of(o.span, o.id);
    Ok(List::cut(calendar.overrides, place, &page, |o| OverrideView::of(&o, &names)))
}

/// In the order of time.
fn place_of(span: Interval, id: impl Id) -> String {
    format!("{}/{id}", span.start)
}

async fn ahead(web: &Web, id: ScheduleId, page: &Page<FromParams>) -> Result<(Calendar, Names), WebError> {
    let from = page.filter.from.as_deref().map(|text| instant_of(text, "from")).transpose()?;
    let from = from.unwrap_or(web.app.now());
    web.read(move |read| Ok((oncall::calendar(read, id, from)?.0, names::all(read)?))).await
}

impl EntryBody {
    fn turn(&self) -> Result<Turn, WebError> {
        let mut wrong = Wrong::default();
        let turn = turn_of(&mut wrong, (&self.user, "user"), (&self.start, "start"), (&self.end, "end"));
        turn.ok_or_else(|| wrong.into())
    }
}

pub async fn add_entry(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<ScheduleId>,
    JsonBody(body): JsonBody<EntryBody>,
) -> Result<Created<WithWarnings<EntryView>>, WebError> {
    let Turn { user, span } = body.turn()?;
    let saved = web.write(move |tx| schedules::add_entry(tx, &actor, id, user, span, &body.note)).await?;
    let Composed(version, view) = entry_view(&web, id, saved.id).await?;
    let location = format!("/api/v1/schedules/{id}/entries/{}", saved.id);
    Ok(Created { location, version: Some(version), made: WithWarnings::new(view, &saved.warnings) })
}

pub async fn edit_entry(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathIds(id, entry): PathIds<ScheduleId, EntryId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<EntryBody>,
) -> Result<Composed<WithWarnings<EntryView>>, WebError> {
    let Turn { user, span } = body.turn()?;
    let write = web.write(move |tx| {
        schedules::entry(tx, id, entry)?;
        expected.check(schedules::one(tx, id)?.version)?;
        schedules::edit_entry(tx, &actor, entry, user, span, &body.note)
    });
    let saved = write.await?;
    let Composed(version, view) = entry_view(&web, id, entry).await?;
    Ok(Composed(version, WithWarnings::new(view, &saved.warnings)))
}

/// Ahead it is gone, running it ends now, past it stays: the answer is the schedule as it is then.
pub async fn remove_entry(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathIds(id, entry): PathIds<ScheduleId, EntryId>,
    IfMatch(expected): IfMatch,
) -> Result<Changed, WebError> {
    let write = web.write(move |tx| {
        schedules::entry(tx, id, entry)?;
        expected.check(schedules::one(tx, id)?.version)?;
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
    let mut wrong = Wrong::default();
    let turn = turn_of(&mut wrong, (&body.user, "user"), (&body.start, "start"), (&body.end, "end"));
    let from = wrong.take(body.replaces.as_deref().map(|text| id_of(text, "replaces")).transpose());
    let (Some(Turn { user, span }), Some(from)) = (turn, from) else { return Err(wrong.into()) };
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
    let mut wrong = Wrong::default();
    let one = turn_of(&mut wrong, (&body.user, "user"), (&body.start, "start"), (&body.end, "end"));
    let (user, start, end) = (&body.other_user, &body.other_start, &body.other_end);
    let other = turn_of(&mut wrong, (user, "other_user"), (start, "other_start"), (end, "other_end"));
    let (Some(one), Some(other)) = (one, other) else { return Err(wrong.into()) };
    let saved = web.write(move |tx| schedules::add_swap(tx, &actor, id, one, other, &body.note)).await?;
    made_override(&web, id, saved).await
}

/// As [`remove_entry`]; of a swap, both halves.
pub async fn remove_override(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathIds(id, removed): PathIds<ScheduleId, OverrideId>,
    IfMatch(expected): IfMatch,
) -> Result<Changed, WebError> {
    let write = web.write(move |tx| {
        schedules::override_of(tx, id, removed)?;
        expected.check(schedules::one(tx, id)?.version)?;
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
    let read = move |read: &Read<'_>| {
        let view = OverrideView::of(&schedules::override_of(read, id, made)?, &names::all(read)?);
        Ok((schedules::one(read, id)?.version, view))
    };
    let (version, view) = web.read(read).await?;
    let location = format!("/api/v1/schedules/{id}/overrides/{made}");
    Ok(Created { location, version: Some(version), made: WithWarnings::new(view, &saved.warnings) })
}

async fn entry_view(web: &Web, id: ScheduleId, entry: EntryId) -> Result<Composed<EntryView>, WebError> {
    let read = move |read: &Read<'_>| {
        let view = EntryView::of(&schedules::entry(read, id, entry)?, &names::all(read)?);
        Ok(Composed(schedules::one(read, id)?.version, view))
    };
    web.read(read).await
}

async fn view(web: &Web, id: ScheduleId) -> Result<Composed<ScheduleView>, WebError> {
    let read = move |read: &Read<'_>| -> Result<Composed<ScheduleView>, AppError> {
        let schedule = schedules::one(read, id)?;
        Ok(Composed(schedule.version, ScheduleView::of(&schedule, &names::all(read)?)))
    };
    web.read(read).await
}

/// A schedule after a change, with what came of it.
pub(super) type Changed = Composed<WithWarnings<ScheduleView>>;

pub(super) async fn after<T>(web: &Web, id: ScheduleId, saved: Saved<T>) -> Result<Changed, WebError> {
    let Composed(version, view) = view(web, id).await?;
    Ok(Composed(version, WithWarnings::new(view, &saved.warnings)))
}
