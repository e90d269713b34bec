//! `pagerpal.toml`: the same settings as the environment, in groups.
//!
//! The file is ours alone, so a key nobody knows is a mistake and not somebody else's. Values are turned into the text
//! that the environment would hold; what that text may be is checked later, in one place for all sources.

use super::Problem;
use super::keys::{self, ROWS, Row, Shape};
use super::sources::Entry;
use std::ops::Range;
use toml::de::{DeString, DeTable, DeValue};

/// The settings of the file. A file that is not TOML gives its syntax errors and no settings, for half a file read by
/// guessing would bury them under their own consequences.
pub fn entries(file: &str, text: &str, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let place = |span: Range<usize>| format!("{file}:{}", text[..span.start].matches('\n').count() + 1);
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // The message alone: the error's own Display quotes the line, and with it a secret.
        let problem = |error: &toml::de::Error| {
            Problem::new(place(error.span().unwrap_or(0..0)), format!("is not TOML: {}", error.message()))
        };
        problems.extend(errors.iter().map(problem));
        return Vec::new();
    }
    let mut entries = Vec::new();
    let mut refused = Vec::new();
    let mut setting = |group: &str, key: &toml::Spanned<DeString<'_>>, value: &DeValue<'_>| {
        let field: &str = key.get_ref();
        let origin = place(key.span());
        let called = if group.is_empty() { format!("`{field}`") } else { format!("`{field}` in [{group}]") };
        let Some((name, shape)) = meant(group, field) else {
            return refused.push(Problem::new(origin, unknown_key(group, field)));
        };
        match text_of(value, shape) {
            Some(text) => entries.push(Entry { name, text, origin, called }),
            None => refused.push(Problem::new(origin, format!("{called} must be {}", wanted(shape)))),
        }
    };
    for (key, value) in document.get_ref() {
        let name: &str = key.get_ref();
        match value.get_ref() {
            DeValue::Table(table) if is_group(name) => {
                table.iter().for_each(|(key, value)| setting(name, key, value.get_ref()));
            }
            value => setting("", key, value),
        }
    }
    // The parser sorts by name; people read by line.
    entries.sort_by_key(|entry| line_of(&entry.origin));
    refused.sort_by_key(|problem| line_of(&problem.place));
    problems.extend(refused);
    entries
}

fn line_of(place: &str) -> usize {
    place.rsplit(':').next().and_then(|line| line.parse().ok()).unwrap_or(0)
}

/// The environment's name of what stands there. A secret has a second key, `…_file`, that names the file it is in.
fn meant(group: &str, field: &str) -> Option<(String, Shape)> {
    let in_group = || ROWS.iter().filter(|row| row.group == group);
    if let Some(row) = in_group().find(|row| row.field == field) {
        return Some((row.name.to_owned(), row.shape));
    }
    let secret = field.strip_suffix("_file")?;
    let row = in_group().find(|row| row.is_secret() && row.field == secret)?;
    Some((format!("{}_FILE", row.name), Shape::Text))
}

fn is_group(name: &str) -> bool {
    !name.is_empty() && ROWS.iter().any(|row| row.group == name)
}

fn text_of(value: &DeValue<'_>, shape: Shape) -> Option<String> {
    match (value, shape) {
        (DeValue::String(text), _) => Some(text.to_string()),
        (DeValue::Integer(number), Shape::Number) => Some(number.to_string()),
        (DeValue::Boolean(switch), Shape::Switch) => Some(switch.to_string()),
        (DeValue::Array(items), Shape::List) => {
            let texts: Option<Vec<&str>> = items.iter().map(|item| item.get_ref().as_str()).collect();
            Some(texts?.join(","))
        }
        _ => None,
    }
}

fn wanted(shape: Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::Secret => "text in quotes",
        Shape::Number => "a number",
        Shape::Switch => "true or false",
        Shape::List => "a list of texts, [\"…\", \"…\"]",
    }
}

/// Names what is unknown and, if a typo or a wrong group explains it, what was meant.
fn unknown_key(group: &str, field: &str) -> String {
    let here = if group.is_empty() { String::new() } else { format!(" in [{group}]") };
    if is_group(field) {
        return format!("`{field}`{here} must be a table: write [{field}] and its keys below");
    }
    let siblings = ROWS.iter().filter(|row| row.group == group).map(|row| row.field);
    let groups = ROWS.iter().map(|row| row.group).filter(|other| group.is_empty() && !other.is_empty());
    let meant = if let Some(sibling) = keys::nearest(field, siblings) {
        format!("; did you mean `{sibling}`?")
    } else if let Some(group) = keys::nearest(field, groups) {
        format!("; did you mean [{group}]?")
    } else if let Some(row) = elsewhere(field) {
        let place = if row.group.is_empty() { "at the top".to_owned() } else { format!("in [{}]", row.group) };
        format!("; did you mean `{}` {place}?", row.field)
    } else {
        String::new()
    };
    format!("unknown key `{field}`{here}{meant}")
}

/// `smtp_host` at the top, or `data_dir` below a group's heading.
fn elsewhere(field: &str) -> Option<&'static Row> {
    let named = ROWS.iter().find(|row| row.name.eq_ignore_ascii_case(field));
    named.or_else(|| ROWS.iter().find(|row| row.field == field)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let mut problems = Vec::new();
        let entries = entries("pagerpal.toml", text, &mut problems);
        let shown = entries.iter().map(|entry| format!("{} {}={}", entry.origin, entry.name, entry.text)).collect();
        (shown, problems.iter().map(Problem::to_string).collect())
    }

    #[test]
    fn groups_and_types_become_the_environments_names_and_texts() {
        let (entries, problems) = read(concat!(
            "base_url = \"https://pager.example.org\"\n",
            "trusted_proxies = [\"10.0.0.5\", \"::1\"]\n",
            "smtp.host = 'mail'\n",
            "smtp.port = 465\n",
            "[notification]\n",
            "sending_enabled = true\n",
            "[infobip]\n",
            "api_key_file = \"/run/key\"\n",
        ));
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            entries,
            [
                "pagerpal.toml:1 PAGERPAL_BASE_URL=https://pager.example.org",
                "pagerpal.toml:2 TRUSTED_PROXIES=10.0.0.5,::1",
                "pagerpal.toml:3 SMTP_HOST=mail",
                "pagerpal.toml:4 SMTP_PORT=465",
                "pagerpal.toml:6 NOTIFICATION_SENDING_ENABLED=true",
                "pagerpal.toml:8 INFOBIP_API_KEY_FILE=/run/key",
            ]
        );
    }

    #[test]
    fn every_mistake_has_its_line_and_its_remedy() {
        let check = |text: &str, expected: &str| assert_eq!(read(text).1, [expected], "{text}");
        check("[smtp]\n\nprot = 25", "pagerpal.toml:3 unknown key `prot` in [smtp]; did you mean `port`?");
        check("[smpt]\nhost = 'x'", "pagerpal.toml:1 unknown key `smpt`; did you mean [smtp]?");
        check("smtp_host = 'x'", "pagerpal.toml:1 unknown key `smtp_host`; did you mean `host` in [smtp]?");
        check(
            "[log]\ndata_dir = 'x'",
            "pagerpal.toml:2 unknown key `data_dir` in [log]; did you mean `data_dir` at the top?",
        );
        check("smtp = 'x'", "pagerpal.toml:1 `smtp` must be a table: write [smtp] and its keys below");
        check("colour = 'red'", "pagerpal.toml:1 unknown key `colour`");
        check("[smtp]\nport = true", "pagerpal.toml:2 `port` in [smtp] must be a number");
        check("[smtp]\nhost = 5", "pagerpal.toml:2 `host` in [smtp] must be text in quotes");
        check("[smtp]\nhost_file = '/x'", "pagerpal.toml:2 unknown key `host_file` in [smtp]");
        check("allowed_origins = [1]", "pagerpal.toml:1 `allowed_origins` must be a list of texts, [\"…\", \"…\"]");
        check("session_cookie_secure = 1", "pagerpal.toml:1 `session_cookie_secure` must be true or false");
    }

    #[test]
    fn a_file_that_is_no_toml_is_named_by_line_and_not_quoted() {
        let (entries, problems) = read("base_url = 'https://a'\n[smtp]\npassword = hush-hush\npassword = 'hush'\n");
        assert!(entries.is_empty());
        assert!(problems[0].starts_with("pagerpal.toml:3 is not TOML: "), "{problems:?}");
        assert!(!problems.concat().contains("hush"), "{problems:?}");
    }
}
