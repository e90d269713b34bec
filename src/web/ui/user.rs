//! `/users/{id}`: one person, how they are reached, and their account. One's own contact methods and password are one's
//! own business, whatever the role.

pub mod contacts;
pub mod rules;

use crate::app::users::{self, Basics};
use crate::app::{AppError, MANY, incidents, oncall, policies, schedules, teams};
use crate::domain::access::{self, Action, Role};
use crate::domain::contact::Channel;
use crate::domain::id::UserId;
use crate::domain::incident::Status;
use crate::domain::policy::Recipient;
use crate::domain::refusal::Refusal;
use crate::domain::user::User;
use crate::web::Web;
use crate::web::address::Client;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, PathId, SignedIn};
use crate::web::session;
use crate::web::ui::clock::count;
use crate::web::ui::deliveries::shown_address;
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::login::hashed;
use crate::web::ui::shell::Shell;
use crate::web::ui::users::{role, roles};
use crate::web::ui::{Desk, Sight, page as drawn, refused, to, zones};
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use contacts::Contacts;
use rinja::Template;
use rules::Rules;
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
    has_login: bool,
    is_active: bool,
    /// Whose contact methods and rules these are to change.
    may_edit_own: bool,
    may_set_password: bool,
    contacts: Contacts,
    rules: Rules,
    on_call: Vec<String>,
    roles: Vec<Choice>,
    zones: Vec<String>,
    /// What this person would leave behind.
    duties: Vec<String>,
    form: Form,
    password_form: Form,
}

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
        web.write(move |tx| users::edit(tx, &actor, id, &basics)).await
    };
    answer(&web, &signed_in, id, done.await, "user", &form).await
}

pub async fn set_password(
    State(web): State<Arc<Web>>,
    Extension(client): Extension<Client>,
    signed_in: SignedIn,
    PathId(id): PathId<UserId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        require_own_or_admin(&signed_in, id)?;
        let hash = hashed(&web, form.verbatim("password")).await?;
        let actor = signed_in.actor;
        web.write(move |tx| users::set_password(tx, &actor, id, &hash)).await
    };
    let mut response = answer(&web, &signed_in, id, done.await, "password", &form).await?;
    if response.status() == StatusCode::SEE_OTHER && signed_in.user.id == id {
        // It ended every session of this person, this one too; whoever just proved to be that person goes on.
        response
            .headers_mut()
            .insert(header::SET_COOKIE, session::start(&web, id, &client, "after choosing a password").await?);
    }
    Ok(response)
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

pub async fn remove_login(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<UserId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    let done = web.write(move |tx| users::remove_login(tx, &actor, id)).await;
    answer(&web, &signed_in, id, done, "activity", &form).await
}

/// One's own page, wherever that is.
pub async fn me(signed_in: SignedIn) -> Response {
    to(format!("/users/{}", signed_in.user.id))
}

/// Before a password is hashed: that costs too much to be done for whoever asks.
fn require_own_or_admin(signed_in: &SignedIn, id: UserId) -> Result<(), Refusal> {
    if signed_in.user.id == id { Ok(()) } else { access::require(&signed_in.actor, Action::Configure) }
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
    let desk = Desk { web, signed_in, section: "/users" };
    let status = refused.as_ref().map_or(StatusCode::OK, Form::status);
    let page = desk.look(move |sight, shell| shown(sight, shell, id, refused)).await?;
    drawn(status, &page)
}

fn shown(sight: &Sight<'_>, shell: Shell, id: UserId, refused: Option<Form>) -> Result<Page, AppError> {
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
        .with("zone", &user.zone);
    Ok(Page {
        role: user.role.word(),
        email: user.email.as_deref().map(|email| shown_address(Channel::Email, email, seen_as)).unwrap_or_default(),
        zone: user.zone.clone(),
        has_login: user.login.is_some(),
        is_active: user.is_active(),
        may_edit_own: may_edit,
        may_set_password: may_edit && user.email.is_some(),
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
        password_form: Form::chosen(&refused, Form::blank("password"), &[]),
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
