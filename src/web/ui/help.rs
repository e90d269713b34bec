//! `/help`: the manual, from the files in `assets/manual`, and the set-up of each monitoring tool.

use crate::ingest::Kind;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::SignedIn;
use crate::web::ui::alert_source::set_up;
use crate::web::ui::prose::{self, Block, Span};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Link, page as drawn};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/help.html", askama = rinja)]
struct Page {
    shell: Shell,
    title: String,
    blocks: Vec<Block>,
    pages: Vec<Entry>,
    tools: Vec<Entry>,
}

/// A line of the table of contents.
struct Entry {
    link: Link,
    is_current: bool,
}

/// Name in the address and text, in the order of reading.
const PAGES: [(&str, &str); 13] = [
    ("first-steps", include_str!("../../../assets/manual/first-steps.md")),
    ("schedules", include_str!("../../../assets/manual/schedules.md")),
    ("policies", include_str!("../../../assets/manual/policies.md")),
    ("incidents", include_str!("../../../assets/manual/incidents.md")),
    ("messages", include_str!("../../../assets/manual/messages.md")),
    ("production", include_str!("../../../assets/manual/production.md")),
    ("tools", include_str!("../../../assets/manual/tools.md")),
    ("transfer", include_str!("../../../assets/manual/transfer.md")),
    ("api", include_str!("../../../assets/manual/api.md")),
    ("install", include_str!("../../../assets/manual/install.md")),
    ("backups", include_str!("../../../assets/manual/backups.md")),
    ("errors", include_str!("../../../assets/manual/errors.md")),
    ("shell", include_str!("../../../assets/manual/shell.md")),
];

/// The manual begins with its first page.
pub async fn index(state: State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    page(state, signed_in, Path(PAGES[0].0.to_owned())).await
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(name): Path<String>,
) -> Result<Response, WebError> {
    let base_url = web.settings.base_url.clone();
    let (title, text) = found(&name, base_url.as_deref()).ok_or(WebError::NotFound)?;
    let entry = |of: &str, text: &str| Entry { link: Link::new(format!("/help/{of}"), text), is_current: of == name };
    let pages = PAGES.iter().map(|(of, text)| entry(of, prose::title(text))).collect();
    let tools = Kind::ALL.iter().map(|kind| entry(kind.word(), kind.title())).collect();
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/help" };
    let page = desk.look(move |_, shell| Ok(Page { shell, title, blocks: prose::blocks(&text), pages, tools })).await?;
    drawn(StatusCode::OK, &page)
}

/// Title and text, with the address of this server filled in.
fn found(name: &str, base_url: Option<&str>) -> Option<(String, String)> {
    if let Some((_, text)) = PAGES.iter().find(|(of, _)| *of == name) {
        let base_url = base_url.unwrap_or("https://PAGERPAL_BASE_URL");
        return Some((prose::title(text).to_owned(), text.replace("BASE", base_url)));
    }
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == name)?;
    Some((kind.title().to_owned(), set_up(kind, base_url, None)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::routes;
    use axum::http::Method;

    fn spans(block: &Block) -> Vec<&Span> {
        match block {
            Block::Heading(..) | Block::Code(_) => vec![],
            Block::Paragraph(spans) => spans.iter().collect(),
            Block::Bullets(items) | Block::Steps(items) => items.iter().flatten().collect(),
            Block::Table(head, rows) => head.iter().chain(rows.iter().flatten()).flatten().collect(),
        }
    }

    #[test]
    fn every_page_has_a_title_and_every_link_in_it_leads_somewhere() {
        let gets: Vec<&str> =
            routes::table().iter().filter(|row| row.method == Method::GET).map(|row| row.path).collect();
        let mut seen = 0;
        for (name, text) in PAGES {
            assert!(!prose::title(text).is_empty(), "{name}");
            for block in &prose::blocks(text) {
                for span in spans(block) {
                    // A mark that is left is a mistake in the text.
                    if let Span::Text(words) = span {
                        assert!(!words.contains("**") && !words.contains("]("), "{name}: {words}");
                    }
                    if let Span::Link { href, .. } = span {
                        seen += 1;
                        let is_of_ours = href.strip_prefix("/help/").is_some_and(|of| found(of, None).is_some());
                        assert!(is_of_ours || gets.contains(&href.as_str()), "{name}: {href} is no page");
                    }
                }
            }
        }
        assert!(seen > 10, "{seen} links were looked at");
    }

    #[test]
    fn a_tools_page_names_this_server() {
        for kind in Kind::ALL {
            let (_, text) = found(kind.word(), Some("https://pager.example.com")).expect("each kind has a page");
            assert!(text.contains("pager.example.com/api/v1/webhooks"), "{text}");
        }
        assert!(found("nothing", None).is_none());
    }
}
