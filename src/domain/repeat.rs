//! Calls that name themselves by an `Idempotency-Key`, so that a caller who never saw the answer may ask again and nothing
//! is done twice.
//!
//! The record is written in the transaction of the change it stands for, so that no crash parts the two; the answer is
//! added right after. What shows a secret is never added: its repetition is told so.

use crate::domain::id::UserId;
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

pub const REPEAT_KEPT_SECS: i64 = 24 * 3600;
/// Of one person: the newest. With the longest answers that is 320 MB, with usual ones some 15 MB.
pub const KEPT_REPEATS: u64 = 5_000;
/// Longer answers are not kept.
pub const KEPT_ANSWER_BYTES: usize = 64 * 1024;
/// Of a key, in characters.
pub const LONGEST_KEY: usize = 255;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Repeat {
    /// SHA-256 of who called, with which credential, and the key.
    pub key_hash: [u8; 32],
    pub user: UserId,
    /// 1, 2, 3 … per person.
    pub seq: u64,
    /// SHA-256 of method, address and body.
    pub request_hash: [u8; 32],
    /// Random: tells the call that made this record from a later one with the same key.
    pub attempt: [u8; 16],
    pub at: Timestamp,
    pub answer: Kept,
}

/// What is left of an answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Kept {
    /// Nothing yet. Found later, it means that the process ended in between.
    NotYet,
    Whole(KeptAnswer),
    /// It showed a secret.
    NeverShown,
    /// It was longer than [`KEPT_ANSWER_BYTES`].
    TooLong,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeptAnswer {
    pub status: u16,
    /// Those that belong to the answer and not to its way here: type, version, address.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// One call that named itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    pub key_hash: [u8; 32],
    pub user: UserId,
    pub request_hash: [u8; 32],
    pub attempt: [u8; 16],
    /// Whether its answer will show a secret.
    pub shows_secret: bool,
    /// Where the caller sees what came of it, should the answer be lost: the address of a GET.
    pub look_at: String,
}

impl Attempt {
    /// The record in the transaction of the change.
    pub fn begun(&self, seq: u64, at: Timestamp) -> Repeat {
        let Attempt { key_hash, user, request_hash, attempt, shows_secret, .. } = *self;
        let answer = if shows_secret { Kept::NeverShown } else { Kept::NotYet };
        Repeat { key_hash, user, seq, request_hash, attempt, at, answer }
    }
}

impl Repeat {
    /// Afterwards the key is free again.
    pub fn counts_at(&self, now: Timestamp) -> bool {
        now < self.at.plus_secs(REPEAT_KEPT_SECS)
    }

    /// What a later call with the same key hears.
    pub fn answer_to(&self, later: &Attempt) -> Result<&KeptAnswer, Refusal> {
        let look_at = &later.look_at;
        if self.request_hash != later.request_hash {
            let sentence = "This Idempotency-Key belongs to another request of the last 24 hours, and nothing was \
                            changed. Send the request as it was, or choose another key.";
            return Err(Refusal {
                kind: RefusalKind::Invalid,
                code: "idempotency_key_reused",
                field: None,
                sentence: sentence.to_owned(),
            });
        }
        match &self.answer {
            Kept::Whole(answer) => Ok(answer),
            Kept::NotYet => Err(Refusal::conflict(
                "answer_lost",
                format!(
                    "The change was made, but its answer was lost before it could be kept. Nothing was changed again. \
                     GET {look_at} shows how things are now."
                ),
            )),
            Kept::NeverShown => Err(Refusal::conflict(
                "answer_not_kept",
                format!(
                    "The change was made, and its answer showed a secret, which is kept nowhere. Nothing was changed \
                     again. GET {look_at} shows how things are now; if the secret never arrived, make another one."
                ),
            )),
            Kept::TooLong => Err(Refusal::conflict(
                "answer_not_kept",
                format!(
                    "The change was made, and its answer was too long to keep. Nothing was changed again. GET {look_at} \
                     shows how things are now."
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    fn attempt(request: u8) -> Attempt {
        Attempt {
            key_hash: [1; 32],
            user: UserId::new(7),
            request_hash: [request; 32],
            attempt: [9; 16],
            shows_secret: false,
            look_at: "/api/v1/teams".to_owned(),
        }
    }

    #[test]
    fn a_key_gives_its_answer_to_the_same_request_and_to_no_other() {
        let answer = KeptAnswer { status: 201, headers: vec![], body: b"{}".to_vec() };
        let check = |kept: Kept, request, expected: Result<&KeptAnswer, &str>| {
            let repeat = Repeat { answer: kept, ..attempt(1).begun(1, Timestamp::from_second(0)) };
            let found = repeat.answer_to(&attempt(request)).map_err(|refusal| refusal.code);
            assert_eq!(found, expected);
        };
        check(Kept::Whole(answer.clone()), 1, Ok(&answer));
        check(Kept::Whole(answer.clone()), 2, Err("idempotency_key_reused"));
        check(Kept::NotYet, 1, Err("answer_lost"));
        check(Kept::NotYet, 2, Err("idempotency_key_reused"));
        check(Kept::NeverShown, 1, Err("answer_not_kept"));
        check(Kept::TooLong, 1, Err("answer_not_kept"));
    }

    #[test]
    fn a_key_is_free_again_after_a_day() {
        let begun = attempt(1).begun(1, Timestamp::from_second(1_800_000_000));
        assert!(begun.counts_at(begun.at.plus_secs(86_399)));
        assert!(!begun.counts_at(begun.at.plus_secs(86_400)));
    }

    #[test]
    fn an_answer_that_will_show_a_secret_is_not_waited_for() {
        let kept = |shows_secret| Attempt { shows_secret, ..attempt(1) }.begun(1, Timestamp::from_second(0)).answer;
        assert_eq!([false, true].map(kept), [Kept::NotYet, Kept::NeverShown]);
    }
}
