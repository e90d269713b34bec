//! One decision in the making: the climb, and the timers an incident is left with.
//!
//! An empty level is skipped in the same transaction, with its reasons on the timeline; when nobody is left, the last
//! resort is paged. Nothing here can stall: every way out of [`Turn::climb`] says what the incident waits for.
//!
//! Timers are declared, not juggled. A turn says what the incident *waits for*; when it is over, the whole set follows
//! from that and from the incident as it then is, and is written under the next generation. A firing armed before finds
//! an older generation and does nothing. A turn that says nothing leaves every timer as it was.

use crate::domain::Urgency;
use crate::domain::actor::By;
use crate::domain::effect::{Due, Effect, NewNotification, Reason, TimerKind, Transition, UpdateKind};
use crate::domain::escalation::Context;
use crate::domain::id::UserId;
use crate::domain::incident::{Hold, Incident, Phase, Status};
use crate::domain::policy::Level;
use crate::domain::time::Timestamp;
use crate::domain::timeline::{Called, Happened, Via};
use crate::planted;

pub struct Turn<'a> {
    pub incident: Incident,
    pub context: &'a Context,
    pub now: Timestamp,
    pub by: By,
    log: Vec<(By, Happened)>,
    effects: Vec<Effect>,
    waits: Waits,
    /// The alert was heard, or the incident became somebody's business again: silence, after which it may resolve itself,
    /// counts from now.
    heard: bool,
}

/// What the incident waits for when the turn is over.
enum Waits {
    Untouched,
    /// What it waited for before, while other timers are counted anew.
    AsBefore,
    For(TimerKind, Timestamp),
    Nothing,
}

/// While a level is remembered that the policy no longer has, and nobody says how long to wait.
const REASSIGNED_MINUTES: u16 = 15;

impl<'a> Turn<'a> {
    pub fn new(incident: Incident, context: &'a Context, now: Timestamp, by: By) -> Turn<'a> {
        let (log, effects) = (Vec::new(), Vec::new());
        Turn { incident, context, now, by, log, effects, waits: Waits::Untouched, heard: false }
    }

    pub fn finish(mut self) -> Transition {
        if let Some(timers) = self.timers() {
            self.incident.generation += 1;
            let (incident, generation) = (self.incident.id, self.incident.generation);
            self.effects.push(Effect::SetTimers { incident, generation, timers });
        }
        Transition { incident: self.incident, log: self.log, effects: self.effects }
    }

    /// The whole set, or `None` if this turn touched none.
    fn timers(&self) -> Option<Vec<(TimerKind, Due)>> {
        let mut timers = match self.waits {
            Waits::Untouched if !self.heard => return None,
            Waits::Untouched | Waits::AsBefore => {
                self.incident.waiting_kinds().iter().map(|kind| (*kind, Due::Kept)).collect()
            }
            Waits::For(kind, due) => vec![(kind, Due::At(due))],
            Waits::Nothing => vec![],
        };
        if self.incident.status == Status::Triggered || planted::is("silence_ends_taken") {
            timers.extend(self.follow_due().map(|due| (TimerKind::Follow, Due::At(due))));
            if let Some(minutes) = self.context.source.auto_resolve_minutes {
                let due = if self.heard { Due::At(self.now.plus_minutes(minutes.into())) } else { Due::Kept };
                timers.push((TimerKind::AutoResolve, due));
            }
        }
        Some(timers)
    }

    /// Newcomers are looked for while a level waits for an answer, unless the incident was given to people by hand.
    fn follow_due(&self) -> Option<Timestamp> {
        let ladder = &self.incident.ladder;
        if ladder.phase != Phase::Climbing || ladder.reassigned {
            return None;
        }
        let level = self.context.policy.level(ladder.level?)?;
        self.context.follow_due(level, self.now)
    }

    pub fn wait_for(&mut self, kind: TimerKind, due: Timestamp) {
        self.waits = Waits::For(kind, due);
    }

    pub fn wait_as_before(&mut self) {
        if matches!(self.waits, Waits::Untouched) {
            self.waits = Waits::AsBefore;
        }
    }

    pub fn wait_for_nothing(&mut self) {
        self.waits = Waits::Nothing;
    }

    /// The alert was heard, or the incident became somebody's business again.
    pub fn count_silence_from_now(&mut self) {
        self.heard = true;
    }

    /// Written down as done by whoever caused this turn.
    pub fn happened(&mut self, what: Happened) {
        self.log.push((self.by, what));
    }

    /// Written down as a consequence, which nobody did.
    pub fn followed(&mut self, what: Happened) {
        self.log.push((By::SYSTEM, what));
    }

    /// Enters the first level above the number that has somebody. None left: the next cycle, or the last resort.
    pub fn climb(&mut self, above: Option<u8>) {
        if self.enter_above(above) {
            return;
        }
        if !self.context.is_covered(self.now) {
            self.enter_no_coverage();
        } else if self.incident.ladder.cycle < self.context.policy.repeat || planted::is("climbs_for_ever") {
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

    /// A person's wish: the first level above that has somebody, past the end from the bottom; no cycle is consumed.
    pub fn climb_by_hand(&mut self, above: Option<u8>) {
        if !self.enter_above(above) && !self.enter_above(None) {
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
        self.begin_visit(Phase::Climbing, called.iter().map(|person| person.user).collect());
        self.incident.ladder.level = Some(level.number);
        self.incident.assignee = self.incident.ladder.paged.first().copied();
        for person in &called {
            self.page(person.user, person.via, self.incident.urgency);
        }
        let cycle = self.incident.ladder.cycle;
        self.followed(Happened::LevelEntered { policy: self.context.policy.id, level: level.number, cycle, called });
        self.wait_for(TimerKind::Next, self.now.plus_minutes(level.delay_minutes.into()));
    }

    fn begin_visit(&mut self, phase: Phase, paged: Vec<UserId>) {
        let ladder = &mut self.incident.ladder;
        ladder.visit += 1;
        ladder.entered_at = Some(self.now);
        ladder.phase = phase;
        ladder.reassigned = false;
        ladder.paged = paged;
        self.incident.hold = None;
    }

    /// People chosen by hand are paged as a level of their own; then the ladder goes on above the remembered level.
    pub fn enter_by_hand(&mut self, users: &[UserId]) {
        self.begin_visit(Phase::Climbing, users.to_vec());
        self.incident.ladder.reassigned = true;
        self.incident.assignee = users.first().copied();
        for user in users {
            self.page(*user, Via::Handed, self.incident.urgency);
        }
        let level = self.incident.ladder.level.and_then(|number| self.context.policy.level(number));
        let minutes = level.map_or(REASSIGNED_MINUTES, |level| level.delay_minutes);
        self.wait_for(TimerKind::Next, self.now.plus_minutes(minutes.into()));
    }

    /// Silent until then.
    pub fn hold(&mut self, why: Hold, until: Timestamp) {
        if self.incident.hold != Some(why) || self.incident.ladder.phase != Phase::Held {
            self.followed(Happened::Held { why, until });
        }
        self.incident.hold = Some(why);
        self.incident.ladder.phase = Phase::Held;
        self.wait_for(TimerKind::Hold, until);
    }

    fn enter_no_coverage(&mut self) {
        if self.incident.ladder.phase != Phase::NoCoverage {
            self.followed(Happened::NoCoverage);
        }
        self.page_last_resort(Phase::NoCoverage, &[]);
        self.wait_for(TimerKind::Cover, self.context.cover_due(self.now));
    }

    fn enter_exhausted(&mut self) {
        self.followed(Happened::Exhausted);
        self.page_last_resort(Phase::Exhausted, &[]);
        if planted::is("exhausted_is_the_end") {
            return self.wait_for_nothing();
        }
        self.wait_for(TimerKind::Repage, self.repage_due());
    }

    /// Everybody was called in vain and nobody took it: page again, until somebody does.
    pub fn repage(&mut self) {
        if self.enter_above(self.incident.ladder.level) {
            return;
        }
        let level = self.incident.ladder.level.and_then(|number| self.context.policy.level(number));
        let called = level.map(|level| self.context.people_of(level, self.now).0).unwrap_or_default();
        self.page_last_resort(Phase::Exhausted, &called);
        self.wait_for(TimerKind::Repage, self.repage_due());
    }

    /// Nobody could be paged. If somebody can be now: climb, and tell the last resort who has it. Else page the last
    /// resort again in its rhythm, and at once if nobody of it could be reached before.
    pub fn look_for_coverage(&mut self) {
        if self.context.is_covered(self.now) && !planted::is("coverage_unseen") {
            self.followed(Happened::CoverageReturned);
            self.enter_above(None);
            let (last_resort, chosen) = self.context.last_resort(self.now);
            let told: Vec<UserId> =
                last_resort.into_iter().filter(|user| !self.incident.ladder.paged.contains(user)).collect();
            for user in &told {
                self.page(*user, Via::LastResort, Urgency::High);
            }
            if !told.is_empty() {
                self.followed(Happened::LastResortPaged { called: told, chosen });
            }
            return;
        }
        let paged_at = self.incident.ladder.entered_at.unwrap_or(self.now);
        let again = paged_at.plus_minutes(self.context.policy.repage_minutes.into());
        if (self.now >= again && !planted::is("last_resort_once")) || self.last_resort_is_back() {
            self.page_last_resort(Phase::NoCoverage, &[]);
        }
        self.wait_for(TimerKind::Cover, self.context.cover_due(self.now));
    }

    /// Nobody who was paged last can be reached any more, and somebody else can.
    fn last_resort_is_back(&self) -> bool {
        let reachable = |user: &UserId| self.context.is_pageable(*user, self.now);
        !self.incident.ladder.paged.iter().any(reachable) && !self.context.last_resort(self.now).0.is_empty()
    }

    /// After an edit of anything this incident's ladder rests on. What was decided stays unless it no longer pages
    /// anybody; what the edit adds is paged now.
    pub fn recheck(&mut self) {
        match self.incident.ladder.phase {
            Phase::NoCoverage => self.look_for_coverage(),
            Phase::Exhausted => {
                let above = self.incident.ladder.level;
                let has_somebody = |level: &Level| !self.context.people_of(level, self.now).0.is_empty();
                if self.context.policy.levels_above(above).any(has_somebody) {
                    self.enter_above(above);
                } else if self.last_resort_is_back() {
                    self.repage();
                }
            }
            Phase::Climbing => self.recheck_level(),
            Phase::Held => self.recheck_hold(),
        }
    }

    fn recheck_level(&mut self) {
        let context = self.context;
        let ladder = &self.incident.ladder;
        let level = ladder.level.and_then(|number| context.policy.level(number));
        let covered = match level {
            Some(level) if !ladder.reassigned && !planted::is("newcomers_not_paged") => {
                context.people_of(level, self.now).0
            }
            _ => vec![],
        };
        let called: Vec<Called> = covered.into_iter().filter(|person| !ladder.paged.contains(&person.user)).collect();
        if called.is_empty() && !ladder.paged.iter().any(|user| context.is_pageable(*user, self.now)) {
            return self.climb(ladder.level);
        }
        match (level, ladder.entered_at) {
            (Some(level), Some(entered_at)) => {
                let entered_at = if planted::is("edit_begins_delay_anew") { self.now } else { entered_at };
                let due = entered_at.plus_minutes(level.delay_minutes.into()).max(self.now);
                self.wait_for(TimerKind::Next, due);
            }
            _ => self.wait_as_before(),
        }
        let Some(level) = level.filter(|_| !called.is_empty()) else { return };
        for person in &called {
            self.page(person.user, person.via, self.incident.urgency);
            self.incident.ladder.paged.push(person.user);
        }
        self.followed(Happened::HandoffPaged { policy: context.policy.id, level: level.number, called });
    }

    /// A change of who is on call for the remembered level. If the level's time is over as well, as after downtime, the
    /// next level is the one step.
    pub fn follow(&mut self) {
        let ladder = &self.incident.ladder;
        let level = ladder.level.and_then(|number| self.context.policy.level(number));
        let over = level
            .zip(ladder.entered_at)
            .is_some_and(|(level, entered_at)| entered_at.plus_minutes(level.delay_minutes.into()) <= self.now);
        match (ladder.phase, over) {
            (Phase::Climbing, true) => self.climb(ladder.level),
            (Phase::Climbing, false) => self.recheck_level(),
            _ => self.wait_as_before(),
        }
    }

    /// A window that holds it is looked up anew; after a restore only time, an alert or a person ends the wait.
    fn recheck_hold(&mut self) {
        match (self.incident.hold, self.context.hold) {
            (Some(Hold::Restore), _) => {}
            (_, Some((window, until))) => self.hold(Hold::Maintenance(window), until),
            (_, None) => self.end_hold(),
        }
    }

    /// The time of the hold is over.
    pub fn hold_is_due(&mut self) {
        match (self.incident.hold, self.context.hold) {
            (Some(Hold::Maintenance(_)), Some((window, until))) => self.hold(Hold::Maintenance(window), until),
            _ => self.end_hold(),
        }
    }

    pub fn end_hold(&mut self) {
        self.incident.hold = None;
        self.followed(Happened::HoldEnded);
        self.climb(None);
    }

    fn page_last_resort(&mut self, phase: Phase, also: &[Called]) {
        let (called, chosen) = self.context.last_resort(self.now);
        self.begin_visit(phase, called.clone());
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

    /// Those who had it are told that they no longer do, by a page of the visit that just began.
    pub fn page_also(&mut self, people: impl IntoIterator<Item = UserId>) {
        for user in people {
            if !self.incident.ladder.paged.contains(&user) && self.context.is_pageable(user, self.now) {
                self.incident.ladder.paged.push(user);
                self.page(user, Via::HadTaken, self.incident.urgency);
            }
        }
    }

    fn page(&mut self, user: UserId, via: Via, urgency: Urgency) {
        let level = match via {
            Via::LastResort | Via::Handed | Via::HadTaken => None,
            _ => self.incident.ladder.level,
        };
        self.notify(user, Reason::Page { level }, via, urgency);
    }

    fn notify(&mut self, user: UserId, reason: Reason, via: Via, urgency: Urgency) {
        let (incident, visit) = (self.incident.id, self.incident.ladder.visit);
        self.effects.push(Effect::Notify(NewNotification { incident, user, reason, urgency, visit, via }));
    }

    /// Whoever was paged for it hears the news, except the person who made it.
    pub fn tell_the_paged(&mut self, kind: UpdateKind) {
        let actor = self.by.person();
        for user in self.incident.ladder.paged.clone() {
            if Some(user) != actor && self.context.is_pageable(user, self.now) {
                self.notify(user, Reason::Update(kind), Via::Named, self.incident.urgency);
            }
        }
    }

    /// Nobody is to be paged for it any more.
    pub fn stop_paging(&mut self, reason: &'static str) {
        self.wait_for_nothing();
        self.incident.hold = None;
        self.incident.snooze = None;
        if self.incident.ladder.phase == Phase::Held {
            self.incident.ladder.phase = Phase::Climbing;
        }
        self.bypass(None, reason);
    }

    /// Pages of this visit and of those before it are no longer wanted.
    pub fn bypass(&mut self, only: Option<Vec<UserId>>, reason: &'static str) {
        self.incident.ladder.bypassed = self.incident.ladder.visit;
        self.effects.push(Effect::Withdraw { incident: self.incident.id, only, reason });
    }

    fn repage_due(&self) -> Timestamp {
        self.now.plus_minutes(self.context.policy.repage_minutes.into())
    }
}
