//! What a commit has changed, for watchers who want to know what it was about.

use crate::store::codec;
use crate::store::engine::Changes;
use crate::store::keys;
use crate::store::record::Record;

/// Borrowed by watchers while they are told, on the write thread: look and return.
pub struct Changed<'a>(&'a Changes);

impl<'a> Changed<'a> {
    pub(super) fn new(changes: &'a Changes) -> Changed<'a> {
        Changed(changes)
    }

    /// The records of one kind that were written, as they are now.
    pub fn written<R: Record>(&self) -> impl Iterator<Item = R> {
        let rows = self.rows::<R>().filter_map(|(key, value)| Some((key, value?)));
        // What was just written reads; if it ever does not, reading it from the store will say so where it matters.
        rows.filter_map(|(key, value)| codec::decode(R::TABLE.name(), key, R::TABLE.version(), value).ok())
    }

    /// The keys of the records of one kind that were written or removed.
    pub fn keys<R: Record>(&self) -> impl Iterator<Item = R::Key> {
        self.rows::<R>().filter_map(|(key, _)| keys::decode(key))
    }

    /// Whether a record of this kind was written or removed.
    pub fn touches<R: Record>(&self) -> bool {
        self.rows::<R>().next().is_some()
    }

    fn rows<R: Record>(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a, R> {
        let tables = self.0.tables().filter(|(table, _)| *table == R::TABLE.name());
        tables.flat_map(|(_, rows)| rows.iter().map(|(key, value)| (key.as_slice(), value.as_deref())))
    }
}
