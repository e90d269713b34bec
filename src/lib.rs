//! PagerPal, an on-call pager in one binary.
//!
//! Read ARCHITECTURE.md first; it says which folder may use which, and `tests/it/tidy.rs` holds it to that.
//!
//! | module | in one sentence |
//! |---|---|
//! | [`domain`] | decides everything, touches nothing |
//! | [`ingest`] | turns a webhook's bytes into events |
//! | [`exchange`] | calendars of other programs, in and out |
//! | [`store`] | keeps records and their indexes, decides nothing |
//! | [`app`] | one use case, one transaction |
//! | [`notify`] | puts a message on the wire and says what became of it |
//! | [`worker`] | makes time pass: timers, deliveries, upkeep, inspection |
//! | [`web`] | lets people and machines in |
//! | [`cli`] | puts the parts together |

pub mod age;
pub mod app;
pub mod bridge;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod egress;
pub mod exchange;
pub mod hex;
pub mod ingest;
pub mod notify;
pub mod oidc;
pub mod planted;
pub mod random;
pub mod redact;
pub mod secret;
pub mod store;
pub mod telemetry;
pub mod vault;
pub mod web;
pub mod worker;
