//! Where a person can be reached.

use serde::{Deserialize, Serialize};

/// The ways a message can leave. Also the kind of a contact method.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Channel {
    Sms,
    WhatsApp,
    Email,
}

impl Channel {
    pub const ALL: [Channel; 3] = [Channel::Sms, Channel::WhatsApp, Channel::Email];

    /// The word used in the API, in forms and in logs.
    pub fn word(self) -> &'static str {
        match self {
            Channel::Sms => "sms",
            Channel::WhatsApp => "whatsapp",
            Channel::Email => "email",
        }
    }

    pub fn from_word(word: &str) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.word() == word)
    }

    /// How people write it.
    pub fn title(self) -> &'static str {
        match self {
            Channel::Sms => "SMS",
            Channel::WhatsApp => "WhatsApp",
            Channel::Email => "Email",
        }
    }
}
