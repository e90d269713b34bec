//! What pages: escalation policies, alert sources with their heartbeats, and the windows that hold them back.

use super::{ACTOR, Importer, Kind, conflict, digest, named, same};
use crate::app::alert_sources::{self, NewSigning};
use crate::app::maintenance::{self, Chosen};
use crate::app::{AppError, MANY, change, heartbeats, incidents, policies};
use crate::domain::alert_source::{AlertSource, Topic, TopicState};
use crate::domain::entry::Interval;
use crate::domain::heartbeat::{self, Heartbeat};
use crate::domain::id::{AlertSourceId, HeartbeatId, UserId};
use crate::domain::maintenance::{Maintenance, Matcher, Scope};
use crate::domain::policy::{Level, Policy, Recipient};
use crate::domain::refusal::{Refusal, checked_name};
use crate::exchange::document as doc;
use crate::secret::Secret;
use crate::store::{heartbeats as kept_heartbeats, maintenance as kept_windows};
use std::collections::BTreeSet;

impl Importer<'_, '_> {
    pub(super) fn policies(&mut self, items: &[doc::Policy]) -> Result<(), AppError> {
        let mut seen = BTreeSet::new();
        for (number, item) in items.iter().enumerate() {
            let place = format!("escalation_policies[{number}] ({})", item.name);
            if !self.is_first(&place, &mut seen, &item.name) {
                continue;
            }
            let known = named(&self.writer.names.policies, &item.name);
            let before = known.map(|id| policies::one(self.tx, id)).transpose()?;
            if self.one_policy(&place, item, before.as_ref())?.is_none() {
                self.lacks(Kind::Policy, &item.name);
            }
        }
        Ok(())
    }

    fn one_policy(&mut self, place: &str, item: &doc::Policy, before: Option<&Policy>) -> Result<Option<()>, AppError> {
        let known = self.complaints.len();
        let on_levels = before.into_iter().flat_map(|before| &before.levels).flat_map(|level| &level.recipients);
        let kept: BTreeSet<UserId> = on_levels
            .filter_map(|recipient| match recipient {
                Recipient::User(user) => Some(*user),
                _ => None,
            })
            .collect();
        let mut levels = Vec::new();
        for (number, item) in item.levels.iter().enumerate() {
            let place = format!("{place}, levels[{number}]");
            let mut recipients = Vec::new();
            for recipient in &item.recipients {
                recipients.extend(match recipient {
                    doc::Recipient::User(name) => {
                        let found = self.persons(&place, std::slice::from_ref(name), &kept)?;
                        found.and_then(|found| found.first().copied()).map(Recipient::User)
                    }
                    doc::Recipient::Schedule(name) => self.schedule(&place, name).map(Recipient::Schedule),
                    doc::Recipient::Team(name) => self.team(&place, name).map(Recipient::Team),
                });
            }
            // Without those that are missing the level would be complained about for what it is not.
            if recipients.len() == item.recipients.len() {
                levels.push(Level { number: item.number, delay_minutes: item.delay_minutes, recipients });
            }
        }
        let kept = before.into_iter().flat_map(|before| &before.last_resort).copied().collect();
        let last_resort = self.persons(&format!("{place}, last_resort"), &item.last_resort, &kept)?;
        let Some(last_resort) = last_resort else { return Ok(None) };
        if levels.len() < item.levels.len() {
            return Ok(None);
        }
        let policy = Policy {
            id: before.map_or_else(|| self.tx.new_id(), |before| before.id),
            name: item.name.clone(),
            levels,
            repeat: item.repeat,
            last_resort,
            repage_minutes: item.repage_minutes,
            ack_timeout_minutes: item.ack_timeout_minutes,
            created_at: before.map_or(self.now, |before| before.created_at),
            version: before.map_or(0, |before| before.version),
        };
        let Some(mut policy) = self.take(place, policy.checked())? else { return Ok(None) };
        if self.complaints.len() > known {
            return Ok(None);
        }
        if before == Some(&policy) {
            return Ok(Some(()));
        }
        policy.version += 1;
        self.tx.put(&policy).map_err(conflict(change::name_taken("escalation policy", &policy.name)))?;
        let (was, is) = (before.map(|before| self.writer.policy(before)), self.writer.policy(&policy));
        self.writer.names.policies.insert(policy.id, policy.name.clone());
        self.said("escalation policy", &policy.name, policy.id, (was.as_ref(), &is), vec![])?;
        Ok(Some(()))
    }

    pub(super) fn sources(&mut self, items: &[doc::AlertSource]) -> Result<(), AppError> {
        let mut seen = BTreeSet::new();
        for (number, item) in items.iter().enumerate() {
            let place = format!("alert_sources[{number}] ({})", item.name);
            if !self.is_first(&place, &mut seen, &item.name) {
                continue;
            }
            let known = named(&self.writer.names.sources, &item.name);
            let before = known.map(|id| alert_sources::one(self.tx, id)).transpose()?;
            match self.one_source(&place, item, before.as_ref())? {
                Some(source) => self.heartbeats(&place, item, &source)?,
                None => self.lacks(Kind::Source, &item.name),
            }
        }
        Ok(())
    }

    fn one_source(
        &mut self,
        place: &str,
        item: &doc::AlertSource,
        before: Option<&AlertSource>,
    ) -> Result<Option<AlertSource>, AppError> {
        let known = self.complaints.len();
        if !self.means.kinds.contains(&item.kind.as_str()) {
            let sentence = format!("A kind is one of {}.", self.means.kinds.join(", "));
            self.complain(&format!("{place}, kind"), sentence);
        }
        let team = self.team(&format!("{place}, team"), &item.team);
        let policy = self.policy(&format!("{place}, escalation_policy"), &item.escalation_policy);
        let key = item.key.as_ref().map(|key| Ok::<_, Refusal>((digest(&key.sha256)?, key.last_four.clone())));
        let key = self.take(&format!("{place}, key"), key.transpose())?;
        let (Some(team), Some(policy), Some(key)) = (team, policy, key) else { return Ok(None) };
        let basics = alert_sources::Basics {
            name: item.name.clone(),
            kind: item.kind.clone(),
            team,
            policy,
            default_severity: item.default_severity.0,
            severity_map: item.severity_map.iter().map(|(word, severity)| (word.clone(), severity.0)).collect(),
            one_incident_per_alert: item.one_incident_per_alert,
            insufficient_data_triggers: item.insufficient_data_triggers,
            urgency: item.urgency.0,
            auto_resolve_minutes: item.auto_resolve_minutes,
        };
        let bare = match (before, &key) {
            (Some(before), _) => before.clone(),
            (None, Some((hash, tail))) => alert_sources::bare(self.tx.new_id(), &basics, *hash, tail.clone(), self.now),
            (None, None) => {
                let sentence = "has a key that nobody knows. Regenerate it on its page and give it to the sender.";
                self.imported.to_do.push(format!("Alert source {} {sentence}", item.name.trim()));
                let drawn = self.draw();
                let key = alert_sources::new_key(drawn.first_chunk().copied().expect("32 bytes have 16"));
                let (hash, tail) = (crate::app::sha256(key.as_bytes()), alert_sources::tail(&key));
                alert_sources::bare(self.tx.new_id(), &basics, hash, tail, self.now)
            }
        };
        let furnished = alert_sources::with_basics(self.tx, bare, &basics);
        let Some(mut source) = self.take(place, furnished)? else { return Ok(None) };
        source.active = item.active;
        topics(&mut source, &item.topics);
        let mut more = Vec::new();
        if let (Some((hash, tail)), Some(before)) = (key, before)
            && hash != before.key_hash
        {
            (source.key_hash, source.key_tail) = (hash, tail);
            more.push("key is another".to_owned());
        }
        if let Some(signing) = &item.signing {
            let is_another = self.sign(place, signing, &mut source)?;
            more.extend((is_another && before.is_some()).then(|| "signing is another".to_owned()));
        }
        if self.complaints.len() > known {
            return Ok(None);
        }
        if before == Some(&source) {
            return Ok(Some(source));
        }
        let saved = alert_sources::save(self.tx, &source);
        if self.take(place, saved.map_err(key_taken))?.is_none() {
            return Ok(None);
        }
        if let Some(before) = before {
            incidents::follow_source(self.tx, &ACTOR, before, &source)?;
        }
        let (was, is) = (before.map(|before| self.writer.source_alone(before)), self.writer.source_alone(&source));
        self.writer.names.sources.insert(source.id, source.name.clone());
        self.said("alert source", &source.name, source.id, (was.as_ref(), &is), more)?;
        Ok(Some(source))
    }

    /// Answers whether the secret or the header is another one.
    fn sign(&mut self, place: &str, item: &doc::Signing, source: &mut AlertSource) -> Result<bool, AppError> {
        let known = alert_sources::signing_secret(&self.means.vault, source);
        let header = source.signing.as_ref().and_then(|signing| signing.timestamp_header.clone());
        let is_same = known.is_some_and(|known| known.as_deref() == Ok(item.secret.as_str()))
            && header == item.timestamp_header.as_ref().map(|header| header.to_ascii_lowercase());
        if is_same {
            return Ok(false);
        }
        let nonce = self.draw().first_chunk().copied().expect("32 bytes have 24");
        let (secret, timestamp_header) = (Secret::new(item.secret.clone()), item.timestamp_header.clone());
        let new = NewSigning { secret, timestamp_header };
        let sealed = alert_sources::sealed_signing(&self.means.vault, nonce, source, &new);
        if let Some(signing) = self.take(place, sealed)? {
            source.signing = Some(signing);
        }
        Ok(true)
    }

    fn heartbeats(&mut self, place: &str, item: &doc::AlertSource, source: &AlertSource) -> Result<(), AppError> {
        let mut seen = BTreeSet::new();
        for (number, item) in item.heartbeats.iter().enumerate() {
            let place = format!("{place}, heartbeats[{number}] ({})", item.name);
            if !self.is_first(&place, &mut seen, &item.name) {
                continue;
            }
            let before = kept_heartbeats::heartbeat_by_name(self.tx, source.id, item.name.trim())?;
            self.heartbeat(&place, item, source, before.as_ref())?;
        }
        Ok(())
    }

    fn heartbeat(
        &mut self,
        place: &str,
        item: &doc::Heartbeat,
        source: &AlertSource,
        before: Option<&Heartbeat>,
    ) -> Result<(), AppError> {
        let name = self.take(place, heartbeat::checked_name(&item.name))?;
        let interval = self.take(place, heartbeat::checked_interval(item.interval_minutes))?;
        let grace = self.take(place, heartbeat::checked_grace(item.grace_minutes))?;
        let address = self.take(place, item.address_sha256.as_deref().map(digest).transpose())?;
        let (Some(name), Some(interval), Some(grace), Some(address)) = (name, interval, grace, address) else {
            return Ok(());
        };
        let mut heartbeat = match before {
            Some(before) => before.clone(),
            None => {
                let id: HeartbeatId = self.tx.new_id();
                let token = heartbeats::token_of(&self.means.link_key, id, 1);
                if address.is_none() {
                    let sentence = "has a new address to ping. Give it to the job; it waits for the first ping.";
                    self.imported.to_do.push(format!("Heartbeat {name} of {} {sentence}", source.name));
                }
                Heartbeat {
                    id,
                    source: source.id,
                    name,
                    interval_minutes: interval,
                    grace_minutes: grace,
                    state: heartbeat::State::New,
                    heard: None,
                    token_hash: crate::app::sha256(token.as_bytes()),
                    address_version: 1,
                    created_at: self.now,
                    version: 0,
                }
            }
        };
        if (interval, grace) != (heartbeat.interval_minutes, heartbeat.grace_minutes) {
            heartbeat.retime(interval, grace, self.now);
        }
        let is_elsewhere = address.is_some_and(|address| address != heartbeat.token_hash);
        if let Some(address) = address {
            heartbeat.token_hash = address;
        }
        if before == Some(&heartbeat) {
            return Ok(());
        }
        let saved = heartbeats::save(self.tx, &heartbeat);
        if self.take(place, saved)?.is_none() {
            return Ok(());
        }
        let more = (is_elsewhere && before.is_some()).then(|| "address is another".to_owned());
        let (was, is) = (before.map(|before| self.writer.heartbeat(before)), self.writer.heartbeat(&heartbeat));
        let name = format!("{} of {}", heartbeat.name, source.name);
        self.said("heartbeat", &name, heartbeat.id, (was.as_ref(), &is), more.into_iter().collect())
    }

    /// Names of windows need not differ: of those that are not over, the first in the document is the first here.
    pub(super) fn maintenance(&mut self, items: &[doc::Maintenance]) -> Result<(), AppError> {
        let mut windows = kept_windows::maintenance_from(self.tx, self.now, MANY)?;
        windows.retain(|window| window.last_end() > self.now);
        windows.sort_by_key(|window| window.id);
        for (number, item) in items.iter().enumerate() {
            let place = format!("maintenance[{number}] ({})", item.name);
            let form = |window: &Maintenance| self.writer.maintenance(window);
            let found = windows.iter().position(|window| form(window) == *item);
            let found = found.or_else(|| {
                let is_others = |window: &Maintenance| items.contains(&form(window));
                windows.iter().position(|window| same(&window.name, &item.name) && !is_others(window))
            });
            let before = found.map(|found| windows.remove(found));
            self.window(&place, item, before.as_ref())?;
        }
        Ok(())
    }

    fn window(&mut self, place: &str, item: &doc::Maintenance, before: Option<&Maintenance>) -> Result<(), AppError> {
        let chosen = match (&item.once, &item.again) {
            (Some(span), None) => Chosen::Once(Interval { start: span.start.0, end: span.end.0 }),
            (None, Some(again)) => Chosen::Again { pattern: again.pattern.clone(), minutes: again.minutes },
            _ => {
                self.complain(place, "A window comes either once or again and again. Write one of them.");
                return Ok(());
            }
        };
        if before.is_none() && matches!(chosen, Chosen::Once(span) if span.end <= self.now && span.start < span.end) {
            self.imported.to_do.push(format!("Maintenance window {} is over and was left out.", item.name));
            return Ok(());
        }
        let Some(scope) = self.scope(place, item, before)? else { return Ok(()) };
        let matchers = Matcher::parse_all(&item.labels.join("\n"));
        let (name, matchers) = (self.take(place, checked_name(&item.name))?, self.take(place, matchers)?);
        let (Some(name), Some(matchers)) = (name, matchers) else { return Ok(()) };
        let mut window = Maintenance {
            id: before.map_or_else(|| self.tx.new_id(), |before| before.id),
            name,
            scope,
            occurs: maintenance::occurs(&chosen, before.map(|before| &before.occurs)),
            zone: item.zone.clone(),
            matchers,
            author: before.and_then(|before| before.author),
            created_at: before.map_or(self.now, |before| before.created_at),
            version: before.map_or(0, |before| before.version),
        };
        if before == Some(&window) {
            return Ok(());
        }
        window.version += 1;
        let saved = maintenance::save(self.tx, &window);
        if self.take(place, saved)?.is_none() {
            return Ok(());
        }
        let (was, is) = (before.map(|before| self.writer.maintenance(before)), self.writer.maintenance(&window));
        self.said("maintenance window", &window.name, window.id, (was.as_ref(), &is), vec![])
    }

    fn scope(
        &mut self,
        place: &str,
        item: &doc::Maintenance,
        before: Option<&Maintenance>,
    ) -> Result<Option<Scope>, AppError> {
        let team = match &item.team {
            Some(team) => match self.team(&format!("{place}, team"), team) {
                Some(team) => Some(team),
                None => return Ok(None),
            },
            None => None,
        };
        let mut sources: Vec<AlertSourceId> = Vec::new();
        for name in &item.alert_sources {
            sources.extend(self.source(&format!("{place}, alert_sources"), name));
        }
        if sources.len() < item.alert_sources.len() {
            return Ok(None);
        }
        // The order says nothing.
        if let Some(Scope::Sources(known)) = before.map(|before| &before.scope)
            && known.iter().collect::<BTreeSet<_>>() == sources.iter().collect()
        {
            sources.clone_from(known);
        }
        self.take(place, Scope::chosen(team, sources))
    }
}

/// Those of the document are listed, others no longer; who waits for a click goes on to.
fn topics(source: &mut AlertSource, listed: &[String]) {
    for topic in &mut source.topics {
        topic.listed = listed.contains(&topic.arn);
    }
    source.topics.retain(|topic| topic.listed || matches!(topic.state, TopicState::Pending { .. }));
    for arn in listed {
        if source.topics.iter().all(|topic| topic.arn != *arn) {
            source.topics.push(Topic { arn: arn.clone(), listed: true, state: TopicState::Confirmed });
        }
    }
}

/// Its name is found before, so what is taken is the key.
fn key_taken(error: AppError) -> AppError {
    match error {
        AppError::Refused(_) => {
            let sentence = "Another alert source has this key. Each needs one of its own: leave the key out.";
            Refusal::invalid("key_taken", "key", sentence).into()
        }
        other => other,
    }
}
