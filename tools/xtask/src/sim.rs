//! `cargo xtask sim --seeds N`: plays so many nights of the simulation, in a release build.
//! `cargo xtask sim --planted all`: proves that it finds each fault that can be planted, and nothing without one.

use crate::step::{Result, cargo};

/// `arguments` go to the simulation, which explains them.
pub fn run(arguments: &[&str]) -> Result {
    cargo(&[&["run", "--quiet", "--locked", "--release", "--package", "sim", "--"], arguments].concat())
}
