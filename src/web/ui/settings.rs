//! `/settings`: what the workers do, which channels work, and how this machine is configured. Read only.

use crate::app::system::{self, Job, LATE_SECS, SettingShown, Worker};
use crate::domain::time::Timestamp;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::SignedIn;
use crate::web::ui::clock::{Reader, When, duration};
use crate::web::ui::dashboard::channel_facts;
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Fact, Pill, page as drawn};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/settings.html", askama = rinja)]
struct Settings {
    shell: Shell,
    workers: Vec<Row>,
    channels: Vec<Fact>,
    /// What the inspector and the store's checks found; empty is well.
    problems: Vec<String>,
    configuration: Vec<SettingShown>,
}

struct Row {
    name: &'static str,
    state: Pill,
    last_run: Option<When>,
    lag: String,
    next_due: Option<When>,
    queue: usize,
    last_error: String,
}

pub async fn page(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/settings" };
    let page = desk
        .look(|sight, shell| {
            let workers = system::jobs(sight.app)?.iter().map(|job| row(job, sight.reader)).collect();
            let mut problems = system::damaged_records(sight.app);
            problems.extend(sight.app.board.inspection().into_iter().flat_map(|inspection| inspection.problems));
            let channels = channel_facts(sight.app, sight.reader);
            let configuration = sight.app.board.configuration();
            Ok(Settings { shell, workers, channels, problems, configuration })
        })
        .await?;
    drawn(StatusCode::OK, &page)
}

fn row(job: &Job, reader: &Reader) -> Row {
    let (class, text) = match job.worker.setting() {
        Some(setting) if !job.enabled => ("bad", format!("off by {setting}")),
        _ if job.lag_secs > LATE_SECS => ("bad", "late".to_owned()),
        _ if job.has_stopped() => ("bad", format!("has not run for {}", duration(job.silent_secs))),
        _ if job.last_run.is_none() => ("", "has not run yet".to_owned()),
        _ => ("good", "running".to_owned()),
    };
    let error = |(at, text): &(Timestamp, String)| format!("{}: {text}", reader.when(*at).text);
    Row {
        name: match job.worker {
            Worker::Escalation => "Escalation",
            Worker::Deliveries => "Sending",
            Worker::Retry => "Notification retry",
            Worker::Receipts => "Receipts and replies",
            Worker::Upkeep => "Upkeep",
            Worker::Inspector => "Inspector",
            Worker::Feeds => "Calendars",
        },
        state: Pill { class, text },
        last_run: job.last_run.map(|at| reader.when(at)),
        lag: duration(job.lag_secs),
        next_due: job.next_due.map(|at| reader.when(at)),
        queue: job.queue_depth,
        last_error: job.last_error.as_ref().map(error).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::ui::samples;

    fn check(change: impl FnOnce(&mut Job), class: &str, text: &str) {
        let reader = samples::reader();
        let mut job = Job {
            worker: Worker::Escalation,
            enabled: true,
            last_run: Some(reader.now),
            lag_secs: 0,
            silent_secs: 0,
            next_due: None,
            queue_depth: 0,
            last_error: None,
            panics: 0,
        };
        change(&mut job);
        let state = row(&job, &reader).state;
        assert_eq!((state.class, state.text.as_str()), (class, text));
    }

    #[test]
    fn a_workers_state_names_the_setting_that_stops_it() {
        check(|_| {}, "good", "running");
        check(|job| job.silent_secs = 31, "bad", "has not run for 31 s");
        check(|job| job.enabled = false, "bad", "off by ESCALATION_WORKER_ENABLED");
        check(|job| job.lag_secs = 61, "bad", "late");
        check(|job| job.last_run = None, "", "has not run yet");
    }
}
