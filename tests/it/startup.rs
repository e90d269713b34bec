//! What an operator gets wrong at start: one sentence each, the right exit code, and nothing harmed.

use crate::live::{START, Site};
use harness::process::Process;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// The exit code and what was said.
async fn ends(mut process: Process) -> (Option<i32>, String) {
    for _ in 0..600 {
        if let Some(status) = process.ended() {
            return (status.code(), process.output());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("still running:\n{}", process.output());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_with_nothing_set_and_keeps_its_secret_private() {
    let folder = harness::process::folder("bare");
    let port = harness::process::free_port();
    let mut process = harness::process::Launch::new(harness::programs::release_binary("pagerpal"), folder.path())
        .clean_env()
        .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
        .start();
    process.wait_until_answers(&format!("http://127.0.0.1:{port}/health"), START).await.expect("it serves");
    let output = process.output();
    assert!(output.contains("Safe mode") && output.contains("create the first admin"), "{output}");
    let data = folder.path().join("pagerpal-data");
    for name in ["pagerpal.redb", "secret.key"] {
        let mode = fs::metadata(data.join(name)).expect(name).permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    let health = harness::http::get(format!("http://127.0.0.1:{port}/health")).send().await.expect("an answer");
    assert_eq!(health.status, 200, "{}", health.text());
    assert!(process.terminate(Duration::from_secs(20)).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_refused_and_the_first_is_unharmed() {
    let mut site = Site::new();
    site.ada();
    let _first = site.start().await;
    let elsewhere = format!("127.0.0.1:{}", harness::process::free_port());
    let (code, said) = ends(site.launch().args(["serve", "--listen", &elsewhere]).start()).await;
    assert_eq!(code, Some(7), "{said}");
    assert!(said.contains("another process is using"), "{said}");
    // A command that only looks asks the first.
    let (code, said) = ends(site.launch().arg("verify").start()).await;
    assert!(code == Some(0) && said.contains("Sound"), "{code:?} {said}");
    assert_eq!(site.ask("/api/v1/incidents").await["data"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_port_is_one_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let mut site = Site::new();
    site.ada();
    site.begin().kill9().await;
    let (code, said) = ends(site.launch().args(["serve", "--listen", &address]).start()).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("{address} is in use by another program")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_file_is_refused_untouched() {
    use pagerpal::store::FORMAT;
    use pagerpal::store::codec::{Version, encode};
    use pagerpal::store::engine::{Changes, Engine, TableName, redb::RedbEngine};
    let folder = harness::process::folder("newer");
    let path = folder.path().join("pagerpal.redb");
    let table = TableName("meta");
    let stored = encode(table, b"format", Version(1), &(FORMAT + 1)).expect("small");
    let mut rows = Changes::default();
    rows.set(table, b"format".to_vec(), stored);
    RedbEngine::create(&path, |new| new.commit(&*new.snapshot()?, &rows)).expect("a new file");
    let before = fs::read(&path).expect("the bytes");
    let process = harness::process::Launch::new(harness::programs::release_binary("pagerpal"), folder.path())
        .clean_env()
        .env("DATA_DIR", folder.path())
        .args(["serve", "--listen", &format!("127.0.0.1:{}", harness::process::free_port())])
        .start();
    let (code, said) = ends(process).await;
    assert_eq!(code, Some(12), "{said}");
    assert!(said.contains("written by a newer PagerPal"), "{said}");
    assert!(fs::read(&path).expect("the bytes") == before, "not a byte has changed");
}

/// Root may write anywhere, so for root the read-only place is a file system that cannot be written at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_cannot_be_written_is_one_sentence() {
    let folder = harness::process::folder("read-only");
    let process = harness::process::Launch::new(harness::programs::release_binary("pagerpal"), folder.path())
        .clean_env()
        .env("DATA_DIR", "/proc/pagerpal")
        .args(["serve", "--listen", &format!("127.0.0.1:{}", harness::process::free_port())])
        .start();
    let (code, said) = ends(process).await;
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("cannot be made") && said.contains("DATA_DIR"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_in_the_configuration_is_named_at_once() {
    let folder = harness::process::folder("mistakes");
    fs::write(folder.path().join("pagerpal.toml"), "[smtp]\nprot = 25\n").expect("a file");
    let process = harness::process::Launch::new(harness::programs::release_binary("pagerpal"), folder.path())
        .clean_env()
        .env("SECRET_KEY", "short")
        .env("LISTEN_ADDRESS", "everywhere")
        .arg("serve")
        .start();
    let (code, said) = ends(process).await;
    assert_eq!(code, Some(3), "{said}");
    for part in ["pagerpal.toml:2", "did you mean `port`", "SECRET_KEY", "LISTEN_ADDRESS"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!said.contains("short"), "no secret is repeated: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_made_from_the_shell_can_sign_in() {
    let mut site = Site::new();
    site.begin().kill9().await;
    let password = site.data_dir().join("password");
    fs::write(&password, "lamp otter bridge nine\n").expect("a file");
    let file = password.display().to_string();
    let made = site.launch().args(["create-admin", "--email", crate::live::EMAIL, "--password-file", &file]).start();
    let (code, said) = ends(made).await;
    assert_eq!(code, Some(0), "{said}");
    let _process = site.start().await;
    assert_eq!(site.ask("/api/v1/incidents").await["data"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_says_sound_and_an_index_row_broken_by_hand_is_found() {
    use pagerpal::store::engine::{Changes, Direction, Engine, KeyRange, TableName, redb::RedbEngine};
    use std::ops::ControlFlow;
    let mut site = Site::new();
    site.ada();
    site.begin().kill9().await;
    let (code, said) = ends(site.launch().arg("verify").start()).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Sound:"), "{said}");

    let table = TableName("users.by_email");
    {
        let engine = RedbEngine::open(&site.database()).expect("opens");
        let snapshot = engine.snapshot().expect("a state");
        let mut changes = Changes::default();
        let mut visit = |key: &[u8], _: &[u8]| {
            changes.remove(table, key.to_vec());
            ControlFlow::Break(())
        };
        snapshot.scan(table, &KeyRange::all(), Direction::Ascending, &mut visit).expect("a scan");
        engine.commit(&*snapshot, &changes).expect("a commit");
    }
    let (code, said) = ends(site.launch().arg("verify").start()).await;
    assert_eq!(code, Some(8), "{said}");
    assert!(said.contains("An index row is missing"), "{said}");
}
