//! The promises that must hold after every commit, by the names they have in the design: S1 to S17.
//!
//! Judged from outside: from the bytes of commits ([`View`]), from when things came about by a clock that nobody can set,
//! and from what left the process. No decision of the product is asked again here.

mod account;
mod texts;

use super::model::{HEARTBEATS, Model, Observed, Pages, STORM};
use super::plan::{Action, Alert, Deed};
use super::run::START;
use super::trace::{Rare, Trace};
use super::view::{Step, View};
use pagerpal::app::deliveries::{About, Outgoing};
use pagerpal::domain::Severity;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::{Attempt, Delivery, DeliveryRing, Outcome, State};
use pagerpal::domain::effect::{Reason, Subject, Timer, TimerKey, TimerKind};
use pagerpal::domain::id::{AlertSourceId, ContactId, DeliveryId, IncidentId, NotificationId, UserId};
use pagerpal::domain::incident::{Incident, Phase, Status};
use pagerpal::domain::receipt::Fate;
use pagerpal::domain::storm;
use pagerpal::domain::time::Timestamp;
use pagerpal::store::engine::Changes;
use std::collections::{BTreeMap, BTreeSet};
use texts::Text;

/// How late anything may be, in thousandths of a second: 2 s, and the pauses of the worker that are drawn here.
const LATE_MS: u64 = 2000 + 100;
/// After a start.
const LATE_AFTER_START_MS: u64 = 5000;
/// After trouble of the store a worker that nobody woke looks within 15 s.
const LATE_AFTER_TROUBLE_MS: u64 = 15_000 + LATE_MS;

/// Whoever waits for somebody to be on call looks again so soon, and a second for rounding.
const LOOKED_FOR_WITHIN_MS: u64 = 15 * 60_000 + 1000;

/// A watch that is late moves what jobs are given, and it may be late for so long after a start or trouble.
const DISTURBED_MS: u64 = 180_000;

/// What a commit was for.
#[derive(Clone, Copy, Debug)]
pub enum Cause<'a> {
    Setup,
    Start,
    Fire,
    Claim,
    Record,
    Silence,
    Report,
    Shift,
    /// At a start: how much time has passed.
    Adopt,
    /// What was sent while nothing could be saved.
    WriteDown,
    Client(&'a Action),
}

/// How things stand around a commit.
pub struct Surroundings {
    pub at: u64,
    pub now: Timestamp,
    /// The product's clock less the one that nobody can set, in seconds.
    pub base: i64,
    pub started_at: Option<u64>,
    pub store_troubled_at: Option<u64>,
    /// The clock was set, and delays have not been moved along yet.
    pub clock_unsaved: bool,
    /// What people did while nothing could be saved: whoever writes next writes it down first.
    pub taken: Vec<Action>,
    /// No room for more messages on the wire: first tries, retries.
    pub is_full: [bool; 2],
}

impl Surroundings {
    /// When an instant of the product's clock comes about.
    fn when(&self, due: Timestamp) -> u64 {
        u64::try_from((due.as_second() - self.base) * 1000).unwrap_or(0)
    }
}

/// The second model, and what its places are called in the store.
pub struct SecondOpinion {
    pub model: Model,
    pub people: BTreeMap<UserId, usize>,
    pub sources: BTreeMap<AlertSourceId, usize>,
}

/// A message that left.
struct Sent {
    message_id: String,
    message_number: u32,
    /// The provider may have it, as was known when the delivery was claimed last.
    in_doubt: bool,
    was_unanswered: bool,
}

/// When an armed timer fires.
#[derive(Clone, Copy)]
struct Due {
    stored: Timestamp,
    /// By the clock that nobody can set.
    at: u64,
    /// Whatever clock the process finds when it starts again: the time that it was down counts or does not.
    latest: u64,
}

#[derive(Default)]
pub struct Judge {
    pub view: View,
    pub calm_since: Option<u64>,
    pub second_opinion: Option<SecondOpinion>,
    /// When each notification was made, by the clock that nobody can set.
    pub notified: BTreeMap<NotificationId, u64>,
    /// When each incident's ladder began, or went on after a nap, a hold, or a time without coverage.
    pub climbing_since: BTreeMap<IncidentId, u64>,
    due: BTreeMap<TimerKey, Due>,
    down_since: u64,
    /// When a backup was restored last.
    pub restored_at: Option<u64>,
    died_at: u64,
    /// The process came up as a whole.
    pub is_up: bool,
    open: BTreeMap<(AlertSourceId, String), IncidentId>,
    clock_stepped_at: Option<u64>,
    /// The last message of each delivery that left.
    last_sent: BTreeMap<DeliveryId, Sent>,
    /// By number.
    texts: BTreeMap<String, Vec<Text>>,
}

impl Judge {
    /// Answers whether what the clock reads was saved with it.
    pub fn commit(
        &mut self,
        here: &Surroundings,
        cause: Cause<'_>,
        changes: &Changes,
        trace: &mut Trace,
    ) -> Result<bool, String> {
        let step = self.view.take_in(changes)?;
        account::tell(here, cause, &step, trace);
        account::count(cause, &step, &mut trace.rare);
        for (id, ..) in &step.notifications {
            self.notified.entry(*id).or_insert(here.at);
        }
        self.fired(here, cause, &step)?;
        self.rearmed(here, cause, &step)?;
        for (id, before, after) in &step.incidents {
            let Some(after) = after else { return Err(format!("S12: the incident {id} is gone")) };
            self.one_open(after)?;
            transition(cause, !here.taken.is_empty(), before.as_ref(), after)?;
            if is_climbing(after) && !before.as_ref().is_some_and(is_climbing) {
                self.climbing_since.insert(*id, here.at);
            }
        }
        let of_timers = step.timers.iter().filter_map(|(key, ..)| match key.subject {
            Subject::Incident(id) => Some(id),
            _ => None,
        });
        self.compare(here, cause, &step)?;
        let touched: BTreeSet<IncidentId> = step.incidents.iter().map(|(id, ..)| *id).chain(of_timers).collect();
        for id in touched {
            self.waits_rightly(id)?;
        }
        for (_, before, after) in &step.deliveries {
            let Some(after) = after else { continue };
            shape(after)?;
            let attempts = before.as_ref().map_or(0, |before| before.attempts.len());
            if after.attempts.len() > attempts {
                self.claimed(cause, after)?;
                self.doubts(after, attempts);
            }
            if before.as_ref().is_some_and(|before| !before.next_started && !has_failed(&before.state)) {
                self.goes_on(after)?;
            }
        }
        Ok(step.is_marked)
    }

    /// S13: this commit pages those whom the second model names, and nobody else.
    fn compare(&mut self, here: &Surroundings, cause: Cause<'_>, step: &Step) -> Result<(), String> {
        let Some(SecondOpinion { model, people, sources }) = &mut self.second_opinion else { return Ok(()) };
        let alert_of = |incident: &Incident| alert_of(incident, sources);
        let mut observed = Observed::default();
        for (_, _, after) in &step.notifications {
            let Some(notification) = after else { continue };
            let incident = notification.incident.and_then(|id| self.view.incidents.get(&id));
            if let (Reason::Page { .. }, Some(incident)) = (notification.reason, incident)
                && let (Some(alert), Some(who)) = (alert_of(incident), people.get(&notification.user))
            {
                observed.pages.insert((alert, *who));
            }
        }
        for (_, before, after) in &step.incidents {
            let count = |of: &Option<Incident>| of.as_ref().map_or(0, |incident| incident.event_count);
            let is_told = count(after) > count(before) && matches!(cause, Cause::Fire);
            if let Some(alert) = after.as_ref().filter(|_| is_told).and_then(alert_of) {
                observed.missed.insert(alert);
            }
            let was_open = before.as_ref().is_some_and(|before| before.status != Status::Resolved);
            if let Some(after) = after.as_ref().filter(|after| was_open && after.status == Status::Resolved) {
                observed.resolved.extend(alert_of(after));
            }
        }
        for line in step.lines.iter().filter(|line| line.struck_at.is_none() && matches!(cause, Cause::Fire)) {
            let storm = self.view.incidents.get(&line.storm);
            observed.missed.extend(storm.and_then(|storm| alert_named(storm.source, &line.external_id, sources)));
        }
        let now = here.now.as_second() - START;
        let disturbed = [here.store_troubled_at, here.started_at].into_iter().flatten();
        if disturbed.into_iter().any(|at| here.at < at + DISTURBED_MS) || here.clock_unsaved {
            model.disturbed();
        }
        // Whoever writes first after a step moves what waits along.
        let mut expected = match step.moved_secs {
            0 => Pages::new(),
            secs => model.clock_set(secs, now),
        };
        expected.extend(here.taken.iter().flat_map(|action| model.act(action, now)));
        expected.extend(match cause {
            Cause::Fire => model.fire(now, &observed).map_err(|problem| format!("S13: {problem}"))?,
            Cause::Client(action) => model.act(action, now),
            _ => Pages::new(),
        });
        if expected == observed.pages {
            return Ok(());
        }
        let (missing, more) = (&expected - &observed.pages, &observed.pages - &expected);
        Err(format!("S13: by {cause:?} not paged were {missing:?}, and paged without a rule {more:?}"))
    }

    /// Whether the second model, too, has this incident wait for the end of a window.
    pub fn is_held_rightly(&self, incident: &Incident, now: Timestamp) -> bool {
        let Some(SecondOpinion { model, sources, .. }) = &self.second_opinion else { return false };
        alert_of(incident, sources).is_some_and(|alert| model.is_waiting(alert, now.as_second() - START))
    }

    /// Another host goes on from a backup: what was known when it was taken is known now, and what is open and untaken waits. So far
    /// nobody is paged.
    pub fn restored(
        &mut self,
        here: &Surroundings,
        view: View,
        model: Model,
        settled: &[Changes],
    ) -> Result<(), String> {
        self.view = view;
        let mut moved_secs = 0;
        for changes in settled {
            let step = self.view.take_in(changes)?;
            moved_secs += step.moved_secs;
            if !step.notifications.is_empty() {
                return Err("S13: a restore pages somebody".to_owned());
            }
        }
        if let Some(opinion) = &mut self.second_opinion {
            opinion.model = model;
            opinion.model.restored(moved_secs, here.now.as_second() - START);
        }
        let View { incidents, notifications, timers, .. } = &self.view;
        self.notified.retain(|id, _| notifications.contains_key(id));
        self.climbing_since.retain(|id, _| incidents.contains_key(id));
        // How long nobody was there to wait is measured when the next process starts.
        let due = |timer: &Timer| Due { stored: timer.due, at: here.when(timer.due), latest: u64::MAX };
        self.due = timers.iter().map(|(key, timer)| (*key, due(timer))).collect();
        let open = incidents.values().filter(|incident| incident.status != Status::Resolved);
        self.open = open.map(|incident| ((incident.source, incident.external_id.clone()), incident.id)).collect();
        self.restored_at = Some(here.at);
        (self.last_sent, self.texts, self.is_up) = (BTreeMap::new(), BTreeMap::new(), false);
        self.view.incidents.keys().try_for_each(|id| self.waits_rightly(*id))
    }

    /// S11.
    fn one_open(&mut self, incident: &Incident) -> Result<(), String> {
        let identity = (incident.source, incident.external_id.clone());
        if incident.status == Status::Resolved {
            if self.open.get(&identity) == Some(&incident.id) {
                self.open.remove(&identity);
            }
            return Ok(());
        }
        match self.open.insert(identity, incident.id) {
            Some(other) if other != incident.id => {
                Err(format!("S11: {other} and {} are both open for {}", incident.id, incident.external_id))
            }
            _ => Ok(()),
        }
    }

    /// S1 and S2: an incident waits for exactly what its state says.
    fn waits_rightly(&self, id: IncidentId) -> Result<(), String> {
        let subject = Subject::Incident(id);
        let armed: Vec<TimerKind> = TimerKind::ALL
            .into_iter()
            .filter(|kind| self.view.timers.contains_key(&TimerKey { subject, kind: *kind }))
            .collect();
        let Some(incident) = self.view.incidents.get(&id) else {
            return Err(format!("S2: {armed:?} of the missing incident {id}"));
        };
        let paging: Vec<TimerKind> = armed
            .iter()
            .copied()
            .filter(|kind| matches!(kind, TimerKind::Next | TimerKind::Repage | TimerKind::Cover | TimerKind::Hold))
            .collect();
        let expected = match (incident.status, incident.ladder.phase) {
            (Status::Triggered, Phase::Climbing) => Some(TimerKind::Next),
            (Status::Triggered, Phase::Exhausted) => Some(TimerKind::Repage),
            (Status::Triggered, Phase::NoCoverage) => Some(TimerKind::Cover),
            (Status::Triggered, Phase::Held) => Some(TimerKind::Hold),
            _ => None,
        };
        let is_right = paging.iter().copied().eq(expected);
        if !is_right || (incident.status == Status::Resolved && !armed.is_empty()) {
            let (number, status) = (incident.number, incident.status.word());
            return Err(format!("S1: #{number} is {status}, {:?}, and waits for {armed:?}", incident.ladder.phase));
        }
        Ok(())
    }

    /// S3 and S4, at every claim.
    fn claimed(&self, cause: Cause<'_>, delivery: &Delivery) -> Result<(), String> {
        let id = delivery.id;
        if !matches!(cause, Cause::Claim) {
            return Err(format!("S12: {id} was claimed by {cause:?}"));
        }
        if let Some(incident) = delivery.incident.and_then(|id| self.view.incidents.get(&id))
            && delivery.is_page()
            && (incident.status != Status::Triggered || incident.ladder.phase == Phase::Held)
        {
            let (number, status) = (incident.number, incident.status.word());
            return Err(format!("S3: {id} was claimed to page for #{number}, which is {status}"));
        }
        if let Some(incident) = delivery.incident.and_then(|id| self.view.incidents.get(&id))
            && delivery.is_page()
            && delivery.visit <= incident.ladder.bypassed
        {
            return Err(format!("S3: {id} was claimed for somebody passed over in #{}", incident.number));
        }
        let user = self.view.users.get(&delivery.user).ok_or_else(|| format!("S4: {id} is for nobody"))?;
        let is_active = user.activity.iter().any(|span| span.to.is_none());
        let is_there = user.contacts.iter().any(|contact| contact.id == delivery.contact && contact.enabled);
        if !is_active || !is_there {
            return Err(format!("S4: {id} was claimed for {} (active {is_active}, method {is_there})", user.name));
        }
        Ok(())
    }

    /// What was known of the last message that left, when the delivery was claimed once more. A claim of which nothing is known
    /// may have left, too: nobody can tell that its sender never came to it.
    fn doubts(&mut self, delivery: &Delivery, attempts_before: usize) {
        let Some(last) = self.last_sent.get_mut(&delivery.id) else { return };
        let is_of = |attempt: &&Attempt| attempt.message_number == last.message_number;
        let claims: Vec<&Attempt> = delivery.attempts[..attempts_before].iter().filter(is_of).collect();
        let answer = claims.last().and_then(|attempt| attempt.answer.as_ref()).map(|answer| &answer.outcome);
        let is_refused = |attempt: &&Attempt| {
            attempt.receipt.as_ref().is_some_and(|receipt| matches!(receipt.fate, Fate::Refused(_)))
        };
        last.was_unanswered = answer.is_none();
        last.in_doubt = matches!(answer, None | Some(Outcome::Ambiguous)) && !claims.iter().any(is_refused);
    }

    /// L2: a page that failed goes on by another method, if there is one.
    fn goes_on(&self, delivery: &Delivery) -> Result<(), String> {
        let incident = delivery.incident.and_then(|id| self.view.incidents.get(&id));
        let is_wanted = incident
            .is_some_and(|incident| incident.status == Status::Triggered && delivery.visit > incident.ladder.bypassed);
        let Some(user) = self.view.users.get(&delivery.user) else { return Ok(()) };
        if !delivery.is_page() || !has_failed(&delivery.state) || !is_wanted {
            return Ok(());
        }
        let of_visit = |other: &&Delivery| {
            (other.incident, other.user, other.visit) == (delivery.incident, delivery.user, delivery.visit)
        };
        let siblings: Vec<&Delivery> = self.view.deliveries.values().filter(of_visit).collect();
        let is_hopeless = siblings.iter().all(|other| has_failed(&other.state));
        let is_unused = |contact: ContactId| siblings.iter().all(|other| other.contact != contact);
        match user.contacts.iter().find(|contact| contact.enabled && is_unused(contact.id)) {
            Some(contact) if is_hopeless => Err(format!("L2: {} failed, and {} is not tried", delivery.id, contact.id)),
            _ => Ok(()),
        }
    }

    /// S7: what this commit fired was due by the clock that nobody can set.
    fn fired(&self, here: &Surroundings, cause: Cause<'_>, step: &Step) -> Result<(), String> {
        if !matches!(cause, Cause::Fire) {
            return Ok(());
        }
        for (key, before, _) in &step.timers {
            // Whoever writes first after a step moves what waits along before he looks.
            let moved_secs = if key.kind.is_elapsed() { step.moved_secs } else { 0 };
            let due = before.as_ref().map(|before| before.due.plus_secs(moved_secs)).filter(|due| *due <= here.now);
            let due = due.and_then(|_| self.due.get(key));
            if let Some(Due { stored, at, .. }) = due
                && here.at + 999 < *at
            {
                let early = (at - here.at).div_ceil(1000);
                return Err(format!("S7: {key:?}, stored for {stored}, fired {early} s early"));
            }
        }
        Ok(())
    }

    /// Keeps when each timer is to fire. A step of the clock moves what counts elapsed time along, and nothing else.
    fn rearmed(&mut self, here: &Surroundings, cause: Cause<'_>, step: &Step) -> Result<(), String> {
        let visits = step.incidents.iter().filter(|(_, before, after)| {
            let visit = |incident: &Option<Incident>| incident.as_ref().map(|incident| incident.ladder.visit);
            visit(before) != visit(after)
        });
        let visited: BTreeSet<Subject> = visits.map(|(id, ..)| Subject::Incident(*id)).collect();
        // After a step back the ladder is looked at anew, and what came due while nothing could be saved is due now.
        let overdue_until = if step.moved_secs < 0 { here.at + 1000 } else { 0 };
        for (key, before, after) in &step.timers {
            let Some(after) = after else {
                self.due.remove(key);
                continue;
            };
            let (stored, at) = (after.due, here.when(after.due));
            let known = self.due.get(key).copied();
            if key.kind == TimerKind::Cover && at > here.at + LOOKED_FOR_WITHIN_MS {
                return Err(format!("S7: {key:?} is not looked at until {stored}"));
            }
            // Who is on call next is looked for anew after a step back, which may also have begun another visit.
            let is_looked_for =
                matches!(key.kind, TimerKind::Cover | TimerKind::Follow | TimerKind::Hold | TimerKind::Beat)
                    || visited.contains(&key.subject);
            if let (Cause::Shift, Some(known)) = (cause, known)
                && before.is_some()
                && !is_looked_for
                && known.at.abs_diff(at) > 1000
                && known.at.max(at) > overdue_until
            {
                let (was, would_be) = (known.stored, known.at);
                return Err(format!(
                    "S7: the clock was set, and {key:?} moved from {was} to {stored}: {would_be} to {at}"
                ));
            }
            match (cause, known) {
                (_, Some(known)) if known.stored == stored => {}
                (Cause::Adopt, Some(Due { latest, .. })) if !is_looked_for => {
                    self.due.insert(*key, Due { stored, at, latest });
                }
                _ => drop(self.due.insert(*key, Due { stored, at, latest: at })),
            }
        }
        Ok(())
    }

    /// The next process measures from the clock that was saved last.
    pub fn died(&mut self, at: u64, marked_at: u64) {
        self.down_since = marked_at.min(at);
        self.died_at = at;
    }

    /// Another process: time is what its wall clock says, which may have been set meanwhile. So much passed, as far as can
    /// be known, since whatever a number got lately.
    pub fn started(&mut self, here: &Surroundings, set_by_secs: i64) {
        self.clock_stepped_at = None;
        if set_by_secs > 0 {
            self.texts.clear();
        }
        if let Some(SecondOpinion { model, .. }) = &mut self.second_opinion {
            let is_known = std::mem::take(&mut self.is_up) && set_by_secs == 0;
            model.was_down(if is_known { ((here.at - self.died_at) / 1000) as i64 } else { 0 });
        }
        let down = here.at - self.down_since + 1000;
        for (key, due) in &mut self.due {
            due.at = here.when(due.stored);
            // What is overdue may be armed anew, for now at the earliest.
            let latest = due.latest.saturating_add(down).max(here.at);
            due.latest = if key.kind.is_elapsed() { latest } else { due.at };
        }
    }

    /// S7: however wrong that clock is, a delay is no longer than the process was down. It has adopted it.
    pub fn adopted(&self) -> Result<(), String> {
        // A job is given a grace with each step.
        let is_late = |(key, due): &(&TimerKey, &Due)| due.at > due.latest && key.kind != TimerKind::Beat;
        match self.due.iter().find(is_late) {
            Some((key, due)) => {
                let late = (due.at - due.latest) / 1000;
                Err(format!("S7: {key:?}, stored for {}, waits {late} s too long after a restart", due.stored))
            }
            None => Ok(()),
        }
    }

    /// The clock was set and that was noticed: what is due by the calendar is due by the new one.
    pub fn clock_stepped(&mut self, here: &Surroundings) {
        self.clock_stepped_at = Some(here.at);
        for (key, due) in &mut self.due {
            if !key.kind.is_elapsed() {
                due.at = here.when(due.stored);
                due.latest = due.at;
            }
        }
    }

    /// S7: nothing is late while the process runs and the store works.
    pub fn look(&self, here: &Surroundings) -> Result<(), String> {
        let Some(started_at) = here.started_at else { return Ok(()) };
        let excused_until = [
            Some(started_at + LATE_AFTER_START_MS),
            here.store_troubled_at.map(|at| at + LATE_AFTER_TROUBLE_MS),
            self.clock_stepped_at.map(|at| at + LATE_MS),
        ];
        if excused_until.into_iter().flatten().any(|until| here.at < until) || here.clock_unsaved {
            return Ok(());
        }
        let late = |at: u64| here.at > at + LATE_MS;
        if let Some((key, Due { stored, at, .. })) = self.due.iter().find(|(_, due)| late(due.at)) {
            return Err(format!("S7: {key:?}, stored for {stored}, is {} s late", (here.at - at) / 1000));
        }
        for delivery in self.view.waiting.iter().map(|id| &self.view.deliveries[id]) {
            let Some((ring, due)) = delivery.wheel() else { continue };
            let is_full = match ring {
                DeliveryRing::First => here.is_full[0],
                DeliveryRing::Retry => here.is_full[1],
                DeliveryRing::Receipt => false,
            };
            if !is_full && late(here.when(due)) {
                return Err(format!("S7: {}, {}, due at {due}, is late", delivery.id, delivery.state.word()));
            }
        }
        Ok(())
    }

    /// S6 and S14, as a message leaves.
    pub fn sending(&mut self, at: u64, outgoing: &Outgoing, text: &str, rare: &mut Rare) -> Result<(), String> {
        let Outgoing { delivery, attempt, message_id, channel, address, .. } = outgoing;
        let of = self.view.deliveries.get(delivery).and_then(|delivery| delivery.attempts.get(*attempt));
        let message_number = of.map_or(0, |attempt| attempt.message_number);
        if let Some(last) = self.last_sent.get(delivery) {
            let is_same = last.message_id == *message_id;
            if last.was_unanswered {
                rare.count("a lease that ran out");
            }
            if last.in_doubt && !is_same {
                let last = &last.message_id;
                return Err(format!("S6: {last} may have been taken, and its copy leaves as {message_id}"));
            }
            if !last.in_doubt && is_same {
                return Err(format!("S6: {message_id} leaves again although it was refused"));
            }
        }
        let message_id = message_id.clone();
        self.last_sent.insert(*delivery, Sent { message_id, message_number, in_doubt: true, was_unanswered: true });
        if *channel == Channel::Sms {
            let may_be_special = match &outgoing.about {
                About::Incident(facts) => facts.severity == Severity::Critical,
                About::Bundle(bundle) => bundle.incidents.iter().any(|(of, _)| of.severity == Severity::Critical),
                _ => true,
            };
            // It may have left with more than it carries now.
            let may_be_special = may_be_special || self.was_critical(*delivery, message_number);
            let (message_id, said) = (outgoing.message_id.clone(), text.to_owned());
            self.texted(address, Text { at, message_id, said, may_be_special })?;
        }
        Ok(())
    }

    /// Whether this is the only claim of its message so far.
    pub fn is_first(&self, outgoing: &Outgoing) -> bool {
        self.view.deliveries.get(&outgoing.delivery).is_some_and(|delivery| {
            let number = delivery.attempts.get(outgoing.attempt).map(|attempt| attempt.message_number);
            delivery.attempts.iter().filter(|attempt| Some(attempt.message_number) == number).count() == 1
        })
    }

    /// What the provider did not take does not count.
    pub fn answered(&mut self, outgoing: &Outgoing, outcome: &Outcome) {
        let not_taken = matches!(outcome, Outcome::Temporary { .. } | Outcome::Permanent { account_wide: true });
        if not_taken
            && self.is_first(outgoing)
            && let Some(texts) = self.texts.get_mut(&outgoing.address)
        {
            texts.retain(|text| text.message_id != outgoing.message_id);
        }
    }
}

/// What the plan calls the alert of an incident.
fn alert_of(incident: &Incident, sources: &BTreeMap<AlertSourceId, usize>) -> Option<Alert> {
    alert_named(incident.source, &incident.external_id, sources)
}

fn alert_named(source: AlertSourceId, external_id: &str, sources: &BTreeMap<AlertSourceId, usize>) -> Option<Alert> {
    let alert = match external_id.strip_prefix("heartbeat:job-") {
        None if external_id == storm::IDENTITY => STORM,
        Some(nth) => HEARTBEATS + nth.parse::<usize>().ok()?,
        None => external_id.strip_prefix("alert ")?.parse().ok()?,
    };
    Some(Alert { source: *sources.get(&source)?, alert })
}

/// S12: status changes only as the table of transitions has it, and counters never go back.
fn transition(cause: Cause<'_>, was_taken: bool, before: Option<&Incident>, after: &Incident) -> Result<(), String> {
    use Status::{Acknowledged, Resolved, Triggered};
    let number = after.number;
    let Some(before) = before else {
        return match (cause, after.status) {
            (Cause::Client(Action::Trigger { .. } | Action::Ping { .. }), Triggered) => Ok(()),
            (Cause::Fire, Triggered) if after.external_id.starts_with("heartbeat:") => Ok(()),
            _ => Err(format!("S12: #{number} was opened by {cause:?} as {}", after.status.word())),
        };
    };
    let counters = |i: &Incident| (i.generation, i.timeline_len, i.ladder.visit, i.ladder.run, i.event_count);
    let (was, is) = (counters(before), counters(after));
    if is.0 < was.0 || is.1 < was.1 || is.2 < was.2 || is.3 < was.3 || is.4 < was.4 {
        return Err(format!("S12: counters of #{number} went back: {was:?}, {is:?}"));
    }
    let deed = match cause {
        Cause::Client(Action::Act { deed, .. }) => Some(deed),
        _ => None,
    };
    let is_allowed = match (before.status, after.status) {
        (before, after) if before == after => true,
        (Triggered, Acknowledged) => {
            was_taken
                || matches!(deed, Some(Deed::Acknowledge | Deed::Snooze { .. }))
                || matches!(cause, Cause::Client(Action::TakenThere { .. }))
        }
        (Acknowledged, Triggered) => {
            use Deed::{Escalate, Reassign, ReassignToPolicy, Unacknowledge};
            matches!(deed, Some(Unacknowledge | Escalate { .. } | Reassign { .. } | ReassignToPolicy { .. }))
                || matches!(cause, Cause::Fire | Cause::Client(Action::Trigger { .. }))
        }
        (_, Resolved) => {
            matches!(deed, Some(Deed::Resolve))
                || matches!(cause, Cause::Fire | Cause::Client(Action::Recover { .. } | Action::Ping { .. }))
        }
        (Resolved, _) => matches!(deed, Some(Deed::Reopen)),
        _ => false,
    };
    if is_allowed {
        return Ok(());
    }
    Err(format!("S12: {cause:?} made #{number} {} from {}", after.status.word(), before.status.word()))
}

fn is_climbing(incident: &Incident) -> bool {
    (incident.status, incident.ladder.phase) == (Status::Triggered, Phase::Climbing)
}

fn has_failed(state: &State) -> bool {
    matches!(state, State::Retrying { .. } | State::Failed | State::Exhausted)
}

/// S5.
fn shape(delivery: &Delivery) -> Result<(), String> {
    let mut expected = 0;
    for attempt in &delivery.attempts {
        if attempt.message_number != expected && attempt.message_number != expected + 1 {
            return Err(format!("S5: {} has a hole before message {}", delivery.id, attempt.message_number));
        }
        expected = attempt.message_number;
    }
    let unanswered = delivery.attempts.last().is_some_and(|attempt| attempt.answer.is_none());
    let is_right = match delivery.state {
        State::Sending { .. } => unanswered,
        State::Accepted { .. } | State::Delivered => !delivery.attempts.is_empty(),
        // The last attempt has failed, and not one that was over before.
        State::Retrying { .. } | State::Failed | State::Exhausted => !delivery.attempts.is_empty() && !unanswered,
        _ => true,
    };
    if is_right { Ok(()) } else { Err(format!("S5: {} is {} with {expected}", delivery.id, delivery.state.word())) }
}
