//! The one table of routes, and the router made of it and of nothing else.
//!
//! A row says who may call; the guard that stands before its handler enforces it, before a body is read or anything is
//! looked up. HEAD answers wherever GET does, other methods of a listed path answer 405, unlisted paths 404.

use crate::web::api::{incidents, system};
use crate::web::callback::infobip;
use crate::web::error::WebError;
use crate::web::guard::{Guarded, guard};
use crate::web::{Web, health, layers, problems, ui, webhooks};
use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use std::sync::Arc;

/// Credential and least role together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    Public,
    /// Only while no user exists; everyone then.
    Setup,
    Viewer,
    Responder,
    Admin,
    /// Whoever is signed in, for their own things alone.
    SelfOnly,
    /// An active alert source, by its key.
    SourceKey,
    /// Whoever holds the link of a message; the handler checks the token in the path.
    Link,
}

pub struct RouteSpec {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    /// The longest body that is read, in bytes.
    pub body_limit: usize,
    handler: MethodRouter<Arc<Web>>,
}

pub const FORM_BYTES: usize = 16 * 1024;
pub const API_BYTES: usize = 64 * 1024;
pub const WEBHOOK_BYTES: usize = 1024 * 1024;

impl RouteSpec {
    /// A page or a document to look at.
    pub fn get<T: 'static>(path: &'static str, access: Access, handler: impl Handler<T, Arc<Web>>) -> RouteSpec {
        RouteSpec::new(Method::GET, path, access, on(MethodFilter::GET, handler))
    }

    /// A form, an action or an alert.
    pub fn post<T: 'static>(path: &'static str, access: Access, handler: impl Handler<T, Arc<Web>>) -> RouteSpec {
        RouteSpec::new(Method::POST, path, access, on(MethodFilter::POST, handler))
    }

    pub fn put<T: 'static>(path: &'static str, access: Access, handler: impl Handler<T, Arc<Web>>) -> RouteSpec {
        RouteSpec::new(Method::PUT, path, access, on(MethodFilter::PUT, handler))
    }

    fn new(method: Method, path: &'static str, access: Access, handler: MethodRouter<Arc<Web>>) -> RouteSpec {
        let body_limit = body_limit(path);
        RouteSpec { method, path, access, body_limit, handler }
    }
}

fn body_limit(path: &str) -> usize {
    match path {
        path if path.starts_with("/api/v1/webhooks/") || path.starts_with("/api/v1/callbacks/") => WEBHOOK_BYTES,
        path if path.starts_with("/api/") => API_BYTES,
        _ => FORM_BYTES,
    }
}

/// Every route there is: first those of programs, then the pages.
#[rustfmt::skip]
pub fn table() -> Vec<RouteSpec> {
    use Access::*;
    let mut table = vec![
        RouteSpec::get("/health", Public, health::get),
        RouteSpec::get("/problems/{code}", Public, problems::page),

        RouteSpec::post("/api/v1/webhooks/{kind}", SourceKey, webhooks::receive),
        RouteSpec::put("/api/v1/webhooks/{kind}", SourceKey, webhooks::receive),

        RouteSpec::post("/api/v1/callbacks/infobip/{token}/{kind}", Link, infobip::receive),

        RouteSpec::get("/api/v1/incidents", Viewer, incidents::list),
        RouteSpec::get("/api/v1/incidents/{reference}", Viewer, incidents::one),
        RouteSpec::post("/api/v1/incidents/{reference}/acknowledge", Responder, incidents::acknowledge),
        RouteSpec::post("/api/v1/incidents/{reference}/resolve", Responder, incidents::resolve),
        RouteSpec::post("/api/v1/incidents/{reference}/reopen", Responder, incidents::reopen),
        RouteSpec::post("/api/v1/incidents/{reference}/escalate", Responder, incidents::escalate),
        RouteSpec::post("/api/v1/notifications/{id}/retry", Responder, incidents::retry),
        RouteSpec::get("/api/v1/system/jobs", Viewer, system::jobs),
    ];
    table.extend(ui::routes());
    table
}

pub fn router(web: Arc<Web>) -> Router {
    router_of(web, table())
}

/// A router of other rows, for tests that ask what a changed row would let through.
pub fn router_of(web: Arc<Web>, table: Vec<RouteSpec>) -> Router {
    let mut router = Router::new();
    for row in table {
        let guarded = Guarded { access: row.access, body_limit: row.body_limit };
        let guard = from_fn_with_state((Arc::clone(&web), guarded), guard);
        router = router.route(row.path, row.handler.route_layer(guard));
    }
    let router = router
        .fallback(|| async { WebError::NotFound })
        .method_not_allowed_fallback(|| async { WebError::MethodNotAllowed })
        .with_state(Arc::clone(&web));
    layers::around(router, web)
}
