//! An installation on disk: set up through the library while nothing runs, then served by the release binary.

use harness::browser::Browser;
use harness::http::{self, Answer};
use harness::infobip::FakeInfobip;
use harness::process::{Launch, Process, folder, free_port};
use harness::programs::{release_binary, repository};
use harness::smtp::MailServer;
use pagerpal::app::passes::LinkKey;
use pagerpal::app::users::NewUser;
use pagerpal::app::{App, AppError, Lane, Settings, Write, alert_sources, auth, policies, setup, teams, users};
use pagerpal::clock::SystemClock;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::Actor;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::id::{AlertSourceId, PolicyId, TeamId, UserId};
use pagerpal::domain::policy::{Level, Recipient};
use pagerpal::random::SystemRandom;
use pagerpal::store::{Store, Verified};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub const EMAIL: &str = "ada@example.test";
pub const PASSWORD: &str = "lamp otter bridge nine";
/// How long a start may take on a busy machine. A start that fails ends sooner: the process is watched.
pub const START: Duration = Duration::from_secs(30);

pub struct Site {
    folder: TempDir,
    pub port: u16,
    env: Vec<(String, String)>,
    app: Option<App>,
}

impl Site {
    /// An empty installation, open for being set up; [`Site::start`] closes it.
    pub fn new() -> Site {
        let mut site = Site { folder: folder("site"), port: free_port(), env: Vec::new(), app: None };
        site.open();
        site
    }

    /// The database, while nothing serves it.
    pub fn open(&mut self) -> &App {
        let path = self.database();
        self.app.get_or_insert_with(|| {
            let random = Arc::new(SystemRandom);
            let store = Store::open(&path, Arc::new(SystemClock::new()), random.clone()).expect("the database opens");
            let settings = Settings {
                sending_enabled: false,
                retry_enabled: false,
                escalation_enabled: false,
                base_url: None,
                link_key: LinkKey::new(b"a secret"),
            };
            App::new(store, random, settings)
        })
    }

    /// The application itself, for a test that serves it in its own process.
    pub fn take(&mut self) -> App {
        self.open();
        self.app.take().expect("just opened")
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("pagerpal.redb")
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub fn write<T: Send + 'static>(
        &mut self,
        work: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
    ) -> T {
        self.open().write(Lane::People, work).unwrap_or_else(|error| panic!("set-up: {error}"))
    }

    /// Ada, who may sign in as [`EMAIL`] with [`PASSWORD`]; the first of all users. Her mail address pages her.
    pub fn ada(&mut self) -> UserId {
        let hash = auth::hash_password(PASSWORD, [7; 16]).expect("hashing works");
        let new = NewUser {
            name: "Ada".to_owned(),
            email: Some(EMAIL.to_owned()),
            role: Role::Admin,
            zone: "UTC".to_owned(),
            password_hash: Some(hash),
        };
        self.write(move |tx| setup::create_first_admin(tx, &new))
    }

    /// Somebody without a login, reached by SMS.
    pub fn responder(&mut self, name: &str, number: &str) -> UserId {
        let new = NewUser {
            name: name.to_owned(),
            email: None,
            role: Role::Responder,
            zone: "UTC".to_owned(),
            password_hash: None,
        };
        let number = number.to_owned();
        self.write(move |tx| {
            let id = users::create(tx, &Actor::SYSTEM, &new)?;
            users::add_contact(tx, &Actor::SYSTEM, id, Channel::Sms, &number)?;
            Ok(id)
        })
    }

    pub fn contact(&mut self, user: UserId, channel: Channel, address: &str) {
        let address = address.to_owned();
        self.write(move |tx| users::add_contact(tx, &Actor::SYSTEM, user, channel, &address));
    }

    pub fn team(&mut self, name: &str) -> TeamId {
        let name = name.to_owned();
        self.write(move |tx| teams::create(tx, &Actor::SYSTEM, &name, &[]))
    }

    /// One person per level, a minute apart, climbed once.
    pub fn policy(&mut self, name: &str, people: &[UserId]) -> PolicyId {
        let level = |(index, user): (usize, &UserId)| Level {
            number: index as u8 + 1,
            delay_minutes: 1,
            recipients: vec![Recipient::User(*user)],
        };
        let levels: Vec<Level> = people.iter().enumerate().map(level).collect();
        let basics = policies::Basics { repeat: 0, ..policies::Basics::named(name) };
        self.write(move |tx| policies::create(tx, &Actor::SYSTEM, &basics, &levels))
    }

    pub fn source(&mut self, name: &str, kind: &str, team: TeamId, policy: PolicyId, key: &str) -> AlertSourceId {
        let basics = alert_sources::Basics::named(name, kind, team, policy);
        let key = key.to_owned();
        self.write(move |tx| alert_sources::create(tx, &Actor::SYSTEM, &basics, &key))
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env.push((name.to_owned(), value.into()));
    }

    /// Sends by this fake, and by nothing but what is set besides.
    pub fn sms_by(&mut self, fake: &FakeInfobip) {
        self.set("NOTIFICATION_SENDING_ENABLED", "true");
        self.set("INFOBIP_BASE_URL", fake.base_url());
        self.set("INFOBIP_API_KEY", fake.key());
        self.set("INFOBIP_SMS_SENDER", "PagerPal");
    }

    pub fn mail_by(&mut self, server: &MailServer) {
        self.set("NOTIFICATION_SENDING_ENABLED", "true");
        self.set("SMTP_HOST", "localhost");
        self.set("SMTP_PORT", server.port().to_string());
        self.set("SMTP_FROM", "PagerPal <pager@example.test>");
        self.set("SMTP_USERNAME", harness::smtp::USER);
        self.set("SMTP_PASSWORD", harness::smtp::PASSWORD);
        self.set("EXTRA_CA_FILE", server.certificate().display().to_string());
    }

    /// Every variable that the binary is started with.
    pub fn settings(&self) -> Vec<(String, String)> {
        let own = [
            ("DATA_DIR".to_owned(), self.folder.path().display().to_string()),
            ("LISTEN_ADDRESS".to_owned(), format!("127.0.0.1:{}", self.port)),
        ];
        own.into_iter().chain(self.env.iter().cloned()).collect()
    }

    /// The release binary with this installation's settings and nobody else's.
    pub fn launch(&self) -> Launch {
        Launch::new(release_binary("pagerpal"), self.folder.path()).clean_env().envs(self.settings())
    }

    /// Lets go of the database.
    pub fn close(&mut self) {
        self.app = None;
    }

    /// Serves, without waiting until it does.
    pub fn begin(&mut self) -> Process {
        self.app = None;
        self.launch().arg("serve").start()
    }

    pub async fn start(&mut self) -> Process {
        let mut process = self.begin();
        let answered = process.wait_until_answers(&self.url("/health"), START).await;
        answered.unwrap_or_else(|why| panic!("{why}\n{}", process.output()));
        process
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A webhook as a tool would post it.
    pub async fn post(&self, kind: &str, key: &str, body: &Value) -> std::io::Result<Answer> {
        let call = http::post(self.url(&format!("/api/v1/webhooks/{kind}")));
        call.header("x-api-key", key).json(body).send().await
    }

    /// As Ada, through the API, and no faster than it allows.
    pub async fn ask(&self, path: &str) -> Value {
        loop {
            let answer = http::get(self.url(path)).basic(EMAIL, PASSWORD).send().await.expect("an answer");
            if answer.status == 429 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            return answer.json();
        }
    }

    /// After the process has ended: every checksum, every index.
    pub fn verify(&mut self) -> Verified {
        self.open().verify().expect("the database can be read")
    }
}

/// For people to look at: `target/screenshots`.
pub async fn photograph(browser: &Browser, name: &str) {
    let folder = repository().join("target/screenshots");
    std::fs::create_dir_all(&folder).expect("a folder for pictures");
    browser.screenshot(folder.join(format!("{name}.png"))).await;
}

/// The whole page, on a desk and on a phone.
pub async fn photograph_whole(browser: &Browser, name: &str) {
    for (device, width) in [("desk", 1280), ("phone", 360)] {
        browser.resize(width, 640).await;
        let height = browser.run("return document.documentElement.scrollHeight").await;
        browser.resize(width, height.as_u64().unwrap_or(640).clamp(640, 8000) as u32).await;
        photograph(browser, &format!("{name}-{device}")).await;
    }
    browser.resize(1280, 900).await;
}
