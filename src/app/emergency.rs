//! What the process needs to page people while the store cannot save: the roster, kept fresh while it can, and the emergency
//! itself once it cannot. Whom to call and when is [`domain::emergency`](crate::domain::emergency)'s to say.
//!
//! A start whose database does not open is one, too: then the roster comes from its file, and normal service waits.

use crate::app::passes::LinkKey;
use crate::app::{App, AppError, Write, apply, context, incidents, sha256};
use crate::domain::Urgency;
use crate::domain::access::Role;
use crate::domain::actor::{Actor, By, Door};
use crate::domain::alert_source::AlertSource;
use crate::domain::contact::Channel;
use crate::domain::emergency::{Call, Emergency, Meanwhile, Person, Roster, Untaken, Watched, Why};
use crate::domain::event::{Action, Report};
use crate::domain::id::{AlertSourceId, IncidentId, UserId};
use crate::domain::incident::{Incident, Phase, Status};
use crate::domain::ladder::ladder;
use crate::domain::time::Timestamp;
use crate::domain::timeline::Happened;
use crate::domain::user::User;
use crate::exchange::roster;
use crate::hex::hex;
use crate::store::{Read, Take, alert_sources, incidents as stored, migrate, tables};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The file beside the database.
pub const ROSTER: &str = "pagerpal.roster";
/// Room that is given up when there is no other.
pub const BALLAST: &str = "ballast";

/// Untaken incidents that are kept in mind.
const INCIDENTS: usize = 1_000;

#[derive(Clone, Default)]
pub struct Desk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    roster: Roster,
    emergency: Option<Emergency>,
    /// Why normal service has not begun.
    waits_for: Option<String>,
}

/// What `serve` alone has: files, of which the database may not be open yet.
#[derive(Clone, Debug)]
pub struct Files {
    pub database: PathBuf,
    /// Whether one of an older format is brought up to date.
    pub may_migrate: bool,
    pub roster: PathBuf,
    pub ballast: PathBuf,
}

/// What somebody sees who opens the link of a message meanwhile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    pub number: u64,
    /// Of whoever looks.
    pub zone: String,
    pub title: String,
    pub is_taken: bool,
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_on(&self) -> bool {
        self.state().emergency.is_some()
    }

    /// True if it differs from what was known.
    pub fn learn(&self, roster: Roster) -> bool {
        let mut state = self.state();
        let known = match &mut state.emergency {
            Some(emergency) => &mut emergency.roster,
            None => &mut state.roster,
        };
        let is_new = *known != roster;
        *known = roster;
        is_new
    }

    pub fn begin(&self, why: Why) {
        let mut state = self.state();
        if state.emergency.is_none() {
            state.emergency = Some(Emergency::begin(std::mem::take(&mut state.roster), why));
        }
    }

    /// The clock was set by so many seconds.
    pub fn shift(&self, secs: i64) {
        let mut state = self.state();
        match &mut state.emergency {
            Some(emergency) => emergency.shift(secs),
            None => state.roster.shift(secs),
        }
    }

    /// The roster for its file.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let state = self.state();
        let roster = state.emergency.as_ref().map_or(&state.roster, |emergency| &emergency.roster);
        roster::to_bytes(roster, digest)
    }

    /// Learns what [`Desk::to_bytes`] gave; false: it is something else.
    pub fn learn_from(&self, bytes: &[u8]) -> bool {
        roster::from_bytes(bytes, digest).map(|roster| self.learn(roster)).is_some()
    }

    /// Why normal service has not begun; `None`: it has.
    pub fn waits_for(&self) -> Option<String> {
        self.state().waits_for.clone()
    }

    pub fn wait_for(&self, reason: Option<String>) {
        self.state().waits_for = reason;
    }

    pub fn calls_due(&self, now: Timestamp, can_send: &[Channel]) -> Vec<Call> {
        self.state().emergency.as_mut().map(|emergency| emergency.calls_due(now, can_send)).unwrap_or_default()
    }

    /// Before anything else is saved, whoever took an incident has it: no timer may call others first. Answers which those are.
    #[inline(never)] // into each of some two hundred kinds of writes
    pub fn settle(&self, tx: &mut Write<'_>) -> Result<BTreeMap<IncidentId, UserId>, AppError> {
        let taken = self.state().emergency.as_ref().map(|emergency| emergency.unwritten().taken).unwrap_or_default();
        for (incident, user) in &taken {
            settle(tx, *incident, *user)?;
        }
        Ok(taken)
    }

    pub fn has_settled(&self, taken: BTreeMap<IncidentId, UserId>) {
        if let Some(emergency) = self.state().emergency.as_mut().filter(|_| !taken.is_empty()) {
            emergency.has_settled(taken);
        }
    }

    /// All that was done since it began, and what of it is to be written down.
    pub fn meanwhile(&self) -> (Meanwhile, Meanwhile) {
        let state = self.state();
        state
            .emergency
            .as_ref()
            .map(|emergency| (emergency.meanwhile.clone(), emergency.unwritten()))
            .unwrap_or_default()
    }

    /// If nothing was done beyond what is `written`; false: there was, and it goes on.
    pub fn end(&self, written: Meanwhile) -> bool {
        let mut state = self.state();
        match state.emergency.take_if(|emergency| emergency.has_written(written)) {
            Some(emergency) => {
                state.roster = emergency.roster;
                true
            }
            None => false,
        }
    }

    /// By the digest of its key, as long as the store cannot be asked.
    pub fn source_of_key(&self, key_hash: [u8; 32]) -> Option<AlertSource> {
        let state = self.state();
        let roster = &state.emergency.as_ref()?.roster;
        let found = roster.sources.iter().find(|watched| watched.source.key_hash == key_hash);
        found.map(|watched| watched.source.clone())
    }

    /// Alerts whose sender is told to try again. They are called about all the same.
    pub fn heard(&self, source: AlertSourceId, reports: &[Report], now: Timestamp) {
        let mut state = self.state();
        let Some(emergency) = &mut state.emergency else { return };
        for report in reports {
            let Report::Event(event) = report else { continue };
            match event.action {
                Action::Trigger => emergency.heard(source, &event.external_id, &event.title, now),
                Action::Resolve | Action::Acknowledge => emergency.recovered(source, &event.external_id),
            }
        }
    }

    /// Somebody takes it, signed in or by the link of a message.
    pub fn take(&self, incident: IncidentId, by: UserId) -> bool {
        self.state().emergency.as_mut().is_some_and(|emergency| emergency.take(incident, by))
    }

    /// Whose link this is: everybody has one of each incident they are called about.
    pub fn holder(&self, key: &LinkKey, token: &str) -> Option<(IncidentId, UserId)> {
        let digest = sha256(token.as_bytes());
        let incidents = self.state().emergency.as_ref()?.roster.incidents.clone();
        let links =
            incidents.iter().flat_map(|untaken| untaken.people().into_iter().map(|user| (untaken.incident, user)));
        links.into_iter().find(|(incident, user)| sha256(key.link(*incident, *user).as_bytes()) == digest)
    }

    pub fn look(&self, incident: IncidentId, user: UserId) -> Option<Seen> {
        let state = self.state();
        let emergency = state.emergency.as_ref()?;
        let untaken = emergency.roster.incidents.iter().find(|untaken| untaken.incident == incident)?;
        let is_taken = emergency.taken_by(incident).is_some();
        let zone = emergency.roster.people.get(&user).map(|person| person.zone.clone()).unwrap_or_default();
        Some(Seen { number: untaken.number, zone, title: untaken.title.clone(), is_taken })
    }

    /// The id of an incident by its number or id.
    pub fn find(&self, reference: &str) -> Option<IncidentId> {
        let state = self.state();
        let incidents = &state.emergency.as_ref()?.roster.incidents;
        let is_meant =
            |untaken: &&Untaken| untaken.incident.to_string() == reference || untaken.number.to_string() == reference;
        incidents.iter().find(is_meant).map(|untaken| untaken.incident)
    }
}

fn digest(bytes: &[u8]) -> String {
    hex(&sha256(bytes))
}

impl App {
    /// Opens a database that did not open at the start, as that would have; else proves that it can be written. The error is for the
    /// operator.
    pub fn open_late(&self) -> Result<(), String> {
        let Some(files) = self.files.as_ref().filter(|_| !self.store.is_open()) else {
            return self.try_again().map_err(|error| error.to_string());
        };
        let open = || {
            if files.may_migrate
                && let Some(from) = migrate::pending(&files.database)?
            {
                migrate::migrate(&files.database, tables::RECORDS, from)?;
            }
            self.store.open_late(&files.database)
        };
        open().map_err(|error| error.to_string())
    }

    /// Nothing can be saved: commits fail, or normal service has not begun.
    pub fn cannot_save(&self) -> bool {
        self.emergency.waits_for().is_some() || self.store_status().is_failing()
    }
}

/// As the store knows it now.
pub fn collect(read: &crate::app::Read<'_>) -> Result<Roster, AppError> {
    let now = read.now();
    let mut roster = Roster::default();
    let mut people: BTreeMap<UserId, User> = BTreeMap::new();
    let triggered = stored::incidents_with_status(read, Status::Triggered, Take::first(INCIDENTS))?.items;
    for incident in triggered.iter().filter(|incident| incident.ladder.phase != Phase::Held) {
        let context = context::for_incident(read, incident, now)?;
        roster.incidents.push(Untaken::of(incident, &context, now));
        people.extend(context.people);
    }
    for source in alert_sources::alert_sources_all(read, super::MANY)? {
        let context = context::for_now(read, source.policy, Default::default(), now)?;
        roster.sources.push(Watched::of(source, &ladder(&context, Urgency::High, now), now));
        people.extend(context.people);
    }
    for user in crate::store::users::users_active_admins(read, super::MANY)? {
        roster.admins.push(user.id);
        people.insert(user.id, user.known_at(now));
    }
    people.retain(|_, user| user.is_pageable_at(now));
    roster.people = people.into_iter().map(|(id, user)| (id, Person::of(&user))).collect();
    Ok(roster)
}

/// Somebody took it while nothing could be saved.
fn settle(tx: &mut Write<'_>, incident: IncidentId, user: UserId) -> Result<(), AppError> {
    let Some(user) = tx.get::<User>(user)?.filter(|user| user.is_active() && user.role >= Role::Responder) else {
        return Ok(());
    };
    let actor = Actor::user(user.id, user.role, Door::Link);
    match tx.nested(|tx| incidents::act(tx, &actor, &incident.to_string(), None, incidents::Deed::Acknowledge)) {
        Ok(_) | Err(AppError::Refused(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Once the store saves again: what was sent stands on the timelines. Who took an incident has it already
/// ([`Desk::settle`]).
pub fn write_down(tx: &mut Write<'_>, meanwhile: &Meanwhile) -> Result<(), AppError> {
    for (id, called) in &meanwhile.called {
        let Some(mut incident) = tx.get::<Incident>(*id)? else { continue };
        let mut names = Vec::new();
        for (user, times) in called {
            let name = tx.get::<User>(*user)?.map_or_else(|| user.to_string(), |user| user.name);
            names.push(format!("{name} ({times}×)"));
        }
        let text = format!("PagerPal could not save, and tried meanwhile to call {}.", names.join(", "));
        apply::append(tx, &mut incident, By::SYSTEM, Happened::Note { text })?;
        tx.put(&incident)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    #[test]
    fn the_roster_outlives_the_process_and_a_changed_one_is_none() {
        let person = |number: &str| Person {
            name: "Ana".to_owned(),
            zone: "UTC".to_owned(),
            methods: vec![(Channel::Sms, number.to_owned())],
        };
        let people = BTreeMap::from([(UserId::new(7), person("+4917000001"))]);
        let roster = Roster { people, admins: vec![UserId::new(7)], ..Roster::default() };
        let desk = Desk::default();
        assert!(desk.learn(roster.clone()) && !desk.learn(roster), "the same again is nothing new");
        let bytes = desk.to_bytes().expect("it can be written");
        let later = Desk::default();
        assert!(later.learn_from(&bytes));
        later.begin(Why::CannotOpen);
        let calls = later.calls_due(Timestamp::from_second(0), &[Channel::Sms]);
        assert_eq!(calls[0].methods, [(Channel::Sms, "+4917000001".to_owned())]);
        for at in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1;
            assert!(!later.learn_from(&wrong), "byte {at}");
        }
        assert!(!later.learn_from(b""));
    }
}
