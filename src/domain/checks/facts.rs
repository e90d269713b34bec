//! What the checklist rests on, as plain values: gathered by `app/checks.rs` and by whoever started the process, and sent by a
//! running server to the command that asks it.

use crate::domain::contact::Channel;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// All that the checklist rests on, gathered by `app/checks.rs` and whoever started the process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Facts {
    pub now: Timestamp,
    /// False: read from a file at rest, so nothing can be said about workers.
    pub is_served: bool,
    pub sending_on: bool,
    pub retry_on: bool,
    pub escalation_on: bool,
    pub base_url: Option<String>,
    /// `None`: nobody looked at the machine.
    pub machine: Option<Machine>,
    pub database: Database,
    /// Only `doctor --online` asks others.
    pub online: Option<Online>,
}

/// What the host and the configuration say.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// Settings that are switched off or weakened by a mistake.
    pub settings_wrong: Vec<String>,
    /// Settings that work and were probably not meant.
    pub settings_odd: Vec<String>,
    pub secret_key: SecretKey,
    pub disks: Vec<Disk>,
    pub database_bytes: Option<u64>,
    pub cookie_secure: bool,
    pub certificate: Certificate,
    /// Version, and since when it is known to be out.
    pub zone_data: Option<(String, Timestamp)>,
    /// The provider's address, whose clock ours can be held against.
    pub provider_url: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SecretKey {
    /// Long enough, as no other is taken, and nobody but its owner can read where it is kept.
    Private,
    Exposed {
        file: String,
    },
    /// None is configured and none was made yet.
    Absent,
    Unreadable {
        problem: String,
    },
}

/// Where something is kept, and how much room there is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Disk {
    pub place: String,
    pub free_bytes: u64,
    pub size_bytes: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Certificate {
    /// TLS is a proxy's business, or nobody's.
    NotOurs,
    EndsAt(Timestamp),
    Unusable(String),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Database {
    Open(Box<Contents>),
    /// It opens, but belongs to another version.
    OtherSchema(String),
    Unreadable(String),
}

/// What the database says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Contents {
    pub schema: u32,
    /// Why nothing can be saved.
    pub cannot_save: Option<String>,
    /// When every record and index was last looked at, and what was wrong; `None`: not since the start, which itself looked at
    /// the file as a whole.
    pub verified: Option<(Timestamp, Vec<String>)>,
    pub escalation: WorkerFacts,
    pub retry: WorkerFacts,
    pub channels: Vec<ChannelFacts>,
    pub admins: usize,
    pub policies: usize,
    pub policies_without_last_resort: Vec<String>,
    pub levels_empty: Vec<String>,
    pub people_unreachable: Vec<String>,
    pub gaps: Vec<String>,
    pub sources: usize,
    pub sources_unheard: Vec<String>,
    pub backup: BackupFacts,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct WorkerFacts {
    /// How late its oldest piece of work is.
    pub lag_secs: i64,
    /// Set when it should have come round and has not.
    pub silent_secs: Option<i64>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChannelFacts {
    pub channel: Channel,
    pub is_complete: bool,
    /// Settings that nobody has set and without which it cannot work.
    pub missing: Vec<String>,
    pub last_attempt: Option<LastAttempt>,
}

/// The last message over a channel to which the provider has said something.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LastAttempt {
    pub at: Timestamp,
    pub accepted: bool,
    /// The provider's words.
    pub text: String,
}

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct BackupFacts {
    /// They are taken by themselves.
    pub is_automatic: bool,
    /// So that this machine cannot read them back.
    pub is_encrypted: bool,
    pub last: Option<Timestamp>,
    pub problems: Vec<String>,
}

/// What `doctor --online` has tried.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Online {
    /// Why the base URL does not answer; `None`: it is not set.
    pub base_url: Option<Result<(), String>>,
    pub stream: StreamSeen,
    /// Whose clock, and how many seconds ours is ahead of it.
    pub clock: Option<(String, i64)>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum StreamSeen {
    NotTried(String),
    AtOnce,
    /// Everything came at the end.
    HeldBack,
    Failed(String),
}
