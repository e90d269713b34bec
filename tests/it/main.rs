//! The one test binary for everything that is not a decision: see each module for what it holds.

mod scenarios;
mod world;
