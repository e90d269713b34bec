//! Deliveries: claimed in one transaction, sent outside of any, recorded in another.
//!
//! | file | |
//! |---|---|
//! | [`claim`] | what is due is looked at once more and taken out for sending, alone or several in one message |
//! | [`message`] | what the message says |
//! | [`record`] | what the provider answered, and what follows from it |
//! | [`receipts`] | what the provider reports later, and its silence |

mod claim;
mod message;
mod receipts;
mod record;

pub use claim::{BATCH, Claimed, Room, claim_due};
pub use message::{About, Bundled, Facts};
pub use receipts::{receipts_overdue, receive_receipts};
pub use record::record;
pub(super) use record::tell_admins;

use crate::app::passes::LinkKey;
use crate::app::{App, AppError, Write, apply};
use crate::domain::access::{self, Action};
use crate::domain::actor::{Actor, By};
use crate::domain::contact::Channel;
use crate::domain::delivery::{Attempt, Delivery, DeliveryRing, LOST_TRACK, State};
use crate::domain::effect::Reason;
use crate::domain::id::{DeliveryId, Id, NotificationId};
use crate::domain::incident::{Incident, Status};
use crate::domain::notification::{Next, Notification, next_method};
use crate::domain::refusal::Refusal;
use crate::domain::throttle::Ledger;
use crate::domain::time::Timestamp;
use crate::domain::timeline::DeliveryNews;
use crate::domain::user::{ContactMethod, User};
use crate::planted;
use crate::store::{Read, Take, deliveries};

/// A claimed delivery: all that is needed to send it, without another look at the store.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub delivery: DeliveryId,
    /// Which attempt the answer belongs to.
    pub attempt: usize,
    pub message_id: String,
    pub channel: Channel,
    pub address: String,
    pub created_at: Timestamp,
    /// Which text to this number it is, so that no two are alike; text messages only.
    pub nth: Option<u32>,
    pub about: About,
}

/// When the first delivery of a ring is due.
pub fn next_due(read: &super::Read<'_>, ring: DeliveryRing) -> Result<Option<Timestamp>, AppError> {
    Ok(deliveries::delivery_next_due(read, ring)?)
}

/// What a claim has to know of the process that sends.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Names this history of the data in message ids.
    pub lineage: String,
    /// False is safe mode.
    pub sending_enabled: bool,
    pub link_key: LinkKey,
}

impl Sender {
    pub fn of(app: &App) -> Sender {
        let (lineage, link_key) = (app.lineage().to_owned(), app.settings.link_key.clone());
        Sender { lineage, sending_enabled: app.switches().sending, link_key }
    }
}

/// Somebody fixed the cause and sends a failed or exhausted one again. The ladder is not touched.
pub fn retry(tx: &mut Write<'_>, actor: &Actor, by: By, id: DeliveryId) -> Result<Incident, AppError> {
    access::require(actor, Action::WorkOnIncidents)?;
    let mut delivery = tx.get::<Delivery>(id)?.ok_or_else(|| Refusal::not_found("notification"))?;
    let mut incident = incident_of(tx, &delivery)?.ok_or_else(|| Refusal::not_found("incident"))?;
    delivery.retry_by_hand(&incident, tx.now())?;
    tx.put(&delivery)?;
    apply::append(tx, &mut incident, by, apply::news(&delivery, DeliveryNews::Retried))?;
    tx.put(&incident)?;
    Ok(incident)
}

/// As [`retry`], of every delivery of a notification that failed or ran out of tries. Those that arrived or are under way
/// stay as they are.
pub fn retry_notification(tx: &mut Write<'_>, actor: &Actor, by: By, id: NotificationId) -> Result<Incident, AppError> {
    access::require(actor, Action::WorkOnIncidents)?;
    let notification = tx.get::<Notification>(id)?.ok_or_else(|| Refusal::not_found("notification"))?;
    let about = notification.incident.ok_or_else(|| Refusal::not_found("incident"))?;
    let mut own = deliveries::deliveries_of(tx, about, super::MANY)?;
    own.retain(|delivery| delivery.notification == id);
    let (failed, others): (Vec<_>, Vec<_>) =
        own.iter().rev().partition(|delivery| matches!(delivery.state, State::Failed | State::Exhausted));
    // If none has failed, any of them says why it is not sent again.
    let wanted = if failed.is_empty() { others.into_iter().take(1).collect() } else { failed };
    let mut incident = Err(Refusal::not_found("delivery").into());
    for delivery in wanted {
        incident = Ok(retry(tx, actor, by, delivery.id)?);
    }
    incident
}

/// At start: whoever held a claim is dead, so every claim is due at once. The copies carry the same message ids.
pub fn release_claims(tx: &mut Write<'_>) -> Result<usize, AppError> {
    let now = tx.now();
    let mut released = 0;
    let mut cursor = None;
    loop {
        let page = deliveries::deliveries_waiting(tx, Take::first(1000).after(cursor))?;
        for mut delivery in page.items {
            if matches!(delivery.state, State::Sending { .. }) {
                delivery.state = State::Sending { lease_until: now };
                tx.put(&delivery)?;
                released += 1;
            }
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(released),
        }
    }
}

/// After a restore: what was on its way in the copy is neither known to have arrived nor sent again. Answers how many
/// messages that were.
pub fn lose_track_of_claims(tx: &mut Write<'_>) -> Result<usize, AppError> {
    let now = tx.now();
    let mut lost = 0;
    let mut cursor = None;
    loop {
        let page = deliveries::deliveries_waiting(tx, Take::first(1000).after(cursor))?;
        for mut delivery in page.items {
            if delivery.lose_track(now) {
                tx.put(&delivery)?;
                say(tx, &delivery, DeliveryNews::Failed { text: LOST_TRACK.to_owned() })?;
                lost += 1;
            }
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(lost),
        }
    }
}

/// Puts a line about a delivery on its incident's timeline, if it has one.
fn say(tx: &mut Write<'_>, delivery: &Delivery, what: DeliveryNews) -> Result<(), AppError> {
    let Some(mut incident) = incident_of(tx, delivery)? else { return Ok(()) };
    apply::append(tx, &mut incident, By::SYSTEM, apply::news(delivery, what))?;
    Ok(tx.put(&incident)?)
}

fn incident_of(read: &impl Read, delivery: &Delivery) -> Result<Option<Incident>, AppError> {
    match delivery.incident {
        Some(id) => Ok(read.get::<Incident>(id)?),
        None => Ok(None),
    }
}

/// The deliveries whose pages an attempt's message carried along, each with the attempt that says so.
fn carried_by(read: &impl Read, carrier: DeliveryId, attempt: &Attempt) -> Result<Vec<(Delivery, usize)>, AppError> {
    let mut members = Vec::new();
    for id in &attempt.carried {
        let Some(member) = read.get::<Delivery>(*id)? else { continue };
        let own = |a: &Attempt| a.carrier == Some(carrier) && a.claimed_at == attempt.claimed_at;
        if let Some(index) = member.attempts.iter().rposition(own) {
            members.push((member, index));
        }
    }
    Ok(members)
}

/// Starts the person's next method because of this delivery, which happens once, and only for pages that are still
/// wanted and for news to admins. The flag is set on `delivery`; the caller puts it.
fn start_next_method(tx: &mut Write<'_>, delivery: &mut Delivery) -> Result<(), AppError> {
    if delivery.reason == Reason::Notice {
        return tell_otherwise(tx, delivery);
    }
    let Some(incident) = incident_of(tx, delivery)? else { return Ok(()) };
    let is_wanted = !planted::is("no_next_method")
        && delivery.is_page()
        && incident.status == Status::Triggered
        && delivery.visit > incident.ladder.bypassed
        && !delivery.next_started;
    let (Some(user), Some(notification)) =
        (tx.get::<User>(delivery.user)?, tx.get::<Notification>(delivery.notification)?)
    else {
        return Ok(());
    };
    if !is_wanted {
        return Ok(());
    }
    let now = tx.now();
    // A person is told once per visit, so what is of this one was planned after that. What was sent again by hand was planned
    // long before, and counts as long as it is under way.
    let first = DeliveryId::new(notification.id.number());
    let mut siblings = deliveries::deliveries_since(tx, incident.id, first, super::MANY)?;
    let open = deliveries::deliveries_open_of_user(tx, delivery.user, super::MANY)?;
    siblings.extend(open.into_iter().filter(|other| other.id < first && other.incident == delivery.incident));
    siblings.retain(|other| other.user == delivery.user && other.visit == delivery.visit);
    match next_method(delivery, &user, &siblings, now) {
        Some(Next::Sooner(id)) => {
            if let Some(mut sooner) = tx.get::<Delivery>(id)? {
                sooner.postpone(now);
                tx.put(&sooner)?;
            }
        }
        Some(Next::Another(contact)) => apply::queue(tx, &notification, delivery.visit, contact, now)?,
        None => return Ok(()),
    }
    delivery.next_started = true;
    Ok(())
}

/// The same news to an admin by a method that was not tried yet.
fn tell_otherwise(tx: &mut Write<'_>, delivery: &mut Delivery) -> Result<(), AppError> {
    let (false, Some(user), Some(notification)) =
        (delivery.next_started, tx.get::<User>(delivery.user)?, tx.get::<Notification>(delivery.notification)?)
    else {
        return Ok(());
    };
    let mut told = deliveries::deliveries_told(tx, user.id, super::MANY)?;
    told.retain(|other| other.notification == notification.id);
    let is_new = |contact: &&ContactMethod| contact.enabled && !told.iter().any(|other| other.contact == contact.id);
    if let Some(contact) = user.contacts.iter().find(is_new) {
        apply::queue(tx, &notification, notification.visit, contact, tx.now())?;
        delivery.next_started = true;
    }
    Ok(())
}

/// What is kept of a number.
pub(super) fn ledger(read: &impl Read, number: &str) -> Result<Ledger, AppError> {
    Ok(read.get_sound::<Ledger>(number)?.unwrap_or_else(|| Ledger::new(number)))
}
