//! The pages, as a browser without scripts uses them: forms are found on the page, filled in and sent to where their
//! buttons say, through the real router over a store in memory.

mod access;
mod audit;
mod incidents;
mod people;
mod policies;
mod preferences;
mod schedules;
mod settings;
mod sources;
mod stale;
mod teams;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use pagerpal::app::passes::LinkKey;
use pagerpal::app::users::NewUser;
use pagerpal::app::{App, Lane, Settings, auth, setup, users};
use pagerpal::bridge::Bridge;
use pagerpal::clock::ScriptedClock;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::Actor;
use pagerpal::domain::id::UserId;
use pagerpal::domain::time::Timestamp;
use pagerpal::egress::Egress;
use pagerpal::random::ScriptedRandom;
use pagerpal::store::Store;
use pagerpal::web::address::Peer;
use pagerpal::web::{Web, WebSettings, routes};
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt;

const PASSWORD: &str = "lamp otter bridge nine";

/// Tuesday 24 November 2026, 02:14:22 in UTC.
const START: i64 = 1_795_486_462;

pub struct Site {
    web: Arc<Web>,
    router: Router,
    pub clock: ScriptedClock,
}

impl Site {
    /// Nobody exists yet.
    fn fresh() -> Site {
        let clock = ScriptedClock::at(Timestamp::from_second(START));
        let random = Arc::new(ScriptedRandom::new(1));
        let store = Store::in_memory(Arc::new(clock.clone()), random.clone());
        let switches = Settings {
            sending_enabled: false,
            retry_enabled: true,
            escalation_enabled: false,
            base_url: Some("https://pager.example.test".into()),
            link_key: LinkKey::new(b"a secret"),
        };
        let app = Arc::new(App::new(store, random, switches));
        let egress = Arc::new(Egress::new(&[]).expect("no extra root to go wrong"));
        let settings = WebSettings {
            base_url: Some("https://pager.example.test".into()),
            cookie_secure: false,
            allowed_origins: vec![].into(),
            is_trusted_proxy: Box::new(|_| false),
            listens_on_loopback: true,
            read_call: pagerpal::notify::infobip::inbox::read_call,
            session_key: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"a secret that only this test knows"),
            sign_on: None,
        };
        let web = Arc::new(Web::new(app, Bridge::new(2), egress, settings));
        Site { router: routes::router(Arc::clone(&web)), web, clock }
    }

    /// Ana is admin, Bo a responder who cannot sign in, Vic a viewer.
    pub fn staffed() -> Site {
        let site = Site::fresh();
        let hash = auth::hash_password(PASSWORD, [7; 16]).expect("hashing works");
        let new = move |name: &str, role, login: bool| NewUser {
            name: name.to_owned(),
            email: Some(format!("{}@example.test", name.to_lowercase())),
            role,
            zone: "Europe/Berlin".to_owned(),
            password_hash: login.then(|| hash.clone()),
        };
        let made = site.web.app.write(Lane::People, move |tx| {
            setup::create_first_admin(tx, &new("Ana", Role::Admin, true))?;
            users::create(tx, &Actor::SYSTEM, &new("Bo", Role::Responder, false))?;
            users::create(tx, &Actor::SYSTEM, &new("Rea", Role::Responder, true))?;
            users::create(tx, &Actor::SYSTEM, &new("Vic", Role::Viewer, true))
        });
        made.expect("people are made");
        site
    }

    pub fn id_of(&self, name: &str) -> UserId {
        let people = self.web.app.read(|read| users::all(read)).expect("people can be read");
        people.iter().find(|user| user.name == name).unwrap_or_else(|| panic!("{name} exists")).id
    }

    fn stranger(&self) -> Visitor<'_> {
        Visitor { site: self, cookie: String::new(), csrf: String::new() }
    }

    pub async fn sign_in(&self, name: &str) -> Visitor<'_> {
        let mut visitor = self.stranger();
        let email = format!("{}@example.test", name.to_lowercase());
        let answer = visitor.post("/login", &[("email", &email), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        visitor.keep_cookie(&answer);
        let page = visitor.get("/dashboard").await;
        visitor.csrf = between(&page.body, "name=\"csrf\" value=\"", "\"").to_owned();
        visitor
    }
}

/// Somebody in front of a browser.
pub struct Visitor<'a> {
    site: &'a Site,
    cookie: String,
    csrf: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    pub fn has(&self, text: &str) -> &Answer {
        assert!(self.body.contains(text), "{text:?} is not on the page ({}): {}", self.status, self.body);
        self
    }

    pub fn has_not(&self, text: &str) -> &Answer {
        assert!(!self.body.contains(text), "{text:?} is on the page: {}", self.body);
        self
    }

    pub fn is(&self, status: StatusCode) -> &Answer {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

impl Visitor<'_> {
    fn keep_cookie(&mut self, answer: &Answer) {
        let set = answer.headers.get(header::SET_COOKIE).expect("a session begins").to_str().expect("ASCII");
        self.cookie = set.split(';').next().expect("a pair").to_owned();
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, String::new()).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("csrf", &self.csrf);
        form.extend_pairs(fields);
        self.send(Method::POST, path, form.finish()).await
    }

    /// Posts, follows to the page that shows what came of it, and answers its path and content.
    pub async fn done(&self, path: &str, fields: &[(&str, &str)]) -> (String, Answer) {
        let answer = self.post(path, fields).await;
        answer.is(StatusCode::SEE_OTHER);
        let path = answer.location().to_owned();
        let page = self.get(&path).await;
        page.is(StatusCode::OK);
        (path, page)
    }

    async fn send(&self, method: Method, path: &str, body: String) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost:8000")
            .header(header::COOKIE, &self.cookie)
            .header("sec-fetch-site", "same-origin")
            .extension(Peer { address: SocketAddr::from(([127, 0, 0, 1], 40000)), is_tls: false })
            .body(Body::from(body))
            .expect("a request");
        let response = self.site.router.clone().oneshot(request).await.expect("the router always answers");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("it is whole").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&bytes).into_owned() }
    }
}

pub fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let start = text.find(before).unwrap_or_else(|| panic!("{before:?} is in {text}")) + before.len();
    let end = text[start..].find(after).expect("it ends") + start;
    &text[start..end]
}

/// A team with Ana and Bo, a policy of two levels, an alert source; answers the source's path and key.
async fn set_up(ana: &Visitor<'_>) -> (String, String) {
    let (ana_id, bo_id) = (ana.site.id_of("Ana").to_string(), ana.site.id_of("Bo").to_string());
    let (team, _) = ana.done("/teams", &[("name", "Payments")]).await;
    ana.done(&format!("{team}/members"), &[("user", &ana_id)]).await;
    let level = [("name", "Payments 24×7"), ("number", "1"), ("delay", "5"), ("recipients", ana_id.as_str())];
    let (policy, _) = ana.done("/escalation-policies", &level).await;
    let level = [("number", "2"), ("delay", "10"), ("recipients", ""), ("recipients", bo_id.as_str())];
    let (_, page) = ana.done(&format!("{policy}/levels"), &level).await;
    page.has("Level 2").has("5:00").has("Again from level 1, twice more");
    let then = ana.get(&format!("{policy}?at=2026-03-02T03:16&urgency=low")).await;
    then.has("The ladder on").has("Mon 2 Mar").has("Level 2").has("Last resort");
    let team_id = team.rsplit('/').next().expect("an id");
    let policy_id = policy.rsplit('/').next().expect("an id");
    let source = [
        ("name", "alertmanager-prod"),
        ("kind", "alertmanager"),
        ("team", team_id),
        ("policy", policy_id),
        ("default_severity", "critical"),
    ];
    let answer = ana.post("/alert-sources", &source).await;
    answer.is(StatusCode::OK);
    let key = between(&answer.body, "<pre class=\"key\">", "</pre>").to_owned();
    (format!("/alert-sources/{}", between(&answer.body, "action=\"/alert-sources/", "/")), key)
}

/// Sends a test alert; answers the incident's path.
async fn alert(ana: &Visitor<'_>, source: &str) -> String {
    let (incident, page) = ana.done(&format!("{source}/test-alert"), &[]).await;
    page.has("TEST").has("Needs someone");
    incident
}

#[tokio::test]
async fn the_first_visitor_becomes_admin_and_is_signed_in() {
    let site = Site::fresh();
    let mut visitor = site.stranger();
    assert_eq!(visitor.get("/").await.location(), "/dashboard");
    assert_eq!(visitor.get("/dashboard").await.location(), "/login?next=%2Fdashboard");
    let page = visitor.get("/login").await;
    page.is(StatusCode::OK).has("Create the first admin").has_not("Setup code");

    let form = [("name", "Ana"), ("email", "ana@example.test"), ("password", "short"), ("zone", "Europe/Berlin")];
    let answer = visitor.post("/login", &form).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("Choose a password of 12 to 128 characters.");
    answer.has("value=\"Ana\"").has("value=\"ana@example.test\"").has_not("short");
    let form = [("name", "Ana"), ("email", "ana@example.test"), ("password", PASSWORD), ("zone", "Europe/Berlin")];
    let answer = visitor.post("/login", &form).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/dashboard"));
    visitor.keep_cookie(&answer);
    let page = visitor.get("/dashboard").await;
    page.has("All quiet.").has("Create a team").has("Safe mode: nobody is contacted").has("Escalation is off");
    // The door closes behind the first.
    site.stranger().get("/login").await.has("Sign in").has_not("first admin");
}

#[tokio::test]
async fn wrong_credentials_read_alike_and_signing_out_ends_the_session() {
    let site = Site::staffed();
    let stranger = site.stranger();
    let wrong = "Email and password do not match an active account.";
    for (email, password) in
        [("ana@example.test", "wrong"), ("bo@example.test", PASSWORD), ("nobody@example.test", PASSWORD)]
    {
        let answer = stranger.post("/login", &[("email", email), ("password", password)]).await;
        answer.is(StatusCode::UNPROCESSABLE_ENTITY).has(wrong).has(email).has_not(PASSWORD);
    }
    let fields = [("email", "ana@example.test"), ("password", PASSWORD), ("next", "/incidents?status=resolved")];
    assert_eq!(stranger.post("/login", &fields).await.location(), "/incidents?status=resolved");
    let fields = [("email", "ana@example.test"), ("password", PASSWORD), ("next", "https://evil.example")];
    assert_eq!(stranger.post("/login", &fields).await.location(), "/dashboard");

    let ana = site.sign_in("Ana").await;
    assert_eq!(ana.get("/login?next=/teams").await.location(), "/teams");
    assert_eq!(ana.post("/logout", &[]).await.location(), "/login");
    assert!(ana.get("/dashboard").await.location().starts_with("/login"));
}

#[tokio::test]
async fn a_key_is_shown_once() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (source, key) = set_up(&ana).await;
    assert_eq!(key.len(), 32);
    let tail = &key[28..];
    let page = ana.get(&source).await;
    page.has(&format!("…{tail}")).has_not(&key).has("never received").has("right now this would page Ana");
    page.has("https://pager.example.test/api/v1/webhooks/alertmanager");
    let answer = ana.post(&format!("{source}/regenerate-key"), &[]).await;
    let second = between(&answer.body, "<pre class=\"key\">", "</pre>").to_owned();
    assert_ne!(second, key);
    ana.get(&source).await.has_not(&second);

    let (_, page) = ana.done(&format!("{source}/deactivate"), &[]).await;
    page.has("inactive").has("Activate").has_not("Send test alert");
    // Of two sources with one name the second is refused, and what was typed is still there.
    let form = [("name", "alertmanager-prod"), ("kind", "grafana"), ("team", "x"), ("default_severity", "info")];
    ana.post("/alert-sources", &form).await.is(StatusCode::UNPROCESSABLE_ENTITY).has("Choose one that is on the list.");
}

#[tokio::test]
async fn an_incident_is_taken_escalated_resolved_and_reopened_from_its_page() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (source, _) = set_up(&ana).await;
    let incident = alert(&ana, &source).await;
    let bo = site.id_of("Bo").to_string();
    let page = ana.get(&incident).await;
    page.has("Escalate calls Bo (level 2) now; Ana is passed over.").has("selected>Ana (you)</option>");
    page.has("Why me?").has("named there").has("Notification log");
    ana.get("/dashboard").await.has("1 needs someone.").has(&format!("formaction=\"{incident}/acknowledge\""));

    // Two clicks on what both saw climb one level.
    let (_, page) = ana.done(&format!("{incident}/escalate"), &[("expected_level", "1")]).await;
    page.has("Ana escalated past level 1.");
    let answer = ana.post(&format!("{incident}/escalate"), &[("expected_level", "1")]).await;
    answer.is(StatusCode::CONFLICT).has("Already escalated: this incident is at level 2 now.");

    let (_, page) = ana.done(&format!("{incident}/acknowledge"), &[("acting_as", &bo)]).await;
    page.has("Bo acknowledged, recorded by Ana.").has("Bo has it");
    let (_, page) = ana.done(&format!("{incident}/resolve"), &[]).await;
    page.has("Resolved by Ana").has("Reopen").has_not(">Acknowledge<");
    let answer = ana.post(&format!("{incident}/acknowledge"), &[]).await;
    answer.is(StatusCode::CONFLICT).has("was resolved by Ana").has("Reopen");
    ana.get("/incidents").await.has("Nothing open.");
    ana.get("/incidents?status=resolved").await.has("alertmanager-prod works");
    let (_, page) = ana.done(&format!("{incident}/reopen"), &[]).await;
    page.has("Ana reopened this.").has("Needs someone");

    let vic = site.id_of("Vic").to_string();
    let answer = ana.post(&format!("{incident}/acknowledge"), &[("acting_as", &vic)]).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("Vic is a viewer and does not act on incidents.");
}

#[tokio::test]
async fn an_incident_is_snoozed_given_away_and_judged_from_its_page() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (source, _) = set_up(&ana).await;
    let incident = alert(&ana, &source).await;
    let bo = site.id_of("Bo").to_string();
    ana.get(&incident).await.has("Snooze, reassign, severity, note").has_not("Give back");

    let (_, page) = ana.done(&format!("{incident}/snooze"), &[("for", "60"), ("acting_as", &bo)]).await;
    page.has("Bo snoozed this until").has("Bo has it").has("Give back");
    ana.done(&format!("{incident}/snooze"), &[("for", "tomorrow")]).await.1.has("Ana snoozed this until");
    let answer = ana.post(&format!("{incident}/snooze"), &[("until", "soon"), ("note", "kept")]).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("id=\"more-until-problem\"").has("kept</textarea>");
    let (_, page) = ana.done(&format!("{incident}/unacknowledge"), &[]).await;
    page.has("Ana gave this back; people are called again.").has("Needs someone");

    let (_, page) = ana.done(&format!("{incident}/reassign"), &[("to", &bo)]).await;
    page.has("Ana gave this to Bo.").has("given to this person");
    let answer = ana.post(&format!("{incident}/reassign"), &[("to", "")]).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("Choose who gets it");
    let (_, page) = ana.done(&format!("{incident}/escalate-to"), &[("expected_level", "1"), ("level", "2")]).await;
    page.has("Ana escalated past level 1.");
    let answer = ana.post(&format!("{incident}/escalate-to"), &[("expected_level", "1"), ("level", "2")]).await;
    answer.is(StatusCode::CONFLICT).has("Already escalated: this incident is at level 2 now.");
    let (_, page) = ana.done(&format!("{incident}/severity"), &[("severity", "info")]).await;
    page.has("Ana set the severity from").has("to info.");
    let (_, page) = ana.done(&format!("{incident}/note"), &[("note", "It is the <b>backup</b>.")]).await;
    page.has("Ana noted: It is the &#60;b&#62;backup&#60;/b&#62;.");

    let (_, page) = ana.done(&format!("{incident}/resolve"), &[]).await;
    page.has("Add note").has_not("for 15 min");
}

#[tokio::test]
async fn a_long_list_goes_on_where_it_ended() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (_, key) = set_up(&ana).await;
    for number in 0..51 {
        site.clock.advance(1);
        let body = format!("{{\"external_id\": \"{number}\", \"title\": \"alert {number}.\"}}");
        let request = Request::post("/api/v1/webhooks/generic").header("x-api-key", &key).body(Body::from(body));
        let answer = site.router.clone().oneshot(request.expect("a request")).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
    }
    ana.get("/incidents").await.has("alert 0.").has("alert 50.").has_not("Older incidents");
    let first = ana.get("/incidents?status=triggered").await;
    first.has("alert 50.").has("alert 1.").has_not("alert 0.");
    let older = between(&first.body, "class=\"button\" href=\"", "\"").replace("&#38;", "&").replace("&amp;", "&");
    ana.get(&older).await.has("alert 0.").has_not("alert 1.").has_not("Older incidents");
    ana.get("/incidents?status=triggered&after=nonsense!").await.has("alert 50.");
}

#[tokio::test]
async fn controls_are_absent_for_roles_that_may_not_use_them() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (source, _) = set_up(&ana).await;
    let incident = alert(&ana, &source).await;
    let user = format!("/users/{}", site.id_of("Bo"));
    let (rea, vic) = (site.sign_in("Rea").await, site.sign_in("Vic").await);

    rea.get(&incident).await.has("Acting as").has(">Resolve<");
    vic.get(&incident).await.is(StatusCode::OK).has_not("Acting as").has_not(">Resolve<").has("Why me?");
    vic.post(&format!("{incident}/resolve"), &[]).await.is(StatusCode::FORBIDDEN);

    for visitor in [&rea, &vic] {
        for path in ["/users", &user, "/teams", "/schedules", "/escalation-policies", "/alert-sources", &source] {
            let page = visitor.get(path).await;
            page.is(StatusCode::OK);
            assert_eq!(page.body.matches("<form").count(), 1, "{path}: only the one to sign out: {}", page.body);
        }
        visitor.get("/alert-sources/new").await.is(StatusCode::FORBIDDEN);
        visitor.post("/teams", &[("name", "Mine")]).await.is(StatusCode::FORBIDDEN);
    }
    rea.get(&user).await.has("bo@example.test");
    vic.get(&user).await.has("b…@example.test").has_not("bo@example.test");
}

#[tokio::test]
async fn people_are_added_reached_and_deactivated() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let form = [("name", "Caro"), ("role", "responder"), ("zone", "Nowhere"), ("phone", "0170 1")];
    let answer = ana.post("/users", &form).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("Nowhere is not a place.").has("value=\"Caro\"");
    let form = [("name", "Caro"), ("role", "responder"), ("zone", "UTC"), ("phone", "0170 1")];
    let answer = ana.post("/users", &form).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("id=\"user-phone-problem\"").has("international form");
    let form = [("name", "Caro"), ("role", "responder"), ("zone", "UTC"), ("phone", "+49 170 1234567")];
    let (caro, page) = ana.done("/users", &form).await;
    page.has("+491701234567").has("no sign-in");

    let contact = between(&page.body, &format!("{caro}/contacts/"), "/").to_owned();
    let (_, page) = ana.done(&format!("{caro}/contacts/{contact}/disable"), &[]).await;
    page.has("Switch on");
    ana.get("/users").await.has("cannot be paged");
    ana.done(&format!("{caro}/contacts/{contact}/remove"), &[]).await.1.has("Caro cannot be paged");
    let answer = ana.post(&format!("{caro}/contacts"), &[("channel", "email"), ("address", "caro")]).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("id=\"contact-address-problem\"").has("value=\"caro\"");

    let (_, page) = ana.done(&format!("{caro}/deactivate"), &[]).await;
    page.has("Reactivate Caro");
    let own = format!("/users/{}", site.id_of("Ana"));
    let answer = ana.post(&format!("{own}/deactivate"), &[]).await;
    answer.is(StatusCode::CONFLICT).has("Ana is the only active admin.").has("value=\"ana@example.test\"");

    // A viewer's own contact methods and password are the viewer's business, nobody else's are.
    let vic = site.sign_in("Vic").await;
    let mine = format!("/users/{}", site.id_of("Vic"));
    vic.get(&mine).await.has("Add contact method").has("vic@example.test").has_not("Deactivate");
    vic.done(&format!("{mine}/contacts"), &[("channel", "sms"), ("address", "+49 170 7654321")]).await;
    vic.post(&format!("{own}/password"), &[("current_password", PASSWORD), ("new_password", PASSWORD)])
        .await
        .is(StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_policy_is_edited_level_by_level() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    set_up(&ana).await;
    let page = ana.get("/escalation-policies").await;
    let policy = format!("/escalation-policies/{}", between(&page.body, "href=\"/escalation-policies/pol_", "\""));
    let policy = policy.replace("/escalation-policies/", "/escalation-policies/pol_");
    let bo = site.id_of("Bo").to_string();
    let taken = [("number", "2"), ("delay", "7"), ("recipients", bo.as_str())];
    let answer = ana.post(&format!("{policy}/levels"), &taken).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("Level 2 already exists in this policy.").has("value=\"7\"");
    let answer = ana.post(&format!("{policy}/levels"), &[("number", "3"), ("delay", "7"), ("recipients", "")]).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("id=\"level-recipients-problem\"");
    let (_, page) =
        ana.done(&format!("{policy}/levels/2"), &[("number", "4"), ("delay", "7"), ("recipients", &bo)]).await;
    page.has("Level 4").has_not("Level 2");
    ana.done(&format!("{policy}/levels/4/remove"), &[]).await.1.has_not("Level 4");
    let basics = [("name", "Payments"), ("repeat", "0"), ("repage_minutes", "3"), ("last_resort", bo.as_str())];
    let answer = ana.post(&policy, &basics).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("Page the last resort again after 5 to 1440 minutes.");
    let basics = [("name", "Payments"), ("repeat", "0"), ("repage_minutes", "30"), ("last_resort", bo.as_str())];
    ana.done(&policy, &basics).await.1.has("Bo: ").has("Paged every 30 min until somebody takes it.");
    let answer = ana.post(&format!("{policy}/delete"), &[]).await;
    answer.is(StatusCode::CONFLICT).has("is still used by alert source alertmanager-prod");
}

#[tokio::test]
async fn a_schedule_shows_two_weeks_with_its_gaps_in_its_own_zone() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (team, _) = ana.done("/teams", &[("name", "Payments")]).await;
    let team_id = team.rsplit('/').next().expect("an id").to_owned();
    let form = [("name", "Primary"), ("team", &team_id), ("zone", "EST"), ("fallback", "")];
    ana.post("/schedules", &form).await.is(StatusCode::UNPROCESSABLE_ENTITY).has("EST is not a place.");
    let form = [("name", "Primary"), ("team", &team_id), ("zone", "America/New_York"), ("fallback", "")];
    let (schedule, page) = ana.done("/schedules", &form).await;
    page.has("Nobody").has("class=\"gap\"");

    let (ana_id, bo_id) = (site.id_of("Ana").to_string(), site.id_of("Bo").to_string());
    let entry = [("user", ana_id.as_str()), ("start", "2026-11-23T09:00"), ("end", "2026-11-27T09:00")];
    let (_, page) = ana.done(&format!("{schedule}/entries"), &entry).await;
    page.has("until Fri 09:00, then nobody").has("Mon 23 Nov 2026, 09:00:00 EST");
    let clash = [("user", bo_id.as_str()), ("start", "2026-11-24T09:00"), ("end", "2026-11-24T18:00")];
    let answer = ana.post(&format!("{schedule}/entries"), &clash).await;
    answer.is(StatusCode::CONFLICT).has("Ana is already entered").has("value=\"2026-11-24T18:00\"");
    let odd = [("user", bo_id.as_str()), ("start", "2027-03-14T02:30"), ("end", "2027-03-15T02:30")];
    let answer = ana.post(&format!("{schedule}/overrides"), &odd).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("clocks jump from 01:59 to 03:00").has("override-start-problem");

    let cover = [
        ("user", bo_id.as_str()),
        ("from", ana_id.as_str()),
        ("start", "2026-11-24T09:00"),
        ("end", "2026-11-25T09:00"),
        ("note", "dentist"),
    ];
    let (_, page) = ana.done(&format!("{schedule}/overrides"), &cover).await;
    page.has("stands in for Ana").has("dentist").has("in the place of Ana");
    ana.get("/schedules").await.has("1 gap").has("Ana");
    let removal = between(&page.body, &format!("action=\"{schedule}/overrides/"), "\"").to_owned();
    ana.done(&format!("{schedule}/overrides/{removal}"), &[]).await.1.has_not("dentist");
    ana.done(&format!("{schedule}/delete"), &[]).await.1.has("No schedule yet.");
    ana.done(&format!("{team}/delete"), &[]).await.1.has("No team yet.");
}

/// A team and its schedule; answers the schedule's path.
async fn a_schedule(ana: &Visitor<'_>) -> String {
    let (team, _) = ana.done("/teams", &[("name", "Nights")]).await;
    let team_id = team.rsplit('/').next().expect("an id").to_owned();
    let form = [("name", "Primary"), ("team", &team_id), ("zone", "Europe/Berlin"), ("fallback", "")];
    ana.done("/schedules", &form).await.0
}

#[tokio::test]
async fn a_schedule_is_subscribed_to_by_a_link_that_can_be_revoked() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let schedule = a_schedule(&ana).await;
    let rea_id = site.id_of("Rea").to_string();
    let entry = [("user", rea_id.as_str()), ("start", "2026-11-25T09:00"), ("end", "2026-11-27T09:00")];
    ana.done(&format!("{schedule}/entries"), &entry).await;
    let calendars = format!("{schedule}/calendars");
    ana.get(&schedule).await.has(&format!("href=\"{calendars}\""));
    let (_, page) = ana.done(&format!("{calendars}/feeds"), &[]).await;
    let href = between(&page.body, "<a href=\"https://pager.example.test/calendar/", "\"").to_owned();
    let link = format!("/calendar/{href}");
    assert!(link.ends_with(".ics") && link.len() == "/calendar/.ics".len() + 27, "{link}");

    // Whoever has the link may read, with or without the ending, and hears when nothing has changed.
    let reader = site.stranger();
    let feed = reader.get(&link).await;
    feed.is(StatusCode::OK).has("BEGIN:VCALENDAR\r\n").has("SUMMARY:Rea\r\n").has("DTSTART:20261125T080000Z\r\n");
    feed.has("X-WR-CALNAME:Primary\r\n").has("@pager.example.test\r\n").has("TRANSP:TRANSPARENT");
    let header = |answer: &Answer, name: &str| answer.headers[name].to_str().expect("ASCII").to_owned();
    assert_eq!(header(&feed, "content-type"), "text/calendar; charset=utf-8");
    assert_eq!(header(&feed, "cache-control"), "private, no-cache");
    let etag = header(&feed, "etag");
    reader.get(link.trim_end_matches(".ics")).await.is(StatusCode::OK);
    let ask = async |etag: &str| {
        let request = Request::get(&link).header(header::IF_NONE_MATCH, etag).body(Body::empty()).expect("a request");
        site.router.clone().oneshot(request).await.expect("an answer").status()
    };
    assert_eq!((ask(&etag).await, ask("\"other\"").await), (StatusCode::NOT_MODIFIED, StatusCode::OK));
    site.clock.advance(3600);
    assert_eq!(ask(&etag).await, StatusCode::NOT_MODIFIED, "an hour later nothing has changed");

    // Viewers see that there are calendars, but no link and no form of an admin.
    let vic = site.sign_in("Vic").await;
    vic.get(&calendars).await.is(StatusCode::OK).has_not(&href).has_not("Make a link").has_not("Add a calendar");

    let revoke = between(&page.body, &format!("action=\"{calendars}/feeds/"), "\"").to_owned();
    ana.done(&format!("{calendars}/feeds/{revoke}"), &[]).await.1.has("No links yet.");
    reader.get(&link).await.is(StatusCode::NOT_FOUND);
    reader.get("/calendar/nonsense.ics").await.is(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_persons_own_calendar_is_theirs_alone() {
    let site = Site::staffed();
    let (ana, rea, vic) = (site.sign_in("Ana").await, site.sign_in("Rea").await, site.sign_in("Vic").await);
    let own = format!("/users/{}/calendars", site.id_of("Rea"));
    rea.get(own.trim_end_matches("/calendars")).await.has(&format!("href=\"{own}\""));
    let (_, page) = rea.done(&format!("{own}/feeds"), &[]).await;
    let href = between(&page.body, "<a href=\"https://pager.example.test/calendar/", "\"").to_owned();
    let link = format!("/calendar/{href}");
    site.stranger().get(&link).await.is(StatusCode::OK).has("X-WR-CALNAME:On call: Rea\r\n");
    vic.get(&own).await.is(StatusCode::FORBIDDEN);
    vic.post(&format!("{own}/feeds"), &[]).await.is(StatusCode::FORBIDDEN);
    ana.post(&format!("{own}/feeds"), &[]).await.is(StatusCode::FORBIDDEN);
    // An admin can close it without seeing it.
    let page = ana.get(&own).await;
    page.has("A link made").has_not(&href);
    let revoke = between(&page.body, &format!("action=\"{own}/feeds/"), "\"").to_owned();
    vic.post(&format!("{own}/feeds/{revoke}"), &[]).await.is(StatusCode::FORBIDDEN);
    ana.done(&format!("{own}/feeds/{revoke}"), &[]).await;
    site.stranger().get(&link).await.is(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_calendar_from_elsewhere_is_added_used_and_removed() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let calendars = format!("{}/calendars", a_schedule(&ana).await);
    let secret = "https://calendar.example.net/private-5e1f/basic.ics";
    let form = |url| [("name", "From HR"), ("url", url), ("zone", "Europe/Berlin"), ("as", "layer")];
    let answer = ana.post(&format!("{calendars}/imports"), &form("http://calendar.example.net/x")).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("beginning with https://").has("value=\"From HR\"");
    let (_, page) = ana.done(&format!("{calendars}/imports"), &form(secret)).await;
    page.has("https://calendar.example.net/…").has_not("private-5e1f").has("used as a layer").has("not read yet");
    page.has("Safe mode: nothing leaves this machine, so calendars are not fetched.");
    let import = format!("{calendars}/imports/{}", between(&page.body, &format!("{calendars}/imports/"), "/"));

    ana.post(&format!("{import}/remove"), &[]).await.is(StatusCode::CONFLICT).has("still used by layer From HR");
    let answer = ana.post(&import, &[("name", "From HR"), ("url", ""), ("zone", "EST")]).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("EST is not a place.").has("edit-zone-problem");
    let fields = [("name", "Human resources"), ("url", ""), ("zone", "Europe/Paris")];
    ana.done(&import, &fields).await.1.has("<h2>Human resources</h2>").has("https://calendar.example.net/…");
    ana.done(&format!("{import}/refresh"), &[]).await;
    ana.done(&format!("{import}/detach"), &[]).await.1.has("not used").has("Use as covers");
    ana.done(&format!("{import}/use"), &[("as", "cover")]).await.1.has("used as covers");
    ana.post(&format!("{import}/use"), &[("as", "layer")])
        .await
        .is(StatusCode::CONFLICT)
        .has("Stop using it there first");
    ana.done(&format!("{import}/detach"), &[]).await;
    ana.done(&format!("{import}/remove"), &[]).await.1.has("None yet.");
}

#[tokio::test]
async fn pages_are_sound_documents_without_script_or_inline_style() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (source, _) = set_up(&ana).await;
    let incident = alert(&ana, &source).await;
    let calendars = format!("{}/calendars", a_schedule(&ana).await);
    ana.done(&format!("{calendars}/feeds"), &[]).await;
    for name in ["From HR", "Holidays"] {
        let form = [("name", name), ("url", "https://calendar.example.net/x"), ("zone", "UTC"), ("as", "")];
        ana.done(&format!("{calendars}/imports"), &form).await;
    }
    let own = format!("/users/{}/calendars", site.id_of("Ana"));
    ana.done(&format!("{own}/feeds"), &[]).await;
    let paths = [
        "/dashboard",
        "/incidents",
        &incident,
        "/users",
        "/teams",
        "/schedules",
        "/escalation-policies",
        "/escalation-policies/new",
        "/alert-sources",
        "/alert-sources/new",
        &source,
        "/settings",
        &calendars,
        &own,
        "/nowhere",
    ];
    for path in paths {
        sound(&ana, path).await;
    }
}

/// The page holds what every page must.
async fn sound(ana: &Visitor<'_>, path: &str) {
    let page = ana.get(path).await;
    for forbidden in ["<script>", " style=", " onclick", "javascript:"] {
        page.has_not(forbidden);
    }
    let forms = page.body.matches("method=\"post\"").count();
    assert_eq!(page.body.matches("name=\"csrf\"").count(), forms, "every form of {path} carries the session's token");
    let ids: Vec<&str> = page.body.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for (index, id) in ids.iter().enumerate() {
        assert!(!ids[..index].contains(id), "{path} has two elements {id}");
    }
    let labelled = page.body.split(" for=\"").skip(1).filter_map(|rest| rest.split('"').next());
    for id in labelled {
        assert!(ids.contains(&id), "{path}: a label leads to {id}, which is not there");
    }
}

#[tokio::test]
async fn the_style_sheet_is_sent_once() {
    let site = Site::staffed();
    let answer = site.stranger().get("/assets/app.css").await;
    answer.is(StatusCode::OK);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
    let request = Request::get("/assets/app.css").header(header::IF_NONE_MATCH, &answer.headers[header::ETAG]);
    let again = site.router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    site.stranger().get("/assets/..%2fapp.css").await.is(StatusCode::NOT_FOUND);
}

#[test]
fn templates_escape_everything_and_hold_nothing_that_the_browser_would_refuse() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/templates");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).expect("the templates are there") {
        let path = file.expect("it can be read").path();
        let text = std::fs::read_to_string(&path).expect("it is text");
        for forbidden in ["|safe", "| safe", "escape(", " style=", "<style", "<script>", " onclick=", " onload="] {
            assert!(!text.contains(forbidden), "{} has {forbidden:?}", path.display());
        }
        seen += 1;
    }
    assert!(seen > 20, "the templates moved; look for them there");
}
