//! Bytes to a tree of fields.
//!
//! The media type is a hint only, because senders get it wrong: SNS calls its JSON `text/plain`, `curl -d` calls
//! everything a form. The first characters decide. Nothing is decompressed, and no body can exhaust the stack: what
//! nests deeper than [`DEPTH`] is not looked at.

use super::text;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// How deep objects and lists may nest.
pub(super) const DEPTH: usize = 64;
const TOO_DEEP: &str = "is nested deeper than 64 levels";

#[derive(PartialEq, Debug)]
pub(super) enum Body {
    /// JSON, a form's fields, or lines of `key: value`.
    Fields(Value),
    /// Readable, but without fields.
    Text(String),
    /// Why not, as the end of the sentence "the body ...".
    Unreadable(&'static str),
}

pub(super) fn read(bytes: &[u8], content_type: Option<&str>) -> Body {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if is_compressed(bytes) {
        return Body::Unreadable("is compressed, and nothing is decompressed here");
    }
    let text = text::lossy(bytes);
    let text = text.trim();
    if text.is_empty() {
        return Body::Unreadable("is empty");
    }
    if text.starts_with(['{', '[']) {
        match json(text) {
            Ok(tree) => return Body::Fields(tree),
            // `[FIRING] disk full` is a text that starts like a list.
            Err(reason) if text.starts_with('{') || text[1..].trim_start().starts_with(['{', '[', '"']) => {
                return Body::Unreadable(reason);
            }
            Err(_) => {}
        }
    }
    // Before forms: in an encoded form neither a line break nor a space after a colon can occur.
    if let Some(tree) = lines(text) {
        return Body::Fields(tree);
    }
    let says_form = content_type.is_some_and(|kind| kind.to_ascii_lowercase().contains("form-urlencoded"));
    let looks_form = text.contains('=') && !text.contains(char::is_whitespace);
    if says_form || looks_form {
        return form(text);
    }
    Body::Text(text.to_owned())
}

/// A JSON object or list; of duplicate keys the last wins.
pub(super) fn json(text: &str) -> Result<Value, &'static str> {
    let parsed = serde_json::from_str(text).or_else(|_| {
        // Templates that escape nothing put raw line breaks into strings. Between tokens a control character means
        // no more than a space, so replacing them all changes nothing else.
        serde_json::from_str(&text.replace(|c: char| c.is_ascii_control(), " "))
    });
    match parsed {
        Ok(tree) if depth(&tree) > DEPTH => Err(TOO_DEEP),
        Ok(tree @ (Value::Object(_) | Value::Array(_))) => Ok(tree),
        // The parser gives up by itself at twice our depth, long before the stack ends.
        Err(_) if written_depth(text) > DEPTH => Err(TOO_DEEP),
        _ => Err("is broken JSON"),
    }
}

/// Objects and lists within each other, of a tree that a parser has bounded.
fn depth(tree: &Value) -> usize {
    match tree {
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Counts brackets outside strings, in what no parser has read.
fn written_depth(text: &str) -> usize {
    let (mut deepest, mut now, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => now += 1,
            b'}' | b']' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(now);
    }
    deepest
}

/// The fields of a form, or the JSON in its `data` or `payload` field.
fn form(text: &str) -> Body {
    let mut fields = Map::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        fields.insert(decoded(name), Value::String(decoded(value)));
    }
    for name in ["data", "payload"] {
        let value = fields.get(name).and_then(Value::as_str).map_or("", str::trim);
        if value.starts_with(['{', '[']) {
            return json(value).map_or_else(Body::Unreadable, Body::Fields);
        }
    }
    Body::Fields(Value::Object(fields))
}

/// `+` and `%41` decoded; a `%` that means nothing stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|hex| *first == b'%' && hex.iter().all(u8::is_ascii_hexdigit));
        let code = code.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    match String::from_utf8_lossy(&bytes) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    }
}

/// `key: value` on every line; a line without a key continues the one above.
fn lines(text: &str) -> Option<Value> {
    let mut fields: Map<String, Value> = Map::new();
    let mut last: Option<String> = None;
    for line in text.lines() {
        if let Some((key, value)) = key_and_value(line) {
            fields.insert(key.to_owned(), Value::String(value.to_owned()));
            last = Some(key.to_owned());
        } else if let Some(Value::String(value)) = fields.get_mut(last.as_deref()?) {
            value.push('\n');
            value.push_str(line);
        }
    }
    (!fields.is_empty()).then_some(Value::Object(fields))
}

fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let key = key.trim();
    let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    // `http://example.net` is not a field named http.
    (is_key && (value.is_empty() || value.starts_with(char::is_whitespace))).then(|| (key, value.trim()))
}

/// By the first bytes of gzip, zstd and zlib.
fn is_compressed(bytes: &[u8]) -> bool {
    let starts: [&[u8]; 5] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x78\x01", b"\x78\x9c", b"\x78\xda"];
    starts.iter().any(|start| bytes.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(body: &[u8], content_type: &str, expected: Body) {
        assert_eq!(read(body, Some(content_type)), expected, "{:?}", String::from_utf8_lossy(body));
    }

    #[test]
    fn shape_decides_what_a_body_is() {
        let fields = |tree: Value| Body::Fields(tree);
        let form = "application/x-www-form-urlencoded";
        check(b"\xef\xbb\xbf {\"a\":1}", "text/plain", fields(json!({"a": 1})));
        check(b"{\"a\":1,\"a\":2}", "", fields(json!({"a": 2})));
        check(b"{\"a\":\"x\xffy\"}", "", fields(json!({"a": "x\u{fffd}y"})));
        check(b"{\"a\":\"two\nlines\"}", "", fields(json!({"a": "two lines"})));
        check(b"[1]", form, fields(json!([1])));
        check(b"title=Disk+full%21&n=5%&x", form, fields(json!({"title": "Disk full!", "n": "5%", "x": ""})));
        check(b"title=Disk", "", fields(json!({"title": "Disk"})));
        check(b"payload=%7B%22a%22%3A1%7D&b=2", form, fields(json!({"a": 1})));
        check(b"data=%7B%22a", form, Body::Unreadable("is broken JSON"));
        check(
            b"title: Disk full\nhost: db1:5432\n\n  more",
            form,
            fields(json!({"title": "Disk full", "host": "db1:5432\n\n  more"})),
        );
        check(b"http://example.net is down", "text/plain", Body::Text("http://example.net is down".into()));
        check(b"[FIRING] disk", "", Body::Text("[FIRING] disk".into()));
        check(b"", "", Body::Unreadable("is empty"));
        check(b" \r\n", "", Body::Unreadable("is empty"));
        check(b"\x1f\x8b\x08", "", Body::Unreadable("is compressed, and nothing is decompressed here"));
        check(b"{\"a\":", "", Body::Unreadable("is broken JSON"));
    }

    #[test]
    fn depth_is_bounded_before_parsing() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(json(&nested(DEPTH)).is_ok());
        assert_eq!(json(&nested(DEPTH + 1)), Err("is nested deeper than 64 levels"));
        assert_eq!(json(&"[{\"a\":".repeat(300_000)), Err("is nested deeper than 64 levels"));
        assert!(json(&format!("[\"{}\"]", "[\\\"".repeat(200))).is_ok());
    }
}
