//! The whole document: one operation per row under `/api/`, with what the row itself promises.

use super::Sketch;
use crate::domain::repeat::LONGEST_KEY;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::openapi::DescribeOutput;
use crate::web::repeats::Repeats;
use crate::web::routes::{self, Access, Call, RouteSpec};
use axum::extract::State;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Public: it says what there is, which the source says as well, and nothing about this installation.
pub async fn serve(State(_): State<Arc<Web>>) -> Result<Published, WebError> {
    Ok(Published)
}

/// The document as an answer.
pub struct Published;

impl IntoResponse for Published {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], document(&routes::table()).to_string()).into_response()
    }
}

impl DescribeOutput for Published {
    fn describe(sketch: &mut Sketch<'_>) {
        let content = json!({"application/json": {"schema": {"type": "object"}}});
        sketch.answers.insert(200, json!({"description": "This document.", "content": content}));
    }
}

/// RFC 9457, with what ours have besides.
#[derive(Serialize, JsonSchema)]
#[allow(dead_code, reason = "describes what `WebError` writes")]
struct Problem {
    /// The page that explains it, `/problems/{code}`.
    r#type: String,
    title: String,
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What happened and what to do next.
    detail: String,
    /// What the log calls this request.
    request_id: String,
    /// The members that are not acceptable; with 422 only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ProblemError>,
}

#[derive(Serialize, JsonSchema)]
#[allow(dead_code, reason = "describes what `Complaint` writes")]
struct ProblemError {
    /// RFC 6901; empty for the body as a whole.
    pointer: String,
    code: String,
    detail: String,
}

pub fn document(table: &[RouteSpec]) -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut inputs = settings.clone().into_generator();
    let mut outputs = settings.for_serialize().into_generator();
    outputs.subschema_for::<Problem>();
    let mut paths = Map::new();
    for (row, call) in table.iter().filter_map(|row| Some((row, row.call?))) {
        let described = described(row, &call, &mut inputs, &mut outputs);
        let path = paths.entry(row.path).or_insert_with(|| json!({}));
        path[row.method.as_str().to_ascii_lowercase()] = described;
    }
    let schemas = merged(inputs.take_definitions(true), outputs.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "PagerPal",
            "version": "1",
            "description": "What programs may ask and change. Times are RFC 3339, durations end in _seconds, ids are \
                opaque. Errors are application/problem+json, and their type leads to a page that explains them. A thing \
                that has a version answers an ETag, which a change of it sends back as If-Match.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": security_schemes()},
    })
}

/// A shape that is sent as well as answered is described as it may be sent, which allows what is answered. Two different
/// shapes of one name would hide one another.
fn merged(inputs: Map<String, Value>, outputs: Map<String, Value>) -> Map<String, Value> {
    let names = |schema: &Value| schema["properties"].as_object().map(|all| all.keys().cloned().collect::<Vec<_>>());
    for (name, schema) in &inputs {
        let other = outputs.get(name).unwrap_or(schema);
        assert_eq!(names(schema), names(other), "two shapes are called {name}: give one of them another name");
    }
    let mut all = outputs;
    all.extend(inputs);
    all
}

fn security_schemes() -> Value {
    json!({
        "basic": {"type": "http", "scheme": "basic", "description": "Mail address and password."},
        "bearer": {"type": "http", "scheme": "bearer", "description": "A personal token."},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-pagerpal",
            "description": "The session of a browser. Changes send its token as X-CSRF-Token.",
        },
        "source": {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": "The key of an alert source; it opens the addresses for alerts and nothing else.",
        },
    })
}

fn described(row: &RouteSpec, call: &Call, inputs: &mut SchemaGenerator, outputs: &mut SchemaGenerator) -> Value {
    let mut sketch = Sketch::new(inputs, outputs);
    (call.describe)(&mut sketch);
    let changes = row.method != Method::GET;
    let names: Vec<&str> = parameters_of(row.path).collect();
    assert_eq!(names.len(), sketch.path.len(), "{}: its handler reads other parameters than its path has", row.path);
    let mut parameters: Vec<Value> = names
        .iter()
        .zip(&sketch.path)
        .map(|(name, schema)| json!({"name": name, "in": "path", "required": true, "schema": schema}))
        .collect();
    parameters.append(&mut sketch.parameters);
    let etag = sketch.answers.get(&200).is_some_and(|answer| answer["headers"].get("ETag").is_some());
    if !changes && etag {
        sketch.answers_nothing(304, "It is what If-None-Match names.");
        parameters.push(json!({
            "name": "If-None-Match",
            "in": "header",
            "description": "An ETag of before: what is still the same is not sent again.",
            "schema": {"type": "string"},
        }));
    }
    if let Some(repeats) = row.repeats {
        describe_repeats(&mut sketch, &mut parameters, repeats);
    }
    let mut answers = sketch.answers;
    for status in problems_of(row, sketch.needs_version, !names.is_empty()) {
        answers.entry(status).or_insert_with(|| usual_problem(status));
    }
    let responses: Map<String, Value> =
        answers.into_iter().map(|(status, answer)| (status.to_string(), answer)).collect();
    let mut described = json!({
        "operationId": operation_id(row),
        "tags": [tag(row.path)],
        "summary": call.summary,
        "description": least(row),
        "security": security(row.access),
        "responses": responses,
    });
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if let Some(body) = sketch.body.filter(|_| changes) {
        described["requestBody"] = body;
    }
    described
}

fn describe_repeats(sketch: &mut Sketch<'_>, parameters: &mut Vec<Value>, repeats: Repeats) {
    let description = if repeats.shows_secret {
        "Names this call for 24 hours, so that it is made once however often it is sent. Its answer shows a secret and is \
         not kept: a repetition gets 409 answer_not_kept."
    } else {
        "Names this call for 24 hours, so that it is made once however often it is sent: a repetition gets the same answer."
    };
    parameters.push(json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": description,
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
    }));
    let made: Vec<u16> = sketch.answers.keys().copied().filter(|status| (200..300).contains(status)).collect();
    for status in made.into_iter().filter(|_| !repeats.shows_secret) {
        let says = "true, if this is the answer to an earlier call with the same Idempotency-Key.";
        sketch.answer_header(status, "Idempotent-Replayed", says, false);
    }
    let mut conflict = problem(
        409,
        "Something stands in the way, the first call with this Idempotency-Key is not over, or its answer is not there any \
         more.",
    );
    conflict["headers"] = json!({"Retry-After": {"schema": {"type": "integer"}}});
    let reused = "A value is not acceptable, and errors names each; or the Idempotency-Key belongs to another request.";
    sketch.answers.extend([(409, conflict), (422, problem(422, reused))]);
}

fn parameters_of(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// `put_schedules_by_id_layers_by_layer`: from the address, so that moving a function inside changes nothing outside.
fn operation_id(row: &RouteSpec) -> String {
    let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(parameter) => format!("by_{parameter}"),
        None => part.replace(['-', '.'], "_"),
    };
    let parts = row.path.trim_start_matches("/api/").trim_start_matches("v1/").split('/').map(part);
    let words: Vec<String> = std::iter::once(row.method.as_str().to_ascii_lowercase()).chain(parts).collect();
    words.join("_")
}

fn tag(path: &str) -> &str {
    path.trim_start_matches("/api/").trim_start_matches("v1/").split('/').next().unwrap_or(path)
}

fn least(row: &RouteSpec) -> String {
    let who = match row.access {
        Access::Public | Access::Setup => "For everybody.",
        Access::Viewer => "For everybody who is signed in.",
        Access::Responder => "For responders and admins.",
        Access::Admin => "For admins.",
        Access::SelfOnly => "For everybody who is signed in, about their own things; for admins, about everybody's.",
        Access::SourceKey => "For the alert source whose key it is.",
        Access::Link | Access::Ping => "For whoever holds the address: its secret part is the credential.",
    };
    let limit =
        if row.method == Method::GET { String::new() } else { format!(" Bodies up to {} bytes.", row.body_limit) };
    format!("{who}{limit}")
}

fn security(access: Access) -> Value {
    match access {
        Access::Public | Access::Setup | Access::Link | Access::Ping => json!([]),
        Access::SourceKey => json!([{"source": []}]),
        _ => json!([{"basic": []}, {"bearer": []}, {"session": []}]),
    }
}

fn problems_of(row: &RouteSpec, needs_version: bool, has_path: bool) -> Vec<u16> {
    let is_person =
        !matches!(row.access, Access::Public | Access::Setup | Access::SourceKey | Access::Link | Access::Ping);
    let mut statuses = vec![400, 408, 500, 503];
    if is_person || row.access == Access::SourceKey {
        statuses.extend([401, 403]);
    }
    if is_person {
        statuses.extend([422, 429]);
    }
    if has_path {
        statuses.push(404);
    }
    if row.method != Method::GET {
        statuses.extend([403, 413]);
        if is_person {
            statuses.extend([404, 409, 415]);
        }
    }
    if row.access == Access::SourceKey {
        statuses.extend([422, 429]);
    }
    if needs_version {
        statuses.extend([412, 428]);
    }
    statuses
}

fn usual_problem(status: u16) -> Value {
    let description = match status {
        400 => "The request cannot be read: not JSON, or a parameter that is unknown or of another type.",
        401 => "No credential, or none that is known.",
        403 => "The role, or a rule about where requests come from, does not allow it.",
        404 => "There is no such thing.",
        408 => "The body did not arrive in time.",
        409 => "Something stands in the way.",
        412 => "It has changed since the caller looked.",
        413 => "The body is too long.",
        415 => "The body is not application/json.",
        422 => "A value is not acceptable; errors names each.",
        428 => "If-Match is missing.",
        429 => "Too many requests; Retry-After says how long to wait.",
        503 => "PagerPal cannot do this right now; Retry-After says how long to wait.",
        _ => "A fault inside PagerPal.",
    };
    problem(status, description)
}

fn problem(status: u16, description: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    let mut problem = json!({
        "description": description,
        "content": {"application/problem+json": {"schema": schema}},
    });
    let header = match status {
        401 => Some(("WWW-Authenticate", "string")),
        429 | 503 => Some(("Retry-After", "integer")),
        _ => None,
    };
    if let Some((name, kind)) = header {
        problem["headers"] = json!({name: {"schema": {"type": kind}}});
    }
    problem
}
