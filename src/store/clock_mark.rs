//! The last reading of the clock that was saved.

use crate::domain::clock_mark::ClockMark;
use crate::store::engine::TableName;
use crate::store::record::{IndexRows, Record, Table};
use crate::store::tables;

impl Record for ClockMark {
    type Key = ();
    const TABLE: Table<(), ClockMark> = tables::CLOCK_MARK;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) {}

    fn index_rows(&self, _: &mut IndexRows) {}
}
