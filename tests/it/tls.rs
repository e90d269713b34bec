//! TLS of our own: the real binary answers over it and nothing else does there, a renewed certificate is taken up without a
//! restart, and files that cannot be used change nothing.

use crate::live::Site;
use harness::http;
use harness::process::{Launch, folder};
use harness::programs::program;
use pagerpal::web::tls::{Tls, TlsError};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A certificate for `localhost` that lasts so many days, and its key.
pub fn certificate(folder: &Path, name: &str, days: u32) -> (PathBuf, PathBuf) {
    let (cert, key) = (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
    let output = Command::new(program("openssl"))
        .args([
            "req",
            "-x509",
            "-nodes",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-subj",
            "/CN=localhost",
        ])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", &days.to_string()])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()
        .expect("openssl starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (cert, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_serves_over_tls_and_nothing_else_on_that_port() {
    let folder = folder("tls");
    let (cert, key) = certificate(folder.path(), "own", 90);
    let mut site = Site::new();
    site.ada();
    site.set("TLS_CERT_FILE", cert.display().to_string());
    site.set("TLS_KEY_FILE", key.display().to_string());
    let mut process = site.begin();
    process.wait_until_listens(site.port, Duration::from_secs(30)).await.unwrap_or_else(|why| panic!("{why}"));
    let address = format!("https://localhost:{}/login", site.port);
    let curl = |extra: &[&str]| {
        let mut curl = Command::new(program("curl"));
        curl.args(["-sS", "-D", "-", "--retry", "5", "--retry-connrefused"]).args(extra).arg(&address);
        let output = curl.output().expect("curl starts");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (is_served, page) = curl(&["--cacert", &cert.display().to_string()]);
    assert!(is_served && page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.to_lowercase().contains("strict-transport-security: max-age=63072000"), "{page}");
    assert!(!curl(&[]).0, "nobody vouches for it");
    let tls_1_1 = ["--cacert", &cert.display().to_string(), "--tls-max", "1.1"];
    assert!(!curl(&tls_1_1).0, "TLS 1.1 is over");
    assert!(http::get(site.url("/health")).send().await.is_err(), "plain http is not answered here");
    assert!(curl(&["--cacert", &cert.display().to_string()]).0, "and does no harm");
    let status = process.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status} {}", process.output());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_it_or_nonsense_starts_nothing() {
    let folder = folder("tls");
    let (cert, _) = certificate(folder.path(), "own", 90);
    let (_, other) = certificate(folder.path(), "other", 90);
    let check = async |variables: &[(&str, &Path)], sentence: &str| {
        let mut site = Site::new();
        site.close();
        for (name, path) in variables {
            site.set(name, path.display().to_string());
        }
        let launch: Launch = site.launch().arg("serve");
        let mut process = launch.start();
        let ended = tokio::time::timeout(Duration::from_secs(30), async {
            loop {
                if let Some(status) = process.ended() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let status = ended.await.expect("it does not serve");
        assert_eq!(status.code(), Some(3), "{}", process.output());
        assert!(process.output().contains(sentence), "{}", process.output());
    };
    check(&[("TLS_CERT_FILE", &cert)], "needs TLS_KEY_FILE as well").await;
    check(&[("TLS_CERT_FILE", &cert), ("TLS_KEY_FILE", Path::new("/nowhere"))], "/nowhere cannot be read").await;
    check(&[("TLS_CERT_FILE", &other), ("TLS_KEY_FILE", &other)], "holds no certificate in PEM form").await;
    check(&[("TLS_CERT_FILE", &cert), ("TLS_KEY_FILE", &other)], "cannot be used together").await;
}

#[test]
fn a_renewed_pair_is_taken_up_and_a_broken_one_is_not() {
    let folder = folder("tls");
    let (cert, key) = certificate(folder.path(), "own", 10);
    let tls = Tls::load(cert.clone(), key.clone()).expect("a sound pair");
    let first = tls.ends_at();
    assert!(!tls.refresh().expect("nothing to do"));

    let (new_cert, new_key) = certificate(folder.path(), "new", 90);
    fs::rename(&new_cert, &cert).expect("the same folder");
    // Between the two renames the pair does not fit together.
    assert!(matches!(tls.refresh(), Err(TlsError::Unusable(_))));
    assert_eq!(tls.ends_at(), first);
    assert!(!tls.refresh().expect("said once"));
    fs::rename(&new_key, &key).expect("the same folder");
    assert!(tls.refresh().expect("a sound pair"));
    let days = tls.ends_at().secs_since(first) / 86_400;
    assert!((79..=81).contains(&days), "{days}");

    fs::write(&key, "half a ke").expect("a file");
    assert!(matches!(tls.refresh(), Err(TlsError::NoKey(_))));
    fs::remove_file(&cert).expect("a file");
    assert!(matches!(tls.refresh(), Err(TlsError::Unreadable { .. })));
    assert_eq!(tls.ends_at().secs_since(first) / 86_400, days, "the last good pair stays");
}
