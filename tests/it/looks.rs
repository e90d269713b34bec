//! Every page in a real browser, in the [`Organisation`], at a desk and on a phone, in light and in dark: nothing that
//! axe-core finds wrong, no scrolling sideways, and everything reached by Tab with a ring that can be seen.
//!
//! With `SCREENSHOTS=1` every page is photographed as well, into `target/screenshots`: `cargo xtask screenshots`. With
//! `LOOK_AT=incident` only pages whose name holds that word are looked at. A new route is looked at without anybody asking,
//! since the paths come from the table of routes.

use crate::house::existing;
use crate::organisation::Organisation;
use axum::http::Method;
use harness::browser::Browser;
use harness::programs::repository;
use pagerpal::web::routes;
use serde_json::Value;
use std::path::PathBuf;

struct Device {
    name: &'static str,
    width: u32,
    height: u32,
    touch: bool,
}

const DESK: Device = Device { name: "desk", width: 1280, height: 800, touch: false };
const PHONE: Device = Device { name: "phone", width: 360, height: 640, touch: true };
/// WCAG 2.2, 1.4.10.
const NARROWEST: u32 = 320;

/// How far Tab is followed. Only the reference of the API has more stops, and there each takes a while.
const MOST_STOPS: usize = 150;

/// What no person looks at, or what would never end loading.
const NO_PAGES: [&str; 8] = ["/api/v1", "/assets", "/calendar/", "/events", "/health", "/ping/", "/oidc", "/strips"];

/// Besides what [`existing`] names: states of the same page.
const MORE_PAGES: [(&str, &str); 17] = [
    ("incident-exhausted", "/incidents/{exhausted}"),
    ("incident-held", "/incidents/{held}"),
    ("incident-snoozed", "/incidents/{snoozed}"),
    ("incident-taken", "/incidents/{taken}"),
    ("incident-resolved", "/incidents/{resolved}"),
    ("incident-test", "/incidents/{test}"),
    ("incidents-resolved", "/incidents?status=resolved"),
    ("link-taken", "/a/{taken_link}"),
    ("source-with-topic", "/alert-sources/{aws_source}"),
    ("source-unheard", "/alert-sources/{quiet_source}"),
    ("schedule-with-gaps", "/schedules/{network_schedule}"),
    ("maintenance-weekly", "/maintenance/{weekly_window}"),
    ("user-unreachable", "/users/{Hugo}"),
    ("user-inactive", "/users/{Dana}"),
    ("on-call-for-paper", "/on-call?print=1"),
    ("schedule-for-paper", "/schedules/{schedule}?weeks=4&print=1"),
    ("missing", "/incidents/99999"),
];

/// What a stranger sees.
const STRANGERS_PAGES: [(&str, &str); 2] = [("login", "/login"), ("link-dead", "/a/000000000000000000000000000")];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_for_everybody_at_a_desk() {
    walk(&DESK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_for_everybody_on_a_phone() {
    walk(&PHONE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_pages_are_for_everybody() {
    let site = Organisation::empty().await;
    let mut eye = Eye::open(Browser::start().await, site).await;
    for device in [&DESK, &PHONE] {
        eye.hold(device).await;
        eye.look("first-admin", "/login").await;
    }
    eye.site.found().await;
    eye.site.sign_in(&eye.browser, "Ana").await;
    for device in [&DESK, &PHONE] {
        eye.hold(device).await;
        for name in ["dashboard", "incidents", "on-call", "schedules", "teams", "escalation-policies", "alert-sources"]
        {
            eye.look(&format!("empty-{name}"), &format!("/{name}")).await;
        }
    }
    eye.close();
}

/// What somebody chose wins over the device, on pages and on what is shown instead of one.
#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_theme_holds_whatever_the_device_prefers() {
    let site = Organisation::start().await;
    let browser = site.browser_of("Ana").await;
    let ground = "return getComputedStyle(document.body).backgroundColor";
    for (theme, dark, expected) in [("dark", false, "rgb(14, 16, 22)"), ("light", true, "rgb(248, 248, 250)")] {
        browser.prefer_dark(dark).await;
        browser.goto(&site.url("/me")).await;
        let chosen = format!(
            "const theme = document.querySelector('[name=theme]'); theme.value = '{theme}'; theme.form.submit();"
        );
        browser.run(&chosen).await;
        browser.find_with_text("option:checked", theme).await;
        for path in ["/dashboard", "/incidents/99999", "/problems", "/api/docs"] {
            browser.goto(&site.url(path)).await;
            assert_eq!(browser.run(ground).await, expected, "{theme} on {path}");
        }
    }
}

/// A page with something wrong is told from one without.
#[tokio::test(flavor = "multi_thread")]
async fn the_eye_sees() {
    let site = Organisation::empty().await;
    let mut eye = Eye::open(Browser::start().await, site).await;
    eye.hold(&PHONE).await;
    eye.browser.goto(&eye.site.url("/login")).await;
    eye.browser.run(SPOIL).await;
    eye.judge("spoilt").await;
    let found = eye.complaints.join("\n");
    for wanted in ["image-alt", "color-contrast", "sideways", "is never reached", "has no ring"] {
        assert!(found.contains(wanted), "{wanted} was not seen:\n{found}");
    }
}

async fn walk(device: &'static Device) {
    let site = Organisation::start().await;
    let browser = site.browser_of("Ana").await;
    let mut eye = Eye::open(browser, site).await;
    eye.hold(device).await;
    let only = std::env::var("LOOK_AT").unwrap_or_default();
    for (name, path) in pages().into_iter().filter(|(name, _)| name.contains(&only)) {
        eye.look(&name, &path).await;
    }
    if !only.is_empty() {
        return eye.close();
    }
    eye.come_second("/escalation-policies/{policy}").await;
    eye.judge("second-to-save").await;
    eye.browser.forget_cookies().await;
    for (name, path) in STRANGERS_PAGES {
        eye.look(name, path).await;
    }
    assert!(eye.seen > 50, "only {} pages were looked at", eye.seen);
    eye.close();
}

/// Names and paths of everything an admin can look at.
fn pages() -> Vec<(String, String)> {
    let is_page = |path: &str| !NO_PAGES.iter().any(|start| path.starts_with(start)) && path != "/";
    let rows = routes::table().into_iter().filter(|row| row.method == Method::GET && is_page(row.path));
    let named = rows.map(|row| {
        let words: Vec<&str> = row.path.split('/').filter(|part| !part.is_empty()).collect();
        let name = words.iter().map(|part| if part.starts_with('{') { "one" } else { part });
        (name.collect::<Vec<_>>().join("-"), existing(&row))
    });
    let more = MORE_PAGES.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned()));
    named.chain(more).collect()
}

/// Looks at pages and keeps what is wrong with them.
struct Eye {
    browser: Browser,
    site: Organisation,
    axe: String,
    device: &'static Device,
    takes_pictures: bool,
    seen: usize,
    complaints: Vec<String>,
}

impl Eye {
    async fn open(browser: Browser, site: Organisation) -> Eye {
        let file = repository().join("target/node/node_modules/axe-core/axe.min.js");
        let missing = |error| panic!("{}: {error}; run `cargo xtask needs`", file.display());
        let axe = std::fs::read_to_string(&file).unwrap_or_else(missing);
        let takes_pictures = std::env::var_os("SCREENSHOTS").is_some();
        Eye { browser, site, axe, device: &DESK, takes_pictures, seen: 0, complaints: Vec::new() }
    }

    async fn hold(&mut self, device: &'static Device) {
        self.device = device;
        self.browser.pretend(device.width, device.height, device.touch).await;
    }

    async fn look(&mut self, name: &str, path: &str) {
        self.browser.goto(&self.site.url(path)).await;
        self.judge(name).await;
    }

    /// Saves the policy's form behind its own back, then sends what the form had.
    async fn come_second(&self, path: &str) {
        self.browser.goto(&self.site.url(path)).await;
        self.browser.run_until_done(SAVE_FIRST).await;
        self.browser.find_with_text("b", "You changed this in another window while you were editing.").await;
    }

    /// Of the page that is open.
    async fn judge(&mut self, name: &str) {
        self.seen += 1;
        let (here, device) = (self.device, self.device.name);
        self.browser.run(&self.axe).await;
        for (theme, dark) in [("light", false), ("dark", true)] {
            self.browser.prefer_dark(dark).await;
            if self.takes_pictures {
                self.photograph(&format!("{name}-{device}-{theme}"), here).await;
            }
            let found = self.browser.run_until_done(AXE).await;
            self.complain(&format!("{name} ({device}, {theme})"), &found);
        }
        self.browser.prefer_dark(false).await;
        let focusable = self.browser.run(FOCUSABLE).await.as_u64().expect("a number");
        let stops = focusable as usize + 3;
        self.browser.press_tab(stops.min(MOST_STOPS)).await;
        let found = self.browser.run(if stops <= MOST_STOPS { UNREACHED } else { BADLY_REACHED }).await;
        self.complain(&format!("{name} ({device}, by Tab)"), &found);
        let found = self.browser.run(EMPTY_GLYPHS).await;
        self.complain(&format!("{name} ({device})"), &found);
        let wide = self.browser.run("return [innerWidth, document.documentElement.scrollWidth]").await;
        self.complain_if_wide(name, &wide);
        if here.touch && (name.starts_with("a-") || name.starts_with("link-")) {
            let height = self.browser.run("return document.documentElement.scrollHeight").await;
            if height.as_u64() > Some(u64::from(here.height)) {
                self.complaints.push(format!("{name}: {height} px high, so somebody woken at night has to scroll"));
            }
        }
        if here.touch {
            self.browser.pretend(NARROWEST, here.height, true).await;
            let wide = self.browser.run("return [innerWidth, document.documentElement.scrollWidth]").await;
            self.complain_if_wide(name, &wide);
            self.browser.pretend(here.width, here.height, true).await;
        }
        for line in self.browser.console().await {
            // The browser says so of every page that is not there, which some of these pages are about.
            if !line.starts_with("DEBUG") && !line.contains("the server responded with a status of 4") {
                self.complaints.push(format!("{name} ({device}): the console says {line}"));
            }
        }
    }

    fn complain(&mut self, page: &str, found: &Value) {
        let found = found.as_array().unwrap_or_else(|| panic!("{page}: {found}"));
        let words = found.iter().map(|one| format!("{page}: {}", one.as_str().unwrap_or("?")));
        self.complaints.extend(words);
    }

    fn complain_if_wide(&mut self, page: &str, sizes: &Value) {
        let (window, content) = (sizes[0].as_u64().expect("a width"), sizes[1].as_u64().expect("a width"));
        if content > window {
            self.complaints.push(format!("{page}: {content} px are scrolled sideways in {window}"));
        }
    }

    /// The whole page, or as much of it as anybody scrolls.
    async fn photograph(&self, name: &str, device: &Device) {
        let folder: PathBuf = repository().join("target/screenshots");
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        let height = self.browser.run("return document.documentElement.scrollHeight").await;
        let height = height.as_u64().unwrap_or_default().clamp(u64::from(device.height), 6000) as u32;
        self.browser.pretend(device.width, height, device.touch).await;
        self.browser.screenshot(folder.join(format!("{name}.png"))).await;
        self.browser.pretend(device.width, device.height, device.touch).await;
    }

    fn close(self) {
        assert!(self.complaints.is_empty(), "{} found:\n{}", self.complaints.len(), self.complaints.join("\n"));
    }
}

/// Everything axe-core knows, good habits included.
const AXE: &str = "
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ['violations'] }).then((found) => {
  const node = (one) => one.target.join(' ') + ' (' + one.failureSummary.replace(/\\s+/g, ' ') + ')';
  done(found.violations.flatMap((rule) => rule.nodes.map((one) => rule.id + ': ' + node(one))));
}, (error) => done(['axe failed: ' + error]));";

const SAVE_FIRST: &str = "
const done = arguments[arguments.length - 1];
const form = document.querySelector('form [name=repage_minutes]').form;
const first = new URLSearchParams(new FormData(form));
first.set('repeat', '3');
first.set('repage_minutes', '45');
fetch(form.action, { method: 'POST', body: first }).then((answer) => {
  form.elements.repeat.value = '2';
  done(answer.status);
  form.requestSubmit();
});";

/// Shapes that the page names and the sprite does not have.
const EMPTY_GLYPHS: &str = "
const drawsNothing = (use) => use.checkVisibility() && use.getBBox().width === 0;
return [...document.querySelectorAll('use')].filter(drawsNothing).map((use) => use.outerHTML + ' draws nothing');";

/// A picture without words, as wide as no phone is; words nobody can read; a field beyond Tab; buttons without a ring.
const SPOIL: &str = "
const picture = document.createElement('img');
picture.src = '/assets/icon.svg';
picture.width = 900;
const words = document.createElement('p');
words.className = 'pale';
words.textContent = 'Light grey on white';
document.querySelector('main').append(picture, words);
const sheet = new CSSStyleSheet();
sheet.replaceSync('.pale { color: #DDD; background: #FFF } button { outline: none !important }');
document.adoptedStyleSheets = [sheet];
document.querySelector('input[name=email]').tabIndex = -1;";

/// Counts what should be reached, and listens to what is.
const FOCUSABLE: &str = "
const wanted = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex=\"0\"]';
const shown = (one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && !one.ariaHidden;
window.unreached = new Set([...document.querySelectorAll(wanted)].filter(shown));
window.ringless = [];
window.hidden = [];
// A field for a date has a stop for each of its parts.
const stops = [...window.unreached].map((one) => (one.type || '').startsWith('date') ? 8 : 1);
const count = stops.reduce((sum, one) => sum + one, 0);
document.addEventListener('focusin', (event) => {
  const one = event.target;
  window.unreached.delete(one);
  if (one.type === 'radio') document.getElementsByName(one.name).forEach((other) => window.unreached.delete(other));
  const style = getComputedStyle(one);
  if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2) window.ringless.push(one);
  // The first line of it, where it has several.
  const box = one.getClientRects()[0];
  const [x, y] = [box.x + Math.min(box.width / 2, 8), box.y + Math.min(box.height / 2, 8)];
  const top = document.elementFromPoint(x, y);
  if (top && !one.contains(top) && !top.contains(one)) window.hidden.push([one, top]);
});
document.activeElement?.blur?.();
getSelection().removeAllRanges();
return count;";

const UNREACHED: &str = "
const name = (one) => one.outerHTML.slice(0, 120);
return [
  ...[...window.unreached].map((one) => name(one) + ' is never reached'),
  ...window.ringless.map((one) => name(one) + ' has no ring'),
  ...window.hidden.map(([one, top]) => name(one) + ' is under ' + name(top)),
];";

/// The same where not everything was tried.
const BADLY_REACHED: &str = "
const name = (one) => one.outerHTML.slice(0, 120);
return [
  ...window.ringless.map((one) => name(one) + ' has no ring'),
  ...window.hidden.map(([one, top]) => name(one) + ' is under ' + name(top)),
];";
