//! A night as its people see it: on call set up in a browser from nothing but a team, somebody stands in, nobody answers,
//! the next level is paged, and an answer by text message takes the incident.

use crate::live::{EMAIL, PASSWORD, Site, photograph_whole};
use harness::browser::Browser;
use harness::infobip::FakeInfobip;
use pagerpal::domain::id::UserId;
use serde_json::json;
use std::time::{Duration, Instant};

const ADA: &str = "4917000001";
const BO: &str = "4917000002";
const CY: &str = "4917000003";
const OURS: &str = "447860099299";
/// Two rounds of asking the provider, and a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_an_override_a_second_level_and_an_answer_by_text() {
    let infobip = FakeInfobip::start("k3y").await;
    let mut site = Site::new();
    let ada = site.ada();
    site.responder("Bo", &format!("+{BO}"));
    site.responder("Cy", &format!("+{CY}"));
    site.team("Payments");
    site.sms_by(&infobip);
    site.set("INFOBIP_SMS_SENDER", OURS);
    site.set("PAGERPAL_BASE_URL", site.url(""));
    let mut process = site.start().await;
    let browser = Browser::start().await;
    let desk = Desk { browser, site: &site };

    desk.sign_in().await;
    desk.verify_a_number(&infobip, ada).await;
    desk.set_up_a_rotation().await;
    desk.add_an_override().await;
    desk.set_up_a_policy().await;
    let key = desk.set_up_a_source().await;

    // An alert: the override's person is paged, and only that one.
    let before = infobip.handsets().len();
    let body = json!({"external_id": "db1", "title": "Disk full on db1", "severity": "critical"});
    let answer = site.post("generic", &key, &body).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let page = infobip.wait_for_copy("Cy's page", PATIENCE, |copy| copy.to == CY).await;
    let paged = Instant::now();
    assert!(page.text.contains("Disk full on db1"), "{}", page.text);
    desk.open("/incidents/1").await;
    desk.shows("main", "Cy").await;
    desk.photograph("journey-triggered").await;

    // Nobody answers: level 2 after its minute.
    let second = infobip.wait_for_copy("Ada's page", PATIENCE * 2, |copy| copy.to == ADA && copy.text.contains("#1"));
    let second = second.await;
    assert!(paged.elapsed() > Duration::from_secs(58), "{:?}", paged.elapsed());
    assert_eq!(infobip.handsets().len(), before + 2, "one page each, and nobody else");

    // The link of the message shows the incident to whoever holds it, and opening it changes nothing.
    let link = second.text.split_whitespace().find(|word| word.contains("/a/")).expect("a link");
    desk.browser.goto(link).await;
    desk.shows("body", "Disk full on db1").await;
    desk.photograph("journey-link").await;
    desk.open("/incidents/1").await;
    desk.shows("main", "Needs someone").await;

    // She answers with the code of the message, and the page says so.
    let code = word_after(&second.text, "reply ");
    infobip.text_in(ADA, OURS, &code);
    infobip.wait_for_copy("the answer", PATIENCE, |copy| copy.to == ADA && copy.text.contains("is yours")).await;
    desk.open("/incidents/1").await;
    desk.shows("body", "Ada has it").await;
    desk.photograph("journey-acknowledged").await;
    assert!(infobip.handsets().iter().all(|copy| copy.to != BO), "Bo sleeps");

    desk.plan_a_maintenance().await;
    desk.add_a_heartbeat().await;

    let status = process.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status} {}", process.output());
    drop(desk);
    assert!(site.verify().is_well());
}

/// A person at a browser.
struct Desk<'a> {
    browser: Browser,
    site: &'a Site,
}

impl Desk<'_> {
    async fn sign_in(&self) {
        self.open("/login").await;
        self.fill("input[name=email]", EMAIL).await;
        self.fill("input[name=password]", PASSWORD).await;
        self.press("Sign in").await;
        self.shows("h1", "All quiet").await;
    }

    /// Until she has shown that messages arrive, replies from a number do nothing.
    async fn verify_a_number(&self, infobip: &FakeInfobip, user: UserId) {
        self.open(&format!("/users/{user}")).await;
        self.choose("channel", "SMS").await;
        self.fill("#contact-address", &format!("+{ADA}")).await;
        self.press("Add contact method").await;
        self.shows("main", "unverified").await;
        self.browser.find("li:last-child button[formaction$='/code']").await.click().await;
        let sent = infobip.wait_for_copy("the code", PATIENCE, |copy| copy.to == ADA && code_in(&copy.text).is_some());
        self.fill("input[name=code]", code_in(&sent.await.text).expect("waited for")).await;
        self.press("Verify").await;
        self.browser.find_with_text(".pill", "verified").await;
        self.photograph("journey-user").await;
    }

    /// Bo and Cy take turns of a week; it is Bo's.
    async fn set_up_a_rotation(&self) {
        self.open("/schedules").await;
        self.fill("input[name=name]", "Payments primary").await;
        self.press("Create schedule").await;
        self.shows("main", "Nobody").await;
        self.browser.find_with_text("a.button", "Add a rotation").await.click().await;
        let yesterday = self.browser.run(&in_utc(-24 * 60)).await;
        self.set("input[name=anchor]", &yesterday.to_string()).await;
        self.choose("slot0", "Bo").await;
        self.choose("slot1", "Cy").await;
        self.press("Show what would come of it").await;
        self.shows("main", "Bo is first").await;
        self.photograph("journey-rotation").await;
        self.press("Save rotation").await;
        self.shows("h1", "Payments primary").await;
        self.browser.find_with_text("section b", "Bo").await;
    }

    /// Cy covers for some hours; on-call pages tell who is on call before, during and after.
    async fn add_an_override(&self) {
        self.open("/on-call").await;
        self.shows("td b", "Bo").await;
        self.photograph("journey-on-call-before").await;
        self.browser.find_with_text("a.title", "Payments primary").await.click().await;
        self.shows("h1", "Payments primary").await;
        self.browser.find_with_text("summary", "Add an override").await.click().await;
        self.choose_in("form[action$='/overrides'] select[name=user]", "Cy").await;
        for (field, minutes) in [("start", -1), ("end", 4 * 60)] {
            let at = self.browser.run(&in_utc(minutes)).await;
            self.set(&format!("form[action$='/overrides'] input[name={field}]"), &at.to_string()).await;
        }
        self.fill("#override-note", "Bo is at the dentist").await;
        self.press("Add override").await;
        self.browser.find_with_text("section b", "Cy").await;
        self.photograph("journey-schedule").await;
        self.browser.find_with_text("a", "Fairness").await.click().await;
        self.browser.find_with_text("a", "Next 8 weeks").await.click().await;
        self.shows("main", "Next 8 weeks:").await;
        for person in ["Bo", "Cy"] {
            self.shows("td b", person).await;
        }
        self.photograph("journey-fairness").await;

        self.open("/on-call").await;
        self.shows("td b", "Cy").await;
        self.shows("td", "then Bo").await;
        self.photograph("journey-on-call-during").await;
        let later = self.browser.run(&in_utc(6 * 60)).await;
        self.set("input[name=at]", &later.to_string()).await;
        self.press("Show").await;
        self.shows("td b", "Bo").await;
    }

    /// Whoever is on call, a minute later Ada.
    async fn set_up_a_policy(&self) {
        self.open("/escalation-policies/new").await;
        self.fill("input[name=name]", "Payments 24×7").await;
        self.set("input[name=delay]", "\"1\"").await;
        self.choose("recipients", "Payments primary").await;
        self.press("Create policy").await;
        self.browser.find_with_text("summary", "Add a level").await.click().await;
        let form = "details[open] form";
        self.set(&format!("{form} input[name=delay]"), "\"5\"").await;
        self.choose_in(&format!("{form} select[name=recipients]"), "Ada").await;
        self.press("Add level").await;
        self.shows("main", "Level 2").await;
        // The ladder calls whom the override names.
        self.shows("ol", "Cy").await;
        self.photograph("journey-policy").await;
    }

    /// The key, as it is shown once.
    async fn set_up_a_source(&self) -> String {
        self.open("/alert-sources/new").await;
        self.fill("input[name=name]", "monitor").await;
        self.press("Create alert source").await;
        let key = self.browser.find("pre.key").await.text().await;
        self.open("/alert-sources").await;
        assert!(!self.browser.source().await.contains(&key));
        key
    }

    async fn plan_a_maintenance(&self) {
        self.open("/maintenance").await;
        self.photograph("journey-maintenance").await;
        let form = "form:has(input[value=once])";
        self.browser.run(&format!("document.querySelector(`{form}`).closest('details').open = true")).await;
        self.fill(&format!("{form} input[name=name]"), "Database upgrade").await;
        self.browser.find(&format!("{form} input[name=source]")).await.click().await;
        for (field, hours) in [("start", 20), ("end", 22)] {
            let at = self.browser.run(&in_utc(hours * 60)).await;
            self.set(&format!("{form} input[name={field}]"), &at.to_string()).await;
        }
        self.browser.find(&format!("{form} button.primary")).await.click().await;
        self.shows("main", "Database upgrade").await;
        self.photograph("journey-maintenance-window").await;
    }

    async fn add_a_heartbeat(&self) {
        self.open("/heartbeats").await;
        self.browser.find_with_text("summary", "Add a heartbeat").await.click().await;
        self.fill("input[name=name]", "nightly-backup").await;
        self.fill("input[name=interval]", "1440").await;
        self.fill("input[name=grace]", "60").await;
        self.press("Add heartbeat").await;
        self.shows("h1", "nightly-backup").await;
        self.photograph("journey-heartbeat").await;
        self.open("/heartbeats").await;
        self.shows("td", "nightly-backup").await;
        self.photograph("journey-heartbeats").await;
    }

    async fn open(&self, path: &str) {
        self.browser.goto(&self.site.url(path)).await;
    }

    async fn shows(&self, css: &str, text: &str) {
        self.browser.find_with_text(css, text).await;
    }

    async fn fill(&self, css: &str, text: &str) {
        let field = self.browser.find(css).await;
        field.clear().await;
        field.type_text(text).await;
    }

    /// As a date picker would: what is typed into one depends on the browser's language. `value` is JavaScript.
    async fn set(&self, css: &str, value: &str) {
        self.browser.find(css).await;
        self.browser.run(&format!("document.querySelector(`{css}`).value = {value}")).await;
    }

    async fn choose(&self, field: &str, label: &str) {
        self.choose_in(&format!("select[name={field}]"), label).await;
    }

    async fn choose_in(&self, css: &str, label: &str) {
        self.browser.find(css).await;
        self.browser.find_with_text(&format!("{css} option"), label).await.click().await;
    }

    async fn press(&self, label: &str) {
        self.browser.find_with_text("button", label).await.click().await;
    }

    async fn photograph(&self, name: &str) {
        photograph_whole(&self.browser, name).await;
    }
}

/// A script: so many minutes from now, as a date field has it.
fn in_utc(minutes: i64) -> String {
    format!("return new Date(Date.now() + {minutes} * 60000).toISOString().slice(0, 16)")
}

/// The six digits of a verification.
fn code_in(text: &str) -> Option<&str> {
    let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    text.split(|c: char| !c.is_ascii_alphanumeric()).find(is_code)
}

fn word_after(text: &str, mark: &str) -> String {
    let at = text.to_lowercase().find(mark).unwrap_or_else(|| panic!("no {mark:?} in {text}")) + mark.len();
    text[at..].chars().take_while(|c| c.is_ascii_alphanumeric()).collect()
}
