//! Incidents: the state machine.
//!
//! An alert opens one, repeats update it, people or the alert itself end it. While it is *triggered* it is always waiting
//! on exactly one timer that pages; *acknowledged* and *resolved* ones never escalate. Every function here takes the
//! incident as it is and answers the incident as it will be, what happened, and what is to be done.
//!
//! | | from | what | to | where |
//! |--:|---|---|---|---|
//! | 1 | none, resolved | trigger | a new incident, triggered | [`events`], [`storm`](crate::domain::storm) |
//! | 2 | none, resolved | trigger in a maintenance window | a new incident, held: nobody is paged | [`events`] |
//! | 3 | triggered | trigger | counted; a severity rise climbs anew; a hold after a restore ends | [`events`] |
//! | 4 | acknowledged | trigger | counted; a severity rise undoes the acknowledgement | [`events`] |
//! | 5, 6 | any | resolve by its source | resolved | [`events`] |
//! | 7, 8, 9 | triggered, acknowledged | acknowledge by a person or the source | acknowledged | [`deeds`] |
//! | 10 | acknowledged | unacknowledge | triggered, the remembered level anew | [`deeds`] |
//! | 11, 13 | acknowledged | its time is over, or its nap | as 10, and whoever had it is paged, too | [`timers`] |
//! | 12 | triggered, acknowledged | snooze | acknowledged until then | [`deeds`] |
//! | 14 to 17 | triggered | its timer | one step up the ladder | [`timers`] |
//! | 18 | triggered, acknowledged | escalate | triggered, the next level or a chosen one | [`deeds`] |
//! | 19 | triggered, acknowledged | reassign | triggered, for people or a policy | [`deeds`] |
//! | 20 | triggered, acknowledged | resolve by a person, or by silence | resolved | [`deeds`], [`timers`] |
//! | 21 | resolved | reopen | triggered, from the bottom | [`deeds`] |
//! | 22 | triggered | a notification is sent again | unchanged | [`delivery`](crate::domain::delivery) |
//! | 23 | resolved | anything else | refused | [`deeds`] |

pub mod deeds;
pub mod events;
pub mod filter;
pub mod timers;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use deeds::{
    Taker, acknowledge, escalate, hand_over, hand_to_policy, reopen, resolve, set_severity, snooze, unacknowledge,
};
pub use events::{Meaning, Opening, meaning, open, recover, repeat, rise};
pub use timers::{RESTORE_HOLD_MINUTES, follow_source, hold_after_restore, on_timer, recheck, resume_after_restore};

use crate::domain::effect::TimerKind;
use crate::domain::event::{AlertPair, Event, Link, SenderTime};
use crate::domain::id::{AlertSourceId, IncidentId, MaintenanceId, PolicyId, TeamId, UserId};
use crate::domain::time::Timestamp;
use crate::domain::{Severity, Urgency};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Incident {
    pub id: IncidentId,
    /// What people say: "#1842". From a sequence of its own, without gaps.
    pub number: u64,
    pub source: AlertSourceId,
    pub team: TeamId,
    pub policy: PolicyId,
    /// With the source, unique among unresolved incidents.
    pub external_id: String,
    /// Of the first event; repeats do not change it.
    pub title: String,
    pub severity: Severity,
    /// The worst its events ever said. People may judge it milder, and only something worse than this overrules them.
    pub severity_reported: Severity,
    /// By which of people's rules it is paged.
    pub urgency: Urgency,
    pub status: Status,
    /// While acknowledged and set aside until then.
    pub snooze: Option<Snooze>,
    /// Why it is held, while its phase is `Held`.
    pub hold: Option<Hold>,
    /// First the first person paged, then whoever took it.
    pub assignee: Option<UserId>,
    pub ackers: Vec<UserId>,
    pub event_count: u64,
    pub created_at: Timestamp,
    pub last_event_at: Timestamp,
    pub taken_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    pub resolved_by: Option<UserId>,
    /// The last resolved incident of the same alert.
    pub previous: Option<IncidentId>,
    pub reopen_count: u32,
    pub ladder: Ladder,
    /// Grows with every change of timers; a timer armed under an older one does nothing.
    pub generation: u64,
    /// The last timeline entry's number, and the number of a trailing `EventAppended`, which repeats rewrite in place.
    pub timeline_len: u32,
    pub appended_seq: Option<u32>,
    /// The sender's time of the last trigger, where its events may be compared by time.
    pub last_trigger_at: Option<SenderTime>,
    /// The source's own resolve of this incident, for judging late triggers.
    pub recovery: Option<Recovery>,
    /// Sent by the source page's test button.
    pub is_test: bool,
    pub version: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Status {
    Triggered,
    Acknowledged,
    Resolved,
}

impl Status {
    pub const ALL: [Status; 3] = [Status::Triggered, Status::Acknowledged, Status::Resolved];

    pub fn word(self) -> &'static str {
        match self {
            Status::Triggered => "triggered",
            Status::Acknowledged => "acknowledged",
            Status::Resolved => "resolved",
        }
    }

    pub fn from_word(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.word() == word)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Snooze {
    pub until: Timestamp,
    /// Is paged as well when it ends.
    pub by: Option<UserId>,
}

/// What keeps a triggered incident from paging for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Hold {
    Maintenance(MaintenanceId),
    /// The database was restored: an admin looks first, or time runs out.
    Restore,
}

/// Where the incident stands on its policy's ladder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ladder {
    /// Counts reopenings: each climbs from the bottom.
    pub run: u32,
    pub cycle: u8,
    /// The remembered number; the level itself is looked up in the policy as it is then.
    pub level: Option<u8>,
    /// Counts pages of the ladder, so that one person is told once per visit.
    pub visit: u32,
    /// Pages of this visit and of those before it are no longer wanted: somebody took it, ended it, or escalated past
    /// them. A message that was on the wire then is not tried again.
    pub bypassed: u32,
    /// When the level was entered or the last resort last paged.
    pub entered_at: Option<Timestamp>,
    pub phase: Phase,
    /// It was handed to people by hand: whoever is on call does not join them.
    pub reassigned: bool,
    /// Who was paged in this visit.
    pub paged: Vec<UserId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Phase {
    Climbing,
    /// Every level was called, as often as the policy repeats.
    Exhausted,
    /// No level has anybody who can be paged.
    NoCoverage,
    /// In a maintenance window, or after a restore: waits, and nobody is paged.
    Held,
}

impl Incident {
    /// What it may be waiting for in its state: the timers of which a triggered incident has exactly one.
    pub fn waiting_kinds(&self) -> &'static [TimerKind] {
        match (self.status, self.ladder.phase) {
            (Status::Triggered, Phase::Climbing) => &[TimerKind::Next],
            (Status::Triggered, Phase::Exhausted) => &[TimerKind::Repage],
            (Status::Triggered, Phase::NoCoverage) => &[TimerKind::Cover],
            (Status::Triggered, Phase::Held) => &[TimerKind::Hold],
            (Status::Acknowledged, _) => &[TimerKind::AckTimeout, TimerKind::Snooze],
            (Status::Resolved, _) => &[],
        }
    }
}

impl Ladder {
    fn at_the_bottom(run: u32, visit: u32) -> Ladder {
        let (phase, paged) = (Phase::Climbing, vec![]);
        Ladder { run, cycle: 0, level: None, visit, bypassed: visit, entered_at: None, phase, reassigned: false, paged }
    }
}

/// What the source closed, and when that arrived.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Recovery {
    pub received_at: Timestamp,
    pub occurred_at: SenderTime,
    pub closed: Vec<AlertPair>,
}

/// The bulky part of an incident, kept apart so that a repeat of the same alert does not write it again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IncidentDetails {
    pub incident: IncidentId,
    pub details: String,
    pub labels: BTreeMap<String, String>,
    pub links: Vec<Link>,
}

impl IncidentDetails {
    pub fn of(incident: IncidentId, event: &Event) -> IncidentDetails {
        let Event { details, labels, links, .. } = event.clone();
        IncidentDetails { incident, details, labels, links }
    }
}

/// A person was deactivated who holds this incident or was paged for it.
pub fn concerns(incident: &Incident, user: UserId) -> bool {
    incident.status != Status::Resolved && (incident.assignee == Some(user) || incident.ladder.paged.contains(&user))
}
