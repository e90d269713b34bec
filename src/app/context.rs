//! Loads what a decision about an incident needs, as plain values.

use crate::app::{AppError, maintenance};
use crate::domain::alert_source::AlertSource;
use crate::domain::escalation::{Context, SourceRules, TeamCoverage};
use crate::domain::id::{ImportId, PolicyId, ScheduleId, TeamId, UserId};
use crate::domain::import::{Directory, ImportCopy};
use crate::domain::incident::{Hold, Incident, IncidentDetails};
use crate::domain::oncall::{Calendar, ImportedShift, People};
use crate::domain::policy::{Policy, REPAGE_MINUTES_DEFAULT, REPEAT_DEFAULT, Recipient};
use crate::domain::schedule::Schedule;
use crate::domain::team::Team;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::store::{Read, entries, schedules, users};
use std::collections::{BTreeMap, BTreeSet};

/// Entries looked at per schedule for a decision about now. They come in the order of time and do not overlap, so the
/// first one or two decide. A page that draws weeks needs them all.
const ENTRIES: usize = 64;

/// For decisions about one incident: its policy, its source, and everybody it has to do with.
pub fn for_incident(read: &impl Read, incident: &Incident, now: Timestamp) -> Result<Context, AppError> {
    for_incident_and(read, incident, &[], now)
}

/// As [`for_incident`], and these people, too.
pub fn for_incident_and(
    read: &impl Read,
    incident: &Incident,
    people: &[UserId],
    now: Timestamp,
) -> Result<Context, AppError> {
    let Incident { ladder, ackers, assignee, resolved_by, snooze, .. } = incident;
    let snoozer = snooze.and_then(|snooze| snooze.by);
    let involved = ladder.paged.iter().chain(ackers).chain(assignee).chain(resolved_by).chain(&snoozer).chain(people);
    let mut context = for_now(read, incident.policy, involved.copied().collect(), now)?;
    if let Some(source) = read.get_sound::<AlertSource>(incident.source)? {
        context.source = SourceRules::of(&source, incident.is_test);
    }
    if let Some(Hold::Maintenance(_)) = incident.hold {
        let labels = read.get_sound::<IncidentDetails>(incident.id)?.map(|details| details.labels).unwrap_or_default();
        context.hold = maintenance::holding(read, incident.source, incident.team, &labels, now)?;
    }
    Ok(context)
}

/// For the opening of an incident by an alert with these labels.
pub fn for_opening(
    read: &impl Read,
    source: &AlertSource,
    labels: &BTreeMap<String, String>,
    is_test: bool,
    now: Timestamp,
) -> Result<Context, AppError> {
    let context = for_now(read, source.policy, BTreeSet::new(), now)?;
    let hold = maintenance::holding(read, source.id, source.team, labels, now)?;
    Ok(Context { source: SourceRules::of(source, is_test), hold, ..context })
}

/// As [`for_policy`], with people as they are at this instant, of which only the present may be asked.
pub fn for_now(
    read: &impl Read,
    policy: PolicyId,
    involved: BTreeSet<UserId>,
    now: Timestamp,
) -> Result<Context, AppError> {
    let context = for_policy(read, policy, involved, now)?;
    let people = context.people.into_iter().map(|(id, user)| (id, user.known_at(now))).collect();
    Ok(Context { people, ..context })
}

/// A policy that cannot be found is read as one without levels: the last resort is paged, and an incident is opened
/// whatever has happened to the configuration.
pub fn for_policy(
    read: &impl Read,
    policy: PolicyId,
    mut involved: BTreeSet<UserId>,
    now: Timestamp,
) -> Result<Context, AppError> {
    let policy = read.get_sound::<Policy>(policy)?.unwrap_or_else(|| without_levels(policy, now));
    let mut calendars = BTreeMap::new();
    let mut teams = BTreeMap::new();
    involved.extend(&policy.last_resort);
    for recipient in policy.levels.iter().flat_map(|level| &level.recipients) {
        match recipient {
            Recipient::User(user) => {
                involved.insert(*user);
            }
            Recipient::Schedule(schedule) => load_calendar(read, *schedule, now, &mut calendars)?,
            Recipient::Team(team) => {
                let Some(coverage) = team_coverage(read, *team)? else { continue };
                for schedule in &coverage.schedules {
                    load_calendar(read, *schedule, now, &mut calendars)?;
                }
                involved.extend(&coverage.team.members);
                teams.insert(*team, coverage);
            }
        }
    }
    involved.extend(calendars.values().flat_map(people_of));
    let mut people = load_people(read, &involved)?;
    let admins = users::users_active_admins(read, super::MANY)?;
    people.extend(admins.into_iter().map(|user| (user.id, user)));
    Ok(Context { policy, people, calendars, teams, source: SourceRules::NONE, hold: None })
}

fn without_levels(id: PolicyId, now: Timestamp) -> Policy {
    Policy {
        id,
        name: "(missing)".to_owned(),
        levels: vec![],
        repeat: REPEAT_DEFAULT,
        last_resort: vec![],
        repage_minutes: REPAGE_MINUTES_DEFAULT,
        ack_timeout_minutes: None,
        created_at: now,
        version: 0,
    }
}

pub fn team_coverage(read: &impl Read, id: TeamId) -> Result<Option<TeamCoverage>, AppError> {
    let Some(team) = read.get_sound::<Team>(id)? else { return Ok(None) };
    let schedules = schedules::schedules_of_team(read, id, super::MANY)?;
    Ok(Some(TeamCoverage { team, schedules }))
}

fn load_calendar(
    read: &impl Read,
    id: ScheduleId,
    now: Timestamp,
    calendars: &mut BTreeMap<ScheduleId, Calendar>,
) -> Result<(), AppError> {
    if !calendars.contains_key(&id)
        && let Some(calendar) = calendar(read, id, now, ENTRIES)?
    {
        calendars.insert(id, calendar);
    }
    Ok(())
}

/// A schedule with what still matters at `from` or later: the next `entries` entries, and all overrides.
pub fn calendar(
    read: &impl Read,
    id: ScheduleId,
    from: Timestamp,
    entries: usize,
) -> Result<Option<Calendar>, AppError> {
    let Some(schedule) = read.get_sound::<Schedule>(id)? else { return Ok(None) };
    let entries = entries::entries_from(read, id, from, entries)?;
    let overrides = entries::overrides_from(read, id, from, super::MANY)?;
    let imported = imported(read, &schedule, from)?;
    Ok(Some(Calendar { schedule, entries, overrides, imported }))
}

/// What the schedule's calendars from elsewhere say from an instant on, with the users they name as users are now.
fn imported(
    read: &impl Read,
    schedule: &Schedule,
    from: Timestamp,
) -> Result<BTreeMap<ImportId, Vec<ImportedShift>>, AppError> {
    let mut imported = BTreeMap::new();
    let used = schedule.imports();
    if !used.is_empty() {
        let directory = Directory::of(&users::users_all(read, super::MANY)?);
        for import in used {
            let copy = read.get_sound::<ImportCopy>(import)?;
            imported.insert(import, copy.map_or(vec![], |copy| copy.shifts(&directory, from)));
        }
    }
    Ok(imported)
}

/// Everybody a calendar names.
pub fn people_of(calendar: &Calendar) -> BTreeSet<UserId> {
    calendar.people()
}

pub fn load_people(read: &impl Read, ids: &BTreeSet<UserId>) -> Result<People, AppError> {
    let mut people = People::new();
    for id in ids {
        if let Some(user) = read.get_sound::<User>(*id)? {
            people.insert(*id, user);
        }
    }
    Ok(people)
}
