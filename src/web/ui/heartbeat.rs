//! `/heartbeats/{id}`: one job, what was heard of it last, how it reports, and its pause.

use crate::app::{AppError, heartbeats};
use crate::domain::heartbeat::{Beat, Heard, State as Pulse};
use crate::domain::id::HeartbeatId;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, PathId, SignedIn};
use crate::web::ui::clock::When;
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::heartbeats::{rhythm, rhythm_words, state};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Link, Pill, Sight, page as drawn, refused, to, typed};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/heartbeat.html", askama = rinja)]
struct Page {
    shell: Shell,
    base: String,
    name: String,
    source: Link,
    state: Pill,
    rhythm: String,
    is_paused: bool,
    heard: Option<Last>,
    /// What happens next without a ping, in words, and when.
    next: Option<(&'static str, When)>,
    /// The ping address, for those who may see secrets; without one it was made under another secret key.
    address: Option<String>,
    webhook: String,
    zone: String,
    form: Form,
    pause_form: Form,
    /// To ask with, where the end of a pause comes twice.
    passes: Vec<Choice>,
}

struct Last {
    when: When,
    what: String,
    body: String,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<HeartbeatId>,
) -> Result<Response, WebError> {
    show(&web, &signed_in, id, None).await
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<HeartbeatId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let ((interval, grace), actor) = (rhythm(&form)?, signed_in.actor);
        web.edit(actor, &form, move |tx| heartbeats::edit(tx, &actor, id, interval, grace)).await
    };
    answer(&web, &signed_in, id, done.await, "heartbeat", &form).await
}

pub async fn pause(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<HeartbeatId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let until = typed::instant(&form, "until", "until_pass", &signed_in.user.zone)?;
        let actor = signed_in.actor;
        web.write(move |tx| heartbeats::pause(tx, &actor, id, until)).await
    };
    answer(&web, &signed_in, id, done.await, "pause", &form).await
}

pub async fn resume(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<HeartbeatId>,
) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    web.write(move |tx| heartbeats::resume(tx, &actor, id)).await?;
    Ok(to(path(id)))
}

pub async fn renew_address(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<HeartbeatId>,
) -> Result<Response, WebError> {
    let (actor, key) = (signed_in.actor, web.app.settings.link_key.clone());
    web.write(move |tx| heartbeats::renew_address(tx, &actor, &key, id)).await?;
    Ok(to(path(id)))
}

pub async fn delete(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<HeartbeatId>,
) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    web.write(move |tx| heartbeats::delete(tx, &actor, id)).await?;
    Ok(to("/heartbeats"))
}

fn path(id: HeartbeatId) -> String {
    format!("/heartbeats/{id}")
}

async fn answer(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: HeartbeatId,
    done: Result<(), WebError>,
    form_name: &'static str,
    form: &FormBody,
) -> Result<Response, WebError> {
    match refused(done)? {
        Ok(()) => Ok(to(path(id))),
        Err(refusal) => show(web, signed_in, id, Some(Form::refused(form_name, &form.0.0, refusal))).await,
    }
}

async fn show(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: HeartbeatId,
    refused: Option<Form>,
) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/heartbeats" };
    let status = refused.as_ref().map_or(StatusCode::OK, Form::status);
    let page = desk.look(move |sight, shell| shown(sight, shell, id, refused)).await?;
    drawn(status, &page)
}

fn shown(sight: &Sight<'_>, shell: Shell, id: HeartbeatId, refused: Option<Form>) -> Result<Page, AppError> {
    let heartbeat = heartbeats::one(sight.read, id)?;
    let settings = &sight.app.settings;
    let here = settings.base_url.as_deref().unwrap_or("https://PAGERPAL_BASE_URL");
    // Whoever knows the address can keep a dead job alive.
    let token = if shell.may_configure() { heartbeats::token(&settings.link_key, &heartbeat) } else { None };
    let is_paused = matches!(heartbeat.state, Pulse::Paused { .. });
    let next = if is_paused { "The pause ends" } else { "Without a ping it is missed" };
    let form = Form::blank("heartbeat")
        .with("interval", heartbeat.interval_minutes)
        .with("grace", heartbeat.grace_minutes)
        .of_version(id, heartbeat.version, path(id));
    let pause_form = Form::chosen(&refused, Form::blank("pause"), &[]);
    Ok(Page {
        base: path(id),
        source: Link::new(format!("/alert-sources/{}", heartbeat.source), sight.names.source(heartbeat.source)),
        state: state(&heartbeat, sight.reader),
        rhythm: rhythm_words(&heartbeat),
        is_paused,
        heard: heartbeat.heard.as_ref().map(|heard| last(sight, heard)),
        next: heartbeat.due().map(|due| (next, sight.reader.when(due))),
        address: token.map(|token| format!("{here}/ping/{token}")),
        webhook: format!("{here}/api/v1/webhooks/heartbeat/{}", heartbeat.name),
        zone: sight.viewer.zone.clone(),
        form: Form::chosen(&refused, form, &[]),
        passes: typed::passes(&pause_form, "until", sight.reader),
        pause_form,
        name: heartbeat.name,
        shell,
    })
}

fn last(sight: &Sight<'_>, heard: &Heard) -> Last {
    let what = match heard.what {
        Beat::Ping => "a ping".to_owned(),
        Beat::Fail => "a failure".to_owned(),
        Beat::Exit(0) => "exit code 0, a ping".to_owned(),
        Beat::Exit(code) => format!("exit code {code}, a failure"),
    };
    Last { when: sight.reader.when(heard.at), what, body: heard.body.clone() }
}
