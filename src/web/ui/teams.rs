//! `/teams`: every team with who is on call for it, and making one.

use crate::app::oncall::OnCall;
use crate::app::{AppError, incidents, oncall, start, teams};
use crate::domain::id::TeamId;
use crate::domain::team::Team;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, SignedIn};
use crate::web::ui::clock::{count, list};
use crate::web::ui::form::Form;
use crate::web::ui::schedule::band::Band;
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Link, Sight, page as drawn, refused, shifts, to};
use axum::extract::State;
use axum::response::Response;
use rinja::Template;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/teams.html", askama = rinja)]
struct Teams {
    shell: Shell,
    teams: Vec<Card>,
    form: Form,
}

struct Card {
    href: String,
    name: String,
    on_call: Vec<String>,
    members: String,
    /// Two weeks of each schedule.
    strips: Vec<Band>,
    open: Option<Link>,
}

pub async fn page(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    show(&web, &signed_in, Form::blank("team")).await
}

pub async fn create(State(web): State<Arc<Web>>, signed_in: SignedIn, form: FormBody) -> Result<Response, WebError> {
    let (actor, name) = (signed_in.actor, form.text("name").to_owned());
    match refused(web.write(move |tx| teams::create(tx, &actor, &name, &[])).await)? {
        Ok(id) => Ok(to(format!("/teams/{id}"))),
        Err(refusal) => show(&web, &signed_in, Form::refused("team", &form.0.0, refusal)).await,
    }
}

/// Team, schedule and policy with one button.
pub async fn start(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    match refused(web.write(move |tx| start::everyone(tx, &actor)).await)? {
        Ok(id) => Ok(to(format!("/teams/{id}"))),
        Err(refusal) => show(&web, &signed_in, Form::refused("team", &[], refusal)).await,
    }
}

async fn show(web: &Arc<Web>, signed_in: &SignedIn, form: Form) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/teams" };
    let status = form.status();
    let page = desk
        .look(move |sight, shell| {
            let everywhere = oncall::everywhere(sight.read, sight.reader.now)?;
            let open = incidents::open_by_team(sight.read)?;
            let cards = teams::all(sight.read)?.into_iter().map(|team| card(sight, team, &everywhere, &open));
            Ok(Teams { shell, teams: cards.collect::<Result<_, AppError>>()?, form })
        })
        .await?;
    drawn(status, &page)
}

fn card(
    sight: &Sight<'_>,
    team: Team,
    everywhere: &[OnCall],
    open: &BTreeMap<TeamId, usize>,
) -> Result<Card, AppError> {
    let of_team: Vec<&OnCall> = everywhere.iter().filter(|on_call| on_call.schedule.team == team.id).collect();
    let members: Vec<String> = team.members.iter().map(|user| sight.names.marked(*user)).collect();
    let strips = of_team.iter().map(|on_call| shifts::strip(sight, on_call.schedule.id));
    Ok(Card {
        href: format!("/teams/{}", team.id),
        on_call: match of_team.is_empty() {
            true => vec!["No schedule: all active members are paged.".to_owned()],
            false => of_team.iter().map(|on_call| words(on_call, sight)).collect(),
        },
        members: if members.is_empty() { "No members yet.".to_owned() } else { list(&members) },
        strips: strips.collect::<Result<_, _>>()?,
        open: open_incidents(open, team.id),
        name: team.name,
    })
}

/// "Payments primary: Ana until Mon 09:00, then Bo."
fn words(on_call: &OnCall, sight: &Sight<'_>) -> String {
    let (names, name) = (sight.names, &on_call.schedule.name);
    let who = names.places(&on_call.places).unwrap_or("nobody".to_owned());
    match on_call.until {
        None => format!("{name}: {who}."),
        Some(until) => {
            let next = names.people(on_call.next.iter().copied()).unwrap_or("nobody".to_owned());
            format!("{name}: {who} until {}, then {next}.", sight.reader.clock(until))
        }
    }
}

/// Where the team's open incidents are listed, if there are any.
pub fn open_incidents(open: &BTreeMap<TeamId, usize>, team: TeamId) -> Option<Link> {
    let open = open.get(&team)?;
    Some(Link::new(format!("/incidents?team={team}"), count(*open, "open incident")))
}
