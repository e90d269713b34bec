//! Grafana's own signature over a webhook: HMAC-SHA-256 in hexadecimal, in `X-Grafana-Alerting-Signature`.
//!
//! It is over the body or, if the contact point names a header for the time, over `<unix seconds>:<body>`, the seconds
//! being that header's. A source that has the secret asks for it besides the key, whatever the path: with a wrong
//! signature or none the answer is 401. Two things are let through with a line in the log, because no page may be lost
//! over them: a secret that cannot be read any more, and a body that is too long to be kept whole.
//!
//! <https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/>

use crate::app::alert_sources;
use crate::domain::alert_source::AlertSource;
use crate::domain::time::Timestamp;
use crate::vault::Vault;
use crate::web::error::WebError;
use crate::web::keys::REALM;
use axum::http::HeaderMap;
use ring::hmac;

const SIGNATURE: &str = "x-grafana-alerting-signature";
/// How far the sender's clock may be off. A replay within it is told by what it says: it opens nothing twice.
const SKEW_SECS: i64 = 3600;

/// `body` is whole unless `is_cut`.
pub fn require(
    vault: &Vault,
    source: &AlertSource,
    headers: &HeaderMap,
    body: &[u8],
    is_cut: bool,
    now: Timestamp,
) -> Result<(), WebError> {
    let Some(signing) = &source.signing else { return Ok(()) };
    let secret = match alert_sources::signing_secret(vault, source) {
        None => return Ok(()),
        Some(Ok(secret)) => secret,
        Some(Err(why)) => {
            tracing::warn!(source = %source.id, %why, "the signing secret cannot be read; an alert is taken by its key alone");
            return Ok(());
        }
    };
    if is_cut {
        tracing::warn!(source = %source.id, "a body is too long for its signature to be checked; it pages all the same");
        return Ok(());
    }
    let time = match &signing.timestamp_header {
        None => None,
        Some(name) => Some(text(headers, name).filter(|text| is_recent(text, now)).ok_or_else(wrong)?),
    };
    let given = text(headers, SIGNATURE).and_then(from_hex).ok_or_else(wrong)?;
    let signed = match time {
        None => body.to_vec(),
        Some(seconds) => [seconds.as_bytes(), b":", body].concat(),
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    // In constant time.
    hmac::verify(&key, &signed, &given).map_err(|_| wrong())
}

fn wrong() -> WebError {
    WebError::Unauthorized { realm: REALM }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn is_recent(seconds: &str, now: Timestamp) -> bool {
    let at: Option<i64> = seconds.parse().ok();
    at.is_some_and(|at| now.as_second().abs_diff(at) <= SKEW_SECS.unsigned_abs())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (text.len() == 64 && text.bytes().all(|c| c.is_ascii_hexdigit())).then(|| bytes.map(byte).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_hexadecimal_of_the_right_length() {
        assert_eq!(from_hex(&"0A".repeat(32)), Some(vec![10; 32]));
        for wrong in ["", "0a", &"0g".repeat(32), &"+1".repeat(32), &"0a".repeat(33)] {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_hour_of_difference_between_clocks_is_borne() {
        let now = Timestamp::from_second(1_780_000_000);
        for (seconds, expected) in
            [("1780000000", true), ("1779996400", true), ("1780003600", true), ("1779996399", false), ("soon", false)]
        {
            assert_eq!(is_recent(seconds, now), expected, "{seconds}");
        }
    }
}
