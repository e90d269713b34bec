//! What alert sources sent lately, and the answers to requests that name themselves.

use crate::domain::id::AlertSourceId;
use crate::domain::source_event::{KEPT_EVENTS, Replay, SourceEvent};
use crate::domain::time::Timestamp;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Read, Record, Table, Take};
use crate::store::{Result, Tx, tables};

impl Record for SourceEvent {
    type Key = (AlertSourceId, u64);
    const TABLE: Table<(AlertSourceId, u64), SourceEvent> = tables::SOURCE_EVENTS;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) -> (AlertSourceId, u64) {
        (self.source, self.seq)
    }

    fn index_rows(&self, _: &mut IndexRows) {}
}

impl Record for Replay {
    type Key = (AlertSourceId, String);
    const TABLE: Table<(AlertSourceId, String), Replay> = tables::REPLAYS;
    const INDEXES: &'static [TableName] = &[tables::REPLAYS_BY_AGE.name()];

    fn key(&self) -> (AlertSourceId, String) {
        (self.source, self.delivery_id.clone())
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::REPLAYS_BY_AGE, (self.at, self.source, &self.delivery_id));
    }
}

/// The newest first.
pub fn source_events(read: &impl Read, source: AlertSourceId, limit: usize) -> Result<Vec<SourceEvent>> {
    Ok(read.scan_table(&Span::of((source,)), Take::last(limit))?.items)
}

/// Adds one and drops the one that is past keeping; a mere repeat is counted on the last one. `seq` is given here.
pub fn source_event_add(tx: &mut Tx<'_>, mut event: SourceEvent) -> Result<()> {
    let mut last_seq = 0;
    if let Some(mut last) = source_events(tx, event.source, 1)?.pop() {
        if last.is_repeated_by(&event) {
            last.repeats += 1;
            last.last_at = event.at;
            return tx.put(&last);
        }
        last_seq = last.seq;
    }
    event.seq = last_seq + 1;
    if event.seq > KEPT_EVENTS {
        tx.delete::<SourceEvent>((event.source, event.seq - KEPT_EVENTS))?;
    }
    tx.put(&event)
}

/// Replays recorded before an instant, the oldest first.
pub fn replays_before(read: &impl Read, before: Timestamp, limit: usize) -> Result<Vec<Replay>> {
    Ok(read.scan(&tables::REPLAYS_BY_AGE, &Span::all().before((before,)), Take::first(limit))?.items)
}
