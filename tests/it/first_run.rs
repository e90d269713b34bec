//! A new operator's first minutes, in a browser, with nothing configured: from an empty folder to a page that would have
//! been sent.

use crate::live::{START, photograph};
use harness::browser::Browser;
use harness::process::{Launch, folder, free_port};
use harness::programs::release_binary;

#[tokio::test(flavor = "multi_thread")]
async fn from_an_empty_folder_to_the_first_recorded_page() {
    let (folder, port) = (folder("first-run"), free_port());
    let url = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let serve = ["serve".to_owned(), "--listen".to_owned(), format!("127.0.0.1:{port}")];
    let mut process = Launch::new(release_binary("pagerpal"), folder.path()).clean_env().args(serve).start();
    process.wait_until_answers(&url("/health"), START).await.expect("it serves");
    let browser = Browser::start().await;
    browser.resize(1280, 900).await;

    // The first admin.
    let code = folder.path().join("pagerpal-data/setup-code");
    assert!(process.output().contains(std::fs::read_to_string(&code).expect("the setup code").trim()));
    browser.goto(&url("/")).await;
    browser.find_with_text("h1", "Create the first admin").await;
    photograph(&browser, "first-run-1-first-admin").await;
    fill(&browser, "name", "Ada").await;
    fill(&browser, "email", "ada@example.test").await;
    fill(&browser, "password", "lamp otter bridge nine").await;
    browser.find_with_text("button", "Create admin").await.click().await;
    browser.find_with_text("body", "Safe mode: nobody is contacted").await;
    photograph(&browser, "first-run-2-dashboard").await;
    assert!(!code.exists(), "nobody needs the setup code any more");

    // A team, a policy whose first level is Ada, an alert source.
    browser.goto(&url("/teams")).await;
    fill(&browser, "name", "Everyone").await;
    browser.find_with_text("button", "Create team").await.click().await;
    browser.find_with_text("h1", "Everyone").await;
    browser.goto(&url("/escalation-policies/new")).await;
    fill(&browser, "name", "Round the clock").await;
    choose(&browser, "recipients", "Ada").await;
    browser.find_with_text("button", "Create policy").await.click().await;
    browser.find_with_text("h1", "Round the clock").await;
    photograph(&browser, "first-run-3-policy").await;
    browser.goto(&url("/alert-sources/new")).await;
    fill(&browser, "name", "backups").await;
    browser.find_with_text("button", "Create alert source").await.click().await;
    browser.find_with_text("body", "It is not shown again").await;
    photograph(&browser, "first-run-4-alert-source").await;

    // A test alert: decided, recorded, and kept on the machine.
    browser.goto(&url("/alert-sources")).await;
    browser.find_with_text("a", "backups").await.click().await;
    browser.find_with_text("button", "Send test alert").await.click().await;
    browser.find_with_text("body", "TEST: alert source backups works").await;
    browser.goto(&url("/incidents/1")).await;
    browser.find_with_text("body", "safe mode").await;
    photograph(&browser, "first-run-5-incident").await;
    browser.resize(390, 844).await;
    for (name, path) in [
        ("first-run-6-incident-phone", "/incidents/1"),
        ("first-run-7-dashboard-phone", "/dashboard"),
        ("first-run-8-settings-phone", "/settings"),
    ] {
        browser.goto(&url(path)).await;
        photograph(&browser, name).await;
    }
    assert!(browser.console().await.is_empty(), "the browser complains: {:?}", browser.console().await);
}

async fn fill(browser: &Browser, name: &str, text: &str) {
    let field = browser.find(&format!("main [name={name}]")).await;
    field.clear().await;
    field.type_text(text).await;
}

async fn choose(browser: &Browser, name: &str, option: &str) {
    browser.find_with_text(&format!("main select[name={name}] option"), option).await.click().await;
}
