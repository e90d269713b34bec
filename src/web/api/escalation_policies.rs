//! `/api/v1/escalation-policies`: levels, repeats and last resort. Everybody signed in reads, admins edit.
//!
//! A policy is sent whole, levels included: an edit is one transaction, and the open incidents that rest on the policy
//! are decided anew in it.

use crate::app::policies::{self, Basics};
use crate::domain::id::{PolicyId, UserId};
use crate::domain::policy::{Level, Policy, REPAGE_MINUTES_DEFAULT, REPEAT_DEFAULT, Recipient};
use crate::domain::refusal::Refusal;
use crate::web::Web;
use crate::web::api::{Created, Instant, List, id_of, ids_of};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize)]
pub struct PolicyView {
    id: String,
    name: String,
    levels: Vec<LevelBody>,
    repeat: u8,
    repage_seconds: u32,
    ack_timeout_seconds: Option<u32>,
    /// Ids of users; empty means all active admins.
    last_resort: Vec<String>,
    created_at: Instant,
    version: u64,
}

/// What is left out has the product's presets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyBody {
    #[serde(default)]
    name: String,
    #[serde(default)]
    levels: Vec<LevelBody>,
    repeat: Option<u8>,
    repage_seconds: Option<u32>,
    ack_timeout_seconds: Option<u32>,
    #[serde(default)]
    last_resort: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelBody {
    /// 1 to 99.
    number: u8,
    /// Whole minutes, 60 to 86,400.
    delay_seconds: u32,
    #[serde(default)]
    recipients: Vec<RecipientBody>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipientBody {
    kind: RecipientKind,
    id: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RecipientKind {
    User,
    Schedule,
    Team,
}

pub async fn list(State(web): State<Arc<Web>>) -> Result<Json<List<PolicyView>>, WebError> {
    let policies = web.read(|read| policies::all(read)).await?;
    Ok(Json(List::whole(policies.iter().map(PolicyView::of))))
}

pub async fn one(State(web): State<Arc<Web>>, PathId(id): PathId<PolicyId>) -> Result<Json<PolicyView>, WebError> {
    view(&web, id).await.map(Json)
}

pub async fn create(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    JsonBody(body): JsonBody<PolicyBody>,
) -> Result<Created<PolicyView>, WebError> {
    let (basics, levels) = body.read()?;
    let id = web.write(move |tx| policies::create(tx, &actor, &basics, &levels)).await?;
    Ok(Created(format!("/api/v1/escalation-policies/{id}"), view(&web, id).await?))
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<PolicyId>,
    JsonBody(body): JsonBody<PolicyBody>,
) -> Result<Json<PolicyView>, WebError> {
    let (basics, levels) = body.read()?;
    web.write(move |tx| policies::replace(tx, &actor, id, &basics, &levels)).await?;
    view(&web, id).await.map(Json)
}

pub async fn delete(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<PolicyId>,
) -> Result<StatusCode, WebError> {
    web.write(move |tx| policies::delete(tx, &actor, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl PolicyBody {
    fn read(&self) -> Result<(Basics, Vec<Level>), Refusal> {
        let last_resort: Result<Vec<UserId>, Refusal> =
            self.last_resort.iter().map(|text| id_of(text, "last_resort")).collect();
        let timeout = self.ack_timeout_seconds.map(|secs| minutes(secs, "ack_timeout_seconds")).transpose()?;
        let basics = Basics {
            name: self.name.clone(),
            repeat: self.repeat.unwrap_or(REPEAT_DEFAULT),
            repage_minutes: match self.repage_seconds {
                Some(secs) => minutes(secs, "repage_seconds")?,
                None => REPAGE_MINUTES_DEFAULT,
            },
            ack_timeout_minutes: timeout,
            last_resort: last_resort?,
        };
        Ok((basics, self.levels.iter().map(LevelBody::read).collect::<Result<_, _>>()?))
    }
}

impl LevelBody {
    fn read(&self) -> Result<Level, Refusal> {
        let recipients: Result<Vec<Recipient>, Refusal> = self.recipients.iter().map(RecipientBody::read).collect();
        let (number, delay_minutes) = (self.number, minutes(self.delay_seconds, "delay_seconds")?);
        Ok(Level { number, delay_minutes, recipients: recipients? })
    }

    fn of(level: &Level) -> LevelBody {
        LevelBody {
            number: level.number,
            delay_seconds: u32::from(level.delay_minutes) * 60,
            recipients: level.recipients.iter().map(RecipientBody::of).collect(),
        }
    }
}

impl RecipientBody {
    fn read(&self) -> Result<Recipient, Refusal> {
        Ok(match self.kind {
            RecipientKind::User => Recipient::User(id_of(&self.id, "recipients")?),
            RecipientKind::Schedule => Recipient::Schedule(id_of(&self.id, "recipients")?),
            RecipientKind::Team => Recipient::Team(id_of(&self.id, "recipients")?),
        })
    }

    fn of(recipient: &Recipient) -> RecipientBody {
        let (kind, id) = match recipient {
            Recipient::User(id) => (RecipientKind::User, id.to_string()),
            Recipient::Schedule(id) => (RecipientKind::Schedule, id.to_string()),
            Recipient::Team(id) => (RecipientKind::Team, id.to_string()),
        };
        RecipientBody { kind, id }
    }
}

impl PolicyView {
    fn of(policy: &Policy) -> PolicyView {
        PolicyView {
            id: policy.id.to_string(),
            name: policy.name.clone(),
            levels: policy.levels.iter().map(LevelBody::of).collect(),
            repeat: policy.repeat,
            repage_seconds: u32::from(policy.repage_minutes) * 60,
            ack_timeout_seconds: policy.ack_timeout_minutes.map(|minutes| u32::from(minutes) * 60),
            last_resort: ids_of(&policy.last_resort),
            created_at: policy.created_at.into(),
            version: policy.version,
        }
    }
}

async fn view(web: &Web, id: PolicyId) -> Result<PolicyView, WebError> {
    web.read(move |read| Ok(PolicyView::of(&policies::one(read, id)?))).await
}

/// The product counts in minutes; a duration in between is refused, never cut.
fn minutes(secs: u32, field: &'static str) -> Result<u16, Refusal> {
    let whole = secs.is_multiple_of(60).then(|| u16::try_from(secs / 60).ok()).flatten();
    whole
        .ok_or_else(|| Refusal::invalid("whole_minutes", field, "Give whole minutes, in seconds: 300 is five minutes."))
}
