//! Carries out what a decision wants: the one place where an `Effect` gets its meaning.

use crate::app::{AppError, Write};
use crate::domain::Urgency;
use crate::domain::actor::By;
use crate::domain::delivery::{Delivery, State};
use crate::domain::effect::{Due, Effect, NewNotification, Reason, Subject, Timer, TimerKey, TimerKind, Transition};
use crate::domain::id::{IncidentId, UserId};
use crate::domain::incident::Incident;
use crate::domain::notification::{Notification, plan};
use crate::domain::time::Timestamp;
use crate::domain::timeline::{DeliveryNews, Happened, TimelineEntry, Via};
use crate::domain::user::{ContactMethod, User};
use crate::store::{Read, Take, deliveries, notifications, timers};

/// Writes the incident, its timeline, its timers and its deliveries. The answer is the incident as it was written.
pub fn apply(tx: &mut Write<'_>, transition: Transition) -> Result<Incident, AppError> {
    let Transition { mut incident, mut log, effects } = transition;
    for effect in effects {
        match effect {
            Effect::SetTimers { incident, generation, timers } => set_timers(tx, incident, generation, &timers)?,
            Effect::Notify(new) => notify(tx, &new)?,
            Effect::Withdraw { incident, only, reason } => withdraw(tx, incident, only.as_deref(), reason, &mut log)?,
        }
    }
    for (by, what) in log {
        append(tx, &mut incident, by, what)?;
    }
    tx.put(&incident)?;
    Ok(incident)
}

/// Adds a line to the timeline. A repeat right after a repeat is counted on the same line, so that a flood of one alert
/// costs constant space.
pub fn append(tx: &mut Write<'_>, incident: &mut Incident, by: By, what: Happened) -> Result<(), AppError> {
    let at = tx.now();
    let appended = matches!(what, Happened::EventAppended { .. });
    if let (true, Some(seq)) = (appended, incident.appended_seq)
        && let Some(mut entry) = tx.get_sound::<TimelineEntry>((incident.id, seq))?
        && let Happened::EventAppended { count, .. } = &mut entry.what
    {
        *count += 1;
        entry.at = at;
        return Ok(tx.put(&entry)?);
    }
    incident.timeline_len += 1;
    incident.appended_seq = appended.then_some(incident.timeline_len);
    Ok(tx.put(&TimelineEntry { incident: incident.id, seq: incident.timeline_len, at, by, what })?)
}

fn set_timers(
    tx: &mut Write<'_>,
    incident: IncidentId,
    generation: u64,
    wanted: &[(TimerKind, Due)],
) -> Result<(), AppError> {
    let (subject, armed_at) = (Subject::Incident(incident), tx.now());
    let armed = timers::timers_of(tx, subject)?;
    for timer in &armed {
        if !wanted.iter().any(|(kind, _)| *kind == timer.key.kind) {
            tx.delete::<Timer>(timer.key)?;
        }
    }
    for (kind, due) in wanted {
        let key = TimerKey { subject, kind: *kind };
        let before = armed.iter().find(|timer| timer.key == key);
        let timer = match (due, before) {
            (Due::At(due), Some(before)) if before.due == *due => Timer { generation, ..before.clone() },
            (Due::At(due), _) => Timer { key, due: *due, armed_at, generation, failures: 0 },
            (Due::Kept, Some(before)) => Timer { generation, ..before.clone() },
            (Due::Kept, None) => continue,
        };
        tx.put(&timer)?;
    }
    Ok(())
}

/// Whether a transition would leave everything as it is, its timers' generation aside.
pub fn is_idle(read: &impl Read, before: &Incident, transition: &Transition) -> Result<bool, AppError> {
    let Transition { incident, log, effects } = transition;
    let [Effect::SetTimers { timers: wanted, .. }] = effects.as_slice() else {
        return Ok(effects.is_empty() && log.is_empty() && incident == before);
    };
    let timers_aside = Incident { generation: before.generation, ..incident.clone() };
    if !log.is_empty() || timers_aside != *before {
        return Ok(false);
    }
    let armed = timers::timers_of(read, Subject::Incident(before.id))?;
    let stays = |timer: &Timer| {
        let wanted = wanted.iter().find(|(kind, _)| *kind == timer.key.kind);
        wanted.is_some_and(|(_, due)| matches!(due, Due::Kept) || *due == Due::At(timer.due))
    };
    let is_there =
        |(kind, due): &(TimerKind, Due)| matches!(due, Due::Kept) || armed.iter().any(|timer| timer.key.kind == *kind);
    Ok(armed.iter().all(stays) && wanted.iter().all(is_there))
}

/// A notification for whom no method is left is not made: the ladder has looked at that already and said so. A person is
/// paged once per visit, however many recipients lead to them.
fn notify(tx: &mut Write<'_>, new: &NewNotification) -> Result<(), AppError> {
    let Some(user) = tx.get_sound::<User>(new.user)? else { return Ok(()) };
    let steps: Vec<(ContactMethod, u8)> = plan(&user, new.reason, new.urgency)
        .into_iter()
        .map(|step| (step.contact.clone(), step.after_minutes))
        .collect();
    if steps.is_empty() || is_paged_already(tx, new)? {
        return Ok(());
    }
    let (id, created_at) = (tx.new_id(), tx.now());
    let NewNotification { incident, user, reason, urgency, visit, via } = *new;
    let incident = Some(incident);
    let notification =
        Notification { id, incident, user, reason, urgency, visit, via, words: String::new(), created_at };
    tx.put(&notification)?;
    for (contact, after_minutes) in &steps {
        let due = created_at.plus_minutes(i64::from(*after_minutes));
        queue(tx, &notification, notification.visit, contact, due)?;
    }
    Ok(())
}

/// Notifications of an incident that are looked through at a time.
const LOOKED_THROUGH: usize = 20;

fn is_paged_already(tx: &Write<'_>, new: &NewNotification) -> Result<bool, AppError> {
    let is_page = |reason: Reason| matches!(reason, Reason::Page { .. });
    if !is_page(new.reason) {
        return Ok(false);
    }
    let mut take = Take::last(LOOKED_THROUGH);
    loop {
        let page = notifications::notifications_page(tx, new.incident, take)?;
        if page.items.iter().any(|n| is_page(n.reason) && n.visit == new.visit && n.user == new.user) {
            return Ok(true);
        }
        // The newest come first, and visits only grow.
        let is_all = page.items.iter().any(|n| n.visit < new.visit);
        match page.next.filter(|_| !is_all) {
            Some(next) => take = Take::last(LOOKED_THROUGH).after(Some(next)),
            None => return Ok(false),
        }
    }
}

/// One message to one contact method of a person, outside of any page: a test, a code, the answer to a reply, a warning.
pub fn tell(
    tx: &mut Write<'_>,
    user: UserId,
    contact: &ContactMethod,
    reason: Reason,
    words: &str,
) -> Result<(), AppError> {
    let (id, created_at, words) = (tx.new_id(), tx.now(), words.to_owned());
    let (urgency, via) = (Urgency::High, Via::Named);
    let notification = Notification { id, incident: None, user, reason, urgency, visit: 0, via, words, created_at };
    tx.put(&notification)?;
    queue(tx, &notification, notification.visit, contact, created_at)
}

/// One more delivery of a notification, for the visit that wants it: what was sent again by hand later is of a later one.
pub fn queue(
    tx: &mut Write<'_>,
    notification: &Notification,
    visit: u32,
    contact: &ContactMethod,
    due: Timestamp,
) -> Result<(), AppError> {
    let created_at = tx.now();
    let delivery = Delivery {
        id: tx.new_id(),
        notification: notification.id,
        incident: notification.incident,
        user: notification.user,
        reason: notification.reason,
        visit,
        contact: contact.id,
        channel: contact.channel,
        address: contact.address.clone(),
        state: State::Queued { due },
        attempts: vec![],
        failures: 0,
        next_started: false,
        held_back: false,
        created_at,
    };
    Ok(tx.put(&delivery)?)
}

/// Pages that have not left yet will not leave. Messages that only tell something go on.
fn withdraw(
    tx: &mut Write<'_>,
    incident: IncidentId,
    only: Option<&[UserId]>,
    reason: &str,
    log: &mut Vec<(By, Happened)>,
) -> Result<(), AppError> {
    for mut delivery in deliveries::deliveries_of(tx, incident, super::MANY)? {
        let meant = delivery.is_page() && only.is_none_or(|users| users.contains(&delivery.user));
        if meant && delivery.withdraw(reason) {
            log.push((By::SYSTEM, news(&delivery, DeliveryNews::Withdrawn { reason: reason.to_owned() })));
            tx.put(&delivery)?;
        }
    }
    Ok(())
}

/// A delivery's line on the timeline.
pub fn news(delivery: &Delivery, what: DeliveryNews) -> Happened {
    Happened::Delivery { delivery: delivery.id, user: delivery.user, channel: delivery.channel, what }
}
