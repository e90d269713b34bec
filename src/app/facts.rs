//! What a commit was about: facts, a word and an id each, for pages that are open; and which workers have to look.
//!
//! A fact says *that* something is not as it was, never what it is now: whoever hears one looks for himself, with his own
//! rights. Facts live in memory, are told after the commit, and may be lost at any instant; nothing but the freshness of a
//! page may hang on one.

use crate::app::App;
use crate::domain::alert_source::AlertSource;
use crate::domain::delivery::Delivery;
use crate::domain::effect::Timer;
use crate::domain::entry::{Entry, Override};
use crate::domain::feed::Feed;
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

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
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
    /// The same for all facts about one thing, of which the newest makes the older ones worth nothing.
    pub fn about(self) -> Fact {
        match self {
            Fact::Incident(id, _) => Fact::Incident(id, 0),
            other => other,
        }
    }
}

/// Whose work a commit may have changed. The busiest of all, the repeat of an alert, gives nobody anything to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Work {
    pub timers: bool,
    pub deliveries: bool,
    /// Calendars that are fetched, and those that others fetch from us.
    pub calendars: bool,
}

impl App {
    /// Calls back after every commit that gives a worker something to look at, on the write thread: wake it and return.
    pub fn on_work(&self, wake: Box<dyn Fn(Work) + Send + Sync>) {
        self.store.on_change(Box::new(move |changed| {
            let work = work(changed);
            if work != Work::default() {
                wake(work);
            }
        }));
    }

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

fn work(changed: &Changed<'_>) -> Work {
    Work {
        timers: changed.touches::<Timer>(),
        deliveries: changed.touches::<Delivery>(),
        calendars: changed.touches::<Import>() || changed.touches::<Schedule>() || changed.touches::<Feed>(),
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
    changed.keys::<SourceEvent>().for_each(|(source, _)| add(Fact::AlertSource(source)));
    changed.keys::<AlertSource>().for_each(|source| add(Fact::AlertSource(source)));
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
    fn facts_are_about_one_thing_whatever_its_version() {
        let (one, other) = (IncidentId::new(1), IncidentId::new(2));
        assert_eq!(Fact::Incident(one, 3).about(), Fact::Incident(one, 2).about());
        assert_ne!(Fact::Incident(one, 3).about(), Fact::Incident(other, 3).about());
        assert_ne!(Fact::Incident(one, 3).about(), Fact::Notifications(one).about());
        assert_ne!(Fact::OnCall.about(), Fact::Strips.about());
    }
}
