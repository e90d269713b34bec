//! Heartbeats of the model: jobs that report, and what it means when they do not.

use super::{Model, Observed, Time};
use crate::plan::{Alert, Severity};

/// The first number of an alert that is a heartbeat.
pub const HEARTBEATS: usize = 1_000_000;

/// What heartbeats do not say about severity.
const OF_HEARTBEATS: Severity = Severity::Error;

/// Whoever was away for longer certainly knows it: the watch fires each minute, and is late after half a minute.
const WATCHED_SECS: Time = 100;

/// The clock is saved so often.
const MARKED_SECS: Time = 60;

/// A job that reports.
#[derive(Clone)]
pub(super) struct Job {
    alert: Alert,
    /// Interval and grace.
    every: Time,
    grace: Time,
    state: Beating,
    /// Nothing has stood in its way since it was heard last: it is missed to the second.
    is_steady: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Beating {
    /// Not heard yet, or taken away.
    Not,
    /// Missed then, or later where nobody could hear it meanwhile.
    Until(Time),
    Missed,
}

impl Job {
    /// Not heard yet.
    pub(super) fn new(alert: Alert, every: Time, grace: Time) -> Job {
        Job { alert, every, grace, state: Beating::Not, is_steady: true }
    }

    pub(super) fn forget(&mut self) {
        self.state = Beating::Not;
    }

    /// The clock was set by so many seconds.
    pub(super) fn shift(&mut self, secs: Time) {
        self.is_steady &= secs == 0;
        if let Beating::Until(until) = &mut self.state {
            *until += secs;
        }
    }
}

impl Model {
    /// Jobs that were not heard in time: an alert of their source.
    pub(super) fn miss(&mut self, now: Time, observed: &Observed) -> Result<(), String> {
        for nth in 0..self.jobs.len() {
            let Job { alert, state, is_steady, .. } = self.jobs[nth];
            let is_due = matches!(state, Beating::Until(until) if until <= now);
            // After a start with a wrong clock what has passed is known to the minute.
            let may_be_due =
                is_due || (!is_steady && matches!(state, Beating::Until(until) if until <= now + MARKED_SECS));
            match observed.missed.contains(&alert) {
                true if may_be_due => {
                    self.jobs[nth].state = Beating::Missed;
                    self.trigger(alert, OF_HEARTBEATS, now);
                }
                true => return Err(format!("{alert:?} counts as missed at {now}, and is {state:?}")),
                false if is_due && is_steady => return Err(format!("{alert:?} is {state:?} and not missed at {now}")),
                false => {}
            }
        }
        Ok(())
    }

    pub(super) fn ping(&mut self, nth: usize, fails: bool, now: Time) {
        let Some(job) = self.jobs.get_mut(nth) else { return };
        let (alert, was) = (job.alert, job.state);
        job.is_steady = true;
        job.state = if fails { Beating::Missed } else { Beating::Until(now + job.every + job.grace) };
        match fails {
            true => self.trigger(alert, OF_HEARTBEATS, now),
            false if was == Beating::Missed => self.recover(alert),
            false => {}
        }
    }

    /// Nobody could be heard for so long, as far as is known: that much and a grace are given back.
    pub fn was_down(&mut self, secs: Time) {
        self.disturbed();
        for job in self.jobs.iter_mut().filter(|_| secs > WATCHED_SECS) {
            if let Beating::Until(until) = &mut job.state {
                *until += secs + job.grace;
            }
        }
    }

    /// Something stands in the way of being heard: jobs may get more time than the rules say, and never less.
    pub fn disturbed(&mut self) {
        self.jobs.iter_mut().for_each(|job| job.is_steady = false);
    }
}
