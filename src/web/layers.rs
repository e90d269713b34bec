//! What surrounds every response, whoever made it: a request id, security headers, errors in words, and a panic that
//! ends one request and nothing else.

use crate::bridge::panic_text;
use crate::domain::preferences::{Preferences, Theme};
use crate::hex::hex;
use crate::web::address::{Client, Peer};
use crate::web::error::{Audience, WebError};
use crate::web::{Web, emergency, origin, packing};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

/// What one request is called in the log and in the answer, so that both can be found.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// What the guard found out about whoever asks, for a page that has to do without it.
#[derive(Clone, Debug, Default)]
pub struct Found(Arc<OnceLock<Preferences>>);

impl Found {
    pub fn note(&self, preferences: Preferences) {
        self.0.get_or_init(|| preferences);
    }

    fn theme(&self) -> Theme {
        self.0.get().map_or(Theme::System, |preferences| preferences.theme)
    }
}

pub fn around(router: Router, web: Arc<Web>) -> Router {
    router.layer(from_fn_with_state(web, outermost))
}

async fn outermost(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let request_id = format!("req_{}", hex(&web.app.random_bytes::<8>()));
    // Only a request that came over no connection has no peer: then nobody vouches for it.
    let nobody = Peer { address: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0), is_tls: false };
    let peer = request.extensions().get::<Peer>().copied().unwrap_or(nobody);
    let client = Client::of(peer, request.headers(), &*web.settings.is_trusted_proxy);
    let is_https = client.is_https;
    let audience = Audience::of(request.uri().path());
    let origin = cors_origin(request.headers(), audience, &web);
    let closed = emergency::closed(&web, &client, request.uri().path());
    request.extensions_mut().insert(client);
    let found = Found::default();
    request.extensions_mut().insert(found.clone());
    request.extensions_mut().insert(RequestId(request_id.clone()));

    let (method, takes_gzip) = (request.method().clone(), packing::takes_gzip(request.headers()));
    let is_preflight = request.method() == Method::OPTIONS && origin.is_some();
    let response = match closed {
        _ if is_preflight => StatusCode::NO_CONTENT.into_response(),
        Some(error) => error.into_response(),
        None => unwound(request, next).await,
    };
    let response = match response.extensions().get::<Arc<WebError>>() {
        Some(error) => error.render(audience, &request_id, found.theme()),
        None => response,
    };
    let mut response = packing::page(&method, takes_gzip, response).await;
    let headers = response.headers_mut();
    add_security_headers(headers, is_https);
    if let Some(origin) = origin {
        add_cors_headers(headers, origin, is_preflight);
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert("x-request-id", value);
    }
    response
}

/// The handler's answer, or a 500 if it panicked.
async fn unwound(request: Request, next: Next) -> Response {
    let mut answer = Box::pin(next.run(request));
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(panic) => {
            Poll::Ready(WebError::Internal(format!("a handler panicked: {}", panic_text(&*panic))).into_response())
        }
    })
    .await
}

/// Nothing inline, nothing from elsewhere, no frames, no text that becomes script.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const ALWAYS: &[(&str, &str)] = &[
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    // Not `no-referrer`: that makes browsers send `Origin: null` with our own forms, which are then refused.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", ""),
];

fn add_security_headers(headers: &mut HeaderMap, is_https: bool) {
    // With the request's id, and what the server adds: to grow on the way costs more than all of them.
    headers.reserve(ALWAYS.len() + 6);
    for (name, value) in ALWAYS {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    if is_https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000"));
    }
    // Only what says of itself that it may be kept, such as a style sheet, is kept.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// The origin that may read this answer although it is not ours.
fn cors_origin(headers: &HeaderMap, audience: Audience, web: &Web) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let is_listed = origin.to_str().is_ok_and(|text| origin::is_allowed(text, &web.settings));
    (audience == Audience::Program && is_listed).then(|| origin.clone())
}

/// No cookies: another site's page brings a credential of its own.
fn add_cors_headers(headers: &mut HeaderMap, origin: HeaderValue, is_preflight: bool) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    let own = if is_preflight {
        [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, idempotency-key, if-match"),
        ]
        .as_slice()
    } else {
        &[(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "etag, idempotent-replayed, link, location, retry-after, x-request-id",
        )]
    };
    for (name, value) in own {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
