//! `/dashboard`: what needs somebody, who is on call, and whether a page would leave now.

use crate::app::system::{self, ChannelState, Job, LATE_SECS, Worker};
use crate::app::{App, AppError, alert_sources, incidents, oncall, policies, teams, users};
use crate::domain::access::Role;
use crate::domain::contact::Channel;
use crate::domain::incident::Status;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::SignedIn;
use crate::web::ui::clock::{Reader, count, duration};
use crate::web::ui::fragment::{self, Fragment};
use crate::web::ui::incidents::{Row, rows};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Fact, Link, Sight};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "templates/dashboard.html", blocks = ["main"], askama = rinja)]
struct Dashboard {
    shell: Shell,
    sentence: String,
    incidents: Vec<Row>,
    /// What is not set up yet, with the page where it is done.
    warnings: Vec<Link>,
    on_call: Vec<Coverage>,
    facts: Vec<Fact>,
}

/// A team and who answers for it now.
struct Coverage {
    team: String,
    duties: Vec<Duty>,
}

struct Duty {
    person: Option<String>,
    /// "until Mon 09:00, then Bo".
    until: String,
    schedule: Option<Link>,
}

pub async fn page(State(web): State<Arc<Web>>, signed_in: SignedIn, fragment: Fragment) -> Result<Response, WebError> {
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/dashboard" };
    let page = desk
        .look(|sight, shell| {
            let triggered = incidents::with_status(sight.read, Status::Triggered, SHOWN, None)?.items;
            let taken = incidents::with_status(sight.read, Status::Acknowledged, SHOWN, None)?.items;
            let needing = incidents::count(sight.read, Status::Triggered)?;
            let in_hand = incidents::count(sight.read, Status::Acknowledged)?;
            let warnings = if shell.may_configure() { missing(sight)? } else { vec![] };
            Ok(Dashboard {
                shell,
                sentence: sentence(needing, in_hand),
                incidents: rows(sight, triggered.into_iter().chain(taken).collect())?,
                warnings,
                on_call: coverage(sight)?,
                facts: facts(sight.app, sight.reader)?,
            })
        })
        .await?;
    fragment::answer(fragment, StatusCode::OK, &page, &page.as_main())
}

fn sentence(needing: usize, in_hand: usize) -> String {
    let needs = match needing {
        0 => String::new(),
        1 => "1 needs someone.".to_owned(),
        n => format!("{n} need someone."),
    };
    let hand = if in_hand == 0 { String::new() } else { format!("{in_hand} in hand.") };
    match (needing, in_hand) {
        (0, 0) => "All quiet.".to_owned(),
        _ => [needs, hand].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "),
    }
}

fn coverage(sight: &Sight<'_>) -> Result<Vec<Coverage>, AppError> {
    let Sight { read, names, reader, .. } = *sight;
    let everywhere = oncall::everywhere(read, reader.now)?;
    let coverage = teams::all(read)?.into_iter().map(|team| {
        let mut duties: Vec<Duty> = Vec::new();
        for on_call in everywhere.iter().filter(|on_call| on_call.schedule.team == team.id) {
            let until = match (on_call.until, names.people(on_call.next.iter().copied())) {
                (None, _) => String::new(),
                (Some(until), Some(next)) => format!("until {}, then {next}", reader.clock(until)),
                (Some(until), None) => format!("until {}, then nobody", reader.clock(until)),
            };
            duties.push(Duty {
                person: names.places(&on_call.places),
                until,
                schedule: Some(Link::new(format!("/schedules/{}", on_call.schedule.id), &on_call.schedule.name)),
            });
        }
        if duties.is_empty() {
            let active = team.members.iter().filter(|user| !names.0.inactive.contains(user)).count();
            let person = (active > 0).then(|| format!("all {}", count(active, "member")));
            duties.push(Duty { person, until: "no schedule".to_owned(), schedule: None });
        }
        Coverage { team: team.name, duties }
    });
    Ok(coverage.collect())
}

/// What a fresh installation still lacks, in the order it is best done.
fn missing(sight: &Sight<'_>) -> Result<Vec<Link>, AppError> {
    let Sight { read, reader, .. } = *sight;
    let people = users::all(read)?;
    let policies = policies::all(read)?;
    let mut missing = Vec::new();
    if teams::all(read)?.is_empty() {
        missing.push(Link::new("/teams", "Create a team"));
    }
    if policies.is_empty() {
        missing.push(Link::new("/escalation-policies/new", "Create an escalation policy"));
    }
    for policy in policies.iter().filter(|policy| policy.levels.is_empty()) {
        let text = format!("{} has no level; only its last resort is paged", policy.name);
        missing.push(Link::new(format!("/escalation-policies/{}", policy.id), text));
    }
    if alert_sources::all(read)?.is_empty() {
        missing.push(Link::new("/alert-sources/new", "Create an alert source"));
    }
    let unreachable = people.iter().filter(|user| user.role > Role::Viewer && user.is_active());
    for user in unreachable.filter(|user| !user.is_pageable_at(reader.now)) {
        missing.push(Link::new(
            format!("/users/{}", user.id),
            format!("{} cannot be paged: no contact method", user.name),
        ));
    }
    Ok(missing)
}

fn facts(app: &App, reader: &Reader) -> Result<Vec<Fact>, AppError> {
    let mut facts = channel_facts(app, reader);
    let jobs = system::jobs(app)?;
    let job = |worker| jobs.iter().find(|job| job.worker == worker);
    facts.extend(job(Worker::Escalation).map(|job| worker_fact("Escalation", job, reader)));
    facts.extend(job(Worker::Deliveries).map(|job| worker_fact("Sending", job, reader)));
    facts.extend(job(Worker::Retry).map(|job| worker_fact("Retries", job, reader)));
    facts.push(if app.store_status().is_failing() {
        Fact::bad("The database cannot be written")
    } else {
        Fact::good("The database saves")
    });
    Ok(facts)
}

/// One line for each channel: works, lacks something, fails. Also on the settings page.
pub fn channel_facts(app: &App, reader: &Reader) -> Vec<Fact> {
    let channels = app.board.channels();
    if channels.is_empty() {
        return vec![Fact::off("No channel is set up yet")];
    }
    let fact = |(channel, state): (&Channel, &ChannelState)| {
        let title = channel.title();
        match (state.provider, &state.last_failure, state.last_accepted) {
            _ if !state.missing.is_empty() && state.provider.is_none() => {
                let verb = if state.missing.len() == 1 { "is" } else { "are" };
                Fact::off(format!("{title}: {} {verb} missing", state.missing.join(", ")))
            }
            (None, ..) => Fact::off(format!("{title}: not set up")),
            (Some(provider), Some((at, text)), _) if state.failures > 0 => {
                let at = reader.when(*at).text;
                let failures = count(state.failures as usize, "failure");
                Fact::bad(format!("{title} by {provider}: {failures} since the last accepted message, {at}: {text}"))
            }
            (Some(provider), _, Some(at)) => {
                Fact::good(format!("{title} by {provider}: last accepted {}", reader.when(at).text))
            }
            (Some(provider), _, None) => Fact::good(format!("{title} by {provider}: set up, nothing sent yet")),
        }
    };
    channels.iter().map(fact).collect()
}

fn worker_fact(name: &str, job: &Job, reader: &Reader) -> Fact {
    if !job.enabled {
        let setting = job.worker.setting().unwrap_or("its setting");
        return Fact::off(format!("{name}: switched off by {setting}"));
    }
    let queue = count(job.queue_depth, "piece");
    if job.lag_secs > LATE_SECS {
        return Fact::bad(format!("{name}: {} late, {queue} of work waiting", duration(job.lag_secs)));
    }
    if job.has_stopped() {
        return Fact::bad(format!("{name}: has not run for {}, {queue} of work waiting", duration(job.silent_secs)));
    }
    match job.last_run {
        Some(at) => Fact::good(format!("{name}: ran {}, {queue} of work waiting", reader.when(at).text)),
        None => Fact::off(format!("{name}: has not run yet")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_how_many_need_somebody() {
        let table = [
            ((0, 0), "All quiet."),
            ((1, 2), "1 needs someone. 2 in hand."),
            ((3, 0), "3 need someone."),
            ((0, 1), "1 in hand."),
        ];
        for ((needing, in_hand), expected) in table {
            assert_eq!(sentence(needing, in_hand), expected);
        }
    }
}
