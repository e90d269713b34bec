//! `GET /health`: could a page be sent now?
//!
//! Anyone may ask, so what is wrong in detail is told to this machine only; others learn that something is. The answer
//! is worked out at most once a second, whoever asks how often.

use crate::app::{App, system};
use crate::bridge::Lane;
use crate::domain::time::Timestamp;
use crate::web::Web;
use crate::web::address::Client;
use crate::web::error::WebError;
use crate::web::extract::QueryFields;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The last answer, and when it was worked out.
pub type LastHealth = Mutex<Option<(Timestamp, Health)>>;

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Health {
    /// `ok` or `failing`.
    pub status: &'static str,
    /// `on`, or `suppressed` in safe mode.
    pub sending: &'static str,
    pub escalation: &'static str,
    pub retry: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// `?strict=1`, for outside watchers: what was switched off on purpose fails too.
pub async fn get(
    State(web): State<Arc<Web>>,
    Extension(client): Extension<Client>,
    query: QueryFields,
) -> Result<Response, WebError> {
    let mut health = current(&web).await?;
    let all_on = [health.sending, health.escalation, health.retry] == ["on"; 3];
    if query.text("strict") == "1" && !all_on {
        health.status = "failing";
        health.problems.push("something is switched off".into());
    }
    let status = if health.status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if !client.is_local() {
        health.problems.clear();
    }
    Ok((status, Json(health)).into_response())
}

async fn current(web: &Web) -> Result<Health, WebError> {
    // Held while it is worked out: who comes meanwhile waits for the same answer.
    let mut last = web.last_health.lock().await;
    let now = web.app.now();
    if let Some((at, health)) = &*last
        && *at == now
    {
        return Ok(health.clone());
    }
    let app = Arc::clone(&web.app);
    let health = web.bridge.run(Lane::Paging, move || measure(&app)).await?;
    *last = Some((now, health.clone()));
    Ok(health)
}

fn measure(app: &App) -> Health {
    let problems = system::health_problems(app);
    let on_or = |on: bool, off: &'static str| if on { "on" } else { off };
    Health {
        status: if problems.is_empty() { "ok" } else { "failing" },
        sending: on_or(app.switches().sending, "suppressed"),
        escalation: on_or(app.switches().escalation, "off"),
        retry: on_or(app.switches().retry, "off"),
        problems,
    }
}
