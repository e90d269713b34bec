//! Pages for people: rendered here, on the server, as forms that need no script.
//!
//! A page is a file: its handlers, the values its template takes, and how domain values become those. Templates look
//! nothing up and decide nothing. Every page is drawn from one committed state ([`Desk::look`]). A form is answered by a
//! redirect when it worked, and by the same page with the values and the sentence beside the field when it was refused.
//! What a role may not do is not on its page; that the server refuses it anyway is the business of the route table and
//! of the use cases.

pub mod checklist;
pub mod clock;
pub mod deliveries;
pub mod form;
pub mod fragment;
pub mod marks;
pub mod names;
pub mod notices;
pub mod shell;
pub mod stale;
pub mod timeline;
pub mod typed;

mod access;
mod alert_source;
mod alert_sources;
mod audit;
mod bulk;
mod calendars;
mod calling;
pub mod confirm;
mod dashboard;
pub mod demo;
mod error;
mod escalation_policies;
mod escalation_policy;
mod heartbeat;
mod heartbeats;
mod help;
mod incident;
mod incident_deeds;
mod incidents;
mod ladder;
pub mod login;
mod maintenance;
mod maintenance_window;
mod moved;
mod on_call;
mod own_calendars;
mod prose;
mod reports;
mod schedule;
mod schedules;
mod settings;
mod shifts;
mod source_events;
mod strips;
mod team;
mod teams;
mod user;
mod users;

#[cfg(test)]
mod samples;

pub use error::{emergency_page, error_page};

use crate::app::{App, AppError, Read, names as app_names, oncall, system};
use crate::bridge::Lane;
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::user::User;
use crate::web::error::{RETRY_AFTER_SECS, WebError};
use crate::web::extract::SignedIn;
use crate::web::routes::{Access, RouteSpec};
use crate::web::{Web, act, assets, invite, live, oidc};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use clock::Reader;
use form::Choice;
use names::Names;
use rinja::Template;
use shell::{Account, Duty, Shell, Strip};
use std::sync::Arc;

/// The rows of all pages.
pub fn routes() -> Vec<RouteSpec> {
    use Access::{Admin, Link, Public, Responder, SelfOnly, Viewer};
    vec![
        RouteSpec::get("/", Public, || async { to("/dashboard") }),
        RouteSpec::get("/assets/{name}", Public, assets::serve),
        RouteSpec::get("/events", Viewer, live::events),
        RouteSpec::get("/strips", Viewer, strips::page),
        RouteSpec::get("/login", Public, login::page),
        RouteSpec::post("/login", Public, login::submit),
        RouteSpec::get("/login/oidc", Public, oidc::begin),
        RouteSpec::get("/login/oidc/callback", Public, oidc::callback),
        RouteSpec::post("/logout", SelfOnly, login::logout),
        RouteSpec::get("/a/{token}", Link, act::page),
        RouteSpec::post("/a/{token}", Link, act::submit),
        RouteSpec::get("/invite/{token}", Link, invite::page),
        RouteSpec::post("/invite/{token}", Link, invite::submit),
        RouteSpec::get("/dashboard", Viewer, dashboard::page),
        RouteSpec::get("/incidents", Viewer, incidents::page),
        RouteSpec::post("/incidents/acknowledge", Responder, bulk::acknowledge),
        RouteSpec::post("/incidents/resolve", Responder, bulk::resolve),
        RouteSpec::get("/incidents/{reference}", Viewer, incident::page),
        RouteSpec::post("/incidents/{reference}/acknowledge", Responder, incident_deeds::acknowledge),
        RouteSpec::post("/incidents/{reference}/unacknowledge", Responder, incident_deeds::unacknowledge),
        RouteSpec::post("/incidents/{reference}/snooze", Responder, incident_deeds::snooze),
        RouteSpec::post("/incidents/{reference}/resolve", Responder, incident_deeds::resolve),
        RouteSpec::post("/incidents/{reference}/reopen", Responder, incident_deeds::reopen),
        RouteSpec::post("/incidents/{reference}/escalate", Responder, incident_deeds::escalate),
        RouteSpec::post("/incidents/{reference}/escalate-to", Responder, incident_deeds::escalate_to),
        RouteSpec::post("/incidents/{reference}/reassign", Responder, incident_deeds::reassign),
        RouteSpec::post("/incidents/{reference}/severity", Responder, incident_deeds::set_severity),
        RouteSpec::post("/incidents/{reference}/note", Responder, incident_deeds::note),
        RouteSpec::post("/incidents/{reference}/deliveries/{delivery}/retry", Responder, incident_deeds::retry),
        RouteSpec::get("/alert-sources", Viewer, alert_sources::page),
        RouteSpec::post("/alert-sources", Admin, alert_sources::create).proved(),
        RouteSpec::get("/alert-sources/new", Admin, alert_sources::new),
        RouteSpec::get("/alert-sources/{id}", Viewer, alert_source::page),
        RouteSpec::get("/alert-sources/{id}/events", Viewer, source_events::page),
        RouteSpec::post("/alert-sources/{id}", Admin, alert_source::edit),
        RouteSpec::post("/alert-sources/{id}/regenerate-key", Admin, alert_source::regenerate_key).proved(),
        RouteSpec::post("/alert-sources/{id}/activate", Admin, alert_source::activate),
        RouteSpec::post("/alert-sources/{id}/deactivate", Admin, alert_source::deactivate),
        RouteSpec::post("/alert-sources/{id}/test-alert", Admin, alert_source::test_alert),
        RouteSpec::post("/alert-sources/{id}/confirm-topic", Admin, alert_source::confirm_topic),
        RouteSpec::post("/alert-sources/{id}/signing", Admin, alert_source::set_signing),
        RouteSpec::get("/users", Viewer, users::page),
        RouteSpec::post("/users", Admin, users::create).proved(),
        RouteSpec::get("/users/{id}", Viewer, user::page),
        RouteSpec::post("/users/{id}", Admin, user::edit).proved(),
        RouteSpec::post("/users/{id}/password", SelfOnly, user::sign_in::change_password),
        RouteSpec::post("/users/{id}/invitation", Admin, user::sign_in::invite).proved(),
        RouteSpec::post("/users/{id}/deactivate", Admin, user::deactivate).proved(),
        RouteSpec::post("/users/{id}/reactivate", Admin, user::reactivate).proved(),
        RouteSpec::post("/users/{id}/remove-login", Admin, user::sign_in::remove_login).proved(),
        RouteSpec::post("/users/{id}/rules", SelfOnly, user::rules::set),
        RouteSpec::post("/users/{id}/contacts", SelfOnly, user::contacts::add).proved(),
        RouteSpec::post("/users/{id}/contacts/{contact}/enable", SelfOnly, user::contacts::enable).proved(),
        RouteSpec::post("/users/{id}/contacts/{contact}/disable", SelfOnly, user::contacts::disable).proved(),
        RouteSpec::post("/users/{id}/contacts/{contact}/remove", SelfOnly, user::contacts::remove).proved(),
        RouteSpec::post("/users/{id}/contacts/{contact}/address", SelfOnly, user::contacts::readdress).proved(),
        RouteSpec::post("/users/{id}/contacts/{contact}/test", SelfOnly, user::contacts::send_test),
        RouteSpec::post("/users/{id}/contacts/{contact}/code", SelfOnly, user::contacts::send_code).proved(),
        RouteSpec::post("/users/{id}/contacts/{contact}/verify", SelfOnly, user::contacts::verify).proved(),
        RouteSpec::get("/me", SelfOnly, user::me),
        RouteSpec::post("/me/preferences", SelfOnly, user::preferences::set),
        RouteSpec::get("/users/{id}/access", SelfOnly, access::page),
        RouteSpec::post("/users/{id}/access/tokens", SelfOnly, access::create_token).proved(),
        RouteSpec::post("/users/{id}/access/tokens/{token}/revoke", SelfOnly, access::revoke_token),
        RouteSpec::post("/users/{id}/access/sessions/{session}/end", SelfOnly, access::end_session),
        RouteSpec::post("/users/{id}/access/sign-out-everywhere", SelfOnly, access::end_sessions),
        RouteSpec::get("/teams", Viewer, teams::page),
        RouteSpec::post("/teams", Admin, teams::create),
        RouteSpec::post("/teams/everyone", Admin, teams::start),
        RouteSpec::get("/teams/{id}", Viewer, team::page),
        RouteSpec::post("/teams/{id}", Admin, team::rename),
        RouteSpec::post("/teams/{id}/delete", Admin, team::delete),
        RouteSpec::post("/teams/{id}/members", Admin, team::add_member),
        RouteSpec::post("/teams/{id}/members/remove", Admin, team::remove_member),
        RouteSpec::get("/escalation-policies", Viewer, escalation_policies::page),
        RouteSpec::post("/escalation-policies", Admin, escalation_policies::create),
        RouteSpec::get("/escalation-policies/new", Admin, escalation_policies::new),
        RouteSpec::get("/escalation-policies/{id}", Viewer, escalation_policy::page),
        RouteSpec::post("/escalation-policies/{id}", Admin, escalation_policy::edit),
        RouteSpec::post("/escalation-policies/{id}/delete", Admin, escalation_policy::delete),
        RouteSpec::post("/escalation-policies/{id}/levels", Admin, escalation_policy::add_level),
        RouteSpec::post("/escalation-policies/{id}/levels/{number}", Admin, escalation_policy::edit_level),
        RouteSpec::post("/escalation-policies/{id}/levels/{number}/remove", Admin, escalation_policy::remove_level),
        RouteSpec::get("/schedules", Viewer, schedules::page),
        RouteSpec::post("/schedules", Admin, schedules::create),
        RouteSpec::get("/schedules/{id}", Viewer, schedule::page),
        RouteSpec::post("/schedules/{id}", Admin, schedule::edit),
        RouteSpec::post("/schedules/{id}/delete", Admin, schedule::delete),
        RouteSpec::get("/schedules/{id}/fairness", Viewer, schedule::fairness::page),
        RouteSpec::get("/schedules/{id}/repeat", Admin, schedule::repeat::page),
        RouteSpec::post("/schedules/{id}/repeat", Admin, schedule::repeat::submit),
        RouteSpec::post("/schedules/{id}/entries", Admin, schedule::forms::add_entry),
        RouteSpec::post("/schedules/{id}/entries/{entry}", Admin, schedule::forms::edit_entry),
        RouteSpec::post("/schedules/{id}/entries/{entry}/remove", Admin, schedule::forms::remove_entry),
        RouteSpec::post("/schedules/{id}/overrides", Admin, schedule::forms::add_override),
        RouteSpec::post("/schedules/{id}/overrides/{entry}/remove", Admin, schedule::forms::remove_override),
        RouteSpec::post("/schedules/{id}/swaps", Admin, schedule::forms::add_swap),
        RouteSpec::get("/schedules/{id}/layers/new", Admin, schedule::rotation::new),
        RouteSpec::post("/schedules/{id}/layers", Admin, schedule::rotation::create),
        RouteSpec::get("/schedules/{id}/layers/{layer}", Admin, schedule::rotation::page),
        RouteSpec::post("/schedules/{id}/layers/{layer}", Admin, schedule::rotation::edit),
        RouteSpec::post("/schedules/{id}/layers/{layer}/move", Admin, schedule::rotation::place),
        RouteSpec::post("/schedules/{id}/layers/{layer}/remove", Admin, schedule::rotation::remove),
        RouteSpec::get("/on-call", Viewer, on_call::page),
        RouteSpec::get("/heartbeats", Viewer, heartbeats::page),
        RouteSpec::post("/heartbeats", Admin, heartbeats::create),
        RouteSpec::get("/heartbeats/{id}", Viewer, heartbeat::page),
        RouteSpec::post("/heartbeats/{id}", Admin, heartbeat::edit),
        RouteSpec::post("/heartbeats/{id}/pause", Admin, heartbeat::pause),
        RouteSpec::post("/heartbeats/{id}/resume", Admin, heartbeat::resume),
        RouteSpec::post("/heartbeats/{id}/renew-address", Admin, heartbeat::renew_address),
        RouteSpec::post("/heartbeats/{id}/delete", Admin, heartbeat::delete),
        RouteSpec::get("/maintenance", Viewer, maintenance::page),
        RouteSpec::post("/maintenance", Admin, maintenance::create),
        RouteSpec::get("/maintenance/{id}", Viewer, maintenance_window::page),
        RouteSpec::post("/maintenance/{id}", Admin, maintenance_window::edit),
        RouteSpec::post("/maintenance/{id}/end", Admin, maintenance::end_now),
        RouteSpec::post("/maintenance/{id}/delete", Admin, maintenance::delete),
        RouteSpec::get("/schedules/{id}/calendars", Viewer, calendars::page),
        RouteSpec::post("/schedules/{id}/calendars/feeds", Admin, calendars::make_link),
        RouteSpec::post("/schedules/{id}/calendars/feeds/{feed}/revoke", Admin, calendars::revoke_link),
        RouteSpec::post("/schedules/{id}/calendars/imports", Admin, calendars::add),
        RouteSpec::post("/schedules/{id}/calendars/imports/{import}", Admin, calendars::edit),
        RouteSpec::post("/schedules/{id}/calendars/imports/{import}/use", Admin, calendars::use_as),
        RouteSpec::post("/schedules/{id}/calendars/imports/{import}/detach", Admin, calendars::detach),
        RouteSpec::post("/schedules/{id}/calendars/imports/{import}/refresh", Admin, calendars::refresh),
        RouteSpec::post("/schedules/{id}/calendars/imports/{import}/remove", Admin, calendars::remove),
        RouteSpec::get("/users/{id}/calendars", SelfOnly, own_calendars::page),
        RouteSpec::post("/users/{id}/calendars/feeds", SelfOnly, own_calendars::make_link),
        RouteSpec::post("/users/{id}/calendars/feeds/{feed}/revoke", SelfOnly, own_calendars::revoke_link),
        RouteSpec::get("/reports", Viewer, reports::page),
        RouteSpec::get("/help", Viewer, help::index),
        RouteSpec::get("/help/{page}", Viewer, help::page),
        RouteSpec::get("/audit", Admin, audit::page),
        RouteSpec::get("/settings", Viewer, settings::page),
        RouteSpec::post("/settings/resume", Admin, settings::resume),
        RouteSpec::post("/settings/channels/{channel}/test", Viewer, settings::channels::send_test),
        RouteSpec::post("/settings/backups", Admin, settings::storage::back_up),
        RouteSpec::post("/settings/backups/{name}/download", Admin, settings::storage::download).proved(),
        RouteSpec::get("/settings/support-report", Admin, settings::support::page),
        RouteSpec::get("/settings/support-report.txt", Admin, settings::support::text),
    ]
}

/// Where a page is made: for whom, and in which section.
pub struct Desk<'a> {
    pub web: &'a Arc<Web>,
    pub signed_in: &'a SignedIn,
    /// The path of the navigation's entry.
    pub section: &'static str,
}

/// What a page's own question may use besides the state it reads.
pub struct Sight<'a> {
    pub app: &'a App,
    pub read: &'a Read<'a>,
    pub names: &'a Names,
    pub reader: &'a Reader,
    pub viewer: &'a User,
}

impl Desk<'_> {
    /// Asks one committed state everything that a page shows, in one crossing of the bridge. `draw` makes the page, or
    /// what of it the state decides; the shell is for it to keep.
    pub async fn look<T: Send + 'static>(
        &self,
        draw: impl FnOnce(&Sight<'_>, Shell) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, WebError> {
        let app = Arc::clone(&self.web.app);
        let SignedIn { user: viewer, preferences, csrf, .. } = self.signed_in.clone();
        let section = self.section;
        // Before the state is read: what comes in between is told again, and nothing is missed.
        let at = self.web.live.position();
        let is_demo = self.web.demo.is_some();
        let work = move || {
            let strips = system::strips(&app).into_iter().map(Strip::new).collect();
            let account =
                Account { name: viewer.name.clone(), role: viewer.role, zone: viewer.zone.clone(), preferences, csrf };
            app.read(|read| {
                let names = Names(app_names::all(read)?);
                let reader = Reader::new(read.now(), &viewer.zone).counting(preferences.hours);
                // A schedule that cannot be read must not take every page along.
                let duties = oncall::duties_of(read, viewer.id, reader.now).unwrap_or_default();
                let duty = Duty::new(&duties, &names, &reader);
                let shell = Shell { section, account, duty, strips, at, now: read.now().as_second(), is_demo };
                draw(&Sight { app: &app, read, names: &names, reader: &reader, viewer: &viewer }, shell)
            })
        };
        Ok(self.web.bridge.run(Lane::People, work).await??)
    }
}

/// The page, with the status its request earned. One of 503 can be sent again as it is.
pub fn page(status: StatusCode, template: &impl Template) -> Result<Response, WebError> {
    let html = template.render().map_err(|error| WebError::Internal(format!("a page cannot be drawn: {error}")))?;
    let mut response = (status, Html(html)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_SECS.into());
    }
    Ok(response)
}

/// Done; the browser fetches the page that shows it, so that a reload repeats nothing.
pub fn to(path: impl AsRef<str>) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, path.as_ref())]).into_response()
}

/// Sets apart what belongs beside the form: a value that is not acceptable, something that stands in the way, or what
/// somebody else has changed meanwhile.
/// Everything else is an error page.
pub fn refused<T>(outcome: Result<T, WebError>) -> Result<Result<T, Refusal>, WebError> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(WebError::Refused(refusal))
            if matches!(refusal.kind, RefusalKind::Invalid | RefusalKind::Conflict | RefusalKind::Stale) =>
        {
            Ok(Err(refusal))
        }
        Err(error) => Err(error),
    }
}

/// A link with its words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    pub href: String,
    pub text: String,
}

impl Link {
    pub fn new(href: impl Into<String>, text: impl Into<String>) -> Link {
        Link { href: href.into(), text: text.into() }
    }
}

/// One thing that is well or not: a line with a shape and words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fact {
    pub class: &'static str,
    pub shape: &'static str,
    pub text: String,
}

impl Fact {
    pub fn good(text: impl Into<String>) -> Fact {
        Fact { class: "good", shape: "check", text: text.into() }
    }

    pub fn is_good(&self) -> bool {
        self.class == "good"
    }

    pub fn bad(text: impl Into<String>) -> Fact {
        Fact { class: "bad", shape: "cross", text: text.into() }
    }

    pub fn off(text: impl Into<String>) -> Fact {
        Fact { class: "off", shape: "off", text: text.into() }
    }
}

/// A short state in a pill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pill {
    pub class: &'static str,
    pub text: String,
}

/// Active people for a select, by name.
pub fn active_people(users: &[User]) -> Vec<Choice> {
    users.iter().filter(|user| user.is_active()).map(|user| Choice::new(user.id, &user.name)).collect()
}

/// The places of the zone database, for the browser to complete.
pub fn zones() -> Vec<String> {
    let is_place = |name: &String| AREAS.iter().any(|area| name.starts_with(area));
    let mut zones: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).filter(is_place).collect();
    zones.push("UTC".to_owned());
    zones
}

/// What places begin with. The rest of the database are old names of the same.
const AREAS: [&str; 10] = [
    "Africa/",
    "America/",
    "Antarctica/",
    "Arctic/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
];
