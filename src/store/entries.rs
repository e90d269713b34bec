//! Schedule entries and overrides, by when they end.

use crate::domain::entry::{Entry, Override};
use crate::domain::id::{EntryId, OverrideId, ScheduleId};
use crate::domain::time::Timestamp;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Entry {
    type Key = EntryId;
    const TABLE: Table<EntryId, Entry> = tables::ENTRIES;
    const INDEXES: &'static [TableName] = &[tables::ENTRIES_BY_END.name()];

    fn key(&self) -> EntryId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::ENTRIES_BY_END, (self.schedule, self.span.end, self.id));
    }
}

impl Record for Override {
    type Key = OverrideId;
    const TABLE: Table<OverrideId, Override> = tables::OVERRIDES;
    const INDEXES: &'static [TableName] = &[tables::OVERRIDES_BY_END.name()];

    fn key(&self) -> OverrideId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::OVERRIDES_BY_END, (self.schedule, self.span.end, self.id));
    }
}

/// Entries that end at `from` or later, the first to end first. Because they do not overlap, that is also the order in
/// which they begin.
pub fn entries_from(read: &impl Read, schedule: ScheduleId, from: Timestamp, limit: usize) -> Result<Vec<Entry>> {
    let span = Span::of((schedule,)).from((schedule, from));
    Ok(read.scan(&tables::ENTRIES_BY_END, &span, Take::first(limit))?.items)
}

/// Overrides that end at `from` or later, the first to end first.
pub fn overrides_from(read: &impl Read, schedule: ScheduleId, from: Timestamp, limit: usize) -> Result<Vec<Override>> {
    let span = Span::of((schedule,)).from((schedule, from));
    Ok(read.scan(&tables::OVERRIDES_BY_END, &span, Take::first(limit))?.items)
}
