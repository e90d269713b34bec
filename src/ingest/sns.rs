//! Whether an SNS message is genuine, and how a subscription is confirmed. Pure: the certificate is fetched elsewhere.
//!
//! Three traps live here. The message itself says where its certificate lies, so that address is accepted only in the
//! one form AWS uses. It also says which address confirms a subscription: fetching that would let any holder of a key
//! make this server call whatever they like, so [`confirm_url`] builds its own. And a good signature proves only that
//! *some* customer of AWS sent the message: whether the topic is one of ours is for the caller to ask.
//!
//! The fields and their order: "Verifying the signatures of Amazon SNS messages" in the SNS developer guide.

use super::body;
use crate::domain::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use serde_json::{Map, Value};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::extensions::{GeneralName, ParsedExtension};

/// How far a request's signature can be believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trust {
    /// Nothing that is signed: the key alone speaks for it.
    NotSigned,
    Verified,
    /// It could not be checked, and why: safe mode, no network, a chain that could not be completed.
    Unchecked(String),
    /// It was checked and is wrong, and why.
    Wrong(String),
}

/// A signed SNS message, its fields as they were signed.
#[derive(Clone, PartialEq, Debug)]
pub struct Envelope {
    fields: Map<String, Value>,
}

impl Envelope {
    /// Empty if absent; [`verify`] does not accept such a message.
    pub fn topic_arn(&self) -> &str {
        self.field("TopicArn").unwrap_or("")
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }

    fn signed_fields(&self, with_token: bool) -> Vec<&'static str> {
        match self.field("Type") {
            Some("SubscriptionConfirmation" | "UnsubscribeConfirmation") => {
                let fields = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
                fields.into_iter().filter(|name| with_token || *name != "Token").collect()
            }
            _ => vec!["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        }
    }

    fn signed_with(&self, fields: &[&str]) -> Vec<u8> {
        let mut text = String::new();
        for (name, value) in fields.iter().filter_map(|name| Some((name, self.field(name)?))) {
            text.extend([name, "\n", value, "\n"]);
        }
        text.into_bytes()
    }
}

/// The envelope, if this body is an SNS message that claims a signature. Anything else has nothing to verify.
pub fn envelope(body: &[u8]) -> Option<Envelope> {
    match body::read(body, None) {
        body::Body::Fields(Value::Object(fields)) => {
            let signed =
                ["Signature", "SigningCertURL", "SignatureVersion"].iter().any(|name| fields.contains_key(*name));
            (signed && fields.contains_key("Type")).then_some(Envelope { fields })
        }
        _ => None,
    }
}

/// Where a certificate may be fetched. Exists only after the address was checked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CertUrl {
    url: String,
    region: String,
    /// `amazonaws.com` or `amazonaws.com.cn`.
    domain: &'static str,
}

impl CertUrl {
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The names SNS certificates carry, by region (they are listed in AWS's own message manager for Java). All of
    /// them belong to SNS alone.
    fn names(&self) -> Vec<String> {
        let (region, domain) = (&self.region, self.domain);
        let mut names = vec![
            format!("sns.{domain}"),
            format!("sns.{region}.{domain}"),
            format!("sns-signing.{region}.{domain}"),
            format!("sns-{region}.{domain}"),
        ];
        if region.starts_with("us-gov-") {
            names.push("sns-us-gov-west-1.amazonaws.com".to_owned());
        }
        names
    }
}

/// `https://sns.<region>.amazonaws.com[.cn]/<name>.pem` and nothing else: no port, user, query, fragment, escape or
/// second path segment. `Err` says what is wrong with it.
pub fn signing_cert_url(envelope: &Envelope) -> Result<CertUrl, String> {
    let url = envelope.field("SigningCertURL").ok_or("there is no SigningCertURL")?;
    cert_url(url).ok_or_else(|| "its SigningCertURL is not an address of SNS".to_owned())
}

fn cert_url(url: &str) -> Option<CertUrl> {
    let (host, file) = url.strip_prefix("https://")?.split_once('/')?;
    let inner = host.strip_prefix("sns.")?;
    let (region, domain) = match inner.strip_suffix(".amazonaws.com.cn") {
        Some(region) => (region, "amazonaws.com.cn"),
        None => (inner.strip_suffix(".amazonaws.com")?, "amazonaws.com"),
    };
    let file = file.strip_suffix(".pem")?;
    let is_file = !file.is_empty() && file.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    (is_region(region) && is_file && url.len() <= 256).then(|| CertUrl {
        url: url.to_owned(),
        region: region.to_owned(),
        domain,
    })
}

fn is_region(region: &str) -> bool {
    region.len() >= 3 && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// What was signed: `Name\nValue\n` for each field that is present.
pub fn signed_text(envelope: &Envelope) -> Vec<u8> {
    envelope.signed_with(&envelope.signed_fields(true))
}

/// Checks signature, chain, dates and name.
///
/// `certificate_pem` is what the [`signing_cert_url`] gave. SNS serves the leaf alone, without the certificate that
/// issued it; [`issuer_url`] says where that one lies, and `issuer_der` is what was found there. A chain that cannot
/// be completed is [`Trust::Unchecked`] if the signature itself is good: the leaf came from AWS's own host, and losing
/// recoveries would be the greater harm. Everything else that does not hold is [`Trust::Wrong`].
pub fn verify(
    envelope: &Envelope,
    certificate_pem: &[u8],
    issuer_der: Option<&[u8]>,
    now: Timestamp,
    roots: &[TrustAnchor<'_>],
) -> Trust {
    check(envelope, certificate_pem, issuer_der, now, roots).unwrap_or_else(Trust::Wrong)
}

fn check(
    envelope: &Envelope,
    certificate_pem: &[u8],
    issuer_der: Option<&[u8]>,
    now: Timestamp,
    roots: &[TrustAnchor<'_>],
) -> Result<Trust, String> {
    let url = signing_cert_url(envelope)?;
    if envelope.topic_arn().is_empty() {
        return Err("there is no TopicArn".to_owned());
    }
    let mut chain: Vec<CertificateDer> = CertificateDer::pem_slice_iter(certificate_pem)
        .collect::<Result<_, _>>()
        .map_err(|_| "the certificate is not PEM".to_owned())?;
    if chain.is_empty() {
        return Err("the certificate is not PEM".to_owned());
    }
    let leaf = chain.remove(0);
    chain.extend(issuer_der.map(CertificateDer::from));

    check_signature(envelope, &leaf)?;

    let certificate = EndEntityCert::try_from(&leaf).map_err(|why| format!("the certificate cannot be read: {why}"))?;
    let named = url.names().into_iter().filter_map(|name| ServerName::try_from(name).ok());
    if !named.into_iter().any(|name| certificate.verify_is_valid_for_subject_name(&name).is_ok()) {
        return Err("the certificate was not issued to SNS".to_owned());
    }
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().unsigned_abs()));
    let algorithms = webpki::ALL_VERIFICATION_ALGS;
    let path = certificate.verify_for_usage(algorithms, roots, &chain, now, KeyUsage::server_auth(), None, None);
    match path {
        Ok(_) => Ok(Trust::Verified),
        Err(webpki::Error::UnknownIssuer) => {
            Ok(Trust::Unchecked("the issuer of the certificate is not known".to_owned()))
        }
        Err(why) => Err(format!("the certificate is not valid: {why}")),
    }
}

fn check_signature(envelope: &Envelope, leaf: &CertificateDer) -> Result<(), String> {
    let algorithm = match envelope.field("SignatureVersion") {
        // The default of topics, whatever one thinks of SHA-1; forging one needs a second preimage.
        Some("1") => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        Some("2") => &RSA_PKCS1_2048_8192_SHA256,
        _ => return Err("its SignatureVersion is neither 1 nor 2".to_owned()),
    };
    let signature = envelope.field("Signature").ok_or("there is no Signature")?;
    let signature = STANDARD.decode(signature.trim()).map_err(|_| "the Signature is not base64".to_owned())?;
    let (_, certificate) =
        x509_parser::parse_x509_certificate(leaf).map_err(|_| "the certificate cannot be read".to_owned())?;
    let key = UnparsedPublicKey::new(algorithm, certificate.public_key().subject_public_key.data.as_ref());
    // Implementations differ in whether the end of a subscription signs its token.
    let without_token = (envelope.field("Type") == Some("UnsubscribeConfirmation"))
        .then(|| envelope.signed_with(&envelope.signed_fields(false)));
    let texts = [Some(signed_text(envelope)), without_token];
    if texts.into_iter().flatten().any(|text| key.verify(&text, &signature).is_ok()) {
        Ok(())
    } else {
        Err("the signature does not match the message".to_owned())
    }
}

/// Where the certificate that issued this one lies, from its authority information access. Only Amazon's own
/// authority, `http://crt.<name>.amazontrust.com/<name>.cer`: plain HTTP is what it serves, and harmless, because
/// what comes back counts only if a trusted root signed it.
pub fn issuer_url(certificate_pem: &[u8]) -> Option<String> {
    let leaf = CertificateDer::pem_slice_iter(certificate_pem).next()?.ok()?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&leaf).ok()?;
    let access = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => Some(access),
        _ => None,
    })?;
    access.iter().find_map(|entry| match entry.access_location {
        GeneralName::URI(url) if is_issuer_url(url) => Some(url.to_owned()),
        _ => None,
    })
}

fn is_issuer_url(url: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let parts = url.strip_prefix("http://crt.").and_then(|rest| rest.split_once(".amazontrust.com/"));
    parts
        .and_then(|(name, file)| Some((name, file.strip_suffix(".cer")?)))
        .is_some_and(|(n, f)| is_word(n) && is_word(f))
}

/// The address that confirms a subscription, built from the parsed ARN alone. `None` for what is no topic of SNS.
pub fn confirm_url(topic_arn: &str, token: &str) -> Option<String> {
    let parts: Vec<&str> = topic_arn.split(':').collect();
    let [arn, partition, service, region, account, topic] = parts[..] else { return None };
    let domain = match (partition, region.starts_with("cn-")) {
        ("aws-cn", true) => "amazonaws.com.cn",
        ("aws" | "aws-us-gov", false) => "amazonaws.com",
        _ => return None,
    };
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let name = topic.strip_suffix(".fifo").unwrap_or(topic);
    let is_topic = (1..=256).contains(&topic.len())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let is_token = (1..=1024).contains(&token.len());
    (arn == "arn" && service == "sns" && is_region(region) && is_account && is_topic && is_token).then(|| {
        let (arn, token) = (percent_encoded(topic_arn), percent_encoded(token));
        format!("https://sns.{region}.{domain}/?Action=ConfirmSubscription&TopicArn={arn}&Token={token}")
    })
}

/// All but RFC 3986's unreserved characters.
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
#[path = "sns_tests.rs"]
mod tests;
