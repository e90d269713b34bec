//! Single sign-on: what a provider says of a person, and what that makes of them here.

use crate::domain::access::Role;
use crate::domain::refusal::Refusal;
use crate::domain::user::{User, checked_email};

/// What the provider vouches for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Identity {
    pub email: Option<String>,
    /// The provider has seen that the address is this person's.
    pub email_verified: bool,
    pub name: Option<String>,
    pub zone: Option<String>,
    pub groups: Vec<String>,
}

/// Which groups have which role; without any, the provider decides no role.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Roles {
    pub admins: Vec<String>,
    pub responders: Vec<String>,
    pub viewers: Vec<String>,
}

impl Roles {
    fn decide(&self) -> bool {
        [&self.admins, &self.responders, &self.viewers].into_iter().any(|groups| !groups.is_empty())
    }

    /// The highest role of any of the groups; `None` where the provider decides no roles.
    pub fn role_of(&self, groups: &[String]) -> Result<Option<Role>, Refusal> {
        if !self.decide() {
            return Ok(None);
        }
        let ranks = [(&self.admins, Role::Admin), (&self.responders, Role::Responder), (&self.viewers, Role::Viewer)];
        let found = ranks.into_iter().find(|(named, _)| named.iter().any(|group| groups.contains(group)));
        found.map(|(_, role)| Some(role)).ok_or_else(|| {
            let sentence =
                "None of your groups has a role in PagerPal. Ask your operator which group people on call belong to.";
            refused("sign_on_no_role", sentence)
        })
    }
}

impl Identity {
    /// The address by which somebody is known here. One that the provider has not verified could be anybody's.
    pub fn known_by(&self) -> Result<String, Refusal> {
        let Some(email) = &self.email else {
            let sentence = "Your provider names no mail address for you, so PagerPal cannot tell who you are.";
            return Err(refused("sign_on_no_email", sentence));
        };
        if !self.email_verified {
            let sentence =
                format!("Your provider has not verified that {email} is yours. Verify it there, then come back.");
            return Err(refused("sign_on_unverified", sentence));
        }
        checked_email(email)
    }
}

/// A person who is known here must be active.
pub fn require_welcome(user: &User) -> Result<(), Refusal> {
    if user.is_active() {
        return Ok(());
    }
    Err(refused("sign_on_inactive", "Your account in PagerPal is deactivated. Ask an admin to reactivate it."))
}

pub fn unknown(email: &str) -> Refusal {
    refused("sign_on_unknown", format!("Nobody in PagerPal has the address {email}. Ask an admin to add you."))
}

fn refused(code: &'static str, sentence: impl Into<String>) -> Refusal {
    Refusal::invalid(code, "provider", sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_highest_role_of_the_groups_counts_and_no_group_is_no_entry() {
        let roles = Roles { admins: groups(&["ops"]), responders: groups(&["on-call", "sre"]), viewers: vec![] };
        let role = |names: &[&str]| roles.role_of(&groups(names)).map_err(|refusal| refusal.code);
        assert_eq!(role(&["sre", "ops"]), Ok(Some(Role::Admin)));
        assert_eq!(role(&["x", "sre"]), Ok(Some(Role::Responder)));
        assert_eq!(role(&["Ops"]), Err("sign_on_no_role"), "letter by letter");
        assert_eq!(role(&[]), Err("sign_on_no_role"));
        assert_eq!(Roles::default().role_of(&groups(&["ops"])), Ok(None));
    }

    #[test]
    fn only_a_verified_address_tells_who_somebody_is() {
        let known = |email: Option<&str>, email_verified| {
            let identity = Identity { email: email.map(str::to_owned), email_verified, ..Identity::default() };
            identity.known_by().map_err(|refusal| refusal.code)
        };
        assert_eq!(known(Some("Ana@Example.org"), true), Ok("ana@example.org".to_owned()));
        assert_eq!(known(Some("ana@example.org"), false), Err("sign_on_unverified"));
        assert_eq!(known(None, true), Err("sign_on_no_email"));
    }

    #[test]
    fn whoever_is_deactivated_is_not_let_in() {
        use crate::domain::incident::testing::{ANA, minute, person};
        let mut ana = person(ANA, Role::Responder);
        let code = |ana: &User| require_welcome(ana).map_err(|refusal| refusal.code);
        assert_eq!(code(&ana), Ok(()));
        ana.deactivate(minute(0));
        assert_eq!(code(&ana), Err("sign_on_inactive"));
    }
}
