//! Normal entries: who is on call from when to when. Those of one schedule never overlap.

use super::{Before, Saved, about_people, one, require_active, touch};
use crate::app::{AppError, Write, change};
use crate::domain::actor::Actor;
use crate::domain::entry::{Entry, Interval, Removal, removal};
use crate::domain::id::{EntryId, ScheduleId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::schedule::Schedule;
use crate::domain::time::{span_words, zone_named};
use crate::domain::user::User;
use crate::domain::warning::Warning;
use crate::store::{Read, entries};
use jiff::tz::TimeZone;

/// An entry of this schedule.
pub fn entry(read: &impl Read, schedule: ScheduleId, id: EntryId) -> Result<Entry, AppError> {
    let found = read.get::<Entry>(id)?.filter(|entry| entry.schedule == schedule);
    Ok(found.ok_or_else(|| Refusal::not_found("schedule entry"))?)
}

/// Refused where another entry has the time.
pub fn add_entry(
    tx: &mut Write<'_>,
    actor: &Actor,
    schedule: ScheduleId,
    user: UserId,
    span: Interval,
    note: &str,
) -> Result<Saved<EntryId>, AppError> {
    change::begin(actor)?;
    let of = one(tx, schedule)?;
    require_active(tx, user, "user")?;
    let span = Interval::checked(span.start, span.end)?;
    require_free(tx, &of, span, None)?;
    let before = Before::of(tx, schedule, [span])?;
    let (id, recorded_at) = (tx.new_id(), tx.now());
    let (note, author) = (note.trim().to_owned(), actor.user_id());
    tx.put(&Entry { id, schedule, user, span, note, author, recorded_at })?;
    let mut warnings = saved(tx, actor, "schedule.entry_added", id, &of, user, span)?;
    if !before.compare(tx)?.changed {
        warnings.push(Warning::NoEffect);
    }
    if span.start < recorded_at {
        warnings.push(Warning::StartsInPast);
    }
    Ok(Saved::new(id, warnings))
}

/// As typed, also where it is over; what changed about the past is explained as recorded afterwards.
pub fn edit_entry(
    tx: &mut Write<'_>,
    actor: &Actor,
    id: EntryId,
    user: UserId,
    span: Interval,
    note: &str,
) -> Result<Saved<ScheduleId>, AppError> {
    change::begin(actor)?;
    let old = tx.get::<Entry>(id)?.ok_or_else(|| Refusal::not_found("schedule entry"))?;
    let of = one(tx, old.schedule)?;
    if user != old.user {
        require_active(tx, user, "user")?;
    }
    let span = Interval::checked(span.start, span.end)?;
    require_free(tx, &of, span, Some(id))?;
    let before = Before::of(tx, of.id, [old.span, span])?;
    let now = tx.now();
    let recorded_at = if (user, span) == (old.user, old.span) { old.recorded_at } else { now };
    let new = Entry { user, span, note: note.trim().to_owned(), recorded_at, author: actor.user_id(), ..old.clone() };
    tx.put(&new)?;
    let mut warnings = saved(tx, actor, "schedule.entry_edited", id, &of, user, span)?;
    let difference = before.compare(tx)?;
    warnings.extend(difference.lost());
    if (user, span) != (old.user, old.span) {
        if !difference.changed {
            warnings.push(Warning::NoEffect);
        }
        if span.start < now && span.start != old.span.start {
            warnings.push(Warning::StartsInPast);
        }
    }
    Ok(Saved::new(of.id, warnings))
}

/// Ahead: gone. Running: it ends now. Past: it stays, which is not an error.
pub fn remove_entry(tx: &mut Write<'_>, actor: &Actor, id: EntryId) -> Result<Saved<ScheduleId>, AppError> {
    change::begin(actor)?;
    let mut entry = tx.get::<Entry>(id)?.ok_or_else(|| Refusal::not_found("schedule entry"))?;
    let before = Before::of(tx, entry.schedule, [entry.span])?;
    match removal(&entry.span, tx.now()) {
        Removal::Delete => {
            tx.delete::<Entry>(id)?;
        }
        Removal::EndAt(now) => {
            entry.span.end = now;
            tx.put(&entry)?;
        }
        Removal::Keep => return Ok(Saved::new(entry.schedule, vec![])),
    }
    let schedule = touch(tx, entry.schedule)?;
    let summary = format!("{}: from {} to {}", schedule.name, entry.span.start, entry.span.end);
    change::audit(tx, actor, "schedule.entry_removed", id, summary)?;
    change::recheck(tx, actor)?;
    let warnings = before.compare(tx)?.lost();
    Ok(Saved::new(entry.schedule, warnings))
}

fn saved(
    tx: &mut Write<'_>,
    actor: &Actor,
    action: &str,
    id: EntryId,
    of: &Schedule,
    user: UserId,
    span: Interval,
) -> Result<Vec<Warning>, AppError> {
    touch(tx, of.id)?;
    let person = tx.get::<User>(user)?.map(|user| user.name).unwrap_or_default();
    let summary = format!("{}: {person} from {} to {}", of.name, span.start, span.end);
    change::audit(tx, actor, action, id, summary)?;
    change::recheck(tx, actor)?;
    about_people(tx, of, [user])
}

/// `but` is the entry that is being moved.
fn require_free(read: &impl Read, schedule: &Schedule, span: Interval, but: Option<EntryId>) -> Result<(), AppError> {
    // Entries do not overlap, so those that end after this one begins come in the order of time: one that ends at its
    // very beginning, the one that is being moved, and the one that decides.
    let others = entries::entries_from(read, schedule.id, span.start, 3)?;
    let clash = others.iter().find(|other| Some(other.id) != but && other.span.overlaps(&span));
    let Some(other) = clash else { return Ok(()) };
    let name = read.get::<User>(other.user)?.map(|user| user.name).unwrap_or_default();
    let zone = zone_named(&schedule.zone).unwrap_or(TimeZone::UTC);
    let words = span_words(other.span.start, other.span.end, &zone);
    let sentence =
        format!("{name} is already entered from {words}. Normal entries may not overlap; add an override instead.");
    Err(Refusal::conflict("entry_overlap", sentence).into())
}
