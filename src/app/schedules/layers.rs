//! Layers: rotations are added and edited, and every layer, imported ones too, is moved and removed alike.

use super::{Before, Saved, about_people, bump, one, require_active};
use crate::app::{AppError, Write, change, context, oncall};
use crate::domain::actor::Actor;
use crate::domain::id::{LayerId, ScheduleId, UserId};
use crate::domain::layer::{Draft, first_turn, place};
use crate::domain::oncall::{Calendar, People, Segment, final_schedule};
use crate::domain::refusal::Refusal;
use crate::domain::rotation::Version;
use crate::domain::schedule::{Layer, Schedule, Turns};
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::domain::warning::Warning;
use crate::store::Read;
use std::collections::BTreeSet;

/// A layer of this schedule, with its place among the layers.
pub fn layer(schedule: &Schedule, id: LayerId) -> Result<(usize, &Layer), Refusal> {
    let found = schedule.layers.iter().enumerate().find(|(_, layer)| layer.id == id);
    found.ok_or_else(|| Refusal::not_found("layer"))
}

/// Below the others: what is there already goes first.
pub fn add_layer(tx: &mut Write<'_>, actor: &Actor, id: ScheduleId, draft: &Draft) -> Result<Saved<LayerId>, AppError> {
    change::begin(actor)?;
    let mut schedule = one(tx, id)?;
    let new = draft.begin(tx.new_id())?;
    require_new_active(tx, draft, None)?;
    let made = new.id;
    schedule.layers.push(new);
    save(tx, actor, schedule, "schedule.layer_added", made, Some(draft))
}

/// Makes the next version; see `domain::layer`.
pub fn edit_layer(
    tx: &mut Write<'_>,
    actor: &Actor,
    id: ScheduleId,
    edited: LayerId,
    draft: &Draft,
) -> Result<Saved<LayerId>, AppError> {
    change::begin(actor)?;
    let mut schedule = one(tx, id)?;
    let (place, old) = layer(&schedule, edited)?;
    let new = draft.revise(old, &schedule.zone, tx.now())?;
    require_new_active(tx, draft, Some(old))?;
    schedule.layers[place] = new;
    save(tx, actor, schedule, "schedule.layer_edited", edited, Some(draft))
}

/// To a place among the layers, 0 being the top; a place past the end is the end.
pub fn move_layer(
    tx: &mut Write<'_>,
    actor: &Actor,
    id: ScheduleId,
    moved: LayerId,
    to: usize,
) -> Result<Saved<LayerId>, AppError> {
    change::begin(actor)?;
    let mut schedule = one(tx, id)?;
    let (place, _) = layer(&schedule, moved)?;
    let layer = schedule.layers.remove(place);
    let to = to.min(schedule.layers.len());
    schedule.layers.insert(to, layer);
    save(tx, actor, schedule, "schedule.layer_moved", moved, None)
}

pub fn remove_layer(
    tx: &mut Write<'_>,
    actor: &Actor,
    id: ScheduleId,
    removed: LayerId,
) -> Result<Saved<LayerId>, AppError> {
    change::begin(actor)?;
    let mut schedule = one(tx, id)?;
    let (place, _) = layer(&schedule, removed)?;
    schedule.layers.remove(place);
    save(tx, actor, schedule, "schedule.layer_removed", removed, None)
}

/// A schedule as it would be.
#[derive(Debug)]
pub struct Preview {
    pub calendar: Calendar,
    pub people: People,
    pub segments: Vec<Segment>,
    /// Who has the first turn, and from when.
    pub first: Option<(Timestamp, Vec<UserId>)>,
}

/// What a rotation would make of the weeks ahead; refused like the change itself.
pub fn preview(
    read: &impl Read,
    id: ScheduleId,
    edited: Option<LayerId>,
    draft: &Draft,
    now: Timestamp,
    end: Timestamp,
) -> Result<Preview, AppError> {
    let mut calendar = oncall::calendar(read, id, now)?.0;
    let schedule = &mut calendar.schedule;
    let new = match edited {
        // A number that is never given out; the layer exists in this answer alone.
        None => draft.begin(crate::domain::id::Id::new(u64::MAX))?,
        Some(edited) => draft.revise(layer(schedule, edited)?.1, &schedule.zone, now)?,
    };
    let old = edited.map(|edited| layer(schedule, edited)).transpose()?.map(|(place, old)| (place, old.clone()));
    require_new_active(read, draft, old.as_ref().map(|(_, old)| old))?;
    let zone = place(&draft.zone)?;
    let first = newest(&new).and_then(|version| first_turn(version, &zone));
    let first = first.map(|(from, users)| (from, users.to_vec()));
    match old {
        Some((place, _)) => schedule.layers[place] = new,
        None => schedule.layers.push(new),
    }
    let people = context::load_people(read, &calendar.people())?;
    let segments = final_schedule(&calendar, &people, now, end)?;
    Ok(Preview { calendar, people, segments, first })
}

fn newest(layer: &Layer) -> Option<&Version> {
    match &layer.turns {
        Turns::Rotation(versions) => versions.last(),
        Turns::Imported(_) => None,
    }
}

/// Whoever is in the rotation already may stay, deactivated or not.
fn require_new_active(read: &impl Read, draft: &Draft, old: Option<&Layer>) -> Result<(), AppError> {
    let kept: BTreeSet<UserId> =
        old.and_then(newest).into_iter().flat_map(|version| &version.slots).flatten().copied().collect();
    for user in draft.slots.iter().flatten().filter(|user| !kept.contains(user)) {
        require_active(read, *user, "slots")?;
    }
    Ok(())
}

fn save(
    tx: &mut Write<'_>,
    actor: &Actor,
    mut schedule: Schedule,
    action: &str,
    changed: LayerId,
    draft: Option<&Draft>,
) -> Result<Saved<LayerId>, AppError> {
    let before = Before::of_weeks(tx, schedule.id)?;
    bump(&mut schedule, tx.now());
    tx.put(&schedule)?;
    let name = draft.map(|draft| format!(", {}", draft.name.trim())).unwrap_or_default();
    change::audit(tx, actor, action, schedule.id, format!("{}: layer {changed}{name}", schedule.name))?;
    change::recheck(tx, actor)?;
    let difference = before.compare(tx)?;
    let mut warnings = difference.lost();
    if let Some(draft) = draft {
        let people: BTreeSet<UserId> = draft.slots.iter().flatten().copied().collect();
        warnings.extend(about_people(tx, &schedule, people.iter().copied())?);
        for user in people.iter().filter(|user| !difference.on_call.contains(user)) {
            if tx.get::<User>(*user)?.is_some_and(|user| user.is_active()) {
                warnings.push(Warning::Starved);
            }
        }
        let merges = schedule.layers.iter().find(|layer| layer.id == changed).and_then(newest);
        if merges.is_some_and(Version::windows_merge) {
            warnings.push(Warning::WindowsMerged);
        }
    }
    Ok(Saved::new(changed, warnings))
}
