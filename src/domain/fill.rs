//! Ordinary entries in turn: "Ana, Bo, Caro, every 7 days, from Monday 09:00, until 30 June".
//!
//! What comes of it are entries like those that are typed one by one, each of which can be changed or removed alone. A
//! rotation is the better choice for what goes on without an end.

use crate::domain::entry::Interval;
use crate::domain::id::UserId;
use crate::domain::refusal::Refusal;
use crate::domain::rotation::Civil;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// Who, how often, and how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fill {
    /// In this order; somebody may come more than once.
    pub people: Vec<UserId>,
    /// The first handoff, on the schedule's clock. All others are at its time of day.
    pub first: DateTime,
    pub every_days: u16,
    /// The last day that is filled.
    pub until: Date,
}

const PEOPLE_AT_MOST: usize = 50;
const DAYS_AT_MOST: u16 = 28;
pub const ENTRIES_AT_MOST: usize = 366;

impl Fill {
    /// Each with whose it is, in the order of time. A handoff that the clocks jump over comes right after the jump.
    pub fn turns(&self, zone: &TimeZone) -> Result<Vec<(UserId, Interval)>, Refusal> {
        if self.people.is_empty() || self.people.len() > PEOPLE_AT_MOST {
            let sentence = format!("Choose who takes turns: 1 to {PEOPLE_AT_MOST} people.");
            return Err(Refusal::invalid("fill_people", "person", sentence));
        }
        if !(1..=DAYS_AT_MOST).contains(&self.every_days) {
            let sentence = format!("Hand over every 1 to {DAYS_AT_MOST} days.");
            return Err(Refusal::invalid("fill_days", "every", sentence));
        }
        let instant = |at: DateTime| Civil::of(at).instant(zone);
        let end = instant(self.until.saturating_add(1.day()).to_datetime(Time::midnight()));
        let mut turns = Vec::new();
        let mut at = self.first;
        for user in self.people.iter().cycle() {
            let next = at.saturating_add(i64::from(self.every_days).days());
            let span = Interval { start: instant(at), end: instant(next).min(end) };
            if span.start >= span.end {
                break;
            }
            if turns.len() == ENTRIES_AT_MOST {
                let sentence = format!("These are more than {ENTRIES_AT_MOST} entries. Choose an earlier day.");
                return Err(Refusal::invalid("fill_length", "until", sentence));
            }
            turns.push((*user, span));
            at = next;
        }
        if turns.is_empty() {
            let sentence = "Choose a last day on or after the day of the first handoff.";
            return Err(Refusal::invalid("fill_length", "until", sentence));
        }
        Ok(turns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    fn check(people: u64, first: &str, every_days: u16, until: &str, expected: Result<&[&str], &str>) {
        let fill = Fill {
            people: (1..=people).map(UserId::new).collect(),
            first: first.parse().expect("a time"),
            every_days,
            until: until.parse().expect("a day"),
        };
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        let turns = fill.turns(&zone).map(|turns| {
            let said = |(user, span): (UserId, Interval)| format!("{} {} {}", user.number(), span.start, span.end);
            turns.into_iter().map(said).collect::<Vec<_>>()
        });
        assert_eq!(
            turns.map_err(|refusal| refusal.field.unwrap_or("")),
            expected.map(|lines| lines.iter().map(|line| (*line).to_owned()).collect())
        );
    }

    #[test]
    fn people_take_turns_at_the_same_hour_until_the_last_day_ends() {
        // The clocks go back on the 25th.
        check(
            2,
            "2026-10-19T09:00",
            7,
            "2026-11-03",
            Ok(&[
                "1 2026-10-19T07:00:00Z 2026-10-26T08:00:00Z",
                "2 2026-10-26T08:00:00Z 2026-11-02T08:00:00Z",
                "1 2026-11-02T08:00:00Z 2026-11-03T23:00:00Z",
            ]),
        );
        check(1, "2026-10-19T09:00", 1, "2026-10-19", Ok(&["1 2026-10-19T07:00:00Z 2026-10-19T22:00:00Z"]));
        check(0, "2026-10-19T09:00", 1, "2026-10-19", Err("person"));
        check(1, "2026-10-19T09:00", 0, "2026-10-19", Err("every"));
        check(1, "2026-10-19T09:00", 1, "2026-10-18", Err("until"));
        check(1, "2026-10-19T09:00", 1, "2028-10-18", Err("until"));
    }

    #[test]
    fn turns_have_their_limits() {
        let of = |people: u64, every_days, first: &str, until: &str| {
            let fill = Fill {
                people: (1..=people).map(UserId::new).collect(),
                first: first.parse().expect("a time"),
                every_days,
                until: until.parse().expect("a day"),
            };
            fill.turns(&TimeZone::UTC).map(|turns| turns.len()).map_err(|refusal| refusal.code)
        };
        let week = |people| of(people, 1, "2026-06-01T09:00", "2026-06-07");
        assert_eq!([0, 50, 51, 52].map(week), [Err("fill_people"), Ok(7), Err("fill_people"), Err("fill_people")]);
        // A handoff at midnight after the last day begins nothing.
        assert_eq!(of(2, 1, "2026-06-01T00:00", "2026-06-02"), Ok(2));
        assert_eq!(of(2, 1, "2026-01-01T09:00", "2027-01-01"), Ok(366));
        assert_eq!(of(2, 1, "2026-01-01T09:00", "2027-01-02"), Err("fill_length"));
    }
}
