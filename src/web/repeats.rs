//! `Idempotency-Key`: a program that never saw its answer sends the same call again, and nothing is done twice.
//!
//! The guard hands a call with a key to [`once`]. From then on it is *marked*: whatever its handler writes through
//! [`Web::write`](crate::web::Web::write) puts the record of the call into the same transaction, first of all. So no handler
//! can forget it, for there is no other way to write, and no crash can part the change from its mark. The mark travels with
//! the task of the call, because it belongs to the request and to no use case: dozens of handlers would have to hand it on
//! and one would not. That the caller hangs up does not end the task: he is the one who will ask again.
//!
//! A refused call leaves nothing behind. One that failed after its commit (5xx) leaves its mark, and its repetition is
//! told that the change was made. Webhooks know their repetitions by other signs and never come here.

use crate::app::{AppError, Write, repeats, sha256};
use crate::domain::id::Id;
use crate::domain::repeat::{Attempt, KEPT_ANSWER_BYTES, Kept, KeptAnswer, LONGEST_KEY};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Caller, Credential, RawBody};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Headers that are part of an answer; all others belong to one way of it.
const KEPT_HEADERS: [HeaderName; 4] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION, header::LINK];

/// Until the first call with the same key may be over.
const RETRY_AFTER_SECS: u64 = 1;

/// What a row says about repetitions of its calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Repeats {
    /// Its answer shows a secret, which is not kept.
    pub shows_secret: bool,
    /// How many parts at the end of its path are cut to have the address of a GET.
    pub cut: usize,
}

/// Keys of calls that are being worked on.
#[derive(Debug, Default)]
pub struct Running(Mutex<BTreeSet<[u8; 32]>>);

struct Place {
    web: Arc<Web>,
    key_hash: [u8; 32],
}

impl Place {
    fn take(web: &Arc<Web>, key_hash: [u8; 32]) -> Option<Place> {
        let mut keys = web.running.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key_hash).then(|| Place { web: Arc::clone(web), key_hash })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.web.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key_hash);
    }
}

#[derive(Debug)]
struct Mark {
    attempt: Attempt,
    /// Whether something with the mark in it may have been committed.
    written: AtomicBool,
}

tokio::task_local! {
    static MARK: Arc<Mark>;
}

/// The change, with the mark of the call it is part of in the same transaction.
pub fn marked<T>(
    change: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
) -> impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static {
    let mark = MARK.try_with(Arc::clone).ok();
    move |tx| {
        let Some(mark) = &mark else { return change(tx) };
        repeats::begin(tx, &mark.attempt)?;
        let answer = change(tx)?;
        mark.written.store(true, Ordering::Relaxed);
        Ok(answer)
    }
}

/// Runs the call, unless it has been: then its answer is given again.
pub async fn once(web: Arc<Web>, row: Repeats, request: Request, next: Next) -> Result<Response, WebError> {
    let Some(key) = key_of(request.headers())? else { return Ok(next.run(request).await) };
    let attempt = attempt(&web, row, &request, key)?;
    let Some(place) = Place::take(&web, attempt.key_hash) else {
        return Err(WebError::StillRunning { retry_after_secs: RETRY_AFTER_SECS });
    };
    let asked = attempt.clone();
    if let Some(answer) = web.read(move |read| repeats::earlier(read, &asked)).await? {
        return Ok(again(answer));
    }
    let mark = Arc::new(Mark { attempt, written: AtomicBool::new(false) });
    let call = tokio::spawn(async move {
        let answer = MARK.scope(Arc::clone(&mark), next.run(request)).await;
        // Held until the answer is kept, so that a repetition finds it.
        let Place { web, .. } = &place;
        kept(web, &mark, answer).await
    });
    match call.await {
        Ok(answer) => answer,
        Err(ended) if ended.is_panic() => resume_unwind(ended.into_panic()),
        Err(_) => Err(WebError::Unavailable),
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<&str>, WebError> {
    let mut sent = headers.get_all(KEY).iter();
    let Some(key) = sent.next() else { return Ok(None) };
    let is_key = |key: &&str| (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    match key.to_str().ok().filter(is_key) {
        Some(key) if sent.next().is_none() => Ok(Some(key)),
        _ => Err(WebError::BadRequest("An Idempotency-Key is one text of 1 to 255 visible ASCII characters.")),
    }
}

fn attempt(web: &Web, row: Repeats, request: &Request, key: &str) -> Result<Attempt, WebError> {
    let found = (request.extensions().get::<Caller>(), request.extensions().get::<RawBody>());
    let (Some(caller), Some(RawBody(body))) = found else {
        return Err(WebError::Internal("a call without a caller or a body has come to its repetitions".to_owned()));
    };
    let credential = match caller.credential {
        Credential::Session(id) => id.to_string(),
        Credential::Basic => "basic".to_owned(),
        Credential::Token(id) => id.to_string(),
    };
    let path = request.uri().path();
    let address = request.uri().path_and_query().map_or(path, |address| address.as_str());
    let look_at = (0..row.cut).fold(path, |path, _| path.rsplit_once('/').map_or(path, |(start, _)| start));
    let digest = |parts: [&[u8]; 3]| {
        let framed = parts.iter().flat_map(|part| [&(part.len() as u64).to_be_bytes(), *part].concat());
        sha256(&framed.collect::<Vec<u8>>())
    };
    Ok(Attempt {
        key_hash: digest([&caller.user.id.number().to_be_bytes(), credential.as_bytes(), key.as_bytes()]),
        user: caller.user.id,
        request_hash: digest([request.method().as_str().as_bytes(), address.as_bytes(), body]),
        attempt: web.app.random_bytes(),
        shows_secret: row.shows_secret,
        look_at: look_at.to_owned(),
    })
}

/// Hands the answer on, and writes down what a repetition will hear.
async fn kept(web: &Web, mark: &Mark, answer: Response) -> Result<Response, WebError> {
    let (status, attempt) = (answer.status(), mark.attempt.clone());
    if status.is_server_error() {
        return Ok(answer);
    }
    if !status.is_success() {
        if mark.written.load(Ordering::Relaxed) {
            warn_of(web.write(move |tx| repeats::free(tx, &attempt)).await);
        }
        return Ok(answer);
    }
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|error| WebError::Internal(error.to_string()))?;
    let left = if attempt.shows_secret {
        Kept::NeverShown
    } else if body.len() > KEPT_ANSWER_BYTES {
        Kept::TooLong
    } else {
        Kept::Whole(KeptAnswer { status: status.as_u16(), headers: kept_headers(&parts.headers), body: body.to_vec() })
    };
    // The change is on disk and the caller is told so, whether or not a repetition can be told the same.
    warn_of(web.write(move |tx| repeats::keep(tx, &attempt, &left)).await);
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn warn_of(written: Result<(), WebError>) {
    if let Err(error) = written {
        tracing::warn!(?error, "what a call with an Idempotency-Key came to could not be kept");
    }
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = |name: &HeaderName| Some((name.to_string(), headers.get(name)?.to_str().ok()?.to_owned()));
    KEPT_HEADERS.iter().filter_map(kept).collect()
}

fn again(answer: KeptAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
