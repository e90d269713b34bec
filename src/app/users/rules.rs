//! Notification rules: in which order and after how long a person's contact methods are used.

use super::{begin_own, one, save};
use crate::app::{AppError, Write, change};
use crate::domain::Urgency;
use crate::domain::actor::Actor;
use crate::domain::id::UserId;
use crate::domain::user::{Rules, Step};

/// One of the two lists; the other stays as it is.
pub fn set_rules_of(
    tx: &mut Write<'_>,
    actor: &Actor,
    id: UserId,
    urgency: Urgency,
    steps: &[Step],
) -> Result<(), AppError> {
    begin_own(actor, id)?;
    let (known, steps) = (one(tx, id)?.rules, steps.to_vec());
    let rules = match urgency {
        Urgency::High => Rules { high: steps, ..known },
        Urgency::Low => Rules { low: steps, ..known },
    };
    set_rules(tx, actor, id, &rules)
}

/// An empty list is the preset. What is on its way already keeps its times.
pub fn set_rules(tx: &mut Write<'_>, actor: &Actor, id: UserId, rules: &Rules) -> Result<(), AppError> {
    begin_own(actor, id)?;
    let mut user = one(tx, id)?;
    user.rules = rules.clone().checked(&user.contacts)?;
    save(tx, &user)?;
    let (high, low) = (user.rules.high.len(), user.rules.low.len());
    let summary = format!("{}: {high} steps for high urgency, {low} for low", user.name);
    change::audit(tx, actor, "user.rules_set", id, summary)
}
