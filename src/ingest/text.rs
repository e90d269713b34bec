//! Words of strangers, made fit to show.
//!
//! Everything a sender writes passes through here before it becomes part of an event: control characters turn into
//! spaces, characters that hide or reorder others are dropped, and what is too long is cut with a mark that can be
//! seen. Escaping for HTML, SMS or mail is left to those who write them.

use serde_json::Value;
use std::borrow::Cow;

/// Shows where something was cut.
const CUT: &str = "…";

/// Bytes as text, what is no UTF-8 replaced. Nearly all bytes are text, which is quicker to find out as a whole.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// One line: every control character and line break a space, runs of spaces one, at most `max_chars` characters.
pub(super) fn line(text: &str, max_chars: usize) -> String {
    // Nearly every line is one already, and this is the busiest place of all.
    if text.len() <= max_chars
        && is_printable(text)
        && !text.contains('\n')
        && text.trim() == text
        && !text.contains("  ")
    {
        return text.to_owned();
    }
    let clean = paragraphs(text);
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(max_chars) {
        None => words,
        Some(_) => {
            let kept: String = words.chars().take(max_chars.saturating_sub(1)).collect();
            kept.trim_end().to_owned() + CUT
        }
    }
}

/// Text for people over several lines. Line breaks stay, because lists of alerts need them.
pub(super) fn paragraphs(text: &str) -> Cow<'_, str> {
    if is_printable(text) {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\r\n", "\n");
    text.chars().filter(|c| !is_invisible(*c)).map(|c| if is_space(c) && c != '\n' { ' ' } else { c }).collect()
}

/// Whether there is nothing but printable ASCII and line breaks, as in nearly all text.
fn is_printable(text: &str) -> bool {
    // In pieces without an early end, which the compiler turns into a few wide instructions.
    let is_printable = |byte: &u8| *byte == b'\n' || (b' '..=b'~').contains(byte);
    text.as_bytes().chunks(64).all(|piece| piece.iter().fold(true, |all, byte| all & is_printable(byte)))
}

/// At most `max` bytes, the mark included, cut between characters.
pub(super) fn clip(mut text: String, max: usize, mark: &str) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max.saturating_sub(mark.len())));
        text.push_str(mark);
    }
    text
}

/// [`clip`] with the short mark.
pub(super) fn clip_short(text: String, max: usize) -> String {
    clip(text, max, CUT)
}

/// The first line that says anything.
pub(super) fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| says_something(line)).unwrap_or("")
}

/// Whether anything would be left to read.
pub(super) fn says_something(text: &str) -> bool {
    text.contains(|c: char| !c.is_whitespace() && !is_space(c) && !is_invisible(c))
}

fn is_space(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Characters that take no room or turn the reading direction: a title must not look like another one.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Fields that let whoever reads them act on the sender's side or on ours. None of them is ever kept.
const SECRETS: [&str; 5] = ["UnsubscribeURL", "SubscribeURL", "Token", "api_key", "routing_key"];

/// The tree as people read it, without secrets. Stops soon after `max` bytes; the exact cut is the caller's.
pub(super) fn pretty(tree: &Value, max: usize) -> String {
    let shown = written(tree, max);
    // JSON writes the letters of a name as they are, so a secret that is shown has its name before it.
    if !names_secret(&shown) {
        return shown;
    }
    let mut tree = tree.clone();
    remove_secrets(&mut tree);
    written(&tree, max)
}

fn written(tree: &Value, max: usize) -> String {
    let mut out = Bounded { bytes: Vec::with_capacity(1024), max };
    // The only error is our own "enough": a deep tree of tiny values would otherwise grow a hundredfold.
    let _ = serde_json::to_writer_pretty(&mut out, tree);
    lossy(&out.bytes).into_owned()
}

/// Recursion is bounded by the depth that `body` lets through.
fn remove_secrets(tree: &mut Value) {
    match tree {
        Value::Object(fields) => {
            fields.retain(|name, _| !SECRETS.contains(&name.as_str()));
            fields.values_mut().for_each(remove_secrets);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_secrets),
        Value::String(text) if names_secret(text) => *text = without_secrets(text),
        _ => {}
    }
}

/// Takes the values of secret fields out of text that may be broken, cut, or JSON inside a JSON string. Meant for
/// whatever is kept of a body: a value is recognised by the field's name before it.
pub fn without_secrets(text: &str) -> String {
    if !names_secret(text) {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut rest = text;
    while let Some((at, name)) = next_secret(rest) {
        let value = rest[at + name.len()..].trim_start_matches(['"', '\\', ' ', '\t', '\r', '\n', ':', '=']);
        kept.push_str(&rest[..rest.len() - value.len()]);
        kept.push_str("(removed)");
        let is_form = rest[at + name.len()..].starts_with('=');
        rest = &value[secret_end(value, is_form)..];
    }
    kept + rest
}

/// Most text does not, and is left alone.
fn names_secret(text: &str) -> bool {
    SECRETS.iter().any(|name| text.contains(name))
}

/// The next secret field with a value: its name stands alone and `:` or `=` follows. One pass, because a sender may
/// send a megabyte of nothing but names.
fn next_secret(text: &str) -> Option<(usize, &'static str)> {
    let mut alone = true;
    for (at, c) in text.char_indices() {
        if alone && let Some(name) = SECRETS.into_iter().find(|name| text[at..].starts_with(name)) {
            let after = text[at + name.len()..].trim_start_matches(['"', '\\', ' ', '\t', '\r', '\n']);
            if after.starts_with([':', '=']) && after.len() > 1 {
                return Some((at, name));
            }
        }
        alone = !(c.is_alphanumeric() || c == '_');
    }
    None
}

/// Up to the quote that ends the value and the backslashes that escape it; a form's value ends at `&`, an unquoted one
/// at white space.
fn secret_end(value: &str, is_form: bool) -> usize {
    let mut escape = None;
    for (at, c) in value.char_indices() {
        match c {
            '\\' => escape = escape.or(Some(at)),
            '"' => return escape.unwrap_or(at),
            c if c.is_whitespace() || (is_form && c == '&') => return at,
            _ => escape = None,
        }
    }
    value.len()
}

struct Bounded {
    bytes: Vec<u8>,
    max: usize,
}

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > self.max { Err(std::io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_has_no_breaks_no_hidden_characters_and_a_visible_cut() {
        let check = |text: &str, expected: &str| assert_eq!(line(text, 12), expected, "{text:?}");
        check("Disk full", "Disk full");
        check("a  b", "a b");
        check("a\nb ", "a b");
        check(" Disk\tfull\r\non\u{0}db1 ", "Disk full o…");
        check("a\u{202e}b\u{200b}c\u{feff}d", "abcd");
        check("line\u{2028}two", "line two");
        check("twelve chars", "twelve chars");
        check("thirteen char", "thirteen ch…");
        check("ééééééééééééé", "ééééééééééé…");
    }

    #[test]
    fn cuts_fall_between_characters() {
        assert_eq!(clip_short("ééé".to_owned(), 6), "ééé");
        assert_eq!(clip_short("éééé".to_owned(), 6), "é…");
        assert_eq!(clip("abcdef".to_owned(), 3, " [cut]"), " [cut]");
    }

    #[test]
    fn secrets_leave_trees_strings_and_broken_text() {
        let tree = json!({"a": [{"Token": "t0p"}], "Message": "{\"UnsubscribeURL\":\"https://x/?t0p\",\"b\":1}"});
        let shown = pretty(&tree, 10_000);
        assert!(!shown.contains("t0p") && shown.contains("Message") && shown.contains("b"), "{shown}");

        let check = |text: &str, expected: &str| assert_eq!(without_secrets(text), expected, "{text:?}");
        check(r#"{"Token" : "t0p","x":1}"#, r#"{"Token" : "(removed)","x":1}"#);
        check(r#"{"UnsubscribeURL":"https://x/\u0026t0p"#, r#"{"UnsubscribeURL":"(removed)"#);
        check(r#"\"SubscribeURL\":\"t0p\",\"x\":1"#, r#"\"SubscribeURL\":\"(removed)\",\"x\":1"#);
        check("api_key=t0p&x=1", "api_key=(removed)&x=1");
        check("my_api_key Token", "my_api_key Token");
        check("Tokens: many", "Tokens: many");
        check("Token: a\nToken: b c", "Token: (removed)\nToken: (removed) c");
        check(r#"Token\\": \\"t\u0026p\\", x"#, r#"Token\\": \\"(removed)\\", x"#);
        assert_eq!(without_secrets(&"Token:\\".repeat(100_000)), "Token:\\(removed)");
    }
}
