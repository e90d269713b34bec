//! A key that has leaked: the old one is dead with the answer that shows the new one.

use super::desk::House;
use super::{Setting, here_and_there, walk};
use harness::browser::Browser;
use serde_json::json;

const OLD: &str = "00112233445566778899aabbccddeeff";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_takes_the_place_of_the_old_and_is_shown_once() {
    walk(here_and_there(), regenerate).await;
}

async fn regenerate(browser: &Browser, setting: Setting) {
    let mut house = House::new().await;
    let ada = house.site.ada();
    let team = house.site.team("Payments");
    let policy = house.site.policy("Payments 24×7", &[ada]);
    house.site.source("checks", "generic", team, policy, OLD);
    let desk = house.open(browser, "keys", setting).await;
    desk.sign_in().await;
    let alert = json!({ "external_id": "a", "title": "Disk full", "severity": "warning" });
    assert_eq!(desk.post_alert(OLD, &alert).await, 200);

    desk.go("Alert sources").await;
    desk.follow("checks").await;
    desk.sees("After Regenerate key").await;
    desk.press("Regenerate key").await;
    desk.sees("It is not shown again").await;
    let new = desk.text_of("pre.key").await;
    assert!(new.len() >= 32 && new != OLD, "{new}");
    assert_eq!(desk.post_alert(OLD, &alert).await, 401);
    assert_eq!(desk.post_alert(&new, &alert).await, 200);

    desk.go("Alert sources").await;
    desk.follow("checks").await;
    desk.sees(&format!("…{}", &new[new.len() - 4..])).await;
    desk.lacks(&new).await;

    // Switched off it is refused as what it is, not as unknown.
    desk.press("Deactivate").await;
    desk.sees("This source is inactive").await;
    assert_eq!(desk.post_alert(&new, &alert).await, 403);
    desk.press("Activate").await;
    desk.sees("Send test alert").await;
    assert_eq!(desk.post_alert(&new, &alert).await, 200);
    desk.close(6).await;
}
