//! The real binary, killed with SIGKILL again and again, each time in one of five phases: while it starts, takes alerts in,
//! claims a page, sends it, records what became of it.
//!
//! What was answered with a 2xx is there afterwards, once; every page that was due left, at both levels, and the second not
//! early; a message is sent again only after a kill or an ambiguous answer, and under its own id; an acknowledgement holds and no
//! page starts after it. And because a harness that does nothing looks green, each life must answer `/health`, confirm
//! something and send something before it is killed, and kills must hit every phase.
//!
//! `KILLS=5000` makes more of them, [`PER_ROUND`] in each installation; `SEED` deals other moments. Whether it would find anything
//! is asked of a child that ends at once, and of one with a planted fault.

mod judge;

use crate::live::{EMAIL, PASSWORD, START, Site};
use harness::http;
use harness::infobip::{Channel, FakeInfobip, Fault, Memory};
use harness::process::{Launch, Process};
use harness::programs::release_binary;
use judge::{Kill, Known, Send, Tally};
use pagerpal::app::users::{self, NewUser};
use pagerpal::app::{alert_sources, policies};
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::Actor;
use pagerpal::domain::contact;
use pagerpal::domain::id::{TeamId, UserId};
use pagerpal::domain::policy::{Level, Recipient};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const KILLS: usize = 150;
const SEED: u64 = 20_261_124;
/// After so many an installation is judged, and another begins: no number comes near what a provider's filter allows.
const PER_ROUND: usize = 500;
/// Alerts of one life at most; each has two people of its own.
const ALERTS: usize = 5;
/// For what takes milliseconds, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// The delay of the first level.
const LEVEL: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn kills_in_every_phase_lose_nothing_that_was_confirmed() {
    let total = number("KILLS").unwrap_or(KILLS as u64) as usize;
    let (mut left, mut seed, mut tally) = (total, number("SEED").unwrap_or(SEED), Tally::default());
    while left > 0 {
        let (binary, kills, phases) = (release_binary("pagerpal"), left.min(PER_ROUND), PHASES.to_vec());
        let hunt = Hunt { binary, kills, seed, phases, planted: None };
        tally += hunt.run().await.unwrap_or_else(|why| panic!("SEED={seed}: {why}"));
        left -= hunt.kills;
        seed += 1;
        println!("{} of {} kills: {tally:?}", total - left, total);
    }
    tally.hit_every_phase(total).unwrap_or_else(|why| panic!("{why}: {tally:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_ends_at_once_is_found() {
    let hunt =
        Hunt { binary: PathBuf::from("/bin/true"), kills: 5, seed: SEED, phases: PHASES.to_vec(), planted: None };
    let why = hunt.run().await.expect_err("it never served");
    assert!(why.contains("instead of serving"), "{why}");
}

/// Asked wherever the workspace is tested as a whole: then planted faults are compiled in.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "faults"), ignore = "needs --features faults, as the whole workspace has")]
async fn a_server_that_answers_before_it_saves_is_found() {
    let (binary, planted) = (PathBuf::from(env!("CARGO_BIN_EXE_pagerpal")), Some("answer_before_commit"));
    let hunt = Hunt { binary, kills: 30, seed: SEED, phases: vec![Phase::Claim], planted };
    let why = hunt.run().await.expect_err("what was confirmed is lost");
    assert!(why.contains("was confirmed and is not there"), "{why}");
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// A small generator of our own keeps a run repeatable by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn within(&mut self, span: Duration) -> Duration {
        Duration::from_micros(self.below(span.as_micros() as u64))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Phase {
    Start,
    Ingest,
    Claim,
    Send,
    Record,
}

const PHASES: [Phase; 5] = [Phase::Start, Phase::Ingest, Phase::Claim, Phase::Send, Phase::Record];

/// One installation, killed so many times.
struct Hunt {
    binary: PathBuf,
    kills: usize,
    seed: u64,
    /// In turn.
    phases: Vec<Phase>,
    planted: Option<&'static str>,
}

/// What is in play while it runs.
struct Field {
    site: Site,
    infobip: FakeInfobip,
    known: Known,
    /// The next alert that nobody has posted yet.
    next: usize,
    /// The quickest start and the quickest answer so far: within such a time a kill meets what it is meant for, on any machine.
    quickest_start: Duration,
    quickest_answer: Duration,
}

impl Hunt {
    async fn run(&self) -> Result<Tally, String> {
        let infobip = FakeInfobip::start("k3y").await;
        let mut site = Site::new();
        site.ada();
        let team = site.team("Everyone");
        pairs(&mut site, team, (self.kills + 1) * ALERTS);
        site.sms_by(&infobip);
        if let Some(fault) = self.planted {
            site.set("PAGERPAL_PLANTED", fault);
        }
        site.close();
        let (quickest_start, quickest_answer) = (PATIENCE, PATIENCE);
        let mut field = Field { site, infobip, known: Known::default(), next: 0, quickest_start, quickest_answer };
        // Nobody knows yet how long these take here.
        field.start(&self.binary).await?.kill9().await;
        let (mut random, mut tally) = (Random(self.seed), Tally::default());
        for cycle in 0..self.kills {
            let phase = self.phases[cycle % self.phases.len()];
            let lived = field.live_and_die(&self.binary, cycle, phase, &mut random).await;
            let hit = lived.map_err(|why| format!("life {cycle}, {phase:?}: {why}"))?;
            tally.note(phase, hit);
        }
        field.settle(&self.binary, tally).await
    }
}

/// Two people, a policy that calls one after the other, and an alert source for each alert. Many in one transaction, for
/// thousands of synced ones would be the longest part of a run.
fn pairs(site: &mut Site, team: TeamId, count: usize) {
    for from in (0..count).step_by(50) {
        site.write(move |tx| {
            for pair in from..(from + 50).min(count) {
                let mut people = Vec::new();
                for level in 0..2 {
                    let name = format!("{} {pair}", ["First", "Second"][level]);
                    let (zone, role) = ("UTC".to_owned(), Role::Responder);
                    let new = NewUser { name, email: None, role, zone, password_hash: None };
                    let user = users::create(tx, &Actor::SYSTEM, &new)?;
                    let number = format!("+{}", phone(level, pair));
                    users::add_contact(tx, &Actor::SYSTEM, user, contact::Channel::Sms, &number)?;
                    people.push(user);
                }
                let level = |(index, user): (usize, &UserId)| Level {
                    number: index as u8 + 1,
                    delay_minutes: 1,
                    recipients: vec![Recipient::User(*user)],
                };
                let levels: Vec<Level> = people.iter().enumerate().map(level).collect();
                let basics = policies::Basics { repeat: 0, ..policies::Basics::named(&format!("Policy {pair}")) };
                let policy = policies::create(tx, &Actor::SYSTEM, &basics, &levels)?;
                let basics = alert_sources::Basics::named(&format!("Source {pair}"), "generic", team, policy);
                alert_sources::create(tx, &Actor::SYSTEM, &basics, &key(pair))?;
            }
            Ok(())
        });
    }
}

fn key(pair: usize) -> String {
    format!("{pair:032x}")
}

fn phone(level: usize, pair: usize) -> String {
    format!("4917{level}{pair:06}")
}

fn title(alert: usize) -> String {
    format!("Alert {alert:06}")
}

impl Field {
    fn begin(&self, binary: &Path) -> Process {
        Launch::new(binary, self.site.data_dir()).clean_env().envs(self.site.settings()).arg("serve").start()
    }

    async fn start(&mut self, binary: &Path) -> Result<Process, String> {
        let begun = Instant::now();
        let mut process = self.begin(binary);
        process.wait_until_answers(&self.site.url("/health"), START).await?;
        self.quickest_start = self.quickest_start.min(begun.elapsed());
        Ok(process)
    }

    /// One life from its start to its kill. Whether the kill came in the phase that it was meant for.
    async fn live_and_die(
        &mut self,
        binary: &Path,
        cycle: usize,
        phase: Phase,
        random: &mut Random,
    ) -> Result<bool, String> {
        let mut hit = false;
        if phase == Phase::Start {
            let mut early = self.begin(binary);
            let served = |process: &Process| process.output().matches("PagerPal listens on").count();
            let before = served(&early);
            tokio::time::sleep(random.within(self.quickest_start)).await;
            let still_runs = early.ended().is_none();
            self.kill(&mut early).await;
            hit = still_runs && served(&early) == before;
        }
        let (confirmed, sends) = (self.known.confirmed.len(), self.sends());
        let mut process = self.start(binary).await?;
        self.post_in_peace().await?;
        let paged = self.wait("a page in this life", |memory| memory.received.len() > sends).await;
        paged.map_err(|why| format!("{why}\n{}", process.output()))?;

        let sends = self.sends();
        let mut under_way = JoinSet::new();
        match phase {
            Phase::Start => tokio::time::sleep(random.within(Duration::from_millis(300))).await,
            Phase::Ingest => {
                for _ in 1..ALERTS {
                    under_way.spawn(post(self.site.url(""), self.new_alert()));
                }
                tokio::time::sleep(random.within(self.quickest_answer)).await;
            }
            Phase::Claim => {
                let alert = self.new_alert();
                self.known.remember(post(self.site.url(""), alert).await);
                // Confirmed, and nobody has seen its page: what is to come rests on the disk alone.
                hit = self.known.confirmed.contains_key(&alert) && self.is_unseen(&title(alert));
            }
            Phase::Send => {
                self.infobip.fail_next(Channel::Sms, 1, Fault::Hang);
                under_way.spawn(post(self.site.url(""), self.new_alert()));
                self.wait("a page that hangs", |memory| {
                    memory.received[sends..].iter().any(|call| call.fault == Some(Fault::Hang))
                })
                .await?;
                hit = true;
            }
            Phase::Record => {
                // Every other answer is lost on its way as well.
                if cycle.is_multiple_of(2) {
                    self.infobip.fail_next(Channel::Sms, 1, Fault::AcceptThenDrop);
                }
                under_way.spawn(post(self.site.url(""), self.new_alert()));
                self.wait("a page that is taken", |memory| memory.received.len() > sends).await?;
            }
        }
        // Now and then somebody takes an incident, and the kill comes right after the answer.
        if cycle % 6 == 5 {
            self.acknowledge().await;
        }
        self.kill(&mut process).await;
        let mut cut = 0;
        while let Some(done) = under_way.join_next().await {
            let done = done.map_err(|error| error.to_string())?;
            cut += usize::from(!done.is_confirmed());
            self.known.remember(done);
        }
        if self.known.confirmed.len() <= confirmed {
            return Err("this life confirmed nothing".to_owned());
        }
        Ok(match phase {
            Phase::Ingest => cut > 0,
            // Who was taken at the provider and not here is sent again; the judge counts that.
            Phase::Record => false,
            _ => hit,
        })
    }

    async fn kill(&mut self, process: &mut Process) {
        let begun = Instant::now();
        process.kill9().await;
        self.known.kills.push(Kill { from: begun, to: Instant::now() });
    }

    fn new_alert(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    /// What got no answer is sent again, as senders are told to, and something new, for what is sent again may have been saved and
    /// paged before; nothing disturbs it.
    async fn post_in_peace(&mut self) -> Result<(), String> {
        let mut alerts = std::mem::take(&mut self.known.unanswered);
        alerts.push(self.new_alert());
        for alert in alerts {
            let posted = post(self.site.url(""), alert).await;
            if !posted.is_confirmed() {
                return Err(format!("{} was refused by a server that nothing disturbs: {posted:?}", title(alert)));
            }
            self.quickest_answer = self.quickest_answer.min(posted.to - posted.from);
            self.known.remember(posted);
        }
        Ok(())
    }

    async fn acknowledge(&mut self) {
        let Some((alert, incident)) = self.known.untaken() else { return };
        let call = http::post(self.site.url(&format!("/api/v1/incidents/{incident}/acknowledge")));
        if let Ok(answer) = call.basic(EMAIL, PASSWORD).json(&json!({})).send().await
            && answer.status == 200
        {
            self.known.taken.insert(alert, Instant::now());
        }
    }

    fn sends(&self) -> usize {
        self.infobip.look(|memory| memory.received.len())
    }

    fn is_unseen(&self, title: &str) -> bool {
        self.infobip.look(|memory| !memory.received.iter().any(|call| call.body.to_string().contains(title)))
    }

    async fn wait(&self, what: &str, probe: impl Fn(&Memory) -> bool) -> Result<(), String> {
        let begun = Instant::now();
        while !self.infobip.look(&probe) {
            if begun.elapsed() > PATIENCE {
                return Err(format!("waited in vain for {what}"));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// One last life, undisturbed: what was confirmed is there, and everybody who is due hears of it.
    async fn settle(mut self, binary: &Path, tally: Tally) -> Result<Tally, String> {
        let mut process = self.start(binary).await?;
        self.post_in_peace().await?;
        let deadline = Instant::now() + LEVEL + PATIENCE;
        let incidents = loop {
            let sends = self.infobip.look(|memory| memory.received.iter().flat_map(Send::of).collect::<Vec<_>>());
            let incidents = self.incidents().await;
            self.known.everything_is_there(&incidents)?;
            match self.known.everybody_heard(&incidents, &sends) {
                Ok(()) => break incidents,
                Err(why) if Instant::now() > deadline => return Err(why),
                Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        };
        let sends: Vec<Send> = self.infobip.look(|memory| memory.received.iter().flat_map(Send::of).collect());
        let handsets = self.infobip.handsets();
        let status = process.terminate(PATIENCE).await;
        if !status.success() {
            return Err(format!("it ended with {status}"));
        }
        let verified = self.site.verify();
        if !verified.is_well() {
            return Err(format!("the store does not verify: {:?}", verified.problems));
        }
        self.known.judge(tally, &incidents, &sends, &handsets)
    }

    /// Every incident by its external id; one that is there twice is an error of its own.
    async fn incidents(&self) -> BTreeMap<String, Vec<Value>> {
        let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut path = "/api/v1/incidents?limit=200".to_owned();
        loop {
            let page = self.site.ask(&path).await;
            for incident in page["data"].as_array().into_iter().flatten() {
                let id = incident["external_id"].as_str().unwrap_or_default();
                found.entry(id.to_owned()).or_default().push(incident.clone());
            }
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/api/v1/incidents?limit=200&cursor={cursor}"),
                None => return found,
            }
        }
    }
}

/// What a sender knows of its alert.
#[derive(Debug)]
struct Posted {
    alert: usize,
    from: Instant,
    to: Instant,
    /// The incident's id, or what was answered instead.
    answer: Result<String, String>,
}

impl Posted {
    fn is_confirmed(&self) -> bool {
        self.answer.is_ok()
    }
}

async fn post(base: String, alert: usize) -> Posted {
    let body = json!({"external_id": title(alert), "title": title(alert), "severity": "error"});
    let call = http::post(format!("{base}/api/v1/webhooks/generic")).header("x-api-key", key(alert)).json(&body);
    let from = Instant::now();
    let answer = match call.send().await {
        Ok(answer) if answer.status == 200 => {
            let told: Value = answer.json();
            told["events"][0]["incident_id"].as_str().map(str::to_owned).ok_or_else(|| told.to_string())
        }
        Ok(answer) => Err(format!("{} {}", answer.status, answer.text())),
        Err(error) => Err(error.to_string()),
    };
    Posted { alert, from, to: Instant::now(), answer }
}
