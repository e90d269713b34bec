//! The roster as bytes of a file: what a start with a damaged database still knows.

use crate::domain::emergency::Roster;

pub fn to_bytes(roster: &Roster) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(roster)
}

pub fn from_bytes(bytes: &[u8]) -> serde_json::Result<Roster> {
    serde_json::from_slice(bytes)
}
