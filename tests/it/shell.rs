//! What only a shell sees: completions that complete, manual pages that man can draw, a demo to look around in.

use crate::live::{START, Site};
use harness::http;
use harness::process::{Launch, Process, folder, free_port};
use harness::programs::{program, release_binary, repository};
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
    assert_eq!(offered(&bash, &["pagerpal", "back"]), ["backup"]);
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
