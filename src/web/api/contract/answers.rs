//! Answers that carry a version: `ETag: "v17"` is what `If-Match` of the next change has to name.

use crate::app::sha256;
use crate::hex::hex;
use crate::web::openapi::{DescribeOutput, Sketch};
use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use std::borrow::Cow;

/// 200 with a thing of which every member is part of its record: the version is the whole tag.
#[derive(Debug)]
pub struct Versioned<T>(pub u64, pub T);

/// 200 with a thing that also shows members of others, such as names. The tag tells these apart, too: `"v17.0f3a…"`.
/// For `If-Match` only the version counts.
#[derive(Debug)]
pub struct Composed<T>(pub u64, pub T);

/// 201 with the address of what was made, and the thing itself.
#[derive(Debug)]
pub struct Created<T> {
    pub location: String,
    /// `None` for what has no version of its own.
    pub version: Option<u64>,
    pub made: T,
}

/// An answer with a member that is a [`Revealed`]: it is not kept, so a repetition of the call does not hear it again.
#[derive(Debug)]
pub struct ShownOnce<A>(pub A);

/// A key, token or secret address in the one answer that shows it. What has one is answered as a [`ShownOnce`].
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Revealed(pub String);

impl<A: IntoResponse> IntoResponse for ShownOnce<A> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        tagged(&format!("v{}", self.0), Json(self.1).into_response())
    }
}

impl<T: Serialize> IntoResponse for Composed<T> {
    fn into_response(self) -> Response {
        let document = serde_json::to_vec(&self.1).unwrap_or_default();
        let digest = hex(&sha256(&document)[..8]);
        tagged(&format!("v{}.{digest}", self.0), Json(self.1).into_response())
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let answer = (StatusCode::CREATED, [(header::LOCATION, self.location)], Json(self.made)).into_response();
        match self.version {
            Some(version) => tagged(&format!("v{version}"), answer),
            None => answer,
        }
    }
}

fn tagged(tag: &str, mut answer: Response) -> Response {
    if let Ok(value) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        answer.headers_mut().insert(header::ETAG, value);
    }
    answer
}

/// Instead of an answer that the caller has already: 304, with the headers and without the document.
pub fn not_modified(known: &HeaderMap, answer: Response) -> Response {
    let has = |name: HeaderName| known.get(name).and_then(|value| value.to_str().ok());
    let (Some(known), Some(tag)) = (has(header::IF_NONE_MATCH), answer.headers().get(header::ETAG)) else {
        return answer;
    };
    let tag = tag.to_str().unwrap_or_default();
    let is_known = known.split(',').map(|text| text.trim().trim_start_matches("W/")).any(|t| t == "*" || t == tag);
    if answer.status() != StatusCode::OK || !is_known {
        return answer;
    }
    let (mut parts, _) = answer.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::empty())
}

impl<T: JsonSchema> DescribeOutput for Versioned<T> {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.answers_tagged::<T>(200, "The thing as it is now.");
    }
}

impl<T: JsonSchema> DescribeOutput for Composed<T> {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.answers_tagged::<T>(200, "The thing as it is now.");
    }
}

impl<T: JsonSchema> DescribeOutput for Created<T> {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.answers_tagged::<T>(201, "It was made.");
        sketch.answer_header(201, "Location", "The address of what was made.", true);
    }
}

impl<A: DescribeOutput> DescribeOutput for ShownOnce<A> {
    const SHOWS_SECRET: bool = true;

    fn describe(sketch: &mut Sketch<'_>) {
        A::describe(sketch);
    }
}

impl JsonSchema for Revealed {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Revealed".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "x-shown-once": true})
    }
}
