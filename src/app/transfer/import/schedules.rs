//! Schedules: their calendars from elsewhere and layers become what the document says; entries and overrides are added
//! where they are missing.

use super::{Importer, Kind, conflict, named, same};
use crate::app::{AppError, MANY, change, imports, schedules};
use crate::domain::entry::{Entry, Interval, Override, OverrideMode};
use crate::domain::id::{EntryId, ImportId, LayerId, OverrideId, UserId};
use crate::domain::import::{CalendarUrl, Import, MOST_IMPORTS, Problem};
use crate::domain::layer::{place as zone_of, rewritten};
use crate::domain::refusal::checked_name;
use crate::domain::rotation::Version;
use crate::domain::schedule::{Layer, Schedule, Turns};
use crate::domain::time::Timestamp;
use crate::exchange::document::{self as doc, entry_words, time_words};
use crate::store::{entries, imports as kept_imports};
use std::collections::BTreeSet;

/// What a calendar says whose address is not known.
const NO_ADDRESS: &str = "Its address was not in the document that it came with. Enter it.";

impl Importer<'_, '_> {
    pub(super) fn schedules(&mut self, items: &[doc::Schedule]) -> Result<(), AppError> {
        let mut seen = BTreeSet::new();
        for (number, item) in items.iter().enumerate() {
            let place = format!("schedules[{number}] ({})", item.name);
            if !self.is_first(&place, &mut seen, &item.name) {
                continue;
            }
            let known = named(&self.writer.names.schedules, &item.name);
            let before = known.map(|id| schedules::one(self.tx, id)).transpose()?;
            if self.one_schedule(&place, item, before.as_ref())?.is_none() {
                self.lacks(Kind::Schedule, &item.name);
            }
        }
        Ok(())
    }

    fn one_schedule(
        &mut self,
        place: &str,
        item: &doc::Schedule,
        before: Option<&Schedule>,
    ) -> Result<Option<()>, AppError> {
        let known = self.complaints.len();
        let team = self.team(&format!("{place}, team"), &item.team);
        let name = self.take(place, checked_name(&item.name))?;
        self.take(place, zone_of(&item.zone))?;
        let kept = before.and_then(|before| before.fallback).into_iter().collect();
        let fallback = self.persons(&format!("{place}, fallback"), item.fallback.as_slice(), &kept)?;
        let (Some(team), Some(name), Some(fallback)) = (team, name, fallback) else { return Ok(None) };
        if self.complaints.len() > known {
            return Ok(None);
        }
        let fallback = fallback.first().copied();
        let zone = item.zone.clone();
        let mut schedule = match before {
            Some(before) => Schedule { team, name, zone, fallback, ..before.clone() },
            None => Schedule {
                id: self.tx.new_id(),
                team,
                name,
                zone,
                layers: vec![],
                imported_covers: vec![],
                fallback,
                revision: 0,
                revised_at: self.now,
                created_at: self.now,
                version: 0,
            },
        };
        let had = kept_imports::imports_of(self.tx, schedule.id, MANY)?;
        let mut more = self.calendars(place, item, &schedule)?;
        let imports = kept_imports::imports_of(self.tx, schedule.id, MANY)?;
        let layers = self.layers(place, item, before, &schedule, &imports)?;
        let covers = self.covers(place, item, &layers, &imports)?;
        (schedule.layers, schedule.imported_covers) = (layers, covers);
        more.extend(self.entries(place, item, &schedule)?);
        more.extend(self.overrides(place, item, &schedule)?);
        if self.complaints.len() > known {
            return Ok(None);
        }
        if before == Some(&schedule) && more.is_empty() {
            return Ok(Some(()));
        }
        schedule.version += 1;
        schedule.revision += 1;
        schedule.revised_at = self.now;
        self.tx.put(&schedule).map_err(conflict(change::name_taken("schedule", &schedule.name)))?;
        let was = before.map(|before| self.writer.schedule_alone(before, &had));
        let is = self.writer.schedule_alone(&schedule, &imports);
        self.writer.names.schedules.insert(schedule.id, schedule.name.clone());
        self.said("schedule", &schedule.name, schedule.id, (was.as_ref(), &is), more)?;
        Ok(Some(()))
    }

    /// Answers what differs, in words.
    fn calendars(&mut self, place: &str, item: &doc::Schedule, schedule: &Schedule) -> Result<Vec<String>, AppError> {
        let (mut seen, mut words) = (BTreeSet::new(), Vec::new());
        for (number, item) in item.calendars.iter().enumerate() {
            let place = format!("{place}, calendars[{number}] ({})", item.name);
            if !self.is_first(&place, &mut seen, &item.name) {
                continue;
            }
            let all = kept_imports::imports_of(self.tx, schedule.id, MANY)?;
            let before = all.iter().find(|import| same(&import.name, &item.name));
            let name = self.take(&place, checked_name(&item.name))?;
            let zone = self.take(&place, zone_of(&item.zone))?;
            let url = self.take(&place, item.url.as_deref().map(CalendarUrl::checked).transpose())?;
            let (Some(name), Some(_), Some(url)) = (name, zone, url) else { continue };
            if before.is_none() && all.len() >= MOST_IMPORTS {
                self.complain(&place, format!("A schedule has at most {MOST_IMPORTS} calendars."));
                continue;
            }
            let after = self.calendar(before, schedule, name, item.zone.clone(), url.as_ref());
            if before == Some(&after) {
                continue;
            }
            if url.is_none() && before.is_none() {
                let sentence = "its address is a secret and was not in the document. Enter it on the schedule's page.";
                self.imported.to_do.push(format!("Calendar {} of {}: {sentence}", after.name, schedule.name));
            }
            words.push(format!("calendar {}{}", if before.is_some() { "" } else { "+ " }, after.name));
            self.tx.put(&after)?;
        }
        Ok(words)
    }

    fn calendar(
        &mut self,
        before: Option<&Import>,
        schedule: &Schedule,
        name: String,
        zone: String,
        url: Option<&CalendarUrl>,
    ) -> Import {
        let (now, vault) = (self.now, self.means.vault.clone());
        let nonce = self.draw().first_chunk().copied().expect("32 bytes have 24");
        let Some(before) = before else {
            let id: ImportId = self.tx.new_id();
            let plain = url.map_or("", CalendarUrl::expose);
            return Import {
                id,
                schedule: schedule.id,
                name,
                url: vault.seal(&imports::place(id), nonce, plain.as_bytes()),
                shown_url: url.map_or_else(|| "an unknown address".to_owned(), CalendarUrl::masked),
                zone,
                // Without an address there is nothing to fetch until somebody enters one.
                due: if url.is_some() { now } else { Timestamp::MAX },
                tried_at: None,
                fetched: None,
                problem: url.is_none().then(|| Problem { since: now, sentence: NO_ADDRESS.to_owned() }),
                created_at: now,
                version: 1,
            };
        };
        let mut after = Import { name, zone, ..before.clone() };
        let known = imports::address(&vault, before.id, &before.url);
        if let Some(url) = url.filter(|url| known.as_deref() != Ok(url.expose())) {
            after.url = vault.seal(&imports::place(before.id), nonce, url.expose().as_bytes());
            after.shown_url = url.masked();
        }
        imports::fetch_anew_if_elsewhere(&mut after, before, now);
        if after != *before {
            after.version += 1;
        }
        after
    }

    fn layers(
        &mut self,
        place: &str,
        item: &doc::Schedule,
        before: Option<&Schedule>,
        schedule: &Schedule,
        imports: &[Import],
    ) -> Result<Vec<Layer>, AppError> {
        let old_layers = before.map(|before| before.layers.as_slice()).unwrap_or_default();
        let old_zone = before.map_or("", |before| before.zone.as_str());
        let mut layers: Vec<Layer> = Vec::new();
        for (number, item) in item.layers.iter().enumerate() {
            let place = format!("{place}, layers[{number}] ({})", item.name);
            let is_taken = |old: &&Layer| layers.iter().any(|layer| layer.id == old.id);
            let old = old_layers.iter().find(|old| same(&old.name, &item.name) && !is_taken(old));
            let turns = match (&item.rotation, &item.calendar) {
                (Some(versions), None) => self.versions(&place, versions, old)?.map(Turns::Rotation),
                (None, Some(calendar)) => self.import_named(&place, calendar, imports).map(Turns::Imported),
                _ => {
                    self.complain(&place, "A layer has either a rotation or a calendar. Write one of them.");
                    None
                }
            };
            let Some(turns) = turns else { continue };
            let id: LayerId = old.map_or_else(|| self.tx.new_id(), |old| old.id);
            let new = Layer { id, name: item.name.clone(), zone: item.zone.clone(), turns };
            let layer = rewritten(old.map(|old| (old, old_zone)), new, &schedule.zone, self.now);
            layers.extend(self.take(&place, layer)?);
        }
        Ok(layers)
    }

    fn versions(
        &mut self,
        place: &str,
        items: &[doc::RotationVersion],
        old: Option<&Layer>,
    ) -> Result<Option<Vec<Version>>, AppError> {
        let kept: BTreeSet<UserId> = match old.map(|old| &old.turns) {
            Some(Turns::Rotation(versions)) => versions.iter().flat_map(|v| &v.slots).flatten().copied().collect(),
            _ => BTreeSet::new(),
        };
        let (mut versions, known) = (Vec::new(), self.complaints.len());
        for (number, item) in items.iter().enumerate() {
            let place = format!("{place}, rotation[{number}]");
            let mut slots = Vec::new();
            for (number, slot) in item.slots.iter().enumerate() {
                slots.extend(self.persons(&format!("{place}, slots[{number}]"), slot, &kept)?);
            }
            let version = self.take(&place, item.read())?;
            versions.extend(version.map(|version| Version { slots, ..version }));
        }
        Ok((self.complaints.len() == known && versions.len() == items.len()).then_some(versions))
    }

    fn import_named(&mut self, place: &str, name: &str, imports: &[Import]) -> Option<ImportId> {
        let found = imports.iter().find(|import| same(&import.name, name)).map(|import| import.id);
        if found.is_none() {
            self.complain(place, format!("There is no calendar {name:?} on this schedule. Add it under calendars."));
        }
        found
    }

    fn covers(
        &mut self,
        place: &str,
        item: &doc::Schedule,
        layers: &[Layer],
        imports: &[Import],
    ) -> Result<Vec<ImportId>, AppError> {
        let mut covers = Vec::new();
        let mut used: BTreeSet<ImportId> = BTreeSet::new();
        let of_layer = |layer: &Layer| match layer.turns {
            Turns::Imported(import) => Some(import),
            Turns::Rotation(_) => None,
        };
        let named: Vec<ImportId> = item
            .covers
            .iter()
            .enumerate()
            .filter_map(|(number, name)| self.import_named(&format!("{place}, covers[{number}]"), name, imports))
            .collect();
        for import in layers.iter().filter_map(of_layer).chain(named.iter().copied()) {
            if !used.insert(import) {
                let sentence = "A calendar is used once: as a layer or as a cover. Leave one of them away.";
                self.complain(place, sentence);
            }
        }
        covers.extend(named);
        Ok(covers)
    }

    /// Adds those that are missing; answers them in words.
    fn entries(&mut self, place: &str, item: &doc::Schedule, schedule: &Schedule) -> Result<Vec<String>, AppError> {
        let mut known = entries::entries_from(self.tx, schedule.id, Timestamp::MIN, usize::MAX)?;
        let mut added = Vec::new();
        for (number, item) in item.entries.iter().enumerate() {
            let place = format!("{place}, entries[{number}]");
            let Some(user) = self.person(&place, &item.person) else { continue };
            let Some(span) = self.take(&place, Interval::checked(item.start.0, item.end.0))? else { continue };
            let note = item.note.trim();
            let there = known.iter_mut().find(|entry| entry.user == user && entry.span == span);
            if let Some(entry) = there {
                if entry.note != note {
                    note.clone_into(&mut entry.note);
                    self.tx.put(entry)?;
                    added.push(format!("{} {} with another note", item.person, time_words(&span)));
                }
                continue;
            }
            if !self.may_be_placed(&place, user, &BTreeSet::new())? {
                continue;
            }
            if let Some(other) = entries::entries_from(self.tx, schedule.id, span.start, 2)?
                .into_iter()
                .find(|other| other.span.overlaps(&span))
            {
                let sentence = "It overlaps an entry of the same schedule from";
                self.complain(&place, format!("{sentence} {}. Normal entries may not.", time_words(&other.span)));
                continue;
            }
            let id: EntryId = self.tx.new_id();
            let (note, recorded_at) = (note.to_owned(), self.now);
            self.tx.put(&Entry { id, schedule: schedule.id, user, span, note, author: None, recorded_at })?;
            added.push(format!("{} {}", item.person, time_words(&span)));
        }
        Ok(entry_words("entries", &added).into_iter().collect())
    }

    /// Adds those that are missing, as the newest; answers them in words.
    fn overrides(&mut self, place: &str, item: &doc::Schedule, schedule: &Schedule) -> Result<Vec<String>, AppError> {
        let mut known = entries::overrides_from(self.tx, schedule.id, Timestamp::MIN, usize::MAX)?;
        let mut added = Vec::new();
        let mut is_half = false;
        for (number, item) in item.overrides.iter().enumerate() {
            let place = format!("{place}, overrides[{number}]");
            let is_second = std::mem::take(&mut is_half);
            let user = self.person(&place, &item.person);
            let from = match &item.instead_of {
                Some(from) => self.person(&place, from).map(|from| OverrideMode::Replace { from }),
                None => Some(OverrideMode::Cover),
            };
            let span = self.take(&place, Interval::checked(item.start.0, item.end.0))?;
            let (Some(user), Some(mode), Some(span)) = (user, from, span) else { continue };
            let note = item.note.trim().to_owned();
            let is_there = |o: &Override| (o.user, o.mode, o.span, &o.note) == (user, mode, span, &note);
            // Each that is there stands for one of the document.
            if let Some(there) = known.iter().position(is_there) {
                known.remove(there);
                continue;
            }
            if !self.may_be_placed(&place, user, &BTreeSet::new())? {
                continue;
            }
            // The halves of a swap are numbered in a row; others have a number between them.
            if !is_second {
                let _unused: OverrideId = self.tx.new_id();
            }
            let (id, recorded_at): (OverrideId, _) = (self.tx.new_id(), self.now);
            self.tx.put(&Override { id, schedule: schedule.id, user, mode, span, note, author: None, recorded_at })?;
            is_half = item.swapped_with_next;
            added.push(format!("{} {}", item.person, time_words(&span)));
        }
        let _unused: OverrideId = self.tx.new_id();
        Ok(entry_words("overrides", &added).into_iter().collect())
    }
}
