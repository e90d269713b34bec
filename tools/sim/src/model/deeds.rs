//! What people do with an incident of the model.

use super::{Incident, Model, Phase, Status, Time, close};
use crate::plan::{Alert, Deed};

impl Model {
    pub(super) fn take(&mut self, incident: &mut Incident, by: Option<usize>, now: Time) {
        incident.status = Status::Acknowledged;
        incident.assignee = by;
        incident.ackers = by.into_iter().collect();
        (incident.next, incident.silence, incident.snooze, incident.restored) = (None, None, None, None);
        incident.ack_timeout = self.ack_timeout(incident, now);
    }

    pub(super) fn ack_timeout(&self, incident: &Incident, now: Time) -> Option<Time> {
        self.policies[incident.policy].ack_timeout.map(|minutes| now + i64::from(minutes) * 60)
    }

    pub(super) fn untake(&mut self, alert: Alert, incident: &mut Incident, now: Time) {
        if incident.status != Status::Triggered {
            incident.silence = self.sources[alert.source].1.map(|silence| now + silence);
        }
        incident.status = Status::Triggered;
        (incident.ack_timeout, incident.snooze) = (None, None);
        incident.ackers.clear();
    }

    pub(super) fn deed(&mut self, alert: Alert, who: usize, deed: &Deed, now: Time) {
        let deed = deed.clone();
        self.change(alert, |model, incident| match deed {
            Deed::Acknowledge => model.acknowledge(incident, who, now),
            Deed::Unacknowledge if incident.status == Status::Acknowledged => {
                model.untake(alert, incident, now);
                model.reenter(alert, incident, now);
            }
            Deed::Snooze { minutes } if incident.status != Status::Resolved => {
                if incident.status == Status::Triggered {
                    model.take(incident, Some(who), now);
                }
                incident.ack_timeout = None;
                incident.snooze = Some((now + minutes * 60, who));
            }
            Deed::Resolve => close(incident),
            Deed::Reopen if incident.status == Status::Resolved => {
                (incident.assignee, incident.level, incident.cycle) = (None, None, 0);
                model.untake(alert, incident, now);
                model.climb(alert, incident, None, now);
            }
            Deed::Escalate { to, .. } if incident.status != Status::Resolved => {
                model.untake(alert, incident, now);
                let above = to.map_or(incident.level, |to| Some(to.saturating_sub(1)));
                if !model.enter_above(alert, incident, above, now) && !model.enter_above(alert, incident, None, now) {
                    model.enter_no_coverage(alert, incident, now);
                }
            }
            Deed::Reassign { to } if incident.status != Status::Resolved => {
                model.untake(alert, incident, now);
                let mut people: Vec<usize> = Vec::new();
                for who in to {
                    if !people.contains(&who) {
                        people.push(who);
                    }
                }
                model.visit(alert, incident, Phase::Climbing, &people, now);
                (incident.by_hand, incident.assignee) = (true, people.first().copied());
                let minutes = model.level(incident).map_or(15, |level| level.delay);
                incident.next = Some(now + i64::from(minutes) * 60);
            }
            Deed::ReassignToPolicy { policy } if incident.status != Status::Resolved => {
                model.untake(alert, incident, now);
                (incident.policy, incident.cycle, incident.level) = (policy, 0, None);
                model.climb(alert, incident, None, now);
            }
            Deed::SetSeverity { to } => incident.severity = to,
            _ => {}
        });
    }

    pub(super) fn acknowledge(&mut self, incident: &mut Incident, who: usize, now: Time) {
        match incident.status {
            Status::Triggered => self.take(incident, Some(who), now),
            Status::Acknowledged if !incident.ackers.contains(&who) => {
                incident.ackers.push(who);
                if incident.snooze.is_none() {
                    incident.ack_timeout = self.ack_timeout(incident, now);
                }
            }
            _ => {}
        }
    }
}
