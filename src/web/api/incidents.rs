//! `/api/v1/incidents`: lists, and one with its notifications.

use crate::app::incidents::{self, Story};
use crate::app::names::Names;
use crate::app::{AppError, Cursor, Read};
use crate::domain::access::Role;
use crate::domain::incident::{Incident, Phase, Status};
use crate::web::Web;
use crate::web::api::notifications::NotificationView;
use crate::web::api::{BAD_CURSOR, Composed, Instant, List, Page, Reference};
use crate::web::error::WebError;
use crate::web::extract::Caller;
use axum::extract::{Path, State};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Of each status the newest first, in the order of [`Status::ALL`].
pub async fn list(State(web): State<Arc<Web>>, page: Page<IncidentFilter>) -> Result<List<IncidentView>, WebError> {
    let wanted = Wanted::read(&page)?;
    let (data, next) = web.read(move |read| rows(read, wanted)).await?;
    Ok(List::page(data, next, &page))
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentFilter {
    /// `triggered`, `acknowledged`, `resolved`, or several with commas between; all of them if it is left out.
    status: Option<String>,
}

pub async fn one(
    State(web): State<Arc<Web>>,
    caller: Caller,
    Path(reference): Path<String>,
) -> Result<Composed<OneView>, WebError> {
    web.read(move |read| view_one(read, &reference, caller.user.role)).await
}

/// A query, checked.
struct Wanted {
    statuses: Vec<Status>,
    limit: usize,
    /// Goes on after this row of this status.
    from: Option<(Status, Cursor)>,
}

impl Wanted {
    fn read(page: &Page<IncidentFilter>) -> Result<Wanted, WebError> {
        let words = page.filter.status.as_ref().map(|words| words.split(',').map(Status::from_word).collect());
        let asked: Vec<Status> = match words {
            None => Status::ALL.to_vec(),
            Some(Some(statuses)) => statuses,
            Some(None) => return Err(WebError::BadRequest("A status is triggered, acknowledged or resolved.")),
        };
        let from = page.cursor.as_deref().map(|text| read_cursor(text).ok_or(BAD_CURSOR)).transpose()?;
        let statuses = Status::ALL.into_iter().filter(|status| asked.contains(status)).collect();
        Ok(Wanted { statuses, limit: page.limit, from })
    }
}

fn read_cursor(text: &str) -> Option<(Status, Cursor)> {
    let (status, key) = text.split_once('.')?;
    Some((Status::from_word(status)?, Cursor(URL_SAFE_NO_PAD.decode(key).ok()?)))
}

fn write_cursor(status: Status, cursor: &Cursor) -> String {
    format!("{}.{}", status.word(), URL_SAFE_NO_PAD.encode(&cursor.0))
}

/// The rows, and where the next page begins.
fn rows(read: &Read<'_>, wanted: Wanted) -> Result<(Vec<IncidentView>, Option<String>), AppError> {
    let names = crate::app::names::all(read)?;
    let mut data = Vec::new();
    let (resume, mut cursor) = wanted.from.unzip();
    for status in wanted.statuses.into_iter().filter(|status| resume.is_none_or(|resume| *status >= resume)) {
        // The cursor belongs to the status it names; what follows begins at its beginning.
        let mut after = if Some(status) == resume { cursor.take() } else { None };
        loop {
            let room = wanted.limit - data.len();
            if room == 0 {
                let next = incidents::with_status(read, status, 1, after.clone())?;
                if next.items.is_empty() {
                    break;
                }
                // Without a row to stand after, the page before ended exactly at a status.
                let start = after.unwrap_or(Cursor(Vec::new()));
                return Ok((data, Some(write_cursor(status, &start))));
            }
            let found = incidents::with_status(read, status, room, after)?;
            data.extend(found.items.iter().map(|incident| IncidentView::of(incident, &names)));
            after = found.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok((data, None))
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
