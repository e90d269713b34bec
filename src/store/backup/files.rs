//! Backups as files: their names, how one gets to its place whole, and which are kept.
//!
//! A file is written as `<name>.part`, readable by this user only, synced, renamed, and its directory synced: under its
//! name it is whole or not there. Names sort as the times at which they were taken.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const BEGINNING: &str = "pagerpal-";
const ENDING: &str = ".backup";
const ENCRYPTED: &str = ".age";

/// `pagerpal-2026-11-27T03-15-00Z.backup`: no colon, which some file systems and `scp` take for something else. An encrypted
/// one ends with `.backup.age`.
pub fn name(taken_at: Timestamp, is_encrypted: bool) -> String {
    let encrypted = if is_encrypted { ENCRYPTED } else { "" };
    format!("{BEGINNING}{}{ENDING}{encrypted}", taken_at.to_string().replace(':', "-"))
}

pub fn is_encrypted(backup: &Path) -> bool {
    backup.extension().is_some_and(|extension| extension == &ENCRYPTED[1..])
}

/// As the name says.
pub fn taken_at(backup: &Path) -> Option<Timestamp> {
    let name = backup.file_name()?.to_str()?;
    let (day, time) = (day_of(name)?, instant_of(name)?.get(10..)?.replace('-', ":"));
    format!("{day}{time}").parse().ok().map(Timestamp::from_jiff)
}

/// Writes a file that is there whole or not at all, in place of one of the same name.
pub fn save<T, E: From<io::Error>>(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<T, E>) -> Result<T, E> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let written = write_synced(&part, write);
    if written.is_err() {
        // What is left of it helps nobody; if it cannot be removed, the next one of that name overwrites it.
        let _ = fs::remove_file(&part);
    }
    let answer = written?;
    fs::rename(&part, path)?;
    sync_directory(path)?;
    Ok(answer)
}

fn write_synced<T, E: From<io::Error>>(
    part: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(part)?;
    let mut out = BufWriter::with_capacity(256 * 1024, file);
    let answer = write(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(answer)
}

/// The verdict on a backup that was restored aside.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    pub file: String,
    pub at: Timestamp,
    /// `None`: it is sound.
    pub problem: Option<String>,
}

const NOTE: &str = "last-proof.json";

/// Writes the last verdict down beside the backups, so that it outlives the process.
pub fn keep_note(directory: &Path, note: &Note) -> io::Result<()> {
    let told = serde_json::to_vec(note)?;
    save(&directory.join(NOTE), |out| out.write_all(&told))
}

/// One that cannot be read is none: the next night writes another.
pub fn note(directory: &Path) -> Option<Note> {
    serde_json::from_slice(&fs::read(directory.join(NOTE)).ok()?).ok()
}

/// Makes a renamed file stay renamed.
pub fn sync_directory(of: &Path) -> io::Result<()> {
    let directory = of.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

/// The backups of a directory, the newest first; other files are nobody's business here. None if there is no directory.
pub fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        if let Ok(name) = entry?.file_name().into_string()
            && day_of(&name).is_some()
        {
            names.push(name);
        }
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

/// Removes what is past keeping and answers how many those were: the newest `keep` stay, and of each of the last
/// `keep_daily` days that have one, the last.
pub fn prune(directory: &Path, keep: usize, keep_daily: usize) -> io::Result<usize> {
    let paths = list(directory)?;
    let names: Vec<String> =
        paths.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect();
    let surplus = surplus(&names, keep, keep_daily);
    for name in &surplus {
        fs::remove_file(directory.join(name))?;
    }
    Ok(surplus.len())
}

/// Of names, the newest first, those to remove.
fn surplus(names: &[String], keep: usize, keep_daily: usize) -> Vec<&str> {
    let mut days = BTreeSet::new();
    let mut surplus = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let is_last_of_day = days.insert(day_of(name));
        if place >= keep && !(is_last_of_day && days.len() <= keep_daily) {
            surplus.push(name.as_str());
        }
    }
    surplus
}

/// `2026-11-27`, if it is the name of a backup.
fn day_of(name: &str) -> Option<&str> {
    instant_of(name)?.get(..10)
}

/// `2026-11-27T03-15-00Z`.
fn instant_of(name: &str) -> Option<&str> {
    let name = name.strip_suffix(ENCRYPTED).unwrap_or(name);
    let taken_at = name.strip_prefix(BEGINNING)?.strip_suffix(ENDING)?;
    let is_one = taken_at.len() == "2026-11-27T03-15-00Z".len()
        && taken_at.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'T' | b'Z'));
    Some(taken_at).filter(|_| is_one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn names_sort_as_times_and_only_backups_are_listed() {
        let folder = tempfile::tempdir().expect("a folder");
        let name_of = |second| name(Timestamp::from_second(second), second % 2 == 1);
        assert_eq!(name_of(1_795_749_300), "pagerpal-2026-11-27T03-15-00Z.backup");
        for second in [1_795_749_300, 1_795_662_900, 1_795_749_301] {
            fs::write(folder.path().join(name_of(second)), "").expect("a file");
        }
        assert_eq!(taken_at(&folder.path().join(name_of(1_795_749_301))), Some(Timestamp::from_second(1_795_749_301)));
        assert!(is_encrypted(Path::new(&name_of(1_795_749_301))) && !is_encrypted(Path::new(&name_of(1_795_749_300))));
        for other in ["pagerpal.redb", "pagerpal-copy.backup", "pagerpal-2026-11-27T03-15-00Z.backup.part"] {
            fs::write(folder.path().join(other), "").expect("a file");
        }
        let listed = list(folder.path()).expect("a listing");
        let listed: Vec<_> =
            listed.iter().map(|path| path.strip_prefix(folder.path()).expect("in it").display().to_string()).collect();
        assert_eq!(listed, [name_of(1_795_749_301), name_of(1_795_749_300), name_of(1_795_662_900)]);
        assert_eq!(list(&folder.path().join("nowhere")).expect("no directory is no backup"), Vec::<PathBuf>::new());
    }

    #[test]
    fn the_newest_are_kept_and_of_each_day_the_last() {
        let names = ["27T03", "27T02", "26T23", "26T01", "25T12", "24T12", "24T11"];
        let names: Vec<String> = names.iter().map(|at| format!("pagerpal-2026-11-{at}-00-00Z.backup")).collect();
        let check = |keep, keep_daily, expected: &[&str]| {
            let kept: Vec<&str> = surplus(&names, keep, keep_daily).iter().map(|name| &name[17..22]).collect();
            assert_eq!(kept, expected, "keep {keep}, daily {keep_daily}");
        };
        check(7, 0, &[]);
        check(2, 0, &["26T23", "26T01", "25T12", "24T12", "24T11"]);
        check(1, 3, &["27T02", "26T01", "24T12", "24T11"]);
        check(0, 30, &["27T02", "26T01", "24T11"]);
        check(0, 0, &["27T03", "27T02", "26T23", "26T01", "25T12", "24T12", "24T11"]);
    }

    #[test]
    fn a_file_is_private_and_whole_or_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let saved: io::Result<()> = save(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(saved.is_err() && fs::read_dir(folder.path()).expect("a folder").next().is_none());
        save(&path, |out| out.write_all(b"whole")).expect("saved");
        assert_eq!(fs::read(&path).expect("there"), b"whole");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }
}
