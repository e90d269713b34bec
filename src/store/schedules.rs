//! Schedules, found by their team.

use crate::domain::id::{ScheduleId, TeamId};
use crate::domain::schedule::Schedule;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Schedule {
    type Key = ScheduleId;
    const TABLE: Table<ScheduleId, Schedule> = tables::SCHEDULES;
    const INDEXES: &'static [TableName] = &[tables::SCHEDULES_BY_NAME.name(), tables::SCHEDULES_BY_TEAM.name()];

    fn key(&self) -> ScheduleId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::SCHEDULES_BY_NAME, self.name.to_lowercase());
        rows.add(&tables::SCHEDULES_BY_TEAM, (self.team, self.id));
    }
}

pub fn schedules_all(read: &impl Read, limit: usize) -> Result<Vec<Schedule>> {
    Ok(read.scan_table(&Span::all(), Take::first(limit))?.items)
}

pub fn schedules_of_team(read: &impl Read, team: TeamId, limit: usize) -> Result<Vec<ScheduleId>> {
    let keys = read.scan_keys(&tables::SCHEDULES_BY_TEAM, &Span::of((team,)), Take::first(limit))?.items;
    Ok(keys.into_iter().map(|(_, schedule)| schedule).collect())
}
