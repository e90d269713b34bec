//! Alert storms: when a source opens too many incidents at once, one incident stands for the rest.
//!
//! A broken network can turn a thousand checks red in a minute, and a thousand pages tell nobody more than one. So the
//! first [`OPENED_AT_MOST`] new alerts of a minute open their own incidents, and every further one is a *line* of the
//! source's storm incident, which pages like any other. A recovery strikes its line; the last one resolves the storm. An
//! alert with a line stays there until it recovers or the storm is resolved.
//!
//! Lines are records of their own, so that one more costs the same however many there are. Past [`LINES_AT_MOST`] they
//! are only counted; then recoveries cannot tell when all is well, and a person resolves the storm.

use crate::domain::alert_source::AlertSource;
use crate::domain::event::{Action, Event, Order};
use crate::domain::id::{AlertSourceId, IncidentId};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The identity of a source's storm incident.
pub const IDENTITY: &str = "storm";

/// New incidents of one source in one minute; the storm incident itself does not count.
pub const OPENED_AT_MOST: u32 = 100;

/// Lines that are kept of one storm.
pub const LINES_AT_MOST: u64 = 10_000;

const MINUTE_SECS: i64 = 60;

/// How fast a source opens incidents, and what its last storm has swallowed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Surge {
    pub source: AlertSourceId,
    /// The minute that is counted, and the incidents opened in it.
    pub since: Timestamp,
    pub opened: u32,
    /// The incident the counts below belong to.
    pub storm: Option<IncidentId>,
    /// Lines kept, struck ones included.
    pub lines: u64,
    /// Lines not struck.
    pub firing: u64,
    /// Alerts past the last line, repeats of them included.
    pub unlisted: u64,
}

/// One alert that has no incident of its own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StormLine {
    pub storm: IncidentId,
    pub external_id: String,
    pub title: String,
    pub at: Timestamp,
    pub struck_at: Option<Timestamp>,
}

/// What becomes of an alert that joins a storm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Joined {
    /// A line to be written.
    Line,
    /// Counted only: there are too many lines.
    Counted,
}

impl Surge {
    pub fn new(source: AlertSourceId, now: Timestamp) -> Surge {
        Surge { source, since: now, opened: 0, storm: None, lines: 0, firing: 0, unlisted: 0 }
    }

    /// Counts one more incident, unless this minute has had its share.
    pub fn admits(&mut self, now: Timestamp) -> bool {
        if now.secs_since(self.since) >= MINUTE_SECS || now < self.since {
            self.since = now;
            self.opened = 0;
        }
        let admitted = self.opened < OPENED_AT_MOST;
        self.opened += u32::from(admitted);
        admitted
    }

    /// The counts are of this storm from now on: a new one, or one that was opened again.
    pub fn turn_to(&mut self, storm: IncidentId, lines: &[StormLine]) {
        self.storm = Some(storm);
        self.lines = lines.len() as u64;
        self.firing = lines.iter().filter(|line| line.struck_at.is_none()).count() as u64;
        self.unlisted = 0;
    }

    /// `before` is this alert's line, which was struck.
    pub fn join(&mut self, before: Option<&StormLine>) -> Joined {
        if before.is_none() {
            if self.lines >= LINES_AT_MOST {
                self.unlisted += 1;
                return Joined::Counted;
            }
            self.lines += 1;
        }
        self.firing += 1;
        Joined::Line
    }

    /// A line was struck. Whether it was the last.
    pub fn strike(&mut self) -> bool {
        self.firing = self.firing.saturating_sub(1);
        self.firing == 0 && self.unlisted == 0
    }
}

/// An alert as the storm incident hears it. It carries no labels: a silence of one alert does not silence the storm.
pub fn trigger_of(event: &Event, source: &AlertSource) -> Event {
    Event {
        action: Action::Trigger,
        external_id: IDENTITY.to_owned(),
        severity: event.severity,
        title: format!("Alert storm: more than {OPENED_AT_MOST} new alerts a minute from {}", source.name),
        details:
            "Every further alert is a line of this incident instead of an incident of its own. A recovery strikes \
                  its line; when none is left, this is resolved."
                .to_owned(),
        labels: BTreeMap::new(),
        links: vec![],
        occurred_at: event.occurred_at,
        order: Order::Arrival,
        actor: None,
        warnings: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    fn surge() -> Surge {
        Surge::new(AlertSourceId::new(1), Timestamp::MIN)
    }

    #[test]
    fn a_minute_admits_a_hundred_and_the_next_a_hundred_more() {
        let mut surge = surge();
        let admitted =
            |surge: &mut Surge, secs| (0..150).filter(|_| surge.admits(Timestamp::MIN.plus_secs(secs))).count();
        assert_eq!(admitted(&mut surge, 0), 100);
        assert_eq!(admitted(&mut surge, 59), 0);
        assert_eq!(admitted(&mut surge, 60), 100);
        assert_eq!(admitted(&mut surge, 30), 100, "the clock was set back");
    }

    #[test]
    fn the_last_line_ends_a_storm_unless_more_came_than_could_be_listed() {
        let mut surge = surge();
        assert_eq!((surge.join(None), surge.join(None)), (Joined::Line, Joined::Line));
        assert!(!surge.strike());
        assert!(surge.strike());
        assert_eq!((surge.lines, surge.firing), (2, 0));
        surge.lines = LINES_AT_MOST;
        let struck = StormLine {
            storm: IncidentId::new(1),
            external_id: "a".to_owned(),
            title: "A".to_owned(),
            at: Timestamp::MIN,
            struck_at: Some(Timestamp::MIN),
        };
        assert_eq!(surge.join(Some(&struck)), Joined::Line, "its line is there already");
        assert_eq!(surge.join(None), Joined::Counted);
        assert!(!surge.strike(), "somebody is left of whom nothing is known");
    }
}
