//! Deliveries: claimed in one transaction, sent outside of any, recorded in another.

use crate::app::passes::{self, GivenPass, LinkKey};
use crate::app::{App, AppError, Write, apply, names};
use crate::domain::Severity;
use crate::domain::access::{self, Action};
use crate::domain::actor::{Actor, By};
use crate::domain::contact::Channel;
use crate::domain::delivery::{self, Answer, Claim, Delivery, DeliveryRing, Recorded, State};
use crate::domain::effect::Reason;
use crate::domain::id::{ContactId, DeliveryId, IncidentId};
use crate::domain::incident::{Incident, IncidentDetails, Status};
use crate::domain::notification::{Notification, next_method};
use crate::domain::policy::Policy;
use crate::domain::refusal::Refusal;
use crate::domain::team::Team;
use crate::domain::time::Timestamp;
use crate::domain::timeline::DeliveryNews;
use crate::domain::user::User;
use crate::store::{Read, Take, deliveries};

/// Deliveries claimed in one transaction at most.
pub const BATCH: usize = 32;

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
    pub about: About,
}

/// What a message says.
#[derive(Clone, Debug)]
pub enum About {
    Incident(Box<Facts>),
    /// Who asked for the test.
    Test(String),
    /// The code that proves whose contact method this is.
    Code(String),
    /// The answer to a reply.
    Answer(String),
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
    /// Nth message of this incident to this person; no two texts are alike.
    pub counter: u32,
    /// Who is called next, and when, while that is known.
    pub next: Option<(String, Timestamp)>,
    /// The reader's, for times in the text.
    pub zone: String,
    /// What lets the reader act without signing in; pages only.
    pub pass: Option<GivenPass>,
    pub is_test: bool,
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
        let super::Settings { sending_enabled, link_key, .. } = app.settings.clone();
        Sender { lineage: app.lineage().to_owned(), sending_enabled, link_key }
    }
}

/// Takes due deliveries of a ring out for sending. Those no longer wanted, and all of them in safe mode, become final
/// here.
pub fn claim_due(
    tx: &mut Write<'_>,
    ring: DeliveryRing,
    sender: &Sender,
    limit: usize,
) -> Result<Vec<Outgoing>, AppError> {
    let mut outgoing = Vec::new();
    for mut delivery in deliveries::deliveries_due(tx, ring, tx.now(), limit.min(BATCH))? {
        let incident = incident_of(tx, &delivery)?;
        let (true, Some(user)) = (incident.is_some() == delivery.incident.is_some(), tx.get::<User>(delivery.user)?)
        else {
            delivery.state = State::Withdrawn { reason: "its incident or person is missing".to_owned() };
            tx.put(&delivery)?;
            continue;
        };
        match delivery.claim(incident.as_ref(), &user, sender.sending_enabled, tx.now()) {
            Claim::Send { message_number } => {
                let about = about(tx, &delivery, incident.as_ref(), &user, &sender.link_key)?;
                outgoing.push(Outgoing {
                    delivery: delivery.id,
                    attempt: delivery.attempts.len() - 1,
                    message_id: delivery::message_id(&sender.lineage, delivery.id, message_number),
                    channel: delivery.channel,
                    address: delivery.address.clone(),
                    created_at: delivery.created_at,
                    about,
                });
            }
            Claim::Final => {
                let news = match &delivery.state {
                    State::Withdrawn { reason } => DeliveryNews::Withdrawn { reason: reason.clone() },
                    _ => DeliveryNews::Suppressed,
                };
                if let Some(mut incident) = incident {
                    say(tx, &mut incident, &delivery, news)?;
                }
            }
        }
        tx.put(&delivery)?;
    }
    Ok(outgoing)
}

/// Records a provider's answer. A failure of any kind starts the person's next method at once, besides the retries.
pub fn record(tx: &mut Write<'_>, id: DeliveryId, attempt: usize, answer: &Answer) -> Result<Recorded, AppError> {
    let Some(mut delivery) = tx.get::<Delivery>(id)? else { return Ok(Recorded::Nothing) };
    let recorded = delivery.record(attempt, answer.clone(), tx.given());
    tx.put(&delivery)?;
    let Some(mut incident) = incident_of(tx, &delivery)? else { return Ok(recorded) };
    let text = answer.text.clone();
    match recorded {
        Recorded::Sent if delivery.is_page() && incident.status != Status::Triggered => {
            say(tx, &mut incident, &delivery, DeliveryNews::Crossed)?;
        }
        Recorded::Sent => say(tx, &mut incident, &delivery, DeliveryNews::Sent)?,
        Recorded::Failed => say(tx, &mut incident, &delivery, DeliveryNews::Failed { text })?,
        Recorded::Exhausted => say(tx, &mut incident, &delivery, DeliveryNews::Exhausted { text })?,
        Recorded::Retrying | Recorded::Nothing => {}
    }
    let failed = matches!(recorded, Recorded::Failed | Recorded::Retrying | Recorded::Exhausted);
    if failed && delivery.is_page() && incident.status == Status::Triggered {
        start_next_method(tx, &delivery)?;
    }
    Ok(recorded)
}

/// Another enabled method of the person that this notification has not used yet, once for each failure.
fn start_next_method(tx: &mut Write<'_>, failed: &Delivery) -> Result<(), AppError> {
    let (Some(user), Some(notification)) = (tx.get::<User>(failed.user)?, tx.get::<Notification>(failed.notification)?)
    else {
        return Ok(());
    };
    let Some(incident) = failed.incident else { return Ok(()) };
    let siblings = deliveries::deliveries_of(tx, incident, super::MANY)?;
    let used: Vec<ContactId> =
        siblings.iter().filter(|d| d.notification == failed.notification).map(|d| d.contact).collect();
    let Some(contact) = next_method(&user, &used).cloned() else { return Ok(()) };
    apply::queue(tx, &notification, &contact)
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

fn say(tx: &mut Write<'_>, incident: &mut Incident, delivery: &Delivery, what: DeliveryNews) -> Result<(), AppError> {
    apply::append(tx, incident, By::SYSTEM, apply::news(delivery, what))?;
    Ok(tx.put(incident)?)
}

fn incident_of(read: &impl Read, delivery: &Delivery) -> Result<Option<Incident>, AppError> {
    match delivery.incident {
        Some(id) => Ok(read.get::<Incident>(id)?),
        None => Ok(None),
    }
}

fn about(
    tx: &mut Write<'_>,
    delivery: &Delivery,
    incident: Option<&Incident>,
    user: &User,
    key: &LinkKey,
) -> Result<About, AppError> {
    let words = tx.get::<Notification>(delivery.notification)?.map(|notification| notification.words);
    let words = words.unwrap_or_default();
    Ok(match (incident, delivery.reason) {
        (Some(incident), _) => About::Incident(Box::new(facts(tx, delivery, incident, user, key)?)),
        (None, Reason::Code) => About::Code(key.proof(delivery.contact, delivery.created_at)),
        (None, Reason::Answer) => About::Answer(words),
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
    let details = tx.get::<IncidentDetails>(incident.id)?.map(|details| details.details).unwrap_or_default();
    let team = tx.get::<Team>(incident.team)?.map(|team| team.name).unwrap_or_default();
    let notification = tx.get::<Notification>(delivery.notification)?;
    let policy = tx.get::<Policy>(incident.policy)?;
    let why = match &notification {
        Some(notification) => names::why(tx, notification, policy.as_ref())?,
        None => String::new(),
    };
    let by = match (incident.status, incident.assignee, incident.resolved_by) {
        (Status::Resolved, _, Some(user)) | (Status::Acknowledged, Some(user), _) => {
            tx.get::<User>(user)?.map(|user| user.name)
        }
        _ => None,
    };
    let earlier = deliveries::deliveries_of(tx, incident.id, super::MANY)?;
    let counter =
        earlier.iter().filter(|d| d.user == delivery.user && d.channel == delivery.channel && d.id < delivery.id);
    let next = match &policy {
        Some(policy) => super::incidents::next_call(tx, incident, policy)?,
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
        counter: u32::try_from(counter.count()).unwrap_or(u32::MAX).saturating_add(1),
        next,
        zone: user.zone.clone(),
        pass,
        is_test: incident.is_test,
    })
}
