//! Seals the secrets that the store keeps and must give back: addresses of other calendars, keys of signatures.
//!
//! Whoever copies the database reads none of them without the installation's `SECRET_KEY`. Each is bound to its place
//! (table, id, field), so a sealed value put elsewhere does not open either. What only has to be recognised is not
//! sealed at all: the store keeps digests of passwords, keys and tokens.
//!
//! After a change of `SECRET_KEY` nothing sealed can be read. That is an answer here, not a failure: whoever needs the
//! secret says so and goes on, for a lost key must never keep a page from leaving.

use crate::domain::sealed::Sealed;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use std::fmt;

/// As random as a key, and used once: with 24 bytes the same one never comes twice.
pub type Nonce = [u8; 24];

#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
    key_version: [u8; 8],
}

/// Where a secret is kept. It opens nowhere else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub table: &'static str,
    pub id: u64,
    pub field: &'static str,
}

/// Why a sealed secret cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("it was sealed under another SECRET_KEY")]
    OtherKey,
    #[error("it is not as it was sealed")]
    Changed,
}

impl Vault {
    /// The key is derived from the secret (HKDF-SHA-256, RFC 5869), as is its name.
    pub fn new(secret: &[u8]) -> Vault {
        let secret = Salt::new(HKDF_SHA256, b"pagerpal vault").extract(secret);
        let derive = |purpose: &[u8], out: &mut [u8]| {
            let info = [purpose];
            let derived = secret.expand(&info, Length(out.len())).expect("far below 255 digests");
            derived.fill(out).expect("the length is the one asked for");
        };
        let (mut key, mut key_version) = ([0; 32], [0; 8]);
        derive(b"key", &mut key);
        derive(b"key version", &mut key_version);
        Vault { cipher: XChaCha20Poly1305::new(&key.into()), key_version }
    }

    /// `nonce` is random and new; the caller draws it outside of the transaction.
    pub fn seal(&self, place: &Place, nonce: Nonce, plain: &[u8]) -> Sealed {
        let bound = place.bound(&self.key_version);
        let payload = Payload { msg: plain, aad: &bound };
        let text = self.cipher.encrypt(&XNonce::from(nonce), payload).expect("far below 256 GiB");
        Sealed { key_version: self.key_version, nonce, text }
    }

    pub fn open(&self, place: &Place, sealed: &Sealed) -> Result<Vec<u8>, Unreadable> {
        if sealed.key_version != self.key_version {
            return Err(Unreadable::OtherKey);
        }
        let bound = place.bound(&self.key_version);
        let payload = Payload { msg: &sealed.text, aad: &bound };
        self.cipher.decrypt(&XNonce::from(sealed.nonce), payload).map_err(|_| Unreadable::Changed)
    }

    /// As [`Vault::open`], for what was text. What is no text was not sealed by us.
    pub fn open_text(&self, place: &Place, sealed: &Sealed) -> Result<String, Unreadable> {
        String::from_utf8(self.open(place, sealed)?).map_err(|_| Unreadable::Changed)
    }
}

/// Says nothing of the key.
impl fmt::Debug for Vault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Vault")
    }
}

impl Place {
    /// What is authenticated besides the text. Names hold no zero, numbers have a fixed length: no two places meet.
    fn bound(&self, key_version: &[u8; 8]) -> Vec<u8> {
        let id = self.id.to_be_bytes();
        [self.table.as_bytes(), &[0], &id, self.field.as_bytes(), &[0], key_version].concat()
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { table: "imports", id: 7, field: "url" };

    #[test]
    fn what_was_sealed_opens_where_it_was_sealed() {
        let vault = Vault::new(b"a secret");
        let sealed = vault.seal(&PLACE, [3; 24], b"https://calendar.example.net/private");
        assert_eq!(
            Vault::new(b"a secret").open_text(&PLACE, &sealed).as_deref(),
            Ok("https://calendar.example.net/private")
        );
        assert!(!sealed.text.windows(7).any(|part| part == b"private"));
        assert_eq!(vault.seal(&PLACE, [3; 24], b"").text.len(), 16, "an empty secret is sealed, too");
    }

    #[test]
    fn it_opens_nowhere_else() {
        let vault = Vault::new(b"a secret");
        let sealed = vault.seal(&PLACE, [3; 24], b"secret");
        let elsewhere = [
            Place { table: "import", ..PLACE },
            Place { id: 8, ..PLACE },
            Place { field: "ur", ..PLACE },
            Place { table: "alert_sources", id: 7, field: "signing" },
        ];
        for place in elsewhere {
            assert_eq!(vault.open(&place, &sealed), Err(Unreadable::Changed), "{place:?}");
        }
    }

    #[test]
    fn a_changed_byte_is_found_and_another_key_is_named() {
        let vault = Vault::new(b"a secret");
        let sealed = vault.seal(&PLACE, [3; 24], b"secret");
        for place in 0..sealed.text.len() {
            let mut changed = sealed.clone();
            changed.text[place] ^= 1;
            assert_eq!(vault.open(&PLACE, &changed), Err(Unreadable::Changed));
        }
        let mut changed = sealed.clone();
        changed.nonce[0] ^= 1;
        assert_eq!(vault.open(&PLACE, &changed), Err(Unreadable::Changed));
        assert_eq!(vault.open(&PLACE, &Sealed { text: vec![], ..sealed.clone() }), Err(Unreadable::Changed));
        assert_eq!(Vault::new(b"another").open(&PLACE, &sealed), Err(Unreadable::OtherKey));
        let forged = Sealed { key_version: Vault::new(b"another").key_version, ..sealed };
        assert_eq!(Vault::new(b"another").open(&PLACE, &forged), Err(Unreadable::Changed));
    }

    #[test]
    fn nothing_of_a_key_or_a_secret_is_printed() {
        let vault = Vault::new(b"a secret");
        let sealed = vault.seal(&PLACE, [3; 24], b"secret");
        assert_eq!(format!("{vault:?} {sealed:?}"), "Vault (sealed)");
    }
}
