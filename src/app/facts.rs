//! Facts: what a commit was about, in a word and an id, for pages that are open.
//!
//! A fact says *that* something is not as it was, never what it is now: whoever hears one looks for himself, with his own
//! rights. Facts live in memory, are told after the commit, and may be lost at any instant; nothing but the freshness of a
//! page may hang on one.

use crate::app::App;
use crate::domain::alert_source::AlertSource;
use crate::domain::delivery::Delivery;
use crate::domain::entry::{Entry, Override};
use crate::domain::heartbeat::Heartbeat;
use crate::domain::id::{AlertSourceId, IncidentId};
use crate::domain::import::{Import, ImportCopy};
use crate::domain::incident::Incident;
use crate::domain::policy::Policy;
use crate::domain::schedule::Schedule;
use crate::domain::source_event::SourceEvent;
use crate::domain::team::Team;
use crate::domain::user::User;
use crate::store::Changed;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fact {
    /// It was written, and this is its version now.
    Incident(IncidentId, u64),
    /// A message about it went on, or was answered.
    Notifications(IncidentId),
    /// Something was received at its door, or it was edited.
    AlertSource(AlertSourceId),
    /// People, teams, schedules, policies: who is on call, and who would be called, may be somebody else.
    OnCall,
    /// What stands on top of every page.
    Strips,
}

impl Fact {
    /// Whether this one makes an older one worth nothing.
    pub fn replaces(self, older: Fact) -> bool {
        match (self, older) {
            (Fact::Incident(one, _), Fact::Incident(other, _)) => one == other,
            (one, other) => one == other,
        }
    }
}

impl App {
    /// Calls back after every commit that facts follow from, on the write thread: note them and return.
    pub fn on_facts(&self, listener: Box<dyn Fn(Vec<Fact>) + Send + Sync>) {
        self.store.on_change(Box::new(move |changed| {
            let facts = facts(changed);
            if !facts.is_empty() {
                listener(facts);
            }
        }));
    }
}

fn facts(changed: &Changed<'_>) -> Vec<Fact> {
    let mut facts: Vec<Fact> =
        changed.written::<Incident>().map(|incident| Fact::Incident(incident.id, incident.version)).collect();
    let mut add = |fact: Fact| {
        if !facts.contains(&fact) {
            facts.push(fact);
        }
    };
    for delivery in changed.written::<Delivery>() {
        delivery.incident.into_iter().for_each(|incident| add(Fact::Notifications(incident)));
    }
    changed.written::<SourceEvent>().for_each(|event| add(Fact::AlertSource(event.source)));
    changed.written::<AlertSource>().for_each(|source| add(Fact::AlertSource(source.id)));
    changed.written::<Heartbeat>().for_each(|heartbeat| add(Fact::AlertSource(heartbeat.source)));
    let calendars = changed.touches::<Schedule>()
        || changed.touches::<Entry>()
        || changed.touches::<Override>()
        || changed.touches::<Import>()
        || changed.touches::<ImportCopy>();
    if calendars || changed.touches::<Team>() || changed.touches::<User>() || changed.touches::<Policy>() {
        add(Fact::OnCall);
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    #[test]
    fn a_newer_fact_about_the_same_makes_the_older_worth_nothing() {
        let (one, other) = (IncidentId::new(1), IncidentId::new(2));
        assert!(Fact::Incident(one, 3).replaces(Fact::Incident(one, 2)));
        assert!(!Fact::Incident(one, 3).replaces(Fact::Incident(other, 2)));
        assert!(!Fact::Incident(one, 3).replaces(Fact::Notifications(one)));
        assert!(Fact::OnCall.replaces(Fact::OnCall) && !Fact::OnCall.replaces(Fact::Strips));
    }
}
