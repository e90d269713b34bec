//! `cargo xtask mutants [FILE …]`: whether unit tests and scenarios notice that one thing in the core is changed. Without a
//! file it is all of `src/domain`. What it changes and how is said in `tools/mutants`.

use crate::step::{Result, cargo};

pub fn run(files: &[&str]) -> Result {
    cargo(&[&["run", "--quiet", "--locked", "--manifest-path", "tools/mutants/Cargo.toml", "--"], files].concat())
}
