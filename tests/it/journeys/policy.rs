//! A policy that is mended while an incident waits on it: the edit acts at once.

use super::desk::House;
use super::{Setting, here_and_there, walk};
use harness::browser::Browser;
use serde_json::json;

const BO: &str = "4917000002";
const CY: &str = "4917000003";
const DEE: &str = "4917000004";
const KEY: &str = "00112233445566778899aabbccddeeff";

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_a_level_pages_for_the_incident_that_is_open() {
    walk(here_and_there(), mend_at_night).await;
}

async fn mend_at_night(browser: &Browser, setting: Setting) {
    let mut house = House::new().await;
    house.site.ada();
    let bo = house.site.responder("Bo", &format!("+{BO}"));
    house.site.responder("Cy", &format!("+{CY}"));
    house.site.responder("Dee", &format!("+{DEE}"));
    let team = house.site.team("Payments");
    let policy = house.site.policy("Payments 24×7", &[bo]);
    house.site.source("checks", "generic", team, policy, KEY);
    let desk = house.open(browser, "policy", setting).await;
    desk.sign_in().await;

    desk.alert(KEY, &json!({ "external_id": "a", "title": "Disk full", "severity": "critical" })).await;
    desk.message(BO, "Disk full").await;
    desk.go("Escalation policies").await;
    desk.follow("Payments 24×7").await;
    desk.sees_in("ol", "Bo").await;

    // A number that is taken is refused, and nothing has changed.
    desk.press("Add a level").await;
    let taken = [("Number", "1"), ("Minutes until", "5"), ("Calls, 1", "Dee")];
    desk.submit("Add level", &taken).await;
    desk.sees("Not done.").await;
    desk.lacks_in("ol", "Dee").await;
    desk.submit("Add level", &[("Number", "2")]).await;
    desk.sees("Level 2").await;
    desk.sees_in("ol", "Dee").await;

    // Bo is the wrong one tonight.
    desk.press("Level 1").await;
    desk.submit("Save level", &[("Minutes until", "30"), ("Calls, 1", "Cy")]).await;
    desk.sees_in("ol", "Cy").await;
    desk.message(CY, "Disk full").await;
    assert_eq!((desk.pages(BO), desk.pages(CY), desk.pages(DEE)), (1, 1, 0));
    desk.open("/incidents/1").await;
    desk.sees("Cy").await;
    desk.sees("Needs someone").await;

    // Whoever is added to the level is paged beside the one who was.
    desk.go("Escalation policies").await;
    desk.follow("Payments 24×7").await;
    desk.press("Level 1").await;
    desk.submit("Save level", &[("Calls, 2", "Dee")]).await;
    desk.message(DEE, "Disk full").await;
    assert_eq!((desk.pages(BO), desk.pages(CY)), (1, 1), "nobody twice");
    desk.close(8).await;
}
