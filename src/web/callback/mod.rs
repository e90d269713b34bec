//! Calls from providers. A token in the path is their credential; a call only moves what we sent ourselves, or speaks for
//! a number whose owner is known.

pub mod infobip;
