//! Contact methods: added, proved to be their owner's, tried, switched off and removed.
//!
//! A code and a test are messages like any other: decided, recorded and sent by the same worker, suppressed in safe mode.
//! Because anybody who may sign in can send them, and to any number, they are counted by address and by person.

use super::{begin_own, one, save};
use crate::app::passes::LinkKey;
use crate::app::{AppError, Write, apply, change};
use crate::domain::actor::Actor;
use crate::domain::contact::Channel;
use crate::domain::delivery::Delivery;
use crate::domain::effect::Reason;
use crate::domain::id::{ContactId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::user::{ContactMethod, User, checked_email, checked_phone};
use crate::store::{Read, deliveries};

/// Contact methods a person may have.
pub const CONTACTS: usize = 10;

/// Codes, and tests, to one address in an hour.
const TOLD_AN_ADDRESS: usize = 3;
/// Codes and tests together, to all addresses of one person in an hour.
const TOLD_A_PERSON: usize = 10;
const HOUR_SECS: i64 = 3600;
/// Messages looked back at for that; the rest of an hour's are answers to replies.
const LOOKED_AT: usize = 200;

pub fn add_contact(
    tx: &mut Write<'_>,
    actor: &Actor,
    id: UserId,
    channel: Channel,
    address: &str,
) -> Result<ContactId, AppError> {
    begin_own(actor, id)?;
    let mut user = one(tx, id)?;
    let address = free_address(&user, channel, address)?;
    if user.contacts.len() >= CONTACTS {
        let sentence = format!("{} has {CONTACTS} contact methods already. Remove one first.", user.name);
        return Err(Refusal::invalid("contacts_full", "address", sentence).into());
    }
    let contact =
        ContactMethod { id: tx.new_id(), channel, address, enabled: true, verified_at: None, verification: None };
    let contact_id = contact.id;
    user.contacts.push(contact);
    save(tx, &user)?;
    change::audit(tx, actor, "contact.added", contact_id, format!("{}: {}", user.name, channel.title()))?;
    change::recheck(tx, actor)?;
    Ok(contact_id)
}

/// Another address for the same method: rules keep naming it, and it is to be verified again.
pub fn readdress_contact(
    tx: &mut Write<'_>,
    actor: &Actor,
    id: UserId,
    contact: ContactId,
    address: &str,
) -> Result<(), AppError> {
    begin_own(actor, id)?;
    let mut user = one(tx, id)?;
    let channel = contact_of(&mut user, contact)?.channel;
    let others = User { contacts: user.contacts.iter().filter(|c| c.id != contact).cloned().collect(), ..user.clone() };
    let address = free_address(&others, channel, address)?;
    contact_of(&mut user, contact)?.readdress(address);
    save(tx, &user)?;
    change::audit(tx, actor, "contact.readdressed", contact, format!("{}: {}", user.name, channel.title()))
}

fn free_address(user: &User, channel: Channel, typed: &str) -> Result<String, Refusal> {
    let address = match channel {
        Channel::Sms | Channel::WhatsApp => checked_phone(typed),
        Channel::Email => checked_email(typed),
    };
    let address = address.map_err(|refusal| Refusal { field: Some("address"), ..refusal })?;
    if user.contacts.iter().any(|contact| contact.channel == channel && contact.address == address) {
        let sentence = format!("{} has this {} already.", user.name, channel.title());
        return Err(Refusal::invalid("contact_taken", "address", sentence));
    }
    Ok(address)
}

pub fn enable_contact(
    tx: &mut Write<'_>,
    actor: &Actor,
    id: UserId,
    contact: ContactId,
    enabled: bool,
) -> Result<(), AppError> {
    begin_own(actor, id)?;
    let mut user = one(tx, id)?;
    let place = contact_of(&mut user, contact)?;
    place.enabled = enabled;
    let channel = place.channel;
    save(tx, &user)?;
    let action = if enabled { "contact.enabled" } else { "contact.disabled" };
    change::audit(tx, actor, action, contact, format!("{}: {}", user.name, channel.title()))?;
    change::recheck(tx, actor)
}

/// The rules' steps of this method go with it.
pub fn remove_contact(tx: &mut Write<'_>, actor: &Actor, id: UserId, contact: ContactId) -> Result<(), AppError> {
    begin_own(actor, id)?;
    let mut user = one(tx, id)?;
    contact_of(&mut user, contact)?;
    user.contacts.retain(|other| other.id != contact);
    user.rules.without(contact);
    save(tx, &user)?;
    change::audit(tx, actor, "contact.removed", contact, user.name)?;
    change::recheck(tx, actor)
}

/// The account's address is a contact method from the start, so a new one moves it along. Where the new one is a method
/// already, that one takes its place; where the old one was removed, the new one is added like a first.
pub(super) fn follow_email(user: &mut User, old: Option<&str>, new_id: ContactId) {
    let Some(email) = user.email.clone() else { return };
    let place = |user: &User, address: &str| {
        user.contacts.iter().position(|contact| contact.channel == Channel::Email && contact.address == address)
    };
    let of_account = old.and_then(|old| place(user, old));
    match (of_account, place(user, &email)) {
        (Some(index), None) => user.contacts[index].readdress(email),
        (Some(index), Some(kept)) => {
            let (kept, gone) = (user.contacts[kept].id, user.contacts.remove(index).id);
            for step in user.rules.high.iter_mut().chain(&mut user.rules.low) {
                if step.contact == gone {
                    step.contact = kept;
                }
            }
        }
        (None, None) if user.contacts.len() < CONTACTS => user.contacts.push(ContactMethod::email(new_id, &email)),
        (None, _) => {}
    }
}

/// Sends the six digits that prove whose contact method this is.
pub fn send_code(tx: &mut Write<'_>, actor: &Actor, id: UserId, contact: ContactId) -> Result<(), AppError> {
    begin_own(actor, id)?;
    let mut user = one(tx, id)?;
    let target = tellable(tx, &user, contact, Reason::Code)?;
    // The code follows from this second, which is also that of the delivery.
    let now = tx.now();
    contact_of(&mut user, contact)?.begin_proof(now);
    save(tx, &user)?;
    apply::tell(tx, id, &target, Reason::Code, "")?;
    change::audit(tx, actor, "contact.code_sent", contact, format!("{}: {}", user.name, target.channel.title()))
}

/// The inner answer is the person's: a wrong code is refused, and counted all the same.
pub fn prove_contact(
    tx: &mut Write<'_>,
    actor: &Actor,
    key: &LinkKey,
    id: UserId,
    contact: ContactId,
    typed: &str,
) -> Result<Result<(), Refusal>, AppError> {
    begin_own(actor, id)?;
    let mut user = one(tx, id)?;
    let now = tx.now();
    let place = contact_of(&mut user, contact)?;
    let channel = place.channel;
    let expected = place.proof_begun_at(now).map(|begun_at| key.proof(contact, begun_at)).unwrap_or_default();
    let answer = place.prove(typed, &expected, now);
    save(tx, &user)?;
    let action = if answer.is_ok() { "contact.verified" } else { "contact.code_missed" };
    change::audit(tx, actor, action, contact, format!("{}: {}", user.name, channel.title()))?;
    Ok(answer)
}

/// A message that says who asked for it: whether it arrives is what is tried.
pub fn send_test(tx: &mut Write<'_>, actor: &Actor, id: UserId, contact: ContactId) -> Result<(), AppError> {
    begin_own(actor, id)?;
    let user = one(tx, id)?;
    let target = tellable(tx, &user, contact, Reason::Test)?;
    let asker = match actor.user_id() {
        Some(asker) => one(tx, asker)?.name,
        None => "the operator".to_owned(),
    };
    apply::tell(tx, id, &target, Reason::Test, &asker)?;
    change::audit(tx, actor, "contact.tested", contact, format!("{}: {}", user.name, target.channel.title()))
}

/// The last messages to this person that are about no incident: codes, tests, answers. The newest first.
pub fn last_told(read: &impl Read, id: UserId, limit: usize) -> Result<Vec<Delivery>, AppError> {
    Ok(deliveries::deliveries_told(read, id, limit)?)
}

/// A contact method to which a code or a test may go now.
fn tellable(tx: &mut Write<'_>, user: &User, contact: ContactId, reason: Reason) -> Result<ContactMethod, AppError> {
    let target = user.contact(contact).ok_or_else(|| Refusal::not_found("contact method"))?;
    if !user.is_active() {
        let sentence =
            format!("{} is deactivated, and nothing is sent to them. Reactivate {} first.", user.name, user.name);
        return Err(Refusal::conflict("user_inactive", sentence).into());
    }
    if !target.enabled {
        return Err(Refusal::conflict("contact_off", "This contact method is off. Switch it on first.").into());
    }
    let since = tx.now().plus_secs(-HOUR_SECS);
    let told = deliveries::deliveries_told(tx, user.id, LOOKED_AT)?;
    let lately: Vec<&Delivery> = told
        .iter()
        .take_while(|delivery| delivery.created_at > since)
        .filter(|delivery| matches!(delivery.reason, Reason::Code | Reason::Test))
        .collect();
    let same = |delivery: &&&Delivery| {
        delivery.reason == reason && delivery.channel == target.channel && delivery.address == target.address
    };
    if lately.iter().filter(same).count() >= TOLD_AN_ADDRESS || lately.len() >= TOLD_A_PERSON {
        let sentence = "Enough was sent within the last hour. Look whether it arrived, and try again later.";
        return Err(Refusal::conflict("told_enough", sentence).into());
    }
    Ok(target.clone())
}

fn contact_of(user: &mut User, id: ContactId) -> Result<&mut ContactMethod, Refusal> {
    user.contacts.iter_mut().find(|contact| contact.id == id).ok_or_else(|| Refusal::not_found("contact method"))
}
