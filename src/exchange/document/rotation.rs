//! Versions of a rotation as a document spells them.

use super::Instant;
use crate::domain::refusal::Refusal;
use crate::domain::rotation::{self, Civil};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationVersion {
    pub effective_from: Instant,
    /// When turn 0 begins: a reading of the zone's clocks without offset, `2026-11-24T09:00`.
    pub anchor: String,
    pub cadence: Cadence,
    /// Who takes turns: 1 to 5 people each time.
    pub slots: Vec<Vec<String>>,
    /// When the layer is on duty at all; empty is always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
}

/// How often the turn changes: `{"weeks": 1}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cadence {
    Hours(u16),
    Days(u16),
    Weeks(u16),
    Months(u16),
    Windows(u16),
    Cron(String),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// `mon` to `sun`: the days on which it begins.
    pub days: Vec<String>,
    /// `09:00`.
    pub start: String,
    /// At or before `start` it is on the next day.
    pub end: String,
    #[serde(default)]
    pub extra_days: u8,
}

impl RotationVersion {
    /// `slots` are the version's people as they are called.
    pub fn of(version: &rotation::Version, slots: Vec<Vec<String>>) -> RotationVersion {
        RotationVersion {
            effective_from: Instant(version.effective_from),
            anchor: version.anchor.to_datetime().strftime("%Y-%m-%dT%H:%M").to_string(),
            cadence: Cadence::of(&version.cadence),
            slots,
            windows: version.windows.iter().map(Window::of).collect(),
        }
    }

    /// Without its people, whom the caller knows.
    pub fn read(&self) -> Result<rotation::Version, Refusal> {
        let anchor = self.anchor.parse::<jiff::civil::DateTime>().map_err(|_| {
            Refusal::invalid("time_form", "anchor", "Write the anchor as 2026-11-24T09:00, without an offset.")
        })?;
        Ok(rotation::Version {
            effective_from: self.effective_from.0,
            anchor: Civil::of(anchor),
            cadence: self.cadence.read(),
            slots: vec![],
            windows: self.windows.iter().map(Window::read).collect::<Result<_, _>>()?,
        })
    }
}

impl Cadence {
    fn of(cadence: &rotation::Cadence) -> Cadence {
        match cadence {
            rotation::Cadence::Hours(count) => Cadence::Hours(*count),
            rotation::Cadence::Days(count) => Cadence::Days(*count),
            rotation::Cadence::Weeks(count) => Cadence::Weeks(*count),
            rotation::Cadence::Months(count) => Cadence::Months(*count),
            rotation::Cadence::Windows(count) => Cadence::Windows(*count),
            rotation::Cadence::Cron(pattern) => Cadence::Cron(pattern.clone()),
        }
    }

    fn read(&self) -> rotation::Cadence {
        match self {
            Cadence::Hours(count) => rotation::Cadence::Hours(*count),
            Cadence::Days(count) => rotation::Cadence::Days(*count),
            Cadence::Weeks(count) => rotation::Cadence::Weeks(*count),
            Cadence::Months(count) => rotation::Cadence::Months(*count),
            Cadence::Windows(count) => rotation::Cadence::Windows(*count),
            Cadence::Cron(pattern) => rotation::Cadence::Cron(pattern.clone()),
        }
    }
}

impl Window {
    fn of(window: &rotation::Window) -> Window {
        let rotation::Words { days, start, end } = window.words();
        Window { days, start, end, extra_days: window.extra_days }
    }

    fn read(&self) -> Result<rotation::Window, Refusal> {
        rotation::Window::of_words(&self.days, &self.start, &self.end, self.extra_days)
    }
}
