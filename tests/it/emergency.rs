//! The real binary without a store it could save to: it pages from memory, lets people take incidents, and writes down what was
//! done once it can. A disk without room, a database that does not open, and the last room that is given up before it comes to
//! that.
//!
//! The disks are small ones in memory, which only root can mount.

use crate::live::{EMAIL, PASSWORD, Site};
use harness::http;
use harness::infobip::FakeInfobip;
use harness::process::{Process, folder};
use harness::programs::program;
use pagerpal::clock::SystemClock;
use pagerpal::random::SystemRandom;
use pagerpal::store::Store;
use rustix::fs::statvfs;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const KEY: &str = "00112233445566778899aabbccddeeff";
const ADA: &str = "4917000001";
const BO: &str = "4917000002";
/// The store is tried again every ten seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mounted disk of some megabytes, unmounted when dropped.
pub struct SmallDisk(TempDir);

impl SmallDisk {
    pub fn mount(mib: u32) -> SmallDisk {
        let folder = folder("small-disk");
        let mounted = Command::new(program("mount"))
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m,mode=0700"), "tmpfs"])
            .arg(folder.path())
            .status();
        assert!(mounted.expect("mount starts").success(), "this test mounts a disk: run it as root");
        SmallDisk(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// `ro` or `rw`, which nobody may keep busy.
    pub fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        let remounted = Command::new(program("mount")).args(["-o", &options]).arg(self.path()).status();
        assert!(remounted.expect("mount starts").success(), "it is mounted anew as {how}");
    }

    /// Takes all that is free now, and not what somebody else gives up meanwhile.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("full");
        let mut file = File::create(&path).expect("room for a name");
        let disk = statvfs(self.path()).expect("it says what is free");
        let (mut left, piece) = (disk.f_bavail * disk.f_frsize, vec![7; 4_096]);
        while left > 0 && file.write_all(&piece).is_ok() {
            left = left.saturating_sub(piece.len() as u64);
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new(program("umount")).arg("-l").arg(self.path()).status();
    }
}

/// Ada, who is admin, and Bo, who is on call for the alerts of [`KEY`].
async fn site(infobip: &FakeInfobip) -> Site {
    let mut site = Site::new();
    let ada = site.ada();
    site.contact(ada, pagerpal::domain::contact::Channel::Sms, &format!("+{ADA}"));
    let bo = site.responder("Bo", &format!("+{BO}"));
    let (team, policy) = (site.team("Payments"), site.policy("Nights", &[bo]));
    site.source("shop", "generic", team, policy, KEY);
    site.sms_by(infobip);
    site.set("PAGERPAL_BASE_URL", site.url(""));
    site.set("BACKUP_INTERVAL", "off");
    site
}

fn alert(id: &str, title: &str) -> Value {
    json!({"external_id": id, "title": title, "severity": "critical"})
}

pub async fn wait_for_health(site: &Site, status: u16, process: &Process) {
    let since = Instant::now();
    loop {
        let answer = http::get(site.url("/health")).send().await;
        if answer.as_ref().is_ok_and(|answer| answer.status == status) {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{answer:?} instead of {status}\n{}", process.output());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_on_call_hears_of_it_when_nothing_can_be_saved() {
    let infobip = FakeInfobip::start("k3y").await;
    let disk = SmallDisk::mount(16);
    let mut site = site(&infobip).await;
    site.close();
    fs::copy(site.database(), disk.path().join("pagerpal.redb")).expect("it fits");
    site.set("DATA_DIR", disk.path().display().to_string());
    let mut process = site.start().await;

    let answer = site.post("generic", KEY, &alert("db1", "Disk full on db1")).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    infobip.wait_for_copy("Bo's page", PATIENCE, |copy| copy.to == BO && copy.text.contains("#1")).await;

    // No room any more: alerts are refused, so that their senders try again, and people are called about them.
    let full = disk.fill();
    let since = Instant::now();
    let refused = loop {
        let answer = site.post("generic", KEY, &alert("db2", "Disk full on db2")).await.expect("an answer");
        if answer.status != 200 {
            break answer;
        }
        assert!(since.elapsed() < PATIENCE, "the disk has room after all");
    };
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    let call = infobip
        .wait_for_copy("Bo's call", PATIENCE, |copy| copy.to == BO && copy.text.contains("Nothing can be saved"));
    let call = call.await;
    assert!(call.text.contains("#1 Disk full on db1"), "{}", call.text);
    infobip
        .wait_for_copy("the admin's call", PATIENCE, |copy| {
            copy.to == ADA && copy.text.contains("Nothing can be saved")
        })
        .await;
    let health = http::get(site.url("/health")).send().await.expect("an answer");
    assert_eq!(health.status, 503, "{}", health.text());

    // The link of the message still takes the incident, and says what that is worth.
    let link = call.text.split_whitespace().find(|word| word.contains("/a/")).expect("a link").to_owned();
    let page = http::get(&link).send().await.expect("an answer").text();
    assert!(page.contains("Disk full on db1") && page.contains("Acknowledge"), "{page}");
    let taken = http::post(&link).form(&[("do", "acknowledge")]).send().await.expect("an answer");
    assert_eq!(taken.status, 202, "{}", taken.text());
    assert!(taken.text().contains("Noted, but not saved"), "{}", taken.text());

    // Signed in it is the same.
    let path = site.url("/api/v1/incidents/1/acknowledge");
    let taken = http::post(path).basic(EMAIL, PASSWORD).json(&json!({})).send().await.expect("an answer");
    assert!(taken.status == 503 && taken.text().contains("not_saved"), "{}", taken.text());

    // Room again: no restart is needed, the acknowledgement holds, and the timeline says what was done.
    fs::remove_file(&full).expect("it is there");
    wait_for_health(&site, 200, &process).await;
    let since = Instant::now();
    let incident = loop {
        let incident = site.ask("/api/v1/incidents/1").await;
        if incident["status"] == "acknowledged" {
            break incident;
        }
        assert!(since.elapsed() < PATIENCE, "{incident}");
    };
    assert!(incident.to_string().contains("Bo"), "{incident}");
    let timeline = site.ask("/api/v1/incidents/1/timeline").await.to_string();
    assert!(timeline.contains("PagerPal could not save, and tried meanwhile to call"), "{timeline}");
    let answer = site.post("generic", KEY, &alert("db2", "Disk full on db2")).await.expect("an answer");
    assert_eq!(answer.status, 200, "the sender's next try: {}", answer.text());
    assert!(process.terminate(PATIENCE).await.success(), "{}", process.output());
}

/// A bit of the closed file has changed, such that it is refused.
fn damage(path: &Path) {
    let sound = fs::read(path).expect("its bytes");
    let random = Arc::new(SystemRandom);
    let is_refused = |bytes: &[u8]| {
        fs::write(path, bytes).expect("written");
        Store::open(path, Arc::new(SystemClock::new()), random.clone()).is_err()
    };
    for at in (5_000..sound.len()).step_by(1_000) {
        let mut bytes = sound.clone();
        bytes[at] ^= 4;
        if is_refused(&bytes) {
            fs::write(path, bytes).expect("as it was before it was looked at");
            return;
        }
    }
    panic!("no bit matters");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_open_calls_whom_the_last_roster_names_until_a_backup_is_restored() {
    let infobip = FakeInfobip::start("k3y").await;
    let mut site = site(&infobip).await;
    let mut process = site.start().await;
    let answer = site.post("generic", KEY, &alert("db1", "Disk full on db1")).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    infobip.wait_for_copy("Bo's page", PATIENCE, |copy| copy.to == BO && copy.text.contains("#1")).await;
    let backup = site.data_dir().join("copy.backup").display().to_string();
    let taken = site.launch().args(["backup", &backup]).start().to_end(PATIENCE).await;
    assert!(taken.success());
    assert!(process.terminate(PATIENCE).await.success(), "{}", process.output());
    let roster = site.data_dir().join("pagerpal.roster");
    assert_eq!(fs::metadata(&roster).expect("a roster").mode() & 0o777, 0o600);

    damage(&site.database());
    let socket = site.data_dir().join("notify.sock");
    let manager = UnixDatagram::bind(&socket).expect("a socket");
    let (hear, heard) = mpsc::channel();
    // Read all the time: whoever tells a manager that does not listen waits for it.
    std::thread::spawn(move || {
        let mut bytes = [0; 512];
        while let Ok(len) = manager.recv(&mut bytes)
            && hear.send(String::from_utf8_lossy(&bytes[..len]).into_owned()).is_ok()
        {}
    });
    let told = |expected: &str| loop {
        let message = heard.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{expected}: {error}"));
        if message.contains(expected) {
            return;
        }
    };
    site.set("NOTIFY_SOCKET", socket.display().to_string());
    site.set("WATCHDOG_USEC", "3000000");
    let mut process = site.begin();
    wait_for_health(&site, 503, &process).await;
    told("READY=1");
    told("STATUS=Emergency");
    told("WATCHDOG=1");

    // Those who were on call hear of it, and so do the admins.
    let call = infobip
        .wait_for_copy("Bo's call", PATIENCE, |copy| copy.to == BO && copy.text.contains("cannot be opened"))
        .await;
    assert!(call.text.contains("#1 Disk full on db1"), "{}", call.text);
    infobip.wait_for_copy("Ada's call", PATIENCE, |copy| copy.to == ADA && copy.text.contains("restored")).await;

    // Every page says so, and how it ends; senders try again; nothing else works.
    for path in ["/", "/dashboard", "/login", "/incidents/1", "/nothing/there"] {
        let page = http::get(site.url(path)).send().await.expect("an answer");
        assert_eq!(page.status, 503, "{path}");
        let text = page.text();
        assert!(text.contains("Emergency") && text.contains("pagerpal restore"), "{path}: {text}");
        assert!(text.contains("is damaged and was not opened"), "this machine may know why: {text}");
    }
    let elsewhere = http::get(site.url("/dashboard")).header("host", "pager.example.test").send().await;
    assert!(!elsewhere.expect("an answer").text().contains("was not opened"), "others may not");
    let api = http::get(site.url("/api/v1/incidents")).basic(EMAIL, PASSWORD).send().await.expect("an answer");
    assert!(api.status == 503 && api.text().contains("/problems/unavailable"), "{}", api.text());
    let refused = site.post("generic", KEY, &alert("db2", "Disk full on db2")).await.expect("an answer");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")), "{}", refused.text());
    let style = http::get(site.url("/assets/app.css")).send().await.expect("an answer");
    assert_ne!(style.status, 503, "pages are drawn as ever");

    // The link of the call takes the incident.
    let link = call.text.split_whitespace().find(|word| word.contains("/a/")).expect("a link").to_owned();
    let page = http::get(&link).send().await.expect("an answer").text();
    assert!(page.contains("Disk full on db1") && page.contains("Acknowledge"), "{page}");
    let taken = http::post(&link).form(&[("do", "acknowledge")]).send().await.expect("an answer");
    assert_eq!(taken.status, 202, "{}", taken.text());

    // A backup is restored beside the running server, which goes on by itself.
    let restored = site.launch().args(["restore", &backup, "--replace"]).start().to_end(PATIENCE).await;
    assert!(restored.success(), "{}", process.output());
    wait_for_health(&site, 200, &process).await;
    told("STATUS=Serving");
    let incident = site.ask("/api/v1/incidents/1").await;
    assert!(incident["status"] == "acknowledged" && incident.to_string().contains("Bo"), "{incident}");
    let timeline = site.ask("/api/v1/incidents/1/timeline").await.to_string();
    assert!(timeline.contains("PagerPal could not save, and tried meanwhile to call"), "{timeline}");
    let answer = site.post("generic", KEY, &alert("db2", "Disk full on db2")).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    infobip
        .wait_for_copy("the new page", PATIENCE, |copy| copy.to == BO && copy.text.contains("Disk full on db2"))
        .await;
    let calls = infobip.handsets().iter().filter(|copy| copy.text.contains("cannot be opened")).count();
    assert_eq!(calls, 2, "one each within five minutes");
    assert!(process.terminate(PATIENCE).await.success(), "{}", process.output());
    assert!(site.verify().is_well());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_takes_the_ballast_first_and_gets_it_back() {
    let infobip = FakeInfobip::start("k3y").await;
    let disk = SmallDisk::mount(144);
    let mut site = site(&infobip).await;
    site.close();
    fs::copy(site.database(), disk.path().join("pagerpal.redb")).expect("it fits");
    site.set("DATA_DIR", disk.path().display().to_string());
    let mut process = site.start().await;
    let ballast = disk.path().join("ballast");
    let wait = async |is_there: bool| {
        let since = Instant::now();
        // Allocated, and no hole.
        let allocated = || fs::metadata(&ballast).map_or(0, |about| about.blocks() * 512);
        while allocated() != if is_there { 64 << 20 } else { 0 } {
            assert!(since.elapsed() < PATIENCE, "{} bytes of ballast\n{}", allocated(), process.output());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    wait(true).await;

    // The one commit that finds no room fails, and every one after it goes on.
    let full = disk.fill();
    let mut refused = 0;
    for number in 0..30 {
        let (id, title) = (format!("db{number}"), format!("Disk full on db{number}"));
        let answer = site.post("generic", KEY, &alert(&id, &title)).await.expect("an answer");
        assert!([200, 503].contains(&answer.status), "{}", answer.text());
        refused += u32::from(answer.status == 503);
    }
    assert!(refused <= 1, "{refused} alerts were refused\n{}", process.output());
    wait(false).await;
    infobip.wait_for_copy("Bo's page", PATIENCE, |copy| copy.to == BO && copy.text.contains("#1 ")).await;
    infobip.wait_for_copy("Ada's notice", PATIENCE, |copy| copy.to == ADA && copy.text.contains("is full")).await;
    wait_for_health(&site, 200, &process).await;

    fs::remove_file(&full).expect("it is there");
    wait(true).await;
    assert!(process.terminate(PATIENCE).await.success(), "{}", process.output());
}
