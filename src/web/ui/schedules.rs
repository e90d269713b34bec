//! `/schedules`: every schedule with who is on call, who is next and whether 30 days are covered, and making one.

use crate::app::schedules::{self, Basics};
use crate::app::{AppError, oncall, teams, users};
use crate::domain::oncall::Segment;
use crate::domain::refusal::Refusal;
use crate::domain::schedule::Schedule;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, QueryFields, SignedIn};
use crate::web::ui::clock::{Reader, count, duration};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::notices::notices;
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Sight, active_people, page as drawn, refused, to, zones};
use axum::extract::State;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

/// How far ahead the list looks for gaps.
const COVERAGE_SECS: i64 = 30 * 86_400;

#[derive(Template)]
#[template(path = "templates/schedules.html", askama = rinja)]
struct Schedules {
    shell: Shell,
    notices: Vec<&'static str>,
    schedules: Vec<Row>,
    form: Form,
    teams: Vec<Choice>,
    people: Vec<Choice>,
    zones: Vec<String>,
}

struct Row {
    href: String,
    name: String,
    team: String,
    now: String,
    is_nobody: bool,
    /// "Bo from Mon 09:00".
    next: String,
    /// "2 gaps, 12 h"; empty when somebody is always on call.
    gaps: String,
    zone: String,
}

pub async fn page(State(web): State<Arc<Web>>, signed_in: SignedIn, query: QueryFields) -> Result<Response, WebError> {
    let form = Form::blank("schedule").with("zone", &signed_in.user.zone);
    show(&web, &signed_in, form, notices(&query)).await
}

pub async fn create(State(web): State<Arc<Web>>, signed_in: SignedIn, form: FormBody) -> Result<Response, WebError> {
    let done = async {
        let (actor, basics) = (signed_in.actor, basics(&form)?);
        web.write(move |tx| schedules::create(tx, &actor, &basics)).await
    };
    match refused(done.await)? {
        Ok(id) => Ok(to(format!("/schedules/{id}"))),
        Err(refusal) => show(&web, &signed_in, Form::refused("schedule", &form.0.0, refusal), vec![]).await,
    }
}

pub fn basics(form: &Fields) -> Result<Basics, Refusal> {
    Ok(Basics {
        name: form.text("name").to_owned(),
        team: form.id("team")?,
        zone: form.text("zone").to_owned(),
        fallback: form.optional_id("fallback")?,
    })
}

async fn show(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    form: Form,
    notices: Vec<&'static str>,
) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/schedules" };
    let status = form.status();
    let page = desk
        .look(move |sight, shell| {
            let row = |schedule| row(sight, schedule);
            let schedules = schedules::all(sight.read)?.into_iter().map(row).collect::<Result<_, AppError>>()?;
            let (teams, people) = choices(sight)?;
            Ok(Schedules { shell, notices, schedules, form, teams, people, zones: zones() })
        })
        .await?;
    drawn(status, &page)
}

fn row(sight: &Sight<'_>, schedule: Schedule) -> Result<Row, AppError> {
    let Sight { read, names, reader, .. } = *sight;
    let (_, _, segments) = oncall::rendered(read, schedule.id, reader.now, reader.now.plus_secs(COVERAGE_SECS))?;
    let who = |segment: &Segment| names.places(&segment.places).unwrap_or("nobody".to_owned());
    let now = segments.first().map_or("nobody".to_owned(), who);
    // The times of a schedule are written on its own clock.
    let own = Reader::new(reader.now, &schedule.zone);
    let next = segments.iter().find(|segment| who(segment) != now);
    Ok(Row {
        href: format!("/schedules/{}", schedule.id),
        team: names.team(schedule.team).to_owned(),
        next: next.map_or(String::new(), |next| format!("{} from {}", who(next), own.clock(next.start))),
        is_nobody: segments.first().is_none_or(|segment| segment.places.is_empty()),
        now,
        gaps: gaps(&segments),
        zone: schedule.zone,
        name: schedule.name,
    })
}

fn gaps(segments: &[Segment]) -> String {
    let gaps: Vec<i64> = segments.iter().filter(|s| s.places.is_empty()).map(|s| s.end.secs_since(s.start)).collect();
    if gaps.is_empty() {
        return String::new();
    }
    let open: i64 = gaps.iter().sum();
    // Rounded down, so that what has a gap is never called whole.
    let covered = 100 * (COVERAGE_SECS - open) / COVERAGE_SECS;
    format!("{covered} %, {}: {}", count(gaps.len(), "gap"), duration(open))
}

/// Teams, and people for the fallback.
pub fn choices(sight: &Sight<'_>) -> Result<(Vec<Choice>, Vec<Choice>), AppError> {
    let teams = teams::all(sight.read)?.into_iter().map(|team| Choice::new(team.id, team.name)).collect();
    let mut people = vec![Choice::new("", "nobody")];
    people.extend(active_people(&users::all(sight.read)?));
    Ok((teams, people))
}
