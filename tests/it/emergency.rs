//! A disk without room: the real binary cannot save, pages from memory, lets people take incidents, and writes down what was
//! done once there is room again.
//!
//! The disk is a small one in memory, which only root can mount.

use crate::live::{EMAIL, PASSWORD, Site};
use harness::http;
use harness::infobip::FakeInfobip;
use harness::process::folder;
use harness::programs::program;
use serde_json::json;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const KEY: &str = "00112233445566778899aabbccddeeff";
const ADA: &str = "4917000001";
const BO: &str = "4917000002";
/// The store is tried again every ten seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mounted disk of some megabytes, unmounted when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> SmallDisk {
        let folder = folder("small-disk");
        let mounted = Command::new(program("mount"))
            .args(["-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs"])
            .arg(folder.path())
            .status();
        assert!(mounted.expect("mount starts").success(), "this test mounts a disk: run it as root");
        SmallDisk(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes until nothing more fits.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("full");
        let mut file = File::create(&path).expect("room for a name");
        for size in [65_536, 4_096, 512, 1] {
            while file.write_all(&vec![7; size]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new(program("umount")).arg("-l").arg(self.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_on_call_hears_of_it_when_nothing_can_be_saved() {
    let infobip = FakeInfobip::start("k3y").await;
    let disk = SmallDisk::mount();
    let mut site = Site::new();
    let ada = site.ada();
    site.contact(ada, pagerpal::domain::contact::Channel::Sms, &format!("+{ADA}"));
    let bo = site.responder("Bo", &format!("+{BO}"));
    let (team, policy) = (site.team("Payments"), site.policy("Nights", &[bo]));
    site.source("shop", "generic", team, policy, KEY);
    site.sms_by(&infobip);
    site.set("PAGERPAL_BASE_URL", site.url(""));
    site.set("BACKUP_INTERVAL", "off");
    site.close();
    fs::copy(site.database(), disk.path().join("pagerpal.redb")).expect("it fits");
    site.set("DATA_DIR", disk.path().display().to_string());
    let mut process = site.start().await;

    let alert = |id: &str, title: &str| json!({"external_id": id, "title": title, "severity": "critical"});
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
    let since = Instant::now();
    while http::get(site.url("/health")).send().await.expect("an answer").status != 200 {
        assert!(since.elapsed() < PATIENCE, "{}", process.output());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
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
