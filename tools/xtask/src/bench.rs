//! `cargo xtask bench ingest`: builds the release binary and measures it beside the yardsticks of `tools/bench`.
//! `cargo xtask bench browse`: the same for the pages of an installation with 100,000 incidents.
//! `cargo xtask bench scale`: the same with a million open incidents: memory, start after kill -9, timers, pages.
//! `cargo xtask bench rates`: the one row of `ingest` that is judged.
//! `cargo xtask bench oncall`: measures how long it takes to say who is on call, which needs no binary.
//! `cargo xtask bench body`: the same for reading the body of an alert.
//!
//! The binary is built by itself, as the tests build it, so that what is measured is what people install.

use crate::step::{Result, cargo};

/// `arguments` go to the measuring program, which explains them.
pub fn run(arguments: &[&str]) -> Result {
    if let [name @ ("oncall" | "body"), filters @ ..] = arguments {
        let bench = ["bench", "--quiet", "--locked", "--package", "bench", "--bench", name, "--"];
        return cargo(&[&bench, filters].concat());
    }
    cargo(&["build", "--locked", "--release"])?;
    let bench = ["run", "--quiet", "--locked", "--release", "--package", "bench", "--"];
    cargo(&[&bench, arguments].concat())
}
