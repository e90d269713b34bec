//! Heartbeats: jobs that report that they ran, so that their silence is an alert.
//!
//! A heartbeat is part of an alert source. Its first ping arms it, so a half-done set-up pages nobody. From then on the
//! next ping is expected within `interval`; a further `grace` later it counts as missed, which is a trigger, and the next
//! ping is the recovery. A job that says itself that it failed is missed at once. A pause has an end, so that no job is
//! forgotten in it.
//!
//! While PagerPal itself was down, or the clock was set, nobody could be heard. Deadlines then move by the time lost and
//! one grace, for every job that is alive has to find its way back first.
//!
//! Pure: whoever calls keeps the record, arms one timer for [`Heartbeat::due`], and turns a [`Signal`] into an alert.

use crate::domain::id::{AlertSourceId, HeartbeatId};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Heartbeat {
    pub id: HeartbeatId,
    pub source: AlertSourceId,
    /// Unique in its source, case ignored; part of its address and of its incident's identity, so it never changes.
    pub name: String,
    /// 1 to 527040: 366 days.
    pub interval_minutes: u32,
    /// 1 to 10080: seven days.
    pub grace_minutes: u32,
    pub state: State,
    /// The last that was heard of it.
    pub heard: Option<Heard>,
    /// SHA-256 of the token in its ping address. The token follows from the id, `address_version` and a key that is not
    /// in the database.
    pub token_hash: [u8; 32],
    pub address_version: u32,
    pub created_at: Timestamp,
    pub version: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum State {
    /// Waits for its first ping.
    New,
    /// The next ping is expected by then; from then on it is late.
    Beating {
        expected_by: Timestamp,
    },
    Missed {
        since: Timestamp,
    },
    /// Nothing is missed until then.
    Paused {
        until: Timestamp,
        before: Before,
    },
}

/// What a pause has put aside.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Before {
    New,
    Beating,
    Missed { since: Timestamp },
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Heard {
    pub at: Timestamp,
    pub what: Beat,
    /// What came with it, as text; at most [`BODY_BYTES`].
    pub body: String,
}

/// What a job says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Beat {
    /// I ran.
    Ping,
    /// I failed.
    Fail,
    /// I ended with this exit code; 0 is a ping.
    Exit(u8),
}

/// The state in one word, as people see it: whether it is late depends on the time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    New,
    Healthy,
    Late,
    Missed,
    Paused,
}

/// What the alert source hears of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// No ping came in time.
    Silent,
    /// The job said that it failed; with its exit code, if it gave one.
    Failed(Option<u8>),
    Recovered,
}

pub const LONGEST_INTERVAL_MINUTES: u32 = 366 * 24 * 60;
pub const LONGEST_GRACE_MINUTES: u32 = 7 * 24 * 60;
pub const LONGEST_PAUSE_DAYS: i64 = 31;
/// What is kept of the body of a ping.
pub const BODY_BYTES: usize = 4096;

impl Beat {
    /// The last part of a ping's address: `fail` or an exit code.
    pub fn from_word(word: &str) -> Option<Beat> {
        match word {
            "fail" => Some(Beat::Fail),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok().map(Beat::Exit),
            _ => None,
        }
    }

    /// What was wrong, if something was.
    pub fn failure(self) -> Option<Signal> {
        match self {
            Beat::Ping | Beat::Exit(0) => None,
            Beat::Fail => Some(Signal::Failed(None)),
            Beat::Exit(code) => Some(Signal::Failed(Some(code))),
        }
    }
}

impl Look {
    pub fn word(self) -> &'static str {
        match self {
            Look::New => "new",
            Look::Healthy => "healthy",
            Look::Late => "late",
            Look::Missed => "missed",
            Look::Paused => "paused",
        }
    }
}

/// A name goes into addresses and commands as it is.
pub fn checked_name(text: &str) -> Result<String, Refusal> {
    let name = text.trim();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=64).contains(&name.len()) && name.bytes().all(is_plain) {
        return Ok(name.to_owned());
    }
    let sentence =
        "Use 1 to 64 letters, digits, dots, dashes and underscores: the name is part of the address to ping.";
    Err(Refusal::invalid("heartbeat_name", "name", sentence))
}

pub fn checked_interval(minutes: u32) -> Result<u32, Refusal> {
    if (1..=LONGEST_INTERVAL_MINUTES).contains(&minutes) {
        return Ok(minutes);
    }
    let sentence = "The interval is 1 minute to 366 days, which are 527040 minutes.";
    Err(Refusal::invalid("heartbeat_range", "interval", sentence))
}

pub fn checked_grace(minutes: u32) -> Result<u32, Refusal> {
    if (1..=LONGEST_GRACE_MINUTES).contains(&minutes) {
        return Ok(minutes);
    }
    let sentence = "The grace is 1 minute to 7 days, which are 10080 minutes.";
    Err(Refusal::invalid("heartbeat_range", "grace", sentence))
}

impl Heartbeat {
    pub fn look(&self, now: Timestamp) -> Look {
        match self.state {
            State::New => Look::New,
            State::Beating { expected_by } if now < expected_by => Look::Healthy,
            State::Beating { .. } => Look::Late,
            State::Missed { .. } => Look::Missed,
            State::Paused { .. } => Look::Paused,
        }
    }

    /// When something happens to it if nothing is heard.
    pub fn due(&self) -> Option<Timestamp> {
        match self.state {
            State::Beating { expected_by } => Some(expected_by.plus_minutes(i64::from(self.grace_minutes))),
            State::Paused { until, .. } => Some(until),
            State::New | State::Missed { .. } => None,
        }
    }

    /// The identity of its incident within the source.
    pub fn external_id(&self) -> String {
        format!("heartbeat:{}", self.name)
    }

    /// Something was heard. A pause keeps failures quiet, and a recovery is told all the same: the incident may be older
    /// than the pause.
    pub fn hear(&mut self, what: Beat, body: String, now: Timestamp) -> Option<Signal> {
        self.heard = Some(Heard { at: now, what, body });
        let failure = what.failure();
        match (&mut self.state, failure) {
            (State::Paused { before, .. }, None) => {
                let was_missed = matches!(before, Before::Missed { .. });
                *before = Before::Beating;
                was_missed.then_some(Signal::Recovered)
            }
            (State::Paused { .. }, Some(_)) => None,
            (State::Missed { .. }, Some(failure)) => Some(failure),
            (_, Some(failure)) => {
                self.state = State::Missed { since: now };
                Some(failure)
            }
            (_, None) => {
                let was_missed = matches!(self.state, State::Missed { .. });
                self.expect_from(now);
                was_missed.then_some(Signal::Recovered)
            }
        }
    }

    /// Its time has come: a ping is missed, or a pause is over. Asked early or twice, nothing happens.
    pub fn fall_due(&mut self, now: Timestamp) -> Option<Signal> {
        if self.due().is_none_or(|due| now < due) {
            return None;
        }
        if let State::Paused { .. } = self.state {
            self.resume(now);
            return None;
        }
        self.state = State::Missed { since: now };
        Some(Signal::Silent)
    }

    /// Pauses it, or moves the end of its pause.
    pub fn pause(&mut self, until: Timestamp, now: Timestamp) -> Result<(), Refusal> {
        if until <= now || until.secs_since(now) > LONGEST_PAUSE_DAYS * 86_400 {
            let sentence = format!("A pause ends within {LONGEST_PAUSE_DAYS} days, so that no job is forgotten in it.");
            return Err(Refusal::invalid("pause_range", "until", sentence));
        }
        let before = match self.state {
            State::New => Before::New,
            State::Beating { .. } => Before::Beating,
            State::Missed { since } => Before::Missed { since },
            State::Paused { before, .. } => before,
        };
        self.state = State::Paused { until, before };
        Ok(())
    }

    /// Ends a pause: the next ping has a whole interval.
    pub fn resume(&mut self, now: Timestamp) {
        if let State::Paused { before, .. } = self.state {
            match before {
                Before::New => self.state = State::New,
                Before::Missed { since } => self.state = State::Missed { since },
                Before::Beating => self.expect_from(now),
            }
        }
    }

    /// Another interval counts from the last ping.
    pub fn retime(&mut self, interval_minutes: u32, grace_minutes: u32, now: Timestamp) {
        (self.interval_minutes, self.grace_minutes) = (interval_minutes, grace_minutes);
        if let State::Beating { .. } = self.state {
            self.expect_from(self.heard.as_ref().map_or(now, |heard| heard.at));
        }
    }

    /// Nobody could be heard for so many seconds, or the clock was set by so many, back if negative. The end of a pause
    /// is a time of the calendar and stays.
    pub fn make_up_for(&mut self, lost_secs: i64) {
        if let State::Beating { expected_by } = &mut self.state {
            *expected_by = expected_by.plus_secs(lost_secs).plus_minutes(i64::from(self.grace_minutes));
        }
    }

    /// Its source hears nothing and pages nobody, so nothing can be missed: it gets another interval.
    pub fn excuse(&mut self, now: Timestamp) {
        if let State::Beating { .. } = self.state {
            self.expect_from(now);
        }
    }

    fn expect_from(&mut self, at: Timestamp) {
        self.state = State::Beating { expected_by: at.plus_minutes(i64::from(self.interval_minutes)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    /// Every 10 minutes, 5 of grace.
    fn heartbeat() -> Heartbeat {
        Heartbeat {
            id: HeartbeatId::new(1),
            source: AlertSourceId::new(2),
            name: "backup".to_owned(),
            interval_minutes: 10,
            grace_minutes: 5,
            state: State::New,
            heard: None,
            token_hash: [0; 32],
            address_version: 1,
            created_at: at(0),
            version: 1,
        }
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000).plus_minutes(minutes)
    }

    fn hear(heartbeat: &mut Heartbeat, what: Beat, minutes: i64) -> Option<Signal> {
        heartbeat.hear(what, String::new(), at(minutes))
    }

    #[test]
    fn the_first_ping_arms_it_and_silence_is_missed_after_the_grace() {
        let mut backup = heartbeat();
        assert_eq!((backup.look(at(9999)), backup.due()), (Look::New, None), "a half-done set-up pages nobody");
        assert_eq!(hear(&mut backup, Beat::Ping, 0), None);
        assert_eq!((backup.look(at(9)), backup.due()), (Look::Healthy, Some(at(15))));
        assert_eq!(hear(&mut backup, Beat::Exit(0), 8), None);
        assert_eq!((backup.look(at(17)), backup.look(at(18)), backup.due()), (Look::Healthy, Look::Late, Some(at(23))));
        assert_eq!(backup.fall_due(at(22)), None, "too early");
        assert_eq!(backup.fall_due(at(23)), Some(Signal::Silent));
        assert_eq!((backup.look(at(23)), backup.due(), backup.fall_due(at(24))), (Look::Missed, None, None));
        assert_eq!(hear(&mut backup, Beat::Ping, 30), Some(Signal::Recovered));
        assert_eq!((backup.look(at(30)), backup.due()), (Look::Healthy, Some(at(45))));
    }

    #[test]
    fn a_job_that_says_it_failed_is_missed_at_once() {
        for (what, signal) in [(Beat::Fail, Signal::Failed(None)), (Beat::Exit(3), Signal::Failed(Some(3)))] {
            let mut backup = heartbeat();
            assert_eq!(hear(&mut backup, what, 0), Some(signal), "even as the first that is heard");
            assert_eq!(hear(&mut backup, what, 1), Some(signal), "and again");
            assert_eq!((backup.look(at(1)), backup.due()), (Look::Missed, None));
            assert_eq!(hear(&mut backup, Beat::Ping, 2), Some(Signal::Recovered));
        }
    }

    #[test]
    fn a_pause_keeps_quiet_until_its_end() {
        let mut backup = heartbeat();
        hear(&mut backup, Beat::Ping, 0);
        assert_eq!(backup.pause(at(60), at(5)), Ok(()));
        assert_eq!((backup.look(at(5)), backup.due()), (Look::Paused, Some(at(60))));
        assert_eq!(hear(&mut backup, Beat::Fail, 10), None);
        assert_eq!(backup.fall_due(at(60)), None);
        assert_eq!((backup.look(at(60)), backup.due()), (Look::Healthy, Some(at(75))), "a whole interval from its end");

        let mut missed = heartbeat();
        hear(&mut missed, Beat::Fail, 0);
        assert_eq!(missed.pause(at(60), at(5)), Ok(()));
        assert_eq!(hear(&mut missed, Beat::Ping, 10), Some(Signal::Recovered), "its incident is older than the pause");
        missed.resume(at(20));
        assert_eq!(missed.due(), Some(at(35)));

        let mut never_heard = heartbeat();
        assert!(never_heard.pause(at(0), at(0)).is_err());
        assert!(never_heard.pause(at(LONGEST_PAUSE_DAYS * 24 * 60 + 1), at(0)).is_err());
        assert_eq!(never_heard.pause(at(60), at(0)), Ok(()));
        never_heard.resume(at(1));
        assert_eq!(never_heard.look(at(1)), Look::New);
    }

    #[test]
    fn time_in_which_nobody_could_be_heard_is_given_back_with_one_grace() {
        let mut backup = heartbeat();
        hear(&mut backup, Beat::Ping, 0);
        backup.make_up_for(7 * 60);
        assert_eq!(backup.due(), Some(at(15 + 7 + 5)));
        backup.make_up_for(-7 * 60);
        assert_eq!(backup.due(), Some(at(15 + 5 + 5)), "the clock was set back");
        assert_eq!(backup.pause(at(60), at(5)), Ok(()));
        backup.make_up_for(3600);
        assert_eq!(backup.due(), Some(at(60)), "a pause ends by the calendar");
    }

    #[test]
    fn another_interval_counts_from_the_last_ping() {
        let mut backup = heartbeat();
        hear(&mut backup, Beat::Ping, 0);
        backup.retime(20, 2, at(9));
        assert_eq!(backup.due(), Some(at(22)));
        backup.retime(1, 1, at(9));
        assert_eq!((backup.due(), backup.fall_due(at(9))), (Some(at(2)), Some(Signal::Silent)));
    }

    #[test]
    fn only_what_beats_can_be_late() {
        let mut backup = heartbeat();
        backup.retime(20, 2, at(9));
        backup.excuse(at(9));
        assert_eq!(backup.look(at(99)), Look::New, "its first ping arms it, and nothing else");
        hear(&mut backup, Beat::Fail, 10);
        backup.retime(30, 2, at(11));
        backup.excuse(at(11));
        assert_eq!(backup.look(at(11)), Look::Missed, "only a ping ends it");
        hear(&mut backup, Beat::Ping, 12);
        backup.excuse(at(20));
        assert_eq!(backup.due(), Some(at(20 + 30 + 2)), "its source pages nobody, so it gets another interval");
        assert_eq!(backup.pause(at(20 + LONGEST_PAUSE_DAYS * 24 * 60), at(20)), Ok(()));
        assert!(backup.pause(at(21 + LONGEST_PAUSE_DAYS * 24 * 60), at(20)).is_err());
    }

    #[test]
    fn its_state_has_a_word() {
        let words = [Look::New, Look::Healthy, Look::Late, Look::Missed, Look::Paused].map(Look::word);
        assert_eq!(words, ["new", "healthy", "late", "missed", "paused"]);
    }

    #[test]
    fn what_a_job_says_is_a_word_or_an_exit_code() {
        let table = [
            ("fail", Some(Beat::Fail)),
            ("0", Some(Beat::Exit(0))),
            ("255", Some(Beat::Exit(255))),
            ("256", None),
            ("-1", None),
            ("", None),
            ("start", None),
        ];
        for (word, expected) in table {
            assert_eq!(Beat::from_word(word), expected, "{word:?}");
        }
    }

    #[test]
    fn a_name_fits_into_an_address() {
        for name in ["backup", "db-1.nightly_run", &"x".repeat(64)] {
            assert_eq!(checked_name(name).as_deref(), Ok(name));
        }
        for name in ["", "a b", "a/b", "größe", &"x".repeat(65)] {
            assert!(checked_name(name).is_err(), "{name}");
        }
        assert_eq!(heartbeat().external_id(), "heartbeat:backup");
        for (longest, check) in [
            (LONGEST_INTERVAL_MINUTES, checked_interval as fn(u32) -> Result<u32, Refusal>),
            (LONGEST_GRACE_MINUTES, checked_grace),
        ] {
            let is_possible = [0, 1, 2, longest, longest + 1].map(|minutes| check(minutes) == Ok(minutes));
            assert_eq!(is_possible, [false, true, true, true, false]);
        }
    }
}
