//! `healthcheck`: for containers and scripts, whether the server of this machine could page somebody now.

use crate::cli::open::say;
use crate::cli::target::Server;
use crate::cli::{Exit, Global};
use crate::config::Config;
use crate::web::control::{Answer, Ask};
use serde_json::json;

pub fn run(config: &Config, global: &Global) -> Exit {
    let Some(server) = Server::connect(&config.data_dir) else {
        let sentence = format!("No server answers at {}.", config.data_dir.display());
        return say(Exit::DatabaseUnreachable, &sentence);
    };
    match server.ask(Ask::Health, &mut std::io::sink(), &mut |_| true) {
        Ok(Answer::Health { problems }) => {
            let is_healthy = problems.is_empty();
            let words = if is_healthy { "Healthy.\n".to_owned() } else { super::lines(&problems) };
            let exit = super::answer(global, &json!({ "healthy": is_healthy, "problems": problems }), &words);
            if is_healthy { exit } else { say(Exit::Failed, "A page might not leave now.") }
        }
        Ok(other) => say(Exit::Failed, &format!("The server answered another question: {other:?}.")),
        Err(error) => say(Exit::DatabaseUnreachable, &format!("There is no verdict: {error}.")),
    }
}
