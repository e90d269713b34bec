//! Alerts in: how many a second, how fast, at what size. Runs everything and prints the report.
//!
//! Rates come from four servers, each measured alone while the others idle: both yardsticks, PagerPal with repeats of open
//! incidents, and another PagerPal with nothing but new ones. Load is spread over [`SOURCES`] alert sources, because one
//! source is admitted 100 requests a second; new incidents over [`OPENING_SOURCES`], because past 100 new ones a minute of
//! one source the rest would be lines of its storm incident.

use crate::alerts::AlertRequest;
use crate::load::{self, Measured, Until, Workload};
use crate::site::{Server, Site, key};
use crate::{pages, proc};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];
/// At least one for each connection.
const SOURCES: usize = 256;
/// Enough for 400,000 new incidents a minute.
pub const OPENING_SOURCES: usize = 4096;
/// What the store is filled with to see what it weighs.
const INCIDENTS: u64 = 100_000;
/// Where the bar for repeats is held against the yardstick.
pub const JUDGED_AT: usize = 64;

pub async fn run(measured: Duration) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("# Alerts in\n");
    println!(
        "{cores} cores, shared by client and server; load average before: {}. Requests with a body of 1.3 kB over \
         loopback, {} s a cell after 1 s of warm-up. Only ratios within one run mean anything.\n",
        proc::load_average(),
        measured.as_secs()
    );
    rates(measured, &CONNECTIONS).await;
    way_out().await;
    size().await;
    println!("\nLoad average after: {}.", proc::load_average());
}

/// One column of the table.
struct Column {
    title: &'static str,
    server: Server,
    workload: Workload,
}

/// The table, a row for each number of connections.
pub async fn rates(measured: Duration, connections: &[usize]) {
    let requests: Vec<AlertRequest> =
        (0..OPENING_SOURCES).map(|source| AlertRequest::new(&key(source), source as u64)).collect();
    let (repeating, opening) = (Site::new(SOURCES), Site::new(OPENING_SOURCES));
    let column = |title, server: Server, word, new_groups: Option<Arc<AtomicU64>>| {
        let sources = if new_groups.is_some() { OPENING_SOURCES } else { SOURCES };
        let workload = Workload { port: server.port, requests: requests[..sources].to_vec(), new_groups, word };
        Column { title, server, workload }
    };
    let columns = [
        column("parse only", Server::yardstick("parse").await, "", None),
        column("bare commit", Server::yardstick("commit").await, "", None),
        column("PagerPal, repeats", repeating.start().await, r#""result":"updated""#, None),
        column("PagerPal, new", opening.start().await, r#""result":"created""#, Some(Arc::new(AtomicU64::new(0)))),
    ];
    // So that there is something to repeat.
    let first = Workload { word: r#""result":"created""#, ..columns[2].workload.clone() };
    good(load::run(&first, 1, Until::Answered(SOURCES as u64), || ()).await);

    let titles: Vec<&str> = columns.iter().map(|column| column.title).collect();
    println!("Requests per second (p50 / p99 in ms):\n");
    println!("| connections | {} | repeats : bare | new : bare |", titles.join(" | "));
    println!("|--:|{}", "--:|".repeat(columns.len() + 2));
    let mut processor = Vec::new();
    for &connections in connections {
        let mut cells = Vec::new();
        let mut costs = Vec::new();
        for Column { server, workload, .. } in &columns {
            proc::settled(server.id()).await;
            let mut before = Duration::ZERO;
            let at_start = || before = proc::cpu_time(server.id());
            let cell = good(load::run(workload, connections, Until::Over(measured), at_start).await);
            let used = proc::cpu_time(server.id()).saturating_sub(before);
            costs.push(used.as_secs_f64() * 1e6 / cell.latencies.len() as f64);
            cells.push(cell);
        }
        let shown = |cell: &Measured| {
            format!("{:.0} ({:.1} / {:.1})", cell.per_sec(), cell.quantile_ms(0.5), cell.quantile_ms(0.99))
        };
        let row: Vec<String> = cells.iter().map(shown).collect();
        let ratio = |column: usize| cells[column].per_sec() / cells[1].per_sec();
        println!("| {connections} | {} | {:.2} | {:.2} |", row.join(" | "), ratio(2), ratio(3));
        if connections == JUDGED_AT {
            processor = costs;
        }
    }
    let costs: Vec<String> = processor.iter().map(|us| format!("{us:.0} µs")).collect();
    println!("\nProcessor time of the server per request at {JUDGED_AT} connections: {}.", costs.join(", "));
    println!("The aim for repeats : bare at {JUDGED_AT} connections is 0.7 or more.");
}

/// A measurement with errors measures something else.
pub fn good(measured: Measured) -> Measured {
    assert!(measured.errors.is_empty(), "{} connections failed, first: {}", measured.errors.len(), measured.errors[0]);
    assert!(!measured.latencies.is_empty(), "nothing was answered in time");
    measured
}

async fn way_out() {
    println!("\n## From accepted to the provider\n");
    println!("| alerts, one after another | p50 | p99 | worst |");
    println!("|--|--:|--:|--:|");
    for (when, is_busy) in [("idle", false), ("beside as many repeats as fit", true)] {
        let pages = pages::run(is_busy).await;
        println!(
            "| {when}, {}: 200 read → provider has the request (aim 10, 50) | {:.1} ms | {:.1} ms | {:.1} ms |",
            pages.count, pages.p50_ms, pages.p99_ms, pages.worst_ms
        );
        println!(
            "| {when}: webhook sent → provider has the request | {:.1} ms | {:.1} ms | |",
            pages.whole_p50_ms, pages.whole_p99_ms
        );
    }
}

/// Small, so that every run shows it; [`scale`](crate::scale) does it with a million.
async fn size() {
    println!("\n## Size\n");
    println!("| | resident | file | start |");
    println!("|--|--:|--:|--:|");
    let site = Site::new(OPENING_SOURCES);
    let (server, took) = started(&site).await;
    row(&format!("idle, {OPENING_SOURCES} alert sources and no incident yet (aim 30 MB)"), &site, &server, Some(took))
        .await;

    let requests = (0..OPENING_SOURCES).map(|source| AlertRequest::new(&key(source), 0)).collect();
    let new_groups = Some(Arc::new(AtomicU64::new(0)));
    let workload = Workload { port: server.port, requests, new_groups, word: r#""result":"created""# };
    let begin = Instant::now();
    good(load::run(&workload, JUDGED_AT, Until::Answered(INCIDENTS), || ()).await);
    let filled = begin.elapsed();
    row(&format!("{INCIDENTS} open incidents, just after"), &site, &server, None).await;
    let mut server = server;
    server.process.terminate(Duration::from_secs(60)).await;
    let (server, took) = started(&site).await;
    row(&format!("{INCIDENTS} open incidents, started anew"), &site, &server, Some(took)).await;
    println!("\nThe incidents took {:.1} s to arrive over {JUDGED_AT} connections.", filled.as_secs_f64());
}

/// With the time until `/health` answered.
pub async fn started(site: &Site) -> (Server, Duration) {
    let begin = Instant::now();
    let server = site.start().await;
    (server, begin.elapsed())
}

pub async fn row(name: &str, site: &Site, server: &Server, took: Option<Duration>) {
    proc::settled(server.id()).await;
    let resident = proc::resident_kib(server.id()) as f64 * 1024.0 / 1e6;
    let file = site.database_bytes() as f64 / 1e6;
    let took = took.map_or(String::new(), |took| format!("{:.0} ms", took.as_secs_f64() * 1e3));
    println!("| {name} | {resident:.1} MB | {file:.1} MB | {took} |");
}
