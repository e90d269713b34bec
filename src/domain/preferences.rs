//! How somebody likes to read pages: light or dark, 12 or 24 hours, with keys or without. One small record beside the
//! user, because nothing that pages anybody hangs on it; who never chose anything has none.

use crate::domain::id::UserId;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Preferences {
    pub user: UserId,
    pub theme: Theme,
    pub hours: HourCycle,
    /// Whether single keys do something on pages. Whoever speaks to a computer switches them off.
    pub keys: bool,
    pub version: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Theme {
    /// As the device has it.
    #[default]
    System,
    Light,
    Dark,
}

/// How the hours of a day are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum HourCycle {
    /// 21:05.
    #[default]
    H24,
    /// 9:05 pm.
    H12,
}

impl Preferences {
    /// Of somebody who never chose.
    pub fn of(user: UserId) -> Preferences {
        Preferences { user, theme: Theme::System, hours: HourCycle::H24, keys: true, version: 0 }
    }
}

impl Theme {
    pub const ALL: [Theme; 3] = [Theme::System, Theme::Light, Theme::Dark];

    pub fn word(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    pub fn from_word(word: &str) -> Option<Theme> {
        Theme::ALL.into_iter().find(|theme| theme.word() == word)
    }
}

impl HourCycle {
    pub const ALL: [HourCycle; 2] = [HourCycle::H24, HourCycle::H12];

    pub fn word(self) -> &'static str {
        match self {
            HourCycle::H24 => "24h",
            HourCycle::H12 => "12h",
        }
    }

    pub fn from_word(word: &str) -> Option<HourCycle> {
        HourCycle::ALL.into_iter().find(|cycle| cycle.word() == word)
    }
}
