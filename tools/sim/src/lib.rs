//! Deterministic simulation of PagerPal: whole nights in one thread, with everything going wrong.
//!
//! A *plan* is dealt from a seed: an organisation, and every action of people, tools and fate ([`plan`], [`deal`]). A *run*
//! plays it: a queue of events on a clock of its own ([`run`]), among them the steps of the worker ([`worker`]) and the
//! wishes of everybody else ([`clients`]), the calls from memory while nothing can be saved ([`emergency`]) and the host that
//! is lost and restored ([`backups`]), over the real application, an engine that fails ([`disk`]) and providers that are exact
//! where it matters ([`post`]). After every commit the promises are looked at, from the bytes that were written
//! ([`view`], [`judge`]), and a second, naive model says who had to be paged ([`model`]). In the end nothing may be left
//! waiting ([`ends`]). What fails is made smaller ([`shrink`]) and kept as lines of JSON. That
//! it finds what it should is proven with faults that are planted into the product ([`planted`]).

pub mod backups;
pub mod clients;
pub mod deal;
pub mod disk;
pub mod emergency;
pub mod ends;
pub mod judge;
pub mod model;
pub mod plan;
pub mod planted;
pub mod post;
pub mod run;
pub mod shrink;
pub mod trace;
pub mod view;
pub mod worker;
