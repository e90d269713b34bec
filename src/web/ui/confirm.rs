//! "Is it still you?": asked before what opens new doors or could lock others out, when the password was given more than
//! ten minutes ago.
//!
//! The page carries the form that was sent, so giving the password carries on where one was: nothing is typed twice, and
//! nothing is kept here meanwhile.

use crate::app::auth;
use crate::domain::actor::Door;
use crate::domain::preferences::Theme;
use crate::domain::refusal::Refusal;
use crate::web::Web;
use crate::web::basic::check_password;
use crate::web::error::WebError;
use crate::web::extract::{Fields, SignedIn};
use crate::web::guard::client_of;
use crate::web::ui::form::Form;
use crate::web::ui::page as drawn;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use rinja::Template;

#[derive(Template)]
#[template(path = "templates/confirm.html", askama = rinja)]
struct Page {
    form: Form,
    action: String,
    name: String,
    /// Everything that was sent, this session's sign included.
    fields: Vec<(String, String)>,
    provider: Option<String>,
    theme: Theme,
}

/// The field that the page adds; no handler ever sees it.
const PASSWORD: &str = "confirm_password";

/// `None` if the form may go on: the password is fresh, or has just been given.
pub async fn unless_proved(web: &Web, parts: &Parts, form: &mut Fields) -> Result<Option<Response>, WebError> {
    let typed = form.verbatim(PASSWORD).to_owned();
    form.0.retain(|(name, _)| name != PASSWORD);
    let Some(signed_in) = parts.extensions.get::<SignedIn>() else { return Ok(None) };
    if signed_in.session.is_proved_at(web.app.now()) {
        return Ok(None);
    }
    if typed.is_empty() {
        return asked(web, parts, signed_in, form, Form::blank("confirm")).map(Some);
    }
    let email = signed_in.user.email.clone().unwrap_or_default();
    let checked = check_password(web, &email, &typed, client_of(parts)?.address, Door::Web).await;
    let refused = match checked {
        Ok(Some(user)) if user.id == signed_in.user.id => {
            let hash = signed_in.session.token_hash;
            web.write(move |tx| auth::prove(tx, hash)).await?;
            return Ok(None);
        }
        Ok(_) => {
            let sentence = "This is not your password. Try again.";
            Form::refused("confirm", &[], Refusal::invalid("password_wrong", PASSWORD, sentence))
        }
        Err(error) => Form::to_wait("confirm", &[], PASSWORD, error)?,
    };
    asked(web, parts, signed_in, form, refused).map(Some)
}

fn asked(web: &Web, parts: &Parts, signed_in: &SignedIn, sent: &Fields, form: Form) -> Result<Response, WebError> {
    let status = match form.status() {
        StatusCode::SERVICE_UNAVAILABLE => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    let page = Page {
        form,
        action: parts.uri.path().to_owned(),
        name: signed_in.user.name.clone(),
        fields: sent.0.clone(),
        provider: web.settings.sign_on.as_ref().map(|sign_on| sign_on.provider.name().to_owned()),
        theme: signed_in.preferences.theme,
    };
    drawn(status, &page)
}
