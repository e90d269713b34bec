//! Who acts, for whom, and through which door.

use crate::domain::access::Role;
use crate::domain::contact::Channel;
use crate::domain::id::{AlertSourceId, UserId};
use core::net::IpAddr;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Who {
    User {
        id: UserId,
        role: Role,
    },
    Source(AlertSourceId),
    /// A timer or a worker.
    System,
    /// Somebody with a shell on the machine.
    CommandLine,
    /// Somebody who has not shown who they are.
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Door {
    Web,
    Api,
    Webhook,
    Worker,
    CommandLine,
    /// The link in a message: whoever holds it acts for the person it was made for.
    Link,
    /// The answer to a message, from the person's own number.
    Reply(Channel),
}

/// Checked against the session or credential before a use case sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Actor {
    pub who: Who,
    pub door: Door,
    /// Of the client, where somebody is at the other end of a connection. For the audit log alone.
    pub address: Option<IpAddr>,
}

impl Actor {
    pub const SYSTEM: Actor = Actor { who: Who::System, door: Door::Worker, address: None };
    pub const COMMAND_LINE: Actor = Actor { who: Who::CommandLine, door: Door::CommandLine, address: None };

    pub fn user(id: UserId, role: Role, door: Door) -> Actor {
        Actor { who: Who::User { id, role }, door, address: None }
    }

    pub fn unknown(door: Door) -> Actor {
        Actor { who: Who::Unknown, door, address: None }
    }

    pub fn source(id: AlertSourceId) -> Actor {
        Actor { who: Who::Source(id), door: Door::Webhook, address: None }
    }

    /// The same, from there.
    pub fn at(self, address: IpAddr) -> Actor {
        Actor { address: Some(address), ..self }
    }

    pub fn user_id(&self) -> Option<UserId> {
        match self.who {
            Who::User { id, .. } => Some(id),
            _ => None,
        }
    }
}

/// What the timeline keeps: who was signed in, and whose action it was. Both names are shown when they differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct By {
    pub actor: Actor,
    pub acting_as: Option<UserId>,
}

impl By {
    /// Without the client's address: a timeline is read by everybody.
    pub fn new(actor: &Actor, acting_as: Option<UserId>) -> By {
        By { actor: Actor { address: None, ..*actor }, acting_as }
    }

    pub const SYSTEM: By = By { actor: Actor::SYSTEM, acting_as: None };

    /// The person whose action this is.
    pub fn person(&self) -> Option<UserId> {
        self.acting_as.or(self.actor.user_id())
    }
}
