//! The version of a record that its editor has seen: an edit of another version is refused, so that nobody overwrites what
//! he has not read.

use crate::domain::refusal::{Refusal, RefusalKind};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    /// Whatever it is now.
    Any,
    /// One of these. None at all is refused like any other that is not the current one.
    OneOf(Vec<u64>),
}

impl Expected {
    /// Asked inside the transaction of the edit, about the version that the record has there.
    pub fn check(&self, current: u64) -> Result<(), Refusal> {
        match self {
            Expected::OneOf(versions) if !versions.contains(&current) => {
                let sentence = format!(
                    "This is version {current} by now (\"v{current}\"). Read it again, then send your change anew."
                );
                Err(Refusal { kind: RefusalKind::Stale, code: "stale", field: None, sentence })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_that_was_seen_is_edited() {
        assert_eq!(Expected::Any.check(3), Ok(()));
        assert_eq!(Expected::OneOf(vec![2, 3]).check(3), Ok(()));
        let refusal = Expected::OneOf(vec![2]).check(3).expect_err("stale");
        assert_eq!((refusal.kind, refusal.code), (RefusalKind::Stale, "stale"));
        assert!(refusal.sentence.contains("version 3"), "{refusal}");
        assert!(Expected::OneOf(vec![]).check(3).is_err());
    }
}
