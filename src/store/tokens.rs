//! Personal tokens, found by what they are a digest of and by whose they are.

use crate::domain::id::{ApiTokenId, UserId};
use crate::domain::token::PersonalToken;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for PersonalToken {
    type Key = ApiTokenId;
    const TABLE: Table<ApiTokenId, PersonalToken> = tables::TOKENS;
    const INDEXES: &'static [TableName] = &[tables::TOKENS_BY_HASH.name(), tables::TOKENS_BY_USER.name()];

    fn key(&self) -> ApiTokenId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::TOKENS_BY_HASH, self.token_hash);
        rows.add(&tables::TOKENS_BY_USER, (self.user, self.id));
    }
}

pub fn token_by_hash(read: &impl Read, token_hash: [u8; 32]) -> Result<Option<PersonalToken>> {
    read.find(&tables::TOKENS_BY_HASH, token_hash)
}

/// The oldest first.
pub fn tokens_of(read: &impl Read, user: UserId, limit: usize) -> Result<Vec<PersonalToken>> {
    Ok(read.scan(&tables::TOKENS_BY_USER, &Span::of((user,)), Take::first(limit))?.items)
}
