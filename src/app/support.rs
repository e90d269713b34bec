//! The support report: what somebody who helps has to know of an installation, and nothing that is nobody's business.
//!
//! No secret, no name, no number, no address, no title: counts, versions, states, and where in the program something went wrong.
//! What a check is about, what a provider said and what an error's words were stay here.

use crate::app::checks::Host;
use crate::app::system::{self, Job, SettingShown};
use crate::app::{App, AppError};
use crate::domain::checks::{Check, summary};
use crate::domain::time::Timestamp;
use crate::store::{FORMAT, tables, verify};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// All of it but the checklist, which a command may know more of than the server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Report {
    version: String,
    schema: u32,
    platform: String,
    made_at: Timestamp,
    /// `None`: read from a file at rest.
    started_at: Option<Timestamp>,
    workers: Vec<String>,
    tables: Vec<(String, u64)>,
    /// Each setting and where it is from, which is a file's name or "environment"; never its value.
    settings: Vec<(String, String)>,
    troubles: Vec<String>,
}

pub fn report(app: &App, is_served: bool) -> Result<Report, AppError> {
    let counts = app.read(|read| Ok(verify::counts(read, tables::RECORDS)?))?;
    Ok(Report {
        started_at: app.board.started_at().filter(|_| is_served),
        workers: if is_served { system::jobs(app)?.iter().map(worker).collect() } else { vec![] },
        tables: counts.into_iter().map(|(table, count)| (table.to_owned(), count)).collect(),
        ..without_database(app.now(), app.board.configuration(), app.host.as_deref())
    })
}

/// What can be said while the database cannot be read.
pub fn without_database(now: Timestamp, settings: Vec<SettingShown>, host: Option<&dyn Host>) -> Report {
    Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema: FORMAT,
        platform: host.map(Host::platform).unwrap_or_default(),
        made_at: now,
        started_at: None,
        workers: vec![],
        tables: vec![],
        settings: settings.into_iter().map(|setting| (setting.name.to_owned(), place(&setting.origin))).collect(),
        troubles: host.map(Host::troubles).unwrap_or_default(),
    }
}

fn worker(job: &Job) -> String {
    let at = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    let Job { worker, enabled, last_run, lag_secs, queue_depth, panics, last_error, .. } = job;
    let enabled = if *enabled { "on" } else { "off" };
    let error = at(last_error.as_ref().map(|(at, _)| *at));
    format!(
        "{}: {enabled}, last run {}, {lag_secs} s late, {queue_depth} waiting, last error {error}, {panics} panics",
        worker.word(),
        at(*last_run)
    )
}

/// A file's name alone: its folder may be somebody's.
fn place(origin: &str) -> String {
    origin.rsplit('/').next().unwrap_or_default().to_owned()
}

impl Report {
    /// As text, with a checklist that may say more than this process could know.
    pub fn text(&self, checks: &[Check]) -> String {
        let mut text = format!(
            "PagerPal support report\n\nversion   {}\nschema    {}\nplatform  {}\nmade      {}\n",
            self.version, self.schema, self.platform, self.made_at
        );
        match self.started_at {
            Some(at) => push(&mut text, format_args!("started   {at}")),
            None => push(&mut text, format_args!("started   not running")),
        }
        push(&mut text, format_args!("\nChecklist: {}", summary(checks)));
        for check in checks {
            push(&mut text, format_args!("{:<8}{:<16}{}", check.verdict.word(), check.item.word(), check.sentence));
        }
        section(&mut text, "Workers", &self.workers);
        let tables: Vec<String> = self.tables.iter().map(|(table, count)| format!("{count:>9} {table}")).collect();
        section(&mut text, "Records", &tables);
        let settings: Vec<String> = self.settings.iter().map(|(name, from)| format!("{name} from {from}")).collect();
        section(&mut text, "Settings, without their values", &settings);
        section(&mut text, "Troubles in the log, the newest last", &self.troubles);
        text
    }
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    push(text, format_args!("\n{title}"));
    if lines.is_empty() {
        push(text, format_args!("none"));
    }
    lines.iter().for_each(|line| push(text, format_args!("{line}")));
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing into a String does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_setting_is_from_names_no_folder() {
        assert_eq!(place("/srv/ana/pagerpal.toml:12"), "pagerpal.toml:12");
        assert_eq!(place("SECRET_KEY_FILE, environment"), "SECRET_KEY_FILE, environment");
        assert_eq!(place("default"), "default");
    }
}
