//! Names for ids. A page loads them once; a record that is gone still gets a word, because a page about an incident must
//! not fail over a schedule somebody removed.

use crate::app::names::Names as Known;
use crate::domain::id::{AlertSourceId, PolicyId, ScheduleId, TeamId, UserId};
use crate::domain::oncall::Place;
use crate::web::ui::clock::list;
use std::collections::BTreeMap;

#[derive(Clone, Default, Debug)]
pub struct Names(pub Known);

impl Names {
    /// The bare name, for history: what was done was done, whoever left since.
    pub fn user(&self, id: UserId) -> &str {
        named(&self.0.users, &id, "somebody unknown")
    }

    /// The name with a mark, for the present: an inactive person is not paged.
    pub fn marked(&self, id: UserId) -> String {
        let mark = if self.0.inactive.contains(&id) { " (inactive)" } else { "" };
        format!("{}{mark}", self.user(id))
    }

    /// "Ana and Bo"; `None` for nobody.
    pub fn people(&self, ids: impl IntoIterator<Item = UserId>) -> Option<String> {
        let names: Vec<&str> = ids.into_iter().map(|id| self.user(id)).collect();
        (!names.is_empty()).then(|| list(&names))
    }

    /// As [`Names::people`], of those who are on call.
    pub fn places(&self, places: &[Place]) -> Option<String> {
        self.people(places.iter().map(|place| place.user))
    }

    pub fn team(&self, id: TeamId) -> &str {
        named(&self.0.teams, &id, "a removed team")
    }

    pub fn schedule(&self, id: ScheduleId) -> &str {
        named(&self.0.schedules, &id, "a removed schedule")
    }

    pub fn policy(&self, id: PolicyId) -> &str {
        named(&self.0.policies, &id, "a removed policy")
    }

    pub fn source(&self, id: AlertSourceId) -> &str {
        named(&self.0.sources, &id, "a removed alert source")
    }
}

fn named<'a, K: Ord>(names: &'a BTreeMap<K, String>, id: &K, otherwise: &'a str) -> &'a str {
    names.get(id).map_or(otherwise, String::as_str)
}
