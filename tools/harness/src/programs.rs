//! Where things are: programs of the machine, the Python clients, this repository, PagerPal's own binary.

use std::path::PathBuf;

/// A program that `cargo xtask needs` installs; looks in PATH, and where Debian keeps daemons.
///
/// # Panics
/// When it is missing.
pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("this test drives the real `{name}`, which is missing: run `cargo xtask needs`"))
}

/// The Python that has the vendors' clients, see `python/requirements.txt`.
///
/// # Panics
/// When it is missing.
pub fn python() -> PathBuf {
    let python = repository().join("target/venv/bin/python");
    assert!(python.is_file(), "this test needs Python clients in target/venv: run `cargo xtask needs`");
    python
}

/// A script of this crate.
pub fn script(name: &str) -> PathBuf {
    repository().join("tools/harness/python").join(name)
}

/// The release build of one of this workspace's binaries, as `cargo build --release` leaves it beside the profile that
/// the running test was built in. `PAGERPAL_BINARY` names another one, for a developer who wants to try a debug build.
///
/// # Panics
/// When it was not built, and outside of a test binary.
pub fn release_binary(name: &str) -> PathBuf {
    if let Some(other) = std::env::var_os("PAGERPAL_BINARY") {
        return other.into();
    }
    let test = std::env::current_exe().expect("Linux tells a process its own file");
    // target/<triple>/<profile>/deps/<test>
    let builds = test.ancestors().nth(3).expect("a test binary lies three folders deep in the target folder");
    let binary = builds.join("release").join(name);
    assert!(binary.is_file(), "{} is missing: run `cargo build --release`", binary.display());
    binary
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate lies in tools/harness").to_path_buf()
}
