//! Storms of the model: so many new alerts of a source in a minute open incidents of their own, and the others are lines of one.

use super::{Model, Time};
use crate::plan::Alert;
use std::collections::BTreeSet;

/// The number of an alert that is its source's storm.
pub const STORM: usize = 2_000_000;

const A_MINUTE: usize = 100;

/// Of one source.
#[derive(Clone, Default)]
pub(super) struct Surge {
    /// The minute that is counted, and what was opened in it.
    since: Time,
    opened: usize,
    /// Alerts without an incident of their own that have not recovered.
    lines: BTreeSet<usize>,
}

impl Surge {
    /// The clock was set by so many seconds.
    pub(super) fn shift(&mut self, secs: Time) {
        self.since += secs;
    }
}

impl Model {
    /// Of which storm this new alert is a line, if it may not open an incident.
    pub(super) fn absorb(&mut self, alert: Alert, now: Time) -> Option<Alert> {
        let storm = Alert { alert: STORM, ..alert };
        let is_open = self.is_open(storm);
        let surge = &mut self.surges[alert.source];
        if alert == storm || (is_open && surge.lines.contains(&alert.alert)) {
            return Some(storm).filter(|_| alert != storm);
        }
        if surge.opened == 0 || now >= surge.since + 60 || now < surge.since {
            (surge.since, surge.opened) = (now, 0);
        }
        if surge.opened < A_MINUTE {
            surge.opened += 1;
            return None;
        }
        if !is_open {
            surge.lines.clear();
        }
        surge.lines.insert(alert.alert);
        Some(storm)
    }

    /// An alert is over: its incident, or its line, and with the last line the storm.
    pub(super) fn recover(&mut self, alert: Alert) {
        let storm = Alert { alert: STORM, ..alert };
        if self.is_open(alert) {
            return self.end(alert);
        }
        let lines = &mut self.surges[alert.source].lines;
        if lines.remove(&alert.alert) && lines.is_empty() {
            self.end(storm);
        }
    }
}
