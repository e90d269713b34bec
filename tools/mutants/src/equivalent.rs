//! `equivalent.txt`: changes with which nothing is different, so that no test can notice them. An entry is the name of a change
//! as the tool prints it, and below it, indented, why. Lines that begin with `#` are for people.

use crate::change::Mutant;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Error};
use std::path::Path;

pub struct Equivalents {
    reasons: BTreeMap<String, String>,
    wrong: Vec<String>,
}

impl Equivalents {
    pub fn read(path: &Path, mutants: &[Mutant]) -> io::Result<Equivalents> {
        let names: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.name.as_str()).collect();
        let mut entries: Vec<(String, String)> = Vec::new();
        let mut wrong = Vec::new();
        for line in fs::read_to_string(path)?.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            match (line.strip_prefix("    "), entries.last_mut()) {
                (Some(reason), Some((_, known))) => *known = format!("{known} {}", reason.trim()).trim().to_owned(),
                (Some(_), None) => return Err(Error::other("equivalent.txt begins with a reason")),
                (None, _) => entries.push((line.to_owned(), String::new())),
            }
        }
        let mut reasons = BTreeMap::new();
        for (name, reason) in entries {
            if !names.contains(name.as_str()) {
                wrong.push(format!("fits no change: {name}"));
            } else if reason.is_empty() {
                wrong.push(format!("has no reason: {name}"));
            } else if reasons.insert(name.clone(), reason).is_some() {
                wrong.push(format!("stands there twice: {name}"));
            }
        }
        Ok(Equivalents { reasons, wrong })
    }

    pub fn reason(&self, mutant: &Mutant) -> Option<&str> {
        self.reasons.get(&mutant.name).map(String::as_str)
    }

    /// It is not equivalent: a test notices it.
    pub fn is_wrong(&mut self, mutant: &Mutant, by: &str) {
        self.wrong.push(format!("is noticed by {by}: {}", mutant.name));
    }

    pub fn checked(self) -> io::Result<()> {
        if self.wrong.is_empty() {
            return Ok(());
        }
        Err(Error::other(format!("equivalent.txt is out of date:\n{}", self.wrong.join("\n"))))
    }
}
