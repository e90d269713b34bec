//! From "accepted" to the provider's door: how long a page stays in the house.
//!
//! Alerts go in one after another, each to a person of its own; a server in this process plays the provider and notes when
//! a request has arrived whole. The clock starts when the sender has read its 200, which follows the commit. A page may be
//! faster than that answer; it then counts as 0.

use crate::alerts::AlertRequest;
use crate::load::{ask, quantile_ms};
use crate::site::{Site, key, number};
use axum::Router;
use axum::body::Bytes;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const ALERTS: usize = 300;
/// A page that takes longer has failed, whatever the clock says.
const LIMIT: Duration = Duration::from_secs(20);

const ACCEPTED: &str = r#"{"messages":[{"messageId":"x","status":{"id":26,"groupId":1,"groupName":"PENDING","name":"PENDING_ACCEPTED","description":"ok"}}]}"#;

pub struct Pages {
    pub count: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub worst_ms: f64,
    /// From the first byte of the webhook instead.
    pub whole_p50_ms: f64,
    pub whole_p99_ms: f64,
}

pub async fn run() -> Pages {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port for the provider");
    let provider = listener.local_addr().expect("a bound socket has an address");
    let (note, mut arrivals) = mpsc::unbounded_channel();
    let take = move |body: Bytes| {
        let _ = note.send((Instant::now(), body));
        std::future::ready(([("content-type", "application/json")], ACCEPTED))
    };
    let serving = tokio::spawn(async move { axum::serve(listener, Router::new().fallback(take)).await });

    let mut site = Site::new(ALERTS);
    site.set("NOTIFICATION_SENDING_ENABLED", "true");
    site.set("INFOBIP_BASE_URL", format!("http://{provider}"));
    site.set("INFOBIP_API_KEY", "k3y");
    site.set("INFOBIP_SMS_SENDER", "PagerPal");
    let server = site.start().await;
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await.expect("it listens");
    stream.set_nodelay(true).expect("a fresh socket takes options");

    let (mut answer, mut after_answer, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for alert in 0..ALERTS {
        let request = AlertRequest::new(&key(alert), alert as u64);
        let sent = Instant::now();
        ask(&mut stream, &request.bytes, &mut answer).await.expect("an answer");
        let answered = Instant::now();
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
        let arrived = tokio::time::timeout(LIMIT, arrivals.recv()).await.expect("a page leaves in time");
        let (arrived, body) = arrived.expect("the provider goes on");
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(body.contains(&number(alert)), "the page of alert {alert} went elsewhere: {body}");
        let us = |from: Instant| u32::try_from(arrived.saturating_duration_since(from).as_micros()).unwrap_or(u32::MAX);
        after_answer.push(us(answered));
        whole.push(us(sent));
    }
    serving.abort();
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
