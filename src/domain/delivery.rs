//! A delivery: a notification on its way over one channel, in numbered attempts.

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
}

/// One attempt's outcome with the provider's own words, clipped by [`clip_provider_text`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answer {
    pub outcome: Outcome,
    pub text: String,
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
