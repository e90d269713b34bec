//! What the provider knows and decides: flooding filter, duplicate ids, reports, handsets, and the script of faults.
//!
//! Plain values with the time as an argument, so that the 60 minutes of the filter are tested without waiting. What the
//! bytes on the wire look like is `server`'s business.

use super::status::{
    DELIVERED_TO_HANDSET, EC_DESTINATION_FLOODING, EC_DESTINATION_TXT_FLOODING, PENDING_ACCEPTED,
    REJECTED_DUPLICATE_MESSAGE_ID, REJECTED_FLOODING_FILTER, is_delivered,
};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

const FLOODING_WINDOW: Duration = Duration::from_secs(60 * 60);
/// The first identical text that is refused.
const FLOODING_IDENTICAL: usize = 7;
/// The first text of any kind that is refused.
const FLOODING_ANY: usize = 21;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    Sms,
    WhatsApp,
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This HTTP status in the channel's error envelope; nothing is taken.
    Status(u16),
    /// No answer while the caller keeps the connection; nothing is taken.
    Hang,
    /// The message is taken and reaches the phone, but the connection is cut before any answer.
    AcceptThenDrop,
    /// 200, but `messages[0].status` has this id; nothing is taken, and the message id stays unused.
    RejectedIn200(u16),
    /// Accepted in the call; the report then has this status id.
    Undelivered(u16),
    /// Accepted, and reaches the phone, but no report is ever made.
    Unreported,
}

/// One call, as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub at: Instant,
    pub channel: Channel,
    pub body: Value,
    /// The sender's ids in the body, in order.
    pub message_ids: Vec<String>,
    /// The HTTP status it was answered with; `None` for a call that got no answer.
    pub answered: Option<u16>,
    /// What the script made of it.
    pub fault: Option<Fault>,
}

/// One message that reached a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    pub channel: Channel,
    /// Digits, as they were sent.
    pub to: String,
    /// The text; of a template its placeholders, one per line.
    pub text: String,
    pub message_id: String,
}

/// A well-formed message, out of the request.
#[derive(Clone, Debug)]
pub struct Message {
    pub channel: Channel,
    pub id: String,
    pub sender: String,
    pub to: String,
    pub text: String,
    /// Where the sender wants the report, if anywhere.
    pub report_url: Option<String>,
}

/// A message that was taken, and what became of it.
#[derive(Clone, Debug)]
pub struct Taken {
    pub message: Message,
    /// Wall time, since it is printed.
    pub at: jiff::Timestamp,
    pub status: u16,
    pub error: u16,
    /// No report is ever made.
    pub silent: bool,
    /// The report was handed out by the polling call, which does so once.
    pub fetched: bool,
}

/// A text message that somebody sent to us.
#[derive(Clone, Debug)]
pub struct Inbound {
    pub id: String,
    /// Digits.
    pub from: String,
    pub to: String,
    pub text: String,
    pub at: jiff::Timestamp,
    /// It was handed out by the polling call, which does so once.
    pub fetched: bool,
}

#[derive(Default)]
pub struct Memory {
    /// What people sent to us, in order.
    pub inbound: Vec<Inbound>,
    pub received: Vec<Received>,
    pub handsets: Vec<Copy>,
    /// In the order of their arrival.
    pub taken: Vec<Taken>,
    faults: HashMap<Channel, VecDeque<Fault>>,
    /// Arrivals of texts per number within the window, refused ones too.
    texts: HashMap<String, Vec<(Instant, String)>>,
    ids: u64,
}

impl Memory {
    pub fn script(&mut self, channel: Channel, count: usize, fault: Fault) {
        self.faults.entry(channel).or_default().extend(std::iter::repeat_n(fault, count));
    }

    pub fn next_fault(&mut self, channel: Channel) -> Option<Fault> {
        self.faults.get_mut(&channel)?.pop_front()
    }

    /// How many scripted faults no request has met yet.
    pub fn faults_left(&self, channel: Channel) -> usize {
        self.faults.get(&channel).map_or(0, VecDeque::len)
    }

    /// An id like those the provider makes for requests, and for messages that came without one.
    pub fn new_id(&mut self) -> String {
        self.ids += 1;
        format!("fake-{:06}", self.ids)
    }

    /// Takes a message, or refuses it as a duplicate. The status id for the call's answer.
    pub fn take(&mut self, message: Message, fault: Option<Fault>, now: Instant) -> u16 {
        if let Some(Fault::RejectedIn200(id)) = fault {
            return id;
        }
        if self.taken.iter().any(|taken| taken.message.id == message.id) {
            return REJECTED_DUPLICATE_MESSAGE_ID;
        }
        let (status, error) = match (self.flooding(&message, now), fault) {
            (Some(error), _) => (REJECTED_FLOODING_FILTER, error),
            (None, Some(Fault::Undelivered(id))) => (id, u16::from(!is_delivered(id))),
            (None, _) => (DELIVERED_TO_HANDSET, 0),
        };
        if is_delivered(status) {
            let Message { channel, to, text, id, .. } = message.clone();
            self.handsets.push(Copy { channel, to, text, message_id: id });
        }
        let silent = fault == Some(Fault::Unreported);
        self.taken.push(Taken { message, at: jiff::Timestamp::now(), status, error, silent, fetched: false });
        // The filter too is silent in the call; only the report tells.
        PENDING_ACCEPTED
    }

    /// The filter's error, if it refuses this text. It counts what it refuses.
    fn flooding(&mut self, message: &Message, now: Instant) -> Option<u16> {
        if message.channel != Channel::Sms {
            return None;
        }
        let texts = self.texts.entry(message.to.clone()).or_default();
        texts.retain(|(at, _)| now.duration_since(*at) < FLOODING_WINDOW);
        texts.push((now, message.text.clone()));
        let identical = texts.iter().filter(|(_, text)| *text == message.text).count();
        if identical >= FLOODING_IDENTICAL {
            Some(EC_DESTINATION_TXT_FLOODING)
        } else if texts.len() >= FLOODING_ANY {
            Some(EC_DESTINATION_FLOODING)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(id: usize, to: &str, text: &str) -> Message {
        let (to, text) = (to.to_string(), text.to_string());
        Message { channel: Channel::Sms, id: format!("m{id}"), sender: "PagerPal".into(), to, text, report_url: None }
    }

    /// Sends (minute, text) to one number; the error ids of the reports, 0 for delivered.
    fn check(sends: &[(u64, &str)], expected: &[u16]) {
        let (mut memory, start) = (Memory::default(), Instant::now());
        for (id, (minute, words)) in sends.iter().enumerate() {
            let status = memory.take(text(id, "38599111", words), None, start + Duration::from_secs(60 * minute));
            assert_eq!(status, PENDING_ACCEPTED, "the call never shows the filter");
        }
        let errors: Vec<u16> = memory.taken.iter().map(|taken| taken.error).collect();
        assert_eq!(errors, expected);
        assert_eq!(memory.handsets.len(), expected.iter().filter(|error| **error == 0).count());
    }

    #[test]
    fn the_seventh_identical_text_within_the_hour_is_refused() {
        check(&[(0, "a"); 7], &[0, 0, 0, 0, 0, 0, 4104]);
        check(&[(0, "a"), (0, "a"), (0, "a"), (0, "a"), (0, "a"), (0, "a"), (0, "b")], &[0; 7]);
        // The first is 60 minutes old, and no longer counts.
        check(&[(0, "a"), (1, "a"), (1, "a"), (1, "a"), (1, "a"), (1, "a"), (60, "a")], &[0; 7]);
    }

    #[test]
    fn refused_texts_keep_counting() {
        let mut sends = vec![(0, "a"); 6];
        sends.extend([(30, "a"), (59, "a"), (61, "a"), (62, "a"), (63, "a"), (64, "a"), (65, "a")]);
        check(&sends, &[0, 0, 0, 0, 0, 0, 4104, 4104, 0, 0, 0, 0, 4104]);
    }

    #[test]
    fn the_twenty_first_text_within_the_hour_is_refused() {
        let words: Vec<String> = (0..22).map(|n| format!("text {n}")).collect();
        let sends: Vec<(u64, &str)> = words.iter().map(|words| (5, words.as_str())).collect();
        let mut expected = [0; 22];
        expected[20..].fill(4103);
        check(&sends, &expected);
    }

    #[test]
    fn numbers_are_counted_apart() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        for id in 0..12 {
            memory.take(text(id, if id % 2 == 0 { "1" } else { "2" }, "same"), None, now);
        }
        assert_eq!(memory.handsets.len(), 12);
    }

    #[test]
    fn a_repeated_id_is_refused_and_reaches_no_phone() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        assert_eq!(memory.take(text(1, "1", "a"), Some(Fault::AcceptThenDrop), now), PENDING_ACCEPTED);
        assert_eq!(memory.take(text(1, "1", "a"), None, now), REJECTED_DUPLICATE_MESSAGE_ID);
        assert_eq!(memory.handsets.len(), 1);
        // A refusal in the call leaves the id free.
        assert_eq!(memory.take(text(2, "1", "a"), Some(Fault::RejectedIn200(21)), now), 21);
        assert_eq!(memory.take(text(2, "1", "a"), None, now), PENDING_ACCEPTED);
    }
}
