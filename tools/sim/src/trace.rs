//! What happened in a run, line by line: a hash of all of it, the last lines for whoever reads a failure, and how often
//! each rare state came about.

use pagerpal::domain::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::LazyLock;

/// Lines that are kept for a failure; SIM_LINES=100000 keeps more.
static KEPT: LazyLock<usize> =
    LazyLock::new(|| std::env::var("SIM_LINES").ok().and_then(|most| most.parse().ok()).unwrap_or(200));

#[derive(Default)]
pub struct Trace {
    hash: u64,
    lines: VecDeque<String>,
    pub rare: Rare,
}

impl Trace {
    /// At a moment since the start, and what the product's clock shows.
    pub fn line(&mut self, at: u64, now: Timestamp, what: fmt::Arguments<'_>) {
        let line = format!("{:>6}.{:03} {now} {what}", at / 1000, at % 1000);
        for byte in line.bytes() {
            // FNV-1a: quick, and the same everywhere.
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.lines.len() >= *KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The same for two runs in which the same happened.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn take_lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines).into()
    }
}

/// States that tests written by hand seldom reach. A simulation that never gets there proves little about them.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Rare(BTreeMap<&'static str, u64>);

impl Rare {
    /// All that are counted. What is not among them cannot be counted, so a misspelt one is found at once.
    pub const ALL: &'static [&'static str] = &[
        "a backup restored",
        "a clock set back",
        "a clock set forward",
        "a clock set while the process was down",
        "a clock that a restart did not believe",
        "a commit that is there although its answer was no",
        "a crash between answer and record",
        "a crash between claim and send",
        "a crash between send and answer",
        "a crash in a commit that is there",
        "a crash in a commit that is not there",
        "a duplicate id answered",
        "a heartbeat that was missed",
        "a hold that ended",
        "a lease that ran out",
        "a message in a bundle",
        "a number over its budget",
        "a report before the answer",
        "a start that failed",
        "a storm",
        "a storm whose last line was struck",
        "acknowledged by two",
        "an acknowledgement that timed out",
        "an emergency that ended",
        "called from memory",
        "claims released at start",
        "coverage returned",
        "crossed by an acknowledgement",
        "exhausted",
        "exhausted, and then a level again",
        "handed by hand",
        "heard again after a restore",
        "held after a restore",
        "held by a maintenance window",
        "nobody anywhere to page",
        "nobody on call",
        "paged at a handoff",
        "reopened",
        "resolved by silence",
        "resumed after a restore",
        "severity rose over an acknowledgement",
        "silence of a provider",
        "taken while nothing could be saved",
        "timers caught up at start",
        "undone by an edit: nobody of the level is left",
        "withdrawn before it left",
    ];

    pub fn count(&mut self, state: &'static str) {
        debug_assert!(Rare::ALL.contains(&state), "{state} is not in Rare::ALL");
        *self.0.entry(state).or_default() += 1;
    }

    pub fn add(&mut self, other: &Rare) {
        for (state, count) in &other.0 {
            *self.0.entry(state).or_default() += count;
        }
    }

    pub fn missing(&self) -> Vec<&'static str> {
        Rare::ALL.iter().copied().filter(|state| !self.0.contains_key(state)).collect()
    }
}

impl fmt::Display for Rare {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for state in Rare::ALL {
            writeln!(out, "{:>9}  {state}", self.0.get(state).copied().unwrap_or(0))?;
        }
        Ok(())
    }
}

/// A promise that was broken.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Begins with the promise's name: `S7: …`.
    pub what: String,
    pub lines: Vec<String>,
}

impl Failure {
    /// The promise's name alone, which is what stays the same while a plan is made smaller.
    pub fn promise(&self) -> &str {
        self.what.split(':').next().unwrap_or(&self.what)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(out, "  {line}")?;
        }
        write!(out, "{}", self.what)
    }
}
