//! Schedules, their entries and overrides.

use crate::app::error::taken;
use crate::app::{AppError, Write, change, feeds, imports, users};
use crate::domain::actor::Actor;
use crate::domain::entry::{Entry, Interval, Override, OverrideMode, Removal, removal};
use crate::domain::id::{EntryId, OverrideId, ScheduleId, TeamId, UserId};
use crate::domain::policy::{Policy, Recipient};
use crate::domain::refusal::{Refusal, checked_name};
use crate::domain::schedule::Schedule;
use crate::domain::team::Team;
use crate::domain::time::{Timestamp, span_words, zone_named};
use crate::domain::user::User;
use crate::store::{Read, entries, policies, schedules};

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

pub fn edit(tx: &mut Write<'_>, actor: &Actor, id: ScheduleId, basics: &Basics) -> Result<(), AppError> {
    change::begin(actor)?;
    let before = one(tx, id)?;
    let mut schedule = before.clone();
    schedule.name = checked_name(&basics.name)?;
    schedule.team = basics.team;
    schedule.zone.clone_from(&basics.zone);
    schedule.fallback = basics.fallback;
    schedule.version += 1;
    save(tx, &schedule, Some(&before))?;
    change::audit(tx, actor, "schedule.edited", id, schedule.name)?;
    change::recheck(tx, actor)
}

/// With its entries and overrides. Refused while a policy still names the schedule.
pub fn delete(tx: &mut Write<'_>, actor: &Actor, id: ScheduleId) -> Result<(), AppError> {
    change::begin(actor)?;
    let schedule = one(tx, id)?;
    let all = policies::policies_all(tx, super::MANY)?;
    let names =
        |policy: &&Policy| policy.levels.iter().any(|level| level.recipients.contains(&Recipient::Schedule(id)));
    let used_by: Vec<String> = all.iter().filter(names).map(|p| format!("escalation policy {}", p.name)).collect();
    change::refuse_in_use(&schedule.name, &used_by)?;
    for entry in entries::entries_from(tx, id, Timestamp::MIN, super::MANY)? {
        tx.delete::<Entry>(entry.id)?;
    }
    for o in entries::overrides_from(tx, id, Timestamp::MIN, super::MANY)? {
        tx.delete::<Override>(o.id)?;
    }
    imports::forget(tx, id)?;
    feeds::forget(tx, id)?;
    tx.delete::<Schedule>(id)?;
    change::audit(tx, actor, "schedule.deleted", id, schedule.name)?;
    change::recheck(tx, actor)
}

fn save(tx: &mut Write<'_>, schedule: &Schedule, before: Option<&Schedule>) -> Result<(), AppError> {
    if zone_named(&schedule.zone).is_none() {
        let sentence = format!("{} is not a place. Choose one, such as America/New_York.", schedule.zone);
        return Err(Refusal::invalid("zone_unknown", "zone", sentence).into());
    }
    tx.get::<Team>(schedule.team)?.ok_or_else(|| Refusal::not_found("team"))?;
    if let Some(fallback) = schedule.fallback
        && before.and_then(|before| before.fallback) != Some(fallback)
    {
        users::active(tx, fallback)?;
    }
    tx.put(schedule).map_err(taken(|| change::name_taken("schedule", &schedule.name)))
}

/// A normal entry; refused where another one has the time.
pub fn add_entry(
    tx: &mut Write<'_>,
    actor: &Actor,
    schedule: ScheduleId,
    user: UserId,
    span: Interval,
    note: &str,
) -> Result<EntryId, AppError> {
    change::begin(actor)?;
    let Schedule { name, zone, .. } = one(tx, schedule)?;
    let user = users::active(tx, user)?;
    let span = Interval::checked(span.start, span.end)?;
    // Entries do not overlap, so those that end after this one begins come in the order of time, and the first of them
    // that does not end at its very beginning decides.
    let others = entries::entries_from(tx, schedule, span.start, 2)?;
    if let Some(other) = others.iter().find(|other| other.span.overlaps(&span)) {
        let name = tx.get::<User>(other.user)?.map(|user| user.name).unwrap_or_default();
        let sentence = format!(
            "{name} is already entered from {}. Normal entries may not overlap; add an override instead.",
            span_words(other.span.start, other.span.end, &zone_named(&zone).unwrap_or(jiff::tz::TimeZone::UTC))
        );
        return Err(Refusal::conflict("entry_overlap", sentence).into());
    }
    let id = tx.new_id();
    let entry = Entry {
        id,
        schedule,
        user: user.id,
        span,
        note: note.trim().to_owned(),
        author: actor.user_id(),
        recorded_at: tx.now(),
    };
    tx.put(&entry)?;
    let summary = format!("{name}: {} from {} to {}", user.name, span.start, span.end);
    change::audit(tx, actor, "schedule.entry_added", id, summary)?;
    change::recheck(tx, actor)?;
    Ok(id)
}

/// Ahead: gone. Running: it ends now. Past: it stays, which is not an error.
pub fn remove_entry(tx: &mut Write<'_>, actor: &Actor, id: EntryId) -> Result<ScheduleId, AppError> {
    change::begin(actor)?;
    let mut entry = tx.get::<Entry>(id)?.ok_or_else(|| Refusal::not_found("schedule entry"))?;
    match removal(&entry.span, tx.now()) {
        Removal::Delete => {
            tx.delete::<Entry>(id)?;
        }
        Removal::EndAt(now) => {
            entry.span.end = now;
            tx.put(&entry)?;
        }
        Removal::Keep => return Ok(entry.schedule),
    }
    let summary = format!("from {} to {}", entry.span.start, entry.span.end);
    change::audit(tx, actor, "schedule.entry_removed", id, summary)?;
    change::recheck(tx, actor)?;
    Ok(entry.schedule)
}

pub fn add_override(
    tx: &mut Write<'_>,
    actor: &Actor,
    schedule: ScheduleId,
    user: UserId,
    mode: OverrideMode,
    span: Interval,
    note: &str,
) -> Result<OverrideId, AppError> {
    change::begin(actor)?;
    let name = one(tx, schedule)?.name;
    let user = users::active(tx, user)?;
    let span = Interval::checked(span.start, span.end)?;
    if let OverrideMode::Replace { from } = mode {
        tx.get::<User>(from)?.ok_or_else(|| Refusal::not_found("user"))?;
    }
    let id = tx.new_id();
    let o = Override {
        id,
        schedule,
        user: user.id,
        mode,
        span,
        note: note.trim().to_owned(),
        author: actor.user_id(),
        recorded_at: tx.now(),
    };
    tx.put(&o)?;
    let summary = format!("{name}: {} from {} to {}", user.name, span.start, span.end);
    change::audit(tx, actor, "schedule.override_added", id, summary)?;
    change::recheck(tx, actor)?;
    Ok(id)
}

/// As [`remove_entry`].
pub fn remove_override(tx: &mut Write<'_>, actor: &Actor, id: OverrideId) -> Result<ScheduleId, AppError> {
    change::begin(actor)?;
    let mut o = tx.get::<Override>(id)?.ok_or_else(|| Refusal::not_found("override"))?;
    match removal(&o.span, tx.now()) {
        Removal::Delete => {
            tx.delete::<Override>(id)?;
        }
        Removal::EndAt(now) => {
            o.span.end = now;
            tx.put(&o)?;
        }
        Removal::Keep => return Ok(o.schedule),
    }
    let summary = format!("from {} to {}", o.span.start, o.span.end);
    change::audit(tx, actor, "schedule.override_removed", id, summary)?;
    change::recheck(tx, actor)?;
    Ok(o.schedule)
}
