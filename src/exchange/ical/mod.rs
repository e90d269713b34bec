//! Calendars in iCalendar form (RFC 5545), both ways.
//!
//! [`export`] writes a schedule as it comes out; [`import`] reads the calendars that people keep on-call shifts in. What
//! an import does not understand it refuses in one sentence: a calendar that is half understood pages the wrong person.
//! Nothing here assumes UTC, and nothing here guesses.
//!
//! | file | holds |
//! |---|---|
//! | [`text`] | content lines: folding, escaping, components |
//! | [`local`] | readings of a wall clock, dates and durations as they are written |
//! | [`recur`] | recurrence rules |
//! | [`zones`], [`windows`] | time zones by name, by Windows' name, by rules inside the calendar |

pub mod export;
pub mod import;
pub mod local;
pub mod recur;
pub mod text;
pub mod windows;
pub mod zones;

/// Why a calendar cannot be used: one sentence for whoever keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unreadable(pub String);

impl std::fmt::Display for Unreadable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl Unreadable {
    pub fn new(sentence: impl Into<String>) -> Unreadable {
        Unreadable(sentence.into())
    }
}
