//! What a list of incidents is narrowed by, as it stands behind the question mark: the same words for people and programs.
//!
//! What is not understood in full is refused with a sentence that lists what would be: a filter that is ignored shows more
//! than was asked for.

use crate::app::incidents::search::Place;
use crate::domain::Severity;
use crate::domain::id::{Id, UserId};
use crate::domain::incident::Status;
use crate::domain::incident::filter::{Assignee, LONGEST_TEXT, Words};
use crate::domain::time::Timestamp;
use crate::web::error::WebError;
use std::collections::BTreeSet;

pub fn statuses(text: &str) -> Result<BTreeSet<Status>, WebError> {
    words("status", text, &Status::ALL, Status::word)
}

pub fn severities(text: &str) -> Result<BTreeSet<Severity>, WebError> {
    words("severity", text, &Severity::ALL, Severity::word)
}

/// Words with commas between, each one of `all`.
fn words<T: Copy + Ord>(
    name: &str,
    text: &str,
    all: &[T],
    word: fn(T) -> &'static str,
) -> Result<BTreeSet<T>, WebError> {
    let unknown = || {
        let known: Vec<&str> = all.iter().map(|value| word(*value)).collect();
        unreadable(name, &format!("is one or more of {}, with commas between", known.join(", ")))
    };
    let one = |text: &str| all.iter().copied().find(|value| word(*value) == text.trim()).ok_or_else(unknown);
    text.split(',').map(one).collect()
}

/// Ids with commas between.
pub fn ids<T: Id>(name: &str, text: &str) -> Result<BTreeSet<T>, WebError> {
    let one = |text: &str| {
        let says = format!("is one or more ids such as {}_1k, with commas between", T::PREFIX);
        text.trim().parse().map_err(|_| unreadable(name, &says))
    };
    text.split(',').map(one).collect()
}

/// An id, `me` or `none`.
pub fn assignee(text: &str, reader: UserId) -> Result<Assignee, WebError> {
    match text.trim() {
        "none" => Ok(Assignee::Nobody),
        "me" => Ok(Assignee::User(reader)),
        id => {
            let says = || unreadable("assignee", "is the id of a user such as usr_1k, me or none");
            id.parse().map(Assignee::User).map_err(|_| says())
        }
    }
}

pub fn text(text: &str) -> Result<Option<Words>, WebError> {
    Words::of(text).map_err(|_| unreadable("q", &format!("has at most {LONGEST_TEXT} characters")))
}

/// Where a list goes on, as some page before said it.
pub fn read_place(text: &str) -> Option<Place> {
    let mut parts = text.split('.');
    let status = Status::from_word(parts.next()?)?;
    let created_at = Timestamp::from_second(parts.next()?.parse().ok()?);
    let id = parts.next()?.parse().ok()?;
    parts.next().is_none().then_some(Place { status, created_at, id })
}

pub fn write_place(place: Place) -> String {
    format!("{}.{}.{}", place.status.word(), place.created_at.as_second(), place.id)
}

/// 400, in a sentence that goes on after the name.
pub fn unreadable(name: &str, says: &str) -> WebError {
    WebError::Unreadable(format!("The parameter {name} {says}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_on_the_list_is_refused_with_the_list() {
        let both = BTreeSet::from([Status::Triggered, Status::Resolved]);
        assert_eq!(statuses("resolved, triggered").expect("both are known"), both);
        let refused = |found: Result<BTreeSet<Severity>, WebError>| match found {
            Err(WebError::Unreadable(sentence)) => sentence,
            other => panic!("{other:?}"),
        };
        let sentence = "The parameter severity is one or more of critical, error, warning, info, with commas between.";
        for wrong in ["", "bad", "critical,", "Critical", "error;info"] {
            assert_eq!(refused(severities(wrong)), sentence, "{wrong}");
        }
        assert_eq!(assignee("me", UserId::new(7)).expect("me"), Assignee::User(UserId::new(7)));
        assert_eq!(assignee("none", UserId::new(7)).expect("none"), Assignee::Nobody);
        assert!(assignee("bob", UserId::new(7)).is_err() && ids::<UserId>("team", "usr_1,bob").is_err());
    }
}
