//! The timeline: everything that happened to an incident, in order, for ever.
//!
//! Entries name people by id; whoever shows them looks the names up, which works because users are never deleted.
//! What a decision was based on is kept as it was then: a [`Called`] says through which recipient and claim.

use crate::domain::Severity;
use crate::domain::actor::By;
use crate::domain::contact::Channel;
use crate::domain::id::{DeliveryId, IncidentId, PolicyId, ScheduleId, TeamId, UserId};
use crate::domain::incident::Hold;
use crate::domain::oncall::Place;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TimelineEntry {
    pub incident: IncidentId,
    /// 1, 2, 3 …: order comes from here, not from the time.
    pub seq: u32,
    pub at: Timestamp,
    pub by: By,
    pub what: Happened,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Happened {
    Created {
        title: String,
        severity: Severity,
    },
    /// Repeats of the alert since the entry before; one line however many, so that a flood costs constant space.
    EventAppended {
        count: u64,
        first_at: Timestamp,
    },
    SeverityChanged {
        from: Severity,
        to: Severity,
    },
    LevelEntered {
        policy: PolicyId,
        level: u8,
        cycle: u8,
        called: Vec<Called>,
    },
    LevelSkipped {
        level: u8,
        reasons: Vec<SkipReason>,
    },
    NoCoverage,
    CoverageReturned,
    LastResortPaged {
        called: Vec<UserId>,
        chosen: LastResort,
    },
    Exhausted,
    Acknowledged {
        by_source: Option<String>,
    },
    AckAdded,
    Escalated {
        from_level: Option<u8>,
    },
    Resolved {
        by_source: bool,
    },
    Reopened,
    UserDeactivated {
        user: UserId,
    },
    Note {
        text: String,
    },
    /// Something the reader should mistrust: an unchecked signature, a part of the alert that could not be read.
    Warning {
        text: String,
    },
    Delivery {
        delivery: DeliveryId,
        user: UserId,
        channel: Channel,
        what: DeliveryNews,
    },
    /// Somebody new is on call for the level that was entered, or was added to it: paged at once.
    HandoffPaged {
        policy: PolicyId,
        level: u8,
        called: Vec<Called>,
    },
    /// Whoever had it gave it back: it climbs again.
    Unacknowledged,
    /// It was taken and not resolved in the time that the policy gives.
    AckTimedOut,
    Snoozed {
        until: Timestamp,
    },
    SnoozeEnded,
    Reassigned {
        to: Handover,
    },
    /// Nobody is paged until then.
    Held {
        why: Hold,
        until: Timestamp,
    },
    HoldEnded,
    /// It follows its alert source to another policy.
    PolicyChanged {
        from: PolicyId,
        to: PolicyId,
    },
    /// A person judged it anew, either way; nobody is called for that.
    SeveritySet {
        from: Severity,
        to: Severity,
    },
    /// Nothing was heard of the alert for so many minutes.
    AutoResolved {
        after_minutes: u16,
    },
}

/// To whom an incident is given by hand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Handover {
    /// They are paged now; the ladder goes on after them.
    Users(Vec<UserId>),
    /// It climbs there, from the bottom.
    Policy(PolicyId),
}

/// How an incident's deliveries show on its timeline; the notification log has every attempt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum DeliveryNews {
    /// The provider took it, which is not yet "on the handset".
    Sent,
    Failed {
        text: String,
    },
    Exhausted {
        text: String,
    },
    /// Safe mode: decided and recorded, nothing left the machine.
    Suppressed,
    Withdrawn {
        reason: String,
    },
    /// Somebody asked for another try.
    Retried,
    /// It left, but the incident was taken while it was on its way.
    Crossed,
    /// By the provider's report, after it had taken it.
    Delivered,
    /// The number may get no more texts for now: the page waits, and the person's next method was started.
    HeldBack {
        until: Timestamp,
    },
    /// The provider took it and has not said what became of it; the person's next method was started.
    NoReceipt,
}

/// A person who was paged, and why this person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Called {
    pub user: UserId,
    pub via: Via,
}

/// The path from a level to a person, as it was when it was walked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Via {
    Named,
    Schedule {
        schedule: ScheduleId,
        place: Place,
    },
    TeamSchedule {
        team: TeamId,
        schedule: ScheduleId,
        place: Place,
    },
    /// The team has no schedule: all its active members are paged.
    TeamMember {
        team: TeamId,
    },
    LastResort,
    /// Somebody gave the incident to this person.
    Handed,
    /// This person had taken or snoozed the incident.
    HadTaken,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SkipReason {
    Inactive {
        user: UserId,
    },
    NoContactMethod {
        user: UserId,
    },
    NobodyOnCall {
        schedule: ScheduleId,
    },
    TeamEmpty {
        team: TeamId,
    },
    /// The recipient is gone; only a damaged record can cause this.
    Missing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum LastResort {
    /// The policy's own people.
    Policy,
    /// The policy names nobody who can be paged: all active admins.
    Admins,
    /// There is nobody who can be paged at all.
    Nobody,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Weight {
    Info,
    Warning,
    Critical,
}

impl Happened {
    /// How loud the line is on the page.
    pub fn weight(&self) -> Weight {
        match self {
            Happened::LastResortPaged { chosen: LastResort::Nobody, .. } => Weight::Critical,
            Happened::LevelSkipped { .. }
            | Happened::NoCoverage
            | Happened::Exhausted
            | Happened::LastResortPaged { .. }
            | Happened::UserDeactivated { .. }
            | Happened::AckTimedOut
            | Happened::Warning { .. } => Weight::Warning,
            Happened::Delivery { what: DeliveryNews::Failed { .. } | DeliveryNews::Exhausted { .. }, .. } => {
                Weight::Warning
            }
            _ => Weight::Info,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_news_is_the_loudest() {
        let paged = |chosen| Happened::LastResortPaged { called: vec![], chosen }.weight();
        assert_eq!(paged(LastResort::Nobody), Weight::Critical);
        assert_eq!([paged(LastResort::Admins), paged(LastResort::Policy)], [Weight::Warning; 2]);
        assert_eq!([Happened::Exhausted, Happened::AckTimedOut].map(|what| what.weight()), [Weight::Warning; 2]);
        assert_eq!(Happened::CoverageReturned.weight(), Weight::Info);
    }
}
