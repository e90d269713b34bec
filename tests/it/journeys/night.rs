//! A night as its people see it: somebody stands in, nobody answers, the next level is paged after its minute, and an
//! answer by text message takes the incident. By day there is more to plan: a maintenance, a heartbeat, a fair share.

use super::desk::{ARRIVE, Desk, House};
use super::{SETTINGS, Setting};
use harness::browser::Browser;
use serde_json::json;
use std::time::Instant;

const ADA: &str = "4917000001";
const BO: &str = "4917000002";
const CY: &str = "4917000003";
const OURS: &str = "447860099299";
const HOUR: i64 = 60;

/// A minute of it is waited for, so both are walked at once.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_and_the_next_level_answers_by_text() {
    let [with_scripts, _, _, on_a_plain_phone, ..] = SETTINGS;
    tokio::join!(night(with_scripts), night(on_a_plain_phone));
}

async fn night(setting: Setting) {
    let browser = Browser::start().await;
    let mut house = House::new().await;
    house.site.set("INFOBIP_SMS_SENDER", OURS);
    house.site.ada();
    house.site.responder("Bo", &format!("+{BO}"));
    house.site.responder("Cy", &format!("+{CY}"));
    house.site.team("Payments");
    let desk = house.open(&browser, "night", setting).await;
    desk.sign_in().await;
    desk.sees("All quiet").await;
    desk.verify_a_number("Ada", ADA).await;
    let key = set_up(&desk).await;

    // The override's person is paged, and only that one.
    let before = desk.infobip.handsets().len();
    desk.alert(&key, &json!({ "external_id": "db1", "title": "Disk full on db1", "severity": "critical" })).await;
    desk.message(CY, "Disk full on db1").await;
    let paged = Instant::now();
    desk.open("/incidents/1").await;
    desk.sees("Cy").await;

    // Nobody answers: level 2 after its minute. By then there is more to plan.
    plan_a_maintenance(&desk).await;
    add_a_heartbeat(&desk).await;
    let second =
        desk.infobip.wait_for_copy("Ada's page", ARRIVE * 4, |copy| copy.to == ADA && copy.text.contains("#1"));
    let second = second.await;
    assert!(paged.elapsed().as_secs() >= 55, "{:?}", paged.elapsed());
    assert_eq!(desk.infobip.handsets().len(), before + 2, "one page each, and nobody else");

    // The link of the message shows the incident to whoever holds it, and opening it changes nothing.
    desk.open_link(&second).await;
    desk.sees("Disk full on db1").await;
    desk.open("/incidents/1").await;
    desk.sees("Needs someone").await;

    // She answers with the code of the message, and the page says so.
    desk.infobip.text_in(ADA, OURS, &code_after("reply ", &second.text));
    desk.infobip.wait_for_copy("the answer", ARRIVE * 2, |copy| copy.to == ADA && copy.text.contains("is yours")).await;
    desk.open("/incidents/1").await;
    desk.sees("Ada has it").await;
    assert_eq!(desk.pages(BO), 0, "Bo sleeps");
    desk.close(15).await;
}

/// Bo and Cy take turns of a week and Cy stands in for Bo; a minute after whoever is on call, Ada. The answer is the
/// key of the monitor.
async fn set_up(desk: &Desk<'_>) -> String {
    desk.new_schedule("Payments primary").await;
    desk.follow("Add a rotation").await;
    let yesterday = desk.at(-24 * HOUR).await;
    let turns = [("Turns count from", &*yesterday), ("Turn 1, person 1", "Bo"), ("Turn 2, person 1", "Cy")];
    desk.submit("Save rotation", &turns).await;
    desk.sees("On call now").await;
    desk.press("Add an override").await;
    let (from, to) = (desk.at(-1).await, desk.at(4 * HOUR).await);
    let cover = [("Person", "Cy"), ("From", &*from), ("To", &*to), ("Reason", "Bo is at the dentist")];
    desk.submit("Add override", &cover).await;
    desk.sees("Bo is at the dentist").await;
    desk.follow("Fairness").await;
    desk.follow("Next 8 weeks").await;
    desk.sees("Next 8 weeks:").await;
    for person in ["Bo", "Cy"] {
        desk.sees_in("td b", person).await;
    }
    desk.go("On-call").await;
    desk.sees("Cy").await;
    desk.sees("then Bo").await;

    desk.new_policy("Payments 24×7", "Payments primary", "1").await;
    desk.press("Add a level").await;
    desk.submit("Add level", &[("Minutes until", "5"), ("Calls, 1", "Ada")]).await;
    desk.sees("Level 2").await;
    // The ladder calls whom the override names.
    desk.sees_in("ol", "Cy").await;
    desk.new_source("monitor").await
}

async fn plan_a_maintenance(desk: &Desk<'_>) {
    desk.go("Maintenance").await;
    desk.press("Add a window or silence").await;
    let (from, to) = (desk.at(20 * HOUR).await, desk.at(22 * HOUR).await);
    let window = [("Name", "Database upgrade"), ("monitor", ""), ("From", &*from), ("To", &*to)];
    desk.submit("Add", &window).await;
    desk.sees("Database upgrade").await;
}

async fn add_a_heartbeat(desk: &Desk<'_>) {
    desk.go("Heartbeats").await;
    desk.press("Add a heartbeat").await;
    desk.submit(
        "Add heartbeat",
        &[("Name", "nightly-backup"), ("Minutes between pings", "1440"), ("Minutes of grace", "60")],
    )
    .await;
    desk.sees("nightly-backup").await;
    desk.go("Heartbeats").await;
    desk.sees("nightly-backup").await;
}

fn code_after(mark: &str, text: &str) -> String {
    let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("no {mark:?} in {text}"));
    rest.chars().take_while(|c| c.is_ascii_alphanumeric()).collect()
}
