//! Schedules: what they are, who may change them, and what every change of one does besides: it counts as a revision, is
//! audited, and is compared with what was before, so that its author hears what it did.
//!
//! Layers, entries and overrides are in files of their own.

mod difference;
mod entries;
mod fill;
mod layers;
mod overrides;

pub use entries::{add_entry, edit_entry, entry, remove_entry};
pub use fill::{Filling, fill, filling};
pub use layers::{Preview, add_layer, edit_layer, layer, move_layer, preview, remove_layer};
pub use overrides::{Thought, Turn, add_override, add_swap, override_of, remove_override, think_override};

use crate::app::error::taken;
use crate::app::{AppError, Write, change, feeds, imports, users};
use crate::domain::actor::Actor;
use crate::domain::entry::{Entry, Override};
use crate::domain::id::{Id, ScheduleId, TeamId, UserId};
use crate::domain::layer::place;
use crate::domain::policy::{Policy, Recipient};
use crate::domain::refusal::{Refusal, RefusalKind, checked_name};
use crate::domain::schedule::Schedule;
use crate::domain::team::Team;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::domain::warning::Warning;
use crate::store::{Read, entries as stored, policies, schedules};
use difference::Before;

/// What a change made or touched, and what its author may not have meant by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Saved<T> {
    pub id: T,
    /// Each once, the weightiest first.
    pub warnings: Vec<Warning>,
}

impl<T> Saved<T> {
    fn new(id: T, mut warnings: Vec<Warning>) -> Saved<T> {
        warnings.sort();
        warnings.dedup();
        Saved { id, warnings }
    }
}

pub fn all(read: &impl Read) -> Result<Vec<Schedule>, AppError> {
    let mut all = schedules::schedules_all(read, super::MANY)?;
    all.sort_by_key(|schedule| schedule.name.to_lowercase());
    Ok(all)
}

pub fn one(read: &impl Read, id: ScheduleId) -> Result<Schedule, AppError> {
    Ok(read.get::<Schedule>(id)?.ok_or_else(|| Refusal::not_found("schedule"))?)
}

/// What people decide about a schedule besides who is on it.
#[derive(Clone, Debug)]
pub struct Basics {
    pub name: String,
    pub team: TeamId,
    pub zone: String,
    pub fallback: Option<UserId>,
}

pub fn create(tx: &mut Write<'_>, actor: &Actor, basics: &Basics) -> Result<ScheduleId, AppError> {
    change::begin(actor)?;
    let id = tx.new_id();
    let Basics { team, zone, fallback, .. } = basics.clone();
    let name = checked_name(&basics.name)?;
    let now = tx.now();
    let schedule = Schedule {
        id,
        team,
        name,
        zone,
        layers: vec![],
        imported_covers: vec![],
        fallback,
        revision: 1,
        revised_at: now,
        created_at: now,
        version: 1,
    };
    save(tx, &schedule, None)?;
    change::audit(tx, actor, "schedule.created", id, schedule.name)?;
    change::recheck(tx, actor)?;
    Ok(id)
}

pub fn edit(tx: &mut Write<'_>, actor: &Actor, id: ScheduleId, basics: &Basics) -> Result<Saved<ScheduleId>, AppError> {
    change::begin(actor)?;
    let before = one(tx, id)?;
    let drawn = Before::of_weeks(tx, id)?;
    let mut schedule = before.clone();
    schedule.name = checked_name(&basics.name)?;
    schedule.team = basics.team;
    schedule.zone.clone_from(&basics.zone);
    schedule.fallback = basics.fallback;
    // A layer that follows the schedule's zone keeps the one it has counted in: the past of a rotation stays.
    if schedule.zone != before.zone {
        for layer in schedule.layers.iter_mut().filter(|layer| layer.zone.is_none()) {
            layer.zone = Some(before.zone.clone());
        }
    }
    bump(&mut schedule, tx.now());
    save(tx, &schedule, Some(&before))?;
    let (was, is) = (said(tx, &before)?, said(tx, &schedule)?);
    change::audit_change(tx, actor, "schedule.edited", id, schedule.name.clone(), was, is)?;
    change::recheck(tx, actor)?;
    let mut warnings = drawn.compare(tx)?.lost();
    if schedule.fallback != before.fallback {
        warnings.extend(about_people(tx, &schedule, schedule.fallback)?);
    }
    if schedule.team != before.team {
        warnings.extend(team_left_without(tx, before.team)?);
    }
    Ok(Saved::new(id, warnings))
}

fn said(read: &impl Read, schedule: &Schedule) -> Result<String, AppError> {
    let team = read.get::<Team>(schedule.team)?.map_or_else(|| "a removed team".to_owned(), |team| team.name);
    let fallback = match schedule.fallback {
        Some(user) => users::one(read, user)?.name,
        None => "nobody".to_owned(),
    };
    Ok(format!("{}, {team}, {}, otherwise {fallback}", schedule.name, schedule.zone))
}

/// With its entries and overrides. Refused while a policy still names the schedule.
pub fn delete(tx: &mut Write<'_>, actor: &Actor, id: ScheduleId) -> Result<Saved<TeamId>, AppError> {
    change::begin(actor)?;
    let schedule = one(tx, id)?;
    let all = policies::policies_all(tx, super::MANY)?;
    let names =
        |policy: &&Policy| policy.levels.iter().any(|level| level.recipients.contains(&Recipient::Schedule(id)));
    let used_by: Vec<String> = all.iter().filter(names).map(|p| format!("escalation policy {}", p.name)).collect();
    change::refuse_in_use(&schedule.name, &used_by)?;
    for entry in stored::entries_from(tx, id, Timestamp::MIN, super::MANY)? {
        tx.delete::<Entry>(entry.id)?;
    }
    for o in stored::overrides_from(tx, id, Timestamp::MIN, super::MANY)? {
        tx.delete::<Override>(o.id)?;
    }
    imports::forget(tx, id)?;
    feeds::forget(tx, id)?;
    tx.delete::<Schedule>(id)?;
    change::audit(tx, actor, "schedule.deleted", id, schedule.name)?;
    change::recheck(tx, actor)?;
    let warnings = team_left_without(tx, schedule.team)?;
    Ok(Saved::new(schedule.team, warnings))
}

fn save(tx: &mut Write<'_>, schedule: &Schedule, before: Option<&Schedule>) -> Result<(), AppError> {
    place(&schedule.zone)?;
    tx.get::<Team>(schedule.team)?.ok_or_else(|| Refusal::not_found("team"))?;
    if let Some(fallback) = schedule.fallback
        && before.and_then(|before| before.fallback) != Some(fallback)
    {
        require_active(tx, fallback, "fallback")?;
    }
    tx.put(schedule).map_err(taken(|| change::name_taken("schedule", &schedule.name)))
}

/// Every change of who is on call, also of an entry or override, is one of the schedule.
fn touch(tx: &mut Write<'_>, id: ScheduleId) -> Result<Schedule, AppError> {
    let mut schedule = one(tx, id)?;
    bump(&mut schedule, tx.now());
    tx.put(&schedule)?;
    Ok(schedule)
}

fn bump(schedule: &mut Schedule, now: Timestamp) {
    schedule.version += 1;
    schedule.revision += 1;
    schedule.revised_at = now;
}

/// Somebody who may be put on a schedule anew.
fn require_active(read: &impl Read, user: UserId, field: &'static str) -> Result<User, AppError> {
    users::active(read, user).map_err(|error| match error {
        AppError::Refused(refusal) if refusal.kind == RefusalKind::Invalid => {
            Refusal { field: Some(field), ..refusal }.into()
        }
        AppError::Refused(refusal) if refusal.kind == RefusalKind::NotFound => {
            Refusal::invalid("unknown", field, "Choose one that is on the list.").into()
        }
        other => other,
    })
}

/// What is worth knowing about people who were put on a schedule.
fn about_people(
    tx: &Write<'_>,
    schedule: &Schedule,
    people: impl IntoIterator<Item = UserId>,
) -> Result<Vec<Warning>, AppError> {
    use crate::domain::access::{Action, may};
    let now = tx.now();
    let team = tx.get::<Team>(schedule.team)?;
    let mut warnings = Vec::new();
    for id in people {
        let Some(user) = tx.get::<User>(id)? else { continue };
        // Whoever is inactive is on no schedule at all, which other marks say.
        if user.is_active() && !user.is_pageable_at(now) {
            warnings.push(Warning::Unreachable);
        }
        if !may(user.role, Action::WorkOnIncidents) {
            warnings.push(Warning::ViewerOnCall);
        }
        if !team.as_ref().is_some_and(|team| team.members.contains(&id)) {
            warnings.push(Warning::NotTeamMember);
        }
    }
    Ok(warnings)
}

fn team_left_without(read: &impl Read, team: TeamId) -> Result<Vec<Warning>, AppError> {
    let left = schedules::schedules_of_team(read, team, 1)?;
    Ok(if left.is_empty() { vec![Warning::NoSchedule] } else { vec![] })
}

/// The number before and after, where a swap's other half may stand.
fn neighbours<I: Id>(id: I) -> impl Iterator<Item = I> {
    let number = id.number();
    [number.checked_sub(1), number.checked_add(1)].into_iter().flatten().map(I::new)
}
