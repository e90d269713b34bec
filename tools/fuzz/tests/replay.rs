//! Every target about its seeds, about all that was ever found, and about mutations of both.
//!
//! `FUZZ_INPUTS=100000 cargo test -p fuzz --release` asks each about so many, `FUZZ_SEED=7` about others. What breaks a
//! promise is written to `tools/fuzz/regressions/<target>/`: mend the product, keep the file.

use fuzz::mutate::Mutator;
use fuzz::spoiled::SPOILED;
use fuzz::{TARGETS, Target, files, root};
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

/// Inputs for each target, if nothing else is said.
const INPUTS: u64 = 2000;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn folder(kind: &str, target: &str) -> PathBuf {
    root().join("tools/fuzz").join(kind).join(target)
}

/// The seeds, and what was kept for ever.
fn kept(target: &Target) -> Vec<Vec<u8>> {
    let found = ["corpus", "regressions"].map(|kind| files(&folder(kind, target.name)));
    (target.seeds)().into_iter().chain(found.into_iter().flatten().map(|(_, bytes)| bytes)).collect()
}

/// Asks, and keeps what breaks a promise.
fn ask(target: &Target, input: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| (target.ask)(input))).unwrap_or_else(|_| {
        let folder = folder("regressions", target.name);
        let sum = input
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
        let path = folder.join(format!("{sum:016x}"));
        fs::create_dir_all(&folder).and_then(|()| fs::write(&path, input)).expect("the repository can be written");
        panic!("{} breaks a promise, see above: kept as {}", target.name, path.display());
    })
}

fn replay(name: &str) {
    let target = fuzz::target(name);
    let seeds = kept(target);
    let (mut let_in, mut turned_away) = (0, 0);
    let mut count = |is_let_in: bool| if is_let_in { let_in += 1 } else { turned_away += 1 };
    seeds.iter().for_each(|seed| count(ask(target, seed)));
    let mut mutator = Mutator::new(number("FUZZ_SEED", 1), &seeds, target.words);
    for _ in 0..number("FUZZ_INPUTS", INPUTS) {
        count(ask(target, &mutator.input()));
    }
    println!("{name}: {} seeds, {let_in} let in, {turned_away} turned away", seeds.len());
    // A target that lets in nothing, or everything, is asked about something else than it seems.
    assert!(let_in >= 10, "{name} has let in only {let_in}");
    assert!(turned_away >= 1, "{name} has turned away only {turned_away}");
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(#[test] fn $name() { replay(stringify!($name)); })*

        #[test]
        fn every_target_is_asked_and_is_known_to_libfuzzer() {
            let asked: BTreeSet<&str> = [$(stringify!($name)),*].into();
            let targets: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(asked, targets);
            let manifest = fs::read_to_string(root().join("tools/fuzz/libfuzzer/Cargo.toml")).expect("its manifest");
            let mut binaries = 0;
            for name in targets.iter().chain(&["canary"]) {
                assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name} is no binary of libfuzzer");
                let text = fs::read_to_string(root().join(format!("tools/fuzz/libfuzzer/targets/{name}.rs")));
                let text = text.unwrap_or_else(|why| panic!("{name}: {why}"));
                assert!(text.contains(&format!("\"{name}\"")) || *name == "canary", "{name} asks something else: {text}");
                binaries += 1;
            }
            assert_eq!(manifest.matches("[[bin]]").count(), binaries, "a binary without a target");
        }
    };
}

replays! {
    webhook_generic webhook_alertmanager webhook_grafana webhook_cloudwatch webhook_unknown sns_message sns_certificate
    records keys backup age calendar recurrence feed document config_files setting people rotation lines texts headers form
    infobip id_token
}

#[test]
fn a_parser_with_a_fault_is_found_out() {
    for spoiled in SPOILED {
        let target = fuzz::target(spoiled.target);
        let seeds = (target.seeds)();
        let mut mutator = Mutator::new(1, &seeds, target.words);
        let is_found = (0..20_000).any(|_| {
            let input = mutator.input();
            catch_unwind(|| (spoiled.ask)(&input)).is_err()
        });
        assert!(is_found, "{}: nothing finds it", spoiled.fault);
    }
}
