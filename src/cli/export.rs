//! `export`: the configuration as one document, while a server runs or not.

use crate::cli::open::{self, say};
use crate::cli::target::{self, NoAnswer, Target};
use crate::cli::{Exit, ExportArgs};
use crate::config::Config;
use crate::store::backup::files;
use crate::web::control::{Answer, Ask};
use std::path::Path;

pub fn run(config: &Config, args: &ExportArgs) -> Exit {
    let target = match target::find(config) {
        Ok(target) => target,
        Err(exit) => return exit,
    };
    let (document, left_out) = match document(config, target, args.include_secrets) {
        Ok(written) => written,
        Err(exit) => return exit,
    };
    let exit = match args.file.as_deref().filter(|path| *path != Path::new("-")) {
        None => super::print_bytes(&document),
        Some(path) => match files::save(path, |out| out.write_all(&document)) {
            Ok(()) => {
                eprintln!("Written to {}.", path.display());
                Exit::Done
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
