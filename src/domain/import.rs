//! Calendars from elsewhere: where each is fetched, how the last fetch went, and whom its events name among our users.
//!
//! The copy keeps what the events say, never our users' ids: whom they name is worked out when somebody asks, so a user who
//! gets an address or a name tomorrow is found in a copy of today. The last good copy stays in force while fetching fails.

use crate::domain::contact::Channel;
use crate::domain::entry::Interval;
use crate::domain::id::{ImportId, ScheduleId, UserId};
use crate::domain::oncall::ImportedShift;
use crate::domain::refusal::Refusal;
use crate::domain::sealed::Sealed;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How often a calendar is fetched.
pub const FETCH_EVERY_SECS: i64 = 15 * 60;
/// How far ahead of its making a copy reaches: as far as the search for who is on call.
pub const AHEAD_DAYS: i64 = 400;
/// And how far back: what pages and feeds show of the past.
pub const BACK_DAYS: i64 = 60;
/// An unchanged calendar is read again after this, because its repetitions go on.
pub const COPY_FRESH_SECS: i64 = 24 * 3600;
/// A schedule's calendars from elsewhere.
pub const MOST_IMPORTS: usize = 20;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Import {
    pub id: ImportId,
    pub schedule: ScheduleId,
    /// Unique within its schedule, case ignored.
    pub name: String,
    /// A [`CalendarUrl`]: whoever has it reads the calendar.
    pub url: Sealed,
    /// What may be shown of it.
    pub shown_url: String,
    /// For dates and floating times, unless the calendar names a zone.
    pub zone: String,
    /// When it is fetched next.
    pub due: Timestamp,
    pub tried_at: Option<Timestamp>,
    pub fetched: Option<Fetched>,
    /// What has been wrong since the last good fetch.
    pub problem: Option<Problem>,
    pub created_at: Timestamp,
    pub version: u64,
}

/// The last good fetch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fetched {
    /// When the calendar was last seen to be as the copy is.
    pub at: Timestamp,
    /// When the copy was made.
    pub copied_at: Timestamp,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub events: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Problem {
    pub since: Timestamp,
    /// For people, without the address.
    pub sentence: String,
}

/// An address that often holds a secret: whoever has it reads the calendar. Kept sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct CalendarUrl(String);

impl CalendarUrl {
    /// `https`, or `webcal`, which means the same.
    pub fn checked(text: &str) -> Result<CalendarUrl, Refusal> {
        let text = text.trim();
        let rest = ["https://", "webcal://", "webcals://"].iter().find_map(|scheme| strip_prefix(text, scheme));
        let sound = rest.is_some_and(|rest| {
            let host = rest.split(['/', '?', '#']).next().unwrap_or("");
            !host.is_empty() && !host.contains('@') && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        });
        match rest {
            Some(rest) if sound && text.len() <= 2000 => Ok(CalendarUrl(format!("https://{rest}"))),
            _ => {
                let sentence = "Write the address of the calendar, beginning with https:// and without a password.";
                Err(Refusal::invalid("calendar_url", "url", sentence))
            }
        }
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What may be shown: where it leads, not what opens it.
    pub fn masked(&self) -> String {
        let rest = self.0.strip_prefix("https://").unwrap_or("");
        format!("https://{}/…", rest.split(['/', '?', '#']).next().unwrap_or(""))
    }
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

impl fmt::Debug for CalendarUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.masked())
    }
}

/// What the calendar said when it was last read without error.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImportCopy {
    pub import: ImportId,
    /// Each once: most calendars name few people often.
    pub named: Vec<Named>,
    /// In the order of time; the number is a place in `named`.
    pub events: Vec<(Interval, u32)>,
}

/// Whom an event names, in its own words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Named {
    /// One line.
    pub summary: String,
    /// Mail addresses in lower case.
    pub attendees: Vec<String>,
}

/// What the words of one copy may take; a record is limited, too.
const NAMED_BYTES: usize = 512 * 1024;

impl ImportCopy {
    /// `events` in the order of time. `None` if they say too much to be kept.
    pub fn of(import: ImportId, events: impl IntoIterator<Item = (Interval, Named)>) -> Option<ImportCopy> {
        let mut places: BTreeMap<Named, u32> = BTreeMap::new();
        let mut copy = ImportCopy { import, named: vec![], events: vec![] };
        let mut bytes = 0;
        for (span, named) in events {
            let next = copy.named.len() as u32;
            let place = *places.entry(named).or_insert_with_key(|named| {
                bytes += named.summary.len() + named.attendees.iter().map(String::len).sum::<usize>();
                copy.named.push(named.clone());
                next
            });
            copy.events.push((span, place));
        }
        (bytes <= NAMED_BYTES).then_some(copy)
    }

    /// Its events from an instant on, with the users they name.
    pub fn shifts(&self, directory: &Directory, from: Timestamp) -> Vec<ImportedShift> {
        let events: Vec<_> = self.events.iter().filter(|(span, _)| span.end > from).collect();
        let mut users: BTreeMap<u32, Vec<UserId>> = BTreeMap::new();
        let shift = |(span, place): &(Interval, u32)| {
            let named = self.named.get(*place as usize)?;
            let users = users.entry(*place).or_insert_with(|| directory.find(named)).clone();
            let address = named.attendees.first().filter(|_| users.is_empty());
            let text = address.unwrap_or(&named.summary).clone();
            Some(ImportedShift { span: *span, users, text })
        };
        events.into_iter().filter_map(shift).collect()
    }
}

/// Finds users by what calendars write.
///
/// First the attendees: everybody whose account or contact address is among them, in their order, case ignored. If that
/// finds nobody, the summary: users whose name or address it is or contains, as whole words, case and punctuation ignored,
/// in the order of the summary. A longer name has its words to itself: in "Ana Maria" there is no "Ana". Two users of one
/// name are both found: better two pages than none.
#[derive(Default)]
pub struct Directory {
    by_address: BTreeMap<String, Vec<UserId>>,
    by_words: BTreeMap<String, Vec<UserId>>,
    longest: usize,
}

impl Directory {
    pub fn of<'a>(users: impl IntoIterator<Item = &'a User>) -> Directory {
        let mut directory = Directory::default();
        for user in users {
            let contacts = user.contacts.iter().filter(|contact| contact.channel == Channel::Email);
            for address in user.email.iter().chain(contacts.map(|contact| &contact.address)) {
                add(&mut directory.by_address, address.to_lowercase(), user.id);
            }
            let words = words(&user.name);
            if !words.is_empty() {
                directory.longest = directory.longest.max(words.len());
                add(&mut directory.by_words, words.join(" "), user.id);
            }
        }
        directory
    }

    /// Each once.
    pub fn find(&self, named: &Named) -> Vec<UserId> {
        let mut found = Vec::new();
        for address in &named.attendees {
            note(&mut found, self.by_address.get(address));
        }
        if found.is_empty() {
            self.search(&named.summary, &mut found);
        }
        found
    }

    fn search(&self, summary: &str, found: &mut Vec<UserId>) {
        // Addresses are whole; names are looked for in the words between them.
        let mut between: Vec<String> = Vec::new();
        for token in summary.split_whitespace() {
            if token.contains('@') {
                self.names(&between, found);
                between.clear();
                let address = token.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
                note(found, self.by_address.get(&address));
            } else {
                between.extend(words(token));
            }
        }
        self.names(&between, found);
    }

    fn names(&self, words: &[String], found: &mut Vec<UserId>) {
        let mut at = 0;
        while at < words.len() {
            let longest = self.longest.min(words.len() - at);
            let hit = (1..=longest).rev().find_map(|n| Some((n, self.by_words.get(&words[at..at + n].join(" "))?)));
            note(found, hit.map(|(_, users)| users));
            at += hit.map_or(1, |(n, _)| n);
        }
    }
}

fn add(map: &mut BTreeMap<String, Vec<UserId>>, key: String, user: UserId) {
    let users = map.entry(key).or_default();
    if !users.contains(&user) {
        users.push(user);
    }
}

fn note(found: &mut Vec<UserId>, users: Option<&Vec<UserId>>) {
    for user in users.into_iter().flatten() {
        if !found.contains(user) {
            found.push(*user);
        }
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::Role;
    use crate::domain::id::Id;
    use crate::domain::user::ContactMethod;

    fn user(number: u64, name: &str, email: Option<&str>, other: Option<&str>) -> User {
        let contact = |address: &str| ContactMethod {
            id: Id::new(100 + number),
            channel: Channel::Email,
            address: address.to_owned(),
            enabled: true,
            verified_at: None,
            verification: None,
        };
        User {
            id: UserId::new(number),
            name: name.to_owned(),
            email: email.map(str::to_owned),
            role: Role::Responder,
            login: None,
            zone: "UTC".to_owned(),
            activity: vec![],
            contacts: other.map(contact).into_iter().collect(),
            rules: Default::default(),
            created_at: Timestamp::MIN,
            version: 1,
        }
    }

    fn directory() -> Directory {
        Directory::of(&[
            user(1, "Ana", Some("ana@example.test"), None),
            user(2, "Ana Maria", None, Some("Maria@Example.test")),
            user(3, "Bo", Some("bo@example.test"), None),
            user(4, "Ana", None, None),
            user(5, "J\u{f6}rg O'Neil-Smith", None, None),
            user(6, "\u{1f514}", None, None),
        ])
    }

    #[test]
    fn people_are_found_by_address_first_and_by_summary_then() {
        let directory = directory();
        let check = |summary: &str, attendees: &[&str], expected: &[u64]| {
            let addresses = attendees.iter().map(ToString::to_string).collect();
            let found = directory.find(&Named { summary: summary.to_owned(), attendees: addresses });
            let found: Vec<u64> = found.into_iter().map(Id::number).collect();
            assert_eq!(found, expected, "{summary} {attendees:?}");
        };
        check("Bo", &["ana@example.test"], &[1]);
        check("Bo", &["maria@example.test", "ana@example.test", "maria@example.test"], &[2, 1]);
        check("On call: Bo", &["stranger@example.test"], &[3]);
        check("On call: BO!", &[], &[3]);
        check("Ana Maria and Bo", &[], &[2, 3]);
        check("ana", &[], &[1, 4]);
        check("Anaconda, Bob and Boo", &[], &[]);
        check("<Ana@Example.test> (primary)", &[], &[1]);
        check("j\u{f6}rg o'neil smith", &[], &[5]);
        check("J\u{f6}rg", &[], &[]);
        check("\u{1f514}", &[], &[]);
        check("", &[], &[]);
    }

    #[test]
    fn a_copy_keeps_each_name_once_and_names_what_matches_nobody() {
        let at = |hour: i64| Timestamp::from_second(1_800_000_000 + hour * 3600);
        let span = |hour: i64| Interval { start: at(hour), end: at(hour + 1) };
        let named = |summary: &str, attendees: &[&str]| Named {
            summary: summary.to_owned(),
            attendees: attendees.iter().map(ToString::to_string).collect(),
        };
        let events = [
            (span(0), named("Bo", &[])),
            (span(1), named("Zoe", &["zoe@example.test"])),
            (span(2), named("Bo", &[])),
            (span(3), named("holiday", &[])),
        ];
        let copy = ImportCopy::of(ImportId::new(9), events).expect("not much");
        assert_eq!(copy.named.len(), 3);
        let shifts = copy.shifts(&directory(), at(1));
        let shown: Vec<_> = shifts.iter().map(|s| (s.span, s.users.len(), s.text.as_str())).collect();
        assert_eq!(shown, [(span(1), 0, "zoe@example.test"), (span(2), 1, "Bo"), (span(3), 0, "holiday")]);
        let much = (0..4000).map(|n| (span(n), named(&format!("{n}{}", "x".repeat(200)), &[])));
        assert_eq!(ImportCopy::of(ImportId::new(9), much), None);
    }

    #[test]
    fn addresses_are_https_and_shown_without_what_opens_them() {
        let check = |typed: &str, expected: Option<&str>| {
            let url = CalendarUrl::checked(typed).ok();
            assert_eq!(url.as_ref().map(CalendarUrl::expose), expected, "{typed}");
            if let Some(url) = url {
                assert_eq!((url.masked(), format!("{url:?}")), ("https://cal.example/…".into(), url.masked()));
            }
        };
        check(" https://cal.example/private-abc/basic.ics ", Some("https://cal.example/private-abc/basic.ics"));
        check("webcal://cal.example/x?token=1", Some("https://cal.example/x?token=1"));
        check("WEBCAL://cal.example", Some("https://cal.example"));
        check("http://cal.example/x", None);
        check("https://me:secret@cal.example/x", None);
        check("https:///x", None);
        check("https://cal.example/a b", None);
        check("cal.example", None);
    }

    #[test]
    fn a_calendar_is_read_up_to_its_limits() {
        let url = |length: usize| format!("https://example.org/{}", "x".repeat(length - 20));
        let is_taken = [2000, 2001].map(|length| CalendarUrl::checked(&url(length)).is_ok());
        assert_eq!((url(2000).len(), is_taken), (2000, [true, false]));
        let copy = |bytes: usize| {
            let span = Interval { start: Timestamp::MIN, end: Timestamp::MIN.plus_secs(1) };
            let named = Named { summary: "x".repeat(bytes), attendees: vec![] };
            // Each is counted once, however often it comes.
            ImportCopy::of(ImportId::new(1), [(span, named.clone()), (span, named)]).is_some()
        };
        assert_eq!([NAMED_BYTES, NAMED_BYTES + 1].map(copy), [true, false]);
    }
}
