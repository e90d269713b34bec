//! `cargo xtask schema`: writes the files that are made from the code, by letting the tests that compare them accept.
//!
//! What it changes is for a reviewer to read: `schema/` (stored records, tables, routes), `.env.example`,
//! `packaging/pagerpal.toml` and `packaging/man`. Goldens of behaviour (`tests/scenarios`, `tests/data`) are not touched: those are changed
//! by whoever changes the behaviour, one at a time.

use crate::step::{Result, run_with};

pub fn run() -> Result {
    let accept = [("UPDATE_GOLDEN", "1")];
    run_with("cargo", &["test", "--locked", "--lib", "--", "config::document", "cli::man"], &accept)?;
    run_with("cargo", &["test", "--locked", "--test", "it", "--", "schema::", "the_published_table_of_routes"], &accept)
}
