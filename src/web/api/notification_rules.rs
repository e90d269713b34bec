//! `/api/v1/users/{id}/notification-rules`: in which order and after how long a person's contact methods are used, for each
//! urgency. Everybody signed in reads; one's own are one's own business, those of others an admin's.

use crate::app::{AppError, users};
use crate::domain::Urgency;
use crate::domain::id::UserId;
use crate::domain::refusal::Refusal;
use crate::domain::rules::LATEST_MINUTES;
use crate::domain::user::Step;
use crate::web::Web;
use crate::web::api::fields::short_minutes_of;
use crate::web::api::{IfMatch, Versioned, id_of};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId};
use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An empty list is the preset: for high urgency every method that is on, at once; for low urgency email, or the first
/// method if there is no email.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RulesView {
    high: Vec<RuleStepBody>,
    low: Vec<RuleStepBody>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct RuleListView {
    steps: Vec<RuleStepBody>,
}

/// The whole list for one urgency; an empty one is the preset.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleListBody {
    #[serde(default)]
    steps: Vec<RuleStepBody>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleStepBody {
    /// The id of one of the person's contact methods.
    contact_method: String,
    /// After the page, in whole minutes up to an hour; the first step of high urgency is the page itself and has 0.
    #[serde(default)]
    after_seconds: u32,
}

/// With the version of the user they are part of.
pub async fn all(State(web): State<Arc<Web>>, PathId(id): PathId<UserId>) -> Result<Versioned<RulesView>, WebError> {
    let user = web.read(move |read| users::one(read, id)).await?;
    let rules = RulesView { high: views(&user.rules.high), low: views(&user.rules.low) };
    Ok(Versioned(user.version, rules))
}

pub async fn one(
    State(web): State<Arc<Web>>,
    Path(path): Path<(String, String)>,
) -> Result<Versioned<RuleListView>, WebError> {
    let (id, urgency) = read_path(&path)?;
    view(&web, id, urgency).await
}

pub async fn set(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    Path(path): Path<(String, String)>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<RuleListBody>,
) -> Result<Versioned<RuleListView>, WebError> {
    let (id, urgency) = read_path(&path)?;
    let steps = body.steps.iter().map(RuleStepBody::read).collect::<Result<Vec<Step>, Refusal>>()?;
    web.write(move |tx| {
        expected.check(users::own(tx, &actor, id)?.version)?;
        users::set_rules_of(tx, &actor, id, urgency, &steps).map_err(in_body)
    })
    .await?;
    view(&web, id, urgency).await
}

/// The form has both lists, each a field of its own.
fn in_body(error: AppError) -> AppError {
    match error {
        AppError::Refused(refusal) if matches!(refusal.field, Some("high" | "low")) => {
            Refusal { field: Some("steps"), ..refusal }.into()
        }
        other => other,
    }
}

fn read_path((user, urgency): &(String, String)) -> Result<(UserId, Urgency), WebError> {
    let urgency = Urgency::from_word(urgency).ok_or(WebError::NotFound)?;
    Ok((user.parse().map_err(|_| WebError::NotFound)?, urgency))
}

async fn view(web: &Web, id: UserId, urgency: Urgency) -> Result<Versioned<RuleListView>, WebError> {
    let user = web.read(move |read| users::one(read, id)).await?;
    let steps = match urgency {
        Urgency::High => &user.rules.high,
        Urgency::Low => &user.rules.low,
    };
    Ok(Versioned(user.version, RuleListView { steps: views(steps) }))
}

fn views(steps: &[Step]) -> Vec<RuleStepBody> {
    let view = |step: &Step| RuleStepBody {
        contact_method: step.contact.to_string(),
        after_seconds: u32::from(step.after_minutes) * 60,
    };
    steps.iter().map(view).collect()
}

impl RuleStepBody {
    fn read(&self) -> Result<Step, Refusal> {
        let minutes = short_minutes_of(self.after_seconds, "steps")?;
        // Longer than any rule allows, whose sentence follows.
        let after_minutes = u8::try_from(minutes).unwrap_or(LATEST_MINUTES + 1);
        Ok(Step { contact: id_of(&self.contact_method, "steps")?, after_minutes })
    }
}
