//! `If-Match`: which version the caller has seen. The check itself is the transaction's, see [`Expected::check`].

use crate::domain::expected::Expected;
use crate::web::error::WebError;
use crate::web::openapi::{DescribeInput, Sketch};
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

/// 428 without the header. `*` stands for whatever it is now.
#[derive(Clone, Debug)]
pub struct IfMatch(pub Expected);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, WebError> {
        let mut texts = parts.headers.get_all(header::IF_MATCH).iter().peekable();
        texts.peek().ok_or(WebError::MissingVersion)?;
        let tags: Vec<&str> = texts.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')).collect();
        Ok(IfMatch(expected(&tags)))
    }
}

/// A tag that was not made here names no version, and so never matches.
fn expected(tags: &[&str]) -> Expected {
    if tags.iter().any(|tag| tag.trim() == "*") {
        return Expected::Any;
    }
    let version = |tag: &&str| {
        let inner = tag.trim().strip_prefix("\"v")?.strip_suffix('"')?;
        inner.split('.').next()?.parse().ok()
    };
    Expected::OneOf(tags.iter().filter_map(version).collect())
}

impl DescribeInput for IfMatch {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.needs_version();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_a_version_and_a_star_any() {
        assert_eq!(expected(&["\"v17\""]), Expected::OneOf(vec![17]));
        assert_eq!(expected(&["\"v17.0f3a\"", " \"v2\""]), Expected::OneOf(vec![17, 2]));
        assert_eq!(expected(&["*"]), Expected::Any);
        assert_eq!(expected(&["W/\"v17\"", "v17", "\"x\"", ""]), Expected::OneOf(vec![]));
    }
}
