//! What a change does to who is on call: drawn before, drawn again after, compared.

use crate::app::{AppError, Write, oncall};
use crate::domain::entry::{Interval, Override};
use crate::domain::id::{ScheduleId, UserId};
use crate::domain::oncall::{Place, Segment};
use crate::domain::time::Timestamp;
use crate::domain::warning::Warning;
use std::collections::BTreeSet;

/// How far ahead a change of a rotation is looked at. Who has no hours in this time is starved.
const WEEKS_AHEAD: i64 = 8;

/// The answer before a change, in the stretches that it may touch.
#[derive(Debug)]
pub(super) struct Before {
    schedule: ScheduleId,
    drawn: Vec<(Interval, Vec<Segment>)>,
}

#[derive(Debug)]
pub(super) struct Difference {
    /// Somebody else is on call at some time.
    pub changed: bool,
    /// Somebody was on call at a time to come that is now nobody's.
    pub gap: bool,
    /// A half of a swap that stood in for somebody no longer does.
    pub orphaned: bool,
    /// Everybody who is on call at some time, afterwards.
    pub on_call: BTreeSet<UserId>,
}

impl Before {
    pub(super) fn of(
        tx: &Write<'_>,
        schedule: ScheduleId,
        spans: impl IntoIterator<Item = Interval>,
    ) -> Result<Before, AppError> {
        let draw = |span: Interval| Ok((span, oncall::rendered(tx, schedule, span.start, span.end)?.2));
        Ok(Before { schedule, drawn: spans.into_iter().map(draw).collect::<Result<_, AppError>>()? })
    }

    /// The weeks to come, which a rotation or the fallback may change as a whole.
    pub(super) fn of_weeks(tx: &Write<'_>, schedule: ScheduleId) -> Result<Before, AppError> {
        let now = tx.now();
        Before::of(tx, schedule, [Interval { start: now, end: now.plus_secs(WEEKS_AHEAD * 7 * 86_400) }])
    }

    pub(super) fn compare(self, tx: &Write<'_>) -> Result<Difference, AppError> {
        let now = tx.now();
        let mut difference = Difference { changed: false, gap: false, orphaned: false, on_call: BTreeSet::new() };
        for (span, before) in self.drawn {
            let (calendar, _, after) = oncall::rendered(tx, self.schedule, span.start, span.end)?;
            difference.changed |= people(&before) != people(&after);
            difference.gap |= opens_gap(&before, &after, now);
            let swapped = |o: &&Override| calendar.overrides.iter().any(|other| o.is_swapped_with(other));
            let works = |o: &Override, segments: &[Segment]| {
                let by = |place: &Place| place.replaced.is_some_and(|(by, _)| by == o.id);
                segments.iter().any(|segment| segment.places.iter().any(by))
            };
            let mut halves = calendar.overrides.iter().filter(swapped);
            difference.orphaned |= halves.any(|o| works(o, &before) && !works(o, &after));
            difference.on_call.extend(after.iter().flat_map(|segment| &segment.places).map(|place| place.user));
        }
        Ok(difference)
    }
}

impl Difference {
    /// What was taken away from somebody.
    pub(super) fn lost(&self) -> Vec<Warning> {
        let all = [(self.gap, Warning::GapCreated), (self.orphaned, Warning::SwapOrphaned)];
        all.into_iter().filter(|(holds, _)| *holds).map(|(_, warning)| warning).collect()
    }
}

/// Who is on call and until when, whatever claim it is by.
fn people(segments: &[Segment]) -> Vec<(Vec<UserId>, Timestamp)> {
    let mut people: Vec<(Vec<UserId>, Timestamp)> = Vec::new();
    for segment in segments {
        let users: Vec<UserId> = segment.places.iter().map(|place| place.user).collect();
        match people.last_mut() {
            Some((last, until)) if *last == users => *until = segment.end,
            _ => people.push((users, segment.end)),
        }
    }
    people
}

fn opens_gap(before: &[Segment], after: &[Segment], now: Timestamp) -> bool {
    let overlap = |a: &Segment, b: &Segment| a.start.max(b.start).max(now) < a.end.min(b.end);
    let had = |gap: &Segment| before.iter().any(|segment| !segment.places.is_empty() && overlap(segment, gap));
    after.iter().any(|segment| segment.places.is_empty() && had(segment))
}
