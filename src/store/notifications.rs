//! Notifications, found by their incident.

use crate::domain::id::{IncidentId, NotificationId};
use crate::domain::notification::Notification;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Page, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Notification {
    type Key = NotificationId;
    const TABLE: Table<NotificationId, Notification> = tables::NOTIFICATIONS;
    const INDEXES: &'static [TableName] = &[tables::NOTIFICATIONS_BY_INCIDENT.name()];

    fn key(&self) -> NotificationId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        if let Some(incident) = self.incident {
            rows.add(&tables::NOTIFICATIONS_BY_INCIDENT, (incident, self.id));
        }
    }
}

/// The newest first.
pub fn notifications_of(read: &impl Read, incident: IncidentId, limit: usize) -> Result<Vec<Notification>> {
    Ok(notifications_page(read, incident, Take::last(limit))?.items)
}

pub fn notifications_page(read: &impl Read, incident: IncidentId, take: Take) -> Result<Page<Notification>> {
    read.scan(&tables::NOTIFICATIONS_BY_INCIDENT, &Span::of((incident,)), take)
}
