//! What stands before every handler: is it from our pages, who is it, may they, is the form theirs.
//!
//! In this order, and the body is read last, so a stranger learns nothing about what exists and costs nothing but the
//! look at his credential. What was found out is left in the request for the extractors of `extract`.

use crate::app::{auth, preferences};
use crate::domain::access::{self, Action};
use crate::domain::actor::{Actor, Door};
use crate::domain::user::User;
use crate::web::address::Client;
use crate::web::api::contract::not_modified;
use crate::web::error::{Audience, WebError};
use crate::web::extract::{Caller, Credential, Fields, FormBody, FromSource, RawBody, SignedIn};
use crate::web::layers::Found;
use crate::web::repeats::{self, Repeats};
use crate::web::routes::Access;
use crate::web::session::Token;
use crate::web::ui::confirm;
use crate::web::ui::fragment::X_FRAGMENT;
use crate::web::{Web, basic, bearer, body, denials, keys, origin};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// The part of a row that is enforced here.
#[derive(Clone, Copy, Debug)]
pub struct Guarded {
    pub access: Access,
    pub body_limit: usize,
    /// Whether the password counts for ten minutes only.
    pub proof: bool,
    pub repeats: Option<Repeats>,
}

pub async fn guard(
    State((web, row)): State<(Arc<Web>, Guarded)>,
    request: Request,
    next: Next,
) -> Result<Response, WebError> {
    let (mut parts, body) = request.into_parts();
    let changes = !matches!(parts.method, Method::GET | Method::HEAD);
    // Tools that send alerts are no browsers, and mail programs that show a link's page have no origin.
    let crosses_sites = matches!(row.access, Access::SourceKey | Access::Link | Access::Ping);
    if changes && !crosses_sites {
        origin::require_own(&parts.headers, client_of(&parts)?, &web.settings)?;
    }
    let cookie = admit(&web, row.access, &mut parts).await?;
    if !changes && row.access != Access::Ping {
        let known = parts.headers.clone();
        return Ok(not_modified(&known, next.run(Request::from_parts(parts, body)).await));
    }
    // Alerts are kept even if they are too long, so their handler reads by itself.
    if matches!(row.access, Access::SourceKey | Access::Ping) {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    }
    let bytes = body::read(body, row.body_limit).await?;
    match Audience::of(parts.uri.path()) {
        Audience::Browser => {
            let mut form = Fields::parse(&bytes);
            require_token(cookie.as_ref(), form.verbatim("csrf"))?;
            if row.proof
                && let Some(asked) = confirm::unless_proved(&web, &parts, &mut form).await?
            {
                return Ok(asked);
            }
            parts.extensions.insert(FormBody(form));
        }
        Audience::Program => {
            // A provider's report counts whatever it calls itself, and its address is no secret that a browser sends along.
            if row.access != Access::Link {
                require_json(&parts.headers, &bytes)?;
            }
            let sent = parts.headers.get("x-csrf-token").and_then(|value| value.to_str().ok());
            require_token(cookie.as_ref(), sent.unwrap_or(""))?;
            let session = parts.extensions.get::<SignedIn>().map(|signed_in| &signed_in.session);
            if row.proof && session.is_some_and(|session| !session.is_proved_at(web.app.now())) {
                return Err(WebError::Forbidden(
                    "Sign in again first: this asks for a password of the last ten minutes.",
                ));
            }
            parts.extensions.insert(RawBody(bytes));
        }
    }
    let request = Request::from_parts(parts, Body::empty());
    match row.repeats {
        Some(repeats) => repeats::once(web, repeats, request, next).await,
        None => Ok(next.run(request).await),
    }
}

/// Lets through whom the row lets through. Answers the cookie if that was the credential: browsers attach it by
/// themselves, so an unsafe request must carry a second sign that follows from it.
async fn admit(web: &Web, access: Access, parts: &mut Parts) -> Result<Option<Token>, WebError> {
    let action = match access {
        Access::Public | Access::Link | Access::Ping => return Ok(None),
        Access::Setup => {
            return if web.is_fresh().await? { Ok(None) } else { Err(WebError::NotFound) };
        }
        Access::SourceKey => {
            let source = keys::alert_source(web, parts).await?;
            parts.extensions.insert(FromSource(source));
            return Ok(None);
        }
        Access::Viewer | Access::SelfOnly => Action::Read,
        Access::Responder => Action::WorkOnIncidents,
        Access::Admin => Action::Configure,
    };
    let (mut caller, cookie) = identify(web, parts).await?;
    place(&mut caller, parts)?;
    if let Err(refusal) = access::require(&caller.actor, action) {
        denials::note(web, &caller.actor, parts).await;
        return Err(refusal.into());
    }
    let is_call = Audience::of(parts.uri.path()) == Audience::Program;
    if is_call && !web.calls.admit(caller.user.id, web.app.now()) {
        return Err(WebError::TooMany { retry_after_secs: 1 });
    }
    parts.extensions.insert(caller);
    Ok(cookie)
}

/// Where the caller is, for the audit log.
fn place(caller: &mut Caller, parts: &mut Parts) -> Result<(), WebError> {
    caller.actor = caller.actor.at(client_of(parts)?.address);
    if let Some(signed_in) = parts.extensions.get_mut::<SignedIn>() {
        signed_in.actor = caller.actor;
    }
    Ok(())
}

async fn identify(web: &Web, parts: &mut Parts) -> Result<(Caller, Option<Token>), WebError> {
    let audience = Audience::of(parts.uri.path());
    let door = match audience {
        Audience::Browser => Door::Web,
        Audience::Program => Door::Api,
    };
    if audience == Audience::Program
        && let Some(authorization) = parts.headers.get(header::AUTHORIZATION)
    {
        let (user, role, credential) = if let Some(text) = bearer::token(authorization) {
            let (token, user) = bearer::owner(web, text).await?;
            let role = token.role_for(user.role);
            (user, role, Credential::Token(token.id))
        } else {
            let user = basic::user(web, authorization, client_of(parts)?).await?;
            let role = user.role;
            (user, role, Credential::Basic)
        };
        return Ok((Caller { actor: Actor::user(user.id, role, door), user: User { role, ..user }, credential }, None));
    }
    // A page that looks again by itself is nobody at the keyboard, so it keeps no session alive.
    let is_use = parts.method != Method::GET || !parts.headers.contains_key(X_FRAGMENT);
    match session(web, &parts.headers, door, is_use).await? {
        Some((signed_in, token)) => {
            if let Some(found) = parts.extensions.get::<Found>() {
                found.note(signed_in.preferences);
            }
            let credential = Credential::Session(signed_in.session.id);
            let caller = Caller { actor: signed_in.actor, user: signed_in.user.clone(), credential };
            parts.extensions.insert(signed_in);
            Ok((caller, Some(token)))
        }
        None if audience == Audience::Program => Err(WebError::Unauthorized { realm: "PagerPal" }),
        None => {
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            let next = if matches!(parts.method, Method::GET | Method::HEAD) { path } else { "/dashboard" };
            Err(WebError::SignIn { next: next.to_owned() })
        }
    }
}

/// Whoever the session cookie belongs to, for public pages that look different to somebody who is signed in.
pub async fn signed_in(web: &Web, headers: &HeaderMap) -> Result<Option<SignedIn>, WebError> {
    Ok(session(web, headers, Door::Web, true).await?.map(|(signed_in, _)| signed_in))
}

async fn session(
    web: &Web,
    headers: &HeaderMap,
    door: Door,
    is_use: bool,
) -> Result<Option<(SignedIn, Token)>, WebError> {
    let Some(token) = Token::of(headers, web.settings.cookie_secure) else { return Ok(None) };
    let kept = token.kept(&web.settings.session_key);
    let found = web
        .read(move |read| {
            let Some((session, user)) = auth::session(read, kept)? else { return Ok(None) };
            let preferences = preferences::of(read, user.id)?;
            Ok(Some((session, user, preferences)))
        })
        .await?;
    let Some((session, user, preferences)) = found else { return Ok(None) };
    if is_use {
        web.seen.note(web, &session);
    }
    let actor = Actor::user(user.id, user.role, door);
    let csrf = token.masked(web.app.random_bytes());
    Ok(Some((SignedIn { actor, user, preferences, csrf, session }, token)))
}

fn require_token(cookie: Option<&Token>, sent: &str) -> Result<(), WebError> {
    match cookie {
        Some(token) if !token.is_csrf(sent) => {
            Err(WebError::Forbidden("This form is not from your current session. Reload the page and send it again."))
        }
        _ => Ok(()),
    }
}

/// A form of a foreign page can only be sent as one of three simple types; JSON is none of them.
fn require_json(headers: &HeaderMap, bytes: &Bytes) -> Result<(), WebError> {
    if bytes.is_empty() {
        return Ok(());
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    if kind.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(WebError::Unsupported) }
}

pub fn client_of(parts: &Parts) -> Result<&Client, WebError> {
    let missing = || WebError::Internal("no layer has found out who the client is".into());
    parts.extensions.get::<Client>().ok_or_else(missing)
}
