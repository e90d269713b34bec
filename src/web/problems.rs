//! `/problems/{code}`: what the `type` of an API error leads to.

use crate::web::error::WebError;
use crate::web::ui;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Html;

pub async fn page(Path(code): Path<String>) -> Result<Html<String>, WebError> {
    let is_code = (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if !is_code {
        return Err(WebError::NotFound);
    }
    let sentence = match code.as_str() {
        "unavailable" => {
            "PagerPal could not do this: it cannot save, too many are waiting, or it is stopping. Nothing was changed. \
             Wait as long as Retry-After says and send it again."
        }
        "internal" => {
            "A fault inside PagerPal. Nothing was changed. The cause is in its log under the answer's request_id."
        }
        "unauthorized" => "No credential that is known here. Send an email and password as Basic credentials.",
        "forbidden" => {
            "The credential is good, but its role, or a rule about where requests come from, does not allow this. The \
             answer's detail says which."
        }
        "too_many_requests" => "Too many calls, or too many passwords were tried. Wait as long as Retry-After says.",
        _ => "The answer's detail says what is wrong and what to do about it; errors[].pointer names the member.",
    };
    Ok(Html(ui::error_page(StatusCode::OK, &format!("Problem: {code}"), sentence)))
}
