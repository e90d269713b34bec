//! What must hold of every parser and decoder, whatever bytes come in.
//!
//! A target takes bytes, hands them to one door of the product and asserts: not only that nothing panics, but that what was
//! let in is within its bounds, reads back as it was written, and does not change when it is read twice. It answers whether
//! the bytes were let in, so that whoever drives it can tell a run that got somewhere from one that was refused at the door.
//!
//! Two drive them. libFuzzer looks for new ways in, by coverage (`libfuzzer/`, `cargo xtask fuzz`); `tests/replay.rs` asks
//! every target about the seeds, about everything that was ever found, and about a few thousand mutations, with every
//! test run. [`mutate`] makes those; [`spoiled`] are parsers with a fault, which must be found.
//!
//! Left to others: what comes over sockets (`tests/it/schemathesis`, the headers' limits), and redb's own file (`tools/disk`).

pub mod mutate;
pub mod spoiled;
mod targets;

use std::fs;
use std::path::{Path, PathBuf};

/// One door, and how to knock.
pub struct Target {
    /// Of the libFuzzer binary, the folders of kept inputs, and the test.
    pub name: &'static str,
    /// Whether the bytes were let in. Panics if something does not hold.
    pub ask: fn(&[u8]) -> bool,
    /// Inputs to begin with, at least one of which is let in.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Pieces that bytes by chance would hardly be.
    pub words: &'static [&'static str],
}

pub use targets::TARGETS;

pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("there is no target {name}"))
}

/// For libFuzzer.
pub fn ask(name: &str, data: &[u8]) {
    (target(name).ask)(data);
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files of a folder in the order of their names; none if there is no such folder.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let bytes = fs::read(entry.path()).unwrap_or_else(|why| panic!("{}: {why}", entry.path().display()));
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    files.sort();
    files
}
