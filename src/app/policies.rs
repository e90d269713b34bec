//! Escalation policies.

use crate::app::error::taken;
use crate::app::{AppError, Write, change, context, names};
use crate::domain::Urgency;
use crate::domain::actor::Actor;
use crate::domain::entry::Interval;
use crate::domain::escalation::Context;
use crate::domain::id::{PolicyId, ScheduleId, UserId};
use crate::domain::ladder::{self, Rung};
use crate::domain::policy::{Level, Policy, REPAGE_MINUTES_DEFAULT, REPEAT_DEFAULT, Recipient};
use crate::domain::refusal::Refusal;
use crate::domain::schedule::Schedule;
use crate::domain::team::Team;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::store::{Read, alert_sources, policies};
use std::collections::BTreeSet;

pub fn all(read: &impl Read) -> Result<Vec<Policy>, AppError> {
    let mut all = policies::policies_all(read, super::MANY)?;
    all.sort_by_key(|policy| policy.name.to_lowercase());
    Ok(all)
}

pub fn one(read: &impl Read, id: PolicyId) -> Result<Policy, AppError> {
    Ok(read.get::<Policy>(id)?.ok_or_else(|| Refusal::not_found("escalation policy"))?)
}

/// Who would be woken, and when, if an alert opened an incident at `at` and nobody answered.
pub fn ladder(read: &impl Read, id: PolicyId, urgency: Urgency, at: Timestamp) -> Result<Vec<Rung>, AppError> {
    Ok(ladder::ladder(&far_sighted(read, id, at)?, urgency, at))
}

/// Levels that reach nobody at some time of the next [`super::oncall::GAP_DAYS`], each with the first such stretch.
pub fn empty_stretches(read: &impl Read, id: PolicyId, now: Timestamp) -> Result<Vec<(u8, Interval)>, AppError> {
    let context = far_sighted(read, id, now)?;
    let until = now.plus_secs(super::oncall::GAP_DAYS * 86_400);
    let mut stretches = Vec::new();
    for level in &context.policy.levels {
        let stretch = ladder::empty_stretch(&context, level, now, until)?;
        stretches.extend(stretch.map(|stretch| (level.number, stretch)));
    }
    Ok(stretches)
}

/// How many alert sources it pages for.
pub fn used_by(read: &impl Read, id: PolicyId) -> Result<usize, AppError> {
    let sources = alert_sources::alert_sources_all(read, super::MANY)?;
    Ok(sources.iter().filter(|source| source.policy == id).count())
}

/// The policy with all that its schedules hold, and not only what the next hours need.
fn far_sighted(read: &impl Read, id: PolicyId, at: Timestamp) -> Result<Context, AppError> {
    one(read, id)?;
    let mut known = context::for_policy(read, id, BTreeSet::new(), at)?;
    // A decision about now is content with the next few entries; a ladder may take days.
    let schedules: Vec<ScheduleId> = known.calendars.keys().copied().collect();
    for schedule in schedules {
        if let Some(calendar) = context::calendar(read, schedule, at, super::MANY)? {
            known.people.extend(context::load_people(read, &context::people_of(&calendar))?);
            known.calendars.insert(schedule, calendar);
        }
    }
    Ok(known)
}

/// What people decide about a policy besides its levels.
#[derive(Clone, Debug)]
pub struct Basics {
    pub name: String,
    pub repeat: u8,
    pub repage_minutes: u16,
    pub ack_timeout_minutes: Option<u16>,
    pub last_resort: Vec<UserId>,
}

impl Basics {
    pub fn named(name: &str) -> Basics {
        let (repeat, repage_minutes) = (REPEAT_DEFAULT, REPAGE_MINUTES_DEFAULT);
        Basics { name: name.to_owned(), repeat, repage_minutes, ack_timeout_minutes: None, last_resort: vec![] }
    }
}

pub fn create(tx: &mut Write<'_>, actor: &Actor, basics: &Basics, levels: &[Level]) -> Result<PolicyId, AppError> {
    change::begin(actor)?;
    let policy = Policy {
        id: tx.new_id(),
        name: basics.name.clone(),
        levels: levels.to_vec(),
        repeat: basics.repeat,
        last_resort: basics.last_resort.clone(),
        repage_minutes: basics.repage_minutes,
        ack_timeout_minutes: basics.ack_timeout_minutes,
        created_at: tx.now(),
        version: 0,
    };
    let id = policy.id;
    save(tx, actor, None, policy, "policy.created")?;
    Ok(id)
}

pub fn edit(tx: &mut Write<'_>, actor: &Actor, id: PolicyId, basics: &Basics) -> Result<(), AppError> {
    change::begin(actor)?;
    let before = one(tx, id)?;
    let mut policy = before.clone();
    policy.name.clone_from(&basics.name);
    policy.repeat = basics.repeat;
    policy.repage_minutes = basics.repage_minutes;
    policy.ack_timeout_minutes = basics.ack_timeout_minutes;
    policy.last_resort.clone_from(&basics.last_resort);
    save(tx, actor, Some(&before), policy, "policy.edited")
}

/// The whole policy anew, in one step: levels can change places.
pub fn replace(
    tx: &mut Write<'_>,
    actor: &Actor,
    id: PolicyId,
    basics: &Basics,
    levels: &[Level],
) -> Result<(), AppError> {
    change::begin(actor)?;
    let before = one(tx, id)?;
    let Basics { name, repeat, repage_minutes, ack_timeout_minutes, last_resort } = basics.clone();
    let levels = levels.to_vec();
    let policy = Policy { name, repeat, repage_minutes, ack_timeout_minutes, last_resort, levels, ..before.clone() };
    save(tx, actor, Some(&before), policy, "policy.edited")
}

/// A new level; a number that is taken is refused.
pub fn add_level(tx: &mut Write<'_>, actor: &Actor, id: PolicyId, level: &Level) -> Result<(), AppError> {
    change::begin(actor)?;
    let before = one(tx, id)?;
    let mut policy = before.clone();
    policy.levels.push(level.clone());
    save(tx, actor, Some(&before), policy, "policy.level_added")
}

/// Replaces the level that has `number` now; its number may change, too.
pub fn edit_level(tx: &mut Write<'_>, actor: &Actor, id: PolicyId, number: u8, level: &Level) -> Result<(), AppError> {
    change::begin(actor)?;
    let before = one(tx, id)?;
    let mut policy = before.clone();
    let place = policy.levels.iter_mut().find(|old| old.number == number);
    *place.ok_or_else(|| Refusal::not_found("level"))? = level.clone();
    save(tx, actor, Some(&before), policy, "policy.level_edited")
}

pub fn remove_level(tx: &mut Write<'_>, actor: &Actor, id: PolicyId, number: u8) -> Result<(), AppError> {
    change::begin(actor)?;
    let before = one(tx, id)?;
    let mut policy = before.clone();
    policy.levels.retain(|level| level.number != number);
    save(tx, actor, Some(&before), policy, "policy.level_removed")
}

/// Refused while an alert source still uses the policy.
pub fn delete(tx: &mut Write<'_>, actor: &Actor, id: PolicyId) -> Result<(), AppError> {
    change::begin(actor)?;
    let policy = one(tx, id)?;
    let sources = alert_sources::alert_sources_all(tx, super::MANY)?;
    let used_by = sources.iter().filter(|source| source.policy == id).map(|s| format!("alert source {}", s.name));
    change::refuse_in_use(&policy.name, &used_by.collect::<Vec<_>>())?;
    tx.delete::<Policy>(id)?;
    change::audit(tx, actor, "policy.deleted", id, policy.name)
}

fn save(
    tx: &mut Write<'_>,
    actor: &Actor,
    before: Option<&Policy>,
    policy: Policy,
    action: &str,
) -> Result<(), AppError> {
    let mut policy = policy.checked()?;
    for recipient in policy.levels.iter().flat_map(|level| &level.recipients) {
        require_recipient(tx, before, &policy, recipient)?;
    }
    for user in &policy.last_resort {
        let kept = before.is_some_and(|before| before.last_resort.contains(user));
        require_user(tx, *user, kept)?;
    }
    policy.version += 1;
    tx.put(&policy).map_err(taken(|| change::name_taken("escalation policy", &policy.name)))?;
    let (was, is) = (before.map(|before| said(tx, before)).transpose()?, said(tx, &policy)?);
    let summary = format!("{}: {} levels", policy.name, policy.levels.len());
    change::audit_change(tx, actor, action, policy.id, summary, was.unwrap_or_default(), is)?;
    change::recheck(tx, actor)
}

/// The whole ladder on one line.
fn said(read: &impl Read, policy: &Policy) -> Result<String, AppError> {
    let names = names::all(read)?;
    let recipient = |recipient: &Recipient| match recipient {
        Recipient::User(user) => names.users.get(user).cloned(),
        Recipient::Schedule(schedule) => names.schedules.get(schedule).map(|name| format!("schedule {name}")),
        Recipient::Team(team) => names.teams.get(team).map(|name| format!("team {name}")),
    };
    let level = |level: &Level| {
        let who: Vec<String> = level.recipients.iter().filter_map(recipient).collect();
        format!("{}. {}, {} min", level.number, who.join(" and "), level.delay_minutes)
    };
    let levels: Vec<String> = policy.levels.iter().map(level).collect();
    let last: Vec<String> = policy.last_resort.iter().filter_map(|user| names.users.get(user).cloned()).collect();
    let last = if last.is_empty() { "all active admins".to_owned() } else { last.join(" and ") };
    let again = policy.ack_timeout_minutes.map_or("never".to_owned(), |minutes| format!("after {minutes} min"));
    Ok(format!(
        "{}: {}; repeat {}; last resort {last} every {} min; taken and paged again {again}",
        policy.name,
        levels.join("; "),
        policy.repeat,
        policy.repage_minutes
    ))
}

/// A new recipient must exist and be active; one that was there before may stay, visible, though inactive, on as many
/// levels as before.
fn require_recipient(
    read: &impl Read,
    before: Option<&Policy>,
    policy: &Policy,
    recipient: &Recipient,
) -> Result<(), AppError> {
    let named = |policy: &Policy| policy.levels.iter().filter(|level| level.recipients.contains(recipient)).count();
    let kept = before.is_some_and(|before| named(before) >= named(policy));
    match recipient {
        Recipient::User(user) => require_user(read, *user, kept)?,
        Recipient::Schedule(id) => {
            read.get::<Schedule>(*id)?.ok_or_else(|| Refusal::not_found("schedule"))?;
        }
        Recipient::Team(id) => {
            read.get::<Team>(*id)?.ok_or_else(|| Refusal::not_found("team"))?;
        }
    }
    Ok(())
}

fn require_user(read: &impl Read, id: UserId, kept: bool) -> Result<(), AppError> {
    let user = read.get::<User>(id)?.ok_or_else(|| Refusal::not_found("user"))?;
    if !kept {
        user.require_active()?;
    }
    Ok(())
}
