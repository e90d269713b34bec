//! What time does to an incident, and edits of what its ladder rests on.

use crate::domain::actor::By;
use crate::domain::effect::{TimerKind, Transition};
use crate::domain::escalation::Context;
use crate::domain::incident::deeds::{close, take_back};
use crate::domain::incident::{Hold, Incident, Status};
use crate::domain::time::Timestamp;
use crate::domain::timeline::Happened;
use crate::domain::turn::Turn;

/// After a restore an admin looks first; then time runs out, and paging goes on.
pub const RESTORE_HOLD_MINUTES: i64 = 15;

/// The incident's timer came due. `None`: it was armed before the last change, or it is of no state the incident is in.
pub fn on_timer(
    incident: &Incident,
    kind: TimerKind,
    generation: u64,
    context: &Context,
    now: Timestamp,
) -> Option<Transition> {
    if generation != incident.generation {
        return None;
    }
    let by = By::SYSTEM;
    let mut turn = Turn::new(incident.clone(), context, now, by);
    turn.incident.version += 1;
    match (incident.status, kind) {
        (Status::Triggered, TimerKind::Next) => turn.climb(incident.ladder.level),
        (Status::Triggered, TimerKind::Repage) => turn.repage(),
        (Status::Triggered, TimerKind::Cover) => turn.look_for_coverage(),
        (Status::Triggered, TimerKind::Follow) => turn.follow(),
        (Status::Triggered, TimerKind::Hold) => turn.hold_is_due(),
        (Status::Triggered, TimerKind::AutoResolve) => {
            // Switched off since: what is armed no longer means anything.
            let after_minutes = context.source.auto_resolve_minutes?;
            turn = close(incident, context, now, by, Happened::AutoResolved { after_minutes })?;
        }
        (Status::Acknowledged, TimerKind::AckTimeout) => {
            // As above.
            context.policy.ack_timeout_minutes?;
            turn.happened(Happened::AckTimedOut);
            take_back(&mut turn);
        }
        (Status::Acknowledged, TimerKind::Snooze) => {
            turn.happened(Happened::SnoozeEnded);
            take_back(&mut turn);
        }
        _ => return None,
    }
    Some(turn.finish())
}

/// Something the ladder rests on was edited: a policy, schedule, team, person or maintenance window. `None`: nothing to
/// decide anew.
pub fn recheck(incident: &Incident, context: &Context, now: Timestamp, by: By) -> Option<Transition> {
    if incident.status != Status::Triggered {
        return None;
    }
    let mut turn = Turn::new(incident.clone(), context, now, by);
    turn.recheck();
    let mut transition = turn.finish();
    let timers_aside = Incident { generation: incident.generation, ..transition.incident.clone() };
    if timers_aside != *incident || !transition.log.is_empty() {
        transition.incident.version += 1;
    }
    (transition.incident != *incident || !transition.effects.is_empty()).then_some(transition)
}

/// Its alert source was edited: it follows to another policy, and silence is measured by the source's new rule, from now
/// on. Where the ladder goes from there is for [`recheck`] to say. `None`: nothing of that changed.
pub fn follow_source(
    incident: &Incident,
    moved: bool,
    rules_changed: bool,
    context: &Context,
    now: Timestamp,
    by: By,
) -> Option<Transition> {
    let mut turn = Turn::new(incident.clone(), context, now, by);
    let policy = context.policy.id;
    if moved && incident.policy != policy {
        turn.happened(Happened::PolicyChanged { from: incident.policy, to: policy });
        turn.incident.policy = policy;
    }
    let urgency = context.source.urgency.of(incident.severity);
    turn.incident.urgency = urgency;
    if rules_changed && incident.status == Status::Triggered {
        turn.count_silence_from_now();
    }
    let mut transition = turn.finish();
    if transition.incident == *incident {
        return None;
    }
    transition.incident.version += 1;
    Some(transition)
}

/// The database was restored: what was open in it is looked at before it pages. `None`: it pages nobody now.
pub fn hold_after_restore(incident: &Incident, context: &Context, now: Timestamp, by: By) -> Option<Transition> {
    if incident.status != Status::Triggered {
        return None;
    }
    let mut turn = Turn::new(incident.clone(), context, now, by);
    turn.incident.version += 1;
    turn.hold(Hold::Restore, now.plus_minutes(RESTORE_HOLD_MINUTES));
    Some(turn.finish())
}

/// Somebody has looked at what a restore holds, and it climbs. `None`: no restore holds it.
pub fn resume_after_restore(incident: &Incident, context: &Context, now: Timestamp, by: By) -> Option<Transition> {
    if incident.status != Status::Triggered || incident.hold != Some(Hold::Restore) {
        return None;
    }
    let mut turn = Turn::new(incident.clone(), context, now, by);
    turn.incident.version += 1;
    turn.end_hold();
    Some(turn.finish())
}
