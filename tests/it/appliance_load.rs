//! A backup while alerts come in as fast as the machine takes them: what was confirmed before it began is in it, it is sound
//! to the last index row, and the same people are on call.

use crate::live::Site;
use harness::infobip::FakeInfobip;
use harness::process::Launch;
use harness::programs::release_binary;
use pagerpal::app::{alert_sources, incidents, oncall, schedules, teams};
use pagerpal::clock::{Clock, SystemClock};
use pagerpal::domain::actor::Actor;
use pagerpal::domain::incident::Status;
use pagerpal::domain::layer::Draft;
use pagerpal::domain::rotation::{Cadence, Civil};
use pagerpal::random::SystemRandom;
use pagerpal::store::Store;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// So many that none of them opens more in a minute than a storm begins with.
const SOURCES: usize = 200;
const SENDERS: usize = 8;
/// Alerts confirmed before the backup begins.
const BEFORE: usize = 150;
/// And while it is taken.
const MEANWHILE: usize = 5;

/// External id to incident, and whether somebody took it, as far as the client has read the answers.
type Confirmed = Arc<Mutex<BTreeMap<String, (String, bool)>>>;

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_full_load_holds_all_that_was_confirmed_before_it() {
    let infobip = FakeInfobip::start("k3y").await;
    let mut site = Site::new();
    let ada = site.ada();
    let team = site.team("Everyone");
    let people: Vec<_> = (0..4).map(|n| site.responder(&format!("Person {n}"), &format!("+4917000000{n}"))).collect();
    let policy = site.policy("Policy", &[people[0], ada]);
    site.write(move |tx| {
        for number in 0..SOURCES {
            let basics = alert_sources::Basics::named(&format!("Source {number}"), "generic", team, policy);
            alert_sources::create(tx, &Actor::SYSTEM, &basics, &key(number))?;
        }
        Ok(())
    });
    let slots: Vec<_> = people.iter().map(|person| vec![*person]).collect();
    site.write(move |tx| {
        let basics =
            schedules::Basics { name: "Days".to_owned(), team, zone: "Europe/Berlin".to_owned(), fallback: None };
        let schedule = schedules::create(tx, &Actor::SYSTEM, &basics)?;
        let draft = Draft {
            name: "Daily".to_owned(),
            zone: "Europe/Berlin".to_owned(),
            from: None,
            anchor: Civil::of("2026-01-05T09:00".parse().expect("a time")),
            cadence: Cadence::Days(1),
            slots: slots.clone(),
            windows: vec![],
        };
        schedules::add_layer(tx, &Actor::SYSTEM, schedule, &draft)?;
        teams::add_member(tx, &Actor::SYSTEM, team, ada)
    });
    site.sms_by(&infobip);
    let mut process = site.start().await;

    let confirmed: Confirmed = Arc::default();
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut senders = Vec::new();
    for _ in 0..SENDERS {
        senders.push(tokio::spawn(pump(site.url(""), Arc::clone(&stop), Arc::clone(&sent), Arc::clone(&confirmed))));
    }
    let taking = tokio::spawn(take_some(site.url(""), Arc::clone(&confirmed)));
    while confirmed.lock().expect("no panic").len() < BEFORE {
        assert!(process.ended().is_none(), "{}", process.output());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let taken = taking.await.expect("no panic");

    // A copy is quick, so it is taken again until enough came in while one was: each time over the one before.
    let copy = site.data_dir().join("under-load.backup");
    let said = tempfile::tempdir().expect("a folder");
    let (mut before, mut meanwhile, mut copies) = (BTreeMap::new(), 0, 0);
    while meanwhile < MEANWHILE {
        copies += 1;
        assert!(copies <= 100, "hardly anything came in while {copies} backups were taken: that was no load");
        before = confirmed.lock().expect("no panic").clone();
        let backup = Launch::new(release_binary("pagerpal"), said.path()).clean_env().envs(site.settings());
        let status = backup.arg("backup").arg(&copy).start().to_end(Duration::from_secs(120)).await;
        assert!(status.success(), "{status}");
        meanwhile = confirmed.lock().expect("no panic").len() - before.len();
    }
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.expect("no panic");
    }
    process.terminate(Duration::from_secs(20)).await;
    assert!(taken >= 5, "{taken} incidents were taken");

    // Elsewhere, by the command itself.
    let elsewhere = harness::process::folder("elsewhere");
    for words in [&["restore", copy.to_str().expect("a plain path")][..], &["verify"]] {
        let command = Launch::new(release_binary("pagerpal"), said.path()).clean_env();
        let command = command.env("DATA_DIR", elsewhere.path()).args(words).start();
        let status = command.to_end(Duration::from_secs(120)).await;
        let log = std::fs::read_to_string(said.path().join("pagerpal.log")).unwrap_or_default();
        assert!(status.success(), "{words:?}: {status}\n{log}");
    }
    let random = Arc::new(SystemRandom);
    let path = elsewhere.path().join("pagerpal.redb");
    let restored = Store::open(&path, Arc::new(SystemClock::new()), random).expect("it opens");
    for (external_id, (id, is_taken)) in &before {
        let incident =
            restored.read(|read| incidents::find(read, id)).unwrap_or_else(|why| panic!("{external_id}: {why}"));
        assert_eq!(&incident.external_id, external_id);
        let expected = if *is_taken { Status::Acknowledged } else { Status::Triggered };
        assert_eq!(incident.status, expected, "{external_id}");
    }
    let (was, now) = (site.open(), SystemClock::new().now());
    let mut changes = 0;
    let mut last = String::new();
    for hours in (0..90 * 24).step_by(6) {
        let at = now.plus_secs(hours * 3600);
        let one = format!("{:?}", was.read(|read| oncall::everywhere(read, at)).expect("an answer"));
        let other = format!("{:?}", restored.read(|read| oncall::everywhere(read, at)).expect("an answer"));
        assert_eq!(one, other, "after {hours} h");
        changes += usize::from(one != last);
        last = one;
    }
    assert!(changes > 80, "people took turns: {changes}");
    println!(
        "{} incidents and {taken} acknowledgements before backup {copies}, {meanwhile} more while it was taken",
        before.len()
    );
}

fn key(source: usize) -> String {
    format!("{source:032x}")
}

async fn pump(base: String, stop: Arc<AtomicBool>, sent: Arc<AtomicUsize>, confirmed: Confirmed) {
    while !stop.load(Ordering::Relaxed) {
        let number = sent.fetch_add(1, Ordering::Relaxed);
        let external_id = format!("alert-{number}");
        let body = json!({"external_id": external_id, "title": "Something broke", "severity": "error"});
        let call = harness::http::post(format!("{base}/api/v1/webhooks/generic"));
        let call = call.header("x-api-key", key(number % SOURCES));
        if let Ok(answer) = call.json(&body).send().await
            && answer.status == 200
        {
            let body: Value = answer.json();
            if let Some(id) = body["events"][0]["incident_id"].as_str() {
                confirmed.lock().expect("no panic").insert(external_id, (id.to_owned(), false));
            }
        }
    }
}

/// Answers how many somebody took, and that was confirmed.
async fn take_some(base: String, confirmed: Confirmed) -> usize {
    let mut taken = 0;
    while taken < 8 {
        let next = {
            let known = confirmed.lock().expect("no panic");
            known.iter().find(|(_, (_, is_taken))| !is_taken).map(|(name, (id, _))| (name.clone(), id.clone()))
        };
        let Some((name, id)) = next else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let call = harness::http::post(format!("{base}/api/v1/incidents/{id}/acknowledge"));
        let call = call.basic(crate::live::EMAIL, crate::live::PASSWORD).json(&json!({}));
        let answer = call.send().await.expect("the server is there");
        assert_eq!(answer.status, 200, "{}", answer.text());
        confirmed.lock().expect("no panic").entry(name).and_modify(|(_, is_taken)| *is_taken = true);
        taken += 1;
    }
    taken
}
