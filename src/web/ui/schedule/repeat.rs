//! `/schedules/{id}/repeat`: entries in turn. One button shows what would come of it, another adds it.

use crate::app::schedules::{self, Filling};
use crate::app::users;
use crate::domain::entry::Interval;
use crate::domain::fill::Fill;
use crate::domain::id::{ScheduleId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::time::span_words;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, PathId, SignedIn};
use crate::web::ui::clock::Reader;
use crate::web::ui::escalation_policies::{Slots, with_blanks};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::notices::to_with;
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Sight, active_people, page as drawn, refused};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::ToSpan;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/schedule_repeat.html", askama = rinja)]
struct Page {
    shell: Shell,
    base: String,
    name: String,
    zone: String,
    form: Form,
    people: Slots,
    every: Vec<Choice>,
    preview: Option<Preview>,
}

struct Preview {
    turns: Vec<Turn>,
    /// "Add 31 entries".
    button: String,
    left_out: String,
}

struct Turn {
    person: String,
    when: String,
    is_taken: bool,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
) -> Result<Response, WebError> {
    show(&web, &signed_in, id, None, None).await
}

pub async fn submit(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let (actor, is_preview) = (signed_in.actor, form.text("do") == "preview");
    let done = async {
        let fill = fill(&form)?;
        if is_preview {
            return web.read(move |read| schedules::filling(read, &actor, id, &fill)).await.map(Err);
        }
        web.write(move |tx| schedules::fill(tx, &actor, id, &fill)).await.map(Ok)
    };
    match refused(done.await)? {
        Ok(Ok(saved)) => Ok(to_with(format!("/schedules/{id}"), &saved.warnings)),
        Ok(Err(filling)) => {
            let values = form.0.0.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            show(&web, &signed_in, id, Some(Form::filled("repeat", values)), Some(filling)).await
        }
        Err(refusal) => show(&web, &signed_in, id, Some(Form::refused("repeat", &form.0.0, refusal)), None).await,
    }
}

fn fill(form: &Fields) -> Result<Fill, Refusal> {
    let unknown = |_| Refusal::invalid("unknown", "person", "Choose one that is on the list.");
    let people = form.all("person").filter(|id| !id.is_empty()).map(|id| id.parse().map_err(unknown));
    let people: Vec<UserId> = people.collect::<Result<_, Refusal>>()?;
    let time = |_| Refusal::invalid("time_form", "first", "Write the time as 2026-11-24T09:00.");
    let day = |_| Refusal::invalid("time_form", "until", "Write the day as 2026-11-24.");
    Ok(Fill {
        people,
        first: form.text("first").parse().map_err(time)?,
        every_days: form.number("every")?,
        until: form.text("until").parse().map_err(day)?,
    })
}

async fn show(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: ScheduleId,
    form: Option<Form>,
    filling: Option<Filling>,
) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/schedules" };
    let status = form.as_ref().map_or(StatusCode::OK, Form::status);
    let page = desk
        .look(move |sight, shell| {
            let schedule = schedules::one(sight.read, id)?;
            let reader = Reader::new(sight.reader.now, &schedule.zone);
            let form = form.unwrap_or_else(|| fresh(&reader));
            let mut choices = vec![Choice::new("", "nobody")];
            choices.extend(active_people(&users::all(sight.read)?));
            Ok(Page {
                shell,
                base: format!("/schedules/{id}"),
                name: schedule.name,
                zone: schedule.zone,
                people: Slots { chosen: with_blanks(form.values("person")), choices },
                every: [(1, "every day"), (7, "every week"), (14, "every 2 weeks"), (28, "every 4 weeks")]
                    .map(|(days, words)| Choice::new(days, words))
                    .into(),
                preview: filling.map(|filling| preview(&filling, sight, &reader)),
                form,
            })
        })
        .await?;
    drawn(status, &page)
}

/// From the next Monday on, for a quarter.
fn fresh(reader: &Reader) -> Form {
    let today = reader.now.in_zone(&reader.zone).date();
    let to_monday = i64::from(7 - today.weekday().to_monday_zero_offset());
    let monday = today.saturating_add(to_monday.days());
    let (first, until) = (monday.at(9, 0, 0, 0), monday.saturating_add(13.weeks()));
    Form::blank("repeat").with("every", 7).with("first", first.strftime("%Y-%m-%dT%H:%M")).with("until", until)
}

fn preview(filling: &Filling, sight: &Sight<'_>, reader: &Reader) -> Preview {
    let turn = |(user, span, is_taken): &(UserId, Interval, bool)| {
        let when = span_words(span.start, span.end, &reader.zone);
        Turn { person: sight.names.marked(*user), when, is_taken: *is_taken }
    };
    let left_out = match filling.turns.len() - filling.free() {
        0 => String::new(),
        1 => "1 meets what is entered already and is left out.".to_owned(),
        more => format!("{more} meet what is entered already and are left out."),
    };
    let entries = if filling.free() == 1 { "entry" } else { "entries" };
    Preview {
        turns: filling.turns.iter().map(turn).collect(),
        button: format!("Add {} {entries}", filling.free()),
        left_out,
    }
}
