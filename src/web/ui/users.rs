//! `/users`: everybody, and adding one. Whether they sign in is the business of their own page.

use crate::app::users::{self, NewUser};
use crate::app::{AppError, invitations, teams};
use crate::domain::access::Role;
use crate::domain::contact::Channel;
use crate::domain::refusal::Refusal;
use crate::domain::user::User;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, SignedIn};
use crate::web::ui::clock::list;
use crate::web::ui::deliveries::shown_address;
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, page as drawn, refused, shifts, to, zones};
use axum::extract::State;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/users.html", askama = rinja)]
struct Users {
    shell: Shell,
    users: Vec<Row>,
    form: Form,
    roles: Vec<Choice>,
    zones: Vec<String>,
}

struct Row {
    href: String,
    name: String,
    email: String,
    role: &'static str,
    /// `yes`, `invited` or `none`.
    login: &'static str,
    teams: String,
    /// The channels a page can take to this person; empty is an alarm.
    reachable: String,
    /// When they are on call next, and for what.
    next: Option<(String, String)>,
    is_active: bool,
}

pub async fn page(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    let form = Form::blank("user").with("role", Role::Responder.word()).with("zone", &signed_in.user.zone);
    show(&web, &signed_in, form).await
}

pub async fn create(State(web): State<Arc<Web>>, signed_in: SignedIn, form: FormBody) -> Result<Response, WebError> {
    let done = async {
        let new = NewUser {
            name: form.text("name").to_owned(),
            email: form.optional("email").map(str::to_owned),
            role: role(&form)?,
            zone: form.text("zone").to_owned(),
            password_hash: None,
        };
        let (actor, phone) = (signed_in.actor, form.optional("phone").map(str::to_owned));
        web.write(move |tx| {
            let id = users::create(tx, &actor, &new)?;
            if let Some(phone) = &phone {
                let added = users::add_contact(tx, &actor, id, Channel::Sms, phone);
                added.map_err(|error| about_field(error, "phone"))?;
            }
            Ok(id)
        })
        .await
    };
    match refused(done.await)? {
        Ok(id) => Ok(to(format!("/users/{id}"))),
        Err(refusal) => show(&web, &signed_in, Form::refused("user", &form.0.0, refusal)).await,
    }
}

/// The refusal names the field as its own form has it; here the field is called otherwise.
fn about_field(error: AppError, field: &'static str) -> AppError {
    match error {
        AppError::Refused(refusal) => AppError::Refused(Refusal { field: Some(field), ..refusal }),
        other => other,
    }
}

pub fn role(form: &Fields) -> Result<Role, Refusal> {
    let unknown = || Refusal::invalid("role_unknown", "role", "Choose one of the list.");
    Role::from_word(form.text("role")).ok_or_else(unknown)
}

pub fn roles() -> Vec<Choice> {
    Role::ALL.into_iter().map(|role| Choice::new(role.word(), role.word())).collect()
}

async fn show(web: &Arc<Web>, signed_in: &SignedIn, form: Form) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/users" };
    let status = form.status();
    let page = desk
        .look(move |sight, shell| {
            let teams = teams::all(sight.read)?;
            let shifts = shifts::ahead(sight.read, sight.reader)?;
            let row = |user: User| {
                let (login, _) = invitations::state(sight.read, &user, sight.reader.now)?;
                let login = login.word();
                let of = teams.iter().filter(|team| team.members.contains(&user.id)).map(|team| team.name.as_str());
                Ok(Row {
                    href: format!("/users/{}", user.id),
                    teams: of.collect::<Vec<_>>().join(", "),
                    reachable: reachable(&user),
                    next: shifts::next(&shifts, user.id, sight.names, sight.reader),
                    is_active: user.is_active(),
                    email: user
                        .email
                        .map(|email| shown_address(Channel::Email, &email, sight.viewer.role))
                        .unwrap_or_default(),
                    role: user.role.word(),
                    login,
                    name: user.name,
                })
            };
            let users = users::all(sight.read)?.into_iter().map(row).collect::<Result<_, AppError>>()?;
            Ok(Users { shell, users, form, roles: roles(), zones: zones() })
        })
        .await?;
    drawn(status, &page)
}

fn reachable(user: &User) -> String {
    let on = |channel: &Channel| user.contacts.iter().any(|contact| contact.enabled && contact.channel == *channel);
    let channels: Vec<&str> =
        Channel::ALL.iter().filter(|channel| on(channel)).map(|channel| channel.title()).collect();
    list(&channels)
}
