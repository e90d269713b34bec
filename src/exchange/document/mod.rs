//! The document that `pagerpal export` writes and `pagerpal import` reads: the configuration, as people would write it.
//!
//! Things are called by their names, never by ids: a person by the mail address, or by the name where there is none. Lists
//! of things are in the order of names, so two exports can be compared line by line, and nothing in it says when or where
//! it was made. Secrets are fields that are absent unless they were asked for.
//!
//! Here are its shape and its spelling alone; `app/transfer` says what each field means for records.

mod difference;
mod rotation;
mod words;

pub use difference::{differences, entry_words};
pub use rotation::{Cadence, RotationVersion, Window};
pub use words::{Instant, Word, time_words};

use crate::domain::Severity;
use crate::domain::access::Role;
use crate::domain::alert_source::UrgencyRule;
use crate::domain::contact::Channel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What this program writes, and all it reads.
pub const VERSION: u32 = 1;
/// A longer document is refused.
pub const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The configuration of a PagerPal. Lists that are left out are left alone.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The version of this form: 1.
    pub pagerpal_export: u32,
    #[serde(default)]
    pub users: Vec<User>,
    #[serde(default)]
    pub teams: Vec<Team>,
    #[serde(default)]
    pub schedules: Vec<Schedule>,
    #[serde(default)]
    pub escalation_policies: Vec<Policy>,
    #[serde(default)]
    pub alert_sources: Vec<AlertSource>,
    /// Maintenance windows and silences that are not over.
    #[serde(default)]
    pub maintenance: Vec<Maintenance>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub name: String,
    /// Known by it in this document, and found by it in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What this person is called elsewhere in the document, where neither address nor name tells them apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_as: Option<String>,
    pub role: Word<Role>,
    /// A name of the zone database.
    #[serde(default = "utc")]
    pub zone: String,
    #[serde(default = "yes")]
    pub active: bool,
    /// When this person was active. For somebody new alone; the past of others stays as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub activity: Vec<Activity>,
    /// All of them, in order. Left out: as they are, and for somebody new the mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacts: Option<Vec<Contact>>,
    /// Left out: as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Rules>,
    /// A secret. Left out: as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    pub from: Instant,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Instant>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    pub channel: Word<Channel>,
    /// `+491701234567`, or a mail address.
    pub address: String,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// When its owner proved that messages arrive. For a new contact method alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Instant>,
}

/// How somebody is paged; an empty list is the preset.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    #[serde(default)]
    pub high: Vec<Step>,
    #[serde(default)]
    pub low: Vec<Step>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// One of the contact methods, by channel and address: `sms +491701234567`.
    pub contact: String,
    #[serde(default)]
    pub after_minutes: u8,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    pub changed_at: Instant,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Team {
    pub name: String,
    pub members: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    pub name: String,
    pub team: String,
    pub zone: String,
    /// Who is on call when nothing else claims the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// Calendars from elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calendars: Vec<Calendar>,
    /// The top one first.
    pub layers: Vec<Layer>,
    /// Names of calendars whose events act as covers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// An import adds those that are missing and takes none away.
    #[serde(default)]
    pub entries: Vec<Entry>,
    /// The oldest first, because the newest wins. An import adds those that are missing and takes none away.
    #[serde(default)]
    pub overrides: Vec<Override>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// Unique in its schedule.
    pub name: String,
    pub zone: String,
    /// A secret: whoever has it reads the calendar. Left out: as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A rotation or a calendar from elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    pub name: String,
    /// The schedule's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The oldest version first. What is in force when it is imported stays until the next handoff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Vec<RotationVersion>>,
    /// The name of one of the schedule's calendars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub person: String,
    pub start: Instant,
    pub end: Instant,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Override {
    pub person: String,
    /// Whom the person stands in for. Left out: a cover, which takes the place whoever has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    pub start: Instant,
    pub end: Instant,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// This and the next one are the halves of a swap.
    #[serde(default, skip_serializing_if = "is_false")]
    pub swapped_with_next: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub name: String,
    pub levels: Vec<Level>,
    /// How often the ladder is climbed again: 0 to 9.
    pub repeat: u8,
    /// Who is paged when no level has anybody, or all were called in vain. Empty: all active admins.
    #[serde(default)]
    pub last_resort: Vec<String>,
    /// Minutes between two pages of the last resort.
    pub repage_minutes: u16,
    /// An acknowledged incident is paged again after so many minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack_timeout_minutes: Option<u16>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Level {
    pub number: u8,
    pub delay_minutes: u16,
    pub recipients: Vec<Recipient>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    User(String),
    Schedule(String),
    Team(String),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertSource {
    pub name: String,
    /// The word of the webhook path it was set up for: `alertmanager`.
    pub kind: String,
    pub team: String,
    pub escalation_policy: String,
    #[serde(default = "yes")]
    pub active: bool,
    pub default_severity: Word<Severity>,
    /// The sender's own severity words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub severity_map: BTreeMap<String, Word<Severity>>,
    #[serde(default)]
    pub one_incident_per_alert: bool,
    #[serde(default)]
    pub insufficient_data_triggers: bool,
    pub urgency: Word<UrgencyRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_resolve_minutes: Option<u16>,
    /// SNS topics that an admin has confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heartbeats: Vec<Heartbeat>,
    /// A secret. Left out: as it is, and for a new source one that nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// A secret. Left out: as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<Signing>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// Unique in its source.
    pub name: String,
    pub interval_minutes: u32,
    pub grace_minutes: u32,
    /// A secret: the digest of the token in the address to ping. Left out: as it is, and for a new one another address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_sha256: Option<String>,
}

/// What recognises the key; the key itself is kept nowhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    pub sha256: String,
    pub last_four: String,
}

/// What Grafana signs its alerts with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signing {
    pub secret: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_header: Option<String>,
}

/// Over a team or over alert sources; once or again and again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alert_sources: Vec<String>,
    pub zone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
    /// `service=checkout`, `cluster!=prod`: some make it a silence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    pub start: Instant,
    pub end: Instant,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// A cron pattern of five fields.
    pub pattern: String,
    pub minutes: u16,
}

/// Why a text is no document; the sentence names the place and says what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoDocument(pub String);

impl Document {
    /// As a file has it, the last line ended.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("strings, numbers and lists can be written as JSON");
        bytes.push(b'\n');
        bytes
    }

    pub fn read(bytes: &[u8]) -> Result<Document, NoDocument> {
        if bytes.len() > MOST_BYTES {
            let sentence = "The document is longer than 16 MiB. Divide it: an import leaves alone what is not in it.";
            return Err(NoDocument(sentence.to_owned()));
        }
        // Another version may have another shape, so it is looked at first.
        #[derive(Deserialize)]
        struct Head {
            pagerpal_export: Option<u32>,
        }
        let head: Head = serde_json::from_slice(bytes)
            .map_err(|error| NoDocument(format!("This is no export of PagerPal: {error}.")))?;
        match head.pagerpal_export {
            Some(VERSION) => {}
            Some(other) => {
                let sentence = format!(
                    "The document has version {other}, and this PagerPal reads version {VERSION}. Use the PagerPal that \
                     wrote it, or a newer one."
                );
                return Err(NoDocument(sentence));
            }
            None => {
                let sentence = format!(
                    "This is no export of PagerPal: it does not begin with {{\"pagerpal_export\": {VERSION}, …}}."
                );
                return Err(NoDocument(sentence));
            }
        }
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let place = error.path().to_string();
            let place = if place == "." { String::new() } else { format!("{place}: ") };
            NoDocument(format!("{place}{}.", error.inner()))
        })?;
        reader.end().map_err(|error| NoDocument(format!("Something follows the document: {error}.")))?;
        Ok(read)
    }
}

fn yes() -> bool {
    true
}

fn utc() -> String {
    "UTC".to_owned()
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Document::read(text.as_bytes()).expect_err(text).0
    }

    #[test]
    fn what_is_no_document_is_refused_with_the_place() {
        let check = |text: &str, parts: &[&str]| {
            let sentence = refused(text);
            assert!(parts.iter().all(|part| sentence.contains(part)), "{sentence}");
        };
        check("", &["no export of PagerPal", "line 1"]);
        check("[]", &["no export of PagerPal"]);
        check("{}", &["pagerpal_export"]);
        check(r#"{"pagerpal_export": 2, "people": []}"#, &["version 2", "reads version 1"]);
        check(
            "{\"pagerpal_export\": 1,\n \"users\": [{\"nme\": \"Bo\"}]}",
            &["users[0]", "unknown field `nme`", "line 2"],
        );
        check(r#"{"pagerpal_export": 1, "users": [{"name": "Bo", "role": "boss"}]}"#, &["users[0].role", "admin"]);
        check(r#"{"pagerpal_export": 1, "teams": [{"name": "A"}]}"#, &["teams[0]", "missing field `members`"]);
        check(r#"{"pagerpal_export": 1} {}"#, &["trailing"]);
        check(&format!("{{\"pagerpal_export\": 1}}{}", " ".repeat(MOST_BYTES)), &["16 MiB"]);
    }

    #[test]
    fn the_least_document_names_its_version_alone() {
        let least = Document::read(br#"{"pagerpal_export": 1}"#).expect("sound");
        assert_eq!(least, Document { pagerpal_export: 1, ..Document::default() });
        assert_eq!(Document::read(&least.write()), Ok(least));
    }
}
