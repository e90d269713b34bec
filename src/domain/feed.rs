//! Feeds: a schedule, or one person's shifts, as a calendar that others fetch.
//!
//! What is in a feed is the schedule as it comes out, cut into events. An event is known by the claim behind it, when that
//! claim's turn begins by itself, and which piece of it this is, so it stays the same event when its end moves. What a
//! schedule gave out is remembered, and an event that is gone before it is over is shown as cancelled for a while: calendars
//! that only add would keep it for ever.

use crate::domain::entry::Interval;
use crate::domain::id::{FeedId, Id, ScheduleId, UserId};
use crate::domain::oncall::{Calendar, ImportedShift, People, Prepared, Segment, Source};
use crate::domain::refusal::Refusal;
use crate::domain::schedule::Turns;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const DAY: i64 = 86_400;
pub const BACK_DAYS: i64 = 30;
pub const AHEAD_DAYS: i64 = 180;
/// How long an event that is gone is shown as cancelled.
pub const WITHDRAWN_DAYS: i64 = 15;
/// How far before a feed's first day a turn may have begun and still be counted from its beginning.
pub const EARLIER_DAYS: i64 = 30;
/// Feeds of one schedule or person that may be open at once.
pub const MOST_FEEDS: usize = 10;
/// Events of one schedule that are remembered.
const MOST_REMEMBERED: usize = 10_000;

/// A link to a calendar. Whoever has it can read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Feed {
    pub id: FeedId,
    pub of: FeedOf,
    /// SHA-256 of the link's token, which follows from the feed's id and a key that is not in the database.
    pub token_hash: [u8; 32],
    pub created_at: Timestamp,
    pub author: Option<UserId>,
    /// From then on there is nothing at the link.
    pub revoked_at: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum FeedOf {
    Schedule(ScheduleId),
    /// This person's shifts on every schedule.
    User(UserId),
}

/// What an event is known by, whatever becomes of its times.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct EventKey {
    pub claim: Source,
    /// When the turn, entry, override or imported event begins by itself.
    pub nominal: Timestamp,
    /// Others may take a part of it: 0 is the first piece that is left.
    pub piece: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    pub key: EventKey,
    pub span: Interval,
    /// In the order of the slot.
    pub users: Vec<UserId>,
}

/// What a schedule's feeds gave out, kept so that they can take it back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Publication {
    pub schedule: ScheduleId,
    /// What it was made from: the day, and the schedule's revision.
    pub day: Timestamp,
    pub revision: u64,
    pub events: Vec<Event>,
    pub withdrawn: Vec<Withdrawn>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Its users are those who have it no more.
    pub event: Event,
    pub at: Timestamp,
    /// The revision that took it back.
    pub revision: u64,
}

/// What a feed covers: whole days of UTC, so that it stays the same for a day if nothing changes.
pub fn window(now: Timestamp) -> Interval {
    let today = day(now);
    Interval { start: today.plus_secs(-BACK_DAYS * DAY), end: today.plus_secs((AHEAD_DAYS + 1) * DAY) }
}

pub fn day(now: Timestamp) -> Timestamp {
    now.plus_secs(-now.as_second().rem_euclid(DAY))
}

/// The events that overlap the window, in the order of time. Gaps are no events. The calendar reaches back at least
/// [`EARLIER_DAYS`] before the window. Refused where the schedule changes too often to be drawn.
pub fn events(calendar: &Calendar, people: &People, window: Interval) -> Result<Vec<Event>, Refusal> {
    let prepared = Prepared::of(calendar, people);
    let nominal = |segment: &Segment, claim: Source| nominal_start(calendar, &prepared, claim, segment);
    // Pieces are counted from before the window, so that one is the same on whatever day it is asked for: whoever is on call at
    // the window's edge, the turns below may have begun earlier.
    let begin = window.start.plus_secs(-EARLIER_DAYS * DAY);

    let mut pieces: BTreeMap<(Source, Timestamp), u32> = BTreeMap::new();
    let mut events = Vec::new();
    for segment in prepared.final_schedule(begin, window.end)? {
        let Some(first) = segment.places.first() else { continue };
        let nominal = nominal(&segment, first.claim);
        let piece = pieces.entry((first.claim, nominal)).and_modify(|piece| *piece += 1).or_insert(0);
        if segment.end > window.start {
            let key = EventKey { claim: first.claim, nominal, piece: *piece };
            let span = Interval { start: segment.start, end: segment.end };
            events.push(Event { key, span, users: segment.places.iter().map(|place| place.user).collect() });
        }
    }
    Ok(events)
}

/// When what stands behind a segment begins by itself.
fn nominal_start(calendar: &Calendar, prepared: &Prepared<'_>, claim: Source, segment: &Segment) -> Timestamp {
    let at = segment.start;
    let shift = |shifts: Option<&Vec<ImportedShift>>| {
        shifts.into_iter().flatten().filter(|shift| shift.span.contains(at)).map(|shift| shift.span.start).max()
    };
    let found = match claim {
        Source::Override(id) => calendar.overrides.iter().find(|o| o.id == id).map(|o| o.span.start),
        Source::Entry(id) => calendar.entries.iter().find(|entry| entry.id == id).map(|entry| entry.span.start),
        Source::ImportedCover(import) => shift(calendar.imported.get(&import)),
        Source::Layer(id) => match calendar.schedule.layers.iter().find(|layer| layer.id == id).map(|l| &l.turns) {
            Some(Turns::Imported(import)) => shift(calendar.imported.get(import)),
            Some(Turns::Rotation(_)) => {
                let claims = prepared.explain(at);
                claims.iter().find(|c| c.source == claim).and_then(|claim| claim.turn).map(|turn| turn.start)
            }
            None => None,
        },
        // The fallback has no turns. Where its stretch began before everything that is looked at, it began with the schedule.
        Source::Fallback => segment.clipped_start.then(|| calendar.schedule.created_at.min(at)),
    };
    found.unwrap_or(at)
}

impl Publication {
    /// What is remembered after a look at what the schedule gives out now.
    pub fn after(before: Option<&Publication>, calendar: &Calendar, events: Vec<Event>, now: Timestamp) -> Publication {
        let (schedule, revision) = (calendar.schedule.id, calendar.schedule.revision);
        let mut events = events;
        events.truncate(MOST_REMEMBERED);
        let present: BTreeMap<EventKey, &Event> = events.iter().map(|event| (event.key, event)).collect();
        let has = |key: &EventKey, user: &UserId| present.get(key).is_some_and(|event| event.users.contains(user));
        let mut withdrawn: Vec<Withdrawn> = Vec::new();
        for gone in before.map(|before| before.withdrawn.as_slice()).unwrap_or_default() {
            let mut gone = gone.clone();
            gone.event.users.retain(|user| !has(&gone.event.key, user));
            if !gone.event.users.is_empty() && now.secs_since(gone.at) < WITHDRAWN_DAYS * DAY {
                withdrawn.push(gone);
            }
        }
        let start = window(now).start;
        for event in before.map(|before| before.events.as_slice()).unwrap_or_default() {
            let mut event = event.clone();
            event.users.retain(|user| !has(&event.key, user));
            // What is over stays as it was, and what fell out at the window's edge was not taken back.
            if !event.users.is_empty() && event.span.end > now && event.span.start > start {
                withdrawn.push(Withdrawn { event, at: now, revision });
            }
        }
        withdrawn.truncate(MOST_REMEMBERED);
        Publication { schedule, day: day(now), revision, events, withdrawn }
    }

    /// Events that are gone for the reader of a feed: all of them, or one person's.
    pub fn gone<'a>(&'a self, live: &BTreeSet<EventKey>, user: Option<UserId>) -> Vec<&'a Withdrawn> {
        let mut seen = BTreeSet::new();
        // The latest of several counts.
        let gone = self.withdrawn.iter().rev().filter(|gone| {
            let key = gone.event.key;
            user.is_none_or(|user| gone.event.users.contains(&user)) && !live.contains(&key) && seen.insert(key)
        });
        let mut gone: Vec<&Withdrawn> = gone.collect();
        gone.sort_by_key(|gone| (gone.event.span.start, gone.event.key));
        gone
    }
}

impl EventKey {
    /// `layer-lay_1k-1780000000-0`: part of a UID that never changes.
    pub fn text(&self) -> String {
        let claim = match self.claim {
            Source::Override(id) => id.to_string(),
            Source::Entry(id) => id.to_string(),
            Source::Layer(id) => id.to_string(),
            Source::ImportedCover(id) => id.to_string(),
            Source::Fallback => "fallback".to_owned(),
        };
        format!("{claim}-{}-{}", self.nominal.as_second(), self.piece)
    }
}

impl FeedOf {
    /// What the link's token is made for.
    pub fn number(self) -> u64 {
        match self {
            FeedOf::Schedule(id) => id.number(),
            FeedOf::User(id) => id.number(),
        }
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
