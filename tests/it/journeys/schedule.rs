//! Who is on call, as it is changed by a rotation, an entry and an override, and what a page makes of it.

use super::desk::House;
use super::{Setting, here_and_there, walk};
use harness::browser::Browser;
use serde_json::json;

const BO: &str = "4917000002";
const CY: &str = "4917000003";
const DEE: &str = "4917000004";
const HOUR: i64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_an_entry_above_it_and_an_override_above_both() {
    walk(here_and_there(), layers_of_a_schedule).await;
}

async fn layers_of_a_schedule(browser: &Browser, setting: Setting) {
    let mut house = House::new().await;
    house.site.ada();
    for (name, number) in [("Bo", BO), ("Cy", CY), ("Dee", DEE)] {
        house.site.responder(name, &format!("+{number}"));
    }
    house.site.team("Payments");
    let desk = house.open(browser, "schedule", setting).await;
    desk.sign_in().await;

    desk.new_schedule("Payments primary").await;
    desk.follow("Add a rotation").await;
    let yesterday = desk.at(-24 * HOUR).await;
    let turns = [("Turns count from", &*yesterday), ("Turn 1, person 1", "Bo"), ("Turn 2, person 1", "Cy")];
    desk.submit("Show what would come of it", &turns).await;
    desk.sees("Bo is first").await;
    desk.press("Save rotation").await;
    desk.sees("On call now").await;
    desk.go("On-call").await;
    desk.sees("Bo").await;

    // An entry stands above the rotation.
    desk.follow("Payments primary").await;
    desk.sees("No entries ahead").await;
    let (from, to) = (desk.at(-1).await, desk.at(8 * HOUR).await);
    desk.submit("Add entry", &[("Person", "Cy"), ("From", &*from), ("To", &*to), ("Note", "swapped")]).await;
    desk.sees("swapped").await;
    desk.go("On-call").await;
    desk.sees_in("td b", "Cy").await;

    // Two entries at once would leave open who it is.
    desk.follow("Payments primary").await;
    desk.press("Add an entry").await;
    desk.submit("Add entry", &[("Person", "Dee"), ("From", &*from), ("To", &*to)]).await;
    desk.sees("Not done.").await;
    desk.lacks("Dee, by").await;

    // An override wins, for as long as it lasts.
    desk.go("Schedules").await;
    desk.follow("Payments primary").await;
    desk.press("Add an override").await;
    let to = desk.at(4 * HOUR).await;
    let cover = [("Person", "Dee"), ("From", &*from), ("To", &*to), ("Reason", "dentist")];
    desk.submit("Add override", &cover).await;
    desk.sees("dentist").await;
    desk.go("On-call").await;
    desk.sees_in("td b", "Dee").await;
    for (hours, name) in [(3, "Dee"), (6, "Cy"), (12, "Bo")] {
        let at = desk.at(hours * HOUR).await;
        desk.submit("Show", &[("As of", &*at)]).await;
        desk.sees_in("td b", name).await;
    }

    // The page goes where the schedule says, and comes back when the override is taken away.
    desk.new_policy("Payments 24×7", "Payments primary", "5").await;
    desk.sees_in("ol", "Dee").await;
    let key = desk.new_source("monitor").await;
    desk.alert(&key, &json!({ "external_id": "a", "title": "Disk full", "severity": "error" })).await;
    desk.message(DEE, "Disk full").await;

    desk.go("Schedules").await;
    desk.follow("Payments primary").await;
    desk.press("Remove the override of Dee").await;
    desk.sees("No overrides ahead").await;
    // Dee's page is nobody's any more while it waits, so Cy is called as well, at once.
    desk.message(CY, "Disk full").await;
    desk.go("On-call").await;
    desk.sees_in("td b", "Cy").await;
    assert_eq!(desk.pages(BO), 0, "Bo sleeps");
    desk.close(15).await;
}
