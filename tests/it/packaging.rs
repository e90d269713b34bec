//! What operators install: the binary alone in an empty tree, the service's unit, and the Debian package from its first day
//! to its last.
//!
//! These tests change the root directory and listen on port 53, so they need root, as a container has it.

use crate::live::{EMAIL, PASSWORD, Site};
use harness::dns::{self, NameServer};
use harness::http;
use harness::infobip::FakeInfobip;
use harness::process::{Launch, Process, folder, free_port};
use harness::programs::{program, release_binary, repository};
use harness::smtp::{ELSEWHERE, MailServer};
use pagerpal::domain::contact::Channel;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const KEY: &str = "00112233445566778899aabbccddeeff";
const PHONE: &str = "4917000001";
const PATIENCE: Duration = Duration::from_secs(30);

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs to its end, and well.
fn run(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(program(name)).args(arguments).output().expect("it starts");
    assert!(output.status.success(), "{name} {arguments:?}: {}", said(&output));
    said(&output)
}

/// Decrypts for a server without TLS. Ends with the test's runtime.
async fn tls_in_front_of(port: u16, mail: &MailServer) -> u16 {
    let chain = CertificateDer::from_pem_file(mail.certificate()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(mail.private_key()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![chain], key))
        .expect("a sound pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let own = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut outside = acceptor.accept(stream).await?;
                let mut inside = TcpStream::connect(("127.0.0.1", port)).await?;
                tokio::io::copy_bidirectional(&mut outside, &mut inside).await
            });
        }
    });
    own
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_needs_nothing_but_itself() {
    let infobip = FakeInfobip::start("k3y").await;
    let mail = MailServer::start().await;
    let names = NameServer::start(ELSEWHERE).await.expect("port 53: run this as root");
    let fake_port: u16 = infobip.base_url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let https = tls_in_front_of(fake_port, &mail).await;
    let mut site = Site::new();
    let ada = site.ada();
    site.contact(ada, Channel::Sms, &format!("+{PHONE}"));
    let (team, policy) = (site.team("Payments"), site.policy("Nights", &[ada]));
    site.source("shop", "generic", team, policy, KEY);
    let port = site.port;

    // No library, no shell, no user database, no zones, no certificates of the host: one file, and who knows names.
    let root = folder("chroot");
    let inside = |path: &str| root.path().join(path);
    fs::create_dir_all(inside("etc")).expect("a folder");
    fs::create_dir_all(inside("data")).expect("a folder");
    fs::copy(release_binary("pagerpal"), inside("pagerpal")).expect("the binary");
    fs::copy(mail.certificate(), inside("ca.pem")).expect("the test's own authority");
    fs::write(inside("etc/resolv.conf"), format!("nameserver {}\n", dns::ADDRESS)).expect("a file");
    site.close();
    fs::copy(site.database(), inside("data/pagerpal.redb")).expect("the database");
    let command = |arguments: &[&str]| {
        Launch::new(program("chroot"), root.path())
            .clean_env()
            .arg(root.path())
            .arg("/pagerpal")
            .args(arguments)
            .env("DATA_DIR", "/data")
            .env("LISTEN_ADDRESS", format!("127.0.0.1:{port}"))
            .env("NOTIFICATION_SENDING_ENABLED", "true")
            .env("EXTRA_CA_FILE", "/ca.pem")
            .env("INFOBIP_BASE_URL", format!("https://{ELSEWHERE}:{https}"))
            .env("INFOBIP_API_KEY", "k3y")
            .env("INFOBIP_SMS_SENDER", "PagerPal")
            .env("SMTP_HOST", ELSEWHERE)
            .env("SMTP_PORT", mail.port().to_string())
            .env("SMTP_FROM", "pager@example.test")
            .env("SMTP_USERNAME", harness::smtp::USER)
            .env("SMTP_PASSWORD", harness::smtp::PASSWORD)
    };
    let mut process = command(&["serve"]).start();
    serves(&mut process, port).await;
    let alert = json!({"external_id": "1", "title": "Disk full", "severity": "critical"});
    let answer = site.post("generic", KEY, &alert).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    infobip.wait_for_copy("the page", PATIENCE, |copy| copy.to == PHONE && copy.text.contains("Disk full")).await;
    let mails = mail.wait_for(1, PATIENCE).await;
    assert!(mails[0].header("Subject").is_some_and(|subject| subject.contains("Disk full")), "{mails:?}");
    assert!(names.asked().iter().any(|name| name == ELSEWHERE), "{:?}", names.asked());
    // Commands reach the server through its socket, and the file stands on its own.
    for arguments in [&["backup", "/data/copy.backup", "--verify"][..], &["verify", "/data/copy.backup"], &["verify"]] {
        let done = command(arguments).start().to_end(PATIENCE).await;
        assert!(done.success(), "{arguments:?}: {done}");
    }
    let status = process.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status} {}", process.output());
    let verified = command(&["verify"]).start().to_end(PATIENCE).await;
    assert!(verified.success(), "{verified}");
}

async fn serves(process: &mut Process, port: u16) {
    let answered = process.wait_until_answers(&format!("http://127.0.0.1:{port}/health"), PATIENCE).await;
    answered.unwrap_or_else(|why| panic!("{why}\n{}", process.output()));
}

#[test]
fn the_unit_is_sound_and_may_do_little() {
    let unit = repository().join("packaging/systemd/pagerpal.service");
    let root = folder("units");
    let units = root.path().join("usr/lib/systemd/system");
    fs::create_dir_all(root.path().join("usr/bin")).expect("a folder");
    fs::create_dir_all(units.parent().expect("it has one")).expect("a folder");
    run("cp", &["-a", "/usr/lib/systemd/system", &units.display().to_string()]);
    fs::copy(&unit, units.join("pagerpal.service")).expect("the unit");
    fs::copy(release_binary("pagerpal"), root.path().join("usr/bin/pagerpal")).expect("the binary");
    // What reloads it.
    fs::create_dir_all(root.path().join("bin")).expect("a folder");
    fs::copy("/bin/sh", root.path().join("bin/sh")).expect("a shell");
    let root_argument = format!("--root={}", root.path().display());
    let verified = run("systemd-analyze", &["verify", "--man=no", &root_argument, "pagerpal.service"]);
    let about_ours: Vec<&str> = verified.lines().filter(|line| line.contains("pagerpal")).collect();
    assert!(about_ours.is_empty(), "{about_ours:?}");

    let judged = run("systemd-analyze", &["security", "--no-pager", "--offline=true", &unit.display().to_string()]);
    let overall = judged.lines().find(|line| line.contains("Overall exposure level")).expect("a verdict");
    let level = overall.split_whitespace().find_map(|word| word.parse::<f32>().ok()).expect("a number");
    assert!(level <= 1.3, "{overall}");
}

/// A Debian without anything, made once and copied; kept in `target` because the next run needs it again.
fn debian() -> tempfile::TempDir {
    let kept = repository().join("target/debian-root");
    if !kept.exists() {
        // Other repositories may be configured beside Debian's.
        let about = fs::read_to_string("/etc/os-release").expect("it says which Debian this is");
        let codename = about.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).expect("a name");
        let sites = run("apt-get", &["indextargets", "--format", "$(SITE) $(CODENAME)", "Created-By: Packages"]);
        let of_this = sites.lines().filter_map(|line| line.trim().split_once(' ')).find(|(_, of)| *of == codename);
        let (site, _) = of_this.expect("apt knows where this Debian comes from");
        let new = repository().join("target/debian-root.new");
        let _ = fs::remove_dir_all(&new);
        run("debootstrap", &["--variant=minbase", codename, &new.display().to_string(), site]);
        fs::rename(&new, &kept).expect("the same file system");
    }
    let root = folder("debian");
    run("cp", &["-a", "--reflink=auto", &format!("{}/.", kept.display()), &root.path().display().to_string()]);
    root
}

/// Makes `newer.deb`: another version of the package with the same content.
fn newer(package: &Path, folder: &Path, version: &str) {
    let tree = folder.join("newer");
    run("dpkg-deb", &["-R", &package.display().to_string(), &tree.display().to_string()]);
    let control = tree.join("DEBIAN/control");
    let text = fs::read_to_string(&control).expect("control");
    let lines = text
        .lines()
        .map(|line| if line.starts_with("Version: ") { format!("Version: {version}") } else { line.to_owned() });
    fs::write(&control, lines.collect::<Vec<_>>().join("\n") + "\n").expect("control can be written");
    let made = folder.join("newer.deb").display().to_string();
    run("dpkg-deb", &["--root-owner-group", "--build", &tree.display().to_string(), &made]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_package_installs_pages_upgrades_and_leaves_the_data() {
    let made = Command::new(program("cargo")).args(["xtask", "deb"]).current_dir(repository()).output().expect("cargo");
    assert!(made.status.success(), "{}", said(&made));
    let packages =
        fs::read_dir(repository().join("target/dist")).expect("the folder").flatten().map(|entry| entry.path());
    let package =
        packages.filter(|path| path.extension().is_some_and(|ending| ending == "deb")).max().expect("a package");
    let root = debian();
    let inside = |path: &str| root.path().join(path);
    let in_root = |arguments: &[&str]| {
        let mut all = vec![root.path().to_str().expect("a plain path")];
        all.extend(arguments);
        run("chroot", &all)
    };

    let begun = Instant::now();
    fs::copy(&package, inside("pagerpal.deb")).expect("the package");
    let words = in_root(&["apt-get", "install", "-y", "-q", "/pagerpal.deb"]);
    assert!(words.contains("listens on http://127.0.0.1:8000 in safe mode"), "{words}");
    let listed = in_root(&[
        "stat",
        "-c",
        "%a %U:%G %n",
        "/usr/bin/pagerpal",
        "/etc/pagerpal/pagerpal.toml",
        "/var/lib/pagerpal",
    ]);
    assert_eq!(
        listed.trim(),
        "755 root:root /usr/bin/pagerpal\n640 root:pagerpal /etc/pagerpal/pagerpal.toml\n700 pagerpal:pagerpal /var/lib/pagerpal"
    );

    for installed in [
        "usr/share/man/man1/pagerpal.1.gz",
        "usr/share/man/man1/pagerpal-backup.1.gz",
        "usr/share/man/man5/pagerpal.toml.5.gz",
        "usr/share/bash-completion/completions/pagerpal",
        "usr/share/zsh/vendor-completions/_pagerpal",
        "usr/share/fish/vendor_completions.d/pagerpal.fish",
    ] {
        assert!(inside(installed).exists(), "{installed} is missing");
    }

    // As its user, with its settings file: the first admin, a source, a page on the pretend phone.
    let infobip = FakeInfobip::start("k3y").await;
    let port = free_port();
    let serve = || {
        Launch::new(program("chroot"), root.path())
            .clean_env()
            .arg("--userspec=pagerpal:pagerpal")
            .arg(root.path())
            .args(["/usr/bin/pagerpal", "serve"])
            .env("LISTEN_ADDRESS", format!("127.0.0.1:{port}"))
            .env("NOTIFICATION_SENDING_ENABLED", "true")
            .env("INFOBIP_BASE_URL", infobip.base_url())
            .env("INFOBIP_API_KEY", infobip.key())
            .env("INFOBIP_SMS_SENDER", "PagerPal")
            .start()
    };
    let mut process = serve();
    serves(&mut process, port).await;
    let url = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let first = [("name", "Ada"), ("email", EMAIL), ("password", PASSWORD), ("zone", "UTC")];
    let answer = http::post(url("/login")).form(&first).send().await.expect("an answer");
    assert_eq!(answer.status, 303, "{}", answer.text());
    let make = async |path: &str, body: Value| -> Value {
        let answer = http::post(url(&format!("/api/v1/{path}"))).basic(EMAIL, PASSWORD).json(&body).send().await;
        let answer = answer.expect("an answer");
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text());
        answer.json()
    };
    let me: Value = http::get(url("/api/v1/me")).basic(EMAIL, PASSWORD).send().await.expect("an answer").json();
    let me = me["user"]["id"].as_str().expect("an id").to_owned();
    make(&format!("users/{me}/contact-methods"), json!({"channel": "sms", "address": format!("+{PHONE}")})).await;
    let team = make("teams", json!({"name": "Everyone", "members": [me]})).await["id"].clone();
    let levels = json!([{"number": 1, "delay_seconds": 300, "recipients": [{"kind": "user", "id": me}]}]);
    let policy = make("escalation-policies", json!({"name": "Everyone", "levels": levels})).await["id"].clone();
    let source =
        make("alert-sources", json!({"name": "shop", "kind": "generic", "team": team, "policy": policy})).await;
    make(&format!("alert-sources/{}/test-alert", source["id"].as_str().expect("an id")), json!({})).await;
    infobip.wait_for_copy("the first page", PATIENCE, |copy| copy.to == PHONE && copy.text.contains("TEST")).await;
    let took = begun.elapsed();
    eprintln!("from the package to the first page: {took:?}");
    assert!(took < Duration::from_secs(120), "{took:?}");
    let status = process.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status} {}", process.output());

    // An upgrade keeps what people wrote into the settings, and the data.
    let settings = inside("etc/pagerpal/pagerpal.toml");
    let edited = fs::read_to_string(&settings).expect("settings") + "\n# kept\n";
    fs::write(&settings, &edited).expect("root writes");
    newer(&package, root.path(), "99.0.0");
    in_root(&["apt-get", "install", "-y", "-q", "/newer.deb"]);
    assert_eq!(fs::read_to_string(&settings).expect("settings"), edited);
    let mut process = serve();
    serves(&mut process, port).await;
    let incidents = http::get(url("/api/v1/incidents")).basic(EMAIL, PASSWORD).send().await.expect("an answer");
    assert_eq!(incidents.json::<Value>()["data"].as_array().map(Vec::len), Some(1), "{}", incidents.text());
    let status = process.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status} {}", process.output());

    // Gone are the file and, when purged, the settings; never the data, and it says so.
    in_root(&["dpkg", "--remove", "pagerpal"]);
    assert!(!inside("usr/bin/pagerpal").exists() && settings.exists());
    let words = in_root(&["dpkg", "--purge", "pagerpal"]);
    assert!(words.contains("The database in /var/lib/pagerpal was kept"), "{words}");
    assert!(!settings.exists() && inside("var/lib/pagerpal/pagerpal.redb").exists());
}
