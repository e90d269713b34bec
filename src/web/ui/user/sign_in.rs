//! The part of `/users/{id}` about signing in: one's own new password, and what an admin does for somebody else: a link to
//! choose one, or an end of it. Nobody chooses a password for another.

use super::{answer, show, show_with};
use crate::app::invitations::{self, Made};
use crate::app::{AppError, users};
use crate::domain::id::UserId;
use crate::domain::invitation::Login;
use crate::domain::refusal::Refusal;
use crate::domain::user::User;
use crate::web::Web;
use crate::web::address::Client;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, PathId, SignedIn};
use crate::web::passwords::{self, NEW, OLD};
use crate::web::ui::Sight;
use crate::web::ui::clock::When;
use crate::web::ui::form::Form;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

/// What the template takes.
pub struct SignIn {
    pub is_own: bool,
    pub has_login: bool,
    pub invited_until: Option<When>,
    /// Whether there is an address to sign in with.
    pub has_email: bool,
    /// Where a link can be mailed to.
    pub mails_to: Option<String>,
    /// Shown this once.
    pub made: Option<Link>,
    pub password_form: Form,
    pub invitation_form: Form,
}

pub struct Link {
    pub href: String,
    pub until: When,
    pub mailed_to: Option<String>,
}

/// Everybody who sees a link may: admins.
pub fn shown(
    sight: &Sight<'_>,
    user: &User,
    is_own: bool,
    refused: &Option<Form>,
    made: Option<Made>,
) -> Result<SignIn, AppError> {
    let (login, invited_until) = invitations::state(sight.read, user, sight.reader.now)?;
    let base_url = sight.app.settings.base_url.as_deref().unwrap_or_default().trim_end_matches('/');
    let link = |made: Made| Link {
        href: format!("{base_url}{}", invitations::path(&made.token)),
        until: sight.reader.exactly(made.ends_at),
        mailed_to: made.mailed_to,
    };
    let mail = if invitations::can_mail(sight.app) { invitations::mail_of(user).ok() } else { None };
    Ok(SignIn {
        is_own,
        has_login: login == Login::Yes,
        invited_until: invited_until.map(|at| sight.reader.exactly(at)),
        has_email: user.email.is_some(),
        mails_to: mail.map(|contact| contact.address.clone()),
        made: made.map(link),
        password_form: Form::chosen(refused, Form::blank("password"), &[]),
        invitation_form: Form::chosen(refused, Form::blank("invitation"), &[]),
    })
}

pub async fn change_password(
    State(web): State<Arc<Web>>,
    Extension(client): Extension<Client>,
    signed_in: SignedIn,
    PathId(id): PathId<UserId>,
    form: FormBody,
) -> Result<Response, WebError> {
    if signed_in.user.id != id {
        let sentence = "Nobody chooses a password for another. An admin can make a link by which they choose one.";
        return Err(Refusal::forbidden(sentence).into());
    }
    let who = (&signed_in.user, signed_in.actor, client.address);
    let typed = (form.verbatim(OLD), form.verbatim(NEW));
    let done = match passwords::change(&web, who, typed, Some(signed_in.session.id)).await {
        Err(error @ (WebError::Busy | WebError::TooMany { .. })) => {
            return show(&web, &signed_in, id, Some(Form::to_wait("password", &[], OLD, error)?)).await;
        }
        done => done,
    };
    answer(&web, &signed_in, id, done, "password", &form).await
}

pub async fn invite(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<UserId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let made = make(&web, &signed_in, id, form.optional("mail").is_some()).await;
    match crate::web::ui::refused(made)? {
        Ok(made) => show_with(&web, &signed_in, id, None, Some(made)).await,
        Err(refusal) => show(&web, &signed_in, id, Some(Form::refused("invitation", &form.0.0, refusal))).await,
    }
}

async fn make(web: &Web, signed_in: &SignedIn, id: UserId, mails: bool) -> Result<Made, WebError> {
    if mails {
        invitations::require_mail(&web.app)?;
    }
    let (actor, key) = (signed_in.actor, web.app.settings.link_key.clone());
    web.write(move |tx| invitations::invite(tx, &actor, &key, id, mails)).await
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
