//! `healthcheck`: for containers and scripts, whether the server of this machine could page somebody now.

use crate::cli::Exit;
use crate::cli::open::say;
use crate::cli::target::Server;
use crate::config::Config;
use crate::web::control::{Answer, Ask};

pub fn run(config: &Config) -> Exit {
    let Some(server) = Server::connect(&config.data_dir) else {
        let sentence = format!("No server answers at {}.", config.data_dir.display());
        return say(Exit::DatabaseUnreachable, &sentence);
    };
    match server.ask(Ask::Health, &mut std::io::sink(), &mut |_| true) {
        Ok(Answer::Health { problems }) if problems.is_empty() => super::print("Healthy.\n"),
        Ok(Answer::Health { problems }) => {
            for problem in &problems {
                println!("{problem}");
            }
            say(Exit::Failed, "A page might not leave now.")
        }
        Ok(other) => say(Exit::Failed, &format!("The server answered another question: {other:?}.")),
        Err(error) => say(Exit::DatabaseUnreachable, &format!("There is no verdict: {error}.")),
    }
}
