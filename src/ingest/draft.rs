//! An event while a parser fills it in.
//!
//! Parsers write what they found, as they found it; [`Draft::event`] cleans it and cuts it to the limits that
//! `domain::event` declares, each cut with a visible mark, so that no parser has to think of either.

use super::{Context, fields, text};
use crate::domain::Severity;
use crate::domain::event::{
    Action, DETAILS_BYTES, EXTERNAL_ID_BYTES, Event, LABEL_KEY_BYTES, LABEL_VALUE_BYTES, LABELS, LINKS, Link, Note,
    Order, Report, SenderTime, TITLE_CHARS,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Longer addresses are shown as text. Longer than any dashboard's, short enough for ten of them in a record.
const HREF_BYTES: usize = 2048;
const LINK_TEXT_CHARS: usize = 100;
const ACTOR_CHARS: usize = 100;
const NOTE_CHARS: usize = 500;

pub(super) struct Draft<'a> {
    pub action: Action,
    pub external_id: String,
    pub severity: Option<Severity>,
    pub title: String,
    /// Paragraphs for a person; the sender's tree is added below them.
    pub details: Vec<String>,
    pub tree: Option<&'a Value>,
    /// Of two with one name the first stays.
    pub labels: Vec<(String, String)>,
    /// Address and text, in order of use.
    pub links: Vec<(String, String)>,
    /// `None`: when it was received.
    pub occurred_at: Option<SenderTime>,
    pub order: Order,
    pub actor: Option<String>,
    pub warnings: Vec<String>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(action: Action, external_id: String, tree: &'a Value) -> Draft<'a> {
        Draft {
            action,
            external_id,
            severity: None,
            title: String::new(),
            details: Vec::new(),
            tree: Some(tree),
            labels: Vec::new(),
            links: Vec::new(),
            occurred_at: None,
            order: Order::Arrival,
            actor: None,
            warnings: Vec::new(),
        }
    }

    /// Adds the address in this field, if there is one.
    pub(super) fn link(&mut self, tree: &Value, name: &str, text: &str) {
        if let Some(href) = fields::text(tree, name)
            && !self.links.iter().any(|(known, _)| *known == href)
        {
            self.links.push((href, text.to_owned()));
        }
    }

    /// Adds the label if the field says anything.
    pub(super) fn label(&mut self, name: &str, value: Option<String>) {
        self.labels.extend(value.map(|value| (name.to_owned(), value)));
    }

    pub(super) fn event(self, context: &Context) -> Event {
        let mut details = self.details;
        let (mut links, mut unlinked) = (Vec::new(), Vec::new());
        for (href, link_text) in self.links {
            match web_address(&href) {
                Some(href) if links.len() < LINKS => {
                    links.push(Link { href, text: text::line(&link_text, LINK_TEXT_CHARS) });
                }
                _ => unlinked.push(format!("{link_text}: {}", text::line(&href, HREF_BYTES))),
            }
        }
        details.push(unlinked.join("\n"));

        let mut labels = BTreeMap::new();
        for (name, value) in self.labels {
            let name = text::clip_short(text::line(&name, LABEL_KEY_BYTES), LABEL_KEY_BYTES);
            let value = text::clip_short(text::line(&value, LABEL_VALUE_BYTES), LABEL_VALUE_BYTES);
            if !name.is_empty() {
                labels.entry(name).or_insert(value);
            }
        }
        if labels.len() > LABELS {
            details.push(format!("{} more labels are only in the sender's data.", labels.len() - LABELS));
            labels = labels.into_iter().take(LABELS).collect();
        }

        details.extend(self.tree.map(|tree| text::pretty(tree, DETAILS_BYTES)));
        details.retain(|paragraph| !paragraph.trim().is_empty());
        let details = text::paragraphs(&details.join("\n\n")).into_owned();

        Event {
            action: self.action,
            external_id: limited_id(self.external_id),
            severity: self.severity,
            title: text::line(&self.title, TITLE_CHARS),
            details: text::clip(details, DETAILS_BYTES, "\n[cut: longer than 32 KiB]"),
            labels,
            links,
            occurred_at: self.occurred_at.unwrap_or(context.received_at),
            order: self.order,
            actor: self.actor.map(|actor| text::line(&actor, ACTOR_CHARS)),
            warnings: self.warnings,
        }
    }

    pub(super) fn report(self, context: &Context) -> Report {
        Report::Event(self.event(context))
    }
}

/// A note, its text one line of at most [`NOTE_CHARS`] characters.
pub(super) fn note(external_id: Option<String>, text: &str) -> Report {
    Report::Note(Note { external_id: external_id.map(limited_id), text: text::line(text, NOTE_CHARS) })
}

/// The sender's key verbatim, or its hash when it is longer than the limit.
pub(super) fn limited_id(id: String) -> String {
    if id.len() <= EXTERNAL_ID_BYTES { id } else { format!("sha256:{}", fields::sha256(id.as_bytes())) }
}

/// `http` and `https` with a host, and nothing that could leave an attribute or a line.
fn web_address(href: &str) -> Option<String> {
    let href = href.trim();
    let lower = href.get(..8).unwrap_or(href).to_ascii_lowercase();
    let rest = match lower.as_str() {
        "https://" => &href[8..],
        _ if lower.starts_with("http://") => &href[7..],
        _ => return None,
    };
    let is_host = rest.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    let odd = |c: char| c.is_whitespace() || c.is_control() || text::is_invisible(c) || "<>\"'`\\".contains(c);
    (is_host && href.len() <= HREF_BYTES && !href.contains(odd)).then(|| href.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::SourceRules;

    fn event(fill: impl FnOnce(&mut Draft)) -> Event {
        let source = SourceRules::new("db");
        let mut draft = Draft::new(Action::Trigger, "x".into(), &Value::Null);
        draft.tree = None;
        fill(&mut draft);
        draft.event(&Context::new(&source, SenderTime(7)))
    }

    #[test]
    fn only_web_addresses_become_links() {
        let check = |href: &str, is_link: bool| {
            let event = event(|draft| draft.links.push((href.into(), "run".into())));
            assert_eq!(event.links.len(), usize::from(is_link), "{href}");
            assert_eq!(event.details.is_empty(), is_link, "{href}");
        };
        check("https://ci.example.net/7", true);
        check("HTTP://ci.example.net", true);
        check("http://[::1]:9090/x", true);
        check("http://", false);
        check("https:///x", false);
        check("javascript:alert(1)", false);
        check("//example.net", false);
        check("ftp://example.net", false);
        check("https://a\"onclick=x", false);
        check("https://a b", false);
        check("https://a\u{202e}b", false);
        check("http:/é", false);
        check(&format!("https://a/{}", "x".repeat(HREF_BYTES)), false);
    }

    #[test]
    fn what_is_too_long_is_cut_where_it_can_be_seen() {
        let event = event(|draft| {
            draft.title = "t".repeat(300);
            draft.details.push("d".repeat(DETAILS_BYTES * 2));
            draft.external_id = "e".repeat(513);
            draft.labels = (0..70).map(|n| (format!("k{n}"), "é".repeat(2000))).collect();
            draft.labels.push(("é".repeat(100), "v".into()));
            draft.links = (0..12).map(|n| (format!("https://a/{n}"), "x".into())).collect();
        });
        assert!(event.title.ends_with('…') && event.title.chars().count() == TITLE_CHARS);
        assert!(event.details.ends_with("[cut: longer than 32 KiB]") && event.details.len() <= DETAILS_BYTES);
        assert!(event.external_id.starts_with("sha256:") && event.external_id.len() == 71);
        assert_eq!((event.labels.len(), event.links.len()), (LABELS, LINKS));
        for (name, value) in &event.labels {
            assert!(name.len() <= LABEL_KEY_BYTES && value.len() <= LABEL_VALUE_BYTES && value.ends_with('…'));
        }
    }

    #[test]
    fn of_two_labels_with_one_name_the_first_stays() {
        let event = event(|draft| draft.labels = vec![("a".into(), "1".into()), ("a".into(), "2".into())]);
        assert_eq!(event.labels["a"], "1");
    }
}
