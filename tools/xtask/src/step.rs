//! Runs one program after saying which, and turns a failure into a sentence.
//!
//! Every command of xtask is a list of these; the printed lines can be pasted into a shell one by one.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a person reads when a step failed; there is nobody to handle it otherwise.
pub type Result<T = ()> = std::result::Result<T, String>;

/// Runs `program` in the repository with the terminal's own output. `Err` if it cannot start or ends with a failure.
pub fn run(program: impl AsRef<Path>, arguments: &[&str]) -> Result {
    run_with(program, arguments, &[])
}

/// Like [`run`], with these variables added to the environment.
pub fn run_with(program: impl AsRef<Path>, arguments: &[&str], variables: &[(&str, &str)]) -> Result {
    let program = program.as_ref();
    let line = format!("{} {}", program.display(), arguments.join(" "));
    println!("\n==> {line}");
    let mut command = Command::new(program);
    // `cargo run` describes this program to it. Handed on, that would make build scripts believe that everything changed.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    let status = command
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(repository())
        .status()
        .map_err(|error| format!("cannot start `{line}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed ({status})")) }
}

/// The cargo that rust-toolchain.toml names, as it did for the one that runs us.
pub fn cargo(arguments: &[&str]) -> Result {
    run("cargo", arguments)
}

/// What `program` prints, or `None` if it cannot start or fails.
pub fn output(program: impl AsRef<Path>, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program.as_ref()).args(arguments).current_dir(repository()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
}

/// The root of this repository.
pub fn repository() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path.pop();
    path
}
