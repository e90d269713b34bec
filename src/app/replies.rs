//! Replies: what people answer to a message, and what follows from it.
//!
//! A number can be forged. So a reply acts only if it comes from a verified contact method and names a live code of its
//! owner, or if exactly one open incident of theirs is meant; and whoever guesses codes is soon not listened to. What it
//! does goes the way of every other action, with the person's own rights, and the timeline says which door it came by.
//! Each reply is heard once and answered in one short text, inside the number's budget.

use crate::app::deliveries::{ledger, tell_admins};
use crate::app::incidents::{self, Deed};
use crate::app::passes::LinkKey;
use crate::app::{AppError, Write, apply};
use crate::domain::actor::{Actor, Door};
use crate::domain::effect::Reason;
use crate::domain::id::IncidentId;
use crate::domain::incident::{Incident, Status};
use crate::domain::pass::Pass;
use crate::domain::reply::{self, Command, Inbound, Wish};
use crate::domain::throttle::WRONG_CODES;
use crate::domain::user::{ContactMethod, User};
use crate::store::{Read, Take, passes, users};

/// What became of a reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// Nobody's number, a repeat, or too many wrong codes before it: no answer.
    Ignored,
    /// Answered, and nothing was done.
    Answered,
    Acted(IncidentId),
}

/// Incidents that an answer lists with their codes.
const LISTED: usize = 5;

pub fn receive(tx: &mut Write<'_>, key: &LinkKey, inbound: &Inbound) -> Result<Heard, AppError> {
    let owners = owners(tx, inbound)?;
    let Some(first) = owners.first().cloned() else { return Ok(Heard::Ignored) };
    let (now, number) = (tx.now(), first.1.address.clone());
    let mut kept = ledger(tx, &number)?;
    let is_new = kept.hear(&inbound.message_id, now);
    let is_guessing = kept.misses_at(now) >= WRONG_CODES;
    tx.put(&kept)?;
    if !is_new || is_guessing {
        return Ok(Heard::Ignored);
    }
    let verified: Vec<Owner> = owners.into_iter().filter(|(_, contact)| contact.verified_at.is_some()).collect();
    if verified.is_empty() {
        let words = "This number is not verified, so it cannot act. Verify it in PagerPal, on your own page.";
        return answer(tx, &first, words);
    }
    let wanted = match &inbound.button {
        Some(button) => match key.read_button(button) {
            Some((incident, user, wish)) => find(tx, &verified, |pass| pass.incident == incident && pass.user == user)?
                .map(|(owner, incident)| (owner, incident, wish)),
            None => None,
        },
        None => match reply::parse(&inbound.text) {
            Some(Command { wish, code: Some(code) }) => {
                find(tx, &verified, |pass| pass.code == code)?.map(|(owner, incident)| (owner, incident, wish))
            }
            Some(Command { wish, code: None }) => {
                let mut open = open(tx, &verified)?;
                match (open.pop(), open.is_empty()) {
                    (Some((owner, incident, _)), true) => Some((owner, incident, wish)),
                    (last, _) => {
                        open.extend(last);
                        return answer(tx, &first, &format!("Which one? {}", listed(&open, wish)));
                    }
                }
            }
            None => {
                let open = open(tx, &verified)?;
                let words = format!("Not understood. {}", listed(&open, Wish::Acknowledge));
                return answer(tx, &first, &words);
            }
        },
    };
    match wanted {
        Some((owner, incident, wish)) => act(tx, &owner, &incident, wish, inbound),
        None => wrong(tx, &first, &verified),
    }
}

type Owner = (User, ContactMethod);

/// Active people who have this number, by the same channel.
fn owners(read: &impl Read, inbound: &Inbound) -> Result<Vec<Owner>, AppError> {
    let is_it = |contact: &&ContactMethod| {
        contact.channel == inbound.channel && contact.address.trim_start_matches('+') == inbound.from
    };
    let people = users::users_all(read, super::MANY)?;
    let owner = |user: User| {
        let contact = user.contacts.iter().find(is_it).cloned()?;
        user.is_active().then_some((user, contact))
    };
    Ok(people.into_iter().filter_map(owner).collect())
}

/// The live pass that is meant, among those of these people.
fn find(
    read: &Write<'_>,
    owners: &[Owner],
    is_meant: impl Fn(&Pass) -> bool,
) -> Result<Option<(Owner, Incident)>, AppError> {
    for owner in owners {
        for pass in passes::passes_of_user(read, owner.0.id, Take::first(super::MANY))?.items {
            let Some(incident) = read.get::<Incident>(pass.incident)?.filter(|_| is_meant(&pass)) else { continue };
            if !pass.is_dead(&incident, &owner.0, read.now()) {
                return Ok(Some((owner.clone(), incident)));
            }
        }
    }
    Ok(None)
}

/// The open incidents these people have passes for, with the codes, the newest first.
fn open(read: &impl Read, owners: &[Owner]) -> Result<Vec<(Owner, Incident, String)>, AppError> {
    let mut open = Vec::new();
    for owner in owners {
        for pass in passes::passes_of_user(read, owner.0.id, Take::first(super::MANY))?.items {
            let incident = read.get::<Incident>(pass.incident)?;
            if let Some(incident) = incident.filter(|incident| incident.status != Status::Resolved) {
                open.push((owner.clone(), incident, pass.code));
            }
        }
    }
    open.sort_by_key(|(_, incident, _)| std::cmp::Reverse(incident.number));
    Ok(open)
}

/// "Answer 7KQ4 for #12, 9CDF for #14."
fn listed(open: &[(Owner, Incident, String)], wish: Wish) -> String {
    if open.is_empty() {
        return "No incident of yours is open.".to_owned();
    }
    let letter = match wish {
        Wish::Acknowledge => "",
        Wish::Resolve => " R",
        Wish::Escalate => " E",
    };
    let names = open.iter().take(LISTED).map(|(_, incident, code)| format!("{code}{letter} for #{}", incident.number));
    let more = open.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("Answer {}{more}.", names.collect::<Vec<_>>().join(", "))
}

fn act(
    tx: &mut Write<'_>,
    owner: &Owner,
    incident: &Incident,
    wish: Wish,
    inbound: &Inbound,
) -> Result<Heard, AppError> {
    let user = &owner.0;
    let actor = Actor::user(user.id, user.role, Door::Reply(inbound.channel));
    let deed = match wish {
        Wish::Acknowledge => Deed::Acknowledge,
        Wish::Resolve => Deed::Resolve,
        Wish::Escalate => Deed::Escalate { expected_level: None },
    };
    let number = incident.number;
    let done = match incidents::act(tx, &actor, &incident.id.to_string(), None, deed) {
        Ok(done) => done,
        Err(AppError::Refused(refusal)) => return answer(tx, owner, &refusal.sentence),
        Err(error) => return Err(error),
    };
    let words = match wish {
        Wish::Acknowledge if done.assignee == Some(user.id) => format!("#{number} is yours."),
        Wish::Acknowledge => {
            let name = match done.assignee {
                Some(other) => tx.get::<User>(other)?.map(|other| other.name),
                None => None,
            };
            format!("{} has #{number} already; you are noted too.", name.as_deref().unwrap_or("Somebody"))
        }
        Wish::Resolve => format!("#{number} is resolved."),
        Wish::Escalate => {
            let mut names = Vec::new();
            for called in &done.ladder.paged {
                names.extend(tx.get::<User>(*called)?.map(|user| user.name));
            }
            format!(
                "#{number} went on: {} called.",
                if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
            )
        }
    };
    answer(tx, owner, &words)?;
    Ok(Heard::Acted(incident.id))
}

/// No live code of theirs. Guessing ends soon, and admins hear of it.
fn wrong(tx: &mut Write<'_>, first: &Owner, verified: &[Owner]) -> Result<Heard, AppError> {
    let (user, contact) = first;
    let mut kept = ledger(tx, &contact.address)?;
    let misses = kept.miss(tx.now());
    tx.put(&kept)?;
    if misses >= WRONG_CODES {
        let words = format!(
            "{WRONG_CODES} wrong codes came from a number of {} within an hour. Replies from it are not heard for now.",
            user.name
        );
        tell_admins(tx, |_, _| true, &words)?;
        return Ok(Heard::Ignored);
    }
    let open = open(tx, verified)?;
    answer(tx, first, &format!("No incident has that code. {}", listed(&open, Wish::Acknowledge)))
}

fn answer(tx: &mut Write<'_>, (user, contact): &Owner, words: &str) -> Result<Heard, AppError> {
    apply::tell(tx, user.id, contact, Reason::Answer, words)?;
    Ok(Heard::Answered)
}
