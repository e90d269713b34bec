//! `/invite/{token}`: somebody chooses a password and is signed in.
//!
//! The link is the person, as in `act`: a GET or HEAD only looks, the form posts, and what was posted uses the link up.
//! Nothing is hashed for whoever holds no good one.

use crate::app::invitations;
use crate::domain::refusal::Refusal;
use crate::domain::user::User;
use crate::web::Web;
use crate::web::address::Client;
use crate::web::error::WebError;
use crate::web::extract::FormBody;
use crate::web::passwords::{NEW, hashed, words_of};
use crate::web::session;
use crate::web::ui::form::Form;
use crate::web::ui::{page as drawn, refused, to};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/invite.html", askama = rinja)]
struct Page {
    shown: Option<Shown>,
}

struct Shown {
    name: String,
    email: String,
    /// Nobody could sign in with this address yet.
    is_first: bool,
    action: String,
    form: Form,
}

pub async fn page(State(web): State<Arc<Web>>, Path(token): Path<String>) -> Result<Response, WebError> {
    match look(&web, &token).await? {
        Some(user) => show(&token, user, Form::blank("invite")),
        None => nothing(&web),
    }
}

pub async fn submit(
    State(web): State<Arc<Web>>,
    Extension(client): Extension<Client>,
    Path(token): Path<String>,
    form: FormBody,
) -> Result<Response, WebError> {
    let Some(user) = look(&web, &token).await? else { return nothing(&web) };
    let hash = match hashed(&web, form.verbatim(NEW), &words_of(&user)).await {
        Err(WebError::Busy) => return show(&token, user, Form::to_wait("invite", &[], NEW, WebError::Busy)?),
        hash => refused(hash)?,
    };
    let hash = match hash {
        Ok(hash) => hash,
        Err(refusal) => {
            let refusal = Refusal { field: Some(NEW), ..refusal };
            return show(&token, user, Form::refused("invite", &[], refusal));
        }
    };
    let (key, address) = (web.app.settings.link_key.clone(), client.address);
    let accepted = web.write(move |tx| invitations::accept(tx, &key, &token, &hash, address)).await?;
    // Somebody else may have used it meanwhile.
    let Some(user) = accepted else { return nothing(&web) };
    let cookie = session::start(&web, user, &client, "by an invitation").await?;
    let mut response = to("/dashboard");
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

async fn look(web: &Web, token: &str) -> Result<Option<User>, WebError> {
    let (key, token) = (web.app.settings.link_key.clone(), token.to_owned());
    let found = web.read(move |read| invitations::look(read, &key, &token, read.now())).await?;
    Ok(found.map(|(_, user)| user))
}

fn show(token: &str, user: User, form: Form) -> Result<Response, WebError> {
    let status = form.status();
    let shown = Shown {
        email: user.email.unwrap_or_default(),
        is_first: user.login.is_none(),
        action: invitations::path(token),
        name: user.name,
        form,
    };
    drawn(status, &Page { shown: Some(shown) })
}

/// Wrong ones are limited; right ones never are.
fn nothing(web: &Web) -> Result<Response, WebError> {
    if web.wrong_links.admit((), web.app.now()) {
        return drawn(StatusCode::NOT_FOUND, &Page { shown: None });
    }
    tracing::warn!("links that open nothing are tried without end");
    Err(WebError::TooMany { retry_after_secs: 10 })
}
