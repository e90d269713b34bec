//! What must hold when nothing has gone wrong for a while: L1 to L4. Nothing is left waiting for ever.

use super::run::Run;
use pagerpal::domain::delivery::{Delivery, LEASE_SECS, State, message_id};
use pagerpal::domain::effect::{Reason, Subject};
use pagerpal::domain::id::{DeliveryId, IncidentId};
use pagerpal::domain::incident::{Incident, Phase, Status};
use pagerpal::domain::notification::Notification;

/// A page gets so long until one of its messages must have been taken: the tries of a text message, or an hour in which its
/// number is full.
const TAKEN_WITHIN_MS: u64 = 75 * 60_000;

/// Whom somebody chose by hand is waited for so long where no level says otherwise, and some time to spare.
const BY_HAND_MS: u64 = 20 * 60_000;

impl Run<'_> {
    pub(super) fn finish(&mut self) -> Result<(), String> {
        if self.process.is_none() {
            return Err("L4: the process does not come back".to_owned());
        }
        if self.process.as_ref().is_some_and(|process| process.app.store_status().failures > 0) {
            return Err("L4: the store still counts as failing".to_owned());
        }
        self.verify()?;
        let view = &self.judge.view;
        for incident in view.incidents.values() {
            self.is_over_or_visible(incident)?;
        }
        for timer in view.timers.values() {
            if let Subject::Incident(id) = timer.key.subject
                && self.is_closed(id)
            {
                return Err(format!("L3: {:?} of a resolved incident is armed", timer.key));
            }
        }
        for delivery in view.deliveries.values() {
            if let (State::Sending { .. }, Some(last)) = (&delivery.state, delivery.attempts.last())
                && self.now().secs_since(last.claimed_at) > 2 * LEASE_SECS
            {
                return Err(format!("L3: {} has been claimed since {}", delivery.id, last.claimed_at));
            }
            self.was_taken(delivery)?;
            if delivery.is_open() && delivery.is_page() && delivery.incident.is_some_and(|id| self.is_closed(id)) {
                return Err(format!("L3: {} of a resolved incident is {}", delivery.id, delivery.state.word()));
            }
        }
        for notification in view.notifications.values() {
            self.was_attempted(notification)?;
        }
        Ok(())
    }

    fn is_closed(&self, id: IncidentId) -> bool {
        self.judge.view.incidents.get(&id).is_none_or(|incident| incident.status == Status::Resolved)
    }

    /// S6: what counts as taken was taken by its provider, alone or with the message that carried it.
    fn was_taken(&self, delivery: &Delivery) -> Result<(), String> {
        let is_taken = |id: DeliveryId| {
            let attempts = self.judge.view.deliveries.get(&id).map_or(&[][..], |delivery| &delivery.attempts);
            let mut ids = self.lineages.iter().flat_map(|lineage| {
                attempts.iter().map(move |attempt| message_id(lineage, id, attempt.message_number))
            });
            ids.any(|id| self.post.was_taken(&id))
        };
        let counts = matches!(delivery.state, State::Accepted { .. } | State::Delivered);
        let carriers = delivery.attempts.iter().filter_map(|attempt| attempt.carrier);
        if !counts || is_taken(delivery.id) || carriers.into_iter().any(is_taken) {
            return Ok(());
        }
        Err(format!("S6: {} counts as {}, and no provider took it", delivery.id, delivery.state.word()))
    }

    /// L1. With a policy that leads to nobody, the last resort is paged again and again, and everybody sees why.
    fn is_over_or_visible(&self, incident: &Incident) -> Result<(), String> {
        let is_visible = match incident.ladder.phase {
            Phase::Exhausted | Phase::NoCoverage => true,
            // A clock that was set back has made its window longer.
            Phase::Held => self.judge.is_held_rightly(incident, self.now()),
            // A nap that ended late, or coverage that came late.
            Phase::Climbing => {
                let since = self.judge.climbing_since.get(&incident.id).copied().unwrap_or(0);
                self.at < since + self.plan.longest_ladder_ms() + BY_HAND_MS
            }
        };
        if incident.status != Status::Triggered || is_visible {
            return Ok(());
        }
        let phase = incident.ladder.phase;
        Err(format!("L1: #{} is still {phase:?} when every ladder is long over", incident.number))
    }

    /// L2. A page that is still wanted has been tried, and if it began after the last fault, somebody took it.
    fn was_attempted(&self, notification: &Notification) -> Result<(), String> {
        let view = &self.judge.view;
        let (Some(id), Reason::Page { .. }) = (notification.incident, notification.reason) else { return Ok(()) };
        let Some(incident) = view.incidents.get(&id) else { return Ok(()) };
        let is_wanted = incident.status == Status::Triggered && notification.visit > incident.ladder.bypassed;
        let is_reachable = view.users.get(&notification.user).is_some_and(|user| user.is_pageable_at(self.now()));
        let made_at = self.judge.notified.get(&notification.id).copied().unwrap_or(0);
        let is_excused = view.once_unreachable.contains(&notification.user);
        // What a restore finds queued is withdrawn: the ladder begins anew when its hold ends.
        let is_excused = is_excused || self.judge.restored_at.is_some_and(|at| made_at < at);
        if !is_wanted || !is_reachable || is_excused || self.at < made_at + TAKEN_WITHIN_MS {
            return Ok(());
        }
        let of_visit = |d: &&Delivery| {
            // What somebody sent again later belongs to a later visit.
            let is_meant = d.visit == notification.visit || d.notification == notification.id;
            d.incident == Some(id) && d.user == notification.user && is_meant && d.is_page()
        };
        let own: Vec<&Delivery> = view.deliveries.values().filter(of_visit).collect();
        let told = || own.iter().map(|d| format!("{} {}", d.id, d.state.word())).collect::<Vec<_>>().join(", ");
        if own.iter().all(|delivery| delivery.attempts.is_empty() && !delivery.held_back) {
            return Err(format!("L2: {} of #{} was never tried: {}", notification.id, incident.number, told()));
        }
        let is_taken = |d: &&Delivery| matches!(d.state, State::Accepted { .. } | State::Delivered) || d.held_back;
        if self.judge.calm_since.is_some_and(|since| made_at >= since) && !own.iter().any(is_taken) {
            return Err(format!("L2: nobody took {} of #{}: {}", notification.id, incident.number, told()));
        }
        Ok(())
    }
}
