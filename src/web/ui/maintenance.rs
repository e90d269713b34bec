//! `/maintenance`: the windows and silences that hold alerts back now, those to come and those that are over, and
//! entering one.

use crate::app::maintenance::{self, Basics, Chosen};
use crate::app::{AppError, alert_sources, teams};
use crate::domain::entry::Interval;
use crate::domain::id::MaintenanceId;
use crate::domain::maintenance::{Maintenance, Matcher, Occurs, Scope};
use crate::domain::refusal::Refusal;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, PathId, SignedIn};
use crate::web::ui::clock::{When, duration, list};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Sight, page as drawn, refused, to, typed, zones};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/maintenance.html", askama = rinja)]
struct Page {
    shell: Shell,
    running: Vec<Window>,
    upcoming: Vec<Window>,
    past: Vec<Window>,
    /// For a window that comes once, and for one that comes again.
    forms: Vec<Fieldset>,
    zones: Vec<String>,
}

/// One window in a list.
struct Window {
    href: String,
    name: String,
    /// `silence` or `window`.
    kind: &'static str,
    scope: String,
    when: String,
    labels: Vec<String>,
    author: String,
    /// Of what runs.
    ends: Option<When>,
    /// The next occurrences, in words.
    next: Vec<String>,
}

/// A form for a window, new or known.
pub struct Fieldset {
    pub form: Form,
    pub action: String,
    /// Comes once; otherwise by a pattern.
    pub is_once: bool,
    pub teams: Vec<Choice>,
    pub sources: Vec<Ticked>,
    /// To ask with, where the time comes twice.
    pub start_passes: Vec<Choice>,
    pub end_passes: Vec<Choice>,
}

pub struct Ticked {
    pub choice: Choice,
    pub is_ticked: bool,
}

/// Occurrences to come that a list names.
const NEXT: usize = 3;

pub async fn page(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    show(&web, &signed_in, None).await
}

pub async fn create(State(web): State<Arc<Web>>, signed_in: SignedIn, form: FormBody) -> Result<Response, WebError> {
    let done = async {
        let (actor, basics) = (signed_in.actor, basics(&form)?);
        web.write(move |tx| maintenance::create(tx, &actor, &basics)).await
    };
    match refused(done.await)? {
        Ok(_) => Ok(to("/maintenance")),
        Err(refusal) => show(&web, &signed_in, Some(Form::refused(form_name(&form), &form.0.0, refusal))).await,
    }
}

pub async fn end_now(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<MaintenanceId>,
) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    web.write(move |tx| maintenance::end_now(tx, &actor, id)).await?;
    Ok(to("/maintenance"))
}

pub async fn delete(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<MaintenanceId>,
) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    web.write(move |tx| maintenance::delete(tx, &actor, id)).await?;
    Ok(to("/maintenance"))
}

/// The forms of the two kinds have names of their own.
pub fn form_name(form: &Fields) -> &'static str {
    if is_once(form) { "once" } else { "again" }
}

fn is_once(form: &Fields) -> bool {
    form.text("occurs") != "again"
}

pub fn basics(form: &Fields) -> Result<Basics, Refusal> {
    let team = form.optional_id("team")?;
    let ticked = form.all("source").map(|text| {
        let unknown = |_| Refusal::invalid("unknown", "scope", "Choose alert sources that are on the list.");
        text.parse().map_err(unknown)
    });
    let sources = ticked.collect::<Result<Vec<_>, _>>()?;
    let scope = Scope::chosen(team, sources)?;
    let zone = form.text("zone").to_owned();
    let occurs = if is_once(form) {
        let start = typed::instant(form, "start", "start_pass", &zone)?;
        Chosen::Once(Interval { start, end: typed::instant(form, "end", "end_pass", &zone)? })
    } else {
        Chosen::Again { pattern: form.text("pattern").to_owned(), minutes: form.number("minutes")? }
    };
    let matchers = Matcher::parse_all(form.verbatim("matchers"))?;
    Ok(Basics { name: form.text("name").to_owned(), scope, occurs, zone, matchers })
}

/// The fields of a form as it is shown.
pub fn fieldset(sight: &Sight<'_>, form: Form, is_once: bool, action: String) -> Result<Fieldset, AppError> {
    let mut choices = vec![Choice::new("", "the sources ticked below")];
    choices
        .extend(teams::all(sight.read)?.into_iter().map(|team| Choice::new(team.id, format!("all of {}", team.name))));
    let sources = alert_sources::all(sight.read)?.into_iter().map(|source| {
        let is_ticked = form.values("source").any(|value| value == source.id.to_string());
        Ticked { choice: Choice::new(source.id, source.name), is_ticked }
    });
    let there = sight.reader.there(form.value("zone"));
    Ok(Fieldset {
        sources: sources.collect(),
        start_passes: typed::passes(&form, "start", &there),
        end_passes: typed::passes(&form, "end", &there),
        teams: choices,
        action,
        is_once,
        form,
    })
}

async fn show(web: &Arc<Web>, signed_in: &SignedIn, refused: Option<Form>) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/maintenance" };
    let status = refused.as_ref().map_or(StatusCode::OK, Form::status);
    let page = desk.look(move |sight, shell| shown(sight, shell, &refused)).await?;
    drawn(status, &page)
}

fn shown(sight: &Sight<'_>, shell: Shell, refused: &Option<Form>) -> Result<Page, AppError> {
    let now = sight.reader.now;
    let (current, past) = maintenance::all(sight.read, now)?;
    let (running, upcoming): (Vec<&Maintenance>, Vec<&Maintenance>) =
        current.iter().partition(|window| window.running(now).is_some());
    let blank = |name: &'static str| {
        let form = Form::blank(name).with("zone", &sight.viewer.zone).with("occurs", name);
        Form::chosen(refused, form, &[])
    };
    let windows = |windows: &[&Maintenance]| windows.iter().map(|window| row(sight, window)).collect();
    let action = || "/maintenance".to_owned();
    Ok(Page {
        shell,
        running: windows(&running),
        upcoming: windows(&upcoming),
        past: past.iter().map(|window| row(sight, window)).collect(),
        forms: vec![fieldset(sight, blank("once"), true, action())?, fieldset(sight, blank("again"), false, action())?],
        zones: zones(),
    })
}

fn row(sight: &Sight<'_>, window: &Maintenance) -> Window {
    let (now, there) = (sight.reader.now, sight.reader.there(&window.zone));
    let words = |span: &Interval| there.span(span.start, span.end);
    Window {
        href: format!("/maintenance/{}", window.id),
        name: window.name.clone(),
        kind: if window.is_silence() { "silence" } else { "window" },
        scope: scope_words(sight, &window.scope),
        when: match &window.occurs {
            Occurs::Once(span) => format!("{}, {}", words(span), window.zone),
            Occurs::Again { pattern, minutes, .. } => {
                format!("for {} from each match of {pattern}, {}", duration(i64::from(*minutes) * 60), window.zone)
            }
        },
        labels: window.matchers.iter().map(ToString::to_string).collect(),
        author: window.author.map(|user| sight.names.user(user).to_owned()).unwrap_or_default(),
        ends: window.running(now).map(|span| sight.reader.when(span.end)),
        next: match &window.occurs {
            Occurs::Once(_) => vec![],
            Occurs::Again { .. } => window.upcoming(now, NEXT).iter().map(words).collect(),
        },
    }
}

pub fn scope_words(sight: &Sight<'_>, scope: &Scope) -> String {
    match scope {
        Scope::Team(team) => format!("all sources of {}", sight.names.team(*team)),
        Scope::Sources(sources) => {
            let names: Vec<&str> = sources.iter().map(|source| sight.names.source(*source)).collect();
            list(&names)
        }
    }
}
