//! The `.env` file: `NAME=value` lines, with comments, quotes and an optional `export`.
//!
//! Nothing is expanded: `$` and the backslash outside double quotes are themselves. The file may hold other programs'
//! variables, so unknown names are the caller's business, and no message ever repeats a value.

use super::Problem;
use super::sources::Entry;
use std::collections::BTreeMap;

/// The variables in order of lines, and what is wrong with the lines that hold none.
pub fn entries(file: &str, text: &str, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut first_seen = BTreeMap::new();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate().map(|(index, line)| (index + 1, line))
    {
        let place = format!("{file}:{number}");
        match variable(line) {
            Ok(None) => {}
            Ok(Some((name, text))) => match first_seen.insert(name.clone(), number) {
                None => entries.push(Entry { called: name.clone(), name, text, origin: place }),
                Some(earlier) => problems
                    .push(Problem::new(place, format!("sets {name} again, after line {earlier}; keep one of the two"))),
            },
            Err(refusal) => problems.push(Problem::new(place, refusal)),
        }
    }
    entries
}

/// What one line sets; `None` for blanks and comments.
fn variable(line: &str) -> Result<Option<(String, String)>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, value) = line.split_once('=').ok_or("is not NAME=value; comments begin with #")?;
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    let is_name = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if !is_name(name) {
        return Err("must begin with a name of letters, digits and _, then =".into());
    }
    Ok(Some((name.to_owned(), unquoted(value.trim())?)))
}

fn unquoted(value: &str) -> Result<String, String> {
    let Some(quote @ ('"' | '\'')) = value.chars().next() else {
        // A # begins a comment only after a blank: it is a common letter of passwords.
        let comment = value.find(" #").or(value.find("\t#")).or(value.starts_with('#').then_some(0));
        return Ok(value[..comment.unwrap_or(value.len())].trim_end().to_owned());
    };
    let mut text = String::new();
    let mut rest = value[1..].chars();
    loop {
        match rest.next() {
            None => return Err(format!("opens a quote ({quote}) that does not close on this line")),
            Some(c) if c == quote => break,
            Some('\\') if quote == '"' => match rest.next() {
                Some(c @ ('"' | '\\' | '$')) => text.push(c),
                _ => {
                    return Err("may have only \\\", \\\\ and \\$ after a backslash within \"…\"; '…' takes all".into());
                }
            },
            Some(c) => text.push(c),
        }
    }
    let after = rest.as_str().trim_start();
    if after.is_empty() || after.starts_with('#') {
        return Ok(text);
    }
    Err("goes on after the closing quote; quote the whole value".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_sets_one_variable() {
        let check = |line: &str, expected: &str| {
            let (name, value) = variable(line).expect("a sound line").expect("a variable");
            assert_eq!(format!("{name}|{value}"), expected, "{line}");
        };
        check("A=b", "A|b");
        check("  export A = b  ", "A|b");
        check("A=", "A|");
        check("A=b # said", "A|b");
        check("A=b#c", "A|b#c");
        check("A= # nothing", "A|");
        check("A=x=y", "A|x=y");
        check("A='b # \"$c\\n' # said", "A|b # \"$c\\n");
        check(r#"A="b \"c\" \$d \\" "#, "A|b \"c\" $d \\");
        check("A=$B", "A|$B");
    }

    #[test]
    fn a_broken_line_is_named_and_never_repeated() {
        let mut problems = Vec::new();
        let text = "\u{feff}A=1\r\n\nhush\n1A=hush\nB='hush\nC=\"hush\\x\"\nD='hush'er\nA=hush\n# end\nE=2";
        let entries = entries(".env", text, &mut problems);
        let said: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(
            said,
            [
                ".env:3 is not NAME=value; comments begin with #",
                ".env:4 must begin with a name of letters, digits and _, then =",
                ".env:5 opens a quote (') that does not close on this line",
                ".env:6 may have only \\\", \\\\ and \\$ after a backslash within \"…\"; '…' takes all",
                ".env:7 goes on after the closing quote; quote the whole value",
                ".env:8 sets A again, after line 1; keep one of the two",
            ]
        );
        let kept: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(kept, ["A", "E"]);
    }
}
