//! The two doors without a sign-in that act for people: a message's link, and a provider's calls.

use crate::world::World;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use http_body_util::BodyExt;
use pagerpal::app::deliveries::{Room, Sender, claim_due, record};
use pagerpal::app::incidents;
use pagerpal::app::passes::LinkKey;
use pagerpal::app::users::{self, NewUser};
use pagerpal::app::{App, AppError, Lane, Settings, Write, alert_sources, policies, teams};
use pagerpal::bridge::Bridge;
use pagerpal::clock::{Clock, ScriptedClock};
use pagerpal::domain::Severity;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::{Actor, Door};
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::{Answer, DeliveryRing, Outcome};
use pagerpal::domain::id::UserId;
use pagerpal::domain::policy::{Level, Recipient};
use pagerpal::domain::time::Timestamp;
use pagerpal::egress::Egress;
use pagerpal::random::ScriptedRandom;
use pagerpal::store::{Read, Store};
use pagerpal::web::address::Peer;
use pagerpal::web::{Web, WebSettings, routes};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt;

/// One incident, and ana has been paged for it.
struct Site {
    web: Arc<Web>,
    router: Router,
    clock: ScriptedClock,
    ana: UserId,
    token: String,
    code: String,
    message_id: String,
}

impl Site {
    fn new() -> Site {
        let clock = ScriptedClock::at(Timestamp::from_jiff(crate::world::START.parse().expect("an instant")));
        let random = Arc::new(ScriptedRandom::new(1));
        let store = Store::in_memory(Arc::new(clock.clone()), random.clone());
        let link_key = LinkKey::new(b"a secret");
        let settings = Settings {
            sending_enabled: true,
            retry_enabled: true,
            escalation_enabled: true,
            base_url: Some("https://pager.example.test".into()),
            link_key,
        };
        let app = Arc::new(App::new(store, random, settings));
        let ana = app.write(Lane::People, set_up).expect("a site");
        let sender = Sender::of(&app);
        let claimed = app.write(Lane::Paging, move |tx| claim_due(tx, DeliveryRing::First, &sender, &Room::each(8)));
        let outgoing = claimed.expect("a claim").outgoing.pop().expect("a page");
        let (delivery, attempt, message_id) = (outgoing.delivery, outgoing.attempt, outgoing.message_id);
        let answer = Answer { outcome: Outcome::Accepted, text: String::new() };
        app.write(Lane::Paging, move |tx| record(tx, delivery, attempt, &answer, true)).expect("it is recorded");
        let pagerpal::app::deliveries::About::Incident(facts) = outgoing.about else { panic!("one page") };
        let pass = facts.pass.expect("a page has a pass");
        let web_settings = WebSettings {
            base_url: Some("https://pager.example.test".into()),
            cookie_secure: false,
            allowed_origins: vec![].into(),
            is_trusted_proxy: Box::new(|_| false),
            listens_on_loopback: true,
            read_call: pagerpal::notify::infobip::inbox::read_call,
            session_key: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"another secret"),
            sign_on: None,
        };
        let egress = Arc::new(Egress::new(&[]).expect("no extra root to go wrong"));
        let web = Arc::new(Web::new(app, Bridge::new(2), egress, web_settings));
        let router = routes::router(Arc::clone(&web));
        Site { web, router, clock, ana, token: pass.token, code: pass.code, message_id }
    }

    async fn send(&self, method: Method, path: &str, kind: &str, body: String) -> (u16, String, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, kind)
            // Mail programs that show a link's page have no origin.
            .header(header::ORIGIN, "null")
            .extension(Peer { address: SocketAddr::from(([203, 0, 113, 9], 40000)), is_tls: true })
            .body(Body::from(body))
            .expect("a request");
        let answer = self.router.clone().oneshot(request).await.expect("an answer");
        let location = answer.headers().get(header::LOCATION).map(|to| to.to_str().expect("ASCII").to_owned());
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.expect("it is whole").to_bytes();
        (status, String::from_utf8_lossy(&bytes).into_owned(), location.unwrap_or_default())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let (status, body, _) = self.send(Method::GET, path, "text/plain", String::new()).await;
        (status, body)
    }

    async fn press(&self, what: &str) -> (u16, String, String) {
        let path = format!("/a/{}", self.token);
        self.send(Method::POST, &path, "application/x-www-form-urlencoded", format!("do={what}&level=1")).await
    }

    fn state(&self) -> String {
        let incident = self.web.app.read(|read| incidents::find(read, "1")).expect("it is there");
        incident.status.word().to_owned()
    }

    fn last_line(&self) -> pagerpal::domain::timeline::TimelineEntry {
        let story = self.web.app.read(|read| incidents::story(read, "1")).expect("it is there");
        story.timeline.into_iter().rev().find(|entry| entry.by.actor.user_id().is_some()).expect("somebody acted")
    }

    fn commits(&self) -> u64 {
        self.web.app.store_status().commits
    }

    async fn call(&self, token: &str, kind: &str, body: serde_json::Value) -> u16 {
        let path = format!("/api/v1/callbacks/infobip/{token}/{kind}");
        self.send(Method::POST, &path, "application/json", body.to_string()).await.0
    }
}

fn set_up(tx: &mut Write<'_>) -> Result<UserId, AppError> {
    let new =
        NewUser { name: "Ana".into(), email: None, role: Role::Responder, zone: "UTC".into(), password_hash: None };
    let ana = users::create(tx, &Actor::SYSTEM, &new)?;
    users::add_contact(tx, &Actor::SYSTEM, ana, Channel::Sms, "+491700000001")?;
    let mut user = tx.get::<pagerpal::domain::user::User>(ana)?.expect("ana");
    user.contacts[0].verified_at = Some(tx.now());
    tx.put(&user)?;
    let bo = users::create(tx, &Actor::SYSTEM, &NewUser { name: "Bo".into(), ..new })?;
    users::add_contact(tx, &Actor::SYSTEM, bo, Channel::Sms, "+491700000002")?;
    let team = teams::create(tx, &Actor::SYSTEM, "Payments", &[])?;
    let level = |number, user| Level { number, delay_minutes: 30, recipients: vec![Recipient::User(user)] };
    let basics = policies::Basics::named("Payments 24×7");
    let policy = policies::create(tx, &Actor::SYSTEM, &basics, &[level(1, ana), level(2, bo)])?;
    let basics = alert_sources::Basics {
        default_severity: Severity::Critical,
        ..alert_sources::Basics::named("monitor", "generic", team, policy)
    };
    let source = alert_sources::create(tx, &Actor::SYSTEM, &basics, "key")?;
    alert_sources::send_test_alert(tx, &Actor::SYSTEM, source)?;
    Ok(ana)
}

#[tokio::test]
async fn a_link_shows_one_button_and_only_pressing_it_acts() {
    let site = Site::new();
    let path = format!("/a/{}", site.token);
    let before = site.commits();
    for _ in 0..100 {
        let (status, page) = site.get(&path).await;
        assert!(status == 200 && page.contains("Acknowledge") && page.contains("page Bo now"), "{status} {page}");
        let (status, ..) = site.send(Method::HEAD, &path, "text/plain", String::new()).await;
        assert_eq!(status, 200);
    }
    assert_eq!((site.commits(), site.state().as_str()), (before, "triggered"), "looking changes nothing");
    let (_, page) = site.get(&path).await;
    assert!(page.contains("noindex") && page.contains("class=\"night\"") && !page.contains("<script"), "{page}");

    assert_eq!(site.press("acknowledge").await.2, path);
    let (_, page) = site.get(&path).await;
    assert!(page.contains("You have it.") && page.contains("Resolve") && !page.contains("value=\"acknowledge\""));
    let line = site.last_line();
    assert_eq!((line.by.actor.door, line.by.person()), (Door::Link, Some(site.ana)));
    assert_eq!(site.press("resolve").await.0, 303);
    assert_eq!(site.state(), "resolved");
    assert_eq!(site.press("acknowledge").await.0, 409, "too late, and the page says so");
    assert_eq!(site.press("delete").await.0, 400);
}

#[tokio::test]
async fn who_cannot_take_it_passes_it_on_once() {
    let site = Site::new();
    assert_eq!(site.press("escalate").await.0, 303);
    let (status, page, _) = site.press("escalate").await;
    assert!(status == 409 && page.contains("Already escalated"), "{status} {page}");
}

#[tokio::test]
async fn a_dead_link_says_so_and_acts_no_more() {
    let site = Site::new();
    let (status, page) = site.get("/a/0000000000000000000000000zz").await;
    assert!(status == 404 && page.contains("This link opens nothing") && page.contains("/login"), "{status} {page}");

    site.press("resolve").await;
    site.clock.set(site.clock.now().plus_secs(24 * 3600));
    let (status, page) = site.get(&format!("/a/{}", site.token)).await;
    assert!(status == 410 && page.contains("This link is over"), "{status} {page}");
    let before = site.commits();
    assert_eq!(site.press("escalate").await.0, 410);
    assert_eq!(site.commits(), before);

    let gone = Site::new();
    let ana = gone.ana;
    gone.web.app.write(Lane::People, move |tx| users::deactivate(tx, &Actor::SYSTEM, ana)).expect("deactivated");
    assert_eq!(gone.press("acknowledge").await.0, 410);
    assert_eq!(gone.state(), "triggered");
}

#[tokio::test]
async fn a_providers_call_needs_its_token_and_is_always_thanked() {
    let site = Site::new();
    let token = site.web.app.settings.link_key.callback_token();
    assert!(token.len() == 27 && token != site.token);
    let before = site.commits();
    let report =
        |status: i64| json!({"results": [{"messageId": site.message_id, "status": {"id": status, "groupId": 3}}]});
    for (token, kind) in [("wrong", "reports"), (site.token.as_str(), "reports"), (token.as_str(), "other")] {
        assert_eq!(site.call(token, kind, report(5)).await, 404, "{kind}");
    }
    for body in [json!({}), json!([1]), json!({"results": [{"messageId": "pp-else-1-1", "status": {"id": 5}}]})] {
        assert_eq!(site.call(&token, "reports", body).await, 200);
    }
    let delivery =
        || site.web.app.read(|read| incidents::story(read, "1")).expect("a story").notifications[0].1[0].clone();
    assert_eq!(delivery().state.word(), "accepted");
    assert!(site.commits() <= before + 1);
    assert_eq!(site.call(&token, "reports", report(5)).await, 200);
    assert_eq!(delivery().state.word(), "delivered");

    // A reply by the same way takes the incident, in the name of the person whose number it is.
    let reply = json!({"results": [{"messageId": "m1", "from": "491700000001", "to": "447860099299",
                                    "text": format!("ack {}", site.code.to_lowercase())}]});
    assert_eq!(site.call(&token, "inbound", reply.clone()).await, 200);
    assert_eq!(site.state(), "acknowledged");
    let line = site.last_line();
    assert_eq!((line.by.actor.door, line.by.person()), (Door::Reply(Channel::Sms), Some(site.ana)));
    let stranger =
        json!({"results": [{"messageId": "m2", "from": "491799999999", "text": format!("{} R", site.code)}]});
    assert_eq!(site.call(&token, "inbound", stranger).await, 200);
    assert_eq!(site.state(), "acknowledged", "nobody's number");
}

#[test]
fn a_button_of_a_message_is_for_one_person_one_incident_and_one_act() {
    use pagerpal::domain::reply::Wish;
    let mut world = World::new(false);
    let ana = world.person("ana", Role::Responder, &[Channel::WhatsApp]);
    let (key, incident) = (LinkKey::new(b"a secret"), pagerpal::domain::id::Id::new(7));
    let button = key.button(incident, ana, Wish::Resolve);
    assert!(button.len() <= 128, "{button}");
    assert_eq!(key.read_button(&button), Some((incident, ana, Wish::Resolve)));
    for forged in ["", "7", "7.1.0.x", &button.replace("7.", "8."), &format!("{button}x"), &button.to_lowercase()] {
        assert_eq!(key.read_button(forged), None, "{forged}");
    }
    assert_eq!(LinkKey::new(b"another").read_button(&button), None);
}
