//! The binary: everything else is in the library.

use clap::Parser;
use pagerpal::cli::{self, Arguments};
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(Arguments::parse()).into()
}
