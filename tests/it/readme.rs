//! What the README tells people to type works as it stands.

use crate::live::{EMAIL, PASSWORD, Site};
use harness::infobip::FakeInfobip;
use harness::programs::repository;
use pagerpal::domain::contact::Channel;
use std::time::Duration;

const ADA: &str = "4917000001";

#[tokio::test(flavor = "multi_thread")]
async fn the_script_of_the_api_section_sets_up_paging_and_pages() {
    let infobip = FakeInfobip::start("k3y").await;
    let mut site = Site::new();
    let ada = site.ada();
    site.contact(ada, Channel::Sms, &format!("+{ADA}"));
    site.sms_by(&infobip);
    let mut process = site.start().await;

    let script = script().replace("ana@example.org:PASSWORD", &format!("{EMAIL}:{PASSWORD}"));
    let script = script.replace("http://127.0.0.1:8000", &site.url(""));
    let run = tokio::process::Command::new("bash").args(["-euo", "pipefail", "-c", &script]).output();
    let output = run.await.expect("bash runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stdout).contains("\"created\""), "{}", text(&output.stdout));
    let page = infobip
        .wait_for_copy("the test's page", Duration::from_secs(30), |copy| copy.to == ADA && copy.text.contains("TEST"));
    page.await;

    let status = process.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status} {}", process.output());
    assert!(site.verify().is_well());
}

/// The shell block after the heading.
fn script() -> String {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("the README is there");
    let (_, section) = readme.split_once("\n## The API\n").expect("a section about the API");
    let (_, block) = section.split_once("```sh\n").expect("a script");
    block.split_once("```").expect("it ends").0.to_owned()
}
