//! Personal tokens: what a person's programs carry instead of their password.
//!
//! A token can do what its owner can, up to the role it was made for, until it expires, is revoked, or its owner may not
//! sign in any more. What it opens is found out anew with each call.

use crate::domain::access::Role;
use crate::domain::id::{ApiTokenId, UserId};
use crate::domain::refusal::{Refusal, checked_name};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Of one person at a time.
pub const MOST_TOKENS: usize = 20;
/// Use is written down at most this often, and never by the request itself.
pub const TOUCH_SECS: i64 = 600;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PersonalToken {
    pub id: ApiTokenId,
    pub user: UserId,
    /// What its owner calls it: where it is used.
    pub name: String,
    /// SHA-256 of the token, which is kept nowhere.
    pub token_hash: [u8; 32],
    /// Its last four characters, to tell two apart.
    pub tail: String,
    /// The role it acts in at most.
    pub most: Role,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub used_at: Option<Timestamp>,
}

/// What its owner decides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    pub name: String,
    pub most: Role,
    pub expires_at: Option<Timestamp>,
}

impl Wanted {
    /// For somebody of this role, who cannot give what they do not have.
    pub fn checked(self, role: Role, now: Timestamp) -> Result<Wanted, Refusal> {
        let name = checked_name(&self.name)?;
        if self.most > role {
            let sentence = format!("Your own role is {}; a token cannot have a higher one.", role.word());
            return Err(Refusal::invalid("role_too_high", "role", sentence));
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            let sentence = "A token that has expired opens nothing. Choose a time to come, or none.";
            return Err(Refusal::invalid("expiry_past", "expires_at", sentence));
        }
        Ok(Wanted { name, ..self })
    }
}

impl PersonalToken {
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }

    /// In which role it acts for an owner of this role.
    pub fn role_for(&self, owner: Role) -> Role {
        owner.min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_gives_no_more_than_its_owner_has() {
        let now = Timestamp::from_second(1_800_000_000);
        let check = |most, role, expires_at: Option<i64>, expected: Result<(), &str>| {
            let expires_at = expires_at.map(|secs| now.plus_secs(secs));
            let wanted = Wanted { name: " deploy ".into(), most, expires_at };
            let found = wanted.checked(role, now).map(|wanted| assert_eq!(wanted.name, "deploy"));
            assert_eq!(found.map_err(|refusal| refusal.code), expected);
        };
        check(Role::Viewer, Role::Viewer, None, Ok(()));
        check(Role::Responder, Role::Viewer, None, Err("role_too_high"));
        check(Role::Responder, Role::Admin, Some(1), Ok(()));
        check(Role::Responder, Role::Admin, Some(0), Err("expiry_past"));
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        let at = |secs: i64| Timestamp::from_second(1_780_000_000 + secs);
        let token = |expires_at| PersonalToken {
            id: crate::domain::id::Id::new(1),
            user: crate::domain::id::Id::new(1),
            name: "deploy".to_owned(),
            token_hash: [0; 32],
            tail: String::new(),
            most: Role::Viewer,
            created_at: at(0),
            expires_at,
            used_at: None,
        };
        let good = |expires_at: Option<Timestamp>, now| token(expires_at).is_good_at(at(now));
        assert_eq!([9, 10, 11].map(|now| good(Some(at(10)), now)), [true, false, false]);
        assert!(good(None, 1_000_000));
    }
}
