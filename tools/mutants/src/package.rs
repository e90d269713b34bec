//! The package in `target/mutants`: the core with all changes in it, and what plays the scenarios with it.
//!
//! Which parts of `src/` that takes, and which crates, is read from `tools/core`, which the simulation needs for the same reason.

use crate::change::{Changer, Mutant};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Error};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Parts of `tests/it` that play scenarios; here they are modules of the library.
const PLAYERS: [&str; 3] = ["reaching", "scenarios", "world"];
/// Only tests use these of others.
const TEST_CRATES: [&str; 2] = ["proptest", "tempfile"];
/// Where tests spend their time. To optimise all crates would take longer than it saves.
const QUICK: [&str; 7] = ["argon2", "bincode", "blake2", "jiff", "miniz_oxide", "redb", "serde_json"];
/// Files of the core that are tests as a whole.
const TESTS: [&str; 4] = ["tests.rs", "examples.rs", "properties.rs", "testing.rs"];

const SWITCH: &str = r#"
use std::sync::{LazyLock, Mutex};
static ON: LazyLock<u32> = LazyLock::new(|| std::env::var("MUTANT").map_or(0, |n| n.parse().expect("a number")));
static REACHED: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("MUTANT_REACHED").ok());
static SEEN: Mutex<Vec<bool>> = Mutex::new(Vec::new());
pub fn on(number: u32) -> bool {
    if let Some(path) = REACHED.as_ref() {
        let mut seen = SEEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let place = number as usize;
        if seen.len() <= place { seen.resize(place + 1, false); }
        if !seen[place] {
            seen[place] = true;
            use std::io::Write;
            let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a log");
            writeln!(file, "{number}").expect("a log");
        }
    }
    *ON == number
}
"#;

/// All changes that compile, and the test binary that has them.
pub fn built(root: &Path, package: &Path) -> io::Result<(Vec<Mutant>, PathBuf)> {
    fs::create_dir_all(package)?;
    // What did not compile the last time is not tried again, as long as its function is the same.
    let list = package.join("unusable.txt");
    let mut unusable: BTreeSet<String> =
        fs::read_to_string(&list).unwrap_or_default().lines().map(str::to_owned).collect();
    loop {
        let (mutants, unused) = prepare(root, package, &unusable)?;
        match build(package)? {
            Ok(binary) => {
                eprintln!("{} changes compile, {unused} do not", mutants.len());
                return Ok((mutants, binary));
            }
            Err(numbers) => {
                let found = mutants.iter().filter(|mutant| numbers.contains(&mutant.number));
                let before = unusable.len();
                unusable.extend(found.map(|mutant| mutant.print.clone()));
                if unusable.len() == before {
                    return Err(Error::other("the core does not compile, and not because of a change: see above"));
                }
                eprintln!("{} more changes do not compile: once again without them", unusable.len() - before);
                fs::write(&list, unusable.iter().map(|print| format!("{print}\n")).collect::<String>())?;
            }
        }
    }
}

/// Writes the package with every change in it but the unusable ones, whose number comes along.
fn prepare(root: &Path, package: &Path, unusable: &BTreeSet<String>) -> io::Result<(Vec<Mutant>, usize)> {
    let mut into = Into { root, package, written: BTreeSet::new() };
    let mut changer = Changer::new(unusable);
    // The modules of the library, each a line.
    let mut parts = String::new();
    let whole = fs::read_to_string(root.join("tools/core/src/lib.rs"))?;
    for path in whole.lines().filter_map(|line| line.strip_prefix("#[path = \"../../../src/")?.strip_suffix("\"]")) {
        let name = path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
        parts.push_str(&format!("pub mod {name};\n"));
        match name {
            "domain" => into.copy_all("src/domain", &mut |path, text| {
                if TESTS.iter().any(|end| path.ends_with(end)) { text } else { changer.changed(path, &text) }
            })?,
            _ if path.ends_with("/mod.rs") => into.copy_all(&format!("src/{name}"), &mut |_, text| text)?,
            _ => into.copy(&format!("src/{path}"))?,
        }
    }
    into.copy_all("tests/scenarios", &mut |_, text| text)?;
    into.copy("assets/common_passwords.txt")?;
    for name in PLAYERS {
        let text = fs::read_to_string(root.join(format!("tests/it/{name}.rs")))?;
        let text = if name == "scenarios" { one_test_each(root, &text)? } else { text };
        into.write(&format!("src/{name}.rs"), &text)?;
        parts.push_str(&format!("#[cfg(test)]\nmod {name};\n"));
    }
    for name in names(&root.join("tests/it/scenarios"))? {
        let path = format!("scenarios/{name}");
        into.write(&format!("src/{path}"), &fs::read_to_string(root.join("tests/it").join(&path))?)?;
    }
    into.write("src/mutant.rs", SWITCH)?;
    into.write("src/lib.rs", &library(&parts))?;
    into.write("Cargo.toml", &manifest(root)?)?;
    into.write("Cargo.lock", &fs::read_to_string(root.join("Cargo.lock"))?)?;
    into.remove_others("src")?;
    into.remove_others("tests")?;
    Ok((changer.mutants, changer.unused))
}

/// Where files go. One that is there already with the same text is left alone, so that nothing is compiled for it.
struct Into<'a> {
    root: &'a Path,
    package: &'a Path,
    written: BTreeSet<String>,
}

impl Into<'_> {
    fn copy_all(&mut self, folder: &str, change: &mut dyn FnMut(&str, String) -> String) -> io::Result<()> {
        for name in names(&self.root.join(folder))? {
            let path = format!("{folder}/{name}");
            if self.root.join(&path).is_dir() {
                self.copy_all(&path, change)?;
            } else {
                let text = change(&path, fs::read_to_string(self.root.join(&path))?);
                self.write(&path, &text)?;
            }
        }
        Ok(())
    }

    fn copy(&mut self, path: &str) -> io::Result<()> {
        let text = fs::read_to_string(self.root.join(path))?;
        self.write(path, &text)
    }

    fn write(&mut self, path: &str, text: &str) -> io::Result<()> {
        self.written.insert(path.to_owned());
        let file = self.package.join(path);
        if fs::read_to_string(&file).is_ok_and(|there| there == text) {
            return Ok(());
        }
        fs::create_dir_all(file.parent().expect("it is inside of the package"))?;
        fs::write(file, text)
    }

    fn remove_others(&self, folder: &str) -> io::Result<()> {
        for name in names(&self.package.join(folder))? {
            let path = format!("{folder}/{name}");
            if self.package.join(&path).is_dir() {
                self.remove_others(&path)?;
            } else if !self.written.contains(&path) {
                fs::remove_file(self.package.join(&path))?;
            }
        }
        Ok(())
    }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<io::Result<_>>()?;
    names.sort();
    Ok(names)
}

/// Tests of it name it by its name.
fn library(parts: &str) -> String {
    format!("#![allow(warnings)]\nextern crate self as pagerpal;\npub mod mutant;\n{parts}")
}

fn manifest(root: &Path) -> io::Result<String> {
    let core = fs::read_to_string(root.join("tools/core/Cargo.toml"))?;
    let (_, crates) = core.split_once("[dependencies]\n").ok_or_else(|| Error::other("tools/core has no crates"))?;
    let whole = fs::read_to_string(root.join("Cargo.toml"))?;
    let mut lines = crates.to_owned();
    for name in TEST_CRATES {
        let line = whole.lines().find(|line| line.starts_with(&format!("{name} = ")));
        lines.push_str(line.ok_or_else(|| Error::other(format!("Cargo.toml has no line for {name}")))?);
        lines.push('\n');
    }
    let quick: String = QUICK.iter().map(|name| format!("[profile.dev.package.{name}]\nopt-level = 3\n")).collect();
    Ok(format!(
        "[package]\nname = \"changed\"\nedition = \"2024\"\n\n[features]\nfaults = []\n\n[dependencies]\n{lines}\n\
         [profile.dev]\nopt-level = 1\ndebug = false\nincremental = false\noverflow-checks = true\n\n{quick}\n\
         [workspace]\n"
    ))
}

/// The scenarios as a test for each file instead of one for all, so that a change meets those alone that come by it.
fn one_test_each(root: &Path, text: &str) -> io::Result<String> {
    const ALL: &str = "#[test]\nfn every_scenario_happens_as_written";
    if !text.contains(ALL) {
        return Err(Error::other("the test of all scenarios has another name"));
    }
    let mut text = text.replace(ALL, "fn every_scenario_happens_as_written");
    for name in names(&root.join("tests/scenarios"))? {
        let Some(plain) = name.strip_suffix(".txt") else { continue };
        text.push_str(&format!(
            "\n#[test]\nfn file_{plain}() {{\n    let file = Path::new(env!(\"CARGO_MANIFEST_DIR\")).join(\"tests/scenarios/{name}\");\n    \
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
        // The others say only what it should fit.
        let spans = message["message"]["spans"].as_array().into_iter().flatten();
        for span in spans.filter(|span| span["is_primary"] == true) {
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
    // An error may also lie in a file of a crate, which is not read here.
    let within = lines.iter().take(last).skip(first.saturating_sub(1)).flat_map(on).collect::<Vec<u32>>();
    if !within.is_empty() {
        return within;
    }
    lines[..first.min(lines.len())].iter().rev().take(6).map(on).find(|found| !found.is_empty()).unwrap_or_default()
}
