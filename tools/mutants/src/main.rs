//! Whether unit tests and scenarios notice that one thing in the core is changed: `cargo xtask mutants [FILE[:LINE] …]`, such as
//! `turn.rs` or `incident/deeds.rs:88`; without one, all of `src/domain`.
//!
//! To compile the core anew for each of two thousand changes takes hours. So all are compiled in at once, each behind a switch
//! (`crate::mutant::on(17)`), and the environment says which one is on: a change costs what its tests cost. Which tests reach a
//! change is asked first, test by test; no other is run for it.
//!
//! A package in `target/mutants` gets the core and what is needed to play the scenarios with it, which is neither pages nor
//! providers: a fraction of the whole to compile. What only the other tests and the simulation would notice does not count.
//!
//! Changed in `src/domain` are comparisons, arithmetic, `&&` and `||`, negations, conditions, arms and guards of `match`, and
//! what a function answers, where the kind of answer is plain from its type. A change that does not compile is left out. A
//! change with which a test never ends, or takes all memory, is noticed. One that cannot be noticed, because nothing is
//! different with it, is named with its reason in `equivalent.txt` and does not count; an entry there that fits no change, or
//! one that a test notices, is an error.

mod change;
mod equivalent;
mod judge;
mod package;

use change::Mutant;
use equivalent::Equivalents;
use judge::{Judge, Verdict};
use std::collections::BTreeMap;
use std::io::{self, Error};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// Fewer would mean that something was not looked at.
const FEWEST: usize = 2000;
/// Of a hundred changes of the whole core so many are to be noticed.
const GOAL: f64 = 95.0;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    match run(&wanted) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("mutants: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(wanted: &[String]) -> io::Result<()> {
    let begun = Instant::now();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let package = root.join("target/mutants");
    let (mutants, binary) = package::built(&root, &package)?;
    if mutants.len() < FEWEST {
        return Err(Error::other(format!("{} changes are too few to be all of the core", mutants.len())));
    }
    let chosen: Vec<&Mutant> = mutants.iter().filter(|mutant| is_wanted(mutant, wanted)).collect();
    if chosen.is_empty() {
        return Err(Error::other("nothing in src/domain can be changed there"));
    }
    let mut equivalents = Equivalents::read(&root.join("tools/mutants/equivalent.txt"), &mutants)?;
    let judge = Judge::new(&package, binary)?;
    eprintln!("{} changes, {} tests reach them ({:.0?})", chosen.len(), judge.tests(), begun.elapsed());
    let verdicts = judge.judge(&chosen, &|mutant, tests| {
        if equivalents.reason(mutant).is_none() {
            println!("{}\n    missed: line {}, reached by {tests} tests", mutant.name, mutant.line);
        }
    })?;

    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    for (mutant, verdict) in chosen.iter().zip(verdicts) {
        let score = scores.entry(&mutant.file).or_default();
        match (verdict, equivalents.reason(mutant)) {
            (Verdict::Noticed(_), None) => score.noticed += 1,
            (Verdict::Noticed(by), Some(_)) => equivalents.is_wrong(mutant, &by),
            (Verdict::Missed(_), Some(_)) => score.equivalent += 1,
            (Verdict::Missed(_), None) => score.missed += 1,
        }
    }
    for (file, score) in &scores {
        println!("{}  {file}", score.shown());
    }
    let all = scores.values().fold(Score::default(), |all, one| all.and(one));
    println!("{}  in all, after {:.0?}", all.shown(), begun.elapsed());
    equivalents.checked()?;
    if wanted.is_empty() && all.percent() < GOAL {
        return Err(Error::other(format!("less than {GOAL} % of the changes are noticed")));
    }
    Ok(())
}

fn is_wanted(mutant: &Mutant, wanted: &[String]) -> bool {
    let is_at = |place: &String| match place.split_once(':') {
        Some((file, line)) => mutant.file.ends_with(file) && mutant.line.to_string() == line,
        None => mutant.file.ends_with(place.as_str()),
    };
    wanted.is_empty() || wanted.iter().any(is_at)
}

#[derive(Default)]
struct Score {
    noticed: usize,
    missed: usize,
    equivalent: usize,
}

impl Score {
    fn and(self, other: &Score) -> Score {
        Score {
            noticed: self.noticed + other.noticed,
            missed: self.missed + other.missed,
            equivalent: self.equivalent + other.equivalent,
        }
    }

    fn percent(&self) -> f64 {
        100.0 * self.noticed as f64 / (self.noticed + self.missed).max(1) as f64
    }

    fn shown(&self) -> String {
        let counted = self.noticed + self.missed;
        format!("{:5.1} % {:4} of {counted:4}, {:3} equivalent", self.percent(), self.noticed, self.equivalent)
    }
}
