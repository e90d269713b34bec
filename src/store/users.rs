//! Users, found by mail address.

use crate::domain::access::Role;
use crate::domain::id::UserId;
use crate::domain::user::User;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for User {
    type Key = UserId;
    const TABLE: Table<UserId, User> = tables::USERS;
    const INDEXES: &'static [TableName] = &[tables::USERS_BY_EMAIL.name(), tables::USERS_ACTIVE_ADMINS.name()];

    fn key(&self) -> UserId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        if let Some(email) = &self.email {
            rows.add(&tables::USERS_BY_EMAIL, email);
        }
        if self.role == Role::Admin && self.is_active() {
            rows.add(&tables::USERS_ACTIVE_ADMINS, self.id);
        }
    }
}

/// The address must be in lower case, as it is kept.
pub fn user_by_email(read: &impl Read, email: &str) -> Result<Option<User>> {
    read.find(&tables::USERS_BY_EMAIL, email)
}

pub fn users_active_admins(read: &impl Read, limit: usize) -> Result<Vec<User>> {
    Ok(read.scan(&tables::USERS_ACTIVE_ADMINS, &Span::all(), Take::first(limit))?.items)
}

/// In the order they were created.
pub fn users_all(read: &impl Read, limit: usize) -> Result<Vec<User>> {
    Ok(read.scan_table(&Span::all(), Take::first(limit))?.items)
}
