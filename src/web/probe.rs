//! `GET /health/stream`: how `pagerpal doctor --online` sees whether live updates pass a proxy as they are written.
//!
//! A command asks at the control socket for a word that opens it once, within a minute; to everybody else there is nothing here.
//! So nobody can hold connections with it, and whoever hears the stream knows that the address leads to this very process.

use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::hex::hex;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::QueryFields;
use crate::web::live::Streamed;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Between the first event and the last. Whoever hears nothing for most of it has something on the way that collects.
pub const PAUSE: Duration = Duration::from_secs(5);
const GOOD_SECS: i64 = 60;

/// The word that opens the stream, while somebody wants to hear it.
#[derive(Default)]
pub struct Probe(Mutex<Option<(String, Timestamp)>>);

impl Probe {
    /// A new word; the one before opens nothing any more.
    pub fn open(&self, random: [u8; 16], now: Timestamp) -> String {
        let word = hex(&random);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((word.clone(), now));
        word
    }

    fn take(&self, word: &str, now: Timestamp) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.take_if(|(known, _)| known == word).is_some_and(|(_, since)| now.secs_since(since) < GOOD_SECS)
    }
}

pub async fn stream(State(web): State<Arc<Web>>, query: QueryFields) -> Result<Response, WebError> {
    if !web.probe.take(query.text("word"), web.app.now()) {
        return Err(Refusal::not_found("stream").into());
    }
    let (out, body) = mpsc::channel(1);
    tokio::spawn(async move {
        let says = |text: &'static str| out.send(Bytes::from_static(text.as_bytes()));
        if says("event: first\ndata:\n\n").await.is_ok() {
            tokio::time::sleep(PAUSE).await;
            // Whoever heard the first one may be gone.
            let _ = says("event: last\ndata:\n\n").await;
        }
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::new(Streamed(body))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_opens_once_and_within_a_minute() {
        let (probe, now) = (Probe::default(), Timestamp::from_second(1_780_000_000));
        let word = probe.open([1; 16], now);
        assert!(!probe.take("", now) && !probe.take("other", now));
        assert!(probe.take(&word, now.plus_secs(59)) && !probe.take(&word, now));
        let late = probe.open([2; 16], now);
        assert!(!probe.take(&late, now.plus_secs(60)));
    }
}
