//! Documents that leave and come in, as domain values and back: calendars of other programs, and our own export.
//!
//! Pure: bytes in, values out. What a document means for us is decided in `domain`; fetching it is `worker`'s, keeping it
//! is `app`'s.

pub mod document;
pub mod ical;
pub mod roster;
