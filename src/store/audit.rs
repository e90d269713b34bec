//! The audit log, in order.

use crate::domain::audit::AuditEntry;
use crate::domain::id::AuditId;
use crate::store::engine::TableName;
use crate::store::record::{IndexRows, Record, Table};
use crate::store::tables;

impl Record for AuditEntry {
    type Key = AuditId;
    const TABLE: Table<AuditId, AuditEntry> = tables::AUDIT;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) -> AuditId {
        self.id
    }

    fn index_rows(&self, _: &mut IndexRows) {}
}
