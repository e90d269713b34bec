//! Heartbeats, found by their name within a source and by the token of their ping address.

use crate::domain::heartbeat::Heartbeat;
use crate::domain::id::{AlertSourceId, HeartbeatId};
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Page, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Heartbeat {
    type Key = HeartbeatId;
    const TABLE: Table<HeartbeatId, Heartbeat> = tables::HEARTBEATS;
    const INDEXES: &'static [TableName] = &[tables::HEARTBEATS_BY_NAME.name(), tables::HEARTBEATS_BY_TOKEN.name()];

    fn key(&self) -> HeartbeatId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::HEARTBEATS_BY_NAME, (self.source, self.name.to_lowercase()));
        rows.add(&tables::HEARTBEATS_BY_TOKEN, self.token_hash);
    }
}

pub fn heartbeat_by_name(read: &impl Read, source: AlertSourceId, name: &str) -> Result<Option<Heartbeat>> {
    read.find(&tables::HEARTBEATS_BY_NAME, (source, name.to_lowercase()))
}

pub fn heartbeat_by_token(read: &impl Read, token_hash: [u8; 32]) -> Result<Option<Heartbeat>> {
    read.find(&tables::HEARTBEATS_BY_TOKEN, token_hash)
}

/// In the order they were made.
pub fn heartbeats_all(read: &impl Read, take: Take) -> Result<Page<Heartbeat>> {
    read.scan_table(&Span::all(), take)
}
