//! What the arguments and answers that are not of the contract's own say about themselves.

use crate::domain::id::Id;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Caller, FromSource, JsonBody, PathId, PathIds, RawBody, SignedIn};
use crate::web::openapi::{DescribeInput, DescribeOutput, Sketch};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde_json::{Value, json};
use std::sync::Arc;

macro_rules! says_nothing {
    ($($type:ty)*) => {$(
        impl DescribeInput for $type {
            fn describe(_: &mut Sketch<'_>) {}
        }
    )*};
}

// The row says which credential is needed, and the document takes it from there.
says_nothing! { State<Arc<Web>> Caller SignedIn FromSource HeaderMap }

/// `usr_1k`.
fn id_schema<T: Id>() -> Value {
    json!({"type": "string", "pattern": format!("^{}_[0-9a-hjkmnp-tv-z]{{1,13}}$", T::PREFIX)})
}

fn text_schema() -> Value {
    json!({"type": "string", "minLength": 1})
}

impl<T: Id> DescribeInput for PathId<T> {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.path_text(id_schema::<T>());
    }
}

impl<A: Id, B: Id> DescribeInput for PathIds<A, B> {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.path_text(id_schema::<A>());
        sketch.path_text(id_schema::<B>());
    }
}

impl DescribeInput for Path<String> {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.path_text(text_schema());
    }
}

impl DescribeInput for Path<(String, String)> {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.path_text(text_schema());
        sketch.path_text(text_schema());
    }
}

impl<T: JsonSchema> DescribeInput for JsonBody<T> {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.json_body::<T>();
    }
}

impl DescribeInput for RawBody {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.free_body();
    }
}

impl DescribeInput for Request {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.free_body();
    }
}

impl<T: DescribeOutput> DescribeOutput for Result<T, WebError> {
    const SHOWS_SECRET: bool = T::SHOWS_SECRET;

    fn describe(sketch: &mut Sketch<'_>) {
        T::describe(sketch);
    }
}

impl<T: JsonSchema> DescribeOutput for Json<T> {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.answers::<T>(200, "It worked.");
    }
}

/// Handlers answer a bare status where nothing is left to show.
impl DescribeOutput for StatusCode {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.answers_nothing(204, "It was done, and there is nothing to show.");
    }
}

/// 200 and nothing else, as providers want it.
impl DescribeOutput for () {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.answers_nothing(200, "It was taken.");
    }
}
