//! Deals plans: an organisation and a night, from a seed.
//!
//! Swarm testing: each kind of fault and of action is there or not, by an even chance, and how often is drawn on a log
//! scale, because faults that are always there hide bugs behind each other.

use super::model::STORM;
use super::plan::{
    Action, Alert, Channel, Deed, Level, Method, Moment, Mood, Person, Plan, Planned, Policy, Recipient, Schedule,
    Severity, Shift, Site, Source, Weather,
};
use super::run::stream;
use pagerpal::domain::given::Jitter;
use std::collections::BTreeSet;

const YEAR_MINUTES: u64 = 365 * 24 * 60;
/// The first number of an alert of a storm.
const STORMY: usize = 1000;
const YEAR_SECS: u64 = YEAR_MINUTES * 60;

/// The same plan for the same seed. Most are a night; some are weeks or a year, in which hardly more happens.
pub fn deal(seed: u64) -> Plan {
    let mut dice = Dice(stream(seed, "site"));
    let site = dice.site();
    let mut dice = Dice(stream(seed, "options"));
    let (mut minutes, weather) = (dice.log(20, 600), dice.weather());
    let is_long = dice.chance(30);
    if is_long {
        minutes = dice.log(7 * 24 * 60, YEAR_MINUTES);
    }
    // As most weeks are: people come and go, and hardly an alert.
    let is_quiet = is_long && dice.chance(40);
    if is_quiet {
        minutes = dice.log(YEAR_MINUTES / 4, YEAR_MINUTES);
    }
    let mut night = Night { site: &site, minutes, is_quiet, actions: vec![], alarms: vec![] };
    night.alerts(&mut Dice(stream(seed, "tools")));
    night.deeds(&mut Dice(stream(seed, "people")));
    night.edits(&mut Dice(stream(seed, "admins")));
    night.faults(&mut Dice(stream(seed, "fate")));
    night.overlaps(&mut Dice(stream(seed, "overlaps")));
    night.haste(&mut Dice(stream(seed, "haste")));
    night.windows(&mut Dice(stream(seed, "windows")));
    night.lost_hosts(&mut Dice(stream(seed, "hosts")));
    // Their watch commits each minute, so none of them beats for a year.
    if !is_long {
        night.heartbeats(&mut Dice(stream(seed, "heartbeats")));
        night.storm(&mut Dice(stream(seed, "storm")));
    }
    if is_long {
        night.recoveries(&mut Dice(stream(seed, "recoveries")));
    }
    let mut actions = night.actions;
    actions.sort_by_key(|action| action.at);
    Plan { seed, weather, site, minutes, actions }
}

struct Dice(Jitter);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0.below(limit as u64) as usize
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.0.below(100) < percent
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// Between the two, each doubling as likely as the next.
    fn log(&mut self, least: u64, most: u64) -> u64 {
        let doublings = (most / least).ilog2() + 1;
        let low = least << self.0.below(doublings.into());
        (low + self.0.below(low)).min(most)
    }

    /// How many of something, if there is any.
    fn some(&mut self, most: u64) -> u64 {
        if self.chance(50) { self.log(1, most) } else { 0 }
    }

    fn weather(&mut self) -> Weather {
        Weather {
            undelivered: self.some(300),
            report_lost: self.some(500),
            report_twice: self.some(500),
            report_late: self.some(500),
            report_early: self.some(500),
            slow: self.some(200),
        }
    }

    fn site(&mut self) -> Site {
        let count = 2 + self.below(5);
        let mut people: Vec<Person> = (0..count).map(|place| self.person(place)).collect();
        people[0].admin = true;
        let schedules = (0..self.below(3)).map(|_| self.schedule(count)).collect::<Vec<_>>();
        let teams = (0..self.below(3)).map(|_| self.several(count, 0, 4)).collect::<Vec<_>>();
        let mut site = Site { people, schedules, teams, policies: vec![], sources: vec![] };
        for _ in 0..1 + self.below(3) {
            let policy = self.policy(&site);
            site.policies.push(policy);
        }
        for _ in 0..1 + self.below(3) {
            let (policy, resolves) = (self.below(site.policies.len()), self.chance(25));
            let auto_resolve = resolves.then(|| 5 + self.below(60) as u16);
            site.sources.push(Source { policy, auto_resolve });
        }
        site
    }

    fn person(&mut self, place: usize) -> Person {
        let mut methods: Vec<Method> = Vec::new();
        for _ in 0..self.one(&[0, 1, 1, 1, 2, 2, 3]) {
            let method = self.method(place);
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        let mut rules = Vec::new();
        if self.chance(30) && !methods.is_empty() {
            rules.push((self.below(methods.len()), 0));
            for _ in 0..self.below(3) {
                rules.push((self.below(methods.len()), 1 + self.below(15) as u8));
            }
        }
        Person { admin: self.chance(30), methods, rules }
    }

    fn method(&mut self, place: usize) -> Method {
        let channel = self.one(&[Channel::Sms, Channel::Sms, Channel::Email, Channel::WhatsApp]);
        // A phone that goes from hand to hand now and then.
        let number = if self.chance(10) { 0 } else { place as u32 * 10 + self.below(2) as u32 + 1 };
        Method { channel, number }
    }

    fn schedule(&mut self, people: usize) -> Schedule {
        let fallback = self.chance(30).then(|| self.below(people));
        let rotation = self.chance(40).then(|| (1 + self.below(6) as u16, self.several(people, 1, 4)));
        let mut entries = Vec::new();
        let mut from = -30;
        for _ in 0..self.below(6) {
            from += self.one(&[0, 0, 10, 60]);
            let to = from + self.one(&[5, 30, 60, 240]);
            entries.push(Shift { who: self.below(people), from, to });
            from = to;
        }
        Schedule { fallback, rotation, entries }
    }

    fn several(&mut self, of: usize, least: usize, most: usize) -> Vec<usize> {
        let mut chosen = Vec::new();
        for _ in 0..least + self.below(most - least + 1) {
            let place = self.below(of);
            if !chosen.contains(&place) {
                chosen.push(place);
            }
        }
        chosen
    }

    fn policy(&mut self, site: &Site) -> Policy {
        let mut levels = Vec::new();
        let mut number = 0;
        for _ in 0..self.one(&[0, 1, 1, 2, 2, 3, 4]) {
            number += 1 + self.one(&[0, 0, 0, 3]);
            let recipients = (0..1 + self.below(2)).map(|_| self.recipient(site)).collect();
            levels.push(Level { number, delay: self.one(&[1, 2, 3, 5, 5, 10, 20]), recipients });
        }
        Policy {
            levels,
            repeat: self.one(&[0, 0, 1, 2]),
            last_resort: self.several(site.people.len(), 0, 2),
            repage: self.one(&[5, 10, 30]),
            ack_timeout: self.chance(40).then(|| self.one(&[5, 10, 30])),
        }
    }

    fn recipient(&mut self, site: &Site) -> Recipient {
        let person = Recipient::Person(self.below(site.people.len()));
        match self.below(4) {
            0 | 1 if !site.schedules.is_empty() => Recipient::Schedule(self.below(site.schedules.len())),
            2 if !site.teams.is_empty() => Recipient::Team(self.below(site.teams.len())),
            _ => person,
        }
    }

    fn severity(&mut self) -> Severity {
        self.one(&[Severity::Info, Severity::Warning, Severity::Error, Severity::Error, Severity::Critical])
    }
}

struct Night<'s> {
    site: &'s Site,
    minutes: u64,
    is_quiet: bool,
    actions: Vec<Planned>,
    /// When alerts come, and of what: most else happens about then.
    alarms: Vec<(u64, Alert)>,
}

impl Night<'_> {
    fn any_time(&self, dice: &mut Dice) -> u64 {
        dice.0.below(self.minutes * 60_000)
    }

    /// Some while after an alert, or at any time.
    fn moment(&self, dice: &mut Dice) -> (u64, Alert) {
        let any = self.any_time(dice);
        let (at, alert) = self.alarms[dice.below(self.alarms.len())];
        let soon = at + dice.log(1, 3_600_000);
        let at = if dice.chance(75) { soon.min(self.minutes * 60_000 - 1) } else { any };
        (at, alert)
    }

    fn push(&mut self, at: u64, what: Action) {
        self.actions.push(Planned { at, what });
    }

    fn alerts(&mut self, dice: &mut Dice) {
        let alerts = 1 + dice.below(6);
        for _ in 0..dice.log(1, if self.is_quiet { 6 } else { 48 }) {
            let at = self.any_time(dice);
            let alert = Alert { source: dice.below(self.site.sources.len()), alert: dice.below(alerts) };
            self.alarms.push((at, alert));
            let severity = dice.severity();
            self.push(at, Action::Trigger { alert, severity });
        }
        // Now and then many at once.
        if dice.chance(20) {
            let (at, _) = self.alarms[0];
            let source = dice.below(self.site.sources.len());
            for alert in 0..dice.log(4, 24) as usize {
                let severity = dice.severity();
                self.push(at + dice.0.below(60_000), Action::Trigger { alert: Alert { source, alert }, severity });
            }
        }
        for _ in 0..dice.some(32) {
            let (at, alert) = self.moment(dice);
            self.push(at, Action::Recover { alert });
        }
        for _ in 0..dice.some(4) {
            let (at, alert) = self.moment(dice);
            self.push(at, Action::TakenThere { alert });
        }
    }

    fn deeds(&mut self, dice: &mut Dice) {
        let people = self.site.people.len();
        for _ in 0..dice.log(1, if self.is_quiet { 12 } else { 64 }) {
            let (at, alert) = self.moment(dice);
            let who = dice.below(people);
            let deed = match dice.below(20) {
                0..=6 => Deed::Acknowledge,
                7 | 8 => Deed::Resolve,
                9 | 10 => Deed::Reopen,
                11 => Deed::Unacknowledge,
                12 => Deed::Escalate { to: None, seen: dice.chance(50).then(|| dice.below(3) as u8) },
                13 => Deed::Escalate { to: dice.chance(50).then(|| 1 + dice.below(3) as u8), seen: None },
                14 | 15 => Deed::Snooze { minutes: dice.log(1, 240) as i64 },
                16 => Deed::Reassign { to: dice.several(people, 1, 3) },
                17 => Deed::ReassignToPolicy { policy: dice.below(self.site.policies.len()) },
                18 => Deed::SetSeverity { to: dice.severity() },
                _ => Deed::Note,
            };
            self.push(at, Action::Act { alert, who, deed });
        }
        for _ in 0..dice.some(8) {
            let (at, alert) = self.moment(dice);
            self.push(at, Action::Retry { alert, who: dice.below(people) });
        }
    }

    fn edits(&mut self, dice: &mut Dice) {
        let site = self.site;
        let people = site.people.len();
        for _ in 0..dice.some(8) {
            let (at, _) = self.moment(dice);
            let who = dice.below(people);
            self.push(at, Action::Deactivate { who });
            let back = at + dice.log(1000, 3_600_000);
            if dice.chance(75) && back < self.minutes * 60_000 {
                self.push(back, Action::Reactivate { who });
            }
        }
        for _ in 0..dice.some(8) {
            let (at, _) = self.moment(dice);
            let (who, method) = (dice.below(people), dice.below(3));
            match dice.below(4) {
                0 => self.push(at, Action::RemoveMethod { who, method }),
                1 => {
                    let method = dice.method(who);
                    self.push(at, Action::AddMethod { who, method });
                }
                _ => self.push(at, Action::EnableMethod { who, method, enabled: dice.chance(50) }),
            }
        }
        for _ in 0..dice.some(8) {
            let (at, _) = self.moment(dice);
            let (policy, to) = (dice.below(site.policies.len()), dice.policy(site));
            self.push(at, Action::EditPolicy { policy, to });
        }
        for _ in 0..dice.some(4) {
            let (at, _) = self.moment(dice);
            let (source, policy) = (dice.below(site.sources.len()), dice.below(site.policies.len()));
            self.push(at, Action::MoveSource { source, policy });
        }
        if !site.teams.is_empty() {
            for _ in 0..dice.some(4) {
                let (at, _) = self.moment(dice);
                let (team, who) = (dice.below(site.teams.len()), dice.below(people));
                let joins = dice.chance(50);
                self.push(at, if joins { Action::JoinTeam { team, who } } else { Action::LeaveTeam { team, who } });
            }
        }
        if !site.schedules.is_empty() {
            let shifts = if self.is_quiet { dice.log(8, 64) } else { dice.some(16) };
            for _ in 0..shifts {
                let at = if self.is_quiet { self.any_time(dice) } else { self.moment(dice).0 };
                let action = shift(dice, site, (at / 60_000) as i64);
                self.push(at, action);
            }
        }
    }

    /// Overrides on top of each other while an alert comes: the newest counts.
    fn overlaps(&mut self, dice: &mut Dice) {
        if self.site.schedules.is_empty() {
            return;
        }
        for _ in 0..dice.some(4) {
            let (alarm, _) = self.alarms[dice.below(self.alarms.len())];
            let (schedule, minute) = (dice.below(self.site.schedules.len()), (alarm / 60_000) as i64);
            for _ in 0..2 + dice.below(2) {
                let at = alarm.saturating_sub(dice.log(1, 600_000));
                let who = dice.below(self.site.people.len());
                let (from, to) = (minute - dice.below(15) as i64, minute + 1 + dice.below(60) as i64);
                let instead_of = dice.chance(30).then(|| dice.below(self.site.people.len()));
                self.push(at, Action::AddOverride { schedule, shift: Shift { who, from, to }, instead_of });
            }
        }
    }

    /// Somebody passes others over while their messages are on the wire, at a provider that has its troubles.
    fn haste(&mut self, dice: &mut Dice) {
        for _ in 0..dice.some(8) {
            let (alarm, alert) = self.alarms[dice.below(self.alarms.len())];
            let channel = dice.one(&[Channel::Sms, Channel::WhatsApp, Channel::Email]);
            let mood = match dice.below(5) {
                0 => Mood::Busy,
                1 => Mood::Stalls,
                2 => Mood::Breaks { taken: dice.chance(50) },
                _ => Mood::AnswersLate { taken: dice.chance(50) },
            };
            self.push(alarm, Action::Provider { channel, mood, for_ms: dice.log(1000, 120_000) });
            let who = dice.below(self.site.people.len());
            let deed = match dice.below(4) {
                0 => Deed::Reassign { to: dice.several(self.site.people.len(), 1, 2) },
                1 => Deed::Escalate { to: Some(1 + dice.below(3) as u8), seen: None },
                _ => Deed::Escalate { to: None, seen: None },
            };
            self.push(alarm + dice.log(20, 12_000), Action::Act { alert, who, deed });
        }
    }

    /// Maintenance about the time of an alert, some of it ended early.
    fn windows(&mut self, dice: &mut Dice) {
        for _ in 0..dice.some(8) {
            let (alarm, alert) = self.alarms[dice.below(self.alarms.len())];
            let minute = (alarm / 60_000) as i64;
            let (from, to) = (minute - dice.below(20) as i64, minute + 1 + dice.log(1, 120) as i64);
            let sources = if dice.chance(30) { vec![] } else { vec![alert.source] };
            let at = alarm.saturating_sub(dice.log(1, 600_000));
            self.push(at, Action::AddWindow { sources, from, to });
            if dice.chance(40) {
                let (at, nth) = (alarm + dice.log(1000, 3_600_000), dice.below(4));
                self.push(at, if dice.chance(50) { Action::EndWindow { nth } } else { Action::RemoveWindow { nth } });
            }
        }
    }

    /// Jobs that report, each in its own time, fail now and then, fall silent, and come back.
    fn heartbeats(&mut self, dice: &mut Dice) {
        let minutes = self.minutes;
        for nth in 0..dice.some(3) as usize {
            let (interval, grace) = (dice.log(1, 20) as u32, dice.log(1, 10) as u32);
            let source = dice.below(self.site.sources.len());
            let mut at = dice.0.below(minutes.div_ceil(4) * 60_000);
            self.push(nth as u64, Action::AddHeartbeat { source, interval, grace });
            let silence = dice.log(1, 30);
            while at < minutes * 60_000 {
                self.push(at, Action::Ping { nth, fails: dice.below(100) < 3 });
                let is_late = dice.0.below(100) < silence;
                let most = u64::from(if is_late { 3 * (interval + grace) } else { interval }) * 60_000;
                at += dice.log(20_000, most);
            }
            if dice.chance(30) {
                let at = self.any_time(dice);
                self.push(at, Action::RemoveHeartbeat { nth });
            }
        }
    }

    /// More new alerts of one source than open incidents of their own, within a minute. Most of them recover, and somebody does
    /// something about the storm.
    fn storm(&mut self, dice: &mut Dice) {
        if !dice.chance(5) {
            return;
        }
        let ends = dice.chance(60);
        let (at, Alert { source, .. }) = self.alarms[dice.below(self.alarms.len())];
        let pause = dice.log(1, 120_000);
        for alert in STORMY..STORMY + 101 + dice.below(20) {
            let (alert, begins) = (Alert { source, alert }, at + dice.0.below(50_000));
            let severity = dice.severity();
            self.push(begins, Action::Trigger { alert, severity });
            if dice.chance(20) {
                self.push(begins + dice.log(1000, 300_000), Action::Trigger { alert, severity: dice.severity() });
            }
            if dice.chance(97) {
                self.push(at + 50_000 + pause + dice.log(1, 300_000), Action::Recover { alert });
            }
            if ends {
                self.push(at + 600_000 + pause + dice.0.below(60_000), Action::Recover { alert });
            }
        }
        let storm = Alert { source, alert: STORM };
        for _ in 0..dice.some(4) {
            let deed = dice.one(&[Deed::Acknowledge, Deed::Unacknowledge, Deed::Resolve, Deed::Reopen]);
            let (at, who) = (at + dice.log(20_000, 600_000), dice.below(self.site.people.len()));
            self.push(at, Action::Act { alert: storm, who, deed });
        }
    }

    /// A backup now and then, and a host that is lost with all that came since.
    fn lost_hosts(&mut self, dice: &mut Dice) {
        for _ in 0..dice.some(4) {
            let (at, alert) = self.moment(dice);
            self.push(at, Action::BackUp);
            let lost_at = at + dice.log(1, 3_600_000);
            if dice.chance(60) {
                self.push(lost_at, Action::Restore { down_ms: dice.log(1000, 3_600_000) });
            }
            let soon = lost_at + dice.log(1000, 1_800_000);
            match dice.below(3) {
                0 => self.push(soon, Action::Resume { who: dice.below(self.site.people.len()) }),
                1 => self.push(soon, Action::Trigger { alert, severity: dice.severity() }),
                _ => {}
            }
        }
    }

    /// What is open for weeks is paged for weeks, which shows nothing new; so everything ends within hours, and is said to have
    /// ended once more when nobody may have heard it.
    fn recoveries(&mut self, dice: &mut Dice) {
        let all: BTreeSet<Alert> = self.alarms.iter().map(|(_, alert)| *alert).collect();
        let mut touched: Vec<(u64, Alert)> = Vec::new();
        for Planned { at, what } in &self.actions {
            match what {
                Action::Trigger { alert, .. } | Action::Act { alert, .. } => touched.push((*at, *alert)),
                // What had ended since the backup is open again.
                Action::Restore { .. } => touched.extend(all.iter().map(|alert| (*at, *alert))),
                _ => {}
            }
        }
        for (at, alert) in touched {
            let at = at + dice.log(600_000, 4 * 3_600_000);
            self.push(at, Action::Recover { alert });
            self.push(at + 6 * 3_600_000, Action::Recover { alert });
        }
    }

    fn faults(&mut self, dice: &mut Dice) {
        for _ in 0..dice.some(16) {
            let (at, _) = self.moment(dice);
            let moment = match dice.below(6) {
                0 => Moment::Now,
                1 => Moment::BeforeSend,
                2 => Moment::BeforeAnswer,
                3 => Moment::BeforeRecord,
                _ => Moment::InCommit { applied: dice.chance(50) },
            };
            let down_ms = if dice.chance(75) { 1000 } else { dice.log(1000, 7_200_000) };
            self.push(at, Action::Crash { moment, down_ms });
        }
        for _ in 0..dice.some(16) {
            let (at, _) = self.moment(dice);
            let for_ms = if dice.chance(60) { 0 } else { dice.log(500, 7_200_000) };
            let (applied, reads) = (dice.chance(50), for_ms > 0 && dice.chance(30));
            self.push(at, Action::StoreFails { applied, for_ms, reads });
        }
        for _ in 0..dice.some(16) {
            let (at, _) = self.moment(dice);
            let channel = dice.one(&[Channel::Sms, Channel::WhatsApp, Channel::Email]);
            let mood = match dice.below(9) {
                0 => Mood::Busy,
                1 => Mood::Refuses,
                2 => Mood::AccountClosed,
                3 => Mood::Stalls,
                4 => Mood::LosesAnswers,
                5 => Mood::Unreachable,
                6 => Mood::KnowsTheId,
                _ => Mood::Breaks { taken: dice.chance(50) },
            };
            self.push(at, Action::Provider { channel, mood, for_ms: dice.log(1000, 1_800_000) });
        }
        for _ in 0..dice.some(8) {
            let (at, _) = self.moment(dice);
            let by = dice.log(6, 90_000) as i64;
            self.push(at, Action::SetClock { by_secs: if dice.chance(50) { by } else { -by } });
        }
        // A host that wakes up in another century, and is set right after a while.
        if dice.chance(15) {
            let (at, _) = self.moment(dice);
            let down_ms = dice.log(10_000, 3_600_000);
            let by = if dice.chance(50) { -(dice.log(1, 56) as i64) } else { dice.log(1, 73) as i64 };
            let by_secs = by * YEAR_SECS as i64;
            self.push(at, Action::Crash { moment: Moment::Now, down_ms });
            self.push(at + 1, Action::SetClock { by_secs });
            self.push(at + down_ms + dice.log(1000, 3_600_000), Action::SetClock { by_secs: -by_secs });
        }
    }
}

fn shift(dice: &mut Dice, site: &Site, now: i64) -> Action {
    let (schedule, nth) = (dice.below(site.schedules.len()), dice.below(6));
    let from = now + dice.one(&[-30, -5, 0, 1, 5, 30]);
    let shift = Shift { who: dice.below(site.people.len()), from, to: from + dice.one(&[1, 5, 30, 120]) };
    match dice.below(5) {
        0 => Action::AddEntry { schedule, shift },
        1 => Action::RemoveEntry { schedule, nth },
        2 => Action::RemoveOverride { schedule, nth },
        _ => {
            let instead_of = dice.chance(50).then(|| dice.below(site.people.len()));
            Action::AddOverride { schedule, shift, instead_of }
        }
    }
}
