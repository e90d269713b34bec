//! `/reports`: how soon people answered, who was woken, which sources were noise, whether messages arrived.
//!
//! Each part is a sentence to remember, a drawing of bars, and the table behind both: the drawing shows nothing that the
//! table does not say. What is counted, and how, is `domain::figures`'.

use crate::app::{AppError, reports};
use crate::domain::figures::{self, Arrival, Response as Answered};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{QueryFields, SignedIn};
use crate::web::ui::clock::{count, duration};
use crate::web::ui::marks::{SeverityMark, severity};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Link, Sight, page as drawn};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/reports.html", askama = rinja)]
struct Page {
    shell: Shell,
    /// "Last 30 days".
    span: &'static str,
    spans: Vec<Link>,
    is_cut: bool,
    response: Part<ResponseRow>,
    load: Part<LoadRow>,
    noise: Part<NoiseRow>,
    delivery: Part<DeliveryRow>,
}

struct Part<Row> {
    headline: String,
    bars: Vec<Bar>,
    rows: Vec<Row>,
}

/// One bar, with a darker part of it where two things are told apart. Places are attributes of SVG: percentages of the
/// width, and pixels down.
struct Bar {
    label: String,
    y: usize,
    text_y: usize,
    width: String,
    /// Of the whole, not of the bar.
    part: String,
    value: String,
}

struct ResponseRow {
    mark: SeverityMark,
    incidents: usize,
    answered: usize,
    half: String,
    nine_of_ten: String,
    resolved: String,
}

struct LoadRow {
    person: Link,
    pages: usize,
    at_night: usize,
    taken: usize,
}

struct NoiseRow {
    source: Link,
    incidents: usize,
    alerts: u64,
    by_itself: usize,
}

struct DeliveryRow {
    channel: &'static str,
    arrival: Arrival,
}

const SPANS: [(&str, &str, i64); 3] = [("7", "Last 7 days", 7), ("30", "Last 30 days", 30), ("90", "Last 90 days", 90)];

/// Pixels from one bar to the next.
const BAR_STEP: usize = 28;
/// How many a drawing shows; the table has all.
const BARS: usize = 12;
/// Percent of the width that the longest bar takes; its value stands after it.
const LONGEST: usize = 60;

pub async fn page(State(web): State<Arc<Web>>, signed_in: SignedIn, query: QueryFields) -> Result<Response, WebError> {
    let asked = query.text("days").to_owned();
    let chosen = SPANS.iter().find(|span| span.0 == asked).unwrap_or(&SPANS[1]);
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/reports" };
    let page = desk.look(move |sight, shell| shown(sight, shell, chosen)).await?;
    drawn(StatusCode::OK, &page)
}

fn shown(sight: &Sight<'_>, shell: Shell, chosen: &'static (&str, &str, i64)) -> Result<Page, AppError> {
    let weeks = reports::since(sight.read, sight.reader.now.plus_secs(-chosen.2 * 86_400))?;
    let others = SPANS.iter().filter(|span| span.0 != chosen.0);
    Ok(Page {
        shell,
        span: chosen.1,
        spans: others.map(|(days, text, _)| Link::new(format!("/reports?days={days}"), *text)).collect(),
        is_cut: weeks.is_cut,
        response: response(&weeks),
        load: load(sight, &weeks),
        noise: noise(sight, &weeks),
        delivery: delivery(&weeks),
    })
}

fn response(weeks: &reports::Weeks) -> Part<ResponseRow> {
    let all = figures::response(&weeks.incidents);
    let time = |secs: Option<i64>| secs.map_or("–".to_owned(), duration);
    let row = |(of, answered): (_, Answered)| ResponseRow {
        mark: severity(of, false),
        incidents: answered.incidents,
        answered: answered.answered,
        half: time(answered.half_answered_secs),
        nine_of_ten: time(answered.nine_of_ten_answered_secs),
        resolved: time(answered.half_resolved_secs),
    };
    let labels = ["within 1 min", "1 to 5 min", "5 to 15 min", "15 min to 1 h", "over 1 h"];
    let bars = labels.iter().zip(all.buckets).map(|(label, n)| ((*label).to_owned(), n, 0, n.to_string()));
    Part {
        headline: response_words(&all),
        bars: bars_of(bars.collect()),
        rows: figures::response_by_severity(&weeks.incidents).into_iter().map(row).collect(),
    }
}

fn response_words(all: &Answered) -> String {
    let incidents = count(all.incidents, "incident");
    match (all.incidents, all.half_answered_secs, all.nine_of_ten_answered_secs) {
        (0, ..) => "No incident.".to_owned(),
        (_, Some(half), Some(most)) => format!(
            "{incidents}, {} answered: half of them within {}, nine of ten within {}.",
            all.answered,
            duration(half),
            duration(most)
        ),
        _ => format!("{incidents}, none answered by anybody."),
    }
}

fn load(sight: &Sight<'_>, weeks: &reports::Weeks) -> Part<LoadRow> {
    let loads = figures::load(&weeks.pages, &weeks.incidents);
    let headline = match loads.first().filter(|(_, load)| load.pages > 0) {
        None => "Nobody was paged.".to_owned(),
        Some((user, most)) => {
            let pages: usize = loads.iter().map(|(_, load)| load.pages).sum();
            let name = sight.names.marked(*user);
            let most = format!("{name} got {} of {}", most.pages, count(pages, "page"));
            let nights: usize = loads.iter().map(|(_, load)| load.at_night).sum();
            format!("{most}; {nights} came at night.")
        }
    };
    let words = |pages: usize, night: usize| format!("{pages}, {night} at night");
    let bars = loads
        .iter()
        .filter(|(_, load)| load.pages > 0)
        .map(|(user, load)| (sight.names.marked(*user), load.pages, load.at_night, words(load.pages, load.at_night)));
    Part {
        headline,
        bars: bars_of(bars.collect()),
        rows: loads
            .iter()
            .map(|(user, load)| LoadRow {
                person: Link::new(format!("/users/{user}"), sight.names.marked(*user)),
                pages: load.pages,
                at_night: load.at_night,
                taken: load.taken,
            })
            .collect(),
    }
}

fn noise(sight: &Sight<'_>, weeks: &reports::Weeks) -> Part<NoiseRow> {
    let sources = figures::noise(&weeks.incidents);
    let headline = match sources.first() {
        None => "No source was heard with anything new.".to_owned(),
        Some((source, most)) => {
            let all: usize = sources.iter().map(|(_, noise)| noise.incidents).sum();
            let by_itself: usize = sources.iter().map(|(_, noise)| noise.by_itself).sum();
            let name = sight.names.source(*source);
            let first = format!("{name} opened {} of {}", most.incidents, count(all, "incident"));
            format!("{first}; {by_itself} were over before anybody answered.")
        }
    };
    let words = |incidents: usize, by_itself: usize| format!("{incidents}, {by_itself} over by itself");
    let bars = sources.iter().map(|(source, noise)| {
        let name = sight.names.source(*source).to_owned();
        (name, noise.incidents, noise.by_itself, words(noise.incidents, noise.by_itself))
    });
    Part {
        headline,
        bars: bars_of(bars.collect()),
        rows: sources
            .iter()
            .map(|(source, noise)| NoiseRow {
                source: Link::new(format!("/alert-sources/{source}"), sight.names.source(*source)),
                incidents: noise.incidents,
                alerts: noise.alerts,
                by_itself: noise.by_itself,
            })
            .collect(),
    }
}

fn delivery(weeks: &reports::Weeks) -> Part<DeliveryRow> {
    let channels = figures::arrivals(&weeks.deliveries);
    let sum = |of: fn(&Arrival) -> usize| channels.iter().map(|(_, arrival)| of(arrival)).sum::<usize>();
    let (tried, failed) = (sum(|arrival| arrival.accepted + arrival.failed), sum(|arrival| arrival.failed));
    let headline = match tried {
        0 => "No message has left yet.".to_owned(),
        tried => {
            let accepted = 100 * (tried - failed) / tried;
            format!("{accepted} % of {} were accepted, {failed} failed.", count(tried, "message"))
        }
    };
    let bars = channels.iter().map(|(channel, arrival)| {
        let words = format!("{} accepted, {} failed", arrival.accepted, arrival.failed);
        (channel.title().to_owned(), arrival.accepted + arrival.failed, arrival.failed, words)
    });
    Part {
        headline,
        bars: bars_of(bars.collect()),
        rows: channels
            .iter()
            .map(|(channel, arrival)| DeliveryRow { channel: channel.title(), arrival: *arrival })
            .collect(),
    }
}

/// The longest takes [`LONGEST`] percent, the others their share of it.
fn bars_of(values: Vec<(String, usize, usize, String)>) -> Vec<Bar> {
    let most = values.iter().map(|(_, value, ..)| *value).max().unwrap_or(0).max(1);
    let percent = |value: usize| format!("{}.{}%", value * LONGEST / most, value * LONGEST * 10 / most % 10);
    let bar = |(place, (label, value, part, words)): (usize, (String, usize, usize, String))| Bar {
        label,
        y: place * BAR_STEP,
        text_y: place * BAR_STEP + 15,
        width: percent(value),
        part: percent(part),
        value: words,
    };
    values.into_iter().take(BARS).enumerate().map(bar).collect()
}

impl<Row> Part<Row> {
    fn height(&self) -> usize {
        self.bars.len() * BAR_STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_says_how_soon_people_answered() {
        let check = |answered: Answered, expected: &str| assert_eq!(response_words(&answered), expected);
        check(Answered::default(), "No incident.");
        check(Answered { incidents: 2, ..Answered::default() }, "2 incidents, none answered by anybody.");
        let answered = Answered {
            incidents: 31,
            answered: 28,
            half_answered_secs: Some(240),
            nine_of_ten_answered_secs: Some(720),
            ..Answered::default()
        };
        check(answered, "31 incidents, 28 answered: half of them within 4 min, nine of ten within 12 min.");
    }

    #[test]
    fn bars_are_shares_of_the_longest() {
        let value = |n: usize, part: usize| (n.to_string(), n, part, String::new());
        let bars = bars_of(vec![value(8, 2), value(3, 0), value(0, 0)]);
        let shown: Vec<(&str, &str, usize)> = bars.iter().map(|bar| (&bar.width[..], &bar.part[..], bar.y)).collect();
        assert_eq!(shown, [("60.0%", "15.0%", 0), ("22.5%", "0.0%", 28), ("0.0%", "0.0%", 56)]);
        assert_eq!(bars_of(vec![value(0, 0)])[0].width, "0.0%", "nothing to divide by");
    }
}
