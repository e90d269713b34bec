//! What a commit adds to the trace, and which of the rare states it was.

use super::{Cause, Surroundings};
use crate::plan::Action;
use crate::trace::{Rare, Trace};
use crate::view::{Changed, Step};
use pagerpal::domain::effect::{Subject, Timer};
use pagerpal::domain::incident::{Hold, Incident, Phase, Status};
use pagerpal::domain::storm;
use pagerpal::domain::timeline::{DeliveryNews, Happened, LastResort};

pub(super) fn tell(here: &Surroundings, cause: Cause<'_>, step: &Step, trace: &mut Trace) {
    let Surroundings { at, now, .. } = *here;
    if let Cause::Client(action) = cause {
        trace.line(at, now, format_args!("done: {action:?}"));
    }
    for (_, before, after) in &step.incidents {
        let Some(after) = after else { continue };
        let shown = |i: &Incident| (i.status, i.ladder.phase, i.ladder.level, i.ladder.cycle, i.ladder.visit);
        if before.as_ref().map(shown) != Some(shown(after)) {
            let (number, (status, phase, level, cycle, visit)) = (after.number, shown(after));
            let (status, paged) = (status.word(), &after.ladder.paged);
            trace.line(
                at,
                now,
                format_args!(
                    "#{number} is {status}, {phase:?}, level {level:?}, cycle {cycle}, visit {visit}, {paged:?}"
                ),
            );
        }
    }
    tell_timers(here, &step.timers, trace);
    for (id, before, after) in &step.deliveries {
        let Some(after) = after else { continue };
        if before.as_ref().is_none_or(|before| before.state != after.state) {
            let (user, channel, state) = (after.user, after.channel.word(), &after.state);
            trace.line(at, now, format_args!("  {id} to {user} by {channel}: {state:?}"));
        }
    }
}

fn tell_timers(here: &Surroundings, timers: &Changed<Timer>, trace: &mut Trace) {
    for (key, before, after) in timers {
        let (Subject::Incident(incident), kind) = (key.subject, key.kind) else { continue };
        match after {
            Some(after) if before.as_ref().is_none_or(|before| before.due != after.due) => {
                trace.line(here.at, here.now, format_args!("  {incident} waits for {kind:?} until {}", after.due));
            }
            None => trace.line(here.at, here.now, format_args!("  {incident} waits for {kind:?} no more")),
            Some(_) => {}
        }
    }
}

pub(super) fn count(cause: Cause<'_>, step: &Step, rare: &mut Rare) {
    for line in &step.timeline {
        let state = match &line.what {
            Happened::Held { why: Hold::Maintenance(_), .. } => "held by a maintenance window",
            Happened::Created { title, .. } if title.ends_with("is missing") => "a heartbeat that was missed",
            Happened::Created { title, .. } if title.starts_with("Alert storm") => "a storm",
            Happened::HoldEnded => "a hold that ended",
            Happened::Exhausted => "exhausted",
            Happened::NoCoverage => "nobody on call",
            Happened::CoverageReturned => "coverage returned",
            Happened::LastResortPaged { chosen: LastResort::Nobody, .. } => "nobody anywhere to page",
            Happened::HandoffPaged { .. } => "paged at a handoff",
            Happened::AckTimedOut => "an acknowledgement that timed out",
            Happened::AckAdded => "acknowledged by two",
            Happened::AutoResolved { .. } => "resolved by silence",
            Happened::Reopened => "reopened",
            Happened::Reassigned { .. } => "handed by hand",
            Happened::Delivery { what: DeliveryNews::Crossed, .. } => "crossed by an acknowledgement",
            Happened::Delivery { what: DeliveryNews::HeldBack { .. }, .. } => "a number over its budget",
            Happened::Delivery { what: DeliveryNews::NoReceipt, .. } => "silence of a provider",
            Happened::Delivery { what: DeliveryNews::Withdrawn { .. }, .. } => "withdrawn before it left",
            _ => continue,
        };
        rare.count(state);
    }
    for (_, before, after) in &step.incidents {
        let (Some(before), Some(after)) = (before, after) else { continue };
        let is_storm = after.external_id == storm::IDENTITY && after.status == Status::Resolved;
        if is_storm && before.status != after.status && matches!(cause, Cause::Client(Action::Recover { .. })) {
            rare.count("a storm whose last line was struck");
        }
        match cause {
            _ if before.hold != Some(Hold::Restore) || after.hold.is_some() => {}
            Cause::Client(Action::Trigger { .. }) => rare.count("heard again after a restore"),
            Cause::Client(Action::Resume { .. }) => rare.count("resumed after a restore"),
            _ => {}
        }
        let left_exhaustion = (before.ladder.phase, after.ladder.phase) == (Phase::Exhausted, Phase::Climbing);
        if left_exhaustion && before.status == after.status && !matches!(cause, Cause::Client(Action::Act { .. })) {
            rare.count("exhausted, and then a level again");
        }
        if before.status == Status::Acknowledged
            && after.severity > before.severity
            && after.status == Status::Triggered
        {
            rare.count("severity rose over an acknowledgement");
        }
        let by_edit = matches!(
            cause,
            Cause::Client(
                Action::Deactivate { .. }
                    | Action::EnableMethod { .. }
                    | Action::RemoveMethod { .. }
                    | Action::EditPolicy { .. }
                    | Action::MoveSource { .. }
            )
        );
        if by_edit && after.ladder.visit > before.ladder.visit && before.ladder.phase == Phase::Climbing {
            rare.count("undone by an edit: nobody of the level is left");
        }
    }
}
