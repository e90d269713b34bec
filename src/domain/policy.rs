//! Escalation policies: levels that are climbed one after the other until somebody answers.

use crate::domain::id::{PolicyId, ScheduleId, TeamId, UserId};
use crate::domain::refusal::{Refusal, checked_name};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Policy {
    pub id: PolicyId,
    /// Unique, case ignored.
    pub name: String,
    /// Ascending by number.
    pub levels: Vec<Level>,
    /// How often the ladder is climbed again from the bottom: 0 to 9.
    pub repeat: u8,
    /// Paged when no level has anybody, or all were called in vain. Empty: all active admins.
    pub last_resort: Vec<UserId>,
    /// Minutes between two pages of the last resort: 5 to 1440.
    pub repage_minutes: u16,
    /// An acknowledged incident is paged again after so many minutes unless it is resolved: 5 to 1440.
    pub ack_timeout_minutes: Option<u16>,
    pub created_at: Timestamp,
    pub version: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Level {
    /// 1 to 99, unique in the policy; gaps are fine.
    pub number: u8,
    /// From entering this level to entering the next: 1 to 1440 minutes.
    pub delay_minutes: u16,
    /// 1 to 10.
    pub recipients: Vec<Recipient>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Recipient {
    User(UserId),
    Schedule(ScheduleId),
    Team(TeamId),
}

pub const REPEAT_DEFAULT: u8 = 2;
pub const REPAGE_MINUTES_DEFAULT: u16 = 30;

impl Policy {
    /// The level a remembered number leads to: the smallest number above it in the policy as it is now.
    pub fn levels_above(&self, number: Option<u8>) -> impl Iterator<Item = &Level> {
        self.levels.iter().filter(move |level| number.is_none_or(|number| level.number > number))
    }

    pub fn level(&self, number: u8) -> Option<&Level> {
        self.levels.iter().find(|level| level.number == number)
    }

    /// What a person may save; also brings the levels into order.
    pub fn checked(mut self) -> Result<Policy, Refusal> {
        self.name = checked_name(&self.name)?;
        self.levels.sort_by_key(|level| level.number);
        for pair in self.levels.windows(2) {
            if pair[0].number == pair[1].number {
                let sentence = format!(
                    "Level {} already exists in this policy. Numbers must differ, because paging climbs from each \
                     number to the next.",
                    pair[0].number
                );
                return Err(Refusal::invalid("level_number_taken", "number", sentence));
            }
        }
        for level in &self.levels {
            if !(1..=99).contains(&level.number) || !(1..=1440).contains(&level.delay_minutes) {
                let sentence = "A level has a number from 1 to 99 and a delay of 1 to 1440 minutes.";
                return Err(Refusal::invalid("level_range", "number", sentence));
            }
            if level.recipients.is_empty() || level.recipients.len() > 10 {
                let sentence = if level.recipients.is_empty() {
                    "Choose a person, team or schedule: a level without any pages nobody."
                } else {
                    "A level has at most 10 recipients. Put them into a team, or add a level."
                };
                return Err(Refusal::invalid("level_empty", "recipients", sentence));
            }
        }
        if self.repeat > 9 {
            return Err(Refusal::invalid("repeat_range", "repeat", "Repeat the ladder 0 to 9 times."));
        }
        if !(5..=1440).contains(&self.repage_minutes) {
            let sentence = "Page the last resort again after 5 to 1440 minutes.";
            return Err(Refusal::invalid("repage_range", "repage_minutes", sentence));
        }
        if self.ack_timeout_minutes.is_some_and(|minutes| !(5..=1440).contains(&minutes)) {
            let sentence = "Page again 5 to 1440 minutes after somebody took it, or leave it empty for never.";
            return Err(Refusal::invalid("ack_timeout_range", "ack_timeout_minutes", sentence));
        }
        if self.last_resort.len() > 10 {
            let sentence = "The last resort has at most 10 people. Choose those who will answer.";
            return Err(Refusal::invalid("last_resort_range", "last_resort", sentence));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    fn policy(levels: &[(u8, u16, usize)]) -> Policy {
        let recipient = Recipient::User(UserId::new(1));
        let level = |&(number, delay_minutes, people): &(u8, u16, usize)| Level {
            number,
            delay_minutes,
            recipients: vec![recipient; people],
        };
        Policy {
            id: PolicyId::new(1),
            name: "Payments".into(),
            levels: levels.iter().map(level).collect(),
            repeat: 2,
            last_resort: vec![],
            repage_minutes: 30,
            ack_timeout_minutes: None,
            created_at: Timestamp::MIN,
            version: 1,
        }
    }

    fn check(levels: &[(u8, u16, usize)], expected: Result<(), &str>) {
        assert_eq!(policy(levels).checked().map(|_| ()).map_err(|refusal| refusal.code), expected, "{levels:?}");
    }

    #[test]
    fn levels_have_distinct_numbers_a_delay_and_somebody_to_page() {
        check(&[], Ok(()));
        check(&[(1, 5, 1), (20, 1440, 10)], Ok(()));
        check(&[(2, 5, 1), (1, 5, 1), (2, 9, 1)], Err("level_number_taken"));
        check(&[(0, 5, 1)], Err("level_range"));
        check(&[(100, 5, 1)], Err("level_range"));
        check(&[(1, 0, 1)], Err("level_range"));
        check(&[(1, 1441, 1)], Err("level_range"));
        check(&[(1, 5, 0)], Err("level_empty"));
        check(&[(1, 5, 11)], Err("level_empty"));
    }

    #[test]
    fn waits_are_5_minutes_to_a_day() {
        let check = |ack: Option<u16>, repage: u16, expected: Option<&str>| {
            let policy = Policy { ack_timeout_minutes: ack, repage_minutes: repage, ..policy(&[]) };
            assert_eq!(policy.checked().err().map(|refusal| refusal.code), expected, "{ack:?} {repage}");
        };
        check(None, 5, None);
        check(Some(5), 1440, None);
        check(Some(1440), 30, None);
        check(Some(4), 30, Some("ack_timeout_range"));
        check(Some(1441), 30, Some("ack_timeout_range"));
        check(None, 4, Some("repage_range"));
        check(None, 1441, Some("repage_range"));
    }

    #[test]
    fn a_remembered_number_leads_to_the_smallest_one_above_it() {
        let policy = policy(&[(1, 5, 1), (5, 5, 1), (9, 5, 1)]);
        let next = |number| policy.levels_above(number).next().map(|level| level.number);
        assert_eq!(next(None), Some(1));
        assert_eq!(next(Some(1)), Some(5));
        assert_eq!(next(Some(3)), Some(5), "its own level was deleted");
        assert_eq!(next(Some(9)), None);
    }

    #[test]
    fn what_is_too_much_is_said_for_what_it_is() {
        let check = |policy: Policy, expected: Result<(), &str>| {
            assert_eq!(policy.checked().map(drop).map_err(|refusal| refusal.sentence), expected.map_err(str::to_owned));
        };
        let nobody = "Choose a person, team or schedule: a level without any pages nobody.";
        check(policy(&[(1, 5, 0)]), Err(nobody));
        check(policy(&[(1, 5, 11)]), Err("A level has at most 10 recipients. Put them into a team, or add a level."));
        let repeated = |repeat| Policy { repeat, ..policy(&[(1, 5, 1)]) };
        check(repeated(9), Ok(()));
        for repeat in [10, 11] {
            check(repeated(repeat), Err("Repeat the ladder 0 to 9 times."));
        }
        let last_resort = |count| Policy { last_resort: (0..count).map(UserId::new).collect(), ..policy(&[]) };
        check(last_resort(10), Ok(()));
        for count in [11, 12] {
            check(last_resort(count), Err("The last resort has at most 10 people. Choose those who will answer."));
        }
    }
}
