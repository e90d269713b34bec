//! Chores of this repository: `cargo xtask <command>`.
//!
//! One module per command, plus two that they share: `step` runs a program and says so, `needs` installs what the tests
//! drive. It is compiled on every use from a fresh clone, so it depends on the standard library alone and its
//! command line is one `match`. It knows nothing about the product; how tests behave is theirs.

mod bench;
mod ci;
mod deb;
mod dist;
mod fuzz;
mod mutants;
mod needs;
mod schema;
mod screenshots;
mod sim;
mod step;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask <command>

  needs   install what the tests drive: mail server, Alertmanager, browser, Python clients
  test    needs, release build, format, lints, every test
  schema  write anew what is made from the code: schema/, .env.example, pagerpal.toml, man pages
  screenshots
          every page into target/screenshots, at a desk and on a phone, in light and in dark
  ci      test, and the licences and advisories of all dependencies
  dist    the static binary, what is inside it, and checksums: target/dist
  deb     the same as a Debian package
  sim     nights that nobody wrote: `sim --seeds N`, `sim --seed S`, `sim --plan FILE`, `sim --planted all`
  fuzz    every parser and decoder: `fuzz NAME [SECS]` by libFuzzer; without it, `cargo test -p fuzz`
  mutants whether tests notice that one thing in the core is changed: `mutants turn.rs`
  bench   what it can carry, beside yardsticks: `bench ingest [--secs N]`; who is on call: `bench oncall [filter]`";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["needs"] => needs::run(),
        ["test"] => test::run(),
        ["schema"] => schema::run(),
        ["screenshots"] => screenshots::run(),
        ["ci"] => ci::run(),
        ["dist"] => dist::run().map(drop),
        ["deb"] => deb::run(),
        ["fuzz", ref arguments @ ..] => fuzz::run(arguments),
        ["mutants", ref arguments @ ..] => mutants::run(arguments),
        ["sim", ref arguments @ ..] => sim::run(arguments),
        ["bench", ref arguments @ ..] => bench::run(arguments),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
