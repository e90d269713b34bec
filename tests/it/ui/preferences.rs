//! How pages look to whoever reads them: colours, clock, keys and zone, chosen on one's own page.

use super::*;

const CHOSEN: [(&str, &str); 4] = [("theme", "dark"), ("hours", "12h"), ("keys", "off"), ("zone", "America/New_York")];

#[tokio::test]
async fn whoever_reads_chooses_colours_clock_keys_and_zone() {
    let site = Site::staffed();
    let (vic, ana) = (site.sign_in("Vic").await, site.sign_in("Ana").await);
    let page = vic.get("/dashboard").await;
    page.has("<html lang=\"en\" data-theme=\"system\">").has("data-hours=\"24h\"").has_not("data-keys");

    let (path, page) = vic.done("/me/preferences", &CHOSEN).await;
    assert_eq!(path, format!("/users/{}#preferences", site.id_of("Vic")));
    page.has("data-theme=\"dark\"").has("data-keys=\"off\"").has("data-hours=\"12h\"");
    page.has("<option value=\"12h\" selected>9:05 pm</option>").has("value=\"America/New_York\"");
    // 02:14 in UTC is 21:14 of the day before in New York.
    let on_call = vic.get("/on-call?at=2026-11-26T21:05").await;
    on_call.has("On call Thu 26 Nov 9:05 pm").has("In your time zone, America/New_York.");
    // Pages without a session's shell, too: an error, a problem, the API's own page.
    for elsewhere in ["/users/usr_zzz", "/problems", "/problems/stale", "/api/docs"] {
        vic.get(elsewhere).await.has("data-theme=\"dark\"");
    }
    ana.get("/dashboard").await.has("data-theme=\"system\"").has_not("data-keys");

    // Nothing of it is anybody else's, an admin's neither.
    ana.get(&format!("/users/{}", site.id_of("Vic"))).await.has_not("How pages look to you");
    ana.get("/audit?action=user.preferences_set").await.has("Vic: dark theme, 12h, no keys, America/New_York");
}

#[tokio::test]
async fn what_cannot_be_chosen_is_said_beside_the_field_and_changes_nothing() {
    let site = Site::staffed();
    let rea = site.sign_in("Rea").await;
    for (field, value, sentence) in [
        ("theme", "pink", "Choose one of the list."),
        ("hours", "", "Choose one of the list."),
        ("keys", "maybe", "Choose one of the list."),
        ("zone", "Mars/Base", "Mars/Base is not a place. Choose one, such as America/New_York."),
    ] {
        let form = CHOSEN.map(|(name, chosen)| (name, if name == field { value } else { chosen }));
        let answer = rea.post("/me/preferences", &form).await;
        answer.is(StatusCode::UNPROCESSABLE_ENTITY).has(&format!("id=\"preferences-{field}-problem\">{sentence}"));
        answer.has("data-theme=\"system\"");
    }
    rea.get("/me").await.is(StatusCode::SEE_OTHER);
    rea.get("/dashboard").await.has("data-theme=\"system\"");
}
