//! Escalation policies, with unique names.

use crate::domain::id::PolicyId;
use crate::domain::policy::Policy;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Policy {
    type Key = PolicyId;
    const TABLE: Table<PolicyId, Policy> = tables::POLICIES;
    const INDEXES: &'static [TableName] = &[tables::POLICIES_BY_NAME.name()];

    fn key(&self) -> PolicyId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::POLICIES_BY_NAME, self.name.to_lowercase());
    }
}

pub fn policies_all(read: &impl Read, limit: usize) -> Result<Vec<Policy>> {
    Ok(read.scan_table(&Span::all(), Take::first(limit))?.items)
}
