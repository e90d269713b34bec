//! The real binary while a part of it is in trouble: a record that is damaged, messages over which it stumbles, a provider that
//! answers nobody, a disk that has become read-only. Whoever else is to be called is called, and admins hear of it.

use crate::emergency::{SmallDisk, wait_for_health};
use crate::live::{START, Site};
use harness::infobip::{Channel, FakeInfobip, Fault};
use harness::process::{Launch, Process, folder};
use harness::receiver::Receiver;
use harness::smtp::MailServer;
use pagerpal::app::users::{self, NewUser};
use pagerpal::app::{policies, teams};
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::Actor;
use pagerpal::domain::contact;
use pagerpal::domain::id::UserId;
use pagerpal::domain::policy::{Level, Recipient};
use pagerpal::store::engine::redb::RedbEngine;
use pagerpal::store::engine::{Changes, Direction, Engine, KeyRange, TableName};
use serde_json::json;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

const KEY: &str = "00112233445566778899aabbccddeeff";
const OTHER: &str = "10112233445566778899aabbccddeeff";
const ADA: &str = "4917000001";
const BO: &str = "4917000002";
const CY: &str = "4917000003";
const DEE: &str = "4917000004";
const PATIENCE: Duration = Duration::from_secs(60);

/// Flips a bit of the one record of a table that holds this text.
fn damage(database: &Path, table: &'static str, holding: &str) {
    let engine = RedbEngine::open(database).expect("opens");
    let snapshot = engine.snapshot().expect("a state");
    let (table, mut found) = (TableName(table), None);
    let mut visit = |key: &[u8], value: &[u8]| {
        if value.windows(holding.len()).any(|window| window == holding.as_bytes()) {
            found = Some((key.to_vec(), value.to_vec()));
        }
        ControlFlow::Continue(())
    };
    snapshot.scan(table, &KeyRange::all(), Direction::Ascending, &mut visit).expect("a scan");
    let (key, mut value) = found.unwrap_or_else(|| panic!("{holding} is in {table:?}"));
    *value.last_mut().expect("a record") ^= 1;
    let mut changes = Changes::default();
    changes.set(table, key, value);
    engine.commit(&*snapshot, &changes).expect("a commit");
}

/// An admin with a telephone.
fn site_of_ada() -> Site {
    let mut site = Site::new();
    let ada = site.ada();
    site.contact(ada, contact::Channel::Sms, &format!("+{ADA}"));
    site
}

/// And Cy and Bo.
fn site_of_three() -> (Site, [UserId; 2]) {
    let mut site = site_of_ada();
    let people = [("Cy", CY), ("Bo", BO)].map(|(name, number)| site.responder(name, &format!("+{number}")));
    (site, people)
}

async fn post(site: &Site, key: &str, title: &str) {
    let body = json!({"external_id": title, "title": title, "severity": "critical"});
    let answer = site.post("generic", key, &body).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_person_or_policy_keeps_nobody_else_from_being_called() {
    let infobip = FakeInfobip::start("k3y").await;
    let (mut site, [cy, bo]) = site_of_three();
    let (team, ladder, lost) = (site.team("Payments"), site.policy("Nights", &[cy, bo]), site.policy("Lost", &[bo]));
    site.source("shop", "generic", team, ladder, KEY);
    site.source("till", "generic", team, lost, OTHER);
    site.sms_by(&infobip);
    site.close();
    damage(&site.database(), "users", "Cy");
    damage(&site.database(), "policies", "Lost");
    let mut process = site.start().await;

    // A level whose only person cannot be read is empty, and a policy that cannot be read has no levels.
    post(&site, KEY, "Disk full").await;
    infobip.wait_for_copy("Bo's page", PATIENCE, |copy| copy.to == BO && copy.text.contains("Disk full")).await;
    post(&site, OTHER, "Till closed").await;
    infobip.wait_for_copy("Ada's page", PATIENCE, |copy| copy.to == ADA && copy.text.contains("Till closed")).await;
    let incident = site.ask("/api/v1/incidents/2").await;
    assert_eq!(incident["status"], "triggered", "it can be looked at: {incident}");
    let said = process.output();
    assert!(said.contains("damaged"), "it is named: {said}");
    assert!(process.terminate(PATIENCE).await.success());
    let problems = site.verify().problems;
    assert_eq!(problems.iter().filter(|problem| problem.contains("is damaged")).count(), 2, "{problems:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_leave_is_set_aside_and_the_others_leave() {
    let infobip = FakeInfobip::start("k3y").await;
    let (mut site, [cy, bo]) = site_of_three();
    let (team, first, second) = (site.team("Payments"), site.policy("Nights", &[cy]), site.policy("Days", &[bo]));
    site.source("shop", "generic", team, first, KEY);
    site.source("till", "generic", team, second, OTHER);
    site.sms_by(&infobip);
    infobip.fail_next(Channel::Sms, 2, Fault::Hang);
    let mut process = site.start().await;
    post(&site, KEY, "Disk full").await;
    post(&site, OTHER, "Till closed").await;
    infobip.wait_for("both pages", PATIENCE, |memory| (memory.received.len() == 2).then_some(())).await;
    process.kill9().await;
    damage(&site.database(), "users", "Cy");
    // What a number has got lately is not worth a page.
    damage(&site.database(), "ledgers", BO);

    let mut process = site.start().await;
    infobip.wait_for_copy("Bo's page", PATIENCE, |copy| copy.to == BO && copy.text.contains("Till closed")).await;
    let told =
        infobip.wait_for_copy("Ada hears", PATIENCE, |copy| copy.to == ADA && copy.text.contains("cannot leave"));
    assert!(told.await.text.contains("in trouble"));
    let notifications = site.ask("/api/v1/incidents/1/notifications").await.to_string();
    assert!(notifications.contains("failed"), "{notifications}");
    assert!(process.terminate(PATIENCE).await.success(), "{}", process.output());
}

/// A build with planted faults. Whoever tests the whole workspace has one.
async fn start_with(site: &mut Site, planted: &str) -> Process {
    site.close();
    let binary = env!("CARGO_BIN_EXE_pagerpal");
    let folder = folder("trouble");
    let launch = Launch::new(binary, folder.path()).clean_env().envs(site.settings());
    let mut process = launch.env("PAGERPAL_PLANTED", planted).arg("serve").start();
    let answered = process.wait_until_answers(&site.url("/health"), START).await;
    answered.unwrap_or_else(|why| panic!("{why}\n{}", process.output()));
    process
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "faults"), ignore = "needs --features faults, as the whole workspace has")]
async fn a_message_over_which_it_stumbles_goes_in_plain_words_and_admins_hear_of_three_a_minute() {
    let infobip = FakeInfobip::start("k3y").await;
    let mut site = site_of_ada();
    let people = [BO, CY, DEE].map(|number| site.responder(number, &format!("+{number}")));
    let team = site.team("Payments");
    for (index, person) in people.into_iter().enumerate() {
        let policy = site.policy(&format!("Policy {index}"), &[person]);
        site.source(
            &format!("source {index}"),
            "generic",
            team,
            policy,
            &format!("{index}0112233445566778899aabbccddeeff"),
        );
    }
    site.sms_by(&infobip);
    site.set("PAGERPAL_BASE_URL", site.url(""));
    let mut process = start_with(&mut site, "stumble_over_messages").await;
    for (index, number) in [BO, CY, DEE].into_iter().enumerate() {
        post(&site, &format!("{index}0112233445566778899aabbccddeeff"), "Disk full").await;
        let plain = format!("could not write its message about incident #{}", index + 1);
        let copy =
            infobip.wait_for_copy(&plain, PATIENCE, |copy| copy.to == number && copy.text.contains(&plain)).await;
        assert!(copy.text.contains(&format!("/incidents/{}", index + 1)), "{}", copy.text);
    }
    infobip.wait_for_copy("Ada hears", PATIENCE, |copy| copy.to == ADA && copy.text.contains("again and again")).await;
    assert!(process.terminate(PATIENCE).await.success(), "{}", process.output());
    assert!(site.verify().is_well());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_answers_nobody_keeps_no_other_waiting() {
    let (infobip, mails) = (FakeInfobip::start("k3y").await, MailServer::start().await);
    let mut site = Site::new();
    site.ada();
    let crowd: Vec<UserId> =
        (0..60).map(|nth| site.responder(&format!("P{nth}"), &format!("+49171{nth:06}"))).collect();
    let new = NewUser {
        name: "Vic".to_owned(),
        email: Some("vic@example.test".to_owned()),
        role: Role::Responder,
        zone: "UTC".to_owned(),
        password_hash: None,
    };
    let vic = site.write(move |tx| users::create(tx, &Actor::SYSTEM, &new));
    let everybody = site.write(move |tx| teams::create(tx, &Actor::SYSTEM, "Everybody", &crowd));
    let level = Level { number: 1, delay_minutes: 30, recipients: vec![Recipient::Team(everybody)] };
    let basics = policies::Basics::named("Everybody");
    let everybody = site.write(move |tx| policies::create(tx, &Actor::SYSTEM, &basics, std::slice::from_ref(&level)));
    let (team, one) = (site.team("Payments"), site.policy("Vic alone", &[vic]));
    site.source("shop", "generic", team, everybody, KEY);
    site.source("till", "generic", team, one, OTHER);
    site.sms_by(&infobip);
    site.mail_by(&mails);
    let mut process = site.start().await;

    infobip.fail_next(Channel::Sms, 40, Fault::Hang);
    post(&site, KEY, "Disk full").await;
    infobip.wait_for("eight that hang", PATIENCE, |memory| (memory.received.len() == 8).then_some(())).await;
    post(&site, OTHER, "Till closed").await;
    let mail = mails.wait_for(1, PATIENCE).await.remove(0);
    assert!(mail.text.contains("Till closed"), "{}", mail.text);
    assert_eq!(infobip.received().len(), 8, "not one of them has ended meanwhile");
    process.kill9().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_has_become_read_only_keeps_nobody_from_being_called() {
    let infobip = FakeInfobip::start("k3y").await;
    let mut site = Site::new();
    let bo = site.responder("Bo", &format!("+{BO}"));
    let (team, policy) = (site.team("Payments"), site.policy("Nights", &[bo]));
    site.source("shop", "generic", team, policy, KEY);
    site.sms_by(&infobip);
    site.set("BACKUP_INTERVAL", "off");
    site.close();
    let disk = SmallDisk::mount(64);
    fs::copy(site.database(), disk.path().join("pagerpal.redb")).expect("it fits");
    site.set("DATA_DIR", disk.path().display().to_string());
    let mut process = site.start().await;
    post(&site, KEY, "Disk full").await;
    infobip.wait_for_copy("Bo's page", PATIENCE, |copy| copy.to == BO && copy.text.contains("#1")).await;
    assert!(process.terminate(PATIENCE).await.success(), "{}", process.output());

    disk.remount("ro");
    let mut process = site.begin();
    let call =
        infobip.wait_for_copy("Bo's call", PATIENCE, |copy| copy.to == BO && copy.text.contains("cannot be opened"));
    assert!(call.await.text.contains("#1 Disk full"));
    disk.remount("rw");
    wait_for_health(&site, 200, &process).await;
    post(&site, KEY, "Disk full again").await;
    infobip.wait_for_copy("the new page", PATIENCE, |copy| copy.to == BO && copy.text.contains("full again")).await;
    assert!(process.terminate(PATIENCE).await.success(), "{}", process.output());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outside_watcher_hears_each_start_and_nothing_in_safe_mode() {
    let (infobip, watcher) = (FakeInfobip::start("k3y").await, Receiver::start().await);
    let mut site = Site::new();
    site.ada();
    site.sms_by(&infobip);
    site.set("HEARTBEAT_URL", watcher.url("/ping/s3cret?on=1"));
    let mut process = site.start().await;
    watcher.wait_for("a beat", PATIENCE, |post| post.method == "GET" && post.path == "/ping/s3cret?on=1").await;
    assert!(process.terminate(PATIENCE).await.success());
    assert!(!process.output().contains("s3cret"), "{}", process.output());

    let before = watcher.posts().len();
    site.set("NOTIFICATION_SENDING_ENABLED", "false");
    let mut process = site.start().await;
    let since = Instant::now();
    while !process.output().contains("so the outside watcher is not called") {
        assert!(since.elapsed() < PATIENCE, "{}", process.output());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(process.terminate(PATIENCE).await.success());
    assert_eq!(watcher.posts().len(), before);
}
