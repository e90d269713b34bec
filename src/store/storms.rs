//! How fast sources open incidents, and the lines of their storms.

use crate::domain::id::{AlertSourceId, IncidentId};
use crate::domain::storm::{StormLine, Surge};
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Page, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Surge {
    type Key = AlertSourceId;
    const TABLE: Table<AlertSourceId, Surge> = tables::SURGES;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) -> AlertSourceId {
        self.source
    }

    fn index_rows(&self, _: &mut IndexRows) {}
}

impl Record for StormLine {
    type Key = (IncidentId, String);
    const TABLE: Table<(IncidentId, String), StormLine> = tables::STORM_LINES;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) -> (IncidentId, String) {
        (self.storm, self.external_id.clone())
    }

    fn index_rows(&self, _: &mut IndexRows) {}
}

/// By external id.
pub fn storm_lines(read: &impl Read, storm: IncidentId, take: Take) -> Result<Page<StormLine>> {
    read.scan_table(&Span::of((storm,)), take)
}
