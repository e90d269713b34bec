//! Incidents and the ways to find them.

use crate::domain::id::{AlertSourceId, IncidentId};
use crate::domain::incident::{Incident, IncidentDetails, Status};
use crate::domain::time::Timestamp;
use crate::store::counters;
use crate::store::engine::TableName;
use crate::store::keys::{self, Newest, Span};
use crate::store::record::{Cursor, IndexRows, Page, Read, Record, Table, Take};
use crate::store::{Result, Tx, tables};

impl Record for Incident {
    type Key = IncidentId;
    const TABLE: Table<IncidentId, Incident> = tables::INCIDENTS;
    const INDEXES: &'static [TableName] = &[
        tables::INCIDENTS_OPEN_BY_EXTERNAL_ID.name(),
        tables::INCIDENTS_CLOSED_BY_EXTERNAL_ID.name(),
        tables::INCIDENTS_BY_NUMBER.name(),
        tables::INCIDENTS_BY_STATUS.name(),
    ];

    fn key(&self) -> IncidentId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        let newest = Newest(self.created_at);
        match self.resolved_at {
            None => rows.add(&tables::INCIDENTS_OPEN_BY_EXTERNAL_ID, (self.source, &self.external_id)),
            Some(at) => {
                let key = (self.source, &self.external_id, Newest(at), self.id);
                rows.add(&tables::INCIDENTS_CLOSED_BY_EXTERNAL_ID, key);
            }
        }
        rows.add(&tables::INCIDENTS_BY_NUMBER, self.number);
        rows.add(&tables::INCIDENTS_BY_STATUS, (self.status, newest, self.id));
    }
}

impl Record for IncidentDetails {
    type Key = IncidentId;
    const TABLE: Table<IncidentId, IncidentDetails> = tables::INCIDENT_DETAILS;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) -> IncidentId {
        self.incident
    }

    fn index_rows(&self, _: &mut IndexRows) {}
}

/// The one unresolved incident of an alert.
pub fn incident_open(read: &impl Read, source: AlertSourceId, external_id: &str) -> Result<Option<Incident>> {
    read.find(&tables::INCIDENTS_OPEN_BY_EXTERNAL_ID, (source, external_id))
}

/// The last resolved incident of an alert.
pub fn incident_last_closed(read: &impl Read, source: AlertSourceId, external_id: &str) -> Result<Option<Incident>> {
    let span = Span::of((source, external_id));
    Ok(read.scan(&tables::INCIDENTS_CLOSED_BY_EXTERNAL_ID, &span, Take::first(1))?.items.pop())
}

pub fn incident_by_number(read: &impl Read, number: u64) -> Result<Option<Incident>> {
    read.find(&tables::INCIDENTS_BY_NUMBER, number)
}

/// The newest of one status.
pub fn incidents_with_status(read: &impl Read, status: Status, take: Take) -> Result<Page<Incident>> {
    read.scan(&tables::INCIDENTS_BY_STATUS, &Span::of((status,)), take)
}

/// As [`incidents_with_status`], of those that were opened at `since` or later and before `until`.
pub fn incidents_between(
    read: &impl Read,
    status: Status,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    take: Take,
) -> Result<Page<Incident>> {
    // The newest come first, so the span begins at its end.
    let mut span = Span::of((status,));
    if let Some(until) = until {
        span = span.from((status, Newest(until.plus_secs(-1))));
    }
    if let Some(since) = since {
        span = span.through((status, Newest(since)));
    }
    read.scan(&tables::INCIDENTS_BY_STATUS, &span, take)
}

/// Where an incident stands, or would stand, among those of a status: for a list that goes on there.
pub fn incident_place(status: Status, created_at: Timestamp, id: IncidentId) -> Cursor {
    Cursor(keys::encode(&(status, Newest(created_at), id)))
}

/// How many there are of one status, counted up to `limit`.
pub fn incidents_count(read: &impl Read, status: Status, limit: usize) -> Result<usize> {
    Ok(read.scan_keys(&tables::INCIDENTS_BY_STATUS, &Span::of((status,)), Take::first(limit))?.items.len())
}

/// The next incident number. Its own sequence, so that people see no gaps.
pub fn incident_number_next(tx: &mut Tx<'_>) -> Result<u64> {
    counters::next(tx, "incident_number")
}
