//! What an alert source sent lately, and what it was answered.

use crate::domain::id::{AlertSourceId, IncidentId};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One request, as the source's page shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SourceEvent {
    pub source: AlertSourceId,
    /// 1, 2, 3 … per source.
    pub seq: u64,
    pub at: Timestamp,
    /// Further requests right after this one that said the same of the same open incidents, and when the last of them
    /// came. They are counted here, so that a flood of one alert does not push everything else off the page.
    pub repeats: u64,
    pub last_at: Timestamp,
    pub results: Vec<ReportResult>,
    /// The beginning of the body, with what would be a secret removed.
    pub body: String,
}

impl SourceEvent {
    pub fn new(source: AlertSourceId, at: Timestamp, results: Vec<ReportResult>, body: String) -> SourceEvent {
        SourceEvent { source, seq: 0, at, repeats: 0, last_at: at, results, body }
    }

    /// Whether `newer` says nothing that this one has not said: the same open incidents go on.
    pub fn is_repeated_by(&self, newer: &SourceEvent) -> bool {
        self.results == newer.results && self.results.iter().all(|result| result.result == ResultWord::Updated)
    }
}

/// How many requests are kept per source.
pub const KEPT_EVENTS: u64 = 20;
/// How much of each body, in bytes.
pub const KEPT_BODY_BYTES: usize = 4096;

/// What became of one event of a request; also the answer to the sender.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReportResult {
    pub external_id: Option<String>,
    /// `trigger`, `acknowledge`, `resolve`, `note` or `subscription`.
    pub action: String,
    pub result: ResultWord,
    pub incident: Option<(IncidentId, u64)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ResultWord {
    Created,
    Updated,
    Acknowledged,
    Resolved,
    /// A success that changed nothing: a recovery without an open incident, or a repeated one.
    Unchanged,
    /// Older than what is known already.
    Stale,
    Noted,
    /// Too many new alerts in a minute: it is a line of the source's storm incident, or was one and is struck.
    Absorbed,
}

impl ResultWord {
    pub fn word(self) -> &'static str {
        match self {
            ResultWord::Created => "created",
            ResultWord::Updated => "updated",
            ResultWord::Acknowledged => "acknowledged",
            ResultWord::Resolved => "resolved",
            ResultWord::Unchanged => "unchanged",
            ResultWord::Stale => "stale",
            ResultWord::Noted => "noted",
            ResultWord::Absorbed => "absorbed",
        }
    }
}

/// The answer to a request that named itself, kept so that its repetition gets the same one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Replay {
    pub source: AlertSourceId,
    pub delivery_id: String,
    pub at: Timestamp,
    pub results: Vec<ReportResult>,
}

pub const REPLAY_KEPT_SECS: i64 = 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    #[test]
    fn a_request_repeats_another_if_it_only_goes_on_with_the_same_incidents() {
        let event = |results: &[(ResultWord, u64)]| {
            let result = |(result, number): &(ResultWord, u64)| ReportResult {
                external_id: Some("disk".to_owned()),
                action: "trigger".to_owned(),
                result: *result,
                incident: Some((IncidentId::new(*number), *number)),
            };
            SourceEvent::new(AlertSourceId::new(1), Timestamp::MIN, results.iter().map(result).collect(), String::new())
        };
        use ResultWord::{Created, Updated};
        let check = |one: &[(ResultWord, u64)], other: &[(ResultWord, u64)], expected: bool| {
            assert_eq!(event(one).is_repeated_by(&event(other)), expected, "{one:?} {other:?}");
        };
        check(&[(Updated, 1)], &[(Updated, 1)], true);
        check(&[(Updated, 1)], &[(Updated, 2)], false);
        check(&[(Created, 1)], &[(Created, 1)], false);
        check(&[(Updated, 1), (Created, 2)], &[(Updated, 1), (Created, 2)], false);
    }
}
