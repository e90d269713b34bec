//! Lets the disk below PagerPal's store fail, and looks whether the store keeps its promises.
//!
//! [`disk`] is a disk in memory: it knows what is written and not yet synced, so power can be cut with any part of that
//! kept, torn or lost; operations fail as told; a sync may be a lie. [`work`] is the application at work on it: alerts,
//! claims, acknowledgements, edits. [`power`] plays both until the power goes, opens the store again as the product does and
//! compares every row with a second store in memory, which was asked for the same and has no disk. [`contents`] is those
//! rows. The tests (`tests/it`) are *torn*, *flip* and *nth*; each has faults of its own that it must find.

pub mod base;
pub mod contents;
pub mod disk;
pub mod power;
pub mod work;
