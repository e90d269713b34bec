//! `doctor`: the production checklist. A running server is asked, for it alone knows its workers and what it was started with;
//! otherwise the database's file is looked at, and not a byte of it changes.

mod online;

use crate::app::App;
use crate::app::checks::{self, Host};
use crate::app::support::{self, Report};
use crate::cli::host::ThisHost;
use crate::cli::open::{self, FILE_NAME, exit_of, say};
use crate::cli::target::Server;
use crate::cli::{DoctorArgs, Exit, Global, serve};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::checks::facts::{Database, Facts};
use crate::domain::checks::{Check, Verdict, evaluate, summary, worst};
use crate::egress::Egress;
use crate::notify::registry::Registry;
use crate::random::SystemRandom;
use crate::store::Store;
use crate::store::engine::OpenError;
use crate::telemetry::Recent;
use crate::web::control::{Answer, Ask};
use serde_json::json;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

pub fn run(config: &Config, global: &Global, args: &DoctorArgs) -> Exit {
    let looked = match Server::connect(&config.data_dir) {
        Some(server) => of_server(server),
        None => at_rest(config),
    };
    let (mut facts, report) = match looked {
        Ok(looked) => looked,
        Err(exit) => return exit,
    };
    if args.online {
        facts.online = match online::look(config, &facts) {
            Ok(online) => Some(online),
            Err(problem) => return say(Exit::Failed, &format!("Others cannot be asked: {problem}.")),
        };
    }
    let checks = evaluate(&facts);
    if let Some(file) = &args.report
        && let Err(error) = write_report(file, &report.text(&checks))
    {
        return say(Exit::Failed, &format!("{} cannot be written: {error}.", file.display()));
    }
    match super::answer(global, &told(&facts, &checks), &as_text(&checks)) {
        Exit::Done => {}
        other => return other,
    }
    match worst(&checks) {
        Verdict::Fails => Exit::Failed,
        Verdict::Warns if args.strict => Exit::OnlyWarnings,
        _ => Exit::Done,
    }
}

type Looked = Result<(Facts, Report), Exit>;

fn of_server(server: Server) -> Looked {
    match server.ask(Ask::Doctor, &mut io::sink(), &mut |_| true) {
        Ok(Answer::Doctor { facts, report }) => {
            eprintln!("Asked the running PagerPal.");
            Ok((*facts, *report))
        }
        Ok(other) => Err(say(Exit::Failed, &format!("The server answered another question: {other:?}."))),
        Err(error) => Err(say(Exit::DatabaseUnreachable, &format!("There is no answer: {error}."))),
    }
}

fn at_rest(config: &Config) -> Looked {
    let egress = Egress::new(&config.extra_roots).map_err(|error| say(Exit::ConfigInvalid, &error.to_string()))?;
    let egress = Arc::new(egress);
    let providers = Registry::new(&serve::notify_settings(config, None), &egress);
    let host = ThisHost::new(config, providers.problems(), Recent::default());
    let path = config.data_dir.join(FILE_NAME);
    eprintln!("No PagerPal is running on {}: looking at the files.", config.data_dir.display());
    if !path.exists() {
        let sentence = format!("There is no database at {}. The first start makes one.", path.display());
        return Ok(without_database(config, &host, Database::Unreadable(sentence)));
    }
    let store = match Store::open_untouched(&path, Arc::new(SystemClock::new()), Arc::new(SystemRandom)) {
        Ok(store) => store,
        Err(error @ OpenError::InUse { .. }) => return Err(say(exit_of(&error), &error.to_string())),
        Err(error @ (OpenError::OlderFormat { .. } | OpenError::NewerFormat { .. })) => {
            return Ok(without_database(config, &host, Database::OtherSchema(error.to_string())));
        }
        Err(error) => return Ok(without_database(config, &host, Database::Unreadable(error.to_string()))),
    };
    let mut app = App::new(store, Arc::new(SystemRandom), open::settings(config));
    app.host = Some(Box::new(host));
    app.backup_plan = serve::backup_plan(config);
    serve::configured(&app, config, config.settings.iter().map(serve::setting).collect(), None, &providers);
    let looked = app.verify().and_then(|_| Ok((checks::facts(&app, false)?, support::report(&app, false)?)));
    looked.map_err(|error| say(Exit::VerificationFailed, &error.to_string()))
}

fn without_database(config: &Config, host: &ThisHost, database: Database) -> (Facts, Report) {
    let facts = Facts {
        now: SystemClock::new().now(),
        is_served: false,
        sending_on: config.notification_sending_enabled,
        retry_on: config.notification_retry_worker_enabled,
        escalation_on: config.escalation_worker_enabled,
        base_url: config.base_url.as_ref().map(|url| url.as_str().to_owned()),
        machine: Some(host.look()),
        database,
        online: None,
    };
    let settings = config.settings.iter().map(serve::setting).collect();
    (facts.clone(), support::without_database(facts.now, settings, Some(host)))
}

fn as_text(checks: &[Check]) -> String {
    let mut text = String::new();
    for Check { item, verdict, sentence, about, remedy } in checks {
        let indent = " ".repeat(24);
        let mut line = |words: std::fmt::Arguments<'_>| {
            writeln!(text, "{words}").expect("writing into a String does not fail");
        };
        line(format_args!("{:<8}{:<16}{sentence}", verdict.word(), item.word()));
        about.iter().for_each(|about| line(format_args!("{indent}- {about}")));
        if !remedy.is_empty() {
            line(format_args!("{indent}> {remedy}"));
        }
    }
    format!("{text}\n{}\n", summary(checks))
}

fn told(facts: &Facts, checks: &[Check]) -> serde_json::Value {
    json!({
        "verdict": worst(checks),
        "summary": summary(checks),
        "is_served": facts.is_served,
        "at": facts.now.to_string(),
        "checks": checks,
    })
}

/// For this user's eyes, although nothing in it is a secret: who sends it on decides that.
fn write_report(path: &Path, text: &str) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    eprintln!("The support report is in {}. It holds no names, numbers, addresses or secrets.", path.display());
    Ok(())
}
