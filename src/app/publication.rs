//! Remembers what schedules gave out through their feeds, so that an event that is gone can be shown as cancelled.
//!
//! A feed is drawn from live records when somebody fetches it, and fetching changes nothing; so the worker looks after every
//! commit and at the turn of the day, and writes only where a schedule with readers gives out something else than before.

use crate::app::{AppError, Write, feeds};
use crate::domain::feed::{FeedOf, Publication, day, events, window};
use crate::domain::id::ScheduleId;
use crate::domain::schedule::Schedule;
use crate::domain::time::Timestamp;
use crate::store::{Read, feeds as stored, schedules};
use std::collections::BTreeSet;

/// Schedules that somebody may be reading and whose publication is of another day or revision.
pub fn stale(read: &impl Read, now: Timestamp) -> Result<Vec<ScheduleId>, AppError> {
    let open: BTreeSet<FeedOf> = stored::feeds_open(read, super::MANY)?.into_iter().collect();
    if open.is_empty() {
        return Ok(vec![]);
    }
    // A person's feed may show any schedule.
    let reads_all = open.iter().any(|of| matches!(of, FeedOf::User(_)));
    let all = schedules::schedules_all(read, super::MANY)?;
    let read_by_somebody = |schedule: &&Schedule| reads_all || open.contains(&FeedOf::Schedule(schedule.id));
    let mut stale = Vec::new();
    for schedule in all.iter().filter(read_by_somebody) {
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
    let events = events(&calendar, &people, window(now));
    let after = Publication::after(before.as_ref(), &calendar, events, now);
    if before.as_ref() != Some(&after) {
        tx.put(&after)?;
    }
    Ok(())
}
