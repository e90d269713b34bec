//! The one table of routes, and the router made of it and of nothing else.
//!
//! A row says who may call; the guard that stands before its handler enforces it, before a body is read or anything is
//! looked up. HEAD answers wherever GET does, other methods of a listed path answer 405, unlisted paths 404.

use crate::web::api::{
    alert_sources, audit, contact_methods, deeds, escalation_policies, fairness, feeds, heartbeats, imports, incidents,
    ladder, logins, maintenance, me, notification_rules, notifications, on_call, rotation_preview, rotations,
    schedules, sessions, settings, system, teams, timeline, tokens, users,
};
use crate::web::callback::infobip;
use crate::web::error::WebError;
use crate::web::guard::{Guarded, guard};
use crate::web::{Web, calendar, health, layers, pings, problems, ui, webhooks};
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
    /// Whoever knows the ping address of a heartbeat, by GET as well as by POST; the handler checks the token in the path
    /// and reads the body itself.
    Ping,
}

pub struct RouteSpec {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    /// The longest body that is read, in bytes.
    pub body_limit: usize,
    /// Whether a session's password must have been given in the last ten minutes.
    pub proof: bool,
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

    pub fn delete<T: 'static>(path: &'static str, access: Access, handler: impl Handler<T, Arc<Web>>) -> RouteSpec {
        RouteSpec::new(Method::DELETE, path, access, on(MethodFilter::DELETE, handler))
    }

    fn new(method: Method, path: &'static str, access: Access, handler: MethodRouter<Arc<Web>>) -> RouteSpec {
        let body_limit = body_limit(path);
        RouteSpec { method, path, access, body_limit, proof: false, handler }
    }

    /// For what opens new doors or could lock others out: a browser left open is not enough.
    pub fn proved(self) -> RouteSpec {
        RouteSpec { proof: true, ..self }
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
        RouteSpec::get("/calendar/{token}", Link, calendar::get),

        RouteSpec::post("/api/v1/webhooks/{kind}", SourceKey, webhooks::receive),
        RouteSpec::put("/api/v1/webhooks/{kind}", SourceKey, webhooks::receive),

        RouteSpec::post("/api/v1/webhooks/heartbeat/{name}", SourceKey, pings::by_key),
        RouteSpec::put("/api/v1/webhooks/heartbeat/{name}", SourceKey, pings::by_key),
        RouteSpec::post("/api/v1/webhooks/heartbeat/{name}/{word}", SourceKey, pings::by_key_saying),
        RouteSpec::put("/api/v1/webhooks/heartbeat/{name}/{word}", SourceKey, pings::by_key_saying),
        RouteSpec::get("/ping/{token}", Ping, pings::by_address),
        RouteSpec::post("/ping/{token}", Ping, pings::by_address),
        RouteSpec::get("/ping/{token}/{word}", Ping, pings::by_address_saying),
        RouteSpec::post("/ping/{token}/{word}", Ping, pings::by_address_saying),
        RouteSpec::post("/api/v1/callbacks/infobip/{token}/{kind}", Link, infobip::receive),

        RouteSpec::get("/api/v1/incidents", Viewer, incidents::list),
        RouteSpec::get("/api/v1/incidents/{reference}", Viewer, incidents::one),
        RouteSpec::post("/api/v1/incidents/{reference}/acknowledge", Responder, deeds::acknowledge),
        RouteSpec::post("/api/v1/incidents/{reference}/unacknowledge", Responder, deeds::unacknowledge),
        RouteSpec::post("/api/v1/incidents/{reference}/snooze", Responder, deeds::snooze),
        RouteSpec::post("/api/v1/incidents/{reference}/resolve", Responder, deeds::resolve),
        RouteSpec::post("/api/v1/incidents/{reference}/reopen", Responder, deeds::reopen),
        RouteSpec::post("/api/v1/incidents/{reference}/escalate", Responder, deeds::escalate),
        RouteSpec::post("/api/v1/incidents/{reference}/reassign", Responder, deeds::reassign),
        RouteSpec::post("/api/v1/incidents/{reference}/severity", Responder, deeds::set_severity),
        RouteSpec::post("/api/v1/incidents/{reference}/notes", Responder, deeds::note),
        RouteSpec::get("/api/v1/incidents/{reference}/timeline", Viewer, timeline::of_incident),
        RouteSpec::get("/api/v1/incidents/{reference}/notifications", Viewer, notifications::of_incident),
        RouteSpec::get("/api/v1/notifications/{id}", Viewer, notifications::one),
        RouteSpec::post("/api/v1/notifications/{id}/retry", Responder, deeds::retry),
        RouteSpec::get("/api/v1/system/jobs", Viewer, system::jobs),
        RouteSpec::get("/api/v1/settings", Viewer, settings::all),
        RouteSpec::get("/api/v1/audit", Admin, audit::list),

        RouteSpec::get("/api/v1/alert-sources", Viewer, alert_sources::list),
        RouteSpec::post("/api/v1/alert-sources", Admin, alert_sources::create).proved(),
        RouteSpec::get("/api/v1/alert-sources/{id}", Viewer, alert_sources::one),
        RouteSpec::put("/api/v1/alert-sources/{id}", Admin, alert_sources::edit),
        RouteSpec::get("/api/v1/alert-sources/{id}/events", Viewer, alert_sources::events),
        RouteSpec::post("/api/v1/alert-sources/{id}/regenerate-key", Admin, alert_sources::regenerate_key).proved(),
        RouteSpec::post("/api/v1/alert-sources/{id}/activate", Admin, alert_sources::activate),
        RouteSpec::post("/api/v1/alert-sources/{id}/deactivate", Admin, alert_sources::deactivate),
        RouteSpec::post("/api/v1/alert-sources/{id}/test-alert", Admin, alert_sources::test_alert),
        RouteSpec::post("/api/v1/alert-sources/{id}/confirm-topic", Admin, alert_sources::confirm_topic),
        RouteSpec::get("/api/v1/heartbeats", Viewer, heartbeats::list),
        RouteSpec::post("/api/v1/heartbeats", Admin, heartbeats::create),
        RouteSpec::get("/api/v1/heartbeats/{id}", Viewer, heartbeats::one),
        RouteSpec::put("/api/v1/heartbeats/{id}", Admin, heartbeats::edit),
        RouteSpec::delete("/api/v1/heartbeats/{id}", Admin, heartbeats::delete),
        RouteSpec::post("/api/v1/heartbeats/{id}/pause", Admin, heartbeats::pause),
        RouteSpec::post("/api/v1/heartbeats/{id}/resume", Admin, heartbeats::resume),
        RouteSpec::post("/api/v1/heartbeats/{id}/renew-address", Admin, heartbeats::renew_address),
        RouteSpec::get("/api/v1/maintenance", Viewer, maintenance::list),
        RouteSpec::post("/api/v1/maintenance", Admin, maintenance::create),
        RouteSpec::get("/api/v1/maintenance/{id}", Viewer, maintenance::one),
        RouteSpec::put("/api/v1/maintenance/{id}", Admin, maintenance::edit),
        RouteSpec::delete("/api/v1/maintenance/{id}", Admin, maintenance::delete),
        RouteSpec::post("/api/v1/maintenance/{id}/end", Admin, maintenance::end),

        RouteSpec::get("/api/v1/me", SelfOnly, me::get),
        RouteSpec::get("/api/v1/me/tokens", SelfOnly, tokens::own),
        RouteSpec::post("/api/v1/me/tokens", SelfOnly, tokens::create).proved(),
        RouteSpec::delete("/api/v1/me/tokens/{token}", SelfOnly, tokens::revoke_own),
        RouteSpec::get("/api/v1/me/sessions", SelfOnly, sessions::own),
        RouteSpec::delete("/api/v1/me/sessions/{session}", SelfOnly, sessions::end_own),
        RouteSpec::post("/api/v1/me/sign-out-everywhere", SelfOnly, sessions::end_all_own),
        RouteSpec::get("/api/v1/users/{id}/tokens", Admin, tokens::of),
        RouteSpec::delete("/api/v1/users/{id}/tokens/{token}", Admin, tokens::revoke),
        RouteSpec::get("/api/v1/users/{id}/sessions", Admin, sessions::of),
        RouteSpec::post("/api/v1/users/{id}/sign-out-everywhere", Admin, sessions::end_all),
        RouteSpec::get("/api/v1/users", Viewer, users::list),
        RouteSpec::post("/api/v1/users", Admin, users::create).proved(),
        RouteSpec::get("/api/v1/users/{id}", Viewer, users::one),
        RouteSpec::put("/api/v1/users/{id}", Admin, users::edit).proved(),
        RouteSpec::post("/api/v1/users/{id}/deactivate", Admin, users::deactivate).proved(),
        RouteSpec::post("/api/v1/users/{id}/reactivate", Admin, users::reactivate).proved(),
        RouteSpec::post("/api/v1/users/{id}/contact-methods", SelfOnly, users::add_contact).proved(),
        RouteSpec::delete("/api/v1/users/{id}/contact-methods/{contact}", SelfOnly, users::remove_contact).proved(),
        RouteSpec::get("/api/v1/users/{id}/contact-methods", Viewer, contact_methods::list),
        RouteSpec::get("/api/v1/users/{id}/contact-methods/{contact}", Viewer, contact_methods::one),
        RouteSpec::put("/api/v1/users/{id}/contact-methods/{contact}", SelfOnly, contact_methods::edit).proved(),
        RouteSpec::post("/api/v1/users/{id}/contact-methods/{contact}/enable", SelfOnly, contact_methods::enable).proved(),
        RouteSpec::post("/api/v1/users/{id}/contact-methods/{contact}/disable", SelfOnly, contact_methods::disable).proved(),
        RouteSpec::post("/api/v1/users/{id}/contact-methods/{contact}/send-code", SelfOnly, contact_methods::send_code).proved(),
        RouteSpec::post("/api/v1/users/{id}/contact-methods/{contact}/verify", SelfOnly, contact_methods::verify).proved(),
        RouteSpec::post("/api/v1/users/{id}/contact-methods/{contact}/send-test", SelfOnly, contact_methods::send_test),
        RouteSpec::get("/api/v1/users/{id}/notification-rules", Viewer, notification_rules::all),
        RouteSpec::get("/api/v1/users/{id}/notification-rules/{urgency}", Viewer, notification_rules::one),
        RouteSpec::put("/api/v1/users/{id}/notification-rules/{urgency}", SelfOnly, notification_rules::set),
        RouteSpec::get("/api/v1/users/{id}/feeds", SelfOnly, feeds::of_user),
        RouteSpec::post("/api/v1/users/{id}/feeds", SelfOnly, feeds::create_of_user),
        RouteSpec::delete("/api/v1/users/{id}/feeds/{feed}", SelfOnly, feeds::delete_of_user),
        RouteSpec::post("/api/v1/users/{id}/remove-login", Admin, logins::remove).proved(),
        RouteSpec::get("/api/v1/teams", Viewer, teams::list),
        RouteSpec::post("/api/v1/teams", Admin, teams::create),
        RouteSpec::get("/api/v1/teams/{id}", Viewer, teams::one),
        RouteSpec::put("/api/v1/teams/{id}", Admin, teams::edit),
        RouteSpec::delete("/api/v1/teams/{id}", Admin, teams::delete),
        RouteSpec::get("/api/v1/escalation-policies", Viewer, escalation_policies::list),
        RouteSpec::post("/api/v1/escalation-policies", Admin, escalation_policies::create),
        RouteSpec::get("/api/v1/escalation-policies/{id}", Viewer, escalation_policies::one),
        RouteSpec::get("/api/v1/escalation-policies/{id}/ladder", Viewer, ladder::get),
        RouteSpec::put("/api/v1/escalation-policies/{id}", Admin, escalation_policies::edit),
        RouteSpec::delete("/api/v1/escalation-policies/{id}", Admin, escalation_policies::delete),
        RouteSpec::get("/api/v1/schedules", Viewer, schedules::list),
        RouteSpec::post("/api/v1/schedules", Admin, schedules::create),
        RouteSpec::get("/api/v1/schedules/{id}", Viewer, schedules::one),
        RouteSpec::put("/api/v1/schedules/{id}", Admin, schedules::edit),
        RouteSpec::delete("/api/v1/schedules/{id}", Admin, schedules::delete),
        RouteSpec::get("/api/v1/schedules/{id}/entries", Viewer, schedules::entries),
        RouteSpec::post("/api/v1/schedules/{id}/entries", Admin, schedules::add_entry),
        RouteSpec::put("/api/v1/schedules/{id}/entries/{entry}", Admin, schedules::edit_entry),
        RouteSpec::delete("/api/v1/schedules/{id}/entries/{entry}", Admin, schedules::remove_entry),
        RouteSpec::get("/api/v1/schedules/{id}/overrides", Viewer, schedules::overrides),
        RouteSpec::post("/api/v1/schedules/{id}/overrides", Admin, schedules::add_override),
        RouteSpec::delete("/api/v1/schedules/{id}/overrides/{override}", Admin, schedules::remove_override),
        RouteSpec::post("/api/v1/schedules/{id}/swaps", Admin, schedules::add_swap),
        RouteSpec::post("/api/v1/schedules/{id}/layers", Admin, rotations::create),
        RouteSpec::put("/api/v1/schedules/{id}/layers/{layer}", Admin, rotations::edit),
        RouteSpec::post("/api/v1/schedules/{id}/layers/{layer}/move", Admin, rotations::place),
        RouteSpec::post("/api/v1/schedules/{id}/layers/preview", Admin, rotation_preview::of_new),
        RouteSpec::post("/api/v1/schedules/{id}/layers/{layer}/preview", Admin, rotation_preview::of_changed),
        RouteSpec::delete("/api/v1/schedules/{id}/layers/{layer}", Admin, rotations::remove),
        RouteSpec::get("/api/v1/schedules/{id}/on-call", Viewer, on_call::of_schedule),
        RouteSpec::get("/api/v1/schedules/{id}/final-schedule", Viewer, on_call::final_schedule),
        RouteSpec::get("/api/v1/schedules/{id}/explain", Viewer, on_call::explain),
        RouteSpec::get("/api/v1/schedules/{id}/gaps", Viewer, on_call::gaps),
        RouteSpec::get("/api/v1/schedules/{id}/fairness", Viewer, fairness::of_schedule),
        RouteSpec::get("/api/v1/schedules/{id}/feeds", Admin, feeds::of_schedule),
        RouteSpec::post("/api/v1/schedules/{id}/feeds", Admin, feeds::create_of_schedule),
        RouteSpec::delete("/api/v1/schedules/{id}/feeds/{feed}", Admin, feeds::delete_of_schedule),
        RouteSpec::get("/api/v1/schedules/{id}/imports", Viewer, imports::list),
        RouteSpec::post("/api/v1/schedules/{id}/imports", Admin, imports::create),
        RouteSpec::get("/api/v1/schedules/{id}/imports/{import}", Viewer, imports::one),
        RouteSpec::put("/api/v1/schedules/{id}/imports/{import}", Admin, imports::edit),
        RouteSpec::delete("/api/v1/schedules/{id}/imports/{import}", Admin, imports::delete),
        RouteSpec::post("/api/v1/schedules/{id}/imports/{import}/use", Admin, imports::use_as),
        RouteSpec::post("/api/v1/schedules/{id}/imports/{import}/detach", Admin, imports::detach),
        RouteSpec::post("/api/v1/schedules/{id}/imports/{import}/refresh", Admin, imports::refresh),
        RouteSpec::get("/api/v1/on-call", Viewer, on_call::everywhere),
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
        let guarded = Guarded { access: row.access, body_limit: row.body_limit, proof: row.proof };
        let guard = from_fn_with_state((Arc::clone(&web), guarded), guard);
        router = router.route(row.path, row.handler.route_layer(guard));
    }
    let router = router
        .fallback(|| async { WebError::NotFound })
        .method_not_allowed_fallback(|| async { WebError::MethodNotAllowed })
        .with_state(Arc::clone(&web));
    layers::around(router, web)
}
