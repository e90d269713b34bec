//! The audit log: every edit of the configuration and every deed of a person, in the transaction that made it.
//!
//! The log is a chain. Each entry's hash covers its own content and the hash before it, so whoever changes, removes or
//! slips in an entry has to make every later one anew, and the hash of the last one, which the nightly log lines and
//! `pagerpal verify` show, tells even that. What is past keeping is cut off at the front; [`AuditChain`] remembers
//! where, and the hash that the first kept entry builds upon.
//!
//! Here are the values and the bytes that are hashed; `app::audit` appends, verifies and prunes.

use crate::domain::actor::{Actor, Door, Who};
use crate::domain::id::{AuditId, UserId};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Entries are kept for so long.
pub const AUDIT_KEPT_DAYS: i64 = 400;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its place in the log: 1, 2, 3 and so on, without a gap.
    pub id: AuditId,
    pub at: Timestamp,
    /// With the address of the client, where there is one.
    pub actor: Actor,
    /// For whom it was done, if somebody else did it.
    pub acting_as: Option<UserId>,
    /// Resource, then verb: `policy.saved`, `user.deactivated`.
    pub action: String,
    /// The id of what was changed.
    pub object: String,
    /// In words, without secrets: "Payments 24×7: 2 levels".
    pub summary: String,
    /// What an edit found and what it left, in words and without secrets.
    pub change: Option<Change>,
    /// SHA-256 over the hash of the entry before and the [content](AuditEntry::content) of this one.
    pub hash: [u8; 32],
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Change {
    pub before: String,
    pub after: String,
}

/// Where the log begins and ends. One per store; it moves with every entry, in the same transaction.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditChain {
    /// The number of the first entry that is kept, or of the next one if none is.
    pub first: u64,
    /// The hash of the last entry that was cut off; zeros before the first pruning.
    pub before_first: [u8; 32],
    /// The number of the next entry.
    pub next: u64,
    /// The hash of the last entry.
    pub head: [u8; 32],
}

impl AuditChain {
    /// Of a store without an entry.
    pub const NEW: AuditChain = AuditChain { first: 1, before_first: [0; 32], next: 1, head: [0; 32] };
}

impl AuditEntry {
    /// Everything but the hash, as the bytes that are hashed. Every field is preceded by its length, so no two entries
    /// have the same bytes; part of the file format, like the stored form, but independent of it.
    pub fn content(&self) -> Vec<u8> {
        let AuditEntry { id, at, actor, acting_as, action, object, summary, change, hash: _ } = self;
        let mut out = Content(b"pagerpal audit 1".to_vec());
        out.field(&id.to_string());
        out.field(&at.as_second().to_string());
        out.field(&who(actor));
        out.field(&door(actor));
        out.optional(actor.address.map(|address| address.to_string()).as_deref());
        out.optional(acting_as.map(|user| user.to_string()).as_deref());
        out.field(action);
        out.field(object);
        out.field(summary);
        out.optional(change.as_ref().map(|change| change.before.as_str()));
        out.optional(change.as_ref().map(|change| change.after.as_str()));
        out.0
    }
}

struct Content(Vec<u8>);

impl Content {
    fn field(&mut self, text: &str) {
        self.0.push(1);
        self.0.extend((text.len() as u64).to_be_bytes());
        self.0.extend(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.field(text),
            None => self.0.push(0),
        }
    }
}

/// "usr_3 as admin", "src_7", "system", "command line".
fn who(actor: &Actor) -> String {
    match actor.who {
        Who::User { id, role } => format!("{id} as {}", role.word()),
        Who::Source(id) => id.to_string(),
        Who::System => "system".to_owned(),
        Who::CommandLine => "command line".to_owned(),
        Who::Unknown => "unknown".to_owned(),
    }
}

fn door(actor: &Actor) -> String {
    match actor.door {
        Door::Web => "web".to_owned(),
        Door::Api => "api".to_owned(),
        Door::Webhook => "webhook".to_owned(),
        Door::Worker => "worker".to_owned(),
        Door::CommandLine => "command line".to_owned(),
        Door::Link => "link".to_owned(),
        Door::Reply(channel) => format!("reply by {}", channel.word()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::Role;
    use crate::domain::contact::Channel;
    use crate::domain::id::Id;
    use std::collections::BTreeSet;

    fn entry() -> AuditEntry {
        AuditEntry {
            id: AuditId::new(7),
            at: Timestamp::from_second(1_780_000_000),
            actor: Actor::user(UserId::new(3), Role::Admin, Door::Web),
            acting_as: None,
            action: "team.renamed".to_owned(),
            object: "team_2".to_owned(),
            summary: "Ops is now Payments".to_owned(),
            change: None,
            hash: [0; 32],
        }
    }

    #[test]
    fn every_field_is_in_the_hashed_bytes_and_none_can_pass_for_another() {
        let words = |text: &str| Change { before: text.to_owned(), after: String::new() };
        let changed: Vec<AuditEntry> = vec![
            entry(),
            AuditEntry { id: AuditId::new(8), ..entry() },
            AuditEntry { at: Timestamp::from_second(1_780_000_001), ..entry() },
            AuditEntry { actor: Actor::user(UserId::new(4), Role::Admin, Door::Web), ..entry() },
            AuditEntry { actor: Actor::user(UserId::new(3), Role::Viewer, Door::Web), ..entry() },
            AuditEntry { actor: Actor::user(UserId::new(3), Role::Admin, Door::Api), ..entry() },
            AuditEntry { actor: Actor::user(UserId::new(3), Role::Admin, Door::Reply(Channel::Sms)), ..entry() },
            AuditEntry { actor: entry().actor.at([192, 0, 2, 7].into()), ..entry() },
            AuditEntry { actor: Actor::SYSTEM, ..entry() },
            AuditEntry { actor: Actor::unknown(Door::Worker), ..entry() },
            AuditEntry { acting_as: Some(UserId::new(4)), ..entry() },
            AuditEntry { action: "team.rename".to_owned(), object: "dteam_2".to_owned(), ..entry() },
            AuditEntry { object: "team_3".to_owned(), ..entry() },
            AuditEntry { summary: String::new(), ..entry() },
            AuditEntry { change: Some(words("")), ..entry() },
            AuditEntry { change: Some(words("Ops")), ..entry() },
            AuditEntry { change: Some(Change { before: String::new(), after: "Ops".to_owned() }), ..entry() },
        ];
        let contents: BTreeSet<Vec<u8>> = changed.iter().map(AuditEntry::content).collect();
        assert_eq!(contents.len(), changed.len());
        assert_eq!(AuditEntry { hash: [9; 32], ..entry() }.content(), entry().content(), "the hash is not in itself");
    }
}
