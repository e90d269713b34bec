//! What an edit of a policy did to incidents that are open: "1 open incident: its next call changes from Bo to Caro at
//! 03:19."
//!
//! What the next calls were travels in the address as numbers and ids; what they are is looked up by the page that says it,
//! so nobody can be made to read a sentence that was never true of this store.

use crate::app::AppError;
use crate::app::incidents::{self, NextCall};
use crate::domain::id::UserId;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;
use crate::web::extract::QueryFields;
use crate::web::ui::Sight;
use crate::web::ui::clock::count;
use std::collections::BTreeMap;

/// As many as an address has room for; who has more open incidents reads a number.
const TOLD: usize = 20;

/// Incidents whose next call is another now, each with what it was.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Moved {
    is_saved: bool,
    before: BTreeMap<u64, NextCall>,
}

impl Moved {
    pub fn between(mut before: BTreeMap<u64, NextCall>, after: &BTreeMap<u64, NextCall>) -> Moved {
        before.retain(|number, call| after.get(number).is_some_and(|now| now != call));
        Moved { is_saved: true, before }
    }

    pub fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("saved", "1");
        for (number, call) in self.before.iter().take(TOLD) {
            let level = call.level.map_or("-".to_owned(), |level| level.to_string());
            let mut parts = vec![number.to_string(), call.due.as_second().to_string(), level];
            parts.extend(call.people.iter().map(UserId::to_string));
            query.append_pair("was", &parts.join("."));
        }
        query.finish()
    }

    /// What cannot be read is left out.
    pub fn read(query: &QueryFields) -> Moved {
        let one = |text: &str| {
            let mut parts = text.split('.');
            let number: u64 = parts.next()?.parse().ok()?;
            let due = Timestamp::from_second(parts.next()?.parse().ok()?);
            let level = parts.next()?.parse().ok();
            let people = parts.map(|id| id.parse().ok()).collect::<Option<Vec<UserId>>>()?;
            Some((number, NextCall { level, people, due }))
        };
        let before = query.all("was").take(TOLD).filter_map(one).collect();
        Moved { is_saved: query.optional("saved").is_some(), before }
    }

    /// Incidents with the same change share a sentence.
    pub fn in_words(&self, sight: &Sight<'_>, policy: &Policy) -> Result<Vec<String>, AppError> {
        if !self.is_saved {
            return Ok(vec![]);
        }
        let now = incidents::next_calls(sight.read, policy)?;
        let mut changes: BTreeMap<String, usize> = BTreeMap::new();
        let mut stays = now.len();
        for (number, was) in &self.before {
            let Some(is) = now.get(number) else { continue };
            stays -= 1;
            let (from, to) = (who(sight, was), who(sight, is));
            let (then, at) = (sight.reader.clock(was.due), sight.reader.clock(is.due));
            let change = if from == to {
                format!("is still {to}, at {at} instead of {then}.")
            } else if was.due == is.due {
                format!("changes from {from} to {to} at {at}.")
            } else {
                format!("changes from {from} at {then} to {to} at {at}.")
            };
            *changes.entry(change).or_default() += 1;
        }
        let said = |(change, n): (String, usize)| {
            let its = if n == 1 { "its" } else { "their" };
            format!("{}: {its} next call {change}", count(n, "open incident"))
        };
        let mut sentences: Vec<String> = changes.into_iter().map(said).collect();
        if stays > 0 {
            let its = if stays == 1 { "its next call stays as it was" } else { "their next calls stay as they were" };
            sentences.push(format!("{}: {its}.", count(stays, "open incident")));
        }
        Ok(sentences)
    }
}

fn who(sight: &Sight<'_>, call: &NextCall) -> String {
    let people = sight.names.people(call.people.iter().copied());
    people.unwrap_or_else(|| "the last resort".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;
    use crate::web::extract::Fields;

    #[test]
    fn an_address_brings_back_what_was_and_nothing_that_cannot_be_read() {
        let call = |level, people: &[u64], due| NextCall {
            level,
            people: people.iter().map(|number| UserId::new(*number)).collect(),
            due: Timestamp::from_second(due),
        };
        let before =
            BTreeMap::from([(7, call(Some(2), &[2, 3], 100)), (8, call(None, &[], 50)), (9, call(None, &[], 1))]);
        let after =
            BTreeMap::from([(7, call(Some(3), &[4], 100)), (8, call(Some(1), &[1], 50)), (9, call(None, &[], 1))]);
        let moved = Moved::between(before, &after);
        assert_eq!(moved.before.keys().collect::<Vec<_>>(), [&7, &8]);
        let read = |query: &str| Moved::read(&QueryFields(Fields::parse(query.as_bytes())));
        assert_eq!(read(&moved.query()), moved);
        assert_eq!(read("saved=1&was=7.x.2&was=Call+0900&was=7.5.2.bo"), Moved { is_saved: true, ..Moved::default() });
    }
}
