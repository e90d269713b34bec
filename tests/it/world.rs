//! A whole PagerPal without a network: the real application over a real store, a clock that is moved by hand, and
//! providers that answer as told. When it is dropped, every index is recomputed and the inspector looks around.

use pagerpal::app::deliveries::{Outgoing, Sender, claim_due, record, release_claims};
use pagerpal::app::passes::LinkKey;
use pagerpal::app::timers::{catch_up, fire_due};
use pagerpal::app::users::NewUser;
use pagerpal::app::{App, AppError, Lane, Read, Settings, Write, alert_sources, inspect, policies, teams, users};
use pagerpal::clock::{Clock, ScriptedClock};
use pagerpal::domain::Severity;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::Actor;
use pagerpal::domain::alert_source::UrgencyRule;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::{Answer, DeliveryRing, Outcome};
use pagerpal::domain::effect::Ring;
use pagerpal::domain::id::{AlertSourceId, PolicyId, TeamId, UserId};
use pagerpal::domain::policy::Level;
use pagerpal::domain::time::Timestamp;
use pagerpal::random::ScriptedRandom;
use pagerpal::store::Store;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tempfile::TempDir;

/// The instant that scenarios call 00:00: a Tuesday.
pub const START: &str = "2026-06-02T00:00:00Z";

pub struct World {
    app: Option<App>,
    pub clock: ScriptedClock,
    pub settings: Settings,
    /// A store on disk, for worlds that restart; in memory otherwise.
    folder: Option<TempDir>,
    pub team: TeamId,
    pub people: BTreeMap<String, UserId>,
    /// What providers do with the next messages, by channel; then they accept.
    pub faults: BTreeMap<Channel, VecDeque<Fault>>,
    pub sent: Vec<Sent>,
}

/// What a provider does with one message.
#[derive(Clone, Debug)]
pub enum Fault {
    Answers(Outcome),
    /// Takes the message and never answers: the claim stays open.
    Silence,
}

/// A message that reached a provider.
#[derive(Clone, Debug)]
pub struct Sent {
    pub at: Timestamp,
    pub outgoing: Outgoing,
}

impl World {
    pub fn new(on_disk: bool) -> World {
        let clock = ScriptedClock::at(Timestamp::from_jiff(START.parse().expect("an instant")));
        let settings = Settings {
            sending_enabled: true,
            retry_enabled: true,
            escalation_enabled: true,
            base_url: None,
            link_key: LinkKey::new(b"a secret"),
        };
        let folder = on_disk.then(|| tempfile::tempdir().expect("a temporary folder"));
        let mut world = World {
            app: None,
            clock,
            settings,
            folder,
            team: pagerpal::domain::id::Id::new(0),
            people: BTreeMap::new(),
            faults: BTreeMap::new(),
            sent: Vec::new(),
        };
        world.start();
        world.team = world.write(|tx| teams::create(tx, &Actor::SYSTEM, "Everyone", &[])).expect("a team");
        world
    }

    fn start(&mut self) {
        let (clock, random) = (Arc::new(self.clock.clone()), Arc::new(ScriptedRandom::new(1)));
        let store = match &self.folder {
            Some(folder) => Store::open(&folder.path().join("pagerpal.redb"), clock, random.clone()).expect("opens"),
            None => Store::in_memory(clock, random.clone()),
        };
        self.app = Some(App::new(store, random, self.settings.clone()));
    }

    /// The process dies and comes back. What was on its way is due again.
    pub fn restart(&mut self) {
        assert!(self.folder.is_some(), "a world that restarts keeps its store on disk");
        self.app = None;
        self.start();
        self.write(release_claims).expect("claims are released");
    }

    /// The process is away until then. When it is back, what came due meanwhile is decided before anything is sent.
    pub fn away_until(&mut self, until: Timestamp) {
        self.clock.set(until);
        self.restart();
        if self.settings.escalation_enabled {
            while self.write(move |tx| catch_up(tx, until)).expect("timers fire") {}
        }
    }

    pub fn app(&self) -> &App {
        self.app.as_ref().expect("the app is only gone while it restarts")
    }

    pub fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, AppError> {
        self.app().write(Lane::Paging, work)
    }

    pub fn read<T>(&self, work: impl FnOnce(&Read<'_>) -> Result<T, AppError>) -> T {
        self.app().read(work).expect("reads work")
    }

    /// A responder with these methods; made up numbers and addresses carry the name's length and first letter.
    pub fn person(&mut self, name: &str, role: Role, channels: &[Channel]) -> UserId {
        let new = NewUser { name: name.to_owned(), email: None, role, zone: "UTC".to_owned(), password_hash: None };
        let number = 100 + self.people.len();
        let channels = channels.to_vec();
        let name_owned = name.to_owned();
        let id = self
            .write(move |tx| {
                let id = users::create(tx, &Actor::SYSTEM, &new)?;
                for channel in &channels {
                    let address = match channel {
                        Channel::Email => format!("{name_owned}@example.test"),
                        Channel::Sms | Channel::WhatsApp => format!("+4917000{number}"),
                    };
                    users::add_contact(tx, &Actor::SYSTEM, id, *channel, &address)?;
                }
                Ok(id)
            })
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        self.people.insert(name.to_owned(), id);
        id
    }

    pub fn policy(&self, name: &str, levels: Vec<Level>, repeat: u8, last_resort: Vec<UserId>) -> PolicyId {
        let basics = policies::Basics { repeat, last_resort, ..policies::Basics::named(name) };
        self.write(move |tx| policies::create(tx, &Actor::SYSTEM, &basics, &levels)).expect("a policy")
    }

    pub fn source(&self, name: &str, policy: PolicyId, key: &str) -> AlertSourceId {
        let basics = alert_sources::Basics {
            name: name.to_owned(),
            kind: "generic".to_owned(),
            team: self.team,
            policy,
            default_severity: Severity::Error,
            severity_map: BTreeMap::new(),
            one_incident_per_alert: false,
            insufficient_data_triggers: false,
            urgency: UrgencyRule::BySeverity,
            auto_resolve_minutes: None,
        };
        let key = key.to_owned();
        self.write(move |tx| alert_sources::create(tx, &Actor::SYSTEM, &basics, &key)).expect("an alert source")
    }

    /// Plays the workers up to an instant: every timer and every delivery at its own second.
    pub fn run_until(&mut self, until: Timestamp) {
        loop {
            self.run_due();
            let due = self.next_due().filter(|due| *due <= until);
            match due {
                Some(due) => self.clock.set(due.max(self.clock.now())),
                None => break,
            }
        }
        self.clock.set(until.max(self.clock.now()));
        self.run_due();
    }

    /// What is due now, and what follows from it at once.
    fn run_due(&mut self) {
        loop {
            let fired = match self.settings.escalation_enabled {
                true => self.write(|tx| fire_due(tx, Ring::Escalation)).expect("timers fire"),
                false => Default::default(),
            };
            assert!(fired.failed.is_empty(), "{:?}", fired.failed);
            let mut sent = self.send_due(DeliveryRing::First);
            if self.settings.retry_enabled {
                sent += self.send_due(DeliveryRing::Retry);
            }
            self.check();
            if fired.fired == 0 && sent == 0 {
                return;
            }
        }
    }

    fn send_due(&mut self, ring: DeliveryRing) -> usize {
        let sender = Sender { sending_enabled: self.settings.sending_enabled, ..Sender::of(self.app()) };
        let claimed = self.write(move |tx| claim_due(tx, ring, &sender, 32)).expect("claims work");
        let count = claimed.len();
        for outgoing in claimed {
            let fault = self.faults.entry(outgoing.channel).or_default().pop_front();
            let (id, attempt, at) = (outgoing.delivery, outgoing.attempt, self.clock.now());
            self.sent.push(Sent { at, outgoing });
            let outcome = match fault {
                Some(Fault::Silence) => continue,
                Some(Fault::Answers(outcome)) => outcome,
                None => Outcome::Accepted,
            };
            let answer = Answer { text: format!("the fake says {outcome:?}"), outcome };
            self.write(move |tx| record(tx, id, attempt, &answer)).expect("answers are recorded");
        }
        count
    }

    fn next_due(&self) -> Option<Timestamp> {
        use pagerpal::app::{deliveries, timers};
        let settings = &self.settings;
        self.read(|read| {
            let timer = settings.escalation_enabled.then(|| timers::next_due(read, Ring::Escalation)).transpose()?;
            let first = deliveries::next_due(read, DeliveryRing::First)?;
            let retry = settings.retry_enabled.then(|| deliveries::next_due(read, DeliveryRing::Retry)).transpose()?;
            Ok([timer.flatten(), first, retry.flatten()].into_iter().flatten().min())
        })
    }

    /// What must always be true, is.
    pub fn check(&self) {
        let problems = self.read(inspect::inspect);
        assert!(problems.is_empty(), "{problems:#?}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let Some(app) = &self.app else { return };
        let verified = app.verify().expect("the store can be read");
        assert!(verified.is_well(), "{:#?}", verified.problems);
        self.check();
    }
}
