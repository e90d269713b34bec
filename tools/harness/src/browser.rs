//! A real browser without a window: Chromium, driven over the W3C WebDriver protocol through chromedriver.
//!
//! Each [`Browser`] has a profile of its own that goes with it, and talks to nobody but what a test opens. The calls
//! are those of a person: open, find, click, type, read, look. Elements are found with CSS and waited for, since pages
//! arrive when they arrive. Everything a page wrote to its console is kept, so that a test can ask for silence.

use crate::http;
use crate::process::{Launch, Process, folder, free_port};
use crate::programs::program;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const START: Duration = Duration::from_secs(60);
/// How long an element may take to appear.
const APPEAR: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// Presses of Tab in one command, which has a time limit.
const TABS_AT_ONCE: usize = 20;

/// The key of an element's reference, a constant of the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// As root in a closed network: no sandbox, and none of the calls home that would be refused one by one.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // /dev/shm is small in containers.
    "--disable-dev-shm-usage",
];

pub struct Browser {
    session: String,
    // Dropped in this order: the programs go before their folder.
    _driver: Process,
    _folder: TempDir,
}

/// Something on the current page. Useless after the page is left.
pub struct Element<'a> {
    browser: &'a Browser,
    id: String,
    url: String,
}

impl Browser {
    /// Starts one with a window of 1280 x 900.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start() -> Browser {
        let folder = folder("browser");
        let url = format!("http://127.0.0.1:{}", free_port());
        let port = url.rsplit(':').next().expect("the URL ends in a port").to_string();
        // Its own HOME and TMPDIR, so that everything goes with the folder.
        let mut driver = Launch::new(program("chromedriver"), folder.path())
            .arg(format!("--port={port}"))
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .start();
        driver.wait_until_answers(&format!("{url}/status"), START).await.unwrap_or_else(|why| panic!("{why}"));
        let profile = format!("--user-data-dir={}", folder.path().join("profile").display());
        let flags: Vec<&str> = FLAGS.into_iter().chain([profile.as_str()]).collect();
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": program("chromium"), "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let answer = command(http::post(format!("{url}/session")).json(&wanted)).await;
        let answer = answer.unwrap_or_else(|why| panic!("{why}\n{}", driver.output()));
        let id = answer["sessionId"].as_str().expect("a new session has an id");
        let browser = Browser { session: format!("{url}/session/{id}"), _driver: driver, _folder: folder };
        browser.resize(1280, 900).await;
        browser
    }

    /// Opens an address and waits until the page is loaded.
    pub async fn goto(&self, url: &str) {
        self.post("/url", &json!({ "url": url })).await;
    }

    pub async fn url(&self) -> String {
        text(&self.get("/url").await)
    }

    pub async fn title(&self) -> String {
        text(&self.get("/title").await)
    }

    /// The page as HTML, as it is now.
    pub async fn source(&self) -> String {
        text(&self.get("/source").await)
    }

    /// Sets the window's outer size, in CSS pixels; without a window that is the page's size too.
    pub async fn resize(&self, width: u32, height: u32) {
        self.post("/window/rect", &json!({ "width": width, "height": height })).await;
    }

    /// Looks like a device with this page size from the next page on; `touch` as a phone without a mouse.
    pub async fn pretend(&self, width: u32, height: u32, touch: bool) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &size).await;
        let fingers = json!({ "enabled": touch, "maxTouchPoints": if touch { 5 } else { 1 } });
        self.devtools("Emulation.setTouchEmulationEnabled", &fingers).await;
    }

    /// Whether its owner likes dark pages; open ones follow at once.
    pub async fn prefer_dark(&self, dark: bool) {
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": [scheme] })).await;
    }

    /// Whether pages may run scripts, from the next page on. What a test runs in them works either way.
    pub async fn allow_scripts(&self, allowed: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({ "value": !allowed })).await;
    }

    /// A command of Chromium's own protocol, for what WebDriver has no word.
    async fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await
    }

    /// Gives the browser a cookie of the site it is on.
    pub async fn set_cookie(&self, name: &str, value: &str) {
        self.post("/cookie", &json!({ "cookie": { "name": name, "value": value, "path": "/" } })).await;
    }

    pub async fn forget_cookies(&self) {
        command(http::call("DELETE", format!("{}/cookie", self.session)))
            .await
            .unwrap_or_else(|why| panic!("cookies: {why}"));
    }

    /// Presses the key Tab so many times, as fast as the browser takes it.
    pub async fn press_tab(&self, times: usize) {
        let key = |kind: &str| json!({ "type": kind, "value": "\u{E004}" });
        let (whole, rest) = (times / TABS_AT_ONCE, times % TABS_AT_ONCE);
        for times in std::iter::repeat_n(TABS_AT_ONCE, whole).chain([rest]) {
            let keys: Vec<Value> = (0..times).flat_map(|_| [key("keyDown"), key("keyUp")]).collect();
            self.post("/actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": keys }] })).await;
        }
    }

    /// Runs a script's body whose last argument is to be called with the answer, some time.
    pub async fn run_until_done(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({ "script": script, "args": [] })).await
    }

    /// Writes what is to be seen to a PNG file.
    pub async fn screenshot(&self, file: impl AsRef<Path>) {
        let file = file.as_ref();
        let png = STANDARD.decode(text(&self.get("/screenshot").await)).expect("a screenshot comes in base64");
        fs::write(file, png).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }

    /// Runs a script's body in the page and returns what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// The element that a script's body returns, if it returns one; `arguments` are these words. `Err` when the page was
    /// left meanwhile, or the script is wrong.
    pub async fn pick(&self, script: &str, words: &[&str]) -> Result<Option<Element<'_>>, String> {
        let call = http::post(format!("{}/execute/sync", self.session));
        let found = command(call.json(&json!({ "script": script, "args": words }))).await?;
        Ok((!found.is_null()).then(|| self.element(&found)))
    }

    /// What the page wrote to its console since the last call, refused requests and broken policies included.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({ "type": "browser" })).await;
        let entries = entries.as_array().map_or(&[][..], Vec::as_slice);
        entries.iter().map(|entry| format!("{} {}", text(&entry["level"]), text(&entry["message"]))).collect()
    }

    /// The first element that matches, once there is one.
    ///
    /// # Panics
    /// When there is none after ten seconds, with the page.
    pub async fn find(&self, css: &str) -> Element<'_> {
        let deadline = Instant::now() + APPEAR;
        loop {
            if let Some(element) = self.find_all(css).await.into_iter().next() {
                return element;
            }
            if Instant::now() >= deadline {
                panic!("no `{css}` on {}:\n{}", self.url().await, self.source().await);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until a matching element shows this text somewhere in it.
    ///
    /// # Panics
    /// When none does after ten seconds, with the page.
    pub async fn find_with_text(&self, css: &str, wanted: &str) -> Element<'_> {
        let deadline = Instant::now() + APPEAR;
        loop {
            for element in self.find_all(css).await {
                // A page that just changed takes its elements along; the next look sees the new ones.
                if element.try_text().await.is_ok_and(|text| text.contains(wanted)) {
                    return element;
                }
            }
            if Instant::now() >= deadline {
                panic!("no `{css}` with {wanted:?} on {}:\n{}", self.url().await, self.source().await);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Whatever matches now, without waiting.
    pub async fn find_all(&self, css: &str) -> Vec<Element<'_>> {
        let found = self.post("/elements", &json!({ "using": "css selector", "value": css })).await;
        let found = found.as_array().map_or(&[][..], Vec::as_slice);
        found.iter().map(|element| self.element(element)).collect()
    }

    fn element(&self, reference: &Value) -> Element<'_> {
        let id = reference[ELEMENT].as_str().expect("an element has a reference");
        Element { browser: self, id: id.to_owned(), url: format!("{}/element/{id}", self.session) }
    }

    async fn get(&self, path: &str) -> Value {
        command(http::get(format!("{}{path}", self.session))).await.unwrap_or_else(|why| panic!("{path}: {why}"))
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let call = http::post(format!("{}{path}", self.session)).json(body);
        let shown = |body: &Value| body.to_string().chars().take(300).collect::<String>();
        command(call).await.unwrap_or_else(|why| panic!("{path} {}: {why}", shown(body)))
    }
}

impl Element<'_> {
    pub async fn click(&self) {
        self.post("/click", &json!({})).await;
    }

    /// Touches its middle so many times, as fast as a hurried finger. Whatever lies above it there is what is touched.
    pub async fn tap(&self, times: usize) {
        self.point("touch", times).await;
    }

    /// Clicks its middle twice, as a double click of the mouse does.
    pub async fn double_click(&self) {
        self.point("mouse", 2).await;
    }

    async fn point(&self, kind: &str, times: usize) {
        self.run("arguments[0].scrollIntoView({ block: 'center', inline: 'nearest' })").await;
        let there = json!({ "type": "pointerMove", "duration": 0, "x": 0, "y": 0, "origin": self.reference() });
        let press = |kind: &str| json!({ "type": kind, "button": 0 });
        let presses = (0..times).flat_map(|_| [press("pointerDown"), press("pointerUp")]);
        let actions: Vec<Value> = std::iter::once(there).chain(presses).collect();
        let pointer =
            json!({ "type": "pointer", "id": kind, "parameters": { "pointerType": kind }, "actions": actions });
        self.browser.post("/actions", &json!({ "actions": [pointer] })).await;
    }

    /// Runs a script's body, whose `arguments[0]` this is, and returns what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.browser.post("/execute/sync", &json!({ "script": script, "args": [self.reference()] })).await
    }

    fn reference(&self) -> Value {
        json!({ ELEMENT: self.id })
    }

    /// Types into it, after what is there.
    pub async fn type_text(&self, text: &str) {
        self.post("/value", &json!({ "text": text })).await;
    }

    /// Empties a field.
    pub async fn clear(&self) {
        self.post("/clear", &json!({})).await;
    }

    /// The text as a person sees it.
    pub async fn text(&self) -> String {
        self.try_text().await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// An attribute as it stands in the page; `None` if absent.
    pub async fn attribute(&self, name: &str) -> Option<String> {
        let value = command(http::get(format!("{}/attribute/{name}", self.url))).await;
        value.unwrap_or_else(|why| panic!("attribute {name}: {why}")).as_str().map(str::to_string)
    }

    /// The current value of a field.
    pub async fn value(&self) -> String {
        let value = command(http::get(format!("{}/property/value", self.url))).await;
        text(&value.unwrap_or_else(|why| panic!("value: {why}")))
    }

    /// Whether a person could see it.
    pub async fn is_displayed(&self) -> bool {
        let shown = command(http::get(format!("{}/displayed", self.url))).await;
        shown.unwrap_or_else(|why| panic!("displayed: {why}")) == json!(true)
    }

    async fn try_text(&self) -> Result<String, String> {
        Ok(text(&command(http::get(format!("{}/text", self.url))).await?))
    }

    async fn post(&self, path: &str, body: &Value) {
        let result = command(http::post(format!("{}{path}", self.url)).json(body)).await;
        if let Err(why) = result {
            panic!("{path} on {}: {why}", self.browser.url().await);
        }
    }
}

/// Sends a command; the value of a success, or what the driver said is wrong.
async fn command(call: http::Call) -> Result<Value, String> {
    let answer = call.send().await.map_err(|error| format!("the driver does not answer: {error}"))?;
    let value = answer.json::<Value>()["value"].take();
    if answer.status == 200 {
        Ok(value)
    } else {
        Err(format!("{}: {}", text(&value["error"]), text(&value["message"])))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Form;
    use axum::response::Html;
    use axum::routing::get;
    use axum::{Router, extract::Request};
    use std::collections::HashMap;

    const PAGE: &str = "<!doctype html><title>Sign in</title><h1>PagerPal</h1>
<form method=post><input name=email><button>Go</button></form>
<p hidden id=secret>psst</p>
<script>setTimeout(() => { document.body.insertAdjacentHTML('beforeend', '<p class=late>here now</p>') }, 200);
console.error('a complaint')</script>";

    #[tokio::test(flavor = "multi_thread")]
    async fn a_page_is_opened_filled_in_and_looked_at() {
        let answer = |Form(fields): Form<HashMap<String, String>>| async move {
            Html(format!("<h1>Hello {}</h1>", fields["email"]))
        };
        let router = Router::new().route("/", get(|_: Request| async { Html(PAGE) }).post(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("serving does not end") });

        let browser = Browser::start().await;
        browser.goto(&url).await;
        assert_eq!((browser.title().await.as_str(), browser.url().await), ("Sign in", url.clone()));
        assert_eq!(browser.find("h1").await.text().await, "PagerPal");
        assert!(!browser.find("#secret").await.is_displayed().await);
        assert_eq!(browser.find(".late").await.text().await, "here now");
        assert!(browser.console().await.iter().any(|line| line.contains("a complaint")));
        assert_eq!(browser.run("return 6 * 7").await, json!(42));
        let field = browser.find("input").await;
        field.type_text("zoë@example.test").await;
        assert_eq!(field.value().await, "zoë@example.test");
        assert_eq!(field.attribute("name").await.as_deref(), Some("email"));
        browser.find("button").await.click().await;
        browser.find_with_text("h1", "Hello zoë@example.test").await;

        // A finger, and a page that may not run its scripts.
        browser.goto(&url).await;
        let words = ["Go"];
        let by_name = "return [...document.querySelectorAll('button')].find((one) => one.innerText === arguments[0])";
        browser.find("input").await.run("arguments[0].value = 'a finger'").await;
        browser.pick(by_name, &words).await.expect("a sound script").expect("a button").tap(1).await;
        browser.find_with_text("h1", "Hello a finger").await;
        assert!(browser.pick(by_name, &words).await.expect("a sound script").is_none());
        browser.console().await;
        browser.allow_scripts(false).await;
        browser.goto(&url).await;
        assert_eq!(browser.console().await, Vec::<String>::new());
        browser.allow_scripts(true).await;

        let folder = folder("screenshot");
        let file = folder.path().join("page.png");
        browser.resize(600, 500).await;
        browser.screenshot(&file).await;
        let png = fs::read(&file).expect("the picture was written");
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
        // The header's width: a phone's page is really narrow.
        assert_eq!(u32::from_be_bytes([png[16], png[17], png[18], png[19]]), 600);
        serving.abort();
    }
}
