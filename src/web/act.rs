//! `/a/{token}`: one incident and one button, for somebody who was woken by a message and holds a phone.
//!
//! The link is the person: no login, no script, no choice of whom to act as. Mail programs and chats fetch links to show
//! what is behind them, so a GET or HEAD only looks; the button posts. A token is 160 bits and is looked up by its
//! digest, so nobody guesses one; wrong ones are limited all the same, and right ones never are.

use crate::app::emergency::Seen;
use crate::app::incidents::Deed;
use crate::app::passes::{self, Link, Sight};
use crate::domain::access::{Action, may};
use crate::domain::incident::{self as domain, Phase, Status};
use crate::domain::preferences::Theme;
use crate::domain::time::Timestamp;
use crate::web::Web;
use crate::web::address::Client;
use crate::web::error::{NOT_SAVED, WebError};
use crate::web::extract::FormBody;
use crate::web::ui::clock::{Reader, When};
use crate::web::ui::marks::{SeverityMark, StatusMark, severity, status, whom};
use crate::web::ui::names::Names;
use crate::web::ui::{self, page as drawn, refused, to};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/act.html", askama = rinja)]
struct Page {
    night: bool,
    theme: Theme,
    shown: Shown,
}

enum Shown {
    Incident(Box<Incident>),
    /// While nothing can be saved.
    Unsaved {
        seen: Seen,
        token: String,
        says: &'static str,
    },
    /// The link opens nothing; the sentence says why.
    Nothing(&'static str),
}

struct Incident {
    number: u64,
    title: String,
    team: String,
    mark: SeverityMark,
    status: StatusMark,
    since: When,
    why: String,
    runbook: Option<ui::Link>,
    /// "“rotated audit log”, Ana".
    last_time: Option<String>,
    /// Beside what was refused.
    problem: Option<String>,
    /// The reader has taken it; what that means.
    mine: Option<String>,
    token: String,
    /// What the reader saw: two taps then climb one level.
    level: u8,
    may_take: bool,
    may_pass_on: Option<String>,
    may_resolve: bool,
}

const UNKNOWN: &str = "This link opens nothing. It may have been cut in the message. Sign in to see the incident.";
const DEAD: &str =
    "This link is over: the incident was closed a day ago or more, or the account is not active any more.";

pub async fn page(State(web): State<Arc<Web>>, Path(token): Path<String>) -> Result<Response, WebError> {
    show(&web, token, StatusCode::OK, None).await
}

pub async fn submit(
    State(web): State<Arc<Web>>,
    Extension(client): Extension<Client>,
    Path(token): Path<String>,
    form: FormBody,
) -> Result<Response, WebError> {
    let deed = match form.text("do") {
        "acknowledge" => Deed::Acknowledge,
        "resolve" => Deed::Resolve,
        "escalate" => Deed::Escalate { expected_level: form.optional_number("level")? },
        _ => return Err(WebError::BadRequest("Press one of the buttons of the page.")),
    };
    let (asked, wanted) = (token.clone(), deed.clone());
    let done = web.write(move |tx| passes::act(tx, &asked, client.address, wanted.clone())).await;
    if let (Err(WebError::Unavailable), Deed::Acknowledge) = (&done, deed)
        && let Some((incident, user)) = web.app.emergency.holder(&web.app.settings.link_key, &token)
        && web.app.emergency.take(incident, user)
    {
        return show(&web, token, StatusCode::ACCEPTED, None).await;
    }
    match refused(done)? {
        Ok(Some(_)) => Ok(to(format!("/a/{token}"))),
        // The page says why, with the status that belongs to it.
        Ok(None) => show(&web, token, StatusCode::OK, None).await,
        Err(refusal) => show(&web, token, StatusCode::CONFLICT, Some(refusal.sentence)).await,
    }
}

async fn show(
    web: &Arc<Web>,
    token: String,
    status: StatusCode,
    problem: Option<String>,
) -> Result<Response, WebError> {
    if let Some((incident, user)) = web.app.emergency.holder(&web.app.settings.link_key, &token)
        && let Some(seen) = web.app.emergency.look(incident, user)
    {
        let night = is_night(&Reader::new(web.app.now(), &seen.zone));
        return drawn(
            status,
            &Page { night, theme: Theme::System, shown: Shown::Unsaved { seen, token, says: NOT_SAVED } },
        );
    }
    let asked = token.clone();
    let (link, now) = web.read(move |read| Ok((passes::look(read, &asked)?, read.now()))).await?;
    match link {
        Link::Live(sight) => {
            let reader = Reader::new(now, &sight.user.zone).counting(sight.preferences.hours);
            let (night, theme) = (is_night(&reader), sight.preferences.theme);
            let incident = incident(*sight, token, problem, &reader);
            drawn(status, &Page { night, theme, shown: Shown::Incident(Box::new(incident)) })
        }
        Link::Dead => drawn(StatusCode::GONE, &nothing(DEAD)),
        Link::Unknown if web.wrong_links.admit((), now) => drawn(StatusCode::NOT_FOUND, &nothing(UNKNOWN)),
        Link::Unknown => {
            tracing::warn!("links that open nothing are tried without end");
            Err(WebError::TooMany { retry_after_secs: 10 })
        }
    }
}

fn nothing(sentence: &'static str) -> Page {
    Page { night: false, theme: Theme::System, shown: Shown::Nothing(sentence) }
}

fn incident(sight: Sight, token: String, problem: Option<String>, reader: &Reader) -> Incident {
    let Sight { incident, user, names, team, why, runbook, last_time, next, passed_on_to, .. } = sight;
    let names = Names(names);
    let may_act = may(user.role, Action::WorkOnIncidents);
    let is_mine = incident.status == Status::Acknowledged && incident.ackers.contains(&user.id);
    let is_open = incident.status != Status::Resolved;
    let taken_at = |at: Timestamp| format!("Nobody else is called. {}", reader.exactly(at).text);
    let may_pass_on = may_act && is_open && (is_mine || incident.status == Status::Triggered);
    Incident {
        number: incident.number,
        mark: severity(incident.severity, incident.is_test),
        status: status(&incident, next.as_ref(), &names, reader),
        since: reader.when(incident.created_at),
        mine: is_mine.then(|| incident.taken_at.map(taken_at).unwrap_or_default()),
        level: incident.ladder.level.unwrap_or(0),
        may_take: may_act && incident.status == Status::Triggered && incident.ladder.phase != Phase::Held,
        may_pass_on: may_pass_on.then(|| whom(&passed_on_to)),
        may_resolve: may_act && is_mine,
        runbook: runbook.map(|link| {
            let text = if link.text.is_empty() { "Runbook".to_owned() } else { link.text };
            ui::Link::new(link.href.trim(), text)
        }),
        last_time: last_time.map(|(previous, note)| last_words(&previous, note, &names, reader)),
        title: incident.title,
        team,
        why,
        problem,
        token,
    }
}

fn last_words(previous: &domain::Incident, note: Option<String>, names: &Names, reader: &Reader) -> String {
    let who = status(previous, None, names, reader).sentence;
    match note {
        Some(note) => format!("“{note}” {who}"),
        None => who,
    }
}

/// From 22:00 to 07:00 in the reader's zone: a bright page would wake the rest of the room.
fn is_night(reader: &Reader) -> bool {
    let hour = reader.now.in_zone(&reader.zone).hour();
    !(7..22).contains(&hour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_dark_at_night_on_the_readers_own_clock() {
        let check = |zone: &str, at: &str, expected| {
            let now = Timestamp::from_jiff(at.parse().expect("an instant"));
            assert_eq!(is_night(&Reader::new(now, zone)), expected, "{zone} {at}");
        };
        check("UTC", "2026-11-24T21:59:59Z", false);
        check("UTC", "2026-11-24T22:00:00Z", true);
        check("UTC", "2026-11-24T06:59:59Z", true);
        check("UTC", "2026-11-24T07:00:00Z", false);
        check("Asia/Kolkata", "2026-11-24T17:00:00Z", true);
    }
}
