//! What we depend on, why, and from where.

use super::{Verdict, allow, hold};

/// A line of [dependencies] has its reason above it, or follows the crate it belongs to by name.
fn reasons_for_dependencies(path: &str, text: &str) -> Verdict {
    if path != "Cargo.toml" {
        return None;
    }
    let mut found = Vec::new();
    let mut in_list = false;
    let mut before = "";
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            in_list = line.ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once(" =").filter(|_| in_list && !line.starts_with('#')) {
            let has_reason = before.starts_with("# ") && !before.starts_with("# --");
            let is_family = before.split_once(" =").is_some_and(|(elder, _)| name.starts_with(&format!("{elder}-")));
            if !has_reason && !is_family {
                found.push((number + 1, format!("say in a comment above {name} what it is here for")));
            }
        }
        before = line;
    }
    Some(found)
}

#[test]
fn every_dependency_says_why_it_is_here() {
    allow(
        reasons_for_dependencies,
        &[("Cargo.toml", "[dependencies]\n# Why.\na = 1\na-util = 1\n[profile.release]\nlto = 1")],
    );
    hold(
        reasons_for_dependencies,
        &[
            ("Cargo.toml", "[dependencies]\n# Why.\na = 1\nb = 1"),
            ("Cargo.toml", "[dev-dependencies]\n# -- a heading --\na = 1"),
        ],
    );
}

/// Part of what deny.toml says, for machines without its checker: where crates come from, and which never come.
fn supply(path: &str, text: &str) -> Verdict {
    if path != "Cargo.lock" {
        return None;
    }
    const HOME: &str = "registry+https://github.com/rust-lang/crates.io-index";
    const NEVER: [&str; 4] = ["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl-sys"];
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let value = |key: &str| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"');
        if value("source").is_some_and(|source| source != HOME) {
            found.push((number + 1, "crates come from crates.io alone, as deny.toml says".to_owned()));
        }
        if let Some(name) = value("name").filter(|name| NEVER.contains(name)) {
            found.push((number + 1, format!("{name} does not link statically without C: see the bans in deny.toml")));
        }
    }
    Some(found)
}

#[test]
fn crates_come_from_one_place_and_some_never_come() {
    hold(supply, &[("Cargo.lock", "source = \"git+https://example.org/a\""), ("Cargo.lock", "name = \"openssl-sys\"")]);
}
