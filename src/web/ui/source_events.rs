//! `/alert-sources/{id}/events`: the last requests of a source with what became of each, and what was turned away at the
//! door. The source's page shows the same in a box that looks here again while somebody sets the sender up.

use crate::app::{AppError, alert_sources};
use crate::domain::access::{self, Action};
use crate::domain::id::AlertSourceId;
use crate::domain::source_event::{ReportResult, ResultWord, SourceEvent};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{PathId, SignedIn};
use crate::web::refusals::Turned;
use crate::web::ui::clock::{Reader, When};
use crate::web::ui::fragment::{self, Fragment};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Link, Sight};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/source_events.html", blocks = ["heard"], askama = rinja)]
struct Page {
    shell: Shell,
    name: String,
    heard: Heard,
}

/// What came lately.
pub struct Heard {
    pub base: String,
    pub events: Vec<EventLine>,
    pub turned: Vec<TurnedLine>,
}

pub struct EventLine {
    pub when: When,
    pub class: &'static str,
    pub shape: &'static str,
    pub outcomes: Vec<Outcome>,
    pub repeats: String,
    pub body: String,
}

/// "repeat of", and the incident it was.
pub struct Outcome {
    pub words: String,
    pub incident: Option<Link>,
}

/// "401 from 10.0.0.7: no X-API-Key header".
pub struct TurnedLine {
    pub when: When,
    pub words: String,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<AlertSourceId>,
    fragment: Fragment,
) -> Result<Response, WebError> {
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/alert-sources" };
    let turned = Turnings::of(&web, &signed_in, id);
    let page = desk
        .look(move |sight, shell| {
            let name = alert_sources::one(sight.read, id)?.name;
            Ok(Page { shell, name, heard: heard(sight, id, &turned)? })
        })
        .await?;
    fragment::answer(fragment, StatusCode::OK, &page, &page.as_heard())
}

/// What was turned away lately, for whom it is shown.
pub struct Turnings {
    own: Vec<Turned>,
    /// With those whose source nobody knows.
    all: Vec<Turned>,
}

impl Turnings {
    /// Addresses of strangers are for whoever sets sources up.
    pub fn of(web: &Web, signed_in: &SignedIn, id: AlertSourceId) -> Turnings {
        let now = web.app.now();
        match access::may(signed_in.user.role, Action::Configure) {
            true => Turnings { own: web.refusals.lately(id, false, now), all: web.refusals.lately(id, true, now) },
            false => Turnings { own: vec![], all: vec![] },
        }
    }
}

/// A source that was never heard may be the one whose key is missing.
pub fn heard(sight: &Sight<'_>, id: AlertSourceId, turned: &Turnings) -> Result<Heard, AppError> {
    let reader = sight.reader;
    let events = alert_sources::recent_events(sight.read, id)?;
    let turned = if events.is_empty() { &turned.all } else { &turned.own };
    let line = |turned: &Turned| {
        let times = if turned.times > 1 { format!(", {} times", turned.times) } else { String::new() };
        let words = format!("{} from {} at …/{}: {}{times}", turned.status, turned.from, turned.kind, turned.because);
        TurnedLine { when: reader.when(turned.at), words }
    };
    Ok(Heard {
        base: format!("/alert-sources/{id}"),
        turned: turned.iter().map(line).collect(),
        events: events.iter().map(|event| event_line(event, reader)).collect(),
    })
}

fn event_line(event: &SourceEvent, reader: &Reader) -> EventLine {
    let opened = event.results.iter().any(|result| result.result == ResultWord::Created);
    let (class, shape) = if opened { ("warning", "bell") } else { ("info", "check") };
    let outcomes = event.results.iter().map(|result| Outcome {
        words: outcome(result).to_owned(),
        incident: result
            .incident
            .filter(|_| names_incident(result))
            .map(|(_, number)| Link::new(format!("/incidents/{number}"), format!("#{number}"))),
    });
    EventLine {
        when: reader.when(event.last_at),
        class,
        shape,
        outcomes: outcomes.collect(),
        repeats: if event.repeats == 0 { String::new() } else { format!(", {} times more", event.repeats) },
        body: event.body.clone(),
    }
}

fn names_incident(result: &ReportResult) -> bool {
    !matches!((result.result, result.action.as_str()), (ResultWord::Unchanged, "resolve" | "acknowledge"))
}

/// "repeat of" an incident; "recovery, nothing open".
fn outcome(result: &ReportResult) -> &'static str {
    let is_unparsed = result.external_id.as_deref().is_some_and(|id| id.starts_with("unparsed:"));
    match (result.result, result.action.as_str()) {
        (ResultWord::Created, _) if is_unparsed => "unparsed, opened",
        (ResultWord::Created, _) => "opened",
        (ResultWord::Updated, _) => "repeat of",
        (ResultWord::Acknowledged, _) => "acknowledged",
        (ResultWord::Resolved, _) => "resolved",
        (ResultWord::Unchanged, "resolve") => "recovery, nothing open",
        (ResultWord::Unchanged, "acknowledge") => "acknowledgement, nothing to take",
        (ResultWord::Unchanged, _) => "nothing changed",
        (ResultWord::Stale, _) => "older than what is known",
        (ResultWord::Absorbed, "resolve") => "recovery, struck off storm",
        (ResultWord::Absorbed, _) => "part of storm",
        (ResultWord::Noted, "subscription") => "a topic asks to send here",
        (ResultWord::Noted, _) => "noted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{Id, IncidentId};
    use crate::web::ui::samples;

    #[test]
    fn an_events_outcome_is_told_in_words_and_leads_to_its_incident() {
        let check = |action: &str, result, external_id: &str, expected: &str, number: Option<&str>| {
            let incident = Some((IncidentId::new(1), 1840));
            let external_id = Some(external_id.to_owned());
            let results = vec![ReportResult { external_id, action: action.into(), result, incident }];
            let event = SourceEvent::new(samples::source(), samples::reader().now, results, String::new());
            let line = event_line(&event, &samples::reader());
            let link = line.outcomes[0].incident.as_ref().map(|link| link.text.as_str());
            assert_eq!((line.outcomes[0].words.as_str(), link), (expected, number));
        };
        check("trigger", ResultWord::Created, "disk", "opened", Some("#1840"));
        check("trigger", ResultWord::Created, "unparsed:ab", "unparsed, opened", Some("#1840"));
        check("trigger", ResultWord::Updated, "disk", "repeat of", Some("#1840"));
        check("resolve", ResultWord::Unchanged, "disk", "recovery, nothing open", None);
        check("trigger", ResultWord::Stale, "disk", "older than what is known", Some("#1840"));
    }
}
