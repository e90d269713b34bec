//! Who came in, who went and who was not let in: what the audit log says of it, and whom many tries are told to.

use crate::web::{Answer, KEY, PASSWORD, Site};
use axum::http::Method;
use pagerpal::app::deliveries::{Room, Sender, claim_due};
use pagerpal::app::passes::LinkKey;
use pagerpal::app::{AppError, Lane, audit, incidents, passes, sign_on, users};
use pagerpal::domain::actor::{Door, Who};
use pagerpal::domain::audit::AuditEntry;
use pagerpal::domain::delivery::{DeliveryRing, State};
use pagerpal::domain::effect::Reason;
use pagerpal::domain::id::UserId;
use pagerpal::domain::sign_on::{Identity, Roles};
use pagerpal::store::Take;
use pagerpal::web::sign_ins::sum_up;
use serde_json::Value;

async fn log_in(site: &Site, address: &str, email: &str, password: &str) -> Answer {
    let from = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
        ("x-forwarded-for", address),
    ];
    site.clock.advance(12);
    site.alert(&from, "/login", format!("email={email}&password={}", password.replace(' ', "+"))).await
}

/// Entries about sessions, the oldest first. What was noted without waiting is written before they are read.
fn entries(site: &Site) -> Vec<AuditEntry> {
    site.web().app.write(Lane::People, |_| Ok(())).expect("written");
    let all = site.web().app.read(|read| audit::entries(read, Take::first(1000))).expect("read").items;
    all.into_iter().filter(|entry| entry.action.starts_with("session.")).collect()
}

fn lines(site: &Site) -> Vec<(String, String)> {
    entries(site).into_iter().map(|entry| (entry.action, entry.summary)).collect()
}

fn line(action: &str, summary: &str) -> (String, String) {
    (format!("session.{action}"), summary.to_owned())
}

#[tokio::test]
async fn a_sign_in_and_a_sign_out_are_in_the_audit_log_with_the_address() {
    let site = Site::new();
    let answer = log_in(&site, "198.51.100.7", "viewer@example.test", PASSWORD).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let cookie = answer.header("set-cookie").split(';').next().expect("a pair").to_owned();
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
        ("x-forwarded-for", "198.51.100.8"),
        ("cookie", cookie.as_str()),
    ];
    let answer = site.alert(&form, "/logout", format!("csrf={}", site.csrf_of(&cookie))).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(lines(&site), [line("signed_in", "viewer with the password"), line("signed_out", "viewer")]);
    for (entry, address) in entries(&site).iter().zip([[198, 51, 100, 7], [198, 51, 100, 8]]) {
        assert_eq!(entry.actor.user_id(), Some(site.people["viewer"]));
        assert_eq!((entry.actor.door, entry.actor.address), (Door::Web, Some(address.into())));
        assert_eq!(entry.object, site.people["viewer"].to_string());
    }
}

#[tokio::test]
async fn a_program_is_in_the_audit_log_once_a_day() {
    let site = Site::new();
    for _ in 0..30 {
        site.clock.advance(3600);
        assert_eq!(site.api(Method::GET, "/api/v1/me", "viewer", None).await.status, 200);
    }
    let noted = line("password_used", "viewer by a program");
    assert_eq!(lines(&site), [noted.clone(), noted]);
}

/// Neither the answer nor, but for the account, the log tells more of an address that exists.
#[tokio::test]
async fn failed_tries_are_noted_once_and_then_counted() {
    let site = Site::new();
    for who in ["viewer", "gone", "stranger"] {
        let mut answers = Vec::new();
        for _ in 0..4 {
            let answer = log_in(&site, "198.51.100.7", &format!("{who}@example.test"), "lamp otter bridge ten").await;
            answers.push((answer.status, answer.text().replace(who, "")));
        }
        assert!(answers.iter().all(|answer| answer.0 == 422 && *answer == answers[0]), "{answers:?}");
    }
    let known = line("refused", "viewer: a wrong password");
    let unknown = line("refused", "nobody who may sign in: a wrong password");
    assert_eq!(lines(&site), [known.clone(), unknown.clone()]);
    let first = &entries(&site)[0];
    assert_eq!((first.actor.who, first.actor.address), (Who::Unknown, Some([198, 51, 100, 7].into())));
    assert_eq!(first.object, site.people["viewer"].to_string());

    site.clock.advance(3600);
    sum_up(site.web(), false);
    let counted = |whose: &str, more| line("refused", &format!("{whose}: {more} more within the hour"));
    let expected = [known, unknown, counted("nobody who may sign in", 7), counted("viewer", 3)];
    assert_eq!(lines(&site), expected);
    sum_up(site.web(), false);
    assert_eq!(lines(&site).len(), expected.len(), "counted once");
}

#[tokio::test]
async fn a_wrong_password_of_a_program_is_a_try_too() {
    let site = Site::new();
    let wrong = format!("Basic {}", base64_of("viewer@example.test:lamp otter bridge ten"));
    let answer = site.call_with(&[("authorization", &wrong)], Method::GET, "/api/v1/me", Value::Null).await;
    assert_eq!(answer.status, 401);
    let entry = entries(&site).pop().expect("noted");
    assert_eq!((entry.actor.door, entry.summary.as_str()), (Door::Api, "viewer: a wrong password"));
}

fn base64_of(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// What somebody was told about an account, with where it stands.
fn told(site: &Site, user: UserId) -> Vec<(Reason, State)> {
    let told = site.web().app.read(|read| users::last_told(read, user, 10)).expect("read");
    told.into_iter().map(|delivery| (delivery.reason, delivery.state)).collect()
}

/// As the worker does it.
fn deliver(site: &Site) {
    let sender = Sender::of(&site.web().app);
    let sent =
        site.web().app.write(Lane::Paging, move |tx| claim_due(tx, DeliveryRing::First, &sender, &Room::each(32)));
    assert_eq!(sent.expect("written").outgoing.len(), 0, "safe mode");
}

#[tokio::test]
async fn twenty_failures_within_an_hour_are_told_to_the_owner_and_the_admins_once() {
    let site = Site::new();
    let (viewer, admin) = (site.people["viewer"], site.people["admin"]);
    for n in 0..19 {
        let address = format!("198.51.100.{n}");
        log_in(&site, &address, "viewer@example.test", "lamp otter bridge ten").await;
    }
    lines(&site);
    assert_eq!((told(&site, viewer).len(), told(&site, admin).len()), (0, 0));
    for _ in 0..10 {
        log_in(&site, "198.51.100.99", "viewer@example.test", "lamp otter bridge ten").await;
    }
    let noted = lines(&site);
    let alarm = line("tries_told", "viewer: 20 failed within an hour; they and the admins are told");
    assert_eq!(noted.iter().filter(|noted| **noted == alarm).count(), 1, "{noted:?}");
    let reasons = |user| told(&site, user).into_iter().map(|(reason, _)| reason).collect::<Vec<_>>();
    assert_eq!((reasons(viewer), reasons(admin)), (vec![Reason::Account], vec![Reason::Notice]));
    assert_eq!(reasons(site.people["responder"]), []);

    // Nobody is locked out, least of all the owner.
    let answer = log_in(&site, "203.0.113.1", "viewer@example.test", PASSWORD).await;
    assert_eq!(answer.status, 303);
    // An hour later it may be said again; safe mode records it like everything else.
    site.clock.advance(3600);
    for _ in 0..20 {
        log_in(&site, "198.51.100.99", "viewer@example.test", "lamp otter bridge ten").await;
    }
    deliver(&site);
    assert_eq!(told(&site, viewer), vec![(Reason::Account, State::Suppressed); 2]);
}

#[tokio::test]
async fn a_deed_by_the_link_of_a_message_has_the_address_of_whoever_held_it() {
    let site = Site::new();
    let body = r#"{"external_id": "disk", "title": "Disk full", "severity": "error"}"#;
    assert_eq!(site.alert(&[("x-api-key", KEY)], "/api/v1/webhooks/generic", body).await.status, 200);
    let responder = site.people["responder"];
    let pass = site.web().app.write(Lane::People, move |tx| {
        let incident = incidents::find(tx, "1")?;
        passes::give(tx, &LinkKey::new(b"a secret"), incident.id, responder)
    });
    let path = format!("/a/{}", pass.expect("a link").token);
    let taken = site.alert(&[("x-forwarded-for", "198.51.100.7")], &path, "do=acknowledge").await;
    assert_eq!(taken.status, 303, "{taken:?}");
    let last = site.web().app.read(|read| audit::entries(read, Take::last(1))).expect("read").items.remove(0);
    assert_eq!((last.action.as_str(), last.actor.door), ("incident.acknowledged", Door::Link));
    assert_eq!((last.actor.user_id(), last.actor.address), (Some(responder), Some([198, 51, 100, 7].into())));
}

/// A password that nobody knows costs as much as any, so it is hashed for newcomers alone.
#[test]
fn a_provider_s_word_needs_a_password_only_for_whoever_has_no_login() {
    let site = Site::new();
    let needs = |email: &str, creates| {
        let (email, email_verified) = (Some(email.to_owned()), true);
        let identity = Identity { email, email_verified, ..Identity::default() };
        let asked = site.web().app.read(|read| sign_on::needs_login(read, &identity, &Roles::default(), creates));
        asked.map_err(|error| match error {
            AppError::Refused(refusal) => refusal.code,
            other => panic!("{other}"),
        })
    };
    assert_eq!(needs("viewer@example.test", false), Ok(false));
    assert_eq!(needs("new@example.test", true), Ok(true));
    assert_eq!(needs("new@example.test", false), Err("sign_on_unknown"));
    assert_eq!(needs("gone@example.test", true), Err("sign_on_inactive"));

    // Whoever loses the login in between is asked to begin again, and gets none by accident.
    let identity = Identity { email: Some("new@example.test".to_owned()), email_verified: true, ..Identity::default() };
    let admitted =
        site.web().app.write(Lane::People, move |tx| sign_on::admit(tx, &identity, &Roles::default(), true, None));
    assert!(matches!(admitted, Err(AppError::Refused(refusal)) if refusal.code == "sign_on_changed"));
}
