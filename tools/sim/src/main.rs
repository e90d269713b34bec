//! Plays seeds, or a plan that was kept: `sim --seeds 100 [--from 1]`, `sim --seed 7`, `sim --plan FILE`.
//!
//! A failure prints its seed and its last lines, is made smaller, and is kept below `tests/regressions`. With `--planted` it
//! is the simulation that is tested: each planted fault must be found, each in a process of its own.

use sim::deal::deal;
use sim::plan::Plan;
use sim::planted::FAULTS;
use sim::run::{YEAR_MS, play};
use sim::shrink::shrink;
use sim::trace::{Failure, Rare};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

const USAGE: &str = "\
Usage: sim --seeds N [--from SEED] | --seed SEED | --plan FILE | --survey N [--from SEED]
       sim --planted all|NAME [--seeds N]";

/// Nights after which every rare state must have come about.
const LONG_RUN: u64 = 1000;
/// Nights within which a planted fault must be found.
const HUNT: &str = "500";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // A panic is a finding like any other and is told with its plan.
    std::panic::set_hook(Box::new(|_| {}));
    let done = match words[..] {
        ["--seeds", count] => seeds(count, "1"),
        ["--seeds", count, "--from", first] => seeds(count, first),
        ["--seed", seed] => seeds("1", seed),
        ["--plan", file] => plan(file),
        ["--planted", which] => planted(which, HUNT),
        ["--planted", which, "--seeds", count] => planted(which, count),
        ["--survey", count] => survey(count, "1", usize::MAX),
        ["--survey", count, "--from", first] => survey(count, first, usize::MAX),
        ["--hunt", count] => survey(count, "1", 1),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn seeds(count: &str, first: &str) -> Result<(), String> {
    let (count, first) = (number(count)?, number(first)?);
    let mut rare = Rare::default();
    let (mut commits, mut sent, mut incidents, mut millis) = (0, 0, 0, 0);
    for seed in first..first + count {
        let plan = deal(seed);
        match play(&plan) {
            Ok(report) => {
                rare.add(&report.rare);
                commits += report.commits;
                sent += report.sent;
                incidents += report.incidents;
                millis += report.millis;
            }
            Err(failure) => return Err(keep(&plan, &failure)),
        }
    }
    let years = millis as f64 / YEAR_MS;
    println!("{count} runs, {years:.1} years: {incidents} incidents, {commits} commits, {sent} messages\n{rare}");
    match rare.missing() {
        missing if count >= LONG_RUN && !missing.is_empty() => Err(format!("never came about: {missing:?}")),
        _ => Ok(()),
    }
}

fn number(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| USAGE.to_owned())
}

/// Lists what breaks, which is what is wanted here, up to so many failures.
fn survey(count: &str, first: &str, most: usize) -> Result<(), String> {
    let (count, first) = (number(count)?, number(first)?);
    let failures = (first..first + count).filter_map(|seed| Some((seed, play(&deal(seed)).err()?)));
    let mut found = 0;
    for (seed, failure) in failures.take(most) {
        println!("night {seed}: {}", failure.what);
        found += 1;
    }
    if found > 0 { Ok(()) } else { Err("nothing was found".to_owned()) }
}

fn planted(which: &str, count: &str) -> Result<(), String> {
    let chosen: Vec<&str> =
        FAULTS.iter().map(|(name, _)| *name).filter(|name| which == "all" || which == *name).collect();
    if chosen.is_empty() {
        let known: Vec<&str> = FAULTS.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no fault {which}; there are: {}", known.join(" ")));
    }
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let found = |name: &str| -> Result<Option<String>, String> {
        let output = Command::new(&program).args(["--hunt", count]).env("PAGERPAL_PLANTED", name).output();
        let output = output.map_err(|error| error.to_string())?;
        Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned()))
    };
    let mut missed = Vec::new();
    for name in chosen {
        match found(name)? {
            // A promise that breaks by itself is no proof of anything.
            Some(what) if breaks_without(&what)? => return Err(format!("without {name}, too: {what}")),
            Some(what) => println!("{name:<26} {what}"),
            None => missed.push(name),
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(format!("not found within {count} nights: {missed:?}")) }
}

/// Whether the run that found a planted fault fails without one.
fn breaks_without(found: &str) -> Result<bool, String> {
    let seed = found.strip_prefix("night ").and_then(|rest| rest.split(':').next()).unwrap_or_default();
    Ok(play(&deal(number(seed)?)).is_err())
}

fn plan(file: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let plan = Plan::from_lines(&text).map_err(|error| format!("{file}: {error}"))?;
    match play(&plan) {
        Ok(report) => {
            println!("nothing is broken: {report:?}");
            Ok(())
        }
        Err(failure) => Err(failure.to_string()),
    }
}

/// Makes it smaller, writes it down, and answers what a person should read.
fn keep(plan: &Plan, failure: &Failure) -> String {
    eprintln!("seed {} breaks {}; it is made smaller", plan.seed, failure.what);
    let (small, failure) = shrink(plan, failure);
    let name = format!("{}-{}.jsonl", failure.promise().to_lowercase(), plan.seed);
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "..", "tests", "regressions", &name].iter().collect();
    let kept = match std::fs::write(&path, small.to_lines()) {
        Ok(()) => format!("kept as tests/regressions/{name}"),
        Err(error) => format!("not kept: {error}"),
    };
    let (seed, left, all) = (plan.seed, small.actions.len(), plan.actions.len());
    format!("{failure}\nseed {seed}: {left} of {all} actions are enough; {kept}\nweather: {:?}", small.weather)
}
