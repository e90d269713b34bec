//! What happened, in lines: messages that left, timeline lines of weight, and the state of an incident when asked.

use super::Stage;
use crate::reaching;
use pagerpal::app::deliveries::About;
use pagerpal::app::{incidents, names};
use pagerpal::clock::Clock;
use pagerpal::domain::delivery::Delivery;
use pagerpal::domain::effect::{Reason, UpdateKind};
use pagerpal::domain::id::UserId;
use pagerpal::domain::incident::Phase;
use pagerpal::domain::time::Timestamp;
use pagerpal::domain::timeline::{Happened, LastResort, SkipReason, TimelineEntry, Weight};
use pagerpal::store::Read;
use std::collections::BTreeMap;

impl Stage {
    /// All that left since, and all of weight that was written down since, in the order of time.
    pub fn tell(&mut self, out: &mut String) {
        let now = self.world.clock.now();
        let mut lines: Vec<(Timestamp, u8, String)> = Vec::new();
        for (_, external_id, id) in self.incidents() {
            let from = self.shown.get(&id).copied().unwrap_or(0);
            let story = self.world.read(|read| incidents::story(read, &id.to_string()));
            for entry in story.timeline.iter().filter(|entry| entry.seq > from) {
                if let Some(words) = weighty(entry, &story.names) {
                    lines.push((entry.at, 0, format!("! {external_id} {words}")));
                }
            }
            self.shown.insert(id, story.timeline.last().map_or(0, |entry| entry.seq));
        }
        let names: BTreeMap<UserId, String> = self.world.people.iter().map(|(name, id)| (*id, name.clone())).collect();
        for sent in &self.world.sent[self.told..] {
            let again = if self.message_ids.insert(sent.outgoing.message_id.clone()) { "" } else { " (same id)" };
            let About::Incident(facts) = &sent.outgoing.about else {
                let id = sent.outgoing.delivery;
                let delivery = self.world.read(|read| Ok(read.get::<Delivery>(id)?.expect("it was just sent")));
                if let Some(line) = reaching::line(&self.world, &delivery, &sent.outgoing.about) {
                    lines.push((sent.at, 1, format!("{line}{again}")));
                }
                continue;
            };
            let to = self.world.read(|read| incidents::story(read, &facts.incident.to_string()));
            let delivery = to.notifications.iter().flat_map(|(_, own)| own).find(|d| d.id == sent.outgoing.delivery);
            let name = delivery.and_then(|d| names.get(&d.user)).cloned().unwrap_or_default();
            let (word, title) = (facts.severity.word().to_uppercase(), &facts.title);
            let text = match facts.reason {
                Reason::Page { .. } => format!("{word} {title}"),
                Reason::Test
                | Reason::Code
                | Reason::Answer
                | Reason::Notice
                | Reason::Account
                | Reason::Invitation => continue,
                Reason::Update(UpdateKind::Acknowledged) => format!("taken: {title}"),
                Reason::Update(UpdateKind::Resolved) => format!("over: {title}"),
            };
            lines.push((sent.at, 1, format!("{} {name}  {text}{again}", sent.outgoing.channel.word())));
        }
        self.told = self.world.sent.len();
        lines.sort_by_key(|(at, kind, _)| (*at, *kind));
        for (at, _, line) in lines {
            let when = if at == now { String::new() } else { format!("{} ", self.clock(at)) };
            out.push_str(&format!("         {when}{line}\n"));
        }
    }

    /// `= disk-db1 acknowledged, level 1, alice; AckTimeout 00:35`
    pub fn state(&self, external_id: &str) -> String {
        let incident = self.incident(external_id);
        let armed = self.world.read(|read| incidents::armed(read, incident.id));
        let names: BTreeMap<UserId, String> = self.world.people.iter().map(|(name, id)| (*id, name.clone())).collect();
        let phase = match incident.ladder.phase {
            Phase::Climbing => "",
            Phase::Exhausted => " exhausted",
            Phase::NoCoverage => " without coverage",
            Phase::Held => " held",
        };
        let mut facts = vec![format!("{}{phase}", incident.status.word()), incident.severity.word().to_owned()];
        facts.extend(incident.ladder.level.map(|level| format!("level {level}")));
        if incident.ladder.cycle > 0 {
            facts.push(format!("round {}", incident.ladder.cycle + 1));
        }
        let people =
            incident.assignee.iter().chain(incident.ackers.iter().filter(|user| Some(**user) != incident.assignee));
        facts.extend(people.filter_map(|user| names.get(user).cloned()));
        facts.push(format!("{} alerts", incident.event_count));
        let timers: Vec<String> = armed.iter().map(|(kind, due)| format!("{kind:?} {}", self.clock(*due))).collect();
        let timers = if timers.is_empty() { "no timer".to_owned() } else { timers.join(", ") };
        format!("= {external_id} {}; {timers}", facts.join(", "))
    }
}

/// The lines that say something is wrong.
fn weighty(entry: &TimelineEntry, names: &names::Names) -> Option<String> {
    if entry.what.weight() == Weight::Info {
        return None;
    }
    let name = |user: &UserId| names.users.get(user).cloned().unwrap_or_default();
    Some(match &entry.what {
        Happened::LevelSkipped { level, reasons } => {
            let reasons: Vec<String> = reasons
                .iter()
                .map(|reason| match reason {
                    SkipReason::Inactive { user } => format!("{} is inactive", name(user)),
                    SkipReason::NoContactMethod { user } => format!("{} has no contact method", name(user)),
                    SkipReason::NobodyOnCall { .. } => "nobody on call".to_owned(),
                    SkipReason::TeamEmpty { .. } => "the team is empty".to_owned(),
                    SkipReason::Missing => "missing".to_owned(),
                })
                .collect();
            format!("level {level} skipped: {}", reasons.join(", "))
        }
        Happened::NoCoverage => "nobody on any level".to_owned(),
        Happened::Exhausted => "everybody was called".to_owned(),
        Happened::LastResortPaged { chosen: LastResort::Nobody, .. } => "NOBODY CAN BE PAGED".to_owned(),
        Happened::LastResortPaged { called, .. } => {
            format!("last resort: {}", called.iter().map(name).collect::<Vec<_>>().join(", "))
        }
        Happened::AckTimedOut => "taken and not resolved in time".to_owned(),
        Happened::UserDeactivated { user } => format!("{} was deactivated", name(user)),
        Happened::Warning { text } => text.clone(),
        Happened::Delivery { user, channel, .. } => format!("{} to {} failed for good", channel.word(), name(user)),
        other => format!("{other:?}"),
    })
}
