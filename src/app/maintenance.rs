//! Maintenance windows and silences: entered, changed, ended early, and asked whether they hold an alert back.

use crate::app::{AppError, Write, change};
use crate::domain::actor::Actor;
use crate::domain::alert_source::AlertSource;
use crate::domain::entry::Interval;
use crate::domain::id::{AlertSourceId, MaintenanceId, TeamId};
use crate::domain::maintenance::{Maintenance, Matcher, Occurs, Scope};
use crate::domain::refusal::{Refusal, checked_name};
use crate::domain::team::Team;
use crate::domain::time::Timestamp;
use crate::planted;
use crate::store::{Read, maintenance};
use std::collections::BTreeMap;

/// Past windows a list shows.
const PAST: usize = 50;

/// What people decide about a window.
#[derive(Clone, Debug)]
pub struct Basics {
    pub name: String,
    pub scope: Scope,
    pub occurs: Chosen,
    pub zone: String,
    pub matchers: Vec<Matcher>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Chosen {
    Once(Interval),
    Again { pattern: String, minutes: u16 },
}

/// The window that holds a new incident of this source, if one does, and until when: of several the one that ends last.
/// Whoever is held asks again then, so windows that follow each other hold through.
pub fn holding(
    read: &impl Read,
    source: AlertSourceId,
    team: TeamId,
    labels: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<Option<(MaintenanceId, Timestamp)>, AppError> {
    if planted::is("window_unseen") {
        return Ok(None);
    }
    let windows = maintenance::maintenance_from(read, now, super::MANY)?;
    let ends = windows.iter().filter_map(|window| Some((window.id, window.holds(source, team, labels, now)?)));
    Ok(ends.max_by_key(|(_, end)| *end))
}

/// What runs or is to come, the first to end first and recurring ones last; then what is over, the latest first.
pub fn all(read: &impl Read, now: Timestamp) -> Result<(Vec<Maintenance>, Vec<Maintenance>), AppError> {
    let over = |window: &Maintenance| window.last_end() <= now;
    let (current, past) = (maintenance::maintenance_from(read, now, super::MANY)?, PAST);
    let past = maintenance::maintenance_until(read, now, past)?;
    Ok((current.into_iter().filter(|window| !over(window)).collect(), past))
}

pub fn one(read: &impl Read, id: MaintenanceId) -> Result<Maintenance, AppError> {
    Ok(read.get::<Maintenance>(id)?.ok_or_else(|| Refusal::not_found("maintenance window"))?)
}

/// It acts on incidents that are opened from now on.
pub fn create(tx: &mut Write<'_>, actor: &Actor, basics: &Basics) -> Result<MaintenanceId, AppError> {
    change::begin(actor)?;
    let id = tx.new_id();
    let window = Maintenance {
        id,
        name: checked_name(&basics.name)?,
        scope: basics.scope.clone(),
        occurs: occurs(&basics.occurs, None),
        zone: basics.zone.clone(),
        matchers: basics.matchers.clone(),
        author: actor.user_id(),
        created_at: tx.now(),
        version: 1,
    };
    save(tx, &window)?;
    change::audit(tx, actor, "maintenance.created", id, summary(&window))?;
    Ok(id)
}

/// What it holds back is looked at anew: an incident that it no longer covers is paged at once.
pub fn edit(tx: &mut Write<'_>, actor: &Actor, id: MaintenanceId, basics: &Basics) -> Result<(), AppError> {
    change::begin(actor)?;
    let before = one(tx, id)?;
    if before.last_end() <= tx.now() {
        let sentence = "This window is over and stays as it was. Enter a new one instead.";
        return Err(Refusal::conflict("window_over", sentence).into());
    }
    let was = summary(&before);
    let window = Maintenance {
        name: checked_name(&basics.name)?,
        scope: basics.scope.clone(),
        occurs: occurs(&basics.occurs, Some(&before.occurs)),
        zone: basics.zone.clone(),
        matchers: basics.matchers.clone(),
        version: before.version + 1,
        ..before
    };
    save(tx, &window)?;
    change::audit_change(tx, actor, "maintenance.edited", id, window.name.clone(), was, summary(&window))?;
    change::recheck(tx, actor)
}

/// Ends what runs of it; a recurring one comes again. That nothing runs is not an error. Answers it as it ended.
pub fn end_now(tx: &mut Write<'_>, actor: &Actor, id: MaintenanceId) -> Result<Maintenance, AppError> {
    change::begin(actor)?;
    let mut window = one(tx, id)?;
    let now = tx.now();
    if !window.end(now) {
        return Ok(window);
    }
    window.version += 1;
    match &window.occurs {
        // Begun in this very second: it has held nothing.
        Occurs::Once(span) if span.start == span.end => drop(tx.delete::<Maintenance>(id)?),
        _ => tx.put(&window)?,
    }
    change::audit(tx, actor, "maintenance.ended", id, window.name.clone())?;
    if !planted::is("window_ended_unseen") {
        change::recheck(tx, actor)?;
    }
    Ok(window)
}

/// Ahead or recurring: gone, and what runs of it ends. A single one that runs ends now, and one that is over stays, so
/// that the past can be explained.
pub fn delete(tx: &mut Write<'_>, actor: &Actor, id: MaintenanceId) -> Result<(), AppError> {
    change::begin(actor)?;
    let window = one(tx, id)?;
    let now = tx.now();
    match window.occurs {
        Occurs::Once(_) if window.last_end() <= now => return Ok(()),
        Occurs::Once(_) if window.running(now).is_some() => return end_now(tx, actor, id).map(drop),
        _ => drop(tx.delete::<Maintenance>(id)?),
    }
    change::audit(tx, actor, "maintenance.deleted", id, window.name)?;
    change::recheck(tx, actor)
}

/// An edit keeps that an occurrence was ended early.
pub(super) fn occurs(chosen: &Chosen, before: Option<&Occurs>) -> Occurs {
    match chosen {
        Chosen::Once(span) => Occurs::Once(*span),
        Chosen::Again { pattern, minutes } => {
            let ended_at = match before {
                Some(Occurs::Again { ended_at, .. }) => *ended_at,
                _ => None,
            };
            let pattern = pattern.split_whitespace().collect::<Vec<_>>().join(" ");
            Occurs::Again { pattern, minutes: *minutes, ended_at }
        }
    }
}

/// Whoever calls audits.
pub(super) fn save(tx: &mut Write<'_>, window: &Maintenance) -> Result<(), AppError> {
    window.check(tx.now())?;
    let missing = || Refusal::invalid("scope_missing", "scope", "Choose teams and alert sources that are on the list.");
    match &window.scope {
        Scope::Team(team) => drop(tx.get::<Team>(*team)?.ok_or_else(missing)?),
        Scope::Sources(sources) => {
            for source in sources {
                tx.get::<AlertSource>(*source)?.ok_or_else(missing)?;
            }
        }
    }
    Ok(tx.put(window)?)
}

fn summary(window: &Maintenance) -> String {
    let when = match &window.occurs {
        Occurs::Once(span) => format!("from {} to {}", span.start, span.end),
        Occurs::Again { pattern, minutes, .. } => format!("at {pattern} in {} for {minutes} min", window.zone),
    };
    let labels: String = window.matchers.iter().map(|matcher| format!(", {matcher}")).collect();
    format!("{}, {when}{labels}", window.name)
}
