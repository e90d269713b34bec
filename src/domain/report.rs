//! How fairly a schedule shares its burden: hours, nights, weekends and rest of each person, from a final schedule.
//!
//! What somebody did counts, not what was planned for them: a cover belongs to who took it. Nights and weekends are those
//! of the place where a person lives.

use crate::domain::entry::Interval;
use crate::domain::id::UserId;
use crate::domain::oncall::{People, Segment};
use crate::domain::time::{Timestamp, earliest_at_or_after, zone_named};
use crate::domain::user::User;
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

#[derive(Clone, PartialEq, Debug)]
pub struct Fairness {
    /// Whoever takes part, by id; also those without an hour.
    pub shares: Vec<Share>,
    /// Jain's index of hours by hours of activity: 1 is even, 1/n is one person doing it all. `None` if nobody did any.
    pub spread: Option<f64>,
    /// Active, taking part, and never on call in [`STARVED_DAYS`] or more; nobody in a shorter stretch.
    pub starved: Vec<UserId>,
}

/// One person's part, in seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Share {
    pub user: UserId,
    pub on_call_secs: i64,
    /// 22:00 to 08:00 on their clock.
    pub night_secs: i64,
    /// Saturday and Sunday on their clock.
    pub weekend_secs: i64,
    /// Stretches on call without a break, by whatever claims.
    pub shifts: u32,
    pub longest_secs: i64,
    /// Between two shifts; `None` with less than two.
    pub shortest_rest_secs: Option<i64>,
    /// How long they were active, so could have been on call.
    pub eligible_secs: i64,
}

pub const STARVED_DAYS: i64 = 56;

/// Of the segments of `span`, among those who take part. Somebody who is on call without taking part, a stand-in from
/// elsewhere, is counted as well.
pub fn fairness(segments: &[Segment], members: &[UserId], people: &People, span: Interval) -> Fairness {
    let stand_ins = segments.iter().flat_map(|segment| segment.places.iter().map(|place| place.user));
    let mut users: Vec<UserId> = members.iter().copied().chain(stand_ins).collect();
    users.sort_unstable();
    users.dedup();
    let shares: Vec<Share> =
        users.iter().filter_map(|user| people.get(user)).map(|user| share(segments, user, span)).collect();
    let is_long = span.end.secs_since(span.start) >= STARVED_DAYS * 86_400;
    let is_starved = |share: &&Share| {
        is_long && share.on_call_secs == 0 && people[&share.user].is_active() && members.contains(&share.user)
    };
    let starved = shares.iter().filter(is_starved).map(|share| share.user).collect();
    Fairness { spread: spread(&shares), starved, shares }
}

fn share(segments: &[Segment], user: &User, span: Interval) -> Share {
    let zone = zone_named(&user.zone).unwrap_or(TimeZone::UTC);
    let runs = runs(segments, user.id);
    let eligible = user.activity.iter().map(|activity| {
        let active = Interval { start: activity.from, end: activity.to.unwrap_or(Timestamp::MAX) };
        common_secs(&active, &span)
    });
    Share {
        user: user.id,
        on_call_secs: runs.iter().map(length).sum(),
        night_secs: runs.iter().map(|run| night_secs(run, &zone)).sum(),
        weekend_secs: runs.iter().map(|run| weekend_secs(run, &zone)).sum(),
        shifts: runs.len() as u32,
        longest_secs: runs.iter().map(length).max().unwrap_or(0),
        shortest_rest_secs: runs.windows(2).map(|pair| pair[1].start.secs_since(pair[0].end)).min(),
        eligible_secs: eligible.sum(),
    }
}

/// Neighbouring segments of one person are one stretch on call.
fn runs(segments: &[Segment], user: UserId) -> Vec<Interval> {
    let mut runs: Vec<Interval> = Vec::new();
    for segment in segments.iter().filter(|segment| segment.places.iter().any(|place| place.user == user)) {
        match runs.last_mut() {
            Some(last) if last.end == segment.start => last.end = segment.end,
            _ => runs.push(Interval { start: segment.start, end: segment.end }),
        }
    }
    runs
}

fn length(span: &Interval) -> i64 {
    span.end.secs_since(span.start)
}

fn common_secs(one: &Interval, other: &Interval) -> i64 {
    one.end.min(other.end).secs_since(one.start.max(other.start)).max(0)
}

fn night_secs(run: &Interval, zone: &TimeZone) -> i64 {
    days(run, zone).map(|day| common_secs(run, &between(zone, day, 22, day.saturating_add(1.day()), 8))).sum()
}

fn weekend_secs(run: &Interval, zone: &TimeZone) -> i64 {
    let weekend = days(run, zone).filter(|day| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday));
    weekend.map(|day| common_secs(run, &between(zone, day, 0, day.saturating_add(1.day()), 0))).sum()
}

fn between(zone: &TimeZone, from: Date, from_hour: i8, to: Date, to_hour: i8) -> Interval {
    let instant = |day: Date, hour| earliest_at_or_after(zone, day.at(hour, 0, 0, 0));
    Interval { start: instant(from, from_hour), end: instant(to, to_hour) }
}

/// Local days that a stretch touches, and the evening before: its night may reach in.
fn days(run: &Interval, zone: &TimeZone) -> impl Iterator<Item = Date> {
    let first = run.start.in_zone(zone).date().saturating_sub(1.day());
    let last = run.end.in_zone(zone).date();
    first.series(1.day()).take_while(move |day| *day <= last)
}

fn spread(shares: &[Share]) -> Option<f64> {
    let eligible = shares.iter().filter(|share| share.eligible_secs > 0);
    let loads: Vec<f64> = eligible.map(|share| share.on_call_secs as f64 / share.eligible_secs as f64).collect();
    let (sum, squares) = (loads.iter().sum::<f64>(), loads.iter().map(|load| load * load).sum::<f64>());
    (squares > 0.0).then(|| sum * sum / (loads.len() as f64 * squares))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::Role;
    use crate::domain::id::{EntryId, Id};
    use crate::domain::oncall::{Place, Source};
    use crate::domain::user::{Activity, Rules};

    const HOUR: i64 = 3600;
    /// Monday 2026-06-01 00:00 UTC.
    const MONDAY: i64 = 1_780_272_000;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(MONDAY + hours * HOUR)
    }

    fn person(number: u64, zone: &str) -> User {
        User {
            id: UserId::new(number),
            name: format!("person {number}"),
            email: None,
            role: Role::Responder,
            login: None,
            zone: zone.to_owned(),
            activity: vec![Activity { from: Timestamp::MIN, to: None }],
            contacts: vec![],
            rules: Rules::default(),
            created_at: Timestamp::MIN,
            version: 1,
        }
    }

    /// `(from, to, who)`, in hours after Monday midnight.
    fn segments(parts: &[(i64, i64, &[u64])]) -> Vec<Segment> {
        let place =
            |user: &u64| Place { user: UserId::new(*user), claim: Source::Entry(EntryId::new(1)), replaced: None };
        let segment = |&(from, to, users): &(i64, i64, &[u64])| Segment {
            start: at(from),
            end: at(to),
            places: users.iter().map(place).collect(),
            gap: None,
            fallback: false,
            clipped_start: false,
            clipped_end: false,
        };
        parts.iter().map(segment).collect()
    }

    fn of(people: &[User], parts: &[(i64, i64, &[u64])], days: i64) -> Fairness {
        let members: Vec<UserId> = people.iter().map(|user| user.id).collect();
        let people = people.iter().map(|user| (user.id, user.clone())).collect();
        fairness(&segments(parts), &members, &people, Interval { start: at(0), end: at(days * 24) })
    }

    #[test]
    fn nights_and_weekends_are_those_of_a_persons_own_clock() {
        let check = |zone: &str, parts: &[(i64, i64, &[u64])], nights: i64, weekend: i64| {
            let share = &of(&[person(1, zone)], parts, 14).shares[0];
            assert_eq!((share.night_secs, share.weekend_secs), (nights * HOUR, weekend * HOUR), "{zone} {parts:?}");
        };
        check("UTC", &[(0, 24, &[1])], 10, 0);
        check("UTC", &[(9, 17, &[1])], 0, 0);
        check("UTC", &[(22, 30, &[1])], 8, 0);
        check("Asia/Kolkata", &[(22, 24, &[1])], 2, 0); // 03:30 to 05:30
        check("Pacific/Auckland", &[(10, 20, &[1])], 10, 0); // 22:00 to 08:00
        check("UTC", &[(4 * 24, 7 * 24, &[1])], 30, 48); // Friday to Sunday
        check("America/New_York", &[(5 * 24, 5 * 24 + 12, &[1])], 10, 8); // Friday 20:00 to Saturday 08:00
    }

    #[test]
    fn neighbouring_segments_are_one_shift_and_rest_lies_between() {
        let parts: [(i64, i64, &[u64]); 5] =
            [(0, 8, &[1]), (8, 12, &[1, 2]), (12, 20, &[2]), (20, 24, &[1]), (40, 41, &[1])];
        let fairness = of(&[person(1, "UTC"), person(2, "UTC")], &parts, 2);
        let [ana, bo] = &fairness.shares[..] else { panic!("two people: {fairness:?}") };
        assert_eq!((ana.on_call_secs, ana.shifts, ana.longest_secs), (17 * HOUR, 3, 12 * HOUR));
        assert_eq!(ana.shortest_rest_secs, Some(8 * HOUR));
        assert_eq!((bo.on_call_secs, bo.shifts, bo.shortest_rest_secs), (12 * HOUR, 1, None));
    }

    #[test]
    fn the_spread_is_one_when_even_and_falls_with_unevenness() {
        let spread = |people: &[User], parts: &[(i64, i64, &[u64])]| of(people, parts, 2).spread;
        let both = [person(1, "UTC"), person(2, "UTC")];
        assert_eq!(spread(&both, &[(0, 24, &[1]), (24, 48, &[2])]), Some(1.0));
        assert_eq!(spread(&both, &[(0, 48, &[1])]), Some(0.5), "one of two does it all");
        assert_eq!(spread(&both, &[]), None);
        let mut newcomer = person(2, "UTC");
        newcomer.activity = vec![Activity { from: at(24), to: None }];
        let with_newcomer = [person(1, "UTC"), newcomer];
        let even = spread(&with_newcomer, &[(0, 16, &[1]), (24, 32, &[2])]);
        assert_eq!(even, Some(1.0), "a third of the hours each was there for");
    }

    #[test]
    fn who_never_has_a_turn_in_eight_weeks_is_starved() {
        let mut gone = person(3, "UTC");
        gone.deactivate(at(24));
        let people = [person(1, "UTC"), person(2, "UTC"), gone];
        assert_eq!(of(&people, &[(0, 24, &[1])], 56).starved, [UserId::new(2)]);
        assert_eq!(of(&people, &[(0, 24, &[1])], 55).starved, []);
    }

    #[test]
    fn whoever_was_not_there_is_no_part_of_the_spread() {
        let mut gone = person(2, "UTC");
        gone.deactivate(at(-1));
        let fairness = of(&[person(1, "UTC"), gone], &[(0, 24, &[1])], 2);
        assert_eq!((fairness.spread, fairness.shares[1].eligible_secs), (Some(1.0), 0));
    }
}
