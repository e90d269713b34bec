//! `verify`: reads every record, recomputes every index, walks the audit log, and says what is wrong.

use crate::app::audit;
use crate::cli::{Exit, VerifyArgs, open};
use crate::config::Config;

pub fn run(config: &Config, args: &VerifyArgs) -> Exit {
    let path = args.file.clone().unwrap_or_else(|| config.data_dir.join(open::FILE_NAME));
    if !path.exists() {
        let sentence = format!("There is no database at {}. Name the file, or set DATA_DIR.", path.display());
        return open::say(Exit::DatabaseUnreachable, &sentence);
    }
    let opened = match open::open_file(config, &path) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    match opened.app.verify() {
        Ok(found) if found.is_well() => {
            let log = match opened.app.read(audit::verify) {
                Ok(audit) => format!("Audit log: {} entries, ending with {}.\n", audit.entries, audit.head),
                Err(error) => return open::say(Exit::VerificationFailed, &error.to_string()),
            };
            super::print(&format!("Sound: {} records, {} index rows.\n{log}", found.records, found.index_rows))
        }
        Ok(found) => {
            for problem in &found.problems {
                println!("{problem}");
            }
            let count = found.problems.len() as u64 + found.problems_unlisted;
            open::say(Exit::VerificationFailed, &format!("{count} problems in {}.", opened.path.display()))
        }
        Err(error) => open::say(Exit::VerificationFailed, &error.to_string()),
    }
}
