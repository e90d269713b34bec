//! Remembers what schedules gave out through their feeds, so that an event that is gone can be shown as cancelled.
//!
//! A feed is drawn from live records when somebody fetches it, and fetching changes nothing; so the worker looks after every
//! commit, at the turn of the day and every 15 minutes, and writes only where a schedule with readers gives out something else than before.

use crate::app::{AppError, Write, feeds};
use crate::domain::feed::{FeedOf, Publication, day, events, window};
use crate::domain::id::ScheduleId;
use crate::domain::schedule::Schedule;
use crate::domain::time::Timestamp;
use crate::store::{Read, feeds as stored, schedules};
use std::collections::BTreeSet;

/// Schedules with an open feed.
pub fn read_by_somebody(read: &impl Read) -> Result<Vec<ScheduleId>, AppError> {
    Ok(with_readers(read)?.iter().map(|schedule| schedule.id).collect())
}

fn with_readers(read: &impl Read) -> Result<Vec<Schedule>, AppError> {
    let open: BTreeSet<FeedOf> = stored::feeds_open(read, super::MANY)?.into_iter().collect();
    if open.is_empty() {
        return Ok(vec![]);
    }
    // A person's feed may show any schedule.
    let reads_all = open.iter().any(|of| matches!(of, FeedOf::User(_)));
    let mut all = schedules::schedules_all(read, super::MANY)?;
    all.retain(|schedule| reads_all || open.contains(&FeedOf::Schedule(schedule.id)));
    Ok(all)
}

/// Those of them whose publication is of another day or revision.
pub fn stale(read: &impl Read, now: Timestamp) -> Result<Vec<ScheduleId>, AppError> {
    let mut stale = Vec::new();
    for schedule in with_readers(read)? {
        let known = read.get::<Publication>(schedule.id)?;
        if known.is_none_or(|known| known.revision != schedule.revision || known.day != day(now)) {
            stale.push(schedule.id);
        }
    }
    Ok(stale)
}

/// Compares what the schedule gives out with what it gave out last.
pub fn publish(tx: &mut Write<'_>, id: ScheduleId) -> Result<(), AppError> {
    let now = tx.now();
    let Some((calendar, people)) = feeds::calendar(tx, id, now)? else { return Ok(()) };
    let before = tx.get::<Publication>(id)?;
    // What cannot be drawn is refused to whoever fetches it; other schedules do not wait for it.
    let Ok(events) = events(&calendar, &people, window(now)) else { return Ok(()) };
    let after = Publication::after(before.as_ref(), &calendar, events, now);
    if before.as_ref() != Some(&after) {
        tx.put(&after)?;
    }
    Ok(())
}
