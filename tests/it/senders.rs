//! Real senders' recoveries: each closes exactly its own incident, and repeated it changes nothing.

use crate::live::Site;
use harness::infobip::FakeInfobip;
use harness::moto::{Sns, cloudwatch_alarm};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const KEY: &str = "0123456789abcdef0123456789abcdef";

async fn site() -> (Site, FakeInfobip) {
    let infobip = FakeInfobip::start("k3y").await;
    let mut site = Site::new();
    let ada = site.ada();
    let bo = site.responder("Bo", "+4917000002");
    let (team, policy) = (site.team("Payments"), site.policy("Payments", &[bo, ada]));
    site.source("monitoring", "generic", team, policy, KEY);
    site.sms_by(&infobip);
    (site, infobip)
}

/// `(external id, status)` of every incident, by external id.
async fn incidents(site: &Site) -> Vec<(String, String)> {
    let list = site.ask("/api/v1/incidents").await;
    let text = |incident: &Value, name: &str| incident[name].as_str().unwrap_or_default().to_owned();
    let data = list["data"].as_array().expect("a list");
    let mut all: Vec<_> = data.iter().map(|i| (text(i, "external_id"), text(i, "status"))).collect();
    all.sort();
    all
}

/// Posts a trigger for two alerts, the recovery of the first, and that again. Each kind has an installation of its own,
/// because one number gets no more than five texts in a quarter of an hour.
async fn check(kind: &str, first: Value, second: Value, recovery: Value) {
    let (mut site, infobip) = site().await;
    let _process = site.start().await;
    let result = async |body: &Value| {
        let answer = site.post(kind, KEY, body).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json::<Value>()["events"][0]["result"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(result(&first).await, "created", "{kind}");
    assert_eq!(result(&second).await, "created", "{kind}");
    // Whether each in a text of its own or both in one.
    for number in ["#1 ", "#2 "] {
        let names = |copy: &harness::infobip::Copy| copy.text.contains(number);
        infobip.wait_for_copy(&format!("{kind}: the page of {number}"), Duration::from_secs(20), names).await;
    }
    assert_eq!(result(&first).await, "updated", "{kind}: a repeat never opens a second one");
    assert_eq!(result(&recovery).await, "resolved", "{kind}");
    let after = incidents(&site).await;
    assert_eq!(after.len(), 2);
    assert_eq!(after.iter().filter(|(_, status)| status == "resolved").count(), 1, "{after:?}");
    assert_eq!(result(&recovery).await, "unchanged", "{kind}: repeated");
    assert_eq!(incidents(&site).await, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_recovery_closes_exactly_its_incident() {
    let legacy =
        |id: u32, state: &str| json!({"ruleId": id, "ruleName": format!("CPU {id}"), "state": state, "orgId": 1});
    check("grafana", legacy(1, "alerting"), legacy(2, "alerting"), legacy(1, "ok")).await;

    let alarm = |name: &str, state: &str| {
        json!({"AlarmName": name, "AlarmArn": format!("arn:aws:cloudwatch:eu-west-1:1:alarm:{name}"),
               "NewStateValue": state, "NewStateReason": "Threshold crossed",
               "StateChangeTime": jiff::Timestamp::now().to_string()})
    };
    check("cloudwatch", alarm("cpu", "ALARM"), alarm("disk", "ALARM"), alarm("cpu", "OK")).await;

    let group = |name: &str, status: &str| {
        json!({"version": "4", "groupKey": format!("{{}}:{{alertname=\"{name}\"}}"), "status": status, "truncatedAlerts": 0,
               "receiver": "pagerpal", "groupLabels": {"alertname": name}, "commonLabels": {"alertname": name},
               "commonAnnotations": {"summary": name},
               "alerts": [{"status": status, "labels": {"alertname": name}, "fingerprint": name,
                           "startsAt": jiff::Timestamp::now().to_string(),
                           "endsAt": if status == "firing" { "0001-01-01T00:00:00Z".to_owned() }
                                     else { jiff::Timestamp::now().to_string() }}]})
    };
    check("alertmanager", group("A", "firing"), group("B", "firing"), group("A", "resolved")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_sns_envelope_opens_and_closes_an_incident() {
    let (mut site, _infobip) = site().await;
    let _process = site.start().await;
    let sns = Sns::start().await;
    let topic = sns.create_topic("alarms").await;
    let endpoint = format!("http://sns:{KEY}@127.0.0.1:{}/api/v1/webhooks/cloudwatch", site.port);
    sns.subscribe(&topic, &endpoint).await;

    let state = async |wanted: &str| {
        let begun = Instant::now();
        loop {
            let all = incidents(&site).await;
            if all.iter().any(|(_, status)| status == wanted) {
                return all;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{all:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    sns.publish(&topic, None, &cloudwatch_alarm("cpu-high", "OK", "ALARM").to_string()).await;
    let opened = state("triggered").await;
    assert!(opened.len() == 1 && opened[0].0.contains("cpu-high"), "{opened:?}");
    sns.publish(&topic, None, &cloudwatch_alarm("cpu-high", "ALARM", "OK").to_string()).await;
    assert_eq!(state("resolved").await.len(), 1);
}
