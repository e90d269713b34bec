//! Somebody woken at night with a phone and no login: from the message to acknowledged, or on to the next.

use super::desk::House;
use super::{Setting, everywhere, walk};
use harness::browser::Browser;
use serde_json::json;

const BO: &str = "4917000002";
const CY: &str = "4917000003";
const KEY: &str = "00112233445566778899aabbccddeeff";

#[tokio::test(flavor = "multi_thread")]
async fn two_taps_from_the_message_to_acknowledged_and_two_to_the_next_person() {
    walk(everywhere(), two_taps).await;
}

async fn two_taps(browser: &Browser, setting: Setting) {
    let mut house = House::new().await;
    house.site.ada();
    let bo = house.site.responder("Bo", &format!("+{BO}"));
    let cy = house.site.responder("Cy", &format!("+{CY}"));
    let team = house.site.team("Payments");
    let policy = house.site.policy("Payments 24×7", &[bo, cy]);
    house.site.source("checks", "generic", team, policy, KEY);
    let desk = house.open(browser, "link", setting).await;

    let alert = json!({ "external_id": "db1", "title": "Disk full on db1", "severity": "critical" });
    desk.alert(KEY, &alert).await;
    let page = desk.message(BO, "Disk full on db1").await;
    desk.open_link(&page).await;
    desk.sees("Disk full on db1").await;
    desk.needs_no_scrolling("Acknowledge", 72.0).await;
    assert_eq!(desk.status_of(1).await, "triggered", "looking changes nothing");
    let place = desk.place_of("Acknowledge").await;
    desk.press("Acknowledge").await;
    assert_eq!(desk.taps(), 2);
    desk.sees("You have it.").await;
    assert!(!desk.has_button_at(place).await, "a second tap in the dark must not resolve it");
    desk.lacks_in("button", "Acknowledge").await;
    desk.sees_in("button", "I can't: page Cy now").await;
    assert_eq!(desk.status_of(1).await, "acknowledged");
    assert_eq!(desk.pages(CY), 0, "nobody else is called");

    // Another night: Bo cannot.
    let alert = json!({ "external_id": "db2", "title": "Disk full on db2", "severity": "critical" });
    desk.alert(KEY, &alert).await;
    let page = desk.message(BO, "Disk full on db2").await;
    let before = desk.taps();
    desk.open_link(&page).await;
    desk.sees("Disk full on db2").await;
    desk.needs_no_scrolling("I can't: page Cy now", 48.0).await;
    desk.press("I can't: page Cy now").await;
    assert_eq!(desk.taps() - before, 2);
    let next = desk.message(CY, "Disk full on db2").await;
    desk.open_link(&next).await;
    desk.sees("Disk full on db2").await;
    // Past the last level a person's wish begins again at the first.
    desk.sees_in("button", "I can't: page Bo now").await;
    desk.press("Acknowledge").await;
    desk.sees("You have it.").await;
    assert_eq!(desk.status_of(2).await, "acknowledged");

    // What was open on Bo's phone all the while says who was faster.
    desk.open_link(&page).await;
    desk.sees("Cy has it").await;
    desk.lacks_in("button", "Acknowledge").await;
    desk.close(7).await;
}
