//! Puts a message on the wire and says what became of it.
//!
//! A [`Message`] says *what* one person is to be told over one channel; [`compose`] turns it into that channel's text;
//! a [`Provider`] sends it and maps every answer to one [`Outcome`](crate::domain::delivery::Outcome). Nothing here
//! decides whether a message is still wanted, retries, or remembers anything: a delivery is claimed before and recorded
//! after, by the worker, and the message id makes a repeat recognisable.
//!
//! What every provider promises:
//!
//! | the world did | the outcome |
//! |---|---|
//! | name not found, no connection, no TLS: nothing was sent | temporary |
//! | a definite no that may pass (HTTP 429, SMTP 4xx) | temporary |
//! | timeout or lost connection after the request was written; HTTP 5xx; an answer that cannot be read | ambiguous |
//! | a definite no | permanent, account-wide if no message to anybody would work |
//!
//! A send ends within [`SEND_LIMIT`], far inside the 60 s lease of a claim. An answer's text is the provider's own, one
//! line, clipped, and free of our credentials and of the link that lets its holder act.

pub mod compose;
pub mod gsm;
pub mod infobip;
pub mod phone;
pub mod registry;
pub mod settings;
pub mod smtp;
#[cfg(test)]
mod testing;

use crate::domain::Severity;
use crate::domain::contact::Channel;
use crate::domain::delivery::{Answer, clip_provider_text};
use crate::domain::time::Timestamp;
use std::pin::Pin;
use std::time::Duration;

/// No send takes longer: at most 10 s of waiting for a turn, then 10 s for HTTP or 38.5 s for a mail conversation.
pub const SEND_LIMIT: Duration = Duration::from_secs(50);

/// One attempt at one delivery. Has no `Debug`: it holds a phone number or address, and a link that acts for a person.
#[derive(Clone)]
pub struct Message {
    /// `pp-<lineage>-<delivery>-<n>`; the same again after an ambiguous attempt.
    pub message_id: String,
    pub channel: Channel,
    /// E.164 (`+12025550123`) or a mail address.
    pub to: String,
    /// The `Date` of a mail. The delivery's creation, so that a repeat is the same mail.
    pub at: Timestamp,
    /// The same for everything about one incident, unique in the world: mail programs make one thread of it. Letters,
    /// digits, dots and hyphens.
    pub thread: Option<String>,
    pub content: Content,
    /// Which text to this number it is. Text messages end with it where nothing else tells two alike apart.
    pub nth: Option<u32>,
}

#[derive(Clone)]
pub enum Content {
    /// Take this incident.
    Page(Page),
    /// Something to know; nothing to do.
    Update(Update),
    /// Begins with TEST on every channel.
    Test { asked_by: String },
    /// Proves that messages to this contact method arrive.
    Code { code: String },
    /// Several pages at once, the most critical first: three are named, the rest counted.
    Bundle(Bundle),
}

/// Pages that were due to one contact method together.
#[derive(Clone)]
pub struct Bundle {
    /// At most three, each with the code a reply names it by.
    pub named: Vec<(Headline, Option<String>)>,
    /// How many there are besides.
    pub more: usize,
    pub link: Option<String>,
    /// No two texts to one number are alike.
    pub counter: String,
}

/// What an incident is called wherever it is mentioned.
#[derive(Clone)]
pub struct Headline {
    pub number: u64,
    pub severity: Severity,
    pub title: String,
}

#[derive(Clone)]
pub struct Page {
    pub about: Headline,
    pub team: String,
    /// Text of the alert, with line breaks; mail only, which clips it.
    pub details: String,
    /// Why this person is paged, a sentence each; mail only.
    pub why: Vec<String>,
    /// Who is called next if this person does not answer.
    pub next: Option<NextCall>,
    /// Acts for this person. `None` without a base URL.
    pub link: Option<String>,
    /// A reply that begins with it takes the incident; where replies reach us.
    pub code: Option<String>,
    /// Which page of how many, `1/3`: no two texts to one number are identical, or the provider's flooding filter acts.
    pub counter: String,
}

#[derive(Clone)]
pub struct NextCall {
    pub name: String,
    /// Wall-clock time in the reader's zone, `03:19`.
    pub at: String,
}

#[derive(Clone)]
pub struct Update {
    /// `None` if it is about PagerPal itself.
    pub about: Option<Headline>,
    pub sentence: String,
    pub link: Option<String>,
}

impl Content {
    /// What the message asks to be opened.
    fn link(&self) -> Option<&str> {
        match self {
            Content::Page(page) => page.link.as_deref(),
            Content::Update(update) => update.link.as_deref(),
            Content::Bundle(bundle) => bundle.link.as_deref(),
            Content::Test { .. } | Content::Code { .. } => None,
        }
    }

    /// The part of the link that acts for whoever holds it: its last segment, if that is as long as a token. It is in
    /// the message and belongs nowhere else.
    fn token(&self) -> Option<&str> {
        self.link().and_then(|link| link.rsplit('/').next()).filter(|token| token.len() >= 20)
    }
}

pub type Sending<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// One way out, for one channel.
pub trait Provider: Send + Sync {
    /// In logs and in the notification log: `infobip-sms`.
    fn name(&self) -> &'static str;
    fn channel(&self) -> Channel;
    /// Whether it is told later what became of a message.
    fn has_receipts(&self) -> bool {
        false
    }
    /// Whether what people answer reaches us.
    fn hears_replies(&self) -> bool {
        false
    }
    /// Never fails: a failure is an outcome too.
    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a>;
}

/// A provider's words for the log, without what must not be in a log: providers and the proxies before them quote
/// requests back.
fn spoken(text: &str, private: &[&str]) -> String {
    let mut text = text.to_owned();
    for private in private.iter().filter(|private| !private.is_empty()) {
        text = text.replace(private, "(removed)");
    }
    clip_provider_text(&text)
}

/// An error and its causes: the last one is usually the one that helps.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}
