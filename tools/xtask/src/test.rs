//! `cargo xtask test`: everything a change must pass, cheapest question first where the order is free.
//!
//! The release binary is built before the tests because those of `tests/it` that start PagerPal start that one: the
//! file people install, static and optimised, not a debug build that behaves otherwise under load. Nothing here changes
//! Cargo.lock, so that a forgotten one is noticed.

use crate::needs;
use crate::step::{Result, cargo};

pub fn run() -> Result {
    needs::run()?;
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    cargo(&["build", "--locked", "--release"])?;
    cargo(&["test", "--locked", "--workspace"])
}
