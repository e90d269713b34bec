//! Entries in turn: looked at first, then added in one go.

use super::{Before, Saved, about_people, one, require_active, touch};
use crate::app::{AppError, MANY, Write, change};
use crate::domain::actor::Actor;
use crate::domain::entry::{Entry, Interval};
use crate::domain::fill::Fill;
use crate::domain::id::{ScheduleId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::time::zone_named;
use crate::domain::warning::Warning;
use crate::store::{Read, entries};
use jiff::tz::TimeZone;

/// What turns would become.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filling {
    /// Whose, when, and whether somebody is entered then already: such a turn is left out.
    pub turns: Vec<(UserId, Interval, bool)>,
}

impl Filling {
    pub fn free(&self) -> usize {
        self.turns.iter().filter(|(_, _, is_taken)| !is_taken).count()
    }
}

pub fn filling(read: &impl Read, actor: &Actor, id: ScheduleId, fill: &Fill) -> Result<Filling, AppError> {
    change::begin(actor)?;
    let schedule = one(read, id)?;
    for user in &fill.people {
        require_active(read, *user, "person")?;
    }
    let turns = fill.turns(&zone_named(&schedule.zone).unwrap_or(TimeZone::UTC))?;
    let from = turns.first().map_or(schedule.created_at, |(_, span)| span.start);
    let others = entries::entries_from(read, id, from, MANY)?;
    let taken = |span: &Interval| others.iter().any(|other| other.span.overlaps(span));
    Ok(Filling { turns: turns.into_iter().map(|(user, span)| (user, span, taken(&span))).collect() })
}

/// Adds every turn that is free; answers how many those were. Refused if none is.
pub fn fill(tx: &mut Write<'_>, actor: &Actor, id: ScheduleId, fill: &Fill) -> Result<Saved<usize>, AppError> {
    let filling = filling(tx, actor, id, fill)?;
    if filling.free() == 0 {
        let sentence = "Somebody is entered at all of these times already. Remove those entries, or add overrides.";
        return Err(Refusal::conflict("entry_overlap", sentence).into());
    }
    let schedule = one(tx, id)?;
    let mut spans = filling.turns.iter().map(|(_, span, _)| *span);
    let (start, end) = (spans.clone().next(), spans.next_back());
    let whole = start.zip(end).map(|(first, last)| Interval { start: first.start, end: last.end });
    let before = Before::of(tx, id, whole)?;
    let (now, author) = (tx.now(), actor.user_id());
    for (user, span, _) in filling.turns.iter().filter(|(_, _, is_taken)| !is_taken) {
        let new = tx.new_id();
        let note = String::new();
        tx.put(&Entry { id: new, schedule: id, user: *user, span: *span, note, author, recorded_at: now })?;
    }
    touch(tx, id)?;
    let summary = format!("{}: {} entries in turn", schedule.name, filling.free());
    change::audit(tx, actor, "schedule.entries_filled", id, summary)?;
    change::recheck(tx, actor)?;
    let mut warnings = about_people(tx, &schedule, fill.people.iter().copied())?;
    if !before.compare(tx)?.changed {
        warnings.push(Warning::NoEffect);
    }
    if start.is_some_and(|first| first.start < now) {
        warnings.push(Warning::StartsInPast);
    }
    Ok(Saved::new(filling.free(), warnings))
}
