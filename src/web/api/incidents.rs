//! `/api/v1/incidents`: lists, and one with its notifications.

use crate::app::incidents::search::{Order, search};
use crate::app::incidents::{self, Story};
use crate::app::names::Names;
use crate::app::{AppError, Read};
use crate::domain::access::Role;
use crate::domain::id::UserId;
use crate::domain::incident::filter::Filter;
use crate::domain::incident::{Incident, Phase, Status};
use crate::domain::refusal::Refusal;
use crate::web::api::notifications::NotificationView;
use crate::web::api::{BAD_CURSOR, Composed, Instant, List, Page, Reference, instant_of};
use crate::web::error::WebError;
use crate::web::extract::Caller;
use crate::web::{Web, narrowed};
use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A page may have fewer rows than its limit and still go on: of what the index does not tell, one call looks at 2,000
/// incidents, and for a text at the details of 500.
pub async fn list(
    State(web): State<Arc<Web>>,
    caller: Caller,
    page: Page<IncidentFilter>,
) -> Result<List<IncidentView>, WebError> {
    let (filter, order) = (page.filter.read(caller.user.id)?, page.filter.order()?);
    let after = page.cursor.as_deref().map(|text| narrowed::read_place(text).ok_or(BAD_CURSOR)).transpose()?;
    let limit = page.limit;
    let look = move |read: &Read<'_>| {
        let found = search(read, &filter, order, limit, after)?;
        let names = crate::app::names::all(read)?;
        let rows: Vec<_> = found.incidents.iter().map(|incident| IncidentView::of(incident, &names)).collect();
        Ok((rows, found.next))
    };
    let (data, next) = web.read(look).await?;
    Ok(List::page(data, next.map(narrowed::write_place), &page))
}

/// All of them must hold; what is left out asks for nothing.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentFilter {
    /// `triggered`, `acknowledged`, `resolved`, or several with commas between.
    status: Option<String>,
    /// `critical`, `error`, `warning`, `info`, or several with commas between.
    severity: Option<String>,
    /// The id of a team, or several with commas between.
    team: Option<String>,
    /// The id of an alert source, or several with commas between.
    source: Option<String>,
    /// The id of a user, `me`, or `none`.
    assignee: Option<String>,
    /// Opened at this instant or later.
    since: Option<String>,
    /// Opened before this instant.
    until: Option<String>,
    /// Words that must all stand in the title, the external id, the details, a label (`service=checkout`) or the number
    /// (`#1842`), whatever their case. A page looks at 500 incidents for it at most, so it may have few rows and go on.
    q: Option<String>,
    /// `-created_at`, the newest first, or `created_at`. Without it the open ones come first, of each status the newest.
    sort: Option<String>,
}

impl IncidentFilter {
    fn read(&self, reader: UserId) -> Result<Filter, WebError> {
        let instant = |text: &Option<String>, name: &'static str| {
            let wrong = |refusal: Refusal| WebError::Unreadable(format!("The parameter {name}: {}", refusal.sentence));
            text.as_deref().map(|text| instant_of(text, name).map_err(wrong)).transpose()
        };
        Ok(Filter {
            statuses: self.status.as_deref().map(narrowed::statuses).transpose()?,
            severities: self.severity.as_deref().map(narrowed::severities).transpose()?,
            teams: self.team.as_deref().map(|text| narrowed::ids("team", text)).transpose()?,
            sources: self.source.as_deref().map(|text| narrowed::ids("source", text)).transpose()?,
            assignee: self.assignee.as_deref().map(|text| narrowed::assignee(text, reader)).transpose()?,
            since: instant(&self.since, "since")?,
            until: instant(&self.until, "until")?,
            text: self.q.as_deref().map(narrowed::text).transpose()?.flatten(),
        })
    }

    fn order(&self) -> Result<Order, WebError> {
        match self.sort.as_deref() {
            None => Ok(Order::ByStatus),
            Some("-created_at") => Ok(Order::Newest),
            Some("created_at") => Ok(Order::Oldest),
            Some(_) => Err(narrowed::unreadable("sort", "is -created_at, the newest first, or created_at")),
        }
    }
}

pub async fn one(
    State(web): State<Arc<Web>>,
    caller: Caller,
    Path(reference): Path<String>,
) -> Result<Composed<OneView>, WebError> {
    web.read(move |read| view_one(read, &reference, caller.user.role)).await
}

/// One line of a list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IncidentView {
    id: String,
    number: u64,
    title: String,
    severity: &'static str,
    status: &'static str,
    external_id: String,
    alert_source: Reference,
    team: Reference,
    escalation_policy: Reference,
    assignee: Option<Reference>,
    /// The level called last; null before the first.
    level: Option<u8>,
    event_count: u64,
    created_at: Instant,
    last_event_at: Instant,
    acknowledged_at: Option<Instant>,
    /// While acknowledged and set aside until then.
    snoozed_until: Option<Instant>,
    /// In a maintenance window, or after a restore: nobody is paged.
    is_held: bool,
    resolved_at: Option<Instant>,
    is_test: bool,
    version: u64,
}

impl IncidentView {
    fn of(incident: &Incident, names: &Names) -> IncidentView {
        IncidentView {
            id: incident.id.to_string(),
            number: incident.number,
            title: incident.title.clone(),
            severity: incident.severity.word(),
            status: incident.status.word(),
            external_id: incident.external_id.clone(),
            alert_source: Reference::new(incident.source, names.sources.get(&incident.source)),
            team: Reference::new(incident.team, names.teams.get(&incident.team)),
            escalation_policy: Reference::new(incident.policy, names.policies.get(&incident.policy)),
            assignee: incident.assignee.map(|user| Reference::new(user, names.users.get(&user))),
            level: incident.ladder.level,
            event_count: incident.event_count,
            created_at: incident.created_at.into(),
            last_event_at: incident.last_event_at.into(),
            acknowledged_at: incident.taken_at.map(Instant::from),
            snoozed_until: incident.snooze.map(|snooze| snooze.until.into()),
            is_held: incident.status == Status::Triggered && incident.ladder.phase == Phase::Held,
            resolved_at: incident.resolved_at.map(Instant::from),
            is_test: incident.is_test,
            version: incident.version,
        }
    }
}

/// One incident with what it said and who was told.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IncidentWithStory")]
pub struct OneView {
    #[serde(flatten)]
    incident: IncidentView,
    details: String,
    labels: BTreeMap<String, String>,
    links: Vec<LinkView>,
    next_call: Option<NextCall>,
    /// Of a storm incident: the alerts that have no incident of their own.
    storm: Option<StormView>,
    notifications: Vec<NotificationView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LinkView {
    href: String,
    text: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct NextCall {
    who: String,
    at: Instant,
}

#[derive(Debug, Serialize, JsonSchema)]
struct StormView {
    listed: u64,
    firing: u64,
    /// Past the longest list, repeats included.
    unlisted: u64,
}

pub(super) fn view_one(read: &Read<'_>, reference: &str, reader: Role) -> Result<Composed<OneView>, AppError> {
    let story = incidents::story(read, reference)?;
    let told = incidents::told_in(read, &story)?;
    let Story { incident, details, next, storm, names, .. } = story;
    let (details, labels, links) =
        details.map(|details| (details.details, details.labels, details.links)).unwrap_or_default();
    let told = told.iter().map(|told| NotificationView::of(told, &names, reader));
    let one = OneView {
        details,
        labels,
        links: links.into_iter().map(|link| LinkView { href: link.href, text: link.text }).collect(),
        next_call: next.map(|(who, at)| NextCall { who, at: at.into() }),
        storm: storm.and_then(|storm| storm.counts).map(|(listed, firing, unlisted)| StormView {
            listed,
            firing,
            unlisted,
        }),
        notifications: told.collect(),
        incident: IncidentView::of(&incident, &names),
    };
    Ok(Composed(incident.version, one))
}
