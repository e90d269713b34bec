//! `/teams`: every team with who is on call for it, and making one.

use crate::app::{oncall, teams};
use crate::domain::team::Team;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, SignedIn};
use crate::web::ui::clock::list;
use crate::web::ui::form::Form;
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, page as drawn, refused, to};
use axum::extract::State;
use axum::response::Response;
use rinja::Template;
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
    on_call: String,
    members: String,
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

async fn show(web: &Arc<Web>, signed_in: &SignedIn, form: Form) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/teams" };
    let status = form.status();
    let page = desk
        .look(move |sight, shell| {
            let everywhere = oncall::everywhere(sight.read, sight.reader.now)?;
            let card = |team: Team| {
                let of_team = everywhere.iter().filter(|on_call| on_call.schedule.team == team.id);
                let places = of_team.clone().flat_map(|on_call| &on_call.places);
                let people: Vec<&str> = places.map(|place| sight.names.user(place.user)).collect();
                let on_call = match (of_team.count(), people.is_empty()) {
                    (0, _) => "No schedule: all active members are paged.".to_owned(),
                    (_, true) => "Nobody is on call now.".to_owned(),
                    (_, false) => format!("On call: {}.", list(&people)),
                };
                let members: Vec<String> = team.members.iter().map(|user| sight.names.marked(*user)).collect();
                let members = if members.is_empty() { "No members yet.".to_owned() } else { list(&members) };
                Card { href: format!("/teams/{}", team.id), name: team.name, on_call, members }
            };
            Ok(Teams { shell, teams: teams::all(sight.read)?.into_iter().map(card).collect(), form })
        })
        .await?;
    drawn(status, &page)
}
