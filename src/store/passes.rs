//! Passes, found by the link's token and by a person's code.

use crate::domain::id::{IncidentId, UserId};
use crate::domain::pass::Pass;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Page, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Pass {
    type Key = (IncidentId, UserId);
    const TABLE: Table<(IncidentId, UserId), Pass> = tables::PASSES;
    const INDEXES: &'static [TableName] = &[tables::PASSES_BY_TOKEN.name(), tables::PASSES_BY_CODE.name()];

    fn key(&self) -> (IncidentId, UserId) {
        (self.incident, self.user)
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::PASSES_BY_TOKEN, self.token_hash);
        rows.add(&tables::PASSES_BY_CODE, (self.user, &self.code));
    }
}

pub fn pass_by_token(read: &impl Read, token_hash: [u8; 32]) -> Result<Option<Pass>> {
    read.find(&tables::PASSES_BY_TOKEN, token_hash)
}

/// The code in upper case, as it is kept.
pub fn pass_by_code(read: &impl Read, user: UserId, code: &str) -> Result<Option<Pass>> {
    read.find(&tables::PASSES_BY_CODE, (user, code))
}

/// All passes of one person, in the order of their codes.
pub fn passes_of_user(read: &impl Read, user: UserId, take: Take) -> Result<Page<Pass>> {
    read.scan(&tables::PASSES_BY_CODE, &Span::of((user,)), take)
}
