//! What a password must be: long enough, and not one of those that everybody tries first. No rules of composition: they
//! make passwords that are hard for people and easy for programs.
//!
//! The list holds words, in any spelling of letters and padded with whatever one likes; a list of whole passwords would
//! lack `Summer2026!!!!` every year anew.

use crate::domain::refusal::Refusal;
use std::ops::RangeInclusive;

const CHARACTERS: RangeInclusive<usize> = 12..=128;
/// Words that the lists of leaked passwords are full of, each on its line; sorted.
const COMMON: &str = include_str!("../../assets/common_passwords.txt");
/// What must be left of a password without what is known of its owner.
const LEFT_OF_OWN: usize = 8;
/// A word this short may be part of anything.
const SHORT: usize = 4;

/// `own` is what everybody knows of its owner: name, mail address.
pub fn checked_password(text: &str, own: &[&str]) -> Result<(), Refusal> {
    if !CHARACTERS.contains(&text.chars().count()) {
        return Err(refused("password_length", "Choose a password of 12 to 128 characters."));
    }
    let lower = text.to_lowercase();
    if is_common(&lower) {
        let sentence = "This password is on every attacker's list. Choose another, such as four unrelated words.";
        return Err(refused("password_common", sentence));
    }
    if is_made_of(&lower, own) {
        let sentence = "This password is made of your name or address. Choose another, such as four unrelated words.";
        return Err(refused("password_own", sentence));
    }
    Ok(())
}

fn refused(code: &'static str, sentence: &str) -> Refusal {
    Refusal::invalid(code, "password", sentence)
}

fn is_common(lower: &str) -> bool {
    let unit = repeated(lower);
    let words: String = plain(unit).chars().filter(|c| c.is_alphabetic()).collect();
    is_walk(lower)
        || unit.chars().count() < SHORT
        || is_listed(&words)
        || is_listed(repeated(&words))
        // As it was typed: "p4ssw0rd" is on the list as such, too.
        || is_listed(unit.trim_matches(|c: char| !c.is_alphanumeric()))
}

/// Sorted, so that no index is kept.
fn is_listed(word: &str) -> bool {
    COMMON.lines().any(|line| line == word)
}

/// Letters instead of the digits and signs that are taken for them.
fn plain(text: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        other => other,
    };
    // At the ends they are padding: "summer2025" is a word and a year.
    let inner = text.trim_matches(|c: char| !c.is_alphabetic() && !matches!(c, '@' | '$'));
    inner.chars().map(letter).collect()
}

/// The shortest part of which the text is a repetition, the last one cut short or not; the text itself if there is none.
fn repeated(text: &str) -> &str {
    let bytes = text.as_bytes();
    let repeats = |length: &usize| bytes.iter().skip(*length).zip(bytes).all(|(later, earlier)| later == earlier);
    let ends = text.char_indices().map(|(at, _)| at).filter(|at| *at > 0 && *at <= text.len() / 2);
    ends.into_iter().find(repeats).map_or(text, |length| &text[..length])
}

/// Whether it runs along a row of keys, the alphabet or the digits, back or forth, one row after the other.
fn is_walk(lower: &str) -> bool {
    const ROWS: [&str; 7] =
        ["01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop"];
    let keys: Vec<char> = lower.chars().collect();
    let is_step = |one: char, other: char| {
        ROWS.iter().any(|row| {
            let place = |key| row.chars().position(|other| other == key);
            place(one).zip(place(other)).is_some_and(|(one, other)| one.abs_diff(other) == 1)
        })
    };
    // Key by key, or two rows in turn: 1q2w3e. Two ends of rows may meet in it.
    let steps =
        |far: usize| keys.iter().zip(keys.iter().skip(far)).filter(|(one, other)| is_step(**one, **other)).count();
    steps(1) + 3 >= keys.len() || steps(2) + 3 >= keys.len()
}

fn is_made_of(lower: &str, own: &[&str]) -> bool {
    let mut left = lower.to_owned();
    let own: Vec<String> = own.iter().map(|words| words.to_lowercase()).collect();
    let parts = own.iter().flat_map(|words| words.split(|c: char| !c.is_alphanumeric()));
    for word in own.iter().map(String::as_str).chain(parts) {
        if word.chars().count() >= SHORT {
            left = left.replace(word, "");
        }
    }
    left.len() < lower.len() && left.chars().filter(|c| c.is_alphabetic()).count() < LEFT_OF_OWN
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: [&str; 2] = ["Ana-Lucía Ferreira", "ana.ferreira@example.org"];

    fn check(password: &str, expected: Result<(), &str>) {
        assert_eq!(checked_password(password, &ANA).map_err(|refusal| refusal.code), expected, "{password}");
    }

    #[test]
    fn passwords_are_long_and_no_rule_asks_for_signs() {
        check("lamp otter bridge nine", Ok(()));
        check("correct donkey battery paperclip", Ok(()));
        check("ünïcödé wörds äre fïne", Ok(()));
        check("x7Kq9vTz3mPw", Ok(()));
        check("short", Err("password_length"));
        check("", Err("password_length"));
        check(&"x1".repeat(65), Err("password_length"));
        check("müßig gähnen", Ok(()));
    }

    #[test]
    fn what_everybody_tries_first_is_refused_however_it_is_padded() {
        let common = [
            "Password1234",
            "password123456",
            "P@ssw0rd!!!!",
            "p4ssw0rd2026",
            "passwordpassword",
            "Summer2026!!!!",
            "qwertyuiop123",
            "1q2w3e4r5t6y7u8i",
            "administrator1",
            "letmeinletmein",
            "ChangeMe12345",
            "iloveyou1234",
            "123456789012",
            "98765432109876",
            "abcdefghijkl",
            "qwertyuiopasdf",
            "aaaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "PagerPal2026!",
            "correcthorsebatterystaple",
            "            ",
            "!!!!!!!!!!!!",
        ];
        for password in common {
            check(password, Err("password_common"));
        }
    }

    #[test]
    fn ones_own_name_and_address_are_no_password() {
        for password in ["anaferreira2026", "Ferreira-Ferreira", "ana.ferreira@example.org", "example12345org"] {
            check(password, Err("password_own"));
        }
        check("ferreira lamp otter bridge", Ok(()));
        assert!(checked_password("anaferreira2026", &[]).is_ok(), "nobody's name");
    }

    #[test]
    fn the_list_is_sorted_in_lower_case_and_long() {
        let words: Vec<&str> = COMMON.lines().collect();
        assert!(words.is_sorted() && words.len() > 300, "{}", words.len());
        assert!(words.iter().all(|word| *word == word.to_lowercase() && !word.is_empty()));
    }

    #[test]
    fn what_is_just_good_enough_is_taken_and_a_key_less_is_not() {
        check("x7k!x7k!x7k!", Ok(()));
        check("x7!x7!x7!x7!", Err("password_common"));
        // Two and three ends of rows meet in these.
        check("abcdqwer1234", Err("password_common"));
        check("abcdqwerzm12", Ok(()));
        check("1q2w3e4r5t6m", Err("password_common"));
        check("1q2w3e4rkvpm", Ok(()));
        check("739184620573", Ok(()));
        let of = |password: &str, own: &str| checked_password(password, &[own]).map_err(|refusal| refusal.code);
        assert_eq!(of("noor73918462", "Noor"), Err("password_own"));
        assert_eq!(of("noor7391otterbr", "Noor"), Err("password_own"));
        assert_eq!(of("noor7391otterbri", "Noor"), Ok(()));
    }
}
