//! Invitations, found by whom they are for and by the link's token.

use crate::domain::id::UserId;
use crate::domain::invitation::Invitation;
use crate::store::engine::TableName;
use crate::store::record::{IndexRows, Read, Record, Table};
use crate::store::{Result, tables};

impl Record for Invitation {
    type Key = UserId;
    const TABLE: Table<UserId, Invitation> = tables::INVITATIONS;
    const INDEXES: &'static [TableName] = &[tables::INVITATIONS_BY_TOKEN.name()];

    fn key(&self) -> UserId {
        self.user
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::INVITATIONS_BY_TOKEN, self.token_hash);
    }
}

pub fn invitation_by_token(read: &impl Read, token_hash: [u8; 32]) -> Result<Option<Invitation>> {
    read.find(&tables::INVITATIONS_BY_TOKEN, token_hash)
}
