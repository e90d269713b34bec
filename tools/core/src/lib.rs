//! The inner parts of PagerPal by themselves, for the simulation: what decides, what keeps, and what joins them.
//!
//! The same files as in `src/`, compiled once more, because the simulation wants them otherwise: optimised, with faults
//! that can be planted, and without all that talks to a network, which takes most of the time that the whole takes. What
//! can be compiled here is what the arrows of ARCHITECTURE.md allow these parts to use.

#[path = "../../../src/age.rs"]
pub mod age;
#[path = "../../../src/app/mod.rs"]
pub mod app;
#[path = "../../../src/clock.rs"]
pub mod clock;
#[path = "../../../src/domain/mod.rs"]
pub mod domain;
#[path = "../../../src/exchange/mod.rs"]
pub mod exchange;
#[path = "../../../src/hex.rs"]
pub mod hex;
#[path = "../../../src/planted.rs"]
pub mod planted;
#[path = "../../../src/random.rs"]
pub mod random;
#[path = "../../../src/secret.rs"]
pub mod secret;
#[path = "../../../src/store/mod.rs"]
pub mod store;
#[path = "../../../src/vault.rs"]
pub mod vault;
