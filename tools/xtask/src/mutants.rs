//! `cargo xtask mutants [--file NAME …]`: whether the tests of the core notice when it decides otherwise.
//!
//! cargo-mutants changes one thing at a time (`<` into `<=`, a function into a constant) and runs the tests, which must fail.
//! Of the whole crate that would take a minute each, so the core stands alone for it: `target/mutants` gets a package of
//! `src/domain`, which needs nothing else of ours, and a change costs seconds. What the tests of `tests/it` and the
//! simulation would notice does not count here.

use crate::step::{Result, cargo, repository};
use std::fs;
use std::io;
use std::path::Path;

const PACKAGE: &str = "target/mutants/core";
/// What the core may use, as `tests/it/tidy/arrows.rs` says, and what its tests use.
const CRATES: [&str; 4] = ["croner", "jiff", "serde", "proptest"];
/// Beside `src/domain`, what it names.
const FILES: [&str; 2] = ["src/planted.rs", "assets/common_passwords.txt"];

/// `arguments` go to cargo-mutants, which explains them.
pub fn run(arguments: &[&str]) -> Result {
    prepare(&repository().join(PACKAGE)).map_err(|error| format!("{PACKAGE}: {error}"))?;
    cargo(&[&["mutants", "--dir", PACKAGE, "--output", "target/mutants"], arguments].concat())
}

fn prepare(package: &Path) -> io::Result<()> {
    let root = repository();
    let _ = fs::remove_dir_all(package);
    copy(&root.join("src/domain"), &package.join("src/domain"))?;
    fs::create_dir_all(package.join("assets"))?;
    for file in FILES {
        fs::copy(root.join(file), package.join(file))?;
    }
    let whole = fs::read_to_string(root.join("Cargo.toml"))?;
    let lines = CRATES.map(|name| {
        let line = whole.lines().find(|line| line.starts_with(&format!("{name} = ")));
        line.unwrap_or_else(|| panic!("Cargo.toml has no line for {name}"))
    });
    let manifest = format!(
        "[package]\nname = \"core-alone\"\nedition = \"2024\"\n\n[features]\nfaults = []\n\n[dependencies]\n{}\n\n\
         [profile.dev]\ndebug = false\n\n[profile.dev.package.\"*\"]\nopt-level = 1\n\n[workspace]\n",
        lines.join("\n")
    );
    fs::write(package.join("Cargo.toml"), manifest)?;
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock"))?;
    fs::write(package.join("src/lib.rs"), "pub mod domain;\npub mod planted;\n")
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)?.flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
