//! The one test binary for everything that is not a decision: see each module for what it holds.

mod api;
mod e2e;
mod first_run;
mod kill;
mod live;
mod model;
mod oncall;
mod scenarios;
mod schedules;
mod schedules_api;
mod schema;
mod senders;
mod startup;
mod tidy;
mod ui;
mod web;
mod world;
