//! Personal tokens: `Authorization: Bearer ppt_…`, for the API alone.
//!
//! A token has 238 random bits and is found by its digest, so nothing is remembered between calls and nothing has to be
//! forgotten: whoever was deactivated, and whatever was revoked or has expired, is out with the next call.

use crate::app::tokens;
use crate::domain::token::PersonalToken;
use crate::domain::user::User;
use crate::web::Web;
use crate::web::error::WebError;
use axum::http::HeaderValue;

/// What came as a bearer, if that is the scheme.
pub fn token(authorization: &HeaderValue) -> Option<&str> {
    let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token and its owner; all that is wrong with one reads the same.
pub async fn owner(web: &Web, text: &str) -> Result<(PersonalToken, User), WebError> {
    let text = text.to_owned();
    let found = web.read(move |read| tokens::owner_of(read, &text)).await?;
    let (token, user) = found.ok_or(WebError::Unauthorized { realm: "PagerPal" })?;
    web.seen.note_token(web, &token);
    Ok((token, user))
}
