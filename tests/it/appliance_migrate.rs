//! A database of an earlier format, brought up to date.
//!
//! The earlier database is made of the published bytes of that format (`schema/records/*.v1.hex`), which never change
//! again once the version is released: every record type has rows in it.

use clap::Parser;
use flate2::Compression;
use flate2::write::GzEncoder;
use pagerpal::app::backups;
use pagerpal::cli::{self, Arguments, Exit};
use pagerpal::clock::ScriptedClock;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::throttle::ChannelTrouble;
use pagerpal::domain::time::Timestamp;
use pagerpal::random::ScriptedRandom;
use pagerpal::store::backup::Reader;
use pagerpal::store::codec::{Version, encode};
use pagerpal::store::engine::redb::RedbEngine;
use pagerpal::store::engine::{Changes, Engine, TableName};
use pagerpal::store::tables::RECORDS;
use pagerpal::store::{FORMAT, Read as _, Store, StoreError, rebuild};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const LINEAGE: &str = "oldlines";
const NEXT_ID: u64 = 4711;

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |place| u8::from_str_radix(&hex[place..place + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// The rows of format 1, record types and indexes alike.
fn rows_of_format_1() -> Changes {
    let mut rows = Changes::default();
    let meta = TableName("meta");
    let mut set = |key: &[u8], value: Vec<u8>| rows.set(meta, key.to_vec(), value);
    set(b"format", encode(meta, b"format", Version(1), &1u32).expect("small"));
    set(b"lineage", encode(meta, b"lineage", Version(1), &LINEAGE).expect("small"));
    set(b"next_id", encode(meta, b"next_id", Version(1), &NEXT_ID).expect("small"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/records");
    let mut files = 0;
    for kind in RECORDS {
        let path = folder.join(format!("{}.v1.hex", kind.table.0));
        // A record that came later has no first version here.
        let Ok(text) = fs::read_to_string(path) else { continue };
        files += 1;
        for line in text.lines() {
            let mut words = line.split(' ');
            let (name, key, value) =
                (words.next().expect("a table"), words.next().expect("a key"), words.next().expect("a value"));
            let tables = RECORDS.iter().flat_map(|kind| [kind.table].into_iter().chain(kind.indexes.iter().copied()));
            let table = tables.into_iter().find(|table| table.0 == name).expect("a table that is known");
            rows.set(table, bytes(key), bytes(value));
        }
    }
    assert!(files > 25, "{files} files");
    rows
}

/// A data directory with a database of format 1, changed by the test.
pub fn old(change: impl FnOnce(&mut Changes)) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pagerpal.redb");
    let mut rows = rows_of_format_1();
    change(&mut rows);
    RedbEngine::create(&path, |new| new.commit(&*new.snapshot()?, &rows)).expect("a file");
    (folder, path)
}

/// What the first version wrote as a backup of those rows.
fn backup_of_format_1() -> Vec<u8> {
    let rows = rows_of_format_1();
    let records = |table: TableName| {
        let of_table = rows.tables().find(|(name, _)| *name == table).map(|(_, rows)| rows);
        of_table.into_iter().flatten().filter_map(|(key, value)| Some((key, value.as_ref()?))).collect::<Vec<_>>()
    };
    let kinds: Vec<_> = RECORDS.iter().filter(|kind| kind.table.0 != "sessions").collect();
    let tables: Vec<_> = kinds
        .iter()
        .map(|kind| {
            let bytes: usize = records(kind.table).iter().map(|(key, value)| key.len() + value.len()).sum();
            let count = records(kind.table).len();
            serde_json::json!({"name": kind.table.0, "version": 1, "records": count, "bytes": bytes})
        })
        .collect();
    let head = serde_json::json!({
        "format": 1, "program": "0.1.0", "lineage": LINEAGE, "taken_at": 1_800_000_000, "next_id": NEXT_ID,
        "tables": tables,
    });
    let sized = |out: &mut Vec<u8>, bytes: &[u8]| {
        out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        out.extend_from_slice(bytes);
    };
    let mut plain = b"pagerpal backup 1\n".to_vec();
    sized(&mut plain, head.to_string().as_bytes());
    for (place, kind) in kinds.iter().enumerate() {
        for (key, value) in records(kind.table) {
            plain.extend_from_slice(&[b'R', place as u8]);
            sized(&mut plain, key);
            sized(&mut plain, value);
        }
    }
    plain.push(b'E');
    let digest = pagerpal::app::sha256(&plain);
    plain.extend_from_slice(&digest);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&plain).expect("memory");
    packed.finish().expect("memory")
}

#[test]
fn a_backup_of_the_first_format_is_restored_into_this_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let backup = folder.path().join("old.backup");
    fs::write(&backup, backup_of_format_1()).expect("a file");
    let head = backups::head(fs::File::open(&backup).expect("there")).expect("a backup");
    assert_eq!((head.format, head.lineage.as_str()), (1, LINEAGE));
    let path = folder.path().join("pagerpal.redb");
    let store = {
        let mut reader = Reader::open(fs::File::open(&backup).expect("there"), RECORDS).expect("a backup");
        rebuild::restore(&mut reader, RECORDS, &path, &ScriptedRandom::new(2), &mut |_| true).expect("restored");
        open(&path)
    };
    let found = store.verify().expect("a verdict");
    assert_eq!((found.problems, found.records), (vec![], head.records()));
    let sms = store.read(|read| read.get::<ChannelTrouble>("sms")).expect("reads").expect("there");
    assert_eq!(sms.why, "");
}

fn run(data_dir: &Path, words: &[&str]) -> Exit {
    let directory = data_dir.to_str().expect("a plain path");
    let typed = [&["pagerpal", "--data-dir", directory], words].concat();
    cli::run(Arguments::try_parse_from(typed).unwrap_or_else(|error| panic!("{error}")))
}

fn open(path: &Path) -> Store {
    let clock = ScriptedClock::at(Timestamp::from_second(1_800_000_000));
    Store::open(path, Arc::new(clock), Arc::new(ScriptedRandom::new(1))).expect("opens")
}

#[test]
fn a_database_of_the_first_format_is_brought_up_to_date_and_the_old_one_kept_to_the_byte() {
    let (folder, path) = old(|_| ());
    let before = fs::read(&path).expect("the bytes");
    assert_eq!(run(folder.path(), &["migrate", "status"]), Exit::Done);
    assert_eq!(run(folder.path(), &["verify"]), Exit::SchemaNewer, "nothing else touches it");
    assert!(fs::read(&path).expect("the bytes") == before, "looking changes nothing");

    assert_eq!(run(folder.path(), &["migrate"]), Exit::Done);
    assert!(fs::read(folder.path().join(format!("pagerpal.redb.pre-{FORMAT}"))).expect("kept") == before);
    assert_eq!(run(folder.path(), &["migrate"]), Exit::Done, "there is nothing left to do");

    let store = open(&path);
    let found = store.verify().expect("a verdict");
    assert_eq!((found.problems, found.records > 50), (vec![], true), "{} records", found.records);
    assert_eq!(store.lineage(), LINEAGE, "it is the same history");
    let sms = store.read(|read| read.get::<ChannelTrouble>("sms")).expect("reads").expect("there");
    assert_eq!((sms.channel, sms.why.as_str()), (Channel::Sms, ""), "what was not kept is not made up");
    let id =
        store.write(pagerpal::app::Lane::People, |tx| Ok::<_, StoreError>(tx.new_id::<pagerpal::domain::id::UserId>()));
    assert_eq!(id, Ok(pagerpal::domain::id::Id::new(NEXT_ID)));
}

#[test]
fn a_migration_that_fails_leaves_everything_as_it_was() {
    let table = TableName("channel_trouble");
    // Sound, and no such record: as a bug of an older version would have written it.
    let (folder, path) = old(|rows| {
        let stray = encode(table, b"sms\0\0", Version(1), &(99u8, "what is this")).expect("small");
        rows.set(table, b"sms\0\0".to_vec(), stray);
    });
    let before = fs::read(&path).expect("the bytes");
    assert_eq!(run(folder.path(), &["migrate"]), Exit::SchemaNewer);
    assert!(fs::read(&path).expect("the bytes") == before);
    let left: Vec<_> = fs::read_dir(folder.path()).expect("a list").flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, ["pagerpal.redb"]);
}

#[test]
fn a_damaged_record_stays_damaged_and_keeps_nothing_else_from_moving() {
    let (folder, path) =
        old(|rows| rows.set(TableName("teams"), vec![0, 0, 0, 0, 0, 0, 0x12, 0x34], b"rotten".to_vec()));
    assert_eq!(run(folder.path(), &["migrate"]), Exit::Done);
    let found = open(&path).verify().expect("a verdict");
    assert_eq!(found.problems, ["a record of teams is damaged: its checksum does not match (key 0000000000001234)"]);
}

#[test]
fn a_newer_file_is_refused_untouched() {
    let meta = TableName("meta");
    let (folder, path) = old(|rows| {
        let newer = encode(meta, b"format", Version(1), &(FORMAT + 1)).expect("small");
        rows.set(meta, b"format".to_vec(), newer);
    });
    let before = fs::read(&path).expect("the bytes");
    for command in [&["migrate"][..], &["migrate", "status"], &["verify"], &["backup"]] {
        assert_eq!(run(folder.path(), command), Exit::SchemaNewer, "{command:?}");
    }
    assert!(fs::read(&path).expect("the bytes") == before);
}

#[test]
fn every_step_leads_from_the_published_bytes_of_one_version_to_those_of_the_next() {
    let (folder, path) = old(|_| ());
    assert_eq!(run(folder.path(), &["migrate"]), Exit::Done);
    let store = open(&path);
    let read = store.read_tx().expect("a state");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/records");
    let mut steps = 0;
    for step in pagerpal::store::migrate::STEPS {
        let text = fs::read_to_string(folder.join(format!("{}.v{}.hex", step.table.0, step.from.0 + 1)));
        let published = text.expect("the next version is published");
        let text = fs::read_to_string(folder.join(format!("{}.v{}.hex", step.table.0, step.from.0)));
        for line in text.expect("the old version stays published").lines() {
            let words: Vec<&str> = line.split(' ').collect();
            if words[0] == step.table.0 {
                let now = pagerpal::store::Rows::raw_get(&read, step.table, &bytes(words[1])).expect("reads");
                let now: String = now.expect("there").iter().map(|byte| format!("{byte:02x}")).collect();
                assert!(published.contains(&format!("{} {} {now}", words[0], words[1])), "{line}");
                steps += 1;
            }
        }
    }
    assert!(steps > 0);
    let mut copy = Vec::new();
    store.backup(&mut copy, &mut |_| true).expect("a copy");
    assert_eq!(backups::head(&copy[..]).expect("a backup").format, FORMAT);
}
