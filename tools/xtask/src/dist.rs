//! `cargo xtask dist`: what a release hands out, in `target/dist`: the binary, what is inside it, and checksums.
//!
//! The binary must stand on its own, so this fails if it asks for a loader or a library, or is larger than promised.

use crate::step::{Result, cargo, output, repository};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

const MOST_BYTES: u64 = 25_000_000;

/// Answers where the binary lies.
pub fn run() -> Result<PathBuf> {
    cargo(&["build", "--locked", "--release", "--package", "pagerpal"])?;
    let folder = repository().join("target/dist");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let built = repository().join("target").join(triple()?).join("release/pagerpal");
    let bytes = fs::read(&built).map_err(|error| format!("{}: {error}", built.display()))?;
    stands_alone(&bytes)?;
    // What the feature `faults` would ask its environment for.
    if bytes.windows(16).any(|name| name == b"PAGERPAL_PLANTED") {
        return Err("the binary holds planted faults; build it without the feature `faults`".to_owned());
    }
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("the binary has {} bytes; promised are at most {MOST_BYTES}", bytes.len()));
    }
    let binary = folder.join("pagerpal");
    fs::copy(&built, &binary).map_err(|error| format!("{}: {error}", binary.display()))?;
    // What the container file makes its volume of.
    let data = folder.join("data");
    fs::create_dir_all(&data).map_err(|error| format!("{}: {error}", data.display()))?;
    write(&folder.join("pagerpal.cdx.json"), &bill_of_materials()?)?;
    checksums()?;
    println!("{} bytes, static: {}", bytes.len(), binary.display());
    Ok(binary)
}

/// Writes `SHA256SUMS` over everything that lies in `target/dist`.
pub fn checksums() -> Result {
    let folder = repository().join("target/dist");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok().filter(|entry| entry.path().is_file()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name != "SHA256SUMS")
        .collect();
    names.sort();
    let paths: Vec<String> = names.iter().map(|name| format!("target/dist/{name}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let sums = output("sha256sum", &paths).ok_or("sha256sum failed")?;
    write(&folder.join("SHA256SUMS"), &(sums.replace("target/dist/", "") + "\n"))
}

pub fn version() -> Result<String> {
    let id = output("cargo", &["pkgid", "--package", "pagerpal"]).ok_or("cargo pkgid failed")?;
    id.rsplit(['#', '@']).next().map(str::to_owned).ok_or_else(|| format!("no version in {id}"))
}

fn triple() -> Result<String> {
    let about = output("rustc", &["--version", "--verbose"]).ok_or("rustc failed")?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not name its host".to_owned())
}

/// Of a 64-bit little-endian ELF file: no program header asks for a loader (PT_INTERP), no dynamic entry for a library
/// (DT_NEEDED).
fn stands_alone(elf: &[u8]) -> Result {
    const PT_DYNAMIC: u64 = 2;
    const PT_INTERP: u64 = 3;
    const DT_NEEDED: u64 = 1;
    let number = |at: u64, bytes: usize| -> Result<u64> {
        let at = usize::try_from(at).map_err(|_| "an offset beyond all files")?;
        let field = elf.get(at..at + bytes).ok_or("the ELF file ends too early")?;
        Ok(field.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    };
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        return Err("the binary is no 64-bit little-endian ELF file".to_owned());
    }
    let (headers, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for header in (0..count).map(|index| headers + index * size) {
        let (kind, offset, length) = (number(header, 4)?, number(header + 8, 8)?, number(header + 32, 8)?);
        if kind == PT_INTERP {
            return Err("the binary asks for a loader: it is not static".to_owned());
        }
        if kind == PT_DYNAMIC {
            for entry in (offset..offset + length).step_by(16) {
                if number(entry, 8)? == DT_NEEDED {
                    return Err("the binary asks for a shared library: it is not static".to_owned());
                }
            }
        }
    }
    Ok(())
}

/// CycloneDX 1.5: every crate that is linked in, with its licence.
fn bill_of_materials() -> Result<String> {
    let tree =
        ["tree", "--locked", "--package", "pagerpal", "--edges", "normal", "--prefix", "none", "--format", "{p}|{l}"];
    let tree = output("cargo", &tree).ok_or("cargo tree failed")?;
    let mut crates: Vec<(&str, &str, &str)> = tree
        .lines()
        .filter_map(|line| {
            let (package, licence) = line.trim_end_matches(" (*)").split_once('|')?;
            let mut words = package.split(' ');
            Some((words.next()?, words.next()?.trim_start_matches('v'), licence.trim_end_matches(" (*)")))
        })
        .filter(|(name, ..)| *name != "pagerpal")
        .collect();
    crates.sort_unstable();
    crates.dedup();
    let mut text = format!(
        "{{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.5\",\n  \"version\": 1,\n  \"metadata\": {{\"component\": \
         {{\"type\": \"application\", \"name\": \"pagerpal\", \"version\": \"{}\"}}}},\n  \"components\": [\n",
        version()?
    );
    for (index, (name, version, licence)) in crates.iter().enumerate() {
        let comma = if index + 1 == crates.len() { "" } else { "," };
        let _ = writeln!(
            text,
            "    {{\"type\": \"library\", \"name\": \"{name}\", \"version\": \"{version}\", \"purl\": \
             \"pkg:cargo/{name}@{version}\", \"licenses\": [{{\"expression\": \"{licence}\"}}]}}{comma}"
        );
    }
    Ok(text + "  ]\n}\n")
}

pub fn write(path: &std::path::Path, text: &str) -> Result {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
