//! Editing a rotation: what a person decides about a layer, and the versions that come of it.
//!
//! A version in force never changes. So an edit drops what has not come into force yet and adds one version, from the next
//! handoff on unless told otherwise; the past stays as it was. A new layer's first version counts from its anchor.

use crate::domain::id::{LayerId, UserId};
use crate::domain::refusal::{Refusal, checked_name};
use crate::domain::rotation::{Cadence, Civil, Version, Window, reading_at, turn_at};
use crate::domain::schedule::{Layer, Turns};
use crate::domain::time::{Timestamp, zone_named};
use jiff::tz::TimeZone;

/// A rotation as somebody wants it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    pub name: String,
    /// Cannot change once a version is in force: what was 09:00 would have been another instant.
    pub zone: String,
    /// When an edit takes effect; `None` is the next handoff. A new layer begins at its anchor.
    pub from: Option<Timestamp>,
    pub anchor: Civil,
    pub cadence: Cadence,
    pub slots: Vec<Vec<UserId>>,
    pub windows: Vec<Window>,
}

impl Draft {
    pub fn begin(&self, id: LayerId) -> Result<Layer, Refusal> {
        let zone = place(&self.zone)?;
        let mut version = self.version(Timestamp::MIN)?;
        version.effective_from = version.begins(&zone);
        let turns = Turns::Rotation(vec![version]);
        Ok(Layer { id, name: checked_name(&self.name)?, zone: Some(self.zone.clone()), turns })
    }

    /// The layer with this as its next version.
    pub fn revise(&self, layer: &Layer, schedule_zone: &str, now: Timestamp) -> Result<Layer, Refusal> {
        let Turns::Rotation(versions) = &layer.turns else { return Err(Refusal::not_found("rotation")) };
        let mut versions = versions.clone();
        versions.retain(|version| version.effective_from <= now);
        let old_zone = layer.zone.as_deref().unwrap_or(schedule_zone);
        if versions.is_empty() {
            let revised = self.begin(layer.id)?;
            // Nothing of it has begun, so it may begin anew, but not so that it had begun long ago.
            return if self.from.is_some_and(|from| from < now) { Err(version_past("from")) } else { Ok(revised) };
        }
        if self.zone != old_zone {
            return Err(version_past("zone"));
        }
        let zone = place(old_zone)?;
        let from = self.from.unwrap_or_else(|| next_handoff(versions.last(), &zone, now));
        if from < now {
            return Err(version_past("from"));
        }
        let version = self.version(from)?;
        // One that came into force in this very second is replaced: two cannot begin at once.
        if versions.len() > 1 {
            versions.retain(|version| version.effective_from < from);
        }
        versions.push(version);
        let name = checked_name(&self.name)?;
        Ok(Layer { id: layer.id, name, zone: layer.zone.clone(), turns: Turns::Rotation(versions) })
    }

    /// What an editor begins with: the rotation as it is, from the next handoff on, whoever has that turn in front.
    /// `None` for an imported calendar.
    pub fn of(layer: &Layer, schedule_zone: &str, now: Timestamp) -> Option<Draft> {
        let Turns::Rotation(versions) = &layer.turns else { return None };
        let last = versions.last()?;
        let zone_name = layer.zone.clone().unwrap_or_else(|| schedule_zone.to_owned());
        let zone = place(&zone_name).unwrap_or(TimeZone::UTC);
        let mut draft = Draft {
            name: layer.name.clone(),
            zone: zone_name,
            from: Some(last.effective_from),
            anchor: last.anchor,
            cadence: last.cadence.clone(),
            slots: last.slots.clone(),
            windows: last.windows.clone(),
        };
        if last.effective_from > now {
            return Some(draft);
        }
        let from = next_handoff(Some(last), &zone, now);
        draft.from = Some(from);
        let reading = reading_at(&zone, from);
        let keeps_its_day = !matches!(last.cadence, Cadence::Months(_))
            || reading.to_datetime().day() == last.anchor.to_datetime().day();
        // A rotation on the last of the month would forget its day if it counted from a shorter month.
        if keeps_its_day && let Some(next) = last.turn_index_at(&zone, from) {
            draft.anchor = reading;
            let slots = draft.slots.len().max(1) as u64;
            draft.slots.rotate_left((next % slots) as usize);
        }
        Some(draft)
    }

    fn version(&self, effective_from: Timestamp) -> Result<Version, Refusal> {
        let Draft { anchor, cadence, slots, windows, .. } = self.clone();
        Version { effective_from, anchor, cadence, slots, windows }.checked()
    }
}

/// A rotation whose versions are all written down, in place of `old`, which comes with its schedule's zone. The past stays:
/// where what is written differs from what is in force, it comes with the next handoff.
pub fn rewritten(
    old: Option<(&Layer, &str)>,
    mut new: Layer,
    schedule_zone: &str,
    now: Timestamp,
) -> Result<Layer, Refusal> {
    new.name = checked_name(&new.name)?;
    let zone_of = |layer: &Layer, of_schedule: &str| layer.zone.clone().unwrap_or_else(|| of_schedule.to_owned());
    let zone_name = zone_of(&new, schedule_zone);
    let zone = place(&zone_name)?;
    let Turns::Rotation(written) = new.turns else { return Ok(new) };
    let written: Vec<Version> = written.into_iter().map(Version::checked).collect::<Result<_, _>>()?;
    if written.is_empty() || written.windows(2).any(|pair| pair[0].effective_from >= pair[1].effective_from) {
        let sentence = "A rotation has one version at least, each effective later than the one before.";
        return Err(Refusal::invalid("version_order", "rotation", sentence));
    }
    let mut kept: Vec<Version> = Vec::new();
    if let Some((old, old_schedule_zone)) = old
        && let Turns::Rotation(versions) = &old.turns
    {
        kept.extend(versions.iter().filter(|version| version.effective_from <= now).cloned());
        if !kept.is_empty() && zone_of(old, old_schedule_zone) != zone_name {
            return Err(version_past("zone"));
        }
    }
    let Some(in_force) = kept.last() else { return Ok(Layer { turns: Turns::Rotation(written), ..new }) };
    let (begun, ahead): (Vec<Version>, Vec<Version>) =
        written.into_iter().partition(|version| version.effective_from <= now);
    if let Some(meant) = begun.into_iter().next_back()
        && (Version { effective_from: in_force.effective_from, ..meant.clone() }) != *in_force
    {
        let from = next_handoff(Some(in_force), &zone, now);
        // One that came into force in this very second is replaced: two cannot begin at once.
        if kept.len() > 1 {
            kept.retain(|version| version.effective_from < from);
        }
        kept.push(Version { effective_from: from, ..meant });
    }
    let last = kept.last().map_or(Timestamp::MIN, |version| version.effective_from);
    kept.extend(ahead.into_iter().filter(|version| version.effective_from > last));
    Ok(Layer { turns: Turns::Rotation(kept), ..new })
}

/// Who has the first turn of a version, and from when.
pub fn first_turn<'a>(version: &'a Version, zone: &TimeZone) -> Option<(Timestamp, &'a [UserId])> {
    let from = version.effective_from.max(version.begins(zone));
    let index = version.turn_index_at(zone, from)?;
    Some((from, version.slot(index)))
}

/// When the turn that runs ends, or the first begins. The next whole minute where neither lies ahead: a pattern is over.
fn next_handoff(version: Option<&Version>, zone: &TimeZone, now: Timestamp) -> Timestamp {
    let end = version.map(|version| turn_at(version, zone, now).map_or_else(|| version.begins(zone), |turn| turn.end));
    let minute = now.plus_secs((60 - now.as_second().rem_euclid(60)) % 60);
    end.filter(|end| *end >= now && *end < Timestamp::MAX).unwrap_or(minute)
}

/// A zone by its name, or what the person reads who typed another.
pub fn place(name: &str) -> Result<TimeZone, Refusal> {
    let sentence = || format!("{name} is not a place. Choose one, such as America/New_York.");
    zone_named(name).ok_or_else(|| Refusal::invalid("zone_unknown", "zone", sentence()))
}

fn version_past(field: &'static str) -> Refusal {
    Refusal::invalid("version_past", field, "A rotation changes now or later; the past stays as it was.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_jiff(text.parse().expect("an instant"))
    }

    fn civil(text: &str) -> Civil {
        Civil::of(text.parse().expect("a civil time"))
    }

    fn users(numbers: &[u64]) -> Vec<Vec<UserId>> {
        numbers.iter().map(|number| vec![UserId::new(*number)]).collect()
    }

    /// Weekly, Monday 09:00 in Berlin, from 1 June 2026: 1, 2, 3.
    fn draft() -> Draft {
        Draft {
            name: "Weekly".into(),
            zone: "Europe/Berlin".into(),
            from: None,
            anchor: civil("2026-06-01T09:00"),
            cadence: Cadence::Weeks(1),
            slots: users(&[1, 2, 3]),
            windows: vec![],
        }
    }

    fn versions(layer: &Layer) -> &[Version] {
        let Turns::Rotation(versions) = &layer.turns else { panic!("a rotation") };
        versions
    }

    #[test]
    fn an_edit_makes_the_next_version_at_the_next_handoff() {
        let layer = draft().begin(LayerId::new(1)).expect("sound");
        assert_eq!(versions(&layer)[0].effective_from, at("2026-06-01T07:00:00Z"));
        let now = at("2026-06-10T12:00:00Z");
        let preset = Draft::of(&layer, "UTC", now).expect("a rotation");
        assert_eq!((preset.from, preset.slots.clone()), (Some(at("2026-06-15T07:00:00Z")), users(&[3, 1, 2])));
        let daily = Draft { cadence: Cadence::Days(1), from: None, ..preset };
        let edited = daily.revise(&layer, "UTC", now).expect("sound");
        assert_eq!(versions(&edited).len(), 2);
        assert_eq!(versions(&edited)[0], versions(&layer)[0], "the version in force stays");
        let next = &versions(&edited)[1];
        assert_eq!(next.effective_from, at("2026-06-15T07:00:00Z"));
        let berlin = place("Europe/Berlin").expect("a place");
        let first = first_turn(next, &berlin).expect("it begins");
        assert_eq!(first, (at("2026-06-15T07:00:00Z"), users(&[3])[0].as_slice()));

        // What is not in force yet is replaced, not kept beside.
        let again = draft().revise(&edited, "UTC", now).expect("sound");
        assert_eq!(versions(&again).len(), 2);
        assert_eq!(versions(&again)[1].cadence, Cadence::Weeks(1));
    }

    #[test]
    fn the_past_of_a_rotation_stays() {
        let layer = draft().begin(LayerId::new(1)).expect("sound");
        let now = at("2026-06-10T12:00:00Z");
        let refused = |draft: Draft| draft.revise(&layer, "UTC", now).map(drop).map_err(|r| (r.code, r.field));
        assert_eq!(refused(Draft { from: Some(now), ..draft() }), Ok(()));
        assert_eq!(refused(Draft { from: Some(now.plus_secs(-1)), ..draft() }), Err(("version_past", Some("from"))));
        assert_eq!(refused(Draft { zone: "UTC".into(), ..draft() }), Err(("version_past", Some("zone"))));
        assert_eq!(refused(Draft { slots: vec![], ..draft() }), Err(("rotation_range", Some("slots"))));
    }

    #[test]
    fn what_has_not_begun_may_begin_otherwise() {
        let layer = draft().begin(LayerId::new(1)).expect("sound");
        let now = at("2026-05-10T12:00:00Z");
        let moved = Draft { zone: "UTC".into(), anchor: civil("2026-06-02T09:00"), ..draft() };
        let edited = moved.revise(&layer, "UTC", now).expect("sound");
        assert_eq!(versions(&edited).len(), 1);
        assert_eq!(versions(&edited)[0].effective_from, at("2026-06-02T09:00:00Z"));
    }

    #[test]
    fn what_is_written_down_comes_with_the_next_handoff_and_leaves_the_past() {
        let old = draft().begin(LayerId::new(1)).expect("sound");
        let now = at("2026-06-10T12:00:00Z");
        let take = |new: &Layer| rewritten(Some((&old, "UTC")), new.clone(), "UTC", now);
        assert_eq!(take(&old), Ok(old.clone()), "as it is");
        assert_eq!(rewritten(None, old.clone(), "UTC", now), Ok(old.clone()), "as it was elsewhere");

        let with = |change: fn(&mut Vec<Version>)| {
            let mut new = old.clone();
            if let Turns::Rotation(versions) = &mut new.turns {
                change(versions);
            }
            new
        };
        let swapped = take(&with(|versions| versions[0].slots.reverse())).expect("sound");
        assert_eq!(versions(&swapped).len(), 2);
        assert_eq!(versions(&swapped)[0], versions(&old)[0], "the past stays");
        assert!(versions(&swapped)[1].effective_from > now);
        assert_eq!(rewritten(Some((&swapped, "UTC")), with(|v| v[0].slots.reverse()), "UTC", now), Ok(swapped));

        // What it was long ago is of no weight, what is to come is.
        let moved = take(&with(|versions| versions[0].effective_from = Timestamp::MIN));
        assert_eq!(moved, Ok(old.clone()));
        let ahead = take(&with(|versions| {
            let later = versions[0].effective_from.plus_secs(86_400 * 60);
            versions.push(Version { effective_from: later, cadence: Cadence::Days(2), ..versions[0].clone() });
        }));
        assert_eq!(ahead.map(|layer| versions(&layer).len()), Ok(2));

        let refused = |new: Layer| take(&new).expect_err("refused").code;
        assert_eq!(refused(with(Vec::clear)), "version_order");
        assert_eq!(refused(with(|versions| versions.push(versions[0].clone()))), "version_order");
        assert_eq!(refused(Layer { zone: Some("Asia/Seoul".to_owned()), ..old.clone() }), "version_past");
    }

    #[test]
    fn a_rotation_on_the_last_of_the_month_keeps_its_day() {
        let monthly = Draft { anchor: civil("2026-01-31T09:00"), cadence: Cadence::Months(1), ..draft() };
        let layer = monthly.begin(LayerId::new(1)).expect("sound");
        let preset = Draft::of(&layer, "UTC", at("2026-02-10T00:00:00Z")).expect("a rotation");
        assert_eq!((preset.anchor, preset.from), (monthly.anchor, Some(at("2026-02-28T08:00:00Z"))));
    }

    #[test]
    fn a_rotation_that_has_not_begun_begins_no_earlier_than_now() {
        let layer = draft().begin(LayerId::new(1)).expect("sound");
        let now = at("2026-05-10T12:00:00Z");
        let refused = |secs| Draft { from: Some(now.plus_secs(secs)), ..draft() }.revise(&layer, "UTC", now).is_err();
        assert_eq!([-1, 0, 1].map(refused), [true, false, false]);
        let preset = |now| Draft::of(&layer, "UTC", now).expect("a rotation");
        let begins = at("2026-06-01T07:00:00Z");
        assert_eq!(preset(now).from, Some(begins), "as it was written");
        assert_eq!(preset(begins.plus_secs(-1)).slots, users(&[1, 2, 3]));
        assert_eq!(preset(begins).from, Some(at("2026-06-08T07:00:00Z")), "it has begun");
    }

    #[test]
    fn a_version_that_begins_this_second_has_begun_and_is_replaced_by_an_edit() {
        let layer = draft().begin(LayerId::new(1)).expect("sound");
        let handoff = at("2026-06-15T07:00:00Z");
        let daily = Draft { cadence: Cadence::Days(1), from: Some(handoff), ..draft() };
        let edited = daily.revise(&layer, "UTC", at("2026-06-10T12:00:00Z")).expect("sound");
        let begins = |layer: &Layer| versions(layer).iter().map(|version| version.effective_from).collect::<Vec<_>>();
        let first = at("2026-06-01T07:00:00Z");
        assert_eq!(begins(&edited), [first, handoff]);
        let every_two_days = Draft { cadence: Cadence::Days(2), from: Some(handoff), ..draft() };
        let again = every_two_days.revise(&edited, "UTC", handoff).expect("sound");
        assert_eq!(begins(&again), [first, handoff], "two cannot begin at once");
        assert_eq!(versions(&again)[1].cadence, Cadence::Days(2));
        // A second later it is in force, and its past stays.
        let later = Draft { from: Some(handoff.plus_secs(1)), ..every_two_days.clone() };
        let beside = later.revise(&edited, "UTC", handoff.plus_secs(1)).expect("sound");
        assert_eq!(begins(&beside), [first, handoff, handoff.plus_secs(1)]);
        // The first of all stays, even where an edit comes in its first second.
        let anew = Draft { from: Some(first), ..every_two_days }.revise(&layer, "UTC", first).expect("sound");
        assert_eq!(begins(&anew), [first, first]);
    }

    #[test]
    fn the_next_handoff_is_the_end_of_the_turn_or_the_next_whole_minute() {
        let utc = TimeZone::UTC;
        let version = |from: &str, cadence| {
            let slots = users(&[1, 2]);
            Version { effective_from: at(from), anchor: civil("2026-06-01T09:00"), cadence, slots, windows: vec![] }
        };
        let daily = version("2026-06-01T09:00:00Z", Cadence::Days(1));
        let next = |now: &str| next_handoff(Some(&daily), &utc, at(now)).to_string();
        assert_eq!(next("2026-06-01T08:59:59Z"), "2026-06-01T09:00:00Z");
        assert_eq!(next("2026-06-01T09:00:00Z"), "2026-06-02T09:00:00Z");
        assert_eq!(next("2026-06-02T08:59:59Z"), "2026-06-02T09:00:00Z");
        let none = |now: &str| next_handoff(None, &utc, at(now)).to_string();
        assert_eq!(none("2026-06-01T08:00:00Z"), "2026-06-01T08:00:00Z");
        assert_eq!(none("2026-06-01T08:00:01Z"), "2026-06-01T08:01:00Z");
        assert_eq!(none("2026-06-01T08:00:59Z"), "2026-06-01T08:01:00Z");
    }
}
