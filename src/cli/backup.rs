//! `backup`: a consistent copy in one file, while a server runs or not.

use crate::age::Identity;
use crate::app::backups::{self, BackupError, encryption};
use crate::cli::open::say;
use crate::cli::progress::{Bar, megabytes, stopped_by_interrupt};
use crate::cli::target::{self, NoAnswer, Target};
use crate::cli::{BackupArgs, Exit, Global, answer, verify};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::random::{Random, SystemRandom};
use crate::store::backup::files;
use crate::web::control::{Answer, Ask};
use serde_json::json;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub fn run(config: &Config, global: &Global, args: &BackupArgs) -> Exit {
    let target = match target::find(config) {
        Ok(target) => target,
        Err(exit) => return exit,
    };
    let mut bar = Bar::new("Copying", global.progress, stopped_by_interrupt());
    let (recipients, identity) = encryption::with_proof(&config.backups.recipients, &SystemRandom);
    let write = |out: &mut dyn Write| {
        encryption::encrypting(out, &recipients, &SystemRandom, |out| copy(target, out, &mut bar))
    };
    if args.to.is_some() {
        let copied = write(&mut io::stdout().lock());
        bar.end();
        return copied.map_or_else(refused, |copied| told(&copied, "standard output"));
    }
    let path = match place(config, args.file.as_deref()) {
        Ok(path) => path,
        Err(error) => return say(Exit::NotPermitted, &format!("The backup has no place: {error}.")),
    };
    let saved = files::save(&path, write);
    bar.end();
    let copied = match saved {
        Ok(copied) => copied,
        Err(NoAnswer::Write(error)) => {
            return say(Exit::Failed, &format!("{} cannot be written: {error}.", path.display()));
        }
        Err(other) => return refused(other),
    };
    let mut exit = told(&copied, &path.display().to_string());
    if args.verify && exit == Exit::Done {
        exit = verify::backup(config, global, &path, identity.as_slice());
    }
    // Old ones go only once the new one is sure.
    if let (Some(keep), Exit::Done) = (args.keep, exit) {
        exit = prune(&path, keep.into());
    }
    if exit != Exit::Done {
        return exit;
    }
    let told = json!({
        "file": path,
        "records": copied.records,
        "bytes": copied.bytes,
        "is_encrypted": !recipients.is_empty(),
    });
    answer(global, &told, &format!("{}\n", path.display()))
}

struct Copied {
    records: u64,
    bytes: u64,
    left_out: Vec<String>,
}

fn copy(target: Target, out: &mut dyn Write, bar: &mut Bar) -> Result<Copied, NoAnswer> {
    let mut watch = |progress| bar.step(progress);
    match target {
        Target::Server(server) => match server.ask(Ask::Backup, out, &mut watch)? {
            Answer::Backup { records, bytes, left_out } => {
                out.flush()?;
                Ok(Copied { records, bytes, left_out })
            }
            other => Err(NoAnswer::Refused(format!("an answer to another question: {other:?}"))),
        },
        Target::File(opened) => match opened.app.back_up(out, &mut watch) {
            Ok(taken) => Ok(Copied {
                records: taken.head.records(),
                bytes: taken.head.bytes(),
                left_out: taken.left_out.iter().map(ToString::to_string).collect(),
            }),
            Err(BackupError::Write(error)) => Err(NoAnswer::Write(error)),
            Err(BackupError::Stopped) => Err(NoAnswer::Stopped),
            Err(BackupError::Store(error)) => Err(NoAnswer::Refused(error.to_string())),
        },
    }
}

/// In the named file or directory; else in `DATA_DIR/backups`.
fn place(config: &Config, named: Option<&Path>) -> io::Result<PathBuf> {
    let own = config.data_dir.join("backups");
    let directory = match named {
        Some(path) if !path.is_dir() => return Ok(path.to_owned()),
        Some(directory) => directory,
        None => {
            backups::make_private(&own)?;
            &own
        }
    };
    Ok(directory.join(files::name(SystemClock::new().now(), !config.backups.recipients.is_empty())))
}

fn told(copied: &Copied, place: &str) -> Exit {
    let Copied { records, bytes, left_out } = copied;
    eprintln!("Copied {records} records ({}) to {place}.", megabytes(*bytes));
    if left_out.is_empty() {
        return Exit::Done;
    }
    for damage in left_out {
        eprintln!("Left out: {damage}.");
    }
    let sentence = format!("{} damaged records are not in the backup. Keep the older ones.", left_out.len());
    say(Exit::VerificationFailed, &sentence)
}

fn refused(why: NoAnswer) -> Exit {
    let exit = match &why {
        NoAnswer::Refused(_) | NoAnswer::Gone(_) => Exit::DatabaseUnreachable,
        NoAnswer::Write(_) => Exit::Failed,
        NoAnswer::Stopped => Exit::Interrupted,
    };
    say(exit, &format!("There is no backup: {why}."))
}

fn prune(newest: &Path, keep: usize) -> Exit {
    let directory = newest.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match files::prune(directory, keep, 0) {
        Ok(0) => Exit::Done,
        Ok(removed) => {
            eprintln!("Removed {removed} older backups; {keep} are kept.");
            Exit::Done
        }
        Err(error) => say(Exit::Failed, &format!("Older backups cannot be removed: {error}.")),
    }
}

/// A backup somebody named, or standard input.
pub fn read(path: &Path) -> Result<Box<dyn io::Read>, Exit> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => {
            let exit = match error.kind() {
                io::ErrorKind::NotFound => Exit::NotFound,
                io::ErrorKind::PermissionDenied => Exit::NotPermitted,
                _ => Exit::Failed,
            };
            Err(say(exit, &format!("{} cannot be read: {error}.", path.display())))
        }
    }
}

/// The keys of the file somebody named, if any.
pub fn identities(file: Option<&Path>) -> Result<Vec<Identity>, Exit> {
    let Some(path) = file else { return Ok(vec![]) };
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| say(Exit::NotFound, &format!("{} cannot be read: {error}.", path.display())))?;
    Identity::read_file(&text)
        .map_err(|error| say(Exit::Usage, &format!("{} does not name a key: {error}.", path.display())))
}

/// `backup-key`: a new key, as a file for a place that is not this machine. What encrypts to it goes to standard error, too, for
/// standard output is likely that file.
pub fn new_key(global: &Global) -> Exit {
    let mut bytes = [0; 32];
    SystemRandom.fill(&mut bytes);
    let identity = Identity::new(bytes);
    let recipient = identity.recipient();
    eprintln!("BACKUP_RECIPIENTS={recipient}");
    let told = json!({ "recipient": recipient.to_string(), "identity": identity.expose() });
    answer(global, &told, &format!("# public key: {recipient}\n{}\n", identity.expose()))
}
