//! Every operation of the published document, asked by schemathesis what nobody would think of asking: whatever is sent and
//! whoever sends it, the answer has a documented status, type, headers and shape, and is never our own fault.
//!
//! The program reads the document from the running server and makes up its requests; `fuzz_hooks.py` tells it what exists.
//! Each caller has a server of its own, over TCP, in which everything exists once and is put back before every request, so
//! that no request spoils the next. Its clock moves on with every request: a rate limit would hide all the rest.
//!
//! FUZZ_CASES says how many random requests each operation gets from each caller, FUZZ_SEED which ones; a failure names its
//! seed.

use crate::house::{House, KEY, basic, existing, token_of};
use crate::matrix::bodies::BODIES;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use harness::process::folder;
use harness::programs::{python, script};
use pagerpal::web::address::Peer;
use pagerpal::web::routes;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio::process::Command;

const CASES: &str = "3";
/// Enough for every bucket to fill up again, that of wrong passwords among them.
const SECS_BETWEEN: i64 = 5;
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
     response_schema_conformance,unsupported_method,allow_header_conformance,negative_data_rejection";

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_the_answer_is_a_documented_one() {
    let callers = [
        ("nobody", None),
        ("viewer", Some(format!("Authorization: Bearer {}", token_of("viewer")))),
        ("responder", Some(format!("Authorization: Bearer {}", token_of("responder")))),
        ("admin", Some(format!("Authorization: {}", basic("admin")))),
        ("capped", Some(format!("Authorization: Bearer {}", token_of("capped")))),
        ("source", Some(format!("X-API-Key: {KEY}"))),
    ];
    let seed = std::env::var("FUZZ_SEED").unwrap_or_else(|_| {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
        since.as_secs().to_string()
    });
    let mut requests = 0;
    for (name, credential) in callers {
        let asked = fuzz(name, credential, &seed).await;
        let asked = asked.unwrap_or_else(|why| panic!("{name}, FUZZ_SEED={seed}:\n{why}"));
        eprintln!("{name}: {} requests, {} of them granted", asked.requests, asked.granted);
        assert!(asked.requests > 500, "{name} asked next to nothing: {}", asked.requests);
        requests += asked.requests;
        if name == "admin" {
            assert!(asked.granted * 10 > asked.requests, "almost nothing of it came through: {}", asked.granted);
        }
    }
    eprintln!("{requests} requests, FUZZ_SEED={seed}");
}

struct Asked {
    requests: u64,
    /// Answered with 2xx.
    granted: u64,
}

async fn fuzz(name: &str, credential: Option<String>, seed: &str) -> Result<Asked, String> {
    let house = House::new(str::to_owned);
    let folder = folder(&format!("schemathesis-{name}"));
    let known = folder.path().join("known.json");
    std::fs::write(&known, known_of(&house).to_string()).expect("the folder can be written");
    let (address, counts) = serve(house).await;
    let mut command = Command::new(python());
    command.args(["-m", "schemathesis.cli", "run", &format!("http://{address}/api/v1/openapi.json")]);
    command.args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--workers", "1", "--no-color"]);
    command.args(["--max-examples", &std::env::var("FUZZ_CASES").unwrap_or_else(|_| CASES.to_owned())]);
    command.args(["--seed", seed, "--generation-database", "none", "--warnings", "off", "--suppress-health-check=all"]);
    if let Some(credential) = credential {
        command.args(["--header", &credential]);
    }
    command.env("SCHEMATHESIS_HOOKS", "fuzz_hooks").env("FUZZ_KNOWN", &known).env("FUZZ_SEED", seed);
    command.env("PYTHONPATH", script("").as_os_str()).env("PYTHONDONTWRITEBYTECODE", "1");
    command.current_dir(folder.path()).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.expect("Python starts");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(said.into_owned());
    }
    let [requests, granted] = &*counts;
    Ok(Asked { requests: requests.load(Ordering::Relaxed), granted: granted.load(Ordering::Relaxed) })
}

/// What works, for each operation of the document.
fn known_of(house: &House) -> Value {
    let mut known = serde_json::Map::new();
    for row in routes::table().iter().filter(|row| row.path.starts_with("/api/")) {
        let name = format!("{} {}", row.method, row.path);
        let (path, body) =
            BODIES.iter().find(|(of, ..)| *of == name).map_or(("", ""), |(_, path, body)| (*path, *body));
        let path = if path.is_empty() { existing(row) } else { path.to_owned() };
        let path = house.fill_as("admin", &path);
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let parameters = row.path.split('/').zip(path.split('/'));
        let parameters: serde_json::Map<String, Value> = parameters
            .filter_map(|(part, value)| Some((part.strip_prefix('{')?.strip_suffix('}')?.to_owned(), value.into())))
            .collect();
        let query: serde_json::Map<String, Value> = query
            .split('&')
            .filter_map(|pair| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.into())))
            .collect();
        let body: Value = serde_json::from_str(&house.fill_as("admin", body)).unwrap_or(Value::Null);
        known.insert(name, json!({"path": parameters, "query": query, "body": body}));
    }
    known.into()
}

/// Answers requests, and how many were answered and granted.
async fn serve(house: House) -> (SocketAddr, Arc<[AtomicU64; 2]>) {
    let counts: Arc<[AtomicU64; 2]> = Arc::default();
    let (full, counting) = (house.shelf.state(), Arc::clone(&counts));
    let (shelf, clock, router) = (house.shelf.clone(), house.clock.clone(), house.router.clone());
    let before_each = move |mut request: Request, next: Next| {
        let peer = Peer { address: SocketAddr::from(([127, 0, 0, 1], 40000)), is_tls: false };
        request.extensions_mut().insert(peer);
        shelf.put_back(&full);
        clock.advance(SECS_BETWEEN);
        let counting = Arc::clone(&counting);
        async move {
            let answer = next.run(request).await;
            let [requests, granted] = &*counting;
            requests.fetch_add(1, Ordering::Relaxed);
            granted.fetch_add(u64::from(answer.status().is_success()), Ordering::Relaxed);
            answer
        }
    };
    let router = router.layer(from_fn(before_each));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        let _house = house;
        axum::serve(listener, router).await.expect("it serves");
    });
    (address, counts)
}
