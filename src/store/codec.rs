//! A record as bytes: version, payload, checksum. The only user of bincode.
//!
//! ```text
//! version   1 byte
//! payload   bincode 2, standard configuration
//! checksum  4 bytes, CRC-32 (IEEE) big-endian over table, key, version and payload
//! ```
//!
//! Table and key are part of the checksum, so a sound value under a wrong key is caught like a flipped bit. The payload
//! is positional: `flatten`, `untagged`, `skip` and `default` do not work in stored types.

use crate::planted;
use crate::store::engine::TableName;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Which shape the payload has. Serving code knows one; migrations know the older ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version(pub u8);

/// The largest payload in bytes.
pub const PAYLOAD_BYTES: usize = 1024 * 1024;

/// The limit of decoding counts memory, up to 16 bytes for each of the payload's, so that whatever was written can be
/// read. It only keeps a payload that is no such record from claiming gigabytes; damage is found before it.
const DECODED_BYTES: usize = 16 * PAYLOAD_BYTES;

const CHECKSUM: usize = 4;

/// Why stored bytes are not the record they should be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, thiserror::Error)]
pub enum Problem {
    #[error("its checksum does not match")]
    Checksum,
    #[error("it is sound but does not read as such a record")]
    Shape,
    #[error("its key does not read as a key, or is not the record's own")]
    Key,
    #[error("an index points to it, but it is not there")]
    Missing,
    #[error("it was written by a newer version, {}", .0.0)]
    NewerVersion(Version),
    #[error("it was written by an older version, {}", .0.0)]
    OlderVersion(Version),
}

/// The payload is larger than [`PAYLOAD_BYTES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLarge;

/// Panics if the type has no bincode form, which the golden bytes of its table would have shown.
pub fn encode<T: Serialize>(table: TableName, key: &[u8], version: Version, value: &T) -> Result<Vec<u8>, TooLarge> {
    let mut out = Vec::with_capacity(256);
    out.push(version.0);
    bincode::serde::encode_into_std_write(value, &mut out, bincode::config::standard())
        .expect("stored types have a bincode form, and a vector takes every byte");
    if out.len() > 1 + PAYLOAD_BYTES {
        return Err(TooLarge);
    }
    out.extend_from_slice(&checksum(table, key, &out).to_be_bytes());
    Ok(out)
}

pub fn decode<T: DeserializeOwned>(
    table: TableName,
    key: &[u8],
    version: Version,
    stored: &[u8],
) -> Result<T, Problem> {
    let (found, payload) = open(table, key, stored)?;
    if found > version {
        return Err(Problem::NewerVersion(found));
    }
    if found < version {
        return Err(Problem::OlderVersion(found));
    }
    decode_payload(payload)
}

/// Checks the checksum and takes the value apart, whatever its version.
pub fn open<'a>(table: TableName, key: &[u8], stored: &'a [u8]) -> Result<(Version, &'a [u8]), Problem> {
    let (body, sum) = stored.split_last_chunk::<CHECKSUM>().ok_or(Problem::Checksum)?;
    let (version, payload) = body.split_first().ok_or(Problem::Checksum)?;
    if checksum(table, key, body) != u32::from_be_bytes(*sum) && !planted::is("unchecked_records") {
        return Err(Problem::Checksum);
    }
    Ok((Version(*version), payload))
}

/// Reads a payload that [`open`] has found sound; all of it must belong to the value.
pub fn decode_payload<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Problem> {
    let config = bincode::config::standard().with_limit::<DECODED_BYTES>();
    match bincode::serde::decode_from_slice(payload, config) {
        Ok((value, read)) if read == payload.len() => Ok(value),
        _ => Err(Problem::Shape),
    }
}

/// The lengths keep a byte from moving between table, key and value unnoticed.
fn checksum(table: TableName, key: &[u8], body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    for part in [table.0.as_bytes(), key, body] {
        crc.update(&(part.len() as u64).to_be_bytes());
        crc.update(part);
    }
    crc.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: TableName = TableName("things");
    const V2: Version = Version(2);

    fn stored() -> Vec<u8> {
        encode(TABLE, b"key", V2, &("name", 7u32)).expect("small")
    }

    fn read(table: TableName, key: &[u8], version: Version, stored: &[u8]) -> Result<(String, u32), Problem> {
        decode(table, key, version, stored)
    }

    #[test]
    fn a_value_reads_back_under_its_own_key_only() {
        assert_eq!(read(TABLE, b"key", V2, &stored()), Ok(("name".to_owned(), 7)));
        assert_eq!(read(TABLE, b"yek", V2, &stored()), Err(Problem::Checksum));
        assert_eq!(read(TableName("thing"), b"skey", V2, &stored()), Err(Problem::Checksum), "a moved border");
        assert_eq!(crate::store::hex(&stored()), "02046e616d650794426df0", "these bytes are the format");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let sound = stored();
        for bit in 0..sound.len() * 8 {
            let mut damaged = sound.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(TABLE, b"key", V2, &damaged), Err(Problem::Checksum), "bit {bit}");
        }
        for len in 0..sound.len() {
            assert_eq!(read(TABLE, b"key", V2, &sound[..len]), Err(Problem::Checksum), "cut to {len}");
        }
    }

    #[test]
    fn versions_are_told_apart() {
        assert_eq!(read(TABLE, b"key", Version(1), &stored()), Err(Problem::NewerVersion(V2)));
        assert_eq!(read(TABLE, b"key", Version(3), &stored()), Err(Problem::OlderVersion(V2)));
    }

    #[test]
    fn all_of_a_payload_must_belong_to_the_value() {
        assert_eq!(decode::<String>(TABLE, b"key", V2, &stored()), Err(Problem::Shape));
        assert_eq!(decode::<Vec<String>>(TABLE, b"key", V2, &stored()), Err(Problem::Shape));
    }

    #[test]
    fn the_largest_value_that_can_be_written_can_be_read() {
        // One stored byte each that claims eight when read.
        let numbers = vec![1u64; PAYLOAD_BYTES - 5];
        let bytes = encode(TABLE, b"", V2, &numbers).expect("just within the limit");
        assert!(decode::<Vec<u64>>(TABLE, b"", V2, &bytes) == Ok(numbers));
        assert_eq!(encode(TABLE, b"", V2, &vec![1u64; PAYLOAD_BYTES]), Err(TooLarge));
    }
}
