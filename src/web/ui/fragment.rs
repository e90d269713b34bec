//! Parts of pages for scripts. A script asks for a page, or sends one of its forms, with `X-Fragment` and the name of a block;
//! the answer is that block of the same template. Whoever does not ask gets the page.

use crate::web::error::WebError;
use crate::web::ui;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rinja::Template;
use std::convert::Infallible;

/// The header that names the block, in the request and in the answer.
pub const X_FRAGMENT: HeaderName = HeaderName::from_static("x-fragment");

/// What is inside of a page's frame, without the strips.
const MAIN: &str = "main";

/// What a script wants to have back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fragment {
    /// No script asks, or it asks for a block that nobody has.
    Page,
    Main,
    /// That it was done, and nothing else: the script looks at its own page.
    Nothing,
}

impl<S: Sync> FromRequestParts<S> for Fragment {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Fragment, Infallible> {
        Ok(match parts.headers.get(X_FRAGMENT).map(HeaderValue::as_bytes) {
            Some(b"main") => Fragment::Main,
            Some(b"none") => Fragment::Nothing,
            _ => Fragment::Page,
        })
    }
}

/// The page, or its block `main`, whichever was asked for.
pub fn answer(
    fragment: Fragment,
    status: StatusCode,
    page: &impl Template,
    main: &impl Template,
) -> Result<Response, WebError> {
    let mut response = match fragment {
        Fragment::Page => ui::page(status, page)?,
        Fragment::Main | Fragment::Nothing => block(status, MAIN, main)?,
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("X-Fragment"));
    Ok(response)
}

/// A part that answers by itself.
pub fn block(status: StatusCode, name: &'static str, part: &impl Template) -> Result<Response, WebError> {
    let mut response = ui::page(status, part)?;
    response.headers_mut().insert(X_FRAGMENT, HeaderValue::from_static(name));
    Ok(response)
}

pub fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
