//! `migrate`: shows what a database of an older version has before it, and does it.

use crate::cli::open::{self, say};
use crate::cli::{Exit, MigrateArgs, Migration};
use crate::config::Config;
use crate::store::FORMAT;
use crate::store::migrate::{self, steps_from};

pub fn run(config: &Config, args: &MigrateArgs) -> Exit {
    let path = config.data_dir.join(open::FILE_NAME);
    if !path.exists() {
        let sentence = format!("There is no database at {}. Set DATA_DIR to where it is.", path.display());
        return say(Exit::DatabaseUnreachable, &sentence);
    }
    let found = match migrate::pending(&path) {
        Ok(None) => return super::print(&format!("Up to date: format {FORMAT}.\n")),
        Ok(Some(found)) => found,
        Err(error) => return say(open::exit_of(&error), &error.to_string()),
    };
    let mut said = format!("Format {found}; this version needs {FORMAT}.\n");
    for step in steps_from(found) {
        said += &format!("  {step}\n");
    }
    match (super::print(&said), args.what) {
        (Exit::Done, Migration::Up) => match open::bring_up_to_date(&path) {
            Ok(_) => Exit::Done,
            Err(error) => say(open::exit_of(&error), &error.to_string()),
        },
        (exit, _) => exit,
    }
}
