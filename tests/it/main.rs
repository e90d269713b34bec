//! The one test binary for everything that is not a decision: see each module for what it holds.

mod api;
mod audit;
mod calendars;
mod e2e;
mod first_run;
mod heartbeats;
mod kill;
mod links;
mod live;
mod model;
mod oncall;
mod people;
mod reaching;
mod scenarios;
mod schedules;
mod schedules_api;
mod schema;
mod senders;
mod startup;
mod storm;
mod tidy;
mod two_way;
mod ui;
mod web;
mod world;
