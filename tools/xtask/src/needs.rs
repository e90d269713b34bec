//! `cargo xtask needs`: installs the real programs that the tests drive.
//!
//! On Debian, as root, missing programs come from the distribution; the Python clients always go to `target/venv`, the
//! packages for Node.js to `target/node`.
//! Elsewhere it installs nothing and says exactly what is missing. Nothing is asked, no service is started, and a
//! machine that has everything is left untouched: a second run takes no time. How a program is used is the harness's
//! affair; `harness::programs` looks in the same places.

use crate::step::{self, Result, output, repository};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Programs, and the Debian packages that bring them.
const PROGRAMS: [(&str, &str); 15] = [
    ("exim4", "exim4-daemon-light"),
    ("prometheus-alertmanager", "prometheus-alertmanager"),
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    ("openssl", "openssl"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("curl", "curl"),
    ("systemd-analyze", "systemd"),
    ("debootstrap", "debootstrap"),
    ("nginx", "nginx-light"),
    ("caddy", "caddy"),
    ("buildah", "buildah"),
    ("groff", "groff-base"),
    ("age", "age"),
];

/// Packages for a Python that can make a virtual environment.
const PYTHON_PACKAGES: [&str; 2] = ["python3", "python3-venv"];

/// In the order they are tried: whoever set up a `python3` of their own means that one.
const PYTHONS: [&str; 6] = ["python3", "/usr/bin/python3", "python3.13", "python3.12", "python3.11", "python3.10"];

pub fn run() -> Result {
    install_programs()?;
    install_python_clients()?;
    install_node_packages()
}

fn install_programs() -> Result {
    let mut packages: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| find(program).is_none()).map(|&(_, package)| package).collect();
    if python().is_none() {
        packages.extend(PYTHON_PACKAGES);
    }
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if find("apt-get").is_none() {
        return Err(format!(
            "the tests need what Debian calls: {list}. This is not Debian; install them and run this again."
        ));
    }
    if output("id", &["-u"]).as_deref() != Some("0") {
        return Err(format!(
            "the tests need packages that are missing. Install them, then run this again:\n  sudo apt-get install --no-install-recommends {list}"
        ));
    }
    let _quiet = NoServices::begin()?;
    let silent = [("DEBIAN_FRONTEND", "noninteractive")];
    step::run_with("apt-get", &["update", "-q"], &silent)?;
    let mut install = vec!["install", "-q", "-y", "--no-install-recommends"];
    install.extend(packages);
    step::run_with("apt-get", &install, &silent)
}

/// Makes `target/venv` what requirements.txt says. The copy of that file inside is written last, so an installation
/// that was cut short is made again.
fn install_python_clients() -> Result {
    let requirements = repository().join("tools/harness/python/requirements.txt");
    let venv = repository().join("target/venv");
    let installed = venv.join("requirements.txt");
    let wanted = fs::read(&requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let works = output(venv.join("bin/python"), &["--version"]).is_some();
    if works && fs::read(&installed).is_ok_and(|had| had == wanted) {
        return Ok(());
    }
    let python = python().ok_or("no Python of at least 3.10 that can make virtual environments")?;
    step::run(python, &["-m", "venv", "--clear", "target/venv"])?;
    step::run(
        "target/venv/bin/python",
        &["-m", "pip", "install", "--quiet", "--requirement", &requirements.to_string_lossy()],
    )?;
    fs::write(&installed, wanted).map_err(|error| format!("{}: {error}", installed.display()))
}

/// Makes `target/node` what the lock file says. The copy of that file is written last here, too.
fn install_node_packages() -> Result {
    let (source, target) = (repository().join("tools/harness/node"), repository().join("target/node"));
    let read = |name: &str| fs::read(source.join(name)).map_err(|error| format!("{name}: {error}"));
    let installed = target.join("package-lock.installed");
    let wanted = read("package-lock.json")?;
    if fs::read(&installed).is_ok_and(|had| had == wanted) {
        return Ok(());
    }
    let write =
        |name: &str, bytes: &[u8]| fs::write(target.join(name), bytes).map_err(|error| format!("{name}: {error}"));
    fs::create_dir_all(&target).map_err(|error| format!("{}: {error}", target.display()))?;
    write("package.json", &read("package.json")?)?;
    write("package-lock.json", &wanted)?;
    // Nothing of the packages runs while they are installed.
    step::run("npm", &["--prefix", "target/node", "ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
    write("package-lock.installed", &wanted)
}

/// A Python that is new enough and has what Debian ships apart, in python3-venv.
fn python() -> Option<&'static str> {
    const PROBE: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))";
    PYTHONS.into_iter().find(|python| output(python, &["-c", PROBE]).is_some())
}

/// Looks in PATH, and where Debian keeps daemons, which is not in everybody's PATH.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// While it lives, packages may be installed without their services being started: a mail server and an
/// Alertmanager on their usual ports are nothing this machine asked for. A policy that is already there stays.
struct NoServices {
    ours: bool,
}

impl NoServices {
    const POLICY: &str = "/usr/sbin/policy-rc.d";

    fn begin() -> Result<NoServices> {
        let policy = Path::new(Self::POLICY);
        let ours = !policy.exists();
        if ours {
            // 101 is "forbidden by policy" in the contract of invoke-rc.d.
            fs::write(policy, "#!/bin/sh\nexit 101\n")
                .and_then(|()| fs::set_permissions(policy, fs::Permissions::from_mode(0o755)))
                .map_err(|error| format!("{}: {error}", policy.display()))?;
        }
        Ok(NoServices { ours })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = fs::remove_file(Self::POLICY)
        {
            eprintln!("xtask: could not remove {}: {error}", Self::POLICY);
        }
    }
}
