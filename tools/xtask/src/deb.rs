//! `cargo xtask deb`: the Debian package around the binary of `dist`, in `target/dist`.
//!
//! What is in it stands under `packaging/`; this only puts each file where Debian has it. It needs `dpkg-deb`, which every
//! Debian has.

use crate::dist::{self, version, write};
use crate::step::{self, Result, output, repository};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// From the repository, to the package, with its mode.
const FILES: [(&str, &str, u32); 10] = [
    ("target/dist/pagerpal", "usr/bin/pagerpal", 0o755),
    ("packaging/pagerpal.toml", "etc/pagerpal/pagerpal.toml", 0o640),
    ("packaging/systemd/pagerpal.service", "usr/lib/systemd/system/pagerpal.service", 0o644),
    ("packaging/systemd/pagerpal.sysusers", "usr/lib/sysusers.d/pagerpal.conf", 0o644),
    ("packaging/systemd/port-443.conf", "usr/share/doc/pagerpal/examples/port-443.conf", 0o644),
    ("packaging/proxy/Caddyfile", "usr/share/doc/pagerpal/examples/Caddyfile", 0o644),
    ("packaging/proxy/nginx.conf", "usr/share/doc/pagerpal/examples/nginx.conf", 0o644),
    ("packaging/debian/postinst", "DEBIAN/postinst", 0o755),
    ("packaging/debian/prerm", "DEBIAN/prerm", 0o755),
    ("packaging/debian/postrm", "DEBIAN/postrm", 0o755),
];

pub fn run() -> Result {
    dist::run()?;
    let version = version()?;
    let architecture = output("dpkg", &["--print-architecture"]).ok_or("dpkg is missing: build packages on Debian")?;
    let tree = repository().join("target/deb");
    let failed = |error: std::io::Error| format!("{}: {error}", tree.display());
    if tree.exists() {
        fs::remove_dir_all(&tree).map_err(failed)?;
    }
    for (from, to, mode) in FILES {
        place(&repository().join(from), &tree.join(to), mode)?;
    }
    place(&repository().join("LICENSE"), &tree.join("usr/share/doc/pagerpal/copyright"), 0o644)?;
    write(&tree.join("DEBIAN/conffiles"), "/etc/pagerpal/pagerpal.toml\n")?;
    let kib =
        FILES.iter().filter_map(|(from, ..)| fs::metadata(repository().join(from)).ok()).map(|m| m.len()).sum::<u64>();
    let control = format!(
        "Package: pagerpal\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: The PagerPal developers \
         <pagerpal@example.org>\nDepends: adduser\nSection: net\nPriority: optional\nInstalled-Size: {}\nDescription: on-call pager \
         in one file\n PagerPal takes alerts from monitoring, finds who is on call and pages by SMS,\n WhatsApp and email, level by \
         level, until somebody answers. It keeps everything\n in one embedded database and has a browser UI and a REST API.\n",
        kib.div_ceil(1024)
    );
    write(&tree.join("DEBIAN/control"), &control)?;
    let package = format!("target/dist/pagerpal_{version}_{architecture}.deb");
    step::run("dpkg-deb", &["--root-owner-group", "--build", "target/deb", &package])?;
    dist::checksums()
}

fn place(from: &Path, to: &Path, mode: u32) -> Result {
    let failed = |error: std::io::Error| format!("{}: {error}", to.display());
    fs::create_dir_all(to.parent().ok_or("a file without a folder")?).map_err(failed)?;
    fs::copy(from, to).map_err(|error| format!("{}: {error}", from.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).map_err(failed)
}
