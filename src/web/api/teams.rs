//! `/api/v1/teams`: who belongs together. Everybody signed in reads, admins edit.

use crate::app::{AppError, Read, teams};
use crate::domain::id::{TeamId, UserId};
use crate::domain::team::Team;
use crate::web::Web;
use crate::web::api::{Created, Instant, List, id_of, ids_of};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize)]
pub struct TeamView {
    id: String,
    name: String,
    /// Ids of users, the deactivated included.
    members: Vec<String>,
    created_at: Instant,
    version: u64,
}

/// A whole team: what is left out is empty.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamBody {
    #[serde(default)]
    name: String,
    #[serde(default)]
    members: Vec<String>,
}

impl TeamView {
    fn of(team: Team) -> TeamView {
        let Team { id, name, members, created_at, version } = team;
        TeamView { id: id.to_string(), name, members: ids_of(&members), created_at: created_at.into(), version }
    }
}

pub async fn list(State(web): State<Arc<Web>>) -> Result<Json<List<TeamView>>, WebError> {
    let teams = web.read(|read| teams::all(read)).await?;
    Ok(Json(List::whole(teams.into_iter().map(TeamView::of))))
}

pub async fn one(State(web): State<Arc<Web>>, PathId(id): PathId<TeamId>) -> Result<Json<TeamView>, WebError> {
    view(&web, id).await.map(Json)
}

pub async fn create(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    JsonBody(body): JsonBody<TeamBody>,
) -> Result<Created<TeamView>, WebError> {
    let members = body.members()?;
    let id = web.write(move |tx| teams::create(tx, &actor, &body.name, &members)).await?;
    Ok(Created(format!("/api/v1/teams/{id}"), view(&web, id).await?))
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<TeamId>,
    JsonBody(body): JsonBody<TeamBody>,
) -> Result<Json<TeamView>, WebError> {
    let members = body.members()?;
    web.write(move |tx| {
        let before = teams::one(tx, id)?;
        if before.name != body.name.trim() {
            teams::rename(tx, &actor, id, &body.name)?;
        }
        for user in members.iter().filter(|user| !before.members.contains(user)) {
            teams::add_member(tx, &actor, id, *user)?;
        }
        for user in before.members.iter().filter(|user| !members.contains(user)) {
            teams::remove_member(tx, &actor, id, *user)?;
        }
        Ok(())
    })
    .await?;
    view(&web, id).await.map(Json)
}

pub async fn delete(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<TeamId>,
) -> Result<StatusCode, WebError> {
    web.write(move |tx| teams::delete(tx, &actor, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl TeamBody {
    fn members(&self) -> Result<Vec<UserId>, WebError> {
        Ok(self.members.iter().map(|text| id_of(text, "members")).collect::<Result<_, _>>()?)
    }
}

async fn view(web: &Web, id: TeamId) -> Result<TeamView, WebError> {
    web.read(move |read: &Read<'_>| -> Result<TeamView, AppError> { Ok(TeamView::of(teams::one(read, id)?)) }).await
}
