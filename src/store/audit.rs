//! The audit log in order, and where its chain begins and ends.

use crate::domain::audit::{AuditChain, AuditEntry};
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

impl Record for AuditChain {
    type Key = ();
    const TABLE: Table<(), AuditChain> = tables::AUDIT_CHAIN;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) {}

    fn index_rows(&self, _: &mut IndexRows) {}
}

/// A part of the log, in the order that `take` says.
pub fn audit_entries(read: &impl Read, take: Take) -> Result<Page<AuditEntry>> {
    read.scan_table(&Span::all(), take)
}
