//! A new operator, from an empty file to the first page that was sent and taken.

use super::desk::{Desk, House};
use super::{Device, Setting, everywhere, here_and_there, walk};
use crate::live::{EMAIL, PASSWORD};
use harness::browser::Browser;
use serde_json::json;

const PHONE: &str = "4917000001";
const DAY: i64 = 24 * 60;

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_the_first_page_taken() {
    walk(everywhere(), first_page).await;
}

async fn first_page(browser: &Browser, setting: Setting) {
    let mut house = House::new().await;
    // Whoever is reached from elsewhere asks the first admin for the code in the log.
    let asks_for_code = setting.device == Device::Phone;
    if asks_for_code {
        let everywhere = format!("0.0.0.0:{}", house.site.port);
        house.site.set("LISTEN_ADDRESS", everywhere);
    }
    let desk = house.open(browser, "first-page", setting).await;

    desk.open("/").await;
    desk.sees("Create the first admin").await;
    let account = [("Name", "Ada"), ("Email", EMAIL), ("Password", PASSWORD), ("Time zone", "Europe/Berlin")];
    if asks_for_code {
        desk.fill("Create admin", &[("Setup code", "AAAA-AAAA")]).await;
        desk.submit("Create admin", &account).await;
        desk.sees("This is not the setup code").await;
        let code = word_after(&desk.log(), "this machine: ");
        // What was typed is still there, all but the password.
        let again = [("Password", PASSWORD), ("Setup code", &*code)];
        desk.submit("Create admin", &again).await;
    } else {
        desk.submit("Create admin", &account).await;
    }
    desk.sees("All quiet.").await;
    desk.sees("Set up").await;

    set_up(&desk).await;
    desk.new_source("backups").await;
    desk.follow("backups").await;
    desk.sees("Send test alert").await;
    desk.press("Send test alert").await;

    // A real message on a real number, and the incident says so.
    let page = desk.message(PHONE, "TEST").await;
    desk.open("/incidents/1").await;
    desk.sees("TEST: alert source backups works").await;
    desk.sees("SMS to Ada").await;
    desk.sign_out().await;
    desk.open_link(&page).await;
    desk.sees("TEST: alert source backups works").await;
    desk.press("Acknowledge").await;
    desk.sees("You have it.").await;

    desk.sign_in().await;
    desk.sees("1 in hand.").await;
    desk.go("Incidents").await;
    desk.sees("Ada has it").await;
    assert_eq!(desk.pages(PHONE), 1);
    desk.close(20).await;
}

/// A team, who is on call for it, whom to call when, and a number that is known to work.
async fn set_up(desk: &Desk<'_>) {
    desk.go("Teams").await;
    desk.sees("No team yet").await;
    desk.submit("Create team", &[("New team", "Everyone")]).await;
    desk.sees("Nobody yet").await;

    desk.new_schedule("Round the clock").await;
    let (from, to) = (desk.at(-60).await, desk.at(7 * DAY).await);
    desk.submit("Add entry", &[("Person", "Ada"), ("From", &*from), ("To", &*to)]).await;
    desk.sees_in("header", "You: on call until").await;

    desk.new_policy("Everything", "Round the clock", "5").await;
    desk.verify_a_number("Ada", PHONE).await;
}

/// The same with one click in the place of team, schedule and policy.
#[tokio::test(flavor = "multi_thread")]
async fn everything_that_the_first_page_needs_comes_with_one_click() {
    walk(here_and_there(), one_click).await;
}

async fn one_click(browser: &Browser, setting: Setting) {
    let mut house = House::new().await;
    house.site.ada();
    let desk = house.open(browser, "one-click", setting).await;
    desk.sign_in().await;
    desk.go("Teams").await;
    desk.sees("No team yet").await;
    desk.press("Start with a team called Everyone").await;
    desk.sees_in("h1", "Everyone").await;
    desk.sees_in("header", "You: on call until").await;
    desk.verify_a_number("Ada", PHONE).await;
    let key = desk.new_source("backups").await;
    desk.alert(&key, &json!({ "external_id": "a", "title": "Disk full", "severity": "critical" })).await;
    let page = desk.message(PHONE, "Disk full").await;
    desk.open_link(&page).await;
    desk.press("Acknowledge").await;
    desk.sees("You have it.").await;
    desk.close(8).await;
}

fn word_after(text: &str, mark: &str) -> String {
    let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("no {mark:?} in {text}"));
    rest.split_whitespace().next().expect("a word").to_owned()
}
