//! Who did something, in timelines and in the audit log: a person, an alert source, PagerPal itself, or a shell.

use crate::app::names::Names;
use crate::domain::actor::{Actor, Door, Who};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Debug, Serialize, JsonSchema)]
pub struct ActorView {
    /// `user`, `alert_source`, `system`, `command_line` or `unknown`.
    kind: &'static str,
    /// Of a user or an alert source.
    id: Option<String>,
    name: Option<String>,
    /// `web`, `api`, `webhook`, `worker`, `command_line`, `link` or `reply`.
    through: &'static str,
}

impl ActorView {
    pub fn of(actor: &Actor, names: &Names) -> ActorView {
        let (kind, who) = match actor.who {
            Who::User { id, .. } => ("user", Some((id.to_string(), names.users.get(&id)))),
            Who::Source(id) => ("alert_source", Some((id.to_string(), names.sources.get(&id)))),
            Who::System => ("system", None),
            Who::CommandLine => ("command_line", None),
            Who::Unknown => ("unknown", None),
        };
        let (id, name) = who.map(|(id, name)| (Some(id), name.cloned())).unwrap_or_default();
        ActorView { kind, id, name, through: through(actor.door) }
    }
}

fn through(door: Door) -> &'static str {
    match door {
        Door::Web => "web",
        Door::Api => "api",
        Door::Webhook => "webhook",
        Door::Worker => "worker",
        Door::CommandLine => "command_line",
        Door::Link => "link",
        Door::Reply(_) => "reply",
    }
}
