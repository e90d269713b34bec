//! A pretend phone, for the demo: it takes every message of every channel, sends none, and keeps the newest for a page
//! that shows them.

use super::{Message, Provider, Sending, compose};
use crate::domain::contact::Channel;
use crate::domain::delivery::{Answer, Outcome};
use crate::domain::time::Timestamp;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// As many as anybody scrolls through.
const KEPT: usize = 50;

#[derive(Default)]
pub struct Phone(Mutex<VecDeque<Arrived>>);

/// A message as its reader would have it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrived {
    pub at: Timestamp,
    pub channel: Channel,
    pub to: String,
    pub text: String,
    /// What the message asks to be opened.
    pub link: Option<String>,
}

impl Phone {
    /// The newest first.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn take(&self, message: &Message) {
        let Message { channel, content, nth, .. } = message;
        let text = if *channel == Channel::Email {
            let mail = compose::email(content);
            format!("{}\n\n{}", mail.subject, mail.text)
        } else if *channel == Channel::WhatsApp {
            compose::whatsapp(content).join("\n")
        } else {
            compose::text(content, *nth)
        };
        let link = content.link().map(str::to_owned);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front(Arrived { at: message.at, channel: *channel, to: message.to.clone(), text, link });
        kept.truncate(KEPT);
    }
}

/// One channel's way to the pretend phone.
pub struct PretendPhone {
    pub phone: Arc<Phone>,
    pub channel: Channel,
}

impl Provider for PretendPhone {
    fn name(&self) -> &'static str {
        "pretend-phone"
    }

    fn channel(&self) -> Channel {
        self.channel
    }

    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a> {
        Box::pin(async move {
            self.phone.take(message);
            Answer { outcome: Outcome::Accepted, text: TAKEN.to_owned() }
        })
    }
}

/// What the notification log has as the provider's answer.
pub const TAKEN: &str = "shown on the pretend phone; nothing has left this machine";

#[cfg(test)]
mod tests {
    use super::super::registry::Registry;
    use super::super::testing::sms_message;
    use super::*;

    #[tokio::test]
    async fn every_channel_ends_on_the_phone_and_the_newest_come_first() {
        let phone = Arc::new(Phone::default());
        let registry = Registry::pretend(&phone);
        assert_eq!(registry.channels_configured(), Channel::ALL);
        for turn in 0..KEPT + Channel::ALL.len() {
            let channel = Channel::ALL[turn % Channel::ALL.len()];
            let provider = registry.provider(channel).expect("the phone takes every channel");
            let answer = provider.send(&Message { channel, ..sms_message() }).await;
            assert_eq!(answer.outcome, Outcome::Accepted);
        }
        let arrived = phone.arrived();
        assert_eq!(arrived.len(), KEPT);
        let last = Channel::ALL[(KEPT + Channel::ALL.len() - 1) % Channel::ALL.len()];
        assert_eq!(arrived[0].channel, last);
        assert!(arrived.iter().all(|message| message.text.starts_with("TEST")), "{:?}", arrived[0]);
    }
}
