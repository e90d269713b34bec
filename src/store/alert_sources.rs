//! Alert sources, found by the hash of their key.

use crate::domain::alert_source::AlertSource;
use crate::domain::id::AlertSourceId;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for AlertSource {
    type Key = AlertSourceId;
    const TABLE: Table<AlertSourceId, AlertSource> = tables::ALERT_SOURCES;
    const INDEXES: &'static [TableName] = &[tables::ALERT_SOURCES_BY_KEY.name(), tables::ALERT_SOURCES_BY_NAME.name()];

    fn key(&self) -> AlertSourceId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::ALERT_SOURCES_BY_KEY, self.key_hash);
        rows.add(&tables::ALERT_SOURCES_BY_NAME, self.name.to_lowercase());
    }
}

pub fn alert_source_by_key(read: &impl Read, key_hash: [u8; 32]) -> Result<Option<AlertSource>> {
    read.find(&tables::ALERT_SOURCES_BY_KEY, key_hash)
}

pub fn alert_sources_all(read: &impl Read, limit: usize) -> Result<Vec<AlertSource>> {
    Ok(read.scan_table(&Span::all(), Take::first(limit))?.items)
}
