//! `cargo xtask bench ingest`: builds the release binary and measures it beside the yardsticks of `tools/bench`.
//!
//! The binary is built by itself, as the tests build it, so that what is measured is what people install.

use crate::step::{Result, cargo};

/// `arguments` go to the measuring program, which explains them.
pub fn run(arguments: &[&str]) -> Result {
    cargo(&["build", "--locked", "--release"])?;
    let bench = ["run", "--quiet", "--locked", "--release", "--package", "bench", "--"];
    cargo(&[&bench, arguments].concat())
}
