//! The audit log: appends to its chain, proves it, and cuts off what is past keeping.
//!
//! An entry is part of the transaction that it is about. Transactions of one commit see each other's writes, so each finds
//! the chain where the one before left it, and a refused one leaves no gap.

use crate::app::{AppError, Read, Write};
use crate::domain::actor::Actor;
use crate::domain::audit::{AUDIT_KEPT_DAYS, AuditChain, AuditEntry, Change};
use crate::domain::id::{AuditId, Id, UserId};
use crate::domain::time::Timestamp;
use crate::hex::hex;
use crate::store::{Cursor, Page, Read as _, StoreError, Take, audit};
use ring::digest::{Context, SHA256};
use std::fmt::Display;

/// What an entry says.
#[derive(Clone, Debug)]
pub struct Said<'a> {
    pub actor: &'a Actor,
    pub acting_as: Option<UserId>,
    pub action: &'a str,
    pub object: String,
    pub summary: String,
    pub change: Option<Change>,
}

/// Notes what is no edit of a record: a sign-in, a sign-out, a denial. In words, without secrets.
pub fn note(
    tx: &mut Write<'_>,
    actor: &Actor,
    action: &str,
    object: impl Display,
    summary: String,
) -> Result<(), AppError> {
    append(tx, Said { actor, acting_as: None, action, object: object.to_string(), summary, change: None })
}

/// The next link of the chain.
pub fn append(tx: &mut Write<'_>, said: Said<'_>) -> Result<(), AppError> {
    let chain = chain(tx)?;
    let mut entry = AuditEntry {
        id: AuditId::new(chain.next),
        at: tx.now(),
        actor: *said.actor,
        acting_as: said.acting_as,
        action: said.action.to_owned(),
        object: said.object,
        summary: said.summary,
        change: said.change,
        hash: [0; 32],
    };
    entry.hash = hash(&chain.head, &entry);
    tx.put(&AuditChain { next: chain.next + 1, head: entry.hash, ..chain })?;
    Ok(tx.put(&entry)?)
}

/// Where the log ends. If that record is damaged, it is made anew from the entries: nobody can take an incident without an
/// entry, and a broken proof is no reason to refuse it. `verify` tells what the proof then lacks.
fn chain(tx: &mut Write<'_>) -> Result<AuditChain, AppError> {
    match tx.get::<AuditChain>(()) {
        Ok(chain) => Ok(chain.unwrap_or(AuditChain::NEW)),
        Err(StoreError::Damaged(_)) => {
            tx.discard::<AuditChain>(())?;
            let first = entries(tx, Take::first(1))?.items.pop();
            let last = entries(tx, Take::last(1))?.items.pop();
            Ok(first.zip(last).map_or(AuditChain::NEW, |(first, last)| AuditChain {
                first: first.id.number(),
                before_first: [0; 32],
                next: last.id.number() + 1,
                head: last.hash,
            }))
        }
        Err(failure) => Err(failure.into()),
    }
}

fn hash(previous: &[u8; 32], entry: &AuditEntry) -> [u8; 32] {
    let mut digest = Context::new(&SHA256);
    digest.update(previous);
    digest.update(&entry.content());
    digest.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

/// A part of the log, in the order that `take` says. For callers who have asked for access.
pub fn entries(read: &impl crate::store::Read, take: Take) -> Result<Page<AuditEntry>, AppError> {
    Ok(audit::audit_entries(read, take)?)
}

/// What [`verify`] found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    pub entries: u64,
    /// The hash of the last entry, in hexadecimal: written down elsewhere, it proves that all before it is as it was.
    pub head: String,
    /// Where the chain first breaks.
    pub broken: Option<String>,
}

/// Entries read at a time.
const PAGE: usize = 500;

/// Walks the whole chain and names the first entry that is not as it was written.
pub fn verify(read: &Read<'_>) -> Result<Proof, AppError> {
    let mut proof = Proof { entries: 0, head: String::new(), broken: None };
    let chain = match read.get::<AuditChain>(()) {
        Ok(chain) => chain.unwrap_or(AuditChain::NEW),
        Err(StoreError::Damaged(damage)) => {
            proof.broken = Some(damage.to_string());
            return Ok(proof);
        }
        Err(failure) => return Err(failure.into()),
    };
    proof.head = hex(&chain.head);
    let (mut next, mut previous) = (chain.first, chain.before_first);
    let mut cursor: Option<Cursor> = None;
    loop {
        let page = entries(read, Take::first(PAGE).after(cursor))?;
        for entry in &page.items {
            let found = entry.id.number();
            proof.broken = match found == next {
                false if found > next => Some(format!("entry {next} is missing or damaged")),
                false => Some(format!("entry {found} stands before its beginning, which is entry {next}")),
                true if entry.hash != hash(&previous, entry) => {
                    Some(format!("entry {found} of {} ({}) is not as it was written", entry.at, entry.action))
                }
                true => None,
            };
            if proof.broken.is_some() {
                return Ok(proof);
            }
            proof.entries += 1;
            (next, previous) = (next + 1, entry.hash);
        }
        match page.next {
            Some(after) => cursor = Some(after),
            None => break,
        }
    }
    if next != chain.next {
        proof.broken = Some(format!("entry {next} is missing or damaged"));
    } else if previous != chain.head {
        proof.broken = Some(format!("entry {} is not the one it ended with", next - 1));
    }
    Ok(proof)
}

impl Proof {
    /// The sentence for people, if there is something wrong.
    pub fn problem(&self) -> Option<String> {
        self.broken.as_ref().map(|broken| format!("The audit log is broken: {broken}."))
    }
}

/// Whether the end of the chain is sound: cheap enough for every minute. `None` is well.
pub fn problem_at_end(read: &Read<'_>) -> Result<Option<String>, AppError> {
    let chain = read.get::<AuditChain>(())?.unwrap_or(AuditChain::NEW);
    let mut last = entries(read, Take::last(2))?.items.into_iter();
    let (last, before) = (last.next(), last.next());
    let sound = match &last {
        None => chain.first == chain.next,
        Some(last) => {
            let previous = before.map_or(chain.before_first, |before| before.hash);
            last.id.number() + 1 == chain.next && last.hash == chain.head && last.hash == hash(&previous, last)
        }
    };
    Ok((!sound).then(|| format!("the audit log does not end with entry {} as it was written", chain.next - 1)))
}

/// Cuts off entries that are past keeping, at most `limit`, and answers how many. The chain remembers the hash that the
/// first kept one builds upon. It stops at one that cannot be read, so that `verify` goes on to name it.
pub fn prune(tx: &mut Write<'_>, now: Timestamp, limit: usize) -> Result<usize, AppError> {
    let Some(mut chain) = tx.get::<AuditChain>(())? else { return Ok(0) };
    let until = now.plus_secs(-AUDIT_KEPT_DAYS * 86_400);
    let oldest = entries(tx, Take::first(limit))?.items;
    let mut pruned = 0;
    for entry in oldest.iter().take_while(|entry| entry.at < until) {
        if entry.id.number() != chain.first {
            break;
        }
        tx.delete::<AuditEntry>(entry.id)?;
        (chain.first, chain.before_first) = (chain.first + 1, entry.hash);
        pruned += 1;
    }
    if pruned > 0 {
        tx.put(&chain)?;
    }
    Ok(pruned)
}
