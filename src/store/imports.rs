//! Calendars from elsewhere, found by their schedule and by when they are fetched next; and their last good copies.

use crate::domain::id::{ImportId, ScheduleId};
use crate::domain::import::{Import, ImportCopy};
use crate::domain::time::Timestamp;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Import {
    type Key = ImportId;
    const TABLE: Table<ImportId, Import> = tables::IMPORTS;
    const INDEXES: &'static [TableName] = &[tables::IMPORTS_BY_SCHEDULE.name(), tables::IMPORTS_BY_DUE.name()];

    fn key(&self) -> ImportId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::IMPORTS_BY_SCHEDULE, (self.schedule, self.id));
        rows.add(&tables::IMPORTS_BY_DUE, (self.due, self.id));
    }
}

impl Record for ImportCopy {
    type Key = ImportId;
    const TABLE: Table<ImportId, ImportCopy> = tables::IMPORT_COPIES;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) -> ImportId {
        self.import
    }

    fn index_rows(&self, _: &mut IndexRows) {}
}

pub fn imports_all(read: &impl Read, take: Take) -> Result<Vec<Import>> {
    Ok(read.scan_table(&Span::all(), take)?.items)
}

/// The oldest first.
pub fn imports_of(read: &impl Read, schedule: ScheduleId, limit: usize) -> Result<Vec<Import>> {
    Ok(read.scan(&tables::IMPORTS_BY_SCHEDULE, &Span::of((schedule,)), Take::first(limit))?.items)
}

/// Those due at `at` or before, the longest due first.
pub fn imports_due(read: &impl Read, at: Timestamp, limit: usize) -> Result<Vec<Import>> {
    Ok(read.scan(&tables::IMPORTS_BY_DUE, &Span::all().through((at,)), Take::first(limit))?.items)
}

pub fn import_next_due(read: &impl Read) -> Result<Option<Timestamp>> {
    let first = read.scan_keys(&tables::IMPORTS_BY_DUE, &Span::all(), Take::first(1))?.items;
    Ok(first.first().map(|(due, _)| *due))
}

pub fn imports_count(read: &impl Read, limit: usize) -> Result<usize> {
    Ok(read.scan_keys(&tables::IMPORTS_BY_DUE, &Span::all(), Take::first(limit))?.items.len())
}
