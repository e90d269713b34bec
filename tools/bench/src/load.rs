//! The client: some keep-alive connections, each with one request on its way, for a bounded time.
//!
//! Requests are bytes made before the clock starts; of an answer only the status, the length and, in every sixteenth,
//! one word are looked at. Anything but the expected answer counts as an error, and a connection ends with its first.

use crate::alerts::AlertRequest;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Before the measured time, with the same load: connections are opened, caches filled, threads started.
pub const WARM_UP: Duration = Duration::from_secs(1);
/// Longer than any answer should take, shorter than patience.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// One answer in so many is searched for the expected word.
const LOOKED_AT: u64 = 16;

/// What is sent and what should come back.
#[derive(Clone)]
pub struct Workload {
    pub port: u16,
    /// Sent in turn; each connection has some of them to itself.
    pub requests: Vec<AlertRequest>,
    /// Where the numbers of new groups come from; `None` sends the requests as they are.
    pub new_groups: Option<Arc<AtomicU64>>,
    /// Part of every good answer; empty for any.
    pub word: &'static str,
}

/// When to stop.
#[derive(Clone, Copy)]
pub enum Until {
    Over(Duration),
    /// So many answers over all connections, without a warm-up.
    Answered(u64),
}

/// What one measurement gave.
#[derive(Default)]
pub struct Measured {
    /// Microseconds of each measured request, ascending.
    pub latencies: Vec<u32>,
    pub secs: f64,
    pub errors: Vec<String>,
}

impl Measured {
    pub fn per_sec(&self) -> f64 {
        self.latencies.len() as f64 / self.secs
    }

    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        quantile_ms(&self.latencies, quantile)
    }
}

/// The smallest latency that `quantile` of them do not exceed, in ms; NaN of nothing.
pub fn quantile_ms(ascending_us: &[u32], quantile: f64) -> f64 {
    let rank = (ascending_us.len() as f64 * quantile).ceil() as usize;
    ascending_us.get(rank.saturating_sub(1)).map_or(f64::NAN, |us| f64::from(*us) / 1000.0)
}

/// Runs `workload` over so many connections. `at_start` is called when the measured time begins.
pub async fn run(workload: &Workload, connections: usize, until: Until, at_start: impl FnOnce()) -> Measured {
    let begin = Instant::now();
    let (from, to) = match until {
        Until::Over(measured) => (begin + WARM_UP, begin + WARM_UP + measured),
        Until::Answered(_) => (begin, begin + Duration::from_secs(600)),
    };
    let budget = Arc::new(AtomicU64::new(match until {
        Until::Over(_) => u64::MAX,
        Until::Answered(count) => count,
    }));
    let mut running = JoinSet::new();
    for index in 0..connections {
        let requests = workload.requests.iter().skip(index).step_by(connections).cloned().collect();
        let connection = Connection {
            workload: Workload { requests, ..workload.clone() },
            from,
            to,
            budget: Arc::clone(&budget),
            latencies: Vec::new(),
        };
        running.spawn(connection.run());
    }
    tokio::time::sleep_until(from.into()).await;
    at_start();
    let mut measured = Measured::default();
    while let Some(ended) = running.join_next().await {
        let (latencies, error) = ended.expect("connections do not panic");
        measured.latencies.extend(latencies);
        measured.errors.extend(error.map(|error| error.to_string()));
    }
    measured.latencies.sort_unstable();
    measured.secs = match until {
        Until::Over(measured) => measured.as_secs_f64(),
        Until::Answered(_) => begin.elapsed().as_secs_f64(),
    };
    measured
}

struct Connection {
    workload: Workload,
    from: Instant,
    to: Instant,
    budget: Arc<AtomicU64>,
    latencies: Vec<u32>,
}

impl Connection {
    async fn run(mut self) -> (Vec<u32>, Option<io::Error>) {
        let error = self.keep_asking().await.err();
        (self.latencies, error)
    }

    async fn keep_asking(&mut self) -> io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.workload.port)).await?;
        stream.set_nodelay(true)?;
        let mut answer = Vec::with_capacity(4096);
        let count = self.workload.requests.len();
        for turn in 0_u64.. {
            let taken = self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            if taken.is_err() {
                return Ok(());
            }
            let request = &mut self.workload.requests[turn as usize % count];
            if let Some(groups) = &self.workload.new_groups {
                request.set_group(groups.fetch_add(1, Ordering::Relaxed));
            }
            let sent = Instant::now();
            if sent >= self.to {
                return Ok(());
            }
            let asked = ask(&mut stream, &request.bytes, &mut answer);
            tokio::time::timeout(ANSWER_LIMIT, asked).await.map_err(|_| io::ErrorKind::TimedOut)??;
            let answered = Instant::now();
            if !is_good(&answer, if turn.is_multiple_of(LOOKED_AT) { self.workload.word } else { "" }) {
                return Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()));
            }
            // By the time of its answer, so that rate and latency speak of the same requests.
            if (self.from..self.to).contains(&answered) {
                self.latencies.push((answered - sent).as_micros().try_into().unwrap_or(u32::MAX));
            }
        }
        Ok(())
    }
}

fn is_good(answer: &[u8], word: &str) -> bool {
    let status = answer.starts_with(b"HTTP/1.1 200 ");
    status && (word.is_empty() || answer.windows(word.len()).any(|part| part == word.as_bytes()))
}

/// Sends one request and reads its whole answer, head and body, into `answer`.
pub async fn ask(stream: &mut TcpStream, request: &[u8], answer: &mut Vec<u8>) -> io::Result<()> {
    answer.clear();
    stream.write_all(request).await?;
    loop {
        if stream.read_buf(answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(length) = whole_length(answer)
            && answer.len() >= length
        {
            return Ok(());
        }
    }
}

/// How long head and body are together, once the head is there. hyper writes its header names in lower case.
fn whole_length(answer: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length: ";
    let head = answer.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let value = answer[..head].windows(NAME.len()).position(|part| part == NAME).map(|at| &answer[at + NAME.len()..]);
    let digits = value.unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit());
    Some(head + digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_measured_values() {
        let check = |us: &[u32], quantile, ms: f64| assert_eq!(quantile_ms(us, quantile), ms, "{us:?} {quantile}");
        check(&[1000], 0.5, 1.0);
        check(&[1000, 2000], 0.5, 1.0);
        check(&[1000, 2000, 3000], 0.5, 2.0);
        check(&[1000, 2000, 3000], 0.99, 3.0);
        assert!(quantile_ms(&[], 0.5).is_nan());
    }

    #[test]
    fn an_answer_is_whole_when_its_body_is_there() {
        assert_eq!(whole_length(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r"), None);
        assert_eq!(whole_length(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n"), Some(51));
        assert_eq!(whole_length(b"HTTP/1.1 204 No Content\r\n\r\n"), Some(27));
    }
}
