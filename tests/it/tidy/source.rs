//! Rust source without what is not code: comments, literals, tests.
//!
//! Not a parser. It knows just enough of the language that a word in a sentence or a brace in a string is not taken for
//! code; line numbers stay what they are, because everything taken out becomes blanks.

/// What runs in the product: no comments, no literals, nothing under `#[cfg(test)]`.
pub fn product_code(text: &str) -> String {
    without_tests(&code(text))
}

/// Comments and the insides of literals become blanks.
pub fn code(text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (start, end) in gaps(&chars) {
        chars[start..end].iter_mut().filter(|c| **c != '\n').for_each(|c| *c = ' ');
    }
    chars.into_iter().collect()
}

/// Every text in quotes as the compiler reads it, with the character at which it begins.
pub fn literals(text: &str) -> Vec<(usize, String)> {
    let chars: Vec<char> = text.chars().collect();
    let quoted = gaps(&chars).into_iter().filter(|(start, _)| chars[*start] == '"');
    let inside = quoted.map(|(start, end)| (start, chars[start + 1..end - 1].iter().collect::<String>()));
    inside.map(|(start, raw)| (start, unescaped(&raw))).collect()
}

fn unescaped(raw: &str) -> String {
    let mut out = String::new();
    let mut rest = raw.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('\\', Some('\n')) => while rest.next_if(|c| c.is_whitespace()).is_some() {},
            ('\\', Some('n' | 't')) => {
                rest.next();
                out.push(' ');
            }
            ('\\', Some(_)) => out.extend(rest.next()),
            _ => out.push(c),
        }
    }
    out
}

/// Where comments and literals begin and end.
fn gaps(chars: &[char]) -> Vec<(usize, usize)> {
    let mut gaps = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let end = match (chars[at], chars.get(at + 1)) {
            ('/', Some('/')) => find(chars, at, "\n"),
            ('/', Some('*')) => find(chars, at, "*/"),
            ('"', _) => end_of_quoted(chars, at),
            ('\'', Some('\\')) => end_of_quoted(chars, at),
            ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => at + 3,
            ('r', Some('"' | '#')) if at == 0 || !is_word(chars[at - 1]) || chars[at - 1] == 'b' => {
                end_of_raw(chars, at)
            }
            _ => {
                at += 1;
                continue;
            }
        };
        gaps.push((at, end.max(at + 1)));
        at = end.max(at + 1);
    }
    gaps
}

/// Takes out each item that follows a `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        let (before, item) = rest.split_at(start);
        let (gone, after) = item.split_at(MARK.len() + end_of_item(&item[MARK.len()..]));
        out.push_str(before);
        out.extend(gone.chars().filter(|c| *c == '\n'));
        rest = after;
    }
    out + rest
}

/// An item ends with a semicolon or a closing brace outside of everything else.
fn end_of_item(code: &str) -> usize {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(c, ';' | '}') {
            return at + 1;
        }
    }
    code.len()
}

/// The first part of every path that begins with `root::`, groups such as `root::{a, b::c}` included, each with the
/// byte at which it stands. A `root` that is itself the end of a longer path does not count.
pub fn paths<'a>(code: &'a str, root: &str) -> Vec<(usize, &'a str)> {
    let start = format!("{root}::");
    let mut found = Vec::new();
    for (at, _) in code.match_indices(&start) {
        if code[..at].ends_with(|c| is_word(c) || c == ':') {
            continue;
        }
        let from = at + start.len();
        let Some(group) = code[from..].strip_prefix('{') else {
            found.push((from, word_at(code, from)));
            continue;
        };
        let mut depth = 0;
        let mut expects_part = true;
        for (offset, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => expects_part = true,
                c if expects_part && is_word(c) => {
                    expects_part = false;
                    found.push((from + 1 + offset, word_at(code, from + 1 + offset)));
                }
                _ => {}
            }
        }
    }
    found
}

/// Where `words` stand in the code, and not as the end of a longer word.
pub fn occurrences(code: &str, words: &str) -> Vec<usize> {
    let all = code.match_indices(words).map(|(at, _)| at);
    all.filter(|at| !words.starts_with(is_word) || !code[..*at].ends_with(is_word)).collect()
}

pub fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word_at(code: &str, at: usize) -> &str {
    let rest = &code[at..];
    &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]
}

fn find(chars: &[char], from: usize, end: &str) -> usize {
    let end: Vec<char> = end.chars().collect();
    let found = chars[from..].windows(end.len()).position(|window| window == end);
    found.map_or(chars.len(), |offset| from + offset + end.len())
}

fn end_of_quoted(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != chars[start] {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// `r#"…"#`, or `r#word`, which is no literal and one character long here.
fn end_of_raw(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(start + 1 + hashes) != Some(&'"') {
        return start + 1;
    }
    find(chars, start + 2 + hashes, &format!("\"{}", "#".repeat(hashes)))
}

#[test]
fn what_is_not_code_becomes_blanks() {
    let check = |text: &str, expected: &str| {
        let squeezed = product_code(text).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeezed, expected, "{text}");
        assert_eq!(product_code(text).matches('\n').count(), text.matches('\n').count(), "{text}");
    };
    check("a // b\nc /* d\n */ e", "a c e");
    check(r##"a("//", "\"}", '"', '\'', b"x", r#"y"z"#); 'life: b"##, "a( , , , , b , ); 'life: b");
    check("a\n#[cfg(test)]\nmod tests {\n  fn b() { \"}\"; }\n}\nc", "a c");
    check("a\n#[cfg(test)]\n#[path = \"x.rs\"]\nmod tests;\nb", "a b");
    check("#[cfg(test)]\nfn a() -> [u8; 2] { [1, 2] }\nb", "b");
}

#[test]
fn literals_read_as_the_compiler_reads_them() {
    let check = |text: &str, expected: &[&str]| {
        let found: Vec<String> = literals(text).into_iter().map(|(_, literal)| literal).collect();
        assert_eq!(found, expected, "{text}");
    };
    check("a(\"one \\\n      two\", 'b') // \"no\"", &["one two"]);
    check(r#"("a \"b\" \\ c", "d")"#, &["a \"b\" \\ c", "d"]);
}

#[test]
fn paths_are_found_alone_and_in_groups() {
    let check = |code: &str, expected: &[&str]| {
        let found: Vec<&str> = paths(code, "crate").into_iter().map(|(_, part)| part).collect();
        assert_eq!(found, expected, "{code}");
    };
    check("use crate::store::Tx; crate::app::hex()", &["store", "app"]);
    check("use crate::{app, domain::{id, time}, store::{self, Tx}};", &["app", "domain", "store"]);
    check("use crate::{\n    clock::Clock,\n};", &["clock"]);
    check("not_crate::a other::crate::b", &[]);
}
