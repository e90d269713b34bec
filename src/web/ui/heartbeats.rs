//! `/heartbeats`: every job that reports that it ran, how it is, and adding one.

use crate::app::heartbeats::{self, NewHeartbeat};
use crate::app::{AppError, alert_sources};
use crate::domain::heartbeat::{Heartbeat, Look};
use crate::domain::refusal::Refusal;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, SignedIn};
use crate::web::ui::clock::{Reader, When, duration};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Pill, Sight, page as drawn, refused, to};
use axum::extract::State;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/heartbeats.html", askama = rinja)]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    sources: Vec<Choice>,
    form: Form,
}

struct Row {
    href: String,
    name: String,
    source: String,
    state: Pill,
    rhythm: String,
    heard: Option<When>,
    /// When it is missed, or its pause ends.
    due: Option<When>,
}

pub async fn page(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    show(&web, &signed_in, Form::blank("heartbeat")).await
}

pub async fn create(State(web): State<Arc<Web>>, signed_in: SignedIn, form: FormBody) -> Result<Response, WebError> {
    let done = async {
        let (interval_minutes, grace_minutes) = rhythm(&form)?;
        let (source, name) = (form.id("source")?, form.text("name").to_owned());
        let new = NewHeartbeat { source, name, interval_minutes, grace_minutes };
        let (actor, key) = (signed_in.actor, web.app.settings.link_key.clone());
        web.write(move |tx| heartbeats::create(tx, &actor, &key, &new)).await
    };
    match refused(done.await)? {
        Ok(id) => Ok(to(format!("/heartbeats/{id}"))),
        Err(refusal) => show(&web, &signed_in, Form::refused("heartbeat", &form.0.0, refusal)).await,
    }
}

/// Interval and grace in minutes, as they were typed.
pub fn rhythm(form: &Fields) -> Result<(u32, u32), Refusal> {
    Ok((form.number("interval")?, form.number("grace")?))
}

pub fn rhythm_words(heartbeat: &Heartbeat) -> String {
    let words = |minutes: u32| duration(i64::from(minutes) * 60);
    format!("every {}, {} of grace", words(heartbeat.interval_minutes), words(heartbeat.grace_minutes))
}

pub fn state(heartbeat: &Heartbeat, reader: &Reader) -> Pill {
    let look = heartbeat.look(reader.now);
    let class = match look {
        Look::New | Look::Paused => "",
        Look::Healthy => "good",
        Look::Late => "warn",
        Look::Missed => "bad",
    };
    let text = match look {
        Look::New => "waits for its first ping".to_owned(),
        other => other.word().to_owned(),
    };
    Pill { class, text }
}

async fn show(web: &Arc<Web>, signed_in: &SignedIn, form: Form) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/heartbeats" };
    let status = form.status();
    let page = desk.look(move |sight, shell| shown(sight, shell, form)).await?;
    drawn(status, &page)
}

fn shown(sight: &Sight<'_>, shell: Shell, form: Form) -> Result<Page, AppError> {
    let reader = sight.reader;
    let row = |heartbeat: Heartbeat| Row {
        href: format!("/heartbeats/{}", heartbeat.id),
        source: sight.names.source(heartbeat.source).to_owned(),
        state: state(&heartbeat, reader),
        rhythm: rhythm_words(&heartbeat),
        heard: heartbeat.heard.as_ref().map(|heard| reader.when(heard.at)),
        due: heartbeat.due().map(|due| reader.when(due)),
        name: heartbeat.name,
    };
    let rows = heartbeats::all(sight.read)?.into_iter().map(row).collect();
    let sources = alert_sources::all(sight.read)?.into_iter().map(|source| Choice::new(source.id, source.name));
    Ok(Page { shell, rows, sources: sources.collect(), form })
}
