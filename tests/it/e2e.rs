//! The whole way, through real parts: an alert fires in Alertmanager, people get mail and text messages, nobody answers,
//! the next level is paged, somebody acknowledges in a browser, the alert resolves.

use crate::live::{EMAIL, PASSWORD, Site, photograph};
use harness::alertmanager::Alertmanager;
use harness::browser::Browser;
use harness::infobip::FakeInfobip;
use harness::smtp::MailServer;
use pagerpal::domain::contact::Channel;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const ADA: &str = "4917000001";
const BO: &str = "4917000002";

#[tokio::test(flavor = "multi_thread")]
async fn a_real_alert_pages_a_person_and_a_person_stops_it() {
    let (infobip, mail) = (FakeInfobip::start("k3y").await, MailServer::start().await);
    let mut site = Site::new();
    let ada = site.ada();
    site.contact(ada, Channel::Sms, &format!("+{ADA}"));
    let bo = site.responder("Bo", &format!("+{BO}"));
    let team = site.team("Payments");
    let policy = site.policy("Payments 24×7", &[ada, bo]);
    site.source("alertmanager-prod", "alertmanager", team, policy, KEY);
    site.sms_by(&infobip);
    site.mail_by(&mail);
    site.set("PAGERPAL_BASE_URL", site.url(""));
    let mut process = site.start().await;
    let alertmanager = Alertmanager::start(&site.url("/api/v1/webhooks/alertmanager"), KEY).await;

    // It fires: level 1 gets the mail and the text message.
    let labels = [("alertname", "DiskFull"), ("instance", "db1"), ("severity", "critical")];
    alertmanager.fire(&labels, &[("summary", "Disk full on db1")]).await;
    let first = infobip.wait_for_copy("Ada's text message", Duration::from_secs(20), |copy| copy.to == ADA).await;
    let first_at = Instant::now();
    assert!(first.text.contains("CRITICAL") && first.text.contains("Disk full on db1"), "{}", first.text);
    let mails = mail.wait_for(1, Duration::from_secs(20)).await;
    assert_eq!(mails[0].header("to"), Some(EMAIL));
    assert_eq!(mails[0].header("subject"), Some("[#1 CRITICAL] Disk full on db1"));
    assert!(mails[0].text.contains(&site.url("/a/")), "{}", mails[0].text);
    assert!(mails[0].defects.is_empty(), "{:?}", mails[0].defects);

    // Nobody answers: level 2 is paged after its minute, and not before.
    infobip.wait_for_copy("Bo's text message", Duration::from_secs(80), |copy| copy.to == BO).await;
    let waited = first_at.elapsed();
    assert!(waited > Duration::from_millis(58_500) && waited < Duration::from_secs(65), "{waited:?}");

    // Ada acknowledges in the browser, with scripts or without them.
    let browser = Browser::start().await;
    browser.resize(1280, 900).await;
    sign_in(&browser, &site).await;
    browser.goto(&site.url("/incidents/1")).await;
    photograph(&browser, "incident").await;
    browser.find_with_text("button", "Acknowledge").await.click().await;
    browser.find_with_text("body", "Ada has it").await;
    photograph(&browser, "incident-acknowledged").await;
    let incident = site.ask("/api/v1/incidents/1").await;
    assert_eq!(incident["status"], "acknowledged", "{incident:#}");

    // Nothing more leaves, though the alert goes on firing and Bo's minute passes.
    let (texts, mails_then) = (infobip.received().len(), mail.mails().len());
    tokio::time::sleep(Duration::from_secs(63)).await;
    assert_eq!((infobip.received().len(), mail.mails().len()), (texts, mails_then));

    // The alert resolves, and so does the incident.
    alertmanager.resolve(&labels).await;
    let resolved = until(&site, "/api/v1/incidents/1", |incident| incident["status"] == "resolved").await;

    // A second recovery changes nothing.
    let group = resolved["external_id"].as_str().expect("an external id").to_owned();
    assert!(group.starts_with("am:"), "{group}");
    let again = json!({
        "version": "4", "groupKey": "{}:{alertname=\"DiskFull\"}", "status": "resolved", "truncatedAlerts": 0,
        "alerts": [{"status": "resolved", "labels": {"alertname": "DiskFull"}, "fingerprint": "1",
                    "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-01T01:00:00Z"}],
    });
    let answer = site.post("alertmanager", KEY, &again).await.expect("an answer");
    let body: Value = answer.json();
    assert_eq!((answer.status, &body["events"][0]["result"]), (200, &json!("unchanged")), "{body:#}");
    assert_eq!(site.ask("/api/v1/incidents/1").await, resolved);
    browser.goto(&site.url("/incidents/1")).await;
    browser.resize(390, 844).await;
    photograph(&browser, "incident-resolved-phone").await;

    assert_eq!(site.ask("/api/v1/incidents").await["data"].as_array().map(Vec::len), Some(1));
    let status = process.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status} {}", process.output());
    let verified = site.verify();
    assert!(verified.is_well() && verified.records > 10, "{verified:?}");
}

async fn sign_in(browser: &Browser, site: &Site) {
    browser.goto(&site.url("/login")).await;
    browser.find("input[name=email]").await.type_text(EMAIL).await;
    browser.find("input[name=password]").await.type_text(PASSWORD).await;
    browser.find("main button, form button").await.click().await;
    browser.find_with_text("body", "Dashboard").await;
}

/// Asks until the answer is as wanted; the worker or sender that makes it so has half a minute.
async fn until(site: &Site, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let answer = site.ask(path).await;
        if wanted(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{answer:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
