//! Speaks with the OpenID Connect provider that people sign in with: where it answers, which keys it has, and what it
//! says of a person. `token` judges what it signed.
//!
//! Its own description and its keys are kept for an hour; a token signed by an unknown key makes us look at the keys again,
//! at most once a minute, since providers change theirs without a word.

pub mod token;

use self::token::{Expected, Flaw, Keys};
use crate::domain::refusal::Refusal;
use crate::domain::sign_on::Identity;
use crate::domain::time::Timestamp;
use crate::egress::{self, Egress, Purpose};
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::RequestBuilder;
use reqwest::header;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};

const KEPT_SECS: i64 = 3600;
const KEYS_ANEW_SECS: i64 = 60;

/// What the operator has said about it.
pub struct Settings {
    /// Exactly as it writes it in its tokens.
    pub issuer: String,
    pub client_id: String,
    /// `None` for a public client, which PKCE alone protects.
    pub client_secret: Option<Secret<String>>,
    /// What people call it.
    pub name: String,
    pub scopes: String,
    pub role_claim: String,
}

/// The provider, with what is known of it.
pub struct Provider {
    settings: Settings,
    egress: Arc<Egress>,
    endpoints: Mutex<Option<(Timestamp, Arc<Endpoints>)>>,
    keys: Mutex<Option<(Timestamp, Arc<Keys>)>>,
}

/// From the provider's own description.
#[derive(Debug, Deserialize)]
struct Endpoints {
    issuer: String,
    #[serde(rename = "authorization_endpoint")]
    authorization: String,
    #[serde(rename = "token_endpoint")]
    token: String,
    #[serde(rename = "jwks_uri")]
    keys: String,
    #[serde(rename = "userinfo_endpoint")]
    person: Option<String>,
    #[serde(rename = "token_endpoint_auth_methods_supported", default)]
    auth_methods: Vec<String>,
}

/// What is asked of it, and with what the answer will be told from any other.
pub struct Ask<'a> {
    pub redirect_uri: &'a str,
    pub state: &'a str,
    pub nonce: &'a str,
    /// The digest of the verifier that will come with the code.
    pub challenge: &'a str,
}

/// A code, and what proves that it was made for this browser.
pub struct Exchange<'a> {
    pub code: &'a str,
    pub redirect_uri: &'a str,
    pub verifier: &'a str,
    pub nonce: &'a str,
}

#[derive(Debug)]
pub enum Trouble {
    /// The person said no there, or the provider did; its own word for it.
    Denied(String),
    /// It does not answer, or not as a provider does. For the log.
    Broken(String),
    Token(Flaw),
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

impl Trouble {
    /// What the person reads; what the operator needs to know goes to the log.
    pub fn refusal(self, name: &str) -> Refusal {
        let sentence = match self {
            Trouble::Denied(word) => {
                tracing::info!("{name} turned a sign-in away: {word:?}");
                format!("{name} did not sign you in. Try again, or sign in with email and password.")
            }
            Trouble::Broken(cause) => {
                tracing::warn!("{name} cannot be used to sign in: {cause}");
                format!(
                    "{name} cannot be reached or is not set up right. Sign in with email and password; the log says more."
                )
            }
            Trouble::Token(flaw) => {
                tracing::warn!("{name} sent a token that does not hold: {flaw:?}");
                format!(
                    "{name} sent an answer that does not hold, so it was not believed. Begin again; the log says more."
                )
            }
        };
        Refusal::invalid("sign_on_failed", "provider", sentence)
    }
}

impl Provider {
    pub fn new(settings: Settings, egress: Arc<Egress>) -> Provider {
        Provider { settings, egress, endpoints: Mutex::default(), keys: Mutex::default() }
    }

    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Where the browser goes to sign in.
    pub async fn authorization_url(&self, ask: &Ask<'_>, now: Timestamp) -> Result<String, Trouble> {
        let endpoints = self.endpoints(now).await?;
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", &self.settings.client_id),
                ("redirect_uri", ask.redirect_uri),
                ("scope", &self.settings.scopes),
                ("state", ask.state),
                ("nonce", ask.nonce),
                ("code_challenge", ask.challenge),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        let joint = if endpoints.authorization.contains('?') { '&' } else { '?' };
        Ok(format!("{}{joint}{query}", endpoints.authorization))
    }

    /// Changes the code for what the provider says of the person.
    pub async fn identity(&self, exchange: &Exchange<'_>, now: Timestamp) -> Result<Identity, Trouble> {
        let endpoints = self.endpoints(now).await?;
        let tokens: Tokens = ask(self.token_request(&endpoints, exchange)?).await?;
        let mut claims = self.claims(&endpoints, exchange.nonce, &tokens.id_token, now).await?;
        // Many providers put only the name of the account into the token and tell the rest when asked.
        let tells_all = claims.contains_key("email") && claims.contains_key(&self.settings.role_claim);
        if let (false, Some(url), Some(access)) = (tells_all, &endpoints.person, &tokens.access_token) {
            let more: Map<String, Value> = ask(self.get(url)?.bearer_auth(access)).await?;
            if more.get("sub") != claims.get("sub") {
                return Err(Trouble::Broken("it describes another person than it signed in".to_owned()));
            }
            for (name, value) in more {
                claims.entry(name).or_insert(value);
            }
        }
        Ok(identity(&claims, &self.settings.role_claim))
    }

    async fn endpoints(&self, now: Timestamp) -> Result<Arc<Endpoints>, Trouble> {
        if let Some(known) = fresh(&self.endpoints, now, KEPT_SECS) {
            return Ok(known);
        }
        let issuer = &self.settings.issuer;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let found: Endpoints = ask(self.get(&url)?).await?;
        if found.issuer != *issuer {
            return Err(Trouble::Broken(format!("it calls itself {}, and OIDC_ISSUER is {issuer}", found.issuer)));
        }
        Ok(keep(&self.endpoints, now, found))
    }

    async fn claims(
        &self,
        endpoints: &Endpoints,
        nonce: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Map<String, Value>, Trouble> {
        let Settings { issuer, client_id, .. } = &self.settings;
        let judge = |keys: &Keys| token::claims(token, keys, &Expected { issuer, client_id, nonce, now });
        if let Some(keys) = fresh(&self.keys, now, KEPT_SECS) {
            match judge(&keys) {
                Err(Flaw::Key) if fresh(&self.keys, now, KEYS_ANEW_SECS).is_none() => {}
                judged => return judged.map_err(Trouble::Token),
            }
        }
        let keys = keep(&self.keys, now, ask(self.get(&endpoints.keys)?).await?);
        judge(&keys).map_err(Trouble::Token)
    }

    /// The secret goes into the header that the standard prefers, unless the provider takes it in the form alone.
    fn token_request(&self, endpoints: &Endpoints, exchange: &Exchange<'_>) -> Result<RequestBuilder, Trouble> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([
            ("grant_type", "authorization_code"),
            ("code", exchange.code),
            ("redirect_uri", exchange.redirect_uri),
            ("code_verifier", exchange.verifier),
        ]);
        let mut request = self.egress.client(Purpose::Operator).post(&endpoints.token).map_err(broken)?;
        let client_id = &self.settings.client_id;
        let takes = |method: &str| endpoints.auth_methods.iter().any(|known| known == method);
        match &self.settings.client_secret {
            Some(secret) if takes("client_secret_basic") || !takes("client_secret_post") => {
                let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encoded(client_id), encoded(secret.expose()));
                request = request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)));
            }
            Some(secret) => {
                form.extend_pairs([("client_id", client_id), ("client_secret", secret.expose())]);
            }
            None => {
                form.append_pair("client_id", client_id);
            }
        }
        let kind = "application/x-www-form-urlencoded";
        Ok(request.header(header::CONTENT_TYPE, kind).body(form.finish()))
    }

    fn get(&self, url: &str) -> Result<RequestBuilder, Trouble> {
        self.egress.client(Purpose::Operator).get(url).map_err(broken)
    }
}

fn fresh<T>(kept: &Mutex<Option<(Timestamp, Arc<T>)>>, now: Timestamp, secs: i64) -> Option<Arc<T>> {
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.as_ref().filter(|(at, _)| now.secs_since(*at) < secs).map(|(_, known)| Arc::clone(known))
}

fn keep<T>(kept: &Mutex<Option<(Timestamp, Arc<T>)>>, now: Timestamp, found: T) -> Arc<T> {
    let found = Arc::new(found);
    *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&found)));
    found
}

/// A JSON answer. What the provider says of its own failures may hold what was sent, so only the status is repeated.
async fn ask<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Trouble> {
    let response =
        request.header(header::ACCEPT, "application/json").send().await.map_err(|error| broken(error.without_url()))?;
    let (status, path) = (response.status(), response.url().path().to_owned());
    if !status.is_success() {
        return Err(Trouble::Broken(format!("{path} answered {status}")));
    }
    let body = egress::read_limited(response).await.map_err(broken)?;
    serde_json::from_slice(&body).map_err(|_| Trouble::Broken(format!("{path} answered something unexpected")))
}

fn broken(error: impl std::fmt::Display) -> Trouble {
    Trouble::Broken(error.to_string())
}

/// Claims in the spellings that providers use: a list or one word, true or "true".
fn identity(claims: &Map<String, Value>, role_claim: &str) -> Identity {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let groups = match claims.get(role_claim) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(one)) => one.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        _ => vec![],
    };
    let verified = claims.get("email_verified");
    Identity {
        email: text("email"),
        email_verified: verified.is_some_and(|value| value == &Value::Bool(true) || value == "true"),
        name: text("name").or_else(|| text("preferred_username")),
        zone: text("zoneinfo"),
        groups,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_are_read_as_providers_write_them() {
        let read = |claims: Value| identity(claims.as_object().expect("an object"), "groups");
        let ana = read(json!({
            "email": "ana@example.org", "email_verified": true, "name": "Ana", "zoneinfo": "Europe/Berlin",
            "groups": ["ops", 7, "sre"],
        }));
        assert_eq!(ana.groups, ["ops", "sre"]);
        assert_eq!((ana.email_verified, ana.name.as_deref()), (true, Some("Ana")));
        assert_eq!(ana.zone.as_deref(), Some("Europe/Berlin"));
        let bo = read(json!({"email_verified": "true", "preferred_username": "bo", "groups": "ops sre"}));
        assert_eq!((bo.groups.len(), bo.email_verified, bo.email), (2, true, None));
        assert!(!read(json!({"email": "x@example.org", "email_verified": 1})).email_verified);
        assert!(!read(json!({"email": "x@example.org"})).email_verified);
    }
}
