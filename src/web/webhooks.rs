//! Alerts in: `POST` and `PUT /api/v1/webhooks/{kind}`.
//!
//! The guard has found the alert source by its key. From here on nothing a sender writes is refused: what cannot be
//! read, is compressed, or is too long becomes an unparsed alert, which pages. A 2xx is answered after the commit of
//! all that the request caused; our own trouble is a 503, because some senders never repeat after a 4xx.

use crate::app;
use crate::app::intake::{self, Received};
use crate::bridge::Lane;
use crate::domain::alert_source::AlertSource;
use crate::domain::event::{Report, SenderTime};
use crate::domain::source_event::{KEPT_BODY_BYTES, ReportResult, ResultWord};
use crate::ingest::{self, Kind, Parsed, SourceRules};
use crate::web::Web;
use crate::web::body::Prefix;
use crate::web::error::WebError;
use crate::web::extract::FromSource;
use crate::web::guard::client_of;
use crate::web::keys::REALM;
use crate::web::routes::WEBHOOK_BYTES;
use crate::web::signature;
use crate::web::sns::{self, Checked};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, header};
use schemars::JsonSchema;
use serde::Serialize;
use std::mem;
use std::sync::Arc;

/// Bodies up to this are read on the spot, which takes less than going to another thread and back does.
const READ_HERE_BYTES: usize = 16 * 1024;

/// What is kept of a body that is too long.
const KEPT_OF_LONG_BYTES: usize = 64 * 1024;

pub async fn receive(
    State(web): State<Arc<Web>>,
    FromSource(source): FromSource,
    Path(kind): Path<String>,
    request: Request,
) -> Result<Json<Answer>, WebError> {
    let now = web.app.now();
    if !web.alerts.admit(source.id, now) {
        return Err(WebError::Unavailable);
    }
    let (mut parts, body) = request.into_parts();
    let Prefix { bytes, is_whole, place } = web.large_bodies.read_prefix(body, WEBHOOK_BYTES).await?;
    let kept = if is_whole { bytes } else { Bytes::copy_from_slice(&bytes[..KEPT_OF_LONG_BYTES]) };
    let arrived = Arrived { kind, headers: mem::take(&mut parts.headers), body: kept, is_cut: !is_whole, source };

    let Arrived { headers, body, is_cut, source, .. } = &arrived;
    if let Err(error) = signature::require(&web.app.vault, source, headers, body, *is_cut, now) {
        let because = (401, "its signature is missing or wrong");
        web.refusals.note(now, client_of(&parts)?.address, parts.uri.path(), because, Some(source.id));
        return Err(error);
    }
    let checked = sns::check(&web, &arrived.body).await?;
    let renewed = renewed_topics(&arrived.source);
    let source_id = arrived.source.id;
    let received = match arrived.body.len() {
        ..=READ_HERE_BYTES => arrived.read(checked, now.into()),
        _ => web.bridge.run(Lane::Ingest, move || arrived.read(checked, now.into())).await?,
    };
    drop(place);
    let to_confirm = received.reports.iter().filter_map(|report| match report {
        Report::Subscription(asked) if asked.verified && renewed.contains(&asked.topic_arn) => {
            Some((asked.topic_arn.clone(), asked.token.clone()))
        }
        _ => None,
    });
    let to_confirm: Vec<(String, String)> = to_confirm.collect();
    let received = Arc::new(received);
    let kept = Arc::clone(&received);
    let results = match web.write_in(app::Lane::Paging, move |tx| intake::receive(tx, &kept)).await {
        Err(WebError::Unavailable) => {
            web.app.emergency.heard(source_id, &received.reports, now);
            return Err(WebError::Unavailable);
        }
        Err(WebError::Refused(refusal)) if refusal.code == intake::KEY_REPLACED => {
            return Err(WebError::Unauthorized { realm: REALM });
        }
        results => results?,
    };
    for (topic_arn, token) in to_confirm {
        sns::confirm_again(&web, source_id, topic_arn, token);
    }
    Ok(Json(Answer::of(results.iter().map(EventAnswer::of).collect())))
}

/// Topics whose renewed subscription needs no second click.
fn renewed_topics(source: &AlertSource) -> Vec<String> {
    let arns = source.topics.iter().map(|topic| &topic.arn);
    arns.filter(|arn| source.is_confirmed(arn)).cloned().collect()
}

/// A request as it came.
struct Arrived {
    kind: String,
    headers: HeaderMap,
    body: Bytes,
    is_cut: bool,
    source: Arc<AlertSource>,
}

impl Arrived {
    fn read(self, checked: Checked, received_at: SenderTime) -> Received {
        let text = |name: &str| {
            let value = self.headers.get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let rules = SourceRules {
            name: self.source.name.clone(),
            severity_map: self.source.severity_map.clone(),
            one_incident_per_alert: self.source.one_incident_per_alert,
            insufficient_data_triggers: self.source.insufficient_data_triggers,
        };
        let content_type = text(header::CONTENT_TYPE.as_str());
        let parsed = ingest::parse(&ingest::Request {
            kind: Kind::from_path(&self.kind),
            content_type: content_type.as_deref(),
            header: &text,
            body: &self.body,
            received_at,
            truncated: self.is_cut,
            source: &rules,
        });
        let asks_to_join = parsed.reports.iter().any(|report| matches!(report, Report::Subscription(_)));
        let trust = checked.trust(&self.source, asks_to_join);
        let Parsed { reports, delivery_id } = parsed.apply_trust(&trust);
        let key_hash = Some(self.source.key_hash);
        Received { source: self.source.id, reports, delivery_id, key_hash, body: shown(&self.body), is_test: false }
    }
}

/// The beginning of a body, for people to recognise. What would let them act in the sender's name is taken out.
fn shown(body: &[u8]) -> String {
    let kept = &body[..body.len().min(KEPT_BODY_BYTES)];
    let mut text = ingest::without_secrets(&ingest::lossy(kept));
    if kept.len() < body.len() {
        text.push_str("\n… cut here");
    }
    text
}

/// What the sender hears.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Answer {
    status: &'static str,
    events: Vec<EventAnswer>,
}

impl Answer {
    pub(super) fn of(events: Vec<EventAnswer>) -> Answer {
        Answer { status: "ok", events }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EventAnswer {
    external_id: Option<String>,
    action: String,
    result: &'static str,
    incident_id: Option<String>,
}

impl EventAnswer {
    /// Heard, and no alert.
    pub(super) fn noted(external_id: String, action: &str) -> EventAnswer {
        let result = ResultWord::Noted.word();
        EventAnswer { external_id: Some(external_id), action: action.to_owned(), result, incident_id: None }
    }

    pub(super) fn of(result: &ReportResult) -> EventAnswer {
        EventAnswer {
            external_id: result.external_id.clone(),
            action: result.action.clone(),
            result: result.result.word(),
            incident_id: result.incident.map(|(id, _)| id.to_string()),
        }
    }
}
