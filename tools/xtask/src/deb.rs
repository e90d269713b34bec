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
    manual_pages(&tree)?;
    completions(&tree)?;
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

/// Packed, as every page of Debian's is.
fn manual_pages(tree: &Path) -> Result {
    let folder = repository().join("packaging/man");
    for entry in fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let page = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
        let name = page.file_name().ok_or("a page without a name")?.to_string_lossy().into_owned();
        let section = name.rsplit('.').next().unwrap_or("1");
        let packed = tree.join(format!("usr/share/man/man{section}/{name}"));
        place(&page, &packed, 0o644)?;
        step::run("gzip", &["-9n", &packed.display().to_string()])?;
    }
    Ok(())
}

/// As the binary itself prints them.
fn completions(tree: &Path) -> Result {
    let binary = repository().join("target/dist/pagerpal").display().to_string();
    for (shell, path) in [
        ("bash", "usr/share/bash-completion/completions/pagerpal"),
        ("zsh", "usr/share/zsh/vendor-completions/_pagerpal"),
        ("fish", "usr/share/fish/vendor_completions.d/pagerpal.fish"),
    ] {
        let script = output(&binary, &["completions", shell]).ok_or("the binary printed no completions")?;
        let path = tree.join(path);
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        fs::create_dir_all(path.parent().ok_or("a file without a folder")?).map_err(failed)?;
        write(&path, &(script + "\n"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).map_err(failed)?;
    }
    Ok(())
}

fn place(from: &Path, to: &Path, mode: u32) -> Result {
    let failed = |error: std::io::Error| format!("{}: {error}", to.display());
    fs::create_dir_all(to.parent().ok_or("a file without a folder")?).map_err(failed)?;
    fs::copy(from, to).map_err(|error| format!("{}: {error}", from.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).map_err(failed)
}
