//! Denials in the audit log: somebody known asked for what their role does not allow.
//!
//! Only whoever has proved who they are is noted. A stranger's tries are in the log of the process and in the buckets of
//! `throttle`: otherwise anybody could fill the disk. For the same reason each door is noted once an hour for each
//! caller, and at most twenty doors.

use crate::app::audit;
use crate::domain::actor::{Actor, Who};
use crate::domain::id::Id;
use crate::domain::time::Timestamp;
use crate::web::Web;
use axum::http::request::Parts;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

const WINDOW_SECS: i64 = 3600;
const DOORS_IN_WINDOW: usize = 20;
/// Of a path that somebody may have made up.
const PATH_CHARS: usize = 200;

/// What was noted lately, by caller.
#[derive(Default)]
pub struct Denials(Mutex<BTreeMap<(&'static str, u64), Window>>);

struct Window {
    since: Timestamp,
    doors: BTreeSet<String>,
}

impl Denials {
    fn is_news(&self, caller: (&'static str, u64), door: &str, now: Timestamp) -> bool {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(caller).or_insert_with(|| Window { since: now, doors: BTreeSet::new() });
        if now.secs_since(window.since) >= WINDOW_SECS {
            *window = Window { since: now, doors: BTreeSet::new() };
        }
        window.doors.len() < DOORS_IN_WINDOW && window.doors.insert(door.to_owned())
    }
}

/// Writes it down before the caller is answered. That it cannot be written changes nothing about the answer.
pub async fn note(web: &Web, actor: &Actor, parts: &Parts) {
    let caller = match actor.who {
        Who::User { id, .. } => ("user", id.number()),
        Who::Source(id) => ("source", id.number()),
        Who::System | Who::CommandLine | Who::Unknown => return,
    };
    let path: String = parts.uri.path().chars().take(PATH_CHARS).collect();
    let door = format!("{} {path}", parts.method);
    if !web.denials.is_news(caller, &door, web.app.now()) {
        return;
    }
    let actor = *actor;
    let noted = web.write(move |tx| audit::note(tx, &actor, "access.denied", &path, door.clone())).await;
    if let Err(error) = noted {
        tracing::warn!(?error, "a denial could not be noted in the audit log");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_noted_once_an_hour_and_so_many_doors_at_most() {
        let denials = Denials::default();
        let asks = |caller, door: &str, at| denials.is_news(("user", caller), door, Timestamp::from_second(at));
        assert!(asks(1, "GET /a", 0) && !asks(1, "GET /a", 3599) && asks(1, "GET /a", 3600));
        assert!(asks(2, "GET /a", 3600), "another caller");
        let noted = (0..100).filter(|n| asks(1, &format!("GET /{n}"), 3601)).count();
        assert_eq!(noted, DOORS_IN_WINDOW - 1);
    }
}
