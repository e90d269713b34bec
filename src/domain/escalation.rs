//! Whom a level reaches, and which comes next: the climb over the live policy.
//!
//! An incident remembers a level *number* and a cycle. The policy, the schedules and the people are read as they are at
//! the instant of the decision, so a fix made at 3 a.m. works at once. An empty level is skipped in the same
//! transaction, with its reasons on the timeline; when nobody is left, the last resort is paged. Nothing here can stall:
//! every way out of [`Turn::climb`] arms exactly one timer.

use crate::domain::Urgency;
use crate::domain::access::Role;
use crate::domain::actor::By;
use crate::domain::effect::{Effect, NewNotification, Reason, Subject, TimerKey, TimerKind, Transition};
use crate::domain::id::{ScheduleId, TeamId, UserId};
use crate::domain::incident::{Incident, Phase};
use crate::domain::oncall::{Calendar, People, Place, next_breakpoint, on_call};
use crate::domain::policy::{Level, Policy, Recipient};
use crate::domain::team::Team;
use crate::domain::time::Timestamp;
use crate::domain::timeline::{Called, Happened, LastResort, SkipReason, Via};
use std::collections::BTreeMap;

/// What a climb needs to know, as plain values: the live policy and everything it refers to.
#[derive(Clone, Debug)]
pub struct Context {
    pub policy: Policy,
    pub people: People,
    pub calendars: BTreeMap<ScheduleId, Calendar>,
    pub teams: BTreeMap<TeamId, TeamCoverage>,
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
    fn is_covered(&self, now: Timestamp) -> bool {
        self.policy.levels.iter().any(|level| !self.people_of(level, now).0.is_empty())
    }

    /// When to look again while nobody can be paged: at the next change of any schedule, at most 15 minutes ahead.
    fn cover_due(&self, now: Timestamp) -> Timestamp {
        let latest = now.plus_minutes(COVER_AT_MOST_MINUTES);
        let changes = self.calendars.values().filter_map(|calendar| next_breakpoint(calendar, &self.people, now));
        changes.min().map_or(latest, |change| change.min(latest))
    }
}

/// One decision in the making: the incident as it will be, what happened, what is to be done.
pub struct Turn<'a> {
    pub incident: Incident,
    pub context: &'a Context,
    pub now: Timestamp,
    pub by: By,
    log: Vec<(By, Happened)>,
    effects: Vec<Effect>,
}

impl<'a> Turn<'a> {
    pub fn new(incident: Incident, context: &'a Context, now: Timestamp, by: By) -> Turn<'a> {
        Turn { incident, context, now, by, log: Vec::new(), effects: Vec::new() }
    }

    pub fn finish(self) -> Transition {
        Transition { incident: self.incident, log: self.log, effects: self.effects }
    }

    /// Written down as done by whoever caused this turn.
    pub fn happened(&mut self, what: Happened) {
        self.log.push((self.by, what));
    }

    /// Written down as a consequence, which nobody did.
    fn followed(&mut self, what: Happened) {
        self.log.push((By::SYSTEM, what));
    }

    /// Enters the first level above the number that has somebody. None left: the next cycle, or the last resort.
    pub fn climb(&mut self, above: Option<u8>) {
        if self.enter_above(above) {
            return;
        }
        if !self.context.is_covered(self.now) {
            self.enter_no_coverage();
        } else if self.incident.ladder.cycle < self.context.policy.repeat {
            self.incident.ladder.cycle += 1;
            self.enter_above(None);
        } else {
            self.enter_exhausted();
        }
    }

    /// From the remembered level on, that level included; from the bottom if none is remembered.
    pub fn reenter(&mut self) {
        self.climb(self.incident.ladder.level.map(|number| number.saturating_sub(1)));
    }

    /// A person's wish: the next level, past the end from the bottom; no cycle is consumed.
    pub fn climb_by_hand(&mut self) {
        if !self.enter_above(self.incident.ladder.level) && !self.enter_above(None) {
            self.enter_no_coverage();
        }
    }

    fn enter_above(&mut self, above: Option<u8>) -> bool {
        let context = self.context;
        for level in context.policy.levels_above(above) {
            let (called, reasons) = context.people_of(level, self.now);
            if called.is_empty() {
                let skipped = Happened::LevelSkipped { level: level.number, reasons };
                if !self.log.iter().any(|(_, what)| *what == skipped) {
                    self.followed(skipped);
                }
                continue;
            }
            self.enter(level, called);
            return true;
        }
        false
    }

    fn enter(&mut self, level: &Level, called: Vec<Called>) {
        let ladder = &mut self.incident.ladder;
        ladder.visit += 1;
        ladder.level = Some(level.number);
        ladder.entered_at = Some(self.now);
        ladder.phase = Phase::Climbing;
        ladder.paged = called.iter().map(|person| person.user).collect();
        self.incident.assignee = ladder.paged.first().copied();
        for person in &called {
            self.page(person.user, person.via, self.incident.severity.urgency());
        }
        let cycle = self.incident.ladder.cycle;
        self.followed(Happened::LevelEntered { policy: self.context.policy.id, level: level.number, cycle, called });
        self.set_timer(TimerKind::Next, self.now.plus_minutes(level.delay_minutes.into()));
    }

    fn enter_no_coverage(&mut self) {
        if self.incident.ladder.phase != Phase::NoCoverage {
            self.followed(Happened::NoCoverage);
        }
        self.incident.ladder.phase = Phase::NoCoverage;
        self.page_last_resort(&[]);
        self.set_timer(TimerKind::Cover, self.context.cover_due(self.now));
    }

    fn enter_exhausted(&mut self) {
        self.incident.ladder.phase = Phase::Exhausted;
        self.followed(Happened::Exhausted);
        self.page_last_resort(&[]);
        self.set_timer(TimerKind::Repage, self.repage_due());
    }

    /// Everybody was called in vain and nobody took it: page again, until somebody does.
    pub fn repage(&mut self) {
        if self.enter_above(self.incident.ladder.level) {
            return;
        }
        let level = self.incident.ladder.level.and_then(|number| self.context.policy.level(number));
        let called = level.map(|level| self.context.people_of(level, self.now).0).unwrap_or_default();
        self.page_last_resort(&called);
        self.set_timer(TimerKind::Repage, self.repage_due());
    }

    /// Nobody could be paged. If somebody can be now: climb, and tell the last resort who has it. Else page the last
    /// resort again in its rhythm.
    pub fn look_for_coverage(&mut self) {
        if self.context.is_covered(self.now) {
            self.followed(Happened::CoverageReturned);
            self.enter_above(None);
            let covered = self.incident.ladder.paged.clone();
            let (last_resort, chosen) = self.context.last_resort(self.now);
            let told: Vec<UserId> = last_resort.into_iter().filter(|user| !covered.contains(user)).collect();
            for user in &told {
                self.page(*user, Via::LastResort, Urgency::High);
            }
            if !told.is_empty() {
                self.followed(Happened::LastResortPaged { called: told, chosen });
            }
            return;
        }
        let paged_at = self.incident.ladder.entered_at.unwrap_or(self.now);
        if self.now >= paged_at.plus_minutes(self.context.policy.repage_minutes.into()) {
            self.page_last_resort(&[]);
        }
        self.set_timer(TimerKind::Cover, self.context.cover_due(self.now));
    }

    /// After an edit of anything this incident's ladder rests on. What was decided stays unless it no longer pages
    /// anybody; what the edit adds is paged now.
    pub fn recheck(&mut self) {
        match self.incident.ladder.phase {
            Phase::NoCoverage => {
                if self.context.is_covered(self.now) {
                    self.look_for_coverage();
                }
            }
            Phase::Exhausted => {
                let above = self.incident.ladder.level;
                let has_somebody = |level: &Level| !self.context.people_of(level, self.now).0.is_empty();
                if self.context.policy.levels_above(above).any(has_somebody) {
                    self.enter_above(above);
                }
            }
            Phase::Climbing => self.recheck_level(),
            Phase::Held => {}
        }
    }

    fn recheck_level(&mut self) {
        let context = self.context;
        let level = self.incident.ladder.level.and_then(|number| context.policy.level(number));
        let called = level.map(|level| context.people_of(level, self.now).0).unwrap_or_default();
        let paged = &self.incident.ladder.paged;
        let new: Vec<Called> = called.into_iter().filter(|person| !paged.contains(&person.user)).collect();
        if new.is_empty() && !paged.iter().any(|user| context.is_pageable(*user, self.now)) {
            return self.climb(self.incident.ladder.level);
        }
        if let (Some(level), false) = (level, new.is_empty()) {
            for person in &new {
                self.page(person.user, person.via, self.incident.severity.urgency());
                self.incident.ladder.paged.push(person.user);
            }
            let (policy, cycle) = (context.policy.id, self.incident.ladder.cycle);
            self.followed(Happened::LevelEntered { policy, level: level.number, cycle, called: new });
        }
        if let (Some(level), Some(entered_at)) = (level, self.incident.ladder.entered_at) {
            let due = entered_at.plus_minutes(level.delay_minutes.into()).max(self.now);
            self.set_timer(TimerKind::Next, due);
        }
    }

    fn page_last_resort(&mut self, also: &[Called]) {
        let (called, chosen) = self.context.last_resort(self.now);
        let ladder = &mut self.incident.ladder;
        ladder.visit += 1;
        ladder.entered_at = Some(self.now);
        ladder.paged = called.clone();
        if self.incident.assignee.is_none() {
            self.incident.assignee = called.first().copied();
        }
        for user in &called {
            self.page(*user, Via::LastResort, Urgency::High);
        }
        for person in also.iter().filter(|person| !called.contains(&person.user)) {
            self.page(person.user, person.via, Urgency::High);
            self.incident.ladder.paged.push(person.user);
        }
        self.followed(Happened::LastResortPaged { called, chosen });
    }

    pub fn page(&mut self, user: UserId, via: Via, urgency: Urgency) {
        let (incident, visit) = (self.incident.id, self.incident.ladder.visit);
        let reason = Reason::Page { level: self.incident.ladder.level };
        self.effects.push(Effect::Notify(NewNotification { incident, user, reason, urgency, visit, via }));
    }

    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// The incident's whole set of timers is this one. A firing armed before this turn finds an older generation and
    /// does nothing.
    fn set_timer(&mut self, kind: TimerKind, due: Timestamp) {
        self.cancel_timers();
        let key = TimerKey { subject: Subject::Incident(self.incident.id), kind };
        self.effects.push(Effect::SetTimer { key, due, generation: self.incident.generation });
    }

    pub fn cancel_timers(&mut self) {
        self.incident.generation += 1;
        let incident = self.incident.id;
        self.effects.retain(|effect| !matches!(effect, Effect::SetTimer { .. } | Effect::CancelTimers { .. }));
        self.effects.push(Effect::CancelTimers { incident });
    }

    fn repage_due(&self) -> Timestamp {
        self.now.plus_minutes(self.context.policy.repage_minutes.into())
    }
}
