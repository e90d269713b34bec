//! `/api/v1/me/preferences`: how pages look to whoever calls, and the time zone they are in.

use crate::app::preferences::{self, Wanted, version};
use crate::app::{Read, users};
use crate::domain::preferences::{HourCycle, Theme};
use crate::domain::refusal::Refusal;
use crate::web::Web;
use crate::web::api::contract::Wrong;
use crate::web::api::{IfMatch, Versioned};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody};
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreferencesBody {
    /// `system`, `light` or `dark`.
    theme: String,
    /// `24h` or `12h`.
    hours: String,
    /// Whether single keys do something on pages.
    keys: bool,
    /// A name of the zone database, such as `Europe/Berlin`.
    zone: String,
}

pub async fn get(State(web): State<Arc<Web>>, caller: Caller) -> Result<Versioned<PreferencesBody>, WebError> {
    view(&web, &caller).await
}

pub async fn set(
    State(web): State<Arc<Web>>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<PreferencesBody>,
) -> Result<Versioned<PreferencesBody>, WebError> {
    let (wanted, actor, id) = (body.read()?, caller.actor, caller.user.id);
    web.write(move |tx| {
        expected.check(version(&preferences::of(tx, id)?, &users::one(tx, id)?))?;
        preferences::set(tx, &actor, &wanted)
    })
    .await?;
    view(&web, &caller).await
}

async fn view(web: &Web, caller: &Caller) -> Result<Versioned<PreferencesBody>, WebError> {
    let id = caller.user.id;
    let look = move |read: &Read<'_>| Ok((preferences::of(read, id)?, users::one(read, id)?));
    let (kept, user) = web.read(look).await?;
    let body = PreferencesBody {
        theme: kept.theme.word().to_owned(),
        hours: kept.hours.word().to_owned(),
        keys: kept.keys,
        zone: user.zone.clone(),
    };
    Ok(Versioned(version(&kept, &user), body))
}

impl PreferencesBody {
    fn read(self) -> Result<Wanted, WebError> {
        let mut wrong = Wrong::default();
        let unknown = |field, words: &str| Refusal::invalid("unknown", field, format!("Choose one of {words}."));
        let theme = Theme::from_word(&self.theme).ok_or_else(|| unknown("theme", "system, light and dark"));
        let hours = HourCycle::from_word(&self.hours).ok_or_else(|| unknown("hours", "24h and 12h"));
        let zone = users::checked_zone(&self.zone);
        match (wrong.take(theme), wrong.take(hours), wrong.take(zone)) {
            (Some(theme), Some(hours), Some(())) => Ok(Wanted { theme, hours, keys: self.keys, zone: self.zone }),
            _ => Err(wrong.into()),
        }
    }
}
