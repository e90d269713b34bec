//! The one test binary for everything that is not a decision: see each module for what it holds.

mod e2e;
mod first_run;
mod heartbeats;
mod kill;
mod live;
mod oncall;
mod people;
mod scenarios;
mod schema;
mod senders;
mod startup;
mod tidy;
mod ui;
mod web;
mod world;
