//! The application at work: a small organisation, and what happens to it all day. Every action is one call of a real use
//! case, so what is on the disk is what PagerPal puts there.
//!
//! An action that is carried out twice, on two stores of the same content under the same clock and seed, has the same
//! outcome, to the byte.

use pagerpal::app::deliveries::{Outgoing, Room, Sender, claim_due, receipts_overdue, record, release_claims};
use pagerpal::app::incidents::{self, Deed};
use pagerpal::app::intake::{Received, receive};
use pagerpal::app::passes::LinkKey;
use pagerpal::app::policies::{self, Basics as PolicyBasics};
use pagerpal::app::schedules::{self, Basics as ScheduleBasics};
use pagerpal::app::timers::{catch_up, fire_due};
use pagerpal::app::users::{self, NewUser};
use pagerpal::app::{App, AppError, Lane, Settings, Write, alert_sources, setup, sign_ins, teams, upkeep};
use pagerpal::clock::{Clock, ScriptedClock};
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::{Actor, Door};
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::{Answer, DeliveryRing, Outcome};
use pagerpal::domain::effect::Ring;
use pagerpal::domain::entry::{Interval, OverrideMode};
use pagerpal::domain::event::{Action as EventAction, Event, Order, Report, SenderTime};
use pagerpal::domain::given::Jitter;
use pagerpal::domain::id::{AlertSourceId, Id, OverrideId, PolicyId, ScheduleId, TeamId, UserId};
use pagerpal::domain::policy::{Level, Recipient};
use pagerpal::domain::session::Device;
use pagerpal::domain::time::Timestamp;
use pagerpal::domain::user::Step;
use pagerpal::domain::{Severity, Urgency};
use pagerpal::random::Random;
use pagerpal::store::Store;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// 2 June 2026, a Tuesday, 00:00 UTC.
pub const START: i64 = 1_780_358_400;

/// Randomness that can be put back to where it was, so that two stores can be given the same.
#[derive(Clone)]
pub struct Repeatable(Arc<Mutex<Jitter>>);

impl Repeatable {
    pub fn new(seed: u64) -> Repeatable {
        Repeatable(Arc::new(Mutex::new(Jitter::seeded(seed))))
    }

    pub fn seed(&self, seed: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Jitter::seeded(seed);
    }
}

impl Random for Repeatable {
    fn fill(&self, out: &mut [u8]) {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&stream.number().to_be_bytes()[..chunk.len()]);
        }
    }
}

/// What surrounds both stores.
#[derive(Clone)]
pub struct Host {
    pub clock: ScriptedClock,
    pub random: Repeatable,
}

impl Host {
    pub fn new() -> Host {
        Host { clock: ScriptedClock::at(Timestamp::from_second(START)), random: Repeatable::new(0) }
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    pub fn random(&self) -> Arc<dyn Random> {
        Arc::new(self.random.clone())
    }

    pub fn app(&self, store: Store) -> App {
        let settings = Settings {
            sending_enabled: true,
            retry_enabled: true,
            escalation_enabled: true,
            base_url: Some("https://pager.example.test".to_owned()),
            link_key: LinkKey::new(b"a secret"),
        };
        App::new(store, self.random(), settings)
    }
}

impl Default for Host {
    fn default() -> Host {
        Host::new()
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// One step of setting the organisation up, in order.
    Found(u8),
    Trigger {
        source: usize,
        alert: u64,
        severity: u8,
        letters: usize,
    },
    /// So many alerts in one request.
    Flood {
        source: usize,
        alerts: u64,
    },
    Recover {
        source: usize,
        alert: u64,
    },
    Claim(bool),
    Record {
        nth: usize,
        outcome: u8,
    },
    Act {
        number: u64,
        deed: u8,
    },
    FireTimers,
    HearSilence,
    AddOverride {
        person: usize,
        hours: i64,
    },
    RemoveOverride {
        nth: usize,
    },
    AddMethod {
        person: usize,
        number: u64,
    },
    SignIn {
        token: u64,
    },
    /// What is past keeping goes.
    Forget,
    /// What the process does when it starts.
    ReleaseClaims,
    CatchUp,
}

/// Steps that set the organisation up.
const FOUNDING: u8 = 9;
const PEOPLE: u8 = 3;

/// What came of an action, as its caller hears it.
#[derive(Clone, Debug)]
pub enum Done {
    Made(u64),
    Claimed(Vec<Outgoing>),
    Said(String),
}

/// What is known of the organisation by those outside, who learn it from answers.
#[derive(Clone, Default, Debug)]
pub struct Site {
    founded: u8,
    people: Vec<UserId>,
    team: Option<TeamId>,
    schedule: Option<ScheduleId>,
    policy: Option<PolicyId>,
    sources: Vec<AlertSourceId>,
    overrides: Vec<OverrideId>,
    /// On the wire: gone with the process.
    claimed: Vec<Outgoing>,
    numbers: u64,
}

impl Site {
    pub fn is_founded(&self) -> bool {
        self.founded == FOUNDING
    }

    /// What happens next, and how many seconds later.
    pub fn deal(&self, chance: &mut Jitter) -> (i64, Action) {
        if !self.is_founded() {
            return (1, Action::Found(self.founded));
        }
        let below = |chance: &mut Jitter, n: usize| chance.below(n as u64) as usize;
        let (source, alert) = (below(chance, self.sources.len()), chance.below(40));
        let person = below(chance, self.people.len());
        let action = match chance.below(100) {
            0..28 => {
                let letters = [10, 100, 400, 1500, 9000][below(chance, 5).min(below(chance, 5))];
                Action::Trigger { source, alert, severity: chance.below(4) as u8, letters }
            }
            28..30 => Action::Flood { source, alerts: 2 + chance.below(20) },
            30..42 => Action::Recover { source, alert },
            42..58 => Action::Claim(chance.below(4) == 0),
            58..70 if !self.claimed.is_empty() => {
                Action::Record { nth: below(chance, self.claimed.len()), outcome: chance.below(6) as u8 }
            }
            58..80 if self.numbers > 0 => {
                let latest = chance.below(self.numbers.min(12));
                Action::Act { number: self.numbers - latest, deed: chance.below(6) as u8 }
            }
            58..86 => Action::FireTimers,
            86..88 => Action::HearSilence,
            88..92 => Action::AddOverride { person, hours: 1 + chance.below(40) as i64 },
            92..94 if !self.overrides.is_empty() => Action::RemoveOverride { nth: below(chance, self.overrides.len()) },
            92..96 => Action::SignIn { token: chance.number() },
            96..98 => Action::AddMethod { person, number: chance.below(10_000) },
            _ => Action::Forget,
        };
        let later = match action {
            Action::FireTimers | Action::HearSilence => 60 + chance.below(600) as i64,
            Action::Forget => 12 * 3600 + chance.below(4 * 86_400) as i64,
            _ => chance.below(20) as i64,
        };
        (later, action)
    }

    /// Carries out an action on a store, in its transactions.
    pub fn perform(&self, app: &App, action: &Action) -> Result<Done, AppError> {
        match action.clone() {
            Action::Found(step) => self.found(app, step),
            Action::Trigger { source, alert, severity, letters } => {
                let severity =
                    [Severity::Info, Severity::Warning, Severity::Error, Severity::Critical][severity as usize];
                let report = event(app, EventAction::Trigger, alert, Some(severity), letters);
                self.receive(app, source, vec![report], Some(alert))
            }
            Action::Flood { source, alerts } => {
                let report = |alert| event(app, EventAction::Trigger, 1000 + alert, Some(Severity::Error), 200);
                self.receive(app, source, (0..alerts).map(report).collect(), None)
            }
            Action::Recover { source, alert } => {
                let report = event(app, EventAction::Resolve, alert, None, 0);
                self.receive(app, source, vec![report], None)
            }
            Action::Claim(retries) => {
                let ring = if retries { DeliveryRing::Retry } else { DeliveryRing::First };
                let sender = Sender::of(app);
                app.write(Lane::Paging, move |tx| claim_due(tx, ring, &sender, &Room::each(8)))
                    .map(|claimed| Done::Claimed(claimed.outgoing))
            }
            Action::Record { nth, outcome } => {
                let Some(outgoing) = self.claimed.get(nth).cloned() else { return Ok(Done::Said(String::new())) };
                let outcome = match outcome {
                    0 => Outcome::Ambiguous,
                    1 => Outcome::Temporary { retry_after_secs: None },
                    2 => Outcome::Permanent { account_wide: false },
                    _ => Outcome::Accepted,
                };
                let answer = Answer { text: format!("the provider says {outcome:?}"), outcome };
                say(app, move |tx| record(tx, outgoing.delivery, outgoing.attempt, &answer, true))
            }
            Action::Act { number, deed } => {
                let actor = Actor::user(self.people[0], Role::Admin, Door::Web);
                let deed = match deed {
                    0 | 1 => Deed::Acknowledge,
                    2 => Deed::Unacknowledge,
                    3 => Deed::Resolve,
                    4 => Deed::Escalate { expected_level: None },
                    _ => Deed::Note("looking ".repeat(40)),
                };
                say(app, move |tx| incidents::act(tx, &actor, &number.to_string(), None, deed.clone()))
            }
            Action::FireTimers => say(app, |tx| fire_due(tx, Ring::Escalation).map(|fired| fired.fired)),
            Action::HearSilence => {
                let lineage = app.lineage().to_owned();
                say(app, move |tx| receipts_overdue(tx, &lineage))
            }
            Action::AddOverride { person, hours } => {
                let (Some(schedule), user) = (self.schedule, self.people[person]) else { return nothing() };
                let start = app.now();
                let span = Interval { start, end: start.plus_minutes(hours * 60) };
                made(app, move |tx| {
                    schedules::add_override(tx, &Actor::SYSTEM, schedule, user, OverrideMode::Cover, span, "")
                        .map(|saved| saved.id)
                })
            }
            Action::RemoveOverride { nth } => {
                let id = self.overrides[nth];
                say(app, move |tx| schedules::remove_override(tx, &Actor::SYSTEM, id).map(|saved| saved.id))
            }
            Action::AddMethod { person, number } => {
                let (user, address) = (self.people[person], format!("+491700{number:06}"));
                say(app, move |tx| users::add_contact(tx, &Actor::SYSTEM, user, Channel::Sms, &address))
            }
            Action::SignIn { token } => {
                let user = self.people[0];
                let hash = pagerpal::app::sha256(&token.to_be_bytes());
                let device = Device { address: "192.0.2.1".to_owned(), agent: "a browser".to_owned() };
                let from = IpAddr::from([192, 0, 2, 1]);
                say(app, move |tx| sign_ins::begin(tx, user, hash, (&device, from), "a password"))
            }
            Action::Forget => upkeep::run(app).map(|problems| Done::Said(problems.join(" "))),
            Action::ReleaseClaims => say(app, release_claims),
            Action::CatchUp => {
                let started = app.now();
                say(app, move |tx| catch_up(tx, started))
            }
        }
    }

    /// Takes note of an answer that was given, or that would have been.
    pub fn learn(&mut self, action: &Action, done: &Done) {
        match (action, done) {
            (Action::Found(step), Done::Made(id)) => {
                self.founded = step + 1;
                self.found_id(*step, *id);
            }
            (Action::Trigger { .. }, Done::Made(number)) => self.numbers = self.numbers.max(*number),
            (Action::AddOverride { .. }, Done::Made(id)) => self.overrides.push(OverrideId::new(*id)),
            (Action::Claim(_), Done::Claimed(outgoing)) => self.claimed.extend(outgoing.iter().cloned()),
            (Action::Record { nth, .. }, _) if *nth < self.claimed.len() => {
                self.claimed.remove(*nth);
            }
            (Action::RemoveOverride { nth }, _) => {
                self.overrides.remove(*nth);
            }
            _ => {}
        }
    }

    /// The newest incident.
    pub fn latest(&self) -> u64 {
        self.numbers
    }

    /// The process is gone, and what it had on the wire with it.
    pub fn restart(&mut self) {
        self.claimed.clear();
    }

    fn receive(&self, app: &App, source: usize, reports: Vec<Report>, id: Option<u64>) -> Result<Done, AppError> {
        let body = format!("{reports:?}").chars().take(2000).collect();
        let delivery_id = id.map(|id| format!("request {id} at {}", app.now()));
        let source = self.sources[source];
        let received = Received { source, reports, delivery_id, key_hash: None, body, is_test: false };
        let results = app.write(Lane::Paging, move |tx| receive(tx, &received))?;
        match results.first().and_then(|result| result.incident) {
            Some((_, number)) => Ok(Done::Made(number)),
            None => Ok(Done::Said(format!("{results:?}"))),
        }
    }

    fn found(&self, app: &App, step: u8) -> Result<Done, AppError> {
        let system = Actor::SYSTEM;
        let people = self.people.clone();
        match step {
            0 => made(app, |tx| setup::create_first_admin(tx, &person(0))),
            1..PEOPLE => made(app, move |tx| {
                let id = users::create(tx, &Actor::SYSTEM, &person(step))?;
                let address = format!("+49170000000{step}");
                let contact = users::add_contact(tx, &Actor::SYSTEM, id, Channel::Sms, &address)?;
                let steps = [Step { contact, after_minutes: 0 }];
                users::set_rules_of(tx, &Actor::SYSTEM, id, Urgency::High, &steps)?;
                Ok(id)
            }),
            3 => made(app, move |tx| teams::create(tx, &system, "Payments", &people)),
            4 => {
                let basics = ScheduleBasics {
                    name: "Primary".to_owned(),
                    team: self.team.expect("made before"),
                    zone: "Europe/Berlin".to_owned(),
                    fallback: self.people.first().copied(),
                };
                made(app, move |tx| schedules::create(tx, &system, &basics))
            }
            5 => {
                let recipients = vec![Recipient::Schedule(self.schedule.expect("made before"))];
                let everybody = people.iter().copied().map(Recipient::User).collect();
                let basics = PolicyBasics {
                    name: "Nights".to_owned(),
                    repeat: 2,
                    repage_minutes: 10,
                    ack_timeout_minutes: Some(30),
                    last_resort: people,
                };
                let level = |number, recipients| Level { number, delay_minutes: 5, recipients };
                let levels = [level(1, recipients), level(2, everybody)];
                made(app, move |tx| policies::create(tx, &system, &basics, &levels))
            }
            _ => {
                let (team, policy) = (self.team.expect("made before"), self.policy.expect("made before"));
                let mut basics = alert_sources::Basics::named(&format!("shop {step}"), "generic", team, policy);
                basics.severity_map = BTreeMap::new();
                basics.auto_resolve_minutes = (step == 8).then_some(120);
                made(app, move |tx| alert_sources::create(tx, &system, &basics, &format!("key {step}")))
            }
        }
    }

    fn found_id(&mut self, step: u8, id: u64) {
        match step {
            0..PEOPLE => self.people.push(UserId::new(id)),
            3 => self.team = Some(TeamId::new(id)),
            4 => self.schedule = Some(ScheduleId::new(id)),
            5 => self.policy = Some(PolicyId::new(id)),
            _ => self.sources.push(AlertSourceId::new(id)),
        }
    }
}

fn nothing() -> Result<Done, AppError> {
    Ok(Done::Said(String::new()))
}

fn person(number: u8) -> NewUser {
    NewUser {
        name: format!("Person {number}"),
        email: Some(format!("person{number}@example.test")),
        role: if number == 0 { Role::Admin } else { Role::Responder },
        zone: "Europe/Berlin".to_owned(),
        password_hash: None,
    }
}

fn event(app: &App, action: EventAction, alert: u64, severity: Option<Severity>, letters: usize) -> Report {
    let seed = alert ^ app.now().as_second() as u64;
    Report::Event(Event {
        action,
        external_id: format!("alert {alert}"),
        severity,
        title: format!("Alert {alert} of the shop"),
        details: text(seed, letters),
        labels: BTreeMap::from([("host".to_owned(), format!("db{alert}"))]),
        links: vec![],
        occurred_at: SenderTime::from(app.now()),
        order: Order::Arrival,
        actor: None,
        warnings: vec![],
    })
}

/// Letters that no two alerts share, so that a page that is mistaken for another is noticed.
fn text(seed: u64, letters: usize) -> String {
    let mut chance = Jitter::seeded(seed);
    (0..letters).map(|_| char::from(b'a' + chance.below(26) as u8)).collect()
}

fn made<I: Id + Send + 'static>(
    app: &App,
    work: impl Fn(&mut Write<'_>) -> Result<I, AppError> + Send + 'static,
) -> Result<Done, AppError> {
    app.write(Lane::People, work).map(|id| Done::Made(id.number()))
}

fn say<T: std::fmt::Debug + Send + 'static>(
    app: &App,
    work: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
) -> Result<Done, AppError> {
    app.write(Lane::Paging, work).map(|answer| Done::Said(format!("{answer:?}")))
}
