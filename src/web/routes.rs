//! The one table of routes, and the router made of it and of nothing else.
//!
//! A row says who may call; the guard that stands before its handler enforces it, before a body is read or anything is
//! looked up. HEAD answers wherever GET does, other methods of a listed path answer 405, unlisted paths 404.

use crate::web::api::{
    alert_sources, audit, contact_methods, deeds, escalation_policies, fairness, feeds, heartbeats, imports, incidents,
    invitations, ladder, logins, maintenance, me, notification_rules, notifications, on_call, preferences,
    rotation_preview, rotations, schedules, sessions, settings, system, teams, timeline, tokens, users,
};
use crate::web::callback::infobip;
use crate::web::error::WebError;
use crate::web::guard::{Guarded, guard};
use crate::web::openapi::{self, Operation, Sketch};
use crate::web::repeats::Repeats;
use crate::web::{Web, calendar, health, layers, pings, probe, problems, ui, webhooks};
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
    /// Of a row under `/api/`: what the published document says about it.
    pub call: Option<Call>,
    /// Whether a session's password must have been given in the last ten minutes.
    pub proof: bool,
    /// Of a call that may be sent again with its `Idempotency-Key`.
    pub repeats: Option<Repeats>,
    handler: MethodRouter<Arc<Web>>,
}

/// An operation of the API.
#[derive(Clone, Copy)]
pub struct Call {
    /// One sentence, for the document.
    pub summary: &'static str,
    pub describe: fn(&mut Sketch<'_>),
    /// Its answer is the only one that shows a secret.
    pub shows_secret: bool,
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

    pub fn api_get<T: 'static, H: Handler<T, Arc<Web>> + Operation<T>>(
        path: &'static str,
        access: Access,
        handler: H,
        summary: &'static str,
    ) -> RouteSpec {
        RouteSpec { call: Some(call::<T, H>(summary)), ..RouteSpec::get(path, access, handler) }
    }

    pub fn api_post<T: 'static, H: Handler<T, Arc<Web>> + Operation<T>>(
        path: &'static str,
        access: Access,
        handler: H,
        summary: &'static str,
    ) -> RouteSpec {
        RouteSpec { call: Some(call::<T, H>(summary)), ..RouteSpec::post(path, access, handler) }
    }

    pub fn api_put<T: 'static, H: Handler<T, Arc<Web>> + Operation<T>>(
        path: &'static str,
        access: Access,
        handler: H,
        summary: &'static str,
    ) -> RouteSpec {
        RouteSpec { call: Some(call::<T, H>(summary)), ..RouteSpec::put(path, access, handler) }
    }

    pub fn api_delete<T: 'static, H: Handler<T, Arc<Web>> + Operation<T>>(
        path: &'static str,
        access: Access,
        handler: H,
        summary: &'static str,
    ) -> RouteSpec {
        RouteSpec { call: Some(call::<T, H>(summary)), ..RouteSpec::delete(path, access, handler) }
    }

    fn new(method: Method, path: &'static str, access: Access, handler: MethodRouter<Arc<Web>>) -> RouteSpec {
        let body_limit = body_limit(path);
        RouteSpec { method, path, access, body_limit, proof: false, call: None, repeats: None, handler }
    }

    /// For what opens new doors or could lock others out: a browser left open is not enough.
    pub fn proved(self) -> RouteSpec {
        RouteSpec { proof: true, ..self }
    }
}

fn call<T, H: Operation<T>>(summary: &'static str) -> Call {
    Call { summary, describe: <H as Operation<T>>::describe, shows_secret: H::SHOWS_SECRET }
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
        RouteSpec::get("/health/stream", Public, probe::stream),
        RouteSpec::get("/problems", Public, problems::all),
        RouteSpec::get("/problems/{code}", Public, problems::page),
        RouteSpec::get("/calendar/{token}", Link, calendar::get),

        RouteSpec::api_get("/api/docs", Public, openapi::reference, "The API for people to read."),
        RouteSpec::api_get("/api/v1/openapi.json", Public, openapi::serve, "The API for programs to read: this document."),

        RouteSpec::api_post("/api/v1/webhooks/{kind}", SourceKey, webhooks::receive, "An alert, in the words of the tool that sends it."),
        RouteSpec::api_put("/api/v1/webhooks/{kind}", SourceKey, webhooks::receive, "As POST, for tools that put."),

        RouteSpec::api_post("/api/v1/webhooks/heartbeat/{name}", SourceKey, pings::by_key, "A sign of life, or an alert of a tool that has only one address."),
        RouteSpec::api_put("/api/v1/webhooks/heartbeat/{name}", SourceKey, pings::by_key, "As POST, for tools that put."),
        RouteSpec::api_post("/api/v1/webhooks/heartbeat/{name}/{word}", SourceKey, pings::by_key_saying, "The outcome of a run: fail, or an exit code."),
        RouteSpec::api_put("/api/v1/webhooks/heartbeat/{name}/{word}", SourceKey, pings::by_key_saying, "As POST, for tools that put."),
        RouteSpec::get("/ping/{token}", Ping, pings::by_address),
        RouteSpec::post("/ping/{token}", Ping, pings::by_address),
        RouteSpec::get("/ping/{token}/{word}", Ping, pings::by_address_saying),
        RouteSpec::post("/ping/{token}/{word}", Ping, pings::by_address_saying),
        RouteSpec::api_post("/api/v1/callbacks/infobip/{token}/{kind}", Link, infobip::receive, "What the provider reports: receipts, and messages from people."),

        RouteSpec::api_get("/api/v1/incidents", Viewer, incidents::list, "Incidents: the open ones first, of each status the newest first."),
        RouteSpec::api_get("/api/v1/incidents/{reference}", Viewer, incidents::one, "One incident by number or id: what it says, and who was told."),
        RouteSpec::api_post("/api/v1/incidents/{reference}/acknowledge", Responder, deeds::acknowledge, "Takes an incident on: nobody else is paged."),
        RouteSpec::api_post("/api/v1/incidents/{reference}/unacknowledge", Responder, deeds::unacknowledge, "Gives an incident back: paging goes on."),
        RouteSpec::api_post("/api/v1/incidents/{reference}/snooze", Responder, deeds::snooze, "Sets an incident aside until later; then it pages again."),
        RouteSpec::api_post("/api/v1/incidents/{reference}/resolve", Responder, deeds::resolve, "Ends an incident."),
        RouteSpec::api_post("/api/v1/incidents/{reference}/reopen", Responder, deeds::reopen, "Opens a resolved incident again."),
        RouteSpec::api_post("/api/v1/incidents/{reference}/escalate", Responder, deeds::escalate, "Calls the next level, or the one that is named, now."),
        RouteSpec::api_post("/api/v1/incidents/{reference}/reassign", Responder, deeds::reassign, "Hands an incident to people, or to another escalation policy."),
        RouteSpec::api_post("/api/v1/incidents/{reference}/severity", Responder, deeds::set_severity, "Sets how bad an incident is."),
        RouteSpec::api_post("/api/v1/incidents/{reference}/notes", Responder, deeds::note, "Writes a note into the timeline."),
        RouteSpec::api_get("/api/v1/incidents/{reference}/timeline", Viewer, timeline::of_incident, "Everything that happened to an incident, in its order."),
        RouteSpec::api_get("/api/v1/incidents/{reference}/notifications", Viewer, notifications::of_incident, "Who was told of an incident, why, and every attempt; the newest first."),
        RouteSpec::api_get("/api/v1/notifications/{id}", Viewer, notifications::one, "One notification, with every attempt."),
        RouteSpec::api_post("/api/v1/notifications/{id}/retry", Responder, deeds::retry, "Sends a message that failed once more: those of its deliveries that failed or ran out of tries."),
        RouteSpec::api_get("/api/v1/system/jobs", Viewer, system::jobs, "What each worker does, and what the channels last said."),
        RouteSpec::api_get("/api/v1/system/backups", Viewer, system::backups, "The automatic backups: when the last was taken, and whether the newest could be restored."),
        RouteSpec::api_post("/api/v1/system/resume", Admin, system::resume, "Ends the wait of the incidents that a restore holds: they page at once."),
        RouteSpec::api_get("/api/v1/settings", Viewer, settings::all, "How this machine is configured, without a secret."),
        RouteSpec::api_get("/api/v1/audit", Admin, audit::list, "Who changed what, the newest first."),

        RouteSpec::api_get("/api/v1/alert-sources", Viewer, alert_sources::list, "Where alerts come from."),
        RouteSpec::api_post("/api/v1/alert-sources", Admin, alert_sources::create, "Makes an alert source; its key is in this answer alone.").proved(),
        RouteSpec::api_get("/api/v1/alert-sources/{id}", Viewer, alert_sources::one, "One alert source, without its key."),
        RouteSpec::api_put("/api/v1/alert-sources/{id}", Admin, alert_sources::edit, "Changes an alert source."),
        RouteSpec::api_get("/api/v1/alert-sources/{id}/events", Viewer, alert_sources::events, "What an alert source sent lately, the newest first."),
        RouteSpec::api_post("/api/v1/alert-sources/{id}/regenerate-key", Admin, alert_sources::regenerate_key, "Gives an alert source another key, which is in this answer alone; the old one is dead.").proved(),
        RouteSpec::api_post("/api/v1/alert-sources/{id}/activate", Admin, alert_sources::activate, "Hears an alert source again."),
        RouteSpec::api_post("/api/v1/alert-sources/{id}/deactivate", Admin, alert_sources::deactivate, "Refuses what an alert source sends."),
        RouteSpec::api_post("/api/v1/alert-sources/{id}/test-alert", Admin, alert_sources::test_alert, "Sends an alert by the real way, marked as a test."),
        RouteSpec::api_put("/api/v1/alert-sources/{id}/signing", Admin, alert_sources::sign, "Asks for Grafana's signature beside the key.").proved(),
        RouteSpec::api_delete("/api/v1/alert-sources/{id}/signing", Admin, alert_sources::sign_no_more, "Asks for no signature any more.").proved(),
        RouteSpec::api_post("/api/v1/alert-sources/{id}/confirm-topic", Admin, alert_sources::confirm_topic, "Lets an SNS topic that has asked send here."),
        RouteSpec::api_get("/api/v1/heartbeats", Viewer, heartbeats::list, "Jobs that report that they ran."),
        RouteSpec::api_post("/api/v1/heartbeats", Admin, heartbeats::create, "Makes a heartbeat; its ping address is in this answer alone."),
        RouteSpec::api_get("/api/v1/heartbeats/{id}", Viewer, heartbeats::one, "One heartbeat, without its ping address."),
        RouteSpec::api_put("/api/v1/heartbeats/{id}", Admin, heartbeats::edit, "Changes how often a heartbeat is expected."),
        RouteSpec::api_delete("/api/v1/heartbeats/{id}", Admin, heartbeats::delete, "Deletes a heartbeat."),
        RouteSpec::api_post("/api/v1/heartbeats/{id}/pause", Admin, heartbeats::pause, "Misses nothing of a heartbeat until an instant."),
        RouteSpec::api_post("/api/v1/heartbeats/{id}/resume", Admin, heartbeats::resume, "Ends a pause early."),
        RouteSpec::api_post("/api/v1/heartbeats/{id}/renew-address", Admin, heartbeats::renew_address, "Gives a heartbeat another ping address, which is in this answer alone; the old one is dead."),
        RouteSpec::api_get("/api/v1/maintenance", Viewer, maintenance::list, "Windows and silences: what runs or is to come, then what is over."),
        RouteSpec::api_post("/api/v1/maintenance", Admin, maintenance::create, "Enters a window or a silence."),
        RouteSpec::api_get("/api/v1/maintenance/{id}", Viewer, maintenance::one, "One window or silence."),
        RouteSpec::api_put("/api/v1/maintenance/{id}", Admin, maintenance::edit, "Changes a window or a silence."),
        RouteSpec::api_delete("/api/v1/maintenance/{id}", Admin, maintenance::delete, "Deletes a window; one that runs ends, and one that is over stays."),
        RouteSpec::api_post("/api/v1/maintenance/{id}/end", Admin, maintenance::end, "Ends what runs of a window."),

        RouteSpec::api_get("/api/v1/me", SelfOnly, me::get, "Who is calling, with what, and what that may do."),
        RouteSpec::api_get("/api/v1/me/preferences", SelfOnly, preferences::get, "How pages look to whoever calls."),
        RouteSpec::api_put("/api/v1/me/preferences", SelfOnly, preferences::set, "Sets how pages look to whoever calls, and their time zone."),
        RouteSpec::api_put("/api/v1/me/password", SelfOnly, me::change_password, "Changes one's own password; every other sign-in ends."),
        RouteSpec::api_get("/api/v1/me/tokens", SelfOnly, tokens::own, "One's own personal tokens."),
        RouteSpec::api_post("/api/v1/me/tokens", SelfOnly, tokens::create, "Makes a personal token, which this answer alone shows.").proved(),
        RouteSpec::api_delete("/api/v1/me/tokens/{token}", SelfOnly, tokens::revoke_own, "Revokes a token of one's own."),
        RouteSpec::api_get("/api/v1/me/sessions", SelfOnly, sessions::own, "Where one is signed in with a browser."),
        RouteSpec::api_delete("/api/v1/me/sessions/{session}", SelfOnly, sessions::end_own, "Ends a session of one's own."),
        RouteSpec::api_post("/api/v1/me/sign-out-everywhere", SelfOnly, sessions::end_all_own, "Ends all of one's own sessions but the one that asks."),
        RouteSpec::api_get("/api/v1/users/{id}/tokens", Admin, tokens::of, "The personal tokens of somebody."),
        RouteSpec::api_delete("/api/v1/users/{id}/tokens/{token}", Admin, tokens::revoke, "Revokes a token of somebody."),
        RouteSpec::api_get("/api/v1/users/{id}/sessions", Admin, sessions::of, "Where somebody is signed in with a browser."),
        RouteSpec::api_post("/api/v1/users/{id}/sign-out-everywhere", Admin, sessions::end_all, "Ends all sessions of somebody."),
        RouteSpec::api_get("/api/v1/users", Viewer, users::list, "All people, by name."),
        RouteSpec::api_post("/api/v1/users", Admin, users::create, "Makes a user without a login: somebody who is paged.").proved(),
        RouteSpec::api_get("/api/v1/users/{id}", Viewer, users::one, "One user."),
        RouteSpec::api_put("/api/v1/users/{id}", Admin, users::edit, "Changes a user; contact methods and password stay.").proved(),
        RouteSpec::api_post("/api/v1/users/{id}/deactivate", Admin, users::deactivate, "No session, no page and no claim on a schedule from now on.").proved(),
        RouteSpec::api_post("/api/v1/users/{id}/reactivate", Admin, users::reactivate, "Claims on schedules count again from now.").proved(),
        RouteSpec::api_post("/api/v1/users/{id}/contact-methods", SelfOnly, contact_methods::add, "Adds a phone number or mail address.").proved(),
        RouteSpec::api_delete("/api/v1/users/{id}/contact-methods/{contact}", SelfOnly, contact_methods::remove, "Removes a contact method; the version is the user's.").proved(),
        RouteSpec::api_get("/api/v1/users/{id}/contact-methods", Viewer, contact_methods::list, "How a person is reached."),
        RouteSpec::api_get("/api/v1/users/{id}/contact-methods/{contact}", Viewer, contact_methods::one, "One contact method."),
        RouteSpec::api_put("/api/v1/users/{id}/contact-methods/{contact}", SelfOnly, contact_methods::edit, "Gives a contact method another address.").proved(),
        RouteSpec::api_post("/api/v1/users/{id}/contact-methods/{contact}/enable", SelfOnly, contact_methods::enable, "Switches a contact method on.").proved(),
        RouteSpec::api_post("/api/v1/users/{id}/contact-methods/{contact}/disable", SelfOnly, contact_methods::disable, "Switches a contact method off.").proved(),
        RouteSpec::api_post("/api/v1/users/{id}/contact-methods/{contact}/send-code", SelfOnly, contact_methods::send_code, "Sends the code that proves whose contact method this is.").proved(),
        RouteSpec::api_post("/api/v1/users/{id}/contact-methods/{contact}/verify", SelfOnly, contact_methods::verify, "Proves whose contact method this is, by the code that was sent.").proved(),
        RouteSpec::api_post("/api/v1/users/{id}/contact-methods/{contact}/send-test", SelfOnly, contact_methods::send_test, "Sends a message to see whether it arrives."),
        RouteSpec::api_get("/api/v1/users/{id}/notification-rules", Viewer, notification_rules::all, "In which order a person is reached."),
        RouteSpec::api_get("/api/v1/users/{id}/notification-rules/{urgency}", Viewer, notification_rules::one, "In which order a person is reached for one urgency."),
        RouteSpec::api_put("/api/v1/users/{id}/notification-rules/{urgency}", SelfOnly, notification_rules::set, "Says in which order a person is reached for one urgency."),
        RouteSpec::api_get("/api/v1/users/{id}/feeds", SelfOnly, feeds::of_user, "Links to a person's own calendar."),
        RouteSpec::api_post("/api/v1/users/{id}/feeds", SelfOnly, feeds::create_of_user, "Makes a link to one's own calendar; its address is in this answer alone."),
        RouteSpec::api_delete("/api/v1/users/{id}/feeds/{feed}", SelfOnly, feeds::delete_of_user, "Revokes a link to a person's own calendar."),
        RouteSpec::api_post("/api/v1/users/{id}/invitation", Admin, invitations::create, "Makes the link by which somebody chooses a password; it is in this answer alone, works once and ends an older one.").proved(),
        RouteSpec::api_post("/api/v1/users/{id}/remove-login", Admin, logins::remove, "Takes a login away; pages go on.").proved(),
        RouteSpec::api_get("/api/v1/teams", Viewer, teams::list, "All teams, by name."),
        RouteSpec::api_post("/api/v1/teams", Admin, teams::create, "Makes a team."),
        RouteSpec::api_get("/api/v1/teams/{id}", Viewer, teams::one, "One team."),
        RouteSpec::api_put("/api/v1/teams/{id}", Admin, teams::edit, "Changes a team and who is in it."),
        RouteSpec::api_delete("/api/v1/teams/{id}", Admin, teams::delete, "Removes a team that nothing uses."),
        RouteSpec::api_get("/api/v1/escalation-policies", Viewer, escalation_policies::list, "All escalation policies, by name."),
        RouteSpec::api_post("/api/v1/escalation-policies", Admin, escalation_policies::create, "Makes an escalation policy with its levels."),
        RouteSpec::api_get("/api/v1/escalation-policies/{id}", Viewer, escalation_policies::one, "One escalation policy."),
        RouteSpec::api_get("/api/v1/escalation-policies/{id}/ladder", Viewer, ladder::get, "Who would be woken, when and how."),
        RouteSpec::api_put("/api/v1/escalation-policies/{id}", Admin, escalation_policies::edit, "Changes an escalation policy as a whole; open incidents follow."),
        RouteSpec::api_delete("/api/v1/escalation-policies/{id}", Admin, escalation_policies::delete, "Removes an escalation policy that nothing uses."),
        RouteSpec::api_get("/api/v1/schedules", Viewer, schedules::list, "All schedules, by name."),
        RouteSpec::api_post("/api/v1/schedules", Admin, schedules::create, "Makes a schedule, without layers."),
        RouteSpec::api_get("/api/v1/schedules/{id}", Viewer, schedules::one, "One schedule with its layers."),
        RouteSpec::api_put("/api/v1/schedules/{id}", Admin, schedules::edit, "Changes what a schedule is; its layers stay."),
        RouteSpec::api_delete("/api/v1/schedules/{id}", Admin, schedules::delete, "Removes a schedule that no escalation policy uses, with its entries and overrides."),
        RouteSpec::api_get("/api/v1/schedules/{id}/entries", Viewer, schedules::entries, "Entries that have not ended."),
        RouteSpec::api_post("/api/v1/schedules/{id}/entries", Admin, schedules::add_entry, "Puts somebody on call for a while."),
        RouteSpec::api_put("/api/v1/schedules/{id}/entries/{entry}", Admin, schedules::edit_entry, "Changes an entry; the version is the schedule's."),
        RouteSpec::api_delete("/api/v1/schedules/{id}/entries/{entry}", Admin, schedules::remove_entry, "Removes an entry, or ends a running one; the version is the schedule's."),
        RouteSpec::api_get("/api/v1/schedules/{id}/overrides", Viewer, schedules::overrides, "Overrides that have not ended."),
        RouteSpec::api_post("/api/v1/schedules/{id}/overrides", Admin, schedules::add_override, "Somebody stands in for whoever is on call, or for one person."),
        RouteSpec::api_delete("/api/v1/schedules/{id}/overrides/{override}", Admin, schedules::remove_override, "Removes an override, of a swap both; the version is the schedule's."),
        RouteSpec::api_post("/api/v1/schedules/{id}/swaps", Admin, schedules::add_swap, "Two people exchange their turns."),
        RouteSpec::api_post("/api/v1/schedules/{id}/layers", Admin, rotations::create, "Adds a rotation below the others."),
        RouteSpec::api_put("/api/v1/schedules/{id}/layers/{layer}", Admin, rotations::edit, "The next version of a rotation; the version to match is the schedule's."),
        RouteSpec::api_post("/api/v1/schedules/{id}/layers/{layer}/move", Admin, rotations::place, "Moves a layer up or down."),
        RouteSpec::api_post("/api/v1/schedules/{id}/layers/preview", Admin, rotation_preview::of_new, "What a new rotation would make of the weeks ahead."),
        RouteSpec::api_post("/api/v1/schedules/{id}/layers/{layer}/preview", Admin, rotation_preview::of_changed, "What a changed rotation would make of the weeks ahead."),
        RouteSpec::api_delete("/api/v1/schedules/{id}/layers/{layer}", Admin, rotations::remove, "Removes a layer; the version is the schedule's."),
        RouteSpec::api_get("/api/v1/schedules/{id}/on-call", Viewer, on_call::of_schedule, "Who is on call on one schedule, and why."),
        RouteSpec::api_get("/api/v1/schedules/{id}/final-schedule", Viewer, on_call::final_schedule, "Who is on call between two instants, in segments without a hole."),
        RouteSpec::api_get("/api/v1/schedules/{id}/explain", Viewer, on_call::explain, "Every claim on an instant, the highest first, and what became of it."),
        RouteSpec::api_get("/api/v1/schedules/{id}/gaps", Viewer, on_call::gaps, "Stretches ahead that nobody has, or only the fallback."),
        RouteSpec::api_get("/api/v1/schedules/{id}/fairness", Viewer, fairness::of_schedule, "How a schedule shares its burden."),
        RouteSpec::api_get("/api/v1/schedules/{id}/feeds", Admin, feeds::of_schedule, "Links to a schedule as a calendar."),
        RouteSpec::api_post("/api/v1/schedules/{id}/feeds", Admin, feeds::create_of_schedule, "Makes a link to a schedule as a calendar; its address is in this answer alone."),
        RouteSpec::api_delete("/api/v1/schedules/{id}/feeds/{feed}", Admin, feeds::delete_of_schedule, "Revokes a link to a schedule."),
        RouteSpec::api_get("/api/v1/schedules/{id}/imports", Viewer, imports::list, "Calendars from elsewhere."),
        RouteSpec::api_post("/api/v1/schedules/{id}/imports", Admin, imports::create, "Adds a calendar from elsewhere."),
        RouteSpec::api_get("/api/v1/schedules/{id}/imports/{import}", Viewer, imports::one, "One calendar from elsewhere."),
        RouteSpec::api_put("/api/v1/schedules/{id}/imports/{import}", Admin, imports::edit, "Changes a calendar from elsewhere."),
        RouteSpec::api_delete("/api/v1/schedules/{id}/imports/{import}", Admin, imports::delete, "Removes a calendar from elsewhere that is used for nothing."),
        RouteSpec::api_post("/api/v1/schedules/{id}/imports/{import}/use", Admin, imports::use_as, "Uses a calendar from elsewhere as the lowest layer or as covers."),
        RouteSpec::api_post("/api/v1/schedules/{id}/imports/{import}/detach", Admin, imports::detach, "Uses a calendar from elsewhere for nothing."),
        RouteSpec::api_post("/api/v1/schedules/{id}/imports/{import}/refresh", Admin, imports::refresh, "Fetches a calendar from elsewhere anew."),
        RouteSpec::api_get("/api/v1/on-call", Viewer, on_call::everywhere, "Who is on call on every schedule."),
    ];
    let repeats: Vec<_> = table.iter().map(|row| repeats_of(row, &table)).collect();
    for (row, repeats) in table.iter_mut().zip(repeats) {
        row.repeats = repeats;
    }
    table.extend(ui::routes());
    table
}

/// Every POST of the API but those that know who sends them by another sign, and see repetitions by others, too.
fn repeats_of(row: &RouteSpec, table: &[RouteSpec]) -> Option<Repeats> {
    let is_own_sign = matches!(row.access, Access::SourceKey | Access::Link | Access::Ping);
    let call = row.call.filter(|_| row.method == Method::POST && !is_own_sign)?;
    let is_read = |path: &str| table.iter().any(|other| other.method == Method::GET && other.path == path);
    let shorter = std::iter::successors(Some(row.path), |path| Some(path.rsplit_once('/')?.0));
    let cut = shorter.take_while(|path| !is_read(path)).count();
    Some(Repeats { shows_secret: call.shows_secret, cut })
}

pub fn router(web: Arc<Web>) -> Router {
    let mut rows = table();
    if web.demo.is_some() {
        rows.extend(ui::demo::routes());
    }
    router_of(web, rows)
}

/// A router of other rows, for tests that ask what a changed row would let through.
pub fn router_of(web: Arc<Web>, table: Vec<RouteSpec>) -> Router {
    let mut router = Router::new();
    for row in table {
        let guarded =
            Guarded { access: row.access, body_limit: row.body_limit, proof: row.proof, repeats: row.repeats };
        let guard = from_fn_with_state((Arc::clone(&web), guarded), guard);
        router = router.route(row.path, row.handler.route_layer(guard));
    }
    let router = router
        .fallback(|| async { WebError::NotFound })
        .method_not_allowed_fallback(|| async { WebError::MethodNotAllowed })
        .with_state(Arc::clone(&web));
    layers::around(router, web)
}
