//! `serve`.
use crate::cli::Exit;
use crate::config::Config;
pub fn run(_config: &Config) -> Exit {
    Exit::Done
}
