//! Every promise of RELIABILITY.md and SECURITY.md names the tests that hold it, and each of them is there.

use super::{REPOSITORY, Verdict, hold};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The last column of a table that is about tests.
const COLUMN: &str = "Tests";

/// Names as the tables write them: `it::kill::a_test`, `store::writer::a_test`, `sim::S3`, `scenarios/crash.txt`.
static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut known = BTreeSet::new();
    for (path, text) in REPOSITORY.iter() {
        if let Some(scenario) = path.strip_prefix("tests/").filter(|path| path.ends_with(".txt")) {
            known.insert(scenario.to_owned());
        }
        let Some(module) = module(path) else { continue };
        known.extend(tests(text).map(|name| format!("{module}::{name}")));
        if module.starts_with("sim") {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let words = code.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()));
            let is_promise = |word: &&str| word.starts_with(['S', 'L']) && word[1..].parse::<u8>().is_ok();
            known.extend(words.filter(|word| !word.is_empty()).filter(is_promise).map(|word| format!("sim::{word}")));
        }
        if path == "tools/fuzz/tests/replay.rs" {
            let list = text.split("\nreplays! {").nth(1).and_then(|rest| rest.split('}').next()).unwrap_or_default();
            known.extend(list.split_whitespace().map(|target| format!("fuzz::{target}")));
        }
    }
    known
});

/// `src/store/writer/tests.rs` is `store::writer`, `tests/it/kill.rs` is `it::kill`, `tools/sim/src/run.rs` is `sim::run`.
fn module(path: &str) -> Option<String> {
    let inside = path.strip_suffix(".rs")?;
    let inside = inside.strip_prefix("src/").or(inside.strip_prefix("tests/")).or(inside.strip_prefix("tools/"))?;
    let parts = inside.split('/').filter(|part| !matches!(*part, "src" | "tests" | "mod" | "main" | "lib"));
    Some(parts.map(|part| part.strip_suffix("_tests").unwrap_or(part)).collect::<Vec<_>>().join("::"))
}

/// The functions below `#[test]` and its like.
fn tests(text: &str) -> impl Iterator<Item = &str> {
    let is_test = |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let mut lines = text.lines().map(str::trim);
    std::iter::from_fn(move || {
        lines.by_ref().find(|line| is_test(line))?;
        let named = lines.by_ref().find(|line| !line.starts_with("#["))?;
        named.split("fn ").nth(1).and_then(|rest| rest.split('(').next())
    })
}

fn promises(path: &str, text: &str) -> Verdict {
    if !text.contains(&format!("| {COLUMN} |")) || !path.ends_with(".md") {
        return None;
    }
    let mut found = Vec::new();
    let mut is_inside = false;
    for (number, line) in text.lines().enumerate() {
        let is_head = line.ends_with(&format!("| {COLUMN} |"));
        is_inside = line.starts_with('|') && (is_inside || is_head);
        if !is_inside || is_head || line.starts_with("|--") {
            continue;
        }
        let tests = line.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
        if tests.starts_with("Reason: ") {
            continue;
        }
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        let missing = names.iter().filter(|name| !KNOWN.contains(**name));
        found
            .extend(missing.map(|name| (number + 1, format!("there is no test {name}: name the one that holds this"))));
        if names.is_empty() {
            found.push((number + 1, "name a test that holds this, or the `Reason: ` why there is none".to_owned()));
        }
    }
    Some(found)
}

#[test]
fn every_promise_names_the_tests_that_hold_it() {
    let table = |row: &str| format!("| Fault | Promise | {COLUMN} |\n|---|---|---|\n{row}\n");
    for sound in [
        "| a | b | `it::tidy::promises::every_promise_names_the_tests_that_hold_it` |",
        "| a | b | Reason: not there |",
    ] {
        assert_eq!(promises("README.md", &table(sound)), Some(vec![]), "{sound}");
    }
    hold(
        promises,
        &[
            ("README.md", &table("| a | b | – |")),
            ("README.md", &table("| a | b | `it::kill::that_was_never_written` |")),
            ("README.md", &table("| a | b | `scenarios/never.txt`, `sim::S3` |")),
            ("README.md", &table("| a | b | `sim::S99` |")),
        ],
    );
}
