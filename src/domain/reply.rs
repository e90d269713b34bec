//! What a reply to a message asks for.
//!
//! ```text
//! 7KQ4 | ack 7KQ4 | 4 7KQ4 | 7KQ4 4        take it
//! 7KQ4 R | resolve 7KQ4 | 6 7KQ4 | 7KQ4 6  it is over
//! 7KQ4 E | escalate 7KQ4                   call whoever is next
//! ack | 4 | 6 | resolve                    the same of the one incident that is open
//! ```
//!
//! Case, punctuation and whatever follows do not matter: people answer in the dark.

use crate::domain::contact::Channel;
use crate::domain::pass::{CODE_LENGTH, is_code};

/// A reply as it came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inbound {
    /// The provider's name for it: a repeat has the same.
    pub message_id: String,
    pub channel: Channel,
    /// Digits.
    pub from: String,
    pub text: String,
    /// A button of ours was pressed: what we had put behind it.
    pub button: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    Acknowledge,
    Resolve,
    Escalate,
}

impl Wish {
    pub const ALL: [Wish; 3] = [Wish::Acknowledge, Wish::Resolve, Wish::Escalate];
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    pub wish: Wish,
    /// In upper case; `None`: whichever is open.
    pub code: Option<String>,
}

/// `None`: nothing we know.
pub fn parse(text: &str) -> Option<Command> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<String> = words.take(2).map(str::to_uppercase).collect();
    let command = |wish, code: Option<&String>| Some(Command { wish, code: code.cloned() });
    match words.as_slice() {
        // A word of four letters may be a code and a command; no command is one, because codes have no vowels.
        [first, rest @ ..] if is_code(first) => {
            command(rest.first().and_then(|word| wish(word)).unwrap_or(Wish::Acknowledge), Some(first))
        }
        [first, rest @ ..] => {
            let wish = wish(first)?;
            match rest.first() {
                // Something that was only meant as a code is not "whichever is open" either.
                Some(word) if word.chars().count() == CODE_LENGTH as usize => command(wish, Some(word)),
                _ => command(wish, None),
            }
        }
        [] => None,
    }
}

fn wish(word: &str) -> Option<Wish> {
    match word {
        "ACK" | "ACKNOWLEDGE" | "4" | "A" => Some(Wish::Acknowledge),
        "RESOLVE" | "RESOLVED" | "R" | "6" => Some(Wish::Resolve),
        "ESCALATE" | "E" => Some(Wish::Escalate),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wish: Wish, code: Option<&str>) {
        assert_eq!(parse(text), Some(Command { wish, code: code.map(str::to_owned) }), "{text:?}");
    }

    #[test]
    fn a_reply_names_the_incident_and_what_to_do() {
        use Wish::*;
        for text in ["7KQ4", "7kq4", " 7KQ4. ", "ack 7KQ4", "ACK  7kq4", "4 7KQ4", "7KQ4 4", "7KQ4 thanks", "(7KQ4)"] {
            check(text, Acknowledge, Some("7KQ4"));
        }
        for text in ["7KQ4 R", "7kq4 r", "resolve 7KQ4", "6 7KQ4", "7KQ4 6", "7KQ4, resolved"] {
            check(text, Resolve, Some("7KQ4"));
        }
        for text in ["7KQ4 E", "escalate 7KQ4", "e 7kq4"] {
            check(text, Escalate, Some("7KQ4"));
        }
        for (text, wish) in [("ack", Acknowledge), ("4", Acknowledge), ("Ack!", Acknowledge), ("6", Resolve)] {
            check(text, wish, None);
        }
        check("ack 1OIL", Acknowledge, Some("1OIL"));
        check("resolve, thanks", Resolve, None);
    }

    #[test]
    fn anything_else_is_no_command() {
        for text in ["", "  ", "hello", "stop", "thank you", "44", "№"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
