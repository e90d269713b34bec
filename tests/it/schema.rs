//! The stored formats, as golden files in `schema/`: what a change of them has to change, too.
//!
//! The samples of every record go into a store in memory the usual way; then its rows are read as bytes, index
//! rows included. `schema/records/<table>.v<version>.txt` is what the records say, the `.hex` beside it the rows:
//! table or index, key, value. `UPDATE_GOLDEN=1` rewrites them; schema/README.md says when that is right.

mod samples;

use pagerpal::app::{Lane, Write};
use pagerpal::clock::ScriptedClock;
use pagerpal::domain::time::Timestamp;
use pagerpal::random::ScriptedRandom;
use pagerpal::store::engine::{Direction, KeyRange, TableName};
use pagerpal::store::tables::RECORDS;
use pagerpal::store::{FORMAT, Read, Record, Rows, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::{env, fs};

#[test]
fn stored_records_are_as_published() {
    let mut goldens = Goldens::default();
    goldens.record(samples::incidents());
    goldens.record(samples::incident_details());
    goldens.record(samples::timeline());
    goldens.record(samples::timers());
    goldens.record(samples::notifications());
    goldens.record(samples::deliveries());
    goldens.record(samples::passes());
    goldens.record(samples::ledgers());
    goldens.record(samples::channel_trouble());
    goldens.record(samples::users());
    goldens.record(samples::preferences());
    goldens.record(samples::teams());
    goldens.record(samples::calendars::schedules());
    goldens.record(samples::calendars::entries());
    goldens.record(samples::calendars::overrides());
    goldens.record(samples::calendars::imports());
    goldens.record(samples::calendars::import_copies());
    goldens.record(samples::calendars::feeds());
    goldens.record(samples::calendars::publications());
    goldens.record(samples::policies());
    goldens.record(samples::alert_sources());
    goldens.record(samples::heartbeats());
    goldens.record(samples::maintenance());
    goldens.record(samples::source_events());
    goldens.record(samples::replays());
    goldens.record(samples::surges());
    goldens.record(samples::storm_lines());
    goldens.record(samples::sessions());
    goldens.record(samples::invitations());
    goldens.record(samples::tokens());
    goldens.record(samples::repeats());
    goldens.record(samples::audit_entries());
    goldens.record(samples::audit_chains());
    goldens.record(samples::counters());
    goldens.record(samples::clock_marks());

    let published: BTreeSet<TableName> = RECORDS.iter().map(|kind| kind.table).collect();
    assert_eq!(goldens.tables, published, "every record of tables.rs has a sample here");
    assert_eq!(RECORDS.len(), published.len());
    goldens.accept_or_compare("schema/records");
}

#[test]
fn tables_and_indexes_are_as_published() {
    let mut list = format!("format {FORMAT}\n");
    for kind in RECORDS {
        let _ = writeln!(list, "\n{} v{}", kind.table.0, kind.version.0);
        for index in kind.indexes {
            let _ = writeln!(list, "  {}", index.0);
        }
    }
    let mut goldens = Goldens::default();
    goldens.files.insert("tables.txt".into(), list);
    goldens.accept_or_compare("schema");
}

/// What should be published, by file name.
#[derive(Default)]
struct Goldens {
    files: BTreeMap<String, String>,
    tables: BTreeSet<TableName>,
}

impl Goldens {
    fn record<R: Record + Clone + Debug + Send>(&mut self, samples: Vec<R>) {
        let kind = RECORDS.iter().find(|kind| kind.table == R::TABLE.name()).expect("a table of tables.rs");
        let store = Store::in_memory(Arc::new(ScriptedClock::at(Timestamp::MIN)), Arc::new(ScriptedRandom::new(1)));
        let written = samples.clone();
        let put = move |tx: &mut Write<'_>| written.iter().try_for_each(|sample| tx.put(sample));
        store.write::<(), StoreError>(Lane::People, put).expect("samples do not conflict");
        assert!(store.verify().expect("a store in memory").is_well());

        let name = |ending: &str| format!("{}.v{}.{ending}", kind.table.0, kind.version.0);
        let said = |sample: &R| {
            let read = store.read(|tx| tx.get::<R>(sample.key()));
            let read = read.unwrap_or_else(|error: StoreError| panic!("{error}")).expect("it was just written");
            let said = format!("{read:#?}\n");
            assert_eq!(said, format!("{sample:#?}\n"), "what is read is what was written");
            said
        };
        let said: Vec<String> = samples.iter().map(said).collect();
        self.files.insert(name("txt"), said.join("\n"));
        let mut rows = String::new();
        for table in [kind.table].iter().chain(kind.indexes) {
            let before = rows.len();
            write_rows(&store, *table, &mut rows);
            assert!(rows.len() > before, "no sample has a row in {}", table.0);
        }
        self.files.insert(name("hex"), rows);
        self.tables.insert(kind.table);
    }

    fn accept_or_compare(self, folder: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut differing = Vec::new();
        for (name, now) in &self.files {
            let path = folder.join(name);
            if env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&path, now).expect("schema/ can be written");
            } else if fs::read_to_string(&path).unwrap_or_default() != *now {
                differing.push(path.display().to_string());
            }
        }
        assert!(
            differing.is_empty(),
            "A stored format has changed, so existing databases would not be read any more. If that is meant, \
             schema/README.md says what belongs to it; `cargo xtask schema` rewrites:\n{}",
            differing.join("\n")
        );
    }
}

fn write_rows(store: &Store, table: TableName, out: &mut String) {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let read = store.read_tx().expect("a store in memory");
    let mut line = |key: &[u8], value: &[u8]| {
        let _ = writeln!(out, "{} {} {}", table.0, hex(key), hex(value));
        ControlFlow::Continue(())
    };
    read.raw_scan(table, &KeyRange::all(), Direction::Ascending, &mut line).expect("a store in memory");
}
