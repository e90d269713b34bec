//! Twenty secrets go through a whole run of the real binary, each through its own door, and then everything that is kept or
//! shown is searched for them: the log at its most talkative, the metrics, every page and every list of the API, every answer to a
//! mistake, what the commands print, and the bytes of every file.
//!
//! What may be seen is said here: a secret that PagerPal makes is in the one answer that hands it over, and one that was
//! configured is where it is used. A text that is no secret is searched for in the same places and must be found in them, or
//! the search would prove nothing.

use crate::live::{EMAIL, PASSWORD, Site};
use flate2::read::MultiGzDecoder;
use harness::http::{self, Answer};
use harness::infobip::FakeInfobip;
use harness::process::free_port;
use harness::programs::release_binary;
use harness::smtp::{self, MailServer};
use pagerpal::domain::contact::Channel;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const PHONE: &str = "4917000777";
/// No secret at all: the title of an alert.
const BAIT: &str = "bait-5c0e1f7a";

/// What is configured or typed by hand.
const SECRET_KEY: &str = "8d1f0c3a5b7e9d2f4a6c8e0b1d3f5a7c9e2b4d6f8a0c1e3b5d7f9a1c";
const INFOBIP_KEY: &str = "canary-infobip-2f7b";
const CLIENT_SECRET: &str = "canary-client-6e0d";
const WRONG_PASSWORD: &str = "canary wrong at login 41";
const WRONG_BASIC: &str = "canary-wrong-basic-90";
const UNKNOWN_TOKEN: &str = "ppt_CanaryUnknownToken0000000000000000000000ab";
const UNKNOWN_KEY: &str = "cafe0123456789abcdef0123456789ab";
const KEY_IN_ADDRESS: &str = "beef0123456789abcdef0123456789ab";
const WRONG_LINK: &str = "CanaryWrongLink00000000000a";
const IN_A_BODY: &str = "canary-in-a-body-58";
const CALENDAR: &str = "canary-calendar-c4";
const SIGNING: &str = "canary signing secret 15";
const KEY: &str = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e";

/// Addresses that are copied again from the page of what they belong to, by those who may give it another one: whose they
/// are, and how the page's path begins and ends.
const MAY_SHOW: [(&str, &str, &str); 2] =
    [("a feed's address", "/users/", "/calendars"), ("a ping's address", "/heartbeats/", "")];

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_seen_where_it_has_no_business() {
    let infobip = FakeInfobip::start(INFOBIP_KEY).await;
    let mail = MailServer::start().await;
    let mut site = Site::new();
    let ada = site.ada();
    site.contact(ada, Channel::Sms, &format!("+{PHONE}"));
    let (team, policy) = (site.team("Payments"), site.policy("Nights", &[ada]));
    site.source("shop", "generic", team, policy, KEY);
    let grafana = site.source("board", "grafana", team, policy, &KEY.replace('5', "6"));
    site.sms_by(&infobip);
    site.mail_by(&mail);
    for (name, value) in [
        ("SECRET_KEY", SECRET_KEY),
        (
            "LOG_LEVEL",
            "trace,hyper=trace,hyper_util=trace,reqwest=trace,lettre=trace,rustls=trace,hickory_resolver=trace",
        ),
        ("OIDC_ISSUER", "https://localhost:1"),
        ("OIDC_CLIENT_ID", "pagerpal"),
        ("OIDC_CLIENT_SECRET", CLIENT_SECRET),
    ] {
        site.set(name, value);
    }
    // Providers call back where the base URL is https only.
    site.set("PAGERPAL_BASE_URL", "https://pager.example.test");
    let metrics = free_port();
    site.set("METRICS_LISTEN_ADDRESS", format!("127.0.0.1:{metrics}"));
    let mut process = site.start().await;

    let mut secrets: BTreeMap<&str, String> = [
        ("SECRET_KEY", SECRET_KEY),
        ("INFOBIP_API_KEY", INFOBIP_KEY),
        ("SMTP_PASSWORD", smtp::PASSWORD),
        ("OIDC_CLIENT_SECRET", CLIENT_SECRET),
        ("a password", PASSWORD),
        ("a wrong password at login", WRONG_PASSWORD),
        ("a wrong password of a program", WRONG_BASIC),
        ("an unknown token", UNKNOWN_TOKEN),
        ("an unknown key", UNKNOWN_KEY),
        ("a key in an address", KEY_IN_ADDRESS),
        ("a wrong link", WRONG_LINK),
        ("a value of a refused body", IN_A_BODY),
        ("a calendar's address", CALENDAR),
        ("a signing secret", SIGNING),
        ("a source's key", KEY),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into();

    let visitor = Visitor { site: &site };
    let mut seen = visitor.make_mistakes().await;
    visitor.hand_over(&mut secrets, &ada.to_string(), &grafana.to_string()).await;
    let page = visitor.be_paged(&infobip).await;
    let link = page.split("/a/").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a link");
    secrets.insert("the link of a message", link.to_owned());
    let callback = infobip.wait_for("a callback", PATIENCE, |memory| {
        memory.taken.iter().find_map(|taken| taken.message.report_url.clone())
    });
    let callback = callback.await;
    let callback = callback.split("/infobip/").nth(1).and_then(|rest| rest.split('/').next()).expect("a token");
    secrets.insert("the callbacks' token", callback.to_owned());
    mail.wait_for(1, PATIENCE).await;
    assert!(secrets.len() >= 20 && secrets.values().collect::<BTreeSet<_>>().len() == secrets.len(), "{secrets:?}");
    assert!(secrets.values().all(|secret| secret.len() >= 12), "too short to be looked for: {secrets:?}");

    let metrics = http::get(format!("http://127.0.0.1:{metrics}/metrics")).send().await.expect("an answer");
    assert_eq!(metrics.status, 200);
    seen.push(("the metrics".to_owned(), whole(&metrics)));
    let session = secrets["a session"].clone();
    seen.extend(visitor.read_everything(&session).await);
    for arguments in [&["config", "show"][..], &["config", "show", "SECRET_KEY"]] {
        seen.push((arguments.join(" "), site.launch_to_end(arguments)));
    }
    let doctor = site.doctor(&["--report", "report.txt"]).await;
    seen.push(("doctor".to_owned(), String::from_utf8_lossy(&[doctor.stdout, doctor.stderr].concat()).into_owned()));
    // What is for strangers holds no name either, although everything else does.
    let report = std::fs::read_to_string(site.data_dir().join("report.txt")).expect("a report");
    assert!(report.contains("PagerPal support report") && report.contains("incidents"), "{report}");
    for name in
        [BAIT, "Ada", EMAIL, PHONE, "Payments", "Nights", "shop", "board", "nightly", "Primary", "Leave", "script"]
    {
        assert!(!report.contains(name), "{name} is in the support report: {report}");
    }
    let status = process.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status} {}", process.output());
    seen.push(("verify".to_owned(), site.launch_to_end(&["verify"])));
    seen.push(("the log".to_owned(), process.output()));
    site.launch_to_end(&["backup", "copy.backup"]);
    let secret_key_is_elsewhere = |path: &Path| !path.ends_with("secret.key");
    let mut files = files_of(&site.data_dir());
    files.retain(|(path, _)| secret_key_is_elsewhere(path) && path.extension().is_none_or(|ending| ending != "log"));
    let copies = files.iter().filter(|(_, bytes)| bytes.starts_with(GZIP)).map(unpacked).collect::<Vec<_>>();
    assert!(
        copies.iter().any(|(path, bytes)| path.ends_with("copy.backup") && holds(bytes, BAIT)),
        "no backup was read"
    );
    files.extend(copies);

    let mut wrong = Vec::new();
    for (name, secret) in &secrets {
        let may_show = |place: &str| {
            MAY_SHOW.iter().any(|(of, start, end)| of == name && place.starts_with(start) && place.ends_with(end))
        };
        let shown = seen.iter().filter(|(_, text)| text.contains(secret.as_str())).map(|(place, _)| place.clone());
        let shown = shown.filter(|place| !may_show(place));
        let held = files.iter().filter(|(_, bytes)| holds(bytes, secret)).map(|(path, _)| path.display().to_string());
        wrong.extend(shown.chain(held).map(|place| format!("{name} is in {place}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // The search finds what is there.
    let shown: Vec<&str> =
        seen.iter().filter(|(_, text)| text.contains(BAIT)).map(|(place, _)| place.as_str()).collect();
    assert!(["/dashboard", "/incidents", "/api/v1/incidents"].iter().all(|place| shown.contains(place)), "{shown:?}");
    assert!(files.iter().any(|(_, bytes)| holds(bytes, BAIT)), "nothing was found in {} files", files.len());
    let log = process.output();
    assert!(log.lines().count() > 20 && log.contains("\"sent\"") && log.contains("hyper"), "{log}");
    assert!(!log.contains(EMAIL) && !log.contains(PHONE), "people's addresses are masked");
    assert!(seen.len() > 60, "{} answers are not everything", seen.len());
    eprintln!("{} secrets, {} answers, {} files", secrets.len(), seen.len(), files.len());
}

struct Visitor<'a> {
    site: &'a Site,
}

impl Visitor<'_> {
    /// Everything that is refused, and what was said to it.
    async fn make_mistakes(&self) -> Vec<(String, String)> {
        let url = |path: &str| self.site.url(path);
        let alert = json!({"title": "x"});
        let wrong = [
            http::post(url("/login")).form(&[("email", EMAIL), ("password", WRONG_PASSWORD)]),
            http::get(url("/api/v1/me")).basic(EMAIL, WRONG_BASIC),
            http::get(url("/api/v1/me")).header("authorization", format!("Bearer {UNKNOWN_TOKEN}")),
            http::post(url("/api/v1/webhooks/generic")).header("x-api-key", UNKNOWN_KEY).json(&alert),
            http::post(url(&format!("/api/v1/webhooks/generic?api_key={KEY_IN_ADDRESS}"))).json(&alert),
            http::get(url(&format!("/a/{WRONG_LINK}"))),
            http::get(url(&format!("/ping/{WRONG_LINK}"))),
            http::get(url(&format!("/calendar/{WRONG_LINK}.ics"))),
            http::post(url("/api/v1/users")).basic(EMAIL, PASSWORD).json(&json!({"name": "Bo", "pasword": IN_A_BODY})),
            http::post(url("/api/v1/teams")).basic(EMAIL, PASSWORD).body("application/json", format!("[{IN_A_BODY}")),
            http::get(url(&format!("/api/v1/users?token={IN_A_BODY}"))).basic(EMAIL, PASSWORD),
            http::get(url("/login/oidc")),
            http::get(url(&format!("/login/oidc/callback?code={IN_A_BODY}&state={IN_A_BODY}"))),
        ];
        let mut seen = Vec::new();
        for (place, call) in wrong.into_iter().enumerate() {
            let answer = call.send().await.expect("an answer");
            assert!(!(200..300).contains(&answer.status), "mistake {place} was none: {}", answer.text());
            seen.push((format!("the answer to mistake {place}"), whole(&answer)));
        }
        seen
    }

    /// What PagerPal makes and shows once, and what it is given to keep.
    async fn hand_over(&self, secrets: &mut BTreeMap<&str, String>, ada: &str, grafana: &str) {
        let form = [("email", EMAIL), ("password", PASSWORD)];
        let signed_in = http::post(self.site.url("/login")).form(&form).send().await.expect("an answer");
        let cookie = signed_in.header("set-cookie").expect("a cookie").split(';').next().unwrap_or("");
        secrets.insert("a session", cookie.split_once('=').expect("a pair").1.to_owned());

        let token = self.make("me/tokens", json!({"name": "script", "role": "admin"})).await;
        secrets.insert("a personal token", text(&token, "token"));
        let bearer = format!("Bearer {}", text(&token, "token"));
        let used = http::get(self.site.url("/api/v1/me")).header("authorization", bearer).send().await;
        assert_eq!(used.expect("an answer").status, 200);
        let teams = self.site.ask("/api/v1/teams").await;
        let policies = self.site.ask("/api/v1/escalation-policies").await;
        let (team, policy) = (text(&teams["data"][0], "id"), text(&policies["data"][0], "id"));
        let new = json!({"name": "extra", "kind": "generic", "team": team, "policy": policy});
        let source = self.make("alert-sources", new).await;
        secrets.insert("a new source's key", text(&source, "key"));
        let renewed = self.make(&format!("alert-sources/{}/regenerate-key", text(&source, "id")), json!({})).await;
        secrets.insert("a renewed key", text(&renewed, "key"));
        let beat = json!({"name": "nightly", "alert_source": text(&source, "id"), "interval_seconds": 600,
            "grace_seconds": 300});
        let beat = self.make("heartbeats", beat).await;
        let ping = text(&beat, "address");
        let pinged = http::get(self.site.url(&ping[ping.find("/ping/").expect("an address")..])).send().await;
        assert_eq!(pinged.expect("an answer").status, 200);
        secrets.insert("a ping's address", after(&ping, "/ping/"));
        let feed = text(&self.make(&format!("users/{ada}/feeds"), json!({})).await, "address");
        secrets.insert("a feed's address", after(&feed, "/calendar/").trim_end_matches(".ics").to_owned());

        let schedule = json!({"name": "Primary", "team": team, "zone": "UTC"});
        let schedule = text(&self.make("schedules", schedule).await, "id");
        let import = json!({"name": "Leave", "url": format!("https://calendar.example.net/{CALENDAR}"), "zone": "UTC"});
        self.make(&format!("schedules/{schedule}/imports"), import).await;
        let signing = http::call("PUT", self.site.url(&format!("/api/v1/alert-sources/{grafana}/signing")));
        let signing = signing.basic(EMAIL, PASSWORD).header("if-match", "*").json(&json!({"signing_secret": SIGNING}));
        assert_eq!(signing.send().await.expect("an answer").status, 200);
    }

    /// The text message about an alert that has the bait in it.
    async fn be_paged(&self, infobip: &FakeInfobip) -> String {
        let alert = json!({"external_id": "1", "title": BAIT, "severity": "critical"});
        let answer = self.site.post("generic", KEY, &alert).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = infobip.wait_for_copy("the page", PATIENCE, |copy| copy.to == PHONE && copy.text.contains(BAIT));
        page.await.text
    }

    async fn make(&self, path: &str, body: Value) -> Value {
        let call = http::post(self.site.url(&format!("/api/v1/{path}"))).basic(EMAIL, PASSWORD).json(&body);
        let answer = call.send().await.expect("an answer");
        assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
        answer.json()
    }

    /// Every page that a link leads to from the dashboard, and every list and thing of the API that an id leads to.
    async fn read_everything(&self, session: &str) -> Vec<(String, String)> {
        let mut waiting: VecDeque<String> = ["/dashboard", "/api/docs", "/health"].map(str::to_owned).into();
        let document: Value = http::get(self.site.url("/api/v1/openapi.json")).send().await.expect("an answer").json();
        let paths = document["paths"].as_object().expect("paths");
        let gets = || paths.iter().filter(|(_, row)| row.get("get").is_some()).map(|(path, _)| path);
        waiting.extend(gets().filter(|path| !path.contains('{')).cloned());
        let mut known: BTreeSet<String> = waiting.iter().cloned().collect();
        let mut seen = Vec::new();
        while let Some(path) = waiting.pop_front() {
            let answer = loop {
                let call = http::get(self.site.url(&path)).header("cookie", format!("__Host-pagerpal={session}"));
                let answer = call.send().await.expect("an answer");
                if answer.status != 429 {
                    break answer;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            };
            assert!(answer.status < 500, "{path}: {}", answer.text());
            let body = answer.text();
            let links = links_of(&body).into_iter().chain(things_of(&path, &body));
            // Pages of many weeks lead to more weeks for ever.
            let new = links.filter(|link| !link.contains('?') && known.insert(link.clone())).collect::<Vec<_>>();
            waiting.extend(new);
            seen.push((path, whole(&answer)));
        }
        seen
    }
}

impl Site {
    /// What a command says, on either output.
    fn launch_to_end(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(release_binary("pagerpal"));
        command.args(arguments).env_clear().envs(self.settings()).current_dir(self.data_dir());
        let output = command.output().expect("it starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }
}

/// Headers and body.
fn whole(answer: &Answer) -> String {
    let headers =
        answer.headers.iter().map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    headers.collect::<String>() + &answer.text()
}

fn links_of(page: &str) -> Vec<String> {
    let targets = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let own = targets.filter(|target| target.starts_with('/') && !target.starts_with("//"));
    own.map(|target| target.split('#').next().unwrap_or("").to_owned()).collect()
}

/// The addresses of what a list of the API has.
fn things_of(path: &str, body: &str) -> Vec<String> {
    let list: Value = serde_json::from_str(body).unwrap_or_default();
    let ids = list["data"].as_array().into_iter().flatten().filter_map(|row| row["id"].as_str());
    if path.starts_with("/api/v1/") { ids.map(|id| format!("{path}/{id}")).collect() } else { vec![] }
}

fn files_of(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_of(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            files.push((path, bytes));
        }
    }
    files
}

/// How a gzip file begins (RFC 1952).
const GZIP: &[u8] = &[0x1f, 0x8b];

fn unpacked((path, bytes): &(PathBuf, Vec<u8>)) -> (PathBuf, Vec<u8>) {
    let mut plain = Vec::new();
    MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).expect("a whole backup");
    (path.clone(), plain)
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_else(|| panic!("{member} in {value}")).to_owned()
}

fn after(address: &str, part: &str) -> String {
    address.split(part).nth(1).unwrap_or_else(|| panic!("{part} in {address}")).to_owned()
}
