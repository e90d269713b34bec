//! A person at a browser, and the site they work at.

use super::{Device, Setting};
use crate::live::Site;
use harness::browser::{Browser, Element};
use harness::infobip::{Copy, FakeInfobip};
use harness::process::Process;
use harness::programs::repository;
use serde_json::Value;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long a page may take to show something, on a busy machine.
const APPEAR: Duration = Duration::from_secs(20);
/// How long a message may take to reach a phone.
pub const ARRIVE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// What a thumb can hit. A mouse hits anything.
const THUMB: f64 = 44.0;

/// A site that is being set up, before anybody works at it.
pub struct House {
    pub site: Site,
    pub infobip: FakeInfobip,
}

impl House {
    /// Nobody exists yet; text messages go to the fake.
    pub async fn new() -> House {
        let mut site = Site::new();
        let infobip = FakeInfobip::start("k3y").await;
        site.sms_by(&infobip);
        site.set("PAGERPAL_BASE_URL", site.url(""));
        House { site, infobip }
    }

    /// Served by the binary, in this browser, as `setting` has it.
    pub async fn open<'a>(mut self, browser: &'a Browser, name: &'static str, setting: Setting) -> Desk<'a> {
        let process = self.site.start().await;
        let (width, height, touch) = setting.device.size();
        browser.pretend(width, height, touch).await;
        browser.prefer_dark(setting.dark).await;
        browser.allow_scripts(setting.scripts).await;
        // Cookies do not tell ports apart, so the last site's would be sent here.
        browser.goto(&self.site.url("/login")).await;
        browser.forget_cookies().await;
        browser.console().await;
        let House { site, infobip } = self;
        Desk { browser, site, infobip, process, name, setting, taps: Cell::new(0), judged: Cell::new(0) }
    }
}

impl Device {
    fn size(self) -> (u32, u32, bool) {
        match self {
            Device::Desk => (1280, 800, false),
            Device::Phone => (360, 640, true),
        }
    }
}

pub struct Desk<'a> {
    browser: &'a Browser,
    pub site: Site,
    pub infobip: FakeInfobip,
    process: Process,
    name: &'static str,
    pub setting: Setting,
    taps: Cell<usize>,
    judged: Cell<usize>,
}

/// Going there.
impl Desk<'_> {
    pub async fn open(&self, path: &str) {
        self.browser.goto(&self.site.url(path)).await;
    }

    /// A link in a message, which takes one tap.
    pub async fn open_link(&self, copy: &Copy) {
        let link = copy.text.split_whitespace().find(|word| word.contains("/a/")).unwrap_or_else(|| panic!("{copy:?}"));
        self.taps.set(self.taps.get() + 1);
        self.browser.goto(link).await;
    }

    /// A section, by its name in the navigation. A phone's bar has room for the first few.
    pub async fn go(&self, section: &str) {
        let link = "nav a";
        if self.setting.device == Device::Phone && self.look_for(link, section).await.is_none() {
            self.press("More").await;
        }
        self.follow_in(link, section).await;
    }
}

/// Using what is there.
impl Desk<'_> {
    /// A button, or what opens a section.
    pub async fn press(&self, words: &str) {
        let button = self.find(BUTTONS, words).await;
        self.hit(&button, words, true).await;
    }

    /// Twice, as somebody does whose screen seems slow.
    pub async fn press_twice(&self, words: &str) {
        let button = self.find(BUTTONS, words).await;
        match self.setting.device {
            Device::Phone if self.setting.scripts => button.tap(2).await,
            // Where the first tap leaves the page, nobody may be left to answer the driver for the second touch.
            Device::Desk | Device::Phone => button.double_click().await,
        }
    }

    /// A link.
    pub async fn follow(&self, words: &str) {
        self.follow_in("a[href]", words).await;
    }

    async fn follow_in(&self, css: &str, words: &str) {
        let link = self.find(css, words).await;
        // Links stand in lines of text, where they cannot be as high as a thumb.
        self.hit(&link, words, false).await;
    }

    /// Fills the fields that stand in one form with this button, found by their labels, and presses it. Boxes are ticked.
    pub async fn submit(&self, button: &str, fields: &[(&str, &str)]) {
        self.fill(button, fields).await;
        self.press(button).await;
    }

    pub async fn fill(&self, button: &str, fields: &[(&str, &str)]) {
        for &(label, value) in fields {
            let field = self.wait_for(FIELD, &[BUTTONS, button, label]).await;
            self.set(&field, label, value).await;
        }
    }

    async fn set(&self, field: &Element<'_>, label: &str, value: &str) {
        let kind = field.run("return arguments[0].type").await;
        match kind.as_str().unwrap_or_default() {
            "select-one" => {
                let chosen = field.run(&with("const wanted = VALUE; return choose(arguments[0], wanted)", value)).await;
                assert_eq!(chosen, true, "{label} has no {value:?} to choose: {}", field.text().await);
            }
            "checkbox" | "radio" => self.hit(field, label, false).await,
            // As a picker does: what is typed into one depends on the browser's language.
            "date" | "datetime-local" | "time" => {
                field.run(&with("const wanted = VALUE; arguments[0].value = wanted", value)).await;
                assert_eq!(field.value().await, value, "{label}");
            }
            _ => {
                field.clear().await;
                field.type_text(value).await;
            }
        }
    }

    async fn hit(&self, what: &Element<'_>, words: &str, is_button: bool) {
        self.taps.set(self.taps.get() + 1);
        match self.setting.device {
            Device::Desk => what.click().await,
            Device::Phone => {
                let height = what.run("return arguments[0].getBoundingClientRect().height").await;
                let is_large = height.as_f64().is_some_and(|height| height >= THUMB);
                assert!(is_large || !is_button, "{words:?} is {height} px high, too small for a thumb");
                what.tap(1).await;
            }
        }
    }

    /// Taps so far, of links in messages and of all that was pressed.
    pub fn taps(&self) -> usize {
        self.taps.get()
    }

    /// So many minutes from now, as a date field of a schedule in UTC has it.
    pub async fn at(&self, minutes: i64) -> String {
        let script = format!("return new Date(Date.now() + {minutes} * 60000).toISOString().slice(0, 16)");
        self.browser.run(&script).await.as_str().expect("a time").to_owned()
    }
}

/// Looking.
impl Desk<'_> {
    /// Waits until the page says this, and judges it.
    pub async fn sees(&self, words: &str) {
        self.sees_in("main", words).await;
    }

    pub async fn sees_in(&self, css: &str, words: &str) {
        self.find(css, words).await;
        self.judge().await;
    }

    /// What the page that was just seen does not say.
    pub async fn lacks(&self, words: &str) {
        self.lacks_in("main", words).await;
    }

    pub async fn lacks_in(&self, css: &str, words: &str) {
        assert!(self.look_for(css, words).await.is_none(), "{words:?} is on {}", self.here().await);
    }

    pub async fn text_of(&self, css: &str) -> String {
        self.browser.find(css).await.text().await
    }

    /// Everything that could be pressed, by its words. What opens a section or leads elsewhere does nothing else.
    pub async fn buttons(&self) -> Vec<String> {
        let words = self.browser.run(&with("return all('button').map(said)", "")).await;
        let words = words.as_array().expect("a list").iter();
        words.map(|words| words.as_str().expect("words").to_owned()).collect()
    }

    /// The whole page is on the screen at once, and this button is as high as that.
    pub async fn needs_no_scrolling(&self, button: &str, height: f64) {
        let size = self.browser.run("return [innerHeight, document.documentElement.scrollHeight]").await;
        assert!(size[1].as_u64() <= size[0].as_u64(), "{size} on {}", self.here().await);
        let found = self.find(BUTTONS, button).await;
        let found = found.run("return arguments[0].getBoundingClientRect().height").await;
        assert!(found.as_f64() >= Some(height), "{button} is {found} px high");
    }

    /// The middle of a button, as far from the corner of the page.
    pub async fn place_of(&self, button: &str) -> (i64, i64) {
        let button = self.find(BUTTONS, button).await;
        let script = "const box = arguments[0].getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2].map(Math.round)";
        let place = button.run(script).await;
        (place[0].as_i64().expect("a number"), place[1].as_i64().expect("a number"))
    }

    pub async fn has_button_at(&self, (x, y): (i64, i64)) -> bool {
        let script = format!("return !!document.elementFromPoint({x}, {y})?.closest('button, a')");
        self.browser.run(&script).await == true
    }

    async fn judge(&self) {
        self.judged.set(self.judged.get() + 1);
        let seen = self.browser.run(JUDGE).await;
        let ground = match (seen["night"].as_bool(), self.setting.dark) {
            (Some(true), _) => "rgb(0, 0, 0)",
            (_, true) => "rgb(14, 16, 22)",
            (_, false) => "rgb(248, 248, 250)",
        };
        assert_eq!(seen["ground"], ground, "the theme does not apply to {}", self.here().await);
        assert_eq!(seen["window"], seen["content"], "{} is scrolled sideways", self.here().await);
        if seen["has_scripts"] == true {
            assert_eq!(seen["ran"], self.setting.scripts, "scripts, on {}", self.here().await);
        }
        if seen["live"].is_string() && !self.setting.scripts {
            assert_eq!(seen["live"], "○ Reload to refresh", "{}", self.here().await);
        }
        for line in self.browser.console().await {
            // The browser says so of every form that is refused, which some journeys are about.
            let is_refusal = line.contains("the server responded with a status of 4") && !line.contains("/assets/");
            assert!(is_refusal || line.starts_with("DEBUG"), "the console of {}: {line}", self.here().await);
        }
        if std::env::var_os("SCREENSHOTS").is_some() {
            self.photograph().await;
        }
    }

    /// The whole page, or as much of it as anybody scrolls.
    async fn photograph(&self) {
        let Setting { scripts, device, dark } = self.setting;
        let (width, height, touch) = device.size();
        let whole = self.browser.run("return document.documentElement.scrollHeight").await;
        let whole = whole.as_u64().unwrap_or_default().clamp(u64::from(height), 6000) as u32;
        let words = [if scripts { "scripts" } else { "plain" }, if dark { "dark" } else { "light" }];
        let step = self.judged.get();
        let folder = repository().join("target/screenshots");
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        self.browser.pretend(width, whole, touch).await;
        let name = format!("journey-{}-{step:02}-{device:?}-{}.png", self.name, words.join("-"));
        self.browser.screenshot(folder.join(name.to_lowercase())).await;
        self.browser.pretend(width, height, touch).await;
    }

    async fn here(&self) -> String {
        format!("{} ({:?})", self.browser.url().await, self.setting)
    }

    /// What matches and says this, of several the one that says it most exactly.
    async fn find(&self, css: &str, words: &str) -> Element<'_> {
        self.wait_for(NAMED, &[css, words]).await
    }

    async fn look_for(&self, css: &str, words: &str) -> Option<Element<'_>> {
        self.browser.pick(&with(NAMED, ""), &[css, words]).await.unwrap_or_else(|why| panic!("{words:?}: {why}"))
    }

    async fn wait_for(&self, script: &str, words: &[&str]) -> Element<'_> {
        let script = with(script, "");
        let deadline = Instant::now() + APPEAR;
        loop {
            // A page that is just being left answers nothing; the next look sees the new one.
            let found = self.browser.pick(&script, words).await;
            if let Ok(Some(element)) = found {
                return element;
            }
            if Instant::now() >= deadline {
                let (here, page) = (self.here().await, self.text_of("body").await);
                panic!("no {words:?} on {here}, but {:?}:\n{page}", found.err());
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// What happens around the page.
impl Desk<'_> {
    /// An alert of a monitoring tool, which is heard.
    pub async fn alert(&self, key: &str, body: &Value) {
        assert_eq!(self.post_alert(key, body).await, 200, "{body}");
    }

    /// The status with which one is answered.
    pub async fn post_alert(&self, key: &str, body: &Value) -> u16 {
        self.site.post("generic", key, body).await.expect("an answer").status
    }

    /// An incident's status, as programs read it.
    pub async fn status_of(&self, number: u64) -> String {
        let incident = self.site.ask(&format!("/api/v1/incidents/{number}")).await;
        incident["status"].as_str().expect("a status").to_owned()
    }

    /// The first message on this number that says so.
    pub async fn message(&self, number: &str, words: &str) -> Copy {
        let what = format!("{words:?} on {number}");
        self.infobip.wait_for_copy(&what, ARRIVE, |copy| copy.to == number && copy.text.contains(words)).await
    }

    /// How often this number was paged for an incident.
    pub fn pages(&self, number: &str) -> usize {
        self.infobip.handsets().iter().filter(|copy| copy.to == number && copy.text.contains("/a/")).count()
    }

    /// What the process has said so far.
    pub fn log(&self) -> String {
        self.process.output()
    }

    /// The end of a journey: the process stops as it should, and its file is sound.
    pub async fn close(mut self, pages: usize) {
        let judged = self.judged.get();
        assert!(judged >= pages, "only {judged} pages were looked at");
        // An open page would complain that its stream ends.
        self.browser.goto("about:blank").await;
        let status = self.process.terminate(Duration::from_secs(20)).await;
        assert!(status.success(), "{status} {}", self.process.output());
        assert!(self.site.verify().is_well());
    }
}

const BUTTONS: &str = "button, a.button, summary";

/// A script among what all of them use, with this text in the place of `VALUE`.
fn with(script: &str, value: &str) -> String {
    format!("{COMMON}\n{}", script.replace("VALUE", &Value::from(value).to_string()))
}

/// By the words that can be read: exactly these, beginning with them, or with them somewhere.
const COMMON: &str = "
const said = (one) => (one.getAttribute('aria-label') || one.innerText || '').replace(/\\s+/g, ' ').trim();
const shown = (one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled;
const fits = [(has, words) => has === words, (has, words) => has.startsWith(words), (has, words) => has.includes(words)];
const best = (those, words, name) => {
  for (const fit of fits) {
    const found = those.find((one) => fit(name(one), words));
    if (found) return found;
  }
  return null;
};
const all = (css) => [...document.querySelectorAll(css)].filter(shown);
const named = (css, words) => best(all(css), words, said);
const choose = (select, words) => {
  const option = best([...select.options], words, (one) => one.text.trim());
  if (!option) return false;
  select.value = option.value;
  select.dispatchEvent(new Event('change', { bubbles: true }));
  return true;
};";

const NAMED: &str = "return named(arguments[0], arguments[1]);";

const FIELD: &str = "
const button = named(arguments[0], arguments[1]);
const form = button && button.form;
if (!form) return null;
const names = (one) => [...(one.labels || [])].map((label) => label.textContent).concat(one.getAttribute('aria-label') || []);
const fields = [...form.elements].filter(shown).flatMap((one) => names(one).map((name) => [name, one]));
const found = best(fields, arguments[2], ([name]) => name.replace(/\\s+/g, ' ').trim());
return found && found[1];";

const JUDGE: &str = "
const root = document.documentElement;
const live = document.getElementById('live');
return {
  ground: getComputedStyle(document.body).backgroundColor,
  night: root.classList.contains('night'),
  window: innerWidth,
  content: Math.max(innerWidth, root.scrollWidth),
  live: live && live.textContent,
  has_scripts: document.scripts.length > 0,
  ran: window.pagerpal !== undefined,
};";
