//! Reading one field of a body that may be odd.
//!
//! A number may come as text and text as a number, a field may be missing, null or empty: all of that is "absent",
//! never an error. Here too are the rules that every sender shares for times, severities and derived ids.

use super::SourceRules;
use super::text::says_something;
use crate::domain::Severity;
use crate::domain::event::SenderTime;
use crate::hex::hex;
use ring::digest::{SHA256, digest};
use serde_json::Value;

/// The field as text, if it is there and says something. Objects and lists are absent.
pub(super) fn text(tree: &Value, name: &str) -> Option<String> {
    tree.get(name).and_then(scalar)
}

/// The first of these fields that is present and not empty.
pub(super) fn first(tree: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| text(tree, name))
}

/// A field of a field: `at(tree, &["detail", "state"])`. Null when any step is missing.
pub(super) fn at<'a>(tree: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(tree, |tree, name| tree.get(name).unwrap_or(&Value::Null))
}

/// The items of a list field; none if it is something else.
pub(super) fn list<'a>(tree: &'a Value, name: &str) -> &'a [Value] {
    tree.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Verbatim, so that a sender's key stays the sender's key; only text that shows nothing is absent.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => says_something(text).then(|| text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Name and value of every field that is worth a label; what is not a plain value is written as JSON.
pub(super) fn pairs(tree: &Value) -> Vec<(String, String)> {
    let fields = tree.as_object().into_iter().flatten();
    fields.filter_map(|(name, value)| Some((name.clone(), shown(value)?))).collect()
}

/// What a field is worth as a label; nothing if it is null.
pub(super) fn shown(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| scalar(value).unwrap_or_else(|| plain(value)))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// 2000-01-01. A time before that is a default, a test or a mistake; taken for real it could make a trigger look older
/// than the last recovery, and nobody would be paged.
const EARLIEST_SECS: i64 = 946_684_800;
const NANOS: i64 = 1_000_000_000;
/// 100,000,000,000: as seconds the year 5138, as milliseconds 1973.
const MILLIS_FROM: f64 = 1e11;

/// A sender's time: RFC 3339, also with `+0000`, or epoch seconds or milliseconds. `None` for the year 0001 (which
/// means "none" to senders written in Go), for what cannot be read, for what lies more than 24 h ahead of
/// `received_at` and for what lies before 2000.
pub(super) fn time(value: &Value, received_at: SenderTime) -> Option<SenderTime> {
    let text = scalar(value)?;
    let text = text.trim();
    let nanos = match text.parse::<f64>() {
        Ok(number) => epoch_nanos(text, number)?,
        Err(_) => i64::try_from(text.parse::<jiff::Timestamp>().ok()?.as_nanosecond()).ok()?,
    };
    let latest = received_at.0.saturating_add(24 * 3600 * NANOS);
    (EARLIEST_SECS * NANOS..=latest).contains(&nanos).then_some(SenderTime(nanos))
}

fn epoch_nanos(text: &str, number: f64) -> Option<i64> {
    let unit = if number.abs() < MILLIS_FROM { NANOS } else { NANOS / 1000 };
    match text.parse::<i64>() {
        Ok(whole) => whole.checked_mul(unit),
        // Saturates at both ends and makes 0 of "NaN"; neither is a time that the caller lets through.
        Err(_) => Some((number * unit as f64) as i64),
    }
}

/// The source's own map first, then the words that tools use; case is ignored. `None`: the source's default.
pub(super) fn severity(word: &str, source: &SourceRules) -> Option<Severity> {
    let word = word.trim().to_lowercase();
    let own = source.severity_map.iter().find(|(own, _)| own.trim().to_lowercase() == word);
    own.map(|(_, severity)| *severity).or_else(|| common_severity(&word))
}

fn common_severity(word: &str) -> Option<Severity> {
    Some(match word {
        "critical" | "crit" | "fatal" | "emergency" | "emerg" | "alert" | "page" | "disaster" | "down" | "p1"
        | "sev1" => Severity::Critical,
        "error" | "err" | "major" | "high" | "p2" | "sev2" => Severity::Error,
        "warning" | "warn" | "minor" | "average" | "medium" | "moderate" | "p3" | "sev3" => Severity::Warning,
        "info" | "information" | "informational" | "notice" | "low" | "none" | "debug" | "p4" | "p5" | "sev4"
        | "sev5" => Severity::Info,
        _ => return None,
    })
}

/// SHA-256 in lower-case hex, 64 characters.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// A key made by us from something longer: the prefix says whose, 128 bits of SHA-256 say which.
pub(super) fn derived_id(prefix: &str, from: &str) -> String {
    format!("{prefix}:{}", &sha256(from.as_bytes())[..32])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_is_text_however_it_was_written() {
        let tree = json!({"a": "x", "n": 7, "b": true, "empty": " ", "null": null, "list": [1], "key": " k "});
        assert_eq!(text(&tree, "a").as_deref(), Some("x"));
        assert_eq!(text(&tree, "n").as_deref(), Some("7"));
        assert_eq!(text(&tree, "key").as_deref(), Some(" k "));
        assert_eq!(first(&tree, &["no", "empty", "null", "list", "b", "a"]).as_deref(), Some("true"));
        assert_eq!(text(&json!(7), "a"), None);
    }

    #[test]
    fn times_in_every_spelling_senders_use() {
        let received = 1_777_600_000; // 2026-05-01T01:46:40Z
        let check = |value: Value, expected: Option<i64>| {
            let found = time(&value, SenderTime(received * NANOS)).map(|time| time.0);
            assert_eq!(found, expected, "{value}");
        };
        let two = 1_777_600_800 * NANOS; // 2026-05-01T02:00:00Z
        check(json!("2026-05-01T02:00:00Z"), Some(two));
        check(json!("2026-05-01T02:00:00.123+0000"), Some(two + 123_000_000));
        check(json!("2026-05-01T04:00:00.5+02:00"), Some(two + 500_000_000));
        check(json!("2026-05-01 02:00:00+0000"), Some(two));
        check(json!(1_777_600_800), Some(two));
        check(json!("1777600800"), Some(two));
        check(json!(1_777_600_800_250_u64), Some(two + 250_000_000));
        check(json!(1_777_600_800.5), Some(two + 500_000_000));
        check(json!("2026-05-02T01:46:40Z"), Some((received + 86_400) * NANOS));
        for none in [
            json!("2026-05-02T01:46:41Z"),
            json!("0001-01-01T00:00:00Z"),
            json!("2026-05-01T02:00:00"),
            json!("yesterday"),
            json!("NaN"),
            json!("inf"),
            json!(0),
            json!(7),
            json!(-1_777_600_800),
            json!(1e300),
            json!(u64::MAX),
            json!(i64::MAX),
            json!(null),
            json!({}),
        ] {
            check(none, None);
        }
    }

    #[test]
    fn the_sources_own_severities_go_first() {
        let mut source = SourceRules::new("db");
        source.severity_map.insert("P1".into(), Severity::Warning);
        source.severity_map.insert("Blocker".into(), Severity::Critical);
        let check = |word: &str, expected| assert_eq!(severity(word, &source), expected, "{word}");
        check("p1", Some(Severity::Warning));
        check("BLOCKER", Some(Severity::Critical));
        check(" Sev2 ", Some(Severity::Error));
        check("Average", Some(Severity::Warning));
        check("debug", Some(Severity::Info));
        check("7", None);
        check("", None);
    }
}
