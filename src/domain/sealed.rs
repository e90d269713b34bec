//! A secret as the store keeps it: unreadable without the installation's key. `vault` seals and opens.

use serde::{Deserialize, Serialize};
use std::fmt;

/// XChaCha20-Poly1305 over the plain bytes, bound to the place where it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Names the key, so that another key is told from a changed text. Derived from the key, and tells nothing of it.
    pub key_version: [u8; 8],
    pub nonce: [u8; 24],
    /// The ciphertext and its tag.
    pub text: Vec<u8>,
}

/// The plain text was a secret, and the rest says nothing to a reader.
impl fmt::Debug for Sealed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(sealed)")
    }
}
