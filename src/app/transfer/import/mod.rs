//! Makes a store say what a document says.
//!
//! Kind by kind, each after those it names: what is built is checked by the rules of the domain, compared in its written
//! form with what is there, and put. A complaint does not end it, so that all of them are heard at once; whoever called
//! then drops the transaction. People leave, and open incidents are decided anew, when everything else is in place.

mod paging;
mod schedules;
mod users;

use super::export::Writer;
use super::{Changed, Complaint, Deed, Imported, Means, NotImported};
use crate::app::{AppError, Write, change, sha256, users as people_cases};
use crate::domain::actor::Actor;
use crate::domain::id::{AlertSourceId, PolicyId, ScheduleId, TeamId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::exchange::document::{Document, differences};
use crate::store::StoreError;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// Whoever has a shell on the machine.
const ACTOR: Actor = Actor::COMMAND_LINE;
/// An audit entry holds no more of what differs.
const AUDITED_CHARS: usize = 2000;

pub(super) fn import(tx: &mut Write<'_>, document: &Document, means: &Means) -> Result<Imported, NotImported> {
    change::begin(&ACTOR)?;
    let mut importer = Importer::new(tx, means)?;
    importer.users(&document.users)?;
    importer.teams(&document.teams)?;
    importer.schedules(&document.schedules)?;
    importer.policies(&document.escalation_policies)?;
    importer.sources(&document.alert_sources)?;
    importer.maintenance(&document.maintenance)?;
    importer.finish()
}

/// The kinds of things that are found by their names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    User,
    Team,
    Schedule,
    Policy,
    Source,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Team => "team",
            Kind::Schedule => "schedule",
            Kind::Policy => "escalation policy",
            Kind::Source => "alert source",
        }
    }
}

struct Importer<'a, 's> {
    tx: &'a mut Write<'s>,
    means: &'a Means,
    now: Timestamp,
    imported: Imported,
    complaints: Vec<Complaint>,
    /// What everything is called, kept up to date.
    writer: Writer<'static>,
    /// People by their handles.
    people: BTreeMap<String, UserId>,
    /// Who came with the document: they bring their places along, active or not.
    newcomers: BTreeSet<UserId>,
    /// Whom the document deactivates, when everything else is done.
    leaving: Vec<UserId>,
    /// What was complained about and is therefore not there: naming it is no second mistake.
    missing: BTreeSet<(Kind, String)>,
    /// Newcomers who cannot sign in.
    without_login: usize,
    /// How many secrets have been made of the seed.
    drawn: u64,
}

impl<'a, 's> Importer<'a, 's> {
    fn new(tx: &'a mut Write<'s>, means: &'a Means) -> Result<Importer<'a, 's>, AppError> {
        let writer = Writer::of(tx, None)?;
        let people = writer.handles.iter().map(|(id, handle)| (handle.clone(), *id)).collect();
        let now = tx.now();
        Ok(Importer {
            tx,
            means,
            now,
            imported: Imported::default(),
            complaints: vec![],
            writer,
            people,
            newcomers: BTreeSet::new(),
            leaving: vec![],
            missing: BTreeSet::new(),
            without_login: 0,
            drawn: 0,
        })
    }

    fn complain(&mut self, place: &str, sentence: impl Into<String>) {
        self.complaints.push(Complaint { place: place.to_owned(), sentence: sentence.into() });
    }

    /// A refusal is heard and gone on from; trouble of the store ends it.
    fn take<T>(&mut self, place: &str, result: Result<T, impl Into<AppError>>) -> Result<Option<T>, AppError> {
        match result.map_err(Into::into) {
            Ok(value) => Ok(Some(value)),
            Err(AppError::Refused(refusal)) => {
                let place = refusal.field.map_or_else(|| place.to_owned(), |field| format!("{place}, {field}"));
                self.complain(&place, refusal.sentence);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Bytes that nobody can guess, other ones each time.
    fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        sha256(&[&self.means.seed[..], &self.drawn.to_be_bytes()].concat())
    }

    fn is_missing(&self, kind: Kind, name: &str) -> bool {
        self.missing.contains(&(kind, name.to_lowercase()))
    }

    fn lacks(&mut self, kind: Kind, name: &str) {
        self.missing.insert((kind, name.to_lowercase()));
    }

    /// By handle, or by a name that one person alone has.
    fn person(&mut self, place: &str, handle: &str) -> Option<UserId> {
        let by_handle = |text: &str| self.people.get(text).copied();
        if let Some(id) = by_handle(handle).or_else(|| by_handle(&handle.to_lowercase())) {
            return Some(id);
        }
        let mut called = self.writer.names.users.iter().filter(|(_, name)| same(name, handle)).map(|(id, _)| *id);
        match (called.next(), called.next()) {
            (Some(_), Some(_)) => {
                let sentence = format!("Several people are called {handle}. Write the mail address instead.");
                self.complain(place, sentence);
                None
            }
            (found, _) => self.or_unknown(place, Kind::User, handle, found),
        }
    }

    /// All of them, each once, or none after a complaint. `kept` have their places already, whatever they are.
    fn persons(
        &mut self,
        place: &str,
        handles: &[String],
        kept: &BTreeSet<UserId>,
    ) -> Result<Option<Vec<UserId>>, AppError> {
        let mut found = Vec::new();
        let mut is_whole = true;
        for handle in handles {
            match self.person(place, handle) {
                Some(id) => {
                    is_whole &= self.may_be_placed(place, id, kept)?;
                    if !found.contains(&id) {
                        found.push(id);
                    }
                }
                None => is_whole = false,
            }
        }
        Ok(is_whole.then_some(found))
    }

    /// Whether somebody may be put where paging leads; complains if not.
    fn may_be_placed(&mut self, place: &str, id: UserId, kept: &BTreeSet<UserId>) -> Result<bool, AppError> {
        if kept.contains(&id) || self.newcomers.contains(&id) {
            return Ok(true);
        }
        let mut user = people_cases::one(self.tx, id)?;
        if self.leaving.contains(&id) {
            user.deactivate(self.now);
        }
        Ok(self.take(place, user.require_active())?.is_some())
    }

    fn team(&mut self, place: &str, name: &str) -> Option<TeamId> {
        let found = named(&self.writer.names.teams, name);
        self.or_unknown(place, Kind::Team, name, found)
    }

    fn schedule(&mut self, place: &str, name: &str) -> Option<ScheduleId> {
        let found = named(&self.writer.names.schedules, name);
        self.or_unknown(place, Kind::Schedule, name, found)
    }

    fn policy(&mut self, place: &str, name: &str) -> Option<PolicyId> {
        let found = named(&self.writer.names.policies, name);
        self.or_unknown(place, Kind::Policy, name, found)
    }

    fn source(&mut self, place: &str, name: &str) -> Option<AlertSourceId> {
        let found = named(&self.writer.names.sources, name);
        self.or_unknown(place, Kind::Source, name, found)
    }

    fn or_unknown<I>(&mut self, place: &str, kind: Kind, name: &str, found: Option<I>) -> Option<I> {
        if found.is_none() && !self.is_missing(kind, name) {
            let sentence = "neither in the document nor here. Write the name as it is there.";
            self.complain(place, format!("There is no {} {name:?}, {sentence}", kind.word()));
        }
        found
    }

    /// Names come once in each list of a document, as they do in the store. Answers whether this one does.
    fn is_first(&mut self, place: &str, seen: &mut BTreeSet<String>, name: &str) -> bool {
        let is_first = seen.insert(name.trim().to_lowercase());
        if !is_first {
            self.complain(place, format!("{name} comes twice in this list. Give one of them another name."));
        }
        is_first
    }

    /// Records, in words and in the audit log, what was added or changed; nothing if nothing was. `more` are differences
    /// that the written forms do not show.
    fn said<T: Serialize>(
        &mut self,
        what: &str,
        name: &str,
        id: impl Display,
        forms: (Option<&T>, &T),
        more: Vec<String>,
    ) -> Result<(), AppError> {
        let (before, after) = forms;
        let mut words: Vec<String> = before.map(|before| differences(before, after)).unwrap_or_default();
        words.extend(more);
        let words = words.join("; ");
        let (deed, verb) = if before.is_some() { (Deed::Change, "edited") } else { (Deed::Add, "created") };
        let detail = if words.is_empty() { String::new() } else { format!(": {words}") };
        let action = format!("{}.{verb}", what.replace(' ', "_").replace("escalation_policy", "policy"));
        let summary: String = format!("{name}{detail}").chars().take(AUDITED_CHARS).collect();
        change::audit(self.tx, &ACTOR, &action, id, summary)?;
        self.imported.changes.push(Changed { deed, what: format!("{what} {name}{detail}") });
        Ok(())
    }

    fn finish(mut self) -> Result<Imported, NotImported> {
        if self.complaints.is_empty() {
            self.leave()?;
        }
        if !self.complaints.is_empty() {
            return Err(NotImported::Refused(self.complaints));
        }
        if self.without_login > 0 {
            let sentence = "new people cannot sign in yet. Where somebody should, make a link to choose a password on their \
                            page.";
            self.imported.to_do.insert(0, format!("{} {sentence}", self.without_login));
        }
        let count = self.imported.changes.len();
        if count > 0 {
            let summary = format!("{count} things added or changed by a document");
            change::audit(self.tx, &ACTOR, "configuration.imported", "configuration", summary)?;
            change::recheck(self.tx, &ACTOR)?;
        }
        Ok(self.imported)
    }

    /// People whom the document deactivates, with all that follows.
    fn leave(&mut self) -> Result<(), AppError> {
        for id in std::mem::take(&mut self.leaving) {
            let User { name, .. } = people_cases::one(self.tx, id)?;
            let left = people_cases::deactivate(self.tx, &ACTOR, id);
            if self.take(&format!("user {name}"), left)?.is_some() {
                self.imported.changes.push(Changed { deed: Deed::Deactivate, what: format!("user {name}") });
            }
        }
        Ok(())
    }
}

/// Names are the same whatever their case.
fn same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// What is called so.
fn named<I: Copy>(names: &BTreeMap<I, String>, name: &str) -> Option<I> {
    names.iter().find(|(_, known)| same(known, name)).map(|(id, _)| *id)
}

fn conflict(sentence: Refusal) -> impl FnOnce(StoreError) -> AppError {
    crate::app::error::taken(|| sentence)
}

/// A digest as documents have it.
fn digest(text: &str) -> Result<[u8; 32], Refusal> {
    let sentence = "Write the digest as 64 hexadecimal digits, as an export does.";
    let bad = || Refusal::invalid("digest_form", "sha256", sentence);
    let digits = Some(text).filter(|text| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let digits = digits.ok_or_else(bad)?;
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).map_err(|_| bad())?;
    }
    Ok(bytes)
}
