//! The whole way there and back: a text message reaches a phone, its report comes, and the answer takes the incident.

use crate::live::Site;
use harness::infobip::{Channel as Wire, Copy, FakeInfobip, Fault};
use pagerpal::app::AppError;
use pagerpal::domain::user::User;
use pagerpal::store::Read;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const BO: &str = "4917000002";
const OURS: &str = "447860099299";
/// Two rounds of asking, and a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bo alone, reached by SMS at a number that is verified.
async fn site(infobip: &FakeInfobip) -> Site {
    let mut site = Site::new();
    site.ada();
    let bo = site.responder("Bo", &format!("+{BO}"));
    site.write(move |tx| {
        let now = tx.now();
        let mut user = tx.get::<User>(bo)?.expect("bo");
        user.contacts.iter_mut().for_each(|contact| contact.verified_at = Some(now));
        Ok::<(), AppError>(tx.put(&user)?)
    });
    let team = site.team("Payments");
    let policy = site.policy("Payments 24×7", &[bo]);
    site.source("monitor", "generic", team, policy, KEY);
    site.sms_by(infobip);
    site.set("INFOBIP_SMS_SENDER", OURS);
    site
}

async fn alert(site: &Site, id: &str) {
    let body = json!({"external_id": id, "title": format!("Disk full on {id}"), "severity": "critical"});
    let answer = site.post("generic", KEY, &body).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn until(site: &Site, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let answer = site.ask(path).await;
        if wanted(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The word after "reply", which takes the incident.
fn code(copy: &Copy) -> String {
    let lower = copy.text.to_lowercase();
    let at = lower.find("reply ").unwrap_or_else(|| panic!("no code in {}", copy.text)) + "reply ".len();
    copy.text[at..at + 4].to_owned()
}

fn state(incident: &Value) -> &Value {
    &incident["notifications"][0]["deliveries"][0]["state"]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_asked_for_takes_the_incident() {
    let infobip = FakeInfobip::start("k3y").await;
    let mut site = site(&infobip).await;
    let mut process = site.start().await;

    alert(&site, "db1").await;
    let page = infobip.wait_for_copy("Bo's page", PATIENCE, |copy| copy.to == BO).await;
    until(&site, "/api/v1/incidents/1", |incident| state(incident) == "delivered").await;

    infobip.text_in(BO, OURS, &format!(" {} thanks", code(&page).to_lowercase()));
    let taken = until(&site, "/api/v1/incidents/1", |incident| incident["status"] == "acknowledged").await;
    assert_eq!(taken["assignee"]["name"], "Bo", "{taken:#}");
    let answer = infobip.wait_for_copy("the answer", PATIENCE, |copy| copy.text.contains("is yours")).await;
    assert!(answer.to == BO && answer.text.starts_with("PagerPal: #1 is yours."), "{}", answer.text);

    let status = process.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status} {}", process.output());
    assert!(site.verify().is_well());
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_and_answers_that_are_called_in_count_once() {
    let infobip = FakeInfobip::start("k3y").await;
    let mut site = site(&infobip).await;
    // Called in only where nobody can listen; the test plays the proxy that ends TLS.
    site.set("PAGERPAL_BASE_URL", "https://pager.example.test");
    let mut process = site.start().await;

    infobip.fail_next(Wire::Sms, 1, Fault::Undelivered(9));
    alert(&site, "db1").await;
    let taken = infobip.wait_for("the request", PATIENCE, |memory| memory.taken.first().cloned()).await;
    let url = taken.message.report_url.expect("the request names where reports go");
    let path = url.strip_prefix("https://pager.example.test").expect("our own address");
    let call = |url: String, body: Value| async move {
        harness::http::post(url).json(&body).send().await.expect("an answer").status
    };
    let report = infobip.report(&[&taken.message.id]);
    let elsewhere = site.url("/api/v1/callbacks/infobip/0000000000000000000000000zz/reports");
    assert_eq!(call(elsewhere, report.clone()).await, 404);
    for _ in 0..3 {
        assert_eq!(call(site.url(path), report.clone()).await, 200);
    }
    // Not delivered, but it may pass: one more message under a new id, and it arrives.
    let page = infobip.wait_for_copy("the second try", PATIENCE, |copy| copy.to == BO).await;
    assert_ne!(page.message_id, taken.message.id);
    assert_eq!(call(site.url(path), infobip.report(&[&page.message_id])).await, 200);
    until(&site, "/api/v1/incidents/1", |incident| state(incident) == "delivered").await;

    let inbound = site.url(&path.replace("/reports", "/inbound"));
    let id = infobip.text_in(BO, OURS, &format!("{} R", code(&page)));
    for _ in 0..3 {
        assert_eq!(infobip.push_inbound(&id, &inbound).await, 200);
    }
    until(&site, "/api/v1/incidents/1", |incident| incident["status"] == "resolved").await;
    infobip.wait_for_copy("the answer", PATIENCE, |copy| copy.text.contains("#1 is resolved")).await;

    // The link in the page opens without a sign-in, and says how it stands.
    let link = page.text.split_whitespace().find(|word| word.contains("/a/")).expect("a link");
    let opened = harness::http::get(link.replace("https://pager.example.test", &site.url("")));
    let opened = opened.send().await.expect("an answer");
    assert!(opened.status == 200 && opened.text().contains("Resolved by Bo"), "{}", opened.text());

    let status = process.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status} {}", process.output());
    assert!(!process.output().contains(path.split('/').nth(5).expect("the token")), "the token is in the log");
    let answers = infobip.handsets().iter().filter(|copy| copy.text.contains("#1 is resolved")).count();
    assert_eq!(answers, 1, "a repeat of the same reply does nothing");
    assert!(site.verify().is_well());
}
