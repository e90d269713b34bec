//! Who is on call: one pure function for the pager, the pages and the API alike.
//!
//! A schedule at an instant is a list of *claims*, highest first: overrides, the newest in front; imported covers; the
//! normal entry; the layers, top to bottom; the fallback. The first claim that names somebody active wins; an inactive
//! person's claim falls through to the next, and nobody else moves. The answer can explain itself: [`explain`] gives every
//! claim with its verdict.
//!
//! There is one implementation. [`Prepared`] reads a calendar once; a `Moment` is the state of all its claims at an
//! instant and knows when one of them changes next (`moment.rs`); a schedule between two instants is a moment moved from
//! change to change (`render.rs`). So page, feed and pager cannot disagree, and no minute is ever looked at twice.
//!
//! Whether somebody was active comes from recorded activity. Of the future it is assumed that today's lasts.

mod explain;
mod moment;
mod prepared;
mod render;

use crate::domain::entry::{Entry, Interval, Override, OverrideMode};
use crate::domain::id::{EntryId, ImportId, LayerId, OverrideId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::rotation::Turn;
use crate::domain::schedule::{Schedule, Turns};
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use explain::inactive_since;
pub use prepared::Prepared;

/// Everybody a decision may have to name, by id.
pub type People = BTreeMap<UserId, User>;

/// A schedule with the entries and overrides that matter for the question, in any order; more of them never change the
/// answer.
#[derive(Clone, Debug)]
pub struct Calendar {
    pub schedule: Schedule,
    pub entries: Vec<Entry>,
    pub overrides: Vec<Override>,
    /// What each calendar from elsewhere says. Where events overlap, all of them are on call.
    pub imported: BTreeMap<ImportId, Vec<ImportedShift>>,
}

impl Calendar {
    /// Everybody it names.
    pub fn people(&self) -> BTreeSet<UserId> {
        let mut people: BTreeSet<UserId> = self.entries.iter().map(|entry| entry.user).collect();
        for o in &self.overrides {
            people.insert(o.user);
            if let OverrideMode::Replace { from } = o.mode {
                people.insert(from);
            }
        }
        for layer in &self.schedule.layers {
            if let Turns::Rotation(versions) = &layer.turns {
                people.extend(versions.iter().flat_map(|version| &version.slots).flatten());
            }
        }
        people.extend(self.imported.values().flatten().flat_map(|shift| &shift.users));
        people.extend(self.schedule.fallback);
        people
    }
}

/// One event of a calendar from elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImportedShift {
    pub span: Interval,
    /// Whom it names among our users; nobody if none matches.
    pub users: Vec<UserId>,
    /// Its summary, or the address that matched nobody: what a gap says.
    pub text: String,
}

/// What can claim a stretch of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Source {
    Override(OverrideId),
    Entry(EntryId),
    Fallback,
    Layer(LayerId),
    /// An event of an imported calendar that acts as a cover.
    ImportedCover(ImportId),
}

impl Source {
    pub fn word(self) -> &'static str {
        match self {
            Source::Override(_) => "override",
            Source::Entry(_) => "normal entry",
            Source::Layer(_) => "rotation",
            Source::ImportedCover(_) => "imported calendar",
            Source::Fallback => "fallback",
        }
    }
}

/// One person on call, and why: what a page keeps of the decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Place {
    pub user: UserId,
    /// The claim that won.
    pub claim: Source,
    /// A replacing override put `user` where this person would be.
    pub replaced: Option<(OverrideId, UserId)>,
}

/// One claim on an instant, with what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    pub source: Source,
    /// In the order of the slot; inactive people included.
    pub places: Vec<Place>,
    pub verdict: Verdict,
    /// Of a rotation that has begun.
    pub turn: Option<Turn>,
    /// The restriction window that is open, of a layer that has some.
    pub window: Option<Interval>,
    /// Of an entry or override: entered after the instant it claims, so the page of then did not know it.
    pub recorded_afterwards: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    OnCall,
    /// A higher claim has the place.
    Shadowed,
    /// All its people are deactivated; the claim falls through. An override whose own user is deactivated is ignored.
    Inactive,
    /// The layer is not on duty at this time.
    OutsideWindows,
    /// The rotation has not begun.
    BeforeAnchor,
    /// The imported calendar names somebody who is none of our users.
    Unmatched,
}

/// Why nobody is on call. Where several reasons apply, the one that is nearest to somebody being on call: the last of
/// these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum GapReason {
    /// Nothing claims this time.
    NoClaim,
    /// A rotation is not on duty.
    OutsideWindows,
    /// An imported event names none of our users.
    Unmatched,
    /// Whoever is named is deactivated.
    AllInactive,
}

/// A stretch of time with one answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    pub start: Timestamp,
    pub end: Timestamp,
    /// Empty is a gap: nobody is on call.
    pub places: Vec<Place>,
    /// Why, if nobody is.
    pub gap: Option<GapReason>,
    /// The fallback has it, because nothing else claims the time.
    pub fallback: bool,
    /// The same answer held before the range that was asked for; `start` is where the range begins.
    pub clipped_start: bool,
    /// The same answer goes on after the range.
    pub clipped_end: bool,
}

/// Somebody on call, and for how long they stay so by whatever claim.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnCall {
    pub place: Place,
    /// Looked for [`SEARCHED_DAYS`] back, as far as the calendar goes.
    pub since: Timestamp,
    /// The end of the search if `open_ended`.
    pub until: Timestamp,
    /// Still on call after [`SEARCHED_DAYS`].
    pub open_ended: bool,
    /// Who is on call from `until` on; nobody if that is a gap or open-ended.
    pub next: Vec<UserId>,
}

pub const SEARCHED_DAYS: i64 = 400;

/// The longest range that is drawn.
pub const LONGEST_RANGE_DAYS: i64 = 731;
/// How often something may begin or end within it.
pub const MOST_CHANGES: usize = 100_000;

/// The people of the winning claim, in the order of its slot, each once; empty when nobody is on call.
pub fn on_call(calendar: &Calendar, people: &People, at: Timestamp) -> Vec<Place> {
    Prepared::of(calendar, people).on_call(at)
}

/// Everybody on call at an instant, with since when and until when.
pub fn answer(calendar: &Calendar, people: &People, at: Timestamp) -> Vec<OnCall> {
    Prepared::of(calendar, people).answer(at)
}

/// Every claim on the instant, highest first. An override whose own user is inactive is listed as such; it blocks nothing.
pub fn explain(calendar: &Calendar, people: &People, at: Timestamp) -> Vec<Claim> {
    Prepared::of(calendar, people).explain(at)
}

/// The first instant after `at` at which the answer may differ: an entry, override, imported event, turn, window or
/// version begins or ends, or the activity of somebody named does. `None` when nothing known lies ahead.
pub fn next_breakpoint(calendar: &Calendar, people: &People, at: Timestamp) -> Option<Timestamp> {
    Prepared::of(calendar, people).next_breakpoint(at)
}

/// What is said to a range that is not drawn.
pub fn range_refused() -> Refusal {
    Refusal::invalid("range", "to", "The end must come after the start, within 2 years.")
}

/// The schedule as it comes out between two instants, without holes: segments partition `[start, end)`, and
/// neighbours differ in person, source or reason. A range of more than [`LONGEST_RANGE_DAYS`] or [`MOST_CHANGES`] is
/// refused, whoever asks.
pub fn final_schedule(
    calendar: &Calendar,
    people: &People,
    start: Timestamp,
    end: Timestamp,
) -> Result<Vec<Segment>, Refusal> {
    Prepared::of(calendar, people).final_schedule(start, end)
}

/// The stretches that nobody has, and those that only the fallback has: see [`Segment::fallback`]. Refused as
/// [`final_schedule`] is.
pub fn gaps(calendar: &Calendar, people: &People, from: Timestamp, to: Timestamp) -> Result<Vec<Segment>, Refusal> {
    let mut segments = final_schedule(calendar, people, from, to)?;
    segments.retain(|segment| segment.places.is_empty() || segment.fallback);
    Ok(segments)
}

/// When somebody is on call again, and who: for an instant at which nobody is.
pub fn next_cover(calendar: &Calendar, people: &People, at: Timestamp) -> Option<(Timestamp, Vec<UserId>)> {
    Prepared::of(calendar, people).next_cover(at)
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
