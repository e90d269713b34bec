//! Notifications: one message to one person about one thing, and the plan of channels that carries it.

use crate::domain::Urgency;
use crate::domain::contact::Channel;
use crate::domain::delivery::{Delivery, State};
use crate::domain::effect::Reason;
use crate::domain::id::{DeliveryId, IncidentId, NotificationId, UserId};
use crate::domain::time::Timestamp;
use crate::domain::timeline::Via;
use crate::domain::user::{ContactMethod, Step, User};
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notification {
    pub id: NotificationId,
    /// `None` for messages about no incident: tests and codes.
    pub incident: Option<IncidentId>,
    pub user: UserId,
    pub reason: Reason,
    pub urgency: Urgency,
    /// Of the incident's ladder: a person is told once per visit.
    pub visit: u32,
    /// How the ladder came to this person; the answer to "why me?".
    pub via: Via,
    /// What it says, where that does not follow from the rest: the answer to a reply, who asked for a test.
    pub words: String,
    pub created_at: Timestamp,
}

/// One way a notification takes, and how long after the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Planned<'a> {
    pub contact: &'a ContactMethod,
    pub after_minutes: u8,
}

/// The contact methods a notification uses and when: the person's own steps, or the preset. Steps whose method is
/// switched off or gone are left out; if none is left, the preset counts, because somebody who is to be paged is paged.
/// The first step of high urgency is the page itself and has no delay, whatever was left out before it. An update goes
/// by email and WhatsApp only, because it wakes nobody.
pub fn plan(user: &User, reason: Reason, urgency: Urgency) -> Vec<Planned<'_>> {
    let at_once = |contact| Planned { contact, after_minutes: 0 };
    let mut enabled = user.contacts.iter().filter(|contact| contact.enabled);
    if let Reason::Update(_) = reason {
        let quiet = enabled.filter(|contact| matches!(contact.channel, Channel::Email | Channel::WhatsApp));
        return quiet.map(at_once).collect();
    }
    let rules = match urgency {
        Urgency::High => &user.rules.high,
        Urgency::Low => &user.rules.low,
    };
    let step = |step: &Step| {
        let contact = user.contact(step.contact).filter(|contact| contact.enabled)?;
        Some(Planned { contact, after_minutes: step.after_minutes })
    };
    let mut steps: Vec<Planned<'_>> = rules.iter().filter_map(step).collect();
    steps.sort_by_key(|step| step.after_minutes);
    if let Some(first) = steps.first_mut() {
        if urgency == Urgency::High {
            first.after_minutes = 0;
        }
        return steps;
    }
    match urgency {
        Urgency::High => enabled.map(at_once).collect(),
        Urgency::Low => {
            let email = enabled.clone().find(|contact| contact.channel == Channel::Email);
            email.or(enabled.next()).map(at_once).into_iter().collect()
        }
    }
}

/// What starts when a delivery fails or falls silent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next<'a> {
    /// A later step of the same notification: it is due now, and not again at its time.
    Sooner(DeliveryId),
    /// A method the person has not been paged by in this visit.
    Another(&'a ContactMethod),
}

/// The earliest later step of this notification that has not left, else another enabled method of the person that was
/// not used in this visit. `siblings` are the person's deliveries of this visit, the failed one among them.
pub fn next_method<'a>(failed: &Delivery, user: &'a User, siblings: &[Delivery], now: Timestamp) -> Option<Next<'a>> {
    let is_enabled = |contact| user.contact(contact).is_some_and(|contact| contact.enabled);
    let later = siblings.iter().filter_map(|delivery| match delivery.state {
        State::Queued { due }
            if due > now
                && delivery.notification == failed.notification
                && delivery.attempts.is_empty()
                && !delivery.held_back
                && is_enabled(delivery.contact) =>
        {
            Some((due, delivery.id))
        }
        _ => None,
    });
    if let Some((_, id)) = later.min() {
        return Some(Next::Sooner(id));
    }
    let used = |contact: &ContactMethod| siblings.iter().any(|delivery| delivery.contact == contact.id);
    user.contacts.iter().find(|contact| contact.enabled && !used(contact)).map(Next::Another)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::Role;
    use crate::domain::id::{ContactId, Id};
    use crate::domain::user::Rules;

    fn user(channels: &[(Channel, bool)]) -> User {
        let contact = |(index, (channel, enabled)): (usize, &(Channel, bool))| ContactMethod {
            id: ContactId::new(index as u64),
            channel: *channel,
            address: String::new(),
            enabled: *enabled,
            verified_at: None,
            verification: None,
        };
        User {
            id: UserId::new(1),
            name: "Ana".into(),
            email: None,
            role: Role::Responder,
            login: None,
            zone: "UTC".into(),
            activity: vec![],
            contacts: channels.iter().enumerate().map(contact).collect(),
            rules: Default::default(),
            created_at: Timestamp::MIN,
            version: 1,
        }
    }

    fn check(channels: &[(Channel, bool)], reason: Reason, urgency: Urgency, expected: &[Channel]) {
        let user = user(channels);
        let planned: Vec<Channel> = plan(&user, reason, urgency).iter().map(|step| step.contact.channel).collect();
        assert_eq!(planned, expected, "{reason:?} {urgency:?}");
    }

    #[test]
    fn a_notification_uses_the_methods_its_urgency_asks_for() {
        use Channel::*;
        let page = Reason::Page { level: Some(1) };
        let update = Reason::Update(crate::domain::effect::UpdateKind::Acknowledged);
        let all = [(Sms, true), (Email, true), (WhatsApp, true)];
        check(&all, page, Urgency::High, &[Sms, Email, WhatsApp]);
        check(&all, page, Urgency::Low, &[Email]);
        check(&all, update, Urgency::High, &[Email, WhatsApp]);
        check(&[(Sms, true), (Email, false)], page, Urgency::Low, &[Sms]);
        check(&[(Sms, true)], update, Urgency::High, &[]);
        check(&[(Sms, false)], page, Urgency::High, &[]);
    }

    const PAGE: Reason = Reason::Page { level: Some(1) };

    /// Steps as (contact, minutes), contacts being numbered from 0.
    fn with_rules(channels: &[(Channel, bool)], high: &[(u64, u8)], low: &[(u64, u8)]) -> User {
        let steps = |steps: &[(u64, u8)]| {
            steps.iter().map(|(id, after)| Step { contact: ContactId::new(*id), after_minutes: *after }).collect()
        };
        User { rules: Rules { high: steps(high), low: steps(low) }, ..user(channels) }
    }

    #[test]
    fn a_person_s_own_steps_come_first_and_the_preset_when_none_of_them_is_left() {
        use Channel::*;
        let check = |user: &User, urgency, expected: &[(Channel, u8)]| {
            let planned: Vec<(Channel, u8)> =
                plan(user, PAGE, urgency).iter().map(|step| (step.contact.channel, step.after_minutes)).collect();
            assert_eq!(planned, expected);
        };
        let all = [(Sms, true), (Email, true), (WhatsApp, true)];
        let user = with_rules(&all, &[(0, 0), (2, 5), (0, 10)], &[(1, 3)]);
        check(&user, Urgency::High, &[(Sms, 0), (WhatsApp, 5), (Sms, 10)]);
        check(&user, Urgency::Low, &[(Email, 3)]);
        // Switched off, gone, and the page itself never waits.
        let user = with_rules(&[(Sms, false), (Email, true), (WhatsApp, true)], &[(0, 0), (2, 5), (9, 6), (1, 7)], &[]);
        check(&user, Urgency::High, &[(WhatsApp, 0), (Email, 7)]);
        let user = with_rules(&[(Sms, false), (Email, true), (WhatsApp, true)], &[(0, 0)], &[(0, 0)]);
        check(&user, Urgency::High, &[(Email, 0), (WhatsApp, 0)]);
        check(&user, Urgency::Low, &[(Email, 0)]);
    }

    fn delivery(id: u64, notification: u64, contact: u64, due: i64) -> Delivery {
        Delivery {
            id: DeliveryId::new(id),
            notification: NotificationId::new(notification),
            incident: Some(IncidentId::new(1)),
            user: UserId::new(1),
            reason: PAGE,
            visit: 1,
            contact: ContactId::new(contact),
            channel: Channel::Sms,
            address: String::new(),
            state: State::Queued { due: Timestamp::from_second(due) },
            attempts: vec![],
            failures: 0,
            next_started: false,
            held_back: false,
            created_at: Timestamp::MIN,
        }
    }

    #[test]
    fn the_next_method_is_the_next_step_brought_forward_else_one_not_used_yet() {
        let now = Timestamp::from_second(100);
        let user = user(&[(Channel::Sms, true), (Channel::Email, true), (Channel::WhatsApp, true)]);
        let next = |siblings: &[Delivery]| next_method(&siblings[0], &user, siblings, now);
        let failed = delivery(1, 1, 0, 100);
        let (email, late) = (delivery(2, 1, 1, 400), delivery(3, 1, 2, 700));
        assert_eq!(next(&[failed.clone(), late.clone(), email.clone()]), Some(Next::Sooner(email.id)));
        // On its way already, held back, or of another notification: not a step to bring forward.
        let mut held = email.clone();
        held.held_back = true;
        assert_eq!(next(&[failed.clone(), held, late.clone()]), Some(Next::Sooner(late.id)));
        let due = delivery(2, 1, 1, 100);
        assert_eq!(next(&[failed.clone(), due.clone()]), Some(Next::Another(&user.contacts[2])));
        let other = delivery(4, 2, 1, 400);
        assert_eq!(next(&[failed.clone(), other]), Some(Next::Another(&user.contacts[2])));
        let all = [failed.clone(), due, delivery(3, 1, 2, 90)];
        assert_eq!(next(&all), None);
    }
}
