//! The timeline in sentences, one for everything that can happen, and the steps of "why me?".

use crate::domain::actor::{By, Door, Who};
use crate::domain::incident::{Hold, Incident};
use crate::domain::oncall::{Place, Source};
use crate::domain::timeline::{
    Called, DeliveryNews, Handover, Happened, LastResort, SkipReason, TimelineEntry, Via, Weight,
};
use crate::web::ui::clock::{Reader, When, duration, list};
use crate::web::ui::names::Names;

pub struct Line {
    pub when: When,
    /// The class of the line, and with it how loud it is.
    pub class: &'static str,
    pub shape: &'static str,
    /// Read out where the shape cannot be seen; empty for ordinary lines.
    pub alarm: &'static str,
    pub sentence: String,
}

/// Which lines are shown.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Kind {
    #[default]
    All,
    /// What people did and wrote.
    People,
    /// Whom PagerPal called, and what became of the messages.
    Notifications,
    /// What the alert source reported.
    Alerts,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::All, Kind::People, Kind::Notifications, Kind::Alerts];

    /// As addresses write it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::All => "all",
            Kind::People => "people",
            Kind::Notifications => "notifications",
            Kind::Alerts => "alerts",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Kind::All => "All",
            Kind::People => "People",
            Kind::Notifications => "Notifications",
            Kind::Alerts => "Alerts",
        }
    }

    /// A word that nobody knows shows everything.
    pub fn read(word: &str) -> Kind {
        Kind::ALL.into_iter().find(|kind| kind.word() == word).unwrap_or_default()
    }

    fn of(what: &Happened) -> Kind {
        match what {
            Happened::Created { .. }
            | Happened::EventAppended { .. }
            | Happened::SeverityChanged { .. }
            | Happened::Acknowledged { by_source: Some(_) }
            | Happened::Resolved { by_source: true }
            | Happened::AutoResolved { .. }
            | Happened::Warning { .. } => Kind::Alerts,
            Happened::LevelEntered { .. }
            | Happened::LevelSkipped { .. }
            | Happened::HandoffPaged { .. }
            | Happened::NoCoverage
            | Happened::CoverageReturned
            | Happened::LastResortPaged { .. }
            | Happened::Exhausted
            | Happened::AckTimedOut
            | Happened::SnoozeEnded
            | Happened::Held { .. }
            | Happened::HoldEnded
            | Happened::Delivery { .. } => Kind::Notifications,
            Happened::Acknowledged { by_source: None }
            | Happened::AckAdded
            | Happened::Escalated { .. }
            | Happened::Resolved { by_source: false }
            | Happened::Reopened
            | Happened::UserDeactivated { .. }
            | Happened::Note { .. }
            | Happened::Unacknowledged
            | Happened::Snoozed { .. }
            | Happened::Reassigned { .. }
            | Happened::PolicyChanged { .. }
            | Happened::SeveritySet { .. } => Kind::People,
        }
    }
}

/// In the order of the story.
pub fn lines(entries: &[TimelineEntry], kind: Kind, names: &Names, reader: &Reader) -> Vec<Line> {
    let is_shown = |entry: &&TimelineEntry| kind == Kind::All || Kind::of(&entry.what) == kind;
    entries.iter().filter(is_shown).map(|entry| line(entry, names, reader)).collect()
}

pub fn line(entry: &TimelineEntry, names: &Names, reader: &Reader) -> Line {
    let (class, shape, alarm) = match (entry.what.weight(), &entry.what) {
        (Weight::Critical, _) => ("critical", "warn", "Critical:"),
        (Weight::Warning, _) => ("warning", "warn", "Warning:"),
        (Weight::Info, Happened::Acknowledged { .. } | Happened::AckAdded | Happened::Snoozed { .. }) => {
            ("info", "half", "")
        }
        (Weight::Info, Happened::Resolved { .. } | Happened::AutoResolved { .. }) => ("good", "check", ""),
        (Weight::Info, Happened::LevelEntered { .. } | Happened::HandoffPaged { .. }) => ("info", "bell", ""),
        (Weight::Info, Happened::Held { .. }) => ("info", "bell-off", ""),
        (Weight::Info, _) => ("info", "dot", ""),
    };
    Line { when: reader.when(entry.at), class, shape, alarm, sentence: sentence(entry, names, reader) }
}

fn sentence(entry: &TimelineEntry, names: &Names, reader: &Reader) -> String {
    let by = |deed: &str| deed_by(&entry.by, deed, names);
    match &entry.what {
        Happened::Created { title, severity } => {
            format!("{}: {title}", by(&format!("opened this as {}", severity.word())))
        }
        Happened::EventAppended { count: 1, .. } => "The alert was repeated once.".to_owned(),
        Happened::EventAppended { count, first_at } => {
            format!("The alert was repeated {count} times since {}.", reader.clock(*first_at))
        }
        Happened::SeverityChanged { from, to } => {
            format!("Severity went from {} to {}; people are called again.", from.word(), to.word())
        }
        Happened::LevelEntered { policy, level, cycle, called } => {
            let people: Vec<String> = called.iter().map(|called| called_person(called, names)).collect();
            let round = if *cycle == 0 { String::new() } else { format!(", round {}", u16::from(*cycle) + 1) };
            format!("Level {level} of {}{round}: called {}.", names.policy(*policy), list(&people))
        }
        Happened::LevelSkipped { level, reasons } => {
            let reasons: Vec<String> = reasons.iter().map(|reason| skip_reason(reason, names)).collect();
            let reasons = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
            format!("Level {level} was empty and skipped{reasons}.")
        }
        Happened::HandoffPaged { policy, level, called } => {
            let people: Vec<String> = called.iter().map(|called| called_person(called, names)).collect();
            format!("Level {level} of {}: also called {}, whom it reaches now.", names.policy(*policy), list(&people))
        }
        Happened::NoCoverage => "No level of the policy reaches anybody now.".to_owned(),
        Happened::CoverageReturned => "Somebody can be paged again.".to_owned(),
        Happened::LastResortPaged { called, chosen } => {
            let people: Vec<&str> = called.iter().map(|user| names.user(*user)).collect();
            let people = list(&people);
            match chosen {
                LastResort::Policy => format!("The last resort was called: {people}."),
                LastResort::Admins => {
                    format!("The policy has no last resort who can be paged, so the admins were: {people}.")
                }
                LastResort::Nobody => {
                    "Nobody was paged: no last resort and no admin has a contact method. Add one now.".to_owned()
                }
            }
        }
        Happened::Exhausted => "Every level was called and nobody took it.".to_owned(),
        Happened::Acknowledged { by_source: None } => format!("{}.", by("acknowledged")),
        Happened::Acknowledged { by_source: Some(name) } if name.is_empty() => {
            format!("{}.", by("reported an acknowledgement"))
        }
        Happened::Acknowledged { by_source: Some(name) } => {
            format!("{}.", by(&format!("reported an acknowledgement by {name}")))
        }
        Happened::Unacknowledged => format!("{}; people are called again.", by("gave this back")),
        Happened::AckTimedOut => "It was taken and not resolved in time; people are called again.".to_owned(),
        Happened::Snoozed { until } => {
            format!("{}.", by(&format!("snoozed this until {}", reader.clock(*until))))
        }
        Happened::SnoozeEnded => "The snooze is over; people are called again.".to_owned(),
        Happened::Reassigned { to: Handover::Users(users) } => {
            let people: Vec<&str> = users.iter().map(|user| names.user(*user)).collect();
            format!("{}.", by(&format!("gave this to {}", list(&people))))
        }
        Happened::Reassigned { to: Handover::Policy(policy) } => {
            format!("{}.", by(&format!("gave this to the policy {}", names.policy(*policy))))
        }
        Happened::Held { why: Hold::Maintenance(_), until } => {
            format!("Held by a maintenance window until {}: nobody is called.", reader.clock(*until))
        }
        Happened::Held { why: Hold::Restore, until } => {
            format!("Held after a restore until {}: nobody is called before.", reader.clock(*until))
        }
        Happened::HoldEnded => "Held no longer.".to_owned(),
        Happened::PolicyChanged { from, to } => {
            let (from, to) = (names.policy(*from), names.policy(*to));
            format!("{}.", by(&format!("moved the alert source, and this with it, from the policy {from} to {to}")))
        }
        Happened::SeveritySet { from, to } => {
            format!("{}.", by(&format!("set the severity from {} to {}", from.word(), to.word())))
        }
        Happened::AutoResolved { after_minutes } => {
            let silence = duration(i64::from(*after_minutes) * 60);
            format!("Nothing was heard of the alert for {silence}, so it counts as over; resolved.")
        }
        Happened::AckAdded => format!("{}.", by("acknowledged too")),
        Happened::Escalated { from_level: Some(level) } => format!("{}.", by(&format!("escalated past level {level}"))),
        Happened::Escalated { from_level: None } => format!("{}.", by("escalated")),
        Happened::Resolved { by_source: true } => format!("{}.", by("reported the recovery; resolved")),
        Happened::Resolved { by_source: false } => format!("{}.", by("resolved")),
        Happened::Reopened => format!("{}.", by("reopened this")),
        Happened::UserDeactivated { user } => format!("{} was deactivated and still holds this.", names.user(*user)),
        Happened::Note { text } => format!("{}: {text}", by("noted")),
        Happened::Warning { text } => text.clone(),
        Happened::Delivery { user, channel, what, .. } => {
            let (channel, user) = (channel.title(), names.user(*user));
            match what {
                DeliveryNews::Sent => format!("{channel} to {user}: accepted by the provider."),
                DeliveryNews::Failed { text } => format!("{channel} to {user} failed: {text}"),
                DeliveryNews::Exhausted { text } => {
                    format!("{channel} to {user} was given up after many tries: {text}")
                }
                DeliveryNews::Suppressed => format!("{channel} to {user}: recorded only, safe mode."),
                DeliveryNews::Withdrawn { reason } => format!("{channel} to {user}: withdrawn, {reason}."),
                DeliveryNews::Retried => format!("{}.", by(&format!("asked to send the {channel} to {user} again"))),
                DeliveryNews::Delivered => format!("{channel} to {user} is on the handset."),
                DeliveryNews::HeldBack { until } => {
                    let until = reader.clock(*until);
                    format!("{channel} to {user} waits until {until}: the number has had enough texts for now.")
                }
                DeliveryNews::NoReceipt => {
                    format!("{channel} to {user}: nothing heard for 90 s, so the next method was started.")
                }
                DeliveryNews::Crossed => {
                    format!("{channel} to {user} left while the incident was being taken; it may still arrive.")
                }
            }
        }
    }
}

/// "Bo acknowledged", or "Bo acknowledged, recorded by Ana" when Ana was signed in and acted for Bo.
fn deed_by(by: &By, deed: &str, names: &Names) -> String {
    let actor = match by.actor.who {
        Who::User { id, .. } => match entry_door(by) {
            Some(door) => return format!("{} {deed} by {door}", names.user(id)),
            None => names.user(id),
        },
        Who::Source(source) => names.source(source),
        Who::System => "PagerPal",
        Who::CommandLine => "Somebody on the command line",
        Who::Unknown => "Somebody unknown",
    };
    match by.acting_as {
        Some(person) if Some(person) != by.actor.user_id() => {
            format!("{} {deed}, recorded by {actor}", names.user(person))
        }
        _ => format!("{actor} {deed}"),
    }
}

/// The door, where it is one that does not ask for a sign-in.
fn entry_door(by: &By) -> Option<&'static str> {
    match by.actor.door {
        Door::Link => Some("the link in a message"),
        Door::Reply(channel) => Some(channel.title()),
        Door::Web | Door::Api | Door::Webhook | Door::Worker | Door::CommandLine => None,
    }
}

pub fn called_person(called: &Called, names: &Names) -> String {
    let through = match called.via {
        Via::Named | Via::LastResort | Via::Handed | Via::HadTaken => None,
        Via::Schedule { schedule, place } | Via::TeamSchedule { schedule, place, .. } => {
            let schedule = names.schedule(schedule);
            Some(match place.claim {
                _ if place.replaced.is_some() => format!("override on {schedule}"),
                Source::Entry(_) => schedule.to_owned(),
                claim => format!("{} on {schedule}", claim.word()),
            })
        }
        Via::TeamMember { team } => Some(format!("member of {}", names.team(team))),
    };
    let user = names.user(called.user);
    through.map_or(user.to_owned(), |through| format!("{user} ({through})"))
}

pub fn skip_reason(reason: &SkipReason, names: &Names) -> String {
    match reason {
        SkipReason::Inactive { user } => format!("{} is deactivated", names.user(*user)),
        SkipReason::NoContactMethod { user } => format!("{} has no contact method", names.user(*user)),
        SkipReason::NobodyOnCall { schedule } => format!("nobody is on call on {}", names.schedule(*schedule)),
        SkipReason::TeamEmpty { team } => format!("{} has no active member", names.team(*team)),
        SkipReason::Missing => "a recipient no longer exists".to_owned(),
    }
}

/// One element of "why me?"; most are links.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    pub text: String,
    pub href: Option<String>,
}

/// How the page came to a person: source, policy and level, then what the level named, then the claim. `level` is none
/// for the last resort.
pub fn why(via: &Via, level: Option<u8>, incident: &Incident, names: &Names) -> Vec<Step> {
    let link = |text: String, href: String| Step { text, href: Some(href) };
    let plain = |text: &str| Step { text: text.to_owned(), href: None };
    let policy = match level {
        Some(level) => format!("policy {}, level {level}", names.policy(incident.policy)),
        None => format!("policy {}", names.policy(incident.policy)),
    };
    let mut steps = vec![
        link(format!("source {}", names.source(incident.source)), format!("/alert-sources/{}", incident.source)),
        link(policy, format!("/escalation-policies/{}", incident.policy)),
    ];
    let team = |team| link(format!("team {}", names.team(team)), format!("/teams/{team}"));
    let schedule = |id| link(format!("schedule {}", names.schedule(id)), format!("/schedules/{id}"));
    match via {
        Via::Named => steps.push(plain("named there")),
        Via::Schedule { schedule: id, place } => steps.extend([schedule(*id), plain(&place_words(place, names))]),
        Via::TeamSchedule { team: of, schedule: id, place } => {
            steps.extend([team(*of), schedule(*id), plain(&place_words(place, names))]);
        }
        Via::TeamMember { team: of } => steps.extend([team(*of), plain("member; the team has no schedule")]),
        Via::LastResort => steps.push(plain("last resort")),
        Via::Handed => steps.push(plain("given to this person")),
        Via::HadTaken => steps.push(plain("had taken it before")),
    }
    steps
}

fn place_words(place: &Place, names: &Names) -> String {
    match place.replaced {
        Some((_, user)) => format!("override in the place of {}", names.user(user)),
        None if place.claim == Source::Fallback => "fallback: nobody else is entered".to_owned(),
        None => place.claim.word().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Severity;
    use crate::domain::access::Role;
    use crate::domain::actor::{Actor, Door};
    use crate::domain::contact::Channel;
    use crate::domain::id::{DeliveryId, EntryId, Id, MaintenanceId, OverrideId, UserId};
    use crate::web::ui::samples::{self, ana, bo, caro, dana, policy, schedule, source, team};

    fn check(by: By, what: Happened, expected: &str) {
        let reader = samples::reader();
        let entry = TimelineEntry { incident: samples::incident().id, seq: 1, at: reader.now, by, what };
        assert_eq!(line(&entry, &samples::names(), &reader).sentence, expected);
    }

    fn by(acting_as: Option<UserId>) -> By {
        By { actor: Actor::user(ana(), Role::Admin, Door::Web), acting_as }
    }

    fn place(claim: Source, replaced: Option<UserId>) -> Place {
        Place { user: ana(), claim, replaced: replaced.map(|user| (OverrideId::new(1), user)) }
    }

    #[test]
    fn both_names_are_told_when_one_acts_for_the_other() {
        let taken = || Happened::Acknowledged { by_source: None };
        check(by(None), taken(), "Ana acknowledged.");
        check(by(Some(ana())), taken(), "Ana acknowledged.");
        check(by(Some(bo())), taken(), "Bo acknowledged, recorded by Ana.");
        check(by(Some(bo())), Happened::Note { text: "on it".into() }, "Bo noted, recorded by Ana: on it");
    }

    #[test]
    fn everything_that_happens_has_its_sentence() {
        let from = By { actor: Actor::source(source()), acting_as: None };
        let at = samples::reader().now;
        let created = Happened::Created { title: "Disk full".into(), severity: Severity::Critical };
        check(from, created, "alertmanager-prod opened this as critical: Disk full");
        check(from, Happened::EventAppended { count: 1, first_at: at }, "The alert was repeated once.");
        let repeats = Happened::EventAppended { count: 14, first_at: at };
        check(from, repeats, "The alert was repeated 14 times since 03:14.");
        let rise = Happened::SeverityChanged { from: Severity::Warning, to: Severity::Critical };
        check(from, rise, "Severity went from warning to critical; people are called again.");
        let called = vec![
            Called {
                user: ana(),
                via: Via::Schedule { schedule: schedule(), place: place(Source::Override(OverrideId::new(1)), None) },
            },
            Called { user: bo(), via: Via::TeamMember { team: team() } },
            Called { user: caro(), via: Via::Named },
        ];
        let entered = Happened::LevelEntered { policy: policy(), level: 1, cycle: 1, called };
        let sentence = "Level 1 of Payments 24×7, round 2: called Ana (override on Payments primary), Bo (member of Payments) and Caro.";
        check(By::SYSTEM, entered, sentence);
        let reasons = vec![
            SkipReason::Inactive { user: dana() },
            SkipReason::NoContactMethod { user: bo() },
            SkipReason::NobodyOnCall { schedule: schedule() },
            SkipReason::TeamEmpty { team: team() },
            SkipReason::Missing,
        ];
        let sentence = "Level 2 was empty and skipped: Dana is deactivated; Bo has no contact method; nobody is on call on \
                        Payments primary; Payments has no active member; a recipient no longer exists.";
        check(By::SYSTEM, Happened::LevelSkipped { level: 2, reasons }, sentence);
        check(By::SYSTEM, Happened::NoCoverage, "No level of the policy reaches anybody now.");
        check(By::SYSTEM, Happened::CoverageReturned, "Somebody can be paged again.");
        let resort = |chosen| Happened::LastResortPaged { called: vec![ana(), caro()], chosen };
        check(By::SYSTEM, resort(LastResort::Policy), "The last resort was called: Ana and Caro.");
        let admins = "The policy has no last resort who can be paged, so the admins were: Ana and Caro.";
        check(By::SYSTEM, resort(LastResort::Admins), admins);
        let nobody = "Nobody was paged: no last resort and no admin has a contact method. Add one now.";
        check(By::SYSTEM, resort(LastResort::Nobody), nobody);
        check(By::SYSTEM, Happened::Exhausted, "Every level was called and nobody took it.");
        let source_ack = |name: &str| Happened::Acknowledged { by_source: Some(name.into()) };
        check(from, source_ack(""), "alertmanager-prod reported an acknowledgement.");
        check(from, source_ack("eva"), "alertmanager-prod reported an acknowledgement by eva.");
        check(by(None), Happened::AckAdded, "Ana acknowledged too.");
        let newcomer = vec![Called { user: bo(), via: Via::Named }];
        let handoff = Happened::HandoffPaged { policy: policy(), level: 1, called: newcomer };
        check(By::SYSTEM, handoff, "Level 1 of Payments 24×7: also called Bo, whom it reaches now.");
        check(by(None), Happened::Unacknowledged, "Ana gave this back; people are called again.");
        let timed_out = "It was taken and not resolved in time; people are called again.";
        check(By::SYSTEM, Happened::AckTimedOut, timed_out);
        let snoozed = Happened::Snoozed { until: at.plus_minutes(60) };
        check(by(Some(bo())), snoozed, "Bo snoozed this until 04:14, recorded by Ana.");
        check(By::SYSTEM, Happened::SnoozeEnded, "The snooze is over; people are called again.");
        let given = |to| Happened::Reassigned { to };
        check(by(None), given(Handover::Users(vec![bo(), caro()])), "Ana gave this to Bo and Caro.");
        check(by(None), given(Handover::Policy(policy())), "Ana gave this to the policy Payments 24×7.");
        let held = |why| Happened::Held { why, until: at.plus_minutes(15) };
        let window = "Held by a maintenance window until 03:29: nobody is called.";
        check(By::SYSTEM, held(Hold::Maintenance(MaintenanceId::new(1))), window);
        check(By::SYSTEM, held(Hold::Restore), "Held after a restore until 03:29: nobody is called before.");
        check(By::SYSTEM, Happened::HoldEnded, "Held no longer.");
        let moved = Happened::PolicyChanged { from: policy(), to: policy() };
        let words = "Ana moved the alert source, and this with it, from the policy Payments 24×7 to Payments 24×7.";
        check(by(None), moved, words);
        let judged = Happened::SeveritySet { from: Severity::Critical, to: Severity::Info };
        check(by(None), judged, "Ana set the severity from critical to info.");
        let silent = "Nothing was heard of the alert for 1 h 30 min, so it counts as over; resolved.";
        check(By::SYSTEM, Happened::AutoResolved { after_minutes: 90 }, silent);
        check(
            by(Some(bo())),
            Happened::Escalated { from_level: Some(1) },
            "Bo escalated past level 1, recorded by Ana.",
        );
        check(by(None), Happened::Escalated { from_level: None }, "Ana escalated.");
        check(from, Happened::Resolved { by_source: true }, "alertmanager-prod reported the recovery; resolved.");
        check(by(None), Happened::Resolved { by_source: false }, "Ana resolved.");
        check(by(None), Happened::Reopened, "Ana reopened this.");
        check(by(None), Happened::UserDeactivated { user: dana() }, "Dana was deactivated and still holds this.");
        check(
            from,
            Happened::Warning { text: "The signature was not checked.".into() },
            "The signature was not checked.",
        );
        let news = |what| Happened::Delivery { delivery: DeliveryId::new(1), user: bo(), channel: Channel::Sms, what };
        check(By::SYSTEM, news(DeliveryNews::Sent), "SMS to Bo: accepted by the provider.");
        check(
            By::SYSTEM,
            news(DeliveryNews::Failed { text: "Invalid login".into() }),
            "SMS to Bo failed: Invalid login",
        );
        let given_up = "SMS to Bo was given up after many tries: timeout";
        check(By::SYSTEM, news(DeliveryNews::Exhausted { text: "timeout".into() }), given_up);
        check(By::SYSTEM, news(DeliveryNews::Suppressed), "SMS to Bo: recorded only, safe mode.");
        let withdrawn = DeliveryNews::Withdrawn { reason: "taken before it left".into() };
        check(By::SYSTEM, news(withdrawn), "SMS to Bo: withdrawn, taken before it left.");
        check(by(None), news(DeliveryNews::Retried), "Ana asked to send the SMS to Bo again.");
        let crossed = "SMS to Bo left while the incident was being taken; it may still arrive.";
        check(By::SYSTEM, news(DeliveryNews::Crossed), crossed);
    }

    #[test]
    fn why_me_walks_from_the_source_to_the_claim() {
        let words = |via, level| {
            let steps = why(&via, level, &samples::incident(), &samples::names());
            steps.iter().map(|step| step.text.clone()).collect::<Vec<_>>().join(" → ")
        };
        let start = "source alertmanager-prod → policy Payments 24×7, level 1 →";
        let via =
            Via::Schedule { schedule: schedule(), place: place(Source::Override(OverrideId::new(1)), Some(bo())) };
        assert_eq!(words(via, Some(1)), format!("{start} schedule Payments primary → override in the place of Bo"));
        let via = Via::TeamSchedule {
            team: team(),
            schedule: schedule(),
            place: place(Source::Entry(EntryId::new(1)), None),
        };
        assert_eq!(words(via, Some(1)), format!("{start} team Payments → schedule Payments primary → normal entry"));
        assert_eq!(words(Via::LastResort, None), "source alertmanager-prod → policy Payments 24×7 → last resort");
    }
}
