//! Signatures of a test authority, and addresses that must not be believed.

use super::*;
use crate::domain::event::{Action, Report, SenderTime};
use crate::ingest::{Kind, Parsed, Request, SourceRules, parse};
use std::collections::BTreeSet;

fn file(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/cloudwatch/signed/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|why| panic!("{path}: {why}"))
}

fn message(name: &str) -> Envelope {
    envelope(&file(name)).expect("a signed message of the test's own")
}

fn der(name: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(&file(name)).expect("a certificate of the test's own").to_vec()
}

fn check_at(envelope: &Envelope, certificate: &str, issuer: bool, now: &str, root: &str) -> Trust {
    let root = CertificateDer::from(der(root));
    let roots = [webpki::anchor_from_trusted_cert(&root).expect("a certificate of the test's own")];
    let now = Timestamp::from_jiff(now.parse().expect("an instant"));
    let issuer = issuer.then(|| der("issuer.pem"));
    verify(envelope, &file(certificate), issuer.as_deref(), now, &roots)
}

fn check(envelope: &Envelope) -> Trust {
    check_at(envelope, "leaf.pem", true, "2030-01-01T00:00:00Z", "root.pem")
}

fn wrong(trust: Trust, why: &str) {
    assert!(matches!(&trust, Trust::Wrong(said) if said.contains(why)), "{trust:?} says nothing of {why:?}");
}

#[test]
fn both_signature_versions_and_both_ways_to_end_a_subscription_verify() {
    for name in ["notification-v1", "notification-v2", "subscription", "unsubscribe", "unsubscribe-without-token"] {
        assert_eq!(check(&message(&format!("{name}.json"))), Trust::Verified, "{name}");
    }
}

#[test]
fn a_changed_field_is_a_wrong_signature() {
    for name in ["notification-v1.json", "notification-v2.json", "subscription.json"] {
        for field in ["Message", "MessageId", "Timestamp", "TopicArn", "Type"] {
            let mut changed = message(name);
            changed.fields.insert(field.into(), "changed".into());
            wrong(check(&changed), "does not match");
        }
    }
    let mut changed = message("notification-v2.json");
    changed.fields.insert("Subject".into(), "ALARM".into());
    wrong(check(&changed), "does not match");
    let mut unsigned = message("notification-v2.json");
    unsigned.fields.insert("UnsubscribeURL".into(), "changed".into());
    assert_eq!(check(&unsigned), Trust::Verified, "UnsubscribeURL is not signed");
}

#[test]
fn a_version_or_signature_that_makes_no_sense_is_wrong() {
    for (field, value, why) in [
        ("SignatureVersion", Value::from("3"), "SignatureVersion"),
        ("SignatureVersion", Value::Null, "SignatureVersion"),
        ("SignatureVersion", Value::from("1"), "does not match"),
        ("Signature", Value::from("!"), "base64"),
        ("Signature", Value::from(""), "does not match"),
        ("Signature", Value::Null, "no Signature"),
        ("TopicArn", Value::Null, "no TopicArn"),
        ("SigningCertURL", Value::Null, "no SigningCertURL"),
        ("SigningCertURL", Value::from("https://sns.example.net/a.pem"), "not an address of SNS"),
        // Right form, but the certificate is another region's.
        ("SigningCertURL", Value::from("https://sns.us-east-1.amazonaws.com/a.pem"), "not issued to SNS"),
    ] {
        let mut odd = message("notification-v2.json");
        odd.fields.insert(field.into(), value);
        wrong(check(&odd), why);
    }
}

#[test]
fn name_dates_and_chain_of_the_certificate_are_checked() {
    let good = message("notification-v2.json");
    let later = "2030-01-01T00:00:00Z";
    wrong(check_at(&good, "stranger.pem", true, later, "root.pem"), "not issued to SNS");
    wrong(check_at(&good, "expired.pem", true, later, "root.pem"), "not valid");
    wrong(check_at(&good, "leaf.pem", true, "2020-01-01T00:00:00Z", "root.pem"), "not valid");
    wrong(check_at(&good, "issuer.pem", true, later, "root.pem"), "does not match");
    wrong(check_at(&good, "README.md", true, later, "root.pem"), "not PEM");
    // Cannot be completed: no silence is made of it, and no trust either.
    assert!(matches!(check_at(&good, "leaf.pem", false, later, "root.pem"), Trust::Unchecked(_)));
    let mut forged = good;
    forged.fields.insert("Message".into(), "changed".into());
    wrong(check_at(&forged, "leaf.pem", false, later, "root.pem"), "does not match");
}

#[test]
fn the_issuer_is_fetched_from_amazons_authority_only() {
    assert_eq!(issuer_url(&file("leaf.pem")).as_deref(), Some("http://crt.r2m01.amazontrust.com/r2m01.cer"));
    assert_eq!(issuer_url(&file("stranger.pem")), None);
    assert_eq!(issuer_url(b"no certificate"), None);
    for url in [
        "https://crt.r2m01.amazontrust.com/r2m01.cer",
        "http://crt.r2m01.amazontrust.com.example.net/r2m01.cer",
        "http://crt.a@b.amazontrust.com/r2m01.cer",
        "http://crt.a/b.amazontrust.com/r2m01.cer",
        "http://crt..amazontrust.com/r2m01.cer",
        "http://crt.r2m01.amazontrust.com/../x.cer",
        "http://crt.r2m01.amazontrust.com/x.cer?y.cer",
        "http://crt.r2m01.amazontrust.com:80/x.cer",
        "ldap://crt.r2m01.amazontrust.com/x.cer",
    ] {
        assert!(!is_issuer_url(url), "{url}");
    }
}

#[test]
fn only_the_address_aws_uses_is_one() {
    for url in [
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.us-gov-west-1.amazonaws.com/SimpleNotificationService.pem",
        "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-6c.pem",
    ] {
        assert_eq!(cert_url(url).as_ref().map(CertUrl::as_str), Some(url));
    }
}

/// Every hostile address is the good one with one thing changed: a part replaced, or a character put in anywhere that
/// could end or redirect a part.
#[test]
fn hundreds_of_hostile_addresses_are_refused() {
    let good = "https://sns.eu-west-1.amazonaws.com/S-1.pem";
    let mut hostile: BTreeSet<String> = BTreeSet::new();
    for scheme in [
        "http://",
        "HTTPS://",
        "https:/",
        "https:",
        "//",
        "",
        "ftp://",
        "file://",
        "https:///",
        " https://",
        "https://https://",
    ] {
        hostile.insert(good.replacen("https://", scheme, 1));
    }
    for host in [
        "sns.eu-west-1.amazonaws.com.example.net",
        "sns.eu-west-1.amazonaws.com.cn.example.net",
        "sns.eu-west-1.amazonaws.comm",
        "sns.eu-west-1.amazonaws.co",
        "sns.eu-west-1.amazonaws.com.c",
        "sns.eu-west-1.amazonaws.com.",
        "sns.eu-west-1.amazonaws.org",
        "sns.eu-west-1.xamazonaws.com",
        "sns.eu-west-1-amazonaws.com",
        "xsns.eu-west-1.amazonaws.com",
        "x.sns.eu-west-1.amazonaws.com",
        "sns-eu-west-1.amazonaws.com",
        "SNS.eu-west-1.amazonaws.com",
        "sns.EU-WEST-1.amazonaws.com",
        "sns.amazonaws.com",
        "sns..amazonaws.com",
        "sns.eu.amazonaws.com",
        "sns.s3.amazonaws.com",
        "sns.bucket.s3.amazonaws.com",
        "sns.my-bucket.s3-eu-west-1.amazonaws.com",
        "s3.eu-west-1.amazonaws.com",
        "sns.eu_west_1.amazonaws.com",
        "sns.eu-wést-1.amazonaws.com",
        "sns.eu-west-1.amazonaws.com:443",
        "sns.eu-west-1.amazonaws.com:",
        "user@sns.eu-west-1.amazonaws.com",
        "user:word@sns.eu-west-1.amazonaws.com",
        "sns.eu-west-1.amazonaws.com@example.net",
        "example.net#sns.eu-west-1.amazonaws.com",
        "example.net\\.sns.eu-west-1.amazonaws.com",
        "127.0.0.1",
        "[::1]",
        "localhost",
        "",
    ] {
        hostile.insert(format!("https://{host}/S-1.pem"));
    }
    for path in [
        "",
        "/",
        "/.pem",
        "/S-1.PEM",
        "/S-1.pe",
        "/S-1.pemx",
        "/S-1.pem/",
        "/S-1.pem?",
        "/S-1.pem?a=b",
        "/S-1.pem#",
        "/S-1.pem#a",
        "/a/S-1.pem",
        "//S-1.pem",
        "/../S-1.pem",
        "/S-1%2e.pem",
        "/%2e%2e/S-1.pem",
        "/S-1;.pem",
        "/S 1.pem",
        "/S-1\\.pem",
        "/S-1.x.pem",
        "/S-1?.pem",
        "/S-1#.pem",
        "/S-1@.pem",
        "/S-1:.pem",
        "/Ś.pem",
    ] {
        hostile.insert(format!("https://sns.eu-west-1.amazonaws.com{path}"));
    }
    let odd =
        ["@", ":", "/", "\\", "?", "#", "%", " ", "\t", "\n", "\r", "\0", "..", "\u{202e}", "é", "[", ";", "&", "*"];
    for at in 0..=good.len() {
        for odd in odd {
            let (before, after) = good.split_at(at);
            hostile.insert(format!("{before}{odd}{after}"));
        }
    }
    hostile.insert(format!("https://sns.eu-west-1.amazonaws.com/{}.pem", "S".repeat(300)));
    assert!(hostile.len() > 800, "{}", hostile.len());
    for url in hostile {
        assert_eq!(cert_url(&url), None, "{url:?}");
    }
}

#[test]
fn the_confirmation_address_is_built_from_a_sound_arn() {
    let check = |arn: &str, token: &str, expected: Option<(&str, &str)>| {
        let expected =
            expected.map(|(host, rest)| format!("https://{host}/?Action=ConfirmSubscription&TopicArn={rest}"));
        assert_eq!(confirm_url(arn, token), expected, "{arn}");
    };
    let good = "arn:aws:sns:eu-west-1:123456789012:alarms";
    let encoded = "arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Aalarms&Token=a1";
    check(good, "a1", Some(("sns.eu-west-1.amazonaws.com", encoded)));
    let chinese = "arn:aws-cn:sns:cn-north-1:123456789012:a.fifo";
    let encoded = "arn%3Aaws-cn%3Asns%3Acn-north-1%3A123456789012%3Aa.fifo&Token=a%2F%26%3D1";
    check(chinese, "a/&=1", Some(("sns.cn-north-1.amazonaws.com.cn", encoded)));
    for arn in [
        "",
        "arn:aws:sns:eu-west-1:123456789012",
        "arn:aws:sns:eu-west-1:123456789012:alarms:2bcfbf39",
        "arn:aws:sqs:eu-west-1:123456789012:alarms",
        "arn:aws-cn:sns:eu-west-1:123456789012:alarms",
        "arn:aws:sns:cn-north-1:123456789012:alarms",
        "arn:aws-iso:sns:us-iso-east-1:123456789012:alarms",
        "arn:aws:sns:evil.example/:123456789012:alarms",
        "arn:aws:sns:EU-WEST-1:123456789012:alarms",
        "arn:aws:sns:eu:123456789012:alarms",
        "arn:aws:sns::123456789012:alarms",
        "arn:aws:sns:eu-west-1:12345678901:alarms",
        "arn:aws:sns:eu-west-1:12345678901x:alarms",
        "arn:aws:sns:eu-west-1:123456789012:",
        "arn:aws:sns:eu-west-1:123456789012:.fifo",
        "arn:aws:sns:eu-west-1:123456789012:a/b",
        "arn:aws:sns:eu-west-1:123456789012:a&Token=b",
    ] {
        check(arn, "a1", None);
    }
    check(good, "", None);
    check(good, &"a".repeat(1025), None);
}

#[test]
fn only_a_signed_message_has_something_to_verify() {
    assert_eq!(envelope(b"{\"Type\":\"Notification\",\"TopicArn\":\"t\"}"), None);
    assert_eq!(envelope(b"[]"), None);
    assert_eq!(envelope(b""), None);
}

fn parsed(name: &str) -> Parsed {
    let source = SourceRules::new("aws");
    parse(&Request {
        kind: Some(Kind::CloudWatch),
        content_type: None,
        header: &|_| None,
        body: &file(name),
        received_at: SenderTime(1_777_600_810_000_000_000),
        truncated: false,
        source: &source,
    })
}

#[test]
fn a_wrong_signature_cannot_make_silence_and_an_unchecked_one_warns() {
    let wrong = Trust::Wrong("the signature does not match the message".into());
    let unchecked = Trust::Unchecked("no network".into());

    let forged_recovery = parsed("notification-v2.json").apply_trust(&wrong);
    assert!(
        matches!(&forged_recovery.reports[..], [Report::Note(note)] if note.external_id.as_deref() == Some("CPU high"))
    );
    assert_eq!(forged_recovery.delivery_id, None);

    let event = |parsed: Parsed| match &parsed.reports[..] {
        [Report::Event(event)] => event.clone(),
        other => panic!("{other:?}"),
    };
    let recovery = event(parsed("notification-v2.json").apply_trust(&unchecked));
    assert_eq!((recovery.action, recovery.warnings.len()), (Action::Resolve, 1));
    let forged_trigger = event(parsed("unsubscribe.json").apply_trust(&wrong));
    assert_eq!((forged_trigger.action, forged_trigger.warnings.len()), (Action::Trigger, 1));
    for trust in [Trust::Verified, Trust::NotSigned] {
        assert_eq!(event(parsed("unsubscribe.json").apply_trust(&trust)).warnings.len(), 0);
    }
}

#[test]
fn a_subscription_is_verified_by_a_good_signature_only() {
    for (trust, expected) in [
        (Trust::Verified, true),
        (Trust::NotSigned, false),
        (Trust::Unchecked("safe mode".into()), false),
        (Trust::Wrong("x".into()), false),
    ] {
        let parsed = parsed("subscription.json").apply_trust(&trust);
        assert!(matches!(&parsed.reports[..], [Report::Subscription(s)] if s.verified == expected), "{trust:?}");
    }
}
