//! Coming in and going out, and what those find who may only read.

use super::desk::House;
use super::{Setting, here_and_there, walk};
use crate::live::{EMAIL, PASSWORD};
use harness::browser::Browser;
use pagerpal::app::auth;
use pagerpal::app::users::{self, NewUser};
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::Actor;
use serde_json::json;

const BO: &str = "4917000002";
const CY: &str = "4917000003";
const DEE: &str = "4917000004";
const KEY: &str = "00112233445566778899aabbccddeeff";
const VIEWER: &str = "vic@example.test";

/// Pages on which an admin finds buttons.
const READ: [(&str, &str); 8] = [
    ("/dashboard", "1 needs someone"),
    ("/incidents", "Disk full"),
    ("/incidents/1", "Disk full"),
    ("/alert-sources", "checks"),
    ("/escalation-policies", "Payments 24×7"),
    ("/teams", "Payments"),
    ("/users", "Bo"),
    ("/schedules", "No schedule yet"),
];

/// What a reader still presses: nothing of it changes anything but what they look at.
const HARMLESS: [&str; 4] = ["Sign out", "Show", "Keys", "Copy"];

#[tokio::test(flavor = "multi_thread")]
async fn wrong_and_right_passwords_the_way_out_and_a_reader_without_buttons() {
    walk(here_and_there(), in_and_out).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hurried_finger_climbs_one_level() {
    walk(here_and_there(), pressed_twice).await;
}

async fn house() -> House {
    let mut house = House::new().await;
    house.site.ada();
    let people = [("Bo", BO), ("Cy", CY), ("Dee", DEE)];
    let people = people.map(|(name, number)| house.site.responder(name, &format!("+{number}")));
    let team = house.site.team("Payments");
    let policy = house.site.policy("Payments 24×7", &people);
    house.site.source("checks", "generic", team, policy, KEY);
    house
}

async fn in_and_out(browser: &Browser, setting: Setting) {
    let mut house = house().await;
    let hash = auth::hash_password(PASSWORD, [8; 16]).expect("hashing works");
    let viewer = NewUser {
        name: "Vic".to_owned(),
        email: Some(VIEWER.to_owned()),
        role: Role::Viewer,
        zone: "UTC".to_owned(),
        password_hash: Some(hash),
    };
    house.site.write(move |tx| users::create(tx, &Actor::SYSTEM, &viewer));
    let desk = house.open(browser, "sign-in", setting).await;
    desk.alert(KEY, &json!({ "external_id": "a", "title": "Disk full", "severity": "critical" })).await;

    // One sentence for every wrong pair, and where one wanted to go is remembered.
    desk.open("/incidents/1").await;
    desk.sees("Sign in").await;
    for (email, password) in [(EMAIL, "lamp otter bridge ten"), ("nobody@example.test", PASSWORD)] {
        desk.submit("Sign in", &[("Email", email), ("Password", password)]).await;
        desk.sees("Email and password do not match an active account.").await;
        desk.lacks("Disk full").await;
    }
    desk.submit("Sign in", &[("Email", EMAIL), ("Password", PASSWORD)]).await;
    desk.sees("Disk full").await;
    desk.sees_in("button", "Acknowledge").await;
    desk.sign_out().await;
    desk.open("/incidents/1").await;
    desk.sees("Sign in").await;
    desk.lacks("Disk full").await;

    desk.sign_in_as(VIEWER, PASSWORD).await;
    for (path, words) in READ {
        desk.open(path).await;
        desk.sees(words).await;
        let buttons = desk.buttons().await;
        let acting: Vec<&String> =
            buttons.iter().filter(|button| !HARMLESS.iter().any(|harmless| button == harmless)).collect();
        assert!(acting.is_empty(), "a viewer finds {acting:?} on {path}");
    }
    desk.sign_out().await;
    desk.close(16).await;
}

async fn pressed_twice(browser: &Browser, setting: Setting) {
    let desk = house().await.open(browser, "hurried", setting).await;
    desk.alert(KEY, &json!({ "external_id": "a", "title": "Disk full", "severity": "critical" })).await;
    desk.message(BO, "Disk full").await;
    desk.sign_in().await;
    desk.open("/incidents/1").await;
    desk.sees("Needs someone").await;
    desk.press_twice("Page Cy now").await;
    desk.message(CY, "Disk full").await;
    desk.open("/incidents/1").await;
    desk.sees("Page Dee now").await;
    assert_eq!((desk.pages(CY), desk.pages(DEE)), (1, 0), "two clicks, one level");

    // Nor is it resolved by whoever takes it in a hurry.
    desk.press_twice("Acknowledge").await;
    desk.sees("Ada has it").await;
    assert_eq!(desk.status_of(1).await, "acknowledged");
    desk.close(2).await;
}
