//! Takes due deliveries out for sending.
//!
//! Each is looked at again: is the page still wanted, the person active, the method there, and may its number get another
//! text. Pages due to one contact method at one claim leave as one message: one delivery is the *carrier*, whose message
//! it is; the others are *carried*, have an attempt of their own that names the carrier, and share its outcome. The list
//! is kept with the attempt, so that after a crash the same message goes out again under the same id.

use crate::app::deliveries::message::{self, About};
use crate::app::deliveries::{Outgoing, Sender, incident_of, ledger, say, start_next_method};
use crate::app::{AppError, Write};
use crate::domain::Severity;
use crate::domain::contact::Channel;
use crate::domain::delivery::{self, Attempt, Delivery, DeliveryRing, State};
use crate::domain::effect::Reason;
use crate::domain::id::DeliveryId;
use crate::domain::incident::Incident;
use crate::domain::throttle::Share;
use crate::domain::time::Timestamp;
use crate::domain::timeline::DeliveryNews;
use crate::domain::user::User;
use crate::planted;
use crate::store::{Read, Take, deliveries};
use std::collections::{BTreeMap, BTreeSet};

/// Deliveries claimed in one transaction at most.
pub const BATCH: usize = 32;
/// Deliveries of one incident that are looked through at a time.
const LOOKED_THROUGH: usize = 100;

/// So many due ones are looked at for those whose channel has room.
const LOOKED_AT: usize = 4096;

/// So many pages to one mail address leave as one mail; anywhere else two do.
const EMAIL_BUNDLE: usize = 6;

/// How many messages may leave now, by channel: one that is slow takes no place of another.
#[derive(Clone, Debug)]
pub struct Room(BTreeMap<Channel, usize>);

impl Room {
    pub fn each(places: usize) -> Room {
        Channel::ALL.map(|channel| (channel, places)).into_iter().collect()
    }
}

impl FromIterator<(Channel, usize)> for Room {
    fn from_iter<T: IntoIterator<Item = (Channel, usize)>>(places: T) -> Room {
        Room(places.into_iter().collect())
    }
}

/// What a claim did.
#[derive(Debug, Default)]
pub struct Claimed {
    pub outgoing: Vec<Outgoing>,
    /// Sentences about deliveries that nothing could be done about. They are over, and hold up nobody else.
    pub set_aside: Vec<String>,
    /// Nothing has changed: what is due has no room, or cannot be read.
    pub is_idle: bool,
}

/// Takes due deliveries of a ring out for sending, as many as have room. Those no longer wanted, and all of them in safe
/// mode, become final here. Each has a layer of its own, so that one that cannot be acted on is set aside alone.
pub fn claim_due(tx: &mut Write<'_>, ring: DeliveryRing, sender: &Sender, room: &Room) -> Result<Claimed, AppError> {
    let mut round = Round { ring, sender, outgoing: Vec::new(), settled: BTreeSet::new() };
    let mut set_aside = Vec::new();
    let mut looked_at = 0;
    let mut cursor = None;
    loop {
        let page = deliveries::deliveries_due(tx, ring, tx.now(), Take::first(BATCH).after(cursor))?;
        for delivery in page.items {
            looked_at += 1;
            // It may have gone with one before it.
            if round.settled.contains(&delivery.id) || !round.has_room(room, delivery.channel) {
                continue;
            }
            set_aside.extend(round.take_or_set_aside(tx, delivery)?);
        }
        let has_room = Channel::ALL.into_iter().any(|channel| round.has_room(room, channel));
        match page.next {
            Some(next) if has_room && looked_at < LOOKED_AT && round.settled.len() < BATCH => cursor = Some(next),
            _ => break,
        }
    }
    Ok(Claimed { is_idle: round.settled.is_empty(), outgoing: round.outgoing, set_aside })
}

struct Round<'a> {
    ring: DeliveryRing,
    sender: &'a Sender,
    outgoing: Vec<Outgoing>,
    /// Taken out, put off, or final.
    settled: BTreeSet<DeliveryId>,
}

impl Round<'_> {
    fn has_room(&self, room: &Room, channel: Channel) -> bool {
        let own = self.outgoing.iter().filter(|outgoing| outgoing.channel == channel).count();
        self.outgoing.len() < BATCH && own < room.0.get(&channel).copied().unwrap_or_default()
    }

    /// The sentence, if it had to be set aside.
    fn take_or_set_aside(&mut self, tx: &mut Write<'_>, delivery: Delivery) -> Result<Option<String>, AppError> {
        let (outgoing, settled) = (self.outgoing.len(), self.settled.clone());
        match tx.nested(|tx| self.take(tx, delivery.clone())) {
            Ok(()) => Ok(None),
            // The store is in trouble, not this delivery.
            Err(error @ AppError::Unavailable(_)) => Err(error),
            Err(error) => {
                self.outgoing.truncate(outgoing);
                self.settled = settled;
                self.set_aside(tx, delivery, &error).map(Some)
            }
        }
    }

    /// It is over, and the person's next method starts, as far as what is stored allows that. The sentence is for admins.
    fn set_aside(&mut self, tx: &mut Write<'_>, mut delivery: Delivery, error: &AppError) -> Result<String, AppError> {
        let text = format!("PagerPal could not make it ready: {error}");
        delivery.state = State::Failed;
        self.settle(tx, &delivery)?;
        let next = tx.nested(|tx| {
            start_next_method(tx, &mut delivery)?;
            Ok::<(), AppError>(tx.put(&delivery)?)
        });
        let said = tx.nested(|tx| say(tx, &delivery, DeliveryNews::Failed { text: text.clone() }));
        for part in [next, said] {
            if let Err(AppError::Unavailable(text)) = part {
                return Err(AppError::Unavailable(text));
            }
        }
        Ok(format!("A message by {} cannot leave. {text}", delivery.channel.title()))
    }

    fn take(&mut self, tx: &mut Write<'_>, delivery: Delivery) -> Result<(), AppError> {
        if !delivery.is_repeat() {
            return self.leave(tx, delivery);
        }
        let carrier = delivery.attempts.last().and_then(|attempt| attempt.carrier);
        let Some(carrier) = carrier else {
            self.repeat(tx, delivery)?;
            return Ok(());
        };
        // It may have arrived with its carrier, so it goes again with that, and by itself only if that is over.
        let carrier = tx.get::<Delivery>(carrier)?.filter(|carrier| {
            carrier.is_repeat() && carrier.attempts.last().is_some_and(|last| last.carried.contains(&delivery.id))
        });
        let due = carrier.as_ref().and_then(|carrier| carrier.wheel());
        match (carrier, due) {
            (Some(carrier), Some((_, due))) if due <= tx.now() => {
                if self.repeat(tx, carrier)? {
                    return Ok(());
                }
                match tx.get::<Delivery>(delivery.id)? {
                    Some(freed) if freed.is_open() => self.leave(tx, freed),
                    _ => Ok(()),
                }
            }
            (Some(_), Some((_, due))) => {
                let mut delivery = delivery;
                delivery.postpone(due);
                self.settle(tx, &delivery)
            }
            _ => self.leave(tx, delivery),
        }
    }

    /// The same message once more, with those it carried that are still wanted. False: it is over, and they are free. Sent again soon
    /// it has its place in the budget of its number already; later it needs one anew, as nobody has counted it meanwhile.
    fn repeat(&mut self, tx: &mut Write<'_>, mut carrier: Delivery) -> Result<bool, AppError> {
        let carried = carrier.attempts.last().map(|last| last.carried.clone()).unwrap_or_default();
        let Some(wanted) = self.still_wanted(tx, &mut carrier)? else { return Ok(false) };
        let mut members = Vec::new();
        for id in carried {
            let Some(mut member) = tx.get::<Delivery>(id)? else { continue };
            let follows = member.is_open()
                && member.is_repeat()
                && member.attempts.last().is_some_and(|last| last.carrier == Some(carrier.id));
            if follows && let Some((incident, _)) = self.still_wanted(tx, &mut member)? {
                members.push((member, incident));
            }
        }
        let message = carrier.attempts.last().map_or(0, |last| last.message_number);
        if let Some(until) = held_until(tx, &carrier, Share::Other, Some(message))? {
            self.hold_back(tx, carrier, until)?;
            for (mut member, _) in members {
                member.postpone(until);
                self.settle(tx, &member)?;
            }
            return Ok(true);
        }
        self.send(tx, (carrier, wanted.0), members, &wanted.1, Share::Other)?;
        Ok(true)
    }

    /// A message that has not left yet, with whatever else is due to the same contact method.
    fn leave(&mut self, tx: &mut Write<'_>, mut first: Delivery) -> Result<(), AppError> {
        let Some((incident, user)) = self.still_wanted(tx, &mut first)? else { return Ok(()) };
        let mut members = Vec::new();
        if first.is_page() {
            members = self.companions(tx, &first)?;
            let enough = if first.channel == Channel::Email { EMAIL_BUNDLE } else { 2 };
            if members.len() + 1 < enough {
                members.clear();
            }
        }
        let mut share = share(tx, &first, incident.as_ref())?;
        for (member, incident) in &members {
            if self::share(tx, member, incident.as_ref())? == Share::FirstCritical {
                share = Share::FirstCritical;
            }
        }
        if let Some(until) = held_until(tx, &first, share, None)? {
            let now = tx.now();
            self.hold_back(tx, first, until)?;
            // What is held back already has its own time. With all of them put off each time, a number that is closed for an
            // hour would cost the square of what waits for it.
            let is_due = |member: &Delivery| member.wheel().is_some_and(|(_, due)| due <= now);
            for (member, _) in members.into_iter().filter(|(member, _)| is_due(member)) {
                self.hold_back(tx, member, until)?;
            }
            return Ok(());
        }
        self.send(tx, (first, incident), members, &user, share)
    }

    /// Other pages of the person that are due to the same contact method, and those held back from it, which ride along.
    /// Their incidents come with them.
    fn companions(
        &mut self,
        tx: &mut Write<'_>,
        first: &Delivery,
    ) -> Result<Vec<(Delivery, Option<Incident>)>, AppError> {
        let now = tx.now();
        let mut members = Vec::new();
        for mut other in deliveries::deliveries_open_of_user(tx, first.user, crate::app::MANY)? {
            let is_due = other.wheel().is_some_and(|(ring, due)| ring == self.ring && due <= now);
            let fits = other.id != first.id
                && other.contact == first.contact
                && other.address == first.address
                && other.is_page()
                && !other.is_repeat()
                && (is_due || other.held_back)
                && !self.settled.contains(&other.id);
            if fits && let Some((incident, _)) = self.still_wanted(tx, &mut other)? {
                members.push((other, incident));
            }
        }
        Ok(members)
    }

    /// The incident and the person as they are now, or `None`: withdrawn, or suppressed in safe mode, and said so.
    fn still_wanted(
        &mut self,
        tx: &mut Write<'_>,
        delivery: &mut Delivery,
    ) -> Result<Option<(Option<Incident>, User)>, AppError> {
        let incident = incident_of(tx, delivery)?;
        let (true, Some(user)) = (incident.is_some() == delivery.incident.is_some(), tx.get::<User>(delivery.user)?)
        else {
            delivery.state = State::Withdrawn { reason: "its incident or person is missing".to_owned() };
            self.settle(tx, delivery)?;
            return Ok(None);
        };
        let unwanted = delivery.unwanted(incident.as_ref(), &user);
        let news = if let Some(reason) = unwanted.filter(|_| !planted::is("skip_claim_check")) {
            delivery.state = State::Withdrawn { reason: reason.clone() };
            DeliveryNews::Withdrawn { reason }
        } else if !self.sender.sending_enabled {
            delivery.state = State::Suppressed;
            DeliveryNews::Suppressed
        } else {
            return Ok(Some((incident, user)));
        };
        self.settle(tx, delivery)?;
        say(tx, delivery, news)?;
        Ok(None)
    }

    /// The number's budget is used up. A page waits for its share, and the person's next method starts; anything else is
    /// not worth waiting for.
    fn hold_back(&mut self, tx: &mut Write<'_>, mut delivery: Delivery, until: Timestamp) -> Result<(), AppError> {
        if !delivery.is_page() {
            let reason = "this number gets no more texts for now".to_owned();
            delivery.state = State::Withdrawn { reason };
            return self.settle(tx, &delivery);
        }
        delivery.state = State::Queued { due: until };
        if !delivery.held_back {
            delivery.held_back = true;
            say(tx, &delivery, DeliveryNews::HeldBack { until })?;
        }
        start_next_method(tx, &mut delivery)?;
        self.settle(tx, &delivery)
    }

    fn send(
        &mut self,
        tx: &mut Write<'_>,
        (mut carrier, incident): (Delivery, Option<Incident>),
        members: Vec<(Delivery, Option<Incident>)>,
        user: &User,
        share: Share,
    ) -> Result<(), AppError> {
        let now = tx.now();
        let message_number = carrier.claim(None, now);
        let attempt = carrier.attempts.len() - 1;
        carrier.attempts[attempt].carried = members.iter().map(|(member, _)| member.id).collect();
        let mut incidents: Vec<Incident> = Vec::new();
        for (mut member, incident) in members {
            member.claim(Some(carrier.id), now);
            incidents.extend(incident);
            self.settle(tx, &member)?;
        }
        let nth = match carrier.channel {
            Channel::Sms => {
                let mut ledger = ledger(tx, &carrier.address)?;
                let is_own = |sent: &Attempt| sent.message_number == message_number && sent.carrier.is_none();
                let is_copy = carrier.attempts[..attempt].iter().any(is_own);
                let nth = ledger.note((carrier.id, message_number), is_copy, share, now);
                tx.put(&ledger)?;
                Some(nth)
            }
            Channel::WhatsApp | Channel::Email => None,
        };
        self.settle(tx, &carrier)?;
        let about = match incident {
            Some(incident) if !incidents.is_empty() => {
                incidents.push(incident);
                message::bundle(tx, incidents, &carrier, user, &self.sender.link_key)?
            }
            incident => message::about(tx, &carrier, incident.as_ref(), user, &self.sender.link_key)?,
        };
        self.push(&carrier, attempt, message_number, nth, about);
        Ok(())
    }

    fn push(&mut self, carrier: &Delivery, attempt: usize, message_number: u32, nth: Option<u32>, about: About) {
        self.outgoing.push(Outgoing {
            delivery: carrier.id,
            attempt,
            message_id: delivery::message_id(&self.sender.lineage, carrier.id, message_number),
            channel: carrier.channel,
            address: carrier.address.clone(),
            created_at: carrier.created_at,
            nth,
            about,
        });
    }

    fn settle(&mut self, tx: &mut Write<'_>, delivery: &Delivery) -> Result<(), AppError> {
        self.settled.insert(delivery.id);
        Ok(tx.put(delivery)?)
    }
}

/// Until when the budget of its number keeps a text of this share back. `again`: the number of the message that is sent once
/// more, which is counted once.
fn held_until(
    tx: &Write<'_>,
    text: &Delivery,
    share: Share,
    again: Option<u32>,
) -> Result<Option<Timestamp>, AppError> {
    if text.channel != Channel::Sms {
        return Ok(None);
    }
    let (mut ledger, now) = (ledger(tx, &text.address)?, tx.now());
    let share = match again {
        Some(message_number) => ledger.give_back(text.id, message_number).unwrap_or(share),
        None => share,
    };
    Ok((!ledger.admits(share, now)).then(|| ledger.opens_at(share, now)))
}

/// Which part of its number's budget a message may use. The first that a number hears of a critical incident has a part
/// of its own. Only texts have a budget.
fn share(read: &impl Read, delivery: &Delivery, incident: Option<&Incident>) -> Result<Share, AppError> {
    match delivery.reason {
        Reason::Test => return Ok(Share::Test),
        Reason::Answer => return Ok(Share::Answer),
        _ => {}
    }
    let may_be_first =
        |of: &&Incident| delivery.channel == Channel::Sms && delivery.is_page() && of.severity == Severity::Critical;
    let Some(incident) = incident.filter(may_be_first) else { return Ok(Share::Other) };
    let was_not_taken =
        |attempt: &Attempt| attempt.answer.as_ref().is_some_and(|answer| answer.outcome.was_not_taken());
    let left = |other: &Delivery| other.attempts.iter().any(|attempt| !was_not_taken(attempt));
    // Whoever was called for weeks was called on the first day, too.
    let mut take = Take::first(LOOKED_THROUGH);
    loop {
        let page = deliveries::deliveries_planned(read, incident.id, take)?;
        if page.items.iter().any(|other| other.address == delivery.address && left(other)) {
            return Ok(Share::Other);
        }
        match page.next {
            Some(next) => take = Take::first(LOOKED_THROUGH).after(Some(next)),
            None => return Ok(Share::FirstCritical),
        }
    }
}
