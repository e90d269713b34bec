//! What a decision wants done. Decisions return these; `app/apply.rs` alone carries them out, in the same transaction.

use crate::domain::Urgency;
use crate::domain::actor::By;
use crate::domain::id::{HeartbeatId, IncidentId, UserId};
use crate::domain::incident::Incident;
use crate::domain::time::Timestamp;
use crate::domain::timeline::{Happened, Via};
use crate::planted;
use serde::{Deserialize, Serialize};

/// The outcome of one decision about one incident.
#[derive(Clone, PartialEq, Debug)]
pub struct Transition {
    pub incident: Incident,
    pub log: Vec<(By, Happened)>,
    pub effects: Vec<Effect>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// The incident's whole set of timers is this one, under this generation.
    SetTimers {
        incident: IncidentId,
        generation: u64,
        timers: Vec<(TimerKind, Due)>,
    },
    Notify(NewNotification),
    /// What has not left yet must not leave: pages to these people, or to everybody.
    Withdraw {
        incident: IncidentId,
        only: Option<Vec<UserId>>,
        reason: &'static str,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    At(Timestamp),
    /// When it is due already. One that is not armed stays so.
    Kept,
}

/// One person to be told one thing; which channels carry it follows from the person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewNotification {
    pub incident: IncidentId,
    pub user: UserId,
    pub reason: Reason,
    pub urgency: Urgency,
    pub visit: u32,
    pub via: Via,
}

/// Why a notification exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reason {
    /// Take this incident.
    Page { level: Option<u8> },
    /// Somebody took it, or it is over: email and WhatsApp only, best effort.
    Update(UpdateKind),
    /// Somebody asked whether messages arrive.
    Test,
    /// A code that proves whose contact method this is. The code itself is worked out when it is sent and kept nowhere.
    Code,
    /// The short answer to a reply; the notification has its words.
    Answer,
    /// Something is wrong with PagerPal itself, which admins must know; the notification has its words.
    Notice,
    /// Something about the person's own account; the notification has its words.
    Account,
    /// The link by which the person chooses a password. Its token is worked out when it is sent and kept nowhere.
    Invitation,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum UpdateKind {
    Acknowledged,
    Resolved,
}

/// A timer is known by its purpose, so arming twice moves it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct TimerKey {
    pub subject: Subject,
    pub kind: TimerKind,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Subject {
    Incident(IncidentId),
    /// Chores of the process itself.
    Upkeep,
    Heartbeat(HeartbeatId),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum TimerKind {
    /// Enter the next level.
    Next,
    /// Page the last resort again: everybody was called in vain.
    Repage,
    /// Look again whether anybody can be paged.
    Cover,
    /// The nightly chores.
    Nightly,
    /// Look whether somebody new is covered by the level that was entered: at the next change of who is on call.
    Follow,
    /// It was taken and not resolved: page again.
    AckTimeout,
    /// Nothing was heard of it for so long that it counts as over.
    AutoResolve,
    /// The maintenance window that holds it ends.
    Hold,
    /// The nap is over.
    Snooze,
    /// A heartbeat is due.
    Beat,
}

impl TimerKind {
    pub const ALL: [TimerKind; 10] = [
        TimerKind::Next,
        TimerKind::Repage,
        TimerKind::Cover,
        TimerKind::Nightly,
        TimerKind::Follow,
        TimerKind::AckTimeout,
        TimerKind::AutoResolve,
        TimerKind::Hold,
        TimerKind::Snooze,
        TimerKind::Beat,
    ];

    /// Counts time that passed, so it moves along when the clock is set; the others are due by the calendar.
    pub fn is_elapsed(self) -> bool {
        use TimerKind::*;
        matches!(self, Next | Repage | AckTimeout | AutoResolve | Beat)
            || (self == Snooze && planted::is("nap_moves_with_clock"))
    }

    pub fn ring(self) -> Ring {
        match self {
            TimerKind::Nightly => Ring::Upkeep,
            _ => Ring::Escalation,
        }
    }
}

/// The wheel has one ring for each worker, so that a worker switched off leaves its ring untouched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Ring {
    Escalation,
    Upkeep,
}

/// A timer as it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Timer {
    pub key: TimerKey,
    pub due: Timestamp,
    pub armed_at: Timestamp,
    /// The incident's when it was armed: a firing of an older one does nothing.
    pub generation: u64,
    /// How often firing it failed; a poisonous timer is moved forward, so it cannot hold up the others.
    pub failures: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_time_that_passed_moves_with_the_clock_and_what_the_calendar_says_stays() {
        use TimerKind::*;
        let elapsed: Vec<TimerKind> = TimerKind::ALL.into_iter().filter(|kind| kind.is_elapsed()).collect();
        assert_eq!(elapsed, [Next, Repage, AckTimeout, AutoResolve, Beat]);
    }

    #[test]
    fn chores_wait_for_a_worker_of_their_own() {
        let upkeep: Vec<TimerKind> = TimerKind::ALL.into_iter().filter(|kind| kind.ring() == Ring::Upkeep).collect();
        assert_eq!(upkeep, [TimerKind::Nightly]);
    }
}
