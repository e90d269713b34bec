//! Receipts: what a provider reports of a message after it had taken it.
//!
//! They come late, twice, out of order, or before the answer to our own call is recorded. So they go by rank, not by
//! time: on its way, at the operator, final. The first final one wins; repeats and late lower ranks change nothing.
//!
//! A claim is committed before its message leaves, so a receipt always finds its attempt; one that finds none is
//! somebody else's.

use crate::domain::delivery::{Answer, Attempt, Delivery, Outcome, Recorded, State};
use crate::domain::given::Given;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    pub at: Timestamp,
    pub fate: Fate,
    /// The provider's own words, clipped.
    pub text: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Fate {
    OnItsWay,
    /// Handed to the network. Many networks say no more than that.
    AtOperator,
    /// On the handset.
    Delivered,
    /// It will not arrive; the outcome says what follows.
    Refused(Outcome),
}

/// One entry of a provider's report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reported {
    pub message_id: String,
    pub fate: Fate,
    pub text: String,
}

impl Fate {
    fn rank(&self) -> u8 {
        match self {
            Fate::OnItsWay => 1,
            Fate::AtOperator => 2,
            Fate::Delivered | Fate::Refused(_) => 3,
        }
    }
}

/// What a receipt led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    Nothing,
    AtOperator,
    Delivered,
    Failed(Recorded),
}

impl Attempt {
    pub fn is_refused_by_receipt(&self) -> bool {
        matches!(self.receipt, Some(Receipt { fate: Fate::Refused(_), .. }))
    }

    /// The provider said once, in its answer or later, that the refusal may pass.
    pub(super) fn was_saved_once(&self) -> bool {
        let answered = self.answer.as_ref().is_some_and(|answer| answer.outcome == Outcome::TemporaryOnce);
        let reported = self.receipt.as_ref().map(|receipt| &receipt.fate);
        answered || reported == Some(&Fate::Refused(Outcome::TemporaryOnce))
    }
}

impl Delivery {
    /// The attempt that a message's number stands for: the last one that used it.
    pub fn attempt_of_message(&self, message_number: u32) -> Option<usize> {
        self.attempts.iter().rposition(|attempt| attempt.message_number == message_number)
    }

    /// Takes a receipt for the message of that attempt.
    pub fn receive(&mut self, attempt_index: usize, receipt: Receipt, given: &mut Given) -> Received {
        let is_last = self.attempts.last().map(|last| last.message_number)
            == self.attempts.get(attempt_index).map(|attempt| attempt.message_number);
        let Some(attempt) = self.attempts.get_mut(attempt_index) else { return Received::Nothing };
        let known = attempt.receipt.as_ref().map_or(0, |known| known.fate.rank());
        if receipt.fate.rank() <= known {
            return Received::Nothing;
        }
        attempt.receipt = Some(receipt.clone());
        if receipt.fate == Fate::OnItsWay {
            return Received::Nothing;
        }
        // The provider reports only what it has taken, so the answer that is still under way is known.
        if attempt.answer.is_none() {
            attempt.finished_at = Some(given.now);
            attempt.answer = Some(Answer { outcome: Outcome::Accepted, text: String::new() });
        }
        let is_open = matches!(self.state, State::Sending { .. } | State::Retrying { .. } | State::Accepted { .. });
        match receipt.fate {
            Fate::OnItsWay => Received::Nothing,
            Fate::AtOperator if is_last && is_open => {
                self.state = State::Accepted { at_operator: true, receipt_due: None };
                Received::AtOperator
            }
            // Good news is believed of any message: the page has arrived.
            Fate::Delivered if is_open || matches!(self.state, State::Failed | State::Exhausted) => {
                self.state = State::Delivered;
                Received::Delivered
            }
            Fate::Refused(outcome) if is_last && is_open => Received::Failed(self.fail(&outcome, given)),
            Fate::AtOperator | Fate::Delivered | Fate::Refused(_) => Received::Nothing,
        }
    }

    /// Nothing was heard in time. The message may still arrive, and a receipt still counts.
    pub fn stop_waiting_for_receipt(&mut self) {
        if let State::Accepted { receipt_due, .. } = &mut self.state {
            *receipt_due = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contact::Channel;
    use crate::domain::effect::Reason;
    use crate::domain::given::Jitter;
    use crate::domain::id::{ContactId, DeliveryId, Id, NewIds, NotificationId, UserId};

    fn given() -> Given {
        Given { now: Timestamp::from_second(1000), ids: NewIds::starting_at(1), jitter: Jitter::seeded(1) }
    }

    /// A message that is being sent.
    fn sending() -> Delivery {
        let mut delivery = Delivery {
            id: DeliveryId::new(8841),
            notification: NotificationId::new(1),
            incident: None,
            user: UserId::new(1),
            reason: Reason::Page { level: Some(1) },
            visit: 1,
            contact: ContactId::new(1),
            channel: Channel::Sms,
            address: "+12025550123".to_owned(),
            state: State::Queued { due: Timestamp::MIN },
            attempts: vec![],
            failures: 0,
            next_started: false,
            held_back: false,
            created_at: Timestamp::MIN,
        };
        delivery.claim(None, Timestamp::from_second(990));
        delivery
    }

    enum Event {
        Answer(Outcome),
        Report(Fate),
    }
    use Event::{Answer as Says, Report};

    fn check(events: &[Event], state: &str) {
        let mut delivery = sending();
        for event in events {
            match event {
                Says(outcome) => {
                    let answer = Answer { outcome: outcome.clone(), text: String::new() };
                    delivery.record(0, answer, true, &mut given());
                }
                Report(fate) => {
                    let receipt = Receipt { at: Timestamp::MIN, fate: fate.clone(), text: String::new() };
                    delivery.receive(0, receipt, &mut given());
                }
            }
        }
        assert_eq!(delivery.state.word(), state);
    }

    const NO: Fate = Fate::Refused(Outcome::Permanent { account_wide: false });
    const FLOOD: Fate = Fate::Refused(Outcome::Muted);
    const LATER: Fate = Fate::Refused(Outcome::TemporaryOnce);

    #[test]
    fn receipts_go_by_rank_and_the_first_final_one_wins() {
        let accepted = || Says(Outcome::Accepted);
        check(&[accepted()], "accepted");
        check(&[accepted(), Report(Fate::OnItsWay)], "accepted");
        check(&[accepted(), Report(Fate::AtOperator)], "at operator");
        check(&[accepted(), Report(Fate::AtOperator), Report(Fate::OnItsWay)], "at operator");
        check(&[accepted(), Report(Fate::AtOperator), Report(Fate::Delivered)], "delivered");
        check(&[accepted(), Report(Fate::Delivered), Report(Fate::AtOperator)], "delivered");
        check(&[accepted(), Report(Fate::Delivered), Report(NO)], "delivered");
        check(&[accepted(), Report(NO), Report(Fate::Delivered)], "failed");
        check(&[accepted(), Report(FLOOD), Report(FLOOD)], "failed");
        check(&[accepted(), Report(LATER)], "retrying");
    }

    #[test]
    fn a_receipt_may_overtake_the_answer_to_our_own_call() {
        check(&[Report(Fate::Delivered), Says(Outcome::Accepted)], "delivered");
        check(&[Report(Fate::AtOperator), Says(Outcome::Accepted)], "at operator");
        check(&[Report(NO), Says(Outcome::Accepted)], "failed");
        check(&[Report(Fate::OnItsWay), Says(Outcome::Accepted)], "accepted");
        // The answer was lost, and the receipt says that no copy is needed.
        check(&[Says(Outcome::Ambiguous), Report(Fate::Delivered)], "delivered");
        check(&[Says(Outcome::Ambiguous), Report(NO)], "failed");
    }

    #[test]
    fn an_accepted_message_waits_90_seconds_for_its_receipt_where_there_are_any() {
        for (has_receipts, due) in [(true, Some(Timestamp::from_second(1090))), (false, None)] {
            let mut delivery = sending();
            let answer = Answer { outcome: Outcome::Accepted, text: String::new() };
            delivery.record(0, answer, has_receipts, &mut given());
            assert_eq!(delivery.state, State::Accepted { at_operator: false, receipt_due: due });
            delivery.stop_waiting_for_receipt();
            assert!(!delivery.is_open());
        }
    }

    #[test]
    fn a_receipt_of_an_earlier_message_counts_only_if_it_is_good_news() {
        let refused = || Answer { outcome: Outcome::Temporary { retry_after_secs: None }, text: String::new() };
        let report = |delivery: &mut Delivery, fate: Fate| {
            delivery.receive(0, Receipt { at: Timestamp::MIN, fate, text: String::new() }, &mut given())
        };
        let mut again = sending();
        again.record(0, refused(), true, &mut given());
        again.claim(None, Timestamp::from_second(995));
        let before = again.state.clone();
        for fate in [Fate::AtOperator, NO] {
            let mut again = again.clone();
            assert_eq!(report(&mut again, fate), Received::Nothing);
            assert_eq!(again.state, before, "the message that is on its way now is another one");
        }
        assert_eq!(report(&mut again, Fate::Delivered), Received::Delivered);
    }

    #[test]
    fn a_receipt_changes_nothing_that_is_over_except_by_good_news() {
        let report = |state: &State, fate: Fate| {
            let mut delivery = Delivery { state: state.clone(), ..sending() };
            let received = delivery.receive(0, Receipt { at: Timestamp::MIN, fate, text: String::new() }, &mut given());
            (received, delivery.state)
        };
        let withdrawn = State::Withdrawn { reason: String::new() };
        for state in [State::Failed, State::Exhausted, withdrawn.clone(), State::Suppressed] {
            for fate in [Fate::AtOperator, NO] {
                assert_eq!(report(&state, fate), (Received::Nothing, state.clone()));
            }
        }
        for state in [State::Failed, State::Exhausted] {
            assert_eq!(report(&state, Fate::Delivered), (Received::Delivered, State::Delivered));
        }
        assert_eq!(report(&withdrawn, Fate::Delivered), (Received::Nothing, withdrawn));
    }

    #[test]
    fn a_receipt_is_an_answer_where_there_is_none() {
        let receive = |delivery: &mut Delivery| {
            let receipt = Receipt { at: Timestamp::MIN, fate: Fate::Delivered, text: String::new() };
            delivery.receive(0, receipt, &mut given());
            delivery.attempts[0].answer.clone().expect("it is answered")
        };
        assert_eq!(receive(&mut sending()).outcome, Outcome::Accepted);
        let mut answered = sending();
        let answer = Answer { outcome: Outcome::Ambiguous, text: "timeout".to_owned() };
        answered.record(0, answer.clone(), true, &mut given());
        assert_eq!(receive(&mut answered), answer, "what was said stays");
    }
}
