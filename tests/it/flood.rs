//! A login flood against the real binary: hundreds of wrong passwords at a time, from as many addresses, so that every one
//! of them gets past the buckets and asks for a hash. Meanwhile alerts come in and page, and whoever is signed in works on.
//!
//! It lasts [`SECS`] seconds, or as long as `FLOOD_SECS` says. With `--nocapture` it tells how long alerts took without the
//! flood and within it. Flood, server and stopwatch share one machine, so only the ratio means something, and nothing here
//! depends on it.

use crate::live::{EMAIL, PASSWORD, Site};
use harness::http::{self, Answer};
use harness::infobip::FakeInfobip;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const SECS: u64 = 12;
const AT_ONCE: u32 = 500;
/// From the alert to the text message.
const PAGED_WITHIN: Duration = Duration::from_secs(2);
/// One after the other, each to another person: no number comes near its budget of texts.
const CANARY_EVERY: Duration = Duration::from_secs(2);
/// One alert that goes on firing: each repeat is a commit, and pages nobody.
const REPEAT_EVERY: Duration = Duration::from_millis(40);
const REPEATED: &str = "ffffffffffffffffffffffffffffffff";

#[tokio::test(flavor = "multi_thread")]
async fn a_login_flood_keeps_no_page_from_leaving() {
    let secs =
        std::env::var("FLOOD_SECS").map_or(SECS, |secs| secs.parse().expect("FLOOD_SECS is a number of seconds"));
    let lasts = Duration::from_secs(secs);
    let infobip = FakeInfobip::start("k3y").await;
    let mut site = Site::new();
    site.ada();
    let team = site.team("Payments");
    for canary in 0..=canaries(lasts) {
        let person = site.responder(&format!("Canary {canary}"), &format!("+{}", number(canary)));
        let policy = site.policy(&format!("Canary {canary}"), &[person]);
        site.source(&format!("Canary {canary}"), "generic", team, policy, &key(canary));
    }
    let person = site.responder("Bo", "+4917100000");
    let policy = site.policy("Repeats", &[person]);
    site.source("Repeats", "generic", team, policy, REPEATED);
    site.sms_by(&infobip);
    let mut process = site.start().await;
    // Ada is in before it begins.
    site.ask("/api/v1/me").await;
    page(&site, &infobip, canaries(lasts)).await;
    let quiet = repeats(&site, lasts.min(Duration::from_secs(20))).await;

    let flood = Flood::begin(site.url(""));
    let paging = async {
        let (begun, mut slowest) = (Instant::now(), Duration::ZERO);
        for canary in 0..canaries(lasts) {
            tokio::time::sleep_until((begun + CANARY_EVERY * canary).into()).await;
            slowest = slowest.max(page(&site, &infobip, canary).await);
            assert_eq!(site.ask("/api/v1/me").await["user"]["name"], "Ada");
        }
        slowest
    };
    let (slowest, flooded) = tokio::join!(paging, repeats(&site, lasts));
    let answers = flood.end().await;

    eprintln!("{AT_ONCE} wrong passwords at a time for {secs} s were answered {answers:?}");
    eprintln!("the slowest page took {slowest:?}");
    let ratio = flooded.p99.as_secs_f64() / quiet.p99.as_secs_f64();
    eprintln!("an alert took {quiet:?} without the flood and {flooded:?} within it: {ratio:.1} times the p99");
    // It was a flood, and it was not the buckets that stopped it: passwords were checked all the time, and the queue was
    // full all the same. Nobody got in, and nobody was cut off or told anything else.
    let count = |answer: &str| answers.get(answer).copied().unwrap_or(0);
    let (checked, full) =
        (count("/login 422") + count("/api/v1/me 401"), count("/login 503") + count("/api/v1/me 503"));
    assert!(checked > secs && full > u64::from(AT_ONCE), "{answers:?}");
    assert!(
        answers.keys().all(|answer| ["422", "401", "503"].iter().any(|status| answer.ends_with(status))),
        "{answers:?}"
    );

    // Nobody is locked out.
    let form = [("email", EMAIL), ("password", PASSWORD)];
    let signed_in = http::post(site.url("/login")).form(&form).send().await.expect("an answer");
    assert_eq!((signed_in.status, signed_in.header("location")), (303, Some("/dashboard")), "{}", signed_in.text());
    let status = process.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status} {}", process.output());
    assert!(site.verify().is_well());
}

fn canaries(lasts: Duration) -> u32 {
    (lasts.as_secs() / CANARY_EVERY.as_secs()).try_into().expect("a flood of a reasonable length")
}

fn number(canary: u32) -> String {
    format!("49170{canary:05}")
}

fn key(canary: u32) -> String {
    format!("{canary:032x}")
}

/// An alert of its own for the canary's person; answers how long it took until the phone had it.
async fn page(site: &Site, infobip: &FakeInfobip, canary: u32) -> Duration {
    let (begun, to) = (Instant::now(), number(canary));
    alert(site.url("/api/v1/webhooks/generic"), key(canary), &format!("canary-{canary}")).await;
    infobip
        .wait_for_copy("the canary's page", PAGED_WITHIN.saturating_sub(begun.elapsed()), |copy| copy.to == to)
        .await;
    begun.elapsed()
}

async fn alert(url: String, key: impl Into<String>, external_id: &str) {
    let body = json!({"external_id": external_id, "title": "Something broke", "severity": "critical"});
    let answer = http::post(url).header("x-api-key", key).json(&body).send().await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// How long alerts took until they were answered, which is after they were on disk.
#[derive(Debug)]
#[expect(dead_code, reason = "the report prints them")]
struct Times {
    alerts: usize,
    median: Duration,
    p99: Duration,
}

/// Alerts at a steady pace, each on its own: who waits for a slow answer before sending the next one measures the waiting.
async fn repeats(site: &Site, lasts: Duration) -> Times {
    let begun = Instant::now();
    let mut pace = tokio::time::interval(REPEAT_EVERY);
    let mut alerts = JoinSet::new();
    while begun.elapsed() < lasts {
        pace.tick().await;
        let url = site.url("/api/v1/webhooks/generic");
        alerts.spawn(async move {
            let sent = Instant::now();
            alert(url, REPEATED, "repeats").await;
            sent.elapsed()
        });
    }
    let mut times = alerts.join_all().await;
    times.sort();
    Times { alerts: times.len(), median: times[times.len() / 2], p99: times[times.len() * 99 / 100] }
}

struct Flood {
    is_over: Arc<AtomicBool>,
    people: JoinSet<BTreeMap<String, u64>>,
}

impl Flood {
    /// Half of them at the page and half at the API; half of them know an email that has an account.
    fn begin(base: String) -> Flood {
        let (is_over, addresses) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let mut people = JoinSet::new();
        for person in 0..AT_ONCE {
            let (base, is_over, addresses) = (base.clone(), Arc::clone(&is_over), Arc::clone(&addresses));
            let email = if person % 4 < 2 { EMAIL.to_owned() } else { format!("stranger{person}@example.test") };
            let path = if person % 2 == 0 { "/login" } else { "/api/v1/me" };
            people.spawn(async move {
                let mut answers = BTreeMap::new();
                while !is_over.load(Ordering::Relaxed) {
                    let address = address(addresses.fetch_add(1, Ordering::Relaxed));
                    let url = format!("{base}{path}");
                    let answer = match path {
                        "/login" => http::post(url).form(&[("email", &email), ("password", "not the password")]),
                        _ => http::get(url).basic(&email, "not the password"),
                    };
                    let answer = answer.from(address).send().await;
                    *answers.entry(format!("{path} {}", told(answer))).or_default() += 1;
                }
                answers
            });
        }
        Flood { is_over, people }
    }

    /// How often each answer was given.
    async fn end(self) -> BTreeMap<String, u64> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut all = BTreeMap::new();
        for (answer, count) in self.people.join_all().await.into_iter().flatten() {
            *all.entry(answer).or_default() += count;
        }
        all
    }
}

/// No address comes twice within sixteen million tries, and none is that of the other callers.
fn address(number: u32) -> Ipv4Addr {
    let [_, b, c, d] = (0x0001_0000 + number % 0x00fe_0000).to_be_bytes();
    Ipv4Addr::new(127, b, c, d)
}

fn told(answer: std::io::Result<Answer>) -> String {
    match answer {
        Ok(answer) if answer.status == 503 && answer.header("retry-after").is_none() => "503 without a time".to_owned(),
        Ok(answer) => answer.status.to_string(),
        Err(error) => error.to_string(),
    }
}
