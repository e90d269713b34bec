//! `/api/v1/heartbeats`: jobs that report that they ran. Everybody signed in reads, admins edit.
//!
//! A ping address is in two answers: that to making a heartbeat and that to renewing its address. Whoever knows it can keep
//! a dead job alive.

use crate::app::heartbeats::{self, NewHeartbeat};
use crate::app::names::{self, Names};
use crate::app::{AppError, Read};
use crate::domain::heartbeat::{Beat, Heard, Heartbeat, State as Pulse};
use crate::domain::id::HeartbeatId;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::web::Web;
use crate::web::api::fields::{Nothing, address_of, called, minutes_of};
use crate::web::api::{
    Composed, Created, IfMatch, Instant, List, Page, Reference, Revealed, ShownOnce, by_name, id_of, instant_of,
};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct HeartbeatView {
    id: String,
    name: String,
    alert_source: Reference,
    interval_seconds: u32,
    grace_seconds: u32,
    /// `new`, `healthy`, `late`, `missed` or `paused`.
    state: &'static str,
    last_heard: Option<HeardView>,
    /// When it is missed, or its pause ends; null while it waits for its first ping, and once it is missed.
    due_at: Option<Instant>,
    paused_until: Option<Instant>,
    created_at: Instant,
    version: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct HeardView {
    at: Instant,
    /// `ping` or `fail`.
    what: &'static str,
    exit_code: Option<u8>,
    body: String,
}

/// A heartbeat with its ping address, in the one answer that shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HeartbeatWithAddressView {
    #[serde(flatten)]
    heartbeat: HeartbeatView,
    /// For GET, HEAD and POST alike. A bare path while `PAGERPAL_BASE_URL` is not set.
    address: Option<Revealed>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHeartbeatBody {
    /// Part of its address, so it cannot be changed later.
    #[serde(default)]
    name: String,
    /// The id of the alert source that it is part of.
    #[serde(default)]
    alert_source: String,
    /// In whole minutes, as the grace.
    #[serde(default)]
    interval_seconds: u32,
    #[serde(default)]
    grace_seconds: u32,
}

/// Both in whole minutes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RhythmBody {
    #[serde(default)]
    interval_seconds: u32,
    #[serde(default)]
    grace_seconds: u32,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseBody {
    #[serde(default)]
    until: String,
}

pub async fn list(State(web): State<Arc<Web>>, page: Page) -> Result<List<HeartbeatView>, WebError> {
    let read = |read: &Read<'_>| Ok((heartbeats::all(read)?, names::all(read)?, read.now()));
    let (all, names, now) = web.read(read).await?;
    let key = |heartbeat: &Heartbeat| by_name(&heartbeat.name, heartbeat.id);
    Ok(List::cut(all, key, &page, |heartbeat| HeartbeatView::of(heartbeat, &names, now)))
}

pub async fn one(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<HeartbeatId>,
) -> Result<Composed<HeartbeatView>, WebError> {
    view(&web, id).await
}

pub async fn create(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    JsonBody(body): JsonBody<NewHeartbeatBody>,
) -> Result<ShownOnce<Created<HeartbeatWithAddressView>>, WebError> {
    let NewHeartbeatBody { interval_seconds, grace_seconds, .. } = body;
    let (interval_minutes, grace_minutes) = RhythmBody { interval_seconds, grace_seconds }.read()?;
    let new = NewHeartbeat {
        source: id_of(&body.alert_source, "alert_source")?,
        name: body.name,
        interval_minutes,
        grace_minutes,
    };
    let key = web.app.settings.link_key.clone();
    let id = web.write(move |tx| heartbeats::create(tx, &actor, &key, &new).map_err(in_body)).await?;
    let Composed(version, made) = addressed(&web, id).await?;
    Ok(ShownOnce(Created { location: format!("/api/v1/heartbeats/{id}"), version: Some(version), made }))
}

/// Its deadline follows at once, counted from the last ping.
pub async fn edit(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<HeartbeatId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<RhythmBody>,
) -> Result<Composed<HeartbeatView>, WebError> {
    let (interval, grace) = body.read()?;
    web.write(move |tx| {
        expected.check(heartbeats::one(tx, id)?.version)?;
        heartbeats::edit(tx, &actor, id, interval, grace).map_err(in_body)
    })
    .await?;
    view(&web, id).await
}

/// Nothing is missed until then.
pub async fn pause(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<HeartbeatId>,
    JsonBody(body): JsonBody<PauseBody>,
) -> Result<Composed<HeartbeatView>, WebError> {
    let until = instant_of(&body.until, "until")?;
    web.write(move |tx| heartbeats::pause(tx, &actor, id, until)).await?;
    view(&web, id).await
}

/// Ends a pause early; without one nothing changes.
pub async fn resume(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<HeartbeatId>,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<Composed<HeartbeatView>, WebError> {
    web.write(move |tx| heartbeats::resume(tx, &actor, id)).await?;
    view(&web, id).await
}

/// The old address is dead at once.
pub async fn renew_address(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<HeartbeatId>,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<ShownOnce<Composed<HeartbeatWithAddressView>>, WebError> {
    let key = web.app.settings.link_key.clone();
    web.write(move |tx| heartbeats::renew_address(tx, &actor, &key, id)).await?;
    addressed(&web, id).await.map(ShownOnce)
}

/// An incident of it that is open stays so.
pub async fn delete(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<HeartbeatId>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, WebError> {
    web.write(move |tx| {
        expected.check(heartbeats::one(tx, id)?.version)?;
        heartbeats::delete(tx, &actor, id)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl RhythmBody {
    /// In minutes.
    fn read(&self) -> Result<(u32, u32), Refusal> {
        Ok((minutes_of(self.interval_seconds, "interval_seconds")?, minutes_of(self.grace_seconds, "grace_seconds")?))
    }
}

fn in_body(error: AppError) -> AppError {
    match error {
        AppError::Refused(refusal) => {
            let refusal = called(refusal, "interval", "interval_seconds");
            called(called(refusal, "grace", "grace_seconds"), "source", "alert_source").into()
        }
        other => other,
    }
}

async fn view(web: &Web, id: HeartbeatId) -> Result<Composed<HeartbeatView>, WebError> {
    let read = move |read: &Read<'_>| {
        let heartbeat = heartbeats::one(read, id)?;
        Ok(Composed(heartbeat.version, HeartbeatView::of(heartbeat, &names::all(read)?, read.now())))
    };
    web.read(read).await
}

async fn addressed(web: &Web, id: HeartbeatId) -> Result<Composed<HeartbeatWithAddressView>, WebError> {
    let heartbeat = web.read(move |read| heartbeats::one(read, id)).await?;
    let token = heartbeats::token(&web.app.settings.link_key, &heartbeat);
    let address = token.map(|token| address_of(web, &format!("/ping/{token}")));
    let Composed(version, heartbeat) = view(web, id).await?;
    Ok(Composed(version, HeartbeatWithAddressView { heartbeat, address }))
}

impl HeartbeatView {
    fn of(heartbeat: Heartbeat, names: &Names, now: Timestamp) -> HeartbeatView {
        HeartbeatView {
            id: heartbeat.id.to_string(),
            alert_source: Reference::new(heartbeat.source, names.sources.get(&heartbeat.source)),
            interval_seconds: heartbeat.interval_minutes * 60,
            grace_seconds: heartbeat.grace_minutes * 60,
            state: heartbeat.look(now).word(),
            due_at: heartbeat.due().map(Instant::from),
            paused_until: match heartbeat.state {
                Pulse::Paused { until, .. } => Some(until.into()),
                _ => None,
            },
            last_heard: heartbeat.heard.map(HeardView::of),
            name: heartbeat.name,
            created_at: heartbeat.created_at.into(),
            version: heartbeat.version,
        }
    }
}

impl HeardView {
    fn of(heard: Heard) -> HeardView {
        let (what, exit_code) = match heard.what {
            Beat::Ping => ("ping", None),
            Beat::Fail => ("fail", None),
            Beat::Exit(0) => ("ping", Some(0)),
            Beat::Exit(code) => ("fail", Some(code)),
        };
        HeardView { at: heard.at.into(), what, exit_code, body: heard.body }
    }
}
