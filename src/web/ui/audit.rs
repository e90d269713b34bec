//! `/audit`: who changed what, the newest first, narrowed by who, what and when. For admins.

use crate::app::audit_log::{self, Asked, By};
use crate::app::{AppError, Cursor, users};
use crate::domain::actor::{Door, Who};
use crate::domain::audit::{AuditEntry, Change};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{QueryFields, SignedIn};
use crate::web::ui::clock::{Reader, When};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Link, Sight, page as drawn};
use axum::extract::State;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Date;
use rinja::Template;
use std::sync::Arc;

const SHOWN: usize = 50;
const FILTERS: [&str; 5] = ["actor", "action", "object", "since", "until"];

#[derive(Template)]
#[template(path = "templates/audit.html", askama = rinja)]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    form: Form,
    actors: Vec<Choice>,
    is_narrowed: bool,
    /// Where the list goes on.
    older: Option<String>,
}

struct Row {
    when: When,
    actor: String,
    /// Whose deed it was, where somebody else recorded it.
    acting_as: Option<String>,
    /// "by the API"; nothing for these pages.
    through: &'static str,
    /// Where the client was; empty for what came over no connection.
    address: String,
    summary: String,
    action: String,
    /// The same in words.
    words: String,
    /// What the edit found and left, piece by piece.
    changes: Vec<Change>,
    /// The page of what was changed, or its bare id.
    object: Link,
}

pub async fn page(State(web): State<Arc<Web>>, signed_in: SignedIn, query: QueryFields) -> Result<Response, WebError> {
    // A cursor that cannot be read is an old bookmark: the list begins at its beginning.
    let after = query.optional("after").and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).map(Cursor);
    let actor = signed_in.actor;
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/audit" };
    let page = desk
        .look(move |sight, shell| {
            let form = FILTERS.iter().fold(Form::blank("audit"), |form, field| form.with(field, query.text(field)));
            let (form, found) = match asked(&query, sight.reader) {
                Ok(asked) => (form, audit_log::page(sight.read, &actor, &asked, SHOWN, after)?),
                Err(refusal) => {
                    let found = audit_log::Page { entries: vec![], next: None };
                    (Form::refused("audit", &query.0.0, refusal), found)
                }
            };
            let older = found.next.map(|Cursor(key)| older(&query, &URL_SAFE_NO_PAD.encode(key)));
            Ok(Page {
                rows: found.entries.into_iter().map(|entry| row(entry, sight)).collect(),
                actors: actors(sight)?,
                is_narrowed: FILTERS.iter().any(|field| query.optional(field).is_some()),
                shell,
                form,
                older,
            })
        })
        .await?;
    drawn(page.form.status(), &page)
}

fn asked(query: &QueryFields, reader: &Reader) -> Result<Asked, Refusal> {
    let by = |text: &str| text.parse::<By>();
    let unknown = |_| Refusal::invalid("unknown", "actor", "Choose one of the list.");
    Ok(Asked {
        actor: query.optional("actor").map(by).transpose().map_err(unknown)?,
        action: query.optional("action").map(str::to_owned),
        object: query.optional("object").map(str::to_owned),
        since: day(query, "since", 0, reader)?,
        until: day(query, "until", 1, reader)?,
    })
}

/// Where a day of the reader's calendar begins, or another so many days later.
fn day(query: &QueryFields, field: &'static str, later: i64, reader: &Reader) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = query.optional(field) else { return Ok(None) };
    let unreadable = |_| Refusal::invalid("day_form", field, "Choose a day, such as 2026-11-24.");
    let date: Date = text.parse().map_err(unreadable)?;
    Ok(Some(reader.midnight(date.saturating_add(jiff::ToSpan::days(later)))))
}

/// The same question, from there on.
fn older(query: &QueryFields, after: &str) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    for field in FILTERS {
        query.optional(field).map(|value| text.append_pair(field, value));
    }
    format!("/audit?{}", text.append_pair("after", after).finish())
}

fn actors(sight: &Sight<'_>) -> Result<Vec<Choice>, AppError> {
    let people = users::all(sight.read)?.into_iter().map(|user| Choice::new(user.id, sight.names.marked(user.id)));
    let mut choices = vec![Choice::new("", "everybody")];
    choices.extend(people);
    choices.extend([
        Choice::new("system", "PagerPal"),
        Choice::new("command_line", "the command line"),
        Choice::new("unknown", "somebody unknown"),
    ]);
    Ok(choices)
}

fn row(entry: AuditEntry, sight: &Sight<'_>) -> Row {
    let actor = match entry.actor.who {
        Who::User { id, .. } => sight.names.marked(id),
        Who::Source(id) => sight.names.source(id).to_owned(),
        Who::System => "PagerPal".to_owned(),
        Who::CommandLine => "somebody on the command line".to_owned(),
        Who::Unknown => "somebody unknown".to_owned(),
    };
    Row {
        when: sight.reader.when(entry.at),
        actor,
        acting_as: entry.acting_as.map(|user| sight.names.user(user).to_owned()),
        through: through(entry.actor.door),
        address: entry.actor.address.map(|address| address.to_string()).unwrap_or_default(),
        summary: entry.summary,
        words: words(&entry.action),
        changes: entry.change.map(pieces).unwrap_or_default(),
        action: entry.action,
        object: Link::new(href(&entry.object), entry.object),
    }
}

/// "policy.saved" as "policy saved".
fn words(action: &str) -> String {
    action.replace(['.', '_'], " ")
}

/// The pieces that differ. Both texts name the same things in the same order where nothing was added or taken away;
/// otherwise they stand side by side as they are.
fn pieces(Change { before, after }: Change) -> Vec<Change> {
    let split = |text: &str| text.split([',', ';']).map(|piece| piece.trim().to_owned()).collect::<Vec<_>>();
    let (old, new) = (split(&before), split(&after));
    if old.len() != new.len() || before.is_empty() {
        return vec![Change { before, after }];
    }
    let pairs = old.into_iter().zip(new).filter(|(before, after)| before != after);
    pairs.map(|(before, after)| Change { before, after }).collect()
}

fn through(door: Door) -> &'static str {
    match door {
        Door::Api => "by the API",
        Door::Link => "by the link in a message",
        Door::Reply(_) => "by answering a message",
        Door::Webhook => "by a webhook",
        Door::Web | Door::Worker | Door::CommandLine => "",
    }
}

/// The page of an object, by the kind that its id names; empty for what has none of its own.
fn href(object: &str) -> String {
    let section = match object.split_once('_').map_or("", |(kind, _)| kind) {
        "usr" => "users",
        "team" => "teams",
        "sch" => "schedules",
        "pol" => "escalation-policies",
        "src" => "alert-sources",
        "mnt" => "maintenance",
        "hbt" => "heartbeats",
        "inc" => "incidents",
        _ => return String::new(),
    };
    format!("/{section}/{object}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_linked_where_its_kind_has_pages() {
        assert_eq!(href("pol_1k"), "/escalation-policies/pol_1k");
        assert_eq!(href("con_1k"), "");
        assert_eq!(href("odd"), "");
    }

    #[test]
    fn an_edit_shows_the_pieces_that_it_changed() {
        let change = |before: &str, after: &str| Change { before: before.to_owned(), after: after.to_owned() };
        let same_shape = pieces(change("Ana, responder, UTC", "Ana, admin, Asia/Tokyo"));
        assert_eq!(same_shape, [change("responder", "admin"), change("UTC", "Asia/Tokyo")]);
        let grown = change("Day: 1. Ana, 5 min; repeat 0", "Day: 1. Ana, 5 min; 2. Bo, 5 min; repeat 0");
        assert_eq!(pieces(grown.clone()), [grown]);
        assert_eq!(pieces(change("", "Day")), [change("", "Day")]);
        assert_eq!(words("user.login_removed"), "user login removed");
    }

    #[test]
    fn going_on_keeps_the_question() {
        let query = QueryFields(crate::web::extract::Fields::parse(b"action=policy&since=&after=old&actor=usr_1"));
        assert_eq!(older(&query, "new"), "/audit?actor=usr_1&action=policy&after=new");
    }
}
