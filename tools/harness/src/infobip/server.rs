//! The fake's wire: routes, key check, envelopes, and connections that can be cut without an answer.

use super::memory::{Channel, Fault, Inbound, Memory, Received, Taken};
use super::request;
use super::status;
use crate::wait::Watched;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Reports and logs per call when the caller names no limit.
const PAGE: usize = 50;

#[derive(Clone)]
struct Fake {
    key: Arc<str>,
    memory: Arc<Watched<Memory>>,
}

/// In a response's extensions it says: cut the connection instead of sending me.
#[derive(Clone)]
struct Cut;

pub(super) fn router(key: &str, memory: Arc<Watched<Memory>>) -> Router {
    Router::new()
        .route("/sms/3/messages", post(sms))
        .route("/whatsapp/1/message/template", post(whatsapp))
        .route("/sms/3/reports", get(reports))
        .route("/sms/3/logs", get(logs))
        .route("/sms/1/inbox/reports", get(inbox))
        .with_state(Fake { key: key.into(), memory })
}

/// Serves until it is aborted; its connections end with it.
pub(super) async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let router = TowerToHyperService::new(router.clone());
                let answer = hyper::service::service_fn(move |request| {
                    let response = router.call(request);
                    async move {
                        let Ok(response) = response.await;
                        // hyper closes a connection whose service fails, and writes nothing.
                        let cut = response.extensions().get::<Cut>().is_some();
                        if cut { Err(io::Error::other("cut on purpose")) } else { Ok(response) }
                    }
                });
                let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                connections.spawn(connection);
            }
            // Takes the ended ones out.
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn sms(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    fake.send(Channel::Sms, &headers, &body).await
}

async fn whatsapp(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    fake.send(Channel::WhatsApp, &headers, &body).await
}

/// Each report is handed out once, whoever asks.
async fn reports(State(fake): State<Fake>, headers: HeaderMap, Query(query): Query<Vec<(String, String)>>) -> Response {
    if !fake.knows(&headers) {
        return refusal(Channel::Sms, StatusCode::UNAUTHORIZED, &[]);
    }
    let results = fake.memory.change(|memory| {
        let ready = memory.taken.iter_mut().filter(|taken| {
            taken.message.channel == Channel::Sms && !taken.silent && !taken.fetched && named(&query, taken)
        });
        let page = ready.take(limit(&query)).map(|taken| {
            taken.fetched = true;
            report(taken)
        });
        page.collect::<Vec<Value>>()
    });
    answer(StatusCode::OK, &json!({ "results": results }))
}

/// Logs can be read as often as one likes; a message without a report is pending in them.
async fn logs(State(fake): State<Fake>, headers: HeaderMap, Query(query): Query<Vec<(String, String)>>) -> Response {
    if !fake.knows(&headers) {
        return refusal(Channel::Sms, StatusCode::UNAUTHORIZED, &[]);
    }
    let results = fake.memory.look(|memory| {
        let wanted = memory.taken.iter().filter(|taken| taken.message.channel == Channel::Sms && named(&query, taken));
        wanted.take(limit(&query)).map(log).collect::<Vec<Value>>()
    });
    answer(StatusCode::OK, &json!({ "results": results, "cursor": { "limit": limit(&query) } }))
}

/// Each message that somebody sent is handed out once.
async fn inbox(State(fake): State<Fake>, headers: HeaderMap, Query(query): Query<Vec<(String, String)>>) -> Response {
    if !fake.knows(&headers) {
        return refusal(Channel::Sms, StatusCode::UNAUTHORIZED, &[]);
    }
    let results = fake.memory.change(|memory| {
        let ready = memory.inbound.iter_mut().filter(|inbound| !inbound.fetched).take(limit(&query));
        let page = ready.map(|inbound| {
            inbound.fetched = true;
            received(inbound)
        });
        page.collect::<Vec<Value>>()
    });
    answer(StatusCode::OK, &json!({ "results": results, "messageCount": 1, "pendingMessageCount": 0 }))
}

impl Fake {
    fn knows(&self, headers: &HeaderMap) -> bool {
        headers.get(header::AUTHORIZATION).is_some_and(|value| value == &format!("App {}", self.key))
    }

    async fn send(&self, channel: Channel, headers: &HeaderMap, body: &[u8]) -> Response {
        let json = serde_json::from_slice(body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body)));
        let authorised = self.knows(headers);
        let parsed = request::parse(channel, &json);
        // One change: whoever waits sees the request together with all it did.
        let (fault, response) = self.memory.change(|memory| {
            let (message_ids, fault, response) = match parsed {
                _ if !authorised => (Vec::new(), None, refusal(channel, StatusCode::UNAUTHORIZED, &[])),
                Err(violations) => (Vec::new(), None, refusal(channel, StatusCode::BAD_REQUEST, &violations)),
                Ok(messages) => {
                    let message_ids = messages.iter().filter_map(|message| message.id.clone()).collect();
                    let fault = memory.next_fault(channel);
                    (message_ids, fault, take(memory, channel, messages, fault))
                }
            };
            let answered = match fault {
                Some(Fault::Hang | Fault::AcceptThenDrop) => None,
                _ => Some(response.status().as_u16()),
            };
            memory.received.push(Received { at: Instant::now(), channel, body: json, message_ids, answered, fault });
            (fault, response)
        });
        if fault == Some(Fault::Hang) {
            // Dropped with the connection, when the caller gives up.
            std::future::pending::<()>().await;
        }
        response
    }
}

/// What the provider does with a sound request.
fn take(memory: &mut Memory, channel: Channel, messages: Vec<request::Parsed>, fault: Option<Fault>) -> Response {
    match fault {
        Some(Fault::Status(code)) => {
            return refusal(channel, StatusCode::from_u16(code).expect("a scripted status is an HTTP status"), &[]);
        }
        Some(Fault::Hang) => return Response::default(),
        _ => {}
    }
    let bulk = memory.new_id();
    let mut details = Vec::new();
    for parsed in messages {
        let message = parsed.into_message(|| memory.new_id());
        let (id, to, parts) = (message.id.clone(), message.to.clone(), parts(&message.text));
        let status = status::status(memory.take(message, fault, Instant::now()));
        details.push(match channel {
            Channel::Sms => {
                json!({ "messageId": id, "destination": to, "status": status, "details": { "messageCount": parts } })
            }
            Channel::WhatsApp => json!({ "messageId": id, "to": to, "status": status, "messageCount": 1 }),
        });
    }
    let mut response = answer(StatusCode::OK, &json!({ "bulkId": bulk, "messages": details }));
    if fault == Some(Fault::AcceptThenDrop) {
        response.extensions_mut().insert(Cut);
    }
    response
}

/// One message that somebody sent, the same in a callback and in an answer.
pub(super) fn received(inbound: &Inbound) -> Value {
    json!({
        "messageId": inbound.id, "from": inbound.from, "to": inbound.to, "text": inbound.text,
        "cleanText": inbound.text, "keyword": "", "receivedAt": date(inbound.at), "smsCount": 1,
        "price": { "pricePerMessage": 0, "currency": "EUR" }, "callbackData": "",
    })
}

/// One entry of a delivery report, the same in a callback and in an answer.
pub(super) fn report(taken: &Taken) -> Value {
    let message = &taken.message;
    json!({
        "messageId": message.id, "to": message.to, "sender": message.sender,
        "sentAt": date(taken.at), "doneAt": date(taken.at), "messageCount": parts(&message.text),
        "mccMnc": "null", "price": { "pricePerMessage": 0.01, "currency": "EUR" },
        "status": status::status(taken.status), "error": status::error(taken.error),
    })
}

fn log(taken: &Taken) -> Value {
    let message = &taken.message;
    let status = if taken.silent { status::PENDING_ACCEPTED } else { taken.status };
    json!({
        "messageId": message.id, "destination": message.to, "sender": message.sender,
        "sentAt": date(taken.at), "doneAt": date(taken.at), "messageCount": parts(&message.text),
        "mccMnc": "null", "price": { "pricePerMessage": 0.01, "currency": "EUR" },
        "status": status::status(status), "error": status::error(taken.error),
        "content": { "text": message.text },
    })
}

fn date(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3f%z").to_string()
}

/// How many text messages a text is; everything outside ASCII counts as foreign, which is close enough here.
fn parts(text: &str) -> usize {
    let (length, single, each) =
        if text.is_ascii() { (text.len(), 160, 153) } else { (text.encode_utf16().count(), 70, 67) };
    if length <= single { 1 } else { length.div_ceil(each) }
}

/// Whether the query asks for this message: by id (repeated, or separated by commas), or for all.
fn named(query: &[(String, String)], taken: &Taken) -> bool {
    let mut ids =
        query.iter().filter(|(name, _)| name == "messageId").flat_map(|(_, value)| value.split(',')).peekable();
    ids.peek().is_none() || ids.any(|id| id == taken.message.id)
}

fn limit(query: &[(String, String)]) -> usize {
    query.iter().find(|(name, _)| name == "limit").and_then(|(_, value)| value.parse().ok()).unwrap_or(PAGE)
}

/// The error envelope of the channel: newer interfaces have one shape, WhatsApp the older other.
fn refusal(channel: Channel, status: StatusCode, violations: &[(String, String)]) -> Response {
    let reason = status.canonical_reason().unwrap_or("Error");
    let body = match channel {
        Channel::Sms => json!({
            "errorCode": format!("E{}", status.as_u16()), "description": reason, "action": "Check the request.",
            "violations": violations.iter().map(|(property, violation)| json!({ "property": property, "violation": violation }))
                .collect::<Vec<Value>>(),
            "resources": [],
        }),
        Channel::WhatsApp => {
            let mut exception = json!({ "messageId": reason.replace(' ', "_").to_uppercase(), "text": reason });
            for (property, violation) in violations {
                exception["validationErrors"][property] = json!([violation]);
            }
            json!({ "requestError": { "serviceException": exception } })
        }
    };
    answer(status, &body)
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    response.body(Body::from(body.to_string())).expect("a status and one fixed header make a response")
}
