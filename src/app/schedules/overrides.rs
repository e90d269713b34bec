//! Overrides: covers, replacements, and swaps, which are two replacements made and undone together.

use super::{Before, Saved, about_people, neighbours, one, require_active, touch};
use crate::app::{AppError, Write, change, context, oncall};
use crate::domain::actor::Actor;
use crate::domain::entry::{Interval, Override, OverrideMode, Removal, removal};
use crate::domain::id::{Id, OverrideId, ScheduleId, UserId};
use crate::domain::oncall::{Segment, final_schedule};
use crate::domain::refusal::Refusal;
use crate::domain::schedule::Schedule;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::domain::warning::Warning;
use crate::store::Read;

/// An override of this schedule.
pub fn override_of(read: &impl Read, schedule: ScheduleId, id: OverrideId) -> Result<Override, AppError> {
    let found = read.get::<Override>(id)?.filter(|o| o.schedule == schedule);
    Ok(found.ok_or_else(|| Refusal::not_found("override"))?)
}

pub fn add_override(
    tx: &mut Write<'_>,
    actor: &Actor,
    schedule: ScheduleId,
    user: UserId,
    mode: OverrideMode,
    span: Interval,
    note: &str,
) -> Result<Saved<OverrideId>, AppError> {
    change::begin(actor)?;
    let of = one(tx, schedule)?;
    require_active(tx, user, "user")?;
    let span = Interval::checked(span.start, span.end)?;
    if let OverrideMode::Replace { from } = mode {
        tx.get::<User>(from)?.ok_or_else(|| Refusal::not_found("user"))?;
    }
    let before = Before::of(tx, schedule, [span])?;
    let id = put(tx, actor, schedule, user, mode, span, note)?;
    let warnings = saved(tx, actor, "schedule.override_added", id, &of, &[(user, span)], before)?;
    Ok(Saved::new(id, warnings))
}

/// What an override would do, while it is only thought of.
#[derive(Clone, Debug)]
pub struct Thought {
    pub before: Vec<Segment>,
    pub after: Vec<Segment>,
    /// Other schedules on which its person is on call meanwhile.
    pub elsewhere: Vec<ScheduleId>,
    pub is_pageable: bool,
    /// Some other override has a part of that time, and would lose it.
    pub beats_another: bool,
}

/// Draws the time of an override without and with it; refused like the override itself.
pub fn think_override(
    read: &impl Read,
    actor: &Actor,
    schedule: ScheduleId,
    user: UserId,
    mode: OverrideMode,
    span: Interval,
    now: Timestamp,
) -> Result<Thought, AppError> {
    change::begin(actor)?;
    require_active(read, user, "user")?;
    let span = Interval::checked(span.start, span.end)?;
    let (mut calendar, mut people, before) = oncall::rendered(read, schedule, span.start, span.end)?;
    let beats_another = calendar.overrides.iter().any(|other| other.span.overlaps(&span));
    // The newest wins; this number is never given out.
    let (id, note) = (Id::new(u64::MAX), String::new());
    calendar.overrides.push(Override { id, schedule, user, mode, span, note, author: None, recorded_at: now });
    people.extend(context::load_people(read, &calendar.people())?);
    let after = final_schedule(&calendar, &people, span.start, span.end)?;
    let mut elsewhere = Vec::new();
    for other in super::all(read)?.into_iter().filter(|other| other.id != schedule) {
        let segments = oncall::rendered(read, other.id, span.start, span.end)?.2;
        if segments.iter().flat_map(|segment| &segment.places).any(|place| place.user == user) {
            elsewhere.push(other.id);
        }
    }
    let is_pageable = people.get(&user).is_some_and(|user| user.is_pageable_at(now));
    Ok(Thought { before, after, elsewhere, is_pageable, beats_another })
}

/// Whose time it is, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    pub user: UserId,
    pub span: Interval,
}

/// Each stands in for the other. Answers the first of the two overrides; removing either undoes both.
pub fn add_swap(
    tx: &mut Write<'_>,
    actor: &Actor,
    schedule: ScheduleId,
    one_turn: Turn,
    other_turn: Turn,
    note: &str,
) -> Result<Saved<OverrideId>, AppError> {
    change::begin(actor)?;
    let of = one(tx, schedule)?;
    require_active(tx, one_turn.user, "user")?;
    require_active(tx, other_turn.user, "other_user")?;
    if one_turn.user == other_turn.user {
        return Err(Refusal::invalid("swap_same", "other_user", "A swap is between two different people.").into());
    }
    let checked = |span: Interval, field| {
        Interval::checked(span.start, span.end).map_err(|refusal| Refusal { field: Some(field), ..refusal })
    };
    let spans = [checked(one_turn.span, "end")?, checked(other_turn.span, "other_end")?];
    let before = Before::of(tx, schedule, spans)?;
    // In a row, with nothing between them: that is how the two are known to belong together.
    let from = |user| OverrideMode::Replace { from: user };
    let first = put(tx, actor, schedule, other_turn.user, from(one_turn.user), spans[0], note)?;
    put(tx, actor, schedule, one_turn.user, from(other_turn.user), spans[1], note)?;
    let people = [(other_turn.user, spans[0]), (one_turn.user, spans[1])];
    let warnings = saved(tx, actor, "schedule.swap_added", first, &of, &people, before)?;
    Ok(Saved::new(first, warnings))
}

/// Ahead: gone. Running: it ends now. Past: it stays, which is not an error. Of a swap, both halves.
pub fn remove_override(tx: &mut Write<'_>, actor: &Actor, id: OverrideId) -> Result<Saved<ScheduleId>, AppError> {
    change::begin(actor)?;
    let asked = tx.get::<Override>(id)?.ok_or_else(|| Refusal::not_found("override"))?;
    let mut all = vec![asked.clone()];
    for neighbour in neighbours(id) {
        all.extend(tx.get::<Override>(neighbour)?.filter(|other| asked.is_swapped_with(other)));
    }
    let before = Before::of(tx, asked.schedule, all.iter().map(|o| o.span))?;
    let (now, mut kept) = (tx.now(), 0);
    for o in &mut all {
        match removal(&o.span, now) {
            Removal::Delete => {
                tx.delete::<Override>(o.id)?;
            }
            Removal::EndAt(now) => {
                o.span.end = now;
                tx.put(o)?;
            }
            Removal::Keep => kept += 1,
        }
    }
    if kept == all.len() {
        return Ok(Saved::new(asked.schedule, vec![]));
    }
    let schedule = touch(tx, asked.schedule)?;
    let summary = format!("{}: from {} to {}", schedule.name, asked.span.start, asked.span.end);
    change::audit(tx, actor, "schedule.override_removed", id, summary)?;
    change::recheck(tx, actor)?;
    let mut warnings = before.compare(tx)?.lost();
    if kept > 0 {
        warnings.push(Warning::SwapOrphaned);
    }
    Ok(Saved::new(asked.schedule, warnings))
}

fn put(
    tx: &mut Write<'_>,
    actor: &Actor,
    schedule: ScheduleId,
    user: UserId,
    mode: OverrideMode,
    span: Interval,
    note: &str,
) -> Result<OverrideId, AppError> {
    let (id, recorded_at) = (tx.new_id(), tx.now());
    let (note, author) = (note.trim().to_owned(), actor.user_id());
    tx.put(&Override { id, schedule, user, mode, span, note, author, recorded_at })?;
    Ok(id)
}

fn saved(
    tx: &mut Write<'_>,
    actor: &Actor,
    action: &str,
    id: OverrideId,
    of: &Schedule,
    people: &[(UserId, Interval)],
    before: Before,
) -> Result<Vec<Warning>, AppError> {
    touch(tx, of.id)?;
    // A number between these and the next, or two replacements made one by one would look like a swap.
    let _unused: OverrideId = tx.new_id();
    let mut words = Vec::new();
    for (user, span) in people {
        let person = tx.get::<User>(*user)?.map(|user| user.name).unwrap_or_default();
        words.push(format!("{person} from {} to {}", span.start, span.end));
    }
    change::audit(tx, actor, action, id, format!("{}: {}", of.name, words.join(", ")))?;
    change::recheck(tx, actor)?;
    let mut warnings = about_people(tx, of, people.iter().map(|(user, _)| *user))?;
    if !before.compare(tx)?.changed {
        warnings.push(Warning::NoEffect);
    }
    if people.iter().any(|(_, span)| span.start < tx.now()) {
        warnings.push(Warning::StartsInPast);
    }
    Ok(warnings)
}
