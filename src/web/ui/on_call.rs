//! `/on-call`: for every schedule who is on call, since and until when, and who comes next; now or at an instant.

use crate::app::{AppError, oncall, schedules, teams, users};
use crate::domain::contact::Channel;
use crate::domain::id::UserId;
use crate::domain::oncall::{Segment, gaps};
use crate::domain::refusal::Refusal;
use crate::domain::schedule::Schedule;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{QueryFields, SignedIn};
use crate::web::ui::clock::{Reader, count};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::fragment::{self, Fragment};
use crate::web::ui::schedule::words;
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Link, Sight, typed};
use axum::extract::State;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/on_call.html", blocks = ["main"], askama = rinja)]
struct Page {
    shell: Shell,
    /// "now", or the instant that was asked for.
    as_of: String,
    zone: String,
    form: Form,
    passes: Vec<Choice>,
    rows: Vec<Row>,
    /// Teams without any schedule.
    bare: Vec<String>,
    /// The weeks ahead of each schedule, for paper.
    rotas: Vec<Rota>,
}

struct Rota {
    schedule: String,
    zone: String,
    turns: Vec<Turn>,
}

struct Turn {
    from: String,
    to: String,
    /// `None`: nobody.
    person: Option<String>,
}

struct Row {
    team: String,
    schedule: String,
    href: String,
    why: String,
    people: Vec<Line>,
    /// For when nobody is on call.
    nobody: String,
    gaps: Vec<String>,
}

struct Line {
    person: Link,
    /// For those who may call.
    phone: Option<String>,
    words: String,
    through: String,
}

const GAP_DAYS: i64 = 14;
const ROTA_DAYS: i64 = 28;

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    query: QueryFields,
    fragment: Fragment,
) -> Result<Response, WebError> {
    let zone = signed_in.user.zone.clone();
    let asked = query.optional("at").map(|_| typed::instant(&query, "at", "at_pass", &zone)).transpose();
    let form = match &asked {
        Ok(_) => Form::blank("as_of").with("at", query.text("at")).with("at_pass", query.text("at_pass")),
        Err(refusal) => Form::refused("as_of", &query.0.0, Refusal::clone(refusal)),
    };
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/on-call" };
    let (status, at) = (form.status(), asked.unwrap_or(None));
    let for_paper = query.optional("print").is_some();
    let page = desk
        .look(move |sight, shell| {
            let rotas = if for_paper { rotas(sight, at.unwrap_or(sight.reader.now))? } else { vec![] };
            Ok(Page { rotas, ..shown(sight, shell, at, form, zone)? })
        })
        .await?;
    fragment::answer(fragment, status, &page, &page.as_main())
}

fn shown(sight: &Sight<'_>, shell: Shell, at: Option<Timestamp>, form: Form, zone: String) -> Result<Page, AppError> {
    let Sight { read, names, reader, .. } = *sight;
    let may_call = shell.may_work();
    let people = users::all(read)?;
    let (mut rows, mut bare) = (Vec::new(), Vec::new());
    let all = schedules::all(read)?;
    for team in teams::all(read)? {
        let own: Vec<_> = all.iter().filter(|schedule| schedule.team == team.id).collect();
        if own.is_empty() {
            let active = team.members.iter().filter(|user| !names.0.inactive.contains(user)).count();
            bare.push(format!("{} has no schedule: all {} are paged at once.", team.name, count(active, "member")));
        }
        for schedule in own {
            rows.push(row(sight, &team.name, schedule.id, at, &people, may_call)?);
        }
    }
    Ok(Page {
        shell,
        as_of: at.map_or("now".to_owned(), |at| reader.exactly(at).text),
        passes: typed::passes(&form, "at", reader),
        zone,
        form,
        rows,
        bare,
        rotas: vec![],
    })
}

/// Each on the clock of its schedule, which is the one its people read.
fn rotas(sight: &Sight<'_>, from: Timestamp) -> Result<Vec<Rota>, AppError> {
    let rota = |schedule: Schedule| {
        let there = sight.reader.there(&schedule.zone);
        let end = from.plus_secs(ROTA_DAYS * 86_400);
        let (.., segments) = oncall::rendered(sight.read, schedule.id, from, end)?;
        let turn = |segment: Segment| Turn {
            from: there.exactly(segment.start).text,
            to: there.exactly(segment.end).text,
            person: sight.names.places(&segment.places),
        };
        Ok(Rota { turns: segments.into_iter().map(turn).collect(), zone: schedule.zone, schedule: schedule.name })
    };
    schedules::all(sight.read)?.into_iter().map(rota).collect()
}

fn row(
    sight: &Sight<'_>,
    team: &str,
    id: crate::domain::id::ScheduleId,
    at: Option<Timestamp>,
    people: &[User],
    may_call: bool,
) -> Result<Row, AppError> {
    let Sight { read, names, reader, .. } = *sight;
    let instant = at.unwrap_or(reader.now);
    let answer = oncall::answered(read, id, instant)?;
    let schedule = &answer.calendar.schedule;
    let line = |on_call: &crate::domain::oncall::OnCall| {
        let next = names.people(on_call.next.iter().copied()).unwrap_or("nobody".to_owned());
        let until = match on_call.open_ended {
            true => "for over a year to come".to_owned(),
            false => format!("until {}, then {next}", reader.clock(on_call.until)),
        };
        Line {
            person: Link::new(format!("/users/{}", on_call.place.user), names.marked(on_call.place.user)),
            phone: phone(people, on_call.place.user).filter(|_| may_call),
            words: format!("since {}, {until}", reader.clock(on_call.since)),
            through: words::through(&on_call.place, &answer.calendar, names),
        }
    };
    let nobody = answer.after_gap.as_ref().map_or("and nobody is ahead".to_owned(), |(at, next)| {
        let next = names.people(next.iter().copied()).unwrap_or_default();
        format!("until {}, then {next}", reader.clock(*at))
    });
    let ahead = gaps(&answer.calendar, &answer.people, instant, instant.plus_secs(GAP_DAYS * 86_400))?;
    let gap_words = ahead.iter().filter(|gap| gap.places.is_empty());
    let there = Reader::new(instant, &schedule.zone);
    Ok(Row {
        team: team.to_owned(),
        schedule: schedule.name.clone(),
        href: format!("/schedules/{id}"),
        why: match at {
            None => format!("/schedules/{id}#why"),
            Some(_) => {
                let pass = typed::pass_of(instant, &there.zone);
                format!("/schedules/{id}?at={}&at_pass={pass}#why", there.input(instant))
            }
        },
        people: answer.on_call.iter().map(line).collect(),
        nobody,
        gaps: gap_words.map(|gap| reader.span(gap.start, gap.end)).collect(),
    })
}

fn phone(people: &[User], id: UserId) -> Option<String> {
    let user = people.iter().find(|user| user.id == id)?;
    let number = user.contacts.iter().find(|contact| contact.enabled && contact.channel == Channel::Sms)?;
    Some(number.address.clone())
}
