//! `/users/{id}/access`: where somebody is signed in, and their personal tokens. One's own, or anybody's to an admin; tokens
//! are made by their owner alone.

use crate::app::{AppError, sessions, tokens, users};
use crate::domain::access::Role;
use crate::domain::actor::Actor;
use crate::domain::id::{ApiTokenId, SessionId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::token::Wanted;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, PathId, SignedIn};
use crate::web::ui::clock::When;
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Sight, page as drawn, refused, to};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/access.html", askama = rinja)]
struct Page {
    shell: Shell,
    base: String,
    person: String,
    name: String,
    is_own: bool,
    /// Shown this once.
    new_token: Option<String>,
    tokens: Vec<TokenLine>,
    sessions: Vec<SessionLine>,
    form: Form,
    roles: Vec<Choice>,
    terms: Vec<Choice>,
}

struct TokenLine {
    name: String,
    tail: String,
    role: &'static str,
    used: Option<When>,
    expires: Option<When>,
    has_expired: bool,
    revoke: String,
}

struct SessionLine {
    agent: String,
    address: String,
    is_this: bool,
    begun: When,
    used: When,
    end: String,
}

/// Days until a token expires; 0 is never.
const TERMS: [(&str, &str); 4] = [("90", "in 90 days"), ("30", "in 30 days"), ("365", "in a year"), ("0", "never")];

#[derive(Default)]
struct Asked {
    refused: Option<Form>,
    new_token: Option<String>,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<UserId>,
) -> Result<Response, WebError> {
    show(&web, &signed_in, id, Asked::default()).await
}

pub async fn create_token(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<UserId>,
    form: FormBody,
) -> Result<Response, WebError> {
    if id != signed_in.user.id {
        return Err(Refusal::forbidden("Only its owner can make a personal token: it acts in their name.").into());
    }
    let token = tokens::spell(&web.app.random_bytes());
    let done = async {
        let days: i64 = form.number("days")?;
        let unknown = || Refusal::invalid("role_unknown", "role", "A role is admin, responder or viewer.");
        let most = Role::from_word(form.text("role")).ok_or_else(unknown)?;
        let expires_at = (days > 0).then(|| web.app.now().plus_secs(days.min(3650) * 86_400));
        let wanted = Wanted { name: form.text("name").to_owned(), most, expires_at };
        let (actor, text) = (signed_in.actor, token.clone());
        web.write(move |tx| tokens::create(tx, &actor, &wanted, &text)).await
    };
    let asked = match refused(done.await)? {
        Ok(_) => Asked { new_token: Some(token), refused: None },
        Err(refusal) => Asked { refused: Some(Form::refused("token", &form.0.0, refusal)), new_token: None },
    };
    show(&web, &signed_in, id, asked).await
}

pub async fn revoke_token(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path((user, token)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let (user, token) = ids::<ApiTokenId>(&user, &token)?;
    let actor: Actor = signed_in.actor;
    web.write(move |tx| tokens::revoke(tx, &actor, user, token)).await?;
    Ok(to(format!("/users/{user}/access")))
}

pub async fn end_session(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path((user, session)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let (user, session) = ids::<SessionId>(&user, &session)?;
    let actor = signed_in.actor;
    web.write(move |tx| sessions::end(tx, &actor, user, session)).await?;
    Ok(to(format!("/users/{user}/access")))
}

/// Everywhere but here.
pub async fn end_sessions(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(user): PathId<UserId>,
) -> Result<Response, WebError> {
    let (actor, here) = (signed_in.actor, signed_in.session.id);
    web.write(move |tx| sessions::end_all(tx, &actor, user, Some(here))).await?;
    Ok(to(format!("/users/{user}/access")))
}

fn ids<T: std::str::FromStr>(user: &str, other: &str) -> Result<(UserId, T), WebError> {
    let missing = || WebError::NotFound;
    Ok((user.parse().map_err(|_| missing())?, other.parse().map_err(|_| missing())?))
}

async fn show(web: &Arc<Web>, signed_in: &SignedIn, id: UserId, asked: Asked) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/users" };
    let status = asked.refused.as_ref().map_or(StatusCode::OK, Form::status);
    let (actor, here) = (signed_in.actor, signed_in.session.id);
    let page = desk.look(move |sight, shell| shown(sight, shell, id, (actor, here), asked)).await?;
    drawn(status, &page)
}

fn shown(
    sight: &Sight<'_>,
    shell: Shell,
    id: UserId,
    (actor, here): (Actor, SessionId),
    asked: Asked,
) -> Result<Page, AppError> {
    let Sight { read, reader, viewer, .. } = *sight;
    let user = users::one(read, id)?;
    let base = format!("/users/{id}/access");
    let tokens = tokens::of(read, &actor, id)?.into_iter().map(|token| TokenLine {
        revoke: format!("{base}/tokens/{}/revoke", token.id),
        role: token.role_for(user.role).word(),
        used: token.used_at.map(|at| reader.when(at)),
        expires: token.expires_at.map(|at| reader.exactly(at)),
        has_expired: !token.is_good_at(reader.now),
        name: token.name,
        tail: token.tail,
    });
    let sessions = sessions::of(read, &actor, id)?.into_iter().map(|session| SessionLine {
        is_this: session.id == here,
        begun: reader.when(session.created_at),
        used: reader.when(session.used_at),
        end: format!("{base}/sessions/{}/end", session.id),
        agent: if session.device.agent.is_empty() { "unnamed browser".to_owned() } else { session.device.agent },
        address: session.device.address,
    });
    let roles = Role::ALL.into_iter().rev().filter(|role| *role <= user.role);
    Ok(Page {
        tokens: tokens.collect(),
        sessions: sessions.collect(),
        is_own: viewer.id == id,
        new_token: asked.new_token,
        form: Form::chosen(&asked.refused, Form::blank("token").with("days", TERMS[0].0), &[]),
        roles: roles.map(|role| Choice::new(role.word(), role.word())).collect(),
        terms: TERMS.iter().map(|(days, words)| Choice::new(days, *words)).collect(),
        person: format!("/users/{id}"),
        name: user.name,
        base,
        shell,
    })
}
