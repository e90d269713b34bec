//! Calls that named themselves, found by the digest of their key, by whose they are, and by age.

use crate::domain::id::UserId;
use crate::domain::repeat::{Attempt, KEPT_REPEATS, Repeat};
use crate::domain::time::Timestamp;
use crate::store::engine::TableName;
use crate::store::keys::Span;
use crate::store::record::{IndexRows, Read, Record, Table, Take};
use crate::store::{Result, Tx, tables};

impl Record for Repeat {
    type Key = [u8; 32];
    const TABLE: Table<[u8; 32], Repeat> = tables::REPEATS;
    const INDEXES: &'static [TableName] = &[tables::REPEATS_BY_USER.name(), tables::REPEATS_BY_AGE.name()];

    fn key(&self) -> [u8; 32] {
        self.key_hash
    }

    fn index_rows(&self, rows: &mut IndexRows) {
        rows.add(&tables::REPEATS_BY_USER, (self.user, self.seq));
        rows.add(&tables::REPEATS_BY_AGE, (self.at, self.key_hash));
    }
}

/// Writes down that a call began, and drops the one of its person that is past keeping.
pub fn repeat_begin(tx: &mut Tx<'_>, attempt: &Attempt) -> Result<()> {
    let of_user: Span<(UserId, u64)> = Span::of((attempt.user,));
    let last = tx.scan_keys(&tables::REPEATS_BY_USER, &of_user, Take::last(1))?.items.pop();
    let seq = last.map_or(0, |(_, seq)| seq) + 1;
    if seq > KEPT_REPEATS
        && let Some(old) = tx.find(&tables::REPEATS_BY_USER, (attempt.user, seq - KEPT_REPEATS))?
    {
        tx.delete::<Repeat>(old.key_hash)?;
    }
    let begun = attempt.begun(seq, tx.now());
    tx.put(&begun)
}

/// Those that began before an instant, the oldest first.
pub fn repeats_before(read: &impl Read, before: Timestamp, limit: usize) -> Result<Vec<Repeat>> {
    Ok(read.scan(&tables::REPEATS_BY_AGE, &Span::all().before((before,)), Take::first(limit))?.items)
}
