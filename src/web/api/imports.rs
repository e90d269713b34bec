//! `/api/v1/schedules/{id}/imports`: calendars from elsewhere, added to a schedule, used as its lowest layer or as covers,
//! fetched, taken away. Everybody signed in reads, admins edit.
//!
//! An address often holds a secret, so it is shown to nobody once it was given.

use crate::app::imports::{self, Basics, Use};
use crate::app::{AppError, Read, Write, schedules};
use crate::domain::actor::Actor;
use crate::domain::id::{ImportId, ScheduleId};
use crate::domain::import::Import;
use crate::domain::refusal::Refusal;
use crate::web::Web;
use crate::web::api::fields::Nothing;
use crate::web::api::{Composed, Created, IfMatch, Instant, List, Page, by_name};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId, PathIds};
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct ImportView {
    id: String,
    name: String,
    /// Where it leads, not what opens it.
    masked_url: String,
    /// Of dates and times without a zone, unless the calendar names its own.
    zone: String,
    /// `layer` or `cover`; null while it is used for nothing.
    used_as: Option<&'static str>,
    /// When it was last seen to be as our copy is, and how many events that has.
    fetched_at: Option<Instant>,
    events: Option<u32>,
    due_at: Instant,
    /// What has been wrong since the last good fetch; the copy stays in force.
    problem: Option<ProblemView>,
    /// What events of the next 90 days say that names nobody; an empty text for one without a title.
    unmatched: BTreeSet<String>,
    created_at: Instant,
    version: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ProblemView {
    since: Instant,
    detail: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportBody {
    #[serde(default)]
    name: String,
    /// Left out, the address stays as it is.
    url: Option<String>,
    #[serde(default)]
    zone: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UseBody {
    /// `layer` or `cover`.
    #[serde(default, rename = "as")]
    uses: String,
}

pub async fn list(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<ScheduleId>,
    page: Page,
) -> Result<List<ImportView>, WebError> {
    let views = web.read(move |read| views(read, id)).await?;
    Ok(List::cut(views, |(id, view)| by_name(&view.name, *id), &page, |(_, view)| view))
}

type ImportPath = PathIds<ScheduleId, ImportId>;

pub async fn one(
    State(web): State<Arc<Web>>,
    PathIds(id, import): ImportPath,
) -> Result<Composed<ImportView>, WebError> {
    view(&web, id, import).await
}

/// It is fetched at once and used for nothing yet.
pub async fn create(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<ScheduleId>,
    JsonBody(body): JsonBody<ImportBody>,
) -> Result<Created<ImportView>, WebError> {
    let basics = Basics { url: Some(body.url.clone().unwrap_or_default()), ..body.basics() };
    let (vault, nonce) = (web.app.vault.clone(), web.app.random_bytes());
    let import = web.write(move |tx| imports::create(tx, &actor, &vault, nonce, id, &basics)).await?;
    let Composed(version, made) = view(&web, id, import).await?;
    Ok(Created { location: format!("/api/v1/schedules/{id}/imports/{import}"), version: Some(version), made })
}

/// With another address or zone it is fetched anew; until that worked, the old copy stays in force.
pub async fn edit(
    web: State<Arc<Web>>,
    caller: Caller,
    path: ImportPath,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<ImportBody>,
) -> Result<Composed<ImportView>, WebError> {
    let (basics, vault, nonce) = (body.basics(), web.app.vault.clone(), web.app.random_bytes());
    let edit = move |tx: &mut Write<'_>, actor: &Actor, import| {
        expected.check(imports::one(tx, import)?.version)?;
        imports::edit(tx, actor, &vault, nonce, import, &basics)
    };
    act(web, caller, path, edit).await
}

pub async fn use_as(
    web: State<Arc<Web>>,
    caller: Caller,
    path: ImportPath,
    JsonBody(body): JsonBody<UseBody>,
) -> Result<Composed<ImportView>, WebError> {
    let uses = match body.uses.as_str() {
        "layer" => Use::Layer,
        "cover" => Use::Cover,
        _ => return Err(Refusal::invalid("unknown", "as", "A calendar is used as layer or as cover.").into()),
    };
    act(web, caller, path, move |tx, actor, import| imports::attach(tx, actor, import, uses)).await
}

/// It stays, used for nothing.
pub async fn detach(
    web: State<Arc<Web>>,
    caller: Caller,
    path: ImportPath,
    _: JsonBody<Nothing>,
) -> Result<Composed<ImportView>, WebError> {
    act(web, caller, path, imports::detach).await
}

/// It is due now, and the worker fetches it.
pub async fn refresh(
    web: State<Arc<Web>>,
    caller: Caller,
    path: ImportPath,
    _: JsonBody<Nothing>,
) -> Result<Composed<ImportView>, WebError> {
    act(web, caller, path, imports::refresh).await
}

pub async fn delete(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathIds(id, import): ImportPath,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, WebError> {
    web.write(move |tx| {
        expected.check(imports::one_of(tx, id, import)?.version)?;
        imports::delete(tx, &actor, import)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn act(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathIds(id, import): ImportPath,
    deed: impl Fn(&mut Write<'_>, &Actor, ImportId) -> Result<(), AppError> + Send + 'static,
) -> Result<Composed<ImportView>, WebError> {
    web.write(move |tx| {
        imports::one_of(tx, id, import)?;
        deed(tx, &actor, import)
    })
    .await?;
    view(&web, id, import).await
}

async fn view(web: &Web, schedule: ScheduleId, import: ImportId) -> Result<Composed<ImportView>, WebError> {
    let read = move |read: &Read<'_>| {
        imports::one_of(read, schedule, import)?;
        let found = views(read, schedule)?.into_iter().find(|(id, _)| *id == import);
        let (_, view) = found.ok_or_else(|| Refusal::not_found("calendar"))?;
        Ok(Composed(view.version, view))
    };
    web.read(read).await
}

fn views(read: &Read<'_>, id: ScheduleId) -> Result<Vec<(ImportId, ImportView)>, AppError> {
    let schedule = schedules::one(read, id)?;
    let mut unmatched = imports::unmatched(read, id, read.now())?;
    let view = |import: Import| {
        let used_as = imports::used_as(&schedule, import.id).map(|uses| match uses {
            Use::Layer => "layer",
            Use::Cover => "cover",
        });
        (import.id, ImportView::of(import, used_as, &mut unmatched))
    };
    Ok(imports::of_schedule(read, id)?.into_iter().map(view).collect())
}

impl ImportBody {
    fn basics(self) -> Basics {
        Basics { name: self.name, url: self.url, zone: self.zone }
    }
}

impl ImportView {
    fn of(
        import: Import,
        used_as: Option<&'static str>,
        unmatched: &mut std::collections::BTreeMap<ImportId, BTreeSet<String>>,
    ) -> ImportView {
        let problem =
            import.problem.map(|problem| ProblemView { since: problem.since.into(), detail: problem.sentence });
        ImportView {
            id: import.id.to_string(),
            name: import.name,
            masked_url: import.shown_url,
            zone: import.zone,
            used_as,
            fetched_at: import.fetched.as_ref().map(|fetched| fetched.at.into()),
            events: import.fetched.as_ref().map(|fetched| fetched.events),
            due_at: import.due.into(),
            problem,
            unmatched: unmatched.remove(&import.id).unwrap_or_default(),
            created_at: import.created_at.into(),
            version: import.version,
        }
    }
}
