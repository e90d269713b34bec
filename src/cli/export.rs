//! `export`: the configuration as one document, or the history as lines, while a server runs or not.

use crate::cli::open::{self, say};
use crate::cli::target::{self, NoAnswer, Target};
use crate::cli::{Exit, ExportArgs, Global, answer};
use crate::config::Config;
use crate::store::backup::files;
use crate::web::api::history::{self, NotWritten};
use crate::web::control::{Answer, Ask};
use serde_json::json;
use std::io::{self, BufWriter, Write};
use std::path::Path;

pub fn run(config: &Config, global: &Global, args: &ExportArgs) -> Exit {
    let target = match target::find(config) {
        Ok(target) => target,
        Err(exit) => return exit,
    };
    if args.history {
        return history(global, target, args.file.as_deref().filter(|path| *path != Path::new("-")));
    }
    let (document, left_out) = match document(config, target, args.include_secrets) {
        Ok(written) => written,
        Err(exit) => return exit,
    };
    let exit = match args.file.as_deref().filter(|path| *path != Path::new("-")) {
        None => super::print_bytes(&document),
        Some(path) => match files::save(path, |out| out.write_all(&document)) {
            Ok(()) => {
                eprintln!("Written to {}.", path.display());
                answer(global, &json!({ "file": path, "left_out": left_out }), "")
            }
            Err(error) => return say(Exit::Failed, &format!("{} cannot be written: {error}.", path.display())),
        },
    };
    for sentence in &left_out {
        eprintln!("Left out: {sentence}");
    }
    if !left_out.is_empty() {
        return say(Exit::VerificationFailed, "Some secrets could not be read and are not in the document.");
    }
    exit
}

/// In the file, or in standard output.
fn history(global: &Global, target: Target, file: Option<&Path>) -> Exit {
    let write = |out: &mut dyn Write| match target {
        Target::Server(server) => match server.ask(Ask::History, out, &mut |_| true)? {
            Answer::History { incidents } => Ok(incidents),
            other => Err(NoAnswer::Refused(format!("an answer to another question: {other:?}"))),
        },
        Target::File(opened) => history::write(&opened.app, out).map_err(|error| match error {
            NotWritten::Write(error) => NoAnswer::Write(error),
            NotWritten::App(error) => NoAnswer::Refused(error.to_string()),
        }),
    };
    let written = match file {
        Some(path) => files::save(path, write),
        None => write(&mut BufWriter::new(io::stdout().lock())),
    };
    match written {
        Ok(incidents) => {
            let place = file.map_or("standard output".to_owned(), |path| path.display().to_string());
            eprintln!("Written {incidents} incidents to {place}.");
            // Standard output may be the history itself.
            file.map_or(Exit::Done, |path| answer(global, &json!({ "file": path, "incidents": incidents }), ""))
        }
        Err(NoAnswer::Write(error)) if file.is_none() && error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(NoAnswer::Write(error)) => say(Exit::Failed, &format!("The history cannot be written: {error}.")),
        Err(error) => say(Exit::DatabaseUnreachable, &format!("There is no export: {error}.")),
    }
}

fn document(config: &Config, target: Target, secrets: bool) -> Result<(Vec<u8>, Vec<String>), Exit> {
    let failed =
        |error: &dyn std::fmt::Display| say(Exit::DatabaseUnreachable, &format!("There is no export: {error}."));
    match target {
        Target::Server(server) => {
            let mut document = Vec::new();
            match server.ask(Ask::Export { secrets }, &mut document, &mut |_| true) {
                Ok(Answer::Export { left_out }) => Ok((document, left_out)),
                Ok(other) => Err(failed(&NoAnswer::Refused(format!("an answer to another question: {other:?}")))),
                Err(error) => Err(failed(&error)),
            }
        }
        Target::File(mut opened) => {
            if secrets {
                open::take_secret_key(config, &mut opened.app)?;
            }
            let exported = opened.app.export(secrets).map_err(|error| failed(&error))?;
            Ok((exported.document.write(), exported.left_out))
        }
    }
}
