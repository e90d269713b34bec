//! The configuration as one document, out and in.
//!
//! [`App::export`] writes down what people have set up. [`App::import`] makes a store say what a document says: things are
//! matched by their names, in one transaction, under the rules that hold for people's edits. Whatever is refused is
//! refused with its place, all of it at once, and then nothing has changed. What is in the store and not in the document
//! is left alone.
//!
//! History (incidents, messages, the audit log), sessions, personal tokens, invitations and links to calendars are in no
//! document: a backup carries those.

mod export;
mod import;
mod people;

use crate::app::{App, AppError, Lane, passes::LinkKey};
use crate::exchange::document::Document;
use crate::store::StoreError;
use crate::vault::Vault;

/// What an export wrote.
#[derive(Clone, Debug)]
pub struct Exported {
    pub document: Document,
    /// Secrets that were asked for and cannot be read any more, one sentence each.
    pub left_out: Vec<String>,
}

/// What an import may want besides the document.
#[derive(Clone)]
pub struct Means {
    pub vault: Vault,
    pub link_key: LinkKey,
    /// New and random: keys and nonces are made of it.
    pub seed: [u8; 32],
    /// The kinds of alert sources that are known, by their words.
    pub kinds: Vec<&'static str>,
}

/// What an import did, or would do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Imported {
    pub changes: Vec<Changed>,
    /// What nobody can know from a document without secrets, one sentence each.
    pub to_do: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changed {
    pub deed: Deed,
    /// `user Bo`, with what differs: `team Payments: members + bo@example.com`.
    pub what: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    Add,
    Change,
    Deactivate,
}

impl Imported {
    pub fn sentences(&self, is_dry_run: bool) -> Vec<String> {
        self.changes.iter().map(|change| change.sentence(is_dry_run)).collect()
    }
}

impl Changed {
    /// `would add the user Bo`, or `added the user Bo`.
    pub fn sentence(&self, is_dry_run: bool) -> String {
        let verb = match (self.deed, is_dry_run) {
            (Deed::Add, true) => "would add",
            (Deed::Add, false) => "added",
            (Deed::Change, true) => "would change",
            (Deed::Change, false) => "changed",
            (Deed::Deactivate, true) => "would deactivate",
            (Deed::Deactivate, false) => "deactivated",
        };
        format!("{verb} the {}", self.what)
    }
}

/// Something in a document that cannot be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Complaint {
    /// `users[2] (Bo)`
    pub place: String,
    /// What is wrong and what to do.
    pub sentence: String,
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.place, self.sentence)
    }
}

/// Why nothing was imported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotImported {
    Refused(Vec<Complaint>),
    App(AppError),
}

impl From<AppError> for NotImported {
    fn from(error: AppError) -> NotImported {
        NotImported::App(error)
    }
}

/// How the attempt in the write thread ends: whatever is not `Ok` leaves the store as it was.
enum Undone {
    /// It was only to be known what would happen.
    Rehearsed(Imported),
    Not(NotImported),
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Undone {
        Undone::Not(NotImported::App(error.into()))
    }
}

impl App {
    /// One committed state. With `secrets` it also holds what recognises passwords and keys, and the secrets that are
    /// sealed, in plain.
    pub fn export(&self, secrets: bool) -> Result<Exported, AppError> {
        self.read(|read| export::document(read, read.now(), secrets.then_some(&self.vault)))
    }

    /// A rehearsal does everything and keeps nothing of it.
    pub fn import(&self, document: Document, means: Means, rehearse: bool) -> Result<Imported, NotImported> {
        let settle = self.settle();
        let attempt = self.store.write(Lane::People, move |tx| {
            settle(tx).map_err(|error| Undone::Not(error.into()))?;
            match import::import(tx, &document, &means) {
                Ok(imported) if rehearse => Err(Undone::Rehearsed(imported)),
                Ok(imported) => Ok(imported),
                Err(refused) => Err(Undone::Not(refused)),
            }
        });
        match attempt {
            Ok(imported) | Err(Undone::Rehearsed(imported)) => Ok(imported),
            Err(Undone::Not(why)) => Err(why),
        }
    }
}
