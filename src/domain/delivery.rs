//! A delivery: a notification on its way over one channel, in numbered attempts.
//!
//! It is *claimed* in one transaction, sent outside of any, and its answer *recorded* in another. A claim looks at the
//! incident and the person once more, because what was planned minutes ago may no longer be wanted. A claim holds a
//! lease; a lease that ran out, or that an earlier process held, is sent again with the same message id, so a crash
//! between sending and recording can duplicate a message but never lose one.
//!
//! ```text
//! queued --claim--> sending --answer--> accepted
//!   |                 |  \-- again ---> retrying --claim--> sending …
//!   |                 \---- give up --> failed | exhausted
//!   \-- safe mode --> suppressed    \-- no longer wanted --> withdrawn
//! ```
//!
//! What the provider reports of an accepted message later is in [`receipt`](crate::domain::receipt); how many texts one
//! number may get is in [`throttle`](crate::domain::throttle).

use crate::domain::contact::Channel;
use crate::domain::effect::Reason;
use crate::domain::given::Given;
use crate::domain::id::{ContactId, DeliveryId, Id, IncidentId, NotificationId, UserId};
use crate::domain::incident::{Incident, Phase, Status};
use crate::domain::receipt::Receipt;
use crate::domain::refusal::Refusal;
use crate::domain::retry;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::planted;
use serde::{Deserialize, Serialize};

/// What a provider's answer to one attempt means. Every answer of every provider is mapped to one of these; what
/// follows from it is decided here, not there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// The provider took it. Not an acknowledgement, and not on the handset.
    Accepted,
    /// It may have been taken: a timeout or a lost connection after the request was written, or a 5xx. Sent again with
    /// the same message id.
    Ambiguous,
    /// A definite no that may pass, or nothing was sent at all. Sent again with a new message id.
    Temporary { retry_after_secs: Option<u32> },
    /// This message, number or credential will not work. `account_wide`: no message to anybody would.
    Permanent { account_wide: bool },
    /// The provider's flooding filter closed this number for a while.
    Muted,
    /// The provider has seen this message id. After an ambiguous attempt that means it had taken it; on a first
    /// attempt it is a collision, and the message needs a new id.
    Duplicate,
    /// Not delivered, and the provider says that it may pass: tried once more, and given up if it says so again.
    TemporaryOnce,
}

impl Outcome {
    /// Nothing reached the provider's network, for sure.
    pub fn was_not_taken(&self) -> bool {
        matches!(self, Outcome::Temporary { .. } | Outcome::Permanent { account_wide: true })
    }
}

/// One attempt's outcome with the provider's own words, clipped by [`clip_provider_text`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answer {
    pub outcome: Outcome,
    pub text: String,
}

impl Answer {
    /// Why the provider did not take it, as far as is known; `None` if it has.
    pub fn failure(&self) -> Option<&str> {
        match self.outcome {
            Outcome::Accepted | Outcome::Duplicate => None,
            _ => Some(&self.text),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    pub id: DeliveryId,
    pub notification: NotificationId,
    /// `None` for messages about no incident: tests and codes.
    pub incident: Option<IncidentId>,
    pub user: UserId,
    /// The notification's: it decides whether the delivery is still wanted.
    pub reason: Reason,
    /// The notification's, of the incident's ladder.
    pub visit: u32,
    pub contact: ContactId,
    pub channel: Channel,
    /// The contact method's address when this was planned, which is where it goes.
    pub address: String,
    pub state: State,
    /// 1, 2, 3 … without holes.
    pub attempts: Vec<Attempt>,
    /// Failures in a row since the delivery was queued or retried by hand; the back-off counts them.
    pub failures: u32,
    /// The person's next method was started because of this one; that happens once.
    pub next_started: bool,
    /// Its number may get no more texts for now: it waits, and leaves in a bundle with whatever else waits by then.
    pub held_back: bool,
    pub created_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum State {
    Queued {
        due: Timestamp,
    },
    /// Claimed: somebody is sending it until the lease ends.
    Sending {
        lease_until: Timestamp,
    },
    Retrying {
        due: Timestamp,
    },
    /// The provider took it. Where it tells more later, the person's next method starts if no receipt says so in time.
    Accepted {
        at_operator: bool,
        receipt_due: Option<Timestamp>,
    },
    /// On the handset, by the provider's receipt.
    Delivered,
    Failed,
    /// Tried as often as is sensible.
    Exhausted,
    /// Safe mode: decided and recorded, nothing left the machine.
    Suppressed,
    Withdrawn {
        reason: String,
    },
}

impl State {
    pub fn word(&self) -> &'static str {
        match self {
            State::Queued { .. } => "queued",
            State::Sending { .. } => "sending",
            State::Retrying { .. } => "retrying",
            State::Accepted { at_operator: false, .. } => "accepted",
            State::Accepted { at_operator: true, .. } => "at operator",
            State::Delivered => "delivered",
            State::Failed => "failed",
            State::Exhausted => "exhausted",
            State::Suppressed => "suppressed",
            State::Withdrawn { .. } => "withdrawn",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// What tells this message apart at the provider: the same number is the same message.
    pub message_number: u32,
    pub claimed_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// `None` while it is being sent, and for ever if the process died then.
    pub answer: Option<Answer>,
    /// The delivery whose message carried this page along with others; `None`: it went by itself.
    pub carrier: Option<DeliveryId>,
    /// Pages of other deliveries that this message carried along.
    pub carried: Vec<DeliveryId>,
    /// What the provider reported last of the message it had taken.
    pub receipt: Option<Receipt>,
}

impl Attempt {
    pub fn new(message_number: u32, claimed_at: Timestamp) -> Attempt {
        let (carrier, carried) = (None, vec![]);
        Attempt { message_number, claimed_at, finished_at: None, answer: None, carrier, carried, receipt: None }
    }

    /// Whether the provider may have it without our knowing. What it has reported as refused will not come.
    pub fn may_have_been_taken(&self) -> bool {
        let outcome = self.answer.as_ref().map(|answer| &answer.outcome);
        matches!(outcome, None | Some(Outcome::Ambiguous)) && !self.is_refused_by_receipt()
    }
}

/// The rings of the delivery wheel, so that the retry worker can be switched off alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DeliveryRing {
    /// First tries, and claims whose sender died.
    First,
    Retry,
    /// Messages the provider took and whose receipt is awaited.
    Receipt,
}

/// What is said of a message that was on its way when the copy was made that has become the database.
pub const LOST_TRACK: &str = "unknown whether it arrived, not resent after the restore";

/// How long a claim may be silent. Longer than any provider's time limit.
pub const LEASE_SECS: i64 = 60;

/// Where the provider reports what became of a message, the person's next method starts if nothing is heard for so long.
pub const RECEIPT_SECS: i64 = 90;

impl Delivery {
    /// When something must happen to this delivery, and whose business that is; `None` when it is final.
    pub fn wheel(&self) -> Option<(DeliveryRing, Timestamp)> {
        match self.state {
            State::Queued { due } => Some((DeliveryRing::First, due)),
            State::Sending { .. } if planted::is("forget_lease") => None,
            State::Sending { lease_until } => Some((DeliveryRing::First, lease_until)),
            State::Retrying { due } => Some((DeliveryRing::Retry, due)),
            State::Accepted { receipt_due: Some(due), .. } => Some((DeliveryRing::Receipt, due)),
            _ => None,
        }
    }

    /// A page asks somebody to take the incident; everything else only tells.
    pub fn is_page(&self) -> bool {
        matches!(self.reason, Reason::Page { .. })
    }

    pub fn is_open(&self) -> bool {
        self.wheel().is_some()
    }

    /// Why it must not leave any more; `incident` and `user` are as they are now.
    pub fn unwanted(&self, incident: Option<&Incident>, user: &User) -> Option<String> {
        if let Some(incident) = incident.filter(|_| self.is_page()) {
            if incident.status != Status::Triggered {
                return Some(format!("the incident was {} before it left", incident.status.word()));
            }
            if incident.ladder.phase == Phase::Held {
                return Some("the incident is held".to_owned());
            }
            if self.visit <= incident.ladder.bypassed && !planted::is("bypassed_still_paged") {
                return Some("somebody else was called instead before it left".to_owned());
            }
        }
        if !user.is_active() {
            return Some("the person is deactivated".to_owned());
        }
        match user.contact(self.contact) {
            Some(contact) if contact.enabled => None,
            _ => Some("the contact method was removed or switched off".to_owned()),
        }
    }

    /// The last message may be with the provider already: what is sent next is the same message again.
    pub fn is_repeat(&self) -> bool {
        self.attempts.last().is_some_and(Attempt::may_have_been_taken)
    }

    /// Takes it out for sending, by itself or with what another delivery's message carries; the answer is the message's number.
    pub fn claim(&mut self, carrier: Option<DeliveryId>, now: Timestamp) -> u32 {
        let message_number = self.next_message_number(carrier);
        self.attempts.push(Attempt { carrier, ..Attempt::new(message_number, now) });
        self.state = State::Sending { lease_until: now.plus_secs(LEASE_SECS) };
        self.held_back = false;
        message_number
    }

    /// Puts it off, in whatever it waits for.
    pub fn postpone(&mut self, to: Timestamp) {
        match &mut self.state {
            State::Queued { due } | State::Retrying { due } | State::Sending { lease_until: due } => *due = to,
            _ => {}
        }
    }

    /// The same number again if the last send may have been taken: then the provider can recognise the copy. What leaves by itself
    /// after it was carried is another message, about which the fate of the first says nothing.
    fn next_message_number(&self, carrier: Option<DeliveryId>) -> u32 {
        match self.attempts.last() {
            None => 1,
            Some(last) if planted::is("same_id_after_refusal") => last.message_number,
            Some(last) if last.carrier != carrier => last.message_number + 1,
            Some(last) if last.may_have_been_taken() && !planted::is("new_id_after_doubt") => last.message_number,
            Some(last) => last.message_number + 1,
        }
    }

    /// Records the answer to the attempt that was claimed. Answers of attempts that are over (their lease ran out and
    /// another was claimed) change nothing but their own line, except that "accepted" is always believed, unless a
    /// receipt has said more by then.
    pub fn record(&mut self, attempt_index: usize, answer: Answer, has_receipts: bool, given: &mut Given) -> Recorded {
        // Of this message: an earlier one has another id.
        let before = &self.attempts[..attempt_index.min(self.attempts.len())];
        let own = self.attempts.get(attempt_index).map(|attempt| attempt.message_number);
        let was_ambiguous =
            before.iter().any(|attempt| Some(attempt.message_number) == own && attempt.may_have_been_taken())
                || planted::is("duplicate_is_accepted");
        let last = self.attempts.len().checked_sub(1);
        let Some(attempt) = self.attempts.get_mut(attempt_index) else { return Recorded::Nothing };
        if attempt.answer.is_some() {
            return Recorded::Nothing;
        }
        attempt.finished_at = Some(given.now);
        attempt.answer = Some(answer.clone());
        let message_number = attempt.message_number;
        let is_accepted =
            matches!(answer.outcome, Outcome::Accepted) || (answer.outcome == Outcome::Duplicate && was_ambiguous);
        if is_accepted {
            let is_known = matches!(self.state, State::Accepted { .. } | State::Delivered)
                || self.attempts.iter().any(|a| a.message_number == message_number && a.is_refused_by_receipt());
            if is_known {
                return Recorded::Nothing;
            }
            let receipt_due = has_receipts.then(|| given.now.plus_secs(RECEIPT_SECS));
            self.state = State::Accepted { at_operator: false, receipt_due };
            self.failures = 0;
            return Recorded::Sent;
        }
        let is_over = last != Some(attempt_index) && !planted::is("late_answer_counts");
        if is_over || !matches!(self.state, State::Sending { .. }) {
            return Recorded::Nothing;
        }
        self.fail(&answer.outcome, given)
    }

    /// What a failure of the last attempt leads to.
    pub(super) fn fail(&mut self, outcome: &Outcome, given: &mut Given) -> Recorded {
        self.failures += 1;
        let (again, retry_after) = match outcome {
            Outcome::Permanent { .. } | Outcome::Muted => (false, None),
            Outcome::Temporary { retry_after_secs } => (true, *retry_after_secs),
            Outcome::TemporaryOnce => {
                (self.attempts.iter().filter(|attempt| attempt.was_saved_once()).count() < 2, None)
            }
            Outcome::Accepted | Outcome::Ambiguous | Outcome::Duplicate => (true, None),
        };
        if !again {
            self.state = State::Failed;
            return Recorded::Failed;
        }
        match retry::wait_secs(self.channel, self.failures, retry_after, &mut given.jitter) {
            Some(wait) => {
                self.state = State::Retrying { due: given.now.plus_secs(wait) };
                Recorded::Retrying
            }
            None => {
                self.state = State::Exhausted;
                Recorded::Exhausted
            }
        }
    }

    /// The database was restored from a copy that was made while this was on its way. It may have arrived long ago, so it
    /// is not sent again. An admin may, as after any failure: then it is another message, for whose id of today the provider has
    /// never heard the old one. False: it was not on its way.
    pub fn lose_track(&mut self, now: Timestamp) -> bool {
        if !matches!(self.state, State::Sending { .. }) {
            return false;
        }
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.finished_at = Some(now);
            let outcome = Outcome::Permanent { account_wide: false };
            attempt.answer = Some(Answer { outcome, text: LOST_TRACK.to_owned() });
        }
        self.state = State::Failed;
        true
    }

    /// The clock was set: what waits for so many seconds still waits for as many.
    pub fn shift(&mut self, secs: i64) {
        match &mut self.state {
            State::Queued { due }
            | State::Retrying { due }
            | State::Sending { lease_until: due }
            | State::Accepted { receipt_due: Some(due), .. } => *due = due.plus_secs(secs),
            _ => {}
        }
    }

    pub fn withdraw(&mut self, reason: &str) -> bool {
        let unsent = matches!(self.state, State::Queued { .. } | State::Retrying { .. });
        if unsent {
            self.state = State::Withdrawn { reason: reason.to_owned() };
        }
        unsent
    }

    /// Somebody fixed the cause and wants another try: a new attempt under a fresh message id.
    pub fn retry_by_hand(&mut self, incident: &Incident, now: Timestamp) -> Result<(), Refusal> {
        let wanted = !self.is_page() || incident.status == Status::Triggered;
        if !wanted || !matches!(self.state, State::Failed | State::Exhausted) {
            let state = if wanted { self.state.word() } else { incident.status.word() };
            let sentence = format!(
                "This notification is {state}; only failed or exhausted ones of an untaken incident are sent again."
            );
            return Err(Refusal::conflict("not_retryable", sentence));
        }
        self.failures = 0;
        self.next_started = false;
        self.visit = incident.ladder.visit;
        self.state = State::Queued { due: now };
        Ok(())
    }
}

/// What an answer led to; a failure of any kind starts the person's next method at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recorded {
    Sent,
    Retrying,
    Failed,
    Exhausted,
    Nothing,
}

/// `pp-<lineage>-<delivery>-<n>`. The lineage is the database's own and changes with a restore, so that a restored
/// database never reuses an id the provider has seen.
pub fn message_id(lineage: &str, delivery: DeliveryId, message_number: u32) -> String {
    format!("pp-{lineage}-{}-{message_number}", delivery.number())
}

/// The delivery and the number in one of our own message ids of this history of the data.
pub fn message_of(lineage: &str, message_id: &str) -> Option<(DeliveryId, u32)> {
    let rest = message_id.strip_prefix("pp-")?.strip_prefix(lineage)?.strip_prefix('-')?;
    let (delivery, number) = rest.split_once('-')?;
    Some((DeliveryId::new(delivery.parse().ok()?), number.parse().ok()?))
}

/// The longest provider text that is kept, in characters.
pub const PROVIDER_TEXT_CHARS: usize = 500;

/// A provider's words as the log shows them: one line, no control characters, at most 500 characters with the cut
/// visible.
pub fn clip_provider_text(text: &str) -> String {
    let one_line = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    let one_line = one_line.collect::<Vec<_>>().join(" ");
    if one_line.chars().count() <= PROVIDER_TEXT_CHARS {
        return one_line;
    }
    let mut clipped: String = one_line.chars().take(PROVIDER_TEXT_CHARS - 1).collect();
    clipped.push('…');
    clipped
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// A page that waits for its first try.
    pub fn delivery(channel: Channel) -> Delivery {
        Delivery {
            id: DeliveryId::new(8841),
            notification: NotificationId::new(1),
            incident: Some(IncidentId::new(1)),
            user: UserId::new(1),
            reason: Reason::Page { level: Some(1) },
            visit: 1,
            contact: ContactId::new(1),
            channel,
            address: "+12025550123".to_owned(),
            state: State::Queued { due: Timestamp::MIN },
            attempts: vec![],
            failures: 0,
            next_started: false,
            held_back: false,
            created_at: Timestamp::MIN,
        }
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
