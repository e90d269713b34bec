//! Somebody leaves in the middle of it, and somebody without a login acts through an admin.

use super::desk::House;
use super::{Setting, here_and_there, walk};
use harness::browser::Browser;
use serde_json::json;

const BO: &str = "4917000002";
const CY: &str = "4917000003";
const KEY: &str = "00112233445566778899aabbccddeeff";

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_acts_for_somebody_who_is_then_deactivated() {
    walk(here_and_there(), act_for_and_deactivate).await;
}

async fn act_for_and_deactivate(browser: &Browser, setting: Setting) {
    let mut house = House::new().await;
    house.site.ada();
    let bo = house.site.responder("Bo", &format!("+{BO}"));
    let cy = house.site.responder("Cy", &format!("+{CY}"));
    let team = house.site.team("Payments");
    let policy = house.site.policy("Payments 24×7", &[bo, cy]);
    house.site.source("checks", "generic", team, policy, KEY);
    let desk = house.open(browser, "people", setting).await;
    desk.sign_in().await;

    // Bo is on call, alone.
    desk.new_schedule("Payments primary").await;
    let (from, to) = (desk.at(-60).await, desk.at(24 * 60).await);
    desk.submit("Add entry", &[("Person", "Bo"), ("From", &*from), ("To", &*to)]).await;
    desk.sees("until").await;
    desk.go("On-call").await;
    desk.sees_in("td b", "Bo").await;

    // He calls back and takes it; Ada writes it down.
    desk.alert(KEY, &json!({ "external_id": "a", "title": "Disk full", "severity": "critical" })).await;
    desk.message(BO, "Disk full").await;
    desk.open("/incidents/1").await;
    desk.sees("Needs someone").await;
    desk.submit("Acknowledge", &[("Acting as", "Bo")]).await;
    desk.sees("Bo has it").await;
    desk.sees("Bo acknowledged, recorded by Ada").await;
    assert_eq!(desk.text_of("select[name=acting_as] option:checked").await, "Ada (you)", "for the next deed");

    // What will be missing without him is said before, and becomes so.
    desk.go("Users").await;
    desk.follow("Bo").await;
    for duty in ["Payments primary", "Named in level 1 of Payments 24×7", "Holds 1 open incident"] {
        desk.sees(duty).await;
    }
    desk.press("Deactivate Bo").await;
    desk.sees("inactive").await;
    desk.open("/incidents/1").await;
    desk.sees("Bo was deactivated and still holds this").await;
    desk.lacks_in("select[name=acting_as] option", "Bo").await;
    desk.go("On-call").await;
    desk.sees("Nobody").await;
    desk.lacks_in("td b", "Bo").await;
    desk.go("Escalation policies").await;
    desk.follow("Payments 24×7").await;
    desk.sees("inactive").await;

    // The next alert goes past him.
    desk.alert(KEY, &json!({ "external_id": "b", "title": "Queue long", "severity": "critical" })).await;
    desk.message(CY, "Queue long").await;
    assert_eq!(desk.pages(BO), 1, "nothing more for Bo");
    desk.close(14).await;
}
