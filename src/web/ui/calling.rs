//! "Who is being called": the ladder of one incident as it stands, each person with what became of the messages to them,
//! the next call at its place, and whom *Escalate* would call.

use crate::app::incidents::NextCall;
use crate::domain::delivery::Delivery;
use crate::domain::effect::Reason;
use crate::domain::escalation::Context;
use crate::domain::id::UserId;
use crate::domain::incident::{Incident, Phase, Status};
use crate::domain::notification::Notification;
use crate::domain::timeline::{Called, Via};
use crate::web::ui::clock::{Reader, count, list};
use crate::web::ui::deliveries;
use crate::web::ui::names::Names;

/// One rung of the ladder as it is now.
pub struct LevelLine {
    pub class: &'static str,
    pub shape: &'static str,
    pub title: String,
    pub people: Vec<Person>,
    /// In the place of people, where there are none.
    pub nobody: &'static str,
    /// "called 2 min ago", "next, at 03:19".
    pub state: String,
}

/// Somebody of a rung, with a pip for each message.
pub struct Person {
    pub name: String,
    pub pips: Vec<Pip>,
}

pub struct Pip {
    pub class: &'static str,
    pub shape: &'static str,
    pub channel: &'static str,
    pub words: String,
}

/// What is known of one incident's calls.
pub struct Calls<'a> {
    pub incident: &'a Incident,
    pub context: &'a Context,
    /// The newest first.
    pub told: &'a [(Notification, Vec<Delivery>)],
    pub next: Option<&'a NextCall>,
    pub names: &'a Names,
    pub reader: &'a Reader,
}

impl Calls<'_> {
    pub fn levels(&self) -> Vec<LevelLine> {
        let Calls { incident, context, reader, .. } = *self;
        let is_triggered = incident.status == Status::Triggered;
        let current = incident.ladder.level;
        let mut lines: Vec<LevelLine> = Vec::new();
        for level in &context.policy.levels {
            let reached: Vec<UserId> =
                context.people_of(level, reader.now).0.iter().map(|called| called.user).collect();
            let people = self.people(reached, |reason, _| reason == Reason::Page { level: Some(level.number) });
            let is_current = current == Some(level.number);
            let is_calling = is_current && is_triggered && incident.ladder.phase == Phase::Climbing;
            let mut state = match incident.ladder.entered_at {
                Some(at) if is_current => format!("called {}", reader.when(at).text),
                _ if current.is_some_and(|current| level.number < current) => "called before".to_owned(),
                _ => String::new(),
            };
            if let Some(next) = self.next.filter(|next| next.level == Some(level.number)) {
                let again = if state.is_empty() { "next, at" } else { ", again at" };
                state = format!("{state}{again} {}", reader.clock(next.due));
            }
            let (class, shape) = if is_calling { ("warning", "bell") } else { ("info", "dot") };
            let (title, nobody) = (format!("Level {}", level.number), "reaches nobody now");
            lines.push(LevelLine { class, shape, title, people, nobody, state });
        }
        lines.extend(self.given());
        lines.push(self.last_resort());
        lines
    }

    /// Who got it by hand and was paged for it.
    fn given(&self) -> Option<LevelLine> {
        let by_hand = |reason: Reason, via: Via| {
            reason == (Reason::Page { level: None }) && matches!(via, Via::Handed | Via::HadTaken)
        };
        let people = self.people(vec![], by_hand);
        let title = "By hand".to_owned();
        let line = LevelLine { class: "info", shape: "dot", title, people, nobody: "", state: String::new() };
        (!line.people.is_empty()).then_some(line)
    }

    fn last_resort(&self) -> LevelLine {
        let Calls { incident, context, reader, .. } = *self;
        let last = |reason: Reason, via: Via| reason == (Reason::Page { level: None }) && via == Via::LastResort;
        let people = self.people(context.last_resort(reader.now).0, last);
        let is_calling = incident.status == Status::Triggered
            && matches!(incident.ladder.phase, Phase::Exhausted | Phase::NoCoverage);
        let (class, shape) = if is_calling { ("critical", "bell-up") } else { ("info", "dot") };
        let title = match context.policy.levels.last() {
            Some(level) => format!("After level {}: last resort", level.number),
            None => "Last resort".to_owned(),
        };
        let mut state = match context.policy.repeat {
            0 => vec![],
            n => vec![format!("after climbing again {}", count(usize::from(n), "time"))],
        };
        if let Some(next) = self.next.filter(|next| next.level.is_none()) {
            let again = if is_calling { "again at" } else { "next, at" };
            state.push(format!("{again} {}", reader.clock(next.due)));
        }
        LevelLine { class, shape, title, people, nobody: "nobody can be paged", state: state.join("; ") }
    }

    /// Those who would be called, and those who were and are not among them any more. Of each the newest message counts.
    fn people(&self, reached: Vec<UserId>, is_of: impl Fn(Reason, Via) -> bool) -> Vec<Person> {
        let of = || self.told.iter().filter(|(notification, _)| is_of(notification.reason, notification.via));
        let mut users = reached;
        for (notification, _) in of() {
            if !users.contains(&notification.user) {
                users.push(notification.user);
            }
        }
        let person = |user: UserId| {
            let newest = of().find(|(notification, _)| notification.user == user);
            let pips = newest.into_iter().flat_map(|(_, deliveries)| deliveries).map(|delivery| self.pip(delivery));
            Person { name: self.names.marked(user), pips: pips.collect() }
        };
        users.into_iter().map(person).collect()
    }

    fn pip(&self, delivery: &Delivery) -> Pip {
        let (class, shape, words) = deliveries::state(delivery, self.reader);
        Pip { class, shape, channel: delivery.channel.title(), words }
    }
}

/// What the Escalate button would do, and what it was looking at.
pub struct Escalate {
    pub expected_level: u8,
    pub button: String,
    pub sentence: String,
}

/// The next level that has somebody, past the end from the bottom, as the deed itself will choose.
pub fn would_escalate(incident: &Incident, context: &Context, reader: &Reader) -> Escalate {
    let current = incident.ladder.level;
    let reaches = |above: Option<u8>| {
        let mut levels = context.policy.levels_above(above);
        levels.find_map(|level| {
            let called: Vec<Called> = context.people_of(level, reader.now).0;
            (!called.is_empty()).then_some((level.number, called))
        })
    };
    let name = |user| context.people.get(&user).map_or("somebody", |user| user.name.as_str());
    let expected_level = current.unwrap_or(0);
    let Some((level, called)) = reaches(current).or_else(|| reaches(None)) else {
        let (people, _) = context.last_resort(reader.now);
        let people: Vec<&str> = people.into_iter().map(name).collect();
        let who = if people.is_empty() { "nobody, for nobody can be paged".to_owned() } else { list(&people) };
        let sentence = format!("Escalate calls the last resort now: {who}.");
        return Escalate { expected_level, button: "Page the last resort now".to_owned(), sentence };
    };
    let people: Vec<&str> = called.iter().map(|called| name(called.user)).collect();
    let passed: Vec<&str> =
        incident.ladder.paged.iter().map(|user| name(*user)).filter(|who| !people.contains(who)).collect();
    let over = match passed.as_slice() {
        [] => String::new(),
        [_] => format!("; {} is passed over", list(&passed)),
        _ => format!("; {} are passed over", list(&passed)),
    };
    let sentence = format!("Escalate calls {} (level {level}) now{over}.", list(&people));
    Escalate { expected_level, button: format!("Page {} now", list(&people)), sentence }
}
