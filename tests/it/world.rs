//! A whole PagerPal without a network: the real application over a real store, a clock that is moved by hand, and
//! providers that answer as told. When it is dropped, every index is recomputed and the inspector looks around.

use pagerpal::app::deliveries::{
    About, Outgoing, Room, Sender, claim_due, receipts_overdue, receive_receipts, record, release_claims,
};
use pagerpal::app::passes::LinkKey;
use pagerpal::app::timers::{catch_up, fire_due};
use pagerpal::app::users::NewUser;
use pagerpal::app::{App, AppError, Lane, Read, Settings, Write, alert_sources, inspect, policies, teams, users};
use pagerpal::clock::{Clock, ScriptedClock};
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::Actor;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::{Answer, DeliveryRing, Outcome};
use pagerpal::domain::effect::Ring;
use pagerpal::domain::id::{AlertSourceId, PolicyId, TeamId, UserId};
use pagerpal::domain::policy::Level;
use pagerpal::domain::receipt::{Fate, Reported};
use pagerpal::domain::reply::Inbound;
use pagerpal::domain::time::Timestamp;
use pagerpal::random::ScriptedRandom;
use pagerpal::store::Store;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
    /// How the providers word it.
    pub words: fn(&Outcome) -> String,
    /// Channels whose provider reports later what became of a message.
    pub receipts: BTreeSet<Channel>,
    /// Reports that providers make by themselves, at their time.
    pub reports: BTreeMap<Timestamp, Vec<Reported>>,
    /// The provider's flooding filter, where a test wants it.
    pub filter: Option<FloodingFilter>,
    /// What people sent to us, in order.
    pub replies: Vec<Inbound>,
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
    /// The provider said no for the moment: it has not taken it, and its filter has not seen it.
    pub refused: bool,
}

impl World {
    pub fn new(on_disk: bool) -> World {
        let settings = Settings {
            sending_enabled: true,
            retry_enabled: true,
            escalation_enabled: true,
            base_url: None,
            link_key: LinkKey::new(b"a secret"),
        };
        World::of(settings, START, on_disk)
    }

    /// With other settings, from another instant on.
    pub fn of(settings: Settings, start: &str, on_disk: bool) -> World {
        let clock = ScriptedClock::at(Timestamp::from_jiff(start.parse().expect("an instant")));
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
            words: |outcome| format!("the fake says {outcome:?}"),
            receipts: BTreeSet::new(),
            reports: BTreeMap::new(),
            filter: None,
            replies: Vec::new(),
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
        let basics = alert_sources::Basics::named(name, "generic", self.team, policy);
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
            sent += self.hear_reports();
            self.check();
            if fired.fired == 0 && sent == 0 {
                return;
            }
        }
    }

    fn send_due(&mut self, ring: DeliveryRing) -> usize {
        let sender = Sender { sending_enabled: self.settings.sending_enabled, ..Sender::of(self.app()) };
        let claimed = self.write(move |tx| claim_due(tx, ring, &sender, &Room::each(32))).expect("claims work");
        assert_eq!(claimed.set_aside, Vec::<String>::new());
        let count = claimed.outgoing.len();
        for outgoing in claimed.outgoing {
            let fault = self.faults.entry(outgoing.channel).or_default().pop_front();
            let (id, attempt, at) = (outgoing.delivery, outgoing.attempt, self.clock.now());
            let refused = matches!(fault, Some(Fault::Answers(Outcome::Temporary { .. })));
            self.sent.push(Sent { at, outgoing, refused });
            let outcome = match fault {
                Some(Fault::Silence) => continue,
                Some(Fault::Answers(outcome)) => outcome,
                None => Outcome::Accepted,
            };
            if outcome == Outcome::Accepted {
                self.filter_last(at);
            }
            let answer = Answer { text: (self.words)(&outcome), outcome };
            let has_receipts = self.receipts.contains(&self.sent.last().expect("just sent").outgoing.channel);
            self.write(move |tx| record(tx, id, attempt, &answer, has_receipts)).expect("answers are recorded");
        }
        count
    }

    /// Shows the last message to the filter, which lets the call succeed and tells in a report.
    fn filter_last(&mut self, at: Timestamp) {
        let (Some(filter), Some(sent)) = (&mut self.filter, self.sent.last()) else { return };
        if sent.outgoing.channel != Channel::Sms {
            return;
        }
        let fate = match filter.takes(&sent.outgoing.address, &text_of(&sent.outgoing), at) {
            true => Fate::Delivered,
            false => Fate::Refused(Outcome::Muted),
        };
        let message_id = sent.outgoing.message_id.clone();
        let report = Reported { message_id, fate, text: "reported".to_owned() };
        self.reports.entry(at.plus_secs(5)).or_default().push(report);
    }

    /// What providers report by now, and messages of which nothing was heard in time.
    fn hear_reports(&mut self) -> usize {
        let now = self.clock.now();
        let mut heard = 0;
        while let Some(entry) = self.reports.first_entry().filter(|entry| *entry.key() <= now) {
            let reports = entry.remove();
            heard += self.report(reports);
        }
        let lineage = self.app().lineage().to_owned();
        heard + self.write(move |tx| receipts_overdue(tx, &lineage)).expect("silence is noticed").len()
    }

    /// A provider's report; answers how many entries changed something.
    pub fn report(&self, reports: Vec<Reported>) -> usize {
        let lineage = self.app().lineage().to_owned();
        self.write(move |tx| receive_receipts(tx, &lineage, &reports)).expect("reports are taken in")
    }

    fn next_due(&self) -> Option<Timestamp> {
        use pagerpal::app::{deliveries, timers};
        let settings = &self.settings;
        self.read(|read| {
            let timer = settings.escalation_enabled.then(|| timers::next_due(read, Ring::Escalation)).transpose()?;
            let first = deliveries::next_due(read, DeliveryRing::First)?;
            let retry = settings.retry_enabled.then(|| deliveries::next_due(read, DeliveryRing::Retry)).transpose()?;
            let receipt = deliveries::next_due(read, DeliveryRing::Receipt)?;
            let report = self.reports.keys().next().copied();
            Ok([timer.flatten(), first, retry.flatten(), receipt, report].into_iter().flatten().min())
        })
    }

    /// Gives the application away as it stands, to be served.
    pub fn hand_over(mut self) -> App {
        self.check();
        self.app.take().expect("the app is only gone while it restarts")
    }

    /// What must always be true, is.
    pub fn check(&self) {
        let problems = self.read(inspect::inspect);
        assert!(problems.is_empty(), "{problems:#?}");
    }
}

/// The text of a message as the wire would have it, as far as it tells two messages apart.
pub fn text_of(outgoing: &Outgoing) -> String {
    match &outgoing.about {
        About::Incident(facts) => format!("#{} {} call {}", facts.number, facts.title, facts.counter),
        About::Bundle(bundle) => {
            let numbers: Vec<u64> = bundle.incidents.iter().map(|(incident, _)| incident.number).take(3).collect();
            format!("{} incidents {numbers:?} ({:?})", bundle.incidents.len(), outgoing.nth)
        }
        About::Test(words) | About::Code(words) | About::Words(words) | About::Linked { sentence: words, .. } => {
            format!("{words} ({:?})", outgoing.nth)
        }
    }
}

/// Infobip's filter: the 7th identical or the 21st text of any kind to one number within 60 minutes is refused, and what
/// is refused counts.
#[derive(Default)]
pub struct FloodingFilter {
    texts: BTreeMap<String, Vec<(Timestamp, String)>>,
    pub refused: usize,
    /// The most texts any number had within 60 and within 15 minutes.
    pub most: (usize, usize),
}

impl FloodingFilter {
    pub fn takes(&mut self, number: &str, text: &str, at: Timestamp) -> bool {
        let texts = self.texts.entry(number.to_owned()).or_default();
        texts.retain(|(then, _)| at.secs_since(*then) < 3600);
        texts.push((at, text.to_owned()));
        let identical = texts.iter().filter(|(_, other)| other == text).count();
        let lately = texts.iter().filter(|(then, _)| at.secs_since(*then) < 900).count();
        self.most = (self.most.0.max(texts.len()), self.most.1.max(lately));
        let takes = identical < 7 && texts.len() < 21;
        self.refused += usize::from(!takes);
        takes
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
