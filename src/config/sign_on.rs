//! Single sign-on: the provider people sign in with, or `None` while it is not set up in full.

use super::keys;
use super::reader::Reader;
use crate::secret::Secret;

#[derive(Clone)]
pub struct SignOn {
    /// Exactly as the provider writes it in its tokens.
    pub issuer: String,
    pub client_id: String,
    /// `None` for a public client, which PKCE alone protects.
    pub client_secret: Option<Secret<String>>,
    /// What people call it: "Sign in with …".
    pub name: String,
    pub scopes: String,
    pub role_claim: String,
    /// Groups by the role they give.
    pub admins: Vec<String>,
    pub responders: Vec<String>,
    pub viewers: Vec<String>,
    /// Whether somebody unknown who has a role becomes a user.
    pub creates_users: bool,
}

pub(super) fn read(reader: &mut Reader) -> Option<SignOn> {
    let issuer = reader.read(&keys::OIDC_ISSUER);
    let client_id = reader.read(&keys::OIDC_CLIENT_ID);
    let client_secret = reader.read(&keys::OIDC_CLIENT_SECRET);
    let name = reader.read(&keys::OIDC_NAME);
    let scopes = reader.read(&keys::OIDC_SCOPES);
    let role_claim = reader.read(&keys::OIDC_ROLE_CLAIM);
    let admins = reader.read(&keys::OIDC_ADMIN_GROUPS);
    let responders = reader.read(&keys::OIDC_RESPONDER_GROUPS);
    let viewers = reader.read(&keys::OIDC_VIEWER_GROUPS);
    let creates_users = reader.read(&keys::OIDC_CREATE_USERS);

    let needed = [&keys::OIDC_ISSUER.row, &keys::OIDC_CLIENT_ID.row];
    reader.demand_all(&needed, &[&keys::OIDC_CLIENT_SECRET.row], "nobody can sign in with the provider");
    let groups = |list: Result<Vec<String>, _>| list.unwrap_or_default();
    Some(SignOn {
        issuer: issuer.ok()?,
        client_id: client_id.ok()?,
        client_secret: client_secret.ok(),
        name: name.ok()?,
        scopes: scopes.ok()?,
        role_claim: role_claim.ok()?,
        admins: groups(admins),
        responders: groups(responders),
        viewers: groups(viewers),
        creates_users: creates_users.ok()?,
    })
}
