//! `GET /api/v1/schedules/{id}/fairness?from=&to=`: how a schedule shares its burden in a stretch of at most two years.

use crate::app::names::{self, Names};
use crate::app::{Read, oncall};
use crate::domain::entry::Interval;
use crate::domain::id::ScheduleId;
use crate::domain::report::{Fairness, Share};
use crate::web::Web;
use crate::web::api::{Params, Reference, instant_of};
use crate::web::error::WebError;
use crate::web::extract::PathId;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct FairnessView {
    /// Whoever takes part, also those without an hour.
    shares: Vec<ShareView>,
    /// Jain's index of hours by hours of activity: 1 is even, 1/n is one person doing it all; null if nobody did any.
    spread: Option<f64>,
    /// Active, taking part, and never on call in eight weeks or more; nobody in a shorter stretch.
    starved: Vec<Reference>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ShareView {
    user: Reference,
    on_call_seconds: i64,
    /// 22:00 to 08:00 on their clock.
    night_seconds: i64,
    /// Saturday and Sunday on their clock.
    weekend_seconds: i64,
    shifts: u32,
    longest_seconds: i64,
    /// Between two shifts; null with less than two.
    shortest_rest_seconds: Option<i64>,
    /// How long they were active, so could have been on call.
    eligible_seconds: i64,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FairnessParams {
    from: String,
    /// At most 2 years later.
    to: String,
}

pub async fn of_schedule(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<ScheduleId>,
    Params(FairnessParams { from, to }): Params<FairnessParams>,
) -> Result<Json<FairnessView>, WebError> {
    let span = Interval { start: instant_of(&from, "from")?, end: instant_of(&to, "to")? };
    let read = move |read: &Read<'_>| Ok((oncall::shared(read, id, span)?.1, names::all(read)?));
    let (fairness, names) = web.read(read).await?;
    Ok(Json(FairnessView::of(&fairness, &names)))
}

impl FairnessView {
    fn of(fairness: &Fairness, names: &Names) -> FairnessView {
        let user = |id| Reference::new(id, names.users.get(&id));
        let share = |share: &Share| ShareView {
            user: user(share.user),
            on_call_seconds: share.on_call_secs,
            night_seconds: share.night_secs,
            weekend_seconds: share.weekend_secs,
            shifts: share.shifts,
            longest_seconds: share.longest_secs,
            shortest_rest_seconds: share.shortest_rest_secs,
            eligible_seconds: share.eligible_secs,
        };
        FairnessView {
            shares: fairness.shares.iter().map(share).collect(),
            spread: fairness.spread,
            starved: fairness.starved.iter().map(|id| user(*id)).collect(),
        }
    }
}
