//! An installation of PagerPal beside the build, set up through the library and served by the release binary.

use crate::history;
use harness::process::{Launch, Process, free_port};
use pagerpal::app::passes::LinkKey;
use pagerpal::app::users::NewUser;
use pagerpal::app::{App, AppError, Lane, Settings, Write, alert_sources, auth, policies, setup, teams, users};
use pagerpal::clock::{Clock, ScriptedClock, SystemClock};
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::Actor;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::id::{TeamId, UserId};
use pagerpal::domain::policy::{Level, Recipient};
use pagerpal::random::SystemRandom;
use pagerpal::store::Store;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A start may have to check a large file first.
pub const START: Duration = Duration::from_secs(120);

/// Nobody climbs a ladder while something is measured.
const DELAY_MINUTES: u16 = 24 * 60;

pub struct Site {
    folder: TempDir,
    port: u16,
    env: Vec<(&'static str, String)>,
}

/// The key of a source.
pub fn key(source: usize) -> String {
    format!("{source:032x}")
}

/// The number of the person whom a source pages.
pub fn number(source: usize) -> String {
    format!("49170{source:06}")
}

impl Site {
    /// With so many alert sources, each with a policy and one person of its own.
    pub fn new(sources: usize) -> Site {
        let site = Site { folder: folder(), port: free_port(), env: Vec::new() };
        let app = site.app(Arc::new(SystemClock::new()));
        app.write(Lane::People, move |tx| fill(tx, sources)).unwrap_or_else(|error| panic!("set-up: {error}"));
        site
    }

    /// Besides, so many alert sources of which each pages one person at once and another a minute later. Their keys and numbers
    /// begin at `first`; the second person's are those behind all of the first.
    pub fn add_ladders(&self, first: usize, count: usize) {
        let app = self.app(Arc::new(SystemClock::new()));
        app.write(Lane::People, move |tx| ladders(tx, first, count)).unwrap_or_else(|error| panic!("set-up: {error}"));
    }

    /// With teams, rotations and so many incidents, the last of them just now.
    pub fn with_history(incidents: usize) -> Site {
        let site = Site { folder: folder(), port: free_port(), env: Vec::new() };
        let now = SystemClock::new().now();
        let clock = ScriptedClock::at(now.plus_secs(-history::secs(incidents)));
        history::make(&site.app(Arc::new(clock.clone())), &clock, incidents);
        site
    }

    /// The library on this database.
    fn app(&self, clock: Arc<dyn Clock>) -> App {
        let random = Arc::new(SystemRandom);
        let store = Store::open(&self.database(), clock, random.clone()).expect("a new database");
        // Nothing is sent from here, so no link is ever made: the server has its own key.
        let link_key = LinkKey::new(b"bench");
        let (sending_enabled, retry_enabled, escalation_enabled) = (false, false, false);
        let settings = Settings { sending_enabled, retry_enabled, escalation_enabled, base_url: None, link_key };
        App::new(store, random, settings)
    }

    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.env.push((name, value.into()));
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("pagerpal.redb")
    }

    pub fn database_bytes(&self) -> u64 {
        std::fs::metadata(self.database()).expect("the database is there").len()
    }

    /// Serves with these settings and nobody else's; what is not set is as delivered, which is safe mode.
    pub async fn start(&self) -> Server {
        let launch = Launch::new(program("pagerpal"), self.folder.path())
            .clean_env()
            // As in the unit for systemd.
            .env("MALLOC_ARENA_MAX", "4")
            .env("DATA_DIR", self.folder.path())
            .env("LISTEN_ADDRESS", format!("127.0.0.1:{}", self.port))
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .arg("serve");
        Server::start(launch, self.port, None).await
    }
}

/// A server that answers, and is killed when this is dropped.
pub struct Server {
    pub process: Process,
    pub port: u16,
    _folder: Option<TempDir>,
}

impl Server {
    async fn start(launch: Launch, port: u16, folder: Option<TempDir>) -> Server {
        let mut process = launch.start();
        let answered = process.wait_until_answers(&format!("http://127.0.0.1:{port}/health"), START).await;
        answered.unwrap_or_else(|why| panic!("{why}"));
        Server { process, port, _folder: folder }
    }

    /// This very program, as a yardstick.
    pub async fn yardstick(name: &str) -> Server {
        let (folder, port) = (folder(), free_port());
        let launch = Launch::new(program("bench"), folder.path());
        let launch = launch.args(["yardstick", name, &port.to_string()]).arg(folder.path());
        Server::start(launch, port, Some(folder)).await
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

fn fill(tx: &mut Write<'_>, sources: usize) -> Result<(), AppError> {
    let (email, password) = history::ADMIN;
    let ada = NewUser {
        name: "Ada".to_owned(),
        email: Some(email.to_owned()),
        role: Role::Admin,
        zone: "UTC".to_owned(),
        password_hash: Some(auth::hash_password(password, [7; 16]).expect("hashing works")),
    };
    setup::create_first_admin(tx, &ada)?;
    let team = teams::create(tx, &Actor::SYSTEM, "Databases", &[])?;
    for source in 0..sources {
        let recipients = vec![Recipient::User(responder(tx, source)?)];
        let level = Level { number: 1, delay_minutes: DELAY_MINUTES, recipients };
        alert_source(tx, team, source, &[level])?;
    }
    Ok(())
}

fn ladders(tx: &mut Write<'_>, first: usize, count: usize) -> Result<(), AppError> {
    let team = teams::create(tx, &Actor::SYSTEM, "Ladders", &[])?;
    for source in first..first + count {
        let (at_once, later) = (responder(tx, source)?, responder(tx, source + count)?);
        let level =
            |number, delay_minutes, user| Level { number, delay_minutes, recipients: vec![Recipient::User(user)] };
        alert_source(tx, team, source, &[level(1, 1, at_once), level(2, DELAY_MINUTES, later)])?;
    }
    Ok(())
}

/// Reached by SMS at [`number`].
fn responder(tx: &mut Write<'_>, place: usize) -> Result<UserId, AppError> {
    let new = NewUser {
        name: format!("Responder {place}"),
        email: None,
        role: Role::Responder,
        zone: "UTC".to_owned(),
        password_hash: None,
    };
    let user = users::create(tx, &Actor::SYSTEM, &new)?;
    users::add_contact(tx, &Actor::SYSTEM, user, Channel::Sms, &format!("+{}", number(place)))?;
    Ok(user)
}

/// With a policy of its own and the key of its place.
fn alert_source(tx: &mut Write<'_>, team: TeamId, place: usize, levels: &[Level]) -> Result<(), AppError> {
    let basics = policies::Basics { repeat: 0, ..policies::Basics::named(&format!("Policy {place}")) };
    let policy = policies::create(tx, &Actor::SYSTEM, &basics, levels)?;
    let basics = alert_sources::Basics::named(&format!("Alertmanager {place}"), "alertmanager", team, policy);
    alert_sources::create(tx, &Actor::SYSTEM, &basics, &key(place)).map(drop)
}

/// Beside the build, because a commit costs nothing where /tmp is memory.
fn folder() -> TempDir {
    let here = program("");
    tempfile::Builder::new().prefix("bench-").tempdir_in(here).expect("the folder of the build can be written")
}

/// A program of the same build as this one.
fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("Linux tells a process its own file");
    this.parent().unwrap_or(Path::new(".")).join(name)
}
