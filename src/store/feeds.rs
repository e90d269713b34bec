//! Feeds, found by whom they are of and by the link's token; and what schedules gave out through them.

use crate::domain::feed::{Feed, FeedOf, Publication};
use crate::domain::id::{FeedId, ScheduleId};
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Read, Record, Table, Take};
use crate::store::{Result, tables};

impl Record for Feed {
    type Key = FeedId;
    const TABLE: Table<FeedId, Feed> = tables::FEEDS;
    const INDEXES: &'static [TableName] = &[tables::FEEDS_OPEN.name(), tables::FEEDS_BY_TOKEN.name()];

    fn key(&self) -> FeedId {
        self.id
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        if self.revoked_at.is_none() {
            rows.add(&tables::FEEDS_OPEN, (self.of, self.id));
        }
        rows.add(&tables::FEEDS_BY_TOKEN, self.token_hash);
    }
}

impl Record for Publication {
    type Key = ScheduleId;
    const TABLE: Table<ScheduleId, Publication> = tables::PUBLICATIONS;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) -> ScheduleId {
        self.schedule
    }

    fn index_rows(&self, _: &mut IndexRows) {}
}

pub fn feed_by_token(read: &impl Read, token_hash: [u8; 32]) -> Result<Option<Feed>> {
    read.find(&tables::FEEDS_BY_TOKEN, token_hash)
}

/// Those that are not revoked, the oldest first.
pub fn feeds_open_of(read: &impl Read, of: FeedOf, limit: usize) -> Result<Vec<Feed>> {
    Ok(read.scan(&tables::FEEDS_OPEN, &Span::of((of,)), Take::first(limit))?.items)
}

/// Whose they are, as the index has it.
pub fn feeds_open(read: &impl Read, limit: usize) -> Result<Vec<FeedOf>> {
    let keys = read.scan_keys(&tables::FEEDS_OPEN, &Span::all(), Take::first(limit))?.items;
    Ok(keys.into_iter().map(|(of, _)| of).collect())
}
