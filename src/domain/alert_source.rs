//! Alert sources: where alerts come from, who gets them, and how the sender's words are read.

use crate::domain::Severity;
use crate::domain::event::Subscription;
use crate::domain::id::{AlertSourceId, PolicyId, TeamId};
use crate::domain::time::Timestamp;
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
    pub created_at: Timestamp,
    pub version: u64,
}

/// An SNS topic that has asked to send here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Topic {
    pub arn: String,
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

/// How many topics may wait: a stranger with the key must not fill the record.
const PENDING_TOPICS: usize = 20;

impl AlertSource {
    pub fn is_confirmed(&self, topic_arn: &str) -> bool {
        self.topics.iter().any(|topic| topic.arn == topic_arn && topic.state == TopicState::Confirmed)
    }

    /// A topic asks. One that is confirmed already keeps its place on the list; the new token is kept all the same,
    /// for the subscription itself may have been made anew.
    pub fn note_subscription(&mut self, subscription: &Subscription, now: Timestamp) {
        let state = TopicState::Pending { token: subscription.token.clone(), asked_at: now };
        self.topics.retain(|topic| topic.arn != subscription.topic_arn);
        self.topics.push(Topic { arn: subscription.topic_arn.clone(), state });
        let pending = |topic: &Topic| topic.state != TopicState::Confirmed;
        while self.topics.iter().filter(|topic| pending(topic)).count() > PENDING_TOPICS {
            if let Some(oldest) = self.topics.iter().position(pending) {
                self.topics.remove(oldest);
            }
        }
    }
}
