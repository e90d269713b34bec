//! Behaviour over time, as text files in `tests/scenarios` that a newcomer can read.
//!
//! A line that begins with a time acts; indented lines are all that happened since: messages that left, and timeline
//! lines of weight (with `!`). Lines before the first time set the stage. `UPDATE_GOLDEN=1` writes what happens now; the
//! difference is for the reviewer.
//!
//! ```text
//! policy NAME  1: alice, 5m  2: bob schedule:primary, 10m  [repeat 1]  [last carol]  [timeout 30m]  [repage 30m]
//! person NAME [admin|viewer] [sms|email|whatsapp|none …]      anybody else named is a responder with SMS
//! schedule NAME  alice 00:00-12:00  bob 12:00-24:00
//! rotation SCHEDULE hourly|daily|weekly  alice bob             in turn from 00:00; makes the schedule if it is new
//! 00:00  alert SOURCE ID SEVERITY "title"     a source is called as its policy
//! 00:00  recover SOURCE ID  |  takes SOURCE ID
//! 00:00  flood SOURCE N ID SEVERITY           N alerts, ID-1 to ID-N
//! 00:00  NAME acknowledges|unacknowledges|resolves|reopens|escalates ID
//! 00:00  NAME escalates ID to 3  |  NAME escalates ID seen at 1
//! 00:00  NAME snoozes ID 1h  |  NAME sets ID to SEVERITY  |  NAME notes ID "words"
//! 00:00  NAME reassigns ID to NAME …  |  NAME reassigns ID to policy NAME  |  NAME retries ID
//! 00:00  NAME is deactivated|reactivated  |  NAME removes|regains CHANNEL
//! 00:00  override SCHEDULE NAME 00:00-06:00
//! 00:00  policy NAME …                        edits it
//! 00:00  source NAME resolves after 30m  |  source NAME urgency always low  |  source NAME moves to NAME
//! 00:00  maintenance NAME SOURCE 00:00-02:00  |  maintenance NAME ends
//! 00:00  provider CHANNEL refuses|fails|stalls|is silent|filters N
//! 00:00  heartbeat SOURCE NAME 10m 5m         adds one: interval and grace
//! 00:00  ping SOURCE NAME [fail|EXIT CODE]
//! 00:00  restart  |  clock +2h  |  sending off  |  escalation off|on  |  retries off|on
//! 00:00  down until 03:00                     the process is away that long
//! 00:00  restored                             the database comes from a backup
//! 00:00  show ID                              tells its state and its timers
//! ```
//!
//! What there is besides about reaching people stands in `reaching`.
//! `source`, `maintenance` and `policy` also stand before the first time. Which rows of the table of transitions a file
//! plays is said in `tests/scenarios/README.md`.

mod chance;
mod deeds;
mod rows;
mod words;

use crate::reaching;
use crate::world::{Fault, World};
use pagerpal::app::heartbeats::{self, NewHeartbeat};
use pagerpal::app::incidents;
use pagerpal::app::intake::{Received, receive};
use pagerpal::app::timers::shift_elapsed;
use pagerpal::app::{AppError, pings, policies, schedules, sha256, users};
use pagerpal::clock::Clock;
use pagerpal::domain::Severity;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::Actor;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::Outcome;
use pagerpal::domain::entry::{Interval, OverrideMode};
use pagerpal::domain::event::{Action, Event, Order, Report, SenderTime};
use pagerpal::domain::heartbeat::Beat;
use pagerpal::domain::id::{AlertSourceId, IncidentId, MaintenanceId, PolicyId, ScheduleId, UserId};
use pagerpal::domain::incident::Incident;
use pagerpal::domain::layer::Draft;
use pagerpal::domain::policy::{Level, REPAGE_MINUTES_DEFAULT, Recipient};
use pagerpal::domain::rotation::{Cadence, Civil};
use pagerpal::domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

#[test]
fn every_scenario_happens_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut failures = Vec::new();
    let mut played = 0;
    let mut files: Vec<_> =
        fs::read_dir(&folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "txt")) {
        // Shown when a play ends in a panic.
        println!("{}", file.display());
        let written = fs::read_to_string(file).expect("a text file");
        let happened = Stage::play(&written, file);
        played += 1;
        if happened == written {
            continue;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(file, happened).expect("writable");
        } else {
            failures.push(format!("{}\n{}", file.display(), first_difference(&written, &happened)));
        }
    }
    assert!(played >= 20, "only {played} scenarios were found");
    assert!(failures.is_empty(), "{}\nUPDATE_GOLDEN=1 accepts what happens now.", failures.join("\n"));
}

fn first_difference(written: &str, happened: &str) -> String {
    let mut written = written.lines();
    for (number, now) in happened.lines().enumerate() {
        let line = written.next();
        if line != Some(now) {
            return format!(
                "  line {}\n    written:  {}\n    happened: {now}",
                number + 1,
                line.unwrap_or("(nothing)")
            );
        }
    }
    format!("    written:  {}\n    happened: (nothing)", written.next().unwrap_or("(nothing)"))
}

struct Stage {
    /// Lines that were asked for.
    asked: Vec<String>,
    world: World,
    zero: Timestamp,
    sources: BTreeMap<String, (AlertSourceId, PolicyId)>,
    schedules: BTreeMap<String, ScheduleId>,
    windows: BTreeMap<String, MaintenanceId>,
    told: usize,
    message_ids: BTreeSet<String>,
    /// The last timeline line shown, per incident.
    shown: BTreeMap<IncidentId, u32>,
    file: String,
}

impl Stage {
    fn empty(on_disk: bool, file: &Path) -> Stage {
        let world = World::new(on_disk);
        Stage {
            asked: Vec::new(),
            zero: world.clock.now(),
            world,
            sources: BTreeMap::new(),
            schedules: BTreeMap::new(),
            windows: BTreeMap::new(),
            told: 0,
            message_ids: BTreeSet::new(),
            shown: BTreeMap::new(),
            file: file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        }
    }

    fn play(script: &str, file: &Path) -> String {
        let restarts = |line: &str| line.trim_end().ends_with("restart") || line.contains("  down until ");
        let mut stage = Stage::empty(script.lines().any(restarts), file);
        let mut out = String::new();
        for line in script.lines() {
            let indented = line.starts_with(' ');
            if indented {
                continue;
            }
            out.push_str(line);
            out.push('\n');
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            match stage.time(first) {
                Some(at) => {
                    stage.world.run_until(at.plus_secs(-1).max(stage.world.clock.now()));
                    stage.world.clock.set(at.max(stage.world.clock.now()));
                    // What is due in this very second happens after the act: the race that a person would win.
                    let refused = if rest.trim().is_empty() { None } else { stage.act(rest.trim()).err() };
                    stage.world.run_until(at);
                    if let Some(error) = refused {
                        out.push_str(&format!("         refused: {error}\n"));
                    }
                    stage.tell(&mut out);
                    for id in std::mem::take(&mut stage.asked) {
                        out.push_str(&format!("         {}\n", stage.state(&id)));
                    }
                }
                None => stage.set(line).unwrap_or_else(|error| panic!("{}: {line}: {error}", stage.file)),
            }
        }
        out
    }

    /// `00:05`, `26:00`, `00:05:30` after the start.
    fn time(&self, text: &str) -> Option<Timestamp> {
        let parts: Option<Vec<i64>> = text.split(':').map(|part| part.parse().ok()).collect();
        match parts?.as_slice() {
            [hours, minutes] => Some(self.zero.plus_secs(hours * 3600 + minutes * 60)),
            [hours, minutes, seconds] => Some(self.zero.plus_secs(hours * 3600 + minutes * 60 + seconds)),
            _ => None,
        }
    }

    fn clock(&self, at: Timestamp) -> String {
        let secs = at.secs_since(self.zero);
        let (hours, minutes, seconds) = (secs / 3600, secs / 60 % 60, secs % 60);
        if seconds == 0 { format!("{hours:02}:{minutes:02}") } else { format!("{hours:02}:{minutes:02}:{seconds:02}") }
    }

    fn set(&mut self, line: &str) -> Result<(), AppError> {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("person") => {
                let name = words.next().expect("a name");
                let mut role = Role::Responder;
                let mut channels = Vec::new();
                for word in words {
                    match (Role::from_word(word), Channel::from_word(word)) {
                        (Some(named), _) => role = named,
                        (_, Some(channel)) => channels.push(channel),
                        _ => assert_eq!(word, "none", "{}: {line}", self.file),
                    }
                }
                self.world.person(name, role, &channels);
            }
            Some("schedule") => {
                let id = self.schedule(words.next().expect("a name"))?;
                let words: Vec<&str> = words.collect();
                for pair in words.chunks(2) {
                    let (user, span) = (self.person(pair[0]), self.span(pair[1]));
                    self.world.write(move |tx| schedules::add_entry(tx, &Actor::SYSTEM, id, user, span, ""))?;
                }
            }
            Some("rotation") => {
                let id = self.schedule(words.next().expect("a name"))?;
                let cadence = match words.next() {
                    Some("hourly") => Cadence::Hours(1),
                    Some("daily") => Cadence::Days(1),
                    Some("weekly") => Cadence::Weeks(1),
                    other => panic!("{}: no cadence {other:?}", self.file),
                };
                let slots = words.map(|name| vec![self.person(name)]).collect();
                let draft = Draft {
                    name: "rotation".to_owned(),
                    zone: "UTC".to_owned(),
                    from: None,
                    anchor: Civil(self.zero.as_second() / 60),
                    cadence,
                    slots,
                    windows: vec![],
                };
                self.world.write(move |tx| schedules::add_layer(tx, &Actor::SYSTEM, id, &draft))?;
            }
            Some("policy") => self.policy(line)?,
            _ if reaching::act(&mut self.world, line).is_some() => {}
            Some("source" | "maintenance" | "provider") => self.act(line)?,
            Some("switch") => self.switch(words.next(), words.next()),
            other => panic!("{}: what is {other:?} in {line:?}?", self.file),
        }
        Ok(())
    }

    fn schedule(&mut self, name: &str) -> Result<ScheduleId, AppError> {
        if let Some(id) = self.schedules.get(name) {
            return Ok(*id);
        }
        let (team, zone) = (self.world.team, "UTC".to_owned());
        let basics = schedules::Basics { name: name.to_owned(), team, zone, fallback: None };
        let id = self.world.write(move |tx| schedules::create(tx, &Actor::SYSTEM, &basics))?;
        self.schedules.insert(name.to_owned(), id);
        Ok(id)
    }

    fn span(&self, text: &str) -> Interval {
        let (start, end) = text.split_once('-').expect("a span such as 00:00-12:00");
        Interval { start: self.time(start).expect("a time"), end: self.time(end).expect("a time") }
    }

    fn switch(&mut self, which: Option<&str>, to: Option<&str>) {
        let on = to == Some("on");
        match which {
            Some("sending") => self.world.settings.sending_enabled = on,
            Some("escalation") => self.world.settings.escalation_enabled = on,
            Some("retries") => self.world.settings.retry_enabled = on,
            other => panic!("{}: no switch {other:?}", self.file),
        }
    }

    fn person(&mut self, name: &str) -> UserId {
        match self.world.people.get(name) {
            Some(id) => *id,
            None => self.world.person(name, Role::Responder, &[Channel::Sms]),
        }
    }

    /// `policy payments  1: alice bob, 5m  2: schedule:primary, 10m  repeat 1  last carol`
    fn policy(&mut self, line: &str) -> Result<(), AppError> {
        let mut words = line.split_whitespace().skip(1).peekable();
        let name = words.next().expect("a name").to_owned();
        let (mut levels, mut basics) = (Vec::new(), policies::Basics { repeat: 0, ..policies::Basics::named(&name) });
        while let Some(word) = words.next() {
            if let Some(number) = word.strip_suffix(':') {
                let mut recipients = Vec::new();
                loop {
                    let word = words.next().expect("a recipient");
                    let last_one = word.ends_with(',');
                    recipients.push(self.recipient(word.trim_end_matches(',')));
                    if last_one {
                        break;
                    }
                }
                let delay = words.next().and_then(|word| word.strip_suffix('m')).expect("a delay such as 5m");
                let (number, delay_minutes) = (number.parse().expect("a number"), delay.parse().expect("minutes"));
                levels.push(Level { number, delay_minutes, recipients });
            } else if word == "repeat" {
                basics.repeat = words.next().expect("a count").parse().expect("a count");
            } else if word == "last" {
                let person = words.next().expect("somebody");
                basics.last_resort.push(self.person(person));
            } else if word == "timeout" || word == "repage" {
                let minutes = u16::try_from(minutes(words.next().expect("minutes"))).expect("at most a day");
                match word {
                    "timeout" => basics.ack_timeout_minutes = Some(minutes),
                    _ => basics.repage_minutes = minutes,
                }
            } else {
                panic!("{}: what is {word:?} in {line:?}?", self.file);
            }
        }
        match self.sources.get(&name) {
            None => {
                let id = self.world.policy(&name, levels, basics.repeat, basics.last_resort.clone());
                if (basics.ack_timeout_minutes, basics.repage_minutes) != (None, REPAGE_MINUTES_DEFAULT) {
                    self.world.write(move |tx| policies::edit(tx, &Actor::SYSTEM, id, &basics))?;
                }
                let source = self.world.source(&name, id, &name);
                self.sources.insert(name, (source, id));
            }
            Some((_, id)) => {
                let id = *id;
                let before = self.world.read(|read| policies::one(read, id));
                self.world.write(move |tx| {
                    for level in &before.levels {
                        if !levels.iter().any(|new| new.number == level.number) {
                            policies::remove_level(tx, &Actor::SYSTEM, id, level.number)?;
                        }
                    }
                    for level in &levels {
                        if before.level(level.number).is_some() {
                            policies::edit_level(tx, &Actor::SYSTEM, id, level.number, level)?;
                        } else {
                            policies::add_level(tx, &Actor::SYSTEM, id, level)?;
                        }
                    }
                    policies::edit(tx, &Actor::SYSTEM, id, &basics)
                })?;
            }
        }
        Ok(())
    }

    fn recipient(&mut self, word: &str) -> Recipient {
        match word.split_once(':') {
            Some(("schedule", name)) => Recipient::Schedule(self.schedules[name]),
            Some(("team", _)) => Recipient::Team(self.world.team),
            _ => Recipient::User(self.person(word)),
        }
    }

    fn act(&mut self, act: &str) -> Result<(), AppError> {
        if let Some(done) = reaching::act(&mut self.world, act) {
            return done;
        }
        let words: Vec<&str> = act.split_whitespace().collect();
        match words.as_slice() {
            ["alert", source, id, severity, ..] => {
                let title = act.split('"').nth(1).expect("a title in quotes");
                self.event(source, id, Action::Trigger, Severity::from_word(severity), title)
            }
            ["recover", source, id] => self.event(source, id, Action::Resolve, None, ""),
            ["takes", source, id] => self.event(source, id, Action::Acknowledge, None, ""),
            ["policy", ..] => self.policy(act),
            ["heartbeat", source, name, interval, grace] => {
                let minutes = |text: &str| -> u32 {
                    text.strip_suffix('m').and_then(|text| text.parse().ok()).expect("minutes such as 10m")
                };
                let (source, name) = (self.sources[*source].0, (*name).to_owned());
                let (interval_minutes, grace_minutes) = (minutes(interval), minutes(grace));
                let new = NewHeartbeat { source, name, interval_minutes, grace_minutes };
                let key = self.world.settings.link_key.clone();
                self.world.write(move |tx| heartbeats::create(tx, &Actor::SYSTEM, &key, &new).map(drop))
            }
            ["ping", source, name, word @ ..] => {
                let what = word.first().map_or(Beat::Ping, |word| Beat::from_word(word).expect("fail or an exit code"));
                let (hash, name, source) = (sha256(source.as_bytes()), (*name).to_owned(), self.sources[*source].0);
                self.world.write(move |tx| pings::ping(tx, source, hash, &name, what, "").map(drop))
            }
            ["restart"] => {
                self.world.restart();
                Ok(())
            }
            ["clock", by] => {
                let hours: i64 = by.strip_suffix('h').and_then(|hours| hours.parse().ok()).expect("such as +2h");
                // The clock's own report and the workers' answer to it, in one go.
                self.zero = self.zero.plus_secs(hours * 3600);
                self.world.clock.set(self.world.clock.now().plus_secs(hours * 3600));
                self.world.write(move |tx| shift_elapsed(tx, hours * 3600))
            }
            ["sending" | "escalation" | "retries", to] => {
                self.switch(Some(words[0]), Some(to));
                Ok(())
            }
            ["provider", channel, fault @ .., count] => {
                let fault = match fault {
                    ["is", "refused"] => Fault::Answers(Outcome::Permanent { account_wide: true }),
                    ["refuses"] => Fault::Answers(Outcome::Permanent { account_wide: false }),
                    ["fails"] => Fault::Answers(Outcome::Temporary { retry_after_secs: None }),
                    ["stalls"] => Fault::Answers(Outcome::Ambiguous),
                    ["filters"] => Fault::Answers(Outcome::Muted),
                    ["is", "silent"] => Fault::Silence,
                    other => panic!("{}: no fault {other:?}", self.file),
                };
                let channel = Channel::from_word(channel).expect("a channel");
                let count = count.parse().expect("a count");
                self.world.faults.entry(channel).or_default().extend(std::iter::repeat_n(fault, count));
                Ok(())
            }
            ["override", schedule, name, span] => {
                let (schedule, user, span) = (self.schedules[*schedule], self.person(name), self.span(span));
                let cover = OverrideMode::Cover;
                self.world.write(move |tx| {
                    schedules::add_override(tx, &Actor::SYSTEM, schedule, user, cover, span, "").map(drop)
                })
            }
            [name, "is", "deactivated"] => {
                let id = self.person(name);
                self.world.write(move |tx| users::deactivate(tx, &Actor::SYSTEM, id))
            }
            [name, "is", "reactivated"] => {
                let id = self.person(name);
                self.world.write(move |tx| users::reactivate(tx, &Actor::SYSTEM, id))
            }
            ["flood", source, count, id, severity] => {
                let count: usize = count.parse().expect("a count");
                for number in 1..=count {
                    let (id, title) = (format!("{id}-{number}"), format!("Check {number} of {id} failed"));
                    self.event(source, &id, Action::Trigger, Severity::from_word(severity), &title)?;
                }
                Ok(())
            }
            ["down", "until", time] => {
                let until = self.time(time).expect("a time");
                self.world.away_until(until);
                Ok(())
            }
            ["restored"] => self.world.write(|tx| incidents::hold_after_restore(tx, None).map(drop)),
            ["show", id] => {
                self.asked.push((*id).to_owned());
                Ok(())
            }
            ["source", name, rest @ ..] => self.edit_source(name, rest),
            ["maintenance", name, rest @ ..] => self.maintenance(name, rest),
            [name, verb, rest @ ..] => self.deed(name, verb, rest, act),
            other => panic!("{}: what is {other:?}?", self.file),
        }
    }

    /// The newest incident of this external id.
    fn incident(&self, external_id: &str) -> Incident {
        let newest = self.incidents().into_iter().filter(|(_, id, _)| id == external_id).max();
        let (number, ..) = newest.unwrap_or_else(|| panic!("{}: no incident {external_id}", self.file));
        self.world.read(|read| incidents::find(read, &number.to_string()))
    }

    fn incidents(&self) -> Vec<(u64, String, IncidentId)> {
        use pagerpal::domain::incident::Status;
        self.world.read(|read| {
            let mut all = Vec::new();
            for status in Status::ALL {
                all.extend(incidents::with_status(read, status, 1000, None)?.items);
            }
            all.sort_by_key(|incident| incident.number);
            Ok(all.into_iter().map(|incident| (incident.number, incident.external_id, incident.id)).collect())
        })
    }

    fn event(
        &self,
        source: &str,
        id: &str,
        action: Action,
        severity: Option<Severity>,
        title: &str,
    ) -> Result<(), AppError> {
        let event = Event {
            action,
            external_id: id.to_owned(),
            severity,
            title: title.to_owned(),
            details: String::new(),
            labels: BTreeMap::new(),
            links: vec![],
            occurred_at: SenderTime::from(self.world.clock.now()),
            order: Order::Arrival,
            actor: None,
            warnings: vec![],
        };
        let received = Received {
            source: self.sources[source].0,
            reports: vec![Report::Event(event)],
            delivery_id: None,
            key_hash: None,
            body: String::new(),
            is_test: false,
        };
        self.world.write(move |tx| receive(tx, &received)).map(drop)
    }
}

/// `15m`, `1h`, `8d`.
fn minutes(text: &str) -> i64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let number: i64 = number.parse().unwrap_or_else(|_| panic!("such as 15m, not {text}"));
    number
        * match unit {
            "m" => 1,
            "h" => 60,
            "d" => 24 * 60,
            other => panic!("no unit {other}"),
        }
}
