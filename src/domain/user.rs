//! Users: people who sign in, people who are paged, mostly both.
//!
//! A user is never deleted, only deactivated: their name stays on every timeline. Whether somebody was active at an
//! instant is answered from recorded activity, so that the past stays as it was.

use crate::domain::access::Role;
use crate::domain::contact::Channel;
use crate::domain::id::{ContactId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::planted;
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    pub name: String,
    /// Lower case, unique among all users, also the deactivated.
    pub email: Option<String>,
    pub role: Role,
    pub login: Option<Login>,
    /// A name of the zone database: the reader's own time on pages.
    pub zone: String,
    /// When this person was active: `[from, to)`, in order, the last one open while active.
    pub activity: Vec<Activity>,
    pub contacts: Vec<ContactMethod>,
    pub rules: Rules,
    pub created_at: Timestamp,
    pub version: u64,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    pub changed_at: Timestamp,
}

/// Without the hash: a user may end up in a log line.
impl std::fmt::Debug for Login {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Login {{ changed_at: {} }}", self.changed_at)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Activity {
    pub from: Timestamp,
    pub to: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ContactMethod {
    pub id: ContactId,
    pub channel: Channel,
    /// E.164 (`+491701234567`) or a mail address.
    pub address: String,
    pub enabled: bool,
    /// When its owner proved that messages arrive. An unverified one is paged all the same, but may not command by reply.
    pub verified_at: Option<Timestamp>,
    /// The proof under way.
    pub verification: Option<Verification>,
}

/// A code was sent and waits to be typed in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Verification {
    pub sent_at: Timestamp,
    /// Wrong codes so far.
    pub misses: u8,
}

/// How somebody wants to be paged, by urgency. An empty list is the preset: for high urgency every enabled method at once,
/// for low urgency email, else the first method.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Rules {
    /// The first step has no delay: it is the page itself.
    pub high: Vec<Step>,
    pub low: Vec<Step>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    pub contact: ContactId,
    /// Minutes after the page: 0 to 60.
    pub after_minutes: u8,
}

impl User {
    pub fn is_active_at(&self, at: Timestamp) -> bool {
        let runs = |span: &Activity| span.from <= at && span.to.is_none_or(|to| at < to);
        self.activity.iter().any(runs) || planted::is("inactive_counts")
    }

    /// As they are at this instant, whatever the clock says of it: it may have been set back since they were deactivated or
    /// reactivated, which holds all the same.
    pub fn known_at(mut self, now: Timestamp) -> User {
        if planted::is("activity_by_old_clock") {
            return self;
        }
        for span in &mut self.activity {
            span.from = span.from.min(now);
            span.to = span.to.map(|to| to.min(now));
        }
        self
    }

    /// Active now, as far as is known: the last span is open.
    pub fn is_active(&self) -> bool {
        self.activity.last().is_some_and(|span| span.to.is_none())
    }

    pub fn is_pageable_at(&self, at: Timestamp) -> bool {
        self.is_active_at(at) && self.contacts.iter().any(|contact| contact.enabled)
    }

    pub fn contact(&self, id: ContactId) -> Option<&ContactMethod> {
        self.contacts.iter().find(|contact| contact.id == id)
    }

    /// Ends the activity now. Asking twice changes nothing.
    pub fn deactivate(&mut self, now: Timestamp) {
        if let Some(last) = self.activity.last_mut()
            && last.to.is_none()
        {
            last.to = Some(now);
        }
    }

    pub fn reactivate(&mut self, now: Timestamp) {
        if !self.is_active() {
            self.activity.push(Activity { from: now, to: None });
        }
    }

    /// Refuses a deactivated person in a place that pages: a new member, entry, override or level.
    pub fn require_active(&self) -> Result<(), Refusal> {
        if self.is_active() {
            return Ok(());
        }
        let name = &self.name;
        let sentence =
            format!("{name} is deactivated and cannot be added. Choose somebody active, or reactivate {name} first.");
        Err(Refusal::invalid("user_inactive", "user", sentence))
    }
}

/// One active admin with a login always exists, or nobody could change anything any more. `before` is the user as they
/// were, `after` all users as they would be.
pub fn keeps_an_admin<'a>(before: &User, after: impl IntoIterator<Item = &'a User>) -> Result<(), Refusal> {
    let can_administer = |user: &User| user.is_active() && user.role == Role::Admin && user.login.is_some();
    if !can_administer(before) || after.into_iter().any(can_administer) {
        return Ok(());
    }
    let sentence = format!("{} is the only active admin. Make somebody else an admin first.", before.name);
    Err(Refusal::conflict("last_admin", sentence))
}

/// Lower-cased. Not a parser: a mail server is the only judge of an address, so this refuses only what no server takes.
pub fn checked_email(text: &str) -> Result<String, Refusal> {
    let email = text.trim().to_lowercase();
    let sound = email.len() <= 254
        && email.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty()
                && !host.is_empty()
                && !host.contains('@')
                && !host.starts_with('.')
                && !host.ends_with('.')
        })
        && !email.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"'));
    if sound {
        return Ok(email);
    }
    Err(Refusal::invalid("email_form", "email", "Write the mail address as name@example.com, without spaces."))
}

/// E.164 with spaces, dots, dashes and brackets removed.
pub fn checked_phone(text: &str) -> Result<String, Refusal> {
    let phone: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/')).collect();
    let digits = phone.strip_prefix('+').unwrap_or("");
    if (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0') {
        return Ok(phone);
    }
    let sentence = "Write the number in international form, a plus sign and 7 to 15 digits: +4917012345678.";
    Err(Refusal::invalid("phone_form", "address", sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_brings_nobody_back_and_keeps_nobody_out() {
        let at = Timestamp::from_second;
        let user = |spans: &[(i64, Option<i64>)]| User {
            id: crate::domain::id::Id::new(1),
            name: "Ana".to_owned(),
            email: None,
            role: Role::Responder,
            login: None,
            zone: "UTC".to_owned(),
            activity: spans.iter().map(|(from, to)| Activity { from: at(*from), to: to.map(at) }).collect(),
            contacts: vec![],
            rules: Rules::default(),
            created_at: at(0),
            version: 1,
        };
        type Span = (i64, Option<i64>);
        let table: &[(&[Span], bool)] = &[
            (&[(0, None)], true),
            (&[(0, Some(500))], false),
            // The clock read 900 and 950 then, and reads 600 now.
            (&[(0, Some(900))], false),
            (&[(0, Some(500)), (900, None)], true),
            (&[(0, Some(900)), (950, None)], true),
            (&[(0, Some(500)), (900, Some(950))], false),
        ];
        for (spans, expected) in table {
            let known = user(spans).known_at(at(600));
            assert_eq!([known.is_active_at(at(600)), known.is_active_at(at(700))], [*expected; 2], "{spans:?}");
        }
    }

    #[test]
    fn phone_numbers_are_kept_in_one_spelling() {
        let table = [
            ("+49 170 123-4567", Some("+491701234567")),
            ("+1 (202) 555.0123", Some("+12025550123")),
            ("0170 1234567", None),
            ("+0170 1234567", None),
            ("+49170", None),
            ("+49 170 CALL ME", None),
        ];
        for (typed, expected) in table {
            assert_eq!(checked_phone(typed).ok().as_deref(), expected, "{typed}");
        }
    }

    #[test]
    fn mail_addresses_are_lower_case_and_have_two_sides() {
        let table = [
            ("Ana@Example.COM ", Some("ana@example.com")),
            ("ana", None),
            ("@example.com", None),
            ("ana@", None),
            ("ana@b@c", None),
            ("a na@example.com", None),
            ("ana@example.com\r\nBcc: all@example.com", None),
        ];
        for (typed, expected) in table {
            assert_eq!(checked_email(typed).ok().as_deref(), expected, "{typed}");
        }
    }

    #[test]
    fn an_address_is_as_long_as_mail_servers_take_it() {
        let address = |length: usize| format!("{}@example.com", "x".repeat(length - 12));
        assert_eq!([254, 255].map(|length| checked_email(&address(length)).is_ok()), [true, false]);
    }

    #[test]
    fn somebody_comes_and_goes_and_asking_twice_changes_nothing() {
        use crate::domain::incident::testing::{ANA, minute, person};
        let mut ana = person(ANA, Role::Responder);
        ana.reactivate(minute(1));
        assert_eq!(ana.activity.len(), 1, "she is active already");
        ana.deactivate(minute(2));
        ana.deactivate(minute(3));
        assert_eq!(ana.activity[0].to, Some(minute(2)));
        ana.reactivate(minute(4));
        ana.reactivate(minute(5));
        assert_eq!((ana.activity.len(), ana.activity[1].from), (2, minute(4)));
        assert_eq!([1, 2, 3, 4].map(|now| ana.is_active_at(minute(now))), [true, false, false, true]);
    }

    #[test]
    fn somebody_who_can_administer_is_always_left() {
        use crate::domain::incident::testing::{ANA, BO, ROOT, minute, person};
        let admin = |number| {
            let login = Login { password_hash: "secret".to_owned(), changed_at: minute(0) };
            User { login: Some(login), ..person(number, Role::Admin) }
        };
        let keeps = |before: &User, after: &[User]| keeps_an_admin(before, after).is_ok();
        let root = admin(ROOT);
        assert!(keeps(&root, &[admin(ANA)]));
        let cannot = [
            User { login: None, ..admin(ANA) },
            User { role: Role::Responder, ..admin(BO) },
            User { activity: vec![], ..admin(BO) },
        ];
        assert!(!keeps(&root, &cannot));
        assert!(cannot.iter().all(|other| keeps(other, &[])), "nothing is lost with them");
        let shown = format!("{root:?}");
        assert!(shown.contains("changed_at") && !shown.contains("secret"), "{shown}");
    }
}
