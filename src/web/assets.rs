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

    /// Red, green and blue of `name`, in the light theme and in the dark one.
    fn colours(css: &str, name: &str) -> [[f64; 3]; 2] {
        let rule = format!("{name}: light-dark(");
        let start = css.find(&rule).unwrap_or_else(|| panic!("{name} has a light and a dark colour")) + rule.len();
        let pair = css[start..].split(')').next().expect("split gives one at least");
        let colour = |text: &str| {
            let digits = text.trim().trim_start_matches('#');
            let wide =
                if digits.len() == 3 { digits.chars().flat_map(|c| [c, c]).collect() } else { digits.to_owned() };
            [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&wide[at..at + 2], 16).expect("a hexadecimal colour")))
        };
        let (light, dark) = pair.split_once(',').expect("two colours");
        [colour(light), colour(dark)]
    }

    /// WCAG 2.2, "contrast ratio".
    fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
        let luminance = |colour: [f64; 3]| {
            let linear = colour.map(|part| {
                let part = part / 255.0;
                if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
            });
            0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        };
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn text_and_controls_stand_out_from_every_ground_they_may_be_on() {
        let file = Assets::get("app.css").expect("pages name it");
        let css = std::str::from_utf8(&file.data).expect("UTF-8");
        let check = |ink: &str, grounds: &[&str], at_least: f64| {
            for ground in grounds {
                for (ink_colour, ground_colour) in colours(css, ink).into_iter().zip(colours(css, ground)) {
                    let ratio = contrast(ink_colour, ground_colour);
                    assert!(ratio >= at_least, "{ink} on {ground}: {ratio:.2}, and it needs {at_least}");
                }
            }
        };
        let grounds = ["--bg", "--surface", "--surface-2"];
        check("--ctl", &grounds, 3.0);
        for ink in ["--text", "--text-2", "--text-3", "--accent", "--crit", "--error", "--warn", "--info", "--ok"] {
            check(ink, &grounds, 4.5);
        }
        for (ink, ground) in [
            ("--accent", "--accent-soft"),
            ("--accent-ink", "--accent"),
            ("--crit", "--crit-soft"),
            ("--warn", "--warn-soft"),
            ("--ok", "--ok-soft"),
            ("--mute", "--mute-soft"),
        ] {
            check(ink, &[ground], 4.5);
        }
        let white = [255.0; 3];
        assert!(colours(css, "--crit-solid").into_iter().all(|red| contrast(white, red) >= 4.5));
    }
}
