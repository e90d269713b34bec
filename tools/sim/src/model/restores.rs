//! Restores of the model: another host goes on from what was known when the backup was taken.

use super::{Incident, Model, Phase, Status, Time};
use crate::plan::Alert;

/// What is open in a backup waits so long for a look.
const RESTORE_HOLD_SECS: Time = 15 * 60;

impl Model {
    /// Another host goes on from here, by a clock that was moved by so many seconds: what is open and not taken waits for a look.
    pub fn restored(&mut self, moved_secs: Time, now: Time) {
        self.shift(moved_secs);
        self.disturbed();
        for incident in self.incidents.values_mut().filter(|incident| incident.status == Status::Triggered) {
            (incident.phase, incident.restored, incident.next) = (Phase::Held, Some(now + RESTORE_HOLD_SECS), None);
        }
    }

    pub(super) fn resume(&mut self, now: Time) {
        let is_waiting = |incident: &Incident| incident.restored.is_some();
        let alerts: Vec<Alert> =
            self.incidents.iter().filter(|(_, incident)| is_waiting(incident)).map(|(alert, _)| *alert).collect();
        for alert in alerts {
            self.change(alert, |model, incident| model.climb(alert, incident, None, now));
        }
    }
}
