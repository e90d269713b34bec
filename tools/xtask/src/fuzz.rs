//! `cargo xtask fuzz NAME [SECS]`: libFuzzer asks one target of `tools/fuzz` for so long, ten minutes if nothing is said.
//! `cargo xtask fuzz canary` asks a parser with a fault, and must fail within a minute.
//!
//! It needs `cargo install cargo-fuzz` and a C++ compiler. The flags that libFuzzer needs are not stable; the toolchain is told
//! to take them all the same, so that there is one for everything. No sanitizer: nothing of ours is unsafe.

use crate::step::{Result, cargo, run_with};

/// An input that takes longer is a finding. So is one that takes more memory.
const LIMITS: [&str; 4] = ["-timeout=20", "-rss_limit_mb=3000", "-max_len=16384", "-print_final_stats=1"];

pub fn run(arguments: &[&str]) -> Result {
    let (name, secs) = match arguments {
        [name] => (name, "600"),
        [name, secs] => (name, *secs),
        _ => return Err("which target? They are listed in tools/fuzz/src/targets/mod.rs".to_owned()),
    };
    cargo(&["run", "--quiet", "--locked", "--package", "fuzz", "--", name])?;
    // What is found goes where every test run asks it again.
    let found = format!("-artifact_prefix=tools/fuzz/regressions/{name}/");
    let mut words = vec!["fuzz", "run", "--fuzz-dir", "tools/fuzz/libfuzzer", "--sanitizer", "none", name];
    let time = format!("-max_total_time={secs}");
    words.extend(["--", &time, &found]);
    words.extend(LIMITS);
    let dictionary = format!("tools/fuzz/libfuzzer/corpus/{name}.words");
    let argument = format!("-dict={dictionary}");
    // Not every target has words of its own, and libFuzzer refuses an empty list of them.
    if std::fs::metadata(&dictionary).is_ok_and(|file| file.len() > 0) {
        words.push(&argument);
    }
    run_with("cargo", &words, &[("RUSTC_BOOTSTRAP", "1")])
}
