//! `/incidents`: lists by status, and the row that the dashboard shares.

use crate::app::{AppError, Cursor, incidents, policies};
use crate::domain::access::{Action, may};
use crate::domain::incident::{Incident, Status};
use crate::domain::policy::Policy;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{QueryFields, SignedIn};
use crate::web::ui::clock::When;
use crate::web::ui::fragment::{self, Fragment};
use crate::web::ui::marks::{SeverityMark, StatusMark, severity, status};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Sight};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rinja::Template;
use std::sync::Arc;

/// How many of one status are on a page.
const SHOWN: usize = 50;
/// Open incidents are all on one page, up to a number that nobody could work through.
const OPEN_SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "templates/incidents.html", blocks = ["main"], askama = rinja)]
struct Incidents {
    shell: Shell,
    chips: Vec<Chip>,
    incidents: Vec<Row>,
    /// What the reader reads when there are none.
    empty: &'static str,
    /// Where the list goes on.
    older: Option<String>,
    /// There are more open ones than are shown.
    is_cut: bool,
}

struct Chip {
    href: &'static str,
    label: &'static str,
    is_current: bool,
}

pub struct Row {
    pub href: String,
    pub number: u64,
    pub mark: SeverityMark,
    pub title: String,
    pub count: u64,
    pub team: String,
    pub source: String,
    pub status: StatusMark,
    pub opened: When,
    pub assignee: String,
    /// Where the Acknowledge button posts to, when there is something to take and the reader may.
    pub acknowledge: Option<String>,
}

/// Which incidents a list shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Filter {
    Open,
    Only(Status),
}

const FILTERS: [(&str, &str, Filter); 4] = [
    ("/incidents", "Open", Filter::Open),
    ("/incidents?status=triggered", "Needs someone", Filter::Only(Status::Triggered)),
    ("/incidents?status=acknowledged", "In hand", Filter::Only(Status::Acknowledged)),
    ("/incidents?status=resolved", "Resolved", Filter::Only(Status::Resolved)),
];

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    query: QueryFields,
    fragment: Fragment,
) -> Result<Response, WebError> {
    let filter = Status::from_word(query.text("status")).map_or(Filter::Open, Filter::Only);
    // A cursor that cannot be read is an old bookmark: the list begins at its beginning.
    let after = query.optional("after").and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).map(Cursor);
    let after = after.filter(|_| filter != Filter::Open);
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/incidents" };
    let page = desk
        .look(move |sight, shell| {
            let mut found = Vec::new();
            let mut next = None;
            for status in filter.statuses() {
                let page = incidents::with_status(sight.read, *status, filter.shown(), after.clone())?;
                found.extend(page.items);
                next = next.or(page.next);
            }
            let is_cut = filter == Filter::Open && next.is_some();
            let older = match filter {
                Filter::Only(status) => next.map(|Cursor(key)| {
                    format!("/incidents?status={}&after={}", status.word(), URL_SAFE_NO_PAD.encode(key))
                }),
                Filter::Open => None,
            };
            let chip = |(href, label, of)| Chip { href, label, is_current: of == filter };
            let chips = FILTERS.map(chip).into();
            Ok(Incidents { shell, chips, incidents: rows(sight, found)?, empty: filter.when_empty(), older, is_cut })
        })
        .await?;
    fragment::answer(fragment, StatusCode::OK, &page, &page.as_main())
}

impl Filter {
    fn statuses(&self) -> &[Status] {
        match self {
            Filter::Open => &[Status::Triggered, Status::Acknowledged],
            Filter::Only(status) => std::slice::from_ref(status),
        }
    }

    fn shown(self) -> usize {
        match self {
            Filter::Open => OPEN_SHOWN,
            Filter::Only(_) => SHOWN,
        }
    }

    fn when_empty(self) -> &'static str {
        match self {
            Filter::Open => "Nothing open.",
            Filter::Only(Status::Triggered) => "Nothing waits for anybody.",
            Filter::Only(Status::Acknowledged) => "Nobody is working on an incident.",
            Filter::Only(Status::Resolved) => "Nothing has been resolved yet.",
        }
    }
}

/// Needs someone first, then the worst, then the oldest; resolved ones the newest first, as they were given.
pub fn rows(sight: &Sight<'_>, mut incidents: Vec<Incident>) -> Result<Vec<Row>, AppError> {
    let urgency = |incident: &Incident| match incident.status {
        Status::Resolved => None,
        _ => Some((incident.status, std::cmp::Reverse(incident.severity), incident.number)),
    };
    incidents.sort_by_key(urgency);
    let policies = policies::all(sight.read)?;
    incidents.iter().map(|incident| row(sight, incident, &policies)).collect()
}

fn row(sight: &Sight<'_>, incident: &Incident, policies: &[Policy]) -> Result<Row, AppError> {
    let Sight { read, names, reader, viewer, .. } = *sight;
    let policy = policies.iter().find(|policy| policy.id == incident.policy);
    let next = match policy {
        Some(policy) => incidents::next_call(read, incident, policy)?,
        None => None,
    };
    let href = format!("/incidents/{}", incident.number);
    let may_take = incident.status == Status::Triggered && may(viewer.role, Action::WorkOnIncidents);
    let is_held = incident.status != Status::Triggered;
    Ok(Row {
        acknowledge: may_take.then(|| format!("{href}/acknowledge")),
        href,
        number: incident.number,
        mark: severity(incident.severity, incident.is_test),
        title: incident.title.clone(),
        count: incident.event_count,
        team: names.team(incident.team).to_owned(),
        source: names.source(incident.source).to_owned(),
        status: status(incident, next.as_ref(), names, reader),
        opened: reader.when(incident.created_at),
        assignee: incident.assignee.filter(|_| is_held).map(|user| names.marked(user)).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Severity;
    use crate::domain::access::Role;
    use crate::web::ui::samples;

    fn drawn(title: &str, role: Role) -> String {
        let incident = samples::incident();
        let row = Row {
            href: "/incidents/1842".into(),
            number: 1842,
            mark: severity(Severity::Critical, false),
            title: title.into(),
            count: 14,
            team: "Payments".into(),
            source: "alertmanager-prod".into(),
            status: status(&incident, None, &samples::names(), &samples::reader()),
            opened: samples::reader().when(incident.created_at),
            assignee: String::new(),
            acknowledge: (role > Role::Viewer).then(|| "/incidents/1842/acknowledge".into()),
        };
        let shell = samples::shell("/incidents", role);
        Incidents { shell, chips: vec![], incidents: vec![row], empty: "", older: None, is_cut: false }
            .render()
            .expect("the page is drawn")
    }

    #[test]
    fn an_alerts_words_never_become_markup() {
        let page = drawn("<script>alert(1)</script>", Role::Responder);
        assert!(!page.contains("<script>") && page.contains("&#60;script&#62;alert(1)"), "{page}");
    }

    #[test]
    fn a_viewer_sees_no_button_to_act() {
        assert!(drawn("disk", Role::Responder).contains("formaction=\"/incidents/1842/acknowledge\""));
        assert!(!drawn("disk", Role::Viewer).contains("Acknowledge"));
    }
}
