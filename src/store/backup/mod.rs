//! A backup: every record of one committed state, as a stream that restores into any engine.
//!
//! ```text
//! gzip of
//!   "pagerpal backup 1\n"
//!   head     4 bytes of length, then JSON: when, of which history, which tables with version, count and bytes
//!   rows     'R', 1 byte: the table's place in the head, 4 bytes of length and the key, the same with the value
//!   end      'E', SHA-256 of everything before it
//! ```
//!
//! Lengths are big-endian. A value is what the store holds, with its own version and checksum, so it is proven twice: by
//! itself against its table and key, and as part of the whole. Index rows are not in it; they follow from the records
//! ([`rebuild`](crate::store::rebuild)). Neither are web sessions: who has a copy must not be signed in by it, and a
//! restored pager asks for passwords.
//!
//! [`files`] gives backups their names and keeps the newest.

pub mod files;
mod reader;

pub use reader::{Reader, Row, Unusable};

use crate::domain::time::Timestamp;
use crate::store::engine::TableName;
use crate::store::record::Rows;
use crate::store::tx::ReadTx;
use crate::store::verify::{RecordKind, each_row};
use crate::store::{Damage, FORMAT, StoreError, codec, meta, tables};
use flate2::Compression;
use flate2::write::GzEncoder;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

pub const MAGIC: &[u8] = b"pagerpal backup 1\n";

const ROW: u8 = b'R';
const END: u8 = b'E';

/// Tables that stay where they are.
const LEFT_OUT: &[TableName] = &[tables::SESSIONS.name()];

/// What a backup says of itself before its first row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// The format of the store it was taken of: [`FORMAT`] of the program that wrote it.
    pub format: u32,
    pub program: String,
    pub lineage: String,
    /// Seconds since 1970.
    pub taken_at: Timestamp,
    /// The first id not given out yet.
    pub next_id: u64,
    pub tables: Vec<TableHead>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TableHead {
    pub name: String,
    pub version: u8,
    pub records: u64,
    /// Keys and values together.
    pub bytes: u64,
}

impl Head {
    pub fn records(&self) -> u64 {
        self.tables.iter().map(|table| table.records).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.tables.iter().map(|table| table.bytes).sum()
    }
}

/// How far a copy has come, in bytes of keys and values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    pub done: u64,
    pub of: u64,
}

/// Hears how far it is; false ends the copying.
pub type Watch<'a> = dyn FnMut(Progress) -> bool + 'a;

/// A backup that was written to its end.
#[derive(Clone, Debug)]
pub struct Taken {
    pub head: Head,
    /// Records that could not be read and are not in it.
    pub left_out: Vec<Damage>,
}

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the backup cannot be written: {0}")]
    Write(#[from] io::Error),
    #[error("the backup was stopped")]
    Stopped,
}

/// Copies one committed state. What it says about itself goes first, so all rows are looked at twice; a damaged record is
/// left out, and named.
pub fn write(
    read: &ReadTx<'_>,
    kinds: &[RecordKind],
    out: impl Write,
    watch: &mut Watch<'_>,
) -> Result<Taken, BackupError> {
    let kinds: Vec<&RecordKind> = kinds.iter().filter(|kind| !LEFT_OUT.contains(&kind.table)).collect();
    let mut left_out = Vec::new();
    let mut tables = Vec::new();
    for kind in &kinds {
        tables.push(measure(read, kind, &mut left_out)?);
    }
    let snapshot = &*read.snapshot;
    let head = Head {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        lineage: meta::lineage(snapshot)?.unwrap_or_default(),
        taken_at: read.now,
        next_id: meta::next_id(snapshot)?,
        tables,
    };
    let mut out = Summed { out: GzEncoder::new(out, Compression::fast()), sum: Context::new(&SHA256) };
    out.write_all(MAGIC)?;
    let told = serde_json::to_vec(&head).map_err(io::Error::other)?;
    out.sized(&told)?;
    let (mut done, of) = (0, head.bytes());
    for (place, kind) in kinds.iter().enumerate() {
        let place = u8::try_from(place).map_err(io::Error::other)?;
        let mut copied: Result<(), BackupError> = Ok(());
        let scanned = each_row(read, kind.table, |key, stored| {
            if codec::open(kind.table, key, stored).is_ok() {
                done += (key.len() + stored.len()) as u64;
                copied = out.row(place, key, stored).map_err(BackupError::Write);
                if copied.is_ok() && !watch(Progress { done, of }) {
                    copied = Err(BackupError::Stopped);
                }
            }
            // Ends the scan; `copied` is what is told.
            copied.as_ref().copied().map_err(|_| StoreError::Unavailable(String::new()))
        });
        copied?;
        scanned?;
    }
    out.write_all(&[END])?;
    let Summed { mut out, sum } = out;
    out.write_all(sum.finish().as_ref())?;
    out.finish()?.flush()?;
    Ok(Taken { head, left_out })
}

fn measure(read: &ReadTx<'_>, kind: &RecordKind, left_out: &mut Vec<Damage>) -> Result<TableHead, StoreError> {
    let (mut records, mut bytes) = (0, 0);
    each_row(read, kind.table, |key, stored| {
        match codec::open(kind.table, key, stored) {
            Ok(_) => {
                records += 1;
                bytes += (key.len() + stored.len()) as u64;
            }
            Err(problem) => {
                let damage = Damage { table: kind.table, key: key.to_vec(), problem };
                read.health().note_damage(damage.clone());
                left_out.push(damage);
            }
        }
        Ok(())
    })?;
    Ok(TableHead { name: kind.table.0.to_owned(), version: kind.version.0, records, bytes })
}

/// What is written, and the digest of it.
struct Summed<W> {
    out: W,
    sum: Context,
}

impl<W: Write> Summed<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.out.write_all(bytes)
    }

    fn sized(&mut self, bytes: &[u8]) -> io::Result<()> {
        let len = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.write_all(&len.to_be_bytes())?;
        self.write_all(bytes)
    }

    fn row(&mut self, place: u8, key: &[u8], stored: &[u8]) -> io::Result<()> {
        self.write_all(&[ROW, place])?;
        self.sized(key)?;
        self.sized(stored)
    }
}

#[cfg(test)]
mod tests;
