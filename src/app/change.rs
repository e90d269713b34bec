//! Every edit of the configuration goes through here: access, audit entry, and a fresh look at what it touches.
//!
//! An incident follows the live policy. So the commit that changes a policy, a schedule, a team or a person also decides
//! anew about every triggered incident: whom an edit adds is paged at once, and a ladder left without anybody climbs on.

use crate::app::audit::{Said, append, note};
use crate::app::{AppError, Write, apply, context, users};
use crate::domain::access::{self, Action};
use crate::domain::actor::{Actor, By, Who};
use crate::domain::alert_source::AlertSource;
use crate::domain::audit::{AuditEntry, Change};
use crate::domain::entry::{Entry, Override};
use crate::domain::heartbeat::Heartbeat;
use crate::domain::id::{EntryId, OverrideId, UserId};
use crate::domain::import::Import;
use crate::domain::incident::{self, Status};
use crate::domain::maintenance::Maintenance;
use crate::domain::policy::Policy;
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::schedule::Schedule;
use crate::domain::team::Team;
use crate::domain::user::User;
use crate::planted;
use crate::store::keys::Span;
use crate::store::{Read, Record, Take, incidents};
use std::fmt::Display;

/// Asks whether the actor may configure; the first line of every editing use case.
pub fn begin(actor: &Actor) -> Result<(), AppError> {
    Ok(access::require(actor, Action::Configure)?)
}

/// Writes the audit entry; the summary is in words and holds no secret.
pub fn audit(
    tx: &mut Write<'_>,
    actor: &Actor,
    action: &str,
    object: impl Display,
    summary: String,
) -> Result<(), AppError> {
    note(tx, actor, action, object, summary)
}

/// As [`audit`], for edits that can say in words what they found and what they left.
pub fn audit_change(
    tx: &mut Write<'_>,
    actor: &Actor,
    action: &str,
    object: impl Display,
    summary: String,
    before: String,
    after: String,
) -> Result<(), AppError> {
    let change = (before != after).then_some(Change { before, after });
    append(tx, Said { actor, acting_as: None, action, object: object.to_string(), summary, change })
}

/// Decides anew about every triggered incident. Called by edits that a ladder may rest on, after their records are
/// written.
pub fn recheck(tx: &mut Write<'_>, actor: &Actor) -> Result<(), AppError> {
    if planted::is("skip_recheck") {
        return Ok(());
    }
    let now = tx.now();
    let by = By::new(actor, None);
    for open in incidents::incidents_with_status(tx, Status::Triggered, Take::first(super::MANY))?.items {
        let context = context::for_incident(tx, &open, now)?;
        if let Some(transition) = incident::recheck(&open, &context, now, by)
            && !apply::is_idle(tx, &open, &transition)?
        {
            apply::apply(tx, transition)?;
        }
    }
    Ok(())
}

/// Refuses an edit of something that is another version by now than its editor has seen, and says whose doing that was.
/// What exists no more is for the edit itself to refuse.
pub fn unless_stale(tx: &Write<'_>, actor: &Actor, object: &str, seen: u64) -> Result<(), AppError> {
    if version_of(tx, object)?.is_none_or(|current| current == seen) {
        return Ok(());
    }
    let latest = tx.scan_table::<AuditEntry>(&Span::all(), Take::last(LOOKED_AT))?.items;
    let mut by = None;
    for entry in latest {
        if is_about(tx, &entry.object, object)? {
            by = Some(entry.actor.who);
            break;
        }
    }
    let name = match by {
        Some(Who::User { id, .. }) if actor.user_id() == Some(id) => "You".to_owned(),
        Some(Who::User { id, .. }) => users::one(tx, id)?.name,
        Some(Who::CommandLine) => "Somebody on the command line".to_owned(),
        Some(Who::Source(_) | Who::System | Who::Unknown) | None => "Somebody".to_owned(),
    };
    let elsewhere = if name == "You" { " in another window" } else { "" };
    let sentence = format!("{name} changed this{elsewhere} while you were editing.");
    Err(Refusal { kind: RefusalKind::Stale, code: "stale", field: None, sentence }.into())
}

/// What happens to an entry or override happens to its schedule, and what to a contact method to its owner.
fn is_about(read: &impl Read, noted: &str, object: &str) -> Result<bool, AppError> {
    if let (Ok(contact), Ok(user)) = (noted.parse(), object.parse::<UserId>()) {
        return Ok(read.get::<User>(user)?.is_some_and(|user| user.contact(contact).is_some()));
    }
    let schedule = if let Ok(id) = noted.parse::<EntryId>() {
        read.get::<Entry>(id)?.map(|entry| entry.schedule)
    } else if let Ok(id) = noted.parse::<OverrideId>() {
        read.get::<Override>(id)?.map(|entry| entry.schedule)
    } else {
        None
    };
    Ok(noted == object || schedule.is_some_and(|schedule| schedule.to_string() == object))
}

/// Audit entries in which the latest change is looked for.
const LOOKED_AT: usize = 1000;

/// `None` for what is not there, and for ids of what has no version.
fn version_of(read: &impl Read, object: &str) -> Result<Option<u64>, AppError> {
    macro_rules! first_of {
        ($($record:ty),*) => {
            $(if let Ok(id) = object.parse::<<$record as Record>::Key>() {
                return Ok(read.get::<$record>(id)?.map(|record| record.version));
            })*
        };
    }
    first_of!(User, Team, Schedule, Policy, AlertSource, Maintenance, Heartbeat, Import);
    Ok(None)
}

/// What is in use is not deleted; the sentence says by what.
pub fn refuse_in_use(name: &str, used_by: &[String]) -> Result<(), AppError> {
    if used_by.is_empty() {
        return Ok(());
    }
    let sentence = format!("{name} is still used by {}. Remove it there first.", used_by.join(", "));
    Err(Refusal::conflict("in_use", sentence).into())
}

pub fn name_taken(kind: &str, name: &str) -> Refusal {
    Refusal::invalid("name_taken", "name", format!("{name} is the name of another {kind}. Choose another one."))
}
