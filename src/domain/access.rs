//! Who may do what: roles and the least role each action needs.
//!
//! Every use case asks [`require`] itself, whoever calls it, so that a new door cannot forget the lock.

use crate::domain::actor::{Actor, Who};
use crate::domain::refusal::Refusal;
use serde::{Deserialize, Serialize};

/// Least first, so that "at least" is `>=`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Role {
    Viewer,
    Responder,
    Admin,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::Admin, Role::Responder, Role::Viewer];

    pub fn word(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Responder => "responder",
            Role::Viewer => "viewer",
        }
    }

    pub fn from_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Read,
    /// Acknowledge, resolve, reopen, escalate, retry a notification, add a note.
    WorkOnIncidents,
    /// Users, teams, schedules, policies, alert sources, test alerts.
    Configure,
}

impl Action {
    pub fn least_role(self) -> Role {
        match self {
            Action::Read => Role::Viewer,
            Action::WorkOnIncidents => Role::Responder,
            Action::Configure => Role::Admin,
        }
    }
}

pub fn may(role: Role, action: Action) -> bool {
    role >= action.least_role()
}

/// The system and the command line act with the rights of an admin: whoever can start the binary owns the file. An
/// alert source may do nothing here; its one use case, intake, is guarded by its key. Nor may somebody unknown.
pub fn require(actor: &Actor, action: Action) -> Result<(), Refusal> {
    let allowed = match actor.who {
        Who::User { role, .. } => may(role, action),
        Who::System | Who::CommandLine => true,
        Who::Source(_) | Who::Unknown => false,
    };
    if allowed {
        return Ok(());
    }
    let needed = match action {
        Action::Read => "Sign in to see this.",
        Action::WorkOnIncidents => {
            "Viewers can read but not act. Ask an admin for the responder role if you answer incidents."
        }
        Action::Configure => "Only admins can change this. Ask an admin, or ask for the admin role.",
    };
    Err(Refusal::forbidden(needed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_the_table_says() {
        use Action::*;
        let table = [
            (Role::Viewer, [true, false, false]),
            (Role::Responder, [true, true, false]),
            (Role::Admin, [true, true, true]),
        ];
        for (role, expected) in table {
            assert_eq!([Read, WorkOnIncidents, Configure].map(|action| may(role, action)), expected, "{role:?}");
        }
    }

    #[test]
    fn whoever_may_not_is_told_whom_to_ask() {
        use crate::domain::actor::Door;
        use crate::domain::id::{AlertSourceId, Id, UserId};
        let user = |role| Actor::user(UserId::new(1), role, Door::Web);
        let allowed = |actor: &Actor| {
            [Action::Read, Action::WorkOnIncidents, Action::Configure].map(|action| require(actor, action).is_ok())
        };
        assert_eq!(allowed(&user(Role::Viewer)), [true, false, false]);
        assert_eq!(allowed(&user(Role::Responder)), [true, true, false]);
        for all in [user(Role::Admin), Actor::SYSTEM, Actor::COMMAND_LINE] {
            assert_eq!(allowed(&all), [true; 3], "{all:?}");
        }
        for nobody in [Actor::source(AlertSourceId::new(1)), Actor::unknown(Door::Web)] {
            assert_eq!(allowed(&nobody), [false; 3], "{nobody:?}");
        }
        let refusal = require(&user(Role::Viewer), Action::WorkOnIncidents).expect_err("viewers only read");
        assert!(refusal.code == "forbidden" && refusal.sentence.contains("Ask an admin"), "{refusal:?}");
    }
}
