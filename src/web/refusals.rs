//! Alerts that were turned away at the door, for whoever sets a sender up and wonders why nothing comes.
//!
//! Mostly nobody knows whose they were: what is missing is the very key that would say so. Kept in memory, a few of the
//! newest, so a flood of strangers costs nothing; a restart forgets them.

use crate::domain::id::AlertSourceId;
use crate::domain::time::Timestamp;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

const KEPT: usize = 50;
/// Older ones say nothing about what somebody sets up now.
const SHOWN_SECS: i64 = 600;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Turned {
    /// Of the last one that was like it.
    pub at: Timestamp,
    pub times: u64,
    pub from: IpAddr,
    /// The end of the path: `alertmanager`.
    pub kind: String,
    pub status: u16,
    pub because: &'static str,
    /// Where its key told.
    pub source: Option<AlertSourceId>,
}

#[derive(Default)]
pub struct Refusals(Mutex<VecDeque<Turned>>);

/// Of a path that somebody may have made up.
const KIND_CHARS: usize = 30;

impl Refusals {
    pub fn note(
        &self,
        at: Timestamp,
        from: IpAddr,
        path: &str,
        (status, because): (u16, &'static str),
        source: Option<AlertSourceId>,
    ) {
        let kind: String = path.rsplit('/').next().unwrap_or("").chars().take(KIND_CHARS).collect();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_alike = |old: &Turned| (old.from, &old.kind, old.because, old.source) == (from, &kind, because, source);
        let before = kept.iter().position(is_alike).and_then(|place| kept.remove(place));
        let times = before.map_or(0, |before| before.times) + 1;
        kept.push_front(Turned { at, times, from, kind, status, because, source });
        kept.truncate(KEPT);
    }

    /// Those of a source, and with `strangers` those that nobody knows whose they are: the newest first.
    pub fn lately(&self, source: AlertSourceId, strangers: bool, now: Timestamp) -> Vec<Turned> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_asked = |turned: &&Turned| match turned.source {
            Some(of) => of == source,
            None => strangers,
        };
        kept.iter().filter(is_asked).filter(|turned| now.secs_since(turned.at) <= SHOWN_SECS).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    #[test]
    fn what_is_alike_is_one_line_and_only_the_newest_are_kept() {
        let refusals = Refusals::default();
        let at = |secs: i64| Timestamp::from_second(1_800_000_000 + secs);
        let address = |n: u8| IpAddr::from([10, 0, 0, n]);
        let no_key = (401, "no X-API-Key header");
        let (one, other) = (AlertSourceId::new(1), AlertSourceId::new(2));
        for secs in [0, 5] {
            refusals.note(at(secs), address(7), "/api/v1/webhooks/alertmanager", no_key, None);
        }
        refusals.note(at(6), address(7), "/api/v1/webhooks/grafana", (403, "inactive"), Some(one));
        let shown = |source, strangers, now| {
            let shown = refusals.lately(source, strangers, at(now));
            shown.into_iter().map(|turned| (turned.kind, turned.times)).collect::<Vec<_>>()
        };
        assert_eq!(shown(one, true, 10), [("grafana".to_owned(), 1), ("alertmanager".to_owned(), 2)]);
        assert_eq!(shown(one, false, 10), [("grafana".to_owned(), 1)]);
        assert!(shown(other, false, 10).is_empty() && shown(one, true, 700).is_empty());
        for n in 0..200 {
            refusals.note(at(10), address(n), &"x".repeat(500), no_key, None);
        }
        let all = refusals.lately(one, true, at(10));
        assert_eq!((all.len(), all[0].kind.len()), (KEPT, KIND_CHARS));
    }
}
