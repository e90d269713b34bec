//! Signed messages: nothing that was not signed by the key counts as verified, and no address but Amazon's is called.

use super::{choice, chosen, samples};
use crate::{Target, root};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pagerpal::domain::time::Timestamp;
use pagerpal::ingest::{Trust, sns};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

pub const MESSAGE: Target = Target {
    name: "sns_message",
    ask: message,
    seeds: || {
        let mut seeds = samples(SIGNED, |name| name.ends_with(".json"));
        seeds.extend(samples("tests/data/cloudwatch", |name| name.starts_with("sns-") && name.ends_with(".json")));
        seeds
    },
    words: &[
        "\"Type\"",
        "\"Notification\"",
        "\"SubscriptionConfirmation\"",
        "\"Signature\"",
        "\"SignatureVersion\"",
        "\"1\"",
        "\"2\"",
        "\"Message\"",
        "\"Token\"",
        "\"Subject\":\"a\",",
        "\"TopicArn\"",
        "\\n",
        "Message\\n",
    ],
};

pub const CERTIFICATE: Target = Target {
    name: "sns_certificate",
    ask: certificate,
    seeds: || {
        let url = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-a1.pem";
        let arn = "arn:aws:sns:eu-central-1:123456789012:alarms.fifo";
        let mut seeds =
            vec![chosen(2, url.as_bytes()), chosen(2, format!("{url}.cn").as_bytes()), chosen(3, arn.as_bytes())];
        seeds.push(chosen(2, b"https://sns.cn-north-1.amazonaws.com.cn/a.pem"));
        for pem in samples(SIGNED, |name| name.ends_with(".pem")) {
            let der = CertificateDer::from_pem_slice(&pem).expect("a certificate of the test authority");
            seeds.extend([chosen(0, &pem), chosen(1, &der)]);
        }
        seeds
    },
    words: &[
        "-----BEGIN CERTIFICATE-----\n",
        "-----END CERTIFICATE-----\n",
        "sns.",
        ".amazonaws.com",
        "@",
        ":443",
        "?",
        "#",
        "%2f",
        ".pem",
    ],
};

const SIGNED: &str = "tests/data/cloudwatch/signed";

/// What the key of the test authority has signed.
struct Known {
    leaf: Vec<u8>,
    issuer: Vec<u8>,
    root: CertificateDer<'static>,
    message: Vec<u8>,
    signed: BTreeSet<Vec<u8>>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let file = |name: &str| fs::read(root().join(SIGNED).join(name)).unwrap_or_else(|why| panic!("{name}: {why}"));
    let der = |name: &str| CertificateDer::from_pem_slice(&file(name)).expect("a certificate of the test authority");
    let messages = samples(SIGNED, |name| name.ends_with(".json"));
    let envelopes = messages.iter().filter_map(|body| sns::envelope(body));
    Known {
        leaf: file("leaf.pem"),
        issuer: der("issuer.pem").to_vec(),
        root: der("root.pem").into_owned(),
        message: file("notification-v2.json"),
        signed: envelopes.map(|envelope| sns::signed_text(&envelope)).collect(),
    }
});

fn trust(envelope: &sns::Envelope, leaf: &[u8]) -> Trust {
    let now = Timestamp::from_second(1_893_456_000);
    let roots = [webpki::anchor_from_trusted_cert(&KNOWN.root).expect("the root of the test authority")];
    sns::verify(envelope, leaf, Some(&KNOWN.issuer), now, &roots)
}

fn message(body: &[u8]) -> bool {
    let Some(envelope) = sns::envelope(body) else { return false };
    let said = sns::signed_text(&envelope);
    let trust = trust(&envelope, &KNOWN.leaf);
    if trust == Trust::Verified {
        // The end of a subscription may be signed without its token.
        let is_end = said.ends_with(b"Type\nUnsubscribeConfirmation\n");
        assert!(is_end || KNOWN.signed.contains(&said), "verified, although nobody signed it");
    }
    sns::signing_cert_url(&envelope).is_ok_and(|_| !said.is_empty())
}

fn certificate(data: &[u8]) -> bool {
    match choice(data, 4) {
        (0, pem) => leaf(pem),
        (1, der) => {
            let lines = STANDARD.encode(der);
            leaf(format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n").as_bytes())
        }
        (2, url) => cert_url(&String::from_utf8_lossy(url)),
        (_, arn) => confirm_url(&String::from_utf8_lossy(arn)),
    }
}

fn leaf(pem: &[u8]) -> bool {
    if let Some(url) = sns::issuer_url(pem) {
        assert!(url.starts_with("http://crt.") && url.contains(".amazontrust.com/") && url.ends_with(".cer"), "{url}");
        assert!(url.is_ascii() && !url.contains(['@', '?', '#', '%', ' ']), "{url}");
    }
    let envelope = sns::envelope(&KNOWN.message).expect("a signed message");
    let first = || CertificateDer::pem_slice_iter(pem).next().and_then(Result::ok);
    match trust(&envelope, pem) {
        Trust::Verified => {
            let own = CertificateDer::from_pem_slice(&KNOWN.leaf).expect("a certificate of the test authority");
            assert_eq!(first(), Some(own), "another certificate's key cannot have signed it");
            true
        }
        Trust::NotSigned => panic!("it claims to be"),
        // Its bytes were a certificate as far as it goes.
        Trust::Unchecked(_) | Trust::Wrong(_) => {
            first().is_some_and(|der| webpki::EndEntityCert::try_from(&der).is_ok())
        }
    }
}

fn cert_url(url: &str) -> bool {
    let body = json!({"Type": "Notification", "SigningCertURL": url, "Signature": ""}).to_string();
    let envelope = sns::envelope(body.as_bytes()).expect("it claims a signature");
    let Ok(found) = sns::signing_cert_url(&envelope) else { return false };
    assert_eq!(found.as_str(), url);
    amazons(url);
    true
}

fn confirm_url(arn: &str) -> bool {
    let token = arn.chars().rev().collect::<String>();
    let Some(url) = sns::confirm_url(arn, &token) else { return false };
    amazons(&url);
    let (_, query) = url.split_once('?').expect("a query");
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let expected = [("Action", "ConfirmSubscription"), ("TopicArn", arn), ("Token", &token)];
    assert!(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(expected), "{url}");
    true
}

/// Where a browser or a client would go is where it looks as if it went.
fn amazons(url: &str) {
    let host = url.strip_prefix("https://").and_then(|rest| rest.split('/').next()).expect("https and a path");
    assert!(
        host.starts_with("sns.") && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn")),
        "{url}"
    );
    assert!(host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.'), "{url}");
    assert!(url.is_ascii() && !url.contains(['@', '#', '\\', ' ']), "{url}");
}
