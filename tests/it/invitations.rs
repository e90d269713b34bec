//! How somebody comes by a password: by a link that an admin made, or by showing the old one.

use crate::house::{Answer, House, PASSWORD, cookie, session_of};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use pagerpal::app::deliveries::{About, Room, Sender, claim_due};
use pagerpal::app::{audit, invitations, sessions, users};
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::{Actor, Door};
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::DeliveryRing;
use pagerpal::domain::invitation::{GOOD_SECS, Invitation};
use pagerpal::store::Take;
use serde_json::{Value, json};

const NEW: &str = "quiet harbour lantern seven";

/// As an admin by session, who gave the password just now.
async fn call(house: &House, who: &str, method: Method, path: &str, body: Value) -> Answer {
    let session = session_of(who);
    let request = Request::builder()
        .method(method)
        .uri(house.fill(path))
        .header(header::COOKIE, cookie(&session))
        .header("x-csrf-token", session.csrf())
        .header(header::CONTENT_TYPE, "application/json");
    house.send(request.body(Body::from(body.to_string())).expect("a request")).await
}

async fn form(house: &House, path: &str, fields: &str) -> Answer {
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    house.send(request.body(Body::from(fields.to_owned())).expect("a request")).await
}

async fn look(house: &House, path: &str) -> Answer {
    house.send(Request::get(path).body(Body::empty()).expect("a request")).await
}

/// Makes a link for somebody, as the API does; the answer is its path.
async fn invited(house: &House, whom: &str) -> String {
    let made = call(house, "admin", Method::POST, &format!("/api/v1/users/{{{whom}}}/invitation"), json!({})).await;
    assert_eq!(made.status, 200, "{made:?}");
    let made: Value = serde_json::from_str(&made.body).expect("JSON");
    assert_eq!(made["is_mailed"], false);
    let link = made["link"].as_str().expect("a link");
    link.strip_prefix("https://pager.example.test").expect("our own host").to_owned()
}

async fn login_word(house: &House, whom: &str) -> String {
    let user = call(house, "admin", Method::GET, &format!("/api/v1/users/{{{whom}}}"), json!({})).await;
    let user: Value = serde_json::from_str(&user.body).expect("JSON");
    user["login"].as_str().expect("a word").to_owned()
}

fn last_entry(house: &House) -> pagerpal::domain::audit::AuditEntry {
    house.app().read(|read| audit::entries(read, Take::last(1))).expect("read").items.remove(0)
}

/// Nobody is invited.
fn house() -> House {
    let house = House::new(str::to_owned);
    let mute = house.user("mute");
    house.write(move |tx| Ok(tx.delete::<Invitation>(mute)?));
    house
}

#[tokio::test]
async fn an_invitation_lets_somebody_choose_a_password_once_and_signs_them_in() {
    let house = house();
    assert_eq!(login_word(&house, "mute").await, "none");
    let path = invited(&house, "mute").await;
    assert_eq!(last_entry(&house).action, "user.invited");
    assert_eq!(login_word(&house, "mute").await, "invited");
    house.get("admin", "/users").await;

    let before = house.state_hash();
    let page = look(&house, &path).await;
    assert!(page.status == 200 && page.body.contains("Welcome, mute") && page.body.contains("mute@example.test"));
    for (fields, sentence) in [
        ("new_password=short", "Choose a password of 12 to 128 characters."),
        ("new_password=Password1234", "This password is on every attacker"),
        ("new_password=mute%40example.test", "This password is made of your name or address."),
    ] {
        let refused = form(&house, &path, fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.body.contains(sentence), "{refused:?}");
    }
    assert_eq!(house.state_hash(), before, "the link is as good as it was");

    let fields = format!("new_password={}", NEW.replace(' ', "+"));
    let accepted = form(&house, &path, &fields).await;
    assert_eq!((accepted.status, accepted.header("location")), (StatusCode::SEE_OTHER, "/dashboard"), "{accepted:?}");
    let session = accepted.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let dashboard = Request::get("/dashboard").header(header::COOKIE, session).body(Body::empty());
    assert_eq!(house.send(dashboard.expect("a request")).await.status, 200);
    assert_eq!(login_word(&house, "mute").await, "yes");
    let log = house.app().read(|read| audit::entries(read, Take::last(2))).expect("read").items;
    let actions: Vec<&str> = log.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["session.signed_in", "user.invitation_used"]);
    assert_eq!((log[1].actor.user_id(), log[1].actor.door), (Some(house.user("mute")), Door::Link));
    assert!(log[1].actor.address.is_some());

    for answer in [look(&house, &path).await, form(&house, &path, &fields).await] {
        assert!(answer.status == 404 && answer.body.contains("This link is over"), "{answer:?}");
    }
    let login = form(&house, "/login", &format!("email=mute%40example.test&password={}", NEW.replace(' ', "+"))).await;
    assert_eq!(login.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_link_ends_with_time_with_a_newer_one_and_with_what_makes_it_moot() {
    let house = house();
    let full = house.shelf.state();
    let ends = async |what: &str, path: &str| {
        let answer = look(&house, path).await;
        assert_eq!(answer.status, 404, "{what}");
        house.shelf.put_back(&full);
    };
    let (mute, admin) = (house.user("mute"), Actor::user(house.user("admin"), Role::Admin, Door::Web));

    let old = invited(&house, "mute").await;
    let new = invited(&house, "mute").await;
    assert_ne!(old, new);
    assert_eq!(look(&house, &new).await.status, 200);
    ends("a newer one", &old).await;

    let path = invited(&house, "mute").await;
    house.write(move |tx| users::deactivate(tx, &admin, mute));
    house.write(move |tx| users::reactivate(tx, &admin, mute));
    ends("deactivation", &path).await;

    let path = invited(&house, "mute").await;
    house.write(move |tx| {
        let name = users::one(tx, mute)?.name;
        let email = Some("other@example.test".to_owned());
        users::edit(tx, &admin, mute, &users::Basics { name, email, role: Role::Admin, zone: "UTC".to_owned() })
    });
    ends("another address", &path).await;

    let path = invited(&house, "mute").await;
    house.write(move |tx| users::remove_login(tx, &admin, mute));
    assert_eq!(last_entry(&house).action, "user.invitation_withdrawn");
    ends("being taken back", &path).await;

    let path = invited(&house, "responder").await;
    let responder = house.user("responder");
    house.write(move |tx| users::remove_login(tx, &admin, responder));
    ends("a login taken away", &path).await;

    let path = invited(&house, "mute").await;
    house.clock.advance(GOOD_SECS - 1);
    assert_eq!(look(&house, &path).await.status, 200);
    house.clock.advance(1);
    assert_eq!(login_of(&house).await, "none");
    ends("72 hours", &path).await;
}

/// The state of the person without a login, asked of the use case: the admin's session is too old by then.
async fn login_of(house: &House) -> &'static str {
    let mute = house.user("mute");
    let state = |read: &pagerpal::app::Read<'_>| invitations::state(read, &users::one(read, mute)?, read.now());
    house.app().read(state).expect("read").0.word()
}

#[tokio::test]
async fn another_secret_key_ends_every_link() {
    let mut house = house();
    let path = invited(&house, "mute").await;
    house.restart_with_key(b"another secret");
    assert_eq!(look(&house, &path).await.status, 404);
}

#[tokio::test]
async fn a_reset_link_ends_every_older_sign_in_and_leaves_the_old_password_until_then() {
    let house = house();
    let path = invited(&house, "responder").await;
    assert_eq!(last_entry(&house).action, "user.reset_link_made");
    let page = look(&house, &path).await;
    assert!(page.body.contains("Choose a new password"), "{page:?}");
    assert_eq!(house.get("responder", "/dashboard").await.status, 200, "nothing has happened yet");
    let used = form(&house, &path, &format!("new_password={}", NEW.replace(' ', "+"))).await;
    assert_eq!(used.status, StatusCode::SEE_OTHER, "{used:?}");
    assert!(house.get("responder", "/dashboard").await.asks_to_sign_in(), "that session is over");
}

#[tokio::test]
async fn only_an_active_person_with_an_address_is_invited_and_only_by_an_admin_in_person() {
    let house = house();
    let invite = async |who: &str, whom: &str, body: Value| {
        let answer = call(&house, who, Method::POST, &format!("/api/v1/users/{{{whom}}}/invitation"), body).await;
        let problem: Value = serde_json::from_str(&answer.body).expect("JSON");
        problem["type"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(invite("responder", "mute", json!({})).await, "/problems/forbidden");
    assert_eq!(invite("admin", "gone", json!({})).await, "/problems/user_inactive");
    assert_eq!(invite("admin", "mute", json!({"mail": true})).await, "/problems/mail_off");
    house.app().board.channel_configured(Channel::Email, Some("smtp"), vec![]);
    let mute = house.user("mute");
    house.write(move |tx| {
        let contact = users::one(tx, mute)?.contacts[0].id;
        users::enable_contact(tx, &Actor::SYSTEM, mute, contact, false)
    });
    assert_eq!(invite("admin", "mute", json!({"mail": true})).await, "/problems/mail_missing");
    house.write(move |tx| {
        let mut user = users::one(tx, mute)?;
        user.email = None;
        users::save(tx, &user)
    });
    assert_eq!(invite("admin", "mute", json!({})).await, "/problems/email_missing");
}

#[tokio::test]
async fn a_link_is_mailed_through_the_queue_and_not_after_it_is_over() {
    let house = house();
    house.app().board.channel_configured(Channel::Email, Some("smtp"), vec![]);
    let path = "/api/v1/users/{mute}/invitation";
    let mailed = async || {
        let made = call(&house, "admin", Method::POST, path, json!({"mail": true})).await;
        let made: Value = serde_json::from_str(&made.body).expect("JSON");
        assert_eq!(made["is_mailed"], true);
        made["link"].as_str().expect("a link").to_owned()
    };
    let sent = || {
        let sender = Sender { sending_enabled: true, ..Sender::of(house.app()) };
        let due = house.write(move |tx| claim_due(tx, DeliveryRing::First, &sender, &Room::each(32)));
        let about = |outgoing: pagerpal::app::deliveries::Outgoing| match outgoing.about {
            About::Linked { path, sentence } => Some((outgoing.address, path, sentence)),
            _ => None,
        };
        due.outgoing.into_iter().filter_map(about).collect::<Vec<_>>()
    };
    sent();
    mailed().await;
    let link = mailed().await;
    let mut sent_now = sent();
    assert_eq!(sent_now.len(), 1, "the older one does not leave any more");
    let (address, path, sentence) = sent_now.remove(0);
    assert_eq!((address.as_str(), format!("https://pager.example.test{path}")), ("mute@example.test", link));
    assert!(sentence.starts_with("You are invited to sign in to PagerPal."), "{sentence}");
    // The store keeps nothing that opens it.
    let token = path.rsplit('/').next().expect("a token").as_bytes().to_vec();
    let rows = house.shelf.state();
    assert!(rows.values().all(|value| !value.windows(token.len()).any(|bytes| bytes == token)));
}

#[tokio::test]
async fn one_s_own_password_asks_for_the_old_one_and_ends_every_other_sign_in() {
    let house = house();
    let change = async |old: &str, new: &str| {
        let body = json!({"current_password": old, "new_password": new});
        call(&house, "viewer", Method::PUT, "/api/v1/me/password", body).await
    };
    let code = |answer: &Answer| -> (u16, String, String) {
        let problem: Value = serde_json::from_str(&answer.body).expect("JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (answer.status.as_u16(), text(&problem["type"]), text(&problem["errors"][0]["pointer"]))
    };
    let refused = |code: &str, pointer: &str| (422, format!("/problems/{code}"), pointer.to_owned());
    assert_eq!(code(&change("not it at all", NEW).await), refused("password_wrong", "/current_password"));
    assert_eq!(code(&change(PASSWORD, "short").await), refused("password_length", "/new_password"));
    assert_eq!(code(&change(PASSWORD, "viewer@example.test").await), refused("password_own", "/new_password"));
    let viewer = house.user("viewer");
    let own = Actor::user(viewer, Role::Viewer, Door::Web);
    let sessions = || house.app().read(|read| sessions::of(read, &own, viewer)).expect("read").len();
    assert_eq!(sessions(), 2);
    // A wrong one is a try like any other, and nobody is hashed for without end.
    for _ in 0..4 {
        change("not it at all", NEW).await;
    }
    assert_eq!(change("not it at all", NEW).await.status, 429);
    house.clock.advance(60);
    let changed = change(PASSWORD, NEW).await;
    assert_eq!(changed.status, 204, "{changed:?}");
    assert_eq!(last_entry(&house).action, "user.password_changed");
    assert_eq!(sessions(), 1);
    assert_eq!(house.get("viewer", "/dashboard").await.status, 200, "here it goes on");
    assert_eq!(change(PASSWORD, NEW).await.status, 422, "the old one is over");
}
