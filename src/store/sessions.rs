//! Web sessions, found by the hash of their cookie.

use crate::domain::id::UserId;
use crate::domain::session::Session;
use crate::domain::time::Timestamp;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Session {
    type Key = [u8; 32];
    const TABLE: Table<[u8; 32], Session> = tables::SESSIONS;
    const INDEXES: &'static [TableName] = &[tables::SESSIONS_BY_USER.name(), tables::SESSIONS_BY_END.name()];

    fn key(&self) -> [u8; 32] {
        self.token_hash
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::SESSIONS_BY_USER, (self.user, self.token_hash));
        rows.add(&tables::SESSIONS_BY_END, (self.ends_at(), self.token_hash));
    }
}

pub fn sessions_of(read: &impl Read, user: UserId, limit: usize) -> Result<Vec<Session>> {
    Ok(read.scan(&tables::SESSIONS_BY_USER, &Span::of((user,)), Take::first(limit))?.items)
}

/// Sessions that ended before an instant.
pub fn sessions_ended(read: &impl Read, before: Timestamp, limit: usize) -> Result<Vec<Session>> {
    Ok(read.scan(&tables::SESSIONS_BY_END, &Span::all().before((before,)), Take::first(limit))?.items)
}
