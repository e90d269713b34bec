//! Heartbeats as people set them up. How they are heard and missed is [`pings`](crate::app::pings).

use crate::app::error::taken;
use crate::app::passes::LinkKey;
use crate::app::{AppError, Write, change, pings, sha256};
use crate::domain::actor::Actor;
use crate::domain::alert_source::AlertSource;
use crate::domain::heartbeat::{Heartbeat, State, checked_grace, checked_interval, checked_name};
use crate::domain::id::{AlertSourceId, HeartbeatId, Id};
use crate::domain::pass;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::store::{Read, Take, heartbeats};

#[derive(Clone, Debug)]
pub struct NewHeartbeat {
    pub source: AlertSourceId,
    pub name: String,
    pub interval_minutes: u32,
    pub grace_minutes: u32,
}

pub fn all(read: &impl Read) -> Result<Vec<Heartbeat>, AppError> {
    let mut all = heartbeats::heartbeats_all(read, Take::first(super::MANY))?.items;
    all.sort_by_key(|heartbeat| heartbeat.name.to_lowercase());
    Ok(all)
}

pub fn one(read: &impl Read, id: HeartbeatId) -> Result<Heartbeat, AppError> {
    Ok(read.get::<Heartbeat>(id)?.ok_or_else(|| Refusal::not_found("heartbeat"))?)
}

/// It waits for its first ping.
pub fn create(tx: &mut Write<'_>, actor: &Actor, key: &LinkKey, new: &NewHeartbeat) -> Result<HeartbeatId, AppError> {
    change::begin(actor)?;
    let source = tx.get::<AlertSource>(new.source)?;
    let source = source
        .ok_or_else(|| Refusal::invalid("source_missing", "source", "Choose the alert source that it is part of."))?;
    let id = tx.new_id();
    let heartbeat = Heartbeat {
        id,
        source: source.id,
        name: checked_name(&new.name)?,
        interval_minutes: checked_interval(new.interval_minutes)?,
        grace_minutes: checked_grace(new.grace_minutes)?,
        state: State::New,
        heard: None,
        token_hash: sha256(token_of(key, id, 1).as_bytes()),
        address_version: 1,
        created_at: tx.now(),
        version: 0,
    };
    let name = &heartbeat.name;
    let summary = format!("{name} of {}, every {} min", source.name, heartbeat.interval_minutes);
    save(tx, &heartbeat)?;
    change::audit(tx, actor, "heartbeat.created", id, summary)?;
    Ok(id)
}

/// Its deadline follows at once, counted from the last ping.
pub fn edit(
    tx: &mut Write<'_>,
    actor: &Actor,
    id: HeartbeatId,
    interval_minutes: u32,
    grace_minutes: u32,
) -> Result<(), AppError> {
    change::begin(actor)?;
    let mut heartbeat = one(tx, id)?;
    let (was, now) = (said(&heartbeat), tx.now());
    heartbeat.retime(checked_interval(interval_minutes)?, checked_grace(grace_minutes)?, now);
    save(tx, &heartbeat)?;
    let is = said(&heartbeat);
    change::audit_change(tx, actor, "heartbeat.edited", id, is.clone(), was, is)
}

fn said(heartbeat: &Heartbeat) -> String {
    let Heartbeat { name, interval_minutes, grace_minutes, .. } = heartbeat;
    format!("{name}, every {interval_minutes} min, {grace_minutes} min of grace")
}

/// Nothing is missed until then. An incident that is open stays so.
pub fn pause(tx: &mut Write<'_>, actor: &Actor, id: HeartbeatId, until: Timestamp) -> Result<(), AppError> {
    change::begin(actor)?;
    let mut heartbeat = one(tx, id)?;
    heartbeat.pause(until, tx.now())?;
    save(tx, &heartbeat)?;
    change::audit(tx, actor, "heartbeat.paused", id, format!("{} until {until}", heartbeat.name))
}

/// Ends a pause early; without one nothing changes.
pub fn resume(tx: &mut Write<'_>, actor: &Actor, id: HeartbeatId) -> Result<(), AppError> {
    change::begin(actor)?;
    let mut heartbeat = one(tx, id)?;
    if matches!(heartbeat.state, State::Paused { .. }) {
        heartbeat.resume(tx.now());
        save(tx, &heartbeat)?;
        change::audit(tx, actor, "heartbeat.resumed", id, heartbeat.name)?;
    }
    Ok(())
}

/// Another ping address; the old one is dead at once.
pub fn renew_address(tx: &mut Write<'_>, actor: &Actor, key: &LinkKey, id: HeartbeatId) -> Result<(), AppError> {
    change::begin(actor)?;
    let mut heartbeat = one(tx, id)?;
    heartbeat.address_version += 1;
    heartbeat.token_hash = sha256(token_of(key, id, heartbeat.address_version).as_bytes());
    save(tx, &heartbeat)?;
    change::audit(tx, actor, "heartbeat.address_renewed", id, heartbeat.name)
}

/// An incident that is open stays so: whether the job is well is for a person to say.
pub fn delete(tx: &mut Write<'_>, actor: &Actor, id: HeartbeatId) -> Result<(), AppError> {
    change::begin(actor)?;
    let heartbeat = one(tx, id)?;
    pings::disarm(tx, id)?;
    tx.delete::<Heartbeat>(id)?;
    change::audit(tx, actor, "heartbeat.deleted", id, heartbeat.name)
}

/// The token in its ping address; `None` if that was made under another secret key, which opens it still and cannot show
/// it.
pub fn token(key: &LinkKey, heartbeat: &Heartbeat) -> Option<String> {
    let token = token_of(key, heartbeat.id, heartbeat.address_version);
    (sha256(token.as_bytes()) == heartbeat.token_hash).then_some(token)
}

pub(super) fn token_of(key: &LinkKey, id: HeartbeatId, version: u32) -> String {
    pass::token(key.bits("heartbeat address", &[id.number(), u64::from(version)]))
}

/// Also arms it. Whoever calls audits.
pub(super) fn save(tx: &mut Write<'_>, heartbeat: &Heartbeat) -> Result<(), AppError> {
    let heartbeat = Heartbeat { version: heartbeat.version + 1, ..heartbeat.clone() };
    tx.put(&heartbeat).map_err(taken(|| change::name_taken("heartbeat of this alert source", &heartbeat.name)))?;
    pings::arm(tx, &heartbeat)
}
