//! Deliveries and their wheel, which holds only those to which something must still happen.

use crate::domain::delivery::{Delivery, DeliveryRing};
use crate::domain::id::{DeliveryId, IncidentId, UserId};
use crate::domain::time::Timestamp;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Page, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Delivery {
    type Key = DeliveryId;
    const TABLE: Table<DeliveryId, Delivery> = tables::DELIVERIES;
    const INDEXES: &'static [TableName] = &[
        tables::DELIVERIES_WHEEL.name(),
        tables::DELIVERIES_BY_INCIDENT.name(),
        tables::DELIVERIES_OPEN_BY_USER.name(),
        tables::DELIVERIES_TOLD_BY_USER.name(),
    ];

    fn key(&self) -> DeliveryId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        if let Some(incident) = self.incident {
            rows.add(&tables::DELIVERIES_BY_INCIDENT, (incident, self.id));
        } else {
            rows.add(&tables::DELIVERIES_TOLD_BY_USER, (self.user, self.id));
        }
        if let Some((ring, due)) = self.wheel() {
            rows.add(&tables::DELIVERIES_WHEEL, (ring, due, self.id));
            rows.add(&tables::DELIVERIES_OPEN_BY_USER, (self.user, self.id));
        }
    }
}

/// What is due, the oldest first.
pub fn deliveries_due(read: &impl Read, ring: DeliveryRing, now: Timestamp, take: Take) -> Result<Page<Delivery>> {
    read.scan(&tables::DELIVERIES_WHEEL, &Span::of((ring,)).through((ring, now)), take)
}

/// When the first delivery of a ring is due.
pub fn delivery_next_due(read: &impl Read, ring: DeliveryRing) -> Result<Option<Timestamp>> {
    let keys = read.scan_keys(&tables::DELIVERIES_WHEEL, &Span::of((ring,)), Take::first(1))?.items;
    Ok(keys.first().map(|(_, due, _)| *due))
}

/// How many deliveries of a ring wait, counted up to `limit`.
pub fn deliveries_count(read: &impl Read, ring: DeliveryRing, limit: usize) -> Result<usize> {
    Ok(read.scan_keys(&tables::DELIVERIES_WHEEL, &Span::of((ring,)), Take::first(limit))?.items.len())
}

/// Everything that waits, due or not, in both rings.
pub fn deliveries_waiting(read: &impl Read, take: Take) -> Result<Page<Delivery>> {
    read.scan(&tables::DELIVERIES_WHEEL, &Span::all(), take)
}

/// The newest first.
pub fn deliveries_of(read: &impl Read, incident: IncidentId, limit: usize) -> Result<Vec<Delivery>> {
    Ok(read.scan(&tables::DELIVERIES_BY_INCIDENT, &Span::of((incident,)), Take::last(limit))?.items)
}

/// The same a page at a time, the oldest first.
pub fn deliveries_planned(read: &impl Read, incident: IncidentId, take: Take) -> Result<Page<Delivery>> {
    read.scan(&tables::DELIVERIES_BY_INCIDENT, &Span::of((incident,)), take)
}

/// As [`deliveries_of`], of those that were planned since this id.
pub fn deliveries_since(
    read: &impl Read,
    incident: IncidentId,
    first: DeliveryId,
    limit: usize,
) -> Result<Vec<Delivery>> {
    let span = Span::of((incident,)).from((incident, first));
    Ok(read.scan(&tables::DELIVERIES_BY_INCIDENT, &span, Take::last(limit))?.items)
}

/// How many of an incident were planned, up to and with this one, counted up to `limit`.
pub fn deliveries_through(read: &impl Read, incident: IncidentId, delivery: DeliveryId, limit: usize) -> Result<usize> {
    let span = Span::of((incident,)).through((incident, delivery));
    Ok(read.scan_keys(&tables::DELIVERIES_BY_INCIDENT, &span, Take::first(limit))?.items.len())
}

/// Of all, about incidents or not, the newest first.
pub fn deliveries_newest(read: &impl Read, limit: usize) -> Result<Vec<Delivery>> {
    Ok(read.scan_table(&Span::all(), Take::last(limit))?.items)
}

/// What has not left yet, of one person.
pub fn deliveries_open_of_user(read: &impl Read, user: UserId, limit: usize) -> Result<Vec<Delivery>> {
    Ok(read.scan(&tables::DELIVERIES_OPEN_BY_USER, &Span::of((user,)), Take::first(limit))?.items)
}

/// Messages to one person that are about no incident, the newest first.
pub fn deliveries_told(read: &impl Read, user: UserId, limit: usize) -> Result<Vec<Delivery>> {
    Ok(read.scan(&tables::DELIVERIES_TOLD_BY_USER, &Span::of((user,)), Take::last(limit))?.items)
}
