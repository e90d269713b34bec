//! `/settings`: the production checklist, what the workers do, which channels work, what is kept, and how this machine is
//! configured. Everybody may read it; what acts is for admins, but for a test to oneself.

pub mod channels;
pub mod storage;
pub mod support;

use crate::app::system::{self, Job, LATE_SECS, SettingShown, Worker};
use crate::app::{AppError, checks, incidents, sessions, tokens, users};
use crate::domain::actor::Actor;
use crate::domain::checks::{Check, Verdict, evaluate, summary};
use crate::domain::time::Timestamp;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::SignedIn;
use crate::web::ui::clock::{Reader, When, count, duration};
use crate::web::ui::form::Form;
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Fact, Link, Pill, Sight, page as drawn, to};
use axum::extract::State;
use axum::response::Response;
use channels::Channels;
use rinja::Template;
use std::sync::Arc;
use storage::Storage;

#[derive(Template)]
#[template(path = "templates/settings.html", askama = rinja)]
struct Settings {
    shell: Shell,
    summary: String,
    /// Those that do not pass, the worst first.
    open: Vec<CheckShown>,
    passed: Vec<CheckShown>,
    workers: Vec<Row>,
    channels: Channels,
    /// What the inspector and the store's checks found; empty is well.
    problems: Vec<String>,
    /// Has the sentence about a test that was refused.
    test_form: Form,
    storage: Storage,
    /// How many incidents a restore holds, and until when.
    held: Option<(usize, When)>,
    configuration: Vec<SettingShown>,
    /// Who is signed in or has a token, for admins.
    signed_in: Vec<(Link, String)>,
}

struct CheckShown {
    fact: Fact,
    verdict: &'static str,
    about: Vec<String>,
    remedy: String,
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
    show(&web, &signed_in, None).await
}

async fn show(web: &Arc<Web>, signed_in: &SignedIn, refused: Option<Form>) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/settings" };
    let test_form = refused.unwrap_or_else(|| Form::blank("test"));
    let (status, actor) = (test_form.status(), signed_in.actor);
    let page = desk
        .look(move |sight, shell| {
            let facts = checks::facts(sight.app, true)?;
            let checks = evaluate(&facts);
            let (passed, mut open): (Vec<&Check>, Vec<&Check>) =
                checks.iter().partition(|check| check.verdict == Verdict::Passes);
            open.sort_by_key(|check| std::cmp::Reverse(check.verdict));
            let mut problems = system::damaged_records(sight.app);
            problems.extend(sight.app.board.inspection().into_iter().flat_map(|inspection| inspection.problems));
            let held = sight.app.read(|read| incidents::held_after_restore(read))?;
            Ok(Settings {
                summary: summary(&checks),
                open: open.into_iter().map(check_shown).collect(),
                passed: passed.into_iter().map(check_shown).collect(),
                workers: system::jobs(sight.app)?.iter().map(|job| row(job, sight.reader)).collect(),
                channels: channels::shown(sight)?,
                problems,
                test_form,
                storage: storage::shown(sight.app, facts.machine.as_ref(), sight.reader),
                held: held.map(|(count, until)| (count, sight.reader.when(until))),
                configuration: sight.app.board.configuration(),
                signed_in: if shell.may_configure() { signed_in_now(sight, &actor)? } else { vec![] },
                shell,
            })
        })
        .await?;
    drawn(status, &page)
}

pub async fn resume(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    web.write(move |tx| incidents::resume_after_restore(tx, &actor)).await?;
    Ok(to("/incidents"))
}

fn check_shown(check: &Check) -> CheckShown {
    let Check { verdict, sentence, about, remedy, .. } = check.clone();
    let fact = match verdict {
        Verdict::Passes => Fact::good(sentence),
        Verdict::Fails => Fact::bad(sentence),
        Verdict::Warns => Fact { class: "warn", shape: "warn", text: sentence },
        Verdict::Unknown => Fact::off(sentence),
    };
    CheckShown { fact, verdict: verdict.word(), about, remedy }
}

/// Each person with a browser or a token that opens something now, and the page where that is ended.
fn signed_in_now(sight: &Sight<'_>, actor: &Actor) -> Result<Vec<(Link, String)>, AppError> {
    let Sight { read, reader, .. } = *sight;
    let mut people = Vec::new();
    for user in users::all(read)?.into_iter().filter(|user| user.login.is_some()) {
        let browsers = sessions::of(read, actor, user.id)?.len();
        let good = tokens::of(read, actor, user.id)?.iter().filter(|token| token.is_good_at(reader.now)).count();
        let parts = [(browsers, "browser"), (good, "token")];
        let words: Vec<String> =
            parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| count(*number, what)).collect();
        if !words.is_empty() {
            people.push((Link::new(format!("/users/{}/access", user.id), user.name), words.join(", ")));
        }
    }
    Ok(people)
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
