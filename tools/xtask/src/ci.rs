//! `cargo xtask ci`: `test`, and what needs a tool that not every machine has.

use crate::step::{Result, cargo, output};
use crate::test;

pub fn run() -> Result {
    test::run()?;
    // Not installed from here: a supply-chain check that fetches its own checker by itself proves little.
    match output("cargo", &["deny", "--version"]) {
        Some(_) => cargo(&["deny", "--locked", "check"]),
        None => {
            println!(
                "\n==> cargo deny: SKIPPED, not installed (`cargo install cargo-deny`); licences and advisories unchecked"
            );
            Ok(())
        }
    }
}
