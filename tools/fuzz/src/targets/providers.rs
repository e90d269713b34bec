//! What providers send us: reports, replies and answers of Infobip, ID tokens of whoever people sign in with.

use super::{choice, chosen};
use crate::Target;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pagerpal::domain::delivery::Outcome;
use pagerpal::domain::receipt::Fate;
use pagerpal::domain::time::Timestamp;
use pagerpal::notify::infobip::{self, inbox};
use pagerpal::oidc::token::{Expected, Flaw, Keys, claims};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use std::sync::LazyLock;

pub const INFOBIP: Target = Target {
    name: "infobip",
    ask: infobip,
    seeds: || {
        let report = json!({"messageId": "pp-1", "status": {"id": 5, "groupId": 3, "name": "DELIVERED_TO_HANDSET"},
            "error": {"id": 0, "permanent": false, "name": "NO_ERROR"}});
        let sms = json!({"messageId": "m1", "from": "+4917012345678", "text": "7KQ4 R", "receivedAt": "2026-11-24T03:14:00Z"});
        let button = json!({"messageId": "m2", "from": "4917012345678", "message":
            {"type": "INTERACTIVE_BUTTON_REPLY", "id": "token", "title": "Take it"}});
        let refused =
            json!({"requestError": {"serviceException": {"messageId": "UNAUTHORIZED", "text": "Invalid login"}}});
        let list = |entries: &[&Value]| json!({"results": entries}).to_string().into_bytes();
        vec![
            chosen(0, &list(&[&report, &json!(null), &report])),
            chosen(1, &list(&[&report])),
            chosen(2, &list(&[&sms, &button])),
            chosen(3, json!({"messages": [report]}).to_string().as_bytes()),
            chosen(3, report.to_string().as_bytes()),
            chosen(3, refused.to_string().as_bytes()),
            chosen(3, b"<html><b>502</b> Bad Gateway</html>"),
        ]
    },
    words: &[
        "\"results\":[",
        "\"status\":{",
        "\"id\":",
        "\"groupId\":",
        "\"permanent\":true",
        "\"error\":{",
        "4103",
        "23",
        "12",
        "null",
        "\"message\":{\"type\":\"TEXT\"",
        "\"from\":",
        "\"text\":",
        "{",
        "}",
        "[",
        "]",
        ",",
        "<",
        ">",
    ],
};

pub const ID_TOKEN: Target = Target {
    name: "id_token",
    ask: id_token,
    seeds: || {
        let good = json!({"iss": ISSUER, "aud": "pagerpal", "nonce": "n", "exp": NOW + 300, "iat": NOW, "sub": "1"});
        let several = json!({"iss": ISSUER, "aud": ["pagerpal", "x"], "azp": "pagerpal", "nonce": "n", "exp": NOW + 1, "iat": NOW});
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let whole = format!("{}.{}.{}", part(json!({"alg": "ES256"})), part(good.clone()), "A".repeat(86));
        vec![
            chosen(0, good.to_string().as_bytes()),
            chosen(0, several.to_string().as_bytes()),
            chosen(1, whole.as_bytes()),
            chosen(2, br#"{"alg":"ES256","kid":"one"}"#),
            chosen(
                3,
                br#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kty":"RSA","n":"AQAB","e":"AQAB"},7]}"#,
            ),
        ]
    },
    words: &[
        "\"aud\":",
        "\"azp\":",
        "\"exp\":",
        "\"iat\":",
        "\"nbf\":",
        "\"nonce\":\"n\"",
        "\"pagerpal\"",
        "1800000000",
        "1e300",
        "-1",
        "null",
        "\"alg\":\"none\"",
        "RS256",
        "HS256",
        ".",
        "[",
        "]",
    ],
};

fn infobip(data: &[u8]) -> bool {
    let (which, body) = choice(data, 4);
    let Some(kind) = ["reports", "seen", "inbound"].get(which) else { return answer(body) };
    let (reports, replies) = inbox::read_call(kind, body);
    assert!(reports.is_empty() || replies.is_empty(), "a call is about one thing");
    let entries = serde_json::from_slice::<Value>(body).ok().and_then(|body| body["results"].as_array().map(Vec::len));
    assert!(reports.len() + replies.len() <= entries.unwrap_or(0), "nothing is made up");
    for report in &reports {
        let is_final =
            !matches!(&report.fate, Fate::Refused(Outcome::Accepted | Outcome::Duplicate | Outcome::Ambiguous));
        assert!(is_final, "a report that refuses says why: {report:?}");
    }
    for reply in &replies {
        assert!(reply.from.bytes().all(|byte| byte.is_ascii_digit()) && !reply.message_id.is_empty(), "{reply:?}");
    }
    !reports.is_empty() || !replies.is_empty()
}

/// After a 2xx the message may have been taken, so without a status that says otherwise it is never sent under a new id.
fn answer(body: &[u8]) -> bool {
    let (outcome, words) = infobip::accepted(body);
    assert!(!words.is_empty());
    let has_status = words.starts_with("status ");
    assert!(has_status || outcome == Outcome::Ambiguous, "{outcome:?}");
    has_status
}

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://login.example.org/";

/// A provider of our own, with a key that nobody else has.
struct Provider {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    keys: Keys,
}

static PROVIDER: LazyLock<Provider> = LazyLock::new(|| {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).expect("a key");
    let point = pair.public_key().as_ref();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
    let keys = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "one", "use": "sig", "x": x, "y": y}]});
    let keys = serde_json::from_value(keys).expect("a set of keys");
    Provider { pair, random, keys }
});

impl Provider {
    fn token(&self, header: &[u8], payload: &[u8]) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.pair.sign(&self.random, signed.as_bytes()).expect("it signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Claims that are signed, a token as it comes, a signed header, or a provider's keys.
fn id_token(data: &[u8]) -> bool {
    let (which, bytes) = choice(data, 4);
    let expected = Expected { issuer: ISSUER, client_id: "pagerpal", nonce: "n", now: Timestamp::from_second(NOW) };
    let good = json!({"iss": ISSUER, "aud": "pagerpal", "nonce": "n", "exp": NOW + 300, "iat": NOW}).to_string();
    match which {
        0 => {
            let token = PROVIDER.token(br#"{"alg":"ES256"}"#, bytes);
            let Ok(found) = claims(&token, &PROVIDER.keys, &expected) else { return false };
            assert_eq!((found["iss"].as_str(), found["nonce"].as_str()), (Some(ISSUER), Some("n")));
            let audience = &found["aud"];
            let is_ours =
                audience == "pagerpal" || audience.as_array().is_some_and(|all| all.contains(&json!("pagerpal")));
            assert!(
                is_ours && found.get("azp").is_none_or(|party| party == "pagerpal" || !party.is_string()),
                "{found:?}"
            );
            assert!(found["exp"].as_f64().is_some_and(|end| end > (NOW - 61) as f64), "{found:?}");
            assert!(found["iat"].as_f64().is_some_and(|begin| begin < (NOW + 61) as f64), "{found:?}");
            true
        }
        1 => {
            let token = String::from_utf8_lossy(bytes);
            let flaw = claims(&token, &PROVIDER.keys, &expected).expect_err("nobody has signed this");
            flaw != Flaw::Form
        }
        2 => {
            let token = PROVIDER.token(bytes, good.as_bytes());
            let read = claims(&token, &PROVIDER.keys, &expected);
            // What is no UTF-8 in a field that nobody asks for is not looked at.
            let header: Option<Value> = serde_json::from_str(&String::from_utf8_lossy(bytes)).ok();
            assert!(read.is_err() || header.is_some_and(|header| header["alg"] == "ES256"), "{read:?}");
            read.is_ok()
        }
        _ => {
            let Ok(keys) = serde_json::from_slice::<Keys>(bytes) else { return false };
            let token = PROVIDER.token(br#"{"alg":"ES256"}"#, good.as_bytes());
            assert_eq!(claims(&token, &keys, &expected), Err(Flaw::Key), "another's keys");
            let token = token.replacen("RVMyNTYi", "UlMyNTYi", 1);
            assert!(claims(&token, &keys, &expected).is_err());
            true
        }
    }
}
