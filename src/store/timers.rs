//! Timers and their wheel, whose slots are seconds.

use crate::domain::effect::{Ring, Subject, Timer, TimerKey, TimerKind};
use crate::domain::time::Timestamp;
use crate::planted;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Page, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Timer {
    type Key = TimerKey;
    const TABLE: Table<TimerKey, Timer> = tables::TIMERS;
    const INDEXES: &'static [TableName] = &[tables::TIMERS_WHEEL.name()];

    fn key(&self) -> TimerKey {
        self.key
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::TIMERS_WHEEL, (self.key.kind.ring(), self.due, self.key));
    }
}

/// What is due, the oldest first.
pub fn timers_due(read: &impl Read, ring: Ring, now: Timestamp, limit: usize) -> Result<Vec<Timer>> {
    let now = if planted::is("due_too_late") { now.plus_secs(-1) } else { now };
    let now = if planted::is("due_too_early") { now.plus_secs(5) } else { now };
    let span = Span::of((ring,)).through((ring, now));
    Ok(read.scan(&tables::TIMERS_WHEEL, &span, Take::first(limit))?.items)
}

/// When the first timer of a ring is due.
pub fn timer_next_due(read: &impl Read, ring: Ring) -> Result<Option<Timestamp>> {
    let keys = read.scan_keys(&tables::TIMERS_WHEEL, &Span::of((ring,)), Take::first(1))?.items;
    Ok(keys.first().map(|(_, due, _)| *due))
}

/// How many timers of a ring wait, counted up to `limit`.
pub fn timers_count(read: &impl Read, ring: Ring, limit: usize) -> Result<usize> {
    Ok(read.scan_keys(&tables::TIMERS_WHEEL, &Span::of((ring,)), Take::first(limit))?.items.len())
}

/// All timers of one subject.
pub fn timers_of(read: &impl Read, subject: Subject) -> Result<Vec<Timer>> {
    let mut timers = Vec::new();
    for kind in TimerKind::ALL {
        timers.extend(read.get::<Timer>(TimerKey { subject, kind })?);
    }
    Ok(timers)
}

/// All timers, in the order of their keys.
pub fn timers_all(read: &impl Read, take: Take) -> Result<Page<Timer>> {
    read.scan_table(&Span::all(), take)
}
