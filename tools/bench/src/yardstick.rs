//! Servers to compare with, on the product's own HTTP stack: what is left of its time when it does almost nothing.
//!
//! * `parse` reads a body as JSON and answers. Nothing that takes JSON over this stack is faster.
//! * `commit` writes a record of [`RECORD_BYTES`] and three index rows for each request, up to [`BATCH`] requests in one
//!   commit of redb with the product's settings, and answers after it: no key, no parsing, no decision, no reading. It
//!   is as fast as an answer that comes after its commit can be.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::routing::post;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use redb::{Builder, Database, Durability, TableDefinition};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::ServiceExt;

/// As in the product's write thread.
const BATCH: usize = 64;
/// As in the product's engine.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// About an incident.
const RECORD_BYTES: usize = 600;

type Bytewise = TableDefinition<'static, &'static [u8], &'static [u8]>;
const RECORDS: Bytewise = TableDefinition::new("records");
const BY_NUMBER: Bytewise = TableDefinition::new("records.by_number");
const BY_NAME: Bytewise = TableDefinition::new("records.by_name");
const BY_AGE: Bytewise = TableDefinition::new("records.by_age");

/// About as long as what PagerPal answers.
const ANSWER: &str = r#"{"status":"ok","events":[{"external_id":"{}/{team=\"db\"}:{alertname=\"DiskWillFillIn4Hours\", shard=\"000000000000\"}","action":"trigger","result":"updated","incident_id":"inc_0000000000000"}]}"#;

/// Serves one of them until the process is killed.
pub async fn serve(name: &str, port: u16, folder: &Path) {
    let path = "/api/v1/webhooks/{kind}";
    let router = match name {
        "parse" => Router::new().route(path, post(parse)),
        "commit" => {
            let writer = start_writer(&folder.join("yardstick.redb"));
            Router::new().route(path, post(move |body| commit(writer.clone(), body)))
        }
        other => panic!("no yardstick is called {other}"),
    };
    let router = router.route("/health", axum::routing::get(|| async { "ok" }));
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
    loop {
        let (stream, _) = listener.accept().await.expect("few connections");
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        tokio::spawn(async move {
            let service =
                service_fn(move |request: hyper::Request<Incoming>| router.clone().oneshot(request.map(Body::new)));
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(5)).max_header_size(16 * 1024);
            // It ends when the client has gone away.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

async fn parse(body: Bytes) -> (StatusCode, [(&'static str, &'static str); 1], &'static str) {
    match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(tree) if tree.is_object() => (StatusCode::OK, JSON, ANSWER),
        _ => (StatusCode::BAD_REQUEST, JSON, "{}"),
    }
}

struct Job {
    body: Bytes,
    done: oneshot::Sender<()>,
}

async fn commit(
    writer: mpsc::Sender<Job>,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1], &'static str) {
    let (done, committed) = oneshot::channel();
    let handed_over = writer.send(Job { body, done }).is_ok();
    match handed_over && committed.await.is_ok() {
        true => (StatusCode::OK, JSON, ANSWER),
        false => (StatusCode::SERVICE_UNAVAILABLE, JSON, "{}"),
    }
}

fn start_writer(path: &Path) -> mpsc::Sender<Job> {
    let database = Builder::new().set_cache_size(CACHE_BYTES).create(path).expect("a new file");
    let (sender, waiting) = mpsc::channel::<Job>();
    std::thread::spawn(move || {
        let mut written = 0;
        while let Ok(first) = waiting.recv() {
            let jobs: Vec<Job> = std::iter::once(first).chain(waiting.try_iter().take(BATCH - 1)).collect();
            write(&database, &jobs, &mut written).expect("the disk takes it");
            for job in jobs {
                let _ = job.done.send(());
            }
        }
    });
    sender
}

fn write(database: &Database, jobs: &[Job], written: &mut u64) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_two_phase_commit(true);
    {
        let mut records = transaction.open_table(RECORDS)?;
        let mut by_number = transaction.open_table(BY_NUMBER)?;
        let mut by_name = transaction.open_table(BY_NAME)?;
        let mut by_age = transaction.open_table(BY_AGE)?;
        for job in jobs {
            *written += 1;
            let id = written.to_be_bytes();
            // In no order, as names are.
            let name = written.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
            records.insert(id.as_slice(), &job.body[..job.body.len().min(RECORD_BYTES)])?;
            by_number.insert(id.as_slice(), id.as_slice())?;
            by_name.insert([name, name, name, id].concat().as_slice(), id.as_slice())?;
            by_age.insert([[0xff; 8], id].concat().as_slice(), id.as_slice())?;
        }
    }
    Ok(transaction.commit()?)
}
