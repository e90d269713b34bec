//! `import`: makes the database say what a document says, while a server runs or not.
//!
//! Without `--yes` it rehearses first and asks; so what is shown and what is done may differ by what others changed in
//! between, and what was done is said again.

use crate::app::transfer::NotImported;
use crate::cli::open::{self, Opened, say};
use crate::cli::target::{NoAnswer, Server};
use crate::cli::{Exit, Global, ImportArgs, backup};
use crate::config::Config;
use crate::exchange::document::{Document, MOST_BYTES, NoDocument};
use crate::web::control::{Answer, Ask, means};
use serde_json::json;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;

pub fn run(config: &Config, global: &Global, args: &ImportArgs) -> Exit {
    let bytes = match read(&args.file) {
        Ok(bytes) => bytes,
        Err(exit) => return exit,
    };
    if let Err(NoDocument(sentence)) = Document::read(&bytes) {
        return say(Exit::Failed, &format!("{}: {sentence} Nothing was changed.", args.file.display()));
    }
    if args.dry_run || !args.yes {
        let would = match attempt(config, &bytes, true) {
            Ok(done) => done,
            Err(exit) => return exit,
        };
        let shown = tell(global, &would);
        if args.dry_run || would.changes.is_empty() || shown != Exit::Done {
            return shown;
        }
        if !io::stdin().is_terminal() || args.file == Path::new("-") {
            return say(Exit::Declined, "There is nobody to ask whether to do this: use --yes. Nothing was changed.");
        }
        if !is_agreed() {
            return say(Exit::Declined, "Nothing was changed.");
        }
    }
    match attempt(config, &bytes, false) {
        Ok(done) => tell(global, &done),
        Err(exit) => exit,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Exit> {
    let mut bytes = Vec::new();
    // One more than a document may have, so that a longer one is seen to be.
    let read = backup::read(path)?.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes);
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(say(Exit::Failed, &format!("{} cannot be read: {error}.", path.display()))),
    }
}

fn is_agreed() -> bool {
    eprint!("Do this? [y/N] ");
    let _ = io::stderr().flush();
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.is_ok() && matches!(line.trim().to_lowercase().as_str(), "y" | "yes")
}

struct Done {
    changes: Vec<String>,
    to_do: Vec<String>,
}

/// By the server of the data directory, else in its file; what is to be made is made by the real attempt alone.
fn attempt(config: &Config, bytes: &[u8], dry_run: bool) -> Result<Done, Exit> {
    let not_imported = |complaints: &[String]| {
        for complaint in complaints {
            eprintln!("{complaint}");
        }
        let sentence = format!("{} things in the document cannot be. Nothing was changed.", complaints.len());
        say(Exit::Failed, &sentence)
    };
    if let Some(server) = Server::connect(&config.data_dir) {
        let ask = Ask::Import { bytes: bytes.len() as u64, dry_run };
        return match server.ask_with(ask, bytes, &mut io::sink(), &mut |_| true) {
            Ok(Answer::Import { changes, to_do }) => Ok(Done { changes, to_do }),
            Ok(Answer::NotImported { complaints }) => Err(not_imported(&complaints)),
            Ok(other) => Err(say(Exit::Failed, &format!("The server answered another question: {other:?}."))),
            Err(NoAnswer::Refused(sentence)) => Err(say(Exit::Failed, &sentence)),
            Err(error) => Err(say(Exit::DatabaseUnreachable, &format!("Whether it was imported is unknown: {error}."))),
        };
    }
    let path = config.data_dir.join(open::FILE_NAME);
    if dry_run && !path.exists() {
        let sentence = format!("There is no database at {}; with --yes one is made.", path.display());
        return Err(say(Exit::DatabaseUnreachable, &sentence));
    }
    let Opened { mut app, .. } = open::open(config)?;
    open::take_secret_key(config, &mut app)?;
    let document = Document::read(bytes).map_err(|NoDocument(sentence)| say(Exit::Failed, &sentence))?;
    match app.import(document, means(&app), dry_run) {
        Ok(done) => Ok(Done { changes: done.sentences(dry_run), to_do: done.to_do }),
        Err(NotImported::Refused(complaints)) => {
            Err(not_imported(&complaints.iter().map(ToString::to_string).collect::<Vec<_>>()))
        }
        Err(NotImported::App(error)) => Err(say(Exit::DatabaseUnreachable, &format!("Nothing was changed: {error}."))),
    }
}

fn tell(global: &Global, done: &Done) -> Exit {
    let Done { changes, to_do } = done;
    let words = if changes.is_empty() { "Nothing to change.\n".to_owned() } else { super::lines(changes) };
    let exit = super::answer(global, &json!({ "changes": changes, "to_do": to_do }), &words);
    for sentence in to_do {
        eprintln!("To do: {sentence}");
    }
    exit
}
