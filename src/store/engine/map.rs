//! The engine in memory: for tests, the simulation, and as proof that the seam has two sides.
//!
//! A table is a map of chunks of at most [`CHUNK`] rows behind counted pointers. A snapshot holds pointers to the state
//! it shows; a commit copies the spine and the chunks it touches and shares the rest, so neither costs the whole table.
//! Nothing survives the process.

use super::{Changes, Direction, Engine, Error, KeyRange, Result, Snapshot, TableName, Visit};
use std::any::Any;
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::{Arc, Mutex, PoisonError};

const CHUNK: usize = 128;

#[derive(Default)]
pub struct MapEngine {
    state: Mutex<Arc<State>>,
}

#[derive(Clone, Default)]
struct State {
    tables: BTreeMap<TableName, Table>,
}

type Row = (Arc<[u8]>, Arc<[u8]>);

/// Each chunk under the lowest key it may hold; the first lies under the empty key.
#[derive(Clone, Default)]
struct Table {
    chunks: BTreeMap<Arc<[u8]>, Arc<Vec<Row>>>,
}

struct MapSnapshot(Arc<State>);

impl Engine for MapEngine {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(MapSnapshot(Arc::clone(&state))))
    }

    fn commit(&self, read_from: &dyn Snapshot, changes: &Changes) -> Result<()> {
        let read_from: &dyn Any = read_from;
        let read_from = read_from.downcast_ref::<MapSnapshot>().expect("an engine is given back its own snapshots");
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&state, &read_from.0) {
            return Err(Error::Stale);
        }
        let mut next = State::clone(&state);
        for (name, rows) in changes.tables() {
            let table = next.tables.entry(name).or_default();
            for (key, value) in rows {
                match value {
                    Some(value) => table.set(key, value),
                    None => table.remove(key),
                }
            }
        }
        *state = Arc::new(next);
        Ok(())
    }
}

impl Snapshot for MapSnapshot {
    fn get(&self, table: TableName, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0.tables.get(&table).and_then(|table| table.get(key)).map(<[u8]>::to_vec))
    }

    fn scan(&self, table: TableName, range: &KeyRange, direction: Direction, visit: &mut Visit<'_>) -> Result<()> {
        if let Some(table) = self.0.tables.get(&table)
            && !range.is_empty()
        {
            // The visitor's wish to stop is all that comes back.
            let _ = table.scan(range, direction, visit);
        }
        Ok(())
    }
}

impl Table {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let (_, chunk) = self.chunks.range::<[u8], _>(up_to(key)).next_back()?;
        find(chunk, key).ok().map(|at| &*chunk[at].1)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) {
        if self.chunks.is_empty() {
            self.chunks.insert(Arc::from([]), Arc::default());
        }
        let (_, chunk) =
            self.chunks.range_mut::<[u8], _>(up_to(key)).next_back().expect("the first lies under the empty key");
        let rows = Arc::make_mut(chunk);
        match find(rows, key) {
            Ok(at) => rows[at].1 = value.into(),
            Err(at) => rows.insert(at, (key.into(), value.into())),
        }
        if rows.len() > CHUNK {
            let upper = rows.split_off(CHUNK / 2);
            self.chunks.insert(Arc::clone(&upper[0].0), Arc::new(upper));
        }
    }

    fn remove(&mut self, key: &[u8]) {
        let Some((lowest, chunk)) = self.chunks.range_mut::<[u8], _>(up_to(key)).next_back() else { return };
        if let Ok(at) = find(chunk, key) {
            Arc::make_mut(chunk).remove(at);
            if chunk.is_empty() && !lowest.is_empty() {
                let lowest = Arc::clone(lowest);
                self.chunks.remove(&lowest);
            }
        }
    }

    fn scan(&self, range: &KeyRange, direction: Direction, visit: &mut Visit<'_>) -> ControlFlow<()> {
        // The range begins somewhere inside the last chunk that lies at or below its start.
        let first = self.chunks.range::<[u8], _>(up_to(&range.start)).next_back();
        let first: &[u8] = first.map_or(&[], |(lowest, _)| lowest);
        let within = KeyRange { start: first.to_vec(), end: range.end.clone() };
        let chunks = self.chunks.range::<[u8], _>(within.bounds()).map(|(_, chunk)| {
            let start = chunk.partition_point(|(key, _)| **key < *range.start);
            let end = range.end.as_deref().map_or(chunk.len(), |end| chunk.partition_point(|(key, _)| **key < *end));
            &chunk[start..end]
        });
        match direction {
            Direction::Ascending => chunks.flatten().try_for_each(|(key, value)| visit(key, value)),
            Direction::Descending => {
                chunks.rev().flat_map(|rows| rows.iter().rev()).try_for_each(|(key, value)| visit(key, value))
            }
        }
    }
}

fn up_to(key: &[u8]) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (Bound::Unbounded, Bound::Included(key))
}

fn find(rows: &[Row], key: &[u8]) -> std::result::Result<usize, usize> {
    rows.binary_search_by(|(candidate, _)| (**candidate).cmp(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::engine::conformance;

    #[test]
    fn the_map_engine_keeps_the_promises_of_the_seam() {
        conformance::check(&mut || Box::new(MapEngine::default()));
    }
}
