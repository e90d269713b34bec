//! The state of all claims at an instant, and how it moves on: each claim knows until when it stays as it is, so moving to
//! the next change looks anew at what changes there and at nothing else.

use super::prepared::{Events, InForce, Layer, Prepared, Track};
use super::{GapReason, Place, Source};
use crate::domain::entry::{Entry, Override, OverrideMode};
use crate::domain::id::UserId;
use crate::domain::rotation::{Civil, next_edge, on_duty, reading_at};
use crate::domain::time::Timestamp;
use crate::planted;
use std::borrow::Cow;

#[derive(Debug)]
pub(super) struct Moment<'p, 'a> {
    pub prepared: &'p Prepared<'a>,
    pub at: Timestamp,
    /// As [`Prepared::zones`]: what the clocks there showed when they were last looked at.
    readings: Vec<Option<(Timestamp, Civil)>>,
    layers: Vec<Piece<'a>>,
    covers: Vec<Piece<'a>>,
    entry: Option<&'a Entry>,
    entry_until: Timestamp,
    /// Those that run, the oldest first.
    pub overrides: Vec<&'a Override>,
    overrides_until: Timestamp,
    /// How many of [`Prepared::overrides`] have begun.
    overrides_begun: usize,
}

/// What a layer or imported calendar says, and until when at least.
#[derive(Debug)]
struct Piece<'a> {
    duty: Duty<'a>,
    until: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Duty<'a> {
    Named(Cow<'a, [UserId]>),
    OutsideWindows,
    BeforeAnchor,
    Unmatched,
    /// An imported calendar without an event.
    Nothing,
}

impl<'p, 'a> Moment<'p, 'a> {
    pub(super) fn at(prepared: &'p Prepared<'a>, at: Timestamp) -> Moment<'p, 'a> {
        let begun = prepared.overrides.partition_point(|o| o.span.start <= at);
        let mut moment = Moment {
            prepared,
            at,
            readings: vec![None; prepared.zones.len()],
            layers: Vec::with_capacity(prepared.layers.len()),
            covers: prepared.covers.iter().map(|(_, events)| Piece::of_events(events, at)).collect(),
            entry: None,
            entry_until: at,
            overrides: prepared.overrides[..begun].iter().copied().filter(|o| at < o.span.end).collect(),
            overrides_until: at,
            overrides_begun: begun,
        };
        for layer in &prepared.layers {
            let piece = moment.piece(layer);
            moment.layers.push(piece);
        }
        moment.overrides.sort_by_key(|o| o.id);
        if planted::is("oldest_override_wins") {
            moment.overrides.reverse();
        }
        moment.look_at_entries();
        moment.look_at_overrides();
        moment
    }

    /// When something changes next; [`Timestamp::MAX`] if nothing known does.
    pub(super) fn until(&self) -> Timestamp {
        let pieces = self.layers.iter().chain(&self.covers).map(|piece| piece.until);
        pieces.fold(self.entry_until.min(self.overrides_until), Timestamp::min)
    }

    /// To an instant that is not after [`Moment::until`].
    pub(super) fn move_to(&mut self, at: Timestamp) {
        self.at = at;
        for place in 0..self.layers.len() {
            if self.layers[place].until <= at {
                self.layers[place] = self.piece(&self.prepared.layers[place]);
            }
        }
        for (piece, (_, events)) in self.covers.iter_mut().zip(&self.prepared.covers) {
            if piece.until <= at {
                *piece = Piece::of_events(events, at);
            }
        }
        if self.entry_until <= at {
            self.look_at_entries();
        }
        if self.overrides_until <= at {
            self.overrides.retain(|o| at < o.span.end);
            while let Some(o) = self.prepared.overrides.get(self.overrides_begun).filter(|o| o.span.start <= at) {
                self.overrides_begun += 1;
                if at < o.span.end {
                    let place = self.overrides.partition_point(|other| other.id < o.id);
                    self.overrides.insert(place, o);
                }
            }
            self.look_at_overrides();
        }
    }

    fn look_at_entries(&mut self) {
        let entries = &self.prepared.entries;
        let begun = entries.partition_point(|entry| entry.span.start <= self.at);
        self.entry = begun.checked_sub(1).map(|last| entries[last]).filter(|entry| self.at < entry.span.end);
        let next = entries.get(begun).map_or(Timestamp::MAX, |entry| entry.span.start);
        self.entry_until = self.entry.map_or(next, |entry| entry.span.end.min(next));
    }

    fn look_at_overrides(&mut self) {
        let next = self.prepared.overrides.get(self.overrides_begun).map_or(Timestamp::MAX, |o| o.span.start);
        self.overrides_until = self.overrides.iter().map(|o| o.span.end).fold(next, Timestamp::min);
    }

    /// What the clocks of a zone show, looked at once for all its layers.
    pub(super) fn reading(&mut self, zone: usize) -> Civil {
        match self.readings[zone] {
            Some((at, reading)) if at == self.at => reading,
            _ => {
                let reading = reading_at(&self.prepared.zones[zone], self.at);
                self.readings[zone] = Some((self.at, reading));
                reading
            }
        }
    }

    fn piece(&mut self, layer: &Layer<'a>) -> Piece<'a> {
        match &layer.track {
            Track::Imported(events) => Piece::of_events(events, self.at),
            Track::Rotation { zone, versions } => {
                let Some((in_force, cut)) = in_force(versions, self.at) else {
                    return Piece { duty: Duty::Nothing, until: Timestamp::MAX };
                };
                let reading = self.reading(*zone);
                let (duty, edge) = in_force.duty(reading);
                let edge = edge.map_or(Timestamp::MAX, |civil| civil.instant(&self.prepared.zones[*zone]));
                Piece { duty, until: cut.min(edge) }
            }
        }
    }

    /// All claims but native overrides, the highest first.
    pub(super) fn base(&self) -> impl Iterator<Item = (Source, Cow<'_, Duty<'a>>)> {
        let named = |user: &'a UserId| Cow::Owned(Duty::Named(Cow::Borrowed(std::slice::from_ref(user))));
        let covers = self.prepared.covers.iter().zip(&self.covers);
        let covers = covers.map(|((id, _), piece)| (Source::ImportedCover(*id), Cow::Borrowed(&piece.duty)));
        let entry = self.entry.map(|entry| (Source::Entry(entry.id), named(&entry.user)));
        let layers = self.prepared.layers.iter().zip(&self.layers);
        let layers = layers.map(|(layer, piece)| (Source::Layer(layer.id), Cow::Borrowed(&piece.duty)));
        let fallback = self.prepared.calendar.schedule.fallback.as_ref();
        let fallback = fallback.map(|user| (Source::Fallback, named(user)));
        covers.chain(entry).chain(layers).chain(fallback)
    }

    /// A person of a claim after the replacements of the overrides that are newer than the claim. Nominal: somebody
    /// inactive is replaced as well. An override whose own user is inactive is ignored.
    pub(super) fn stand_in(&self, user: UserId, claim: Source, newer: &[&Override]) -> Place {
        let mut place = Place { user, claim, replaced: None };
        for o in newer {
            if o.mode == (OverrideMode::Replace { from: place.user }) && self.is_active(o.user) {
                place = Place { user: o.user, claim, replaced: Some((o.id, place.user)) };
            }
        }
        place
    }

    pub(super) fn is_active(&self, user: UserId) -> bool {
        self.prepared.is_active(user, self.at)
    }

    /// Puts the answer into `places`, or says why there is none.
    pub(super) fn winner(&self, places: &mut Vec<Place>) -> Option<GapReason> {
        places.clear();
        for (age, o) in self.overrides.iter().enumerate().rev() {
            if o.mode == OverrideMode::Cover && self.is_active(o.user) {
                places.push(self.stand_in(o.user, Source::Override(o.id), &self.overrides[age + 1..]));
                return None;
            }
        }
        let mut reason = GapReason::NoClaim;
        for (source, duty) in self.base() {
            reason = reason.max(match &*duty {
                Duty::Named(users) => {
                    for user in users.iter() {
                        let place = self.stand_in(*user, source, &self.overrides);
                        if self.is_active(place.user) && places.iter().all(|other| other.user != place.user) {
                            places.push(place);
                        }
                    }
                    if !places.is_empty() {
                        return None;
                    }
                    GapReason::AllInactive
                }
                Duty::Unmatched => GapReason::Unmatched,
                Duty::OutsideWindows => GapReason::OutsideWindows,
                Duty::BeforeAnchor | Duty::Nothing => GapReason::NoClaim,
            });
        }
        Some(reason)
    }
}

/// The version in force, and when the next one cuts it short. The first counts from its anchor, whenever it was made.
pub(super) fn in_force<'v, 'a>(versions: &'v [InForce<'a>], at: Timestamp) -> Option<(&'v InForce<'a>, Timestamp)> {
    let begun = versions.iter().skip(1).take_while(|next| next.version.effective_from <= at).count();
    let cut = versions.get(begun + 1).map_or(Timestamp::MAX, |next| next.version.effective_from);
    versions.get(begun).map(|version| (version, cut))
}

impl<'a> InForce<'a> {
    /// What it says at a reading, and where on the civil line that may change.
    fn duty(&self, reading: Civil) -> (Duty<'a>, Option<Civil>) {
        let (version, steps) = (self.version, self.steps());
        let Some(index) = steps.index_at(reading) else {
            return (Duty::BeforeAnchor, steps.next_start(None, reading));
        };
        let edge = next_edge(&version.windows, reading);
        if !on_duty(&version.windows, reading) {
            return (Duty::OutsideWindows, edge);
        }
        let handoff = steps.next_start(Some(index), reading);
        let slot = version.slot(index);
        let duty = if slot.is_empty() { Duty::Nothing } else { Duty::Named(Cow::Borrowed(slot)) };
        (duty, [edge, handoff].into_iter().flatten().min())
    }
}

impl<'a> Piece<'a> {
    fn of_events(events: &Events<'a>, at: Timestamp) -> Piece<'a> {
        let (running, until) = events.at(at);
        let duty = match running[..] {
            [] => Duty::Nothing,
            [shift] if shift.users.is_empty() => Duty::Unmatched,
            [shift] => Duty::Named(Cow::Borrowed(&shift.users)),
            _ => {
                let users: Vec<UserId> = running.iter().flat_map(|shift| &shift.users).copied().collect();
                if users.is_empty() { Duty::Unmatched } else { Duty::Named(Cow::Owned(users)) }
            }
        };
        Piece { duty, until }
    }
}
