//! *flip*: one bit of the store's file is another, anywhere. Before it is opened: refused, or harmless. While it is open:
//! what is read is right, or known to be damaged; and the nightly look finds what is missing.
//!
//! `FLIPS=100000` makes it longer, `SEED=7` flips other bits.

use crate::{number, planted};
use disk::base::Base;
use disk::contents::{Contents, META, Table};
use disk::disk::Disk;
use disk::power::PATH;
use pagerpal::app::{App, AppError};
use pagerpal::domain::given::Jitter;
use pagerpal::store::Store;
use pagerpal::store::codec;
use pagerpal::store::engine::redb::RedbEngine;
use pagerpal::store::engine::{OpenError, TableName};
use pagerpal::store::tables::RECORDS;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Verdict {
    /// Not opened: it is damaged, restore a backup.
    Refused,
    /// Could not be read.
    Unavailable,
    /// Nothing is different.
    Harmless,
    /// All that is different is known to be.
    Aside,
    /// Something is different, and nobody would know.
    Silent,
    /// Whoever read it has met a panic, and would be taken for the one to blame.
    Panicked,
}

type Counts = BTreeMap<Verdict, u64>;

fn flips() -> u64 {
    number("FLIPS").unwrap_or(1500)
}

fn base() -> Base {
    Base::grown(3, 200, &[])
}

/// Flips a bit of the closed file, opens it as the product does, reads everything.
fn flip_before_opening(base: &Base, bit: usize) -> Verdict {
    let disk = Disk::with(0, &base.closed);
    disk.flip(Path::new(PATH), bit);
    let host = base.host();
    match Store::open(disk.place(PATH), host.clock(), host.random()) {
        Err(OpenError::Corrupt { .. }) => Verdict::Refused,
        Err(other) => panic!("bit {bit}: {other}"),
        Ok(store) => look(&host.app(store), &base.contents),
    }
}

/// Opens the file, flips a bit below it, and reads everything.
fn flip_while_open(base: &Base, bit: usize) -> Verdict {
    let disk = Disk::with(0, &base.closed);
    let host = base.host();
    let store = Store::open(disk.place(PATH), host.clock(), host.random()).expect("a sound file");
    disk.flip(Path::new(PATH), bit);
    let app = host.app(store);
    look(&app, &base.contents)
}

fn look(app: &App, expected: &Contents) -> Verdict {
    let found = match Contents::of(app) {
        Ok(found) => found,
        Err(AppError::Unavailable(_)) => return Verdict::Unavailable,
        Err(other) => panic!("{other}"),
    };
    if found == *expected {
        return Verdict::Harmless;
    }
    let nightly = app.verify().map(|verified| verified.problems);
    if matches!(&nightly, Ok(problems) if problems.is_empty()) || nothing_says_so(&found, expected) {
        return Verdict::Silent;
    }
    Verdict::Aside
}

/// Whether a record reads as sound that is not what was written.
fn nothing_says_so(found: &Contents, expected: &Contents) -> bool {
    let nothing = Table::new();
    RECORDS.iter().map(|kind| kind.table).chain([META]).any(|table: TableName| {
        let (ours, theirs) = (found.0.get(table.0).unwrap_or(&nothing), expected.0.get(table.0).unwrap_or(&nothing));
        ours.iter().any(|(key, value)| theirs.get(key) != Some(value) && codec::open(table, key, value).is_ok())
    })
}

/// A bit of each place where the name of a table stands. One that has rotted is the name of a table that was never there.
fn names(base: &Base, chance: &mut Jitter) -> Vec<usize> {
    let file = base.file();
    let mut bits = Vec::new();
    for name in base.contents.0.keys().map(|name| name.as_bytes()) {
        let places = file.windows(name.len()).enumerate().filter(|(_, bytes)| *bytes == name);
        bits.extend(places.map(|(at, _)| at * 8 + chance.below(name.len() as u64 * 8) as usize));
    }
    bits
}

/// Bits anywhere, and bits of what records and indexes hold, every table in turn: in the file there are older copies, too.
fn places(base: &Base, count: u64, chance: &mut Jitter) -> (Vec<usize>, Vec<(&'static str, usize)>) {
    let file = base.file();
    let anywhere = (0..count).map(|_| chance.below(file.len() as u64 * 8) as usize).collect();
    let mut wanted = BTreeMap::<&[u8], (&'static str, &[u8])>::new();
    for (table, rows) in &base.contents.0 {
        for _ in 0..3 {
            let (key, value) = rows.iter().nth(chance.below(rows.len() as u64) as usize).expect("tables have rows");
            let row = if value.len() >= key.len() { value } else { key };
            // A shorter one is in too many places.
            if row.len() >= 16 {
                wanted.insert(&row[..8], (table, row));
            }
        }
    }
    let mut inside = Vec::new();
    for at in 0..file.len() - 8 {
        if let Some((table, row)) = wanted.get(&file[at..at + 8])
            && file[at..].starts_with(row)
        {
            inside.push((*table, at * 8 + chance.below(row.len() as u64 * 8) as usize));
        }
    }
    (anywhere, inside)
}

/// How often each verdict came. What must not happen is printed with its bit.
fn count(bits: impl IntoIterator<Item = usize>, flip: impl Fn(usize) -> Verdict) -> Counts {
    let mut counts = Counts::new();
    for bit in bits {
        let verdict = catch_unwind(AssertUnwindSafe(|| flip(bit))).unwrap_or(Verdict::Panicked);
        if matches!(verdict, Verdict::Silent | Verdict::Panicked) {
            println!("bit {bit}: {verdict:?}");
        }
        *counts.entry(verdict).or_default() += 1;
    }
    counts
}

#[test]
fn a_bit_that_flipped_before_opening_is_refused_or_harmless() {
    let base = base();
    let mut chance = Jitter::seeded(number("SEED").unwrap_or(1));
    let (anywhere, inside) = places(&base, flips(), &mut chance);
    let counts = count(anywhere, |bit| flip_before_opening(&base, bit));
    let mut refused = BTreeMap::<&str, u64>::new();
    for (table, bit) in &inside {
        let verdict = flip_before_opening(&base, *bit);
        assert!(matches!(verdict, Verdict::Refused | Verdict::Harmless), "{table}, bit {bit}: {verdict:?}");
        *refused.entry(table).or_default() += u64::from(verdict == Verdict::Refused);
    }
    let of = |verdict| counts.get(&verdict).copied().unwrap_or(0);
    let in_use = Contents::share_in_use(&Disk::with(0, &base.closed), PATH, base.file().len()).expect("a count");
    let share = of(Verdict::Refused) as f64 / flips() as f64;
    let (bytes, rows) = (base.file().len(), inside.len());
    println!("{bytes} bytes, {in_use:.3} of them in use, {share:.3} refused, {counts:?}; {rows} in rows: {refused:?}");
    assert_eq!(of(Verdict::Refused) + of(Verdict::Harmless), flips(), "{counts:?}");
    // What is in use is refused, and what is not does no harm.
    assert!((share - in_use).abs() < 0.05, "{share} were refused where {in_use} is in use");
    // Every row has one place that counts, among those where it once was.
    let missed: Vec<_> = refused.iter().filter(|(_, count)| **count == 0).collect();
    assert!(missed.is_empty() && refused.len() > 25, "nothing was refused in {missed:?}, of {}", refused.len());
}

#[test]
fn a_bit_that_flips_while_the_store_is_open_is_never_taken_for_the_truth() {
    let base = base();
    let mut chance = Jitter::seeded(number("SEED").unwrap_or(1) + 1);
    let (anywhere, inside) = places(&base, flips() / 2, &mut chance);
    let counts = count(anywhere, |bit| flip_while_open(&base, bit));
    let inside = count(inside.into_iter().map(|(_, bit)| bit), |bit| flip_while_open(&base, bit));
    let names = count(names(&base, &mut chance), |bit| flip_while_open(&base, bit));
    println!("{} bytes, {counts:?}, in rows {inside:?}, in names {names:?}", base.file().len());
    let all = [&counts, &inside, &names];
    let of = |verdict| all.iter().filter_map(|counts| counts.get(&verdict)).sum::<u64>();
    assert_eq!(of(Verdict::Silent) + of(Verdict::Panicked), 0, "{all:?}");
    assert!(names.contains_key(&Verdict::Aside), "no name of a table was met: {names:?}");
}

/// The first look at a file opens it unchecked, and what redb makes of its rotten list of free pages must not be the end of
/// the process: then nobody would be called from memory.
#[test]
fn whatever_has_rotted_the_first_look_at_a_file_says_so() {
    const PAGE: usize = 4096;
    let base = base();
    let mut chance = Jitter::seeded(number("SEED").unwrap_or(1));
    let (mut looks, mut damaged) = (0, 0);
    // What a page is about stands at its beginning.
    for at in (0..base.file().len()).filter(|at| at % PAGE < 1024 && at % 16 == 0) {
        let disk = Disk::with(0, &base.closed);
        let bit = (at + chance.below(16) as usize) * 8 + chance.below(8) as usize;
        disk.flip(Path::new(PATH), bit);
        let look = || RedbEngine::peek(disk.place(PATH), META, b"format");
        let row = catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|_| panic!("bit {bit} ends the process"));
        looks += 1;
        damaged += u64::from(row.is_err());
    }
    println!("{looks} looks, {damaged} at what makes no sense");
    assert!(damaged > 0, "none of {looks} met anything that matters");
}

#[test]
fn planted_faults_are_found() {
    for (fault, test, expected) in [
        ("unchecked_file", "flip::a_bit_that_flipped_before_opening_is_refused_or_harmless", "Aside"),
        ("unchecked_records", "flip::a_bit_that_flips_while_the_store_is_open_is_never_taken_for_the_truth", "Silent"),
    ] {
        let said = planted(fault, test, &[("FLIPS", "300")]).unwrap_or_else(|| panic!("{fault} is not found"));
        assert!(said.contains(expected), "{fault}: {said}");
    }
}
