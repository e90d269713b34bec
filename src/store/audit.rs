//! The audit log, in order.

use crate::domain::audit::AuditEntry;
use crate::domain::id::AuditId;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Page, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for AuditEntry {
    type Key = AuditId;
    const TABLE: Table<AuditId, AuditEntry> = tables::AUDIT;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) -> AuditId {
        self.id
    }

    fn index_rows(&self, _: &mut IndexRows) {}
}

/// The newest first.
pub fn audit_latest(read: &impl Read, take: Take) -> Result<Page<AuditEntry>> {
    read.scan_table(&Span::all(), take)
}
