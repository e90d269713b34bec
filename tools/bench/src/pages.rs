//! From "accepted" to the provider's door: how long a page stays in the house.
//!
//! Alerts go in one after another, each to a person of its own, alone or beside all the repeats that the server takes. The clock starts when the sender has read its 200, which follows the commit. A page may be
//! faster than that answer; it then counts as 0.

use crate::alerts::AlertRequest;
use crate::load::{self, Until, Workload, ask, quantile_ms};
use crate::provider::Provider;
use crate::site::{Site, key, number};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const ALERTS: usize = 300;
/// A page that takes longer has failed, whatever the clock says.
const LIMIT: Duration = Duration::from_secs(20);
/// Whose alerts repeat meanwhile, and over how many connections.
const REPEATING: usize = 256;
const CONNECTIONS: usize = 64;

pub struct Pages {
    pub count: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub worst_ms: f64,
    /// From the first byte of the webhook instead.
    pub whole_p50_ms: f64,
    pub whole_p99_ms: f64,
}

pub async fn run(is_busy: bool) -> Pages {
    let mut provider = Provider::start().await;
    let mut site = Site::new(ALERTS + REPEATING);
    provider.configure(&mut site);
    let server = site.start().await;
    let busy = is_busy.then(|| {
        let requests = (ALERTS..ALERTS + REPEATING).map(|source| AlertRequest::new(&key(source), 0)).collect();
        let workload = Workload { port: server.port, requests, new_groups: None, word: "" };
        tokio::spawn(async move { load::run(&workload, CONNECTIONS, Until::Over(LIMIT * 10), || ()).await })
    });
    if is_busy {
        // Each of them pages once, for its first alert.
        for _ in 0..REPEATING {
            tokio::time::timeout(LIMIT, provider.arrivals.recv()).await.expect("a page leaves in time");
        }
        tokio::time::sleep(load::WARM_UP).await;
    }
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await.expect("it listens");
    stream.set_nodelay(true).expect("a fresh socket takes options");

    let (mut answer, mut after_answer, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for alert in 0..ALERTS {
        let request = AlertRequest::new(&key(alert), alert as u64);
        let sent = Instant::now();
        ask(&mut stream, &request.bytes, &mut answer).await.expect("an answer");
        let answered = Instant::now();
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
        let arrived = tokio::time::timeout(LIMIT, provider.arrivals.recv()).await.expect("a page leaves in time");
        let (arrived, body) = arrived.expect("the provider goes on");
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(body.contains(&number(alert)), "the page of alert {alert} went elsewhere: {body}");
        let us = |from: Instant| u32::try_from(arrived.saturating_duration_since(from).as_micros()).unwrap_or(u32::MAX);
        after_answer.push(us(answered));
        whole.push(us(sent));
    }
    if let Some(busy) = busy {
        assert!(!busy.is_finished(), "the repeats ended before the pages");
        busy.abort();
    }
    after_answer.sort_unstable();
    whole.sort_unstable();
    Pages {
        count: ALERTS,
        p50_ms: quantile_ms(&after_answer, 0.5),
        p99_ms: quantile_ms(&after_answer, 0.99),
        worst_ms: quantile_ms(&after_answer, 1.0),
        whole_p50_ms: quantile_ms(&whole, 0.5),
        whole_p99_ms: quantile_ms(&whole, 0.99),
    }
}
