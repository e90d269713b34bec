//! Everybody outside: tools that send alerts until they are heard, people who click, admins who edit, and fate.
//!
//! A client that gets no answer, or "try again", tries again; what it saw confirmed must be there (S8).

use super::judge::{Cause, SecondOpinion};
use super::model::{Model, STORM};
use super::plan::{self, Action, Alert, Deed, Method, Planned, Shift};
use super::run::{Run, SECRET, START, Written};
use pagerpal::app::heartbeats::NewHeartbeat;
use pagerpal::app::incidents::{self, Deed as AppDeed};
use pagerpal::app::intake::{Received, receive};
use pagerpal::app::passes::LinkKey;
use pagerpal::app::schedules::{self, Basics as ScheduleBasics};
use pagerpal::app::users::{self, NewUser};
use pagerpal::app::{AppError, Write, alert_sources, heartbeats, maintenance, pings, policies, teams};
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::{Actor, Door};
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::State;
use pagerpal::domain::entry::{Interval, OverrideMode};
use pagerpal::domain::event::{Action as EventAction, Event, Order, Report, SenderTime};
use pagerpal::domain::heartbeat::Beat;
use pagerpal::domain::id::{AlertSourceId, ContactId, IncidentId, PolicyId, ScheduleId, TeamId, UserId};
use pagerpal::domain::incident::{Incident, Status};
use pagerpal::domain::layer::Draft;
use pagerpal::domain::maintenance::Scope;
use pagerpal::domain::policy::{Level, Recipient};
use pagerpal::domain::rotation::{Cadence, Civil};
use pagerpal::domain::source_event::ResultWord;
use pagerpal::domain::storm::{self, StormLine};
use pagerpal::domain::time::Timestamp;
use pagerpal::domain::timeline::Handover;
use pagerpal::domain::user::Step;
use pagerpal::domain::{Severity, Urgency};
use pagerpal::store::Read;
use std::collections::BTreeMap;

/// A tool asks again after this, and gives up in the end; people have less patience.
const TOOLS_WAIT_MS: u64 = 5000;
const TOOLS_TRIES: u32 = 60;
const PEOPLE_WAIT_MS: u64 = 10_000;
const PEOPLE_TRIES: u32 = 5;

/// What everything in the plan is called in the store.
#[derive(Default)]
pub struct Places {
    pub people: Vec<UserId>,
    pub schedules: Vec<ScheduleId>,
    /// Before those of the plan stands one that has the schedules without a team.
    pub teams: Vec<TeamId>,
    pub policies: Vec<PolicyId>,
    pub sources: Vec<AlertSourceId>,
    /// The newest incident of each alert, by number.
    pub newest: BTreeMap<Alert, u64>,
}

/// What the heartbeat that was made as the `nth` is called.
pub fn heartbeat_name(nth: usize) -> String {
    format!("job-{nth}")
}

fn channel(channel: plan::Channel) -> Channel {
    match channel {
        plan::Channel::Sms => Channel::Sms,
        plan::Channel::WhatsApp => Channel::WhatsApp,
        plan::Channel::Email => Channel::Email,
    }
}

fn address(method: Method) -> String {
    match method.channel {
        plan::Channel::Email => format!("m{}@example.test", method.number),
        _ => format!("+4917000{:05}", method.number),
    }
}

fn severity(severity: plan::Severity) -> Severity {
    match severity {
        plan::Severity::Info => Severity::Info,
        plan::Severity::Warning => Severity::Warning,
        plan::Severity::Error => Severity::Error,
        plan::Severity::Critical => Severity::Critical,
    }
}

fn span(shift: Shift) -> Interval {
    let at = |minutes: i64| Timestamp::from_second(START + minutes * 60);
    Interval { start: at(shift.from), end: at(shift.to) }
}

fn all_of<T: Copy>(places: &[T], chosen: &[usize]) -> Vec<T> {
    chosen.iter().filter_map(|place| places.get(*place).copied()).collect()
}

impl Places {
    fn recipient(&self, recipient: &plan::Recipient) -> Option<Recipient> {
        Some(match recipient {
            plan::Recipient::Person(place) => Recipient::User(*self.people.get(*place)?),
            plan::Recipient::Schedule(place) => Recipient::Schedule(*self.schedules.get(*place)?),
            plan::Recipient::Team(place) => Recipient::Team(*self.teams.get(*place + 1)?),
        })
    }

    fn policy(&self, place: usize, policy: &plan::Policy) -> (policies::Basics, Vec<Level>) {
        let basics = policies::Basics {
            name: format!("policy {place}"),
            repeat: policy.repeat,
            repage_minutes: policy.repage,
            ack_timeout_minutes: policy.ack_timeout,
            last_resort: all_of(&self.people, &policy.last_resort),
        };
        let level = |level: &plan::Level| Level {
            number: level.number,
            delay_minutes: level.delay,
            recipients: level.recipients.iter().filter_map(|recipient| self.recipient(recipient)).collect(),
        };
        (basics, policy.levels.iter().map(level).collect())
    }

    fn source(&self, place: usize, source: plan::Source) -> alert_sources::Basics {
        alert_sources::Basics {
            auto_resolve_minutes: source.auto_resolve,
            ..alert_sources::Basics::named(
                &format!("source {place}"),
                "generic",
                self.teams[0],
                self.policies[source.policy],
            )
        }
    }
}

impl Run<'_> {
    /// Sets the organisation up, before anything can go wrong.
    pub(super) fn found(&mut self) -> Result<(), String> {
        let site = &self.plan.site;
        for (place, person) in site.people.iter().enumerate() {
            let role = if person.admin { Role::Admin } else { Role::Responder };
            let person = person.clone();
            let made = self.setting_up(move |tx| {
                let name = format!("person {place}");
                let zone = "UTC".to_owned();
                let new = NewUser { name, email: None, role, zone, password_hash: None };
                let id = users::create(tx, &Actor::SYSTEM, &new)?;
                let mut methods = Vec::new();
                for method in &person.methods {
                    methods.push(users::add_contact(
                        tx,
                        &Actor::SYSTEM,
                        id,
                        channel(method.channel),
                        &address(*method),
                    )?);
                }
                let step = |(method, after): &(usize, u8)| {
                    methods.get(*method).map(|contact| Step { contact: *contact, after_minutes: *after })
                };
                let steps: Vec<Step> = person.rules.iter().filter_map(step).collect();
                users::set_rules_of(tx, &Actor::SYSTEM, id, Urgency::High, &steps)?;
                Ok(id)
            })?;
            self.places.people.push(made);
        }
        for (place, members) in std::iter::once(&vec![]).chain(&site.teams).enumerate() {
            let members = all_of(&self.places.people, members);
            let name = format!("team {place}");
            let id = self.setting_up(move |tx| teams::create(tx, &Actor::SYSTEM, &name, &members))?;
            self.places.teams.push(id);
        }
        for (place, schedule) in site.schedules.iter().enumerate() {
            let id = self.found_schedule(place, schedule)?;
            self.places.schedules.push(id);
            for shift in &schedule.entries {
                self.carry_out(&Action::AddEntry { schedule: place, shift: *shift })?;
            }
        }
        for (place, policy) in site.policies.iter().enumerate() {
            let (basics, levels) = self.places.policy(place, policy);
            let id = self.setting_up(move |tx| policies::create(tx, &Actor::SYSTEM, &basics, &levels))?;
            self.places.policies.push(id);
        }
        for (place, source) in site.sources.iter().enumerate() {
            let basics = self.places.source(place, *source);
            let key = format!("key {place}");
            let id = self.setting_up(move |tx| alert_sources::create(tx, &Actor::SYSTEM, &basics, &key))?;
            self.places.sources.push(id);
        }
        let people = self.places.people.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        let sources = self.places.sources.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        self.judge.second_opinion = Some(SecondOpinion { model: Model::of(self.plan), people, sources });
        Ok(())
    }

    fn found_schedule(&mut self, place: usize, schedule: &plan::Schedule) -> Result<ScheduleId, String> {
        // The first team stands for everybody and has no schedule.
        let team = *self.places.teams.get(place + 1).unwrap_or(&self.places.teams[0]);
        let fallback = schedule.fallback.and_then(|place| self.places.people.get(place).copied());
        let basics = ScheduleBasics { name: format!("schedule {place}"), team, zone: "UTC".to_owned(), fallback };
        let draft = schedule.rotation.as_ref().map(|(hours, people)| Draft {
            name: "turns".to_owned(),
            zone: "UTC".to_owned(),
            from: None,
            anchor: Civil(START / 60 - 24 * 60),
            cadence: Cadence::Hours(*hours),
            slots: all_of(&self.places.people, people).into_iter().map(|user| vec![user]).collect(),
            windows: vec![],
        });
        self.setting_up(move |tx| {
            let id = schedules::create(tx, &Actor::SYSTEM, &basics)?;
            if let Some(draft) = &draft {
                schedules::add_layer(tx, &Actor::SYSTEM, id, draft)?;
            }
            Ok(id)
        })
    }

    fn setting_up<T: Send + 'static>(
        &mut self,
        work: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, String> {
        match self.write(Cause::Setup, work)? {
            Written::Done(made) => Ok(made),
            Written::Refused(refusal) => Err(format!("plan: {refusal}")),
            Written::Unavailable => Err("plan: the store fails before the night begins".to_owned()),
        }
    }

    pub(super) fn act(&mut self, index: usize, tries: u32) -> Result<(), String> {
        let action = self.action(index);
        if matches!(action, Action::Crash { .. } | Action::StoreFails { .. } | Action::BackUp) {
            self.make_up_for_marks()?;
        }
        if self.is_fate(action)? || self.carry_out(action)? {
            return Ok(());
        }
        let is_tool = matches!(action, Action::Trigger { .. } | Action::Recover { .. } | Action::TakenThere { .. });
        let (wait, most) = if is_tool { (TOOLS_WAIT_MS, TOOLS_TRIES) } else { (PEOPLE_WAIT_MS, PEOPLE_TRIES) };
        if tries < most {
            self.push_act(self.at + wait, index, tries + 1);
        }
        Ok(())
    }

    /// What nobody asks the application for.
    fn is_fate(&mut self, action: &Action) -> Result<bool, String> {
        use Action::{BackUp, Crash, Provider, Restore, SetClock, StoreFails};
        match *action {
            SetClock { .. } | Crash { .. } | StoreFails { .. } | Provider { .. } | BackUp | Restore { .. }
                if self.calm =>
            {
                return Ok(true);
            }
            BackUp => self.back_up(),
            Restore { down_ms } => self.restore(down_ms)?,
            SetClock { by_secs } => self.set_clock(by_secs),
            Crash { moment, down_ms } => self.crash(moment, down_ms),
            StoreFails { applied, for_ms, reads } => self.store_fails(applied, for_ms, reads),
            Provider { channel: of, mood, for_ms } => self.provider_has(channel(of), mood, for_ms),
            _ => return Ok(false),
        }
        self.say(format_args!("fate: {action:?}"));
        Ok(true)
    }

    /// Whether there was an answer.
    fn carry_out(&mut self, action: &Action) -> Result<bool, String> {
        let places = &self.places;
        let person = |place: usize| places.people.get(place).copied();
        match action {
            Action::Trigger { alert, severity: of } => {
                self.report(*alert, EventAction::Trigger, Some(severity(*of)), action)
            }
            Action::Recover { alert } => self.report(*alert, EventAction::Resolve, None, action),
            Action::TakenThere { alert } => self.report(*alert, EventAction::Acknowledge, None, action),
            Action::Act { alert, who, deed } => self.deed(*alert, *who, deed, action),
            Action::Resume { who } => {
                let Some(actor) = self.actor(*who).filter(|_| self.plan.site.people[*who].admin) else {
                    return Ok(true);
                };
                self.edit(action, move |tx| incidents::resume_after_restore(tx, &actor).map(drop))
            }
            Action::Retry { alert, who } => self.retry(*alert, *who, action),
            Action::Deactivate { who } => {
                let Some(id) = person(*who) else { return Ok(true) };
                self.edit(action, move |tx| users::deactivate(tx, &Actor::SYSTEM, id))
            }
            Action::Reactivate { who } => {
                let Some(id) = person(*who) else { return Ok(true) };
                self.edit(action, move |tx| users::reactivate(tx, &Actor::SYSTEM, id))
            }
            Action::EnableMethod { who, method, enabled } => {
                let Some((id, contact)) = self.method(*who, *method) else { return Ok(true) };
                let enabled = *enabled;
                self.edit(action, move |tx| users::enable_contact(tx, &Actor::SYSTEM, id, contact, enabled))
            }
            Action::RemoveMethod { who, method } => {
                let Some((id, contact)) = self.method(*who, *method) else { return Ok(true) };
                self.edit(action, move |tx| users::remove_contact(tx, &Actor::SYSTEM, id, contact))
            }
            Action::AddMethod { who, method } => {
                let Some(id) = person(*who) else { return Ok(true) };
                let (channel, address) = (channel(method.channel), address(*method));
                self.edit(action, move |tx| users::add_contact(tx, &Actor::SYSTEM, id, channel, &address).map(drop))
            }
            Action::EditPolicy { policy, to } => {
                let Some(id) = places.policies.get(*policy).copied() else { return Ok(true) };
                let (basics, levels) = places.policy(*policy, to);
                self.edit(action, move |tx| policies::replace(tx, &Actor::SYSTEM, id, &basics, &levels))
            }
            Action::MoveSource { source, policy } => {
                let (Some(id), true) = (places.sources.get(*source).copied(), *policy < places.policies.len()) else {
                    return Ok(true);
                };
                let to = plan::Source { policy: *policy, ..self.plan.site.sources[*source] };
                let basics = places.source(*source, to);
                self.edit(action, move |tx| alert_sources::edit(tx, &Actor::SYSTEM, id, &basics))
            }
            Action::JoinTeam { team, who } => {
                let (Some(team), Some(user)) = (places.teams.get(team + 1).copied(), person(*who)) else {
                    return Ok(true);
                };
                self.edit(action, move |tx| teams::add_member(tx, &Actor::SYSTEM, team, user))
            }
            Action::LeaveTeam { team, who } => {
                let (Some(team), Some(user)) = (places.teams.get(team + 1).copied(), person(*who)) else {
                    return Ok(true);
                };
                self.edit(action, move |tx| teams::remove_member(tx, &Actor::SYSTEM, team, user))
            }
            Action::AddHeartbeat { source, interval, grace } => {
                let Some(source) = places.sources.get(*source).copied() else { return Ok(true) };
                let name = heartbeat_name(self.judge.view.made.heartbeats.len());
                let new = NewHeartbeat { source, name, interval_minutes: *interval, grace_minutes: *grace };
                let key = LinkKey::new(SECRET);
                self.edit(action, move |tx| heartbeats::create(tx, &Actor::SYSTEM, &key, &new).map(drop))
            }
            Action::RemoveHeartbeat { nth } => {
                let Some(id) = self.judge.view.made.heartbeats.get(*nth).copied() else { return Ok(true) };
                self.edit(action, move |tx| heartbeats::delete(tx, &Actor::SYSTEM, id))
            }
            Action::Ping { nth, fails } => self.ping(*nth, *fails, action),
            Action::AddWindow { sources, from, to } => self.add_window(action, sources, *from, *to),
            Action::EndWindow { nth } => {
                let Some(id) = self.judge.view.made.windows.get(*nth).copied() else { return Ok(true) };
                self.edit(action, move |tx| maintenance::end_now(tx, &Actor::SYSTEM, id).map(drop))
            }
            Action::RemoveWindow { nth } => {
                let Some(id) = self.judge.view.made.windows.get(*nth).copied() else { return Ok(true) };
                self.edit(action, move |tx| maintenance::delete(tx, &Actor::SYSTEM, id))
            }
            _ => self.plan_shift(action),
        }
    }

    /// A job that reports at its own address. It does not try again: it will report the next time.
    fn ping(&mut self, nth: usize, fails: bool, action: &Action) -> Result<bool, String> {
        let Some(id) = self.judge.view.made.heartbeats.get(nth).copied() else { return Ok(true) };
        let Some(token_hash) = self.read(|read| Ok(heartbeats::one(read, id)?.token_hash)) else { return Ok(true) };
        let what = if fails { Beat::Fail } else { Beat::Ping };
        let pinged = self.write(Cause::Client(action), move |tx| pings::ping_address(tx, token_hash, what, ""))?;
        self.is_answered(pinged);
        Ok(true)
    }

    fn add_window(&mut self, action: &Action, sources: &[usize], from: i64, to: i64) -> Result<bool, String> {
        let scope = match sources {
            [] => Scope::Team(self.places.teams[0]),
            _ => Scope::Sources(all_of(&self.places.sources, sources)),
        };
        let span = span(Shift { who: 0, from, to });
        let basics = maintenance::Basics {
            name: "works".to_owned(),
            scope,
            occurs: maintenance::Chosen::Once(span),
            zone: "UTC".to_owned(),
            matchers: vec![],
        };
        self.edit(action, move |tx| maintenance::create(tx, &Actor::SYSTEM, &basics).map(drop))
    }

    fn plan_shift(&mut self, action: &Action) -> Result<bool, String> {
        let places = &self.places;
        match action {
            Action::AddEntry { schedule, shift } => {
                let (Some(id), Some(user)) = (places.schedules.get(*schedule), places.people.get(shift.who)) else {
                    return Ok(true);
                };
                let (id, user, span) = (*id, *user, span(*shift));
                self.edit(action, move |tx| schedules::add_entry(tx, &Actor::SYSTEM, id, user, span, "").map(drop))
            }
            Action::AddOverride { schedule, shift, instead_of } => {
                let (Some(id), Some(user)) = (places.schedules.get(*schedule), places.people.get(shift.who)) else {
                    return Ok(true);
                };
                let from = instead_of.and_then(|place| places.people.get(place).copied());
                let mode = from.map_or(OverrideMode::Cover, |from| OverrideMode::Replace { from });
                let (id, user, span) = (*id, *user, span(*shift));
                self.edit(action, move |tx| {
                    schedules::add_override(tx, &Actor::SYSTEM, id, user, mode, span, "").map(drop)
                })
            }
            Action::RemoveEntry { schedule, nth } => {
                let Some(id) = self.made(*schedule, *nth, &self.judge.view.made.entries) else {
                    return Ok(true);
                };
                self.edit(action, move |tx| schedules::remove_entry(tx, &Actor::SYSTEM, id).map(drop))
            }
            Action::RemoveOverride { schedule, nth } => {
                let Some(id) = self.made(*schedule, *nth, &self.judge.view.made.overrides) else {
                    return Ok(true);
                };
                self.edit(action, move |tx| schedules::remove_override(tx, &Actor::SYSTEM, id).map(drop))
            }
            _ => Ok(true),
        }
    }

    fn method(&self, who: usize, method: usize) -> Option<(UserId, ContactId)> {
        let id = *self.places.people.get(who)?;
        Some((id, *self.judge.view.made.methods.get(&id)?.get(method)?))
    }

    fn made<I: Copy>(&self, schedule: usize, nth: usize, of: &BTreeMap<ScheduleId, Vec<I>>) -> Option<I> {
        of.get(self.places.schedules.get(schedule)?)?.get(nth).copied()
    }

    fn edit(
        &mut self,
        action: &Action,
        work: impl Fn(&mut Write<'_>) -> Result<(), AppError> + Send + 'static,
    ) -> Result<bool, String> {
        let edited = self.write(Cause::Client(action), work)?;
        Ok(self.is_answered(edited))
    }

    fn is_answered<T>(&mut self, answer: Written<T>) -> bool {
        if let Written::Refused(refusal) = &answer {
            self.say(format_args!("refused: {}", refusal.code));
        }
        !matches!(answer, Written::Unavailable)
    }

    fn report(
        &mut self,
        alert: Alert,
        what: EventAction,
        severity: Option<Severity>,
        action: &Action,
    ) -> Result<bool, String> {
        let Some(source) = self.places.sources.get(alert.source).copied() else { return Ok(true) };
        let external_id = format!("alert {}", alert.alert);
        let event = Event {
            action: what,
            external_id: external_id.clone(),
            severity,
            title: format!("alert {} of source {}", alert.alert, alert.source),
            details: String::new(),
            labels: BTreeMap::new(),
            links: vec![],
            occurred_at: SenderTime::from(self.wall()),
            order: Order::Arrival,
            actor: None,
            warnings: vec![],
        };
        let reports = vec![Report::Event(event)];
        let received =
            Received { source, reports, delivery_id: None, key_hash: None, body: String::new(), is_test: false };
        let results = match self.write(Cause::Client(action), move |tx| receive(tx, &received))? {
            Written::Done(results) => results,
            Written::Refused(refusal) => return Err(format!("S8: an alert was refused: {refusal}")),
            Written::Unavailable => return Ok(false),
        };
        let [result] = &results[..] else { return Err(format!("S8: one alert has {} answers", results.len())) };
        let Some((id, number)) = result.incident else { return Ok(true) };
        let (storm, external_id) = (Alert { alert: STORM, ..alert }, external_id);
        let known = self.judge.view.incidents.get(&id);
        let is_absorbed = known.is_some_and(|incident| incident.external_id == storm::IDENTITY);
        if is_absorbed {
            self.has_line(id, &external_id, &what)?;
        }
        let external_id = if is_absorbed { storm::IDENTITY } else { &external_id };
        let is_there = known.is_some_and(|incident| {
            let open = incident.status != Status::Resolved;
            let status_fits = match result.result {
                ResultWord::Created | ResultWord::Updated => open,
                ResultWord::Acknowledged => incident.status == Status::Acknowledged,
                ResultWord::Resolved => !open,
                _ => true,
            };
            incident.number == number && incident.external_id == external_id && status_fits
        });
        if !is_there {
            return Err(format!("S8: {:?} of #{number} was confirmed and is not there", result.result));
        }
        self.places.newest.insert(if is_absorbed { storm } else { alert }, number);
        Ok(true)
    }

    /// S8: an alert without an incident of its own stands in its storm's list, or is struck from it.
    fn has_line(&self, storm: IncidentId, external_id: &str, what: &EventAction) -> Result<(), String> {
        let line = self.read(|read| Ok(read.get::<StormLine>((storm, external_id.to_owned()))?));
        match line {
            None => Ok(()),
            Some(Some(line)) if (*what == EventAction::Resolve) == line.struck_at.is_some() => Ok(()),
            Some(line) => Err(format!("S8: {what:?} of {external_id} was confirmed, and its line is {line:?}")),
        }
    }

    fn deed(&mut self, alert: Alert, who: usize, deed: &Deed, action: &Action) -> Result<bool, String> {
        let (Some(number), Some(actor)) = (self.places.newest.get(&alert).copied(), self.actor(who)) else {
            return Ok(true);
        };
        let Some(wanted) = self.wanted(deed) else { return Ok(true) };
        let reference = number.to_string();
        let acted =
            self.write(Cause::Client(action), move |tx| incidents::act(tx, &actor, &reference, None, wanted.clone()))?;
        if let Written::Done(incident) = &acted {
            self.confirmed(incident)?;
            let fits = match deed {
                Deed::Acknowledge | Deed::Snooze { .. } => incident.status == Status::Acknowledged,
                Deed::Resolve => incident.status == Status::Resolved,
                Deed::Unacknowledge | Deed::Escalate { .. } | Deed::Reassign { .. } | Deed::ReassignToPolicy { .. } => {
                    incident.status == Status::Triggered
                }
                Deed::Reopen => incident.status != Status::Resolved,
                Deed::SetSeverity { .. } | Deed::Note => true,
            };
            if !fits {
                return Err(format!("S12: after {deed:?} #{number} is {}", incident.status.word()));
            }
        }
        let is_answered = self.is_answered(acted);
        Ok(is_answered || *deed == Deed::Acknowledge && self.is_emergency() && self.take_by_link(alert, who))
    }

    /// What a client is told must be what was committed.
    fn confirmed(&self, incident: &Incident) -> Result<(), String> {
        match self.judge.view.incidents.get(&incident.id) == Some(incident) {
            true => Ok(()),
            false => Err(format!("S8: #{} was confirmed as it is not on disk", incident.number)),
        }
    }

    /// Somebody who can still sign in.
    fn actor(&self, who: usize) -> Option<Actor> {
        let id = *self.places.people.get(who)?;
        let user = self.judge.view.users.get(&id).filter(|user| user.is_active())?;
        Some(Actor::user(id, user.role, Door::Web))
    }

    fn wanted(&self, deed: &Deed) -> Option<AppDeed> {
        Some(match deed {
            Deed::Acknowledge => AppDeed::Acknowledge,
            Deed::Unacknowledge => AppDeed::Unacknowledge,
            Deed::Resolve => AppDeed::Resolve,
            Deed::Reopen => AppDeed::Reopen,
            Deed::Escalate { to: None, seen } => AppDeed::Escalate { expected_level: *seen },
            Deed::Escalate { to: Some(level), seen } => AppDeed::EscalateTo { expected_level: *seen, level: *level },
            Deed::Snooze { minutes } => AppDeed::Snooze { until: self.now().plus_minutes(*minutes) },
            Deed::Reassign { to } => AppDeed::Reassign(Handover::Users(all_of(&self.places.people, to))),
            Deed::ReassignToPolicy { policy } => {
                AppDeed::Reassign(Handover::Policy(*self.places.policies.get(*policy)?))
            }
            Deed::SetSeverity { to } => AppDeed::SetSeverity(severity(*to)),
            Deed::Note => AppDeed::Note("looking".to_owned()),
        })
    }

    fn retry(&mut self, alert: Alert, who: usize, action: &Action) -> Result<bool, String> {
        let (Some(number), Some(actor)) = (self.places.newest.get(&alert).copied(), self.actor(who)) else {
            return Ok(true);
        };
        let view = &self.judge.view;
        let of = |id| view.incidents.get(&id).is_some_and(|incident: &Incident| incident.number == number);
        let failed = view.deliveries.values().find(|delivery| {
            matches!(delivery.state, State::Failed | State::Exhausted) && delivery.incident.is_some_and(of)
        });
        let Some(id) = failed.map(|delivery| delivery.id) else { return Ok(true) };
        self.edit(action, move |tx| incidents::retry(tx, &actor, id, None).map(drop))
    }
}

impl plan::Plan {
    /// The longest that any ladder of the plan takes from its first level to exhaustion.
    pub(super) fn longest_ladder_ms(&self) -> u64 {
        let edited = self.actions.iter().filter_map(|Planned { what, .. }| match what {
            Action::EditPolicy { to, .. } => Some(to),
            _ => None,
        });
        let minutes = |policy: &plan::Policy| {
            let once: u64 = policy.levels.iter().map(|level| u64::from(level.delay)).sum();
            once * (u64::from(policy.repeat) + 1)
        };
        self.site.policies.iter().chain(edited).map(minutes).max().unwrap_or(0) * 60_000
    }
}
