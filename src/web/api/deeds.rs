//! What programs do to incidents: `POST /api/v1/incidents/{number or id}/…`.
//!
//! Each answers the incident as it is afterwards; a state that was reached before is a success like any other. Every body
//! may name `acting_as`, the user whose deed it is.

use crate::app::incidents::{self, Deed};
use crate::domain::Severity;
use crate::domain::access::Role;
use crate::domain::id::{Id, NotificationId, PolicyId, UserId};
use crate::domain::incident::Incident;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::timeline::Handover;
use crate::web::api::incidents::{OneView, view_one};
use crate::web::api::{Composed, Wrong, instant_of};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use crate::web::{Web, emergency};
use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

type Acted = Result<Composed<OneView>, WebError>;

/// Most deeds need nothing else.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActingBody {
    acting_as: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalateBody {
    acting_as: Option<String>,
    /// The level the caller saw, 0 before the first. If it has moved on since, nothing happens: 409.
    expected_level: Option<u8>,
    /// Where to go; the next level without it.
    level: Option<u8>,
}

/// `until` an instant, or `minutes` from now; at most 7 days.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnoozeBody {
    acting_as: Option<String>,
    until: Option<String>,
    minutes: Option<u32>,
}

/// Either `users` or `policy`, by id.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReassignBody {
    acting_as: Option<String>,
    users: Option<Vec<String>>,
    policy: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeverityBody {
    acting_as: Option<String>,
    severity: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteBody {
    acting_as: Option<String>,
    note: String,
}

pub async fn acknowledge(
    web: State<Arc<Web>>,
    caller: Caller,
    path: Path<String>,
    body: JsonBody<ActingBody>,
) -> Acted {
    act(web, caller, path, body.0.acting_as, |_| Ok(Deed::Acknowledge)).await
}

pub async fn unacknowledge(
    web: State<Arc<Web>>,
    caller: Caller,
    path: Path<String>,
    body: JsonBody<ActingBody>,
) -> Acted {
    act(web, caller, path, body.0.acting_as, |_| Ok(Deed::Unacknowledge)).await
}

pub async fn resolve(web: State<Arc<Web>>, caller: Caller, path: Path<String>, body: JsonBody<ActingBody>) -> Acted {
    act(web, caller, path, body.0.acting_as, |_| Ok(Deed::Resolve)).await
}

pub async fn reopen(web: State<Arc<Web>>, caller: Caller, path: Path<String>, body: JsonBody<ActingBody>) -> Acted {
    act(web, caller, path, body.0.acting_as, |_| Ok(Deed::Reopen)).await
}

pub async fn escalate(
    web: State<Arc<Web>>,
    caller: Caller,
    path: Path<String>,
    JsonBody(body): JsonBody<EscalateBody>,
) -> Acted {
    let EscalateBody { acting_as, expected_level, level } = body;
    let deed = match level {
        Some(level) => Deed::EscalateTo { expected_level, level },
        None => Deed::Escalate { expected_level },
    };
    act(web, caller, path, acting_as, |_| Ok(deed)).await
}

pub async fn snooze(
    web: State<Arc<Web>>,
    caller: Caller,
    path: Path<String>,
    JsonBody(body): JsonBody<SnoozeBody>,
) -> Acted {
    let until = |now: Timestamp| match (&body.until, body.minutes) {
        (Some(text), None) => instant_of(text, "until"),
        (None, Some(minutes)) => Ok(now.plus_minutes(minutes.into())),
        _ => Err(Refusal::invalid("required", "until", "Give either until or minutes.")),
    };
    act(web, caller, path, body.acting_as.clone(), |now| Ok(Deed::Snooze { until: until(now)? })).await
}

pub async fn reassign(
    web: State<Arc<Web>>,
    caller: Caller,
    path: Path<String>,
    JsonBody(body): JsonBody<ReassignBody>,
) -> Acted {
    let to = |body: &ReassignBody| match (&body.users, &body.policy) {
        (Some(users), None) => {
            let users: Result<Vec<UserId>, Refusal> =
                users.iter().map(|text| id(text, "users", "Give ids of users, such as usr_1k.")).collect();
            Ok(Handover::Users(users?))
        }
        (None, Some(policy)) => {
            let policy: PolicyId = id(policy, "policy", "Give the id of an escalation policy, such as pol_1k.")?;
            Ok(Handover::Policy(policy))
        }
        _ => Err(Refusal::invalid("required", "users", "Give either users or policy.")),
    };
    act(web, caller, path, body.acting_as.clone(), |_| Ok(Deed::Reassign(to(&body)?))).await
}

pub async fn set_severity(
    web: State<Arc<Web>>,
    caller: Caller,
    path: Path<String>,
    JsonBody(body): JsonBody<SeverityBody>,
) -> Acted {
    let unknown = || Refusal::invalid("unknown", "severity", "A severity is critical, error, warning or info.");
    let severity = Severity::from_word(&body.severity).ok_or_else(unknown);
    act(web, caller, path, body.acting_as, |_| Ok(Deed::SetSeverity(severity?))).await
}

pub async fn note(
    web: State<Arc<Web>>,
    caller: Caller,
    path: Path<String>,
    JsonBody(body): JsonBody<NoteBody>,
) -> Acted {
    act(web, caller, path, body.acting_as, |_| Ok(Deed::Note(body.note))).await
}

/// `POST /api/v1/notifications/{id}/retry`: every delivery of it that failed or ran out of tries.
pub async fn retry(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(notification): PathId<NotificationId>,
    JsonBody(body): JsonBody<ActingBody>,
) -> Acted {
    let acting_as = acting_as(body.acting_as.as_deref())?;
    let actor = caller.actor;
    let incident = web.write(move |tx| incidents::retry_notification(tx, &actor, notification, acting_as)).await?;
    after(&web, incident).await
}

async fn act(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    Path(reference): Path<String>,
    person: Option<String>,
    deed: impl FnOnce(Timestamp) -> Result<Deed, Refusal>,
) -> Acted {
    let mut wrong = Wrong::default();
    let (person, deed) = (wrong.take(acting_as(person.as_deref())), wrong.take(deed(web.app.now())));
    let (Some(acting_as), Some(deed)) = (person, deed) else { return Err(wrong.into()) };
    let (asked, wanted) = (reference.clone(), deed.clone());
    let done = web.write(move |tx| incidents::act(tx, &actor, &asked, acting_as, wanted.clone())).await;
    let incident = emergency::noted(&web, actor, &reference, acting_as, &deed, done)?;
    after(&web, incident).await
}

async fn after(web: &Web, incident: Incident) -> Acted {
    web.read(move |read| view_one(read, &incident.id.to_string(), Role::Responder)).await
}

fn acting_as(text: Option<&str>) -> Result<Option<UserId>, Refusal> {
    text.map(|text| id(text, "acting_as", "Give the id of a user, such as usr_1k.")).transpose()
}

fn id<T: Id>(text: &str, field: &'static str, sentence: &'static str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::invalid("unknown", field, sentence))
}
