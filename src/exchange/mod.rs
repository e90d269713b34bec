//! Documents that other programs write and read, as domain values and back.
//!
//! Pure: bytes in, values out. What a document means for us is decided in `domain`; fetching it is `worker`'s, keeping it
//! is `app`'s.

pub mod ical;
pub mod roster;
