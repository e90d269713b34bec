//! `/api/v1/maintenance`: windows and silences, in which new alerts open incidents that page nobody. Everybody signed in
//! reads, admins edit.
//!
//! A window comes once, from `start` to `end`, or again and again, for `duration_seconds` from each match of `pattern`.

use crate::app::maintenance::{self, Basics, Chosen};
use crate::app::names::{self, Names};
use crate::app::{AppError, Read};
use crate::domain::entry::Interval;
use crate::domain::id::MaintenanceId;
use crate::domain::maintenance::{Maintenance, Matcher, Occurs, Scope};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::web::Web;
use crate::web::api::fields::{Nothing, called, short_minutes_of};
use crate::web::api::{Composed, Created, IfMatch, Instant, List, Page, Reference, id_of, instant_of};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct MaintenanceView {
    id: String,
    name: String,
    /// `silence` if labels narrow it, else `window`.
    kind: &'static str,
    scope: MaintenanceScopeView,
    /// Of a window that comes once.
    start: Option<Instant>,
    end: Option<Instant>,
    /// Of one that comes again.
    pattern: Option<String>,
    duration_seconds: Option<u32>,
    /// Where a pattern is read.
    zone: String,
    /// As `service=checkout` or `cluster!=prod`; all must hold.
    matchers: Vec<String>,
    /// The occurrence that runs now.
    running: Option<OccurrenceView>,
    /// The next occurrences.
    upcoming: Vec<OccurrenceView>,
    is_over: bool,
    author: Option<Reference>,
    created_at: Instant,
    version: u64,
}

/// One of the two is null.
#[derive(Debug, Serialize, JsonSchema)]
struct MaintenanceScopeView {
    team: Option<Reference>,
    alert_sources: Option<Vec<Reference>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OccurrenceView {
    start: Instant,
    end: Instant,
}

/// A whole window: what is left out is empty.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceBody {
    #[serde(default)]
    name: String,
    #[serde(default)]
    scope: MaintenanceScopeBody,
    start: Option<String>,
    end: Option<String>,
    /// Five fields of cron, with fixed minute and hour.
    pattern: Option<String>,
    /// In whole minutes.
    duration_seconds: Option<u32>,
    /// UTC if it is left out.
    zone: Option<String>,
    #[serde(default)]
    matchers: Vec<String>,
}

/// Either the id of a team, whose every source is meant, or ids of alert sources.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceScopeBody {
    team: Option<String>,
    #[serde(default)]
    alert_sources: Vec<String>,
}

/// Occurrences to come that are named.
const UPCOMING: usize = 3;

/// What runs or is to come, the first to end first and recurring ones last; then what is over, the latest first.
pub async fn list(State(web): State<Arc<Web>>, page: Page) -> Result<List<MaintenanceView>, WebError> {
    let read = |read: &Read<'_>| Ok((maintenance::all(read, read.now())?, names::all(read)?, read.now()));
    let ((current, past), names, now) = web.read(read).await?;
    let all = current.into_iter().chain(past);
    List::in_order(all.map(|window| MaintenanceView::of(window, &names, now)).collect(), &page)
}

pub async fn one(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<MaintenanceId>,
) -> Result<Composed<MaintenanceView>, WebError> {
    view(&web, id).await
}

pub async fn create(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    JsonBody(body): JsonBody<MaintenanceBody>,
) -> Result<Created<MaintenanceView>, WebError> {
    let basics = body.read()?;
    let id = web.write(move |tx| maintenance::create(tx, &actor, &basics).map_err(in_body)).await?;
    let Composed(version, made) = view(&web, id).await?;
    Ok(Created { location: format!("/api/v1/maintenance/{id}"), version: Some(version), made })
}

/// What it no longer covers is paged at once.
pub async fn edit(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<MaintenanceId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<MaintenanceBody>,
) -> Result<Composed<MaintenanceView>, WebError> {
    let basics = body.read()?;
    web.write(move |tx| {
        expected.check(maintenance::one(tx, id)?.version)?;
        maintenance::edit(tx, &actor, id, &basics).map_err(in_body)
    })
    .await?;
    view(&web, id).await
}

/// Ends what runs of it; a recurring one comes again. That nothing runs is no error.
pub async fn end(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<MaintenanceId>,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<Composed<MaintenanceView>, WebError> {
    let ended = web.write(move |tx| Ok((maintenance::end_now(tx, &actor, id)?, tx.now()))).await?;
    let names = web.read(|read| names::all(read)).await?;
    Ok(Composed(ended.0.version, MaintenanceView::of(ended.0, &names, ended.1)))
}

/// One that comes once and runs ends now, and one that is over stays, so that the past can be explained.
pub async fn delete(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<MaintenanceId>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, WebError> {
    web.write(move |tx| {
        expected.check(maintenance::one(tx, id)?.version)?;
        maintenance::delete(tx, &actor, id)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl MaintenanceBody {
    fn read(self) -> Result<Basics, Refusal> {
        let occurs = match (&self.start, &self.end, &self.pattern, self.duration_seconds) {
            (Some(start), Some(end), None, None) => {
                Chosen::Once(Interval { start: instant_of(start, "start")?, end: instant_of(end, "end")? })
            }
            (None, None, Some(pattern), Some(secs)) => {
                Chosen::Again { pattern: pattern.clone(), minutes: short_minutes_of(secs, "duration_seconds")? }
            }
            _ => {
                let sentence = "Give start and end, or pattern and duration_seconds.";
                return Err(Refusal::invalid("required", "start", sentence));
            }
        };
        Ok(Basics {
            name: self.name,
            scope: self.scope.read()?,
            occurs,
            zone: self.zone.unwrap_or_else(|| "UTC".to_owned()),
            matchers: Matcher::parse_all(&self.matchers.join("\n"))?,
        })
    }
}

impl MaintenanceScopeBody {
    fn read(&self) -> Result<Scope, Refusal> {
        let sources = self.alert_sources.iter().map(|text| id_of(text, "scope")).collect::<Result<Vec<_>, _>>()?;
        Scope::chosen(self.team.as_deref().map(|text| id_of(text, "scope")).transpose()?, sources)
    }
}

fn in_body(error: AppError) -> AppError {
    match error {
        AppError::Refused(refusal) => called(refusal, "minutes", "duration_seconds").into(),
        other => other,
    }
}

async fn view(web: &Web, id: MaintenanceId) -> Result<Composed<MaintenanceView>, WebError> {
    let read = move |read: &Read<'_>| {
        let window = maintenance::one(read, id)?;
        Ok(Composed(window.version, MaintenanceView::of(window, &names::all(read)?, read.now())))
    };
    web.read(read).await
}

impl MaintenanceView {
    fn of(window: Maintenance, names: &Names, now: Timestamp) -> MaintenanceView {
        let (start, end, pattern, duration_seconds) = match &window.occurs {
            Occurs::Once(span) => (Some(span.start.into()), Some(span.end.into()), None, None),
            Occurs::Again { pattern, minutes, .. } => {
                (None, None, Some(pattern.clone()), Some(u32::from(*minutes) * 60))
            }
        };
        MaintenanceView {
            id: window.id.to_string(),
            kind: if window.is_silence() { "silence" } else { "window" },
            scope: MaintenanceScopeView::of(&window.scope, names),
            start,
            end,
            pattern,
            duration_seconds,
            matchers: window.matchers.iter().map(ToString::to_string).collect(),
            running: window.running(now).map(OccurrenceView::of),
            upcoming: window.upcoming(now, UPCOMING).into_iter().map(OccurrenceView::of).collect(),
            is_over: window.last_end() <= now,
            author: window.author.map(|user| Reference::new(user, names.users.get(&user))),
            created_at: window.created_at.into(),
            version: window.version,
            name: window.name,
            zone: window.zone,
        }
    }
}

impl MaintenanceScopeView {
    fn of(scope: &Scope, names: &Names) -> MaintenanceScopeView {
        match scope {
            Scope::Team(team) => {
                MaintenanceScopeView { team: Some(Reference::new(*team, names.teams.get(team))), alert_sources: None }
            }
            Scope::Sources(sources) => {
                let sources = sources.iter().map(|source| Reference::new(*source, names.sources.get(source)));
                MaintenanceScopeView { team: None, alert_sources: Some(sources.collect()) }
            }
        }
    }
}

impl OccurrenceView {
    fn of(span: Interval) -> OccurrenceView {
        OccurrenceView { start: span.start.into(), end: span.end.into() }
    }
}
