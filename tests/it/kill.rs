//! The real binary, killed with SIGKILL at random moments, again and again.
//!
//! What was answered with a 2xx is there afterwards; every page that was due left; a message on its way at the kill is sent
//! again under the same id; levels are paged on time across restarts; no acknowledgement is lost. And because a harness
//! that does nothing looks green, the loop proves its own progress: confirmed requests and messages grow, and kills hit
//! every phase.

use crate::live::Site;
use harness::infobip::{Channel, FakeInfobip, Fault, Received};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const KILLS: usize = 110;
/// Pairs of people, so that no number comes near what a provider's flooding filter allows.
const PAIRS: usize = 440;
/// A small generator of our own keeps a run repeatable by its seed.
const SEED: u64 = 20_261_124;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// What the client saw confirmed.
#[derive(Default)]
struct Confirmed {
    /// External id to incident id, with the pair that is paged for it.
    alerts: BTreeMap<String, (String, usize)>,
    acknowledged: BTreeSet<String>,
}

impl Confirmed {
    fn untaken(&self) -> Option<String> {
        let known = self.alerts.values().map(|(id, _)| id);
        known.rev().find(|id| !self.acknowledged.contains(*id)).cloned()
    }
}

fn key(pair: usize) -> String {
    format!("{pair:032x}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_kills_lose_nothing_that_was_confirmed() {
    let infobip = FakeInfobip::start("k3y").await;
    let mut site = Site::new();
    site.ada();
    let team = site.team("Everyone");
    for pair in 0..PAIRS {
        let first = site.responder(&format!("First {pair}"), &format!("+49170{pair:06}"));
        let second = site.responder(&format!("Second {pair}"), &format!("+49171{pair:06}"));
        let policy = site.policy(&format!("Policy {pair}"), &[first, second]);
        site.source(&format!("Source {pair}"), "generic", team, policy, &key(pair));
    }
    site.sms_by(&infobip);

    let mut random = Random(SEED);
    let confirmed = Arc::new(Mutex::new(Confirmed::default()));
    let (mut killed_while_starting, mut killed_while_serving, mut starts_that_answered) = (0, 0, 0);
    let mut alerts = 0usize;
    let mut grew = 0;
    for cycle in 0..KILLS {
        let before = confirmed.lock().expect("no panic").alerts.len();
        let mut process = site.begin();
        // One in ten dies before it serves.
        if cycle % 10 == 9 {
            tokio::time::sleep(Duration::from_millis(random.below(60))).await;
            killed_while_starting += 1;
            process.kill9().await;
            continue;
        }
        process.wait_until_answers(&site.url("/health"), crate::live::START).await.unwrap_or_else(|why| {
            panic!("start {cycle}: {why}\n{}", process.output());
        });
        starts_that_answered += 1;
        // Some messages hang on the wire, so that the kill finds them in flight; some are taken and the answer lost.
        match cycle % 3 {
            0 => infobip.fail_next(Channel::Sms, 1, Fault::Hang),
            1 => infobip.fail_next(Channel::Sms, 1, Fault::AcceptThenDrop),
            _ => {}
        }
        let mut under_way = Vec::new();
        for _ in 0..4 {
            under_way.push(tokio::spawn(post(site.url(""), alerts, Arc::clone(&confirmed))));
            alerts += 1;
        }
        // Every fifth time somebody takes an incident that is known to be there.
        let known = confirmed.lock().expect("no panic").untaken();
        let mut life = random.below(400);
        if let (0, Some(id)) = (cycle % 5, known) {
            let taking = tokio::spawn(acknowledge(site.url(""), id, Arc::clone(&confirmed)));
            // Checking a password takes its time. Every other one is waited for, so that the kill comes right after it.
            if cycle % 10 == 0 {
                let _ = taking.await;
                life /= 8;
            } else {
                under_way.push(taking);
            }
        }
        tokio::time::sleep(Duration::from_millis(life)).await;
        killed_while_serving += 1;
        process.kill9().await;
        for task in under_way {
            let _ = task.await;
        }
        if confirmed.lock().expect("no panic").alerts.len() > before {
            grew += 1;
        }
    }
    assert!(killed_while_starting >= 10 && killed_while_serving >= 90, "kills hit every phase");
    assert!(starts_that_answered >= 90 && grew >= 60, "{grew} of {starts_that_answered} lives confirmed something");

    // One last life, undisturbed. First pages must all leave; second ones when their minute is over.
    infobip.fail_next(Channel::Sms, 0, Fault::Hang);
    let mut process = site.start().await;
    let confirmed = std::mem::take(&mut *confirmed.lock().expect("no panic"));
    let (alerts, taken) = (confirmed.alerts.len(), confirmed.acknowledged.len());
    assert!(alerts >= 100 && taken >= 5, "only {alerts} alerts and {taken} acknowledgements were confirmed");

    let mut waiting: Vec<(u64, usize)> = Vec::new();
    for (external_id, (id, pair)) in &confirmed.alerts {
        let incident = site.ask(&format!("/api/v1/incidents/{id}")).await;
        assert_eq!(incident["external_id"], json!(external_id), "{id} was confirmed");
        if confirmed.acknowledged.contains(id) {
            assert_eq!(incident["status"], "acknowledged", "{id} was taken, and that was confirmed");
        } else if incident["status"] == "triggered" {
            waiting.push((incident["number"].as_u64().expect("a number"), *pair));
        }
    }
    assert!(waiting.len() >= 80, "{} incidents wait for somebody", waiting.len());
    let begun = Instant::now();
    loop {
        let texts = texts(&infobip.received());
        let missing: Vec<_> = waiting
            .iter()
            .filter(|(number, pair)| {
                let reached = |prefix: &str| {
                    let to = format!("{prefix}{pair:06}");
                    texts.iter().any(|(number_to, text)| *number_to == to && text.starts_with(&format!("#{number} ")))
                };
                !(reached("49170") && reached("49171"))
            })
            .collect();
        if missing.is_empty() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(100), "never paged at both levels: {missing:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    // Copies: a text message may be there twice only under one message id, which tells the phone's provider.
    let received = infobip.received();
    let mut ids_of: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for call in &received {
        for (id, (to, text)) in call.message_ids.iter().zip(texts(std::slice::from_ref(call))) {
            ids_of.entry((to, text)).or_default().insert(id.clone());
        }
    }
    let twice: Vec<_> = ids_of.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(twice.is_empty(), "the same page under several ids: {twice:?}");
    let sent: usize = received.iter().map(|call| call.message_ids.len()).sum();
    let distinct = ids_of.len();
    assert!(sent > distinct, "no message was ever in flight at a kill: {sent} sends of {distinct} messages");

    // The second level came a minute after the alert, or as soon as the process was there again.
    let mut on_time = 0;
    for (number, _) in &waiting {
        let incident = site.ask(&format!("/api/v1/incidents/{number}")).await;
        let created: jiff::Timestamp = parse(&incident["created_at"]);
        let Some(second) =
            incident["notifications"].as_array().into_iter().flatten().map(|n| &n["created_at"]).map(parse).max()
        else {
            panic!("#{number} has no notification");
        };
        let secs = second.as_second() - created.as_second();
        assert!(secs >= 60, "#{number}: level 2 after {secs} s");
        if secs <= 65 {
            on_time += 1;
        }
    }
    assert!(on_time * 10 >= waiting.len() * 9, "{on_time} of {} second levels were on time", waiting.len());

    process.terminate(Duration::from_secs(20)).await;
    let verified = site.verify();
    assert!(verified.is_well(), "{:#?}", verified.problems);
    println!(
        "{KILLS} kills: {} alerts and {} acknowledgements confirmed, {sent} sends of {distinct} messages, {on_time} of {} \
         second levels within 5 s",
        confirmed.alerts.len(),
        confirmed.acknowledged.len(),
        waiting.len()
    );
}

fn parse(value: &Value) -> jiff::Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).expect("an instant")
}

/// `(number, text)` of every message in these calls.
fn texts(calls: &[Received]) -> Vec<(String, String)> {
    let messages = calls.iter().filter_map(|call| call.body["messages"].as_array()).flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    messages.map(|m| (text(&m["destinations"][0]["to"]), text(&m["content"]["text"]))).collect()
}

async fn post(base: String, alert: usize, confirmed: Arc<Mutex<Confirmed>>) {
    let pair = alert % PAIRS;
    let external_id = format!("alert-{alert}");
    let body =
        json!({"external_id": external_id, "title": format!("Something broke, number {alert}"), "severity": "error"});
    let call = harness::http::post(format!("{base}/api/v1/webhooks/generic"));
    let answer = call.header("x-api-key", key(pair)).json(&body).send().await;
    if let Ok(answer) = answer
        && answer.status == 200
    {
        let body: Value = answer.json();
        let id = body["events"][0]["incident_id"].as_str();
        let id = id.unwrap_or_else(|| panic!("the answer names the incident: {body}")).to_owned();
        confirmed.lock().expect("no panic").alerts.insert(external_id, (id, pair));
    }
}

async fn acknowledge(base: String, id: String, confirmed: Arc<Mutex<Confirmed>>) {
    let call = harness::http::post(format!("{base}/api/v1/incidents/{id}/acknowledge"));
    let call = call.basic(crate::live::EMAIL, crate::live::PASSWORD).json(&json!({}));
    if let Ok(answer) = call.send().await
        && answer.status == 200
    {
        confirmed.lock().expect("no panic").acknowledged.insert(id);
    }
}
