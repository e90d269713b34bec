//! The words by which programs, forms, files and logs know a value. Whoever changes one breaks what others have written down.

use crate::domain::access::Role;
use crate::domain::alert_source::UrgencyRule;
use crate::domain::checks::Verdict;
use crate::domain::contact::Channel;
use crate::domain::event::Action;
use crate::domain::incident::Status;
use crate::domain::preferences::{HourCycle, Theme};
use crate::domain::source_event::ResultWord;
use crate::domain::warning::Warning;
use crate::domain::{Severity, Urgency};
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Each is known by its word, and no other word is.
fn check<T: Copy + PartialEq + Debug>(
    all: &[T],
    words: &[&str],
    word: fn(T) -> &'static str,
    of: fn(&str) -> Option<T>,
) {
    assert_eq!(all.iter().map(|value| word(*value)).collect::<Vec<_>>(), words);
    for value in all {
        assert_eq!(of(word(*value)), Some(*value));
    }
    for other in ["", "other", "Critical"] {
        assert_eq!(of(other), None, "{other:?}");
    }
}

#[test]
fn what_programs_read_and_write_has_its_words() {
    check(&Role::ALL, &["admin", "responder", "viewer"], Role::word, Role::from_word);
    check(&UrgencyRule::ALL, &["by_severity", "high", "low"], UrgencyRule::word, UrgencyRule::from_word);
    check(&Channel::ALL, &["sms", "whatsapp", "email"], Channel::word, Channel::from_word);
    check(&Status::ALL, &["triggered", "acknowledged", "resolved"], Status::word, Status::from_word);
    check(&Severity::ALL, &["critical", "error", "warning", "info"], Severity::word, Severity::from_word);
    check(&[Urgency::High, Urgency::Low], &["high", "low"], Urgency::word, Urgency::from_word);
    check(&Theme::ALL, &["system", "light", "dark"], Theme::word, Theme::from_word);
    check(&HourCycle::ALL, &["24h", "12h"], HourCycle::word, HourCycle::from_word);
    check(
        &Warning::ALL,
        &[
            "gap_created",
            "swap_orphaned",
            "unreachable",
            "viewer_on_call",
            "not_team_member",
            "starved",
            "no_schedule",
            "windows_merged",
            "starts_in_past",
            "no_effect",
        ],
        Warning::code,
        Warning::from_code,
    );
}

#[test]
fn what_programs_only_read_has_its_words() {
    assert_eq!(
        [Action::Trigger, Action::Acknowledge, Action::Resolve].map(Action::word),
        ["trigger", "acknowledge", "resolve"]
    );
    use ResultWord::*;
    let results = [Created, Updated, Acknowledged, Resolved, Unchanged, Stale, Noted, Absorbed].map(ResultWord::word);
    let words = ["created", "updated", "acknowledged", "resolved", "unchanged", "stale", "noted", "absorbed"];
    assert_eq!(results, words);
    let verdicts = [Verdict::Passes, Verdict::Unknown, Verdict::Warns, Verdict::Fails].map(Verdict::word);
    assert_eq!(verdicts, ["passes", "unknown", "warns", "fails"]);
    assert_eq!(Channel::ALL.map(Channel::title), ["SMS", "WhatsApp", "Email"]);
}

#[test]
fn every_warning_has_a_sentence_of_its_own() {
    let sentences: BTreeSet<&str> = Warning::ALL.into_iter().map(Warning::sentence).collect();
    assert_eq!(sentences.len(), Warning::ALL.len());
    assert!(sentences.iter().all(|sentence| sentence.ends_with('.')), "{sentences:?}");
}
