//! Where settings come from: which source wins, and what a secret may come from.
//!
//! Nothing here reads the process or the disk by itself, so a test is a map and a closure. The text found for a setting
//! is not judged here.

use super::keys::{self, ROWS, Row};
use super::{Problem, env_file, toml_file};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// All that the outside says about the configuration.
pub struct Sources<'a> {
    /// What the command line sets, by the environment's name: `LISTEN_ADDRESS` for `--listen`.
    pub flags: BTreeMap<&'static str, String>,
    pub env: BTreeMap<String, String>,
    /// From `--config`. It must exist; the usual places need not.
    pub config_file: Option<PathBuf>,
    pub read_file: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
}

const ENV_FILE: &str = ".env";
const CONFIG_FILES: [&str; 2] = ["pagerpal.toml", "/etc/pagerpal/pagerpal.toml"];

/// One setting in one source.
pub struct Entry {
    /// The environment's name for it, or that name and `_FILE`.
    pub name: String,
    pub text: String,
    /// `environment`, `.env:3`, `pagerpal.toml:12`, `flag`.
    pub origin: String,
    /// What this source calls it, for messages.
    pub called: String,
}

/// What was found for every setting, and what is wrong with how it was given.
#[derive(Default)]
pub struct Gathered {
    pub found: BTreeMap<&'static str, Entry>,
    /// Secrets that are set and could not be had; why is among the fatal.
    pub unusable: BTreeSet<&'static str>,
    pub fatal: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

/// The winning text of every setting that is set. A setting set to nothing (`SMTP_HOST=`) is not set.
pub fn gather(sources: &Sources<'_>) -> Gathered {
    let mut gathered = Gathered::default();
    let environment = environment(sources);
    let env_file = text_file(sources, Path::new(ENV_FILE), false, &mut gathered.fatal)
        .map(|text| env_file::entries(ENV_FILE, &text, &mut gathered.fatal))
        .unwrap_or_default();
    gathered.warnings.extend(environment.iter().chain(&env_file).filter_map(unknown_variable));
    // Highest first.
    let mut layers = flags(sources);
    layers.extend(environment);
    layers.extend(env_file);
    layers.extend(toml_entries(sources, &mut gathered.fatal));
    layers.retain(|entry| !entry.text.trim().is_empty());

    for row in ROWS {
        let known = gathered.fatal.len();
        let given = if row.is_secret() {
            secret(row, &mut layers, sources, &mut gathered.fatal)
        } else {
            let highest = taken(&mut layers, row.name).into_iter().next();
            highest.map(|entry| Entry { text: entry.text.trim().to_owned(), ..entry })
        };
        if gathered.fatal.len() > known {
            gathered.unusable.insert(row.name);
        } else {
            gathered.found.extend(given.map(|entry| (row.name, entry)));
        }
    }
    gathered
}

fn flags(sources: &Sources<'_>) -> Vec<Entry> {
    let entry = |(name, text): (&&str, &String)| named(name, text, "flag");
    sources.flags.iter().map(entry).collect()
}

fn environment(sources: &Sources<'_>) -> Vec<Entry> {
    sources.env.iter().map(|(name, text)| named(name, text, "environment")).collect()
}

fn named(name: &str, text: &str, origin: &str) -> Entry {
    Entry { name: name.into(), text: text.into(), origin: origin.into(), called: name.into() }
}

/// The entries of that name, taken out of `layers`.
fn taken(layers: &mut Vec<Entry>, name: &str) -> Vec<Entry> {
    layers.extract_if(.., |entry| entry.name == name).collect()
}

/// A secret stands in exactly one place: a second one, forgotten, is how a revoked key comes back. The same value twice
/// is let pass, because many tools load `.env` into the environment before they start us.
fn secret(row: &Row, layers: &mut Vec<Entry>, sources: &Sources<'_>, fatal: &mut Vec<Problem>) -> Option<Entry> {
    let mut given = taken(layers, row.name);
    for pointer in taken(layers, &format!("{}_FILE", row.name)) {
        let text = match (sources.read_file)(Path::new(pointer.text.trim())) {
            Ok(bytes) => secret_text(bytes),
            Err(error) => Err(format!("cannot be read: {error}")),
        };
        match text {
            Ok(text) => {
                let origin = format!("{}, {}", pointer.called, pointer.origin);
                given.push(Entry { text, origin, ..pointer });
            }
            // The path is not repeated: the secret itself may have been put in its place.
            Err(refusal) => {
                fatal.push(Problem::new(pointer.origin, format!("{} names a file that {refusal}", pointer.called)));
            }
        }
    }
    if let Some(directory) = sources.env.get("CREDENTIALS_DIRECTORY").filter(|directory| !directory.is_empty()) {
        let credential = row.name.to_ascii_lowercase();
        let origin = format!("systemd credential {credential}");
        match (sources.read_file)(&Path::new(directory).join(&credential)) {
            Ok(bytes) => match secret_text(bytes) {
                Ok(text) => given.push(named(row.name, &text, &origin)),
                Err(refusal) => fatal.push(Problem::new(origin, refusal)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => fatal.push(Problem::new(origin, format!("cannot be read: {error}"))),
        }
    }
    let differing = given.iter().any(|entry| entry.text != given[0].text);
    if differing {
        let places: Vec<&str> = given.iter().map(|entry| entry.origin.as_str()).collect();
        let sentence = format!("is set in several places, to different values ({}); keep one", places.join("; "));
        fatal.push(Problem::new(row.name, sentence));
    }
    given.into_iter().next()
}

/// One line end at the end is the editor's and not the secret's.
fn secret_text(bytes: Vec<u8>) -> Result<String, String> {
    let mut text = String::from_utf8(bytes).map_err(|_| "is not UTF-8 text")?;
    let kept = text.strip_suffix('\n').map_or(text.len(), |rest| rest.strip_suffix('\r').unwrap_or(rest).len());
    text.truncate(kept);
    if text.is_empty() {
        return Err("is empty".into());
    }
    Ok(text)
}

fn toml_entries(sources: &Sources<'_>, fatal: &mut Vec<Problem>) -> Vec<Entry> {
    let usual = CONFIG_FILES.map(|path| (Path::new(path), false));
    let asked = sources.config_file.as_deref().map(|path| [(path, true)]);
    let places = asked.as_ref().map_or(&usual[..], |asked| &asked[..]);
    for (path, required) in places {
        let before = fatal.len();
        if let Some(text) = text_file(sources, path, *required, fatal) {
            return toml_file::entries(&path.display().to_string(), &text, fatal);
        }
        if fatal.len() > before {
            break;
        }
    }
    Vec::new()
}

/// A file that is there and cannot be read is a problem, whoever asked for it: what it says would be silently lost.
fn text_file(sources: &Sources<'_>, path: &Path, required: bool, fatal: &mut Vec<Problem>) -> Option<String> {
    let refusal = match (sources.read_file)(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => return Some(text),
            Err(_) => "is not UTF-8 text".to_owned(),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound && !required => return None,
        Err(error) => format!("cannot be read: {error}"),
    };
    fatal.push(Problem::new(path.display().to_string(), refusal));
    None
}

/// A variable that begins like ours and means nothing is most likely a typo; it may also be another program's.
fn unknown_variable(entry: &Entry) -> Option<Problem> {
    const OURS: [&str; 5] = ["PAGERPAL_", "INFOBIP_", "SMTP_", "NOTIFICATION_", "ESCALATION_"];
    let is_known =
        |row: &&Row| entry.name == row.name || (row.is_secret() && entry.name.strip_suffix("_FILE") == Some(row.name));
    if !OURS.iter().any(|prefix| entry.name.starts_with(prefix)) || ROWS.iter().any(is_known) {
        return None;
    }
    let meant = keys::nearest(&entry.name, ROWS.iter().map(|row| row.name));
    let hint = meant.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    Some(Problem::new(&entry.origin, format!("{} is no setting of PagerPal and is ignored{hint}", entry.name)))
}
