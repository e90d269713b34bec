//! The reverse-proxy samples of `packaging/proxy` in front of the real binary, each by the real proxy: nothing of a sample is
//! changed but names, ports and certificates.

use crate::live::{EMAIL, PASSWORD, START, Site};
use crate::tls::certificate;
use harness::process::{Launch, Process, folder, free_port};
use harness::programs::{program, repository};
use pagerpal::app::audit;
use pagerpal::store::Take;
use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

const KEY: &str = "00112233445566778899aabbccddeeff";
/// All of 127.0.0.0/8 is this machine, so that a person may have an address of their own.
const PERSON: &str = "127.0.0.7";
const SAMPLE_NAME: &str = "pager.example.org";
const SAMPLE_UPSTREAM: &str = "127.0.0.1:8000";
/// What an event may take from its commit to somebody's screen.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn behind_nginx() {
    let stand = Stand::new();
    let sample = stand.sample("nginx.conf");
    let sample = put(&sample, "listen 443 ssl", &format!("listen 127.0.0.1:{} ssl", stand.port));
    let sample = put(&sample, "    listen [::]:443 ssl;\n", "");
    let sample = put(&sample, "listen 80;", &format!("listen 127.0.0.1:{};", free_port()));
    let sample = put(&sample, "    listen [::]:80;\n", "");
    let live = format!("/etc/letsencrypt/live/{SAMPLE_NAME}");
    let sample = put(&sample, &format!("{live}/fullchain.pem"), &stand.certificate.display().to_string());
    let sample = put(&sample, &format!("{live}/privkey.pem"), &stand.key.display().to_string());
    stand.write("site.conf", &put_all(&sample, SAMPLE_NAME, "localhost"));
    stand.write(
        "nginx.conf",
        "daemon off; pid nginx.pid; error_log stderr; user root; events {} http { access_log off; include site.conf; }",
    );
    let launch = Launch::new(program("nginx"), stand.folder.path()).args(["-e", "stderr", "-c", "nginx.conf", "-p"]);
    let proxy = launch.arg(stand.folder.path()).start();
    stand.holds(proxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_caddy() {
    let stand = Stand::new();
    let (certificate, key) = (stand.certificate.display(), stand.key.display());
    let named = format!("{SAMPLE_NAME} {{\n");
    let ours = format!("https://localhost:{} {{\n\ttls {certificate} {key}\n", stand.port);
    let sample = put(&stand.sample("Caddyfile"), &named, &ours);
    stand.write("Caddyfile", &format!("{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{sample}"));
    let home = stand.folder.path();
    let proxy = Launch::new(program("caddy"), home).env("HOME", home).args(["run", "--config", "Caddyfile"]).start();
    stand.holds(proxy).await;
}

/// PagerPal, and what a proxy in front of it needs.
struct Stand {
    folder: TempDir,
    site: Site,
    /// Of the proxy.
    port: u16,
    certificate: PathBuf,
    key: PathBuf,
}

impl Stand {
    fn new() -> Stand {
        let folder = folder("proxy");
        let (certificate, key) = certificate(folder.path(), "proxy", 90);
        Stand { folder, site: Site::new(), port: free_port(), certificate, key }
    }

    /// A file of `packaging/proxy` that leads to our PagerPal.
    fn sample(&self, name: &str) -> String {
        let path = repository().join("packaging/proxy").join(name);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        put(&text, SAMPLE_UPSTREAM, &format!("127.0.0.1:{}", self.site.port))
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("the folder is ours");
    }

    async fn holds(mut self, mut proxy: Process) {
        proxy.wait_until_listens(self.port, START).await.unwrap_or_else(|why| panic!("{why}"));
        self.site.set("PAGERPAL_BASE_URL", self.url(""));
        let mut fresh = self.site.start().await;
        let (_, page) = self.curl(&["-D", "-"], "/login");
        assert!(page.starts_with("HTTP/") && page.contains("200"), "the page is served");
        assert!(page.contains("setup_code"), "whoever comes through a proxy is a stranger");
        fresh.terminate(START).await;

        let ada = self.site.ada();
        let team = self.site.team("Payments");
        let policy = self.site.policy("Payments", &[ada]);
        self.site.source("checks", "generic", team, policy, KEY);
        let mut serving = self.site.start().await;

        // Somebody guesses, and claims to be elsewhere.
        let guess = ["--data-urlencode", "password=wrong wrong wrong", "-H", "X-Forwarded-For: 203.0.113.9"];
        self.curl(&[&["--data-urlencode", "email=ada@example.test"], &guess[..]].concat(), "/login");
        // A browser signs in.
        let jar = self.folder.path().join("cookies");
        let jar = jar.display().to_string();
        let (email, password) = (format!("email={EMAIL}"), format!("password={PASSWORD}"));
        let origin = format!("Origin: {}", self.url(""));
        let form = ["-D", "-", "-c", &jar, "-H", &origin, "--data-urlencode", &email, "--data-urlencode", &password];
        let (_, answer) = self.curl(&form, "/login");
        assert!(answer.contains("303") && answer.contains("__Host-pagerpal="), "{answer}");

        // An open page hears of an alert when it happens, not when a buffer is full.
        let (say, heard) = mpsc::channel();
        let mut stream = self.command(&["-N", "-b", &jar], "/events");
        let mut stream = stream.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("curl starts");
        let output = BufReader::new(stream.stdout.take().expect("it is piped"));
        let reading = std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if say.send(line).is_err() {
                    return;
                }
            }
        });
        heard.recv_timeout(START).expect("the stream begins");
        let alert = json!({"external_id": "db1", "title": "Disk full", "severity": "error"}).to_string();
        let key = format!("X-API-Key: {KEY}");
        let (is_answered, answer) = self.curl(&["-H", &key, "--data", &alert], "/api/v1/webhooks/generic");
        assert!(is_answered && answer.contains("created"), "{answer}");
        let is_fact = |line: &String| line.contains("incident");
        let fact = std::iter::from_fn(|| heard.recv_timeout(SOON).ok()).find(is_fact);
        assert!(fact.is_some(), "nothing came through");
        drop(heard);
        stream.kill().expect("curl can be killed");
        stream.wait().expect("and ends");
        reading.join().expect("the reader does not panic");
        serving.terminate(START).await;
        drop(proxy);

        let app = self.site.open();
        let log = app.read(|read| audit::entries(read, Take::first(100))).expect("the log can be read").items;
        let addresses: Vec<IpAddr> = log.iter().filter_map(|entry| entry.actor.address).collect();
        let person: IpAddr = PERSON.parse().expect("an address");
        assert_eq!(
            addresses, [person; 2],
            "of the person who guessed and signed in, not of the proxy, nor what they said"
        );
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    fn command(&self, options: &[&str], path: &str) -> Command {
        let mut curl = Command::new(program("curl"));
        curl.args(["-sS", "-4", "--interface", PERSON, "--cacert"]).arg(&self.certificate);
        curl.args(options).arg(self.url(path));
        curl
    }

    fn curl(&self, options: &[&str], path: &str) -> (bool, String) {
        let output = self.command(options, path).output().expect("curl starts");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }
}

/// Replaces what must be there.
fn put(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "the sample changed, {old:?} is not there once:\n{text}");
    text.replace(old, new)
}

fn put_all(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "the sample changed, {old:?} is not there:\n{text}");
    text.replace(old, new)
}
