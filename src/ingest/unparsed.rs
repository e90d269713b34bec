//! The alert for a body that nobody could read.
//!
//! Whoever sent it had a valid key and meant something by it, so somebody is woken to look. The body without its
//! digits is the key: a template that breaks the same way each minute is one incident, not sixty.

use super::{Context, fields, text};
use crate::domain::Severity;
use crate::domain::event::{Action, Event, Order, TITLE_CHARS};
use std::collections::BTreeMap;

/// How much of the body is shown.
const EXCERPT_BYTES: usize = 2048;

/// `reason` ends the sentence "the body ...".
pub(super) fn alert(reason: &str, body: &[u8], context: &Context) -> Event {
    let without_digits: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_digit()).collect();
    Event {
        action: Action::Trigger,
        external_id: format!("unparsed:{}", &fields::sha256(&without_digits)[..16]),
        severity: Some(Severity::Error),
        title: text::line(&format!("Unparsed alert from {}", context.source.name), TITLE_CHARS),
        details: format!("The body {reason}.\n\n{}", excerpt(body)),
        labels: BTreeMap::new(),
        links: Vec::new(),
        occurred_at: context.received_at,
        order: Order::Arrival,
        actor: None,
        warnings: Vec::new(),
    }
}

/// The beginning of the body without secrets; what is no printable text is spelled out. Escapes make it at most ten
/// times as long as what it shows, which stays below the limit of details.
fn excerpt(body: &[u8]) -> String {
    let start = &body[..body.len().min(EXCERPT_BYTES)];
    let shown = start.utf8_chunks().fold(String::new(), |shown, chunk| {
        let bytes: String = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")).collect();
        shown + chunk.valid() + &bytes
    });
    let shown = text::without_secrets(&shown);
    let mut escaped = String::new();
    for c in shown.chars() {
        match c {
            '\n' => escaped.push(c),
            c if c.is_control() || text::is_invisible(c) => escaped.extend(c.escape_default()),
            c => escaped.push(c),
        }
    }
    if body.len() > EXCERPT_BYTES {
        escaped.push_str("\n[cut: longer than 2 KiB]");
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{DETAILS_BYTES, SenderTime};
    use crate::ingest::SourceRules;

    fn unparsed(body: &[u8]) -> Event {
        alert("is broken JSON", body, &Context::new(&SourceRules::new("db"), SenderTime(7)))
    }

    #[test]
    fn one_broken_template_is_one_incident() {
        assert_eq!(unparsed(b"{at: 12:30").external_id, unparsed(b"{at: 9:05").external_id);
        assert_ne!(unparsed(b"{at: 12:30").external_id, unparsed(b"{on: 12:30").external_id);
        assert_eq!(unparsed(b"").external_id, "unparsed:e3b0c44298fc1c14");
    }

    #[test]
    fn the_excerpt_shows_bytes_without_obeying_them() {
        let event = unparsed(b"a\x00\xff\xe2\x80\xaeb\nTop {\"Token\":\"t0p");
        assert_eq!(event.title, "Unparsed alert from db");
        assert_eq!(event.details, "The body is broken JSON.\n\na\\u{0}\\xff\\u{202e}b\nTop {\"Token\":\"(removed)");
        let event = unparsed(&[1; 5000]);
        assert!(event.details.ends_with("[cut: longer than 2 KiB]") && event.details.len() < DETAILS_BYTES);
    }
}
