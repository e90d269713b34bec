//! Paging from memory while nothing can be saved, as the product's `worker/emergency.rs` does it, and L5: however long that
//! lasts, whoever was paged for an incident that nobody has taken is called about every five minutes, and not more often.
//!
//! What is said and how it gets there is not played: calls count as made. Who acknowledges meanwhile does so by the link.

use super::judge::Cause;
use super::plan::{Action, Alert, Deed};
use super::run::{Run, Written};
use pagerpal::app::emergency::{collect, write_down};
use pagerpal::domain::contact::Channel;
use pagerpal::domain::emergency::{EVERY_SECS, Why};
use pagerpal::domain::id::{IncidentId, UserId};
use pagerpal::domain::incident::{Incident, Phase, Status};
use pagerpal::domain::user::User;
use std::collections::BTreeMap;

/// For rounding, and for the second in which it begins.
const SPARE_MS: u64 = 3000;

/// Of one emergency.
#[derive(Default)]
pub(super) struct Watch {
    begun_at: u64,
    called_at: BTreeMap<UserId, u64>,
    /// By their links, in the order in which they are written down.
    taken: BTreeMap<IncidentId, Action>,
}

impl Run<'_> {
    /// The roster is at most two seconds old. To renew it after each commit would be most of a run, so it is made up for just
    /// before the store fails.
    pub(super) fn make_up_for_roster(&mut self) {
        let roster = self.read(collect);
        if let (Some(process), Some(roster)) = (&mut self.process, roster) {
            process.unheard.clear();
            process.app.emergency.learn(roster);
        }
    }

    pub(super) fn is_emergency(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.app.emergency.is_on())
    }

    /// Each second.
    pub(super) fn look_for_emergency(&mut self) -> Result<(), String> {
        let Some(process) = &self.process else { return Ok(()) };
        match (process.app.store_status().is_failing(), process.app.emergency.is_on()) {
            (true, is_on) => {
                if !is_on {
                    self.make_up_for_roster();
                    self.begin_emergency();
                }
                self.call()
            }
            (false, true) => self.end_emergency(),
            (false, false) => Ok(()),
        }
    }

    /// What whoever writes next writes down first.
    pub(super) fn unwritten(&self) -> Vec<Action> {
        let Some(process) = self.process.as_ref().filter(|_| self.is_emergency()) else { return vec![] };
        let (_, unwritten) = process.app.emergency.meanwhile();
        unwritten.taken.keys().filter_map(|incident| process.emergency.taken.get(incident).cloned()).collect()
    }

    fn begin_emergency(&mut self) {
        let Some(process) = &mut self.process else { return };
        process.app.emergency.begin(Why::CannotSave);
        process.emergency = Watch { begun_at: self.at, ..Watch::default() };
        self.trace.rare.count("called from memory");
        self.say(format_args!("people are called from memory"));
    }

    fn call(&mut self) -> Result<(), String> {
        let (at, now) = (self.at, self.now());
        let Some(process) = &self.process else { return Ok(()) };
        let calls = process.app.emergency.calls_due(now, &Channel::ALL);
        for call in &calls {
            self.say(format_args!("{} is called: {}", call.user, call.sentence));
        }
        let Some(process) = &mut self.process else { return Ok(()) };
        let (watch, unheard) = (&mut process.emergency, &process.unheard);
        for call in calls {
            let last = watch.called_at.insert(call.user, at);
            if last.is_some_and(|last| at + SPARE_MS < last + EVERY_SECS as u64 * 1000) {
                return Err(format!("L5: {} is called twice within five minutes", call.user));
            }
        }
        let is_forgotten = |user: &UserId| {
            let last = watch.called_at.get(user).copied().unwrap_or(watch.begun_at);
            at > last + EVERY_SECS as u64 * 1000 + SPARE_MS
        };
        let view = &self.judge.view;
        let is_untaken = |incident: &&Incident| {
            incident.status == Status::Triggered
                && incident.ladder.phase != Phase::Held
                && !watch.taken.contains_key(&incident.id)
        };
        for incident in view.incidents.values().filter(is_untaken) {
            // Set back, the clock says that whoever was deactivated since is active, and everybody knows better.
            let is_pageable = |user: &User| user.is_active() && user.is_pageable_at(now);
            let is_reachable =
                |user: &&UserId| !unheard.contains(user) && view.users.get(user).is_some_and(is_pageable);
            let forgotten = incident.ladder.paged.iter().filter(is_reachable).find(|user| is_forgotten(user));
            if let Some(user) = forgotten {
                return Err(format!("L5: {user} is not called about #{} any more", incident.number));
            }
        }
        Ok(())
    }

    /// Somebody opens the link of a message. True: it counts.
    pub(super) fn take_by_link(&mut self, alert: Alert, who: usize) -> bool {
        let (number, user) = (self.places.newest.get(&alert).copied(), self.places.people.get(who).copied());
        let known = self.judge.view.incidents.values().find(|incident| Some(incident.number) == number);
        let (Some(incident), Some(user), Some(process)) = (known, user, &mut self.process) else { return false };
        if process.emergency.taken.contains_key(&incident.id) || !process.app.emergency.take(incident.id, user) {
            return false;
        }
        let deed = Action::Act { alert, who, deed: Deed::Acknowledge };
        process.emergency.taken.insert(incident.id, deed);
        self.trace.rare.count("taken while nothing could be saved");
        self.say(format_args!("{user} takes it by the link"));
        true
    }

    /// The store saves again. What was done meanwhile is written down first.
    fn end_emergency(&mut self) -> Result<(), String> {
        let Some(process) = &self.process else { return Ok(()) };
        let (all, unwritten) = process.app.emergency.meanwhile();
        let written = self.write(Cause::WriteDown, move |tx| write_down(tx, &unwritten))?;
        if let (Written::Done(()), Some(process)) = (written, &mut self.process)
            && process.app.emergency.end(all)
        {
            process.emergency = Watch::default();
            self.trace.rare.count("an emergency that ended");
            self.say(format_args!("the emergency is over"));
        }
        Ok(())
    }
}
