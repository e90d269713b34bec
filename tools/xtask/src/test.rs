//! `cargo xtask test`: everything a change must pass, cheapest question first where the order is free.
//!
//! The release binary is built before the tests because those of `tests/it` that start PagerPal start that one: the
//! file people install, static and optimised, not a debug build that behaves otherwise under load. Most of that build is one
//! thread at work, so the tests are built beside it. Nothing here changes Cargo.lock, so that a forgotten one is noticed.

use crate::needs;
use crate::step::{Result, cargo};

pub fn run() -> Result {
    needs::run()?;
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    std::thread::scope(|scope| {
        let release = scope.spawn(|| cargo(&["build", "--locked", "--release"]));
        let tests = cargo(&["test", "--locked", "--workspace", "--no-run"]);
        release.join().expect("it says what is wrong, and does not panic").and(tests)
    })?;
    cargo(&["test", "--locked", "--workspace"])
}
