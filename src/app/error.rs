//! What can go wrong in a use case, for whoever asked.

use crate::domain::refusal::Refusal;
use crate::store::StoreError;
use std::fmt;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AppError {
    /// A rule said no; the sentence is for the person.
    Refused(Refusal),
    /// The store could not answer: our own trouble, try again. The text is for the operator.
    Unavailable(String),
    /// A bug. The text is for the operator.
    Internal(String),
}

impl fmt::Display for AppError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AppError::Refused(refusal) => refusal.fmt(out),
            AppError::Unavailable(text) | AppError::Internal(text) => out.write_str(text),
        }
    }
}

impl std::error::Error for AppError {}

impl From<Refusal> for AppError {
    fn from(refusal: Refusal) -> AppError {
        AppError::Refused(refusal)
    }
}

/// A use case that expects a conflict says so in its own words before this is reached. A damaged record is trouble of that
/// record alone, which the status lists.
impl From<StoreError> for AppError {
    fn from(error: StoreError) -> AppError {
        match error {
            StoreError::Unavailable(text) => AppError::Unavailable(text),
            StoreError::TooLarge { .. } => AppError::Refused(Refusal::invalid(
                "too_large",
                "body",
                "That is more than one record can hold (1 MiB). Shorten the longest text and try again.",
            )),
            StoreError::Damaged(_) | StoreError::Conflict { .. } | StoreError::Panicked(_) => {
                AppError::Internal(error.to_string())
            }
        }
    }
}

/// Turns the refusal of a unique index into the sentence its reader needs.
pub fn taken(sentence: impl FnOnce() -> Refusal) -> impl FnOnce(StoreError) -> AppError {
    |error| match error {
        StoreError::Conflict { .. } => AppError::Refused(sentence()),
        other => other.into(),
    }
}
