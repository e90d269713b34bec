//! Teams, with unique names.

use crate::domain::id::TeamId;
use crate::domain::team::Team;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Team {
    type Key = TeamId;
    const TABLE: Table<TeamId, Team> = tables::TEAMS;
    const INDEXES: &'static [TableName] = &[tables::TEAMS_BY_NAME.name()];

    fn key(&self) -> TeamId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::TEAMS_BY_NAME, self.name.to_lowercase());
    }
}

pub fn teams_all(read: &impl Read, limit: usize) -> Result<Vec<Team>> {
    Ok(read.scan_table(&Span::all(), Take::first(limit))?.items)
}
