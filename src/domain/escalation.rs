//! Whom a level reaches: the live policy, and everybody it leads to.
//!
//! An incident remembers a level *number* and a cycle. The policy, the schedules and the people are read as they are at
//! the instant of the decision, so a fix made at 3 a.m. works at once. What is done with the answer is said in
//! [`turn`](crate::domain::turn).

use crate::domain::access::Role;
use crate::domain::alert_source::{AlertSource, UrgencyRule};
use crate::domain::id::{MaintenanceId, ScheduleId, TeamId, UserId};
use crate::domain::oncall::{Calendar, People, Place, next_breakpoint, on_call};
use crate::domain::policy::{Level, Policy, Recipient};
use crate::domain::team::Team;
use crate::domain::time::Timestamp;
use crate::domain::timeline::{Called, LastResort, SkipReason, Via};
use std::collections::BTreeMap;

/// What a climb needs to know, as plain values: the live policy and everything it refers to.
#[derive(Clone, Debug)]
pub struct Context {
    pub policy: Policy,
    pub people: People,
    pub calendars: BTreeMap<ScheduleId, Calendar>,
    pub teams: BTreeMap<TeamId, TeamCoverage>,
    pub source: SourceRules,
    /// The maintenance window that keeps a new or a held incident silent, and when it ends.
    pub hold: Option<(MaintenanceId, Timestamp)>,
}

/// A test alert that nobody takes resolves itself after so long.
pub const TEST_ENDS_AFTER_MINUTES: u16 = 10;

/// What an incident's alert source has to say about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourceRules {
    pub urgency: UrgencyRule,
    pub auto_resolve_minutes: Option<u16>,
}

impl SourceRules {
    /// Of an incident whose source cannot be found, or of a question about a policy alone.
    pub const NONE: SourceRules = SourceRules { urgency: UrgencyRule::BySeverity, auto_resolve_minutes: None };

    /// Of an incident; a test ends by itself, whatever its source says.
    pub fn of(source: &AlertSource, is_test: bool) -> SourceRules {
        let test_ends = is_test.then_some(TEST_ENDS_AFTER_MINUTES);
        SourceRules { urgency: source.urgency, auto_resolve_minutes: test_ends.or(source.auto_resolve_minutes) }
    }
}

#[derive(Clone, Debug)]
pub struct TeamCoverage {
    pub team: Team,
    pub schedules: Vec<ScheduleId>,
}

/// While nobody can be paged, look again at least this often.
const COVER_AT_MOST_MINUTES: i64 = 15;

impl Context {
    /// The pageable people of a level, each once, in the order of its recipients, and why the others are not.
    pub fn people_of(&self, level: &Level, now: Timestamp) -> (Vec<Called>, Vec<SkipReason>) {
        let mut called: Vec<Called> = Vec::new();
        let mut reasons = Vec::new();
        for (user, via) in level.recipients.iter().flat_map(|recipient| self.reached(recipient, now, &mut reasons)) {
            if called.iter().any(|other| other.user == user) {
                continue;
            }
            called.push(Called { user, via });
        }
        called.retain(|person| match self.unpageable(person.user, now) {
            None => true,
            Some(reason) => {
                reasons.push(reason);
                false
            }
        });
        (called, reasons)
    }

    fn reached(&self, recipient: &Recipient, now: Timestamp, reasons: &mut Vec<SkipReason>) -> Vec<(UserId, Via)> {
        match recipient {
            Recipient::User(user) => vec![(*user, Via::Named)],
            Recipient::Schedule(schedule) => {
                let places = self.on_call(*schedule, now);
                if places.is_empty() {
                    reasons.push(SkipReason::NobodyOnCall { schedule: *schedule });
                }
                let via = |place: Place| (place.user, Via::Schedule { schedule: *schedule, place });
                places.into_iter().map(via).collect()
            }
            Recipient::Team(team) => self.reached_team(*team, now, reasons),
        }
    }

    /// The union over the team's schedules; a team without a schedule is covered by all its active members.
    fn reached_team(&self, id: TeamId, now: Timestamp, reasons: &mut Vec<SkipReason>) -> Vec<(UserId, Via)> {
        let Some(coverage) = self.teams.get(&id) else {
            reasons.push(SkipReason::Missing);
            return vec![];
        };
        let mut reached = Vec::new();
        for schedule in &coverage.schedules {
            let places = self.on_call(*schedule, now);
            if places.is_empty() {
                reasons.push(SkipReason::NobodyOnCall { schedule: *schedule });
            }
            let via = |place: Place| (place.user, Via::TeamSchedule { team: id, schedule: *schedule, place });
            reached.extend(places.into_iter().map(via));
        }
        if coverage.schedules.is_empty() {
            let members = coverage.team.members.iter().filter(|user| self.is_active(**user, now));
            reached.extend(members.map(|user| (*user, Via::TeamMember { team: id })));
            if reached.is_empty() {
                reasons.push(SkipReason::TeamEmpty { team: id });
            }
        }
        reached
    }

    fn on_call(&self, schedule: ScheduleId, now: Timestamp) -> Vec<Place> {
        self.calendars.get(&schedule).map(|calendar| on_call(calendar, &self.people, now)).unwrap_or_default()
    }

    fn is_active(&self, user: UserId, now: Timestamp) -> bool {
        self.people.get(&user).is_some_and(|user| user.is_active_at(now))
    }

    pub fn is_pageable(&self, user: UserId, now: Timestamp) -> bool {
        self.unpageable(user, now).is_none()
    }

    fn unpageable(&self, id: UserId, now: Timestamp) -> Option<SkipReason> {
        match self.people.get(&id) {
            None => Some(SkipReason::Missing),
            Some(user) if !user.is_active_at(now) => Some(SkipReason::Inactive { user: id }),
            Some(user) if !user.is_pageable_at(now) => Some(SkipReason::NoContactMethod { user: id }),
            Some(_) => None,
        }
    }

    /// The policy's pageable last-resort people; if none, all pageable active admins.
    pub fn last_resort(&self, now: Timestamp) -> (Vec<UserId>, LastResort) {
        let of_policy: Vec<UserId> =
            self.policy.last_resort.iter().copied().filter(|user| self.is_pageable(*user, now)).collect();
        if !of_policy.is_empty() {
            return (of_policy, LastResort::Policy);
        }
        let admins = self.people.values().filter(|user| user.role == Role::Admin && user.is_pageable_at(now));
        let admins: Vec<UserId> = admins.map(|user| user.id).collect();
        let chosen = if admins.is_empty() { LastResort::Nobody } else { LastResort::Admins };
        (admins, chosen)
    }

    /// Whether any level would page somebody now.
    pub fn is_covered(&self, now: Timestamp) -> bool {
        self.policy.levels.iter().any(|level| !self.people_of(level, now).0.is_empty())
    }

    /// When to look again while nobody can be paged: at the next change of any schedule, at most 15 minutes ahead.
    pub fn cover_due(&self, now: Timestamp) -> Timestamp {
        let latest = now.plus_minutes(COVER_AT_MOST_MINUTES);
        let changes = self.calendars.values().filter_map(|calendar| next_breakpoint(calendar, &self.people, now));
        changes.min().map_or(latest, |change| change.min(latest))
    }

    /// When somebody new may come on call for this level: the next change of a schedule it rests on. `None` for a level
    /// whose people are named.
    pub fn follow_due(&self, level: &Level, now: Timestamp) -> Option<Timestamp> {
        let schedules = level.recipients.iter().flat_map(|recipient| match recipient {
            Recipient::User(_) => vec![],
            Recipient::Schedule(schedule) => vec![*schedule],
            Recipient::Team(team) => self.teams.get(team).map(|team| team.schedules.clone()).unwrap_or_default(),
        });
        let calendars = schedules.filter_map(|schedule| self.calendars.get(&schedule));
        calendars.filter_map(|calendar| next_breakpoint(calendar, &self.people, now)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;
    use crate::domain::incident::testing::{ANA, BO, ROOT, context, id, minute, person};
    use crate::domain::oncall::testing::{empty, id as letter};

    fn team_id() -> TeamId {
        TeamId::new(3)
    }

    fn nights() -> ScheduleId {
        ScheduleId::new(4)
    }

    fn team(members: &[u64], schedules: &[ScheduleId]) -> Context {
        let mut context = context();
        let team = Team {
            id: team_id(),
            name: "Payments".to_owned(),
            members: members.iter().map(|number| id(*number)).collect(),
            created_at: Timestamp::MIN,
            version: 1,
        };
        context.policy.levels[0].recipients = vec![Recipient::Team(team_id())];
        context.teams.insert(team_id(), TeamCoverage { team, schedules: schedules.to_vec() });
        context
    }

    fn reached(context: &Context) -> (Vec<u64>, Vec<SkipReason>) {
        let (called, reasons) = context.people_of(&context.policy.levels[0], minute(0));
        (called.iter().map(|person| person.user.number()).collect(), reasons)
    }

    #[test]
    fn a_team_without_a_schedule_is_all_its_active_members() {
        let mut both = team(&[ANA, BO], &[]);
        assert_eq!(reached(&both), (vec![ANA, BO], vec![]));
        both.people.get_mut(&id(ANA)).expect("Ana").deactivate(minute(0));
        assert_eq!(reached(&both), (vec![BO], vec![]), "who has left is no member to be missed");
        both.people.remove(&id(BO));
        assert_eq!(reached(&both), (vec![], vec![SkipReason::TeamEmpty { team: team_id() }]));
        both.teams.clear();
        assert_eq!(reached(&both), (vec![], vec![SkipReason::Missing]));
    }

    #[test]
    fn a_team_with_schedules_is_whoever_is_on_call() {
        let mut on_call = team(&[ANA, BO], &[nights()]);
        let nobody = || vec![SkipReason::NobodyOnCall { schedule: nights() }];
        assert_eq!(reached(&on_call), (vec![], nobody()), "its members are not called instead");
        // Calendars know people by letters.
        let zoe = letter('Z');
        on_call.people.insert(zoe, person(zoe.number(), Role::Responder));
        on_call.calendars.insert(nights(), empty("UTC").with_entry('Z', "06-01T10:00 06-01T11:00"));
        assert_eq!(reached(&on_call), (vec![zoe.number()], vec![]));
        let (called, reasons) = on_call.people_of(&on_call.policy.levels[0], minute(60));
        assert_eq!((called, reasons), (vec![], nobody()));
    }

    #[test]
    fn the_last_resort_is_the_policys_people_else_every_admin_who_can_be_paged() {
        let mut context = context();
        let admins = |context: &Context| context.last_resort(minute(0));
        assert_eq!(admins(&context), (vec![id(ROOT)], LastResort::Admins));
        context.policy.last_resort = vec![id(BO), id(77)];
        assert_eq!(admins(&context), (vec![id(BO)], LastResort::Policy));
        context.people.remove(&id(BO));
        assert_eq!(admins(&context), (vec![id(ROOT)], LastResort::Admins));
        context.people.get_mut(&id(ROOT)).expect("Root").contacts.clear();
        assert_eq!(admins(&context), (vec![], LastResort::Nobody));
    }

    #[test]
    fn coverage_is_looked_for_at_the_next_change_and_every_quarter_of_an_hour() {
        let mut context = context();
        assert_eq!(context.cover_due(minute(0)), minute(15));
        let in_ten_minutes = empty("UTC").with_entry('A', "06-01T10:10 06-01T11:00");
        context.calendars.insert(nights(), in_ten_minutes);
        assert_eq!(context.cover_due(minute(0)), minute(10));
        assert_eq!(context.cover_due(minute(10)), minute(25));
    }
}
