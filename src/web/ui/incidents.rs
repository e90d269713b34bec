//! `/incidents`: lists that are narrowed by what stands in the address, and the row that the dashboard shares.

use crate::app::incidents::search::{Order, search};
use crate::app::{AppError, incidents, policies, teams, users};
use crate::domain::access::{Action, may};
use crate::domain::incident::filter::{Assignee, Filter};
use crate::domain::incident::{Incident, Status};
use crate::domain::policy::Policy;
use crate::domain::user::User;
use crate::web::error::WebError;
use crate::web::extract::{QueryFields, SignedIn};
use crate::web::ui::bulk;
use crate::web::ui::clock::When;
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::fragment::{self, Fragment};
use crate::web::ui::marks::{SeverityMark, StatusMark, severity, status};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Sight};
use crate::web::{Web, narrowed};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::civil::Date;
use rinja::Template;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many of a list that may be long are on a page.
const SHOWN: usize = 50;
/// Open incidents are all on one page, up to a number that nobody could work through.
const OPEN_SHOWN: usize = 200;

/// What may stand in the address.
const NAMES: [&str; 13] =
    ["view", "status", "severity", "team", "source", "assignee", "since", "until", "q", "after", "did", "done", "left"];
/// Those that narrow a list beyond tabs and chips: the fields of the form.
const FIELDS: [&str; 7] = ["q", "severity", "team", "source", "assignee", "since", "until"];

#[derive(Template)]
#[template(path = "templates/incidents.html", blocks = ["main"], askama = rinja)]
struct Incidents {
    shell: Shell,
    tabs: Vec<Chip>,
    chips: Vec<Chip>,
    form: Form,
    choices: Choices,
    is_narrowed: bool,
    /// By the fields of the form.
    is_filtered: bool,
    /// What tab and chip say in the address, for the form to keep.
    view: String,
    status: String,
    incidents: Vec<Row>,
    /// Of the deeds: who acts, and what was refused.
    deeds: Form,
    people: Vec<Choice>,
    /// "3 acknowledged, 1 was already resolved (#1840)."
    outcome: String,
    /// The address of this list without its path, for deeds to come back to.
    back: String,
    /// What the reader reads when there are none and nothing is narrowed.
    empty: &'static str,
    shows_open: bool,
    /// Where the list goes on.
    older: Option<String>,
}

/// Of the selects.
#[derive(Default)]
struct Choices {
    severities: Vec<Choice>,
    teams: Vec<Choice>,
    sources: Vec<Choice>,
    assignees: Vec<Choice>,
}

struct Chip {
    href: String,
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

const TABS: [(&str, &str); 3] = [("mine", "Mine"), ("teams", "My teams"), ("", "All")];

const STATUSES: [(&str, &str); 4] =
    [("", "Open"), ("triggered", "Needs someone"), ("acknowledged", "In hand"), ("resolved", "Resolved")];

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    query: QueryFields,
    fragment: Fragment,
) -> Result<Response, WebError> {
    show(&web, &signed_in, query, None, fragment).await
}

pub(super) async fn show(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    query: QueryFields,
    refused: Option<Form>,
    fragment: Fragment,
) -> Result<Response, WebError> {
    let asked = Asked::read(query, signed_in)?;
    let status = refused.as_ref().map_or(StatusCode::OK, Form::status);
    let desk = Desk { web, signed_in, section: "/incidents" };
    let page = desk.look(move |sight, shell| asked.page(sight, shell, refused)).await?;
    fragment::answer(fragment, status, &page, &page.as_main())
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum View {
    Mine,
    MyTeams,
    All,
}

/// The address, understood in full. Days wait for the reader's calendar.
struct Asked {
    query: QueryFields,
    view: View,
    filter: Filter,
    since: Option<Date>,
    until: Option<Date>,
}

impl Asked {
    /// 400 for a name or a value that is unknown. A place that cannot be read is an old bookmark: its list begins at its
    /// beginning.
    fn read(query: QueryFields, signed_in: &SignedIn) -> Result<Asked, WebError> {
        if let Some((name, _)) = query.0.0.iter().find(|(name, _)| !NAMES.contains(&name.as_str())) {
            return Err(narrowed::unreadable(name, &format!("is unknown here; known are {}", NAMES.join(", "))));
        }
        let view = match query.text("view") {
            "" | "all" => View::All,
            "mine" => View::Mine,
            "teams" => View::MyTeams,
            _ => return Err(narrowed::unreadable("view", "is mine, teams or all")),
        };
        let day = |name: &str| {
            let wrong = |_| narrowed::unreadable(name, "is a day, such as 2026-11-24");
            query.optional(name).map(|text| text.parse::<Date>().map_err(wrong)).transpose()
        };
        let (since, until) = (day("since")?, day("until")?);
        let open = || BTreeSet::from([Status::Triggered, Status::Acknowledged]);
        let mut filter = Filter {
            statuses: Some(query.optional("status").map_or_else(|| Ok(open()), narrowed::statuses)?),
            severities: query.optional("severity").map(narrowed::severities).transpose()?,
            teams: query.optional("team").map(|text| narrowed::ids("team", text)).transpose()?,
            sources: query.optional("source").map(|text| narrowed::ids("source", text)).transpose()?,
            assignee: query.optional("assignee").map(|text| narrowed::assignee(text, signed_in.user.id)).transpose()?,
            text: narrowed::text(query.text("q"))?,
            since: None,
            until: None,
        };
        if view == View::Mine {
            let mine = Assignee::User(signed_in.user.id);
            if filter.assignee.is_some_and(|other| other != mine) {
                filter.statuses = Some(BTreeSet::new());
            }
            filter.assignee = Some(mine);
        }
        Ok(Asked { query, view, filter, since, until })
    }

    fn page(&self, sight: &Sight<'_>, shell: Shell, refused: Option<Form>) -> Result<Incidents, AppError> {
        let mut filter = self.filter.clone();
        filter.since = self.since.map(|day| sight.reader.midnight(day));
        // The last day counts.
        let after = |day: Date| sight.reader.midnight(day.saturating_add(jiff::ToSpan::days(1)));
        filter.until = self.until.map(after);
        if self.view == View::MyTeams {
            let own = teams::all(sight.read)?.into_iter().filter(|team| team.members.contains(&sight.viewer.id));
            let own: BTreeSet<_> = own.map(|team| team.id).collect();
            let asked = filter.teams.take();
            filter.teams = Some(asked.map_or_else(|| own.clone(), |asked| asked.intersection(&own).copied().collect()));
        }
        let shows_open = self.query.optional("status").is_none();
        let limit = if shows_open { OPEN_SHOWN } else { SHOWN };
        let place = self.query.optional("after").and_then(narrowed::read_place);
        let found = search(sight.read, &filter, Order::ByStatus, limit, place)?;
        let form = Form::filled("list", FIELDS.map(|name| (name, self.query.text(name).to_owned())).into());
        let of = |name: &'static str, all: &[(&'static str, &'static str)]| {
            let chip = |(value, label): &(&'static str, &'static str)| Chip {
                href: self.address(&[(name, value), ("after", ""), ("did", ""), ("done", ""), ("left", "")]),
                label,
                is_current: self.query.text(name) == *value || (name, *value, self.view) == ("view", "", View::All),
            };
            all.iter().map(chip).collect()
        };
        Ok(Incidents {
            tabs: of("view", &TABS),
            chips: of("status", &STATUSES),
            choices: choices(sight, &form)?,
            is_filtered: FIELDS.iter().any(|name| self.query.optional(name).is_some()),
            is_narrowed: FIELDS.iter().any(|name| self.query.optional(name).is_some()) || self.view != View::All,
            deeds: refused.unwrap_or_else(|| deeds(sight)),
            people: acting_as(sight)?,
            outcome: bulk::outcome(sight.read, &self.query)?,
            back: self
                .address(&bulk::OUTCOME.map(|name| (name, "")))
                .trim_start_matches("/incidents")
                .trim_start_matches('?')
                .to_owned(),
            view: self.query.text("view").to_owned(),
            status: self.query.text("status").to_owned(),
            incidents: rows(sight, found.incidents)?,
            empty: when_empty(self.query.text("status")),
            shows_open,
            older: found.next.map(|place| self.address(&[("after", &narrowed::write_place(place))])),
            form,
            shell,
        })
    }

    /// This list with other values; an empty one is left out.
    fn address(&self, others: &[(&str, &str)]) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        for name in NAMES {
            let other = others.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
            let value = other.unwrap_or_else(|| self.query.text(name));
            if !value.is_empty() {
                text.append_pair(name, value);
            }
        }
        let query = text.finish();
        if query.is_empty() { "/incidents".to_owned() } else { format!("/incidents?{query}") }
    }
}

fn choices(sight: &Sight<'_>, form: &Form) -> Result<Choices, AppError> {
    let list = |field: &str, first: &[(&str, &str)], all: Vec<Choice>| {
        let first = first.iter().map(|(value, label)| Choice::new(value, *label));
        let mut choices: Vec<Choice> = first.chain(all).collect();
        // What somebody wrote into the address himself stays chosen when the form is sent.
        let typed = form.value(field);
        if !choices.iter().any(|choice| choice.value == typed) {
            choices.push(Choice::new(typed, typed));
        }
        choices
    };
    let severities = [
        ("", "any"),
        ("critical", "critical"),
        ("critical,error", "error or worse"),
        ("critical,error,warning", "warning or worse"),
        ("error", "error"),
        ("warning", "warning"),
        ("info", "info"),
    ];
    let names = &sight.names.0;
    let people = users::all(sight.read)?.into_iter().map(|user| Choice::new(user.id, sight.names.marked(user.id)));
    let teams = names.teams.iter().map(|(id, name)| Choice::new(id, name));
    let sources = names.sources.iter().map(|(id, name)| Choice::new(id, name));
    Ok(Choices {
        severities: list("severity", &severities, vec![]),
        teams: list("team", &[("", "any")], teams.collect()),
        sources: list("source", &[("", "any")], sources.collect()),
        assignees: list("assignee", &[("", "anybody"), ("me", "me"), ("none", "nobody")], people.collect()),
    })
}

fn when_empty(status: &str) -> &'static str {
    match Status::from_word(status) {
        Some(Status::Triggered) => "Nothing waits for anybody.",
        Some(Status::Acknowledged) => "Nobody is working on an incident.",
        Some(Status::Resolved) => "Nothing has been resolved yet.",
        None => "Nothing open.",
    }
}

/// The form whose buttons are all deeds of a list.
pub fn deeds(sight: &Sight<'_>) -> Form {
    Form::blank("bulk").with("acting_as", sight.viewer.id)
}

/// Who can be chosen under *Acting as*.
pub fn acting_as(sight: &Sight<'_>) -> Result<Vec<Choice>, AppError> {
    let choice = |user: &User| {
        let you = if user.id == sight.viewer.id { " (you)" } else { "" };
        Choice::new(user.id, format!("{}{you}", user.name))
    };
    Ok(incidents::acting_choices(sight.read)?.iter().map(choice).collect())
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
        let page = Incidents {
            shell,
            tabs: vec![],
            chips: vec![],
            form: Form::blank("list"),
            choices: Choices::default(),
            is_narrowed: false,
            is_filtered: false,
            deeds: Form::blank("bulk"),
            people: vec![],
            outcome: String::new(),
            back: String::new(),
            view: String::new(),
            status: String::new(),
            incidents: vec![row],
            empty: "",
            shows_open: true,
            older: None,
        };
        page.render().expect("the page is drawn")
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
