//! `POST /api/v1/schedules/{id}/layers/preview` and `…/layers/{layer}/preview`: what a rotation, new or changed, would make of
//! the four weeks ahead. Refused like the change itself; nothing is changed.

use crate::app::names::{self, Names};
use crate::app::schedules::{self, Preview};
use crate::app::{AppError, Read};
use crate::domain::id::{LayerId, ScheduleId};
use crate::web::Web;
use crate::web::api::on_call::SegmentView;
use crate::web::api::rotations::{RotationBody, in_json};
use crate::web::api::{Instant, Reference};
use crate::web::error::WebError;
use crate::web::extract::{JsonBody, PathId, PathIds};
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct PreviewView {
    /// Null if no turn of it ever begins.
    first_turn: Option<FirstTurnView>,
    /// The schedule as it would come out.
    segments: Vec<SegmentView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FirstTurnView {
    at: Instant,
    users: Vec<Reference>,
}

const PREVIEW_SECS: i64 = 28 * 86_400;

pub async fn of_new(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<ScheduleId>,
    JsonBody(body): JsonBody<RotationBody>,
) -> Result<Json<PreviewView>, WebError> {
    preview(&web, id, None, body).await
}

pub async fn of_changed(
    State(web): State<Arc<Web>>,
    PathIds(id, layer): PathIds<ScheduleId, LayerId>,
    JsonBody(body): JsonBody<RotationBody>,
) -> Result<Json<PreviewView>, WebError> {
    preview(&web, id, Some(layer), body).await
}

async fn preview(
    web: &Web,
    id: ScheduleId,
    layer: Option<LayerId>,
    body: RotationBody,
) -> Result<Json<PreviewView>, WebError> {
    let draft = body.draft()?;
    let read = move |read: &Read<'_>| -> Result<PreviewView, AppError> {
        let now = read.now();
        let preview = schedules::preview(read, id, layer, &draft, now, now.plus_secs(PREVIEW_SECS))?;
        Ok(PreviewView::of(preview, &names::all(read)?))
    };
    web.read(read).await.map(Json).map_err(in_json)
}

impl PreviewView {
    fn of(preview: Preview, names: &Names) -> PreviewView {
        let first = |(at, users): (crate::domain::time::Timestamp, Vec<_>)| FirstTurnView {
            at: at.into(),
            users: users.into_iter().map(|user| Reference::new(user, names.users.get(&user))).collect(),
        };
        PreviewView {
            first_turn: preview.first.map(first),
            segments: preview.segments.iter().map(|segment| SegmentView::of(segment, names)).collect(),
        }
    }
}
