//! Whether unit tests and scenarios notice that one thing in it is changed: `cargo xtask mutants [FILE …]`, such as `turn.rs`.
//!
//! To compile the core anew for each of two thousand changes takes hours. So all are compiled in at once, each behind a switch
//! (`crate::mutant::on(17)`), and the environment says which one is on: a change costs what its tests cost. Which tests reach a
//! change is asked first, test by test; no other is run for it.
//!
//! A package in `target/mutants` gets the core and what is needed to play the scenarios with it, which is neither pages nor
//! providers: a fraction of the whole to compile. What only the other tests and the simulation would notice does not count.
//!
//! Changed in `src/domain` are comparisons, arithmetic, `&&` and `||`, negations, arms and guards of `match`, and what a function answers, where the
//! kind of answer is plain from its type. A change that does not compile is left out. A change of which a test never ends is noticed.

mod change;

use change::{Changer, Mutant};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Error};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What all of that and its tests use of others.
const CRATES: [&str; 18] = [
    "argon2",
    "bincode",
    "chacha20poly1305",
    "crc32fast",
    "croner",
    "flate2",
    "jiff",
    "proptest",
    "redb",
    "ring",
    "rustix",
    "schemars",
    "serde",
    "serde_json",
    "serde_path_to_error",
    "tempfile",
    "thiserror",
    "tracing",
];
const FOLDERS: [&str; 3] = ["src/app", "src/exchange", "src/store"];
const FILES: [&str; 9] = [
    "assets/common_passwords.txt",
    "src/clock.rs",
    "src/planted.rs",
    "src/random.rs",
    "src/secret.rs",
    "src/vault.rs",
    "tests/it/reaching.rs",
    "tests/it/scenarios.rs",
    "tests/it/world.rs",
];
/// Tests of it name it by its name.
const LIB: &str = "#![allow(warnings)]
extern crate self as pagerpal;
pub mod app; pub mod clock; pub mod domain; pub mod exchange; pub mod mutant; pub mod planted; pub mod random; pub mod secret;
pub mod store; pub mod vault;
#[cfg(test)] #[path = \"../tests/it/reaching.rs\"] mod reaching;
#[cfg(test)] #[path = \"../tests/it/scenarios.rs\"] mod scenarios;
#[cfg(test)] #[path = \"../tests/it/world.rs\"] mod world;
";
/// Longer than all of its tests together.
const PATIENCE: Duration = Duration::from_secs(60);
/// Fewer would mean that something was not looked at.
const FEWEST: usize = 1000;

const SWITCH: &str = "
use std::sync::{LazyLock, Mutex};
static ON: LazyLock<u32> = LazyLock::new(|| std::env::var(\"MUTANT\").map_or(0, |n| n.parse().expect(\"a number\")));
static REACHED: LazyLock<Option<String>> = LazyLock::new(|| std::env::var(\"MUTANT_REACHED\").ok());
static SEEN: Mutex<Vec<bool>> = Mutex::new(Vec::new());
pub fn on(number: u32) -> bool {
    if let Some(path) = REACHED.as_ref() {
        let mut seen = SEEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let place = number as usize;
        if seen.len() <= place { seen.resize(place + 1, false); }
        if !seen[place] {
            seen[place] = true;
            use std::io::Write;
            let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).expect(\"a log\");
            writeln!(file, \"{number}\").expect(\"a log\");
        }
    }
    *ON == number
}
";

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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let package = root.join("target/mutants");
    let mut unusable = BTreeSet::new();
    let (mutants, binary) = loop {
        let mutants = prepare(&root, &package, &unusable)?;
        match build(&package)? {
            Ok(binary) => break (mutants, binary),
            Err(more) => {
                let before = unusable.len();
                unusable.extend(more);
                if unusable.len() == before {
                    return Err(Error::other("the core does not compile, and not because of a change: see above"));
                }
            }
        }
    };
    println!("{} changes, {} more that do not compile", mutants.len(), unusable.len());
    if mutants.len() < FEWEST {
        return Err(Error::other("that is too few to be all of the core"));
    }
    let reached = reached(&package, &binary)?;
    let is_wanted =
        |mutant: &&Mutant| wanted.is_empty() || wanted.iter().any(|name| mutant.file.ends_with(name.as_str()));
    let mut scores: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for mutant in mutants.iter().filter(is_wanted) {
        let tests = reached.get(&mutant.number).map(Vec::as_slice).unwrap_or_default();
        let is_noticed = !tests.is_empty() && !passes(&binary, mutant.number, tests)?;
        let (noticed, all) = scores.entry(&mutant.file).or_default();
        (*noticed, *all) = (*noticed + usize::from(is_noticed), *all + 1);
        if !is_noticed {
            let how = if tests.is_empty() { "reached by no test" } else { "noticed by no test" };
            println!("{}:{}: {}: {how}", mutant.file, mutant.line, mutant.what);
        }
    }
    for (file, (noticed, all)) in &scores {
        println!("{:5.1} % {noticed:4} of {all:4}  {file}", 100.0 * *noticed as f64 / *all as f64);
    }
    let (noticed, all) = scores.values().fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    println!("{:5.1} % {noticed:4} of {all:4}  in all", 100.0 * noticed as f64 / all.max(1) as f64);
    Ok(())
}

/// Writes the package with every change in it but the unusable ones.
fn prepare(root: &Path, package: &Path, unusable: &BTreeSet<u32>) -> io::Result<Vec<Mutant>> {
    let _ = fs::remove_dir_all(package.join("src"));
    let mut changer = Changer::new(unusable.clone());
    copy(root, "src/domain", package, &mut |path, text| changer.changed(path, text))?;
    for folder in FOLDERS {
        copy(root, folder, package, &mut |_, text| text.to_owned())?;
    }
    copy(root, "tests/scenarios", package, &mut |_, text| text.to_owned())?;
    for folder in ["assets", "tests/it"] {
        fs::create_dir_all(package.join(folder))?;
    }
    for file in FILES {
        fs::copy(root.join(file), package.join(file))?;
    }
    fs::write(package.join("tests/it/scenarios.rs"), one_test_each(root)?)?;
    let whole = fs::read_to_string(root.join("Cargo.toml"))?;
    let line = |name: &str| {
        let line = whole.lines().find(|line| line.starts_with(&format!("{name} = ")));
        line.map(str::to_owned).ok_or_else(|| Error::other(format!("Cargo.toml has no line for {name}")))
    };
    let lines = CRATES.iter().map(|name| line(name)).collect::<io::Result<Vec<String>>>()?;
    let manifest = format!(
        "[package]\nname = \"changed\"\nedition = \"2024\"\n\n[features]\nfaults = []\n\n[dependencies]\n{}\n\n[profile.dev]\n\
         debug = false\noverflow-checks = true\n\n[profile.dev.package.\"*\"]\nopt-level = 1\n\n[workspace]\n",
        lines.join("\n")
    );
    fs::write(package.join("Cargo.toml"), manifest)?;
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock"))?;
    fs::write(package.join("src/mutant.rs"), SWITCH)?;
    fs::write(package.join("src/lib.rs"), LIB)?;
    Ok(changer.mutants)
}

fn copy(root: &Path, folder: &str, package: &Path, change: &mut dyn FnMut(&str, &str) -> String) -> io::Result<()> {
    fs::create_dir_all(package.join(folder))?;
    let names = fs::read_dir(root.join(folder))?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<io::Result<_>>()?;
    names.sort();
    for name in names {
        let path = format!("{folder}/{name}");
        if root.join(&path).is_dir() {
            copy(root, &path, package, change)?;
            continue;
        }
        let text = fs::read_to_string(root.join(&path))?;
        let is_test = ["tests.rs", "examples.rs", "properties.rs", "testing.rs"].iter().any(|end| name.ends_with(end));
        fs::write(package.join(&path), if is_test { text } else { change(&path, &text) })?;
    }
    Ok(())
}

/// The scenarios as a test for each file instead of one for all, so that a change meets those alone that come by it.
fn one_test_each(root: &Path) -> io::Result<String> {
    let text = fs::read_to_string(root.join("tests/it/scenarios.rs"))?;
    let mut text =
        text.replace("#[test]\nfn every_scenario_happens_as_written", "fn every_scenario_happens_as_written");
    for entry in fs::read_dir(root.join("tests/scenarios"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some(plain) = name.strip_suffix(".txt") else { continue };
        text.push_str(&format!(
            "\n#[test]\nfn {plain}() {{\n    let file = Path::new(env!(\"CARGO_MANIFEST_DIR\")).join(\"tests/scenarios/{name}\");\n    \
             let written = fs::read_to_string(&file).expect(\"a text file\");\n    assert_eq!(Stage::play(&written, &file), written);\n}}\n"
        ));
    }
    Ok(text)
}

/// The test binary, or the changes that do not compile.
fn build(package: &Path) -> io::Result<Result<PathBuf, BTreeSet<u32>>> {
    let output = Command::new("cargo")
        .args(["test", "--offline", "--lib", "--no-run", "--message-format=json"])
        .current_dir(package)
        .stderr(Stdio::inherit())
        .output()?;
    let mut found = BTreeSet::new();
    let mut binary = None;
    for message in
        String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        if let Some(path) = message["executable"].as_str() {
            binary = Some(PathBuf::from(path));
        }
        if message["message"]["level"] != "error" {
            continue;
        }
        let known = found.len();
        for span in message["message"]["spans"].as_array().into_iter().flatten() {
            let file = package.join(span["file_name"].as_str().unwrap_or_default());
            let text = fs::read_to_string(file).unwrap_or_default();
            let (first, last) = (span["line_start"].as_u64().unwrap_or(1), span["line_end"].as_u64().unwrap_or(1));
            found.extend(around(&text, first as usize, last as usize));
        }
        if found.len() == known {
            println!("{}", message["message"]["rendered"].as_str().unwrap_or_default());
        }
    }
    Ok(binary.ok_or(found))
}

/// The switches on these lines, else on the nearest line above.
fn around(text: &str, first: usize, last: usize) -> Vec<u32> {
    let lines: Vec<&str> = text.lines().collect();
    let on = |line: &&str| {
        let rest = line.split("mutant::on(").skip(1);
        rest.filter_map(|rest| rest.split(')').next()?.trim_end_matches("u32").parse().ok()).collect::<Vec<u32>>()
    };
    let within: Vec<u32> = lines[first.saturating_sub(1)..last.min(lines.len())].iter().flat_map(on).collect();
    if !within.is_empty() {
        return within;
    }
    lines[..first.min(lines.len())].iter().rev().take(6).map(on).find(|found| !found.is_empty()).unwrap_or_default()
}

/// By change, the tests that come by it, quick ones first.
fn reached(package: &Path, binary: &Path) -> io::Result<BTreeMap<u32, Vec<String>>> {
    let list = Command::new(binary).args(["--list", "--format=terse"]).output()?;
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let log = package.join("reached.log");
    let mut timed = Vec::new();
    for test in list.lines().filter_map(|line| line.strip_suffix(": test")) {
        let _ = fs::remove_file(&log);
        let begun = Instant::now();
        let output = Command::new(binary).args(["--exact", test]).env("MUTANT_REACHED", &log).output()?;
        if !output.status.success() {
            return Err(Error::other(format!("{test} fails although nothing is changed")));
        }
        timed.push((begun.elapsed(), test.to_owned(), fs::read_to_string(&log).unwrap_or_default()));
    }
    timed.sort();
    let mut reached: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for (_, test, numbers) in timed {
        for number in numbers.lines().filter_map(|number| number.parse().ok()) {
            reached.entry(number).or_default().push(test.clone());
        }
    }
    Ok(reached)
}

/// Quick tests first, and the rest only if they saw nothing.
fn passes(binary: &Path, number: u32, tests: &[String]) -> io::Result<bool> {
    for some in [&tests[..tests.len().min(6)], &tests[tests.len().min(6)..]] {
        if !some.is_empty() && !pass(binary, number, some)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn pass(binary: &Path, number: u32, tests: &[String]) -> io::Result<bool> {
    let mut child = Command::new(binary)
        .arg("--exact")
        .args(tests)
        .env("MUTANT", number.to_string())
        .env("PROPTEST_FAILURE_PERSISTENCE", "off")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        sleep(Duration::from_millis(5));
    }
}
