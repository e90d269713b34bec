//! Every edit of the configuration goes through here: access, audit entry, and a fresh look at what it touches.
//!
//! An incident follows the live policy. So the commit that changes a policy, a schedule, a team or a person also decides
//! anew about every triggered incident: whom an edit adds is paged at once, and a ladder left without anybody climbs on.

use crate::app::audit::{Said, append, note};
use crate::app::{AppError, Write, apply, context};
use crate::domain::access::{self, Action};
use crate::domain::actor::{Actor, By};
use crate::domain::audit::Change;
use crate::domain::incident::{self, Status};
use crate::domain::refusal::Refusal;
use crate::planted;
use crate::store::{Take, incidents};
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
