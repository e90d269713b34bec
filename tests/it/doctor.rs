//! `pagerpal doctor` as typed, by the real binary: at rest, of a running server, from outside; and the support report.

use crate::live::{EMAIL, PASSWORD, START, Site};
use harness::http;
use harness::process::free_port;
use harness::programs::release_binary;
use harness::smtp::MailServer;
use pagerpal::domain::contact::Channel;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(30);

impl Site {
    /// What `doctor` says with these words behind it. Not on the runtime's threads, which serve what it asks.
    pub(crate) async fn doctor(&self, words: &[&str]) -> Output {
        let mut command = Command::new(release_binary("pagerpal"));
        command.arg("doctor").args(words).env_clear().envs(self.settings()).current_dir(self.data_dir());
        tokio::task::spawn_blocking(move || command.output().expect("it starts")).await.expect("no panic")
    }

    async fn checks(&self, words: &[&str]) -> (Option<i32>, Value) {
        let output = self.doctor(&[&["--json"], words].concat()).await;
        let text = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        (output.status.code(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{said}")))
    }
}

/// The line about an item.
fn check<'a>(document: &'a Value, item: &str) -> &'a Value {
    let checks = document["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["item"] == item).unwrap_or_else(|| panic!("{item} in {document}"))
}

fn verdict<'a>(document: &'a Value, item: &str) -> &'a str {
    check(document, item)["verdict"].as_str().expect("a word")
}

#[tokio::test(flavor = "multi_thread")]
async fn at_rest_it_says_what_is_wrong_and_changes_no_byte() {
    let mut site = Site::new();
    let (code, nothing) = {
        let empty = harness::process::folder("empty");
        let mut command = Command::new(release_binary("pagerpal"));
        command.args(["doctor", "--json"]).env_clear().env("DATA_DIR", empty.path()).current_dir(empty.path());
        let output = command.output().expect("it starts");
        assert_eq!(fs::read_dir(empty.path()).expect("a folder").count(), 0, "nothing is made");
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).expect("JSON"))
    };
    assert_eq!((code, verdict(&nothing, "database"), verdict(&nothing, "admins")), (Some(1), "fails", "unknown"));

    let ada = site.ada();
    let team = site.team("Payments");
    let policy = site.policy("Nights", &[ada]);
    site.source("shop", "generic", team, policy, &"5ca1ab1e".repeat(4));
    site.close();
    let before = fs::read(site.database()).expect("bytes");
    let (code, document) = site.checks(&[]).await;
    assert_eq!(code, Some(1), "{document}");
    assert!(fs::read(site.database()).expect("bytes") == before, "not a byte has changed");
    assert_eq!(document["is_served"], false);
    for (item, expected) in [
        ("configuration", "passes"),
        ("secret_key", "unknown"),
        ("database", "passes"),
        ("schema", "passes"),
        ("integrity", "passes"),
        ("sending", "fails"),
        ("escalation", "unknown"),
        ("channel", "fails"),
        ("cookie", "fails"),
        ("certificate", "passes"),
        ("event_stream", "unknown"),
        ("admins", "warns"),
        ("last_resort", "warns"),
        ("reachable", "passes"),
        ("levels", "passes"),
        ("sources", "warns"),
        ("backup", "warns"),
        ("zone_data", "passes"),
    ] {
        assert_eq!(verdict(&document, item), expected, "{}", check(&document, item));
    }
    assert_eq!(check(&document, "sources")["about"], json!(["shop"]));

    let output = site.doctor(&[]).await;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("fails   sending") && text.contains("> Set NOTIFICATION_SENDING_ENABLED=true"), "{text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("No PagerPal is running"), "{output:?}");
}

/// One admin, who gets mail; nothing fails but what is said.
fn working(mail: &MailServer) -> Site {
    let mut site = Site::new();
    site.ada();
    site.mail_by(mail);
    site.set("SECRET_KEY", "8d1f0c3a5b7e9d2f4a6c8e0b1d3f5a7c9e2b4d6f8a0c1e3b5d7f9a1c");
    site
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_answers_and_only_warnings_are_told_apart() {
    let mail = MailServer::start().await;
    let mut site = working(&mail);
    site.set("PAGERPAL_BASE_URL", "https://pager.example.test");
    let mut process = site.start().await;
    let me = site.ask("/api/v1/me").await;
    let id = me["user"]["id"].as_str().or(me["id"].as_str()).unwrap_or_else(|| panic!("{me}")).to_owned();
    let methods = site.ask(&format!("/api/v1/users/{id}/contact-methods")).await;
    let method = methods["data"][0]["id"].as_str().expect("a mail address").to_owned();
    let (_, before) = site.checks(&[]).await;
    assert_eq!(verdict(&before, "channel"), "fails", "nothing was sent yet: {}", check(&before, "channel"));

    let test = http::post(site.url(&format!("/api/v1/users/{id}/contact-methods/{method}/send-test")));
    let sent = test.basic(EMAIL, PASSWORD).json(&json!({})).send().await.expect("an answer");
    assert!((200..300).contains(&sent.status), "{}", sent.text());
    mail.wait_for(1, PATIENCE).await;
    // The provider's answer is on disk a moment after the mail is in the box.
    let mut document = Value::Null;
    for _ in 0..100 {
        document = site.checks(&[]).await.1;
        if verdict(&document, "channel") == "passes" {
            break;
        }
    }
    let fails: Vec<&Value> =
        document["checks"].as_array().expect("checks").iter().filter(|check| check["verdict"] == "fails").collect();
    // How full the disk of this machine is, is its own business.
    assert!(fails.iter().all(|check| check["item"] == "disk_space"), "{fails:?}");
    assert_eq!((verdict(&document, "escalation"), verdict(&document, "retry")), ("passes", "passes"));
    assert_eq!(document["is_served"], true);
    let expected = if fails.is_empty() { [Some(0), Some(11)] } else { [Some(1), Some(1)] };
    let codes = [site.checks(&[]).await.0, site.checks(&["--strict"]).await.0];
    assert_eq!(codes, expected, "{document}");
    assert!(process.terminate(Duration::from_secs(20)).await.success());
}

/// Hands on what it hears, and what it is answered only when the answer has been silent for longer than any stream's pause.
async fn collecting_proxy(to: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", to)).await.expect("the server");
                let mut asked = vec![0; 8192];
                let len = client.read(&mut asked).await.unwrap_or(0);
                let is_stream = String::from_utf8_lossy(&asked[..len]).contains("/health/stream");
                server.write_all(&asked[..len]).await.expect("asked");
                let mut answer = Vec::new();
                let mut piece = vec![0; 8192];
                while let Ok(len @ 1..) = server.read(&mut piece).await {
                    answer.extend_from_slice(&piece[..len]);
                    if !is_stream || answer.ends_with(b"0\r\n\r\n") {
                        let _ = client.write_all(&answer).await;
                        answer.clear();
                    }
                }
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn from_outside_it_tells_a_straight_way_from_one_that_collects() {
    let mail = MailServer::start().await;
    let mut site = working(&mail);
    let direct = site.url("");
    site.set("PAGERPAL_BASE_URL", direct);
    let mut process = site.start().await;
    let (_, document) = site.checks(&["--online"]).await;
    assert_eq!(verdict(&document, "event_stream"), "passes", "{document}");
    assert_eq!(verdict(&document, "clock"), "passes", "{document}");
    assert!(check(&document, "base_url")["sentence"].as_str().expect("words").contains("http:"), "{document}");
    // Nobody else opens the stream.
    let stranger = http::get(site.url("/health/stream?word=00")).send().await.expect("an answer");
    assert_eq!(stranger.status, 404);
    assert!(process.terminate(Duration::from_secs(20)).await.success());

    let proxy = collecting_proxy(site.port).await;
    site.set("PAGERPAL_BASE_URL", format!("http://127.0.0.1:{proxy}"));
    let mut process = site.start().await;
    let (_, document) = site.checks(&["--online"]).await;
    assert_eq!(verdict(&document, "event_stream"), "warns", "{document}");
    assert!(check(&document, "event_stream")["sentence"].as_str().expect("words").contains("holds live updates back"));
    assert!(process.terminate(Duration::from_secs(20)).await.success());

    let nobody = free_port();
    site.set("PAGERPAL_BASE_URL", format!("http://127.0.0.1:{nobody}"));
    let (_, document) = site.checks(&["--online"]).await;
    assert!(
        check(&document, "base_url")["sentence"].as_str().expect("words").contains("does not answer"),
        "{document}"
    );
    assert_eq!(verdict(&document, "event_stream"), "unknown", "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_support_report_has_counts_and_states_and_nobodys_name() {
    let mut site = Site::new();
    let ada = site.ada();
    site.contact(ada, Channel::Sms, "+4917000777");
    let (team, policy) = (site.team("Payments"), site.policy("Nights", &[ada]));
    site.source("shop", "generic", team, policy, &"5ca1ab1e".repeat(4));
    site.set("SECRET_KEY", "8d1f0c3a5b7e9d2f4a6c8e0b1d3f5a7c9e2b4d6f8a0c1e3b5d7f9a1c");
    site.set("SMTP_HOST", "mail.internal.example");
    let mut process = site.start().await;
    let output = site.doctor(&["--report", "report.txt"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let path = site.data_dir().join("report.txt");
    let report = fs::read_to_string(&path).expect("a report");
    assert_eq!(fs::metadata(&path).expect("a report").permissions().mode() & 0o777, 0o600);
    for expected in [
        "PagerPal support report",
        "schema    2",
        "escalation: on, last run 2",
        "1 users",
        "SMTP_HOST from environment",
        "fails   sending",
        "warns   sources",
    ] {
        assert!(report.contains(expected), "{expected:?} is missing: {report}");
    }
    let names =
        ["Ada", "ada@", "example", "Payments", "Nights", "shop", "4917000777", "8d1f0c3a", "5ca1ab1e", "127.0.0.1"];
    for name in names {
        assert!(!report.contains(name), "{name:?} is in the report: {report}");
    }
    // The page gives the same away, and its list of what passes says so in words.
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("- shop"),
        "on the screen of the operator there are names"
    );
    assert!(process.terminate(Duration::from_secs(20)).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_taken_from_the_page_taken_along_and_noted() {
    let mut site = Site::new();
    site.ada();
    site.set("BACKUP_INTERVAL", "1d");
    let mut process = site.start().await;
    let form = [("email", EMAIL), ("password", PASSWORD)];
    let signed_in = http::post(site.url("/login")).form(&form).send().await.expect("an answer");
    let cookie = signed_in.header("set-cookie").and_then(|set| set.split(';').next()).expect("a cookie").to_owned();
    let get = |path: &str| http::get(site.url(path)).header("cookie", cookie.clone()).send();
    let page = get("/settings").await.expect("a page").text();
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token");
    let post = |path: &str| {
        let call = http::post(site.url(path)).header("cookie", cookie.clone()).header("sec-fetch-site", "same-origin");
        call.form(&[("csrf", csrf)]).send()
    };
    assert_eq!(post("/settings/backups").await.expect("an answer").status, 303);
    let page = get("/settings").await.expect("a page").text();
    let name = page.split("/settings/backups/").nth(1).and_then(|rest| rest.split('/').next()).expect("a backup");
    let copy = post(&format!("/settings/backups/{name}/download")).await.expect("an answer");
    assert_eq!((copy.status, copy.header("content-type")), (200, Some("application/gzip")));
    let on_disk = fs::read(site.data_dir().join("backups").join(name)).expect("the file");
    assert!(copy.body == on_disk && on_disk.len() > 500, "{} of {} bytes", copy.body.len(), on_disk.len());
    for outside in ["..%2Fsecret.key", "pagerpal.redb"] {
        let refused = post(&format!("/settings/backups/{outside}/download")).await.expect("an answer");
        assert_eq!(refused.status, 404, "{outside}");
    }
    let audit = site.ask("/api/v1/audit").await.to_string();
    assert!(audit.contains("backup.taken") && audit.contains("backup.downloaded"), "{audit}");
    assert!(process.terminate(START).await.success());
}
