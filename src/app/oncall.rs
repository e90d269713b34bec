//! Who is on call, for pages and the API. The answer itself is `domain::oncall`'s.

use crate::app::{AppError, context};
use crate::domain::entry::Interval;
use crate::domain::id::{ScheduleId, UserId};
use crate::domain::oncall::{self, Calendar, Claim, People, Place, SEARCHED_DAYS, Segment, final_schedule, on_call};
use crate::domain::refusal::Refusal;
use crate::domain::report::{Fairness, fairness};
use crate::domain::schedule::Schedule;
use crate::domain::time::Timestamp;
use crate::store::{Read, schedules};

/// One schedule's answer at an instant.
#[derive(Clone, Debug)]
pub struct OnCall {
    pub schedule: Schedule,
    /// Empty: nobody.
    pub places: Vec<Place>,
    /// When the answer changes, within the days that are looked ahead.
    pub until: Option<Timestamp>,
    /// Who comes then.
    pub next: Vec<UserId>,
    /// The first stretch of the next 14 days that nobody has, the one that runs now included.
    pub gap: Option<Interval>,
}

const LOOK_AHEAD_DAYS: i64 = 60;
/// How far ahead a gap is worth a word.
pub const GAP_DAYS: i64 = 14;

/// A schedule with its people, from an instant on.
pub fn calendar(read: &impl Read, id: ScheduleId, from: Timestamp) -> Result<(Calendar, People), AppError> {
    let calendar = context::calendar(read, id, from, super::MANY)?.ok_or_else(|| Refusal::not_found("schedule"))?;
    let people = context::load_people(read, &context::people_of(&calendar))?;
    Ok((calendar, people))
}

/// Every schedule, in the order they were made.
pub fn everywhere(read: &impl Read, at: Timestamp) -> Result<Vec<OnCall>, AppError> {
    let all = schedules::schedules_all(read, super::MANY)?;
    all.into_iter().map(|schedule| on_schedule(read, schedule.id, at)).collect()
}

pub fn on_schedule(read: &impl Read, id: ScheduleId, at: Timestamp) -> Result<OnCall, AppError> {
    let (calendar, people) = calendar(read, id, at)?;
    let places = on_call(&calendar, &people, at);
    let users = |places: &[Place]| places.iter().map(|place| place.user).collect::<Vec<_>>();
    let segments = final_schedule(&calendar, &people, at, at.plus_secs(LOOK_AHEAD_DAYS * 86_400))?;
    let change = segments.iter().find(|segment| users(&segment.places) != users(&places));
    let soon = at.plus_secs(GAP_DAYS * 86_400);
    let gap = segments.iter().find(|segment| segment.places.is_empty() && segment.start < soon);
    Ok(OnCall {
        gap: gap.map(|segment| Interval { start: segment.start, end: segment.end }),
        until: change.map(|segment| segment.start),
        next: change.map(|segment| users(&segment.places)).unwrap_or_default(),
        schedule: calendar.schedule,
        places,
    })
}

/// A stretch in which somebody is on call without a break.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shift {
    pub schedule: ScheduleId,
    pub user: UserId,
    pub span: Interval,
    /// It has begun before the stretch that was asked for.
    pub runs: bool,
}

/// Everybody's, on every schedule, the first to begin first.
pub fn shifts(read: &impl Read, within: Interval) -> Result<Vec<Shift>, AppError> {
    let mut shifts: Vec<Shift> = Vec::new();
    for schedule in schedules::schedules_all(read, super::MANY)? {
        let (_, _, segments) = rendered(read, schedule.id, within.start, within.end)?;
        let mut open: Vec<Shift> = Vec::new();
        for segment in segments {
            let mut going: Vec<Shift> = Vec::new();
            for user in segment.places.iter().map(|place| place.user) {
                let (before, runs) = (open.iter().position(|shift| shift.user == user), segment.clipped_start);
                let span = Interval { start: segment.start, end: segment.end };
                let begun = before.map(|place| open.swap_remove(place));
                going.push(match begun {
                    Some(shift) => Shift { span: Interval { end: segment.end, ..shift.span }, ..shift },
                    None => Shift { schedule: schedule.id, user, span, runs },
                });
            }
            shifts.append(&mut open);
            open = going;
        }
        shifts.append(&mut open);
    }
    shifts.sort_by_key(|shift| (shift.span.start, shift.schedule, shift.user));
    Ok(shifts)
}

/// Where somebody is on call at an instant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Duty {
    pub schedule: ScheduleId,
    /// `None`: for as long as is looked ahead.
    pub until: Option<Timestamp>,
}

/// Everything somebody is on call for, the first to end first.
pub fn duties_of(read: &impl Read, user: UserId, at: Timestamp) -> Result<Vec<Duty>, AppError> {
    let mut duties = Vec::new();
    for schedule in schedules::schedules_all(read, super::MANY)? {
        let (calendar, people) = calendar(read, schedule.id, at)?;
        // Mostly it is somebody else, and then nothing more is asked.
        if on_call(&calendar, &people, at).iter().all(|place| place.user != user) {
            continue;
        }
        let own = oncall::answer(&calendar, &people, at).into_iter().find(|on_call| on_call.place.user == user);
        let until = own.filter(|on_call| !on_call.open_ended).map(|on_call| on_call.until);
        duties.push(Duty { schedule: schedule.id, until });
    }
    duties.sort_by_key(|duty| (duty.until.is_none(), duty.until));
    Ok(duties)
}

/// One schedule's whole answer at an instant: who, since and until when, and why nobody else.
#[derive(Clone, Debug)]
pub struct Answer {
    pub calendar: Calendar,
    pub people: People,
    /// Empty: nobody.
    pub on_call: Vec<oncall::OnCall>,
    pub claims: Vec<Claim>,
    /// When nobody is on call: who is next, and when.
    pub after_gap: Option<(Timestamp, Vec<UserId>)>,
}

pub fn answered(read: &impl Read, id: ScheduleId, at: Timestamp) -> Result<Answer, AppError> {
    // Since when somebody is on call lies in the past, so that is loaded as well.
    let (calendar, people) = calendar(read, id, at.plus_secs(-SEARCHED_DAYS * 86_400))?;
    let on_call = oncall::answer(&calendar, &people, at);
    let claims = oncall::explain(&calendar, &people, at);
    let after_gap = if on_call.is_empty() { oncall::next_cover(&calendar, &people, at) } else { None };
    Ok(Answer { calendar, people, on_call, claims, after_gap })
}

/// The schedule as it comes out between two instants, of which the first comes first.
pub fn rendered(
    read: &impl Read,
    id: ScheduleId,
    start: Timestamp,
    end: Timestamp,
) -> Result<(Calendar, People, Vec<Segment>), AppError> {
    if start >= end {
        return Err(oncall::range_refused().into());
    }
    let (calendar, people) = calendar(read, id, start)?;
    let segments = final_schedule(&calendar, &people, start, end)?;
    Ok((calendar, people, segments))
}

/// How the schedule shares its burden in a stretch, among everybody it names.
pub fn shared(read: &impl Read, id: ScheduleId, span: Interval) -> Result<(Schedule, Fairness), AppError> {
    let (calendar, people, segments) = rendered(read, id, span.start, span.end)?;
    let members: Vec<UserId> = calendar.people().into_iter().collect();
    let fairness = fairness(&segments, &members, &people, span);
    Ok((calendar.schedule, fairness))
}
