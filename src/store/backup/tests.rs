//! Backups of small stores, as they are written, broken, and read.

use super::*;
use crate::domain::id::{Id, UserId};
use crate::store::rebuild::{self, RebuildError};
use crate::store::testing::{PETS, Pet, clock, in_memory, pet, random};
use crate::store::{Lane, Read as _, Store};
use flate2::read::GzDecoder;
use std::io::Read as _;
use std::path::Path;

fn store_of(count: u64) -> Store {
    let store = in_memory();
    let pets = move |tx: &mut crate::store::Tx<'_>| (1..=count).try_for_each(|n| tx.put(&pet(n, &format!("pet {n}"))));
    store.write(Lane::People, pets).expect("written");
    store
}

fn backup_of(store: &Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    let taken = write(&store.read_tx().expect("a state"), PETS, &mut bytes, &mut |_| true).expect("written");
    assert!(taken.left_out.is_empty());
    bytes
}

fn restore(bytes: &[u8], path: &Path) -> Result<Head, RebuildError> {
    let mut reader = Reader::open(bytes, PETS)?;
    rebuild::restore(&mut reader, PETS, path, &*random(), &mut |_| true)?;
    Ok(reader.head().clone())
}

/// Why it is refused; nothing may be left of the attempt.
fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let error = restore(bytes, &folder.path().join("pagerpal.redb")).expect_err("it is refused");
    assert!(std::fs::read_dir(folder.path()).expect("a folder").next().is_none(), "nothing is left: {error}");
    error.to_string()
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).expect("our own");
    plain
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(plain).expect("memory");
    out.finish().expect("memory")
}

#[test]
fn what_was_copied_is_there_again_under_another_lineage() {
    let store = store_of(50);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pagerpal.redb");
    let head = restore(&backup_of(&store), &path).expect("restored");
    assert_eq!((head.records(), head.lineage.as_str()), (50, store.lineage()));

    let restored = Store::open(&path, clock(), random()).expect("opens");
    let verified = restored.read(|tx| crate::store::verify::verify(tx, PETS)).expect("a verdict");
    assert_eq!((verified.problems, verified.records, verified.index_rows), (vec![], 50, 100));
    let same = |n| restored.read(|tx| tx.get::<Pet>(UserId::new(n))) == Ok(Some(pet(n, &format!("pet {n}"))));
    assert!((1..=50).all(same));
    let next = |store: &Store| meta::next_id(&*store.read_tx().expect("a state").snapshot).expect("a number");
    assert_eq!(next(&restored), next(&store));
}

#[test]
fn progress_ends_at_all_of_it_and_whoever_watches_may_stop_it() {
    let store = store_of(3);
    let mut heard = Vec::new();
    let mut watch = |progress: Progress| {
        heard.push(progress);
        true
    };
    write(&store.read_tx().expect("a state"), PETS, io::sink(), &mut watch).expect("written");
    assert_eq!((heard.len(), heard[2].done), (3, heard[2].of));
    let stopped = write(&store.read_tx().expect("a state"), PETS, io::sink(), &mut |_| false);
    assert!(matches!(stopped, Err(BackupError::Stopped)));
}

#[test]
fn a_backup_cut_anywhere_is_refused() {
    let bytes = backup_of(&store_of(3));
    for len in 0..bytes.len() {
        let said = refusal(&bytes[..len]);
        assert!(said.contains("too early") || said.contains("not a backup"), "{len} bytes: {said}");
    }
}

#[test]
fn a_flipped_bit_is_refused_wherever_it_is() {
    let plain = unpacked(&backup_of(&store_of(3)));
    for place in 0..plain.len() {
        let mut broken = plain.clone();
        broken[place] ^= 1;
        refusal(&packed(&broken));
    }
    let bytes = backup_of(&store_of(3));
    // What gzip says of itself (time, system) is no part of what is kept.
    for place in (0..4).chain(10..bytes.len()) {
        let mut broken = bytes.clone();
        broken[place] ^= 0x10;
        // A flag of the header may be one without a meaning here; then nothing else may have changed.
        let folder = tempfile::tempdir().expect("a folder");
        if restore(&broken, &folder.path().join("pagerpal.redb")).is_ok() {
            assert!(unpacked(&broken) == plain, "byte {place}");
        }
    }
}

#[test]
fn what_is_no_backup_or_of_another_time_is_refused_in_a_sentence() {
    let check = |bytes: &[u8], expected: &str| assert_eq!(refusal(bytes), expected);
    check(b"SQLite format 3 and so on", "it is not a backup of PagerPal");
    check(&packed(b"some other text, packed by somebody"), "it is not a backup of PagerPal");
    let good = backup_of(&store_of(1));
    check(&[&good[..], b"x"].concat(), "it is damaged (it goes on after its end): take another one");
    check(&[&good[..], &good[..]].concat(), "it is damaged (it goes on after its end): take another one");

    let with_head = |change: &dyn Fn(&mut Head)| {
        let reader = Reader::open(&good[..], PETS).expect("our own");
        let mut head = reader.head().clone();
        change(&mut head);
        let mut out = Summed { out: Vec::new(), sum: Context::new(&SHA256) };
        out.write_all(MAGIC).expect("memory");
        out.sized(&serde_json::to_vec(&head).expect("JSON")).expect("memory");
        out.write_all(&[END]).expect("memory");
        let Summed { mut out, sum } = out;
        out.extend_from_slice(sum.finish().as_ref());
        packed(&out)
    };
    check(
        &with_head(&|head| head.format = FORMAT + 1),
        &format!(
            "it was written by a newer PagerPal (format {}, this one knows {FORMAT}); use that version to restore it",
            FORMAT + 1
        ),
    );
    check(
        &with_head(&|head| head.tables[0].name = "ghosts".to_owned()),
        "it is damaged (a table \"ghosts\", which there is none of): take another one",
    );
    check(&with_head(&|_| ()), "it is damaged (it holds another number of records than it says): take another one");
}
