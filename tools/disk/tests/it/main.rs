//! What becomes of a store whose disk fails. Each harness asserts that it did work, and finds faults that are planted.

mod flip;
mod full;
mod nth;
mod older;
mod torn;

use std::process::Command;

/// A number that the environment gives.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Runs one of these tests again, in a process with a fault planted into the product, and answers what it says; `None` if it
/// finds nothing.
fn planted(fault: &str, test: &str, settings: &[(&str, &str)]) -> Option<String> {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture"]).env("PAGERPAL_PLANTED", fault).envs(settings.iter().copied());
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("running 1 test"), "there is no test {test}: {said}");
    (!output.status.success()).then(|| said.into_owned())
}
