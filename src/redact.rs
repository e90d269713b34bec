//! Takes out of a text what a log must not keep: credentials whole, people's addresses but for a hint of whose they are.
//!
//! It is the second line of defence. The first is [`Secret`](crate::secret::Secret) and that nobody logs what came in; but
//! a provider's error quotes the number it refused, and a library's quotes the address it called. Shapes are recognised, not
//! values, so this can neither leak what it looks for nor miss a secret that was changed.

use std::borrow::Cow;

/// What stands for anything taken out.
const GONE: &str = "\u{2026}";

/// Words after which a credential follows, until the next blank, quote or separator. In lower case.
const BEFORE_A_SECRET: [&str; 14] = [
    "api_key=",
    "key=",
    "token=",
    "code=",
    "password=",
    "secret=",
    "bearer ",
    "basic ",
    "app ",
    "ppt_",
    "/a/",
    "/ping/",
    "/calendar/",
    "/invite/",
];

/// Addresses with a part in between: `/callbacks/infobip/TOKEN`.
const CALLBACKS: &str = "/callbacks/";

/// Shorter than any credential there is: words such as "key=no" stay readable.
const SHORTEST_SECRET: usize = 6;

pub fn redacted(text: &str) -> Cow<'_, str> {
    // Most lines have none of the characters that everything below begins with or contains.
    if !text.contains(['@', '+', '=', '/', '_', ' ']) {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest) = (String::new(), text);
    let mut is_changed = false;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        if let Some((kept, taken)) = finding(before, rest) {
            out.push_str(kept);
            out.push_str(GONE);
            let (gone, tail) = rest.split_at(taken);
            before = gone.chars().next_back().unwrap_or(' ');
            rest = tail;
            is_changed = true;
            // `l…@example.org`, `+49…21`: the end of an address follows by itself.
            continue;
        }
        out.push(first);
        before = first;
        rest = &rest[first.len_utf8()..];
    }
    if is_changed { Cow::Owned(out) } else { Cow::Borrowed(text) }
}

/// What stands at the beginning of `rest`: how much of it is shown, and how much is over with the sign for what is gone.
fn finding(before: char, rest: &str) -> Option<(&str, usize)> {
    secret(rest).or_else(|| user_of_address(rest)).or_else(|| number(before, rest)).or_else(|| mail(before, rest))
}

fn secret(rest: &str) -> Option<(&str, usize)> {
    let starts = |word: &&str| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let begins = match BEFORE_A_SECRET.iter().find(|word| starts(word)) {
        Some(word) => word.len(),
        None if starts(&CALLBACKS) => CALLBACKS.len() + rest[CALLBACKS.len()..].find('/')? + 1,
        None => return None,
    };
    let secret = &rest[begins..];
    let length = secret.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.~+=".contains(c))).unwrap_or(secret.len());
    // A word such as "basic" in a sentence is followed by another word; a credential is long or has a digit.
    let is_word = secret[..length].chars().all(|c| c.is_ascii_lowercase()) && rest[..begins].ends_with(' ');
    (length >= SHORTEST_SECRET && !is_word).then_some((&rest[..begins], begins + length))
}

/// `https://user:password@host`.
fn user_of_address(rest: &str) -> Option<(&str, usize)> {
    let address = rest.strip_prefix("://")?;
    let authority = address.split(|c: char| c == '/' || c.is_whitespace() || c == '"').next().unwrap_or("");
    let user = authority.rfind('@')?;
    (user > 0).then_some((&rest[..3], 3 + user))
}

/// `+4917012345678`: its country and its last two digits are left.
fn number(before: char, rest: &str) -> Option<(&str, usize)> {
    let digits = rest.strip_prefix('+')?;
    let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    (!before.is_ascii_alphanumeric() && (7..=15).contains(&length)).then(|| (&rest[..3], length - 1))
}

/// `ana@example.org`: its first letter and its domain are left.
fn mail(before: char, rest: &str) -> Option<(&str, usize)> {
    let is_local = |c: char| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    if is_local(before) {
        return None;
    }
    let local = rest.find(|c: char| !is_local(c))?;
    let domain = rest[local..].strip_prefix('@')?;
    let first = rest.chars().next().filter(|_| local > 0)?.len_utf8();
    let host = domain.split(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-')).next().unwrap_or("");
    (host.contains('.') || host == "localhost").then_some((&rest[..first], local))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(redacted(text), expected);
        assert_eq!(redacted(&redacted(text)), expected, "once is enough");
    }

    #[test]
    fn people_are_hinted_at() {
        check("no route to +4917012345678", "no route to +49\u{2026}78");
        // A plus sign before no digit was once counted with.
        check("call +a491701234567", "call +a491701234567");
        check("to=\"ana.b+x@example.org\" refused", "to=\"a\u{2026}@example.org\" refused");
        check(
            "<ana@example.org>,<\u{e9}l@mail.example.net>",
            "<a\u{2026}@example.org>,<\u{e9}\u{2026}@mail.example.net>",
        );
    }

    #[test]
    fn credentials_are_gone() {
        let token = "7hQ2mXk94TcaB8wzK3pLq9dRv5n";
        for (before, after) in [
            ("GET /a/", ""),
            ("GET /ping/", "/start"),
            ("path=/calendar/", ""),
            ("\"/invite/", "\""),
            ("POST /api/v1/callbacks/infobip/", "/reports"),
            ("?api_key=", "&x=1"),
            ("Authorization: Bearer ", ""),
            ("authorization: basic ", ""),
            ("App ", " was refused"),
            ("{\"token=", "\"}"),
            ("ppt_", ", twice"),
        ] {
            check(&format!("{before}{token}{after}"), &format!("{before}\u{2026}{after}"));
        }
        check("GET https://ana:pw@calendar.example.org/x", "GET https://\u{2026}@calendar.example.org/x");
    }

    #[test]
    fn all_else_stays_as_it_is() {
        for text in [
            "",
            "plain",
            "a basic question, an app that waits",
            "key=no",
            "3+4 = 7, +1 more, 2026-11-27T03:14:22+0100",
            "user@host",
            "https://example.org/x?y=1",
            "incident inc_7 of source src_1",
        ] {
            check(text, text);
            assert!(matches!(redacted(text), Cow::Borrowed(_)));
        }
    }
}
