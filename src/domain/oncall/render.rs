//! A schedule between two instants: a moment moved from change to change.

use super::moment::Moment;
use super::{
    GapReason, LONGEST_RANGE_DAYS, MOST_CHANGES, OnCall, Place, Prepared, SEARCHED_DAYS, Segment, Source, range_refused,
};
use crate::domain::id::UserId;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// A moment on its way, with the beginnings and ends of people's activity.
struct Sweep<'p, 'a> {
    moment: Moment<'p, 'a>,
    activity: std::iter::Peekable<std::vec::IntoIter<Timestamp>>,
}

impl<'p, 'a> Sweep<'p, 'a> {
    fn from(prepared: &'p Prepared<'a>, start: Timestamp) -> Sweep<'p, 'a> {
        let activity = prepared.activity_after(start).into_iter().peekable();
        Sweep { moment: Moment::at(prepared, start), activity }
    }

    fn until(&mut self) -> Timestamp {
        let activity = self.activity.peek().copied().unwrap_or(Timestamp::MAX);
        self.moment.until().min(activity)
    }

    fn move_to(&mut self, at: Timestamp) {
        while self.activity.next_if(|change| *change <= at).is_some() {}
        self.moment.move_to(at);
    }
}

impl Prepared<'_> {
    pub fn on_call(&self, at: Timestamp) -> Vec<Place> {
        let mut places = Vec::new();
        Moment::at(self, at).winner(&mut places);
        places
    }

    pub fn next_breakpoint(&self, at: Timestamp) -> Option<Timestamp> {
        let next = Sweep::from(self, at).until();
        (next < Timestamp::MAX).then_some(next)
    }

    /// Refused beyond [`LONGEST_RANGE_DAYS`] and [`MOST_CHANGES`]; a range that ends before it begins is empty.
    pub fn final_schedule(&self, start: Timestamp, end: Timestamp) -> Result<Vec<Segment>, Refusal> {
        if end.secs_since(start) > LONGEST_RANGE_DAYS * 86_400 {
            return Err(range_refused());
        }
        let mut segments: Vec<Segment> = Vec::new();
        let mut changes = 0;
        self.each(start, end, |from, until, places, gap| {
            changes += 1;
            match segments.last_mut() {
                Some(last) if last.places == places && last.gap == gap => last.end = until,
                _ => segments.push(Segment {
                    start: from,
                    end: until,
                    places: places.to_vec(),
                    gap,
                    fallback: places.first().is_some_and(|place| place.claim == Source::Fallback),
                    clipped_start: false,
                    clipped_end: false,
                }),
            }
            changes <= MOST_CHANGES
        });
        if changes > MOST_CHANGES {
            let sentence = "This schedule changes more than 100,000 times from there to there. Ask for a shorter time.";
            return Err(Refusal::invalid("range", "to", sentence));
        }
        let holds_at = |segment: &Segment, at: Timestamp| {
            let mut places = Vec::new();
            let gap = Moment::at(self, at).winner(&mut places);
            segment.places == places && segment.gap == gap
        };
        if let Some(first) = segments.first_mut() {
            first.clipped_start = start > Timestamp::MIN && holds_at(first, start.plus_secs(-1));
        }
        if let Some(last) = segments.last_mut() {
            last.clipped_end = end < Timestamp::MAX && holds_at(last, end);
        }
        Ok(segments)
    }

    /// The first stretch from `at` on in which somebody is on call, looked for [`SEARCHED_DAYS`] ahead.
    pub fn next_cover(&self, at: Timestamp) -> Option<(Timestamp, Vec<UserId>)> {
        let mut found = None;
        self.each(at, at.plus_secs(SEARCHED_DAYS * 86_400), |from, _, places, _| {
            if !places.is_empty() {
                found = Some((from, places.iter().map(|place| place.user).collect()));
            }
            found.is_none()
        });
        found
    }

    /// Calls `see` with each stretch in which nothing changes, in order, until the end or until it says `false`.
    /// Neighbours may have the same answer.
    fn each(
        &self,
        start: Timestamp,
        end: Timestamp,
        mut see: impl FnMut(Timestamp, Timestamp, &[Place], Option<GapReason>) -> bool,
    ) {
        if start >= end {
            return;
        }
        let mut sweep = Sweep::from(self, start);
        let mut places = Vec::new();
        let mut at = start;
        loop {
            let gap = sweep.moment.winner(&mut places);
            // A change is always ahead; were one not, a second's step would still end this.
            let until = sweep.until().max(at.plus_secs(1)).min(end);
            if !see(at, until, &places, gap) || until >= end {
                return;
            }
            sweep.move_to(until);
            at = until;
        }
    }

    pub fn answer(&self, at: Timestamp) -> Vec<OnCall> {
        let end = at.plus_secs(SEARCHED_DAYS * 86_400);
        let begun = |place: Place| OnCall { place, since: at, until: end, open_ended: true, next: Vec::new() };
        let mut answer: Vec<OnCall> = self.on_call(at).into_iter().map(begun).collect();
        let stays = |user: UserId, places: &[Place]| places.iter().any(|place| place.user == user);
        self.each(at, end, |from, _, places, _| {
            for on_call in answer.iter_mut().filter(|on_call| on_call.open_ended) {
                if !stays(on_call.place.user, places) {
                    on_call.until = from;
                    on_call.open_ended = false;
                    on_call.next = places.iter().map(|place| place.user).collect();
                }
            }
            answer.iter().any(|on_call| on_call.open_ended)
        });
        self.look_back(at, &mut answer);
        answer
    }

    /// Finds since when they are on call. Time can only be rendered forwards, so this renders ever longer stretches
    /// before the instant until everybody was off in one.
    fn look_back(&self, at: Timestamp, answer: &mut [OnCall]) {
        let limit = at.plus_secs(-SEARCHED_DAYS * 86_400);
        let (mut end, mut secs) = (at, 86_400);
        let mut open: Vec<&mut OnCall> = answer.iter_mut().collect();
        while !open.is_empty() && end > limit {
            let start = end.plus_secs(-secs).max(limit);
            // Since when, within this stretch, each of them is on call without a break.
            let mut since = vec![None; open.len()];
            self.each(start, end, |from, _, places, _| {
                for (since, on_call) in since.iter_mut().zip(&open) {
                    let stays = places.iter().any(|place| place.user == on_call.place.user);
                    *since = if stays { since.or(Some(from)) } else { None };
                }
                true
            });
            let mut since = since.into_iter();
            open.retain_mut(|on_call| {
                let since = since.next().flatten();
                on_call.since = since.unwrap_or(end);
                since == Some(start)
            });
            (end, secs) = (start, secs * 2);
        }
    }
}
