//! What a monitoring tool reported, in one shape whatever the tool.
//!
//! `ingest` makes these; the incident state machine consumes them. Limits are applied where they are made, so that
//! nothing past this point has to ask how long a title may be.

use crate::domain::Severity;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Action {
    Trigger,
    Acknowledge,
    Resolve,
}

impl Action {
    pub fn word(self) -> &'static str {
        match self {
            Action::Trigger => "trigger",
            Action::Acknowledge => "acknowledge",
            Action::Resolve => "resolve",
        }
    }
}

pub const EXTERNAL_ID_BYTES: usize = 512;
pub const TITLE_CHARS: usize = 250;
pub const DETAILS_BYTES: usize = 32 * 1024;
pub const LABELS: usize = 64;
pub const LABEL_KEY_BYTES: usize = 128;
pub const LABEL_VALUE_BYTES: usize = 1024;
pub const LINKS: usize = 10;

/// A report that may change an incident.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    pub action: Action,
    /// With the alert source it identifies the open incident. 1 to 512 bytes.
    pub external_id: String,
    /// By the source's own map, else the common words, else `None`: the source's default.
    pub severity: Option<Severity>,
    /// One line of at most 250 characters; may be empty for a recovery or acknowledgement.
    pub title: String,
    /// Text for a person followed by the sender's own tree, at most 32 KiB, the cut visible.
    pub details: String,
    pub labels: BTreeMap<String, String>,
    pub links: Vec<Link>,
    pub occurred_at: SenderTime,
    /// Whether this sender's events may be compared by time; all others go by arrival.
    pub order: Order,
    /// Who acknowledged, in the sender's words.
    pub actor: Option<String>,
    /// Sentences for the timeline: an unchecked signature, a part that could not be read.
    pub warnings: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Link {
    /// `http` or `https` only.
    pub href: String,
    pub text: String,
}

impl Link {
    /// Whatever a record says, a browser follows nothing else.
    pub fn is_web(&self) -> bool {
        let lower = self.href.trim().to_ascii_lowercase();
        lower.starts_with("https://") || lower.starts_with("http://")
    }
}

/// How two events of one `external_id` are compared, so that a late trigger cannot reopen what a recovery closed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Order {
    /// By arrival: nothing is ever stale.
    Arrival,
    /// By `occurred_at`.
    Time,
    /// By the alerts of a group. Firing ones in a trigger, resolved ones in a recovery: a trigger tells nothing new if
    /// the recovery closed every one of them.
    Alerts(Vec<AlertPair>),
}

/// One alert of a group and when it began: Alertmanager's and Grafana's `fingerprint` and `startsAt`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct AlertPair {
    pub fingerprint: String,
    pub starts_at: SenderTime,
}

/// A sender's own time, in nanoseconds since 1970: fractions count when comparing, not when shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct SenderTime(pub i64);

impl SenderTime {
    pub fn to_timestamp(self) -> Timestamp {
        Timestamp::from_second(self.0.div_euclid(1_000_000_000))
    }
}

impl From<Timestamp> for SenderTime {
    fn from(instant: Timestamp) -> SenderTime {
        SenderTime(instant.as_second() * 1_000_000_000)
    }
}

/// A report that changes no state: it goes to the timeline of the matching open incident, if any, and to the source's
/// event log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    pub external_id: Option<String>,
    pub text: String,
}

/// An SNS topic that asks to be confirmed. It waits on the alert source's page until an admin presses Confirm.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Subscription {
    pub topic_arn: String,
    pub token: String,
    /// The signature was checked and is good.
    pub verified: bool,
}

/// One thing that a request said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Report {
    Event(Event),
    Note(Note),
    Subscription(Subscription),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_are_links() {
        let check = |href: &str, expected: bool| {
            assert_eq!(Link { href: href.to_owned(), text: String::new() }.is_web(), expected, "{href}");
        };
        check("https://grafana.example.org/d/1", true);
        check(" HTTP://grafana.example.org", true);
        for wrong in ["javascript:alert(1)", "ftp://example.org", "/d/1", "", "xhttps://example.org"] {
            check(wrong, false);
        }
    }

    #[test]
    fn a_senders_time_is_shown_to_the_second() {
        let shown = |nanos| SenderTime(nanos).to_timestamp().as_second();
        assert_eq!([0, 999_999_999, 1_999_999_999].map(shown), [0, 0, 1]);
        let at = Timestamp::from_second(1_780_000_000);
        assert_eq!(SenderTime::from(at).to_timestamp(), at);
    }
}
