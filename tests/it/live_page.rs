//! Open pages in a real browser: they follow what happens without being loaded again, say when they cannot, and obey keys.
//! The server is the real one, inside of this process.

use crate::live::{EMAIL, PASSWORD, Site, photograph, photograph_whole};
use harness::browser::Browser;
use pagerpal::app::{App, Switches};
use pagerpal::bridge::Bridge;
use pagerpal::domain::contact::Channel;
use pagerpal::egress::Egress;
use pagerpal::web::{Web, WebSettings, server};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const KEY: &str = "00112233445566778899aabbccddeeff";
/// What an open page may need to show what happened elsewhere; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(2);

struct Served {
    site: Site,
    app: Arc<App>,
    running: Option<Running>,
}

struct Running {
    web: Arc<Web>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Served {
    async fn new() -> Served {
        let mut site = Site::new();
        let ada = site.ada();
        let team = site.team("Payments");
        let policy = site.policy("Payments 24x7", &[ada]);
        site.source("checks", "generic", team, policy, KEY);
        let app = site.take();
        app.switch(Switches { sending: false, retry: true, escalation: true });
        let mut served = Served { site, app: Arc::new(app), running: None };
        served.begin().await;
        served
    }

    async fn begin(&mut self) {
        let settings = WebSettings {
            base_url: None,
            cookie_secure: false,
            allowed_origins: vec![].into(),
            is_trusted_proxy: Box::new(|_| false),
            listens_on_loopback: true,
            read_call: pagerpal::notify::infobip::inbox::read_call,
            session_key: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"a secret that only this test knows"),
            sign_on: None,
        };
        let egress = Arc::new(Egress::new(&[]).expect("no extra root to go wrong"));
        let web = Arc::new(Web::new(Arc::clone(&self.app), Bridge::new(2), egress, settings));
        let listener = server::bind(([127, 0, 0, 1], self.site.port).into()).await.expect("its port");
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server::serve(Arc::clone(&web), listener, None, async move {
            let _ = stopped.await;
        }));
        self.running = Some(Running { web, stop, serving });
    }

    /// As a restart does: what has begun is finished, and streams end at once.
    async fn end(&mut self) {
        let Running { stop, serving, .. } = self.running.take().expect("it runs");
        let begun = Instant::now();
        stop.send(()).expect("it listens");
        serving.await.expect("it ends in order");
        assert!(begun.elapsed() < Duration::from_secs(8), "a stream held up the end for {:?}", begun.elapsed());
    }

    fn streams(&self) -> usize {
        self.running.as_ref().expect("it runs").web.live.streams()
    }

    async fn alert(&self, id: &str, title: &str, severity: &str) {
        let body = json!({ "external_id": id, "title": title, "severity": severity });
        let answer = self.site.post("generic", KEY, &body).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    async fn browser(&self, path: &str) -> Browser {
        let browser = Browser::start().await;
        browser.goto(&self.site.url(&format!("/login?next={path}"))).await;
        browser.find("input[name=email]").await.type_text(EMAIL).await;
        browser.find("input[name=password]").await.type_text(PASSWORD).await;
        browser.find_with_text("button", "Sign in").await.click().await;
        self.is_live(&browser).await;
        browser.run("window.neverLoadedAgain = true").await;
        browser
    }

    async fn is_live(&self, browser: &Browser) {
        browser.find_with_text("#live", "● Live").await;
    }
}

async fn was_not_loaded_again(browser: &Browser) {
    assert_eq!(browser.run("return window.neverLoadedAgain === true").await, json!(true), "the page was loaded again");
    let console = browser.console().await;
    assert!(console.is_empty(), "{console:#?}");
}

async fn key(browser: &Browser, key: &str) {
    let event = format!("new KeyboardEvent('keydown', {{ key: {key:?}, bubbles: true, cancelable: true }})");
    browser.run(&format!("document.activeElement.dispatchEvent({event})")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_comes_and_is_acknowledged_without_loading_the_page() {
    let served = Served::new().await;
    let browser = served.browser("/dashboard").await;
    let elsewhere = served.browser("/dashboard").await;
    browser.find_with_text("h1", "All quiet.").await;
    served.alert("db-1", "db-1 disk 97 %", "critical").await;
    browser.find_with_text("td", "db-1 disk 97 %").await;
    browser.find_with_text("h1", "1 needs someone.").await;
    browser.find_with_text("#alarm", "New critical incident").await;
    elsewhere.find_with_text("td", "db-1 disk 97 %").await;
    photograph(&browser, "live-incident-came").await;

    browser.find_with_text("tbody button", "Acknowledge").await.click().await;
    let pressed = Instant::now();
    browser.find_with_text("#voice", "Acknowledged ").await;
    elsewhere.find_with_text(".acknowledged", "has it").await;
    assert!(pressed.elapsed() < SOON + Duration::from_secs(3), "another browser saw it after {:?}", pressed.elapsed());
    browser.find_with_text(".acknowledged", "has it").await;
    photograph_whole(&browser, "live-acknowledged").await;
    was_not_loaded_again(&browser).await;
    was_not_loaded_again(&elsewhere).await;

    // A page that is open says what stands on top of every page.
    served.app.board.channel_configured(Channel::Sms, Some("Infobip"), vec![]);
    for _ in 0..5 {
        served.app.board.channel_answered(Channel::Sms, served.app.now(), Some("Invalid login details"));
    }
    browser.find_with_text("#strips", "the last 5 messages failed").await;
    was_not_loaded_again(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_holds_new_rows_back_and_keys_work_on_what_is_there() {
    let served = Served::new().await;
    served.alert("a", "disk full", "error").await;
    let browser = served.browser("/incidents").await;
    served.alert("b", "queue long", "warning").await;
    served.alert("c", "probe failed", "error").await;
    browser.find_with_text("#more", "2 new, show").await;
    assert_eq!(browser.find_all("tbody tr").await.len(), 1);
    photograph(&browser, "live-new-rows").await;
    browser.find("#more").await.click().await;
    browser.find_with_text("td", "probe failed").await;
    assert_eq!(browser.find_all("tbody tr").await.len(), 3);

    key(&browser, "a").await;
    browser.find_with_text("#voice", "Choose a row first").await;
    for pressed in ["j", "x", "j", "x"] {
        key(&browser, pressed).await;
    }
    assert_eq!(browser.find_all("tr[data-chosen]").await.len(), 2);
    key(&browser, "a").await;
    browser.find_with_text("#voice", "Acknowledge 2? Enter").await;
    key(&browser, "Escape").await;
    browser.find_with_text("#voice", "Nothing was done.").await;
    key(&browser, "a").await;
    key(&browser, "Enter").await;
    browser.find_with_text("#voice", "2 acknowledged").await;
    let has_it =
        "return [...document.querySelectorAll('tbody tr')].filter(row => row.textContent.includes('has it')).length";
    let deadline = Instant::now() + Duration::from_secs(10);
    while browser.run(has_it).await != json!(2) {
        assert!(Instant::now() < deadline, "two rows are taken: {}", browser.source().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    was_not_loaded_again(&browser).await;
    key(&browser, "?").await;
    assert!(browser.find("#keys").await.is_displayed().await);
    photograph(&browser, "live-keys").await;
    browser.find_with_text("#keys button", "Close").await.click().await;
    key(&browser, "g").await;
    key(&browser, "d").await;
    browser.find_with_text("h1", "in hand").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_moves_under_a_finger_that_is_down() {
    let mut served = Served::new().await;
    served.alert("a", "Disk full", "critical").await;
    let browser = served.browser("/incidents").await;
    // Again and again, for it is believed for two seconds.
    let down = "const press = () => document.dispatchEvent(new PointerEvent('pointerdown'));
        press(); window.pressing = setInterval(press, 100);
        window.looks = () => performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/incidents')).length;
        window.before = looks()";
    browser.run(down).await;
    served.alert("b", "Queue stuck", "critical").await;
    let since = Instant::now();
    while browser.run("return looks() > before").await != json!(true) {
        assert!(since.elapsed() < 5 * SOON, "the page did not look");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // What is put there at once would be there by now.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(browser.run("return document.body.innerText.includes('1 new')").await, json!(false));
    browser.run("clearInterval(pressing); document.dispatchEvent(new PointerEvent('pointerup'))").await;
    browser.find_with_text("#more", "1 new, show").await;
    was_not_loaded_again(&browser).await;
    browser.goto("about:blank").await;
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incidents_page_sends_its_forms_and_keeps_what_is_being_typed() {
    let served = Served::new().await;
    served.alert("a", "disk full", "error").await;
    let browser = served.browser("/incidents/1").await;
    browser.find_with_text("summary", "Snooze, reassign").await.click().await;
    browser.find("textarea[name=note]").await.type_text("half a sentence").await;
    served.alert("a", "disk full", "error").await;
    browser.find_with_text("#page", "2 alerts").await;
    assert_eq!(browser.find("textarea[name=note]").await.value().await, "half a sentence");
    browser.find_with_text("button", "Add note").await.click().await;
    browser.find_with_text("#voice", "Note added").await;
    browser.find_with_text("li", "half a sentence").await;
    assert_eq!(browser.find("textarea[name=note]").await.value().await, "");
    browser.find_with_text("button", "Add note").await.click().await;
    browser.find_with_text("#page [role=alert]", "Not done.").await;
    browser.find_with_text("button", "Acknowledge").await.click().await;
    browser.find_with_text("#voice", "Acknowledged ").await;
    browser.find_with_text(".pill", "has it").await;
    photograph(&browser, "live-incident-page").await;
    let console: Vec<String> = browser.console().await.into_iter().filter(|line| !line.contains("422")).collect();
    assert!(console.is_empty(), "{console:#?}");
    assert_eq!(browser.run("return window.neverLoadedAgain === true").await, json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_share_one_stream_and_say_when_there_is_none() {
    let mut served = Served::new().await;
    let browser = served.browser("/dashboard").await;
    for path in ["/incidents", "/on-call", "/settings"] {
        browser.run(&format!("window.open('{path}', '_blank', 'popup')")).await;
    }
    served.alert("a", "disk full", "error").await;
    browser.find_with_text("td", "disk full").await;
    assert_eq!(served.streams(), 1);

    served.end().await;
    browser.find_with_text("#live", "◌ Reconnecting, showing ").await;
    photograph(&browser, "live-reconnecting").await;
    served.begin().await;
    let begun = Instant::now();
    // A start, and what a browser waits before it tries again.
    while begun.elapsed() < Duration::from_secs(40) {
        if browser.find("#live").await.text().await == "● Live" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    served.is_live(&browser).await;
    served.alert("b", "queue long", "error").await;
    browser.find_with_text("td", "queue long").await;
    assert_eq!(browser.run("return window.neverLoadedAgain === true").await, json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_ticked_are_taken_without_loading_the_page() {
    let served = Served::new().await;
    for id in ["a", "b", "c"] {
        served.alert(id, &format!("alert {id}"), "error").await;
    }
    let browser = served.browser("/incidents").await;
    for number in [1, 2] {
        browser.find(&format!("#i{number} input[name=number]")).await.click().await;
    }
    assert_eq!(browser.find_all("tr[data-chosen]").await.len(), 2);
    photograph(&browser, "live-ticked").await;
    browser.find_with_text("button", "Acknowledge ticked").await.click().await;
    browser.find_with_text("#voice", "2 acknowledged.").await;
    browser.find_with_text("#i1", "has it").await;
    browser.find_with_text("#i3", "Needs someone").await;
    was_not_loaded_again(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_source_notices_what_is_turned_away_and_what_comes() {
    let served = Served::new().await;
    let browser = served.browser("/dashboard").await;
    browser.goto(&served.site.url("/alert-sources")).await;
    browser.find("a.title").await.click().await;
    browser.find_with_text("#heard", "Waiting for the first event").await;
    served.is_live(&browser).await;
    browser.run("window.neverLoadedAgain = true").await;
    let answer = served.site.post("alertmanager", "wrong", &json!({})).await.expect("an answer");
    assert_eq!(answer.status, 401);
    browser.find_with_text("#heard", "its key opens no alert source").await;
    served.alert("a", "disk full", "error").await;
    browser.find_with_text("#heard", "opened #1").await;
    photograph(&browser, "live-first-event").await;
    was_not_loaded_again(&browser).await;
}
