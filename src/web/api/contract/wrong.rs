//! Everything that is wrong with a body, said at once.

use crate::web::error::{Complaint, WebError};

/// Gathers refusals of values. What else a rule may say, such as that a thing is in another state, is an answer by itself
/// and never comes here.
#[derive(Debug, Default)]
pub struct Wrong(Vec<Complaint>);

impl Wrong {
    /// The value, or `None` and the refusal kept.
    pub fn take<T>(&mut self, read: Result<T, impl Into<Complaint>>) -> Option<T> {
        self.take_at("", read)
    }

    /// As [`Wrong::take`], of a member that lies deeper: `levels/1`.
    pub fn take_at<T>(&mut self, inside: &str, read: Result<T, impl Into<Complaint>>) -> Option<T> {
        read.map_err(|refusal| self.0.push(refusal.into().inside(inside))).ok()
    }
}

impl From<Wrong> for WebError {
    fn from(wrong: Wrong) -> WebError {
        WebError::Invalid(wrong.0)
    }
}
