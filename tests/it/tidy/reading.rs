//! How files read: headers, length, nothing unfinished, nothing that only makes sense elsewhere.

use super::source::is_word;
use super::{REPOSITORY, Verdict, allow, hold, product};

fn opening_words(path: &str, text: &str) -> Verdict {
    product(path, text)?;
    let sound = text.starts_with("//!");
    let advice = "open the module with `//!`: what it is for, what it promises, what it leaves to others";
    Some(if sound { vec![] } else { vec![(1, advice.to_owned())] })
}

#[test]
fn every_module_says_what_it_is_for() {
    hold(opening_words, &[("src/app/a.rs", "use crate::app::App;"), ("src/app/a.rs", "// A comment.\n//! Too late.")]);
}

const LONGEST_FILE: usize = 700;

fn length(path: &str, text: &str) -> Verdict {
    let lines = text.lines().count();
    let advice = format!("{lines} lines are more than one idea: look for the seam, and keep below {LONGEST_FILE}");
    path.starts_with("src/").then(|| if lines > LONGEST_FILE { vec![(lines, advice)] } else { vec![] })
}

#[test]
fn files_stay_short_enough_to_be_read() {
    hold(length, &[("src/app/a.rs", "\n".repeat(LONGEST_FILE + 1).as_str())]);
}

/// Written in halves, or this file would break its own rules.
fn joined(halves: &[(&str, &str)]) -> Vec<String> {
    halves.iter().map(|(one, other)| format!("{one}{other}")).collect()
}

fn lines_with(text: &str, words: &[String], advice: impl Fn(&str) -> String) -> Vec<(usize, String)> {
    let lines = text.lines().enumerate();
    let found = lines.filter_map(|(number, line)| {
        let word = words.iter().find(|word| line.contains(word.as_str()))?;
        Some((number + 1, advice(word)))
    });
    found.collect()
}

fn is_ours(path: &str) -> bool {
    !matches!(path, "Cargo.lock" | "LICENSE") && !path.starts_with("tests/data/")
}

fn unfinished(path: &str, text: &str) -> Verdict {
    let words = joined(&[("to", "do!("), ("unimple", "mented!("), ("TO", "DO"), ("FIX", "ME"), ("db", "g!(")]);
    is_ours(path)
        .then(|| lines_with(text, &words, |word| format!("{word} is a promise to nobody: finish it or take it out")))
}

#[test]
fn nothing_is_left_unfinished() {
    hold(
        unfinished,
        &[
            ("src/app/a.rs", &["    to", "do!()"].concat()),
            ("assets/templates/a.html", &["{# TO", "DO #}"].concat()),
            ("tests/it/a.rs", &["db", "g!(x)"].concat()),
        ],
    );
}

/// The repository has to make sense to somebody who has nothing else: no path of the machine it was written on, no
/// document that is not here.
fn self_contained(path: &str, text: &str) -> Verdict {
    if !is_ours(path) {
        return None;
    }
    let words = joined(&[("/wor", "k/"), ("shared/", "design"), ("BRI", "EF"), ("/ho", "me/"), ("/ro", "ot/")]);
    let advice = |word: &str| format!("{word} exists on one machine only: say it in words that hold everywhere");
    let mut found = lines_with(text, &words, advice);
    let endings: &[&str] = if path.ends_with(".md") { &[".md", ".rs"] } else { &[".md"] };
    for (number, line) in text.lines().enumerate() {
        for name in named_files(line, endings) {
            if !REPOSITORY.iter().any(|(path, _)| path == name || path.ends_with(&format!("/{name}"))) {
                found.push((number + 1, format!("{name} is not in this repository: name what is, or explain it here")));
            }
        }
    }
    Some(found)
}

/// The files that a line names, patterns and addresses left out.
fn named_files<'a>(line: &'a str, endings: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let words = line.split(|c: char| !(is_word(c) || matches!(c, '.' | '-' | '/' | '<' | '>' | '*' | ':')));
    let names = words.filter(|word| !word.contains(['<', '*']) && !word.contains("://"));
    let names = names.map(|name| name.trim_end_matches(['.', ':']).trim_start_matches("../"));
    names.filter(|name| endings.iter().any(|ending| name.len() > ending.len() && name.ends_with(ending)))
}

#[test]
fn the_repository_explains_itself() {
    allow(
        self_contained,
        &[("src/app/a.rs", "//! See ARCHITECTURE.md, assets/setup/<kind>.md and https://a.example/b.md.")],
    );
    hold(
        self_contained,
        &[
            ("src/app/a.rs", &["// as in /wor", "k/main"].concat()),
            ("README.md", &["see shared/", "design"].concat()),
            ("src/app/a.rs", &["// reliability", ".md says why"].concat()),
            ("ARCHITECTURE.md", &["see `store/moved", ".rs`"].concat()),
        ],
    );
}
