//! How far a long command is: a bar on a terminal, a line every ten seconds elsewhere, JSON for programs.
//!
//! It goes to standard error. The first Ctrl-C lets the command clean up after itself, the second ends it at once.

use crate::app::backups::Progress;
use crate::clock::{Clock, SystemClock};
use crate::domain::time::Timestamp;
use clap::ValueEnum;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Shown {
    /// A bar on a terminal, else a line every ten seconds
    #[default]
    Auto,
    Never,
    /// A line of JSON for each step
    Json,
}

/// Between two lines where there is no terminal.
const LINE_SECS: i64 = 10;
const BAR: u64 = 20;

pub struct Bar {
    verb: &'static str,
    shown: Shown,
    is_terminal: bool,
    clock: SystemClock,
    begun: Timestamp,
    last_line: Timestamp,
    /// The last percentage shown, so that a terminal is not written to for every record.
    last: Option<u64>,
    stopped: Arc<AtomicBool>,
}

impl Bar {
    /// `verb` as in `Copying`.
    pub fn new(verb: &'static str, shown: Shown, stopped: Arc<AtomicBool>) -> Bar {
        let clock = SystemClock::new();
        let begun = clock.now();
        let is_terminal = io::stderr().is_terminal();
        Bar { verb, shown, is_terminal, clock, begun, last_line: begun, last: None, stopped }
    }

    /// False: somebody wants the command to end.
    pub fn step(&mut self, progress: Progress) -> bool {
        let percent = (progress.done * 100).checked_div(progress.of).unwrap_or(100);
        if self.last != Some(percent) {
            self.last = Some(percent);
            self.show(progress, percent);
        }
        !self.stopped.load(Ordering::Relaxed)
    }

    /// What is written on a terminal is wiped, so that the next sentence stands by itself.
    pub fn end(self) {
        if self.shown == Shown::Auto && self.is_terminal && self.last.is_some() {
            eprint!("\r\x1b[K");
        }
    }

    fn show(&mut self, progress: Progress, percent: u64) {
        let Progress { done, of } = progress;
        match self.shown {
            Shown::Never => {}
            Shown::Json => eprintln!("{{\"progress\":{{\"done\":{done},\"of\":{of}}}}}"),
            Shown::Auto => {
                let now = self.clock.now();
                let line = line(self.verb, progress, percent, now.secs_since(self.begun));
                if self.is_terminal {
                    eprint!("\r{line}\x1b[K");
                    let _ = io::stderr().flush();
                } else if now.secs_since(self.last_line) >= LINE_SECS {
                    self.last_line = now;
                    eprintln!("{line}");
                }
            }
        }
    }
}

/// `Copying ######.. 78 % 29.6/38.1 MB 1 s left`
fn line(verb: &str, Progress { done, of }: Progress, percent: u64, secs: i64) -> String {
    let filled = (percent * BAR / 100).min(BAR) as usize;
    let bar = format!("{}{}", "#".repeat(filled), ".".repeat(BAR as usize - filled));
    let left = match u64::try_from(secs) {
        Ok(secs) if secs > 0 && done > 0 => format!(" {} s left", secs * of.saturating_sub(done) / done),
        _ => String::new(),
    };
    format!("{verb} {bar} {percent} % {}/{}{left}", tenths(done), megabytes(of))
}

fn tenths(bytes: u64) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

/// `38.1 MB`
pub fn megabytes(bytes: u64) -> String {
    format!("{} MB", tenths(bytes))
}

/// Set by the first Ctrl-C; the second ends the process.
pub fn stopped_by_interrupt() -> Arc<AtomicBool> {
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stopped);
    // Without a thread or a runtime Ctrl-C ends the process at once, which only leaves a file behind.
    let _ = std::thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if flag.swap(true, Ordering::Relaxed) {
                    std::process::exit(i32::from(super::Exit::Interrupted as u8));
                }
            }
        });
    });
    stopped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_and_how_long() {
        let check = |done, secs, expected: &str| {
            let progress = Progress { done, of: 38_100_000 };
            assert_eq!(line("Copying", progress, done * 100 / progress.of, secs), expected);
        };
        check(0, 0, "Copying .................... 0 % 0.0/38.1 MB");
        check(29_600_000, 4, "Copying ###############..... 77 % 29.6/38.1 MB 1 s left");
        check(38_100_000, 5, "Copying #################### 100 % 38.1/38.1 MB 0 s left");
    }

    #[test]
    fn whoever_interrupts_is_heard_at_the_next_step() {
        let stopped = Arc::new(AtomicBool::new(false));
        let mut bar = Bar::new("Copying", Shown::Never, Arc::clone(&stopped));
        assert!(bar.step(Progress { done: 1, of: 2 }));
        stopped.store(true, Ordering::Relaxed);
        assert!(!bar.step(Progress { done: 1, of: 2 }));
    }
}
