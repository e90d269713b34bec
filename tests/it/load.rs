//! Storms against the real binary, one after the other, while a canary of another alert source must page all the time: one alert
//! that never stops, thousands of new ones, callers who are slow with headers or bodies, bodies beyond every limit, and all
//! connections taken. What a storm left behind is counted to the one, and memory stays bounded.
//!
//! Each storm lasts [`SECS`] seconds, or as long as `LOAD_SECS` says. Storm and server share one machine, so nothing here is a
//! benchmark.

use crate::live::Site;
use harness::http;
use harness::infobip::FakeInfobip;
use pagerpal::web::server::{CONNECTIONS, CONNECTIONS_PER_ADDRESS, HEADER_TIME_LIMIT};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

const SECS: u64 = 6;
/// From the alert to the text message, on a machine that also makes the storm.
const PAGED_WITHIN: Duration = Duration::from_secs(6);
const CANARY_EVERY: Duration = Duration::from_secs(1);
/// Clients of a storm.
const AT_ONCE: u32 = 50;
const ONE: &str = "11111111111111111111111111111111";
const MANY: &str = "22222222222222222222222222222222";
const LARGE: &str = "33333333333333333333333333333333";
/// The unit allows 512 MiB. A debug build needs more than what is handed out.
const MEMORY: u64 = 320 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn storms_keep_no_page_from_leaving_and_are_counted_to_the_one() {
    // Whoever starts a test may have left it a thousand files; both ends of a thousand connections need more.
    let files = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: files, maximum: files }).expect("what is allowed may be taken");
    let secs = std::env::var("LOAD_SECS").map_or(SECS, |secs| secs.parse().expect("LOAD_SECS is a number of seconds"));
    let lasts = Duration::from_secs(secs);
    let infobip = FakeInfobip::start("k3y").await;
    let mut site = Site::new();
    site.ada();
    let team = site.team("Everyone");
    let canaries = u32::try_from(secs).expect("a short while") * 6 + 60;
    for canary in 0..canaries {
        let person = site.responder(&format!("Canary {canary}"), &format!("+{}", number(canary)));
        let policy = site.policy(&format!("Canary {canary}"), &[person]);
        site.source(&format!("Canary {canary}"), "generic", team, policy, &key(canary));
    }
    let person = site.responder("Bo", "+4917100000");
    let policy = site.policy("Storms", &[person]);
    for (name, key) in [("one", ONE), ("many", MANY), ("large", LARGE)] {
        site.source(name, "generic", team, policy, key);
    }
    site.sms_by(&infobip);
    // From outside as well: this machine itself may have as many connections as it likes.
    site.set("LISTEN_ADDRESS", format!("0.0.0.0:{}", site.port));
    let mut process = site.start().await;
    let canary = Canary { site: &site, infobip: &infobip, next: AtomicU32::new(0), of: canaries };

    let one = canary.sings(PAGED_WITHIN, storm(site.url(""), ONE, lasts, |_| "the one".to_owned())).await;
    let many = canary.sings(PAGED_WITHIN, storm(site.url(""), MANY, lasts, |nth| format!("new-{nth}"))).await;
    let slow = canary.sings(PAGED_WITHIN, slow(site.port)).await;
    let large = canary.sings(PAGED_WITHIN, large(site.url(""), lasts)).await;
    // Whoever has no connection yet waits until slow ones have given up theirs.
    let full = canary.sings(HEADER_TIME_LIMIT + PAGED_WITHIN, every_connection(site.port)).await;
    let crowded = canary.sings(PAGED_WITHIN, one_address(site.port)).await;
    let sung = canary.next.load(Ordering::Relaxed);
    eprintln!(
        "one: {one:?}; many: {many:?}; slow: {slow:?}; large: {large:?}; {full} connections; {crowded} of one address"
    );

    // The storms were storms, and nobody was told anything but to try again.
    for answers in [&one, &many] {
        assert!(answers.get(&200).is_some_and(|taken| *taken > 300), "{answers:?}");
        assert!(answers.keys().all(|status| [200, 503].contains(status)), "{answers:?}");
    }
    // 0: whoever sends more than anybody listens to may be cut off.
    let known = |status: &u16| [0, 200, 408, 503].contains(status);
    assert!(large.keys().all(known) && large.get(&200).is_some_and(|taken| *taken > 10), "{large:?}");
    assert!(sung > 20, "{sung} canaries");

    // One incident that counts every alert that was taken, and one page for it.
    let incidents = of_source(&site, "one").await;
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0]["event_count"], json!(one[&200]), "{}", incidents[0]);
    let number = incidents[0]["number"].to_string();
    let pages = infobip.handsets().iter().filter(|copy| copy.text.starts_with(&format!("#{number} "))).count();
    assert_eq!(pages, 1, "one page for one incident");
    // A hundred a minute, and one that stands for the rest.
    let incidents = of_source(&site, "many").await;
    let (storms, own): (Vec<_>, Vec<_>) = incidents.iter().partition(|incident| incident["external_id"] == "storm");
    assert_eq!(storms.len(), 1, "{} incidents", incidents.len());
    let storm =
        site.ask(&format!("/api/v1/incidents/{}", storms[0]["id"].as_str().expect("an id"))).await["storm"].clone();
    let counted = storm["listed"].as_u64().expect("a count") + storm["unlisted"].as_u64().expect("a count");
    assert!(own.len() >= 100 && own.len() <= 100 * (1 + secs as usize / 60 + 1), "{} of their own", own.len());
    assert_eq!(counted + own.len() as u64, many[&200], "{storm}");

    let peak = peak(process.id());
    eprintln!("{sung} canaries; at most {} MiB of memory", peak >> 20);
    assert!(peak < MEMORY, "{} MiB", peak >> 20);
    let status = process.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status} {}", process.output());
    assert!(site.verify().is_well());
}

fn key(canary: u32) -> String {
    format!("{canary:032x}")
}

fn number(canary: u32) -> String {
    format!("49170{canary:05}")
}

/// Someone on call, whoever else makes noise: every alert is for another person.
struct Canary<'a> {
    site: &'a Site,
    infobip: &'a FakeInfobip,
    next: AtomicU32,
    of: u32,
}

impl Canary<'_> {
    /// While the storm goes on, and once more.
    async fn sings<T>(&self, within: Duration, storm: impl Future<Output = T>) -> T {
        let is_over = Cell::new(false);
        let storm = async {
            let done = storm.await;
            is_over.set(true);
            done
        };
        let singing = async {
            let mut pace = tokio::time::interval(CANARY_EVERY);
            loop {
                pace.tick().await;
                let is_last = is_over.get();
                self.page(within).await;
                if is_last {
                    return;
                }
            }
        };
        tokio::join!(storm, singing).0
    }

    async fn page(&self, within: Duration) {
        let canary = self.next.fetch_add(1, Ordering::Relaxed);
        assert!(canary < self.of, "more canaries are needed");
        let (begun, to) = (Instant::now(), number(canary));
        let body = json!({"external_id": "canary", "title": "Something broke", "severity": "critical"});
        let call = http::post(self.site.url("/api/v1/webhooks/generic")).header("x-api-key", key(canary)).json(&body);
        let answer = call.send().await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let left = within.saturating_sub(begun.elapsed());
        self.infobip.wait_for_copy("the canary's page", left, |copy| copy.to == to).await;
    }
}

/// Posts from many clients, each as fast as it is answered. How often each status was.
async fn storm(
    base: String,
    key: &'static str,
    lasts: Duration,
    external_id: impl Fn(u64) -> String + Clone + Send + 'static,
) -> BTreeMap<u16, u64> {
    let (begun, next) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut clients = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (url, next, external_id) = (format!("{base}/api/v1/webhooks/generic"), next.clone(), external_id.clone());
        clients.spawn(async move {
            let mut answers = BTreeMap::new();
            while begun.elapsed() < lasts {
                let id = external_id(next.fetch_add(1, Ordering::Relaxed));
                let body = json!({"external_id": id, "title": format!("Storm {id}"), "severity": "error"});
                let answer = http::post(&url).header("x-api-key", key).json(&body).send().await.expect("an answer");
                *answers.entry(answer.status).or_default() += 1;
                if answer.status == 503 {
                    // As long as it takes a sender to see that it was refused.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            answers
        });
    }
    sum(clients).await
}

async fn sum(clients: JoinSet<BTreeMap<u16, u64>>) -> BTreeMap<u16, u64> {
    let mut all = BTreeMap::new();
    for (status, count) in clients.join_all().await.into_iter().flatten() {
        *all.entry(status).or_default() += count;
    }
    all
}

/// Bodies beyond the limit, of many at once: they page all the same, cut.
async fn large(base: String, lasts: Duration) -> BTreeMap<u16, u64> {
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..AT_ONCE {
        let url = format!("{base}/api/v1/webhooks/generic");
        clients.spawn(async move {
            let mut answers = BTreeMap::new();
            // Some just fit, and some are eight times as long.
            let len = if client % 2 == 0 { 1024 * 1024 - 200 } else { 8 * 1024 * 1024 };
            let body = json!({"external_id": format!("large-{client}"), "title": "Large", "details": "x".repeat(len)});
            let body = body.to_string();
            while begun.elapsed() < lasts {
                let call = http::post(&url).header("x-api-key", LARGE).body("application/json", body.clone());
                let status = call.send().await.map_or(0, |answer| answer.status);
                *answers.entry(status).or_default() += 1;
            }
            answers
        });
    }
    sum(clients).await
}

/// What became of those who are slow: how many were let go with headers that do not end, and with bodies.
async fn slow(port: u16) -> (usize, usize) {
    let mut callers = JoinSet::new();
    for caller in 0..200_u32 {
        callers.spawn(async move {
            let mut stream = connect(crowd(caller), port).await.expect("a connection");
            let is_body = caller % 2 == 0;
            let head = format!("POST /api/v1/webhooks/generic HTTP/1.1\r\nHost: x\r\nX-API-Key: {ONE}\r\n");
            let begin = if is_body { format!("{head}Content-Length: 1000\r\n\r\n{{") } else { head };
            let begun = Instant::now();
            stream.write_all(begin.as_bytes()).await.expect("it is read");
            // A byte each second keeps nobody.
            let (mut read, mut write) = stream.into_split();
            let dripping = tokio::spawn(async move {
                while write.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            });
            let mut answer = Vec::new();
            let limit = if is_body { Duration::from_secs(14) } else { HEADER_TIME_LIMIT + Duration::from_secs(4) };
            let _ = tokio::time::timeout(limit, read.read_to_end(&mut answer)).await.expect("it is let go in time");
            dripping.abort();
            assert!(begun.elapsed() > Duration::from_secs(4), "cut after {:?}", begun.elapsed());
            if is_body {
                let told = String::from_utf8_lossy(&answer);
                assert!(told.starts_with("HTTP/1.1 408"), "{told}");
            }
            is_body
        });
    }
    let ends = callers.join_all().await;
    let bodies = ends.iter().filter(|is_body| **is_body).count();
    (ends.len() - bodies, bodies)
}

/// More connections than there are, which say nothing. How many got in and were let go.
async fn every_connection(port: u16) -> usize {
    let mut callers = JoinSet::new();
    for caller in 0..CONNECTIONS as u32 + 100 {
        callers.spawn(async move {
            let mut stream = connect(crowd(caller), port).await?;
            stream.write_all(b"GET / HTTP/1.1\r\n").await?;
            let limit = HEADER_TIME_LIMIT * 3;
            let _ = tokio::time::timeout(limit, stream.read(&mut [0; 512])).await?;
            Ok::<(), io::Error>(())
        });
    }
    let ended = callers.join_all().await.into_iter().filter(Result::is_ok).count();
    assert!(ended >= CONNECTIONS, "{ended} were held and let go");
    ended
}

/// Of one address of this machine that is no loopback: how many stay, while the rest is closed at once.
async fn one_address(port: u16) -> usize {
    let own = own_address();
    let mut callers = JoinSet::new();
    for _ in 0..CONNECTIONS_PER_ADDRESS * 2 {
        callers.spawn(async move {
            let mut stream = TcpStream::connect((own, port)).await?;
            stream.write_all(b"GET / HTTP/1.1\r\n").await?;
            let held = tokio::time::timeout(HEADER_TIME_LIMIT / 2, stream.read(&mut [0; 512])).await.is_err();
            Ok::<bool, io::Error>(held)
        });
    }
    let held = callers.join_all().await.into_iter().filter(|held| matches!(held, Ok(true))).count();
    assert_eq!(held, CONNECTIONS_PER_ADDRESS);
    held
}

fn own_address() -> Ipv4Addr {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    // Nothing is sent: the kernel only says from where it would be.
    let address = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr());
    match address.expect("this test needs an address besides loopback") {
        SocketAddr::V4(address) => *address.ip(),
        SocketAddr::V6(address) => panic!("{address} was asked for as IPv4"),
    }
}

/// An address of its own for each, and all of them are this machine.
fn crowd(caller: u32) -> Ipv4Addr {
    let [_, b, c, d] = (0x0001_0000 + caller).to_be_bytes();
    Ipv4Addr::new(127, b, c, d)
}

async fn connect(from: Ipv4Addr, port: u16) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

async fn of_source(site: &Site, name: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut path = "/api/v1/incidents?limit=200".to_owned();
    loop {
        let page = site.ask(&path).await;
        let rows = page["data"].as_array().cloned().unwrap_or_default();
        found.extend(rows.into_iter().filter(|incident| incident["alert_source"]["name"] == name));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/incidents?limit=200&cursor={cursor}"),
            None => return found,
        }
    }
}

/// The most memory a process ever had, in bytes.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says so");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}
