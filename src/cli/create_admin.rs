//! `create-admin`: makes an admin from the shell, while no server has the database open.

use crate::app::users::NewUser;
use crate::app::{Lane, auth, setup};
use crate::cli::open::{self, Opened};
use crate::cli::{CreateAdminArgs, Exit, Global, Input, answer};
use crate::config::Config;
use crate::domain::access::Role;
use crate::domain::password::checked_password;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde_json::json;
use std::io::IsTerminal;

pub fn run(config: &Config, global: &Global, args: &CreateAdminArgs) -> Exit {
    let password = match password(args.password_file.as_ref()) {
        Ok(password) => password,
        Err(sentence) => return open::say(Exit::Usage, &sentence),
    };
    if let Err(refusal) = checked_password(&password, &[&args.email]) {
        return open::say(Exit::Failed, &refusal.sentence);
    }
    let Opened { app, .. } = match open::open(config) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let password_hash = match auth::hash_password(&password, app.random_bytes()) {
        Ok(hash) => hash,
        Err(error) => return open::say(Exit::Failed, &error.to_string()),
    };
    let name = args.name.clone().unwrap_or_else(|| args.email.split('@').next().unwrap_or("admin").to_owned());
    let new = NewUser {
        name,
        email: Some(args.email.clone()),
        role: Role::Admin,
        zone: "UTC".to_owned(),
        password_hash: Some(password_hash),
    };
    match app.write(Lane::People, move |tx| setup::ensure_admin(tx, &new)) {
        Ok((user, is_new)) => {
            if is_new {
                eprintln!("{} can sign in as an admin.", args.email);
            } else {
                eprintln!("{} is an admin with the new password; old sessions have ended.", args.email);
            }
            answer(global, &json!({ "user": user.to_string(), "email": args.email, "is_new": is_new }), "")
        }
        Err(error) => open::say(Exit::Failed, &error.to_string()),
    }
}

/// From the file or standard input if one is named, else asked for on a terminal.
fn password(from: Option<&Input>) -> Result<String, String> {
    let read = match from {
        Some(input) => input.read(),
        None if std::io::stdin().is_terminal() => ask(),
        None => {
            let sentence = "There is nobody to ask for the password: use --password-file - or --password-file PATH.";
            return Err(sentence.to_owned());
        }
    };
    read.map_err(|error| format!("The password could not be read: {error}."))
}

/// Without echo. The terminal is put back whatever happens.
fn ask() -> std::io::Result<String> {
    eprint!("Password (12 to 128 characters): ");
    let stdin = std::io::stdin();
    let before = tcgetattr(&stdin)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &before)?;
    eprintln!();
    read.map(|_| line.trim_end_matches(['\r', '\n']).to_owned())
}
