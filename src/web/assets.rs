//! The style sheet and the drawings, inside the binary.
//!
//! Their names do not change between versions, so a browser asks each time and is mostly told "as you have it".

use crate::web::error::WebError;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::Embed;

#[derive(Embed)]
#[folder = "assets/static"]
struct Assets;

pub async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, WebError> {
    let file = Assets::get(&name).ok_or(WebError::NotFound)?;
    let kind = kind_of(&name).ok_or(WebError::NotFound)?;
    let etag = format!("\"{}\"", crate::app::hex(&file.metadata.sha256_hash()[..16]));
    let caching = [(header::ETAG, etag.clone()), (header::CACHE_CONTROL, "no-cache".to_owned())];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or("");
    if known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    Ok((caching, [(header::CONTENT_TYPE, kind)], file.data.into_owned()).into_response())
}

fn kind_of(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_has_a_media_type_and_the_style_sheet_is_small() {
        for name in Assets::iter() {
            assert!(kind_of(&name).is_some(), "{name}");
        }
        let size = Assets::get("app.css").expect("pages name it").data.len();
        // As it stands in the repository. Style sheets compress to a third, and 12 kB are what may travel.
        assert!(size <= 16 * 1024, "app.css has {size} bytes; it may have 16 kB");
    }
}
