//! Nights that nobody wrote, in one thread, with everything going wrong: the simulation of `tools/sim`, and every failure it
//! ever found.
//!
//! `cargo xtask sim --seeds 5000` plays more of them, and keeps what fails below `tests/regressions`.

/// Taken in as a module: as a crate it would need this package's library, and every run of its unit tests would build that
/// a second time.
#[path = "../../tools/sim/src/lib.rs"]
#[allow(dead_code, reason = "what makes plans smaller and asks for planted faults is for the program")]
mod sim;

use sim::deal::deal;
use sim::plan::Plan;
use sim::run::play;
use sim::trace::Rare;
use std::fs;
use std::path::Path;

const NIGHTS: u64 = 24;

#[test]
fn in_nights_that_nobody_wrote_every_promise_holds_and_the_same_night_is_the_same_twice() {
    let mut rare = Rare::default();
    let (mut commits, mut sent, mut incidents) = (0, 0, 0);
    for seed in 1..=NIGHTS {
        let plan = deal(seed);
        let report = play(&plan).unwrap_or_else(|failure| panic!("seed {seed}\n{failure}"));
        let again = play(&plan).unwrap_or_else(|failure| panic!("seed {seed}, the second time\n{failure}"));
        assert_eq!(report, again, "S17: seed {seed} was played twice");
        rare.add(&report.rare);
        commits += report.commits;
        sent += report.sent;
        incidents += report.incidents;
    }
    // A play in which nothing happens proves nothing.
    assert!(
        commits > 5000 && sent > 500 && incidents > 100,
        "{commits} commits, {sent} messages, {incidents} incidents"
    );
    let missing = rare.missing();
    assert!(missing.len() < Rare::ALL.len() / 3, "never came about: {missing:?}");
}

#[test]
fn what_a_night_once_broke_stays_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions");
    let mut played = 0;
    for entry in fs::read_dir(&folder).expect("a folder of plans").flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|ending| ending != "jsonl") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a plan");
        let plan = Plan::from_lines(&text).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
        assert!(!plan.actions.is_empty(), "{}: nothing happens in it", path.display());
        play(&plan).unwrap_or_else(|failure| panic!("{}\n{failure}", path.display()));
        played += 1;
    }
    assert!(played > 0, "no plan was played");
}

#[test]
fn a_plan_is_the_same_after_it_was_kept() {
    for seed in 1..=NIGHTS {
        let plan = deal(seed);
        assert_eq!(Plan::from_lines(&plan.to_lines()), Ok(plan));
    }
}

/// A fault that is planted nowhere would always be "not found", and one that is in no list would never be looked for.
#[test]
fn every_planted_fault_has_one_place_and_is_looked_for() {
    let mut planted = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap_or_default();
                let names = text.split("planted::is(\"").skip(1).filter_map(|rest| rest.split('"').next());
                planted.extend(names.map(str::to_owned));
            }
        }
    }
    planted.sort();
    let mut listed: Vec<&str> = sim::planted::FAULTS.iter().map(|(name, _)| *name).collect();
    listed.sort_unstable();
    assert_eq!(planted, listed);
    assert!(listed.len() >= 10, "{listed:?}");
}

#[test]
fn what_is_handed_out_holds_no_planted_fault() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("our manifest");
    let features =
        manifest.split("[features]").nth(1).and_then(|rest| rest.split("\n[").next()).expect("a list of features");
    let lines: Vec<&str> = features.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(lines, ["faults = []"], "a default feature would be in every build");
    assert!(!pagerpal::planted::is(""), "this very build holds none");
}
