//! `cargo xtask screenshots`: photographs every page, at a desk and on a phone, in light and in dark, into
//! `target/screenshots`.
//!
//! It is the test that looks at every page, told to take a camera along: `tests/it/looks.rs`. The organisation on the
//! pictures is the same each time, at the same minute of the same night.

use crate::step::{Result, run_with};

pub fn run() -> Result {
    let camera = [("SCREENSHOTS", "1")];
    run_with("cargo", &["test", "--locked", "--test", "it", "--", "looks::"], &camera)
}
