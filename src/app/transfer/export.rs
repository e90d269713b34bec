//! Records as a document has them.

use super::{Exported, people};
use crate::app::{AppError, MANY, alert_sources, imports, names, sealed};
use crate::domain::alert_source::AlertSource;
use crate::domain::entry::{Entry, Override, OverrideMode};
use crate::domain::heartbeat::Heartbeat;
use crate::domain::id::{AlertSourceId, ImportId, UserId};
use crate::domain::import::Import;
use crate::domain::maintenance::{Maintenance, Occurs, Scope};
use crate::domain::policy::{Policy, Recipient};
use crate::domain::schedule::{Layer, Schedule, Turns};
use crate::domain::team::Team;
use crate::domain::time::Timestamp;
use crate::domain::user::{ContactMethod, Step, User};
use crate::exchange::document::{self as doc, Document, Instant, Word};
use crate::hex::hex;
use crate::store::{Read, Take, entries, heartbeats, imports as kept_imports, maintenance, schedules, teams, users};
use crate::store::{alert_sources as kept_sources, policies};
use crate::vault::Vault;
use std::collections::BTreeMap;

pub(super) fn document(read: &impl Read, now: Timestamp, secrets: Option<&Vault>) -> Result<Exported, AppError> {
    let mut writer = Writer::of(read, secrets)?;
    let mut document = Document { pagerpal_export: doc::VERSION, ..Document::default() };
    document.users = users::users_all(read, MANY)?.iter().map(|user| writer.user(user)).collect();
    document.teams = teams::teams_all(read, MANY)?.iter().map(|team| writer.team(team)).collect();
    for schedule in schedules::schedules_all(read, MANY)? {
        document.schedules.push(writer.schedule(read, &schedule)?);
    }
    document.escalation_policies = policies::policies_all(read, MANY)?.iter().map(|p| writer.policy(p)).collect();
    for source in kept_sources::alert_sources_all(read, MANY)? {
        document.alert_sources.push(writer.source(read, &source)?);
    }
    let windows = maintenance::maintenance_from(read, now, MANY)?;
    let ahead = windows.iter().filter(|window| window.last_end() > now);
    document.maintenance = ahead.map(|window| writer.maintenance(window)).collect();

    // The sorts are stable, so what has the same name stays in the order it was made in.
    document.users.sort_by_cached_key(|user| by_name(&user.name));
    document.teams.sort_by_cached_key(|team| by_name(&team.name));
    document.schedules.sort_by_cached_key(|schedule| by_name(&schedule.name));
    document.escalation_policies.sort_by_cached_key(|policy| by_name(&policy.name));
    document.alert_sources.sort_by_cached_key(|source| by_name(&source.name));
    let sorted_windows =
        |window: &doc::Maintenance| (by_name(&window.name), window.clone().once.map(|once| once.start));
    document.maintenance.sort_by_cached_key(sorted_windows);
    Ok(Exported { document, left_out: writer.left_out })
}

fn by_name(name: &str) -> (String, String) {
    (name.to_lowercase(), name.to_owned())
}

/// What a contact method is called in somebody's rules.
pub(super) fn contact_words(contact: &ContactMethod) -> String {
    format!("{} {}", contact.channel.word(), contact.address)
}

/// Writes records down under names.
pub(super) struct Writer<'a> {
    pub(super) names: names::Names,
    pub(super) handles: BTreeMap<UserId, String>,
    /// Opens what is sealed; `None` leaves secrets out.
    secrets: Option<&'a Vault>,
    left_out: Vec<String>,
}

impl<'a> Writer<'a> {
    pub(super) fn of(read: &impl Read, secrets: Option<&'a Vault>) -> Result<Writer<'a>, AppError> {
        let handles = people::handles(&users::users_all(read, MANY)?);
        Ok(Writer { names: names::all(read)?, handles, secrets, left_out: vec![] })
    }

    fn person(&self, id: UserId) -> String {
        self.handles.get(&id).cloned().unwrap_or_default()
    }

    fn people(&self, ids: &[UserId]) -> Vec<String> {
        ids.iter().map(|id| self.person(*id)).collect()
    }

    pub(super) fn user(&self, user: &User) -> doc::User {
        let step = |step: &Step| {
            let contact = user.contact(step.contact).map(contact_words)?;
            Some(doc::Step { contact, after_minutes: step.after_minutes })
        };
        let contact = |contact: &ContactMethod| doc::Contact {
            channel: Word(contact.channel),
            address: contact.address.clone(),
            enabled: contact.enabled,
            verified_at: contact.verified_at.map(Instant),
        };
        let activity =
            user.activity.iter().map(|span| doc::Activity { from: Instant(span.from), to: span.to.map(Instant) });
        let handle = self.person(user.id);
        let is_plain = user.email.is_some() || handle == user.name || handle.is_empty();
        let login = user.login.as_ref().filter(|_| self.secrets.is_some()).map(|login| doc::Login {
            password_hash: login.password_hash.clone(),
            changed_at: Instant(login.changed_at),
        });
        doc::User {
            name: user.name.clone(),
            email: user.email.clone(),
            known_as: (!is_plain).then_some(handle),
            role: Word(user.role),
            zone: user.zone.clone(),
            active: user.is_active(),
            activity: activity.collect(),
            contacts: Some(user.contacts.iter().map(contact).collect()),
            rules: Some(doc::Rules {
                high: user.rules.high.iter().filter_map(step).collect(),
                low: user.rules.low.iter().filter_map(step).collect(),
            }),
            login,
        }
    }

    pub(super) fn team(&self, team: &Team) -> doc::Team {
        let mut members = self.people(&team.members);
        members.sort();
        doc::Team { name: team.name.clone(), members }
    }

    /// With its calendars, entries and overrides.
    pub(super) fn schedule(&mut self, read: &impl Read, schedule: &Schedule) -> Result<doc::Schedule, AppError> {
        let mut found = kept_imports::imports_of(read, schedule.id, MANY)?;
        found.sort_by_cached_key(|import| by_name(&import.name));
        let calendars: Vec<doc::Calendar> = found.iter().map(|import| self.calendar(schedule, import)).collect();
        let mut all = entries::entries_from(read, schedule.id, Timestamp::MIN, usize::MAX)?;
        all.sort_by_key(|entry| entry.span.start);
        let entries = all.iter().map(|entry| self.entry(entry)).collect();
        let mut all = entries::overrides_from(read, schedule.id, Timestamp::MIN, usize::MAX)?;
        all.sort_by_key(|o| o.id);
        let swapped = |place: usize| all.get(place + 1).is_some_and(|next| all[place].is_swapped_with(next));
        let overrides = all.iter().enumerate().map(|(place, o)| self.override_of(o, swapped(place))).collect();
        Ok(doc::Schedule { calendars, entries, overrides, ..self.schedule_alone(schedule, &found) })
    }

    /// Without what is a record of its own; `imports` are the schedule's.
    pub(super) fn schedule_alone(&self, schedule: &Schedule, imports: &[Import]) -> doc::Schedule {
        let calendar = |id: &ImportId| imports.iter().find(|import| import.id == *id).map(|import| import.name.clone());
        doc::Schedule {
            name: schedule.name.clone(),
            team: self.names.teams.get(&schedule.team).cloned().unwrap_or_default(),
            zone: schedule.zone.clone(),
            fallback: schedule.fallback.map(|user| self.person(user)),
            calendars: vec![],
            layers: schedule.layers.iter().map(|layer| self.layer(layer, &calendar)).collect(),
            covers: schedule.imported_covers.iter().filter_map(calendar).collect(),
            entries: vec![],
            overrides: vec![],
        }
    }

    fn layer(&self, layer: &Layer, calendar: &impl Fn(&ImportId) -> Option<String>) -> doc::Layer {
        let (rotation, calendar) = match &layer.turns {
            Turns::Imported(import) => (None, calendar(import)),
            Turns::Rotation(versions) => {
                let version = |version: &crate::domain::rotation::Version| {
                    let slots = version.slots.iter().map(|slot| self.people(slot)).collect();
                    doc::RotationVersion::of(version, slots)
                };
                (Some(versions.iter().map(version).collect()), None)
            }
        };
        doc::Layer { name: layer.name.clone(), zone: layer.zone.clone(), rotation, calendar }
    }

    fn calendar(&mut self, schedule: &Schedule, import: &Import) -> doc::Calendar {
        let url = self.secrets.and_then(|vault| match imports::address(vault, import.id, &import.url) {
            // Made by an import without its address.
            Ok(address) => Some(address).filter(|address| !address.is_empty()),
            Err(why) => {
                let sentence = sealed::address_sentence(why);
                self.left_out.push(format!("Calendar {} of {}: {sentence}", import.name, schedule.name));
                None
            }
        });
        doc::Calendar { name: import.name.clone(), zone: import.zone.clone(), url }
    }

    pub(super) fn entry(&self, entry: &Entry) -> doc::Entry {
        let (start, end) = (Instant(entry.span.start), Instant(entry.span.end));
        doc::Entry { person: self.person(entry.user), start, end, note: entry.note.clone() }
    }

    fn override_of(&self, o: &Override, swapped_with_next: bool) -> doc::Override {
        let instead_of = match o.mode {
            OverrideMode::Cover => None,
            OverrideMode::Replace { from } => Some(self.person(from)),
        };
        let (person, note) = (self.person(o.user), o.note.clone());
        let (start, end) = (Instant(o.span.start), Instant(o.span.end));
        doc::Override { person, instead_of, start, end, note, swapped_with_next }
    }

    pub(super) fn policy(&self, policy: &Policy) -> doc::Policy {
        let recipient = |recipient: &Recipient| match recipient {
            Recipient::User(user) => self.handles.get(user).cloned().map(doc::Recipient::User),
            Recipient::Schedule(schedule) => self.names.schedules.get(schedule).cloned().map(doc::Recipient::Schedule),
            Recipient::Team(team) => self.names.teams.get(team).cloned().map(doc::Recipient::Team),
        };
        let level = |level: &crate::domain::policy::Level| doc::Level {
            number: level.number,
            delay_minutes: level.delay_minutes,
            recipients: level.recipients.iter().filter_map(recipient).collect(),
        };
        doc::Policy {
            name: policy.name.clone(),
            levels: policy.levels.iter().map(level).collect(),
            repeat: policy.repeat,
            last_resort: self.people(&policy.last_resort),
            repage_minutes: policy.repage_minutes,
            ack_timeout_minutes: policy.ack_timeout_minutes,
        }
    }

    /// With its heartbeats.
    pub(super) fn source(&mut self, read: &impl Read, source: &AlertSource) -> Result<doc::AlertSource, AppError> {
        let mut found = heartbeats_of(read, source.id)?;
        found.sort_by_cached_key(|heartbeat| by_name(&heartbeat.name));
        let heartbeats = found.iter().map(|heartbeat| self.heartbeat(heartbeat)).collect();
        let signing = self.secrets.and_then(|vault| alert_sources::signing_secret(vault, source));
        let signing = signing.and_then(|secret| match secret {
            Ok(secret) => {
                let timestamp_header = source.signing.as_ref().and_then(|signing| signing.timestamp_header.clone());
                Some(doc::Signing { secret, timestamp_header })
            }
            Err(why) => {
                self.left_out.push(format!("Alert source {}: {}", source.name, sealed::signing_sentence(why)));
                None
            }
        });
        let key = self.secrets.map(|_| doc::Key { sha256: hex(&source.key_hash), last_four: source.key_tail.clone() });
        Ok(doc::AlertSource { heartbeats, key, signing, ..self.source_alone(source) })
    }

    pub(super) fn source_alone(&self, source: &AlertSource) -> doc::AlertSource {
        let listed = source.topics.iter().filter(|topic| topic.listed);
        let mut topics: Vec<String> = listed.map(|topic| topic.arn.clone()).collect();
        topics.sort();
        doc::AlertSource {
            name: source.name.clone(),
            kind: source.kind.clone(),
            team: self.names.teams.get(&source.team).cloned().unwrap_or_default(),
            escalation_policy: self.names.policies.get(&source.policy).cloned().unwrap_or_default(),
            active: source.active,
            default_severity: Word(source.default_severity),
            severity_map: source.severity_map.iter().map(|(word, severity)| (word.clone(), Word(*severity))).collect(),
            one_incident_per_alert: source.one_incident_per_alert,
            insufficient_data_triggers: source.insufficient_data_triggers,
            urgency: Word(source.urgency),
            auto_resolve_minutes: source.auto_resolve_minutes,
            topics,
            heartbeats: vec![],
            key: None,
            signing: None,
        }
    }

    pub(super) fn heartbeat(&self, heartbeat: &Heartbeat) -> doc::Heartbeat {
        doc::Heartbeat {
            name: heartbeat.name.clone(),
            interval_minutes: heartbeat.interval_minutes,
            grace_minutes: heartbeat.grace_minutes,
            address_sha256: self.secrets.map(|_| hex(&heartbeat.token_hash)),
        }
    }

    pub(super) fn maintenance(&self, window: &Maintenance) -> doc::Maintenance {
        let (team, sources) = match &window.scope {
            Scope::Team(team) => (self.names.teams.get(team).cloned(), vec![]),
            Scope::Sources(ids) => {
                let mut named: Vec<String> = ids.iter().filter_map(|id| self.names.sources.get(id).cloned()).collect();
                named.sort_by_cached_key(|name| by_name(name));
                (None, named)
            }
        };
        let (once, again) = match &window.occurs {
            Occurs::Once(span) => (Some(doc::Span { start: Instant(span.start), end: Instant(span.end) }), None),
            Occurs::Again { pattern, minutes, .. } => {
                (None, Some(doc::Again { pattern: pattern.clone(), minutes: *minutes }))
            }
        };
        doc::Maintenance {
            name: window.name.clone(),
            team,
            alert_sources: sources,
            zone: window.zone.clone(),
            once,
            again,
            labels: window.matchers.iter().map(ToString::to_string).collect(),
        }
    }
}

pub(super) fn heartbeats_of(read: &impl Read, source: AlertSourceId) -> Result<Vec<Heartbeat>, AppError> {
    let mut all = heartbeats::heartbeats_all(read, Take::first(MANY))?.items;
    all.retain(|heartbeat| heartbeat.source == source);
    Ok(all)
}
