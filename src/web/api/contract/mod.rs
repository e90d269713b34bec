//! What every resource of the API has in common, as types: a handler's signature says which header it needs, which members
//! and parameters it reads and what it answers, and the published document is made from nothing else.
//!
//! Reading: [`Params`], [`Page`], [`JsonBody`](crate::web::extract::JsonBody), [`IfMatch`]. Answering: [`Versioned`],
//! [`Composed`], [`Created`], [`List`]. Refusing: [`Wrong`] gathers several refusals into one answer.

mod answers;
mod list;
mod query;
mod shape;
mod version;
mod wrong;

pub use answers::{Composed, Created, Revealed, ShownOnce, Versioned, not_modified};
pub use list::{BAD_CURSOR, List, NoFilter, Page, by_name};
pub use query::Params;
pub use shape::{Instant, Reference, WithWarnings, id_at, id_of, ids_of, instant_of};
pub use version::IfMatch;
pub use wrong::Wrong;
