//! `/dashboard`: what needs somebody, who is on call, and whether a page would leave now.

use crate::app::oncall::OnCall;
use crate::app::system::{self, ChannelState, Job, LATE_SECS, Worker};
use crate::app::{App, AppError, incidents, oncall, policies, teams, users};
use crate::domain::access::Role;
use crate::domain::contact::Channel;
use crate::domain::id::UserId;
use crate::domain::incident::{Phase, Status};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::SignedIn;
use crate::web::ui::checklist::{self, Step};
use crate::web::ui::clock::{Reader, count, duration};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::fragment::{self, Fragment};
use crate::web::ui::incidents::{Row, acting_as, deeds, rows};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Fact, Link, Sight};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::collections::BTreeSet;
use std::sync::Arc;

const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "templates/dashboard.html", blocks = ["main"], askama = rinja)]
struct Dashboard {
    shell: Shell,
    sentence: String,
    /// Those that need somebody.
    incidents: Vec<Row>,
    in_hand: Vec<Row>,
    /// How many are in hand, of which some may not be listed.
    in_hand_count: usize,
    checklist: Vec<Step>,
    /// What makes a page fail to reach somebody, with the page where it is mended.
    warnings: Vec<Link>,
    on_call: Vec<Coverage>,
    facts: Vec<Fact>,
    /// Of the deeds: who acts.
    deeds: Form,
    people: Vec<Choice>,
}

impl Dashboard {
    /// The answer to "can we page?" in a word, for where the facts are folded.
    fn verdict(&self) -> (&'static str, String) {
        match self.facts.iter().filter(|fact| fact.class == "bad").count() {
            0 if self.facts.iter().all(Fact::is_good) => ("check", "All".to_owned()),
            0 => ("off", "partly".to_owned()),
            bad => ("cross", count(bad, "trouble")),
        }
    }

    fn steps_done(&self) -> usize {
        self.checklist.iter().filter(|step| step.done).count()
    }
}

/// A team and who answers for it now.
struct Coverage {
    team: Link,
    duties: Vec<Duty>,
}

struct Duty {
    person: Option<String>,
    /// "until Mon 09:00, then Bo".
    until: String,
    schedule: Option<Link>,
    /// "Sat 08:00 to Sat 20:00", where nobody is on call.
    gap: String,
}

pub async fn page(State(web): State<Arc<Web>>, signed_in: SignedIn, fragment: Fragment) -> Result<Response, WebError> {
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/dashboard" };
    let page = desk
        .look(|sight, shell| {
            let Sight { app, read, reader, .. } = *sight;
            let triggered = incidents::with_status(read, Status::Triggered, SHOWN, None)?.items;
            let taken = incidents::with_status(read, Status::Acknowledged, SHOWN, None)?.items;
            // Held ones wait for nobody; of more than are shown, those that are not count as needing somebody.
            let held = triggered.iter().filter(|incident| incident.ladder.phase == Phase::Held).count();
            let needing = incidents::count(read, Status::Triggered)? - held;
            let in_hand_count = incidents::count(read, Status::Acknowledged)?;
            let last_page = incidents::last_page(read)?.map(|at| ago(reader.now.secs_since(at)));
            let everywhere = oncall::everywhere(read, reader.now)?;
            let people: BTreeSet<UserId> =
                everywhere.iter().flat_map(|on_call| &on_call.places).map(|place| place.user).collect();
            let checklist = if shell.may_configure() { checklist::steps(app, read, &everywhere)? } else { vec![] };
            let warnings = if shell.may_configure() { warnings(sight)? } else { vec![] };
            Ok(Dashboard {
                shell,
                sentence: sentence(needing, held, in_hand_count, people.len(), last_page.as_deref()),
                incidents: rows(sight, triggered)?,
                in_hand: rows(sight, taken)?,
                in_hand_count,
                checklist,
                warnings,
                on_call: coverage(sight, &everywhere)?,
                facts: facts(app, reader)?,
                deeds: deeds(sight),
                people: acting_as(sight)?,
            })
        })
        .await?;
    fragment::answer(fragment, StatusCode::OK, &page, &page.as_main())
}

fn sentence(needing: usize, held: usize, in_hand: usize, people: usize, last: Option<&str>) -> String {
    let mut parts = Vec::new();
    match (needing, held + in_hand, last) {
        (0, 0, Some(last)) => parts.push(format!("All quiet. Last page {last}.")),
        (0, 0, None) => parts.push("All quiet.".to_owned()),
        (1, ..) => parts.push("1 needs someone.".to_owned()),
        (0, ..) => {}
        (needing, ..) => parts.push(format!("{needing} need someone.")),
    }
    if held > 0 {
        parts.push(format!("{held} held."));
    }
    if in_hand > 0 {
        parts.push(format!("{in_hand} in hand."));
    }
    match people {
        0 => {}
        1 => parts.push("1 person on call.".to_owned()),
        people => parts.push(format!("{people} people on call.")),
    }
    parts.join(" ")
}

/// "4 h 12 min ago", and from a day on "2 days ago".
fn ago(secs: i64) -> String {
    match usize::try_from(secs / 86_400) {
        Ok(days) if days > 0 => format!("{} ago", count(days, "day")),
        _ => format!("{} ago", duration(secs)),
    }
}

fn coverage(sight: &Sight<'_>, everywhere: &[OnCall]) -> Result<Vec<Coverage>, AppError> {
    let Sight { read, names, reader, .. } = *sight;
    let coverage = teams::all(read)?.into_iter().map(|team| {
        let mut duties: Vec<Duty> = Vec::new();
        for on_call in everywhere.iter().filter(|on_call| on_call.schedule.team == team.id) {
            let until = match (on_call.until, names.people(on_call.next.iter().copied())) {
                (None, _) => String::new(),
                (Some(until), Some(next)) => format!("until {}, then {next}", reader.clock(until)),
                (Some(until), None) => format!("until {}, then nobody", reader.clock(until)),
            };
            let gap = on_call.gap.filter(|_| !on_call.places.is_empty());
            let gap = gap.map(|gap| format!("{} to {}", reader.clock(gap.start), reader.clock(gap.end)));
            duties.push(Duty {
                person: names.places(&on_call.places),
                until,
                schedule: Some(Link::new(format!("/schedules/{}", on_call.schedule.id), &on_call.schedule.name)),
                gap: gap.unwrap_or_default(),
            });
        }
        if duties.is_empty() {
            let active = team.members.iter().filter(|user| !names.0.inactive.contains(user)).count();
            let person = (active > 0).then(|| format!("all {}", count(active, "member")));
            duties.push(Duty { person, until: "no schedule".to_owned(), schedule: None, gap: String::new() });
        }
        Coverage { team: Link::new(format!("/teams/{}", team.id), team.name), duties }
    });
    Ok(coverage.collect())
}

/// What is set up and would still let a page go nowhere.
fn warnings(sight: &Sight<'_>) -> Result<Vec<Link>, AppError> {
    let Sight { read, reader, .. } = *sight;
    let mut warnings = Vec::new();
    for policy in policies::all(read)?.iter().filter(|policy| policy.levels.is_empty()) {
        let text = format!("{} has no level; only its last resort is paged", policy.name);
        warnings.push(Link::new(format!("/escalation-policies/{}", policy.id), text));
    }
    let people = users::all(read)?;
    let unreachable = people.iter().filter(|user| user.role > Role::Viewer && user.is_active());
    for user in unreachable.filter(|user| !user.is_pageable_at(reader.now)) {
        let text = format!("{} cannot be paged: no contact method", user.name);
        warnings.push(Link::new(format!("/users/{}", user.id), text));
    }
    Ok(warnings)
}

/// Each channel, then the workers: in one line while all is well.
fn facts(app: &App, reader: &Reader) -> Result<Vec<Fact>, AppError> {
    let mut facts = channel_facts(app, reader);
    let jobs = system::jobs(app)?;
    let shown = [(Worker::Escalation, "Escalation"), (Worker::Deliveries, "Sending"), (Worker::Retry, "Retries")];
    let workers = shown.iter().filter_map(|(worker, name)| {
        let job = jobs.iter().find(|job| job.worker == *worker)?;
        Some((worker_fact(name, job, reader), job))
    });
    let workers: Vec<(Fact, &Job)> = workers.collect();
    match workers.iter().filter_map(|(_, job)| job.last_run).min() {
        Some(oldest) if workers.iter().all(|(fact, _)| fact.is_good()) => {
            let waiting: usize = workers.iter().map(|(_, job)| job.queue_depth).sum();
            let waiting = if waiting == 0 { "nothing waits".to_owned() } else { format!("{waiting} waiting") };
            let ran = reader.when(oldest).text;
            facts.push(Fact::good(format!("Escalation, sending and retries: ran {ran}, {waiting}")));
        }
        _ => facts.extend(workers.into_iter().map(|(fact, _)| fact)),
    }
    facts.push(if app.store_status().is_failing() {
        Fact::bad("The database cannot be written")
    } else {
        Fact::good("The database saves")
    });
    let backups = app.board.backups();
    match (&backups.failing, &backups.last) {
        (Some((since, _)), _) => facts.push(Fact::bad(format!("No backup since {}", reader.when(*since).text))),
        (None, Some(last)) => facts.push(Fact::good(format!("Last backup {}", reader.when(last.taken_at).text))),
        (None, None) => {}
    }
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
            ((0, 0, 0, 0, None), "All quiet."),
            ((0, 0, 0, 7, Some("2 days ago")), "All quiet. Last page 2 days ago. 7 people on call."),
            ((1, 4, 2, 7, Some("2 days ago")), "1 needs someone. 4 held. 2 in hand. 7 people on call."),
            ((3, 0, 0, 1, None), "3 need someone. 1 person on call."),
            ((0, 0, 1, 0, None), "1 in hand."),
        ];
        for ((needing, held, in_hand, people, last), expected) in table {
            assert_eq!(sentence(needing, held, in_hand, people, last), expected);
        }
    }

    #[test]
    fn long_ago_is_told_in_days() {
        for (secs, expected) in [(40, "40 s ago"), (90_000, "1 day ago"), (2 * 86_400 + 5, "2 days ago")] {
            assert_eq!(ago(secs), expected);
        }
    }
}
