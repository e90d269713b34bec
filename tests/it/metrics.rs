//! What a watcher reads: on its own port alone, in Prometheus' text format, and nothing about people or incidents.

use crate::house::House;
use crate::live::Site;
use harness::http;
use harness::process::free_port;
use pagerpal::web::metrics;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Every sample by its name and labels, after a look at the lines that explain it.
fn samples(text: &str) -> BTreeMap<String, i64> {
    let mut explained = BTreeSet::new();
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a type");
            assert!(["gauge", "counter"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(explained.insert(name), "{name} is explained twice");
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            assert!(explained.contains(name.split('{').next().expect("a name")), "{line}");
            assert!(
                samples.insert(name.to_owned(), value.parse().expect("a number")).is_none(),
                "{line} is there twice"
            );
        }
    }
    samples
}

#[test]
fn there_are_counts_and_times_and_no_words_of_anybodys() {
    let house = House::new(|word| format!("{word} zebra"));
    let text = metrics::text(house.app()).expect("the house is well");
    assert!(!text.contains("zebra") && !text.contains("@example.test") && !text.contains("+49"), "{text}");
    let samples = samples(&text);
    assert_eq!(samples["pagerpal_sending_enabled"], 1);
    assert!(samples["pagerpal_incidents_open{status=\"triggered\"}"] > 0, "{samples:?}");
    assert_eq!(samples["pagerpal_worker_enabled{worker=\"escalation\"}"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watcher_has_a_port_of_its_own() {
    let port = free_port();
    let mut site = Site::new();
    site.ada();
    site.set("METRICS_LISTEN_ADDRESS", format!("127.0.0.1:{port}"));
    let mut process = site.start().await;
    let ask = async |url: String| http::get(url).send().await.expect("an answer");
    let answer = ask(format!("http://127.0.0.1:{port}/metrics")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    assert_eq!(samples(&answer.text())["pagerpal_healthy"], 1);
    assert_eq!(ask(format!("http://127.0.0.1:{port}/dashboard")).await.status, 404);
    assert_eq!(ask(site.url("/metrics")).await.status, 404);
    let status = process.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status} {}", process.output());
}
