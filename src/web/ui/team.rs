//! `/teams/{id}`: whom it pages now, its members, and what belongs to it.

use crate::app::{AppError, alert_sources, incidents, maintenance, oncall, policies, schedules, teams, users};
use crate::domain::id::{TeamId, UserId};
use crate::domain::maintenance::Scope;
use crate::domain::policy::Recipient;
use crate::domain::team::Team;
use crate::domain::user::User;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, PathId, SignedIn};
use crate::web::ui::clock::list;
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::schedule::band::Band;
use crate::web::ui::shell::Shell;
use crate::web::ui::teams::open_incidents;
use crate::web::ui::{Desk, Fact, Link, Sight, active_people, page as drawn, refused, shifts, to};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/team.html", askama = rinja)]
struct Page {
    shell: Shell,
    base: String,
    name: String,
    coverage: Vec<Fact>,
    members: Vec<Member>,
    /// Who could be added.
    candidates: Vec<Choice>,
    strips: Vec<Band>,
    open: Option<Link>,
    belongings: Vec<Link>,
    form: Form,
    member_form: Form,
}

struct Member {
    id: UserId,
    href: String,
    name: String,
    /// Active, but without any way to be reached.
    is_unreachable: bool,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<TeamId>,
) -> Result<Response, WebError> {
    show(&web, &signed_in, id, None).await
}

pub async fn rename(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<TeamId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let (actor, name) = (signed_in.actor, form.text("name").to_owned());
    let done = web.edit(actor, &form, move |tx| teams::rename(tx, &actor, id, &name)).await;
    answer(&web, &signed_in, id, done, "team", &form).await
}

pub async fn add_member(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<TeamId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let (actor, user) = (signed_in.actor, form.id("user")?);
        web.write(move |tx| teams::add_member(tx, &actor, id, user)).await
    };
    answer(&web, &signed_in, id, done.await, "member", &form).await
}

pub async fn remove_member(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<TeamId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let (actor, user) = (signed_in.actor, form.id("user")?);
        web.write(move |tx| teams::remove_member(tx, &actor, id, user)).await
    };
    answer(&web, &signed_in, id, done.await, "member", &form).await
}

pub async fn delete(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<TeamId>,
) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    match refused(web.write(move |tx| teams::delete(tx, &actor, id)).await)? {
        Ok(()) => Ok(to("/teams")),
        Err(refusal) => show(&web, &signed_in, id, Some(Form::refused("delete", &[], refusal))).await,
    }
}

async fn answer(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: TeamId,
    done: Result<(), WebError>,
    form_name: &'static str,
    form: &FormBody,
) -> Result<Response, WebError> {
    match refused(done)? {
        Ok(()) => Ok(to(format!("/teams/{id}"))),
        Err(refusal) => show(web, signed_in, id, Some(Form::refused(form_name, &form.0.0, refusal))).await,
    }
}

async fn show(web: &Arc<Web>, signed_in: &SignedIn, id: TeamId, refused: Option<Form>) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/teams" };
    let status = refused.as_ref().map_or(StatusCode::OK, Form::status);
    let page = desk.look(move |sight, shell| shown(sight, shell, id, refused)).await?;
    drawn(status, &page)
}

fn shown(sight: &Sight<'_>, shell: Shell, id: TeamId, refused: Option<Form>) -> Result<Page, AppError> {
    let team = teams::one(sight.read, id)?;
    let people = users::all(sight.read)?;
    let is_unreachable = |id: UserId| {
        people.iter().any(|user| user.id == id && user.is_active() && !user.is_pageable_at(sight.reader.now))
    };
    let member = |user: &UserId| Member {
        id: *user,
        href: format!("/users/{user}"),
        name: sight.names.marked(*user),
        is_unreachable: is_unreachable(*user),
    };
    let mut candidates = active_people(&people);
    candidates.retain(|choice| team.members.iter().all(|user| user.to_string() != choice.value));
    let own: Vec<_> = schedules::all(sight.read)?.into_iter().filter(|schedule| schedule.team == id).collect();
    let strips = own.iter().map(|schedule| shifts::strip(sight, schedule.id)).collect::<Result<_, _>>()?;
    let names_us = |recipient: &Recipient| match recipient {
        Recipient::Team(team) => *team == id,
        Recipient::Schedule(schedule) => own.iter().any(|one| one.id == *schedule),
        Recipient::User(_) => false,
    };
    let mut policies = policies::all(sight.read)?;
    policies.retain(|policy| policy.levels.iter().flat_map(|level| &level.recipients).any(names_us));
    let policies = policies
        .into_iter()
        .map(|p| Link::new(format!("/escalation-policies/{}", p.id), format!("Escalation policy {}", p.name)));
    let (windows, _) = maintenance::all(sight.read, sight.reader.now)?;
    let windows = windows.into_iter().filter(|window| window.scope == Scope::Team(id));
    let windows = windows.map(|w| Link::new(format!("/maintenance/{}", w.id), format!("Maintenance {}", w.name)));
    let schedules = own.iter();
    let schedules = schedules.map(|s| Link::new(format!("/schedules/{}", s.id), format!("Schedule {}", s.name)));
    let sources = alert_sources::all(sight.read)?.into_iter().filter(|source| source.team == id);
    let sources = sources.map(|s| Link::new(format!("/alert-sources/{}", s.id), format!("Alert source {}", s.name)));
    let base = format!("/teams/{id}");
    let form = Form::blank("team").with("name", &team.name).of_version(id, team.version, &base);
    Ok(Page {
        shell,
        base,
        coverage: coverage(sight, &team, &people)?,
        members: team.members.iter().map(member).collect(),
        candidates,
        strips,
        open: open_incidents(&incidents::open_by_team(sight.read)?, id),
        belongings: schedules.chain(policies).chain(sources).chain(windows).collect(),
        form: Form::chosen(&refused, form, &["delete"]),
        member_form: Form::chosen(&refused, Form::blank("member"), &[]),
        name: team.name,
    })
}

/// Whom a level that names the team pages now.
fn coverage(sight: &Sight<'_>, team: &Team, people: &[User]) -> Result<Vec<Fact>, AppError> {
    let Sight { read, reader, names, .. } = *sight;
    let everywhere = oncall::everywhere(read, reader.now)?;
    let facts: Vec<Fact> = everywhere
        .iter()
        .filter(|on_call| on_call.schedule.team == team.id)
        .map(|on_call| {
            let schedule = &on_call.schedule.name;
            match (names.places(&on_call.places), on_call.until) {
                (Some(people), Some(until)) => {
                    Fact::good(format!("{schedule}: {people} until {}", reader.clock(until)))
                }
                (Some(people), None) => Fact::good(format!("{schedule}: {people}")),
                (None, _) => Fact::bad(format!("{schedule}: nobody is on call now")),
            }
        })
        .collect();
    if !facts.is_empty() {
        return Ok(facts);
    }
    let active = people.iter().filter(|user| user.is_active() && team.members.contains(&user.id));
    let active: Vec<&str> = active.map(|user| user.name.as_str()).collect();
    Ok(vec![match active.is_empty() {
        true => Fact::bad("Nobody: this team has no schedule and no active member."),
        false => Fact::off(format!("No schedule, so all active members are paged at once: {}.", list(&active))),
    }])
}
