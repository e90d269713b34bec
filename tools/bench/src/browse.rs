//! Pages and lists beside a long history: how long the server takes to answer a signed-in person.
//!
//! The installation is that of a middle-sized company that has had so many incidents, of which one in
//! [`OPEN_OF`] is still open, all of them made through the use cases. One person asks for one page after the other, gzipped
//! as browsers want it; what is measured is from the request's first byte to the answer's last, over loopback.

use crate::history::{ADMIN, OPEN_OF};
use crate::load::{ask, quantile_ms};
use crate::proc;
use crate::site::Site;
use std::time::Instant;
use tokio::net::TcpStream;

/// Of each page, after [`WARM_UP`] more.
const REQUESTS: usize = 500;
const WARM_UP: usize = 20;
const AIM_MS: f64 = 10.0;

/// `{n}` is another incident each time. The first asks for nothing, and shows what the machine adds.
const PAGES: [&str; 15] = [
    "/health",
    "/dashboard",
    "/incidents",
    "/incidents?status=resolved",
    "/incidents?status=resolved&severity=critical",
    "/incidents/{n}",
    "/on-call",
    "/schedules",
    "/teams",
    "/users",
    "/alert-sources",
    "/escalation-policies",
    "/audit",
    "/settings",
    "/strips",
];

/// Beyond the aim, because they look through the history: measured less often, and shown.
const SEARCHES: [&str; 3] = ["/incidents?status=resolved&q=disk", "/incidents?q=nowhere", "/reports"];
const SEARCH_REQUESTS: usize = 30;

pub async fn run(incidents: usize) {
    println!("# Pages beside {incidents} incidents, one in {OPEN_OF} open\n");
    println!("Load average before: {}.\n", proc::load_average());
    let begin = Instant::now();
    let site = Site::with_history(incidents);
    println!(
        "Making them took {:.0} s; the file has {:.0} MB.\n",
        begin.elapsed().as_secs_f64(),
        site.database_bytes() as f64 / 1e6
    );
    let server = site.start().await;
    proc::settled(server.id()).await;
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await.expect("it listens");
    stream.set_nodelay(true).expect("a fresh socket takes options");
    let cookie = sign_in(&mut stream).await;
    println!("| page | bytes | p50 | p99 (aim {AIM_MS}) | worst |");
    println!("|--|--:|--:|--:|--:|");
    let pages = PAGES.map(|path| (path, REQUESTS)).into_iter();
    for (path, count) in pages.chain(SEARCHES.map(|path| (path, SEARCH_REQUESTS))) {
        let (mut took, mut bytes, mut answer) = (Vec::new(), 0, Vec::new());
        for turn in 0..count + WARM_UP {
            let number = 1 + turn * 7919 % incidents;
            let request = get(&path.replace("{n}", &number.to_string()), &cookie);
            let sent = Instant::now();
            ask(&mut stream, request.as_bytes(), &mut answer).await.unwrap_or_else(|error| panic!("{path}: {error}"));
            let us = u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX);
            assert!(answer.starts_with(b"HTTP/1.1 200 "), "{path}: {}", String::from_utf8_lossy(&answer));
            if turn >= WARM_UP {
                took.push(us);
                bytes = bytes.max(answer.len());
            }
        }
        took.sort_unstable();
        let [p50, p99, worst] = [0.5, 0.99, 1.0].map(|quantile| quantile_ms(&took, quantile));
        println!("| {path} | {bytes} | {p50:.1} ms | {p99:.1} ms | {worst:.1} ms |");
    }
    println!("\nLoad average after: {}.", proc::load_average());
}

fn get(path: &str, cookie: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\nCookie: {cookie}\r\n\r\n")
}

/// The session's cookie.
async fn sign_in(stream: &mut TcpStream) -> String {
    let (email, password) = ADMIN;
    let body = format!("email={}&password={}", email.replace('@', "%40"), password.replace(' ', "+"));
    let request = format!(
        "POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: \
         {}\r\n\r\n{body}",
        body.len()
    );
    let mut answer = Vec::new();
    ask(stream, request.as_bytes(), &mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    let cookie = cookie.unwrap_or_else(|| panic!("no session: {answer}"));
    cookie.split(';').next().unwrap_or_default().to_owned()
}
