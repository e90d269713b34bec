//! Gathers what the production checklist rests on. The judgement is `domain::checks`'.

use crate::app::backups::automatic::{self, Condition};
use crate::app::system::{self, Job, Worker};
use crate::app::{App, AppError, MANY, Read, alert_sources, context, oncall, policies, users};
use crate::domain::access::Role;
use crate::domain::checks::facts::{
    BackupFacts, ChannelFacts, Contents, Database, Facts, LastAttempt, Machine, WorkerFacts,
};
use crate::domain::contact::Channel;
use crate::domain::delivery::{Attempt, Delivery, Outcome};
use crate::domain::id::UserId;
use crate::domain::policy::{Policy, Recipient};
use crate::domain::user::User;
use crate::store::{self, FORMAT, deliveries, schedules};
use std::collections::{BTreeMap, BTreeSet};

/// What only the process knows of the machine it runs on. Looked at anew each time, for a disk fills and a file's mode changes.
pub trait Host: Send + Sync {
    fn look(&self) -> Machine;
    /// "linux x86_64, kernel 6.1": no name of the host.
    fn platform(&self) -> String;
    /// The last troubles of the log, by their places in the program and without their words.
    fn troubles(&self) -> Vec<String>;
}

/// Deliveries looked back at for what a provider said last.
const LOOKED_AT: usize = 500;

/// `is_served`: this process is the one that pages people.
pub fn facts(app: &App, is_served: bool) -> Result<Facts, AppError> {
    Ok(Facts {
        now: app.now(),
        is_served,
        sending_on: app.switches().sending,
        retry_on: app.switches().retry,
        escalation_on: app.switches().escalation,
        base_url: app.settings.base_url.clone(),
        machine: app.host.as_ref().map(|host| {
            // The board knows of what was read again since the start.
            let (not_taken_over, wrong) = app.board.about_configuration();
            Machine { settings_wrong: not_taken_over.into_iter().chain(wrong).collect(), ..host.look() }
        }),
        database: Database::Open(Box::new(contents(app)?)),
        online: None,
    })
}

fn contents(app: &App) -> Result<Contents, AppError> {
    let jobs = system::jobs(app)?;
    let worker = |worker: Worker| {
        let job = jobs.iter().find(|job| job.worker == worker);
        job.map_or_else(WorkerFacts::default, |job: &Job| WorkerFacts {
            lag_secs: job.lag_secs,
            silent_secs: job.has_stopped().then_some(job.silent_secs),
        })
    };
    let status = app.store_status();
    let mut found = system::damaged_records(app);
    found.extend(app.board.inspection().into_iter().flat_map(|inspection| inspection.problems));
    let verified = match app.board.verified() {
        Some(verified) => Some((verified.at, [verified.problems, found].concat())),
        None if found.is_empty() => None,
        None => Some((app.now(), found)),
    };
    app.read(|read| {
        let people = users::all(read)?;
        let all = policies::all(read)?;
        let sources: Vec<_> = alert_sources::all(read)?.into_iter().filter(|source| source.active).collect();
        let mut sources_unheard = Vec::new();
        for source in &sources {
            if alert_sources::recent_events(read, source.id)?.is_empty() {
                sources_unheard.push(source.name.clone());
            }
        }
        let is_admin = |user: &&User| user.is_active() && user.role == Role::Admin && user.login.is_some();
        Ok(Contents {
            schema: FORMAT,
            cannot_save: status.is_failing().then(|| status.last_error.clone().unwrap_or_default()),
            verified: verified.clone(),
            escalation: worker(Worker::Escalation),
            retry: worker(Worker::Retry),
            channels: channels(app, read)?,
            admins: people.iter().filter(is_admin).count(),
            policies: all.len(),
            policies_without_last_resort: without_last_resort(read, &all, &people),
            levels_empty: levels_empty(read, &all)?,
            people_unreachable: unreachable(read, &all, &people)?,
            gaps: gaps(read)?,
            sources: sources.len(),
            sources_unheard,
            backup: backup(app),
        })
    })
}

fn channels(app: &App, read: &Read<'_>) -> Result<Vec<ChannelFacts>, AppError> {
    let mut last: BTreeMap<Channel, LastAttempt> = BTreeMap::new();
    for delivery in deliveries::deliveries_newest(read, LOOKED_AT)? {
        for attempt in &delivery.attempts {
            if let Some(said) = last_attempt(attempt)
                && last.get(&delivery.channel).is_none_or(|other| other.at < said.at)
            {
                last.insert(delivery.channel, said);
            }
        }
    }
    let facts = |(channel, state): (Channel, system::ChannelState)| ChannelFacts {
        channel,
        is_complete: state.provider.is_some(),
        missing: state.missing,
        last_attempt: last.get(&channel).cloned(),
    };
    Ok(app.board.channels().into_iter().map(facts).collect())
}

fn last_attempt(attempt: &Attempt) -> Option<LastAttempt> {
    let answer = attempt.answer.as_ref()?;
    Some(LastAttempt {
        at: attempt.finished_at.unwrap_or(attempt.claimed_at),
        accepted: matches!(answer.outcome, Outcome::Accepted | Outcome::Duplicate),
        text: answer.text.clone(),
    })
}

fn without_last_resort(read: &Read<'_>, policies: &[Policy], people: &[User]) -> Vec<String> {
    let pageable: BTreeSet<UserId> =
        people.iter().filter(|user| user.is_pageable_at(read.now())).map(|user| user.id).collect();
    let without = policies.iter().filter(|policy| policy.last_resort.iter().all(|user| !pageable.contains(user)));
    without.map(|policy| policy.name.clone()).collect()
}

fn levels_empty(read: &Read<'_>, policies: &[Policy]) -> Result<Vec<String>, AppError> {
    let mut empty = Vec::new();
    for policy in policies {
        if policy.levels.is_empty() {
            empty.push(format!("{} has no level", policy.name));
        }
        let context = context::for_now(read, policy.id, BTreeSet::new(), read.now())?;
        let nobody = policy.levels.iter().filter(|level| context.people_of(level, read.now()).0.is_empty());
        empty.extend(nobody.map(|level| format!("{}, level {}", policy.name, level.number)));
    }
    Ok(empty)
}

/// Of everybody who is named in a policy, is in a team that one pages, or comes on call on a schedule.
fn unreachable(read: &Read<'_>, policies: &[Policy], people: &[User]) -> Result<Vec<String>, AppError> {
    let mut wanted: BTreeSet<UserId> = BTreeSet::new();
    for policy in policies {
        wanted.extend(&policy.last_resort);
        for recipient in policy.levels.iter().flat_map(|level| &level.recipients) {
            match recipient {
                Recipient::User(user) => {
                    wanted.insert(*user);
                }
                Recipient::Team(team) => {
                    let coverage =
                        context::team_coverage(read, *team)?.filter(|coverage| coverage.schedules.is_empty());
                    wanted.extend(coverage.into_iter().flat_map(|coverage| coverage.team.members));
                }
                Recipient::Schedule(_) => {}
            }
        }
    }
    for schedule in schedules::schedules_all(read, MANY)? {
        if let Some(calendar) = context::calendar(read, schedule.id, read.now(), MANY)? {
            wanted.extend(context::people_of(&calendar));
        }
    }
    let cannot = |user: &&User| wanted.contains(&user.id) && !user.is_pageable_at(read.now());
    Ok(people.iter().filter(cannot).map(|user| user.name.clone()).collect())
}

fn gaps(read: &Read<'_>) -> Result<Vec<String>, AppError> {
    let mut gaps = Vec::new();
    for on_call in oncall::everywhere(read, read.now())? {
        if let Some(gap) = on_call.gap {
            let from = gap.start.max(read.now());
            gaps.push(format!("{}: nobody from {from} to {}", on_call.schedule.name, gap.end));
        }
    }
    Ok(gaps)
}

fn backup(app: &App) -> BackupFacts {
    let Some(plan) = &app.backup_plan else { return BackupFacts::default() };
    let known: Condition = app.board.backups();
    let condition = if known.looked { known } else { automatic::look(&plan.directory) };
    BackupFacts {
        is_automatic: true,
        is_encrypted: !plan.recipients.is_empty(),
        problems: condition.warnings(),
        last: condition.last.map(|last| last.taken_at),
    }
}

/// The last deliveries that went through a provider, or would have, the newest first.
pub fn last_deliveries(read: &impl store::Read, limit: usize) -> Result<Vec<Delivery>, AppError> {
    Ok(deliveries::deliveries_newest(read, limit)?)
}
