//! Sequences that people see, such as incident numbers.

use crate::store::engine::TableName;
use crate::store::record::{IndexRows, Read, Record, Table};
use crate::store::{Result, Tx, tables};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Counter {
    pub name: String,
    pub last: u64,
}

impl Record for Counter {
    type Key = String;
    const TABLE: Table<String, Counter> = tables::COUNTERS;
    const INDEXES: &'static [TableName] = &[];

    fn key(&self) -> String {
        self.name.clone()
    }

    fn index_rows(&self, _: &mut IndexRows) {}
}

/// 1, 2, 3 …, without gaps: a refused transaction gives its number back.
pub fn next(tx: &mut Tx<'_>, name: &str) -> Result<u64> {
    let last = tx.get::<Counter>(name)?.map_or(0, |counter| counter.last);
    tx.put(&Counter { name: name.to_owned(), last: last + 1 })?;
    Ok(last + 1)
}
