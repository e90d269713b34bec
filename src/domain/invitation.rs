//! Invitations: a link by which somebody chooses a password, for a first sign-in or because the old one is lost.
//!
//! A person has one at most. It is good once and for 72 hours; a new one takes its place, and it ends with whatever
//! makes it moot: a password chosen otherwise, another mail address, a login taken away, deactivation.

use crate::domain::id::{InvitationId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use serde::{Deserialize, Serialize};

/// How long one is good.
pub const GOOD_SECS: i64 = 72 * 3600;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Invitation {
    /// Another one each time, so that no two have the same token.
    pub id: InvitationId,
    pub user: UserId,
    /// SHA-256 of the link's token. The token follows from the id and a key that is not in the database.
    pub token_hash: [u8; 32],
    pub created_at: Timestamp,
    pub author: Option<UserId>,
}

impl Invitation {
    pub fn ends_at(&self) -> Timestamp {
        self.created_at.plus_secs(GOOD_SECS)
    }

    pub fn is_good_at(&self, now: Timestamp) -> bool {
        now < self.ends_at()
    }
}

/// Whether somebody can sign in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Login {
    Yes,
    /// Not yet: a link is under way.
    Invited,
    None,
}

impl Login {
    /// `invitation` is the person's, good or not.
    pub fn of(user: &User, invitation: Option<&Invitation>, now: Timestamp) -> Login {
        let is_invited = invitation.is_some_and(|invitation| invitation.is_good_at(now));
        match (user.login.is_some(), is_invited && user.is_active()) {
            (true, _) => Login::Yes,
            (false, true) => Login::Invited,
            (false, false) => Login::None,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Login::Yes => "yes",
            Login::Invited => "invited",
            Login::None => "none",
        }
    }
}

/// Whoever signs in does so with a mail address, and is active.
pub fn require_invitable(user: &User) -> Result<(), Refusal> {
    let name = &user.name;
    if !user.is_active() {
        let sentence = format!("{name} is deactivated and cannot sign in. Reactivate {name} first.");
        return Err(Refusal::conflict("user_inactive", sentence));
    }
    if user.email.is_none() {
        let sentence = format!("A login needs a mail address: people sign in with it. Give {name} one first.");
        return Err(Refusal::conflict("email_missing", sentence));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::Role;
    use crate::domain::id::Id;
    use crate::domain::incident::testing::{ANA, id, minute, person};

    fn invitation() -> Invitation {
        Invitation { id: InvitationId::new(1), user: id(ANA), token_hash: [0; 32], created_at: minute(0), author: None }
    }

    #[test]
    fn a_link_is_good_for_three_days() {
        let good = |secs| invitation().is_good_at(minute(0).plus_secs(secs));
        assert_eq!([0, GOOD_SECS - 1, GOOD_SECS, GOOD_SECS + 1].map(good), [true, true, false, false]);
        assert_eq!(invitation().ends_at(), minute(72 * 60));
    }

    #[test]
    fn somebody_is_invited_while_the_link_is_good_and_they_are_active() {
        let mut ana = person(ANA, Role::Responder);
        let login = |ana: &User, now| Login::of(ana, Some(&invitation()), minute(now)).word();
        assert_eq!((login(&ana, 1), login(&ana, 72 * 60)), ("invited", "none"));
        assert_eq!(Login::of(&ana, None, minute(1)), Login::None);
        ana.deactivate(minute(1));
        assert_eq!(login(&ana, 2), "none");
        assert_eq!(Login::Yes.word(), "yes");
    }

    #[test]
    fn whoever_is_invited_is_active_and_has_a_mail_address() {
        let mut ana = person(ANA, Role::Responder);
        let code = |ana: &User| require_invitable(ana).map_err(|refusal| refusal.code);
        assert_eq!(code(&ana), Err("email_missing"));
        ana.email = Some("ana@example.org".to_owned());
        assert_eq!(code(&ana), Ok(()));
        ana.deactivate(minute(1));
        assert_eq!(code(&ana), Err("user_inactive"));
    }
}
