//! Short texts that people type or send: addresses, names, patterns, replies, and what is done to texts on their way out.

use super::{all_of, choice, chosen};
use crate::Target;
use pagerpal::domain::alert_source::UrgencyRule;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::heartbeat::checked_name;
use pagerpal::domain::id::*;
use pagerpal::domain::import::CalendarUrl;
use pagerpal::domain::maintenance::{MATCHERS, Matcher};
use pagerpal::domain::password::checked_password;
use pagerpal::domain::refusal::Refusal;
use pagerpal::domain::reply::{self, Wish};
use pagerpal::domain::rotation::cron::Matches;
use pagerpal::domain::rotation::{Cadence, Civil, Version, Window};
use pagerpal::domain::time::{Timestamp, zone_named};
use pagerpal::domain::user::{checked_email, checked_phone};
use pagerpal::ingest::without_secrets;
use pagerpal::notify::gsm;
use pagerpal::redact::redacted;

pub const PEOPLE: Target = Target {
    name: "people",
    ask: people,
    seeds: || {
        all_of(&[
            "Ana@Example.org",
            " bo@example.org ",
            "+49 (170) 123-45.67/8",
            "+4917012345678",
            "usr_1m",
            "con_0",
            "ovr_7zzz",
            "https://calendar.example.org/a.ics?b",
            "webcal://calendar.example.org/a",
            "nightly-backup_2",
            "Europe/Berlin",
            "Etc/UTC",
            "UTC",
            "correct horse battery staple",
            "success",
            "always_high",
            "sms",
        ])
    },
    words: &[
        "@",
        "+",
        "_",
        "https://",
        "WEBCAL://",
        "usr_",
        "/",
        "\u{130}",
        "\u{df}",
        "Etc/",
        "..",
        "\u{3000}",
        "\u{212a}",
    ],
};

pub const ROTATION: Target = Target {
    name: "rotation",
    ask: rotation,
    seeds: || {
        let patterns =
            ["0 9 * * 1", "30 8,20 1-7 * 1#1", "0 0 L 2 *", "0 7 15W 1-6 *", "0 9 * * MON-FRI", "15 3 29 2 *"];
        let windows = ["mon,tue 09:00 17:00 0", "sun 18:00 08:30 1", "sat 00:00 00:00 6"];
        let patterns =
            patterns.iter().flat_map(|pattern| [3, 130, 201].map(|day| chosen(day & !1, pattern.as_bytes())));
        patterns.chain(windows.iter().map(|window| chosen(1, window.as_bytes()))).collect()
    },
    words: &[
        "*", "/2", ",", "-", "#", "L", "W", "?", "MON", "JAN", "0 ", "59", "23", "31", "29", "2", "fri", "24:00",
        "23:59",
    ],
};

pub const LINES: Target = Target {
    name: "lines",
    ask: lines,
    seeds: || {
        all_of(&[
            "service=checkout\ncluster!=prod",
            "a=",
            "ack 7KQ4",
            "7kq4 r",
            "(7KQ4)",
            "resolve",
            "6 7KQ4",
            "escalate 7KQ4 now",
            "\u{df}\u{df}\u{df} 4",
        ])
    },
    words: &["=", "!=", "~", "\n", "ack", "7KQ4", "RESOLVE", "4", "E", " ", "\u{2028}", "\u{130}"],
};

pub const TEXTS: Target = Target {
    name: "texts",
    ask: |data| texts(data),
    seeds: || {
        all_of(&[
            "Disk full on db1",
            "J\u{f6}rg \u{201e}sp\u{e4}ter\u{201c} \u{20ac}5 {a} \u{41f}\u{438}\u{432}\u{43e}",
            "call +4917012345678 or ana@example.org",
            "POST /a/6b3C?token=abcdefgh failed",
            "{\"Token\":\"abc\"}",
            "Authorization: Bearer abc def",
            "api_key=abcdefgh&b=1",
        ])
    },
    words: &[
        "@",
        "+49",
        "token=",
        "Token",
        "\":\"",
        "bearer ",
        "ppt_",
        "/a/",
        "\\",
        "\u{20ac}",
        "\u{1f600}",
        "=",
        "\"",
        "...",
        "^",
    ],
};

/// What was let in is kept as it is: a second look changes nothing.
fn settled(text: &str, check: impl Fn(&str) -> Result<String, Refusal>) -> Option<String> {
    let kept = check(text).ok()?;
    assert_eq!(check(&kept).as_ref(), Ok(&kept), "{text:?}");
    Some(kept)
}

fn people(data: &[u8]) -> bool {
    let text = &*String::from_utf8_lossy(data);
    let email = settled(text, checked_email);
    assert!(email.as_ref().is_none_or(|email| email.len() <= 254 && !email.contains(char::is_whitespace)), "{email:?}");
    let phone = phone(text, checked_phone);
    let name = settled(text, checked_name);
    let url = settled(text, |text| CalendarUrl::checked(text).map(|url| url.expose().to_owned()));
    if let Some(url) = &url {
        assert!(url.starts_with("https://") && url.len() <= 2001 && !url.contains(char::is_whitespace), "{url:?}");
        let shown = CalendarUrl::checked(url).expect("it was").masked();
        assert!(shown.ends_with("/…") && !shown.contains(['@', '?', '#']), "{shown:?}");
    }
    let ids = [id::<UserId>(text), id::<ContactId>(text), id::<OverrideId>(text), id::<IncidentId>(text)];
    assert!(ids.iter().filter(|is_one| **is_one).count() <= 1, "an id names one kind of thing: {text:?}");
    let zone = zone_named(text);
    assert!(zone.is_none() || text == "UTC" || text.contains('/'), "a place: {text:?}");
    let words = [Channel::from_word(text).map(Channel::word), UrgencyRule::from_word(text).map(UrgencyRule::word)];
    let is_long = (12..=128).contains(&text.chars().count());
    assert!(is_long || checked_password(text, &[]).is_err(), "{text:?}");
    [email, phone, name, url].iter().any(Option::is_some)
        || ids.contains(&true)
        || zone.is_some()
        || words.iter().any(Option::is_some)
}

/// `check` says how a number is kept.
pub(crate) fn phone(text: &str, check: impl Fn(&str) -> Result<String, Refusal>) -> Option<String> {
    let phone = settled(text, check)?;
    let digits = phone.strip_prefix('+').expect("international form");
    assert!((7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()), "{phone:?}");
    Some(phone)
}

fn id<T: Id>(text: &str) -> bool {
    let Ok(id) = T::from_str(text) else { return false };
    assert_eq!(id.to_string(), text, "every id has one spelling");
    assert!(T::new(id.number()) == id);
    true
}

/// A cron pattern from an anchor (an even first byte), or a window (an odd one).
fn rotation(data: &[u8]) -> bool {
    let (place, text) = choice(data, 256);
    let text = &*String::from_utf8_lossy(text);
    if place % 2 == 1 { window(text) } else { cron(text, Civil(20_500 * 1440 + place as i64 * 1440 + 617)) }
}

fn cron(pattern: &str, anchor: Civil) -> bool {
    let Some(matches) = Matches::parse(pattern, anchor) else { return false };
    let version = Version {
        effective_from: Timestamp::MIN,
        anchor,
        cadence: Cadence::Cron(pattern.to_owned()),
        slots: vec![vec![UserId::new(1)]],
        windows: vec![],
    };
    let is_sound = matches.are_sound();
    assert_eq!(version.checked().is_ok(), is_sound, "{pattern:?}");
    if !is_sound {
        return false;
    }
    // Counting, numbering and walking are three ways to the same matches.
    let mut at = matches.number(0).expect("sound patterns match");
    assert!(at >= anchor);
    for number in 0..20 {
        assert_eq!(matches.count(at), number + 1, "{pattern:?} at {at:?}");
        assert_eq!(matches.count(Civil(at.0 - 1)), number, "{pattern:?} before {at:?}");
        let Some(next) = matches.after(at) else { break };
        assert_eq!(matches.number(number + 1), Some(next), "{pattern:?}");
        assert!(next > at);
        at = next;
    }
    true
}

fn window(text: &str) -> bool {
    let [days, start, end, extra_days] = text.split(' ').collect::<Vec<_>>()[..] else { return false };
    let days: Vec<String> = days.split(',').map(str::to_owned).collect();
    let Ok(window) = Window::of_words(&days, start, end, extra_days.parse().unwrap_or(0)) else { return false };
    let words = window.words();
    let again = Window::of_words(&words.days, &words.start, &words.end, window.extra_days);
    assert_eq!(again, Ok(window), "{text:?}");
    assert!(window.length() > 0 && window.length() <= i64::from(window.extra_days) * 1440 + 1440);
    true
}

fn lines(data: &[u8]) -> bool {
    let text = &*String::from_utf8_lossy(data);
    let matchers = Matcher::parse_all(text);
    if let Ok(matchers) = &matchers {
        let written: Vec<String> = matchers.iter().map(Matcher::to_string).collect();
        assert_eq!(Matcher::parse_all(&written.join("\n")).as_ref(), Ok(matchers), "{text:?}");
        assert!(matchers.len() <= MATCHERS);
        for matcher in matchers {
            let labels = |value: &str| [(matcher.label.clone(), value.to_owned())].into();
            assert_eq!(matcher.holds(&labels(&matcher.value)), matcher.equals, "{matcher:?}");
            assert_ne!(matcher.holds(&labels(&format!("{}x", matcher.value))), matcher.equals, "{matcher:?}");
        }
    }
    let command = reply::parse(text);
    if let Some(command) = &command {
        assert!(command.code.as_ref().is_none_or(|code| code.chars().count() == 4), "{command:?}");
        // Said plainly it means the same.
        let word = match command.wish {
            Wish::Acknowledge => "ack",
            Wish::Resolve => "resolve",
            Wish::Escalate => "escalate",
        };
        let plain = format!("{word} {}", command.code.as_deref().unwrap_or_default());
        if plain.is_ascii() {
            assert_eq!(reply::parse(&plain).as_ref(), Some(command), "{text:?}");
        }
    }
    command.is_some() || matchers.is_ok_and(|matchers| !matchers.is_empty())
}

fn texts(data: &[u8]) -> bool {
    let text = &*String::from_utf8_lossy(data);
    let plain = gsm::transliterate(text);
    assert_eq!(gsm::transliterate(&plain), plain, "it is in the alphabet");
    for budget in [0, 1, 3, 10, 153, 160] {
        let clipped = gsm::clip(&plain, budget);
        assert!(gsm::septets(&clipped) <= budget, "{clipped:?} costs more than {budget}");
    }
    // A secret between whatever else a line says, unless the line says it openly.
    const SECRET: &str = "zq7Kx9zq7Kx9zq7Kx9";
    if text.contains(SECRET) {
        return false;
    }
    for before in ["api_key=", "Authorization: Bearer ", "/callbacks/infobip/", "ppt_"] {
        let line = format!("{text} {before}{SECRET} {text}");
        assert!(!redacted(&line).contains(SECRET), "{line:?}");
    }
    let body = format!("{text}\n{{\"Token\":\"{SECRET}\"}}");
    assert!(!without_secrets(&body).contains(SECRET), "{body:?}");
    let once = without_secrets(text);
    assert!(once.len() <= text.len() + 9 * (text.matches([':', '=']).count() + 1));
    !plain.is_empty()
}
