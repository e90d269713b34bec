//! What passed between us and each number lately, and when admins last heard of each channel's trouble.

use crate::domain::throttle::{ChannelTrouble, Ledger};
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Page, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Ledger {
    type Key = String;
    const TABLE: Table<String, Ledger> = tables::LEDGERS;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) -> String {
        self.number.clone()
    }

    fn index_rows(&self, _: &mut IndexRows) {}
}

/// All of them, by number.
pub fn ledgers_all(read: &impl Read, take: Take) -> Result<Page<Ledger>> {
    read.scan_table(&Span::all(), take)
}

impl Record for ChannelTrouble {
    type Key = String;
    const TABLE: Table<String, ChannelTrouble> = tables::CHANNEL_TROUBLE;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) -> String {
        self.channel.word().to_owned()
    }

    fn index_rows(&self, _: &mut IndexRows) {}
}
