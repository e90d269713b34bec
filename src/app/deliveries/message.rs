//! What a message says, gathered in the transaction of its claim.

use crate::app::passes::{self, GivenPass, LinkKey};
use crate::app::{AppError, Write, incidents, invitations, names};
use crate::domain::Severity;
use crate::domain::delivery::Delivery;
use crate::domain::effect::Reason;
use crate::domain::id::{Id, IncidentId};
use crate::domain::incident::{Incident, IncidentDetails, Status};
use crate::domain::notification::Notification;
use crate::domain::policy::Policy;
use crate::domain::team::Team;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::planted;
use crate::store::{Read, deliveries};
use std::collections::BTreeSet;

/// Messages about an incident that are counted at each sending.
const COUNTED: usize = 1000;

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
    /// Which message about this incident it is; no two texts are alike.
    pub counter: String,
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

/// Which message about the incident it is, such as `3`, and `3.2` where it was begun anew under another id.
///
/// They are counted as they were planned. In which order they leave, and what the clock said then, may look otherwise
/// when one is sent again, which has to say what it said before, and nothing that another has said.
fn counter(read: &impl Read, delivery: &Delivery, incident: &Incident) -> Result<String, AppError> {
    if planted::is("same_text_twice") {
        return Ok(String::new());
    }
    let place = match deliveries::deliveries_through(read, incident.id, delivery.id, COUNTED)? {
        // More are not counted, and their numbers would be alike. Ids are not, and larger.
        COUNTED.. => delivery.id.number(),
        place => place as u64,
    };
    let begun = delivery.attempts.last().map_or(1, |last| last.message_number);
    Ok(if begun > 1 { format!("{place}.{begun}") } else { place.to_string() })
}
