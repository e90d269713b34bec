//! Many alerts at once, taken with one button.

use super::desk::House;
use super::{Setting, here_and_there, walk};
use crate::live::{EMAIL, PASSWORD};
use harness::browser::Browser;
use harness::http;
use serde_json::json;

const BO: &str = "4917000002";
const KEY: &str = "00112233445566778899aabbccddeeff";

#[tokio::test(flavor = "multi_thread")]
async fn several_are_taken_at_once_and_what_was_refused_is_named() {
    walk(here_and_there(), several).await;
}

async fn several(browser: &Browser, setting: Setting) {
    let mut house = House::new().await;
    house.site.ada();
    let bo = house.site.responder("Bo", &format!("+{BO}"));
    let team = house.site.team("Payments");
    let policy = house.site.policy("Payments 24×7", &[bo]);
    house.site.source("checks", "generic", team, policy, KEY);
    let desk = house.open(browser, "several", setting).await;
    for (id, title) in [("a", "Disk full"), ("b", "Queue long"), ("c", "Probe failed"), ("d", "Backup late")] {
        desk.alert(KEY, &json!({ "external_id": id, "title": title, "severity": "error" })).await;
    }
    desk.sign_in().await;
    desk.go("Incidents").await;
    desk.sees("Backup late").await;

    // Ticked is nothing yet.
    desk.press("Acknowledge ticked").await;
    desk.sees("Tick 1 to").await;
    desk.go("Incidents").await;
    desk.sees("Backup late").await;
    let ticks = ["Choose #1", "Choose #2", "Choose #3"].map(|label| (label, ""));
    desk.fill("Acknowledge ticked", &ticks).await;

    // Somebody else is faster with one of them.
    let call = http::post(desk.site.url("/api/v1/incidents/2/resolve")).basic(EMAIL, PASSWORD).json(&json!({}));
    assert_eq!(call.send().await.expect("an answer").status, 200);
    desk.press("Acknowledge ticked").await;
    desk.sees("2 acknowledged, 1 was already resolved (#2).").await;
    desk.sees("Ada has it").await;
    for (number, status) in [(1, "acknowledged"), (2, "resolved"), (3, "acknowledged"), (4, "triggered")] {
        assert_eq!(desk.status_of(number).await, status, "#{number}");
    }
    desk.close(5).await;
}
