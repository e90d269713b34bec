//! Timeline entries, in order within their incident.

use crate::domain::id::IncidentId;
use crate::domain::timeline::TimelineEntry;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Page, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for TimelineEntry {
    type Key = (IncidentId, u32);
    const TABLE: Table<(IncidentId, u32), TimelineEntry> = tables::TIMELINE;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) -> (IncidentId, u32) {
        (self.incident, self.seq)
    }

    fn index_rows(&self, _: &mut IndexRows) {}
}

/// From the first entry on.
pub fn timeline_of(read: &impl Read, incident: IncidentId, take: Take) -> Result<Page<TimelineEntry>> {
    read.scan_table(&Span::of((incident,)), take)
}
