//! `verify`: reads every record, recomputes every index, walks the audit log, and says what is wrong. Of a running
//! server's database, of a file, or of a backup, which is restored aside for it.

use crate::age::{self, Identity};
use crate::app::audit;
use crate::app::backups::{self, Restored, Scratch};
use crate::cli::open::{self, Opened, say};
use crate::cli::progress::{Bar, stopped_by_interrupt};
use crate::cli::target::{self, Target};
use crate::cli::{Exit, Global, VerifyArgs, answer, restore};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::random::SystemRandom;
use crate::web::control::{Answer, Ask};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

pub fn run(config: &Config, global: &Global, args: &VerifyArgs) -> Exit {
    match &args.file {
        None => match target::find(config) {
            Ok(Target::File(opened)) => file(global, &opened),
            Ok(Target::Server(server)) => match server.ask(Ask::Verify, &mut std::io::sink(), &mut |_| true) {
                Ok(Answer::Verify { records, index_rows, problems, audit_entries, audit_head }) => {
                    let log = Log { entries: audit_entries, head: audit_head };
                    verdict(global, "the server's database", records, index_rows, &problems, &log)
                }
                Ok(other) => say(Exit::Failed, &format!("The server answered another question: {other:?}.")),
                Err(error) => say(Exit::DatabaseUnreachable, &format!("There is no verdict: {error}.")),
            },
            Err(exit) => exit,
        },
        Some(path) if !path.exists() => {
            say(Exit::NotFound, &format!("There is no {}. Name a database or a backup.", path.display()))
        }
        Some(path) if is_backup(path) => match super::backup::identities(args.identity.as_deref()) {
            Ok(identities) => backup(config, global, path, &identities),
            Err(exit) => exit,
        },
        Some(path) => match open::open_file(config, path) {
            Ok(opened) => file(global, &opened),
            Err(exit) => exit,
        },
    }
}

/// By the first bytes, which are those of gzip or of age.
fn is_backup(path: &Path) -> bool {
    let mut beginning = Vec::new();
    let read = File::open(path).and_then(|file| file.take(age::MAGIC.len() as u64).read_to_end(&mut beginning));
    read.is_ok() && (beginning.starts_with(&[0x1f, 0x8b]) || beginning == age::MAGIC)
}

fn file(global: &Global, opened: &Opened) -> Exit {
    let found = match opened.app.verify() {
        Ok(found) => found,
        Err(error) => return say(Exit::VerificationFailed, &error.to_string()),
    };
    match opened.app.read(audit::verify) {
        Ok(log) => {
            let place = opened.path.display().to_string();
            let log = Log { entries: log.entries, head: log.head };
            verdict(global, &place, found.records, found.index_rows, &found.problems, &log)
        }
        Err(error) => say(Exit::VerificationFailed, &error.to_string()),
    }
}

struct Log {
    entries: u64,
    head: String,
}

fn verdict(global: &Global, place: &str, records: u64, index_rows: u64, problems: &[String], log: &Log) -> Exit {
    let Log { entries, head } = log;
    let told = json!({
        "sound": problems.is_empty(),
        "records": records,
        "index_rows": index_rows,
        "problems": problems,
        "audit_entries": entries,
        "audit_head": head,
    });
    let log = format!("Audit log: {entries} entries, ending with {head}.");
    tell(global, place, &told, problems, &format!("Sound: {records} records, {index_rows} index rows.\n{log}\n"))
}

fn tell(global: &Global, place: &str, told: &Value, problems: &[String], sound: &str) -> Exit {
    if problems.is_empty() {
        return answer(global, told, sound);
    }
    answer(global, told, &super::lines(problems));
    say(Exit::VerificationFailed, &format!("{} problems in {place}.", problems.len()))
}

/// Restores a backup into a scratch directory, which is gone afterwards.
pub fn backup(config: &Config, global: &Global, path: &Path, identities: &[Identity]) -> Exit {
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
    let restored =
        backups::restore(input, identities, &scratch.file(), clock, random, &mut |progress| bar.step(progress));
    bar.end();
    match restored {
        Ok(Restored { head, records, index_rows, problems, .. }) => {
            let taken_at = head.taken_at.to_string();
            let told = json!({
                "sound": problems.is_empty(),
                "records": records,
                "index_rows": index_rows,
                "problems": problems,
                "taken_at": taken_at,
                "lineage": head.lineage,
            });
            let lineage = head.lineage;
            let sound =
                format!("Sound: {records} records, {index_rows} index rows, of {taken_at}, lineage {lineage}.\n");
            tell(global, &path.display().to_string(), &told, &problems, &sound)
        }
        Err(error) => restore::refused(path, &error),
    }
}
