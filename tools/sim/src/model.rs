//! Who must be paged, said a second time: from the rules alone, with lists and full scans, by whoever did not look at how the
//! product does it. It shares nothing with the product but the plan's own words.
//!
//! It is told of each commit what it was for and when, and answers whom that commit must page; the judge compares. Covered:
//! people and their methods, levels, schedules with a rotation, entries and overrides, teams, cycles, the last resort, rising
//! severity, every deed, timeouts of acknowledgements, naps, silence, maintenance windows, heartbeats, storms, restores, and every
//! edit of these.
//!
//! Two instants are the product's choice within limits, so they are observed instead of predicted: when, at most a
//! quarter of an hour late, the last resort of an incident without coverage is paged again, and whether silence resolves an
//! incident just before its next step or just after.

mod deeds;
mod heartbeats;
mod restores;
mod storms;

pub use heartbeats::HEARTBEATS;
pub use storms::STORM;

use super::plan::{Action, Alert, Level, Person, Plan, Policy, Recipient, Schedule, Severity, Shift};
use heartbeats::Job;
use std::collections::{BTreeMap, BTreeSet};
use storms::Surge;

/// Seconds since the start, on the wall clock.
type Time = i64;

/// An alert's incident and a person.
pub type Pages = BTreeSet<(Alert, usize)>;

/// What the product did in a commit, as far as it is its choice.
#[derive(Default)]
pub struct Observed {
    pub pages: Pages,
    pub resolved: BTreeSet<Alert>,
    /// Heartbeats of which it said that they were missed.
    pub missed: BTreeSet<Alert>,
}

#[derive(Clone)]
pub struct Model {
    people: Vec<Human>,
    schedules: Vec<Calendar>,
    teams: Vec<Vec<usize>>,
    policies: Vec<Policy>,
    /// Policy and silence, in seconds.
    sources: Vec<(usize, Option<Time>)>,
    surges: Vec<Surge>,
    windows: Vec<Window>,
    jobs: Vec<Job>,
    /// The newest incident of each alert.
    incidents: BTreeMap<Alert, Incident>,
    pages: Pages,
}

#[derive(Clone)]
struct Human {
    active: bool,
    admin: bool,
    /// In the order in which they were made: whether it is enabled; `None`: removed.
    methods: Vec<Option<bool>>,
}

#[derive(Clone)]
struct Calendar {
    plan: Schedule,
    entries: Vec<Stretch>,
    /// The newest last; whom it replaces, or nobody.
    overrides: Vec<(Stretch, Option<usize>)>,
}

#[derive(Clone)]
struct Stretch {
    who: usize,
    from: Time,
    to: Time,
}

impl Stretch {
    fn of(shift: &Shift) -> Stretch {
        Stretch { who: shift.who, from: shift.from * 60, to: shift.to * 60 }
    }

    fn runs(&self, now: Time) -> bool {
        self.from <= now && now < self.to
    }

    /// Ahead: gone. Running: it ends now. Over: it stays.
    fn cut(&mut self, now: Time) {
        if now <= self.from {
            self.to = self.from;
        } else if now < self.to {
            self.to = now;
        }
    }
}

/// Maintenance: new incidents of these sources, or of all, wait for its end.
#[derive(Clone)]
struct Window {
    sources: Vec<usize>,
    from: Time,
    to: Time,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Held,
    Climbing,
    Exhausted,
    NoCoverage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Status {
    Triggered,
    Acknowledged,
    Resolved,
}

#[derive(Clone, Debug)]
struct Incident {
    status: Status,
    severity: Severity,
    worst: Severity,
    policy: usize,
    level: Option<u8>,
    cycle: u8,
    phase: Phase,
    /// A restore holds it until then.
    restored: Option<Time>,
    /// Whom this visit is for.
    paged: Vec<usize>,
    /// Those, and the last resort that was only told of it: nobody is told twice in a visit.
    told: Vec<usize>,
    entered: Time,
    by_hand: bool,
    assignee: Option<usize>,
    ackers: Vec<usize>,
    /// Until when, and who set it aside.
    snooze: Option<(Time, usize)>,
    /// Next level, or the last resort again.
    next: Option<Time>,
    ack_timeout: Option<Time>,
    silence: Option<Time>,
}

impl Model {
    pub fn of(plan: &Plan) -> Model {
        let human = |person: &Person| Human {
            active: true,
            admin: person.admin,
            methods: person.methods.iter().map(|_| Some(true)).collect(),
        };
        let calendar = |schedule: &Schedule| Calendar {
            plan: schedule.clone(),
            entries: schedule.entries.iter().map(Stretch::of).collect(),
            overrides: vec![],
        };
        let site = &plan.site;
        Model {
            people: site.people.iter().map(human).collect(),
            schedules: site.schedules.iter().map(calendar).collect(),
            teams: site.teams.clone(),
            policies: site.policies.clone(),
            sources: site
                .sources
                .iter()
                .map(|source| (source.policy, source.auto_resolve.map(|minutes| i64::from(minutes) * 60)))
                .collect(),
            surges: site.sources.iter().map(|_| Surge::default()).collect(),
            windows: vec![],
            jobs: vec![],
            incidents: BTreeMap::new(),
            pages: Pages::new(),
        }
    }

    /// Somebody's wish was committed: whom that pages.
    pub fn act(&mut self, action: &Action, now: Time) -> Pages {
        match action {
            Action::Trigger { alert, severity } => self.trigger(*alert, *severity, now),
            Action::Recover { alert } => self.recover(*alert),
            Action::Resume { .. } => self.resume(now),
            Action::Ping { nth, fails } => self.ping(*nth, *fails, now),
            Action::TakenThere { alert } => {
                self.change(*alert, |model, incident| {
                    if incident.status == Status::Triggered {
                        model.take(incident, None, now);
                    }
                });
            }
            Action::Act { alert, who, deed } => self.deed(*alert, *who, deed, now),
            _ => self.edit(action, now),
        }
        std::mem::take(&mut self.pages)
    }

    /// Timers were fired: whom that pages. Each incident makes one step.
    pub fn fire(&mut self, now: Time, observed: &Observed) -> Result<Pages, String> {
        let alerts: Vec<Alert> = self.incidents.keys().copied().collect();
        self.miss(now, observed)?;
        for alert in alerts {
            let mut problem = None;
            self.change(alert, |model, incident| problem = model.step(alert, incident, now, observed).err());
            if let Some(problem) = problem {
                return Err(problem);
            }
        }
        Ok(std::mem::take(&mut self.pages))
    }

    /// The clock was set by so many seconds: what counts elapsed time moves along. Set back, it makes others be on call.
    pub fn clock_set(&mut self, secs: Time, now: Time) -> Pages {
        self.shift(secs);
        if secs < 0 {
            self.recheck_all(now);
        }
        std::mem::take(&mut self.pages)
    }

    fn shift(&mut self, secs: Time) {
        for incident in self.incidents.values_mut() {
            incident.entered += secs;
            let Incident { next, ack_timeout, silence, restored, .. } = incident;
            for at in [next, ack_timeout, silence, restored].into_iter().flatten() {
                *at += secs;
            }
        }
        self.surges.iter_mut().for_each(|surge| surge.shift(secs));
        self.jobs.iter_mut().for_each(|job| job.shift(secs));
    }

    fn recheck_all(&mut self, now: Time) {
        let alerts: Vec<Alert> = self.incidents.keys().copied().collect();
        for alert in alerts {
            self.change(alert, |model, incident| model.recheck(alert, incident, now));
        }
    }

    fn step(&mut self, alert: Alert, incident: &mut Incident, now: Time, observed: &Observed) -> Result<(), String> {
        let is_due = |due: Option<Time>| due.is_some_and(|due| due <= now);
        if observed.resolved.contains(&alert) {
            return match is_due(incident.silence) && incident.status == Status::Triggered {
                true => {
                    close(incident);
                    Ok(())
                }
                false => Err(format!("{alert:?} resolved itself before its time: {:?} at {now}", incident.silence)),
            };
        }
        match incident.status {
            Status::Resolved => {}
            Status::Acknowledged => {
                let had_it = match incident.snooze {
                    Some((until, by)) if until <= now => incident.assignee.into_iter().chain([by]).collect(),
                    None if is_due(incident.ack_timeout) => {
                        // What was armed under a rule that is gone does nothing.
                        if self.policies[incident.policy].ack_timeout.is_none() {
                            incident.ack_timeout = None;
                            return Ok(());
                        }
                        incident.ackers.clone()
                    }
                    _ => return Ok(()),
                };
                self.untake(alert, incident, now);
                self.reenter(alert, incident, now);
                self.page_also(alert, incident, had_it);
            }
            Status::Triggered => match incident.phase {
                Phase::Held => match incident.restored {
                    Some(until) if until > now => {}
                    Some(_) => self.climb(alert, incident, None, now),
                    None => self.end_hold(alert, incident, now),
                },
                Phase::Climbing if is_due(incident.next) => self.climb(alert, incident, incident.level, now),
                Phase::Climbing => self.page_newcomers(alert, incident, now),
                Phase::Exhausted if is_due(incident.next) => self.repage(alert, incident, now),
                Phase::Exhausted => {}
                Phase::NoCoverage => self.look_for_coverage(alert, incident, now, Some(observed))?,
            },
        }
        Ok(())
    }

    // -- Who --

    fn is_pageable(&self, who: usize) -> bool {
        let human = &self.people[who];
        human.active && human.methods.contains(&Some(true))
    }

    fn on_call(&self, schedule: usize, now: Time) -> Option<usize> {
        let calendar = &self.schedules[schedule];
        let mut claims: Vec<usize> = Vec::new();
        claims.extend(calendar.entries.iter().find(|entry| entry.runs(now)).map(|entry| entry.who));
        if let Some((hours, slots)) = &calendar.plan.rotation
            && !slots.is_empty()
            && now >= -24 * 3600
        {
            // Turns are counted from a day before the start, and before that nobody has one.
            let turn = (now + 24 * 3600).div_euclid(i64::from(*hours) * 3600);
            claims.push(slots[turn.rem_euclid(slots.len() as i64) as usize]);
        }
        claims.extend(calendar.plan.fallback);
        for (shift, instead_of) in calendar.overrides.iter().filter(|(shift, _)| shift.runs(now)) {
            if !self.people[shift.who].active {
                continue;
            }
            match instead_of {
                None => claims.insert(0, shift.who),
                Some(from) => claims.iter_mut().filter(|who| *who == from).for_each(|who| *who = shift.who),
            }
        }
        claims.into_iter().find(|who| self.people[*who].active)
    }

    fn people_of(&self, level: &Level, now: Time) -> Vec<usize> {
        let mut people = Vec::new();
        for recipient in &level.recipients {
            match recipient {
                Recipient::Person(who) => people.push(*who),
                Recipient::Schedule(schedule) => people.extend(self.on_call(*schedule, now)),
                Recipient::Team(team) => match self.schedules.get(*team) {
                    Some(_) => people.extend(self.on_call(*team, now)),
                    None => people.extend(self.teams[*team].iter().filter(|who| self.people[**who].active)),
                },
            }
        }
        let mut once = Vec::new();
        for who in people {
            if self.is_pageable(who) && !once.contains(&who) {
                once.push(who);
            }
        }
        once
    }

    fn levels(&self, policy: usize) -> Vec<Level> {
        let mut levels = self.policies[policy].levels.clone();
        levels.sort_by_key(|level| level.number);
        levels
    }

    fn level(&self, incident: &Incident) -> Option<Level> {
        self.levels(incident.policy).into_iter().find(|level| Some(level.number) == incident.level)
    }

    fn is_covered(&self, policy: usize, now: Time) -> bool {
        self.levels(policy).iter().any(|level| !self.people_of(level, now).is_empty())
    }

    fn last_resort(&self, policy: usize) -> Vec<usize> {
        let chosen = &self.policies[policy].last_resort;
        let chosen: Vec<usize> = chosen.iter().copied().filter(|who| self.is_pageable(*who)).collect();
        if !chosen.is_empty() {
            return chosen;
        }
        (0..self.people.len()).filter(|who| self.people[*who].admin && self.is_pageable(*who)).collect()
    }

    // -- The ladder --

    fn page(&mut self, alert: Alert, incident: &mut Incident, who: usize) {
        if !incident.paged.contains(&who) {
            incident.paged.push(who);
        }
        self.tell(alert, incident, who);
    }

    fn tell(&mut self, alert: Alert, incident: &mut Incident, who: usize) {
        if !incident.told.contains(&who) {
            incident.told.push(who);
            self.pages.insert((alert, who));
        }
    }

    fn visit(&mut self, alert: Alert, incident: &mut Incident, phase: Phase, people: &[usize], now: Time) {
        (incident.phase, incident.entered, incident.by_hand, incident.restored) = (phase, now, false, None);
        incident.paged.clear();
        incident.told.clear();
        for who in people {
            self.page(alert, incident, *who);
        }
    }

    fn enter_above(&mut self, alert: Alert, incident: &mut Incident, above: Option<u8>, now: Time) -> bool {
        for level in self.levels(incident.policy) {
            let people = self.people_of(&level, now);
            if above.is_some_and(|above| level.number <= above) || people.is_empty() {
                continue;
            }
            self.visit(alert, incident, Phase::Climbing, &people, now);
            incident.level = Some(level.number);
            incident.assignee = people.first().copied();
            incident.next = Some(now + i64::from(level.delay) * 60);
            return true;
        }
        false
    }

    fn climb(&mut self, alert: Alert, incident: &mut Incident, above: Option<u8>, now: Time) {
        if self.enter_above(alert, incident, above, now) {
            return;
        }
        if !self.is_covered(incident.policy, now) {
            self.enter_no_coverage(alert, incident, now);
        } else if incident.cycle < self.policies[incident.policy].repeat {
            incident.cycle += 1;
            self.enter_above(alert, incident, None, now);
        } else {
            self.page_last_resort(alert, incident, Phase::Exhausted, now);
            incident.next = Some(now + i64::from(self.policies[incident.policy].repage) * 60);
        }
    }

    fn reenter(&mut self, alert: Alert, incident: &mut Incident, now: Time) {
        let above = incident.level.map(|number| number.saturating_sub(1));
        self.climb(alert, incident, above, now);
    }

    fn enter_no_coverage(&mut self, alert: Alert, incident: &mut Incident, now: Time) {
        self.page_last_resort(alert, incident, Phase::NoCoverage, now);
        incident.next = None;
    }

    fn page_last_resort(&mut self, alert: Alert, incident: &mut Incident, phase: Phase, now: Time) {
        let people = self.last_resort(incident.policy);
        self.visit(alert, incident, phase, &people, now);
        if incident.assignee.is_none() {
            incident.assignee = people.first().copied();
        }
    }

    fn repage(&mut self, alert: Alert, incident: &mut Incident, now: Time) {
        if self.enter_above(alert, incident, incident.level, now) {
            return;
        }
        let covered = self.level(incident).map(|level| self.people_of(&level, now)).unwrap_or_default();
        self.page_last_resort(alert, incident, Phase::Exhausted, now);
        for who in covered {
            self.page(alert, incident, who);
        }
        incident.next = Some(now + i64::from(self.policies[incident.policy].repage) * 60);
    }

    fn is_held(&self, source: usize, now: Time) -> bool {
        let covers = |window: &Window| window.sources.is_empty() || window.sources.contains(&source);
        self.windows.iter().any(|window| covers(window) && window.from <= now && now < window.to)
    }

    /// Unless a window still holds it.
    fn end_hold(&mut self, alert: Alert, incident: &mut Incident, now: Time) {
        if !self.is_held(alert.source, now) {
            self.climb(alert, incident, None, now);
        }
    }

    /// Whether the newest incident of this alert waits for the end of a window that runs.
    pub fn is_waiting(&self, alert: Alert, now: Time) -> bool {
        self.incidents.get(&alert).is_some_and(|incident| incident.phase == Phase::Held)
            && self.is_held(alert.source, now)
    }

    /// Without `observed` it was an edit, which acts at once.
    fn look_for_coverage(
        &mut self,
        alert: Alert,
        incident: &mut Incident,
        now: Time,
        observed: Option<&Observed>,
    ) -> Result<(), String> {
        if self.is_covered(incident.policy, now) {
            self.enter_above(alert, incident, None, now);
            for who in self.last_resort(incident.policy) {
                self.tell(alert, incident, who);
            }
            return Ok(());
        }
        let again = incident.entered + i64::from(self.policies[incident.policy].repage) * 60;
        let is_silent = observed.is_some_and(|observed| observed.pages.iter().all(|(of, _)| *of != alert));
        if now >= again + 15 * 60 && is_silent && !self.last_resort(incident.policy).is_empty() {
            return Err(format!("nobody covers {alert:?}, and its last resort was not paged again since {again}"));
        }
        let pages_now = match observed {
            Some(observed) => observed.pages.iter().any(|(of, _)| *of == alert),
            None => now >= again,
        };
        if (pages_now && now >= again) || self.last_resort_is_back(incident) {
            self.page_last_resort(alert, incident, Phase::NoCoverage, now);
        }
        Ok(())
    }

    /// Nobody who was paged last can be reached any more, and the last resort can: it is not left waiting.
    fn last_resort_is_back(&self, incident: &Incident) -> bool {
        !incident.paged.iter().any(|who| self.is_pageable(*who)) && !self.last_resort(incident.policy).is_empty()
    }

    fn page_newcomers(&mut self, alert: Alert, incident: &mut Incident, now: Time) {
        let level = if incident.by_hand { None } else { self.level(incident) };
        let covered = level.map(|level| self.people_of(&level, now)).unwrap_or_default();
        for who in covered {
            if !incident.paged.contains(&who) {
                self.page(alert, incident, who);
            }
        }
    }

    fn page_also(&mut self, alert: Alert, incident: &mut Incident, people: Vec<usize>) {
        for who in people {
            if self.is_pageable(who) && !incident.paged.contains(&who) {
                self.page(alert, incident, who);
            }
        }
    }

    /// After an edit of anything that the ladder rests on.
    fn recheck(&mut self, alert: Alert, incident: &mut Incident, now: Time) {
        if incident.status != Status::Triggered {
            return;
        }
        match incident.phase {
            Phase::Held if incident.restored.is_some() => {}
            Phase::Held => self.end_hold(alert, incident, now),
            Phase::NoCoverage => drop(self.look_for_coverage(alert, incident, now, None)),
            Phase::Exhausted => {
                if !self.enter_above(alert, incident, incident.level, now) && self.last_resort_is_back(incident) {
                    self.repage(alert, incident, now);
                }
            }
            Phase::Climbing => {
                let level = self.level(incident);
                let before = incident.paged.len();
                self.page_newcomers(alert, incident, now);
                let is_anybody_there = incident.paged.iter().any(|who| self.is_pageable(*who));
                if incident.paged.len() == before && !is_anybody_there {
                    return self.climb(alert, incident, incident.level, now);
                }
                if let Some(level) = level {
                    incident.next = Some(now.max(incident.entered + i64::from(level.delay) * 60));
                }
            }
        }
    }

    // -- Alerts and deeds --

    fn change(&mut self, alert: Alert, change: impl FnOnce(&mut Model, &mut Incident)) {
        if let Some(mut incident) = self.incidents.remove(&alert) {
            change(self, &mut incident);
            self.incidents.insert(alert, incident);
        }
    }

    fn trigger(&mut self, alert: Alert, severity: Severity, now: Time) {
        let (policy, silence) = self.sources[alert.source];
        if !self.is_open(alert) {
            if let Some(storm) = self.absorb(alert, now) {
                return self.trigger(storm, severity, now);
            }
            let mut incident = Incident {
                status: Status::Triggered,
                severity,
                worst: severity,
                policy,
                level: None,
                cycle: 0,
                phase: Phase::Climbing,
                restored: None,
                paged: vec![],
                told: vec![],
                entered: now,
                by_hand: false,
                assignee: None,
                ackers: vec![],
                snooze: None,
                next: None,
                ack_timeout: None,
                silence: silence.map(|silence| now + silence),
            };
            if self.is_held(alert.source, now) {
                incident.phase = Phase::Held;
            } else {
                self.climb(alert, &mut incident, None, now);
            }
            self.incidents.insert(alert, incident);
            return;
        }
        self.change(alert, |model, incident| {
            let rises = severity > incident.severity.max(incident.worst);
            incident.worst = incident.worst.max(severity);
            if incident.status == Status::Triggered {
                incident.silence = silence.map(|silence| now + silence);
            }
            if rises {
                incident.severity = severity;
            }
            if incident.restored.is_some() {
                return model.climb(alert, incident, None, now);
            }
            if !rises {
                return;
            }
            if (incident.status, incident.phase) == (Status::Triggered, Phase::Held) {
                return;
            }
            let had_it: Vec<usize> = match (incident.status, incident.snooze) {
                (Status::Triggered, _) => vec![],
                (_, Some((_, by))) => incident.assignee.into_iter().chain([by]).collect(),
                (_, None) => incident.ackers.clone(),
            };
            model.untake(alert, incident, now);
            model.reenter(alert, incident, now);
            model.page_also(alert, incident, had_it);
        });
    }

    fn is_open(&self, alert: Alert) -> bool {
        self.incidents.get(&alert).is_some_and(|incident| incident.status != Status::Resolved)
    }

    fn end(&mut self, alert: Alert) {
        self.change(alert, |_, incident| close(incident));
    }

    fn edit(&mut self, action: &Action, now: Time) {
        match action {
            Action::Deactivate { who } => self.people[*who].active = false,
            Action::Reactivate { who } => self.people[*who].active = true,
            Action::EnableMethod { who, method, enabled } => {
                if let Some(Some(is)) = self.people[*who].methods.get_mut(*method) {
                    *is = *enabled;
                }
            }
            Action::RemoveMethod { who, method } => {
                if let Some(is) = self.people[*who].methods.get_mut(*method) {
                    *is = None;
                }
            }
            Action::AddMethod { who, .. } => self.people[*who].methods.push(Some(true)),
            Action::EditPolicy { policy, to } => self.policies[*policy] = to.clone(),
            Action::MoveSource { source, policy } => {
                let before = std::mem::replace(&mut self.sources[*source].0, *policy);
                let followers = self.incidents.iter_mut().filter(|(alert, _)| alert.source == *source);
                for (_, incident) in followers.filter(|(_, incident)| incident.status != Status::Resolved) {
                    if incident.policy == before {
                        incident.policy = *policy;
                    }
                }
                if before == *policy {
                    return;
                }
            }
            Action::JoinTeam { team, who } if !self.teams[*team].contains(who) => self.teams[*team].push(*who),
            Action::LeaveTeam { team, who } => self.teams[*team].retain(|member| member != who),
            Action::AddEntry { schedule, shift } => self.schedules[*schedule].entries.push(Stretch::of(shift)),
            Action::AddOverride { schedule, shift, instead_of } => {
                self.schedules[*schedule].overrides.push((Stretch::of(shift), *instead_of));
            }
            Action::AddHeartbeat { source, interval, grace } => {
                let alert = Alert { source: *source, alert: HEARTBEATS + self.jobs.len() };
                self.jobs.push(Job::new(alert, i64::from(*interval) * 60, i64::from(*grace) * 60));
                return;
            }
            Action::RemoveHeartbeat { nth } => {
                self.jobs[*nth].forget();
                return;
            }
            // What it holds from now on is held; nothing is looked at anew.
            Action::AddWindow { sources, from, to } => {
                self.windows.push(Window { sources: sources.clone(), from: from * 60, to: to * 60 });
                return;
            }
            Action::EndWindow { nth } | Action::RemoveWindow { nth } => {
                let window = &mut self.windows[*nth];
                match action {
                    Action::RemoveWindow { .. } if now < window.from => window.to = window.from,
                    _ if window.from <= now && now < window.to => window.to = now,
                    _ => return,
                }
            }
            Action::RemoveEntry { schedule, nth } => self.schedules[*schedule].entries[*nth].cut(now),
            Action::RemoveOverride { schedule, nth } => self.schedules[*schedule].overrides[*nth].0.cut(now),
            _ => return,
        }
        self.recheck_all(now);
    }
}

fn close(incident: &mut Incident) {
    if incident.status == Status::Resolved {
        return;
    }
    incident.status = Status::Resolved;
    (incident.next, incident.ack_timeout, incident.silence, incident.snooze) = (None, None, None, None);
    incident.restored = None;
}
