//! Parsers with a fault, each of a kind that people write: whoever drives the targets must find them, or would find nothing.

use crate::targets::{calendars, stored, words};
use pagerpal::domain::user::checked_phone;
use pagerpal::store::keys;

pub struct Spoiled {
    /// What is wrong with it.
    pub fault: &'static str,
    pub ask: fn(&[u8]) -> bool,
    /// Of the target that has the same check over a sound parser.
    pub target: &'static str,
}

pub const SPOILED: &[Spoiled] = &[
    Spoiled { fault: "a text key ends at its first zero", ask: cut_key, target: "keys" },
    Spoiled { fault: "an escaped backslash is left in a calendar's text", ask: half_unescaped, target: "feed" },
    Spoiled { fault: "a phone number keeps what was typed before it was checked", ask: unkept_phone, target: "people" },
];

fn cut_key(data: &[u8]) -> bool {
    let data = data.get(1..).unwrap_or_default();
    stored::check_keys::<String>(data, |bytes| {
        let key: String = keys::decode(bytes)?;
        Some(key.split('\0').next().unwrap_or_default().to_owned())
    })
}

fn half_unescaped(data: &[u8]) -> bool {
    let unescape = |text: &str| text.replace("\\n", "\n").replace("\\,", ",").replace("\\;", ";");
    calendars::feed(data, unescape)
}

fn unkept_phone(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    words::phone(&text, |text| checked_phone(text).map(|_| text.to_owned())).is_some()
}
