//! Paging while nothing can be saved: whom to call, how often, and what to say.
//!
//! A [`Roster`] is what the store last knew: untaken incidents, the ladders of the alert sources, and how to reach everybody.
//! An [`Emergency`] calls from it, each person at most every five minutes, until somebody takes the incident or the store
//! saves again. It lives in memory and dies with the process, and whoever acknowledges is told so. The roster outlives it, in a
//! file, for a start whose database does not open.

use crate::domain::alert_source::AlertSource;
use crate::domain::contact::Channel;
use crate::domain::escalation::Context;
use crate::domain::id::{AlertSourceId, IncidentId, UserId};
use crate::domain::incident::Incident;
use crate::domain::ladder::{Rung, What};
use crate::domain::notification::plan;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::domain::{Urgency, effect::Reason};
use crate::planted;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One person is called at most so often, whatever goes on.
pub const EVERY_SECS: i64 = 5 * 60;
/// Alerts that are kept in mind while they cannot be saved. Their senders try again, so the rest is not lost.
const ARRIVED: usize = 200;
/// Incidents that one message names; the rest is counted.
const NAMED: usize = 2;

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Roster {
    pub people: BTreeMap<UserId, Person>,
    /// Active admins hear of the trouble itself.
    pub admins: Vec<UserId>,
    /// Triggered and not held back.
    pub incidents: Vec<Untaken>,
    pub sources: Vec<Watched>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Person {
    pub name: String,
    /// Of the zone database.
    pub zone: String,
    /// All of them are used at once: which of them works cannot be recorded.
    pub methods: Vec<(Channel, String)>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Untaken {
    pub incident: IncidentId,
    pub number: u64,
    pub title: String,
    /// Who is to be called from when on.
    pub calls: Vec<(Timestamp, Vec<UserId>)>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Watched {
    /// Its key's digest is in it, by which an alert is still known.
    pub source: AlertSource,
    /// Who is to be called for a new alert, after how many seconds.
    pub calls: Vec<(i64, Vec<UserId>)>,
}

impl Person {
    /// By everything their rules use for what is urgent.
    pub fn of(user: &User) -> Person {
        let planned = plan(user, Reason::Page { level: None }, Urgency::High);
        let mut methods: Vec<(Channel, String)> = Vec::new();
        for step in planned {
            let method = (step.contact.channel, step.contact.address.clone());
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        Person { name: user.name.clone(), zone: user.zone.clone(), methods }
    }
}

impl Untaken {
    /// Those it has called go on being called; the levels above and the last resort follow at their time.
    pub fn of(incident: &Incident, context: &Context, now: Timestamp) -> Untaken {
        let ladder = &incident.ladder;
        let mut calls = vec![(now, ladder.paged.clone())];
        let mut due = ladder.entered_at.unwrap_or(now);
        let remembered = context.policy.levels.iter().find(|level| Some(level.number) == ladder.level);
        let mut delay_minutes = remembered.map_or(0, |level| level.delay_minutes);
        for level in context.policy.levels_above(ladder.level) {
            due = due.plus_minutes(delay_minutes.into());
            calls.push((due, context.people_of(level, due.max(now)).0.into_iter().map(|called| called.user).collect()));
            delay_minutes = level.delay_minutes;
        }
        due = due.plus_minutes(delay_minutes.into());
        calls.push((due, context.last_resort(due.max(now)).0));
        let Incident { id, number, ref title, .. } = *incident;
        Untaken { incident: id, number, title: title.clone(), calls }
    }
}

impl Roster {
    /// As [`Emergency::shift`].
    pub fn shift(&mut self, secs: i64) {
        let calls = self.incidents.iter_mut().flat_map(|untaken| &mut untaken.calls);
        calls.for_each(|(at, _)| *at = at.plus_secs(secs));
    }
}

impl Untaken {
    /// Everybody who is or will be called about it.
    pub fn people(&self) -> BTreeSet<UserId> {
        self.calls.iter().flat_map(|(_, people)| people).copied().collect()
    }
}

impl Watched {
    /// `rungs` is the ladder of an alert that would arrive at `now`.
    pub fn of(source: AlertSource, rungs: &[Rung], now: Timestamp) -> Watched {
        let call = |rung: &Rung| {
            let people = match &rung.what {
                What::Level { people, .. } | What::LastResort { people, .. } => people,
                What::Skipped { .. } => return None,
            };
            Some((rung.at.secs_since(now), people.iter().map(|page| page.user).collect()))
        };
        Watched { source, calls: rungs.iter().filter_map(call).collect() }
    }
}

/// An alert whose sender was told to try again.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Arrived {
    source: AlertSourceId,
    external_id: String,
    title: String,
    at: Timestamp,
}

/// One message to one person, by every method they have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    pub user: UserId,
    pub methods: Vec<(Channel, String)>,
    pub sentence: String,
    /// Whose link goes into the message.
    pub incident: Option<IncidentId>,
    /// Which call to this person it is.
    pub nth: u32,
}

/// What was done meanwhile, for the timelines once they can be written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Meanwhile {
    pub called: BTreeMap<IncidentId, BTreeMap<UserId, u32>>,
    pub taken: BTreeMap<IncidentId, UserId>,
}

/// What those who are called read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Commits fail.
    CannotSave,
    /// The process has started, and its database does not open.
    CannotOpen,
}

impl Meanwhile {
    /// What is not `written` yet.
    fn without(&self, written: &Meanwhile) -> Meanwhile {
        let mut left = self.clone();
        for (incident, called) in &mut left.called {
            let before = written.called.get(incident);
            for (user, times) in called.iter_mut() {
                *times -= before.and_then(|called| called.get(user)).copied().unwrap_or(0);
            }
            called.retain(|_, times| *times > 0);
        }
        left.called.retain(|_, called| !called.is_empty());
        left.taken.retain(|incident, _| !written.taken.contains_key(incident));
        left
    }
}

#[derive(Clone, Debug)]
pub struct Emergency {
    pub roster: Roster,
    why: Why,
    written: Meanwhile,
    arrived: Vec<Arrived>,
    last_call: BTreeMap<UserId, (Timestamp, u32)>,
    pub meanwhile: Meanwhile,
}

impl Emergency {
    pub fn begin(roster: Roster, why: Why) -> Emergency {
        let (meanwhile, written) = (Meanwhile::default(), Meanwhile::default());
        Emergency { roster, why, written, arrived: Vec::new(), last_call: BTreeMap::new(), meanwhile }
    }

    /// The clock was set by so many seconds: five minutes stay five minutes, and what was due is due.
    pub fn shift(&mut self, secs: i64) {
        if planted::is("calls_by_the_old_clock") {
            return;
        }
        self.roster.shift(secs);
        self.arrived.iter_mut().for_each(|arrived| arrived.at = arrived.at.plus_secs(secs));
        self.last_call.values_mut().for_each(|(at, _)| *at = at.plus_secs(secs));
    }

    /// What was done since it began and stands nowhere yet.
    pub fn unwritten(&self) -> Meanwhile {
        self.meanwhile.without(&self.written)
    }

    /// It is saved who took these.
    pub fn has_settled(&mut self, taken: BTreeMap<IncidentId, UserId>) {
        self.written.taken.extend(taken);
    }

    /// What was done up to `meanwhile` is written down. True: that was all.
    pub fn has_written(&mut self, meanwhile: Meanwhile) -> bool {
        self.written.called = meanwhile.called;
        self.written.taken.extend(meanwhile.taken);
        self.written == self.meanwhile
    }

    /// An alert that could not be saved. The sender repeats it, so the same one is kept in mind once.
    pub fn heard(&mut self, source: AlertSourceId, external_id: &str, title: &str, now: Timestamp) {
        let known = self.arrived.iter().any(|other| other.source == source && other.external_id == external_id);
        if !known && self.arrived.len() < ARRIVED {
            let (external_id, title) = (external_id.to_owned(), title.to_owned());
            self.arrived.push(Arrived { source, external_id, title, at: now });
        }
    }

    /// What recovers needs nobody any more.
    pub fn recovered(&mut self, source: AlertSourceId, external_id: &str) {
        self.arrived.retain(|other| other.source != source || other.external_id != external_id);
    }

    /// Nobody is called about it any more, until the process ends. False: it is not among the untaken ones.
    pub fn take(&mut self, incident: IncidentId, by: UserId) -> bool {
        let known = self.roster.incidents.iter().any(|untaken| untaken.incident == incident);
        if known {
            self.meanwhile.taken.entry(incident).or_insert(by);
        }
        known
    }

    pub fn taken_by(&self, incident: IncidentId) -> Option<UserId> {
        self.meanwhile.taken.get(&incident).copied()
    }

    /// Who is to be called now over the channels that can send. Whoever is returned counts as called, and nobody else: in safe
    /// mode there is no such channel.
    pub fn calls_due(&mut self, now: Timestamp, can_send: &[Channel]) -> Vec<Call> {
        let mut topics: BTreeMap<UserId, Vec<(Option<IncidentId>, String)>> = BTreeMap::new();
        for untaken in &self.roster.incidents {
            if self.meanwhile.taken.contains_key(&untaken.incident) {
                continue;
            }
            let words = format!("#{} {}", untaken.number, untaken.title);
            for user in due_people(untaken.calls.iter().map(|(at, people)| (*at, people)), now) {
                topics.entry(user).or_default().push((Some(untaken.incident), words.clone()));
            }
        }
        for arrived in &self.arrived {
            let watched = self.roster.sources.iter().find(|watched| watched.source.id == arrived.source);
            let calls = watched.map(|watched| &watched.calls[..]).unwrap_or_default();
            let calls = calls.iter().map(|(after, people)| (arrived.at.plus_secs(*after), people));
            for user in due_people(calls, now) {
                topics.entry(user).or_default().push((None, format!("new: {}", arrived.title)));
            }
        }
        for admin in &self.roster.admins {
            topics.entry(*admin).or_default();
        }
        let mut calls = Vec::new();
        for (user, topics) in topics {
            let (last, count) = self.last_call.get(&user).map_or((None, 0), |(at, count)| (Some(*at), *count));
            let methods = self.roster.people.get(&user).map(|person| &person.methods[..]).unwrap_or_default();
            let methods: Vec<_> = methods.iter().filter(|(channel, _)| can_send.contains(channel)).cloned().collect();
            if methods.is_empty() || last.is_some_and(|last| now.secs_since(last) < EVERY_SECS) {
                continue;
            }
            self.last_call.insert(user, (now, count + 1));
            for incident in topics.iter().filter_map(|(incident, _)| *incident) {
                *self.meanwhile.called.entry(incident).or_default().entry(user).or_default() += 1;
            }
            let incident = topics.iter().find_map(|(incident, _)| *incident);
            calls.push(Call { user, methods, sentence: sentence(self.why, &topics), incident, nth: count + 1 });
        }
        calls
    }
}

fn due_people<'a>(calls: impl Iterator<Item = (Timestamp, &'a Vec<UserId>)>, now: Timestamp) -> BTreeSet<UserId> {
    calls.filter(|(at, _)| *at <= now).flat_map(|(_, people)| people).copied().collect()
}

fn sentence(why: Why, topics: &[(Option<IncidentId>, String)]) -> String {
    let (trouble, remedy) = match why {
        Why::CannotSave => ("Nothing can be saved", "See the log and the disk of its machine."),
        Why::CannotOpen => {
            ("The database cannot be opened", "See the log of its machine; a backup may have to be restored.")
        }
    };
    if topics.is_empty() {
        return format!("{trouble}, so alerts are refused. {remedy}");
    }
    let named: Vec<&str> = topics.iter().take(NAMED).map(|(_, words)| words.as_str()).collect();
    let more = match topics.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" And {more} more."),
    };
    format!("{trouble}, so it calls again and again. {}.{more}", named.join(". "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    const ANA: u64 = 1;
    const BO: u64 = 2;
    const ROOT: u64 = 9;
    const DISK: u64 = 12;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + secs)
    }

    /// Ana was called about the disk, Bo follows after ten minutes, Root is the admin.
    fn emergency() -> Emergency {
        let person = |name: &str, number: &str| Person {
            name: name.to_owned(),
            zone: "UTC".to_owned(),
            methods: vec![(Channel::Sms, number.to_owned())],
        };
        let people = [(ANA, "Ana", "+1"), (BO, "Bo", "+2"), (ROOT, "Root", "+9")]
            .map(|(id, name, number)| (UserId::new(id), person(name, number)));
        let people = BTreeMap::from(people);
        let calls = vec![(at(0), vec![UserId::new(ANA)]), (at(600), vec![UserId::new(BO)])];
        let disk = Untaken { incident: IncidentId::new(DISK), number: 12, title: "Disk full on db1".to_owned(), calls };
        let roster = Roster { people, admins: vec![UserId::new(ROOT)], incidents: vec![disk], sources: vec![] };
        Emergency::begin(roster, Why::CannotSave)
    }

    fn called(emergency: &mut Emergency, secs: i64) -> Vec<u64> {
        emergency.calls_due(at(secs), &[Channel::Sms]).into_iter().map(|call| call.user.number()).collect()
    }

    #[test]
    fn everybody_due_is_called_every_five_minutes_and_the_ladder_goes_on() {
        let mut emergency = emergency();
        assert_eq!(called(&mut emergency, 0), [ANA, ROOT]);
        assert!(called(&mut emergency, 299).is_empty());
        assert_eq!(called(&mut emergency, 300), [ANA, ROOT]);
        assert_eq!(called(&mut emergency, 600), [ANA, BO, ROOT]);
        let of_disk = &emergency.meanwhile.called[&IncidentId::new(DISK)];
        assert_eq!(*of_disk, BTreeMap::from([(UserId::new(ANA), 3), (UserId::new(BO), 1)]));
    }

    #[test]
    fn a_clock_that_is_set_neither_ends_the_calls_nor_doubles_them() {
        for step in [-36_000, 36_000] {
            let mut emergency = emergency();
            let source = crate::domain::alert_source::testing::source(5);
            emergency.roster.sources = vec![Watched { source, calls: vec![(300, vec![UserId::new(BO)])] }];
            called(&mut emergency, 0);
            emergency.heard(AlertSourceId::new(5), "disk", "Disk full", at(0));
            emergency.shift(step);
            assert!(called(&mut emergency, step + 299).is_empty(), "{step}");
            assert_eq!(called(&mut emergency, step + 300), [ANA, BO, ROOT], "{step}");
            assert_eq!(called(&mut emergency, step + 600), [ANA, BO, ROOT], "{step}");
        }
    }

    #[test]
    fn taking_it_ends_the_calls_about_it_and_admins_still_hear_of_the_trouble() {
        let mut emergency = emergency();
        called(&mut emergency, 0);
        assert!(emergency.take(IncidentId::new(DISK), UserId::new(ANA)));
        assert!(!emergency.take(IncidentId::new(13), UserId::new(ANA)), "nobody was called about it");
        assert_eq!(called(&mut emergency, 900), [ROOT]);
        assert_eq!(emergency.taken_by(IncidentId::new(DISK)), Some(UserId::new(ANA)));
    }

    #[test]
    fn what_is_done_while_it_is_written_down_is_written_the_next_time_and_alone() {
        let (disk, ana) = (IncidentId::new(DISK), UserId::new(ANA));
        let mut emergency = emergency();
        called(&mut emergency, 0);
        let first = emergency.meanwhile.clone();
        assert_eq!(emergency.unwritten(), first);
        called(&mut emergency, 300);
        assert!(emergency.take(disk, ana) && !emergency.has_written(first));
        let second = emergency.unwritten();
        assert_eq!(second.called, BTreeMap::from([(disk, BTreeMap::from([(ana, 1)]))]));
        assert_eq!(second.taken, BTreeMap::from([(disk, ana)]));
        let all = emergency.meanwhile.clone();
        assert!(emergency.has_written(all) && emergency.unwritten() == Meanwhile::default());
    }

    #[test]
    fn whom_no_channel_reaches_is_not_called_and_does_not_count_as_called() {
        let mut emergency = emergency();
        assert!(emergency.calls_due(at(0), &[Channel::Email]).is_empty());
        assert_eq!(emergency.meanwhile, Meanwhile::default());
        assert_eq!(called(&mut emergency, 0), [ANA, ROOT]);
    }

    #[test]
    fn what_is_said_names_two_and_counts_the_rest() {
        let topic = |words: &str| (Some(IncidentId::new(DISK)), words.to_owned());
        let said = |topics: &[_]| sentence(Why::CannotSave, topics);
        assert!(said(&[]).contains("alerts are refused"));
        assert!(said(&[topic("#1 a")]).ends_with("again. #1 a."));
        assert!(said(&[topic("#1 a"), topic("#2 b"), topic("#3 c")]).ends_with("#1 a. #2 b. And 1 more."));
        assert!(sentence(Why::CannotOpen, &[]).contains("restored"), "who starts it hears what to do");
    }

    #[test]
    fn an_alert_that_could_not_be_saved_is_called_by_its_sources_ladder_until_it_recovers() {
        let mut emergency = emergency();
        emergency.roster.incidents.clear();
        let source = |id| crate::domain::alert_source::testing::source(id);
        let calls = vec![(0, vec![UserId::new(ANA)]), (300, vec![UserId::new(BO)])];
        let watched = Watched { source: source(5), calls };
        emergency.roster.sources =
            vec![Watched { source: source(4), calls: vec![(0, vec![UserId::new(BO)])] }, watched];
        let (five, six) = (AlertSourceId::new(5), AlertSourceId::new(6));
        emergency.heard(five, "disk", "Disk full", at(0));
        emergency.heard(five, "disk", "Disk full, again", at(100));
        let calls = emergency.calls_due(at(100), &[Channel::Sms]);
        assert_eq!(calls.iter().map(|call| (call.user.number(), call.nth)).collect::<Vec<_>>(), [(ANA, 1), (ROOT, 1)]);
        assert!(calls[0].sentence.ends_with("new: Disk full."), "{}", calls[0].sentence);
        emergency.recovered(five, "other");
        emergency.recovered(six, "disk");
        emergency.heard(five, "cpu", "Load", at(399));
        emergency.heard(six, "disk", "Nobody knows this source", at(399));
        let again = emergency.calls_due(at(400), &[Channel::Sms]);
        let said: Vec<(u64, u32)> = again.iter().map(|call| (call.user.number(), call.nth)).collect();
        assert_eq!(said, [(ANA, 2), (BO, 1), (ROOT, 2)]);
        assert!(again[0].sentence.ends_with("new: Disk full. new: Load."), "{}", again[0].sentence);
        emergency.recovered(five, "disk");
        emergency.recovered(five, "cpu");
        assert_eq!(called(&mut emergency, 800), [ROOT]);
        let third = emergency.calls_due(at(1100), &[Channel::Sms]);
        assert_eq!(third.iter().map(|call| call.nth).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn a_flood_of_alerts_that_cannot_be_saved_fills_no_memory() {
        let mut emergency = emergency();
        for number in 0..ARRIVED + 10 {
            emergency.heard(AlertSourceId::new(5), &number.to_string(), "", at(0));
        }
        assert_eq!(emergency.arrived.len(), ARRIVED);
    }

    #[test]
    fn the_roster_knows_who_will_be_called_about_an_incident_and_when() {
        use crate::domain::incident::testing::{climbing, context, minute, person};
        let untaken = Untaken::of(&climbing(), &context(), minute(2));
        let user = |number| vec![UserId::new(number)];
        assert_eq!(untaken.calls, [(minute(2), user(ANA)), (minute(5), user(BO)), (minute(15), user(ROOT))]);
        assert_eq!(untaken.people().iter().map(|user| user.number()).collect::<Vec<_>>(), [ANA, BO, ROOT]);
        // Twice the same number is called once.
        let mut ana = person(ANA, crate::domain::access::Role::Responder);
        let other = crate::domain::user::ContactMethod {
            id: crate::domain::id::ContactId::new(11),
            address: "+2".to_owned(),
            ..ana.contacts[0].clone()
        };
        let same = crate::domain::user::ContactMethod { id: crate::domain::id::ContactId::new(12), ..other.clone() };
        ana.contacts.extend([other, same]);
        assert_eq!(Person::of(&ana).methods, [(Channel::Sms, String::new()), (Channel::Sms, "+2".to_owned())]);
    }
}
