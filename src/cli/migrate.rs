//! `migrate`: shows what a database of an older version has before it, and does it.

use crate::cli::open::{self, say};
use crate::cli::{Exit, Global, MigrateArgs, Migration, answer};
use crate::config::Config;
use crate::store::FORMAT;
use crate::store::migrate::{self, steps_from};
use serde_json::json;

pub fn run(config: &Config, global: &Global, args: &MigrateArgs) -> Exit {
    let path = config.data_dir.join(open::FILE_NAME);
    if !path.exists() {
        let sentence = format!("There is no database at {}. Set DATA_DIR to where it is.", path.display());
        return say(Exit::DatabaseUnreachable, &sentence);
    }
    let found = match migrate::pending(&path) {
        Ok(None) => {
            let told = json!({ "format": FORMAT, "needed": FORMAT, "steps": [] });
            return answer(global, &told, &format!("Up to date: format {FORMAT}.\n"));
        }
        Ok(Some(found)) => found,
        Err(error) => return say(open::exit_of(&error), &error.to_string()),
    };
    let steps = steps_from(found);
    let mut said = format!("Format {found}; this version needs {FORMAT}.\n");
    for step in &steps {
        said += &format!("  {step}\n");
    }
    let told = json!({ "format": found, "needed": FORMAT, "steps": steps });
    match (answer(global, &told, &said), args.what) {
        (Exit::Done, Migration::Up) => match open::bring_up_to_date(&path) {
            Ok(_) => Exit::Done,
            Err(exit) => exit,
        },
        (exit, _) => exit,
    }
}
