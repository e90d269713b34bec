//! Makes answers smaller where the browser can undo it: gzip.
//!
//! Only pages that were asked for by GET are packed, and the files of [`assets`](super::assets). Never the stream of facts,
//! which would wait in the packer, and never what a POST answers: a key that is shown once stands there beside words from
//! elsewhere, and the size of a packed page tells whether two of its parts are alike. The one secret that every page has is
//! the token of its forms, and that is masked anew in each answer ([`Token::masked`](super::session::Token::masked)).

use axum::body::{Body, HttpBody, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// Below this a packet is sent either way.
const WORTH_BYTES: u64 = 1200;

/// Whether the answer may come as gzip. A quality of zero means no.
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let is_refused = parts.any(|part| {
            let quality = part.strip_prefix("q=").or(part.strip_prefix("Q="));
            quality.is_some_and(|quality| quality.parse::<f32>().is_ok_and(|quality| quality <= 0.0))
        });
        is_gzip && !is_refused
    })
}

pub fn gzip(bytes: &[u8], effort: Compression) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), effort);
    packer.write_all(bytes).expect("memory takes every byte");
    packer.finish().expect("memory takes every byte")
}

/// A page as the browser that asked wants it. What is no page, or too small to matter, stays as it is.
pub async fn page(method: &Method, takes_gzip: bool, response: Response) -> Response {
    let is_page = response.status() == StatusCode::OK
        && method == Method::GET
        && response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_page {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if !takes_gzip || body.size_hint().exact().is_none_or(|bytes| bytes < WORTH_BYTES) {
        return Response::from_parts(parts, body);
    }
    // Its length is known, so it was drawn whole: its body is memory and cannot break off.
    let bytes = to_bytes(body, usize::MAX).await.expect("a body in memory is read to its end");
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(gzip(&bytes, Compression::fast())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_by_whoever_says_so() {
        let check = |said: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, said.parse().expect("a header value"));
            assert_eq!(takes_gzip(&headers), expected, "{said}");
        };
        check("gzip, deflate, br, zstd", true);
        check("br;q=1.0, GZIP;q=0.8", true);
        check("gzip;q=0", false);
        check("gzip; q=0.000, identity", false);
        check("br, x-gzipped", false);
        check("*", false);
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn pages_are_packed_and_nothing_else_is() {
        let answer = |status: u16, kind: &str, bytes: usize| {
            let response = Response::builder().status(status).header(header::CONTENT_TYPE, kind);
            response.body(Body::from("a".repeat(bytes))).expect("an answer")
        };
        let check = async |method: Method, takes: bool, response: Response, expected: (bool, bool)| {
            let at = format!("{method} {response:?}");
            let packed = page(&method, takes, response).await;
            let found =
                (packed.headers().contains_key(header::CONTENT_ENCODING), packed.headers().contains_key("vary"));
            assert_eq!(found, expected, "{at}");
        };
        check(Method::GET, true, answer(200, "text/html; charset=utf-8", 5000), (true, true)).await;
        check(Method::GET, false, answer(200, "text/html; charset=utf-8", 5000), (false, true)).await;
        check(Method::GET, true, answer(200, "text/html; charset=utf-8", 50), (false, true)).await;
        // A key shown once stands in such an answer.
        check(Method::POST, true, answer(200, "text/html; charset=utf-8", 5000), (false, false)).await;
        check(Method::GET, true, answer(200, "text/event-stream", 5000), (false, false)).await;
        check(Method::GET, true, answer(422, "text/html; charset=utf-8", 5000), (false, false)).await;
    }
}
