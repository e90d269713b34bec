//! Every failure of the web layer, and the one place where it becomes a status and words.
//!
//! A handler returns a [`WebError`]; its response carries only the status and the error itself. The outermost layer
//! knows whether a browser or a program asked, and writes the page or the problem document (RFC 9457). What is our own
//! fault is logged there, once, with the request's id; the reader is told that id and nothing of the inside.

use crate::app::AppError;
use crate::bridge::Crossing;
use crate::domain::preferences::Theme;
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::web::{problems, ui};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;
use std::sync::Arc;

#[derive(Debug)]
pub enum WebError {
    /// A rule of the product said no.
    Refused(Refusal),
    /// Values of a body are not acceptable, and this is all that is wrong with it as far as it was looked at.
    Invalid(Vec<Complaint>),
    /// Our own trouble, and worth trying again: the store cannot commit, a queue is full, we are shutting down.
    Unavailable,
    /// The database is not open; the reason, if whoever asks may know it.
    NotOpen {
        reason: Option<String>,
    },
    /// It could not be saved, but nobody is called about the incident any more.
    NotSaved,
    /// As many passwords wait to be looked at as may wait. Paging has threads of its own.
    Busy,
    NotFound,
    /// A page was asked for without a session: on to `/login`, and back to this path afterwards.
    SignIn {
        next: String,
    },
    /// No credential, or none that is known.
    Unauthorized {
        realm: &'static str,
    },
    /// The sentence says what is missing.
    Forbidden(&'static str),
    /// The request cannot be read; the sentence says why.
    BadRequest(&'static str),
    /// As [`WebError::BadRequest`], with a sentence that names what it is about.
    Unreadable(String),
    /// A change of something that has a version came without `If-Match`.
    MissingVersion,
    MethodNotAllowed,
    /// The body did not arrive in time.
    Timeout,
    /// The body is over the limit of this route, in bytes.
    TooLarge {
        limit: usize,
    },
    /// The body is not of a type that is read here.
    Unsupported,
    /// Too many tries.
    TooMany {
        retry_after_secs: u64,
    },
    /// The first call with the same Idempotency-Key is not over.
    StillRunning {
        retry_after_secs: u64,
    },
    /// A bug or damage. The text is for the log only.
    Internal(String),
}

/// One value that is not acceptable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Complaint {
    /// RFC 6901: `/levels/1/number`; empty if it is about the body as a whole.
    pub pointer: String,
    pub code: &'static str,
    pub detail: String,
}

impl Complaint {
    pub fn of(refusal: &Refusal) -> Complaint {
        let pointer = refusal.field.map(|field| format!("/{field}")).unwrap_or_default();
        Complaint { pointer, code: refusal.code, detail: refusal.sentence.clone() }
    }

    /// The same about a member that lies inside of another.
    pub fn inside(self, member: &str) -> Complaint {
        if member.is_empty() { self } else { Complaint { pointer: format!("/{member}{}", self.pointer), ..self } }
    }

    fn json(&self) -> serde_json::Value {
        json!({ "pointer": self.pointer, "code": self.code, "detail": self.detail })
    }
}

impl From<Refusal> for Complaint {
    fn from(refusal: Refusal) -> Complaint {
        Complaint::of(&refusal)
    }
}

/// Who reads the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    Browser,
    Program,
}

impl Audience {
    pub fn of(path: &str) -> Audience {
        let is_program = path.starts_with("/api/") || path.starts_with("/ping/") || path == "/health";
        if is_program { Audience::Program } else { Audience::Browser }
    }
}

/// Seconds after which our own trouble may be over.
pub const RETRY_AFTER_SECS: u64 = 5;

/// What people read who come while too many passwords are looked at.
pub const BUSY: &str = "Busy: try again in a few seconds. Pages still go out.";

/// What people read before the database is open.
pub const NOT_OPEN: &str = "PagerPal cannot open its database. Senders of alerts are told to try again, and whoever was on call \
    is called from memory. The link of a message still takes its incident.";

/// What people read who take an incident while nothing can be saved.
pub const NOT_SAVED: &str = "Noted, but not saved: PagerPal cannot write. Nobody is called about this incident any more, and \
    it is written down as soon as that works. If PagerPal ends before, it is forgotten.";

impl WebError {
    pub fn status(&self) -> StatusCode {
        match self {
            WebError::Refused(refusal) => match refusal.kind {
                RefusalKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
                RefusalKind::Conflict => StatusCode::CONFLICT,
                RefusalKind::Stale => StatusCode::PRECONDITION_FAILED,
                RefusalKind::Forbidden => StatusCode::FORBIDDEN,
                RefusalKind::NotFound => StatusCode::NOT_FOUND,
            },
            WebError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            WebError::MissingVersion => StatusCode::PRECONDITION_REQUIRED,
            WebError::Unavailable | WebError::NotOpen { .. } | WebError::NotSaved | WebError::Busy => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            WebError::NotFound => StatusCode::NOT_FOUND,
            WebError::SignIn { .. } => StatusCode::SEE_OTHER,
            WebError::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            WebError::Forbidden(_) => StatusCode::FORBIDDEN,
            WebError::BadRequest(_) | WebError::Unreadable(_) => StatusCode::BAD_REQUEST,
            WebError::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            WebError::Timeout => StatusCode::REQUEST_TIMEOUT,
            WebError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            WebError::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            WebError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            WebError::StillRunning { .. } => StatusCode::CONFLICT,
            WebError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Stable, for programs; also the last part of the problem's `type`.
    pub fn code(&self) -> &'static str {
        match self {
            WebError::Refused(refusal) => refusal.code,
            WebError::Invalid(complaints) => complaints.first().map_or("bad_request", |complaint| complaint.code),
            WebError::MissingVersion => "if_match_missing",
            WebError::Unavailable | WebError::NotOpen { .. } | WebError::Busy => "unavailable",
            WebError::NotSaved => "not_saved",
            WebError::NotFound => "not_found",
            WebError::SignIn { .. } | WebError::Unauthorized { .. } => "unauthorized",
            WebError::Forbidden(_) => "forbidden",
            WebError::BadRequest(_) | WebError::Unreadable(_) => "bad_request",
            WebError::MethodNotAllowed => "method_not_allowed",
            WebError::Timeout => "timeout",
            WebError::TooLarge { .. } => "too_large",
            WebError::Unsupported => "unsupported_media_type",
            WebError::TooMany { .. } => "too_many_requests",
            WebError::StillRunning { .. } => "idempotency_key_running",
            WebError::Internal(_) => "internal",
        }
    }

    /// A few words that are the same for every problem of the kind.
    fn title(&self) -> &'static str {
        match self.status() {
            StatusCode::UNPROCESSABLE_ENTITY => "A value is not acceptable",
            StatusCode::CONFLICT => "Something stands in the way",
            StatusCode::PRECONDITION_FAILED => "It has changed since you looked",
            StatusCode::PRECONDITION_REQUIRED => "Say which version you have seen",
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::UNAUTHORIZED | StatusCode::SEE_OTHER => "Sign in first",
            StatusCode::SERVICE_UNAVAILABLE => "PagerPal cannot do this right now",
            StatusCode::BAD_REQUEST => "This request cannot be read",
            StatusCode::METHOD_NOT_ALLOWED => "This address takes other methods",
            StatusCode::REQUEST_TIMEOUT => "The request did not arrive in time",
            StatusCode::PAYLOAD_TOO_LARGE => "The request is too large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "This media type is not read here",
            StatusCode::TOO_MANY_REQUESTS => "Too many requests",
            _ => "Something went wrong inside PagerPal",
        }
    }

    /// What happened and what to do next.
    fn sentence(&self) -> String {
        match self {
            WebError::Refused(refusal) => refusal.sentence.clone(),
            WebError::Invalid(complaints) => match complaints.as_slice() {
                [one] => one.detail.clone(),
                several => format!("{} members are not acceptable; errors says which and why.", several.len()),
            },
            WebError::Unreadable(sentence) => sentence.clone(),
            WebError::MissingVersion => {
                "Read the thing first, and send its ETag as If-Match with the change, so that nobody overwrites what he \
                 has not seen. If-Match: * changes it whatever it is."
                    .into()
            }
            WebError::NotSaved => NOT_SAVED.into(),
            WebError::NotOpen { .. } => NOT_OPEN.into(),
            WebError::Unavailable => {
                "Nothing was changed. Try again in a few seconds; if it stays so, ask your operator to look at /health."
                    .into()
            }
            WebError::Busy => BUSY.into(),
            WebError::NotFound => "There is nothing at this address. It may have been removed.".into(),
            WebError::SignIn { .. } => "Sign in to see this page.".into(),
            WebError::Unauthorized { .. } => "No credential that is known here came with the request.".into(),
            WebError::Forbidden(sentence) | WebError::BadRequest(sentence) => (*sentence).into(),
            WebError::MethodNotAllowed => "The Allow header lists the methods this address takes.".into(),
            WebError::Timeout => "The body must arrive within ten seconds. Send it again.".into(),
            WebError::TooLarge { limit } => format!("At most {limit} bytes are read here."),
            WebError::Unsupported => "Send the body as application/json.".into(),
            WebError::TooMany { retry_after_secs } => format!("Try again in {retry_after_secs} seconds."),
            WebError::StillRunning { retry_after_secs } => format!(
                "The first call with this Idempotency-Key is not over. Send it again in {retry_after_secs} s to hear its answer."
            ),
            WebError::Internal(_) => {
                "Nothing was changed. The cause is in PagerPal's log, under the number of this request.".into()
            }
        }
    }

    /// The whole answer. `request_id` is shown where it helps to find the cause; a page has the colours of `theme`.
    pub fn render(&self, audience: Audience, request_id: &str, theme: Theme) -> Response {
        if let WebError::Internal(cause) = self {
            tracing::error!(request_id, "{cause}");
        }
        let status = self.status();
        let mut response = match (audience, self) {
            (Audience::Browser, WebError::NotOpen { reason }) => {
                (status, Html(ui::emergency_page(NOT_OPEN, reason.as_deref(), theme))).into_response()
            }
            (Audience::Browser, _) => {
                let mut sentence = self.sentence();
                if matches!(self, WebError::Internal(_)) {
                    sentence.push_str(&format!(" ({request_id})"));
                }
                (status, Html(ui::error_page(status, self.title(), &sentence, theme))).into_response()
            }
            (Audience::Program, _) => {
                let problem = self.problem(request_id).to_string();
                (status, [(header::CONTENT_TYPE, "application/problem+json")], problem).into_response()
            }
        };
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, value);
        }
        response
    }

    fn problem(&self, request_id: &str) -> serde_json::Value {
        debug_assert!(
            problems::of(self.code()).is_some(),
            "{} has no page: add it to web/problems/table.rs",
            self.code()
        );
        let mut problem = json!({
            "type": format!("/problems/{}", self.code()),
            "title": self.title(),
            "status": self.status().as_u16(),
            "detail": self.sentence(),
            "request_id": request_id,
        });
        match self {
            WebError::Refused(refusal) if refusal.kind == RefusalKind::Invalid => {
                problem["errors"] = json!([Complaint::of(refusal).json()]);
            }
            WebError::Invalid(complaints) => {
                problem["errors"] = complaints.iter().map(Complaint::json).collect();
            }
            _ => {}
        }
        problem
    }

    fn header(&self) -> Option<(header::HeaderName, HeaderValue)> {
        let text = |text: String| HeaderValue::from_str(&text).ok();
        match self {
            WebError::Unavailable | WebError::NotOpen { .. } | WebError::Busy => {
                Some((header::RETRY_AFTER, RETRY_AFTER_SECS.into()))
            }
            WebError::TooMany { retry_after_secs } | WebError::StillRunning { retry_after_secs } => {
                Some((header::RETRY_AFTER, (*retry_after_secs).into()))
            }
            WebError::Unauthorized { realm } => {
                Some((header::WWW_AUTHENTICATE, text(format!("Basic realm=\"{realm}\""))?))
            }
            WebError::SignIn { next } => {
                let query: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
                Some((header::LOCATION, text(format!("/login?next={query}"))?))
            }
            _ => None,
        }
    }
}

/// The status, and the error for the outermost layer to put into words.
impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl From<Refusal> for WebError {
    fn from(refusal: Refusal) -> WebError {
        WebError::Refused(refusal)
    }
}

impl From<AppError> for WebError {
    fn from(error: AppError) -> WebError {
        match error {
            AppError::Refused(refusal) => WebError::Refused(refusal),
            AppError::Unavailable(_) => WebError::Unavailable,
            AppError::Internal(cause) => WebError::Internal(cause),
        }
    }
}

impl From<Crossing> for WebError {
    fn from(error: Crossing) -> WebError {
        match error {
            Crossing::Full => WebError::Unavailable,
            Crossing::Panicked(what) => WebError::Internal(format!("a job panicked: {what}")),
        }
    }
}
