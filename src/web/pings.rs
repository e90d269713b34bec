//! Jobs report that they ran: at their alert source's webhook with its key, or at an address of their own.
//!
//! The address of its own is made for a bare `curl` in a crontab, so it answers GET, HEAD and POST alike: the one place
//! where a GET changes something. Whoever knows it can keep the heartbeat alive, and nothing else. At the webhook a GET is
//! refused as everywhere, because there the name can be guessed and a link in a chat must not keep a dead job alive.
//!
//! A body may say what happened; its beginning is kept. An Alertmanager group that is not firing is no ping, so that an
//! alert which always fires works as one.

use crate::app::pings::{self, Pinged};
use crate::app::{self, intake, sha256};
use crate::bridge::Lane;
use crate::domain::heartbeat::{BODY_BYTES, Beat};
use crate::ingest;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::FromSource;
use crate::web::keys::REALM;
use crate::web::routes::WEBHOOK_BYTES;
use crate::web::webhooks::{Answer, EventAnswer};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use std::sync::Arc;

/// `/api/v1/webhooks/heartbeat/{name}`.
pub async fn by_key(
    web: State<Arc<Web>>,
    source: FromSource,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<Answer>, WebError> {
    of_source(web, source, name, Beat::Ping, request).await
}

/// The same with `fail` or an exit code behind it.
pub async fn by_key_saying(
    web: State<Arc<Web>>,
    source: FromSource,
    Path((name, word)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Answer>, WebError> {
    of_source(web, source, name, beat(&word)?, request).await
}

/// `/ping/{token}`.
pub async fn by_address(web: State<Arc<Web>>, Path(token): Path<String>, request: Request) -> Result<String, WebError> {
    at_address(web, token, Beat::Ping, request).await
}

/// The same with `fail` or an exit code behind it.
pub async fn by_address_saying(
    web: State<Arc<Web>>,
    Path((token, word)): Path<(String, String)>,
    request: Request,
) -> Result<String, WebError> {
    at_address(web, token, beat(&word)?, request).await
}

fn beat(word: &str) -> Result<Beat, WebError> {
    Beat::from_word(word).ok_or(WebError::NotFound)
}

async fn of_source(
    State(web): State<Arc<Web>>,
    FromSource(source): FromSource,
    name: String,
    what: Beat,
    request: Request,
) -> Result<Json<Answer>, WebError> {
    if !web.alerts.admit(source.id, web.app.now()) {
        return Err(WebError::Unavailable);
    }
    let body = Said::read(&web, request.into_body()).await?;
    let (external_id, key_hash) = (format!("heartbeat:{name}"), source.key_hash);
    if what == Beat::Ping && body.is_no_ping {
        return Ok(Json(Answer::of(vec![EventAnswer::noted(external_id, "ping")])));
    }
    let told = move |tx: &mut app::Write<'_>| pings::ping(tx, source.id, key_hash, &name, what, &body.kept);
    let pinged = match web.write_in(app::Lane::Paging, told).await {
        Err(WebError::Refused(refusal)) if refusal.code == intake::KEY_REPLACED => {
            return Err(WebError::Unauthorized { realm: REALM });
        }
        pinged => pinged?,
    };
    let events = match pinged.results.is_empty() {
        true => vec![EventAnswer::noted(external_id, "ping")],
        false => pinged.results.iter().map(EventAnswer::of).collect(),
    };
    Ok(Json(Answer::of(events)))
}

async fn at_address(
    State(web): State<Arc<Web>>,
    token: String,
    what: Beat,
    request: Request,
) -> Result<String, WebError> {
    let hash = sha256(token.as_bytes());
    let heartbeat = web.read_in(Lane::Ingest, move |read| pings::by_address(read, hash)).await?;
    let heartbeat = heartbeat.ok_or(WebError::NotFound)?;
    if !web.alerts.admit(heartbeat.source, web.app.now()) {
        return Err(WebError::Unavailable);
    }
    let body = Said::read(&web, request.into_body()).await?;
    if what == Beat::Ping && body.is_no_ping {
        return Ok("noted: not firing, so this is no ping\n".to_owned());
    }
    let told = move |tx: &mut app::Write<'_>| pings::ping_address(tx, hash, what, &body.kept);
    let Pinged { name, look, .. } = web.write_in(app::Lane::Paging, told).await?;
    Ok(format!("ok: {name} is {}\n", look.word()))
}

/// What came with a ping.
struct Said {
    /// Its beginning as text without secrets.
    kept: String,
    is_no_ping: bool,
}

impl Said {
    async fn read(web: &Web, body: Body) -> Result<Said, WebError> {
        let prefix = web.large_bodies.read_prefix(body, WEBHOOK_BYTES).await?;
        let kept = &prefix.bytes[..prefix.bytes.len().min(BODY_BYTES)];
        let kept = clipped(ingest::without_secrets(&ingest::lossy(kept)));
        Ok(Said { kept, is_no_ping: prefix.is_whole && ingest::is_quiet_group(&prefix.bytes) })
    }
}

/// What cannot be read as text takes more bytes than it came in.
fn clipped(mut text: String) -> String {
    while text.len() > BODY_BYTES {
        text.pop();
    }
    text
}
