//! The roster as bytes of a file, `DATA_DIR/pagerpal.roster`: whom a start calls whose database does not open.
//!
//! It is read by the program that wrote it, or the next version. One that does not understand it, or finds it changed, has none.

use crate::domain::emergency::Roster;

/// `digest` is what the caller knows the bytes by when it reads them again. `None`: they cannot be written, which is a fault.
pub fn to_bytes(roster: &Roster, digest: impl Fn(&[u8]) -> String) -> Option<Vec<u8>> {
    let body = serde_json::to_vec(roster).ok()?;
    Some([digest(&body).as_bytes(), b"\n", &body].concat())
}

/// `None`: it is not what was written. A wrong number would be called in somebody's place.
pub fn from_bytes(bytes: &[u8], digest: impl Fn(&[u8]) -> String) -> Option<Roster> {
    let line = bytes.iter().position(|byte| *byte == b'\n')?;
    let (said, body) = (&bytes[..line], &bytes[line + 1..]);
    if said != digest(body).as_bytes() {
        return None;
    }
    serde_json::from_slice(body).ok()
}
