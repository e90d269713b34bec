//! Whether an ID token is the provider's, for us, for this sign-in and for now.
//!
//! RS256 and ES256, which every provider has; a token that names anything else, `none` above all, is refused.

use crate::domain::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A public key of the provider, as it publishes it.
#[derive(Clone, Debug, Deserialize)]
pub struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Keys {
    /// Keys of kinds that are not known here are passed over, and so is one that does not look like a key.
    keys: Vec<Value>,
}

/// What a token must say.
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub now: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    Form,
    Algorithm,
    /// No published key made the signature. The provider may have new ones.
    Key,
    Issuer,
    Audience,
    Nonce,
    Time,
}

/// Clocks of two machines may differ by so much.
const LEEWAY_SECS: i64 = 60;

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

/// The claims of a token that holds in every respect.
pub fn claims(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Map<String, Value>, Flaw> {
    let (signed, signature) = token.rsplit_once('.').ok_or(Flaw::Form)?;
    let (header, payload) = signed.split_once('.').ok_or(Flaw::Form)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Flaw::Form);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Flaw::Form)?;
    let verify: fn(&Jwk, &[u8], &[u8]) -> Option<()> = match header.alg.as_str() {
        "RS256" => rsa,
        "ES256" => ecdsa,
        _ => return Err(Flaw::Algorithm),
    };
    let signature = decode(signature)?;
    let known: Vec<Jwk> = keys.keys.iter().filter_map(|key| Jwk::deserialize(key).ok()).collect();
    let fits = |key: &&Jwk| {
        key.usage.as_deref().is_none_or(|usage| usage == "sig") && (header.kid.is_none() || key.kid == header.kid)
    };
    let is_signed = known.iter().filter(fits).any(|key| verify(key, signed.as_bytes(), &signature).is_some());
    if !is_signed {
        return Err(Flaw::Key);
    }
    let claims: Map<String, Value> = serde_json::from_slice(&decode(payload)?).map_err(|_| Flaw::Form)?;
    check(&claims, expected)?;
    Ok(claims)
}

fn check(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), Flaw> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(Flaw::Issuer);
    }
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        other => other.and_then(Value::as_str).into_iter().collect(),
    };
    let is_ours = audiences.contains(&expected.client_id);
    // A token for several parties must say that it was made for us.
    let party = text("azp");
    if !is_ours || (audiences.len() > 1 || party.is_some()) && party != Some(expected.client_id) {
        return Err(Flaw::Audience);
    }
    if text("nonce") != Some(expected.nonce) {
        return Err(Flaw::Nonce);
    }
    let now = expected.now.as_second();
    let second = |name: &str| claims.get(name).and_then(Value::as_f64).map(|second| second as i64);
    let (expires, issued) = (second("exp").ok_or(Flaw::Time)?, second("iat").ok_or(Flaw::Time)?);
    let begins = second("nbf").unwrap_or(issued);
    if now >= expires.saturating_add(LEEWAY_SECS) || issued.max(begins) > now.saturating_add(LEEWAY_SECS) {
        return Err(Flaw::Time);
    }
    Ok(())
}

fn rsa(key: &Jwk, message: &[u8], signature: &[u8]) -> Option<()> {
    if key.kty != "RSA" {
        return None;
    }
    let part = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
    let key = RsaPublicKeyComponents { n: part(&key.n)?, e: part(&key.e)? };
    key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature).ok()
}

fn ecdsa(key: &Jwk, message: &[u8], signature: &[u8]) -> Option<()> {
    if key.kty != "EC" || key.crv.as_deref() != Some("P-256") {
        return None;
    }
    let part = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
    let point = [vec![4], part(&key.x)?, part(&key.y)?].concat();
    UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, signature).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    struct Provider(EcdsaKeyPair, SystemRandom);

    impl Provider {
        fn new() -> Provider {
            let random = SystemRandom::new();
            let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
            Provider(pair.expect("a key"), random)
        }

        fn keys(&self, kid: &str) -> Keys {
            let point = self.0.public_key().as_ref();
            let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            let (x, y) = (part(&point[1..33]), part(&point[33..]));
            let strange = json!({"kty": "OKP", "kid": 7});
            Keys { keys: vec![strange, json!({"kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "x": x, "y": y})] }
        }

        fn token(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", part(header), part(claims));
            let signature = self.0.sign(&self.1, signed.as_bytes()).expect("signs");
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    fn good() -> Value {
        json!({"iss": "https://login.example.org/", "aud": "pagerpal", "nonce": "n", "exp": NOW + 300, "iat": NOW, "sub": "1"})
    }

    fn judge(token: &str, keys: &Keys) -> Result<Map<String, Value>, Flaw> {
        let now = Timestamp::from_second(NOW);
        claims(token, keys, &Expected { issuer: "https://login.example.org/", client_id: "pagerpal", nonce: "n", now })
    }

    #[test]
    fn a_token_holds_only_if_everything_in_it_does() {
        let provider = Provider::new();
        let keys = provider.keys("one");
        let header = json!({"alg": "ES256", "kid": "one"});
        assert_eq!(judge(&provider.token(&header, &good()), &keys).map(|claims| claims["sub"].clone()), Ok(json!("1")));
        let check = |name: &str, value: Value, expected: Result<(), Flaw>| {
            let mut claims = good();
            claims[name] = value.clone();
            let found = judge(&provider.token(&header, &claims), &keys).map(|_| ());
            assert_eq!(found, expected, "{name} {value}");
        };
        check("iss", json!("https://login.example.org"), Err(Flaw::Issuer));
        check("aud", json!("another"), Err(Flaw::Audience));
        check("aud", json!(["pagerpal"]), Ok(()));
        check("aud", json!(["pagerpal", "another"]), Err(Flaw::Audience));
        check("azp", json!("another"), Err(Flaw::Audience));
        check("azp", json!("pagerpal"), Ok(()));
        check("nonce", json!("m"), Err(Flaw::Nonce));
        check("nonce", json!(null), Err(Flaw::Nonce));
        check("exp", json!(NOW - 59), Ok(()));
        check("exp", json!(NOW - 60), Err(Flaw::Time));
        check("exp", json!("soon"), Err(Flaw::Time));
        check("iat", json!(NOW + 60), Ok(()));
        check("iat", json!(NOW + 61), Err(Flaw::Time));
        check("nbf", json!(NOW + 61), Err(Flaw::Time));
    }

    #[test]
    fn a_signature_of_nobody_or_of_somebody_else_is_refused() {
        let (provider, stranger) = (Provider::new(), Provider::new());
        let keys = provider.keys("one");
        let with = |alg: &str, kid: Value| json!({"alg": alg, "kid": kid});
        let check =
            |token: String, expected: Flaw| assert_eq!(judge(&token, &keys).map(|_| ()), Err(expected), "{token}");
        check(stranger.token(&with("ES256", json!("one")), &good()), Flaw::Key);
        check(provider.token(&with("ES256", json!("two")), &good()), Flaw::Key);
        check(provider.token(&with("RS256", json!("one")), &good()), Flaw::Key);
        check(provider.token(&with("none", json!("one")), &good()), Flaw::Algorithm);
        check(provider.token(&with("HS256", json!("one")), &good()), Flaw::Algorithm);
        let whole = provider.token(&json!({"alg": "ES256"}), &good());
        assert!(judge(&whole, &keys).is_ok(), "without a key's name every key is tried");
        let (signed, _) = whole.rsplit_once('.').expect("three parts");
        check(format!("{signed}."), Flaw::Key);
        check(signed.to_owned(), Flaw::Form);
        check("x".to_owned(), Flaw::Form);
    }
}
