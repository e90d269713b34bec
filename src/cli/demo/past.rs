//! Weeks of history, lived by the use cases of the product on a clock that is moved: every timer fires and every
//! message leaves for the pretend phone at its own second. Nothing is written that could not have happened.

use super::alerts::{ALERTS, Alert};
use super::organisation::{self, Organisation};
use crate::app::deliveries::{Room, Sender, claim_due, record};
use crate::app::incidents::{self, Deed};
use crate::app::intake::{self, Received};
use crate::app::passes::LinkKey;
use crate::app::{App, AppError, Lane, Settings, Write, alert_sources, auth, deliveries, schedules, timers};
use crate::clock::{Clock, ClockStep, ScriptedClock, SystemClock};
use crate::domain::access::Role;
use crate::domain::actor::{Actor, Door};
use crate::domain::delivery::{Answer, DeliveryRing, Outcome};
use crate::domain::effect::Ring;
use crate::domain::entry::{Interval, OverrideMode};
use crate::domain::event::{Action, Report};
use crate::domain::given::Jitter;
use crate::domain::id::{IncidentId, UserId};
use crate::domain::time::Timestamp;
use crate::notify::phone;
use crate::random::{Random, ScriptedRandom};
use crate::store::Store;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Signs what nobody outside of this machine ever sees.
pub const SECRET: &[u8] = b"the demo keeps nothing that is worth a secret";
/// For the API, and for whoever signs out of the browser.
pub const PASSWORD: &str = "lamp otter bridge nine";
const HOUR: i64 = 3600;

/// Moved by hand while the past is made; then time passes by itself.
#[derive(Clone)]
pub struct DemoClock {
    past: ScriptedClock,
    present: Arc<OnceLock<SystemClock>>,
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        self.present.get().map_or_else(|| self.past.now(), SystemClock::now)
    }

    fn until(&self, instant: Timestamp) -> Duration {
        self.present.get().map_or_else(|| self.past.until(instant), |present| present.until(instant))
    }

    fn step(&self) -> Option<ClockStep> {
        self.present.get().and_then(SystemClock::step)
    }

    fn adopt(&self, step: ClockStep) {
        if let Some(present) = self.present.get() {
            present.adopt(step);
        }
    }
}

/// What `grow` makes.
pub struct Grown {
    pub app: App,
    pub organisation: Organisation,
    /// Of the source for generic JSON.
    pub key: String,
    /// How many alerts there were: the next is another one.
    pub alerts: u64,
}

/// The organisation as it is at `now`, or at this very moment, after so many days. The same ones make the same one.
pub fn grow(days: i64, seed: u64, now: Option<Timestamp>, base_url: &str) -> Result<Grown, AppError> {
    let end = now.unwrap_or_else(|| SystemClock::new().now());
    let past = ScriptedClock::at(end.plus_secs(-days * 24 * HOUR));
    let clock = DemoClock { past, present: Arc::default() };
    let random = Arc::new(ScriptedRandom::new(seed));
    let store = Store::in_memory(Arc::new(clock.clone()), random.clone());
    let settings = Settings {
        sending_enabled: true,
        retry_enabled: true,
        escalation_enabled: true,
        base_url: Some(base_url.to_owned()),
        link_key: LinkKey::new(SECRET),
    };
    let app = App::new(store, random.clone(), settings);
    let keys = [(); 4].map(|()| alert_sources::new_key(app.random_bytes()));
    let key = keys[3].clone();
    let password_hash = auth::hash_password(PASSWORD, app.random_bytes())?;
    let organisation = app.write(Lane::People, move |tx| organisation::found(tx, end, &password_hash, &keys))?;
    let mut past = Past { app, clock, organisation, chance: Jitter::seeded(random.number()), alerts: 0 };
    past.weeks(end)?;
    past.last_hours(end)?;
    // Making it took a moment, which passes now.
    let present = match now {
        Some(now) => SystemClock::starting_at(now),
        None => SystemClock::new(),
    };
    past.run_until(present.now().max(end))?;
    past.clock.present.get_or_init(|| present);
    Ok(Grown { app: past.app, organisation: past.organisation, key, alerts: past.alerts })
}

struct Past {
    app: App,
    clock: DemoClock,
    organisation: Organisation,
    chance: Jitter,
    alerts: u64,
}

impl Past {
    /// Some two alerts a day. Most are taken within minutes, some after a second call, a few by nobody.
    fn weeks(&mut self, end: Timestamp) -> Result<(), AppError> {
        let mut at = self.clock.now().plus_secs(9 * HOUR);
        while at < end.plus_secs(-12 * HOUR) {
            self.run_until(at)?;
            let alert = ALERTS[self.below(ALERTS.len() as u64) as usize];
            let (incident, nth) = self.raise(alert)?;
            let waited = 25 + self.below(600) as i64;
            let took = 300 + self.below(3000) as i64;
            let (taker, acts) = self.somebody();
            match self.below(10) {
                0 => {}
                1..=3 => {
                    self.run_until(at.plus_secs(waited))?;
                    self.deed(incident, taker, acts, Deed::Acknowledge)?;
                    self.run_until(at.plus_secs(waited + took))?;
                    self.deed(
                        incident,
                        taker,
                        acts,
                        Deed::Note("Restarted it; the cause is in the runbook.".to_owned()),
                    )?;
                    self.deed(incident, taker, acts, Deed::Resolve)?;
                }
                _ => {
                    self.run_until(at.plus_secs(waited))?;
                    self.deed(incident, taker, acts, Deed::Acknowledge)?;
                }
            }
            // What is fixed recovers; nothing happens where it is resolved already.
            self.run_until(at.plus_secs(waited + took + 60))?;
            self.tell(alert, Action::Resolve, nth)?;
            at = at.plus_secs(2 * HOUR + self.below(20 * 3600) as i64).max(self.clock.now());
        }
        Ok(())
    }

    /// A cover for tonight, one incident that somebody has, one put off until the morning, one that calls.
    fn last_hours(&mut self, end: Timestamp) -> Result<(), AppError> {
        self.run_until(end.plus_secs(-8 * HOUR).max(self.clock.now()))?;
        let Organisation { ana, bo, payments, .. } = self.organisation;
        let admin = self.organisation.admin();
        let cover = Interval { start: end.plus_secs(-6 * HOUR), end: end.plus_secs(9 * HOUR) };
        self.write(move |tx| {
            let why = "Caro is at a wedding";
            schedules::add_override(tx, &admin, payments, ana, OverrideMode::Cover, cover, why).map(drop)
        })?;
        self.run_until(end.plus_secs(-2 * HOUR))?;
        let (put_off, _) = self.raise(ALERTS[5])?;
        let until = end.plus_secs(7 * HOUR);
        self.deed(put_off, bo, true, Deed::Snooze { until })?;
        self.run_until(end.plus_secs(-HOUR))?;
        let (taken, _) = self.raise(ALERTS[3])?;
        self.run_until(end.plus_secs(-HOUR + 140))?;
        self.deed(taken, ana, true, Deed::Acknowledge)?;
        self.run_until(end.plus_secs(-400))?;
        self.raise(ALERTS[0])?;
        self.run_until(end)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.chance.below(n)
    }

    fn somebody(&mut self) -> (UserId, bool) {
        let place = self.below(self.organisation.responders.len() as u64) as usize;
        self.organisation.responders[place]
    }

    /// Opens an incident; answers which outbreak it is, too.
    fn raise(&mut self, alert: Alert) -> Result<(IncidentId, u64), AppError> {
        self.alerts += 1;
        let nth = self.alerts;
        let incident = self.tell(alert, Action::Trigger, nth)?;
        let incident = incident.ok_or_else(|| AppError::Internal("an alert opened no incident".to_owned()))?;
        Ok((incident, nth))
    }

    fn tell(&self, alert: Alert, action: Action, nth: u64) -> Result<Option<IncidentId>, AppError> {
        let organisation = self.organisation.clone();
        self.write(move |tx| receive(tx, &organisation, alert, action, nth))
    }

    /// An admin acts for somebody who cannot sign in.
    fn deed(&self, incident: IncidentId, who: UserId, signs_in: bool, deed: Deed) -> Result<(), AppError> {
        let actor = if signs_in { Actor::user(who, Role::Responder, Door::Web) } else { self.organisation.admin() };
        self.write(move |tx| incidents::act(tx, &actor, &incident.to_string(), Some(who), deed.clone()).map(drop))
    }

    /// Plays the workers up to an instant.
    fn run_until(&self, until: Timestamp) -> Result<(), AppError> {
        loop {
            self.run_due()?;
            let due = self.next_due()?.filter(|due| *due <= until);
            let Some(due) = due else { break };
            self.clock.past.set(due.max(self.clock.now()));
        }
        self.clock.past.set(until.max(self.clock.now()));
        self.run_due()
    }

    fn run_due(&self) -> Result<(), AppError> {
        loop {
            let fired = self.write(|tx| timers::fire_due(tx, Ring::Escalation))?;
            if let Some(failed) = fired.failed.first() {
                return Err(AppError::Internal(failed.clone()));
            }
            let sent = self.send_due(DeliveryRing::First)? + self.send_due(DeliveryRing::Retry)?;
            if fired.fired == 0 && sent == 0 {
                return Ok(());
            }
        }
    }

    fn send_due(&self, ring: DeliveryRing) -> Result<usize, AppError> {
        let sender = Sender::of(&self.app);
        let claimed = self.write(move |tx| claim_due(tx, ring, &sender, &Room::each(deliveries::BATCH)))?;
        let count = claimed.outgoing.len();
        for outgoing in claimed.outgoing {
            let (delivery, attempt) = (outgoing.delivery, outgoing.attempt);
            let answer = Answer { outcome: Outcome::Accepted, text: phone::TAKEN.to_owned() };
            self.write(move |tx| record(tx, delivery, attempt, &answer, false).map(drop))?;
        }
        Ok(count)
    }

    fn next_due(&self) -> Result<Option<Timestamp>, AppError> {
        self.app.read(|read| {
            let timer = timers::next_due(read, Ring::Escalation)?;
            let first = deliveries::next_due(read, DeliveryRing::First)?;
            let retry = deliveries::next_due(read, DeliveryRing::Retry)?;
            Ok([timer, first, retry].into_iter().flatten().min())
        })
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, AppError> {
        self.app.write(Lane::Paging, work)
    }
}

/// An alert as its source would have sent it; answers the incident it is about.
pub fn receive(
    tx: &mut Write<'_>,
    organisation: &Organisation,
    alert: Alert,
    action: Action,
    nth: u64,
) -> Result<Option<IncidentId>, AppError> {
    let event = alert.event(action, nth, tx.now());
    let received = Received {
        source: organisation.source(alert.source),
        body: format!("{{\"title\": {:?}}}", event.title),
        reports: vec![Report::Event(event)],
        delivery_id: None,
        key_hash: None,
        is_test: false,
    };
    let results = intake::receive(tx, &received)?;
    Ok(results.into_iter().find_map(|result| result.incident).map(|(id, _)| id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::inspect;
    use crate::domain::incident::Status;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_jiff(text.parse().expect("an instant"))
    }

    #[test]
    fn the_same_seed_and_instant_make_the_same_organisation_with_nothing_broken() {
        let now = at("2026-11-24T02:16:40Z");
        let grown = |days, seed| grow(days, seed, Some(now), "http://127.0.0.1:8000").expect("it grows");
        let titles = |grown: &Grown| {
            let told = |read: &crate::app::Read<'_>| {
                assert_eq!(inspect::inspect(read)?, Vec::<String>::new());
                let resolved = incidents::with_status(read, Status::Resolved, 1000, None)?.items;
                Ok(resolved.into_iter().map(|incident| (incident.title, incident.created_at)).collect::<Vec<_>>())
            };
            grown.app.read(told).expect("it can be read")
        };
        assert!(titles(&grown(10, 7)) == titles(&grown(10, 7)) && titles(&grown(10, 7)) != titles(&grown(10, 8)));
        let first = grown(60, 7);
        let count = titles(&first).len();
        assert!(count > 80, "{count} resolved incidents in sixty days");
        let open = |status| first.app.read(|read| incidents::count(read, status)).expect("it can be counted");
        assert!(open(Status::Triggered) >= 1 && open(Status::Acknowledged) >= 2);
        assert!(first.app.verify().expect("it can be read").is_well());
    }
}
