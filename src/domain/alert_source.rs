//! Alert sources: where alerts come from, who gets them, and how the sender's words are read.

use crate::domain::event::Subscription;
use crate::domain::id::{AlertSourceId, PolicyId, TeamId};
use crate::domain::sealed::Sealed;
use crate::domain::time::Timestamp;
use crate::domain::{Severity, Urgency};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AlertSource {
    pub id: AlertSourceId,
    /// Unique, case ignored.
    pub name: String,
    /// The word of the webhook path it was set up for; any kind of body is accepted at any path.
    pub kind: String,
    pub team: TeamId,
    pub policy: PolicyId,
    pub active: bool,
    /// SHA-256 of the key. The key itself is shown once and kept nowhere.
    pub key_hash: [u8; 32],
    /// The key's last four characters, so that people can tell keys apart.
    pub key_tail: String,
    pub default_severity: Severity,
    /// The sender's own severity words; looked up before the common ones. Keys are lower case.
    pub severity_map: BTreeMap<String, Severity>,
    /// Alertmanager and Grafana: one incident per alert instead of one per group.
    pub one_incident_per_alert: bool,
    /// CloudWatch: `INSUFFICIENT_DATA` opens an incident instead of being noted.
    pub insufficient_data_triggers: bool,
    pub topics: Vec<Topic>,
    pub urgency: UrgencyRule,
    /// An incident nobody took and of which nothing was heard for so many minutes resolves itself: 5 to 10080. For senders
    /// whose recoveries get lost.
    pub auto_resolve_minutes: Option<u16>,
    /// Alerts must be signed besides carrying the key.
    pub signing: Option<Signing>,
    pub created_at: Timestamp,
    pub version: u64,
}

/// How Grafana signs what it sends, as its contact point was set up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Signing {
    /// The secret that both sides know.
    pub secret: Sealed,
    /// The header with the time, in lower case, if the time is signed, too.
    pub timestamp_header: Option<String>,
}

/// An SNS topic that has asked to send here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Topic {
    pub arn: String,
    /// An admin has said that this topic is ours. A genuine message needs that besides its signature, which proves only
    /// that some customer of AWS sent it.
    pub listed: bool,
    pub state: TopicState,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TopicState {
    /// Waits for an admin's click. SNS forgets the token after about three days.
    Pending {
        token: String,
        asked_at: Timestamp,
    },
    Confirmed,
}

/// By which of people's notification rules this source's incidents are paged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum UrgencyRule {
    /// Critical, error and warning are high, info is low.
    BySeverity,
    AlwaysHigh,
    AlwaysLow,
}

impl UrgencyRule {
    pub const ALL: [UrgencyRule; 3] = [UrgencyRule::BySeverity, UrgencyRule::AlwaysHigh, UrgencyRule::AlwaysLow];

    pub fn word(self) -> &'static str {
        match self {
            UrgencyRule::BySeverity => "by_severity",
            UrgencyRule::AlwaysHigh => "high",
            UrgencyRule::AlwaysLow => "low",
        }
    }

    pub fn from_word(word: &str) -> Option<UrgencyRule> {
        UrgencyRule::ALL.into_iter().find(|rule| rule.word() == word)
    }

    pub fn of(self, severity: Severity) -> Urgency {
        match self {
            UrgencyRule::BySeverity => severity.urgency(),
            UrgencyRule::AlwaysHigh => Urgency::High,
            UrgencyRule::AlwaysLow => Urgency::Low,
        }
    }
}

/// How many topics may wait: a stranger with the key must not fill the record.
const PENDING_TOPICS: usize = 20;

impl AlertSource {
    pub fn is_confirmed(&self, topic_arn: &str) -> bool {
        self.topics.iter().any(|topic| topic.arn == topic_arn && topic.listed)
    }

    /// A topic asks. One that is listed stays listed; the new token is kept all the same, for the subscription itself
    /// may have been made anew.
    pub fn note_subscription(&mut self, subscription: &Subscription, now: Timestamp) {
        let state = TopicState::Pending { token: subscription.token.clone(), asked_at: now };
        let listed = self.is_confirmed(&subscription.topic_arn);
        self.topics.retain(|topic| topic.arn != subscription.topic_arn);
        self.topics.push(Topic { arn: subscription.topic_arn.clone(), listed, state });
        let pending = |topic: &Topic| !topic.listed;
        while self.topics.iter().filter(|topic| pending(topic)).count() > PENDING_TOPICS {
            if let Some(oldest) = self.topics.iter().position(pending) {
                self.topics.remove(oldest);
            }
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::domain::id::Id;

    pub fn source(number: u64) -> AlertSource {
        AlertSource {
            id: AlertSourceId::new(number),
            name: "aws".to_owned(),
            kind: "cloudwatch".to_owned(),
            team: TeamId::new(1),
            policy: PolicyId::new(1),
            active: true,
            key_hash: [0; 32],
            key_tail: String::new(),
            default_severity: Severity::Error,
            severity_map: BTreeMap::new(),
            one_incident_per_alert: false,
            insufficient_data_triggers: false,
            topics: vec![],
            urgency: UrgencyRule::BySeverity,
            auto_resolve_minutes: None,
            signing: None,
            created_at: Timestamp::MIN,
            version: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::source;
    use super::*;

    fn asks(arn: &str) -> Subscription {
        Subscription { topic_arn: arn.to_owned(), token: "t".to_owned(), verified: false }
    }

    #[test]
    fn a_listed_topic_stays_listed_when_it_asks_again() {
        let mut source = source(1);
        source.topics.push(Topic { arn: "ours".to_owned(), listed: true, state: TopicState::Confirmed });
        source.note_subscription(&asks("ours"), Timestamp::MIN);
        source.note_subscription(&asks("theirs"), Timestamp::MIN);
        assert!(source.is_confirmed("ours") && !source.is_confirmed("theirs"));
    }

    #[test]
    fn only_so_many_topics_may_wait() {
        let mut source = source(1);
        source.topics.push(Topic { arn: "ours".to_owned(), listed: true, state: TopicState::Confirmed });
        for number in 0..100 {
            source.note_subscription(&asks(&number.to_string()), Timestamp::MIN);
        }
        assert_eq!(source.topics.len(), PENDING_TOPICS + 1);
        assert!(source.is_confirmed("ours"));
        assert!(
            source.topics.iter().any(|topic| topic.arn == "99") && !source.topics.iter().any(|topic| topic.arn == "0")
        );
    }
}
