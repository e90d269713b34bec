//! The product's records as its commits left them, read from the bytes of each commit and nothing else: no index, no query
//! and no use case is trusted here.

use pagerpal::domain::clock_mark::ClockMark;
use pagerpal::domain::delivery::Delivery;
use pagerpal::domain::effect::{Timer, TimerKey};
use pagerpal::domain::entry::{Entry, Override};
use pagerpal::domain::heartbeat::Heartbeat;
use pagerpal::domain::id::{
    ContactId, DeliveryId, EntryId, HeartbeatId, IncidentId, MaintenanceId, NotificationId, OverrideId, ScheduleId,
    UserId,
};
use pagerpal::domain::incident::Incident;
use pagerpal::domain::maintenance::Maintenance;
use pagerpal::domain::notification::Notification;
use pagerpal::domain::storm::StormLine;
use pagerpal::domain::timeline::TimelineEntry;
use pagerpal::domain::user::User;
use pagerpal::store::engine::Changes;
use pagerpal::store::{Read, Record, codec, keys};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Default)]
pub struct View {
    pub users: BTreeMap<UserId, User>,
    pub incidents: BTreeMap<IncidentId, Incident>,
    pub timers: BTreeMap<TimerKey, Timer>,
    pub notifications: BTreeMap<NotificationId, Notification>,
    pub deliveries: BTreeMap<DeliveryId, Delivery>,
    /// Those to which something must still happen: most are over soon.
    pub waiting: BTreeSet<DeliveryId>,
    pub made: Made,
    clock: BTreeMap<(), ClockMark>,
    /// Those who were deactivated once, or lost a method: what was on its way to them did not have to arrive.
    pub once_unreachable: BTreeSet<UserId>,
}

/// What was ever made, in the order in which it was committed: what plans count.
#[derive(Clone, Default)]
pub struct Made {
    pub methods: BTreeMap<UserId, Vec<ContactId>>,
    pub entries: BTreeMap<ScheduleId, Vec<EntryId>>,
    pub overrides: BTreeMap<ScheduleId, Vec<OverrideId>>,
    pub windows: Vec<MaintenanceId>,
    pub heartbeats: Vec<HeartbeatId>,
}

/// What one commit did to a kind of record: before and after.
pub type Changed<R> = Vec<(<R as Record>::Key, Option<R>, Option<R>)>;

/// What one commit did.
pub struct Step {
    pub incidents: Changed<Incident>,
    pub timers: Changed<Timer>,
    pub notifications: Changed<Notification>,
    pub deliveries: Changed<Delivery>,
    pub timeline: Vec<TimelineEntry>,
    /// Of storms.
    pub lines: Vec<StormLine>,
    /// By how many seconds elapsed time was moved.
    pub moved_secs: i64,
    /// What the clock reads was saved.
    pub is_marked: bool,
}

impl View {
    /// `Err` is S16: what was written does not read as what it is.
    pub fn take_in(&mut self, changes: &Changes) -> Result<Step, String> {
        for (id, before, after) in take_in(&mut self.users, changes)? {
            if let (Some(before), Some(after)) = (&before, &after)
                && lost(before, after)
            {
                self.once_unreachable.insert(id);
            }
            let made = self.made.methods.entry(id).or_default();
            for contact in after.iter().flat_map(|user| &user.contacts) {
                if !made.contains(&contact.id) {
                    made.push(contact.id);
                }
            }
        }
        self.take_in_shifts(changes)?;
        let moved = |mark: Option<ClockMark>| mark.map_or(0, |mark| mark.moved_secs);
        let marks = take_in(&mut self.clock, changes)?;
        let deliveries = take_in(&mut self.deliveries, changes)?;
        for (id, _, after) in &deliveries {
            match after.as_ref().and_then(Delivery::wheel) {
                Some(_) => self.waiting.insert(*id),
                None => self.waiting.remove(id),
            };
        }
        Ok(Step {
            incidents: take_in(&mut self.incidents, changes)?,
            timers: take_in(&mut self.timers, changes)?,
            notifications: take_in(&mut self.notifications, changes)?,
            deliveries,
            timeline: take_in(&mut BTreeMap::new(), changes)?.into_iter().filter_map(|(_, _, line)| line).collect(),
            lines: take_in(&mut BTreeMap::new(), changes)?.into_iter().filter_map(|(_, _, line)| line).collect(),
            is_marked: !marks.is_empty(),
            moved_secs: marks.into_iter().map(|(_, before, after)| moved(after) - moved(before)).sum(),
        })
    }

    /// Where a copy of this that was made from its rows differs.
    pub fn differs_from(&self, copy: &View) -> bool {
        (&self.users, &self.incidents, &self.timers) != (&copy.users, &copy.incidents, &copy.timers)
            || (&self.notifications, &self.deliveries) != (&copy.notifications, &copy.deliveries)
            || (&self.waiting, &self.clock) != (&copy.waiting, &copy.clock)
    }

    fn take_in_shifts(&mut self, changes: &Changes) -> Result<(), String> {
        let (mut entries, mut overrides) = (BTreeMap::new(), BTreeMap::new());
        for (id, _, after) in take_in::<Entry>(&mut entries, changes)? {
            let Some(after) = after else { continue };
            let made = self.made.entries.entry(after.schedule).or_default();
            if !made.contains(&id) {
                made.push(id);
            }
        }
        for (id, ..) in take_in::<Heartbeat>(&mut BTreeMap::new(), changes)? {
            if !self.made.heartbeats.contains(&id) {
                self.made.heartbeats.push(id);
            }
        }
        for (id, ..) in take_in::<Maintenance>(&mut BTreeMap::new(), changes)? {
            if !self.made.windows.contains(&id) {
                self.made.windows.push(id);
            }
        }
        for (id, _, after) in take_in::<Override>(&mut overrides, changes)? {
            let Some(after) = after else { continue };
            let made = self.made.overrides.entry(after.schedule).or_default();
            if !made.contains(&id) {
                made.push(id);
            }
        }
        Ok(())
    }

    /// The first record that the store does not have as it was committed.
    pub fn difference(&self, read: &impl Read) -> Option<String> {
        difference(&self.users, read)
            .or_else(|| difference(&self.incidents, read))
            .or_else(|| difference(&self.timers, read))
            .or_else(|| difference(&self.notifications, read))
            .or_else(|| difference(&self.deliveries, read))
    }
}

/// Whether somebody is deactivated, or a method is gone or switched off.
fn lost(before: &User, after: &User) -> bool {
    let enabled =
        |user: &User| user.contacts.iter().filter(|contact| contact.enabled).map(|contact| contact.id).collect();
    let (was, is): (BTreeSet<ContactId>, BTreeSet<ContactId>) = (enabled(before), enabled(after));
    !after.is_active() || !was.is_subset(&is)
}

fn difference<R: Record + PartialEq>(known: &BTreeMap<R::Key, R>, read: &impl Read) -> Option<String>
where
    R::Key: Ord + Clone,
{
    let is_there = |(_, record): &(&R::Key, &R)| read.get::<R>(record.key()).ok().flatten().as_ref() == Some(record);
    let missing = known.iter().find(|entry| !is_there(entry));
    missing.map(|_| format!("a record of {} is not as it was committed", R::TABLE.name().0))
}

fn take_in<R: Record + Clone>(known: &mut BTreeMap<R::Key, R>, changes: &Changes) -> Result<Changed<R>, String>
where
    R::Key: Ord + Clone,
{
    let table = R::TABLE.name();
    let mut changed = Vec::new();
    for (_, rows) in changes.tables().filter(|(name, _)| *name == table) {
        for (bytes, value) in rows {
            let key: R::Key = keys::decode(bytes).ok_or_else(|| format!("S16: a key of {} does not read", table.0))?;
            let after = value.as_ref().map(|value| read::<R>(bytes, value)).transpose()?;
            let before = match &after {
                Some(record) => known.insert(key.clone(), record.clone()),
                None => known.remove(&key),
            };
            changed.push((key, before, after));
        }
    }
    Ok(changed)
}

fn read<R: Record>(key: &[u8], stored: &[u8]) -> Result<R, String> {
    let (table, version) = (R::TABLE.name(), R::TABLE.version());
    let record: R = codec::decode(table, key, version, stored).map_err(|problem| format!("S16: {problem}"))?;
    let again = codec::encode(table, key, version, &record);
    match again {
        Ok(again) if again == stored => Ok(record),
        _ => Err(format!("S16: a record of {} is written differently when it is read and written", table.0)),
    }
}
