//! A whole installation in memory in which everything exists once: for tests that ask every page and every door the same
//! question. Its state can be put back as it was, so one question does not change the answer to the next.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use pagerpal::app::alert_sources::{self, Basics, NewSigning};
use pagerpal::app::deliveries::{Room, Sender, claim_due, record};
use pagerpal::app::feeds;
use pagerpal::app::incidents::{self, Deed};
use pagerpal::app::intake::{self, Received};
use pagerpal::app::passes::{self, LinkKey};
use pagerpal::app::schedules::{self, Turn};
use pagerpal::app::users::NewUser;
use pagerpal::app::{
    App, AppError, Lane, Settings, Write, auth, heartbeats, imports, invitations, maintenance, policies, setup, teams,
    tokens, users,
};
use pagerpal::bridge::Bridge;
use pagerpal::clock::ScriptedClock;
use pagerpal::domain::Severity;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::{Actor, Door};
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::{Answer as Answered, Delivery, DeliveryRing, Outcome};
use pagerpal::domain::entry::{Interval, OverrideMode};
use pagerpal::domain::event::{Action, Event, Link, Order, Report, SenderTime, Subscription};
use pagerpal::domain::feed::FeedOf;
use pagerpal::domain::id::{AlertSourceId, UserId};
use pagerpal::domain::layer::Draft;
use pagerpal::domain::maintenance::{Matcher, Scope};
use pagerpal::domain::policy::{Level, Recipient};
use pagerpal::domain::rotation::{Cadence, Civil};
use pagerpal::domain::session::{Device, Session};
use pagerpal::domain::time::Timestamp;
use pagerpal::domain::token::Wanted;
use pagerpal::egress::Egress;
use pagerpal::random::ScriptedRandom;
use pagerpal::secret::Secret;
use pagerpal::store::engine::{self, Changes, Direction, Engine, KeyRange, Snapshot, TableName, Visit};
use pagerpal::store::{Read as _, Store};
use pagerpal::vault::Vault;
use pagerpal::web::address::Peer;
use pagerpal::web::routes::{Access, RouteSpec};
use pagerpal::web::session::Token;
use pagerpal::web::{Web, WebSettings, routes};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use tower::ServiceExt;

pub const PASSWORD: &str = "lamp otter bridge nine";
pub const KEY: &str = "00112233445566778899aabbccddeeff";
pub const OFF_KEY: &str = "ffeeddccbbaa99887766554433221100";
/// Of the active source, before it got [`KEY`].
pub const OLD_KEY: &str = "0123456789abcdef0123456789abcdef";
pub const SIGNING_SECRET: &str = "signed sealed delivered";
/// Tuesday 24 November 2026, 08:00 in UTC.
pub const START: i64 = 1_795_507_200;

type Rows = BTreeMap<(TableName, Vec<u8>), Vec<u8>>;

/// A store's engine whose whole state is one value.
#[derive(Clone, Default)]
pub struct Shelf {
    rows: Arc<Mutex<Arc<Rows>>>,
    /// What each commit left, since [`Shelf::put_back`].
    commits: Arc<Mutex<Vec<Arc<Rows>>>>,
}

struct Seen(Arc<Rows>);

impl Shelf {
    pub fn state(&self) -> Arc<Rows> {
        Arc::clone(&self.rows.lock().expect("no test panics while holding it"))
    }

    pub fn put_back(&self, state: &Arc<Rows>) {
        self.commits.lock().expect("no test panics while holding it").clear();
        self.set(state);
    }

    /// The states a crash could have left, the last one being the present.
    pub fn commits(&self) -> Vec<Arc<Rows>> {
        self.commits.lock().expect("no test panics while holding it").clone()
    }

    fn set(&self, state: &Arc<Rows>) {
        *self.rows.lock().expect("no test panics while holding it") = Arc::clone(state);
    }
}

impl Engine for Shelf {
    fn snapshot(&self) -> engine::Result<Box<dyn Snapshot>> {
        Ok(Box::new(Seen(self.state())))
    }

    fn commit(&self, _: &dyn Snapshot, changes: &Changes) -> engine::Result<()> {
        let mut rows = Rows::clone(&self.state());
        for (table, changed) in changes.tables() {
            for (key, value) in changed {
                match value {
                    Some(value) => rows.insert((table, key.clone()), value.clone()),
                    None => rows.remove(&(table, key.clone())),
                };
            }
        }
        let rows = Arc::new(rows);
        self.set(&rows);
        self.commits.lock().expect("no test panics while holding it").push(rows);
        Ok(())
    }
}

impl Snapshot for Seen {
    fn get(&self, table: TableName, key: &[u8]) -> engine::Result<Option<Vec<u8>>> {
        Ok(self.0.get(&(table, key.to_vec())).cloned())
    }

    fn scan(&self, table: TableName, range: &KeyRange, way: Direction, visit: &mut Visit<'_>) -> engine::Result<()> {
        let inside = |key: &[u8]| range.end.as_ref().is_none_or(|end| key < &end[..]);
        let rows =
            self.0.range((table, range.start.clone())..).take_while(|((of, key), _)| *of == table && inside(key));
        let mut step = |((_, key), value): (&(TableName, Vec<u8>), &Vec<u8>)| visit(key, value);
        let _stopped = match way {
            Direction::Ascending => rows.into_iter().try_for_each(&mut step),
            Direction::Descending => rows.collect::<Vec<_>>().into_iter().rev().try_for_each(step),
        } == ControlFlow::Break(());
        Ok(())
    }
}

pub struct House {
    pub web: Arc<Web>,
    pub router: Router,
    pub clock: ScriptedClock,
    pub shelf: Shelf,
    /// What everything in it is called in paths and bodies: `{team}`.
    pub ids: BTreeMap<&'static str, String>,
    app: Arc<App>,
    egress: Arc<Egress>,
}

impl House {
    /// `say` makes the text of a field from a word that is unique in the house.
    pub fn new(say: fn(&str) -> String) -> House {
        let clock = ScriptedClock::at(Timestamp::from_second(START));
        let shelf = Shelf::default();
        let app = app(&shelf, &clock, b"a secret");
        let egress = Arc::new(Egress::new(&[]).expect("no extra root to go wrong"));
        let web = web(&app, &egress);
        let router = routes::router(Arc::clone(&web));
        let mut house = House { web, router, clock, shelf, ids: BTreeMap::new(), app, egress };
        house.furnish(say);
        house
    }

    /// The same data under another SECRET_KEY.
    pub fn restart_with_key(&mut self, secret: &[u8]) {
        self.app = app(&self.shelf, &self.clock, secret);
        self.restart();
    }

    /// The same installation behind a process that has just started: nothing is throttled, nothing remembered.
    pub fn restart(&mut self) {
        self.web = web(&self.app, &self.egress);
        self.router = routes::router(Arc::clone(&self.web));
    }

    pub fn write<T: Send + 'static>(&self, work: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static) -> T {
        self.app.write(Lane::People, work).unwrap_or_else(|error| panic!("the house: {error}"))
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    /// Fills `{name}` in.
    pub fn fill(&self, text: &str) -> String {
        self.ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
    }

    pub fn user(&self, name: &str) -> UserId {
        self.ids[name].parse().expect("a user")
    }

    /// Everything kept, the audit log apart, as one number.
    pub fn state_hash(&self) -> [u8; 32] {
        let mut bytes = Vec::new();
        for ((table, key), value) in self.shelf.state().iter().filter(|((table, _), _)| !table.0.starts_with("audit")) {
            for part in [table.0.as_bytes(), key, value] {
                bytes.extend((part.len() as u64).to_be_bytes());
                bytes.extend(part);
            }
        }
        pagerpal::app::sha256(&bytes)
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.router, request).await
    }

    /// As somebody who is signed in, with the token of the form.
    pub async fn get(&self, who: &str, path: &str) -> Answer {
        let request = Request::get(path).header(header::COOKIE, cookie(&session_of(who)));
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// Where things stand after everything was put in.
    fn furnish(&mut self, say: fn(&str) -> String) {
        let admin = self.people(say);
        let (team, spare) = self.write(move |tx| {
            let people = users::all(tx)?;
            let named = |email: &str| people.iter().find(|u| u.email.as_deref() == Some(email)).expect("made").id;
            let members = [named("responder@example.test"), named("admin@example.test")];
            let team = teams::create(tx, &admin, &say("team"), &members)?;
            Ok((team, teams::create(tx, &admin, &say("spare-team"), &[])?))
        });
        self.note("team", team);
        self.note("spare_team", spare);
        self.schedule(say, admin, team);
        self.policies(say, admin);
        self.sources(say, admin, team);
        self.alerts(say, admin);
        self.rest(say, admin);
        self.credentials(say, admin);
    }

    fn note(&mut self, name: &'static str, id: impl ToString) {
        self.ids.insert(name, id.to_string());
    }

    fn people(&mut self, say: fn(&str) -> String) -> Actor {
        let hash = cheap_hash();
        let new = move |word: &str, role, login: bool| NewUser {
            name: say(word),
            email: Some(format!("{word}@example.test")),
            role,
            zone: "Europe/Berlin".to_owned(),
            password_hash: login.then(|| hash.clone()),
        };
        let made = self.write(move |tx| {
            let admin = setup::create_first_admin(tx, &new("admin", Role::Admin, true))?;
            let mut made = vec![("admin", admin)];
            for (word, role, login) in [
                ("responder", Role::Responder, true),
                ("viewer", Role::Viewer, true),
                ("gone", Role::Admin, true),
                ("mute", Role::Admin, false),
            ] {
                made.push((word, users::create(tx, &Actor::SYSTEM, &new(word, role, login))?));
            }
            for (place, (_, id)) in made.iter().enumerate() {
                users::add_contact(tx, &Actor::SYSTEM, *id, Channel::Sms, &format!("+4917000000{place}"))?;
            }
            users::deactivate(tx, &Actor::SYSTEM, made[3].1)?;
            Ok(made)
        });
        for (word, id) in made {
            self.note(word, id);
        }
        Actor::user(self.user("admin"), Role::Admin, Door::Web)
    }

    fn schedule(&mut self, say: fn(&str) -> String, admin: Actor, team: pagerpal::domain::id::TeamId) {
        let (responder, boss) = (self.user("responder"), self.user("admin"));
        let vault = self.app.vault.clone();
        let hours = |from: i64, to: i64| Interval {
            start: Timestamp::from_second(START + from * 3600),
            end: Timestamp::from_second(START + to * 3600),
        };
        let made = self.write(move |tx| {
            let basics = |name: &str| schedules::Basics {
                name: say(name),
                team,
                zone: "Europe/Berlin".to_owned(),
                fallback: Some(boss),
            };
            let id = schedules::create(tx, &admin, &basics("schedule"))?;
            let spare = schedules::create(tx, &admin, &basics("spare-schedule"))?;
            let draft = Draft {
                name: say("layer"),
                zone: "Europe/Berlin".to_owned(),
                from: None,
                anchor: Civil::of("2026-11-23T09:00".parse().expect("a time")),
                cadence: Cadence::Weeks(1),
                slots: vec![vec![responder], vec![boss]],
                windows: vec![],
            };
            let layer = schedules::add_layer(tx, &admin, id, &draft)?.id;
            schedules::add_layer(tx, &admin, id, &Draft { name: say("lower-layer"), ..draft })?;
            let entry = schedules::add_entry(tx, &admin, id, responder, hours(100, 110), &say("entry"))?.id;
            let cover = OverrideMode::Cover;
            let over = schedules::add_override(tx, &admin, id, boss, cover, hours(120, 130), &say("override"))?.id;
            let turns = [Turn { user: responder, span: hours(140, 150) }, Turn { user: boss, span: hours(150, 160) }];
            let swap = schedules::add_swap(tx, &admin, id, turns[0], turns[1], &say("swap"))?.id;
            let url = Some("https://calendar.example.net/private-5e1f/basic.ics".to_owned());
            let import = imports::Basics { name: say("import"), url, zone: "Europe/Berlin".to_owned() };
            let used = imports::create(tx, &admin, &vault, [9; 24], id, &import)?;
            imports::attach_as_cover(tx, &admin, used)?;
            let other = imports::Basics { name: say("other-import"), ..import };
            let import = imports::create(tx, &admin, &vault, [8; 24], id, &other)?;
            let failed = imports::Outcome::Failed(say("The server answered"));
            for due in imports::due(tx, tx.now(), 10)? {
                imports::record(tx, &due, &failed)?;
            }
            let ids =
                [("schedule", id.to_string()), ("spare_schedule", spare.to_string()), ("layer", layer.to_string())];
            let more = [("entry", entry.to_string()), ("override", over.to_string()), ("swap", swap.to_string())];
            let last = [("used_import", used.to_string()), ("import", import.to_string())];
            Ok([&ids[..], &more, &last].concat())
        });
        self.ids.extend(made);
    }

    fn policies(&mut self, say: fn(&str) -> String, admin: Actor) {
        let (responder, boss) = (self.user("responder"), self.user("admin"));
        let schedule = self.ids["schedule"].parse().expect("a schedule");
        let (policy, spare) = self.write(move |tx| {
            let level = |number, recipients| Level { number, delay_minutes: 5, recipients };
            let levels = [
                level(1, vec![Recipient::User(responder)]),
                level(2, vec![Recipient::Schedule(schedule), Recipient::User(boss)]),
            ];
            let basics =
                |name: &str| policies::Basics { last_resort: vec![boss], ..policies::Basics::named(&say(name)) };
            let policy = policies::create(tx, &admin, &basics("policy"), &levels)?;
            Ok((policy, policies::create(tx, &admin, &basics("spare-policy"), &levels)?))
        });
        self.note("policy", policy);
        self.note("spare_policy", spare);
    }

    fn sources(&mut self, say: fn(&str) -> String, admin: Actor, team: pagerpal::domain::id::TeamId) {
        let policy = self.ids["policy"].parse().expect("a policy");
        let vault = self.app.vault.clone();
        let (source, off, grafana) = self.write(move |tx| {
            let basics = |name: &str, kind: &str| Basics {
                severity_map: BTreeMap::from([(say("word"), Severity::Info)]),
                ..Basics::named(&say(name), kind, team, policy)
            };
            let source = alert_sources::create(tx, &admin, &basics("source", "cloudwatch"), OLD_KEY)?;
            alert_sources::regenerate_key(tx, &admin, source, KEY)?;
            let off = alert_sources::create(tx, &admin, &basics("off-source", "generic"), OFF_KEY)?;
            alert_sources::set_active(tx, &admin, off, false)?;
            let grafana = alert_sources::create(tx, &admin, &basics("grafana", "grafana"), "fedcba98")?;
            let new = NewSigning { secret: Secret::new(SIGNING_SECRET.to_owned()), timestamp_header: None };
            alert_sources::set_signing(tx, &admin, &vault, [7; 24], grafana, Some(&new))?;
            Ok((source, off, grafana))
        });
        self.note("source", source);
        self.note("off_source", off);
        self.note("grafana", grafana);
    }

    /// A triggered, an acknowledged and a resolved incident; the first with a page that failed.
    fn alerts(&mut self, say: fn(&str) -> String, admin: Actor) {
        let source: AlertSourceId = self.ids["source"].parse().expect("a source");
        let responder = self.user("responder");
        let at = SenderTime::from(self.app.now());
        let event = move |word: &str| {
            Report::Event(Event {
                action: Action::Trigger,
                external_id: say(word),
                severity: Some(Severity::Critical),
                title: say(&format!("{word}-title")),
                details: say(&format!("{word}-details")),
                labels: BTreeMap::from([(say("label"), say("value"))]),
                links: vec![Link { text: say("link"), href: "https://runbook.example.net/x".to_owned() }],
                occurred_at: at,
                order: Order::Arrival,
                actor: Some(say("sender")),
                warnings: vec![say("warning")],
            })
        };
        let asks = Subscription { topic_arn: say("arn:aws:sns:ops"), token: "topic-token".to_owned(), verified: false };
        let found = self.write(move |tx| {
            let mut reports: Vec<Report> = ["first", "second", "third"].map(event).into();
            reports.push(Report::Subscription(asks.clone()));
            let received =
                Received { source, reports, delivery_id: None, key_hash: None, body: say("body"), is_test: false };
            Ok(intake::receive(tx, &received)?.iter().filter_map(|result| result.incident).collect::<Vec<_>>())
        });
        let (first, second, third) = (found[0], found[1], found[2]);
        self.note("incident", first.1);
        self.note("taken", second.1);
        self.note("resolved", third.1);
        let sender = Sender { sending_enabled: true, ..Sender::of(&self.app) };
        let (token, failed, notification) = self.write(move |tx| {
            let act = |tx: &mut Write<'_>, number: u64, deed| {
                incidents::act(tx, &admin, &number.to_string(), Some(responder), deed).map(drop)
            };
            act(tx, first.1, Deed::Note(say("note")))?;
            act(tx, second.1, Deed::Acknowledge)?;
            act(tx, third.1, Deed::Resolve)?;
            let mut failed = None;
            for outgoing in claim_due(tx, DeliveryRing::First, &sender, &Room::each(32))?.outgoing {
                let outcome = Outcome::Permanent { account_wide: false };
                let answer = Answered { outcome, text: say("provider") };
                record(tx, outgoing.delivery, outgoing.attempt, &answer, false)?;
                failed = failed.or(Some(outgoing.delivery));
            }
            let given = passes::give(tx, &LinkKey::new(b"a secret"), first.0, responder)?;
            let failed = failed.expect("the first level is paged");
            let notification = tx.get::<Delivery>(failed)?.expect("it has failed").notification;
            Ok((given.token, failed, notification))
        });
        self.note("notification", notification);
        self.note("link", token);
        self.note("delivery", failed);
    }

    fn rest(&mut self, say: fn(&str) -> String, admin: Actor) {
        let source: AlertSourceId = self.ids["source"].parse().expect("a source");
        let team = self.ids["team"].parse().expect("a team");
        let made = self.write(move |tx| {
            let key = LinkKey::new(b"a secret");
            // Letters and dashes alone may be in it.
            let name = "nightly-job".to_owned();
            let new = heartbeats::NewHeartbeat { source, name: name.clone(), interval_minutes: 60, grace_minutes: 5 };
            let heartbeat = heartbeats::create(tx, &admin, &key, &new)?;
            let paused = heartbeats::NewHeartbeat { name: "paused-job".to_owned(), ..new };
            let paused = heartbeats::create(tx, &admin, &key, &paused)?;
            heartbeats::pause(tx, &admin, paused, Timestamp::from_second(START + 86_400))?;
            let basics = |name: &str, from: i64| maintenance::Basics {
                name: say(name),
                scope: Scope::Team(team),
                occurs: maintenance::Chosen::Once(Interval {
                    start: Timestamp::from_second(START + from * 3600),
                    end: Timestamp::from_second(START + (from + 2) * 3600),
                }),
                zone: "Europe/Berlin".to_owned(),
                matchers: Matcher::parse_all("service=\"x\"").expect("a matcher"),
            };
            let window = maintenance::create(tx, &admin, &basics("window", 10))?;
            let running = maintenance::create(tx, &admin, &basics("running", -1))?;
            Ok((heartbeat, paused, name, window, running))
        });
        let (heartbeat, paused, name, window, running) = made;
        self.note("paused", paused);
        let beat = self.app.read(|read| heartbeats::one(read, heartbeat)).expect("made");
        self.note("heartbeat", heartbeat);
        self.note("heartbeat_name", name);
        self.note("window", window);
        self.note("running", running);
        self.note("ping", heartbeats::token(&LinkKey::new(b"a secret"), &beat).expect("an address"));
        self.note("callback", LinkKey::new(b"a secret").callback_token());
    }

    fn credentials(&mut self, say: fn(&str) -> String, admin: Actor) {
        let schedule = self.ids["schedule"].parse().expect("a schedule");
        let own = ["admin", "responder", "viewer"].map(|name| (name, self.user(name)));
        let made = self.write(move |tx| {
            let key = LinkKey::new(b"a secret");
            let of_schedule = feeds::create(tx, &admin, &key, FeedOf::Schedule(schedule))?;
            let mut made = vec![("feed", of_schedule)];
            for ((_, id), feed) in own.iter().zip(["admin_feed", "responder_feed", "viewer_feed"]) {
                let actor = Actor::user(*id, Role::Viewer, Door::Web);
                made.push((feed, feeds::create(tx, &actor, &key, FeedOf::User(*id))?));
            }
            Ok(made)
        });
        let links = self.app.read(|read| feeds::links(read, &LinkKey::new(b"a secret"), FeedOf::Schedule(schedule)));
        let token = links.expect("made").into_iter().find_map(|link| link.token).expect("a link");
        self.note("feed_token", token);
        for (name, feed) in made {
            self.note(name, feed);
        }
        let mute = self.user("mute");
        let key = LinkKey::new(b"a secret");
        let invited = self.write(move |tx| invitations::invite(tx, &admin, &key, mute, false));
        self.note("invitation", invited.token);
        for who in SESSIONS {
            let (user, kept) = (self.user(who), session_of(who).kept(&self.web.settings.session_key));
            self.write(move |tx| auth::open_session(tx, user, kept, &Device::default()));
        }
        for (who, [contact, session, token, code]) in OWN {
            self.own_things(who, contact, session, token, code);
        }
        let (user, kept) = (self.user("admin"), session_of("expired").kept(&self.web.settings.session_key));
        let long_ago = Timestamp::from_second(START - 31 * 86_400);
        self.write(move |tx| {
            let (id, device) = (tx.new_id(), Device { address: String::new(), agent: say("browser") });
            let (created_at, used_at, proved_at) = (long_ago, long_ago, long_ago);
            Ok(tx.put(&Session { token_hash: kept, id, user, device, created_at, used_at, proved_at })?)
        });
        let capped = PersonalTokenText { who: "admin", name: "capped", most: Role::Viewer };
        self.token(&capped);
    }

    /// A contact method under proof, a session on another device, a personal token.
    fn own_things(
        &mut self,
        who: &'static str,
        contact: &'static str,
        session: &'static str,
        token: &'static str,
        code: &'static str,
    ) {
        let user = self.user(who);
        let kept = session_of(&format!("{who} elsewhere")).kept(&self.web.settings.session_key);
        let (contact_id, session_id) = self.write(move |tx| {
            let contact = users::one(tx, user)?.contacts[1].id;
            users::send_code(tx, &Actor::SYSTEM, user, contact)?;
            auth::open_session(tx, user, kept, &Device::default())?;
            Ok((contact, tx.get::<Session>(kept)?.expect("just opened").id))
        });
        self.note(contact, contact_id);
        self.note(session, session_id);
        self.note(code, LinkKey::new(b"a secret").proof(contact_id, Timestamp::from_second(START)));
        let most = if who == "admin" {
            Role::Admin
        } else if who == "responder" {
            Role::Responder
        } else {
            Role::Viewer
        };
        let id = self.token(&PersonalTokenText { who, name: who, most });
        self.note(token, id);
    }

    fn token(&self, new: &PersonalTokenText) -> String {
        let actor = Actor::user(self.user(new.who), Role::Admin, Door::Web);
        let (wanted, text) =
            (Wanted { name: new.name.to_owned(), most: new.most, expires_at: None }, token_of(new.name));
        self.write(move |tx| tokens::create(tx, &actor, &wanted, &text)).to_string()
    }

    /// As [`House::fill`], what is somebody's own being this person's.
    pub fn fill_as(&self, who: &str, text: &str) -> String {
        self.fill(&text.replace("{me}", &format!("{{{who}}}")).replace("{my_", &format!("{{{who}_")))
    }
}

/// Whose own things exist, and what they are called in [`House::ids`].
const OWN: [(&str, [&str; 4]); 3] = [
    ("admin", ["admin_contact", "admin_session", "admin_token", "admin_code"]),
    ("responder", ["responder_contact", "responder_session", "responder_token", "responder_code"]),
    ("viewer", ["viewer_contact", "viewer_session", "viewer_token", "viewer_code"]),
];

struct PersonalTokenText {
    who: &'static str,
    name: &'static str,
    most: Role,
}

/// The personal token of that name.
pub fn token_of(name: &str) -> String {
    let digest = pagerpal::app::sha256(name.as_bytes());
    let mut random = [0; 64];
    random[..32].copy_from_slice(&digest);
    random[32..].copy_from_slice(&digest);
    tokens::spell(&random)
}

/// Who has a session, good or not.
const SESSIONS: [&str; 5] = ["admin", "responder", "viewer", "gone", "mute"];

/// The cookie of somebody's session; of a name that has none, one that nobody knows.
pub fn session_of(who: &str) -> Token {
    let digest = pagerpal::app::sha256(who.as_bytes());
    Token::new(digest)
}

pub fn cookie(token: &Token) -> String {
    let set = token.set_cookie(true);
    set.to_str().expect("ASCII").split(';').next().expect("a pair").to_owned()
}

pub fn basic(who: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{who}@example.test:{PASSWORD}")))
}

/// Of [`PASSWORD`], with the least that Argon2 takes: these tests ask a thousand times.
fn cheap_hash() -> String {
    use argon2::password_hash::PasswordHasher;
    let params = argon2::Params::new(8, 1, 1, Some(32)).expect("the least there is");
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    argon2.hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16]).expect("hashing works").to_string()
}

fn app(shelf: &Shelf, clock: &ScriptedClock, secret: &[u8]) -> Arc<App> {
    let random = Arc::new(ScriptedRandom::new(1));
    let store = Store::on_engine(Box::new(shelf.clone()), Arc::new(clock.clone()), random.clone()).expect("memory");
    let settings = Settings {
        sending_enabled: true,
        retry_enabled: true,
        escalation_enabled: true,
        base_url: Some("https://pager.example.test".to_owned()),
        link_key: LinkKey::new(secret),
    };
    let mut app = App::new(store, random, settings);
    app.vault = Vault::new(secret);
    Arc::new(app)
}

fn web(app: &Arc<App>, egress: &Arc<Egress>) -> Arc<Web> {
    let settings = WebSettings {
        base_url: Some("https://pager.example.test".into()),
        cookie_secure: true,
        allowed_origins: vec![].into(),
        is_trusted_proxy: Box::new(|address| address.is_loopback()),
        listens_on_loopback: false,
        sign_on: None,
        read_call: pagerpal::notify::infobip::inbox::read_call,
        session_key: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"a secret that only this test knows"),
    };
    Arc::new(Web::new(Arc::clone(app), Bridge::new(2), Arc::clone(egress), settings))
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// Off to the sign-in page: a page's way of saying 401.
    pub fn asks_to_sign_in(&self) -> bool {
        self.status == StatusCode::SEE_OTHER && self.header("location").starts_with("/login?")
    }
}

/// From somewhere else, over https through the proxy on this machine: the way most people come.
pub async fn send(router: &Router, mut request: Request<Body>) -> Answer {
    let through_proxy = Peer { address: SocketAddr::from(([127, 0, 0, 1], 40000)), is_tls: false };
    request.extensions_mut().insert(through_proxy);
    for (name, value) in [
        ("host", "pager.example.test"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "198.51.100.7"),
        ("sec-fetch-site", "same-origin"),
    ] {
        if !request.headers().contains_key(name) {
            request.headers_mut().insert(name, value.parse().expect("a header value"));
        }
    }
    let response = router.clone().oneshot(request).await.expect("the router always answers");
    let (parts, body) = response.into_parts();
    // A stream of events has no end to wait for.
    let is_stream = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    let body = if is_stream { Body::empty() } else { body };
    let body = body.collect().await.expect("it is whole").to_bytes();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
}

/// The paths of every page and document that can be looked at, with objects that exist.
pub fn readable_paths(house: &House) -> BTreeSet<String> {
    let gets = routes::table().into_iter().filter(|row| row.method == Method::GET);
    gets.map(|row| house.fill_as("admin", &existing(&row))).collect()
}

/// A path with the placeholders of [`House::ids`] instead of the route's own.
pub fn existing(row: &RouteSpec) -> String {
    let (path, is_own) = (row.path, row.access == Access::SelfOnly);
    let mut out: Vec<String> = Vec::new();
    let parts: Vec<&str> = path.split('/').collect();
    for (place, part) in parts.iter().enumerate() {
        if !part.starts_with('{') {
            out.push((*part).to_owned());
            continue;
        }
        let before = parts[place - 1];
        let own = |mine: &'static str, other: &'static str| if is_own { mine } else { other };
        out.push(
            match (before, *part) {
                ("assets", _) => "app.css",
                ("problems", _) => "level_number_taken",
                ("help", _) => "first-steps",
                ("a", _) => "{link}",
                ("invite", _) => "{invitation}",
                ("calendar", _) => "{feed_token}",
                ("ping", _) => "{ping}",
                (_, "{word}") => "fail",
                ("webhooks", "{kind}") => "generic",
                ("heartbeat", "{name}") => "{heartbeat_name}",
                ("infobip", _) => "{callback}",
                (_, "{kind}") => "reports",
                ("users", _) => own("{me}", "{responder}"),
                ("contacts" | "contact-methods", _) => own("{my_contact}", "{responder_contact}"),
                ("sessions", _) => own("{my_session}", "{responder_session}"),
                ("tokens", _) => own("{my_token}", "{responder_token}"),
                ("channels", _) => "email",
                ("backups", _) => "pagerpal-2026-11-24T02-00-00Z.backup",
                ("teams", _) => "{team}",
                ("schedules", _) => "{schedule}",
                ("entries", _) => "{entry}",
                ("overrides", _) => "{override}",
                ("layers", _) => "{layer}",
                ("imports", _) => "{import}",
                ("feeds", _) => own("{my_feed}", "{feed}"),
                ("escalation-policies", _) => "{policy}",
                ("levels", _) => "2",
                ("alert-sources", _) => "{source}",
                ("incidents", _) => "{incident}",
                ("deliveries", _) => "{delivery}",
                ("notifications", _) => "{notification}",
                ("heartbeats", _) => "{heartbeat}",
                ("maintenance", _) => "{window}",
                ("notification-rules", _) => "high",
                _ => panic!("tests/it/house.rs: say in `existing` what stands for {part} in {path}"),
            }
            .to_owned(),
        );
    }
    out.join("/")
}
