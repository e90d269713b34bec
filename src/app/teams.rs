//! Teams.

use crate::app::error::taken;
use crate::app::{AppError, Write, change, users};
use crate::domain::actor::Actor;
use crate::domain::id::{TeamId, UserId};
use crate::domain::maintenance::Scope;
use crate::domain::policy::Recipient;
use crate::domain::refusal::{Refusal, checked_name};
use crate::domain::team::Team;
use crate::domain::user::User;
use crate::store::{Read, alert_sources, maintenance, policies, schedules, teams};

pub fn all(read: &impl Read) -> Result<Vec<Team>, AppError> {
    let mut all = teams::teams_all(read, super::MANY)?;
    all.sort_by_key(|team| team.name.to_lowercase());
    Ok(all)
}

pub fn one(read: &impl Read, id: TeamId) -> Result<Team, AppError> {
    Ok(read.get::<Team>(id)?.ok_or_else(|| Refusal::not_found("team"))?)
}

pub fn create(tx: &mut Write<'_>, actor: &Actor, name: &str, members: &[UserId]) -> Result<TeamId, AppError> {
    change::begin(actor)?;
    let name = checked_name(name)?;
    let mut kept: Vec<UserId> = Vec::new();
    for user in members {
        if !kept.contains(&users::active(tx, *user)?.id) {
            kept.push(*user);
        }
    }
    let id = tx.new_id();
    let team = Team { id, name, members: kept, created_at: tx.now(), version: 1 };
    save(tx, &team)?;
    change::audit(tx, actor, "team.created", id, team.name)?;
    Ok(id)
}

pub fn rename(tx: &mut Write<'_>, actor: &Actor, id: TeamId, name: &str) -> Result<(), AppError> {
    change::begin(actor)?;
    let mut team = one(tx, id)?;
    let summary = format!("{} is now {}", team.name, name.trim());
    let before = std::mem::replace(&mut team.name, checked_name(name)?);
    team.version += 1;
    save(tx, &team)?;
    change::audit_change(tx, actor, "team.renamed", id, summary, before, team.name)
}

/// Somebody who is a member already stays one, active or not.
pub fn add_member(tx: &mut Write<'_>, actor: &Actor, id: TeamId, user: UserId) -> Result<(), AppError> {
    change::begin(actor)?;
    let mut team = one(tx, id)?;
    if team.members.contains(&user) {
        return Ok(());
    }
    let user = users::active(tx, user)?;
    team.members.push(user.id);
    team.version += 1;
    save(tx, &team)?;
    change::audit(tx, actor, "team.member_added", id, format!("{} joins {}", user.name, team.name))?;
    change::recheck(tx, actor)
}

pub fn remove_member(tx: &mut Write<'_>, actor: &Actor, id: TeamId, user: UserId) -> Result<(), AppError> {
    change::begin(actor)?;
    let mut team = one(tx, id)?;
    if team.members.contains(&user) {
        team.members.retain(|member| *member != user);
        team.version += 1;
        save(tx, &team)?;
        let name = tx.get::<User>(user)?.map(|user| user.name).unwrap_or_default();
        change::audit(tx, actor, "team.member_removed", id, format!("{name} leaves {}", team.name))?;
        change::recheck(tx, actor)?;
    }
    Ok(())
}

/// Refused while a schedule, policy or alert source still uses the team.
pub fn delete(tx: &mut Write<'_>, actor: &Actor, id: TeamId) -> Result<(), AppError> {
    change::begin(actor)?;
    let team = one(tx, id)?;
    let mut used_by: Vec<String> = Vec::new();
    for schedule in schedules::schedules_all(tx, super::MANY)?.iter().filter(|schedule| schedule.team == id) {
        used_by.push(format!("schedule {}", schedule.name));
    }
    for policy in policies::policies_all(tx, super::MANY)? {
        if policy.levels.iter().any(|level| level.recipients.contains(&Recipient::Team(id))) {
            used_by.push(format!("escalation policy {}", policy.name));
        }
    }
    for source in alert_sources::alert_sources_all(tx, super::MANY)?.iter().filter(|source| source.team == id) {
        used_by.push(format!("alert source {}", source.name));
    }
    for window in maintenance::maintenance_from(tx, tx.now(), super::MANY)? {
        if window.scope == Scope::Team(id) {
            used_by.push(format!("maintenance window {}", window.name));
        }
    }
    change::refuse_in_use(&team.name, &used_by)?;
    tx.delete::<Team>(id)?;
    change::audit(tx, actor, "team.deleted", id, team.name)
}

fn save(tx: &mut Write<'_>, team: &Team) -> Result<(), AppError> {
    tx.put(team).map_err(taken(|| change::name_taken("team", &team.name)))
}
