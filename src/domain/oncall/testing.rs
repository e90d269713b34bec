//! Calendars in few words, for the tests of this folder. People are letters, instants are UTC and of 2026 unless said.

use super::*;
use crate::domain::access::Role;
use crate::domain::id::{Id, ScheduleId, TeamId};
use crate::domain::rotation::{Cadence, Civil, Version, Weekdays, Window};
use crate::domain::schedule::Layer;
use crate::domain::user::{Activity, User};

/// `06-01T10:00`, `06-01T06:59:59` or `2011-12-30T10:00`.
pub fn at(text: &str) -> Timestamp {
    let year = if text.find('-') == Some(4) { "" } else { "2026-" };
    let seconds = if text.matches(':').count() == 1 { ":00" } else { "" };
    Timestamp::from_jiff(format!("{year}{text}{seconds}Z").parse().expect("an instant"))
}

/// The reverse of [`at`].
pub fn said(at: Timestamp) -> String {
    let text = at.to_string();
    let text = text.trim_end_matches('Z');
    let text = text.strip_suffix(":00").unwrap_or(text);
    text.strip_prefix("2026-").unwrap_or(text).to_owned()
}

pub fn span(text: &str) -> Interval {
    let (start, end) = text.split_once(' ').expect("two instants");
    Interval { start: at(start), end: at(end) }
}

pub fn civil(text: &str) -> Civil {
    let year = if text.find('-') == Some(4) { "" } else { "2026-" };
    Civil::of(format!("{year}{text}").parse().expect("a civil time"))
}

pub fn id(letter: char) -> UserId {
    UserId::new(letter as u64)
}

pub fn letter(user: UserId) -> char {
    char::from_u32(user.number() as u32).expect("people are letters")
}

/// When somebody was active, as `(from, to)`.
pub type Spans<'a> = &'a [(&'a str, Option<&'a str>)];

/// Active always unless said otherwise.
pub fn people(gaps: &[(char, Spans<'_>)]) -> People {
    let user = |letter: char| {
        let always = vec![Activity { from: Timestamp::MIN, to: None }];
        let gaps = gaps.iter().find(|(l, _)| *l == letter);
        let activity = gaps.map_or(always, |(_, spans)| {
            spans.iter().map(|(from, to)| Activity { from: at(from), to: to.map(at) }).collect()
        });
        let user = User {
            id: id(letter),
            name: letter.to_string(),
            email: None,
            role: Role::Responder,
            login: None,
            zone: "UTC".to_owned(),
            activity,
            contacts: vec![],
            rules: Default::default(),
            created_at: Timestamp::MIN,
            version: 1,
        };
        (user.id, user)
    };
    ('A'..='Z').map(user).collect()
}

/// Nobody claims anything yet.
pub fn empty(zone: &str) -> Calendar {
    let schedule = Schedule {
        id: ScheduleId::new(1),
        team: TeamId::new(1),
        name: "s".into(),
        zone: zone.into(),
        layers: vec![],
        imported_covers: vec![],
        fallback: None,
        revision: 1,
        revised_at: Timestamp::MIN,
        created_at: Timestamp::MIN,
        version: 1,
    };
    Calendar { schedule, entries: vec![], overrides: vec![], imported: BTreeMap::new() }
}

/// Slots as `A BC D`.
pub fn version(anchor: &str, cadence: Cadence, slots: &str, windows: &[Window]) -> Version {
    let slots = slots.split(' ').map(|slot| slot.chars().map(id).collect()).collect();
    let version =
        Version { effective_from: Timestamp::MIN, anchor: civil(anchor), cadence, slots, windows: windows.to_vec() };
    version.checked().expect("a rotation that may be")
}

/// `Mon-Fri 22:00 06:00`, `Fri 18:00 08:00 +2`, `daily 00:00 00:00`.
pub fn window(text: &str) -> Window {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let parts: Vec<&str> = text.split(' ').collect();
    let day = |name: &str| DAYS.iter().position(|day| *day == name).expect("a day") as u8;
    let days = match parts[0].split_once('-') {
        _ if parts[0] == "daily" => Weekdays::ALL,
        Some((first, last)) => Weekdays::from_list(day(first)..=day(last)),
        None => Weekdays::from_list([day(parts[0])]),
    };
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':').expect("a time of day");
        hour.parse::<u16>().expect("an hour") * 60 + minute.parse::<u16>().expect("a minute")
    };
    let extra_days = parts.get(3).map_or(0, |days| days[1..].parse().expect("a number of days"));
    Window { days, start: minute(parts[1]), end: minute(parts[2]), extra_days }
}

impl Calendar {
    /// Below the layers it has.
    pub fn with_layer(mut self, turns: Turns, zone: Option<&str>) -> Calendar {
        let id = LayerId::new(10 + self.schedule.layers.len() as u64);
        self.schedule.layers.push(Layer { id, name: "l".into(), zone: zone.map(str::to_owned), turns });
        self
    }

    /// A layer with one version, in the zone of the schedule.
    pub fn with_turns(self, anchor: &str, cadence: Cadence, slots: &str, windows: &[&str]) -> Calendar {
        let windows: Vec<Window> = windows.iter().map(|text| window(text)).collect();
        self.with_layer(Turns::Rotation(vec![version(anchor, cadence, slots, &windows)]), None)
    }

    pub fn with_entry(mut self, user: char, when: &str) -> Calendar {
        self.entries.push(Entry {
            id: EntryId::new(1 + self.entries.len() as u64),
            schedule: self.schedule.id,
            user: id(user),
            span: span(when),
            note: String::new(),
            author: None,
            recorded_at: Timestamp::MIN,
        });
        self
    }

    /// Newer than the overrides it has. `A>B` replaces A by B, `B` covers.
    pub fn with_override(mut self, who: &str, when: &str) -> Calendar {
        let letters: Vec<char> = who.chars().collect();
        let (user, mode) = match letters[..] {
            [from, '>', user] => (user, OverrideMode::Replace { from: id(from) }),
            [user] => (user, OverrideMode::Cover),
            _ => panic!("{who} is no override"),
        };
        self.overrides.push(Override {
            id: OverrideId::new(100 + self.overrides.len() as u64),
            schedule: self.schedule.id,
            user: id(user),
            mode,
            span: span(when),
            note: String::new(),
            author: None,
            recorded_at: Timestamp::MIN,
        });
        self
    }

    pub fn with_fallback(mut self, user: char) -> Calendar {
        self.schedule.fallback = Some(id(user));
        self
    }

    /// Events as `(users, when)`.
    pub fn with_import(mut self, import: u64, events: &[(&str, &str)]) -> Calendar {
        let shift = |(users, when): &(&str, &str)| ImportedShift {
            span: span(when),
            users: users.chars().map(id).collect(),
            text: "an event".into(),
        };
        self.imported.insert(ImportId::new(import), events.iter().map(shift).collect());
        self
    }
}

/// The final schedule of a range as `A 06-01T00:00, - 06-01T06:00`: who has it from when on, `-` being nobody; then the end.
pub fn rendered(calendar: &Calendar, people: &People, range: &str) -> String {
    let range = span(range);
    let segments = final_schedule(calendar, people, range.start, range.end).expect("drawn");
    let who = |segment: &Segment| match segment.gap {
        Some(_) => "-".to_owned(),
        None => segment.places.iter().map(|place| letter(place.user)).collect(),
    };
    let words: Vec<String> = segments.iter().map(|s| format!("{} {}", who(s), said(s.start))).collect();
    words.join(", ")
}

/// Who is on call, `-` being nobody.
pub fn who(calendar: &Calendar, people: &People, when: &str) -> String {
    let places = on_call(calendar, people, at(when));
    if places.is_empty() { "-".to_owned() } else { places.iter().map(|place| letter(place.user)).collect() }
}
