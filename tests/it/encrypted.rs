//! Backups that only their key opens: taken by the real binary, opened by it and by the tool `age`, and the other way round.

use crate::live::Site;
use harness::programs::{program, release_binary};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn pagerpal(site: &Site, arguments: &[&str]) -> Output {
    let mut command = Command::new(release_binary("pagerpal"));
    command.env_clear().envs(site.settings()).args(arguments).output().expect("it starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The lines of standard output, each a JSON object.
fn told(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", said(output));
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn age(arguments: &[&str]) {
    let output = Command::new(program("age")).args(arguments).output().expect("age starts");
    assert!(output.status.success(), "{}", said(&output));
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_backup_opens_for_its_key_here_and_in_age_and_for_nobody_else() {
    let mut site = Site::new();
    let ada = site.ada();
    let team = site.team("Payments");
    let policy = site.policy("Payments", &[ada]);
    site.source("monitor", "generic", team, policy, "0123456789abcdef0123456789abcdef");
    site.close();
    let keys = harness::process::folder("keys");
    let (key, other) = (keys.path().join("backup.key"), keys.path().join("other.key"));
    let made = pagerpal(&site, &["backup-key"]);
    fs::write(&key, &made.stdout).expect("a file");
    fs::write(&other, pagerpal(&site, &["backup-key"]).stdout).expect("a file");
    let recipient = said(&made).trim().strip_prefix("BACKUP_RECIPIENTS=").expect("the public half").to_owned();

    let refused = {
        let secret = fs::read_to_string(&key).expect("there").lines().last().expect("a key").to_owned();
        let mut command = Command::new(release_binary("pagerpal"));
        command.env_clear().envs(site.settings()).env("BACKUP_RECIPIENTS", &secret).args(["backup"]);
        let output = command.output().expect("it starts");
        assert!(!said(&output).contains(&secret), "a misplaced secret is not repeated");
        output
    };
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));

    site.set("BACKUP_RECIPIENTS", &recipient);
    let mut process = site.start().await;
    let status = site.ask("/api/v1/system/backups").await;
    assert_eq!(status["every_seconds"], 900, "{status}");
    let found = told(&pagerpal(&site, &["backup", "--verify", "--json"]));
    assert_eq!((&found[0]["sound"], &found[1]["is_encrypted"]), (&json!(true), &json!(true)), "{found:?}");
    process.kill9().await;
    let file = Path::new(found[1]["file"].as_str().expect("a path")).to_owned();
    assert!(text(&file).ends_with(".backup.age"), "{file:?}");

    let check = |arguments: &[&str], code: i32, sentence: &str| {
        let output = pagerpal(&site, &[&["verify"], arguments].concat());
        let all = said(&output) + &String::from_utf8_lossy(&output.stdout);
        assert_eq!((output.status.code(), all.contains(sentence)), (Some(code), true), "{arguments:?}: {all}");
    };
    check(&[text(&file)], 5, "it is encrypted; name the file that holds its key with --identity");
    check(&[text(&file), "--identity", text(&other)], 5, "it is encrypted, and none of the keys opens it");
    check(&[text(&file), "--identity", text(&file)], 6, "cannot be read");
    check(&[text(&file), "--identity", text(&key)], 0, "Sound: ");
    let mut damaged = fs::read(&file).expect("there");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let spoilt = keys.path().join("spoilt.backup.age");
    fs::write(&spoilt, damaged).expect("a file");
    check(&[text(&spoilt), "--identity", text(&key)], 8, "it is damaged");

    let plain = keys.path().join("plain.backup");
    age(&["--decrypt", "--identity", text(&key), "--output", text(&plain), text(&file)]);
    check(&[text(&plain)], 0, "Sound: ");
    let again = keys.path().join("again.backup.age");
    age(&["--recipient", &recipient, "--output", text(&again), text(&plain)]);
    let place = keys.path().join("restored");
    let restored =
        pagerpal(&site, &["restore", text(&again), "--identity", text(&key), "--data-dir", text(&place), "--json"]);
    let restored = &told(&restored)[0];
    assert!(restored["records"].as_u64() > Some(5), "{restored}");
    let verified = told(&pagerpal(&site, &["verify", restored["database"].as_str().expect("a path"), "--json"]));
    assert_eq!((&verified[0]["sound"], &verified[0]["problems"]), (&json!(true), &json!([])), "{verified:?}");
}
