//! Text from elsewhere stays text: whatever stands in a field, a page has the same elements with the same attributes as
//! with a harmless value of the same field.

use crate::house::{House, readable_paths};
use std::collections::BTreeMap;

/// Ends attributes, elements and the document, begins a script, looks like a template and like an entity.
fn hostile(word: &str) -> String {
    format!("{word} x\"'><b onclick=y></b><script>z</script></title></pre>&amp;{{{{7}}}}")
}

fn harmless(word: &str) -> String {
    format!("{word} and nothing else of note, only letters and one full stop.")
}

#[tokio::test]
async fn a_hostile_value_in_every_field_changes_no_element_of_any_page() {
    let (good, bad) = (House::new(harmless), House::new(hostile));
    let paths = readable_paths(&good);
    let (mut pages, mut shown) = (0, String::new());
    for path in &paths {
        let (expected, answer) = (good.get("admin", path).await, bad.get("admin", path).await);
        // The heartbeat's name stands in no path that is looked at, so paths agree in both houses.
        assert_eq!(answer.status, expected.status, "{path}");
        assert_eq!(answer.header("content-type"), expected.header("content-type"), "{path}");
        if answer.header("content-type").starts_with("text/html") {
            assert!(!answer.body.contains("<b onclick") && !answer.body.contains("<script>z"), "{path}");
            let (tree, hostile_tree) = (elements(&expected.body), elements(&answer.body));
            assert_eq!(hostile_tree, tree, "{path}");
            assert!(tree.len() > 3, "{path} is a page");
            for (name, value) in links(&answer.body) {
                let is_safe = ["/", "#", "?", "https://", "http://", "mailto:", "tel:", "data:image/"]
                    .iter()
                    .any(|s| value.starts_with(s));
                assert!(is_safe || value.is_empty(), "{path}: {name}={value:?}");
            }
            pages += 1;
        }
        if answer.header("content-type").starts_with("text/calendar") {
            let begins = |text: &str| text.lines().filter(|line| line.starts_with("BEGIN:")).count();
            assert_eq!(begins(&answer.body), begins(&expected.body), "{path}");
        }
        shown.push_str(&answer.body);
    }
    assert!(pages > 25, "{pages} pages of {paths:?}");
    let unseen: Vec<_> = WORDS
        .iter()
        .filter(|word| !shown.contains(&format!("{word} x&#34;")) && !shown.contains(&format!("{word} x\\\"")))
        .collect();
    assert!(unseen.is_empty(), "no page shows the field of {unseen:?}");
}

/// The words of the house, each of which is on some page.
const WORDS: &[&str] = &[
    "admin",
    "responder",
    "viewer",
    "gone",
    "mute",
    "team",
    "spare-team",
    "schedule",
    "spare-schedule",
    "layer",
    "entry",
    "override",
    "swap",
    "import",
    "other-import",
    "The server answered",
    "policy",
    "spare-policy",
    "source",
    "off-source",
    "grafana",
    "first-title",
    "second-title",
    "third-title",
    "first-details",
    "label",
    "value",
    "link",
    "note",
    "provider",
    "body",
    "warning",
    "window",
    "running",
    "arn:aws:sns:ops",
];

/// Every tag in order, with the names of its attributes; text and values left out.
fn elements(html: &str) -> Vec<String> {
    tags(html)
        .into_iter()
        .map(|tag| {
            let names: Vec<&str> = tag.attributes.keys().map(String::as_str).collect();
            format!("{} {}", tag.name, names.join(" "))
        })
        .collect()
}

/// Attributes that lead somewhere.
fn links(html: &str) -> Vec<(String, String)> {
    let leads = ["href", "src", "action", "formaction", "xlink:href", "poster", "data"];
    let found = tags(html).into_iter().flat_map(|tag| tag.attributes);
    found.filter(|(name, _)| leads.contains(&name.as_str())).collect()
}

struct Tag {
    /// With a slash if it ends an element.
    name: String,
    attributes: BTreeMap<String, String>,
}

/// As a browser's tokenizer does, for what our templates write.
fn tags(html: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!') {
            continue;
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(rest.len());
        let name = rest[..end].trim_end_matches('/').to_ascii_lowercase();
        rest = &rest[end..];
        let attributes = attributes(&mut rest);
        // What stands in these is text until they end.
        if ["script", "style", "textarea", "title"].contains(&name.as_str()) {
            rest = rest.find(&format!("</{name}")).map_or("", |at| &rest[at..]);
        }
        found.push(Tag { name, attributes });
    }
    found
}

/// Up to and with the end of the tag.
fn attributes(rest: &mut &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    loop {
        *rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return found;
        }
        if let Some(after) = rest.strip_prefix('>') {
            *rest = after;
            return found;
        }
        let end = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c)).unwrap_or(rest.len()).max(1);
        let name = rest[..end].to_ascii_lowercase();
        *rest = rest[end..].trim_start();
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| "\"'".contains(*c));
            let (text, left) = match quote {
                Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                None => after.split_at(after.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(after.len())),
            };
            value = text.to_owned();
            *rest = left;
        }
        found.insert(name, value);
    }
}

#[test]
fn the_walker_sees_what_was_slipped_in() {
    let page = |text: &str| format!("<p class=a title=\"{text}\">{text}</p>");
    assert_eq!(elements(&page("x")), ["p class title", "/p "]);
    assert_ne!(elements(&page("\"><b onclick=y>")), elements(&page("x")));
    assert_ne!(elements(&page("\" onclick=\"y")), elements(&page("x")));
    assert_ne!(elements(&page("<i>")), elements(&page("x")));
    assert_eq!(links("<a href='javascript:x'>"), [("href".to_owned(), "javascript:x".to_owned())]);
    assert_eq!(elements("<title><b></title><br/><!-- <i> -->"), ["title ", "/title ", "br "]);
}
