//! What only a shell sees: completions that complete, manual pages that man can draw, answers for scripts, a demo to look
//! around in.

use crate::live::{START, Site};
use harness::http;
use harness::process::{Launch, Process, folder, free_port};
use harness::programs::{program, release_binary, repository};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use std::time::Duration;

/// The words that bash offers after what was typed.
fn offered(script: &str, typed: &[&str]) -> Vec<String> {
    let words: Vec<String> = typed.iter().map(|word| format!("'{word}'")).collect();
    let ask = format!(
        "{script}\nCOMP_WORDS=({})\nCOMP_CWORD={}\n_pagerpal pagerpal '{}' '{}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        typed.len() - 1,
        typed[typed.len() - 1],
        typed[typed.len() - 2],
    );
    let output = Command::new(program("bash")).args(["--norc", "-c", &ask]).output().expect("bash starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn completions_offer_commands_options_and_values() {
    let printed = |shell: &str| {
        let output = Command::new(release_binary("pagerpal")).args(["completions", shell]).output().expect("it starts");
        assert!(output.status.success(), "{shell}");
        String::from_utf8(output.stdout).expect("a script is text")
    };
    let bash = printed("bash");
    assert_eq!(offered(&bash, &["pagerpal", "back"]), ["backup", "backup-key"]);
    assert_eq!(offered(&bash, &["pagerpal", "backup", "--ver"]), ["--verify", "--verbose"]);
    assert_eq!(offered(&bash, &["pagerpal", "migrate", "st"]), ["status"]);
    assert!(printed("zsh").starts_with("#compdef pagerpal"));
    assert!(printed("fish").contains("complete -c pagerpal"));
}

/// `man` says on standard error what it cannot draw.
#[test]
fn man_draws_every_page_without_complaint() {
    let mut drawn = 0;
    for entry in fs::read_dir(repository().join("packaging/man")).expect("the folder") {
        let page = entry.expect("an entry").path();
        let output = Command::new(program("groff")).args(["-man", "-Tutf8", "-ww"]).arg(&page).output().expect("groff");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaints.is_empty(), "{}: {complaints}", page.display());
        // Bold is a letter struck twice, where the terminal is an old one.
        let struck = String::from_utf8_lossy(&output.stdout).to_lowercase();
        let mut text = String::new();
        for letter in struck.chars() {
            if letter == '\u{8}' {
                text.pop();
            } else {
                text.push(letter);
            }
        }
        assert!(text.contains("name") && text.contains("pagerpal"), "{text}");
        drawn += 1;
    }
    assert!(drawn > 10, "{drawn} pages");
}

async fn started(arguments: &[&str], port: u16) -> (Process, tempfile::TempDir) {
    let folder = folder("demo");
    let mut process = Launch::new(release_binary("pagerpal"), folder.path()).clean_env().args(arguments).start();
    let answered = process.wait_until_answers(&format!("http://127.0.0.1:{port}/health"), START * 2).await;
    answered.unwrap_or_else(|why| panic!("{why}\n{}", process.output()));
    (process, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_looked_around_in_with_one_click_and_a_pretend_phone() {
    let port = free_port();
    let port_text = port.to_string();
    let typed = ["demo", "--port", &port_text, "--seed", "7", "--now", "2026-11-24T02:16:40Z"];
    let (mut process, folder) = started(&typed, port).await;
    let url = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let said = process.output();
    assert!(said.contains("Demo: nobody is contacted, all is gone when you stop it."), "{said}");

    let login = http::get(url("/login")).send().await.expect("an answer").text();
    for name in ["Ana, admin", "Bo, responder", "Grace, viewer"] {
        assert!(login.contains(&format!("Sign in as {name}")), "{login}");
    }
    let sign_in =
        async |role: &str| http::post(url("/demo/sign-in")).form(&[("role", role)]).send().await.expect("an answer");
    assert_eq!(sign_in("owner").await.status, 404);
    let answer = sign_in("responder").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/dashboard")), "{}", answer.text());
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned();
    let page = async |path: &str| {
        let answer = http::get(url(path)).header("cookie", &cookie).send().await.expect("an answer");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    };

    // What the design of a demo promises: people, a gap, a cover, and weeks behind it.
    let dashboard = page("/dashboard").await;
    assert!(dashboard.contains("Demo: nobody is contacted") && dashboard.contains("/demo/phone"), "{dashboard}");
    assert!(page("/users").await.contains("Hugo"));
    assert!(page("/reports").await.contains("Reports"));
    let schedules = page("/schedules").await;
    assert!(schedules.contains("Payments primary") && schedules.contains("gap"), "{schedules}");

    // The first alert comes at once, its message arrives on the phone, and its link is the one-button page.
    let mut phone = String::new();
    for _ in 0..150 {
        phone = page("/demo/phone").await;
        if phone.contains("/a/") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let link = phone.split("href=\"").filter_map(|part| part.split('"').next()).find(|href| href.contains("/a/"));
    let link = link.unwrap_or_else(|| panic!("no link on the phone: {phone}"));
    let opened = http::get(link).send().await.expect("an answer");
    assert!(opened.status == 200 && opened.text().contains("Acknowledge"), "{}", opened.text());

    assert!(process.terminate(Duration::from_secs(20)).await.success(), "{}", process.output());
    let left = fs::read_dir(folder.path()).expect("the folder").flatten().map(|entry| entry.path());
    let left: Vec<_> = left.filter(|path| path.extension().is_none_or(|kind| kind != "log")).collect();
    assert!(left.is_empty(), "besides what it printed: {left:?}");
}

/// Whoever is no demo has neither the door nor the phone.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_demo_is_in_a_real_server() {
    let mut site = Site::new();
    site.ada();
    let _process = site.start().await;
    let posted = http::post(site.url("/demo/sign-in")).form(&[("role", "admin")]).send().await.expect("an answer");
    let got = http::get(site.url("/demo/phone")).send().await.expect("an answer");
    assert_eq!((posted.status, got.status), (404, 404));
    assert!(!http::get(site.url("/login")).send().await.expect("an answer").text().contains("This is a demo"));
}

/// What every command says with `--json`, about a served database and about a closed one.
#[tokio::test(flavor = "multi_thread")]
async fn scripts_get_one_object_on_a_line_and_the_history_one_incident_a_line() {
    let mut site = Site::new();
    let ada = site.ada();
    let team = site.team("Payments");
    let policy = site.policy("Payments", &[ada]);
    let key = "0123456789abcdef0123456789abcdef";
    site.source("monitor", "generic", team, policy, key);
    let ask = |site: &Site, arguments: &[&str]| {
        let mut command = Command::new(release_binary("pagerpal"));
        let output = command.env_clear().envs(site.settings()).args(arguments).output().expect("it starts");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        // The checklist finds things to mend here, and says so with 1.
        assert_eq!(output.status.code(), Some(i32::from(arguments[0] == "doctor")), "{arguments:?}: {error}");
        let text = String::from_utf8(output.stdout).expect("text");
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{arguments:?}: {line}"));
        text.lines().map(read).collect::<Vec<Value>>()
    };
    let keys_of = |told: &[Value]| {
        assert_eq!(told.len(), 1, "{told:?}");
        told[0].as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ")
    };
    let mut process = site.start().await;
    for number in 0..3 {
        let alert = json!({ "title": format!("Disk {number} full"), "external_id": number.to_string() });
        assert_eq!(site.post("generic", key, &alert).await.expect("answered").status, 200);
    }
    let elsewhere = folder("json");
    let elsewhere = |name: &str| elsewhere.path().join(name).to_str().expect("UTF-8").to_owned();
    let (copy, document, lines) = (elsewhere("copy.backup"), elsewhere("config.json"), elsewhere("history.jsonl"));
    let check = |site: &Site, arguments: &[&str], keys: &str| {
        assert_eq!(keys_of(&ask(site, &[arguments, &["--json"]].concat())), keys, "{arguments:?}");
    };
    let verified = "audit_entries audit_head index_rows problems records sound";
    check(&site, &["healthcheck"], "healthy problems");
    check(&site, &["backup", &copy], "bytes file is_encrypted records");
    check(&site, &["verify"], verified);
    check(&site, &["verify", &copy], "index_rows lineage problems records sound taken_at");
    check(&site, &["export", &document], "file left_out");
    check(&site, &["export", "--history", &lines], "file incidents");
    check(&site, &["import", &document, "--dry-run"], "changes to_do");
    check(&site, &["doctor"], "at checks is_served summary verdict");
    check(&site, &["version"], "version");
    check(&site, &["config", "show", "SMTP_PORT"], "settings");
    // Something would change, and nobody is there to be asked.
    let changed = fs::read_to_string(&document).expect("there").replace("\"Ada\"", "\"Ada Lovelace\"");
    fs::write(&document, changed).expect("a file");
    let mut command = Command::new(release_binary("pagerpal"));
    let declined = command.env_clear().envs(site.settings()).args(["import", &document]).output().expect("it starts");
    let said = String::from_utf8_lossy(&declined.stderr).into_owned();
    assert_eq!((declined.status.code(), said.contains("use --yes. Nothing was changed.")), (Some(9), true), "{said}");
    let served = ask(&site, &["export", "--history"]);
    process.kill9().await;
    check(&site, &["verify"], verified);
    check(&site, &["migrate", "status"], "format needed steps");
    check(
        &site,
        &["restore", &copy, "--data-dir", &elsewhere("new")],
        "database held lineage lost_track problems records replaced taken_at",
    );

    let closed = ask(&site, &["export", "--history"]);
    assert_eq!(closed[1..], served[1..], "the same, whether a server answers or the file");
    assert_eq!((closed.len(), &closed[0]["pagerpal_history"]), (4, &json!(1)));
    let titles: Vec<&Value> = closed[1..].iter().map(|line| &line["title"]).collect();
    assert_eq!(titles, ["Disk 0 full", "Disk 1 full", "Disk 2 full"], "the oldest first");
    let kinds: Vec<&str> =
        closed[1]["timeline"].as_array().expect("a list").iter().filter_map(|entry| entry["kind"].as_str()).collect();
    assert!(kinds.contains(&"level_entered"), "{kinds:?}");
    assert!(!closed[1]["notifications"].as_array().expect("a list").is_empty());
    assert_eq!(fs::read_to_string(&lines).expect("there").lines().count(), 4);
}
