//! Every error that a command prints or the log holds has its line in the manual, `assets/manual/shell.md`, and the manual
//! has no line that nothing prints.
//!
//! A message counts as said there when every run of two words or more between its placeholders is on the page: so a
//! message made of parts is found by its parts.

use super::source::{code, literals};
use super::{REPOSITORY, TEST_MODULES};
use std::collections::BTreeSet;

const PAGE: &str = "assets/manual/shell.md";

/// What an error text is handed to.
const SINKS: [&str; 6] = ["say", "Err", "#[error", "let sentence = format!", "tracing::error!", "tracing::warn!"];

/// Where an error of the library reaches a command's output or the log as it is.
const PRINTED: [&str; 8] = [
    "src/cli/",
    "src/store/engine/mod.rs",
    "src/store/mod.rs",
    "src/store/codec.rs",
    "src/store/backup/reader.rs",
    "src/egress.rs",
    "src/web/server.rs",
    "src/web/tls.rs",
];

/// Nobody ever reads these: the store tries again by itself, and the others are no errors.
const NOT_PRINTED: [&str; 4] = [
    "what was read has changed since",
    "set, {} bytes",
    "systemd credential {credential}",
    "a test parses every default",
];

/// The messages that must be on the page, each with its file.
fn messages() -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for (path, text) in REPOSITORY.iter().filter(|(path, _)| path.starts_with("src/") && path.ends_with(".rs")) {
        if TEST_MODULES.contains(path) {
            continue;
        }
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
        // What a refusal in there reads is always part of a message.
        let all = path == "src/cli/config_show.rs"
            || path.starts_with("src/config/") && !path.ends_with("keys.rs") && !path.ends_with("document.rs");
        let code: Vec<char> = code(text).chars().collect();
        for (at, literal) in literals(text) {
            let before = || openers(&code[..at]);
            let is_log = |opener: &String| opener.ends_with("tracing::error!") || opener.ends_with("tracing::warn!");
            let is_sink = |opener: &String| {
                SINKS.iter().any(|sink| opener.strip_suffix(sink).is_some_and(|before| !before.ends_with('.')))
            };
            let is_plain = || code[..at].iter().collect::<String>().trim_end().ends_with("let sentence =");
            let is_message = all
                || before().iter().any(is_log)
                || PRINTED.iter().any(|printed| path.starts_with(printed))
                    && (is_plain() || before().iter().any(is_sink));
            if is_message && !NOT_PRINTED.contains(&literal.as_str()) {
                found.push((path.as_str(), literal));
            }
        }
    }
    found
}

/// What stands before each parenthesis that is still open at the end.
fn openers(code: &[char]) -> Vec<String> {
    let mut open: Vec<usize> = Vec::new();
    for (at, c) in code.iter().enumerate() {
        match c {
            '(' => open.push(at),
            ')' => drop(open.pop()),
            _ => {}
        }
    }
    open.into_iter().map(|at| code[at.saturating_sub(30)..at].iter().collect()).collect()
}

/// The runs of words between placeholders, `{…}` in code and … on the page, without what stands around them.
fn pieces(message: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in message.chars().filter(|c| *c != '`') {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ if depth > 0 => continue,
            _ => {}
        }
        match c {
            '{' | '}' | '…' => parts.push(String::new()),
            c => parts.last_mut().expect("it begins with one").push(c),
        }
    }
    let trimmed = parts.iter().map(|part| part.trim_matches(|c: char| !c.is_alphanumeric()).to_owned());
    trimmed.filter(|part| part.split_whitespace().count() > 1).collect()
}

fn page() -> &'static str {
    &REPOSITORY.iter().find(|(path, _)| path == PAGE).expect("the page is there").1
}

#[test]
fn every_error_has_its_line_in_the_manual() {
    let text = page().replace('`', "");
    let messages = messages();
    assert!(messages.len() > 150, "only {} messages were found", messages.len());
    for known in
        ["There is no backup: {why}.", "a round failed; it is tried again", "{} could not be opened: {problem}"]
    {
        assert!(messages.iter().any(|(_, message)| message == known), "{known} is not seen any more");
    }
    let missing: BTreeSet<String> = messages
        .iter()
        .flat_map(|(path, message)| pieces(message).into_iter().map(move |piece| (path, message, piece)))
        .filter(|(_, _, piece)| !text.contains(piece.as_str()))
        .map(|(path, message, piece)| format!("{path}: {message:?}: {piece:?}"))
        .collect();
    let missing: Vec<String> = missing.into_iter().collect();
    assert!(missing.is_empty(), "write its cause and cure into {PAGE}:\n{}", missing.join("\n"));
}

#[test]
fn every_line_of_the_manual_is_printed_somewhere() {
    let product = REPOSITORY.iter().filter(|(path, _)| path.starts_with("src/") && path.ends_with(".rs"));
    let printed: Vec<String> =
        product.flat_map(|(_, text)| literals(text)).map(|(_, literal)| literal.replace('`', "")).collect();
    let mut rows = 0;
    for row in page().lines().filter(|line| line.starts_with("| `")) {
        rows += 1;
        let message = row.trim_start_matches("| ").split(" | ").next().expect("split yields one part at least");
        for part in message.split("`, `") {
            for piece in pieces(part) {
                assert!(
                    printed.iter().any(|literal| literal.contains(&piece)),
                    "nothing prints {piece:?} of {message}"
                );
            }
        }
        assert_eq!(row.matches(" | ").count(), 2, "a message, its cause, its cure: {row}");
    }
    assert!(rows > 100, "only {rows} rows");
}

#[test]
fn a_message_is_found_by_its_parts() {
    assert_eq!(pieces("{} is there: {error}. Use `a b`, or {x:?}"), ["is there", "Use a b, or"]);
    assert_eq!(pieces("(… of …) more; see the log"), ["more; see the log"]);
}
