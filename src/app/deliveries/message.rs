//! What a message says, gathered in the transaction of its claim.

use crate::app::deliveries::ledger;
use crate::app::passes::{self, GivenPass, LinkKey};
use crate::app::{AppError, Write, incidents, invitations, names};
use crate::domain::Severity;
use crate::domain::contact::Channel;
use crate::domain::delivery::{Attempt, Delivery};
use crate::domain::effect::Reason;
use crate::domain::id::{Id, IncidentId};
use crate::domain::incident::{Incident, IncidentDetails, Status};
use crate::domain::notification::Notification;
use crate::domain::policy::Policy;
use crate::domain::team::Team;
use crate::domain::throttle::Text;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::planted;
use crate::store::{Read, deliveries};
use std::collections::BTreeSet;

/// What a message says.
#[derive(Clone, Debug)]
pub enum About {
    Incident(Box<Facts>),
    /// Several incidents in one message.
    Bundle(Bundled),
    /// Who asked for the test.
    Test(String),
    /// The code that proves whose contact method this is.
    Code(String),
    /// A sentence about PagerPal itself: the answer to a reply, a warning.
    Words(String),
    /// With a page of ours to open, such as the one on which an invited person chooses a password.
    Linked {
        sentence: String,
        path: String,
    },
}

/// What a message about an incident says.
#[derive(Clone, Debug)]
pub struct Facts {
    pub incident: IncidentId,
    pub number: u64,
    pub severity: Severity,
    pub title: String,
    pub team: String,
    pub details: String,
    pub reason: Reason,
    /// Who took or ended it, for updates.
    pub by: Option<String>,
    /// Why this person: "Level 1 of Payments 24×7, schedule Payments primary".
    pub why: String,
    /// Nth message about this incident to this address; no two texts are alike.
    pub counter: u32,
    /// Who is called next, and when, while that is known.
    pub next: Option<(String, Timestamp)>,
    /// The reader's, for times in the text.
    pub zone: String,
    /// What lets the reader act without signing in; pages only.
    pub pass: Option<GivenPass>,
    pub is_test: bool,
}

/// What a message about several incidents says.
#[derive(Clone, Debug)]
pub struct Bundled {
    /// The worst first; of equals, the oldest.
    pub incidents: Vec<(Incident, GivenPass)>,
    /// Which message of the carrier it is.
    pub counter: u32,
}

/// For pages that leave together. Two pages about one incident are one mention.
pub fn bundle(
    tx: &mut Write<'_>,
    mut incidents: Vec<Incident>,
    carrier: &Delivery,
    user: &User,
    key: &LinkKey,
) -> Result<About, AppError> {
    incidents.sort_by_key(|incident| (std::cmp::Reverse(incident.severity), incident.number));
    let mut seen = BTreeSet::new();
    incidents.retain(|incident| seen.insert(incident.id));
    if let [only] = incidents.as_slice() {
        let facts = facts(tx, carrier, only, user, key)?;
        return Ok(About::Incident(Box::new(facts)));
    }
    let mut named = Vec::new();
    for incident in incidents {
        let pass = passes::give(tx, key, incident.id, user.id)?;
        named.push((incident, pass));
    }
    let counter = carrier.attempts.last().map_or(1, |last| last.message_number);
    Ok(About::Bundle(Bundled { incidents: named, counter }))
}

pub fn about(
    tx: &mut Write<'_>,
    delivery: &Delivery,
    incident: Option<&Incident>,
    user: &User,
    key: &LinkKey,
) -> Result<About, AppError> {
    let words = tx.get_sound::<Notification>(delivery.notification)?.map(|notification| notification.words);
    let words = words.unwrap_or_default();
    Ok(match (incident, delivery.reason) {
        (Some(incident), _) => About::Incident(Box::new(facts(tx, delivery, incident, user, key)?)),
        (None, Reason::Code) => About::Code(key.proof(delivery.contact, delivery.created_at)),
        (None, Reason::Answer | Reason::Notice | Reason::Account) => About::Words(words),
        (None, Reason::Invitation) => match invitations::message(tx, key, user)? {
            Some((sentence, token)) => About::Linked { sentence, path: invitations::path(&token) },
            None => About::Words("A link to choose a password was on its way to you and is over.".to_owned()),
        },
        (None, _) => About::Test(words),
    })
}

fn facts(
    tx: &mut Write<'_>,
    delivery: &Delivery,
    incident: &Incident,
    user: &User,
    key: &LinkKey,
) -> Result<Facts, AppError> {
    let pass = match delivery.is_page() {
        true => Some(passes::give(tx, key, incident.id, user.id)?),
        false => None,
    };
    let details = tx.get_sound::<IncidentDetails>(incident.id)?.map(|details| details.details).unwrap_or_default();
    let team = tx.get_sound::<Team>(incident.team)?.map(|team| team.name).unwrap_or_default();
    let notification = tx.get_sound::<Notification>(delivery.notification)?;
    let policy = tx.get_sound::<Policy>(incident.policy)?;
    let why = match &notification {
        Some(notification) => names::why(tx, notification, policy.as_ref())?,
        None => String::new(),
    };
    let by = match (incident.status, incident.assignee, incident.resolved_by) {
        (Status::Resolved, _, Some(user)) | (Status::Acknowledged, Some(user), _) => {
            tx.get_sound::<User>(user)?.map(|user| user.name)
        }
        _ => None,
    };
    let next = match &policy {
        Some(policy) => incidents::next_call(tx, incident, policy)?,
        None => None,
    };
    Ok(Facts {
        incident: incident.id,
        number: incident.number,
        severity: incident.severity,
        title: incident.title.clone(),
        team,
        details,
        reason: delivery.reason,
        by,
        why,
        counter: counter(tx, delivery, incident)?,
        next,
        zone: user.zone.clone(),
        pass,
        is_test: incident.is_test,
    })
}

/// A message that was begun, and when.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Begun {
    at: Timestamp,
    delivery: u64,
    message_number: u32,
    /// It left under its own name, so its number knew it for an hour.
    was_noted: bool,
}

fn begun(delivery: &Delivery) -> Vec<Begun> {
    let mut begun: Vec<Begun> = Vec::new();
    for attempt in &delivery.attempts {
        let Attempt { message_number, claimed_at: at, .. } = *attempt;
        if begun.last().is_none_or(|last| last.message_number != message_number) {
            let is_given_back = attempt.answer.as_ref().is_some_and(|answer| answer.outcome.was_not_taken());
            let was_noted = attempt.carrier.is_none() && !is_given_back;
            begun.push(Begun { at, delivery: delivery.id.number(), message_number, was_noted });
        }
    }
    begun
}

/// Messages about the incident to this address that were begun before this one, and this one. Sent again under its own
/// id, a message keeps its number.
fn counter(read: &impl Read, delivery: &Delivery, incident: &Incident) -> Result<u32, AppError> {
    let Some(own) = begun(delivery).pop() else { return Ok(1) };
    let texts = if delivery.channel == Channel::Sms { ledger(read, &delivery.address)?.texts } else { vec![] };
    let nth = |of: &Begun| {
        let is_of = |text: &&Text| (text.delivery.number(), text.message_number) == (of.delivery, of.message_number);
        texts.iter().find(is_of).map(|text| text.nth)
    };
    let all = deliveries::deliveries_of(read, incident.id, crate::app::MANY)?;
    let others = all.iter().filter(|other| other.channel == delivery.channel && other.address == delivery.address);
    // What seems to have been begun after a message that is being sent for the first time was begun before it, too: the clock
    // was set back meanwhile.
    let is_new = delivery.attempts.iter().filter(|attempt| attempt.message_number == own.message_number).count() == 1;
    let is_earlier = |other: &Begun| match (nth(&own), nth(other)) {
        // The same when it is sent again, whatever was done to the clock meanwhile.
        (Some(own), Some(other)) => other < own,
        // The number forgets the oldest first, and what comes again after that stands before all that it knows.
        (Some(_), None) if other.was_noted => true,
        _ => *other < own || (is_new && other.at > own.at),
    };
    let mut earlier: BTreeSet<Begun> = others.flat_map(begun).filter(is_earlier).collect();
    earlier.extend(begun(delivery));
    if planted::is("same_text_twice") {
        return Ok(1);
    }
    Ok(u32::try_from(earlier.len()).unwrap_or(u32::MAX))
}
