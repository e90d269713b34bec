//! What PagerPal's words mean: pure decisions over plain values.
//!
//! Nothing here does I/O, reads a clock, draws a random number or logs. Whatever a decision needs is an argument,
//! whatever it wants done is in its answer. That is what makes every behaviour of the pager a plain test.

pub mod access;
pub mod actor;
pub mod alert_source;
pub mod audit;
pub mod checks;
pub mod clock_mark;
pub mod contact;
pub mod delivery;
pub mod effect;
pub mod emergency;
pub mod entry;
pub mod escalation;
pub mod event;
pub mod expected;
pub mod feed;
pub mod figures;
pub mod fill;
pub mod given;
pub mod heartbeat;
pub mod id;
pub mod import;
pub mod incident;
pub mod invitation;
pub mod ladder;
pub mod layer;
pub mod maintenance;
pub mod notification;
pub mod oncall;
pub mod pass;
pub mod password;
pub mod policy;
pub mod preferences;
pub mod receipt;
pub mod refusal;
pub mod repeat;
pub mod reply;
pub mod report;
pub mod retry;
pub mod rotation;
pub mod rules;
pub mod schedule;
pub mod sealed;
pub mod session;
pub mod sign_on;
pub mod source_event;
pub mod storm;
pub mod team;
pub mod throttle;
pub mod time;
pub mod timeline;
pub mod token;
pub mod turn;
pub mod user;
pub mod warning;

use serde::{Deserialize, Serialize};

/// How bad it is, worst last, so that `max` is "the worst of".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Severity {
    Info,
    Warning,
    Error,
    Critical,
}

impl Severity {
    /// Worst first, as lists and forms show them.
    pub const ALL: [Severity; 4] = [Severity::Critical, Severity::Error, Severity::Warning, Severity::Info];

    /// The word used in the API, in forms and in settings.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }

    pub fn from_word(word: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|severity| severity.word() == word)
    }

    /// Low urgency climbs the same ladder by people's low-urgency rules.
    pub fn urgency(self) -> Urgency {
        match self {
            Severity::Info => Urgency::Low,
            _ => Urgency::High,
        }
    }
}

/// Which of a person's notification rules apply.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Urgency {
    High,
    Low,
}

impl Urgency {
    pub fn word(self) -> &'static str {
        match self {
            Urgency::High => "high",
            Urgency::Low => "low",
        }
    }

    pub fn from_word(word: &str) -> Option<Urgency> {
        [Urgency::High, Urgency::Low].into_iter().find(|urgency| urgency.word() == word)
    }
}

#[cfg(test)]
mod words_tests;
