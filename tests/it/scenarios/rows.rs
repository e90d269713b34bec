//! Holds `tests/scenarios/README.md` to the files: every row of the table of transitions and every edge case is played.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The rows of the table at the top of `src/domain/incident/mod.rs`.
const ROWS: std::ops::RangeInclusive<u32> = 1..=23;

#[test]
fn every_row_of_the_table_is_played_by_a_scenario() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let index = fs::read_to_string(folder.join("README.md")).expect("the index");
    let mut played = BTreeSet::new();
    let mut named = BTreeSet::new();
    for line in index.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let files: Vec<String> = cells
            .last()
            .expect("a cell")
            .split(' ')
            .filter_map(|word| word.strip_suffix(".txt"))
            .map(str::to_owned)
            .collect();
        let row = cells[0].parse::<u32>();
        assert!(row.is_err() || !files.is_empty(), "a row without a file: {line}");
        played.extend(row);
        named.extend(files);
    }
    assert_eq!(played, ROWS.collect(), "README.md names other rows than the table has");
    let there: BTreeSet<String> = fs::read_dir(&folder)
        .expect("the folder")
        .filter_map(|entry| entry.expect("an entry").file_name().to_str()?.strip_suffix(".txt").map(str::to_owned))
        .collect();
    assert_eq!(named, there, "README.md names other scenarios than there are");
}
