//! `/users/{id}`: one person, how they are reached, and their account. One's own contact methods and password are one's
//! own business, whatever the role.

pub mod contacts;
pub mod preferences;
pub mod rules;
pub mod sign_in;

use crate::app::invitations::Made;
use crate::app::users::{self, Basics};
use crate::app::{AppError, MANY, incidents, oncall, policies, schedules, teams};
use crate::domain::access::Role;
use crate::domain::contact::Channel;
use crate::domain::id::UserId;
use crate::domain::incident::Status;
use crate::domain::policy::Recipient;
use crate::domain::user::User;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, PathId, SignedIn};
use crate::web::ui::clock::count;
use crate::web::ui::deliveries::shown_address;
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::shell::Shell;
use crate::web::ui::users::{role, roles};
use crate::web::ui::{Desk, Link, Sight, page as drawn, refused, shifts, to, zones};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use contacts::Contacts;
use rinja::Template;
use rules::Rules;
use sign_in::SignIn;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/user.html", askama = rinja)]
struct Page {
    shell: Shell,
    base: String,
    name: String,
    role: &'static str,
    email: String,
    zone: String,
    is_active: bool,
    /// Whose contact methods and rules these are to change.
    may_edit_own: bool,
    contacts: Contacts,
    rules: Rules,
    on_call: Vec<String>,
    /// What comes within a month.
    shifts: Vec<ShiftLine>,
    roles: Vec<Choice>,
    zones: Vec<String>,
    /// What this person would leave behind.
    duties: Vec<String>,
    form: Form,
    sign_in: SignIn,
    /// On one's own page.
    own: Option<preferences::Shown>,
}

struct ShiftLine {
    schedule: Link,
    words: String,
}

/// Shifts shown at most.
const SHIFTS: usize = 12;

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<UserId>,
) -> Result<Response, WebError> {
    show(&web, &signed_in, id, None).await
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<UserId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let basics = Basics {
            name: form.text("name").to_owned(),
            email: form.optional("email").map(str::to_owned),
            role: role(&form)?,
            zone: form.text("zone").to_owned(),
        };
        let actor = signed_in.actor;
        web.edit(actor, &form, move |tx| users::edit(tx, &actor, id, &basics)).await
    };
    answer(&web, &signed_in, id, done.await, "user", &form).await
}

pub async fn deactivate(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<UserId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    let done = web.write(move |tx| users::deactivate(tx, &actor, id)).await;
    answer(&web, &signed_in, id, done, "activity", &form).await
}

pub async fn reactivate(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<UserId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    let done = web.write(move |tx| users::reactivate(tx, &actor, id)).await;
    answer(&web, &signed_in, id, done, "activity", &form).await
}

/// One's own page, wherever that is.
pub async fn me(signed_in: SignedIn) -> Response {
    to(format!("/users/{}", signed_in.user.id))
}

async fn answer(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: UserId,
    done: Result<(), WebError>,
    form_name: &'static str,
    form: &FormBody,
) -> Result<Response, WebError> {
    match refused(done)? {
        Ok(()) => Ok(to(format!("/users/{id}"))),
        Err(refusal) => show(web, signed_in, id, Some(Form::refused(form_name, &form.0.0, refusal))).await,
    }
}

async fn show(web: &Arc<Web>, signed_in: &SignedIn, id: UserId, refused: Option<Form>) -> Result<Response, WebError> {
    show_with(web, signed_in, id, refused, None).await
}

/// As [`show`], with a link that is shown this once.
async fn show_with(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: UserId,
    refused: Option<Form>,
    made: Option<Made>,
) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/users" };
    let status = refused.as_ref().map_or(StatusCode::OK, Form::status);
    let page = desk.look(move |sight, shell| shown(sight, shell, id, refused, made)).await?;
    drawn(status, &page)
}

fn shown(
    sight: &Sight<'_>,
    shell: Shell,
    id: UserId,
    refused: Option<Form>,
    made: Option<Made>,
) -> Result<Page, AppError> {
    let user = users::one(sight.read, id)?;
    let base = format!("/users/{id}");
    let is_own = sight.viewer.id == id;
    let may_edit = is_own || shell.may_configure();
    // One's own addresses are no secret, even to a viewer.
    let seen_as = if is_own { Role::Admin } else { sight.viewer.role };
    let on_call = on_call(sight, &user)?;
    let as_it_is = Form::blank("user")
        .with("name", &user.name)
        .with("email", user.email.as_deref().unwrap_or(""))
        .with("role", user.role.word())
        .with("zone", &user.zone)
        .of_version(id, user.version, &base);
    Ok(Page {
        role: user.role.word(),
        email: user.email.as_deref().map(|email| shown_address(Channel::Email, email, seen_as)).unwrap_or_default(),
        zone: user.zone.clone(),
        is_active: user.is_active(),
        may_edit_own: may_edit,
        contacts: contacts::shown(sight, &user, seen_as, may_edit, &refused)?,
        rules: rules::shown(&user, seen_as, &refused),
        roles: roles(),
        zones: zones(),
        duties: match shell.may_configure() && user.is_active() {
            true => duties(sight, &user, &on_call)?,
            false => vec![],
        },
        on_call,
        form: Form::chosen(&refused, as_it_is, &["activity"]),
        own: is_own.then(|| preferences::shown(&shell.account.preferences, &user, &refused)),
        shifts: ahead(sight, &user)?,
        sign_in: sign_in::shown(sight, &user, is_own, &refused, made)?,
        name: user.name,
        base,
        shell,
    })
}

/// Where this person is on call now, a sentence each.
fn on_call(sight: &Sight<'_>, user: &User) -> Result<Vec<String>, AppError> {
    let Sight { read, reader, .. } = *sight;
    let mut sentences = Vec::new();
    for on_call in oncall::everywhere(read, reader.now)? {
        if on_call.places.iter().any(|place| place.user == user.id) {
            let until = on_call.until.map_or(String::new(), |until| format!(" until {}", reader.clock(until)));
            sentences.push(format!("On call on {}{until}.", on_call.schedule.name));
        }
    }
    Ok(sentences)
}

/// Shifts that have not begun.
fn ahead(sight: &Sight<'_>, user: &User) -> Result<Vec<ShiftLine>, AppError> {
    let all = shifts::ahead(sight.read, sight.reader)?;
    let own = all.into_iter().filter(|shift| shift.user == user.id && shift.span.start > sight.reader.now);
    let line = |shift: oncall::Shift| ShiftLine {
        schedule: Link::new(format!("/schedules/{}", shift.schedule), sight.names.schedule(shift.schedule)),
        words: sight.reader.span(shift.span.start, shift.span.end),
    };
    Ok(own.take(SHIFTS).map(line).collect())
}

/// What a deactivation would touch, so that nobody is surprised at night.
fn duties(sight: &Sight<'_>, user: &User, on_call: &[String]) -> Result<Vec<String>, AppError> {
    let Sight { read, .. } = *sight;
    let mut duties = on_call.to_vec();
    for schedule in schedules::all(read)? {
        let (calendar, _) = oncall::calendar(read, schedule.id, sight.reader.now)?;
        match calendar.entries.iter().filter(|entry| entry.user == user.id).count() {
            0 => {}
            1 => duties.push(format!("Entered once on {}.", schedule.name)),
            n => duties.push(format!("Entered {n} times on {}.", schedule.name)),
        }
        for layer in schedule.layers.iter().filter(|layer| layer.names(user.id)) {
            duties.push(format!("Takes turns in the rotation {} of {}.", layer.name, schedule.name));
        }
        if schedule.fallback == Some(user.id) {
            duties.push(format!("On call for {} when nobody is entered.", schedule.name));
        }
    }
    for policy in policies::all(read)? {
        let named = policy.levels.iter().filter(|level| level.recipients.contains(&Recipient::User(user.id)));
        duties.extend(named.map(|level| format!("Named in level {} of {}.", level.number, policy.name)));
        if policy.last_resort.contains(&user.id) {
            duties.push(format!("Last resort of {}.", policy.name));
        }
    }
    let of = teams::all(read)?.into_iter().filter(|team| team.members.contains(&user.id));
    duties.extend(of.map(|team| format!("Member of {}.", team.name)));
    let held = [Status::Triggered, Status::Acknowledged].into_iter().map(|status| {
        let open = incidents::with_status(read, status, MANY, None)?.items;
        Ok(open.iter().filter(|incident| incident.assignee == Some(user.id)).count())
    });
    match held.sum::<Result<usize, AppError>>()? {
        0 => {}
        n => duties.push(format!("Holds {}.", count(n, "open incident"))),
    }
    Ok(duties)
}
