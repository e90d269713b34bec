//! The production checklist: whether this installation can be relied on, item by item.
//!
//! [`evaluate`] is a pure function of [`Facts`], so `pagerpal doctor` and the page of settings say the same. What *fails* keeps
//! pages from arriving, or would; what *warns* is a risk somebody should know of. What cannot be known from where the facts were
//! gathered is *unknown*, with the way to find out.
//!
//! A check's sentence holds no name, number, address or title, so that it can be given to strangers in a support report; whom and
//! what it is about stands in [`Check::about`].

mod contents;
pub mod facts;
mod machine;
#[cfg(test)]
mod tests;

use facts::{Contents, Database, Facts};
use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400;

/// In the order in which they are shown: first what fails, then what warns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    Configuration,
    SecretKey,
    Database,
    Schema,
    Integrity,
    DiskSpace,
    Sending,
    Escalation,
    Retry,
    Channel,
    Cookie,
    Certificate,
    BaseUrl,
    EventStream,
    SecondChannel,
    Clock,
    Admins,
    LastResort,
    Reachable,
    Levels,
    Coverage,
    Sources,
    Backup,
    ZoneData,
}

impl Item {
    /// For sentences that say nothing else of it: "Secret key".
    fn title(self) -> String {
        let words = self.word().replace('_', " ");
        let (first, rest) = words.split_at(1);
        first.to_uppercase() + rest
    }

    /// As serde writes it.
    pub fn word(self) -> &'static str {
        match self {
            Item::Configuration => "configuration",
            Item::SecretKey => "secret_key",
            Item::Database => "database",
            Item::Schema => "schema",
            Item::Integrity => "integrity",
            Item::DiskSpace => "disk_space",
            Item::Sending => "sending",
            Item::Escalation => "escalation",
            Item::Retry => "retry",
            Item::Channel => "channel",
            Item::Cookie => "cookie",
            Item::Certificate => "certificate",
            Item::BaseUrl => "base_url",
            Item::EventStream => "event_stream",
            Item::SecondChannel => "second_channel",
            Item::Clock => "clock",
            Item::Admins => "admins",
            Item::LastResort => "last_resort",
            Item::Reachable => "reachable",
            Item::Levels => "levels",
            Item::Coverage => "coverage",
            Item::Sources => "sources",
            Item::Backup => "backup",
            Item::ZoneData => "zone_data",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Passes,
    Unknown,
    Warns,
    Fails,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Passes => "passes",
            Verdict::Unknown => "unknown",
            Verdict::Warns => "warns",
            Verdict::Fails => "fails",
        }
    }
}

/// One line of the checklist.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Check {
    pub item: Item,
    pub verdict: Verdict,
    /// What holds, or what is wrong; for anybody's eyes.
    pub sentence: String,
    /// Whom or what it is about, and others' words: for those who run this installation.
    pub about: Vec<String>,
    /// What to do; empty when nothing is.
    pub remedy: String,
}

impl Check {
    fn about(mut self, about: &[String]) -> Check {
        self.about = about.to_vec();
        self
    }
}

/// The worst of them.
pub fn worst(checks: &[Check]) -> Verdict {
    checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Passes)
}

/// "1 passes, 2 warn" in the words of the page and of the command.
pub fn summary(checks: &[Check]) -> String {
    let count = |verdict: Verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let (fails, warns, unknown) = (count(Verdict::Fails), count(Verdict::Warns), count(Verdict::Unknown));
    let mut parts = vec![format!("{} of {} checks pass", count(Verdict::Passes), checks.len())];
    for (count, one, many) in
        [(fails, "fails", "fail"), (warns, "warns", "warn"), (unknown, "is unknown", "are unknown")]
    {
        match count {
            0 => {}
            1 => parts.push(format!("1 {one}")),
            count => parts.push(format!("{count} {many}")),
        }
    }
    format!("{}.", parts.join(", "))
}

/// Every item, each once, in the order of [`Item`].
pub fn evaluate(facts: &Facts) -> Vec<Check> {
    let contents = match &facts.database {
        Database::Open(contents) => Some(&**contents),
        _ => None,
    };
    let machine = facts.machine.as_ref();
    let mut checks = Vec::new();
    checks.extend([
        machine.map_or_else(|| not_looked(Item::Configuration), machine::configuration),
        machine.map_or_else(|| not_looked(Item::SecretKey), machine::secret_key),
        contents::database(&facts.database),
        contents::schema(&facts.database),
        contents.map_or_else(|| unread(Item::Integrity), |contents| contents::integrity(contents, facts.now)),
        machine.map_or_else(|| not_looked(Item::DiskSpace), machine::disk_space),
        machine::sending(facts),
        machine::escalation(facts, contents),
        machine::retry(facts, contents),
        contents.map_or_else(|| unread(Item::Channel), |contents| contents::channel(contents, facts.now)),
        machine.map_or_else(|| not_looked(Item::Cookie), machine::cookie),
        machine.map_or_else(|| not_looked(Item::Certificate), |machine| machine::certificate(machine, facts.now)),
        machine::base_url(facts),
        machine::event_stream(facts),
        contents.map_or_else(|| unread(Item::SecondChannel), contents::second_channel),
        machine::clock(facts),
    ]);
    let rest: [(Item, OfContents); 6] = [
        (Item::Admins, contents::admins),
        (Item::LastResort, contents::last_resort),
        (Item::Reachable, contents::reachable),
        (Item::Levels, contents::levels),
        (Item::Coverage, contents::coverage),
        (Item::Sources, contents::sources),
    ];
    checks.extend(rest.map(|(item, check)| contents.map_or_else(|| unread(item), check)));
    checks
        .push(contents.map_or_else(|| unread(Item::Backup), |contents| contents::backup(&contents.backup, facts.now)));
    checks.push(machine.map_or_else(|| not_looked(Item::ZoneData), |machine| machine::zone_data(machine, facts.now)));
    checks
}

/// A check that the store's contents decide.
type OfContents = fn(&Contents) -> Check;

fn said(item: Item, verdict: Verdict, sentence: impl Into<String>, remedy: &str) -> Check {
    Check { item, verdict, sentence: sentence.into(), about: vec![], remedy: remedy.to_owned() }
}

fn passes(item: Item, sentence: impl Into<String>) -> Check {
    said(item, Verdict::Passes, sentence, "")
}

fn fails(item: Item, sentence: impl Into<String>, remedy: &str) -> Check {
    said(item, Verdict::Fails, sentence, remedy)
}

fn warns(item: Item, sentence: impl Into<String>, remedy: &str) -> Check {
    said(item, Verdict::Warns, sentence, remedy)
}

fn unknown(item: Item, sentence: impl Into<String>, remedy: &str) -> Check {
    said(item, Verdict::Unknown, sentence, remedy)
}

fn not_looked(item: Item) -> Check {
    unknown(item, format!("{}: the machine was not looked at.", item.title()), "Run `pagerpal doctor`.")
}

fn unread(item: Item) -> Check {
    unknown(item, format!("{}: the database could not be read.", item.title()), "See to the database first.")
}

/// "1 policy", "3 policies".
fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// The largest unit alone: "40 s", "12 min", "3 h", "2 days".
fn span(secs: i64) -> String {
    match secs.max(0) {
        secs if secs < 60 => format!("{secs} s"),
        secs if secs < 3600 => format!("{} min", secs / 60),
        secs if secs < 2 * DAY => format!("{} h", secs / 3600),
        secs => format!("{} days", secs / DAY),
    }
}
