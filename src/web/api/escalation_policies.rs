//! `/api/v1/escalation-policies`: levels, repeats and last resort. Everybody signed in reads, admins edit.
//!
//! A policy is sent whole, levels included: an edit is one transaction, and the open incidents that rest on the policy
//! are decided anew in it.

use crate::app::policies::{self, Basics};
use crate::domain::id::{PolicyId, UserId};
use crate::domain::policy::{Level, Policy, REPAGE_MINUTES_DEFAULT, REPEAT_DEFAULT, Recipient};
use crate::domain::refusal::{Refusal, checked_name};
use crate::web::Web;
use crate::web::api::{Created, IfMatch, Instant, List, Page, Versioned, Wrong, by_name, id_at, id_of, ids_of};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
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
#[derive(Debug, Deserialize, JsonSchema)]
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

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelBody {
    /// 1 to 99.
    number: u8,
    /// Whole minutes, 60 to 86,400.
    delay_seconds: u32,
    #[serde(default)]
    recipients: Vec<RecipientBody>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipientBody {
    kind: RecipientKind,
    id: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RecipientKind {
    User,
    Schedule,
    Team,
}

pub async fn list(State(web): State<Arc<Web>>, page: Page) -> Result<List<PolicyView>, WebError> {
    let policies = web.read(|read| policies::all(read)).await?;
    Ok(List::cut(policies, |policy| by_name(&policy.name, policy.id), &page, |policy| PolicyView::of(&policy)))
}

pub async fn one(State(web): State<Arc<Web>>, PathId(id): PathId<PolicyId>) -> Result<Versioned<PolicyView>, WebError> {
    view(&web, id).await
}

pub async fn create(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    JsonBody(body): JsonBody<PolicyBody>,
) -> Result<Created<PolicyView>, WebError> {
    let (basics, levels) = body.read()?;
    let id = web.write(move |tx| policies::create(tx, &actor, &basics, &levels)).await?;
    let Versioned(version, made) = view(&web, id).await?;
    Ok(Created { location: format!("/api/v1/escalation-policies/{id}"), version: Some(version), made })
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<PolicyId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<PolicyBody>,
) -> Result<Versioned<PolicyView>, WebError> {
    let (basics, levels) = body.read()?;
    web.write(move |tx| {
        expected.check(policies::one(tx, id)?.version)?;
        policies::replace(tx, &actor, id, &basics, &levels)
    })
    .await?;
    view(&web, id).await
}

pub async fn delete(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<PolicyId>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, WebError> {
    web.write(move |tx| {
        expected.check(policies::one(tx, id)?.version)?;
        policies::delete(tx, &actor, id)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl PolicyBody {
    fn read(&self) -> Result<(Basics, Vec<Level>), WebError> {
        let mut wrong = Wrong::default();
        let name = wrong.take(checked_name(&self.name));
        let repage = self.repage_seconds.map(|secs| minutes(secs, "repage_seconds")).transpose();
        let repage = wrong.take(repage);
        let timeout = self.ack_timeout_seconds.map(|secs| minutes(secs, "ack_timeout_seconds")).transpose();
        let timeout = wrong.take(timeout);
        let user = |(place, text): (usize, &String)| wrong.take_at("last_resort", id_at(text, place));
        let last_resort: Vec<Option<UserId>> = self.last_resort.iter().enumerate().map(user).collect();
        let level = |(place, level): (usize, &LevelBody)| level.read(&format!("levels/{place}"), &mut wrong);
        let levels: Vec<Option<Level>> = self.levels.iter().enumerate().map(level).collect();
        let whole = (name, repage, timeout, last_resort.into_iter().collect(), levels.into_iter().collect());
        let (Some(name), Some(repage), Some(ack_timeout_minutes), Some(last_resort), Some(levels)) = whole else {
            return Err(wrong.into());
        };
        let (repeat, repage_minutes) =
            (self.repeat.unwrap_or(REPEAT_DEFAULT), repage.unwrap_or(REPAGE_MINUTES_DEFAULT));
        Ok((Basics { name, repeat, repage_minutes, ack_timeout_minutes, last_resort }, levels))
    }
}

impl LevelBody {
    fn read(&self, place: &str, wrong: &mut Wrong) -> Option<Level> {
        let delay_minutes = wrong.take_at(place, minutes(self.delay_seconds, "delay_seconds"));
        let recipient = |(number, recipient): (usize, &RecipientBody)| {
            wrong.take_at(&format!("{place}/recipients/{number}"), recipient.read())
        };
        let recipients: Vec<Option<Recipient>> = self.recipients.iter().enumerate().map(recipient).collect();
        let recipients: Option<Vec<Recipient>> = recipients.into_iter().collect();
        Some(Level { number: self.number, delay_minutes: delay_minutes?, recipients: recipients? })
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
            RecipientKind::User => Recipient::User(id_of(&self.id, "id")?),
            RecipientKind::Schedule => Recipient::Schedule(id_of(&self.id, "id")?),
            RecipientKind::Team => Recipient::Team(id_of(&self.id, "id")?),
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

async fn view(web: &Web, id: PolicyId) -> Result<Versioned<PolicyView>, WebError> {
    let policy = web.read(move |read| policies::one(read, id)).await?;
    Ok(Versioned(policy.version, PolicyView::of(&policy)))
}

/// The product counts in minutes; a duration in between is refused, never cut.
fn minutes(secs: u32, field: &'static str) -> Result<u16, Refusal> {
    let whole = secs.is_multiple_of(60).then(|| u16::try_from(secs / 60).ok()).flatten();
    whole
        .ok_or_else(|| Refusal::invalid("whole_minutes", field, "Give whole minutes, in seconds: 300 is five minutes."))
}
