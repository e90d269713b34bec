//! Maintenance windows, by when the last of them is over.

use crate::domain::id::MaintenanceId;
use crate::domain::maintenance::Maintenance;
use crate::domain::time::Timestamp;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Maintenance {
    type Key = MaintenanceId;
    const TABLE: Table<MaintenanceId, Maintenance> = tables::MAINTENANCE;
    const INDEXES: &'static [TableName] = &[tables::MAINTENANCE_BY_END.name()];

    fn key(&self) -> MaintenanceId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::MAINTENANCE_BY_END, (self.last_end(), self.id));
    }
}

/// Those that run or are to come, the first to end first; recurring ones come last.
pub fn maintenance_from(read: &impl Read, from: Timestamp, limit: usize) -> Result<Vec<Maintenance>> {
    Ok(read.scan(&tables::MAINTENANCE_BY_END, &Span::all().from((from,)), Take::first(limit))?.items)
}

/// Those that were over by then, the last to end first.
pub fn maintenance_until(read: &impl Read, until: Timestamp, limit: usize) -> Result<Vec<Maintenance>> {
    Ok(read.scan(&tables::MAINTENANCE_BY_END, &Span::all().through((until,)), Take::last(limit))?.items)
}
