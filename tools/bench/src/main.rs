//! Measures what PagerPal promises about speed and size, on the release binary: `cargo xtask bench ingest`,
//! `cargo xtask bench browse` and `cargo xtask bench scale`.
//!
//! * [`ingest`] measures alerts coming in, and prints one report in Markdown.
//! * [`load`] is the client: keep-alive connections with one request on the way in each.
//! * [`yardstick`] is what to compare with: two servers on the same HTTP stack that do almost nothing.
//! * [`scale`] opens a million incidents, and looks at memory, start, pages and timers then.
//! * [`pages`] measures the way from an accepted alert to the provider's door.
//! * [`browse`] asks for every page beside a long history, which [`history`] makes.
//! * [`provider`] takes the messages.
//! * [`site`] sets installations up and serves them; [`alerts`] writes the bodies; [`proc`] asks the kernel.
//!
//! Everything is on loopback and bounded in time and count. Client and server share the machine, and so does whatever
//! else runs there: only ratios within one run mean anything, and only if the machine was quiet.

mod alerts;
mod browse;
mod history;
mod ingest;
mod load;
mod pages;
mod proc;
mod provider;
mod scale;
mod site;
mod yardstick;

use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
Usage: bench ingest [--secs N]
       bench rates [--secs N]
       bench browse [--incidents N]
       bench scale [--incidents N]

  rates           the row of `ingest` that is judged, alone: for a profiler
  --incidents N   make so many (`browse`: 100,000 if not given, one in a hundred open; `scale`: 1,000,000, all open)
  --secs N        measure each cell of the table for N seconds (4 if not given)";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be started");
    let count = match words[..] {
        ["browse"] => Some(100_000),
        ["scale"] => Some(1_000_000),
        ["browse" | "scale", "--incidents", count] => count.parse().ok().filter(|count| *count > 0),
        _ => None,
    };
    if let Some(count) = count {
        match words[0] {
            "browse" => runtime.block_on(browse::run(count)),
            _ => runtime.block_on(scale::run(count)),
        }
        return ExitCode::SUCCESS;
    }
    let seconds = match words[..] {
        ["ingest" | "rates"] => Some(4),
        ["ingest" | "rates", "--secs", seconds] => seconds.parse().ok().filter(|seconds| (1..=60).contains(seconds)),
        // How `ingest` starts the yardsticks as processes of their own.
        ["yardstick", name, port, folder] => {
            let port = port.parse().expect("our own command line names a port");
            runtime.block_on(yardstick::serve(name, port, folder.as_ref()));
            return ExitCode::SUCCESS;
        }
        _ => None,
    };
    let Some(seconds) = seconds else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let measured = Duration::from_secs(seconds);
    match words[0] {
        "rates" => runtime.block_on(ingest::rates(measured, &[ingest::JUDGED_AT])),
        _ => runtime.block_on(ingest::run(measured)),
    }
    ExitCode::SUCCESS
}
