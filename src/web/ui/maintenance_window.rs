//! `/maintenance/{id}`: one window or silence, to change, end early or delete.

use crate::app::{AppError, maintenance};
use crate::domain::id::MaintenanceId;
use crate::domain::maintenance::{Maintenance, Occurs, Scope};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, PathId, SignedIn};
use crate::web::ui::clock::{Reader, When};
use crate::web::ui::form::Form;
use crate::web::ui::maintenance::{Fieldset, basics, fieldset, form_name, scope_words};
use crate::web::ui::shell::Shell;
use crate::web::ui::typed::pass_of;
use crate::web::ui::{Desk, Sight, page as drawn, refused, to, zones};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/maintenance_window.html", askama = rinja)]
struct Page {
    shell: Shell,
    base: String,
    name: String,
    scope: String,
    zone: String,
    labels: Vec<String>,
    ends: Option<When>,
    is_over: bool,
    fields: Fieldset,
    zones: Vec<String>,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<MaintenanceId>,
) -> Result<Response, WebError> {
    show(&web, &signed_in, id, None).await
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<MaintenanceId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let (actor, basics) = (signed_in.actor, basics(&form)?);
        web.edit(actor, &form, move |tx| maintenance::edit(tx, &actor, id, &basics)).await
    };
    match refused(done.await)? {
        Ok(()) => Ok(to("/maintenance")),
        Err(refusal) => {
            let form = Form::refused(form_name(&form), &form.0.0, refusal);
            show(&web, &signed_in, id, Some(form)).await
        }
    }
}

async fn show(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: MaintenanceId,
    refused: Option<Form>,
) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/maintenance" };
    let status = refused.as_ref().map_or(StatusCode::OK, Form::status);
    let page = desk.look(move |sight, shell| shown(sight, shell, id, refused)).await?;
    drawn(status, &page)
}

fn shown(sight: &Sight<'_>, shell: Shell, id: MaintenanceId, refused: Option<Form>) -> Result<Page, AppError> {
    let window = maintenance::one(sight.read, id)?;
    let now = sight.reader.now;
    let base = format!("/maintenance/{id}");
    let is_once = matches!(window.occurs, Occurs::Once(_));
    let form = Form::chosen(&refused, as_it_is(&window, &sight.reader.there(&window.zone)), &[]);
    Ok(Page {
        shell,
        scope: scope_words(sight, &window.scope),
        zone: window.zone.clone(),
        labels: window.matchers.iter().map(ToString::to_string).collect(),
        ends: window.running(now).map(|span| sight.reader.when(span.end)),
        is_over: window.last_end() <= now,
        fields: fieldset(sight, form, is_once, base.clone())?,
        name: window.name,
        zones: zones(),
        base,
    })
}

/// The form filled from the record; its times on the clock of the window's own zone.
fn as_it_is(window: &Maintenance, reader: &Reader) -> Form {
    let matchers: Vec<String> = window.matchers.iter().map(ToString::to_string).collect();
    let mut values =
        vec![("name", window.name.clone()), ("zone", window.zone.clone()), ("matchers", matchers.join("\n"))];
    match &window.scope {
        Scope::Team(team) => values.push(("team", team.to_string())),
        Scope::Sources(sources) => values.extend(sources.iter().map(|source| ("source", source.to_string()))),
    }
    let name = match &window.occurs {
        Occurs::Once(span) => {
            values.push(("start", reader.input(span.start)));
            values.push(("end", reader.input(span.end)));
            values.push(("start_pass", pass_of(span.start, &reader.zone).to_owned()));
            values.push(("end_pass", pass_of(span.end, &reader.zone).to_owned()));
            "once"
        }
        Occurs::Again { pattern, minutes, .. } => {
            values.push(("pattern", pattern.clone()));
            values.push(("minutes", minutes.to_string()));
            "again"
        }
    };
    values.push(("occurs", name.to_owned()));
    Form::filled(name, values).of_version(window.id, window.version, format!("/maintenance/{}", window.id))
}
