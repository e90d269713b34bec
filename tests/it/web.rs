//! The surfaces, through the real router over a store in memory: who may call what, what senders of alerts are
//! answered, and what every response carries.
//!
//! The matrix is made from the route table itself. What a cell should be follows from the row's access, never from the
//! handler, so a row that lets in too many or too few is found, whichever page it leads to.

use crate::headers::wrong_header;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::{Router, response::Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use pagerpal::app::alert_sources::Basics;
use pagerpal::app::passes::LinkKey;
use pagerpal::app::users::NewUser;
use pagerpal::app::{App, AppError, Lane, Settings, Write, alert_sources, auth, intake, policies, setup, teams, users};
use pagerpal::bridge::{self, Bridge};
use pagerpal::clock::ScriptedClock;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::{Actor, Door};
use pagerpal::domain::id::UserId;
use pagerpal::domain::policy::{Level, Recipient};
use pagerpal::domain::session::Device;
use pagerpal::domain::time::Timestamp;
use pagerpal::egress::Egress;
use pagerpal::random::ScriptedRandom;
use pagerpal::store::Store;
use pagerpal::store::engine::map::MapEngine;
use pagerpal::store::engine::{self, Changes, Engine, Snapshot};
use pagerpal::web::address::Peer;
use pagerpal::web::routes::{self, Access, RouteSpec};
use pagerpal::web::session::Token;
use pagerpal::web::{Web, WebSettings, server};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;

pub const PASSWORD: &str = "lamp otter bridge nine";
pub const KEY: &str = "00112233445566778899aabbccddeeff";
const OFF_KEY: &str = "ffeeddccbbaa99887766554433221100";
const START: i64 = 1_780_000_000;

/// A PagerPal with an admin, a responder, a viewer, somebody deactivated, an active and an inactive alert source.
pub struct Site {
    web: Arc<Web>,
    router: Router,
    pub clock: ScriptedClock,
    pub people: BTreeMap<&'static str, UserId>,
    sessions: AtomicU64,
    disk: Disk,
}

impl Site {
    /// Without anybody in it; in safe mode, so that nothing leaves.
    fn empty(disk: &Disk) -> (Arc<Web>, ScriptedClock) {
        let clock = ScriptedClock::at(Timestamp::from_second(START));
        let random = Arc::new(ScriptedRandom::new(1));
        let store = Store::on_engine(Box::new(disk.clone()), Arc::new(clock.clone()), random.clone());
        let store = store.expect("the disk is still good");
        let switches = Settings {
            sending_enabled: false,
            retry_enabled: true,
            escalation_enabled: true,
            base_url: None,
            link_key: LinkKey::new(b"a secret"),
        };
        let app = Arc::new(App::new(store, random, switches));
        let egress = Arc::new(Egress::new(&[]).expect("no extra root to go wrong"));
        (Arc::new(Web::new(app, Bridge::new(2), egress, settings())), clock)
    }

    pub fn new() -> Site {
        let disk = Disk::default();
        let (web, clock) = Site::empty(&disk);
        let hash = auth::hash_password(PASSWORD, [7; 16]).expect("hashing works");
        let new = move |name: &str, role| NewUser {
            name: name.to_owned(),
            email: Some(format!("{name}@example.test")),
            role,
            zone: "UTC".to_owned(),
            password_hash: Some(hash.clone()),
        };
        let people = web
            .app
            .write(Lane::People, move |tx| {
                let mut people = BTreeMap::new();
                people.insert("admin", setup::create_first_admin(tx, &new("admin", Role::Admin))?);
                for (name, role) in [("responder", Role::Responder), ("viewer", Role::Viewer), ("gone", Role::Admin)] {
                    people.insert(name, users::create(tx, &Actor::SYSTEM, &new(name, role))?);
                }
                let responder = people["responder"];
                users::deactivate(tx, &Actor::SYSTEM, people["gone"])?;
                sources(tx, responder)?;
                Ok(people)
            })
            .expect("a site");
        let router = routes::router(Arc::clone(&web));
        Site { web, router, clock, people, sessions: AtomicU64::new(1), disk }
    }

    fn write<T: Send + 'static>(&self, work: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static) -> T {
        self.web.app.write(Lane::People, work).expect("it is written")
    }

    pub fn web(&self) -> &Web {
        &self.web
    }

    /// Everything that was ever written, the audit log apart, as a number that grows with each commit. That a program
    /// signed in may be noted at any time.
    pub fn commits(&self) -> u64 {
        self.disk.commits.load(Ordering::Relaxed)
    }

    fn session(&self, name: &str) -> Token {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&self.sessions.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let token = Token::new(bytes);
        let (user, kept) = (self.people[name], token.kept(&self.web.settings.session_key));
        self.write(move |tx| auth::open_session(tx, user, kept, &Device::default()));
        token
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.router, request).await
    }

    pub async fn alert(&self, headers: &[(&str, &str)], path: &str, body: impl Into<Body>) -> Answer {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).expect("a request")).await
    }

    /// As the admin, with headers besides.
    pub async fn api_with(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, basic("admin"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or(Body::empty(), |body| body.to_string().into());
        self.send(request.header(header::CONTENT_TYPE, "application/json").body(body).expect("a request")).await
    }

    /// The cookie of a new session.
    pub fn signed_in(&self, who: &str) -> String {
        cookie(&self.session(who))
    }

    /// What goes with a session's cookie.
    pub fn csrf_of(&self, cookie: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().expect("a header value"));
        Token::of(&headers, true).expect("a session's cookie").csrf()
    }

    /// As many password checks as may run or wait; none ends before [`PasswordChecks::end`].
    pub async fn password_checks(&self) -> PasswordChecks {
        let (end, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let mut checks = JoinSet::new();
        for _ in 0..PASSWORDS_AT_ONCE {
            let (bridge, gate) = (self.web.bridge.clone(), Arc::clone(&gate));
            checks.spawn(async move {
                let check = move || gate.lock().expect("no panic").recv().expect_err("only the end is awaited");
                bridge.run(bridge::Lane::Passwords, check).await.expect("there is room");
            });
        }
        // Each takes its place as soon as it is polled.
        tokio::task::yield_now().await;
        PasswordChecks { end, checks }
    }

    /// So many seconds from now, as JSON has it.
    pub fn clock_after(&self, secs: i64) -> String {
        self.web.app.now().plus_secs(secs).to_string()
    }

    /// With these headers and no other credential.
    pub async fn call_with(&self, headers: &[(&str, &str)], method: Method, path: &str, body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { body.to_string().into() };
        self.send(request.body(body).expect("a request")).await
    }

    /// As [`Site::api`], for whoever has seen this version of the thing.
    pub async fn api_seen(
        &self,
        method: Method,
        path: &str,
        who: &str,
        body: Option<Value>,
        seen: Option<&str>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, basic(who));
        if let Some(seen) = seen {
            request = request.header(header::IF_MATCH, seen);
        }
        let body = body.map_or(Body::empty(), |body| body.to_string().into());
        request = request.header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(body).expect("a request")).await
    }

    pub async fn api(&self, method: Method, path: &str, who: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, basic(who));
        let body = body.map_or(Body::empty(), |body| body.to_string().into());
        request = request.header(header::CONTENT_TYPE, "application/json");
        // Most tests change a thing whatever it is; what versions are for has a test of its own.
        request = request.header(header::IF_MATCH, "*");
        self.send(request.body(body).expect("a request")).await
    }
}

/// Memory that can be told to take no more.
#[derive(Clone, Default)]
struct Disk {
    memory: Arc<MapEngine>,
    is_full: Arc<AtomicBool>,
    commits: Arc<AtomicU64>,
}

impl Engine for Disk {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, engine::Error> {
        self.memory.snapshot()
    }

    fn commit(&self, read_from: &dyn Snapshot, changes: &Changes) -> Result<(), engine::Error> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(engine::Error::Unavailable("no space left on device".into()));
        }
        if changes.tables().any(|(table, _)| !table.0.starts_with("audit")) {
            self.commits.fetch_add(1, Ordering::Relaxed);
        }
        self.memory.commit(read_from, changes)
    }
}

fn sources(tx: &mut Write<'_>, responder: UserId) -> Result<(), AppError> {
    let system = &Actor::SYSTEM;
    let team = teams::create(tx, system, "Payments", &[responder])?;
    let level = Level { number: 1, delay_minutes: 5, recipients: vec![Recipient::User(responder)] };
    let policy = policies::create(tx, system, &policies::Basics::named("Payments"), &[level])?;
    let basics = |name: &str| Basics::named(name, "generic", team, policy);
    let off = alert_sources::create(tx, system, &basics("switched off"), OFF_KEY)?;
    alert_sources::set_active(tx, system, off, false)?;
    alert_sources::create(tx, system, &basics("prometheus"), KEY)?;
    Ok(())
}

const SECRET: &[u8] = b"a secret that only this test knows";

fn settings() -> WebSettings {
    WebSettings {
        base_url: Some("https://pager.example.test".into()),
        cookie_secure: true,
        allowed_origins: vec!["https://wall.example.test".into()].into(),
        is_trusted_proxy: Box::new(|address| address.is_loopback()),
        listens_on_loopback: false,
        read_call: pagerpal::notify::infobip::inbox::read_call,
        session_key: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET),
        sign_on: None,
    }
}

fn basic(who: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{who}@example.test:{PASSWORD}")))
}

/// One that runs on the [`Bridge`] of two cores, and a queue of 16.
const PASSWORDS_AT_ONCE: usize = 17;

pub struct PasswordChecks {
    end: mpsc::Sender<()>,
    checks: JoinSet<()>,
}

impl PasswordChecks {
    pub async fn end(self) {
        drop(self.end);
        self.checks.join_all().await;
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }

    pub fn text(&self) -> &str {
        &self.body
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

async fn send(router: &Router, mut request: Request<Body>) -> Answer {
    // Somewhere else, over https through the proxy on this machine: the way most people come.
    let through_proxy = Peer { address: SocketAddr::from(([127, 0, 0, 1], 40000)), is_tls: false };
    request.extensions_mut().insert(through_proxy);
    for (name, value) in [("host", "pager.example.test"), ("x-forwarded-proto", "https")] {
        if !request.headers().contains_key(name) {
            request.headers_mut().insert(name, value.parse().expect("a header value"));
        }
    }
    let response: Response = router.clone().oneshot(request).await.expect("the router always answers");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("it is whole").to_bytes();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
}

// The table of routes; `matrix` holds who may call what.

/// A path of the row: things that do not exist, so that no cell depends on what an earlier one did.
fn concrete(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "missing" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn cookie(token: &Token) -> String {
    let set = token.set_cookie(true);
    set.to_str().expect("ASCII").split(';').next().expect("a pair").to_owned()
}

#[test]
fn the_published_table_of_routes_is_the_one_in_the_binary() {
    let line = |row: RouteSpec| format!("{:<6} {:<56} {:?}", row.method.as_str(), row.path, row.access);
    let mut lines: Vec<String> = routes::table().into_iter().map(line).collect();
    lines.sort_by_key(|line| line.split_whitespace().rev().skip(1).map(str::to_owned).collect::<Vec<_>>());
    let table = lines.join("\n") + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/routes.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &table).expect("schema/ can be written");
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == table,
        "schema/routes.txt says who may call what, so that a changed permission is a changed line. \
         Run this test with UPDATE_GOLDEN=1 and look at the difference."
    );
}

#[tokio::test]
async fn unlisted_methods_are_405_unlisted_paths_404_and_head_is_where_get_is() {
    let site = Site::new();
    let table = routes::table();
    for row in &table {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let listed = table.iter().any(|other| {
                let is_head = method == Method::HEAD && other.method == Method::GET;
                other.path == row.path && (other.method == method || is_head)
            });
            let request = Request::builder().method(method.clone()).uri(concrete(row.path)).body(Body::empty());
            let answer = site.send(request.expect("a request")).await;
            let is_405 = answer.status == StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(is_405, !listed, "{method} {}: {}", row.path, answer.status);
            assert!(!is_405 || !answer.header("allow").is_empty(), "405 says what is allowed");
        }
        for near in [format!("{}/x/y/z", row.path), format!("/x{}", row.path), format!("{}/", concrete(row.path))] {
            let request = Request::get(concrete(&near)).body(Body::empty()).expect("a request");
            if !table.iter().any(|other| concrete(other.path) == concrete(&near)) {
                let answer = site.send(request).await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{near}");
                assert_eq!(wrong_header(&answer.headers), None, "{near}");
            }
        }
    }
}

#[tokio::test]
async fn hsts_is_for_https_alone_and_forwarding_headers_of_strangers_are_ignored() {
    let site = Site::new();
    for (peer, expected) in [([127, 0, 0, 1], "max-age=63072000"), ([192, 0, 2, 1], "")] {
        let mut request = Request::get("/health").header("x-forwarded-proto", "https").body(Body::empty()).expect("ok");
        request.extensions_mut().insert(Peer { address: SocketAddr::from((peer, 1)), is_tls: false });
        let response = site.router.clone().oneshot(request).await.expect("an answer");
        let hsts = response.headers().get("strict-transport-security").map_or("", |v| v.to_str().expect("ASCII"));
        assert_eq!(hsts, expected, "{peer:?}");
    }
}

#[tokio::test]
async fn listed_origins_may_use_the_api_and_no_others() {
    let site = Site::new();
    for (origin, allowed) in [("https://wall.example.test", true), ("https://evil.example.test", false)] {
        let preflight = Request::options("/api/v1/incidents")
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .body(Body::empty());
        let answer = site.send(preflight.expect("a request")).await;
        assert_eq!(answer.status == StatusCode::NO_CONTENT, allowed, "{origin}");
        assert_eq!(answer.headers.contains_key("access-control-allow-origin"), allowed, "{origin}");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));

        let act = Request::post("/api/v1/incidents/1/acknowledge")
            .header("origin", origin)
            .header("sec-fetch-site", "cross-site")
            .header(header::AUTHORIZATION, basic("responder"))
            .body(Body::empty());
        let expected = if allowed { StatusCode::NOT_FOUND } else { StatusCode::FORBIDDEN };
        assert_eq!(site.send(act.expect("a request")).await.status, expected, "{origin}");
    }
}

// Sessions, forms and passwords.

#[tokio::test]
async fn a_cookie_alone_changes_nothing() {
    let site = Site::new();
    let token = site.session("admin");
    let by_cookie = |row: &RouteSpec| {
        let has_session =
            !matches!(row.access, Access::Public | Access::Setup | Access::SourceKey | Access::Link | Access::Ping);
        row.method != Method::GET && has_session
    };
    for row in routes::table().iter().filter(|row| by_cookie(row)) {
        // There are more rows than calls a second.
        site.clock.advance(1);
        for (from, csrf) in [
            (Some("same-origin"), None),
            (Some("same-origin"), Some(Token::new([9; 32]).csrf())),
            (Some("cross-site"), Some(token.csrf())),
            (Some("same-site"), Some(token.csrf())),
            (None, None),
        ] {
            let mut request = Request::builder().method(row.method.clone()).uri(concrete(row.path));
            request = request.header("cookie", cookie(&token));
            if let Some(from) = from {
                request = request.header("sec-fetch-site", from);
            }
            let is_api = row.path.starts_with("/api/");
            let body = match csrf.clone() {
                Some(csrf) if is_api => {
                    request = request.header("x-csrf-token", csrf);
                    Body::empty()
                }
                Some(csrf) => Body::from(format!("csrf={csrf}")),
                None => Body::empty(),
            };
            let before = site.commits();
            let answer = site.send(request.body(body).expect("a request")).await;
            assert_eq!(answer.status, 403, "{} {} {from:?} {csrf:?}", row.method, row.path);
            assert_eq!(site.commits(), before, "{} {}", row.method, row.path);
        }
    }
}

#[tokio::test]
async fn a_cookie_with_the_token_of_its_session_acts() {
    let site = Site::new();
    site.alert(&[("x-api-key", KEY)], "/api/v1/webhooks/generic", r#"{"title":"Disk full"}"#).await;
    let token = site.session("responder");
    let act = Request::post("/api/v1/incidents/1/acknowledge")
        .header("cookie", cookie(&token))
        .header("origin", "https://pager.example.test")
        .header("x-csrf-token", token.csrf())
        .body(Body::empty());
    let answer = site.send(act.expect("a request")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (200, &json!("acknowledged")));
}

#[tokio::test]
async fn a_password_that_no_longer_counts_is_refused_at_the_next_call() {
    let site = Site::new();
    let jobs = async || site.api(Method::GET, "/api/v1/system/jobs", "viewer", None).await.status;
    assert_eq!(jobs().await, 200);
    assert_eq!(jobs().await, 200, "remembered");

    let viewer = site.people["viewer"];
    let hash = auth::hash_password("another lamp otter bridge", [8; 16]).expect("hashing works");
    let change = |hash: String| {
        let own = Actor::user(viewer, Role::Viewer, Door::Web);
        site.write(move |tx| {
            let old = users::one(tx, viewer)?.login.expect("a login").password_hash;
            users::change_password(tx, &own, &old, &hash, None)
        });
    };
    change(hash);
    assert_eq!(jobs().await, 401, "another password");

    let again = auth::hash_password(PASSWORD, [9; 16]).expect("hashing works");
    change(again);
    assert_eq!(jobs().await, 401, "still remembered under the old hash, which is gone");
    site.clock.advance(600);
    assert_eq!(jobs().await, 200);
    site.write(move |tx| users::deactivate(tx, &Actor::SYSTEM, viewer));
    assert_eq!(jobs().await, 401, "deactivated");
}

#[tokio::test]
async fn a_caller_who_asks_without_end_is_slowed_down() {
    let site = Site::new();
    let ask = async || site.api(Method::GET, "/api/v1/system/jobs", "viewer", None).await;
    for _ in 0..100 {
        assert_eq!(ask().await.status, 200);
    }
    let slowed = ask().await;
    assert_eq!((slowed.status.as_u16(), slowed.header("retry-after")), (429, "1"));
    site.clock.advance(1);
    assert_eq!(ask().await.status, 200);
}

#[tokio::test]
async fn guessing_is_throttled_before_anything_is_hashed() {
    let site = Site::new();
    let guess = async |who: &str| {
        let wrong = format!("Basic {}", STANDARD.encode(format!("{who}@example.test:wrong password")));
        let request = Request::get("/api/v1/system/jobs").header(header::AUTHORIZATION, wrong).body(Body::empty());
        site.send(request.expect("a request")).await
    };
    for _ in 0..5 {
        assert_eq!(guess("viewer").await.status, 401);
    }
    let throttled = guess("viewer").await;
    assert_eq!((throttled.status.as_u16(), throttled.header("retry-after")), (429, "12"));
    let known = guess("responder").await;
    let unknown = guess("stranger").await;
    let without_id = |answer: &Answer| {
        let mut body = answer.json();
        body["request_id"] = Value::Null;
        (answer.status, answer.header("www-authenticate").to_owned(), body)
    };
    assert_eq!(without_id(&known), without_id(&unknown), "nobody learns who has an account");
}

// Alerts.

#[tokio::test]
async fn an_alert_is_on_disk_before_it_is_answered() {
    let site = Site::new();
    let alert = |action: &str| {
        json!({"external_id": "disk-db1", "action": action, "severity": "critical", "title": "Disk full"}).to_string()
    };
    let send = async |action: &str| {
        let answer = site.alert(&[("x-api-key", KEY)], "/api/v1/webhooks/generic", alert(action)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    let created = send("trigger").await;
    let id = created["events"][0]["incident_id"].as_str().expect("an incident").to_owned();
    assert_eq!(
        created,
        json!({"status": "ok", "events": [
            {"external_id": "disk-db1", "action": "trigger", "result": "created", "incident_id": id},
        ]})
    );
    for (action, result) in [
        ("trigger", "updated"),
        ("acknowledge", "acknowledged"),
        ("acknowledge", "unchanged"),
        ("resolve", "resolved"),
        ("resolve", "unchanged"),
    ] {
        assert_eq!(send(action).await["events"][0]["result"], result, "{action}");
    }
    let one = site.api(Method::GET, &format!("/api/v1/incidents/{id}"), "viewer", None).await.json();
    assert_eq!((&one["status"], &one["severity"], &one["number"]), (&json!("resolved"), &json!("critical"), &json!(1)));
}

#[tokio::test]
async fn what_is_not_on_disk_is_never_answered_with_success_and_may_be_sent_again() {
    let site = Site::new();
    let send = async || {
        let headers = [("x-api-key", KEY), ("idempotency-key", "delivery-1")];
        site.alert(&headers, "/api/v1/webhooks/generic", r#"{"title":"Disk full"}"#).await
    };
    site.disk.is_full.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        let refused = send().await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "5"));
        assert!(!refused.body.contains("no space"), "the cause is for the operator: {}", refused.body);
    }
    let health = Request::get("/health").body(Body::empty()).expect("a request");
    assert_eq!(site.send(health).await.status, 503);
    let list = site.api(Method::GET, "/api/v1/incidents", "viewer", None).await;
    assert_eq!(list.json()["data"], json!([]), "reading goes on");

    site.disk.is_full.store(false, Ordering::Relaxed);
    assert_eq!(send().await.json()["events"][0]["result"], "created");
}

#[tokio::test]
async fn keys_come_in_five_forms_and_the_first_one_decides() {
    let site = Site::new();
    let basic = |key: &str| format!("Basic {}", STANDARD.encode(format!("sns:{key}")));
    let (bearer, genie, right, wrong) = (format!("Bearer {KEY}"), format!("GenieKey {KEY}"), basic(KEY), basic("no"));
    let path = "/api/v1/webhooks/generic";
    let in_query = format!("{path}?api_key={KEY}");
    let check = async |headers: &[(&str, &str)], path: &str, expected: u16| {
        let answer = site.alert(headers, path, r#"{"title":"x","action":"resolve"}"#).await;
        assert_eq!(answer.status, expected, "{headers:?} {path}");
        let challenge = if expected == 401 { r#"Basic realm="PagerPal alert source""# } else { "" };
        assert_eq!(answer.header("www-authenticate"), challenge);
    };
    check(&[("x-api-key", KEY)], path, 200).await;
    check(&[("authorization", &bearer)], path, 200).await;
    check(&[("authorization", &genie)], path, 200).await;
    check(&[("authorization", &right)], path, 200).await;
    check(&[], &in_query, 200).await;
    check(&[("x-api-key", "wrong"), ("authorization", &right)], &in_query, 401).await;
    check(&[("authorization", &wrong)], &in_query, 401).await;
    check(&[], path, 401).await;
    check(&[("x-api-key", OFF_KEY)], path, 403).await;
    let of_a_person = format!("Basic {}", STANDARD.encode(format!("admin@example.test:{PASSWORD}")));
    check(&[("authorization", &of_a_person)], path, 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_replaced_opens_nothing_in_that_very_second() {
    let site = Site::new();
    let post = async |key: &str| {
        let body = r#"{"title":"Disk full"}"#;
        site.alert(&[("x-api-key", key)], "/api/v1/webhooks/generic", body).await.status
    };
    assert_eq!(post(KEY).await, 200);
    let hash = pagerpal::app::sha256(KEY.as_bytes());
    let id = site.web.app.read(|read| intake::source_of_key(read, hash)).expect("read").expect("a source").id;
    let new = "fedcba9876543210fedcba9876543210";
    site.write(move |tx| alert_sources::regenerate_key(tx, &Actor::SYSTEM, id, new));
    assert_eq!(post(KEY).await, 401, "the old one");
    assert_eq!(post(new).await, 200, "the new one");
    site.write(move |tx| alert_sources::set_active(tx, &Actor::SYSTEM, id, false));
    assert_eq!(post(new).await, 403);
}

#[tokio::test]
async fn what_cannot_be_read_pages_all_the_same() {
    let site = Site::new();
    let long = vec![b'x'; 1024 * 1024 + 1];
    let bodies: Vec<(&str, &str, Vec<u8>)> = vec![
        ("empty", "generic", vec![]),
        ("broken", "alertmanager", b"{\"alerts\": [".to_vec()),
        ("compressed", "generic", vec![0x1f, 0x8b, 8, 0, 0, 0]),
        ("over a megabyte", "generic", long),
    ];
    for (what, kind, body) in bodies {
        let headers = [("x-api-key", KEY), ("content-encoding", "gzip")];
        let answer = site.alert(&headers, &format!("/api/v1/webhooks/{kind}"), body).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.body);
        let id = answer.json()["events"][0]["incident_id"].as_str().expect("an incident").to_owned();
        let one = site.api(Method::GET, &format!("/api/v1/incidents/{id}"), "viewer", None).await.json();
        assert_eq!(one["title"], "Unparsed alert from prometheus", "{what}");
    }
    let unknown_kind = site.alert(&[("x-api-key", KEY)], "/api/v1/webhooks/brand-new", r#"{"title":"Hello"}"#).await;
    assert_eq!(unknown_kind.json()["events"][0]["result"], "created");
    let put = Request::put("/api/v1/webhooks/grafana").header("x-api-key", KEY).body(r#"{"title":"Put"}"#.into());
    assert_eq!(site.send(put.expect("a request")).await.status, 200);
    let get = Request::get("/api/v1/webhooks/generic").header("x-api-key", KEY).body(Body::empty());
    assert_eq!(site.send(get.expect("a request")).await.status, 405);
}

#[tokio::test]
async fn a_repeated_delivery_gets_the_first_answer_and_changes_nothing() {
    let site = Site::new();
    let headers = [("x-api-key", KEY), ("idempotency-key", "delivery-1")];
    let send = async || site.alert(&headers, "/api/v1/webhooks/generic", r#"{"title":"Disk full"}"#).await.json();
    let first = send().await;
    assert_eq!(first["events"][0]["result"], "created");
    assert_eq!(send().await, first);
    let id = first["events"][0]["incident_id"].as_str().expect("an incident");
    let one = site.api(Method::GET, &format!("/api/v1/incidents/{id}"), "viewer", None).await.json();
    assert_eq!(one["event_count"], 1);
}

#[tokio::test]
async fn a_flood_is_told_to_come_back_and_never_told_that_it_is_wrong() {
    let site = Site::new();
    let send =
        async || site.alert(&[("x-api-key", KEY)], "/api/v1/webhooks/generic", r#"{"action":"ok","id":1}"#).await;
    for _ in 0..1000 {
        assert_eq!(send().await.status, 200);
    }
    let refused = send().await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "5"));
    site.clock.advance(1);
    assert_eq!(send().await.status, 200);
}

#[tokio::test]
async fn in_safe_mode_a_signature_is_not_checked_and_the_alert_says_so() {
    let site = Site::new();
    let alarm = json!({"AlarmName": "cpu", "NewStateValue": "ALARM", "AlarmArn": "arn:aws:cloudwatch:x"}).to_string();
    let message = |cert: &str| {
        json!({
            "Type": "Notification", "MessageId": cert, "TopicArn": "arn:aws:sns:eu-west-1:123456789012:ops",
            "Message": alarm, "Timestamp": "2026-06-02T00:00:00Z", "SignatureVersion": "1", "Signature": "AA==",
            "SigningCertURL": cert,
        })
        .to_string()
    };
    let send = async |cert: &str| {
        let answer = site.alert(&[("x-api-key", KEY)], "/api/v1/webhooks/cloudwatch", message(cert)).await;
        assert_eq!(answer.status, 200);
        answer.json()["events"][0]["result"].as_str().expect("a word").to_owned()
    };
    assert_eq!(send("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem").await, "created");
    assert_eq!(send("https://evil.example.test/cert.pem").await, "updated", "a wrong one pages too");
}

// Documents.

#[tokio::test]
async fn incidents_are_listed_in_pages_and_acted_on() {
    let site = Site::new();
    for n in 1..=5 {
        let body = json!({"external_id": format!("a{n}"), "title": format!("Alert {n}")}).to_string();
        site.alert(&[("x-api-key", KEY)], "/api/v1/webhooks/generic", body).await;
        site.clock.advance(1);
    }
    let act = async |path: &str, body: Value| site.api(Method::POST, path, "responder", Some(body)).await;
    assert_eq!(act("/api/v1/incidents/2/acknowledge", json!({})).await.json()["status"], "acknowledged");
    assert_eq!(act("/api/v1/incidents/2/acknowledge", json!({})).await.status, 200, "a state already reached");
    assert_eq!(act("/api/v1/incidents/3/resolve", json!({})).await.json()["status"], "resolved");

    let (mut numbers, mut cursor) = (Vec::new(), String::new());
    for _ in 0..10 {
        let path = format!("/api/v1/incidents?limit=2{cursor}");
        let list = site.api(Method::GET, &path, "viewer", None).await.json();
        numbers.extend(list["data"].as_array().expect("a list").iter().map(|one| one["number"].as_u64().expect("one")));
        match list["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(numbers, [5, 4, 1, 2, 3], "triggered, acknowledged, resolved; each the newest first");
    let one_status = site.api(Method::GET, "/api/v1/incidents?status=acknowledged", "viewer", None).await.json();
    assert_eq!(one_status["data"][0]["number"], 2);
    for bad in ["status=open", "cursor=x", "page=2"] {
        let answer = site.api(Method::GET, &format!("/api/v1/incidents?{bad}"), "viewer", None).await;
        assert_eq!(answer.status, 400, "{bad}");
    }

    let moved_on = act("/api/v1/incidents/1/escalate", json!({"expected_level": 7})).await;
    assert_eq!((moved_on.status.as_u16(), moved_on.header("content-type")), (409, "application/problem+json"));
    let viewer = site.people["viewer"].to_string();
    let refused = act("/api/v1/incidents/1/acknowledge", json!({"acting_as": viewer})).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["type"], "/problems/viewer_acting_as");
    assert_eq!(refused.json()["errors"][0]["pointer"], "/acting_as");
    assert_eq!(act("/api/v1/incidents/1/acknowledge", json!({"acting": 1})).await.status, 422);
    assert_eq!(act("/api/v1/incidents/99/acknowledge", json!({})).await.status, 404);
    let admin = site.people["admin"].to_string();
    let taken = act("/api/v1/incidents/1/acknowledge", json!({"acting_as": admin})).await.json();
    assert_eq!(taken["assignee"]["name"], "admin");
    assert_eq!(act("/api/v1/incidents/3/reopen", json!({})).await.json()["status"], "triggered");

    let told = site.api(Method::GET, "/api/v1/incidents/5", "viewer", None).await.json();
    let notification = told["notifications"][0]["id"].as_str().expect("a notification").to_owned();
    let retry = act(&format!("/api/v1/notifications/{notification}/retry"), json!({})).await;
    assert_eq!(retry.json()["type"], "/problems/not_retryable", "it is still queued");
}

#[tokio::test]
async fn programs_do_to_an_incident_what_people_do_on_its_page() {
    let site = Site::new();
    let body = json!({"external_id": "a1", "title": "Alert 1"}).to_string();
    site.alert(&[("x-api-key", KEY)], "/api/v1/webhooks/generic", body).await;
    let act = async |deed: &str, body: Value| {
        site.api(Method::POST, &format!("/api/v1/incidents/1/{deed}"), "responder", Some(body)).await
    };
    let refused = async |deed: &str, body: Value, problem: &str| {
        let answer = act(deed, body).await;
        assert_eq!(answer.json()["type"], format!("/problems/{problem}"), "{deed}: {}", answer.body);
    };
    let napping = act("snooze", json!({"minutes": 60})).await.json();
    assert_eq!((&napping["status"], &napping["assignee"]["name"]), (&json!("acknowledged"), &json!("responder")));
    let until = napping["snoozed_until"].as_str().expect("an instant").to_owned();
    assert_eq!(act("snooze", json!({"until": until})).await.json()["snoozed_until"], until);
    refused("snooze", json!({"minutes": 20_000}), "snooze_range").await;
    refused("snooze", json!({}), "required").await;
    refused("snooze", json!({"until": "2026-11-24T09:00:00.5Z"}), "time_form").await;
    let back = act("unacknowledge", json!({})).await.json();
    assert_eq!((&back["status"], &back["snoozed_until"]), (&json!("triggered"), &Value::Null));
    assert_eq!(act("unacknowledge", json!({})).await.status, 200, "a state already reached");

    refused("escalate", json!({"level": 98}), "level_missing").await;
    assert_eq!(act("severity", json!({"severity": "info"})).await.json()["severity"], "info");
    refused("severity", json!({"severity": "bad"}), "unknown").await;
    assert_eq!(act("notes", json!({"note": "looking"})).await.status, 200);
    refused("notes", json!({"note": " "}), "note_range").await;
    refused("reassign", json!({}), "required").await;
    refused("reassign", json!({"users": []}), "reassign_range").await;
    let gone = site.people["gone"].to_string();
    refused("reassign", json!({"users": [gone]}), "user_inactive").await;
    let policy = back["escalation_policy"]["id"].as_str().expect("an id").to_owned();
    let given = act("reassign", json!({"policy": policy})).await;
    assert_eq!(given.status, 200, "{}", given.body);
    assert_eq!(act("resolve", json!({})).await.json()["status"], "resolved");
    refused("snooze", json!({"minutes": 60}), "incident_resolved").await;
}

#[tokio::test]
async fn a_body_is_refused_when_it_is_too_long_or_no_json() {
    let site = Site::new();
    let send = async |kind: &str, body: Vec<u8>| {
        let request = Request::post("/api/v1/incidents/1/acknowledge")
            .header(header::AUTHORIZATION, basic("responder"))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body));
        site.send(request.expect("a request")).await.status.as_u16()
    };
    assert_eq!(send("application/json", vec![b' '; 64 * 1024 + 1]).await, 413);
    assert_eq!(send("application/x-www-form-urlencoded", b"{}".to_vec()).await, 415);
    assert_eq!(send("text/plain", b"{}".to_vec()).await, 415);
    assert_eq!(send("application/json", b"{".to_vec()).await, 400);
    assert_eq!(send("application/json; charset=utf-8", b"{}".to_vec()).await, 404);
}

#[tokio::test]
async fn health_is_told_to_everyone_and_its_reasons_to_this_machine() {
    let site = Site::new();
    let ask = async |path: &str| site.send(Request::get(path).body(Body::empty()).expect("a request")).await;
    let healthy = ask("/health").await;
    assert_eq!(healthy.status, 200);
    let body = json!({"status": "ok", "sending": "suppressed", "escalation": "on", "retry": "on"});
    assert_eq!(healthy.json(), body);
    assert_eq!(ask("/health?strict=1").await.status, 503, "safe mode, for an outside watcher");

    // The first level is due after five minutes, and no worker runs here.
    site.alert(&[("x-api-key", KEY)], "/api/v1/webhooks/generic", r#"{"title":"Disk full"}"#).await;
    site.clock.advance(600);
    let failing = ask("/health").await;
    assert_eq!(failing.status, 503);
    assert_eq!(failing.json()["problems"], Value::Null);

    let mut local = Request::get("/health").header("host", "localhost:8000").body(Body::empty()).expect("a request");
    local.extensions_mut().insert(Peer { address: SocketAddr::from(([127, 0, 0, 1], 1)), is_tls: false });
    let response = site.router.clone().oneshot(local).await.expect("an answer");
    let body = response.into_body().collect().await.expect("whole").to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("the worker escalation is"), "{body:?}");
}

#[tokio::test]
async fn a_panic_ends_one_request_and_is_found_by_its_number() {
    let (web, _) = Site::empty(&Disk::default());
    async fn trip() -> &'static str {
        panic!("on purpose, with an inside that nobody outside may see")
    }
    let table = vec![RouteSpec::get("/health", Access::Public, trip), RouteSpec::get("/trip", Access::Public, trip)];
    let router = routes::router_of(web, table);
    for path in ["/health", "/trip"] {
        let answer = send(&router, Request::get(path).body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.status, 500);
        assert_eq!(wrong_header(&answer.headers), None);
        assert!(answer.body.contains(answer.header("x-request-id")), "{}", answer.body);
        assert!(!answer.body.contains("on purpose"));
    }
}

#[tokio::test]
async fn the_type_of_a_problem_leads_somewhere() {
    let site = Site::new();
    for (code, expected) in [("level_number_taken", 200), ("unavailable", 200), ("<script>", 404), ("A", 404)] {
        let path = format!("/problems/{}", code.replace('<', "%3C").replace('>', "%3E"));
        let answer = site.send(Request::get(path).body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.status, expected, "{code}");
    }
}

// Connections.

/// A server on a port of its own, and what stops it.
async fn serving(web: Arc<Web>) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = server::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (stop, stopped) = oneshot::channel();
    let serve = tokio::spawn(server::serve(web, listener, None, async {
        let _ = stopped.await;
    }));
    (address, stop, serve)
}

/// Sends bytes and reads one answer, up to the end of its body.
async fn exchange(stream: &mut TcpStream, request: &[u8]) -> String {
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    let read = async {
        loop {
            let text = String::from_utf8_lossy(&answer).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length =
                    head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0) {
                    return text;
                }
            }
            let mut chunk = [0; 4096];
            match reading.read(&mut chunk).await {
                Ok(0) | Err(_) => return text,
                Ok(read) => answer.extend_from_slice(&chunk[..read]),
            }
        }
    };
    let write = async {
        let _ = writing.write_all(request).await;
    };
    tokio::join!(write, read).1
}

#[tokio::test]
async fn a_server_answers_refuses_floods_of_headers_and_ends_when_told() {
    let site = Site::new();
    let (address, stop, serve) = serving(Arc::clone(&site.web)).await;
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    for _ in 0..2 {
        let answer = exchange(&mut stream, b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    let long = format!("GET /health HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(17 * 1024));
    let mut other = TcpStream::connect(address).await.expect("it listens");
    let answer = exchange(&mut other, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");

    let body = vec![b'x'; 3 * 1024 * 1024];
    let head = format!(
        "POST /api/v1/webhooks/generic HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut sender = TcpStream::connect(address).await.expect("it listens");
    let answer = exchange(&mut sender, &[head.as_bytes(), &body].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "a body that is too long pages: {answer}");

    stop.send(()).expect("it still serves");
    serve.await.expect("it ends although connections are open");
    assert_eq!(stream.read(&mut [0; 16]).await.expect("closed, not cut"), 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn use_of_a_session_is_written_down_by_the_server_and_by_no_request() {
    let site = Site::new();
    let token = site.session("viewer");
    let (address, stop, serve) = serving(Arc::clone(&site.web)).await;
    site.clock.advance(3600);
    let before = site.commits();
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET /api/v1/incidents HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n\r\n", cookie(&token));
    assert!(exchange(&mut stream, request.as_bytes()).await.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(site.commits(), before);
    stop.send(()).expect("it still serves");
    serve.await.expect("it ends");
    let kept = token.kept(&site.web.settings.session_key);
    let (session, _) = site.web.app.read(|read| auth::session(read, kept)).expect("read").expect("it is good");
    assert_eq!(session.used_at, Timestamp::from_second(START + 3600));
}
