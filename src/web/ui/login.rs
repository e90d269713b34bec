//! `/login`: signing in and, while nobody exists, the first admin.
//!
//! Every failed sign-in reads the same. The setup code is asked for unless the request was made on this very machine and
//! the server listens nowhere else: a proxy must not hand the admin role to a stranger.

use crate::app::setup;
use crate::app::users::NewUser;
use crate::domain::access::Role;
use crate::domain::actor::Door;
use crate::domain::refusal::Refusal;
use crate::web::address::Client;
use crate::web::basic::check_password;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, QueryFields, SignedIn};
use crate::web::guard::signed_in;
use crate::web::passwords::hashed;
use crate::web::session::{self, safe_next};
use crate::web::setup_code;
use crate::web::ui::demo::Account;
use crate::web::ui::form::Form;
use crate::web::ui::{page as drawn, refused, to, zones};
use crate::web::{Web, session::start};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/login.html", askama = rinja)]
struct SignIn {
    form: Form,
    /// What the provider is called that one may sign in with.
    provider: Option<String>,
    /// Whom one may be with one click.
    demo: Vec<Account>,
}

#[derive(Template)]
#[template(path = "templates/first_admin.html", askama = rinja)]
struct FirstAdmin {
    form: Form,
    needs_code: bool,
    zones: Vec<String>,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    Extension(client): Extension<Client>,
    query: QueryFields,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    if web.is_fresh().await? {
        let form = Form::blank("admin").with("zone", "UTC");
        return first_admin_page(&web, &client, form);
    }
    let next = safe_next(query.text("next"));
    if signed_in(&web, &headers).await?.is_some() {
        return Ok(to(next));
    }
    sign_in_page(&web, StatusCode::OK, Form::blank("login").with("next", next))
}

pub async fn submit(
    State(web): State<Arc<Web>>,
    Extension(client): Extension<Client>,
    form: FormBody,
) -> Result<Response, WebError> {
    if web.is_fresh().await? {
        let created = match create_first_admin(&web, &client, &form).await {
            Err(WebError::Busy) => {
                let form = Form::to_wait("admin", &form.0.0, "password", WebError::Busy)?;
                return first_admin_page(&web, &client, form);
            }
            created => refused(created)?,
        };
        return match created {
            Ok(cookie) => Ok(with_cookie(to("/dashboard"), cookie)),
            Err(refusal) => first_admin_page(&web, &client, Form::refused("admin", &form.0.0, refusal)),
        };
    }
    let checked = check_password(&web, form.text("email"), form.verbatim("password"), client.address, Door::Web).await;
    let refused = match checked {
        Ok(Some(user)) => {
            let cookie = start(&web, user.id, &client, "with the password").await?;
            return Ok(with_cookie(to(safe_next(form.text("next"))), cookie));
        }
        Ok(None) => {
            let sentence = "Email and password do not match an active account.";
            Form::refused("login", &form.0.0, Refusal::invalid("login_wrong", "email", sentence))
        }
        Err(error) => Form::to_wait("login", &form.0.0, "email", error)?,
    };
    sign_in_page(&web, refused.status(), refused.with("next", safe_next(form.text("next"))))
}

/// Somebody came back from the provider and is not let in.
pub fn refused_page(web: &Web, refusal: Refusal) -> Result<Response, WebError> {
    let form = Form::refused("login", &[], refusal).with("next", "/dashboard");
    sign_in_page(web, form.status(), form)
}

fn sign_in_page(web: &Web, status: StatusCode, form: Form) -> Result<Response, WebError> {
    let provider = web.settings.sign_on.as_ref().map(|sign_on| sign_on.provider.name().to_owned());
    let demo = web.demo.iter().flat_map(|demo| demo.accounts.clone()).collect();
    drawn(status, &SignIn { form, provider, demo })
}

pub async fn logout(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    let cookie = session::end(&web, &signed_in).await?;
    Ok(with_cookie(to("/login"), cookie))
}

fn first_admin_page(web: &Web, client: &Client, form: Form) -> Result<Response, WebError> {
    let status = form.status();
    drawn(status, &FirstAdmin { form, needs_code: setup_code::is_asked(client, &web.settings), zones: zones() })
}

async fn create_first_admin(web: &Arc<Web>, client: &Client, form: &FormBody) -> Result<HeaderValue, WebError> {
    setup_code::require(web, client, form.text("setup_code"))?;
    let email = form.optional("email").map(str::to_owned);
    if email.is_none() {
        return Err(Refusal::invalid("email_missing", "email", "Write the address you will sign in with.").into());
    }
    let own = [form.text("name"), form.text("email")];
    let password_hash = Some(hashed(web, form.verbatim("password"), &own).await?);
    let zone = form.text("zone").to_owned();
    let new = NewUser { name: form.text("name").to_owned(), email, role: Role::Admin, zone, password_hash };
    let user = web.write(move |tx| setup::create_first_admin(tx, &new)).await?;
    web.setup_code.retire();
    start(web, user, client, "as the first admin").await
}

pub fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}
