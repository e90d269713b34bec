//! What it costs to read the body of an alert: `cargo xtask bench body`.

use divan::Bencher;
use pagerpal::domain::event::SenderTime;
use pagerpal::ingest::{Kind, Request, SourceRules, parse, without_secrets};

fn main() {
    divan::main();
}

const ALERTMANAGER: &[u8] = include_bytes!("../../../tests/data/alertmanager/firing.json");

#[divan::bench]
fn alertmanager_group(bencher: Bencher) {
    let source = SourceRules::new("db");
    let none = |_: &str| None;
    let request = Request {
        kind: Some(Kind::Alertmanager),
        content_type: Some("application/json"),
        header: &none,
        body: ALERTMANAGER,
        received_at: SenderTime(1_777_600_800_000_000_000),
        truncated: false,
        source: &source,
    };
    bencher.bench_local(|| parse(&request));
}

#[divan::bench]
fn secrets_looked_for(bencher: Bencher) {
    let text = String::from_utf8_lossy(ALERTMANAGER);
    bencher.bench(|| without_secrets(&text));
}
