//! The style sheet, the scripts and the drawings, inside the binary.
//!
//! Pages name a file with a part of its digest ([`url`]), so that a browser keeps it for a year and asks for another name
//! when it has changed. A file is packed once, when the first browser asks for one. A page of the version before, still open
//! after an update, asks by its old name and gets what there is now, not to be kept: another style beats none.

use crate::hex::hex;
use crate::web::error::WebError;
use crate::web::{Web, packing};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use rust_embed::{Embed, EmbeddedFile};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

#[derive(Embed)]
#[folder = "assets/static"]
struct Assets;

/// Hexadecimal digits of a digest in a file's address.
const VERSION_DIGITS: usize = 16;

/// For a file that will never be another under this name.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The packed files, by name.
#[derive(Default)]
pub struct Packed(OnceLock<BTreeMap<String, Bytes>>);

impl Packed {
    fn get(&self, name: &str) -> Option<&Bytes> {
        let pack = |name: &str| Some(packing::gzip(&Assets::get(name)?.data, Compression::best()).into());
        let all = || Assets::iter().filter_map(|name| Some((name.to_string(), pack(&name)?))).collect();
        self.0.get_or_init(all).get(name)
    }
}

/// The address of a file of `assets/static`, as pages write it: `/assets/app.1f0c….css`.
///
/// # Panics
/// When there is no such file. Every template that names one is drawn by a test.
pub fn url(name: &str) -> String {
    let file = Assets::get(name).unwrap_or_else(|| panic!("assets/static has no {name}"));
    let (stem, kind) = name.rsplit_once('.').unwrap_or((name, ""));
    format!("/assets/{stem}.{}.{kind}", version(&file))
}

fn version(file: &EmbeddedFile) -> String {
    hex(&file.metadata.sha256_hash()[..VERSION_DIGITS / 2])
}

/// The name without the version, if it has one.
fn without_version(address: &str) -> Option<(String, &str)> {
    let (rest, kind) = address.rsplit_once('.')?;
    let (stem, version) = rest.rsplit_once('.')?;
    let is_version = version.len() == VERSION_DIGITS && version.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_version.then(|| (format!("{stem}.{kind}"), version))
}

pub async fn serve(
    State(web): State<Arc<Web>>,
    Path(address): Path<String>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let (name, asked) = match without_version(&address) {
        Some((name, version)) => (name, Some(version)),
        None => (address.clone(), None),
    };
    let file = Assets::get(&name).ok_or(WebError::NotFound)?;
    let kind = kind_of(&name).ok_or(WebError::NotFound)?;
    let version = version(&file);
    let keep = if asked == Some(version.as_str()) { FOR_EVER } else { "no-cache" };
    let packed = web.packed.get(&name).filter(|_| packing::takes_gzip(&headers));
    let etag = if packed.is_some() { format!("\"{version}-gzip\"") } else { format!("\"{version}\"") };
    let caching = [
        (header::ETAG, etag.clone()),
        (header::CACHE_CONTROL, keep.to_owned()),
        (header::VARY, "Accept-Encoding".to_owned()),
    ];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or("");
    if known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let kind = [(header::CONTENT_TYPE, kind)];
    Ok(match packed {
        Some(bytes) => {
            let coding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            (caching, kind, coding, bytes.clone()).into_response()
        }
        None => (caching, kind, file.data.into_owned()).into_response(),
    })
}

fn kind_of(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_has_a_media_type_and_a_name_that_changes_with_it() {
        for name in Assets::iter() {
            assert!(kind_of(&name).is_some(), "{name}");
            let address = url(&name);
            let (plain, version) = without_version(address.strip_prefix("/assets/").expect("its folder")).expect("one");
            assert_eq!((plain.as_str(), version.len()), (&*name, VERSION_DIGITS));
        }
        assert_eq!(without_version("app.css"), None);
        assert_eq!(without_version("app.min.css"), None);
    }

    /// What travels, and 12 kB and 9 kB are what may.
    #[test]
    fn style_sheet_and_scripts_keep_their_budgets() {
        let packed = Packed::default();
        let travels = |kind: &str| -> usize {
            let of_kind = Assets::iter().filter(|name| name.ends_with(kind)).collect::<Vec<_>>();
            of_kind.iter().map(|name| packed.get(name).expect("it is embedded").len()).sum()
        };
        let (style, scripts) = (travels(".css"), travels(".js"));
        assert!((1..=12 * 1024).contains(&style), "app.css travels as {style} bytes; it may have 12 kB");
        assert!(scripts <= 9 * 1024, "the scripts travel as {scripts} bytes; together they may have 9 kB");
    }
}
