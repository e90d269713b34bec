//! The published description of the API, OpenAPI 3.1, made from the table of routes and the signatures of its handlers.
//!
//! [`operation`] asks a handler's argument and answer types what they read and give; [`document`] puts that together with
//! what the row says about credentials and limits; [`page`] shows the same document to people. What is described is thus
//! what runs: a parameter that no extractor reads cannot be in it, and one that is read cannot be missing.

mod document;
mod inputs;
mod operation;
mod page;

pub use document::{document, serve};
pub use operation::{DescribeInput, DescribeOutput, Operation, Sketch};
pub use page::reference;
