//! Notifications: one message to one person about one thing, and the plan of channels that carries it.

use crate::domain::Urgency;
use crate::domain::contact::Channel;
use crate::domain::effect::Reason;
use crate::domain::id::{ContactId, IncidentId, NotificationId, UserId};
use crate::domain::time::Timestamp;
use crate::domain::timeline::Via;
use crate::domain::user::{ContactMethod, User};
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

/// The contact methods a notification uses, all due at once: for a page of high urgency every enabled one, for low
/// urgency email, else the first; an update goes by email and WhatsApp only, because it wakes nobody.
pub fn plan(user: &User, reason: Reason, urgency: Urgency) -> Vec<&ContactMethod> {
    let mut enabled = user.contacts.iter().filter(|contact| contact.enabled);
    match (reason, urgency) {
        (Reason::Update(_), _) => enabled.filter(|c| matches!(c.channel, Channel::Email | Channel::WhatsApp)).collect(),
        (_, Urgency::High) => enabled.collect(),
        (_, Urgency::Low) => {
            let email = enabled.clone().find(|contact| contact.channel == Channel::Email);
            email.or(enabled.next()).into_iter().collect()
        }
    }
}

/// After a failure: another enabled method of this person that this notification has not used.
pub fn next_method<'a>(user: &'a User, used: &[ContactId]) -> Option<&'a ContactMethod> {
    user.contacts.iter().find(|contact| contact.enabled && !used.contains(&contact.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::Role;
    use crate::domain::id::Id;

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
        let planned: Vec<Channel> = plan(&user, reason, urgency).iter().map(|contact| contact.channel).collect();
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
}
