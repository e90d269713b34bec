//! How many texts one number may get, whoever shares it, and what else is kept of it.
//!
//! The provider's flooding filter refuses the 7th identical or the 21st text of any kind to a number within 60 minutes,
//! says so only in its report, and counts what it refuses. So a number gets at most 5 texts in 15 minutes and 15 in 60,
//! of which 4 are kept for first pages of new critical incidents and 1 for a test; and no two texts are alike. What is
//! over the budget waits and leaves as one text. A report of the filter closes the number for 60 minutes.
//!
//! A message that is sent again under its own id is one message to the filter, and one here, at the time at which it left last.

use crate::domain::contact::Channel;
use crate::domain::id::DeliveryId;
use crate::domain::time::Timestamp;
use crate::planted;
use serde::{Deserialize, Serialize};

pub const PER_QUARTER: usize = 5;
pub const PER_HOUR: usize = 15;
pub const KEPT_FOR_CRITICAL: usize = 4;
pub const KEPT_FOR_TEST: usize = 1;
/// Of the texts of a quarter of an hour.
const KEPT_FROM_ANSWERS: usize = 1;

const QUARTER_SECS: i64 = 15 * 60;
const HOUR_SECS: i64 = 60 * 60;

/// Replies whose ids are remembered, so that a repeat does nothing.
const HEARD: usize = 100;
/// Providers repeat a reply until it is taken, for a day at most.
const HEARD_SECS: i64 = 48 * HOUR_SECS;
/// So many wrong codes within an hour end the answers.
pub const WRONG_CODES: usize = 10;

/// What a text is, for the shares of the budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Share {
    /// The first this number hears of a critical incident.
    FirstCritical,
    Test,
    Other,
    /// The answer to a reply: whoever forges a number may not use up what its pages need.
    Answer,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Text {
    pub at: Timestamp,
    pub delivery: DeliveryId,
    pub message_number: u32,
    pub share: Share,
    /// Which text to this number it is: never the same twice.
    pub nth: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Heard {
    pub at: Timestamp,
    pub message_id: String,
}

/// What passed between us and one number lately.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ledger {
    /// E.164.
    pub number: String,
    /// Of the last hour, in their order, and what came after the oldest of them.
    pub texts: Vec<Text>,
    /// How many texts there ever were.
    pub count: u32,
    /// The provider's filter was met.
    pub closed_until: Option<Timestamp>,
    pub heard: Vec<Heard>,
    /// When wrong codes came from it, within the last hour.
    pub misses: Vec<Timestamp>,
}

/// A channel by which no message to anybody would work, and when admins were last told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChannelTrouble {
    pub channel: Channel,
    pub told_at: Timestamp,
    /// The provider's words; empty in databases that did not keep them yet.
    pub why: String,
}

impl ChannelTrouble {
    /// Admins hear of it at most hourly.
    pub fn may_tell_again(&self, now: Timestamp) -> bool {
        now.secs_since(self.told_at) >= HOUR_SECS
    }
}

impl Ledger {
    pub fn new(number: &str) -> Ledger {
        let number = number.to_owned();
        Ledger { number, texts: vec![], count: 0, closed_until: None, heard: vec![], misses: vec![] }
    }

    /// Whether a text of this share may leave at an instant.
    pub fn admits(&self, share: Share, at: Timestamp) -> bool {
        if planted::is("ignore_budget") {
            return true;
        }
        if self.closed_until.is_some_and(|until| at < until) {
            return false;
        }
        let within = |secs: i64| self.texts.iter().filter(move |text| at.secs_since(text.at) < secs);
        let of = |share: Share| within(HOUR_SECS).filter(|text| text.share == share).count();
        let (critical, tests) = (of(Share::FirstCritical).min(KEPT_FOR_CRITICAL), of(Share::Test).min(KEPT_FOR_TEST));
        // What is kept for others and not used yet is not there.
        let kept = match share {
            Share::FirstCritical => KEPT_FOR_TEST - tests,
            Share::Test => KEPT_FOR_CRITICAL - critical,
            Share::Other if planted::is("reserve_for_all") => 0,
            Share::Other | Share::Answer => KEPT_FOR_CRITICAL - critical + KEPT_FOR_TEST - tests,
        };
        let per_quarter = if share == Share::Answer { PER_QUARTER - KEPT_FROM_ANSWERS } else { PER_QUARTER };
        within(QUARTER_SECS).count() < per_quarter && within(HOUR_SECS).count() + kept < PER_HOUR
    }

    /// The first instant from `now` on at which it may, if nothing else leaves meanwhile.
    pub fn opens_at(&self, share: Share, now: Timestamp) -> Timestamp {
        let ends = self.texts.iter().flat_map(|text| [text.at.plus_secs(QUARTER_SECS), text.at.plus_secs(HOUR_SECS)]);
        let mut candidates: Vec<Timestamp> = ends.chain(self.closed_until).filter(|end| *end > now).collect();
        candidates.sort_unstable();
        let open = |at: &Timestamp| self.admits(share, *at);
        if open(&now) { now } else { candidates.into_iter().find(open).unwrap_or(now.plus_secs(HOUR_SECS)) }
    }

    /// A text leaves; answers which one it is. The same message again stays the one it was; a copy of what is forgotten
    /// comes before all that is known.
    pub fn note(&mut self, message: (DeliveryId, u32), is_copy: bool, share: Share, now: Timestamp) -> u32 {
        self.forget(now);
        let (delivery, message_number) = message;
        let same = |text: &&mut Text| (text.delivery, text.message_number) == message;
        if let Some(text) = self.texts.iter_mut().find(same) {
            text.at = now;
            return text.nth;
        }
        let oldest = self.texts.first().map(|text| text.nth).filter(|_| is_copy);
        let nth = match oldest {
            Some(oldest) => oldest.saturating_sub(1),
            None => {
                self.count = self.count.saturating_add(1);
                self.count
            }
        };
        let place = if oldest.is_some() { 0 } else { self.texts.len() };
        self.texts.insert(place, Text { at: now, delivery, message_number, share, nth });
        nth
    }

    /// Nothing was sent after all. Answers what it had counted as.
    pub fn give_back(&mut self, delivery: DeliveryId, message_number: u32) -> Option<Share> {
        let is_it = |text: &Text| (text.delivery, text.message_number) == (delivery, message_number);
        Some(self.texts.remove(self.texts.iter().position(is_it)?).share)
    }

    /// The provider's filter refused a text: whatever follows would be refused, and counted, too.
    pub fn close(&mut self, now: Timestamp) {
        self.closed_until = Some(now.plus_secs(HOUR_SECS));
    }

    /// The clock was set: what lies so many seconds back still lies as many back, and the provider's filter counts by no
    /// clock of ours.
    pub fn shift(&mut self, secs: i64) {
        let texts = self.texts.iter_mut().map(|text| &mut text.at);
        let heard = self.heard.iter_mut().map(|heard| &mut heard.at);
        for at in texts.chain(heard).chain(&mut self.misses).chain(&mut self.closed_until) {
            *at = at.plus_secs(secs);
        }
    }

    /// Whether this reply is new; it is remembered.
    pub fn hear(&mut self, message_id: &str, now: Timestamp) -> bool {
        self.forget(now);
        if self.heard.iter().any(|heard| heard.message_id == message_id) {
            return false;
        }
        if self.heard.len() == HEARD {
            self.heard.remove(0);
        }
        self.heard.push(Heard { at: now, message_id: message_id.to_owned() });
        true
    }

    /// A wrong code came; answers how many did within the hour.
    pub fn miss(&mut self, now: Timestamp) -> usize {
        self.forget(now);
        if self.misses.len() <= WRONG_CODES {
            self.misses.push(now);
        }
        self.misses.len()
    }

    /// Wrong codes within the hour.
    pub fn misses_at(&self, now: Timestamp) -> usize {
        self.misses.iter().filter(|at| now.secs_since(**at) < HOUR_SECS).count()
    }

    fn forget(&mut self, now: Timestamp) {
        // The oldest first, and none before an older one: what is sent again is told by their order from what came later.
        let is_recent = |text: &Text| now.secs_since(text.at) < HOUR_SECS;
        let old = self.texts.iter().position(is_recent).unwrap_or(self.texts.len());
        self.texts.drain(..old);
        self.misses.retain(|at| now.secs_since(*at) < HOUR_SECS);
        self.heard.retain(|heard| now.secs_since(heard.at) < HEARD_SECS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;
    use Share::*;

    fn minute(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_000_000).plus_minutes(minutes)
    }

    /// Sends these shares, one each at its minute, and answers which were admitted.
    fn play(sends: &[(i64, Share)]) -> Vec<bool> {
        let mut ledger = Ledger::new("+12025550123");
        let mut admitted = Vec::new();
        for (index, (at, share)) in sends.iter().enumerate() {
            let admits = ledger.admits(*share, minute(*at));
            if admits {
                ledger.note((DeliveryId::new(index as u64), 1), false, *share, minute(*at));
            }
            admitted.push(admits);
        }
        admitted
    }

    #[test]
    fn a_number_gets_five_texts_in_a_quarter_of_an_hour() {
        assert_eq!(play(&[(0, Other); 6]), [true, true, true, true, true, false]);
        let sends = [(0, Answer), (0, Answer), (0, Answer), (0, Answer), (0, Answer), (0, Other), (0, Other)];
        assert_eq!(play(&sends), [true, true, true, true, false, true, false]);
        let sends = [(0, Other), (1, Other), (2, Other), (3, Other), (4, Other), (14, Other), (15, Other), (15, Other)];
        assert_eq!(play(&sends), [true, true, true, true, true, false, true, false]);
    }

    #[test]
    fn a_third_of_the_hours_texts_is_kept_for_what_must_not_wait() {
        let spread = |share, from: i64, count: i64| (0..count).map(move |n| (from + n * 3, share)).collect::<Vec<_>>();
        let admitted = |sends: &[(i64, Share)]| play(sends).into_iter().filter(|admitted| *admitted).count();
        assert_eq!(admitted(&spread(Other, 0, 19)), 10);
        assert_eq!(admitted(&spread(FirstCritical, 0, 19)), 14);
        assert_eq!(admitted(&spread(Test, 0, 19)), 11);
        let mut mixed = spread(Other, 0, 11);
        mixed.extend([(33, FirstCritical), (36, FirstCritical), (39, Test), (42, Test), (45, FirstCritical)]);
        mixed.extend([(48, FirstCritical), (51, FirstCritical), (59, Other)]);
        let expected = [&[true; 10][..], &[false, true, true, true, false, true, true, false, false]].concat();
        assert_eq!(play(&mixed), expected);
    }

    #[test]
    fn what_waits_learns_until_when() {
        let mut ledger = Ledger::new("+12025550123");
        assert_eq!(ledger.opens_at(Other, minute(0)), minute(0));
        for n in 0..5 {
            ledger.note((DeliveryId::new(n), 1), false, Other, minute(n as i64));
        }
        assert_eq!(ledger.opens_at(Other, minute(5)), minute(15));
        ledger.close(minute(6));
        assert_eq!(ledger.opens_at(FirstCritical, minute(7)), minute(66));
        assert!(!ledger.admits(FirstCritical, minute(65)) && ledger.admits(FirstCritical, minute(66)));
    }

    #[test]
    fn a_text_is_forgotten_only_after_those_before_it() {
        let mut ledger = Ledger::new("+12025550123");
        let note = |ledger: &mut Ledger, delivery, is_copy, at| {
            ledger.note((DeliveryId::new(delivery), 1), is_copy, Other, minute(at))
        };
        let noted = [(1, false, 0), (2, false, 1), (1, true, 50), (3, false, 70)];
        assert_eq!(noted.map(|(delivery, is_copy, at)| note(&mut ledger, delivery, is_copy, at)), [1, 2, 1, 3]);
        let known = |ledger: &Ledger| ledger.texts.iter().map(|text| text.nth).collect::<Vec<_>>();
        assert_eq!(known(&ledger), [1, 2, 3]);
        assert_eq!(note(&mut ledger, 4, false, 110), 4);
        assert_eq!(known(&ledger), [3, 4]);
        assert_eq!(note(&mut ledger, 1, true, 115), 2, "a copy of what is forgotten comes before what is known");
        assert_eq!(known(&ledger), [2, 3, 4]);
    }

    #[test]
    fn a_clock_that_is_set_opens_and_closes_no_number() {
        for hours in [-2, 2] {
            let mut ledger = Ledger::new("+12025550123");
            for n in 0..5 {
                ledger.note((DeliveryId::new(n), 1), false, Other, minute(n as i64));
            }
            ledger.shift(hours * 3600);
            assert_eq!(ledger.opens_at(Other, minute(5 + hours * 60)), minute(15 + hours * 60));
            ledger.close(minute(6 + hours * 60));
            ledger.shift(-hours * 3600);
            assert_eq!(ledger.opens_at(Other, minute(7)), minute(66));
        }
    }

    #[test]
    fn the_same_message_again_is_one_message() {
        let mut ledger = Ledger::new("+12025550123");
        let delivery = DeliveryId::new(1);
        assert_eq!(ledger.note((delivery, 1), false, Other, minute(0)), 1);
        assert_eq!(ledger.note((delivery, 1), false, Other, minute(1)), 1);
        assert_eq!(ledger.note((delivery, 2), false, Other, minute(2)), 2);
        ledger.give_back(delivery, 2);
        assert_eq!((ledger.texts.len(), ledger.texts[0].at), (1, minute(1)));
        assert_eq!(ledger.note((delivery, 3), false, Other, minute(3)), 3, "a number is never given twice");
    }

    #[test]
    fn replies_are_heard_once_and_wrong_codes_counted_for_an_hour() {
        let mut ledger = Ledger::new("+12025550123");
        assert!(ledger.hear("a", minute(0)) && !ledger.hear("a", minute(60)) && ledger.hear("b", minute(60)));
        assert!(ledger.hear("a", minute(48 * 60)), "after two days nobody repeats it");
        assert_eq!([0, 10, 20, 60].map(|at| ledger.miss(minute(at))), [1, 2, 3, 3]);
        assert_eq!([60, 69, 70, 79, 80, 119, 120].map(|at| ledger.misses_at(minute(at))), [3, 3, 2, 2, 1, 1, 0]);
        for n in 0..500 {
            ledger.hear(&n.to_string(), minute(3000));
            ledger.miss(minute(3000));
        }
        assert!(ledger.heard.len() == HEARD && ledger.misses.len() == WRONG_CODES + 1);
    }

    #[test]
    fn what_was_kept_and_is_used_is_not_kept_twice() {
        let sends = |first: &[Share]| {
            let spread = first.iter().copied().chain([Other; 19]);
            let sends: Vec<(i64, Share)> = (0..).step_by(3).zip(spread).take(19).collect();
            play(&sends).into_iter().filter(|admitted| *admitted).count()
        };
        assert_eq!(sends(&[]), 10);
        assert_eq!(sends(&[FirstCritical]), 11);
        assert_eq!(sends(&[Test]), 11);
        assert_eq!(sends(&[FirstCritical, FirstCritical, FirstCritical, FirstCritical, Test]), 15);
    }

    #[test]
    fn a_text_counts_for_an_hour_and_no_second_longer() {
        let mut ledger = Ledger::new("+12025550123");
        ledger.note((DeliveryId::new(1), 1), false, Other, minute(0));
        ledger.note((DeliveryId::new(2), 1), false, Other, minute(59));
        assert_eq!(ledger.texts.len(), 2);
        ledger.note((DeliveryId::new(3), 1), false, Other, minute(60));
        assert_eq!(ledger.texts.len(), 2);
    }
}
