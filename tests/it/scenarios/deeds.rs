//! What people do in a scenario: to incidents, sources and maintenance windows, and to themselves.

use super::{Stage, minutes};
use pagerpal::app::incidents::{self, Deed};
use pagerpal::app::maintenance::{self, Chosen};
use pagerpal::app::{AppError, Write, alert_sources, users};
use pagerpal::clock::Clock;
use pagerpal::domain::Severity;
use pagerpal::domain::actor::{Actor, Door};
use pagerpal::domain::alert_source::UrgencyRule;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::maintenance::Scope;
use pagerpal::domain::timeline::Handover;

impl Stage {
    /// `bob snoozes disk-db1 1h`. `act` is the whole line, for words in quotes.
    pub fn deed(&mut self, name: &str, verb: &str, rest: &[&str], act: &str) -> Result<(), AppError> {
        let user = self.person(name);
        let deed = match (verb, rest) {
            ("removes" | "regains", [channel]) => return self.switch_contact(name, channel, verb == "regains"),
            ("retries", [id]) => return self.retry(name, id),
            ("acknowledges", [_]) => Deed::Acknowledge,
            ("unacknowledges", [_]) => Deed::Unacknowledge,
            ("resolves", [_]) => Deed::Resolve,
            ("reopens", [_]) => Deed::Reopen,
            ("escalates", [_]) => Deed::Escalate { expected_level: None },
            ("escalates", [_, "seen", "at", level]) => {
                Deed::Escalate { expected_level: Some(level.parse().expect("a level")) }
            }
            ("escalates", [_, "to", level]) => {
                Deed::EscalateTo { expected_level: None, level: level.parse().expect("a level") }
            }
            ("snoozes", [_, span]) => Deed::Snooze { until: self.world.clock.now().plus_minutes(minutes(span)) },
            ("reassigns", [_, "to", "policy", policy]) => Deed::Reassign(Handover::Policy(self.sources[*policy].1)),
            ("reassigns", [_, "to", people @ ..]) => {
                Deed::Reassign(Handover::Users(people.iter().map(|name| self.person(name)).collect()))
            }
            ("sets", [_, "to", severity]) => Deed::SetSeverity(Severity::from_word(severity).expect("a severity")),
            ("notes", [_, ..]) => Deed::Note(act.split('"').nth(1).expect("words in quotes").to_owned()),
            other => panic!("{}: nobody {other:?}", self.file),
        };
        let role = self.world.read(|read| users::one(read, user)).role;
        let actor = Actor::user(user, role, Door::Web);
        let reference = self.incident(rest[0]).number.to_string();
        self.world.write(move |tx| incidents::act(tx, &actor, &reference, None, deed.clone()).map(drop))
    }

    /// The person's first failed notification of an incident.
    fn retry(&mut self, name: &str, id: &str) -> Result<(), AppError> {
        let user = self.person(name);
        let role = self.world.read(|read| users::one(read, user)).role;
        let actor = Actor::user(user, role, Door::Web);
        let story = self.world.read(|read| incidents::story(read, &self.incident(id).number.to_string()));
        let mut own = story.notifications.iter().flat_map(|(_, deliveries)| deliveries).filter(|d| d.user == user);
        let failed =
            own.find(|d| d.state.word() == "failed").unwrap_or_else(|| panic!("{}: none failed", self.file)).id;
        self.world.write(move |tx| incidents::retry(tx, &actor, failed, None).map(drop))
    }

    fn switch_contact(&mut self, name: &str, channel: &str, enabled: bool) -> Result<(), AppError> {
        let (user, channel) = (self.person(name), Channel::from_word(channel).expect("a channel"));
        let contacts = self.world.read(|read| users::one(read, user)).contacts;
        let contact = contacts.iter().find(|contact| contact.channel == channel).expect("they have it").id;
        self.world.write(move |tx| users::enable_contact(tx, &Actor::SYSTEM, user, contact, enabled))
    }

    pub fn edit_source(&mut self, name: &str, edit: &[&str]) -> Result<(), AppError> {
        let id = self.sources[name].0;
        let source = self.world.read(|read| alert_sources::one(read, id));
        let mut basics = alert_sources::Basics {
            name: source.name,
            kind: source.kind,
            team: source.team,
            policy: source.policy,
            default_severity: source.default_severity,
            severity_map: source.severity_map,
            one_incident_per_alert: source.one_incident_per_alert,
            insufficient_data_triggers: source.insufficient_data_triggers,
            urgency: source.urgency,
            auto_resolve_minutes: source.auto_resolve_minutes,
        };
        match edit {
            ["resolves", "after", silence] => {
                basics.auto_resolve_minutes = Some(u16::try_from(minutes(silence)).expect("at most a week"));
            }
            ["resolves", "never"] => basics.auto_resolve_minutes = None,
            ["urgency", "by", "severity"] => basics.urgency = UrgencyRule::BySeverity,
            ["urgency", "always", "high"] => basics.urgency = UrgencyRule::AlwaysHigh,
            ["urgency", "always", "low"] => basics.urgency = UrgencyRule::AlwaysLow,
            ["moves", "to", policy] => basics.policy = self.sources[*policy].1,
            other => panic!("{}: a source is not edited by {other:?}", self.file),
        }
        self.world.write(move |tx| alert_sources::edit(tx, &Actor::SYSTEM, id, &basics))
    }

    /// `maintenance deploy payments 00:00-02:00`, `maintenance deploy ends`.
    pub fn maintenance(&mut self, name: &str, rest: &[&str]) -> Result<(), AppError> {
        match rest {
            ["ends"] => {
                let id = self.windows[name];
                self.world.write(move |tx| maintenance::end_now(tx, &Actor::SYSTEM, id).map(drop))
            }
            [source, span] => {
                let basics = maintenance::Basics {
                    name: name.to_owned(),
                    scope: Scope::Sources(vec![self.sources[*source].0]),
                    occurs: Chosen::Once(self.span(span)),
                    zone: "UTC".to_owned(),
                    matchers: vec![],
                };
                let before = self.windows.get(name).copied();
                let id = self.world.write(move |tx| match before {
                    Some(id) => maintenance::edit(tx, &Actor::SYSTEM, id, &basics).map(|()| id),
                    None => maintenance::create(tx, &Actor::SYSTEM, &basics),
                })?;
                self.windows.insert(name.to_owned(), id);
                Ok(())
            }
            other => panic!("{}: a window is not {other:?}", self.file),
        }
    }

    /// By the system, whatever its state.
    pub fn resolve(&mut self, number: u64) {
        let deed = move |tx: &mut Write<'_>| {
            incidents::act(tx, &Actor::SYSTEM, &number.to_string(), None, Deed::Resolve).map(drop)
        };
        self.world.write(deed).expect("resolving never fails");
    }
}
