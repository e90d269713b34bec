//! The status board: what each worker does, and whether a page could be sent now.
//!
//! It lives in memory and holds no truth. Workers report here after each round; `/health`, `/settings`, the strips on
//! every page and `GET /api/v1/system/jobs` read it.

use crate::app::backups::automatic::Condition;
use crate::app::incidents::held_after_restore;
use crate::app::{App, AppError, Switches};
use crate::domain::contact::Channel;
use crate::domain::delivery::DeliveryRing;
use crate::domain::effect::Ring;
use crate::domain::incident::Status;
use crate::domain::throttle::ChannelTrouble;
use crate::domain::time::Timestamp;
use crate::store::{Read as _, Take, deliveries, imports, incidents, timers, users};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The workers, as people know them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Worker {
    Escalation,
    Deliveries,
    Retry,
    Receipts,
    Upkeep,
    Inspector,
    Feeds,
}

impl Worker {
    pub const ALL: [Worker; 7] = [
        Worker::Escalation,
        Worker::Deliveries,
        Worker::Retry,
        Worker::Receipts,
        Worker::Upkeep,
        Worker::Inspector,
        Worker::Feeds,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Worker::Escalation => "escalation",
            Worker::Deliveries => "deliveries",
            Worker::Retry => "notification_retry",
            Worker::Receipts => "receipts",
            Worker::Upkeep => "upkeep",
            Worker::Inspector => "inspector",
            Worker::Feeds => "calendars",
        }
    }

    /// The switch that stops it, if there is one.
    pub fn setting(self) -> Option<&'static str> {
        match self {
            Worker::Escalation => Some("ESCALATION_WORKER_ENABLED"),
            Worker::Retry => Some("NOTIFICATION_RETRY_WORKER_ENABLED"),
            Worker::Deliveries | Worker::Receipts | Worker::Upkeep | Worker::Inspector | Worker::Feeds => None,
        }
    }
}

/// Beyond this a worker that should run is late, and pages do not leave.
pub const LATE_SECS: i64 = 60;

/// How long a worker may say nothing before it counts as stopped. Each looks around every 15 s at least: escalation only asks
/// the store, so two of its rounds are enough; those that send may wait for a provider.
fn silence_secs(worker: Worker) -> Option<i64> {
    match worker {
        Worker::Escalation => Some(30),
        Worker::Deliveries | Worker::Retry => Some(90),
        Worker::Receipts | Worker::Upkeep | Worker::Inspector | Worker::Feeds => None,
    }
}

/// Panics of a worker within a minute of which admins hear.
const PANICS: usize = 3;

/// For how long it is taken as known that a restore holds nothing.
const HELD_KNOWN_SECS: i64 = 60;

/// A certificate that ends within so many days is worth a word on every page.
const CERTIFICATE_DAYS: i64 = 14;

const CERTIFICATE_ENDED: &str =
    "The TLS certificate has ended: browsers and senders refuse to connect. Replace TLS_CERT_FILE.";

/// Admins hear of it when so many days are left, and when it has ended.
const CERTIFICATE_MARKS: [i64; 5] = [30, 14, 7, 1, -1];

#[derive(Default)]
pub struct Board {
    state: Mutex<State>,
    /// Held by whoever takes a backup.
    backing_up: Mutex<()>,
}

#[derive(Default)]
struct State {
    started_at: Option<Timestamp>,
    workers: BTreeMap<Worker, Report>,
    channels: BTreeMap<Channel, ChannelState>,
    inspection: Option<Inspection>,
    /// What came of looking at every record and every index, last.
    verified: Option<Inspection>,
    /// What is wrong with the configuration and does not stop the process; no secret in it.
    configuration_warnings: Vec<String>,
    configuration: Vec<SettingShown>,
    /// Why the configuration that was read last is not in effect.
    not_taken_over: Option<String>,
    backups: Condition,
    /// The ballast was given up, or would be if there was one.
    is_disk_full: bool,
    /// Of our own TLS, if that is on.
    certificate_ends_at: Option<Timestamp>,
    /// How many days it had when admins heard of that last.
    certificate_told: Option<i64>,
    /// When nothing was found that a restore holds.
    none_held_at: Option<Timestamp>,
}

/// A setting in effect, for the settings page.
#[derive(Clone, Debug)]
pub struct SettingShown {
    pub name: &'static str,
    /// A secret reads `set, 32 bytes`.
    pub value: String,
    /// `environment`, `.env:3`, `default`.
    pub origin: String,
    pub meaning: &'static str,
}

/// A worker's last round.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub last_run: Option<Timestamp>,
    pub last_error: Option<(Timestamp, String)>,
    /// How late its oldest piece of work was.
    pub lag_secs: i64,
    pub panics: u32,
    /// The last few.
    panicked_at: VecDeque<Timestamp>,
    /// When admins heard of its trouble.
    told_at: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelState {
    pub provider: Option<&'static str>,
    /// Names of the settings that are missing before it can work.
    pub missing: Vec<String>,
    pub last_accepted: Option<Timestamp>,
    /// Since the last accepted one.
    pub failures: u32,
    pub last_failure: Option<(Timestamp, String)>,
}

#[derive(Clone, Debug)]
pub struct Inspection {
    pub at: Timestamp,
    pub problems: Vec<String>,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn started(&self, now: Timestamp, configuration_warnings: Vec<String>, configuration: Vec<SettingShown>) {
        self.state().started_at = Some(now);
        self.configured(configuration_warnings, configuration);
    }

    /// Normal service begins later than the process: no worker has been silent before.
    pub fn began(&self, now: Timestamp) {
        self.state().started_at = Some(now);
    }

    /// Another configuration is in effect.
    pub fn configured(&self, configuration_warnings: Vec<String>, configuration: Vec<SettingShown>) {
        let mut state = self.state();
        state.configuration = configuration;
        state.configuration_warnings = configuration_warnings;
        state.not_taken_over = None;
    }

    /// The configuration was read again and the one from before stays, for this reason.
    pub fn configuration_kept(&self, reason: String) {
        self.state().not_taken_over = Some(reason);
    }

    /// A worker that was off has not been silent all the while.
    pub fn switched(&self, now: Timestamp, before: Switches, after: Switches) {
        let turned_on = [
            (Worker::Escalation, after.escalation && !before.escalation),
            (Worker::Retry, after.retry && !before.retry),
        ];
        for (worker, _) in turned_on.into_iter().filter(|(_, turned_on)| *turned_on) {
            self.ran(worker, now, 0, None);
        }
    }

    /// A round is over. `lag_secs` is how late its oldest piece of work was.
    pub fn ran(&self, worker: Worker, now: Timestamp, lag_secs: i64, error: Option<String>) {
        let mut state = self.state();
        let report = state.workers.entry(worker).or_default();
        report.last_run = Some(now);
        report.lag_secs = lag_secs;
        if let Some(error) = error {
            report.last_error = Some((now, error));
        }
    }

    /// True: so many within a minute that somebody has to look.
    pub fn panicked(&self, worker: Worker, now: Timestamp, text: String) -> bool {
        let mut state = self.state();
        let report = state.workers.entry(worker).or_default();
        report.panics += 1;
        report.last_error = Some((now, text));
        report.panicked_at.push_back(now);
        if report.panicked_at.len() > PANICS {
            report.panicked_at.pop_front();
        }
        report.panicked_at.len() == PANICS && report.panicked_at.iter().all(|at| now.secs_since(*at) <= 60)
    }

    /// Whether admins are to hear of a worker's trouble now, which they do once an hour.
    pub fn may_tell(&self, worker: Worker, now: Timestamp) -> bool {
        let mut state = self.state();
        let told_at = &mut state.workers.entry(worker).or_default().told_at;
        let may = told_at.is_none_or(|at| now.is_past(at, 3600));
        if may {
            *told_at = Some(now);
        }
        may
    }

    /// Failures from before say nothing about other settings. When something was last accepted stays true.
    pub fn channel_configured(&self, channel: Channel, provider: Option<&'static str>, missing: Vec<String>) {
        let mut state = self.state();
        let last_accepted = state.channels.get(&channel).and_then(|before| before.last_accepted);
        let fresh = ChannelState { provider, missing, last_accepted, failures: 0, last_failure: None };
        state.channels.insert(channel, fresh);
    }

    /// What became of a send; the text is the provider's.
    pub fn channel_answered(&self, channel: Channel, now: Timestamp, failure: Option<&str>) {
        if let Some(state) = self.state().channels.get_mut(&channel) {
            match failure {
                None => {
                    state.last_accepted = Some(now);
                    state.failures = 0;
                }
                Some(text) => {
                    state.failures += 1;
                    state.last_failure = Some((now, text.to_owned()));
                }
            }
        }
    }

    pub fn inspected(&self, inspection: Inspection) {
        self.state().inspection = Some(inspection);
    }

    pub fn has_verified(&self, verified: Inspection) {
        self.state().verified = Some(verified);
    }

    pub fn verified(&self) -> Option<Inspection> {
        self.state().verified.clone()
    }

    pub fn disk_full(&self, is_full: bool) {
        self.state().is_disk_full = is_full;
    }

    pub fn is_disk_full(&self) -> bool {
        self.state().is_disk_full
    }

    pub fn certificate_ends(&self, at: Timestamp) {
        self.state().certificate_ends_at = Some(at);
    }

    pub fn certificate_ends_at(&self) -> Option<Timestamp> {
        self.state().certificate_ends_at
    }

    /// Whole days; negative once it has ended.
    pub fn certificate_days(&self, now: Timestamp) -> Option<i64> {
        self.certificate_ends_at().map(|at| at.secs_since(now).div_euclid(86_400))
    }

    /// What admins are to hear of our certificate now, and of how many days that is; [`Board::certificate_told`] once they have.
    /// Each time once, or once more after a restart on that very day.
    pub fn certificate_news(&self, now: Timestamp) -> Option<(i64, String)> {
        let days = self.certificate_days(now)?.max(-1);
        let is_news = CERTIFICATE_MARKS.contains(&days) && self.state().certificate_told != Some(days);
        is_news.then(|| match days {
            -1 => (days, CERTIFICATE_ENDED.to_owned()),
            1 => (days, "The TLS certificate ends in a day. Renew it.".to_owned()),
            _ => (days, format!("The TLS certificate ends in {days} days. Renew it.")),
        })
    }

    pub fn certificate_told(&self, days: i64) {
        self.state().certificate_told = Some(days);
    }

    pub fn channels(&self) -> BTreeMap<Channel, ChannelState> {
        self.state().channels.clone()
    }

    /// Why the configuration that was read last is not in effect, and what is wrong with the one that is.
    pub fn about_configuration(&self) -> (Option<String>, Vec<String>) {
        let state = self.state();
        (state.not_taken_over.clone(), state.configuration_warnings.clone())
    }

    pub fn configuration(&self) -> Vec<SettingShown> {
        self.state().configuration.clone()
    }

    pub fn backups(&self) -> Condition {
        self.state().backups.clone()
    }

    /// One backup at a time.
    pub fn backup_turn(&self) -> MutexGuard<'_, ()> {
        self.backing_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn backups_change(&self, change: impl FnOnce(&mut Condition)) {
        change(&mut self.state().backups);
    }

    pub fn inspection(&self) -> Option<Inspection> {
        self.state().inspection.clone()
    }

    pub fn started_at(&self) -> Option<Timestamp> {
        self.state().started_at
    }

    fn report(&self, worker: Worker) -> Report {
        self.state().workers.get(&worker).cloned().unwrap_or_default()
    }
}

/// One line of the workers' table.
#[derive(Clone, Debug)]
pub struct Job {
    pub worker: Worker,
    /// False: the setting that stops it is `worker.setting()`.
    pub enabled: bool,
    pub last_run: Option<Timestamp>,
    pub lag_secs: i64,
    /// How long ago its last round was; nothing before the first.
    pub silent_secs: i64,
    pub next_due: Option<Timestamp>,
    /// Pieces of work that wait, due or not, counted up to [`super::MANY`].
    pub queue_depth: usize,
    pub last_error: Option<(Timestamp, String)>,
    pub panics: u32,
}

impl Job {
    /// Late enough that pages may not leave. Calendars that wait for somebody else's server hold up nothing.
    fn holds_up_pages(&self) -> bool {
        self.enabled && self.lag_secs > LATE_SECS && self.worker != Worker::Feeds
    }

    /// It is switched on and does not come round: nothing it is for happens, even if nothing is due yet.
    pub fn has_stopped(&self) -> bool {
        self.enabled && silence_secs(self.worker).is_some_and(|most| self.silent_secs > most)
    }
}

pub fn jobs(app: &App) -> Result<Vec<Job>, AppError> {
    let now = app.now();
    app.read(|read| {
        let job = |worker: Worker| -> Result<Job, AppError> {
            let (next_due, queue_depth) = match worker {
                Worker::Escalation => (
                    timers::timer_next_due(read, Ring::Escalation)?,
                    timers::timers_count(read, Ring::Escalation, super::MANY)?,
                ),
                Worker::Upkeep => (
                    timers::timer_next_due(read, Ring::Upkeep)?,
                    timers::timers_count(read, Ring::Upkeep, super::MANY)?,
                ),
                Worker::Deliveries => delivery_queue(read, DeliveryRing::First)?,
                Worker::Retry => delivery_queue(read, DeliveryRing::Retry)?,
                Worker::Receipts => delivery_queue(read, DeliveryRing::Receipt)?,
                Worker::Inspector => (None, 0),
                // In safe mode nothing is fetched, so nothing is late.
                Worker::Feeds if !app.switches().sending => (None, 0),
                Worker::Feeds => (imports::import_next_due(read)?, imports::imports_count(read, super::MANY)?),
            };
            let report = app.board.report(worker);
            // Work that is overdue counts as lag even if the worker never comes round to say so.
            let overdue = next_due.map_or(0, |due| now.secs_since(due)).max(0);
            Ok(Job {
                worker,
                enabled: is_enabled(app, worker),
                last_run: report.last_run,
                lag_secs: report.lag_secs.max(overdue),
                silent_secs: report.last_run.map_or(0, |at| now.secs_since(at)).max(0),
                next_due,
                queue_depth,
                last_error: report.last_error,
                panics: report.panics,
            })
        };
        Worker::ALL.into_iter().map(job).collect()
    })
}

/// A worker that has been silent for too long, as the strips have it; memory alone is asked. One that has never come round
/// counts from the start of the process.
pub fn stalled(app: &App) -> Option<Worker> {
    let (now, started) = (app.now(), app.board.started_at()?);
    if app.emergency.waits_for().is_some() {
        // Nobody else runs yet; who calls people from the last roster reports each second.
        let last = app.board.report(Worker::Inspector).last_run.unwrap_or(started);
        return (now.secs_since(last) > LATE_SECS / 2).then_some(Worker::Inspector);
    }
    let is_silent = |worker: &Worker| {
        let last = app.board.report(*worker).last_run.unwrap_or(started);
        is_enabled(app, *worker) && silence_secs(*worker).is_some_and(|most| now.secs_since(last) > most)
    };
    Worker::ALL.into_iter().find(is_silent)
}

fn delivery_queue(read: &super::Read<'_>, ring: DeliveryRing) -> Result<(Option<Timestamp>, usize), AppError> {
    Ok((deliveries::delivery_next_due(read, ring)?, deliveries::deliveries_count(read, ring, super::MANY)?))
}

fn is_enabled(app: &App, worker: Worker) -> bool {
    match worker {
        Worker::Escalation => app.switches().escalation,
        Worker::Retry => app.switches().retry,
        Worker::Deliveries | Worker::Receipts | Worker::Upkeep | Worker::Inspector | Worker::Feeds => true,
    }
}

/// Red means: a page may not arrive. Amber: something to know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Alarm {
    Red,
    Amber,
}

/// The strips at the top of every page, the worst first.
pub fn strips(app: &App) -> Vec<(Alarm, String)> {
    let mut strips = Vec::new();
    let switches = app.switches();
    let mut red = |text: String| strips.push((Alarm::Red, text));
    if app.cannot_save() {
        red("PagerPal cannot save. Senders are told to try again, people on call are told from memory.".to_owned());
    }
    if app.board.is_disk_full() {
        red("The disk is full, and PagerPal lives on its last room. Make room, or soon nothing can be saved."
            .to_owned());
    }
    if !switches.escalation {
        red("Escalation is off (ESCALATION_WORKER_ENABLED=false). Incidents stay at their level.".to_owned());
    }
    match jobs(app) {
        Ok(jobs) => {
            for job in jobs.iter().filter(|job| job.has_stopped() && !job.holds_up_pages()) {
                let secs = job.silent_secs;
                red(match job.worker {
                    Worker::Escalation => format!("Escalation has not run for {secs} s. Nobody is being called."),
                    _ => format!("The worker {} has not run for {secs} s.", job.worker.word()),
                });
            }
            for job in jobs.iter().filter(|job| job.holds_up_pages()) {
                let minutes = job.lag_secs / 60;
                red(match job.worker {
                    Worker::Escalation => format!("Escalation is {minutes} min late. Nobody is being called."),
                    _ => format!("The worker {} is {minutes} min late.", job.worker.word()),
                });
            }
        }
        Err(error) => red(format!("The state of the workers cannot be read: {error}")),
    }
    let channels = app.board.channels();
    for (channel, state) in channels.iter().filter(|(_, state)| state.failures >= 5) {
        let text = state.last_failure.as_ref().map_or("", |(_, text)| text);
        red(format!("{}: the last {} messages failed ({text}).", channel.title(), state.failures));
    }
    if switches.sending && channels.values().all(|state| state.provider.is_none()) {
        red("No channel is configured, so nobody can be paged. Set INFOBIP_* or SMTP_*.".to_owned());
    }
    let certificate_days = app.board.certificate_days(app.now());
    if certificate_days.is_some_and(|days| days < 0) {
        red(CERTIFICATE_ENDED.to_owned());
    }
    let mut amber = |text: String| strips.push((Alarm::Amber, text));
    if let Some(days) = certificate_days.filter(|days| (0..=CERTIFICATE_DAYS).contains(days)) {
        amber(format!(
            "The TLS certificate ends in {days} days. Replace TLS_CERT_FILE and TLS_KEY_FILE; no restart is needed."
        ));
    }
    if !switches.sending {
        let text = "Safe mode: nobody is contacted, pages are only recorded (NOTIFICATION_SENDING_ENABLED=false).";
        amber(text.to_owned());
    }
    if !switches.retry {
        let text = "Retries are off (NOTIFICATION_RETRY_WORKER_ENABLED=false). A failed page stays failed.";
        amber(text.to_owned());
    }
    if app.settings.base_url.is_none() {
        amber("PAGERPAL_BASE_URL is not set. Messages carry no link.".to_owned());
    }
    let (not_taken_over, warnings) = app.board.about_configuration();
    not_taken_over.into_iter().chain(warnings).for_each(&mut amber);
    // What is held pages nobody for a while, which somebody has to know who wonders why.
    if let Ok(Some((count, until))) = held(app) {
        amber(format!(
            "The database was restored: {count} incidents are held until {until}. An admin can resume them under Settings."
        ));
    }
    for warning in app.board.backups().warnings() {
        amber(warning);
    }
    if let Some(inspection) = app.board.inspection()
        && !inspection.problems.is_empty()
    {
        amber(format!("The inspector found {} problems; see Settings.", inspection.problems.len()));
    }
    strips
}

/// What a restore holds. To find none takes a walk over all that is triggered, and none is soon to come: a restore is done while
/// nobody has the database. So no page has to look for it again for a minute.
fn held(app: &App) -> Result<Option<(usize, Timestamp)>, AppError> {
    let now = app.now();
    let known = app.board.state().none_held_at;
    if known.is_some_and(|at| !now.is_past(at, HELD_KNOWN_SECS)) {
        return Ok(None);
    }
    let held = app.read(|read| held_after_restore(read))?;
    app.board.state().none_held_at = held.is_none().then_some(now);
    Ok(held)
}

/// Why a page could not be sent now; empty is well. What the operator switched off on purpose is not a reason.
pub fn health_problems(app: &App) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(problem) = app.emergency.waits_for() {
        problems.push(format!("normal service has not begun: {problem}"));
        return problems;
    }
    let status = app.store_status();
    if status.is_failing() {
        problems.push(format!("the store cannot save: {}", status.last_error.unwrap_or_default()));
    }
    match jobs(app) {
        Ok(jobs) => {
            for job in jobs.iter().filter(|job| job.holds_up_pages()) {
                problems.push(format!("the worker {} is {} s late", job.worker.word(), job.lag_secs));
            }
            for job in jobs.iter().filter(|job| job.has_stopped()) {
                problems.push(format!("the worker {} has not run for {} s", job.worker.word(), job.silent_secs));
            }
        }
        Err(error) => problems.push(format!("the store cannot be read: {error}")),
    }
    if let Some(inspection) = app.board.inspection() {
        problems.extend(inspection.problems);
    }
    if app.switches().sending {
        let channels = app.board.channels();
        if channels.values().all(|state| state.provider.is_none() || state.failures >= 5) {
            problems.push("no configured channel is up".to_owned());
        }
    }
    match app.read(nobody_to_page) {
        Ok(true) => problems.push("an incident is open and nobody can be paged".to_owned()),
        Ok(false) => {}
        Err(error) => problems.push(error.to_string()),
    }
    problems
}

/// Somebody needs help and there is no last resort at all.
fn nobody_to_page(read: &super::Read<'_>) -> Result<bool, AppError> {
    let open = incidents::incidents_count(read, Status::Triggered, 1)?;
    if open == 0 {
        return Ok(false);
    }
    let now = read.now();
    let admins = users::users_active_admins(read, super::MANY)?;
    if admins.iter().any(|user| user.is_pageable_at(now)) {
        return Ok(false);
    }
    let triggered = incidents::incidents_with_status(read, Status::Triggered, Take::first(super::MANY))?.items;
    Ok(triggered.iter().any(|incident| incident.ladder.paged.is_empty()))
}

/// Channels that worked for nobody, as admins were told within a day, unless something was accepted since. Unlike the board this
/// outlives a restart.
pub fn troubles(app: &App) -> Result<Vec<ChannelTrouble>, AppError> {
    let (now, channels) = (app.now(), app.board.channels());
    let mut found = app.read(|read| {
        let trouble = |channel: Channel| read.get::<ChannelTrouble>(channel.word());
        Ok(Channel::ALL.into_iter().filter_map(|channel| trouble(channel).ok().flatten()).collect::<Vec<_>>())
    })?;
    let works = |trouble: &ChannelTrouble| {
        let accepted = channels.get(&trouble.channel).and_then(|state| state.last_accepted);
        accepted.is_some_and(|at| at > trouble.told_at)
    };
    found.retain(|trouble| now.secs_since(trouble.told_at) < TROUBLE_SHOWN_SECS && !works(trouble));
    Ok(found)
}

const TROUBLE_SHOWN_SECS: i64 = 86_400;

/// Sentences about records that could not be read since the start.
pub fn damaged_records(app: &App) -> Vec<String> {
    app.store_status().damaged.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_panics_within_a_minute_are_told_once_an_hour() {
        let board = Board::default();
        let at = |secs: i64| Timestamp::from_second(secs);
        let panics = |secs: i64| board.panicked(Worker::Retry, at(secs), "it stumbles".to_owned());
        assert_eq!([0, 50, 100, 110, 111].map(panics), [false, false, false, true, true]);
        assert!(!board.panicked(Worker::Feeds, at(112), "another".to_owned()), "each has its own count");
        let told = [111, 112, 3710, 3711].map(|secs| board.may_tell(Worker::Retry, at(secs)));
        assert_eq!(told, [true, false, false, true]);
    }

    #[test]
    fn admins_hear_of_the_certificate_on_four_days_and_when_it_has_ended() {
        let board = Board::default();
        const DAY: i64 = 86_400;
        assert_eq!(board.certificate_news(Timestamp::from_second(0)), None, "there is none");
        board.certificate_ends(Timestamp::from_second(31 * DAY));
        let heard = (0..=64).filter_map(|half| {
            let at = Timestamp::from_second(half * DAY / 2 + 1);
            let (days, words) = board.certificate_news(at)?;
            assert_eq!(board.certificate_news(at), Some((days, words.clone())), "until they have heard it");
            board.certificate_told(days);
            Some(format!("{half} {}", &words[..words.len().min(34)]))
        });
        let heard: Vec<String> = heard.collect();
        assert_eq!(
            heard,
            [
                "0 The TLS certificate ends in 30 day",
                "32 The TLS certificate ends in 14 day",
                "46 The TLS certificate ends in 7 days",
                "58 The TLS certificate ends in a day.",
                "62 The TLS certificate has ended: bro",
            ]
        );
    }
}
