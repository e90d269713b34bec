//! Turns the texts that were found into values.
//!
//! A refusal does not stop the reading, so that one run hears of all of them.

use super::keys::{Fallback, Key, Row, Shape};
use super::sources::Entry;
use super::{Problem, Setting};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Turns found texts into values, and notes down everything on the way.
pub struct Reader {
    pub found: BTreeMap<&'static str, Entry>,
    pub unusable: BTreeSet<&'static str>,
    pub settings: Vec<Setting>,
    pub fatal: Vec<Problem>,
    pub degraded: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

/// Why there is no value. A refused one has its problem already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Absent {
    Unset,
    Refused,
}

impl Reader {
    pub fn read<T>(&mut self, key: &Key<T>) -> Result<T, Absent> {
        let row = &key.row;
        if self.unusable.contains(row.name) {
            return Err(Absent::Refused);
        }
        let Some(entry) = self.found.get(row.name) else {
            let (value, shown) = match row.default {
                Fallback::Text(text) => (Ok((key.parse)(text).expect("a test parses every default")), text),
                Fallback::Unset => (Err(Absent::Unset), "not set"),
                Fallback::Follows(words) => (Err(Absent::Unset), words),
            };
            self.settings.push(setting(row, shown, "default"));
            return value;
        };
        let printable = if entry.text.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
            Err("must be one line of UTF-8 text without control characters".to_owned())
        } else {
            Ok(())
        };
        let value = printable.and_then(|()| (key.parse)(&entry.text));
        let shown = match &value {
            Err(_) => "refused".to_owned(),
            Ok(_) if row.is_secret() => format!("set, {} bytes", entry.text.len()),
            Ok(_) => entry.text.clone(),
        };
        self.settings.push(setting(row, &shown, &entry.origin));
        value.map_err(|refusal| {
            let problem = self.about(row, refusal);
            if refusal_degrades(row) { &mut self.degraded } else { &mut self.fatal }.push(problem);
            Absent::Refused
        })
    }

    /// With a value that follows from other settings when this one is unset.
    pub fn read_or<T>(&mut self, key: &Key<T>, otherwise: T, shown: impl fmt::Display) -> T {
        let value = self.read(key);
        if !self.is_set(&key.row)
            && let Some(setting) = self.settings.last_mut()
        {
            setting.value = shown.to_string();
        }
        value.unwrap_or(otherwise)
    }

    pub fn is_set(&self, row: &Row) -> bool {
        self.found.contains_key(row.name) || self.unusable.contains(row.name)
    }

    /// As soon as one of `rows` or of `dependents` is set, every one of `rows` is needed. Says which are missing.
    pub fn demand_all(&mut self, rows: &[&'static Row], dependents: &[&'static Row], consequence: &str) {
        let Some(set) = rows.iter().chain(dependents).find(|row| self.is_set(row)) else { return };
        let missing: Vec<&str> = rows.iter().filter(|row| !self.is_set(row)).map(|row| row.name).collect();
        if missing.is_empty() {
            return;
        }
        let (missing, are) = (missing.join(" and "), if missing.len() == 1 { "is" } else { "are" });
        let sentence = format!("is set, but {missing} {are} missing, so {consequence}; set {missing}, or remove this");
        self.degraded.push(self.about(set, sentence));
    }

    /// A problem of what is set there, at its place and under the name it has there.
    pub fn about(&self, row: &Row, sentence: impl fmt::Display) -> Problem {
        match self.found.get(row.name) {
            Some(entry) => Problem::new(&entry.origin, format!("{} {sentence}", entry.called)),
            None => Problem::new(row.name, sentence.to_string()),
        }
    }
}

/// A wrong type is fatal everywhere. A wrong text for a provider costs that provider, not the pager.
fn refusal_degrades(row: &Row) -> bool {
    matches!(row.group, "infobip" | "smtp" | "oidc") && matches!(row.shape, Shape::Text | Shape::Secret)
}

fn setting(row: &Row, value: &str, origin: &str) -> Setting {
    Setting { name: row.name, value: value.to_owned(), origin: origin.to_owned(), meaning: row.meaning }
}
