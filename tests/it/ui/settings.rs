//! The page of settings: the checklist, a test to oneself with what became of it, and what only admins may.

use super::*;

#[tokio::test]
async fn the_checklist_stands_first_and_says_what_to_do() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let page = ana.get("/settings").await;
    page.is(StatusCode::OK).has("Production checklist").has("Safe mode: nobody is contacted");
    page.has("Set NOTIFICATION_SENDING_ENABLED=true").has("There is one admin").has("There is no alert source yet.");
    let place = |text: &str| page.body.find(text).unwrap_or_else(|| panic!("{text} in {}", page.body));
    let sections = ["checklist", "workers", "channels", "configuration", "storage", "sessions", "support"];
    assert!(sections.map(|id| place(&format!("id=\"{id}\""))).is_sorted());
    // What has been mended passes.
    set_up(&ana).await;
    ana.get("/settings")
        .await
        .has_not("There is no alert source yet.")
        .has("Nothing was ever heard from 1 alert source");
}

#[tokio::test]
async fn anybody_sends_a_test_to_themselves_and_sees_what_became_of_it() {
    let site = Site::staffed();
    let vic = site.sign_in("Vic").await;
    vic.get("/settings")
        .await
        .has("Send Email test to me")
        .has("You have no contact method for SMS")
        .has("No message yet.");
    for _ in 0..3 {
        let (path, page) = vic.done("/settings/channels/email/test", &[]).await;
        assert_eq!(path, "/settings#channels");
        page.has("Vic, Email v…@example.test").has("saved, about to be sent");
    }
    let enough = vic.post("/settings/channels/email/test", &[]).await;
    enough.is(StatusCode::CONFLICT).has("Enough was sent within the last hour.");
    vic.post("/settings/channels/sms/test", &[]).await.is(StatusCode::CONFLICT).has("no contact method for SMS");
    vic.post("/settings/channels/pigeon/test", &[]).await.is(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_acts_is_for_admins() {
    let site = Site::staffed();
    let (ana, rea) = (site.sign_in("Ana").await, site.sign_in("Rea").await);
    rea.get("/settings").await.has("Workers").has("Configuration").has_not("Back up now").has_not("Who is signed in");
    rea.post("/settings/backups", &[]).await.is(StatusCode::FORBIDDEN);
    rea.get("/settings/support-report").await.is(StatusCode::FORBIDDEN);
    let page = ana.get("/settings").await;
    page.has("Who is signed in").has(&format!("/users/{}/access", site.id_of("Rea")));
    ana.get("/settings/support-report").await.is(StatusCode::OK).has("PagerPal support report").has("4 users");
    let text = ana.get("/settings/support-report.txt").await;
    text.is(StatusCode::OK).has("Checklist: ").has_not("Rea").has_not("example.test");
    // This installation keeps no backups.
    ana.post("/settings/backups", &[]).await.is(StatusCode::CONFLICT);
}
