//! An organisation as it may look one night at 03:16: people, teams, a month of incidents, one in each state, and a
//! message for each fate. Pages are looked at in it. Everything happened the way it happens, by alerts, timers and deeds
//! on a clock that is moved, so it is the same each time.

use crate::world::{Fault, World};
use harness::browser::Browser;
use harness::process::free_port;
use pagerpal::app::alert_sources::{self, Basics};
use pagerpal::app::incidents::{self, Deed};
use pagerpal::app::intake::{self, Received};
use pagerpal::app::passes::{self, LinkKey};
use pagerpal::app::schedules::{self, Turn};
use pagerpal::app::system::{SettingShown, Worker};
use pagerpal::app::users::{self, NewUser};
use pagerpal::app::{
    App, Settings, auth, feeds, heartbeats, imports, invitations, maintenance, pings, policies, setup, teams, tokens,
};
use pagerpal::bridge::Bridge;
use pagerpal::clock::Clock;
use pagerpal::domain::Severity;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::{Actor, Door};
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::Outcome;
use pagerpal::domain::entry::{Interval, OverrideMode};
use pagerpal::domain::event::{Action, Event, Link, Order, Report, SenderTime, Subscription};
use pagerpal::domain::feed::FeedOf;
use pagerpal::domain::heartbeat::Beat;
use pagerpal::domain::id::{AlertSourceId, IncidentId, PolicyId, ScheduleId, TeamId, UserId};
use pagerpal::domain::incident::{Phase, Status};
use pagerpal::domain::layer::Draft;
use pagerpal::domain::maintenance::{Matcher, Scope};
use pagerpal::domain::policy::{Level, Recipient};
use pagerpal::domain::receipt::{Fate, Reported};
use pagerpal::domain::rotation::{Cadence, Civil};
use pagerpal::domain::session::Device;
use pagerpal::domain::time::Timestamp;
use pagerpal::domain::token::Wanted;
use pagerpal::egress::Egress;
use pagerpal::web::session::Token;
use pagerpal::web::{Web, WebSettings, server};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// All of it, served to nobody.
pub fn grown() -> App {
    Builder::run().0
}

/// 03:16:40 in Berlin, where most of them live; a Tuesday.
const NOW: &str = "2026-11-24T02:16:40Z";
/// A Monday, four weeks and a day before.
const BEGIN: &str = "2026-10-26T08:00:00Z";
const ZONE: &str = "Europe/Berlin";
pub const PASSWORD: &str = "lamp otter bridge nine";
const SECRET: &[u8] = b"a secret";

pub struct Organisation {
    web: Arc<Web>,
    port: u16,
    /// What everything is called in paths: `{team}`.
    pub ids: BTreeMap<&'static str, String>,
    serving: JoinHandle<()>,
}

impl Organisation {
    /// Set up, grown, and served on a port of this machine.
    pub async fn start() -> Organisation {
        let port = free_port();
        // Argon2 and a month of nights take a moment, and block.
        let built = tokio::task::spawn_blocking(Builder::run).await;
        let (app, ids) = built.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        Organisation::serve(app, ids, port).await
    }

    /// Nobody exists yet.
    pub async fn empty() -> Organisation {
        let world = World::of(settings(), NOW, false);
        let team = world.team;
        world.write(move |tx| teams::delete(tx, &Actor::SYSTEM, team)).expect("nothing uses it");
        let app = world.hand_over();
        Organisation::serve(app, BTreeMap::new(), free_port()).await
    }

    async fn serve(app: App, ids: BTreeMap<&'static str, String>, port: u16) -> Organisation {
        let web = web(app, port);
        let listener = server::bind(SocketAddr::from(([127, 0, 0, 1], port))).await.expect("a free port");
        let serving = tokio::spawn(server::serve(Arc::clone(&web), listener, None, std::future::pending()));
        Organisation { web, port, ids, serving }
    }

    pub fn url(&self, path: &str) -> String {
        let path = self.ids.iter().fold(path.to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id));
        assert!(!path.contains('{'), "{path}: the organisation has nothing of that name");
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A browser in which somebody is signed in.
    pub async fn browser_of(&self, name: &'static str) -> Browser {
        let browser = Browser::start().await;
        self.sign_in(&browser, name).await;
        browser
    }

    pub async fn sign_in(&self, browser: &Browser, name: &'static str) {
        browser.goto(&self.url("/login")).await;
        let token = self.session(name).await;
        let set = token.set_cookie(false);
        let (name, value) = set.to_str().expect("ASCII").split(';').next().expect("a pair").split_once('=').expect("=");
        browser.set_cookie(name, value).await;
    }

    /// The first admin of an empty one, and nothing else.
    pub async fn found(&mut self) {
        let new = NewUser {
            name: "Ana".to_owned(),
            email: Some("ana@example.com".to_owned()),
            role: Role::Admin,
            zone: ZONE.to_owned(),
            password_hash: Some(auth::hash_password(PASSWORD, [7; 16]).expect("hashing works")),
        };
        let id = self.web.write(move |tx| setup::create_first_admin(tx, &new)).await.expect("nobody exists yet");
        self.ids.insert("Ana", id.to_string());
    }

    async fn session(&self, name: &'static str) -> Token {
        let user: UserId = self.ids[name].parse().expect("a person");
        let token = Token::new(self.web.app.random_bytes());
        let kept = token.kept(&self.web.settings.session_key);
        let device =
            Device { address: "198.51.100.7".into(), agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/150".into() };
        let open = move |tx: &mut pagerpal::app::Write<'_>| auth::open_session(tx, user, kept, &device);
        self.web.write(open).await.expect("a session begins");
        token
    }
}

impl Drop for Organisation {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn settings() -> Settings {
    Settings {
        sending_enabled: true,
        retry_enabled: true,
        escalation_enabled: true,
        base_url: Some("https://pager.example.com".to_owned()),
        link_key: LinkKey::new(SECRET),
    }
}

fn web(app: App, port: u16) -> Arc<Web> {
    let egress = Arc::new(Egress::new(&[]).expect("no extra root to go wrong"));
    let settings = WebSettings {
        base_url: Some(format!("http://127.0.0.1:{port}")),
        cookie_secure: false,
        allowed_origins: vec![].into(),
        is_trusted_proxy: Box::new(|_| false),
        listens_on_loopback: true,
        sign_on: None,
        read_call: pagerpal::notify::infobip::inbox::read_call,
        session_key: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"a secret that only this test knows"),
    };
    Arc::new(Web::new(Arc::new(app), Bridge::new(2), egress, settings))
}

/// What is on the way of becoming an [`Organisation`].
struct Builder {
    world: World,
    ids: BTreeMap<&'static str, String>,
    admin: Actor,
    teams: BTreeMap<&'static str, TeamId>,
    schedules: BTreeMap<&'static str, ScheduleId>,
    policies: BTreeMap<&'static str, PolicyId>,
    sources: BTreeMap<&'static str, AlertSourceId>,
}

impl Builder {
    fn run() -> (App, BTreeMap<&'static str, String>) {
        let mut world = World::of(settings(), BEGIN, false);
        world.receipts.insert(Channel::Sms);
        world.words = |outcome| match outcome {
            Outcome::Accepted => "200 PENDING_ENROUTE".to_owned(),
            Outcome::Temporary { .. } => "503 Service Unavailable, try again later".to_owned(),
            _ => "REJECTED_DESTINATION: the number is not on our network".to_owned(),
        };
        let (ids, admin) = (BTreeMap::new(), Actor::SYSTEM);
        let (teams, schedules, policies, sources) = Default::default();
        let mut builder = Builder { world, ids, admin, teams, schedules, policies, sources };
        builder.people();
        builder.teams();
        builder.schedules();
        builder.policies();
        builder.sources();
        builder.a_month();
        builder.last_days();
        builder.last_night();
        builder.own_things();
        builder.board();
        (builder.world.hand_over(), builder.ids)
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut pagerpal::app::Write<'_>) -> Result<T, pagerpal::app::AppError> + Send + 'static,
    ) -> T {
        self.world.write(work).unwrap_or_else(|error| panic!("the organisation: {error}"))
    }

    fn note(&mut self, name: &'static str, id: impl ToString) {
        self.ids.insert(name, id.to_string());
    }

    fn user(&self, name: &str) -> UserId {
        self.ids[name].parse().expect("a person")
    }

    fn people(&mut self) {
        use Channel::{Sms, WhatsApp};
        let hash = auth::hash_password(PASSWORD, [7; 16]).expect("hashing works");
        let everybody: [(&'static str, Role, bool, &'static str, &[Channel]); 8] = [
            ("Ana", Role::Admin, true, ZONE, &[Sms, WhatsApp]),
            ("Bo", Role::Responder, true, "Europe/Stockholm", &[Sms]),
            ("Caro", Role::Admin, true, ZONE, &[Sms]),
            ("Dana", Role::Responder, true, ZONE, &[Sms]),
            ("Eli", Role::Responder, true, "Asia/Seoul", &[WhatsApp, Sms]),
            ("Finn", Role::Responder, false, ZONE, &[Sms]),
            ("Grace", Role::Viewer, true, "America/New_York", &[]),
            ("Hugo", Role::Responder, false, ZONE, &[]),
        ];
        for (place, (name, role, login, zone, channels)) in everybody.into_iter().enumerate() {
            let new = NewUser {
                name: name.to_owned(),
                email: (name != "Hugo").then(|| format!("{}@example.com", name.to_lowercase())),
                role,
                zone: zone.to_owned(),
                password_hash: login.then(|| hash.clone()),
            };
            let channels = channels.to_vec();
            let id = self.write(move |tx| {
                let id = users::create(tx, &Actor::SYSTEM, &new)?;
                for channel in &channels {
                    users::add_contact(tx, &Actor::SYSTEM, id, *channel, &format!("+49 151 2345{place}21"))?;
                }
                Ok(id)
            });
            self.note(name, id);
        }
        self.note("me", self.user("Ana"));
        self.note("responder", self.user("Bo"));
        self.admin = Actor::user(self.user("Ana"), Role::Admin, Door::Web);
        // Ana and Bo have shown that their numbers are theirs.
        for name in ["Ana", "Bo"] {
            let id = self.user(name);
            let actor = Actor::user(id, Role::Responder, Door::Web);
            self.write(move |tx| {
                let contact = users::one(tx, id)?.contacts.into_iter().find(|c| c.channel == Sms).expect("an SMS").id;
                users::send_code(tx, &actor, id, contact)?;
                let key = LinkKey::new(SECRET);
                let code = key.proof(contact, tx.now());
                let proved = users::prove_contact(tx, &actor, &key, id, contact, &code)?;
                assert!(proved.is_ok(), "{proved:?}");
                Ok(())
            });
        }
    }

    fn teams(&mut self) {
        let first = self.world.team;
        self.write(move |tx| teams::rename(tx, &Actor::SYSTEM, first, "Payments"));
        self.teams.insert("Payments", first);
        for name in ["Network", "Platform"] {
            let id = self.write(move |tx| teams::create(tx, &Actor::SYSTEM, name, &[]));
            self.teams.insert(name, id);
        }
        for (team, people) in [
            ("Payments", &["Ana", "Bo", "Caro", "Dana"][..]),
            ("Network", &["Eli", "Finn"]),
            ("Platform", &["Ana", "Eli", "Finn"]),
        ] {
            for name in people {
                let (team, user, admin) = (self.teams[team], self.user(name), self.admin);
                self.write(move |tx| teams::add_member(tx, &admin, team, user));
            }
        }
        self.note("team", first);
    }

    fn schedules(&mut self) {
        let rotations: [(&'static str, &'static str, &[&str], Cadence, &str); 2] = [
            ("Payments primary", "Payments", &["Caro", "Bo", "Ana"], Cadence::Weeks(1), "2026-10-26T09:00"),
            ("Platform days", "Platform", &["Eli", "Finn"], Cadence::Days(1), "2026-10-26T08:00"),
        ];
        for (name, team, people, cadence, anchor) in rotations {
            let id = self.schedule(name, team);
            let draft = Draft {
                name: "Weekly".to_owned(),
                zone: ZONE.to_owned(),
                from: None,
                anchor: Civil::of(anchor.parse().expect("a time")),
                cadence,
                slots: people.iter().map(|name| vec![self.user(name)]).collect(),
                windows: vec![],
            };
            let admin = self.admin;
            let layer = self.write(move |tx| schedules::add_layer(tx, &admin, id, &draft)).id;
            if name == "Payments primary" {
                self.note("schedule", id);
                self.note("layer", layer);
            }
        }
        // Turns of a week that leave Saturday's day to nobody.
        let network = self.schedule("Network", "Network");
        self.note("network_schedule", network);
        for week in 0..6 {
            let (eli, finn, admin) = (self.user("Eli"), self.user("Finn"), self.admin);
            let day = move |days: i64, hour: i64| at(BEGIN).plus_secs((week * 7 + days) * 86_400 + (hour - 9) * 3600);
            self.write(move |tx| {
                let (from, to) = (day(0, 9), day(5, 8));
                schedules::add_entry(tx, &admin, network, eli, Interval { start: from, end: to }, "")?;
                let weekend = Interval { start: day(5, 20), end: day(7, 9) };
                schedules::add_entry(tx, &admin, network, finn, weekend, "weekend")
            });
        }
        let (primary, admin) = (self.schedules["Payments primary"], self.admin);
        let (ana, bo, caro) = (self.user("Ana"), self.user("Bo"), self.user("Caro"));
        let cover = Interval { start: at("2026-11-23T17:00:00Z"), end: at("2026-11-24T08:00:00Z") };
        let over = self.write(move |tx| {
            let day = |text: &str, hours: i64| Interval { start: at(text), end: at(text).plus_secs(hours * 3600) };
            let one = Turn { user: ana, span: day("2026-12-04T08:00:00Z", 24) };
            let other = Turn { user: caro, span: day("2026-12-08T08:00:00Z", 24) };
            schedules::add_swap(tx, &admin, primary, one, other, "a concert")?;
            schedules::add_override(tx, &admin, primary, ana, OverrideMode::Cover, cover, "Bo is at the dentist")
        });
        self.note("override", over.id);
        let entry = Interval { start: at("2026-12-24T11:00:00Z"), end: at("2026-12-27T08:00:00Z") };
        self.write(move |tx| schedules::add_entry(tx, &admin, primary, bo, entry, "Christmas"));
    }

    fn schedule(&mut self, name: &'static str, team: &'static str) -> ScheduleId {
        let basics =
            schedules::Basics { name: name.to_owned(), team: self.teams[team], zone: ZONE.to_owned(), fallback: None };
        let admin = self.admin;
        let id = self.write(move |tx| schedules::create(tx, &admin, &basics));
        self.schedules.insert(name, id);
        id
    }

    fn policies(&mut self) {
        let level = |number, delay_minutes, recipients| Level { number, delay_minutes, recipients };
        let (ana, bo, caro, dana) = (self.user("Ana"), self.user("Bo"), self.user("Caro"), self.user("Dana"));
        let on = |name: &str| Recipient::Schedule(self.schedules[name]);
        let (primary, platform, network) = (on("Payments primary"), on("Platform days"), on("Network"));
        let made = [
            (
                "Payments 24×7",
                policies::Basics {
                    repeat: 2,
                    last_resort: vec![ana, caro],
                    ..policies::Basics::named("Payments 24×7")
                },
                vec![
                    level(1, 5, vec![primary]),
                    level(2, 15, vec![Recipient::User(dana), Recipient::User(bo)]),
                    level(3, 10, vec![Recipient::Team(self.teams["Payments"])]),
                ],
            ),
            (
                "Platform",
                policies::Basics { repeat: 0, last_resort: vec![ana], ..policies::Basics::named("Platform") },
                vec![level(1, 10, vec![platform]), level(2, 10, vec![Recipient::User(ana)])],
            ),
            (
                "Network best effort",
                policies::Basics {
                    repeat: 0,
                    last_resort: vec![ana],
                    ..policies::Basics::named("Network best effort")
                },
                vec![level(1, 15, vec![network])],
            ),
        ];
        for (name, basics, levels) in made {
            let admin = self.admin;
            let id = self.write(move |tx| policies::create(tx, &admin, &basics, &levels));
            self.policies.insert(name, id);
        }
        self.note("policy", self.policies["Payments 24×7"]);
    }

    fn sources(&mut self) {
        let made: [(&'static str, &str, &str, &str); 6] = [
            ("alertmanager-prod", "alertmanager", "Payments", "Payments 24×7"),
            ("grafana-eu", "grafana", "Platform", "Platform"),
            ("aws-alarms", "cloudwatch", "Network", "Network best effort"),
            ("cron-jobs", "generic", "Platform", "Platform"),
            ("uptime", "generic", "Network", "Network best effort"),
            ("old-nagios", "generic", "Network", "Network best effort"),
        ];
        for (place, (name, kind, team, policy)) in made.into_iter().enumerate() {
            let basics = Basics {
                severity_map: BTreeMap::from([("page".to_owned(), Severity::Critical)]),
                ..Basics::named(name, kind, self.teams[team], self.policies[policy])
            };
            let (admin, key) = (self.admin, format!("{place}0112233445566778899aabbccdde3f9c"));
            let id = self.write(move |tx| alert_sources::create(tx, &admin, &basics, &key));
            self.sources.insert(name, id);
        }
        let (old, admin) = (self.sources["old-nagios"], self.admin);
        self.write(move |tx| alert_sources::set_active(tx, &admin, old, false));
        self.note("source", self.sources["alertmanager-prod"]);
        self.note("aws_source", self.sources["aws-alarms"]);
        self.note("quiet_source", self.sources["uptime"]);
    }

    /// Four weeks: an alert a day or two, mostly taken within minutes, sometimes after a second call.
    fn a_month(&mut self) {
        let alerts: [(&'static str, &str, &str, Severity); 6] = [
            ("alertmanager-prod", "db-1-disk", "db-1 disk 91 %", Severity::Critical),
            ("grafana-eu", "checkout-p99", "Checkout p99 above 2 s", Severity::Error),
            ("cron-jobs", "backup", "backup failed on store-3", Severity::Error),
            ("alertmanager-prod", "payout-queue", "Payout queue grows", Severity::Critical),
            ("aws-alarms", "nat-errors", "NAT gateway errors in eu-central-1", Severity::Warning),
            ("grafana-eu", "cert", "Certificate of shop.example.com ends in 13 days", Severity::Info),
        ];
        let takers = ["Ana", "Bo", "Caro", "Eli", "Finn"];
        let mut clock = at(BEGIN);
        for turn in 0..34_usize {
            // Twenty hours apart, so that they come at every hour of the day.
            clock = clock.plus_secs(19 * 3600 + 40 * 60 + (turn as i64 % 7) * 900);
            if clock > at("2026-11-22T00:00:00Z") {
                break;
            }
            let (source, external_id, title, severity) = alerts[turn % alerts.len()];
            self.world.run_until(clock);
            let incident = self.alert(source, external_id, title, severity);
            let waits = [90, 240, 410, 60, 130, 700, 35][turn % 7];
            self.world.run_until(clock.plus_secs(waits));
            let who = takers[turn % takers.len()];
            if turn % 9 != 8 {
                self.deed(incident, who, Deed::Acknowledge);
            }
            let took = [700, 1900, 5400, 2600][turn % 4];
            self.world.run_until(clock.plus_secs(waits + took));
            match turn % 4 {
                3 => drop(self.recovery(source, external_id)),
                2 => {
                    self.deed(incident, who, Deed::Note("rotated audit log".to_owned()));
                    self.deed(incident, who, Deed::Resolve);
                }
                _ => self.deed(incident, who, Deed::Resolve),
            }
        }
    }

    /// A weekend with a heartbeat missed, somebody who left, and a window of maintenance.
    fn last_days(&mut self) {
        self.world.run_until(at("2026-11-23T10:00:00Z"));
        let (dana, admin) = (self.user("Dana"), self.admin);
        self.write(move |tx| users::deactivate(tx, &admin, dana));
        let (cron, network) = (self.sources["cron-jobs"], self.teams["Network"]);
        let (window, weekly) = self.write(move |tx| {
            let basics = |name: &str, occurs, labels: &str| maintenance::Basics {
                name: name.to_owned(),
                scope: Scope::Team(network),
                occurs,
                zone: ZONE.to_owned(),
                matchers: Matcher::parse_all(labels).expect("matchers"),
            };
            let tonight = Interval { start: at("2026-11-24T01:00:00Z"), end: at("2026-11-24T03:00:00Z") };
            let running = basics("Core switch upgrade", maintenance::Chosen::Once(tonight), "site=fra1");
            let again = maintenance::Chosen::Again { pattern: "0 4 * * 0".to_owned(), minutes: 60 };
            Ok((
                maintenance::create(tx, &admin, &running)?,
                maintenance::create(tx, &admin, &basics("Sunday patches", again, ""))?,
            ))
        });
        self.note("window", window);
        self.note("weekly_window", weekly);
        self.world.run_until(at("2026-11-23T23:30:00Z"));
        let made = self.write(move |tx| {
            let key = LinkKey::new(SECRET);
            let new = |name: &str, interval_minutes| heartbeats::NewHeartbeat {
                source: cron,
                name: name.to_owned(),
                interval_minutes,
                grace_minutes: 10,
            };
            let nightly = heartbeats::create(tx, &admin, &key, &new("nightly-backup", 1440))?;
            let hourly = heartbeats::create(tx, &admin, &key, &new("invoice-export", 60))?;
            let paused = heartbeats::create(tx, &admin, &key, &new("log-rotation", 1440))?;
            heartbeats::create(tx, &admin, &key, &new("dns-sync", 30))?;
            heartbeats::pause(tx, &admin, paused, at("2026-12-01T08:00:00Z"))?;
            let hash = alert_sources::one(tx, cron)?.key_hash;
            pings::ping(tx, cron, hash, "nightly-backup", Beat::Ping, "")?;
            pings::ping(tx, cron, hash, "invoice-export", Beat::Ping, "")?;
            Ok((nightly, hourly))
        });
        self.note("heartbeat", made.0);
        self.note("late_heartbeat", made.1);
    }

    /// One incident in each state.
    fn last_night(&mut self) {
        // Resolved, with a note and somebody who acted for somebody else, before a message could be tried again.
        self.world.run_until(at("2026-11-23T23:50:00Z"));
        let busy = || Fault::Answers(Outcome::Temporary { retry_after_secs: None });
        for channel in [Channel::Sms, Channel::WhatsApp, Channel::Email] {
            self.world.faults.entry(channel).or_default().push_back(busy());
        }
        let resolved = self.alert("grafana-eu", "api-5xx", "API answers 5xx for 2 % of calls", Severity::Error);
        self.world.run_until(at("2026-11-23T23:50:04Z"));
        self.deed(resolved, "Finn", Deed::Acknowledge);
        for faults in self.world.faults.values_mut() {
            faults.clear();
        }
        self.world.run_until(at("2026-11-24T00:05:00Z"));
        self.deed(resolved, "Ana", Deed::Note("A bad deploy; rolled back.".to_owned()));
        self.world.run_until(at("2026-11-24T00:21:00Z"));
        self.deed(resolved, "Finn", Deed::Resolve);
        self.incident("resolved", resolved);

        // Everyone was called. The provider refuses the first text, and knows one number no more.
        let sms = self.world.faults.entry(Channel::Sms).or_default();
        sms.extend([busy(), Fault::Answers(Outcome::Permanent { account_wide: false })]);
        self.world.run_until(at("2026-11-24T00:40:00Z"));
        let exhausted = self.alert("cron-jobs", "restore-test", "Restore test failed on store-3", Severity::Error);
        self.incident("exhausted", exhausted);
        self.world.run_until(at("2026-11-24T01:20:00Z"));

        let snoozed = self.alert("grafana-eu", "queue-lag", "Search index lags 20 min behind", Severity::Warning);
        self.incident("snoozed", snoozed);
        self.world.run_until(at("2026-11-24T01:24:00Z"));
        self.deed(snoozed, "Eli", Deed::Snooze { until: at("2026-11-24T06:00:00Z") });

        let held = self.alert("aws-alarms", "link-fra1", "Link fra1-core-2 is down", Severity::Critical);
        self.incident("held", held);

        self.world.run_until(at("2026-11-24T02:00:00Z"));
        let taken = self.alert("grafana-eu", "api-latency", "API latency above 800 ms", Severity::Error);
        self.incident("taken", taken);
        self.world.run_until(at("2026-11-24T02:04:40Z"));
        self.deed(taken, "Ana", Deed::Acknowledge);

        // Sending is off for a moment: what would have left is recorded. A test ends by itself after ten minutes.
        self.world.run_until(at("2026-11-24T02:08:00Z"));
        self.world.settings.sending_enabled = false;
        self.test_alert();
        self.world.run_until(at("2026-11-24T02:09:00Z"));
        self.world.settings.sending_enabled = true;

        // The one that needs somebody now: called twice, a text on the handset, one at the operator.
        self.world.run_until(at("2026-11-24T02:10:22Z"));
        let triggered = self.alert("alertmanager-prod", "db-1-disk", "db-1 disk 97 %", Severity::Critical);
        self.incident("triggered", triggered);
        self.note("incident", self.ids["triggered"].clone());
        self.world.run_until(at("2026-11-24T02:10:40Z"));
        self.report_last(triggered, Fate::Delivered);
        self.world.faults.entry(Channel::Email).or_default().extend([busy(), busy()]);
        for minute in 11..16 {
            self.world.run_until(at(&format!("2026-11-24T02:{minute}:22Z")));
            self.alert("alertmanager-prod", "db-1-disk", "db-1 disk 97 %", Severity::Critical);
        }
        self.world.run_until(at("2026-11-24T02:15:50Z"));
        self.report_last(triggered, Fate::AtOperator);
        self.topic();
        self.world.run_until(at(NOW));
        let (bo, key) = (self.user("Bo"), LinkKey::new(SECRET));
        let (ana, taken_key) = (self.user("Ana"), LinkKey::new(SECRET));
        let link = self.write(move |tx| passes::give(tx, &key, triggered, bo)).token;
        let taken_link = self.write(move |tx| passes::give(tx, &taken_key, taken, ana)).token;
        self.note("link", link);
        self.note("taken_link", taken_link);
    }

    fn incident(&mut self, name: &'static str, id: IncidentId) {
        let number = self.world.read(|read| Ok(incidents::find(read, &id.to_string())?.number));
        self.note(name, number);
    }

    fn alert(&self, source: &str, external_id: &str, title: &str, severity: Severity) -> IncidentId {
        let event = event(Action::Trigger, external_id, title, Some(severity), self.world.clock.now());
        self.receive(source, Report::Event(event), false).expect("an alert opens an incident or updates one")
    }

    fn recovery(&self, source: &str, external_id: &str) -> Option<IncidentId> {
        let event = event(Action::Resolve, external_id, "", None, self.world.clock.now());
        self.receive(source, Report::Event(event), false)
    }

    fn receive(&self, source: &str, report: Report, is_test: bool) -> Option<IncidentId> {
        let source = self.sources[source];
        let body = match &report {
            Report::Event(event) => format!("{{\"status\":\"firing\",\"groupKey\":\"{}\"}}", event.external_id),
            _ => String::new(),
        };
        self.write(move |tx| {
            let (reports, body) = (vec![report.clone()], body.clone());
            let received = Received { source, reports, delivery_id: None, key_hash: None, body, is_test };
            Ok(intake::receive(tx, &received)?.iter().find_map(|result| result.incident).map(|(id, _)| id))
        })
    }

    fn test_alert(&mut self) {
        let (source, admin) = (self.sources["alertmanager-prod"], self.admin);
        let results = self.write(move |tx| alert_sources::send_test_alert(tx, &admin, source));
        let (id, _) = results.iter().find_map(|result| result.incident).expect("a test opens an incident");
        self.incident("test", id);
    }

    /// A topic asks to be confirmed.
    fn topic(&self) {
        let topic_arn = "arn:aws:sns:eu-central-1:123456789012:network-alarms".to_owned();
        let asks = Subscription { topic_arn, token: "a-token".to_owned(), verified: true };
        self.receive("aws-alarms", Report::Subscription(asks), false);
    }

    /// Somebody who cannot sign in is acted for by Ana.
    fn deed(&self, incident: IncidentId, who: &str, deed: Deed) {
        let user = self.user(who);
        let signs_in = !matches!(who, "Finn" | "Hugo");
        let actor = if signs_in { Actor::user(user, Role::Responder, Door::Web) } else { self.admin };
        self.write(move |tx| incidents::act(tx, &actor, &incident.to_string(), Some(user), deed.clone()).map(drop));
    }

    /// What the provider reports about the newest text of an incident.
    fn report_last(&self, incident: IncidentId, fate: Fate) {
        let number = self.world.read(|read| Ok(incidents::find(read, &incident.to_string())?.number));
        let is_ours = |sent: &&crate::world::Sent| {
            let text = crate::world::text_of(&sent.outgoing);
            sent.outgoing.channel == Channel::Sms && text.starts_with(&format!("#{number} "))
        };
        if let Some(sent) = self.world.sent.iter().rev().find(is_ours) {
            let (message_id, text) = (sent.outgoing.message_id.clone(), "reported".to_owned());
            self.world.report(vec![Reported { message_id, fate, text }]);
        }
    }

    fn own_things(&mut self) {
        let (ana, admin, primary) = (self.user("Ana"), self.admin, self.schedules["Payments primary"]);
        let (finn, key) = (self.user("Finn"), LinkKey::new(SECRET));
        let invited = self.write(move |tx| invitations::invite(tx, &admin, &key, finn, false));
        self.note("invitation", invited.token);
        let vault = self.world.app().vault.clone();
        let digest = pagerpal::app::sha256(b"a token");
        let mut random = [0; 64];
        random[..32].copy_from_slice(&digest);
        random[32..].copy_from_slice(&digest);
        self.write(move |tx| {
            let key = LinkKey::new(SECRET);
            feeds::create(tx, &admin, &key, FeedOf::Schedule(primary))?;
            feeds::create(tx, &admin, &key, FeedOf::User(ana))?;
            let wanted = Wanted { name: "deploy script".to_owned(), most: Role::Responder, expires_at: None };
            tokens::create(tx, &admin, &wanted, &tokens::spell(&random))?;
            let url = Some("https://calendar.example.net/holidays/basic.ics".to_owned());
            let import = imports::Basics { name: "Holidays".to_owned(), url, zone: ZONE.to_owned() };
            imports::create(tx, &admin, &vault, [9; 24], primary, &import).map(drop)
        });
    }

    /// What workers, providers and the configuration would have told by now.
    fn board(&self) {
        let (app, now) = (self.world.app(), at(NOW));
        let shown = |name, value: &str, origin: &str, meaning| SettingShown {
            name,
            value: value.to_owned(),
            origin: origin.to_owned(),
            meaning,
        };
        let configuration = vec![
            shown("SECRET_KEY", "set, 64 bytes", "DATA_DIR/secret.key", "Signs sessions and links."),
            shown("PAGERPAL_BASE_URL", "https://pager.example.com", "pagerpal.toml:4", "Where people reach this."),
            shown("NOTIFICATION_SENDING_ENABLED", "true", "environment", "Whether messages leave."),
            shown("INFOBIP_API_KEY", "set, 40 bytes", "environment", "The key of the account."),
            shown("SMTP_HOST", "mail.example.com", "pagerpal.toml:22", "The mail server."),
            shown("LISTEN_ADDRESS", "127.0.0.1:8000", "default", "Where the server listens."),
        ];
        app.board.started(now.plus_secs(-86_400), vec![], configuration);
        for worker in Worker::ALL {
            app.board.ran(worker, now.plus_secs(-1), 0, None);
        }
        app.board.channel_configured(Channel::Sms, Some("Infobip"), vec![]);
        app.board.channel_configured(Channel::Email, Some("SMTP"), vec![]);
        app.board.channel_configured(Channel::WhatsApp, None, vec!["INFOBIP_WHATSAPP_TEMPLATE".to_owned()]);
        app.board.channel_answered(Channel::Sms, now.plus_secs(-70), None);
        app.board.channel_answered(Channel::Email, now.plus_secs(-7200), None);
    }
}

fn event(action: Action, external_id: &str, title: &str, severity: Option<Severity>, now: Timestamp) -> Event {
    let details = "Free space on /var/lib/postgresql is below 3 %.\nGrows by 0.4 % a minute.".to_owned();
    let labels = [("instance", "db-1:9100"), ("severity", "page"), ("site", "fra1"), ("cluster", "prod-eu")];
    let links =
        [("Runbook", "https://wiki.example.com/disk"), ("Graph", "https://grafana.example.com/d/disk?var=db-1")];
    let link = |(text, href): (&str, &str)| Link { href: href.to_owned(), text: text.to_owned() };
    Event {
        action,
        external_id: external_id.to_owned(),
        severity,
        title: title.to_owned(),
        details,
        labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        links: links.map(link).into(),
        occurred_at: SenderTime::from(now),
        order: Order::Arrival,
        actor: None,
        warnings: vec![],
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::from_jiff(text.parse().unwrap_or_else(|error| panic!("{text}: {error}")))
}

#[test]
fn the_organisation_has_an_incident_in_each_state_and_a_message_of_each_fate() {
    let (app, ids) = Builder::run();
    app.read(|read| {
        let mut fates = BTreeSet::new();
        for (name, status, phase) in [
            ("triggered", Status::Triggered, Phase::Climbing),
            ("exhausted", Status::Triggered, Phase::Exhausted),
            ("held", Status::Triggered, Phase::Held),
            ("taken", Status::Acknowledged, Phase::Climbing),
            ("snoozed", Status::Acknowledged, Phase::Climbing),
            ("resolved", Status::Resolved, Phase::Climbing),
            ("test", Status::Triggered, Phase::Climbing),
        ] {
            let story = incidents::story(read, &ids[name])?;
            assert_eq!((story.incident.status, story.incident.ladder.phase), (status, phase), "{name}");
            assert_eq!(story.incident.snooze.is_some(), name == "snoozed");
            assert_eq!(story.incident.is_test, name == "test");
            let deliveries = story.notifications.iter().flat_map(|(_, deliveries)| deliveries);
            fates.extend(deliveries.map(|delivery| delivery.state.word()));
        }
        for fate in ["retrying", "accepted", "at operator", "delivered", "failed", "suppressed", "withdrawn"] {
            assert!(fates.contains(fate), "{fate} is not among {fates:?}");
        }
        assert!(incidents::count(read, Status::Resolved)? > 20);
        Ok(())
    })
    .expect("it can be read");
}
