//! `verify`: reads every record, recomputes every index, walks the audit log, and says what is wrong. Of a running
//! server's database, of a file, or of a backup, which is restored aside for it.

use crate::app::audit;
use crate::app::backups::{self, Restored, Scratch};
use crate::cli::open::{self, Opened, say};
use crate::cli::progress::{Bar, stopped_by_interrupt};
use crate::cli::target::{self, Target};
use crate::cli::{Exit, Global, VerifyArgs, restore};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::random::SystemRandom;
use crate::web::control::{Answer, Ask};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

pub fn run(config: &Config, global: &Global, args: &VerifyArgs) -> Exit {
    match &args.file {
        None => match target::find(config) {
            Ok(Target::File(opened)) => file(&opened),
            Ok(Target::Server(server)) => match server.ask(Ask::Verify, &mut std::io::sink(), &mut |_| true) {
                Ok(Answer::Verify { records, index_rows, problems, audit_entries, audit_head }) => {
                    verdict("the server's database", records, index_rows, &problems, audit_entries, &audit_head)
                }
                Ok(other) => say(Exit::Failed, &format!("The server answered another question: {other:?}.")),
                Err(error) => say(Exit::DatabaseUnreachable, &format!("There is no verdict: {error}.")),
            },
            Err(exit) => exit,
        },
        Some(path) if !path.exists() => {
            say(Exit::NotFound, &format!("There is no {}. Name a database or a backup.", path.display()))
        }
        Some(path) if is_backup(path) => backup(config, global, path),
        Some(path) => match open::open_file(config, path) {
            Ok(opened) => file(&opened),
            Err(exit) => exit,
        },
    }
}

/// By the first two bytes, which are those of gzip.
fn is_backup(path: &Path) -> bool {
    let mut beginning = [0; 2];
    File::open(path).and_then(|mut file| file.read_exact(&mut beginning)).is_ok() && beginning == [0x1f, 0x8b]
}

fn file(opened: &Opened) -> Exit {
    let found = match opened.app.verify() {
        Ok(found) => found,
        Err(error) => return say(Exit::VerificationFailed, &error.to_string()),
    };
    match opened.app.read(audit::verify) {
        Ok(log) => {
            let place = opened.path.display().to_string();
            verdict(&place, found.records, found.index_rows, &found.problems, log.entries, &log.head)
        }
        Err(error) => say(Exit::VerificationFailed, &error.to_string()),
    }
}

fn verdict(place: &str, records: u64, index_rows: u64, problems: &[String], entries: u64, head: &str) -> Exit {
    if problems.is_empty() {
        let log = format!("Audit log: {entries} entries, ending with {head}.");
        return super::print(&format!("Sound: {records} records, {index_rows} index rows.\n{log}\n"));
    }
    for problem in problems {
        println!("{problem}");
    }
    say(Exit::VerificationFailed, &format!("{} problems in {place}.", problems.len()))
}

/// Restores a backup into a scratch directory, which is gone afterwards.
pub fn backup(config: &Config, global: &Global, path: &Path) -> Exit {
    let input = match super::backup::read(path) {
        Ok(input) => input,
        Err(exit) => return exit,
    };
    let parent = if config.data_dir.is_dir() { config.data_dir.clone() } else { std::env::temp_dir() };
    let scratch = parent.join(format!("verify-{}.new", std::process::id()));
    let scratch = match Scratch::new(&scratch) {
        Ok(scratch) => scratch,
        Err(error) => return say(Exit::NotPermitted, &format!("{} cannot be made: {error}.", scratch.display())),
    };
    let (clock, random) = (Arc::new(SystemClock::new()), Arc::new(SystemRandom));
    let mut bar = Bar::new("Verifying", global.progress, stopped_by_interrupt());
    let restored = backups::restore(input, &scratch.file(), clock, random, &mut |progress| bar.step(progress));
    bar.end();
    match restored {
        Ok(Restored { head, records, index_rows, problems, .. }) if problems.is_empty() => super::print(&format!(
            "Sound: {records} records, {index_rows} index rows, of {}, lineage {}.\n",
            head.taken_at, head.lineage
        )),
        Ok(Restored { problems, .. }) => {
            for problem in &problems {
                println!("{problem}");
            }
            say(Exit::VerificationFailed, &format!("{} problems in {}.", problems.len(), path.display()))
        }
        Err(error) => restore::refused(path, &error),
    }
}
