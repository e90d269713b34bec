//! `/schedules/{id}/fairness`: how a schedule shares its burden, looking back at what was done or ahead at what is planned.

use super::band::span_of_days;
use crate::app::{AppError, oncall};
use crate::domain::id::ScheduleId;
use crate::domain::report::{STARVED_DAYS, Share};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{PathId, QueryFields, SignedIn};
use crate::web::ui::clock::duration;
use crate::web::ui::names::Names;
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Link, Sight, page as drawn};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::ToSpan;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/fairness.html", askama = rinja)]
struct Page {
    shell: Shell,
    schedule: Link,
    /// "Last 8 weeks: 1 Oct 2026 to 26 Nov 2026".
    span: String,
    spans: Vec<Link>,
    rows: Vec<Row>,
    /// In words, from "evenly" to "one carries nearly all".
    spread: Option<String>,
    starved: Vec<String>,
}

struct Row {
    person: String,
    share: String,
    on_call: String,
    nights: String,
    weekends: String,
    shifts: u32,
    longest: String,
    rest: String,
}

const SPANS: [(&str, &str, i64); 4] = [
    ("-8", "Last 8 weeks", -8),
    ("8", "Next 8 weeks", 8),
    ("-26", "Last 26 weeks", -26),
    ("-52", "Last 52 weeks", -52),
];

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    query: QueryFields,
) -> Result<Response, WebError> {
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/schedules" };
    let asked = query.text("weeks").to_owned();
    let page = desk.look(move |sight, shell| shown(sight, shell, id, &asked)).await?;
    drawn(StatusCode::OK, &page)
}

fn shown(sight: &Sight<'_>, shell: Shell, id: ScheduleId, asked: &str) -> Result<Page, AppError> {
    let chosen = SPANS.iter().find(|span| span.0 == asked).unwrap_or(&SPANS[0]);
    let zone = oncall::answered(sight.read, id, sight.reader.now)?.calendar.schedule.zone;
    let reader = sight.reader.there(&zone);
    let today = reader.now.in_zone(&reader.zone).date();
    let from = today.saturating_add((chosen.2.min(0) * 7).days());
    let until = from.saturating_add((chosen.2.abs() * 7).days());
    let span = span_of_days(&reader, from, chosen.2.abs() * 7);
    let (schedule, fairness) = oncall::shared(sight.read, id, span)?;
    let all: i64 = fairness.shares.iter().map(|share| share.on_call_secs).sum();
    let mut shares = fairness.shares;
    shares.sort_by_key(|share| std::cmp::Reverse(share.on_call_secs));
    let base = format!("/schedules/{id}");
    let others = SPANS.iter().filter(|span| span.0 != chosen.0);
    Ok(Page {
        shell,
        span: format!("{}: {} to {}", chosen.1, from.strftime("%-d %b %Y"), until.strftime("%-d %b %Y")),
        spans: others.map(|(weeks, text, _)| Link::new(format!("{base}/fairness?weeks={weeks}"), *text)).collect(),
        schedule: Link::new(base, schedule.name),
        rows: shares.iter().map(|share| row(share, all, sight.names)).collect(),
        spread: fairness.spread.map(|spread| spread_words(spread, shares.len())),
        starved: fairness.starved.iter().map(|user| starved_words(sight.names.user(*user))).collect(),
    })
}

fn row(share: &Share, all: i64, names: &Names) -> Row {
    let time = |secs: i64| if secs == 0 { "–".to_owned() } else { duration(secs) };
    Row {
        person: names.marked(share.user),
        share: format!("{} %", (100 * share.on_call_secs + all / 2).checked_div(all).unwrap_or(0)),
        on_call: time(share.on_call_secs),
        nights: time(share.night_secs),
        weekends: time(share.weekend_secs),
        shifts: share.shifts,
        longest: time(share.longest_secs),
        rest: share.shortest_rest_secs.map_or("–".to_owned(), duration),
    }
}

/// `spread` is 1 when all carry alike and 1/n when one of n carries everything.
fn spread_words(spread: f64, people: usize) -> String {
    let carriers = spread * people as f64;
    format!("As even as if {carriers:.1} of {people} people carried it alike (evenness {spread:.2}).")
}

fn starved_words(name: &str) -> String {
    format!("{name} takes part and has no hour in {} weeks.", STARVED_DAYS / 7)
}
