//! Preferences, by the user they are of.

use crate::domain::id::UserId;
use crate::domain::preferences::Preferences;
use crate::store::engine::TableName;
use crate::store::record::{IndexRows, Record, Table};
use crate::store::tables;

impl Record for Preferences {
    type Key = UserId;
    const TABLE: Table<UserId, Preferences> = tables::PREFERENCES;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) -> UserId {
        self.user
    }

    fn index_rows(&self, _: &mut IndexRows) {}
}
