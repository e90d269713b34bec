//! What Prometheus reads, on a listener of its own: whoever can reach it may read it, so there are counts and times, and no
//! name, title or address.
//!
//! Units and types are in the HELP and TYPE lines. Counts stop at [`MANY`](crate::app::MANY): beyond it a number says no more,
//! and counting on would make the watcher the load.

use crate::app::system::{self, Job};
use crate::app::{App, AppError, incidents};
use crate::bridge::Lane;
use crate::domain::incident::Status;
use crate::web::Web;
use crate::web::error::WebError;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::fmt::Write as _;
use std::sync::Arc;

/// The text format that every Prometheus reads.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub async fn answer(web: Arc<Web>, uri: Uri) -> Result<Response, WebError> {
    if uri.path() != "/metrics" {
        return Ok((StatusCode::NOT_FOUND, "Metrics are at /metrics.\n").into_response());
    }
    let app = Arc::clone(&web.app);
    let text = web.bridge.run(Lane::Paging, move || text(&app)).await??;
    Ok(([(header::CONTENT_TYPE, FORMAT)], text).into_response())
}

pub fn text(app: &App) -> Result<String, AppError> {
    let mut page = Page::default();
    page.gauge("pagerpal_build_info", "Which version runs.", &[(label("version", env!("CARGO_PKG_VERSION")), 1)]);
    let healthy = system::health_problems(app).is_empty();
    page.gauge("pagerpal_healthy", "Whether a page could be sent now, as /health has it.", &[bare(healthy)]);
    page.gauge("pagerpal_sending_enabled", "0 is safe mode.", &[bare(app.switches().sending)]);
    page.gauge("pagerpal_store_failing", "Whether the last commit failed.", &[bare(app.store_status().is_failing())]);
    if let Some(at) = app.board.started_at() {
        page.gauge("pagerpal_start_time_seconds", "When the process started.", &[(String::new(), at.as_second())]);
    }
    if let Some(at) = app.board.certificate_ends_at() {
        let help = "When our own TLS certificate ends.";
        page.gauge("pagerpal_certificate_end_time_seconds", help, &[(String::new(), at.as_second())]);
    }
    if let Some(inspection) = app.board.inspection() {
        let problems = inspection.problems.len() as i64;
        page.gauge("pagerpal_inspection_problems", "Broken promises found last.", &[(String::new(), problems)]);
    }
    incidents_by_status(app, &mut page)?;
    workers(&system::jobs(app)?, &mut page);
    channels(app, &mut page);
    Ok(page.text)
}

fn incidents_by_status(app: &App, page: &mut Page) -> Result<(), AppError> {
    let open = app.read(|read| {
        let count = |status: Status| Ok((label("status", status.word()), incidents::count(read, status)? as i64));
        [Status::Triggered, Status::Acknowledged].into_iter().map(count).collect::<Result<Vec<_>, AppError>>()
    })?;
    page.gauge("pagerpal_incidents_open", "Open incidents.", &open);
    Ok(())
}

fn workers(jobs: &[Job], page: &mut Page) {
    let of = |value: fn(&Job) -> Option<i64>| -> Vec<(String, i64)> {
        jobs.iter().filter_map(|job| Some((label("worker", job.worker.word()), value(job)?))).collect()
    };
    page.gauge("pagerpal_worker_enabled", "Whether it is switched on.", &of(|job| Some(job.enabled.into())));
    let last = of(|job| job.last_run.map(|at| at.as_second()));
    page.gauge("pagerpal_worker_last_run_time_seconds", "When it last came round.", &last);
    page.gauge("pagerpal_worker_lag_seconds", "How late its oldest work is.", &of(|job| Some(job.lag_secs)));
    page.gauge("pagerpal_worker_queue", "Pieces of work that wait.", &of(|job| Some(job.queue_depth as i64)));
    page.of_type(
        "counter",
        "pagerpal_worker_panics_total",
        "Panics since the start.",
        &of(|job| Some(job.panics.into())),
    );
}

fn channels(app: &App, page: &mut Page) {
    let channels = app.board.channels();
    let of = |value: fn(&system::ChannelState) -> Option<i64>| -> Vec<(String, i64)> {
        channels.iter().filter_map(|(channel, state)| Some((label("channel", channel.word()), value(state)?))).collect()
    };
    page.gauge(
        "pagerpal_channel_configured",
        "Whether it has a provider.",
        &of(|it| Some(it.provider.is_some().into())),
    );
    page.gauge(
        "pagerpal_channel_failures",
        "Failed messages since the last accepted one.",
        &of(|it| Some(it.failures.into())),
    );
    let accepted = of(|it| it.last_accepted.map(|at| at.as_second()));
    page.gauge("pagerpal_channel_last_accepted_time_seconds", "When its provider last took a message.", &accepted);
}

fn bare(value: bool) -> (String, i64) {
    (String::new(), value.into())
}

/// Values here are words of ours, so nothing needs escaping.
fn label(name: &str, value: &str) -> String {
    format!("{{{name}=\"{value}\"}}")
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn gauge(&mut self, name: &str, help: &str, values: &[(String, i64)]) {
        self.of_type("gauge", name, help, values);
    }

    fn of_type(&mut self, kind: &str, name: &str, help: &str, values: &[(String, i64)]) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(self.text, "{name}{labels} {value}");
        }
    }
}
