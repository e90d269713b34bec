//! What handlers take out of a request. All of it was put there by the guard, which has already decided that the
//! handler may run: an extractor here never says no to a credential.

use crate::domain::actor::Actor;
use crate::domain::alert_source::AlertSource;
use crate::domain::id::{ApiTokenId, Id, SessionId};
use crate::domain::preferences::{Preferences, Theme};
use crate::domain::refusal::Refusal;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::web::Web;
use crate::web::error::{Complaint, WebError};
use crate::web::guard;
use crate::web::objects::Objects;
use crate::web::openapi::{DescribeInput, Sketch};
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

/// Somebody in front of a browser.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub actor: Actor,
    /// As they are now, not as they were when they signed in.
    pub user: User,
    pub preferences: Preferences,
    /// For the hidden field `csrf` of every form.
    pub csrf: String,
    pub session: Session,
}

/// Whoever acts, by session or by a credential of their own.
#[derive(Clone, Debug)]
pub struct Caller {
    pub actor: Actor,
    pub user: User,
    pub credential: Credential,
}

/// What somebody showed to be who they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Credential {
    Session(SessionId),
    Basic,
    Token(ApiTokenId),
}

impl Caller {
    /// Refuses a personal token: what could outlive it is not for it to make.
    pub fn require_person(&self) -> Result<(), Refusal> {
        match self.credential {
            Credential::Session(_) | Credential::Basic => Ok(()),
            Credential::Token(_) => {
                let sentence = "A personal token cannot make or end tokens and sign-ins. Use email and password.";
                Err(Refusal::forbidden(sentence))
            }
        }
    }
}

/// The colours of whoever is signed in, on pages that anybody may read.
#[derive(Clone, Copy, Debug)]
pub struct Colours(pub Theme);

impl FromRequestParts<Arc<Web>> for Colours {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, WebError> {
        let reader = guard::signed_in(web, &parts.headers).await?;
        Ok(Colours(reader.map_or(Theme::System, |reader| reader.preferences.theme)))
    }
}

impl DescribeInput for Colours {
    fn describe(_: &mut Sketch<'_>) {}
}

/// The alert source whose key came with the request; it is active.
#[derive(Clone, Debug)]
pub struct FromSource(pub Arc<AlertSource>);

/// The fields of a form that has been found to be ours: right origin, right token, not too long.
#[derive(Clone, Debug, Default)]
pub struct FormBody(pub Fields);

/// The fields behind the question mark.
#[derive(Clone, Debug, Default)]
pub struct QueryFields(pub Fields);

/// The whole body as it came, at most as long as its route allows.
#[derive(Clone, Debug, Default)]
pub struct RawBody(pub Bytes);

/// A JSON body, read whole. An empty one reads as `{}`, since most actions need no fields.
#[derive(Clone, Debug)]
pub struct JsonBody<T>(pub T);

/// The id in the path; one that is no such id is simply not found.
#[derive(Clone, Copy, Debug)]
pub struct PathId<T>(pub T);

/// Names and values in the order they were sent; a name may come more than once.
#[derive(Clone, Debug, Default)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    pub fn parse(encoded: &[u8]) -> Fields {
        Fields(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The first value, trimmed; empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or("").trim()
    }

    /// The first value exactly as typed: passwords.
    pub fn verbatim(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or("")
    }

    /// `None` for an absent and for an empty field alike.
    pub fn optional(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The id in a field that must have one, such as a select.
    pub fn id<T: Id>(&self, name: &'static str) -> Result<T, Refusal> {
        self.optional_id(name)?.ok_or_else(|| Refusal::invalid("required", name, "Choose one of the list."))
    }

    pub fn optional_id<T: Id>(&self, name: &'static str) -> Result<Option<T>, Refusal> {
        let read = |text: &str| {
            T::from_str(text).map_err(|_| Refusal::invalid("unknown", name, "Choose one that is on the list."))
        };
        self.optional(name).map(read).transpose()
    }

    /// A number in a field that must have one.
    pub fn number<N: FromStr>(&self, name: &'static str) -> Result<N, Refusal> {
        self.text(name).parse().map_err(|_| Refusal::invalid("not_a_number", name, "Write a whole number."))
    }

    pub fn optional_number<N: FromStr>(&self, name: &'static str) -> Result<Option<N>, Refusal> {
        self.optional(name).map(|_| self.number(name)).transpose()
    }
}

impl Deref for FormBody {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.0
    }
}

impl Deref for QueryFields {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.0
    }
}

/// What the guard left for the handler. Its absence is our own mistake: the row promises another access.
fn left_by_guard<T: Clone + Send + Sync + 'static>(parts: &Parts) -> Result<T, WebError> {
    let missing =
        || WebError::Internal(format!("{} was asked for on {}", std::any::type_name::<T>(), parts.uri.path()));
    parts.extensions.get::<T>().cloned().ok_or_else(missing)
}

macro_rules! from_guard {
    ($($type:ty)*) => {$(
        impl<S: Sync> FromRequestParts<S> for $type {
            type Rejection = WebError;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, WebError> {
                left_by_guard(parts)
            }
        }
    )*};
}

from_guard! { SignedIn Caller FromSource FormBody RawBody }

impl<S: Sync> FromRequestParts<S> for QueryFields {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, WebError> {
        Ok(QueryFields(Fields::parse(parts.uri.query().unwrap_or("").as_bytes())))
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for JsonBody<T> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, WebError> {
        let RawBody(bytes) = left_by_guard(parts)?;
        read_json(if bytes.is_empty() { b"{}" } else { &bytes }).map(JsonBody)
    }
}

/// Not JSON is 400; a member that is unknown, missing or of another type is 422, and its pointer names it.
fn read_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, WebError> {
    let not_json =
        |error: &serde_json::Error| WebError::Unreadable(format!("The body is not JSON that can be read: {error}."));
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(Objects(&mut reader)).map_err(|error| {
        let pointer = pointer(error.path());
        let error = error.into_inner();
        if !error.is_data() {
            return not_json(&error);
        }
        let words = error.to_string();
        // Where in the text it is, which the pointer says better.
        let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
        let code = match words {
            words if words.starts_with("unknown field") => "member_unknown",
            words if words.starts_with("missing field") => "member_missing",
            _ => "member_type",
        };
        let detail = format!("The body does not have the expected shape: {words}.");
        WebError::Invalid(vec![Complaint { pointer, code, detail }])
    })?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// RFC 6901.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let segment = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => String::new(),
    };
    path.iter().map(segment).collect()
}

/// The two ids of a path; one that is no such id is simply not found.
#[derive(Clone, Copy, Debug)]
pub struct PathIds<A, B>(pub A, pub B);

impl<S: Send + Sync, A: Id, B: Id> FromRequestParts<S> for PathIds<A, B> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        let texts = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((first, second)) = texts.map_err(|_| WebError::NotFound)?;
        match (A::from_str(&first), B::from_str(&second)) {
            (Ok(first), Ok(second)) => Ok(PathIds(first, second)),
            _ => Err(WebError::NotFound),
        }
    }
}

impl<S: Send + Sync, T: Id> FromRequestParts<S> for PathId<T> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        let text = Path::<String>::from_request_parts(parts, state).await.map_err(|_| WebError::NotFound)?;
        T::from_str(&text).map(PathId).map_err(|_| WebError::NotFound)
    }
}
