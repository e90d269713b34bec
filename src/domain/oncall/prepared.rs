//! A calendar read once, for any number of questions about it: zones looked up, patterns parsed, everything in the order
//! in which it is needed.

use super::{Calendar, ImportedShift, People};
use crate::domain::entry::{Entry, Override};
use crate::domain::id::{ImportId, LayerId, UserId};
use crate::domain::rotation::{Steps, Version};
use crate::domain::schedule::Turns;
use crate::domain::time::{Timestamp, zone_named};
use jiff::tz::TimeZone;
use std::cell::OnceCell;

#[derive(Debug)]
pub struct Prepared<'a> {
    pub(super) calendar: &'a Calendar,
    pub(super) people: &'a People,
    /// Each once; layers point into it.
    pub(super) zones: Vec<TimeZone>,
    /// Top first.
    pub(super) layers: Vec<Layer<'a>>,
    /// Calendars that act as covers, in the order of the schedule.
    pub(super) covers: Vec<(ImportId, Events<'a>)>,
    /// By start, which is also by end: they do not overlap.
    pub(super) entries: Vec<&'a Entry>,
    /// By start.
    pub(super) overrides: Vec<&'a Override>,
}

#[derive(Debug)]
pub(super) struct Layer<'a> {
    pub id: LayerId,
    pub track: Track<'a>,
}

#[derive(Debug)]
pub(super) enum Track<'a> {
    /// `zone` is a place in [`Prepared::zones`].
    Rotation {
        zone: usize,
        versions: Vec<InForce<'a>>,
    },
    Imported(Events<'a>),
}

/// A version, whose cadence is read when it is first needed.
#[derive(Debug)]
pub(super) struct InForce<'a> {
    pub version: &'a Version,
    steps: OnceCell<Steps>,
}

/// Events of an imported calendar, by start.
#[derive(Debug)]
pub(super) struct Events<'a> {
    shifts: Vec<&'a ImportedShift>,
    /// For each event the latest end up to it: where that has passed, nothing before can still be running.
    latest_end: Vec<Timestamp>,
}

impl InForce<'_> {
    pub(super) fn steps(&self) -> &Steps {
        self.steps.get_or_init(|| Steps::of(self.version))
    }
}

impl<'a> Prepared<'a> {
    pub fn of(calendar: &'a Calendar, people: &'a People) -> Prepared<'a> {
        let mut zones = Zones::default();
        let layers = calendar.schedule.layers.iter().map(|layer| {
            let track = match &layer.turns {
                Turns::Rotation(versions) => {
                    let zone = zones.place(layer.zone.as_deref().unwrap_or(&calendar.schedule.zone));
                    let versions = versions.iter().map(|version| InForce { version, steps: OnceCell::new() });
                    Track::Rotation { zone, versions: versions.collect() }
                }
                Turns::Imported(import) => Track::Imported(Events::of(calendar, *import)),
            };
            Layer { id: layer.id, track }
        });
        let layers = layers.collect();
        let covers = calendar.schedule.imported_covers.iter().map(|id| (*id, Events::of(calendar, *id)));
        let mut entries: Vec<&Entry> = calendar.entries.iter().collect();
        entries.sort_by_key(|entry| entry.span.start);
        let mut overrides: Vec<&Override> = calendar.overrides.iter().collect();
        overrides.sort_by_key(|o| o.span.start);
        Prepared { calendar, people, zones: zones.zones, layers, covers: covers.collect(), entries, overrides }
    }

    pub(super) fn is_active(&self, user: UserId, at: Timestamp) -> bool {
        self.people.get(&user).is_some_and(|user| user.is_active_at(at))
    }

    /// Every beginning and end of activity after `at` of the people named here, ascending.
    pub(super) fn activity_after(&self, at: Timestamp) -> Vec<Timestamp> {
        let named = self.calendar.people();
        let users = named.iter().filter_map(|user| self.people.get(user));
        let spans = users.flat_map(|user| &user.activity);
        let mut changes: Vec<Timestamp> = spans.flat_map(|span| [Some(span.from), span.to]).flatten().collect();
        changes.retain(|change| *change > at);
        changes.sort_unstable();
        changes
    }
}

impl<'a> Events<'a> {
    fn of(calendar: &'a Calendar, import: ImportId) -> Events<'a> {
        let mut shifts: Vec<&ImportedShift> = calendar.imported.get(&import).into_iter().flatten().collect();
        shifts.sort_by_key(|shift| shift.span.start);
        let latest = shifts.iter().scan(Timestamp::MIN, |latest, shift| {
            *latest = (*latest).max(shift.span.end);
            Some(*latest)
        });
        Events { latest_end: latest.collect(), shifts }
    }

    /// The events that run at an instant, the first to begin first, and when that changes.
    pub(super) fn at(&self, at: Timestamp) -> (Vec<&'a ImportedShift>, Timestamp) {
        let begun = self.shifts.partition_point(|shift| shift.span.start <= at);
        let mut until = self.shifts.get(begun).map_or(Timestamp::MAX, |shift| shift.span.start);
        let mut running = Vec::new();
        for index in (0..begun).rev().take_while(|index| self.latest_end[*index] > at) {
            let shift = self.shifts[index];
            if shift.span.end > at {
                until = until.min(shift.span.end);
                running.push(shift);
            }
        }
        running.reverse();
        (running, until)
    }
}

#[derive(Default)]
struct Zones<'n> {
    names: Vec<&'n str>,
    zones: Vec<TimeZone>,
}

impl<'n> Zones<'n> {
    /// A zone is checked when it is chosen; should a later database drop one, its clocks are read as UTC.
    fn place(&mut self, name: &'n str) -> usize {
        if let Some(place) = self.names.iter().position(|known| *known == name) {
            return place;
        }
        self.names.push(name);
        self.zones.push(zone_named(name).unwrap_or(TimeZone::UTC));
        self.zones.len() - 1
    }
}
