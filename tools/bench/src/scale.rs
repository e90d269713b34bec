//! A million open incidents, each with a timer that waits: what the server weighs, how soon it is back after a kill -9, and how
//! late a timer is among a million others. Pages beside as many are the business of [`browse`](crate::browse): here are as
//! many sources and people as no organisation has, because one source may open only so many a minute.
//!
//! Incidents arrive over HTTP in safe mode, so that nobody is called about them. Then the server is killed and started again
//! with a provider. Timers are seen from outside: a person of a second level has to be called 60 s after the alert was
//! answered, and what the provider waits beyond that is the lateness, commits and sending included.

use crate::alerts::AlertRequest;
use crate::ingest::{OPENING_SOURCES, good, row, started};
use crate::load::{self, Until, Workload, ask, quantile_ms};
use crate::proc;
use crate::provider::Provider;
use crate::site::{Server, Site, key, number};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const CONNECTIONS: usize = 64;
/// Whose second level is waited for.
const LADDERS: usize = 200;
/// Between one alert and the next, so that their timers are due at moments of their own.
const APART: Duration = Duration::from_millis(200);
/// Of the policies of [`Site::add_ladders`].
const DELAY: Duration = Duration::from_secs(60);
/// A page that is later than this has failed, whatever the clock says.
const LIMIT: Duration = Duration::from_secs(30);

pub async fn run(incidents: usize) {
    println!("# {incidents} open incidents, each with a timer\n");
    println!("Load average before: {}.\n", proc::load_average());
    let mut site = Site::new(OPENING_SOURCES);
    site.add_ladders(OPENING_SOURCES, LADDERS);
    println!("| | resident | file | start |");
    println!("|--|--:|--:|--:|");
    let (mut server, took) = started(&site).await;
    row("no incident yet", &site, &server, Some(took)).await;
    let begin = Instant::now();
    let requests = (0..OPENING_SOURCES).map(|source| AlertRequest::new(&key(source), 0)).collect();
    let new_groups = Some(Arc::new(AtomicU64::new(0)));
    let workload = Workload { port: server.port, requests, new_groups, word: r#""result":"created""# };
    good(load::run(&workload, CONNECTIONS, Until::Answered(incidents as u64), || ()).await);
    let filled = begin.elapsed();
    row(&format!("{incidents} open incidents, just after"), &site, &server, None).await;
    server.process.kill9().await;
    let mut provider = Provider::start().await;
    provider.configure(&mut site);
    let (server, took) = started(&site).await;
    row("started again after kill -9", &site, &server, Some(took)).await;
    println!("\nThey took {:.0} s to arrive over {CONNECTIONS} connections.\n", filled.as_secs_f64());

    let late = lateness(&server, &mut provider).await;
    println!("| {LADDERS} timers of 60 s among {incidents} | p50 | p99 | worst |");
    println!("|--|--:|--:|--:|");
    let [p50, p99, worst] = [0.5, 0.99, 1.0].map(|quantile| quantile_ms(&late, quantile));
    println!("| due → provider has the request | {p50:.0} ms | {p99:.0} ms | {worst:.0} ms |");
    println!("\nLoad average after: {}.", proc::load_average());
}

/// Of each second level in microseconds, ascending.
async fn lateness(server: &Server, provider: &mut Provider) -> Vec<u32> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await.expect("it listens");
    stream.set_nodelay(true).expect("a fresh socket takes options");
    let (mut answer, mut due) = (Vec::new(), Vec::new());
    for ladder in 0..LADDERS {
        let request = AlertRequest::new(&key(OPENING_SOURCES + ladder), ladder as u64);
        ask(&mut stream, &request.bytes, &mut answer).await.expect("an answer");
        due.push(Instant::now() + DELAY);
        tokio::time::sleep(APART).await;
    }
    let seconds: Vec<String> = (0..LADDERS).map(|ladder| number(OPENING_SOURCES + LADDERS + ladder)).collect();
    let mut late = vec![None; LADDERS];
    while late.contains(&None) {
        let arrived =
            tokio::time::timeout(DELAY + LIMIT, provider.arrivals.recv()).await.expect("a page leaves in time");
        let (arrived, body) = arrived.expect("the provider goes on");
        let body = String::from_utf8_lossy(&body).into_owned();
        if let Some(ladder) = seconds.iter().position(|number| body.contains(number)) {
            let us = arrived.saturating_duration_since(due[ladder]).as_micros();
            late[ladder] = Some(u32::try_from(us).unwrap_or(u32::MAX));
        }
    }
    let mut late: Vec<u32> = late.into_iter().flatten().collect();
    late.sort_unstable();
    late
}
