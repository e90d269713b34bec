//! What passed between us and each number lately, and when admins last heard of each channel's trouble.

use crate::domain::throttle::{ChannelTrouble, Ledger};
use crate::store::engine::TableName;
use crate::store::record::{IndexRows, Record, Table};
use crate::store::tables;

impl Record for Ledger {
    type Key = String;
    const TABLE: Table<String, Ledger> = tables::LEDGERS;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) -> String {
        self.number.clone()
    }

    fn index_rows(&self, _: &mut IndexRows) {}
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
