//! `/api/v1/teams`: who belongs together. Everybody signed in reads, admins edit.

use crate::app::{Read, teams};
use crate::domain::id::{TeamId, UserId};
use crate::domain::refusal::checked_name;
use crate::domain::team::Team;
use crate::web::Web;
use crate::web::api::{Created, IfMatch, Instant, List, Page, Versioned, Wrong, by_name, id_at, ids_of};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct TeamView {
    id: String,
    name: String,
    /// Ids of users, the deactivated included.
    members: Vec<String>,
    created_at: Instant,
    version: u64,
}

/// A whole team: what is left out is empty.
#[derive(Debug, Deserialize, JsonSchema)]
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

pub async fn list(State(web): State<Arc<Web>>, page: Page) -> Result<List<TeamView>, WebError> {
    let teams = web.read(|read| teams::all(read)).await?;
    Ok(List::cut(teams, |team| by_name(&team.name, team.id), &page, TeamView::of))
}

pub async fn one(State(web): State<Arc<Web>>, PathId(id): PathId<TeamId>) -> Result<Versioned<TeamView>, WebError> {
    view(&web, id).await
}

pub async fn create(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    JsonBody(body): JsonBody<TeamBody>,
) -> Result<Created<TeamView>, WebError> {
    let (name, members) = body.read()?;
    let id = web.write(move |tx| teams::create(tx, &actor, &name, &members)).await?;
    let Versioned(version, made) = view(&web, id).await?;
    Ok(Created { location: format!("/api/v1/teams/{id}"), version: Some(version), made })
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<TeamId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<TeamBody>,
) -> Result<Versioned<TeamView>, WebError> {
    let (name, members) = body.read()?;
    web.write(move |tx| {
        let before = teams::one(tx, id)?;
        expected.check(before.version)?;
        if before.name != name {
            teams::rename(tx, &actor, id, &name)?;
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
    view(&web, id).await
}

pub async fn delete(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<TeamId>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, WebError> {
    web.write(move |tx| {
        expected.check(teams::one(tx, id)?.version)?;
        teams::delete(tx, &actor, id)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl TeamBody {
    fn read(&self) -> Result<(String, Vec<UserId>), WebError> {
        let mut wrong = Wrong::default();
        let name = wrong.take(checked_name(&self.name));
        let member = |(place, text): (usize, &String)| wrong.take_at("members", id_at(text, place));
        let members: Vec<Option<UserId>> = self.members.iter().enumerate().map(member).collect();
        match (name, members.into_iter().collect()) {
            (Some(name), Some(members)) => Ok((name, members)),
            _ => Err(wrong.into()),
        }
    }
}

async fn view(web: &Web, id: TeamId) -> Result<Versioned<TeamView>, WebError> {
    let look = move |read: &Read<'_>| teams::one(read, id);
    let team = web.read(look).await?;
    Ok(Versioned(team.version, TeamView::of(team)))
}
